// OpenTelemetry's JavaScript SDK on Node.js: gRPC, HTTP/protobuf and HTTP/JSON. The contract is in ../README.md.
import { setTimeout as sleep } from "node:timers/promises";

import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const { MATRIX_CASES, MATRIX_COUNT, MATRIX_GRPC, MATRIX_HTTP, MATRIX_PAUSE } = process.env;
const COUNT = Number(MATRIX_COUNT);
const PACKAGES = { grpc: "grpc", "http/protobuf": "proto", "http/json": "http" };
const EXPORTERS = { trace: "OTLPTraceExporter", metrics: "OTLPMetricExporter", logs: "OTLPLogExporter" };
const NEVER = 3_600_000;

async function exporter(protocol, compression, signal) {
  const package_ = await import(`@opentelemetry/exporter-${signal}-otlp-${PACKAGES[protocol]}`);
  const path = signal === "trace" ? "traces" : signal;
  const url = protocol === "grpc" ? `http://${MATRIX_GRPC}` : `${MATRIX_HTTP}/v1/${path}`;
  return new package_[EXPORTERS[signal]]({ url, compression: CompressionAlgorithm[compression.toUpperCase()] });
}

async function client(case_) {
  const [service, protocol, compression] = case_.split(",");
  const resource = defaultResource().merge(resourceFromAttributes({ "service.name": service }));
  const of = (signal) => exporter(protocol, compression, signal);
  const traces = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(await of("trace"))] });
  const logs = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter: await of("logs") })],
  });
  const reader = new PeriodicExportingMetricReader({ exporter: await of("metrics"), exportIntervalMillis: NEVER });
  const metrics = new MeterProvider({ resource, readers: [reader] });
  const meter = metrics.getMeter("matrix");
  const [units, size] = [meter.createCounter("matrix.units"), meter.createHistogram("matrix.size")];
  const providers = [traces, metrics, logs];
  const send = async (first) => {
    for (let seq = first; seq < first + COUNT; seq++) {
      const span = traces.getTracer("matrix").startSpan("unit", { attributes: { "matrix.seq": seq } });
      const context = trace.setSpan(ROOT_CONTEXT, span);
      logs.getLogger("matrix").emit({ body: `line ${seq}`, severityNumber: 9, severityText: "INFO", context });
      span.end();
      units.add(1);
      size.record(seq % 10);
    }
    await Promise.all(providers.map((provider) => provider.forceFlush()));
  };
  return { service, send, shutdown: () => Promise.all(providers.map((provider) => provider.shutdown())) };
}

const clients = await Promise.all(MATRIX_CASES.split(" ").map(client));
for (const each of clients) await each.send(0);
await sleep(Number(MATRIX_PAUSE) * 1000);
for (const each of clients) {
  await each.send(COUNT);
  await each.shutdown();
}
console.log(JSON.stringify(Object.fromEntries(clients.map((each) => [each.service, 2 * COUNT]))));
