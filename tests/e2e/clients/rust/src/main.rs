//! OpenTelemetry's Rust SDK: gRPC, HTTP/protobuf and HTTP/JSON. The contract is in ../../README.md.
use std::{env, error::Error, thread, time::Duration};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::{Counter, Histogram, MeterProvider};
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry::KeyValue;
use opentelemetry_otlp::{
    Compression, LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::Resource;

type Failure = Box<dyn Error>;
const NEVER: Duration = Duration::from_secs(3600);

struct Client {
    service: String,
    traces: SdkTracerProvider,
    metrics: SdkMeterProvider,
    logs: SdkLoggerProvider,
    units: Counter<u64>,
    size: Histogram<u64>,
}

struct Exporters {
    traces: SpanExporter,
    metrics: MetricExporter,
    logs: LogExporter,
}

fn by_grpc(compression: Option<Compression>) -> Result<Exporters, Failure> {
    let to = format!("http://{}", env::var("MATRIX_GRPC")?);
    let mut traces = SpanExporter::builder().with_tonic().with_endpoint(&to);
    let mut metrics = MetricExporter::builder().with_tonic().with_endpoint(&to);
    let mut logs = LogExporter::builder().with_tonic().with_endpoint(&to);
    if let Some(codec) = compression {
        traces = traces.with_compression(codec);
        metrics = metrics.with_compression(codec);
        logs = logs.with_compression(codec);
    }
    Ok(Exporters { traces: traces.build()?, metrics: metrics.build()?, logs: logs.build()? })
}

fn by_http(protocol: Protocol, compression: Option<Compression>) -> Result<Exporters, Failure> {
    let to = env::var("MATRIX_HTTP")?;
    let mut traces =
        SpanExporter::builder().with_http().with_endpoint(format!("{to}/v1/traces")).with_protocol(protocol);
    let mut metrics =
        MetricExporter::builder().with_http().with_endpoint(format!("{to}/v1/metrics")).with_protocol(protocol);
    let mut logs = LogExporter::builder().with_http().with_endpoint(format!("{to}/v1/logs")).with_protocol(protocol);
    if let Some(codec) = compression {
        traces = traces.with_compression(codec);
        metrics = metrics.with_compression(codec);
        logs = logs.with_compression(codec);
    }
    Ok(Exporters { traces: traces.build()?, metrics: metrics.build()?, logs: logs.build()? })
}

fn client(case: &str) -> Result<Client, Failure> {
    let parts: Vec<&str> = case.split(',').collect();
    let compression = (parts[2] == "gzip").then_some(Compression::Gzip);
    let to = match parts[1] {
        "grpc" => by_grpc(compression),
        "http/json" => by_http(Protocol::HttpJson, compression),
        _ => by_http(Protocol::HttpBinary, compression),
    }?;
    let resource = Resource::builder().with_service_name(parts[0].to_string()).build();
    let reader = PeriodicReader::builder(to.metrics).with_interval(NEVER).build();
    let metrics = SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(reader).build();
    let meter = metrics.meter("matrix");
    Ok(Client {
        service: parts[0].to_string(),
        units: meter.u64_counter("matrix.units").build(),
        size: meter.u64_histogram("matrix.size").build(),
        traces: SdkTracerProvider::builder().with_resource(resource.clone()).with_batch_exporter(to.traces).build(),
        logs: SdkLoggerProvider::builder().with_resource(resource).with_batch_exporter(to.logs).build(),
        metrics,
    })
}

impl Client {
    fn send(&self, first: u64, count: u64) -> Result<(), Failure> {
        let (tracer, logger) = (self.traces.tracer("matrix"), self.logs.logger("matrix"));
        for seq in first..first + count {
            let mut span = tracer.start("unit");
            span.set_attribute(KeyValue::new("matrix.seq", seq as i64));
            let mut line = logger.create_log_record();
            line.set_severity_number(Severity::Info);
            line.set_body(AnyValue::from(format!("line {seq}")));
            logger.emit(line);
            span.end();
            self.units.add(1, &[]);
            self.size.record(seq % 10, &[]);
        }
        self.traces.force_flush()?;
        self.metrics.force_flush()?;
        self.logs.force_flush()?;
        Ok(())
    }
}

fn main() -> Result<(), Failure> {
    // Exporters by gRPC run on the runtime in whose context they are made.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let context = runtime.enter();
    let count: u64 = env::var("MATRIX_COUNT")?.parse()?;
    let pause = Duration::from_secs_f64(env::var("MATRIX_PAUSE")?.parse()?);
    let clients = env::var("MATRIX_CASES")?.split(' ').map(client).collect::<Result<Vec<_>, _>>()?;
    drop(context);
    for each in &clients {
        each.send(0, count)?;
    }
    thread::sleep(pause);
    for each in &clients {
        each.send(count, count)?;
        each.traces.shutdown()?;
        each.metrics.shutdown()?;
        each.logs.shutdown()?;
    }
    let sent: Vec<String> = clients.iter().map(|each| format!("\"{}\": {}", each.service, 2 * count)).collect();
    println!("{{{}}}", sent.join(", "));
    Ok(())
}
