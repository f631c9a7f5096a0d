//! The operations of bench/sdk_bench.cc with opentelemetry-rust, measured alike.
//!
//! usage: otel-rust-bench CASE ITERATIONS [THREADS]
//! Prints one JSON object: wall nanoseconds per operation on the recording threads; heap allocations and
//! CPU nanoseconds per operation of the whole process (encoding to OTLP bytes included); bytes encoded,
//! items recorded and items that reached the exporter. Queues are made long enough to drop nothing in a
//! short run: a dropped span is cheap and would flatter the figures.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{mark_span_as_active, Span, SpanKind, Tracer, TracerProvider};
use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{BatchLogProcessor, LogBatch, LogExporter, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use prost::Message;

struct CountingAllocator;
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        System.alloc(layout)
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        System.dealloc(pointer, layout)
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        System.realloc(pointer, layout, size)
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const QUEUE: usize = 1 << 20;
static EXPORTED: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// Encodes each batch as an OTLP request and throws the bytes away.
#[derive(Debug, Default)]
struct EncodingExporter {
    resource: ResourceAttributesWithSchema,
}

impl SpanExporter for EncodingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        EXPORTED.fetch_add(batch.len() as u64, Ordering::Relaxed);
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let request = ExportTraceServiceRequest { resource_spans };
        BYTES.fetch_add(request.encode_to_vec().len() as u64, Ordering::Relaxed);
        Ok(())
    }
    fn set_resource(&mut self, resource: &opentelemetry_sdk::Resource) {
        self.resource = resource.into();
    }
}

impl LogExporter for EncodingExporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        EXPORTED.fetch_add(batch.iter().count() as u64, Ordering::Relaxed);
        let resource_logs = group_logs_by_resource_and_scope(&batch, &self.resource);
        let request = ExportLogsServiceRequest { resource_logs };
        BYTES.fetch_add(request.encode_to_vec().len() as u64, Ordering::Relaxed);
        Ok(())
    }
    fn set_resource(&mut self, resource: &opentelemetry_sdk::Resource) {
        self.resource = resource.into();
    }
}

/// Metrics are measured at the instruments only; what is collected is thrown away.
struct NoMetricExporter;

impl PushMetricExporter for NoMetricExporter {
    async fn export(&self, _metrics: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn process_cpu() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Runs `operation` on `threads` threads, `iterations` times each, then `flush`, and prints the figures.
fn measure(iterations: u64, threads: u64, operation: impl Fn() + Sync, flush: impl FnOnce()) {
    for _ in 0..1000 {
        operation();
    }
    let exported = EXPORTED.load(Ordering::Relaxed);
    let cpu = process_cpu();
    let allocations = ALLOCATIONS.load(Ordering::Relaxed);
    let start = Instant::now();
    if threads == 1 {
        for _ in 0..iterations {
            operation();
        }
    } else {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..iterations {
                        operation();
                    }
                });
            }
        });
    }
    let wall = start.elapsed();
    flush();
    let total = (iterations * threads) as f64;
    println!(
        "{{\"wall_ns\": {:.2}, \"allocations\": {:.3}, \"cpu_ns\": {:.2}, \"bytes\": {}, \"items\": {}, \"exported\": {}}}",
        wall.as_nanos() as f64 / total,
        (ALLOCATIONS.load(Ordering::Relaxed) - allocations) as f64 / total,
        (process_cpu() - cpu).as_nanos() as f64 / total,
        BYTES.load(Ordering::Relaxed),
        iterations * threads,
        EXPORTED.load(Ordering::Relaxed) - exported,
    );
}

fn span_attributes() -> [KeyValue; 5] {
    [
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("url.path", "/fibonacci"),
        KeyValue::new("server.address", "localhost"),
        KeyValue::new("server.port", 8085),
        KeyValue::new("http.response.status_code", 200),
    ]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() < 3 {
        eprintln!("usage: otel-rust-bench CASE ITERATIONS [THREADS]");
        std::process::exit(2);
    }
    let case = arguments[1].as_str();
    let iterations: u64 = arguments[2].parse().expect("ITERATIONS is a number");
    let threads: u64 = arguments
        .get(3)
        .map_or(1, |n| n.parse().expect("THREADS is a number"));

    let sampler = if case.starts_with("unsampled") {
        Sampler::AlwaysOff
    } else {
        Sampler::AlwaysOn
    };
    let tracing = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_span_processor(
            BatchSpanProcessor::builder(EncodingExporter::default())
                .with_batch_config(
                    opentelemetry_sdk::trace::BatchConfigBuilder::default()
                        .with_max_queue_size(QUEUE)
                        .build(),
                )
                .build(),
        )
        .build();
    let tracer = tracing.tracer("bench");
    let flush_traces = || {
        let _ = tracing.force_flush();
    };

    match case {
        "span" | "unsampled_span" => measure(
            iterations,
            threads,
            || {
                let mut span = tracer.start("GET /fibonacci");
                span.end();
            },
            flush_traces,
        ),
        "active_span_5" | "unsampled_active_span_5" => measure(
            iterations,
            threads,
            || {
                let mut span = tracer
                    .span_builder("GET /fibonacci")
                    .with_kind(SpanKind::Server)
                    .start(&tracer);
                for attribute in span_attributes() {
                    span.set_attribute(attribute);
                }
                let _active = mark_span_as_active(span);
            },
            flush_traces,
        ),
        "log_3" => {
            let logging = SdkLoggerProvider::builder()
                .with_log_processor(
                    BatchLogProcessor::builder(EncodingExporter::default())
                        .with_batch_config(
                            opentelemetry_sdk::logs::BatchConfigBuilder::default()
                                .with_max_queue_size(QUEUE)
                                .build(),
                        )
                        .build(),
                )
                .build();
            let logger = logging.logger("bench");
            let _active = mark_span_as_active(tracer.start("GET /fibonacci"));
            measure(
                iterations,
                threads,
                || {
                    let mut record = logger.create_log_record();
                    record.set_severity_number(Severity::Error);
                    record.set_severity_text("ERROR");
                    record.set_body(AnyValue::from("error parsing fibonacci payload"));
                    record.add_attribute("error.type", "Invalid Input");
                    record.add_attribute("url.path", "/fibonacci");
                    record.add_attribute("http.response.status_code", 422);
                    logger.emit(record);
                },
                || {
                    let _ = logging.force_flush();
                },
            )
        }
        "counter" | "counter_3" | "histogram_3" => {
            let metrics = SdkMeterProvider::builder()
                .with_periodic_exporter(NoMetricExporter)
                .build();
            let meter = metrics.meter("bench");
            let counter = meter.u64_counter("requests").build();
            let histogram = meter.f64_histogram("duration").build();
            let none: [KeyValue; 0] = [];
            match case {
                "counter" => measure(iterations, threads, || counter.add(1, &none), || {}),
                "counter_3" => measure(
                    iterations,
                    threads,
                    || {
                        counter.add(
                            1,
                            &[
                                KeyValue::new("http.request.method", "GET"),
                                KeyValue::new("url.path", "/fibonacci"),
                                KeyValue::new("http.response.status_code", 200),
                            ],
                        )
                    },
                    || {},
                ),
                _ => measure(
                    iterations,
                    threads,
                    || {
                        histogram.record(
                            0.25,
                            &[
                                KeyValue::new("http.request.method", "GET"),
                                KeyValue::new("url.path", "/fibonacci"),
                                KeyValue::new("http.response.status_code", 200),
                            ],
                        )
                    },
                    || {},
                ),
            }
        }
        other => {
            eprintln!("unknown case '{other}'");
            std::process::exit(2);
        }
    }
}
