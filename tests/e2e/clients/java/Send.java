import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.metrics.LongCounter;
import io.opentelemetry.api.metrics.LongHistogram;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.context.Context;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** OpenTelemetry's Java SDK: gRPC and HTTP/protobuf. The contract is in ../README.md. */
public final class Send {
  private static final int COUNT = Integer.parseInt(System.getenv("MATRIX_COUNT"));
  private static final Duration NEVER = Duration.ofHours(1);

  private record Exporters(SpanExporter traces, MetricExporter metrics, LogRecordExporter logs) {}

  private static Exporters byGrpc(String compression) {
    String to = "http://" + System.getenv("MATRIX_GRPC");
    return new Exporters(
        OtlpGrpcSpanExporter.builder().setEndpoint(to).setCompression(compression).build(),
        OtlpGrpcMetricExporter.builder().setEndpoint(to).setCompression(compression).build(),
        OtlpGrpcLogRecordExporter.builder().setEndpoint(to).setCompression(compression).build());
  }

  private static Exporters byHttp(String compression) {
    String to = System.getenv("MATRIX_HTTP") + "/v1/";
    return new Exporters(
        OtlpHttpSpanExporter.builder().setEndpoint(to + "traces").setCompression(compression).build(),
        OtlpHttpMetricExporter.builder().setEndpoint(to + "metrics").setCompression(compression).build(),
        OtlpHttpLogRecordExporter.builder().setEndpoint(to + "logs").setCompression(compression).build());
  }

  private final String service;
  private final SdkTracerProvider traces;
  private final SdkMeterProvider metrics;
  private final SdkLoggerProvider logs;
  private final LongCounter units;
  private final LongHistogram size;

  private Send(String item) {
    String[] parts = item.split(",");
    service = parts[0];
    Exporters to = parts[1].equals("grpc") ? byGrpc(parts[2]) : byHttp(parts[2]);
    Resource of = Resource.getDefault().toBuilder().put("service.name", service).build();
    traces =
        SdkTracerProvider.builder()
            .setResource(of)
            .addSpanProcessor(BatchSpanProcessor.builder(to.traces()).build())
            .build();
    metrics =
        SdkMeterProvider.builder()
            .setResource(of)
            .registerMetricReader(PeriodicMetricReader.builder(to.metrics()).setInterval(NEVER).build())
            .build();
    logs =
        SdkLoggerProvider.builder()
            .setResource(of)
            .addLogRecordProcessor(BatchLogRecordProcessor.builder(to.logs()).build())
            .build();
    Meter meter = metrics.get("matrix");
    units = meter.counterBuilder("matrix.units").build();
    size = meter.histogramBuilder("matrix.size").ofLongs().build();
  }

  private void send(int first) {
    for (int seq = first; seq < first + COUNT; seq++) {
      Span span = traces.get("matrix").spanBuilder("unit").setAttribute("matrix.seq", seq).startSpan();
      logs.get("matrix")
          .logRecordBuilder()
          .setContext(Context.root().with(span))
          .setSeverity(Severity.INFO)
          .setBody("line " + seq)
          .emit();
      span.end();
      units.add(1, Attributes.empty());
      size.record(seq % 10, Attributes.empty());
    }
    done(traces.forceFlush(), metrics.forceFlush(), logs.forceFlush());
  }

  private void shutdown() {
    done(traces.shutdown(), metrics.shutdown(), logs.shutdown());
  }

  private void done(CompletableResultCode... codes) {
    if (!CompletableResultCode.ofAll(Arrays.asList(codes)).join(30, TimeUnit.SECONDS).isSuccess()) {
      throw new IllegalStateException(service + ": a flush failed");
    }
  }

  public static void main(String[] arguments) throws InterruptedException {
    List<Send> clients = Arrays.stream(System.getenv("MATRIX_CASES").split(" ")).map(Send::new).toList();
    clients.forEach(each -> each.send(0));
    Thread.sleep((long) (1000 * Double.parseDouble(System.getenv("MATRIX_PAUSE"))));
    clients.forEach(each -> each.send(COUNT));
    clients.forEach(Send::shutdown);
    System.out.println(
        clients.stream()
            .map(each -> "\"" + each.service + "\": " + 2 * COUNT)
            .collect(Collectors.joining(", ", "{", "}")));
    System.exit(0); // threads of the HTTP clients would keep it for a minute
  }
}
