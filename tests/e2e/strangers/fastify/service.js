// Tickets: Fastify and its pino, watched by OpenTelemetry's Node SDK. Everything goes out by OTLP, as OTEL_… says.
const { NodeSDK } = require("@opentelemetry/sdk-node");
const { HttpInstrumentation } = require("@opentelemetry/instrumentation-http");
const { PinoInstrumentation } = require("@opentelemetry/instrumentation-pino");
const { FastifyOtelInstrumentation } = require("@fastify/otel");

const probes = ["/healthz"];
const sdk = new NodeSDK({
  instrumentations: [
    new HttpInstrumentation({ ignoreIncomingRequestHook: (request) => probes.includes(request.url) }),
    new FastifyOtelInstrumentation({ registerOnInitialization: true, ignorePaths: ({ url }) => probes.includes(url) }),
    new PinoInstrumentation(),
  ],
});
sdk.start();

const app = require("fastify")({ logger: { level: "info" } });
const tickets = new Map([["7", "north stand"]]);

app.get("/healthz", { logLevel: "silent" }, async () => ({ ok: true }));
app.get("/tickets", async (request) => {
  request.log.info({ count: tickets.size }, "tickets listed");
  return [...tickets.keys()];
});
app.get("/tickets/:id", async (request, reply) => {
  const place = tickets.get(request.params.id);
  return reply.code(place ? 200 : 404).send({ place });
});
app.post("/tickets", async (_request, reply) => reply.code(201).send({ sold: true }));
app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
process.on("SIGTERM", () => sdk.shutdown().finally(() => process.exit(0)));
