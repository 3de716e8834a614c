// OpenTelemetry's JavaScript SDK in a page: HTTP/protobuf and HTTP/JSON. Bundled; driven by drive.mjs.
import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { OTLPLogExporter as JsonLogs } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPLogExporter as ProtoLogs } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter as JsonMetrics } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtoMetrics } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter as JsonTraces } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoTraces } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, WebTracerProvider } from "@opentelemetry/sdk-trace-web";

const EXPORTERS = {
  "http/json": { traces: JsonTraces, metrics: JsonMetrics, logs: JsonLogs },
  "http/protobuf": { traces: ProtoTraces, metrics: ProtoMetrics, logs: ProtoLogs },
};
const NEVER = 3_600_000;

function client(case_, to, count) {
  const [service, protocol] = case_.split(",");
  const exporter = (signal) => new EXPORTERS[protocol][signal]({ url: `${to}/v1/${signal}` });
  const resource = defaultResource().merge(resourceFromAttributes({ "service.name": service }));
  const traces = new WebTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter("traces"))] });
  const logs = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter: exporter("logs") })],
  });
  const reader = new PeriodicExportingMetricReader({ exporter: exporter("metrics"), exportIntervalMillis: NEVER });
  const metrics = new MeterProvider({ resource, readers: [reader] });
  const meter = metrics.getMeter("matrix");
  const [units, size] = [meter.createCounter("matrix.units"), meter.createHistogram("matrix.size")];
  const providers = [traces, metrics, logs];
  const send = async (first) => {
    for (let seq = first; seq < first + count; seq++) {
      const span = traces.getTracer("matrix").startSpan("unit", { attributes: { "matrix.seq": seq } });
      const context = trace.setSpan(ROOT_CONTEXT, span);
      logs.getLogger("matrix").emit({ body: `line ${seq}`, severityNumber: 9, severityText: "INFO", context });
      span.end();
      units.add(1);
      size.record(seq % 10);
    }
    await Promise.all(providers.map((provider) => provider.forceFlush()));
  };
  return { service, send };
}

globalThis.run = async (cases, to, count, pause) => {
  const clients = cases.map((case_) => client(case_, to, count));
  for (const each of clients) await each.send(0);
  await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
  for (const each of clients) await each.send(count);
  return Object.fromEntries(clients.map((each) => [each.service, 2 * count]));
};
