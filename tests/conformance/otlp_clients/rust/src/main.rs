//! Sends the telemetry that ../../clients_test.py expects, with OpenTelemetry's own Rust SDK:
//!
//!     otlp-client --grpc 127.0.0.1:4317 --http 127.0.0.1:4318 --run NAME --at NANOSECONDS
//!
//! Once over gRPC as service rust-grpc and once over HTTP as JSON, in gzip, as rust-http. Prints a line of JSON for
//! each: the ids that the SDK chose.

use std::collections::HashMap;
use std::error::Error;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{
    Link, Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Array, Context, InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_otlp::{
    Compression, LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig,
    WithHttpConfig,
};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::Resource;

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("known.telemetry")
        .with_version("1.2.3")
        .with_schema_url("https://opentelemetry.io/schemas/1.26.0")
        .build()
}

struct Telemetry {
    at: SystemTime,
    resource: Resource,
}

impl Telemetry {
    fn after(&self, nanoseconds: u64) -> SystemTime {
        self.at + Duration::from_nanos(nanoseconds)
    }

    fn send_spans(
        &self,
        exporter: SpanExporter,
    ) -> Result<(SpanContext, SpanContext), Box<dyn Error>> {
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(self.resource.clone())
            .build();
        let tracer = provider.tracer_with_scope(scope());
        let mut parent = tracer
            .span_builder("GET /café 𝄞")
            .with_kind(SpanKind::Server)
            .with_start_time(self.at)
            .start_with_context(&tracer, &Context::new());
        parent.set_attributes([
            KeyValue::new("text", "ü€𝄞\t\"quoted\"\n"),
            KeyValue::new("empty", ""),
            KeyValue::new("int", 9_007_199_254_740_991_i64),
            KeyValue::new("negative", -42_i64),
            KeyValue::new("double", 0.1),
            KeyValue::new("bool", true),
            KeyValue::new(
                "strings",
                Value::Array(Array::String(vec!["a".into(), "b".into()])),
            ),
            KeyValue::new("ints", Value::Array(Array::I64(vec![1, -2]))),
            KeyValue::new("doubles", Value::Array(Array::F64(vec![0.5, 2.25]))),
            KeyValue::new("bools", Value::Array(Array::Bool(vec![true, false]))),
        ]);
        parent.add_event_with_timestamp(
            "cache.miss",
            self.after(1_000_001),
            vec![KeyValue::new("key", "k1"), KeyValue::new("tries", 2_i64)],
        );

        let linked = SpanContext::new(
            TraceId::from_hex("0af7651916cd43dd8448eb211c80319c")?,
            SpanId::from_hex("b7ad6b7169203331")?,
            TraceFlags::SAMPLED,
            true,
            TraceState::from_str("vendor=opaque")?,
        );
        let below = Context::new().with_remote_span_context(parent.span_context().clone());
        let mut child = tracer
            .span_builder("child")
            .with_kind(SpanKind::Client)
            .with_start_time(self.after(10_000_000))
            .with_links(vec![Link::new(
                linked,
                vec![KeyValue::new("why", "batch")],
                0,
            )])
            .start_with_context(&tracer, &below);
        child.set_status(Status::error("no luck"));
        child.end_with_timestamp(self.after(20_000_001));
        parent.end_with_timestamp(self.after(1_500_000_123));
        let contexts = (parent.span_context().clone(), child.span_context().clone());
        provider.shutdown()?;
        Ok(contexts)
    }

    fn send_logs(&self, exporter: LogExporter, parent: &SpanContext) -> Result<(), Box<dyn Error>> {
        let provider = SdkLoggerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(self.resource.clone())
            .build();
        let logger = provider.logger_with_scope(scope());

        let mut text = logger.create_log_record();
        text.set_timestamp(self.after(2_000_000));
        text.set_observed_timestamp(self.after(3_000_000));
        text.set_severity_number(Severity::Warn);
        text.set_severity_text("WARN");
        text.set_body("disk almost full".into());
        text.add_attribute("path", "/var");
        text.add_attribute("free.bytes", 1024_i64);
        text.set_trace_context(
            parent.trace_id(),
            parent.span_id(),
            Some(parent.trace_flags()),
        );
        logger.emit(text);

        let map = |entries: Vec<(&'static str, AnyValue)>| {
            AnyValue::Map(Box::new(
                entries
                    .into_iter()
                    .map(|(key, value)| (Key::new(key), value))
                    .collect::<HashMap<_, _>>(),
            ))
        };
        let mut structured = logger.create_log_record();
        structured.set_event_name("disk.report");
        structured.set_timestamp(self.after(4_000_000));
        structured.set_observed_timestamp(self.after(5_000_000));
        structured.set_severity_number(Severity::Info);
        structured.set_severity_text("INFO");
        structured.set_body(map(vec![
            ("kind", "report".into()),
            ("count", 3_i64.into()),
            ("raw", AnyValue::Bytes(Box::new(vec![0, 255, 16]))),
            ("nested", map(vec![("ok", true.into())])),
            (
                "list",
                AnyValue::ListAny(Box::new(vec![1_i64.into(), "two".into()])),
            ),
        ]));
        logger.emit(structured);
        provider.shutdown()?;
        Ok(())
    }

