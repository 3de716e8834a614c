//! Parcels: axum with axum-prometheus' page. Spans and events of `tracing` go out by OTLP, as tower-http makes them.
use std::{env, time::Duration};

use axum::body::Body;
use axum::extract::{MatchedPath, Path};
use axum::http::{Request, Response, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use axum_prometheus::PrometheusMetricLayer;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, SpanExporter};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::{logs::SdkLoggerProvider, trace::SdkTracerProvider};
use serde_json::{json, Value};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::{field::Empty, info, info_span, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{filter::LevelFilter, prelude::*};

struct Headers<'a>(&'a axum::http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|key| key.as_str()).collect()
    }
}

fn span_of(request: &Request<Body>) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let id = request.headers().get("x-request-id").and_then(|value| value.to_str().ok());
    let span = info_span!(
        "request",
        otel.name = format!("{} {route}", request.method()),
        otel.kind = "server",
        http.request.method = %request.method(),
        http.route = route,
        url.path = request.uri().path(),
        http.response.status_code = Empty,
        request_id = id,
    );
    let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(request.headers())));
    span
}

fn answered(response: &Response<Body>, _took: Duration, span: &Span) {
    span.record("http.response.status_code", response.status().as_u16());
    info!(status = response.status().as_u16(), "answered");
}

async fn parcels() -> Json<Value> {
    info!(found = 2, "parcels listed");
    Json(json!([{"id": "p1"}, {"id": "p2"}]))
}

async fn parcel(Path(id): Path<String>) -> (StatusCode, Json<Value>) {
    info!("parcel looked up");
    let known = id.starts_with('p');
    (if known { StatusCode::OK } else { StatusCode::NOT_FOUND }, Json(json!({"id": id})))
}

async fn dispatch() -> (StatusCode, Json<Value>) {
    tokio::time::sleep(Duration::from_millis(5)).await;
    (StatusCode::ACCEPTED, Json(json!({"queued": true})))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (traces, logs) = std::thread::spawn(exporters).join().expect("exporters")?;
    let spans = tracing_opentelemetry::layer().with_tracer(traces.tracer("parcels"));
    let lines = OpenTelemetryTracingBridge::new(&logs);
    tracing_subscriber::registry().with(LevelFilter::INFO).with(spans).with(lines).init();
    let (metrics, page) = PrometheusMetricLayer::pair();
    let app = Router::new()
        .route("/parcels", get(parcels))
        .route("/parcels/{id}", get(parcel))
        .route("/dispatches", post(dispatch))
        .layer(TraceLayer::new_for_http().make_span_with(span_of).on_response(answered))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .route("/metrics", get(|| async move { page.render() }))
        .route("/healthz", get(|| async { "ok" }))
        .layer(metrics);
    let port: u16 = env::var("PORT")?.parse()?;
    Ok(axum::serve(tokio::net::TcpListener::bind(("127.0.0.1", port)).await?, app).await?)
}

type Providers = (SdkTracerProvider, SdkLoggerProvider);

/// Where OTEL_EXPORTER_OTLP_ENDPOINT says; on a thread of its own, as a blocking client may not start in a runtime.
fn exporters() -> Result<Providers, opentelemetry_otlp::ExporterBuildError> {
    let spans = SpanExporter::builder().with_http().build()?;
    let lines = LogExporter::builder().with_http().build()?;
    let traces = SdkTracerProvider::builder().with_batch_exporter(spans).build();
    Ok((traces, SdkLoggerProvider::builder().with_batch_exporter(lines).build()))
}
