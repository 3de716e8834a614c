// Rooms: chi, watched by otelhttp. Metrics are a page of client_golang; slog's lines go out by OTLP, as do the spans.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log/global"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

var (
	took = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Time to answer.", Buckets: prometheus.DefBuckets,
	}, []string{"code", "method", "route"})
	inFlight = promauto.NewGauge(prometheus.GaugeOpts{Name: "http_requests_in_flight", Help: "Requests under way."})
	booked   = promauto.NewCounter(prometheus.CounterOpts{Name: "rooms_booked_total", Help: "Rooms that were booked."})
)

// measured times every request under the pattern that chi found for it, and logs it.
func measured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inFlight.Inc()
		defer inFlight.Dec()
		began, answer := time.Now(), middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(answer, r)
		seconds, pattern := time.Since(began).Seconds(), chi.RouteContext(r.Context()).RoutePattern()
		took.WithLabelValues(strconv.Itoa(answer.Status()), r.Method, pattern).Observe(seconds)
		slog.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", answer.Status(),
			"took", seconds, "request_id", middleware.GetReqID(r.Context()))
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func rooms(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, []string{"blue", "green"}) }

func room(w http.ResponseWriter, r *http.Request) {
	if chi.URLParam(r, "name") == "blue" {
		answer(w, http.StatusOK, map[string]string{"name": "blue"})
		return
	}
	answer(w, http.StatusNotFound, map[string]string{"error": "no such room"})
}

func book(w http.ResponseWriter, _ *http.Request) {
	booked.Inc()
	answer(w, http.StatusCreated, map[string]bool{"booked": true})
}

func telemetry(ctx context.Context) error {
	spans, err := otlptracehttp.New(ctx)
	if err != nil {
		return err
	}
	lines, err := otlploghttp.New(ctx)
	if err != nil {
		return err
	}
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans, sdktrace.WithBatchTimeout(time.Second))))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	global.SetLoggerProvider(sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(lines))))
	slog.SetDefault(otelslog.NewLogger("rooms"))
	return nil
}

func main() {
	if err := telemetry(context.Background()); err != nil {
		panic(err)
	}
	router := chi.NewRouter()
	router.Handle("/metrics", promhttp.Handler())
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	router.Group(func(r chi.Router) {
		r.Use(otelhttp.NewMiddleware("http.request"), middleware.RequestID, measured)
		r.Get("/rooms", rooms)
		r.Get("/rooms/{name}", room)
		r.Post("/bookings", book)
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), router))
}