    fn send_metrics(&self, exporter: MetricExporter) -> Result<(), Box<dyn Error>> {
        let provider = SdkMeterProvider::builder()
            .with_periodic_exporter(exporter)
            .with_resource(self.resource.clone())
            .with_view(|instrument: &Instrument| {
                let exponential = Aggregation::Base2ExponentialHistogram {
                    max_size: 160,
                    max_scale: 20,
                    record_min_max: true,
                };
                (instrument.name() == "size").then(|| {
                    Stream::builder()
                        .with_aggregation(exponential)
                        .build()
                        .expect("a valid stream")
                })
            })
            .build();
        let meter = provider.meter_with_scope(scope());
        let requests = meter
            .u64_counter("requests")
            .with_unit("{request}")
            .with_description("Requests served")
            .build();
        requests.add(3, &[KeyValue::new("code", 200_i64)]);
        requests.add(4, &[KeyValue::new("code", 200_i64)]);
        requests.add(1, &[KeyValue::new("code", 500_i64)]);
        meter.i64_up_down_counter("in_flight").build().add(-2, &[]);
        meter
            .f64_gauge("temperature")
            .with_unit("Cel")
            .build()
            .record(21.5, &[]);
        let duration = meter
            .f64_histogram("duration")
            .with_unit("s")
            .with_boundaries(vec![0.1, 1.0, 10.0])
            .build();
        for seconds in [0.05, 0.5, 0.5, 50.0] {
            duration.record(seconds, &[]);
        }
        let size = meter.f64_histogram("size").with_unit("By").build();
        for bytes in [1.0, 2.0, 4.5] {
            size.record(bytes, &[]);
        }
        provider.shutdown()?;
        Ok(())
    }
}

fn send(
    options: &HashMap<String, String>,
    service: &str,
    spans: SpanExporter,
    logs: LogExporter,
    metrics: MetricExporter,
) -> Result<(), Box<dyn Error>> {
    let telemetry = Telemetry {
        at: SystemTime::UNIX_EPOCH + Duration::from_nanos(options["--at"].parse()?),
        resource: Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", service.to_owned()),
                KeyValue::new("test.run", options["--run"].clone()),
            ])
            .build(),
    };
    let (parent, child) = telemetry.send_spans(spans)?;
    telemetry.send_logs(logs, &parent)?;
    telemetry.send_metrics(metrics)?;
    println!(
        r#"{{"service": "{service}", "trace_id": "{}", "parent_span_id": "{}", "child_span_id": "{}"}}"#,
        parent.trace_id(),
        parent.span_id(),
        child.span_id()
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options: HashMap<String, String> = arguments
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect();

    let runtime = tokio::runtime::Runtime::new()?;
    let grpc = format!("http://{}", options["--grpc"]);
    {
        let _inside = runtime.enter();
        send(
            &options,
            "rust-grpc",
            SpanExporter::builder()
                .with_tonic()
                .with_endpoint(&grpc)
                .build()?,
            LogExporter::builder()
                .with_tonic()
                .with_endpoint(&grpc)
                .build()?,
            MetricExporter::builder()
                .with_tonic()
                .with_endpoint(&grpc)
                .build()?,
        )?;
    }
    let http = |signal: &str| format!("http://{}/v1/{signal}", options["--http"]);
    macro_rules! over_http {
        ($exporter:ident, $signal:literal) => {
            $exporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpJson)
                .with_compression(Compression::Gzip)
                .with_endpoint(http($signal))
                .build()?
        };
    }
    send(
        &options,
        "rust-http",
        over_http!(SpanExporter, "traces"),
        over_http!(LogExporter, "logs"),
        over_http!(MetricExporter, "metrics"),
    )
}
