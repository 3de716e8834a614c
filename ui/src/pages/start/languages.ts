/** What to set so that a program sends its telemetry here, by language. Sources: https://opentelemetry.io/docs/languages/. */

export interface Target {
  /** `http://127.0.0.1:4318` */
  http: string | null;
  /** `http://127.0.0.1:4317` */
  grpc: string | null;
}
export interface Language {
  id: string;
  name: string;
  install: string;
  /** `http/protobuf` or `grpc`: what the language's exporter speaks by itself. */
  protocol: 'http/protobuf' | 'grpc';
  file: string;
  example: string;
  run: string;
}

export const LANGUAGES: readonly Language[] = [
  {
    id: 'python',
    name: 'Python',
    install: 'pip install opentelemetry-distro opentelemetry-exporter-otlp && opentelemetry-bootstrap -a install',
    protocol: 'http/protobuf',
    file: 'app.py',
    example: `from flask import Flask
app = Flask(__name__)
@app.get("/")
def hello():
    return "hello"`,
    run: 'opentelemetry-instrument flask --app app run --port 8080',
  },
  {
    id: 'node',
    name: 'Node',
    install: 'npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node',
    protocol: 'http/protobuf',
    file: 'app.js',
    example: `const http = require('node:http');
http
  .createServer((request, response) => response.end('hello'))
  .listen(8080);
console.log('http://localhost:8080');`,
    run: 'node --require @opentelemetry/auto-instrumentations-node/register app.js',
  },
  {
    id: 'java',
    name: 'Java',
    install: 'curl -LO https://github.com/open-telemetry/opentelemetry-java-instrumentation/releases/latest/download/opentelemetry-javaagent.jar',
    protocol: 'http/protobuf',
    file: 'App.java',
    example: `void main() throws Exception {
  var server = com.sun.net.httpserver.HttpServer.create(new java.net.InetSocketAddress(8080), 0);
  server.createContext("/", call -> { call.sendResponseHeaders(204, -1); call.close(); });
  server.start();
}`,
    run: 'java -javaagent:opentelemetry-javaagent.jar App.java',
  },
  {
    id: 'go',
    name: 'Go',
    install: 'go get go.opentelemetry.io/contrib/exporters/autoexport go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp go.opentelemetry.io/otel/sdk',
    protocol: 'http/protobuf',
    file: 'main.go, in main()',
    example: `exporter, err := autoexport.NewSpanExporter(context.Background())
if err != nil { log.Fatal(err) }
otel.SetTracerProvider(trace.NewTracerProvider(trace.WithBatcher(exporter)))
hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })
log.Fatal(http.ListenAndServe(":8080", otelhttp.NewHandler(hello, "hello")))`,
    run: 'go run .',
  },
  {
    id: 'dotnet',
    name: '.NET',
    install: 'dotnet add package OpenTelemetry.Extensions.Hosting && dotnet add package OpenTelemetry.Instrumentation.AspNetCore && dotnet add package OpenTelemetry.Exporter.OpenTelemetryProtocol',
    protocol: 'grpc',
    file: 'Program.cs',
    example: `var builder = WebApplication.CreateBuilder(args);
builder.Services.AddOpenTelemetry().WithTracing(tracing => tracing.AddAspNetCoreInstrumentation()).UseOtlpExporter();
var app = builder.Build();
app.MapGet("/", () => "hello");
app.Run("http://localhost:8080");`,
    run: 'dotnet run',
  },
];

/** The environment that every SDK of OpenTelemetry reads; of the protocol that is served. Empty where nothing receives. */
export function environment(language: Language, target: Target, service: string): string {
  const preferred = language.protocol === 'grpc' ? target.grpc : target.http;
  const url = preferred ?? target.http ?? target.grpc;
  if (url === null) return '';
  const protocol = url === target.http ? 'http/protobuf' : 'grpc';
  const lines = [
    `OTEL_SERVICE_NAME=${service}`,
    `OTEL_EXPORTER_OTLP_ENDPOINT=${url}`,
    `OTEL_EXPORTER_OTLP_PROTOCOL=${protocol}`,
    // The automatic instrumentation of some languages sends traces alone unless told.
    ...(language.id === 'go' ? [] : ['OTEL_LOGS_EXPORTER=otlp', 'OTEL_METRICS_EXPORTER=otlp']),
    ...(language.id === 'python' ? ['OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true'] : []),
  ];
  return lines.map((line) => `export ${line}`).join('\n');
}
