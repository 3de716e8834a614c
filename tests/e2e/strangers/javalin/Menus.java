import io.javalin.Javalin;
import io.javalin.http.Context;
import io.micrometer.core.instrument.Timer;
import io.micrometer.registry.otlp.OtlpConfig;
import io.micrometer.registry.otlp.OtlpMeterRegistry;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.instrumentation.logback.appender.v1_0.OpenTelemetryAppender;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Menus: Javalin with Micrometer's timers by OTLP, spans by OpenTelemetry's API, and logback. */
public class Menus {
  static final Logger log = LoggerFactory.getLogger(Menus.class);
  static final OtlpMeterRegistry meters = new OtlpMeterRegistry(settings(), io.micrometer.core.instrument.Clock.SYSTEM);

  static OtlpConfig settings() {
    return key -> key.equals("otlp.step") ? "PT1S" : null;
  }

  static final TextMapGetter<Context> HEADERS =
      new TextMapGetter<>() {
        public Iterable<String> keys(Context context) {
          return context.headerMap().keySet();
        }

        public String get(Context context, String name) {
          return context.header(name);
        }
      };

  static void watched(Javalin app, OpenTelemetry telemetry) {
    Tracer tracer = telemetry.getTracer("menus");
    app.before(context -> {
      var above = telemetry.getPropagators().getTextMapPropagator()
          .extract(io.opentelemetry.context.Context.root(), context, HEADERS);
      Span span = tracer.spanBuilder(context.method().name()).setSpanKind(SpanKind.SERVER).setParent(above).startSpan();
      context.attribute("span", span);
      context.attribute("scope", span.makeCurrent());
      context.attribute("timer", Timer.start(meters));
      var id = context.header("X-Request-Id");
      MDC.put("request_id", id == null ? span.getSpanContext().getTraceId() : id);
    });
    app.after(context -> {
      log.info("{} {} answered {}", context.method(), context.path(), context.statusCode());
      Span span = context.attribute("span");
      var route = context.endpointHandlerPath();
      span.updateName(context.method() + " " + route);
      span.setAttribute("http.request.method", context.method().name()).setAttribute("http.route", route)
          .setAttribute("url.path", context.path()).setAttribute("http.response.status_code", context.statusCode());
      Timer.Sample timer = context.attribute("timer");
      timer.stop(Timer.builder("http.server.requests").serviceLevelObjectives(
              Duration.ofMillis(10), Duration.ofMillis(100), Duration.ofMillis(250), Duration.ofSeconds(1))
          .tags("method", context.method().name(), "uri", route, "status", "" + context.statusCode(), "outcome",
              context.statusCode() < 400 ? "SUCCESS" : "CLIENT_ERROR", "exception", "None").register(meters));
      Scope scope = context.attribute("scope");
      scope.close();
      span.end();
      MDC.clear();
    });
  }

  public static void main(String[] arguments) {
    OpenTelemetry telemetry = AutoConfiguredOpenTelemetrySdk.initialize().getOpenTelemetrySdk();
    OpenTelemetryAppender.install(telemetry);
    Javalin app = Javalin.create(config -> config.showJavalinBanner = false);
    watched(app, telemetry);
    app.get("/menus", context -> json(context, 200, "[\"lunch\"]"));
    app.get("/menus/{day}", context -> json(context, 200, "{\"day\":\"" + context.pathParam("day") + "\"}"));
    app.post("/orders", context -> {
      meters.counter("orders.placed").increment();
      json(context, 201, "{\"placed\":true}");
    });
    app.start("127.0.0.1", Integer.parseInt(System.getenv("PORT")));
  }

  static void json(Context context, int status, String body) {
    context.status(status).contentType("application/json").result(body);
  }
}
