// OpenTelemetry's Go SDK: gRPC and HTTP/protobuf. The contract is in ../README.md.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	api "go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

type exporters struct {
	traces  sdktrace.SpanExporter
	metrics sdkmetric.Exporter
	logs    sdklog.Exporter
}

type client struct {
	service string
	traces  *sdktrace.TracerProvider
	metrics *sdkmetric.MeterProvider
	logs    *sdklog.LoggerProvider
	units   metric.Int64Counter
	size    metric.Int64Histogram
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func byGRPC(ctx context.Context, compression string) exporters {
	to := os.Getenv("MATRIX_GRPC")
	traces := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(to), otlptracegrpc.WithInsecure()}
	metrics := []otlpmetricgrpc.Option{otlpmetricgrpc.WithEndpoint(to), otlpmetricgrpc.WithInsecure()}
	logs := []otlploggrpc.Option{otlploggrpc.WithEndpoint(to), otlploggrpc.WithInsecure()}
	if compression == "gzip" {
		traces = append(traces, otlptracegrpc.WithCompressor("gzip"))
		metrics = append(metrics, otlpmetricgrpc.WithCompressor("gzip"))
		logs = append(logs, otlploggrpc.WithCompressor("gzip"))
	}
	return exporters{
		must(otlptracegrpc.New(ctx, traces...)),
		must(otlpmetricgrpc.New(ctx, metrics...)),
		must(otlploggrpc.New(ctx, logs...)),
	}
}

func byHTTP(ctx context.Context, compression string) exporters {
	to := os.Getenv("MATRIX_HTTP")
	traces := []otlptracehttp.Option{otlptracehttp.WithEndpointURL(to + "/v1/traces")}
	metrics := []otlpmetrichttp.Option{otlpmetrichttp.WithEndpointURL(to + "/v1/metrics")}
	logs := []otlploghttp.Option{otlploghttp.WithEndpointURL(to + "/v1/logs")}
	if compression == "gzip" {
		traces = append(traces, otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		metrics = append(metrics, otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression))
		logs = append(logs, otlploghttp.WithCompression(otlploghttp.GzipCompression))
	}
	return exporters{
		must(otlptracehttp.New(ctx, traces...)),
		must(otlpmetrichttp.New(ctx, metrics...)),
		must(otlploghttp.New(ctx, logs...)),
	}
}

func newClient(ctx context.Context, item string) *client {
	parts := strings.Split(item, ",")
	service, protocol, compression := parts[0], parts[1], parts[2]
	to := map[string]func(context.Context, string) exporters{"grpc": byGRPC, "http/protobuf": byHTTP}[protocol](ctx, compression)
	name := resource.NewSchemaless(attribute.String("service.name", service))
	of := must(resource.Merge(resource.Default(), name))
	c := &client{
		service: service,
		traces:  sdktrace.NewTracerProvider(sdktrace.WithResource(of), sdktrace.WithBatcher(to.traces)),
		metrics: sdkmetric.NewMeterProvider(
			sdkmetric.WithResource(of),
			sdkmetric.WithReader(sdkmetric.NewPeriodicReader(to.metrics, sdkmetric.WithInterval(time.Hour))),
		),
		logs: sdklog.NewLoggerProvider(
			sdklog.WithResource(of), sdklog.WithProcessor(sdklog.NewBatchProcessor(to.logs)),
		),
	}
	meter := c.metrics.Meter("matrix")
	c.units, c.size = must(meter.Int64Counter("matrix.units")), must(meter.Int64Histogram("matrix.size"))
	return c
}

func (c *client) send(ctx context.Context, first, count int) {
	tracer, logger := c.traces.Tracer("matrix"), c.logs.Logger("matrix")
	for seq := first; seq < first+count; seq++ {
		within, span := tracer.Start(ctx, "unit")
		span.SetAttributes(attribute.Int("matrix.seq", seq))
		var line api.Record
		line.SetTimestamp(time.Now())
		line.SetSeverity(api.SeverityInfo)
		line.SetBody(attribute.StringValue(fmt.Sprintf("line %d", seq)))
		logger.Emit(within, line)
		span.End()
		c.units.Add(ctx, 1)
		c.size.Record(ctx, int64(seq%10))
	}
	check(c.traces.ForceFlush(ctx))
	check(c.metrics.ForceFlush(ctx))
	check(c.logs.ForceFlush(ctx))
}

func main() {
	ctx := context.Background()
	count := must(strconv.Atoi(os.Getenv("MATRIX_COUNT")))
	pause := must(time.ParseDuration(os.Getenv("MATRIX_PAUSE") + "s"))
	sent := map[string]int{}
	var clients []*client
	for _, item := range strings.Fields(os.Getenv("MATRIX_CASES")) {
		clients = append(clients, newClient(ctx, item))
	}
	for _, c := range clients {
		c.send(ctx, 0, count)
	}
	time.Sleep(pause)
	for _, c := range clients {
		c.send(ctx, count, count)
		check(c.traces.Shutdown(ctx))
		check(c.metrics.Shutdown(ctx))
		check(c.logs.Shutdown(ctx))
		sent[c.service] = 2 * count
	}
	fmt.Println(string(must(json.Marshal(sent))))
}
