// Sends the telemetry that ../../clients_test.py expects, with OpenTelemetry's own Go SDK:
//
//	main --grpc 127.0.0.1:4317 --http 127.0.0.1:4318 --run NAME --at NANOSECONDS
//
// Once over gRPC as service go-grpc and once over HTTP, in gzip, as go-http. Prints a line of JSON for each:
// the ids that the SDK chose.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/metric"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	scopeName    = "known.telemetry"
	scopeVersion = "1.2.3"
	scopeSchema  = "https://opentelemetry.io/schemas/1.26.0"
)

var at time.Time

func after(nanoseconds int64) time.Time { return at.Add(time.Duration(nanoseconds)) }

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type exporters struct {
	spans   sdktrace.SpanExporter
	logs    sdklog.Exporter
	metrics sdkmetric.Exporter
}

func sendSpans(ctx context.Context, exporter sdktrace.SpanExporter, res *resource.Resource) (trace.SpanContext, trace.SpanContext) {
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	tracer := provider.Tracer(scopeName, trace.WithInstrumentationVersion(scopeVersion), trace.WithSchemaURL(scopeSchema))

	parentCtx, parent := tracer.Start(ctx, "GET /café 𝄞", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(at))
	parent.SetAttributes(
		attribute.String("text", "ü€𝄞\t\"quoted\"\n"), attribute.String("empty", ""),
		attribute.Int64("int", 9007199254740991), attribute.Int64("negative", -42),
		attribute.Float64("double", 0.1), attribute.Bool("bool", true),
		attribute.StringSlice("strings", []string{"a", "b"}), attribute.Int64Slice("ints", []int64{1, -2}),
		attribute.Float64Slice("doubles", []float64{0.5, 2.25}), attribute.BoolSlice("bools", []bool{true, false}))
	parent.AddEvent("cache.miss", trace.WithTimestamp(after(1_000_001)),
		trace.WithAttributes(attribute.String("key", "k1"), attribute.Int("tries", 2)))

	linked := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID:    must(trace.TraceIDFromHex("0af7651916cd43dd8448eb211c80319c")),
		SpanID:     must(trace.SpanIDFromHex("b7ad6b7169203331")),
		TraceFlags: trace.FlagsSampled, TraceState: must(trace.ParseTraceState("vendor=opaque")), Remote: true})
	_, child := tracer.Start(parentCtx, "child", trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(after(10_000_000)),
		trace.WithLinks(trace.Link{SpanContext: linked, Attributes: []attribute.KeyValue{attribute.String("why", "batch")}}))
	child.SetStatus(codes.Error, "no luck")
	child.End(trace.WithTimestamp(after(20_000_001)))
	parent.End(trace.WithTimestamp(after(1_500_000_123)))
	check(provider.Shutdown(ctx))
	return parent.SpanContext(), child.SpanContext()
}

func sendLogs(ctx context.Context, exporter sdklog.Exporter, res *resource.Resource, parent trace.SpanContext) {
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)), sdklog.WithResource(res))
	logger := provider.Logger(scopeName, log.WithInstrumentationVersion(scopeVersion), log.WithSchemaURL(scopeSchema))

	var text log.Record
	text.SetTimestamp(after(2_000_000))
	text.SetObservedTimestamp(after(3_000_000))
	text.SetSeverity(log.SeverityWarn)
	text.SetSeverityText("WARN")
	text.SetBody(attribute.StringValue("disk almost full"))
	text.AddAttributes(attribute.String("path", "/var"), attribute.Int64("free.bytes", 1024))
	logger.Emit(trace.ContextWithSpanContext(ctx, parent), text)

	var structured log.Record
	structured.SetEventName("disk.report")
	structured.SetTimestamp(after(4_000_000))
	structured.SetObservedTimestamp(after(5_000_000))
	structured.SetSeverity(log.SeverityInfo)
	structured.SetSeverityText("INFO")
	structured.SetBody(attribute.MapValue(
		attribute.String("kind", "report"), attribute.Int64("count", 3), attribute.ByteSlice("raw", []byte{0, 255, 16}),
		attribute.Map("nested", attribute.Bool("ok", true)),
		attribute.Slice("list", attribute.Int64Value(1), attribute.StringValue("two"))))
	logger.Emit(ctx, structured)
	check(provider.Shutdown(ctx))
}

func sendMetrics(ctx context.Context, exporter sdkmetric.Exporter, res *resource.Resource) {
	exponential := sdkmetric.NewView(sdkmetric.Instrument{Name: "size"},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter)),
		sdkmetric.WithResource(res), sdkmetric.WithView(exponential))
	meter := provider.Meter(scopeName, metric.WithInstrumentationVersion(scopeVersion), metric.WithSchemaURL(scopeSchema))

	requests := must(meter.Int64Counter("requests", metric.WithUnit("{request}"), metric.WithDescription("Requests served")))
	requests.Add(ctx, 3, metric.WithAttributes(attribute.Int("code", 200)))
	requests.Add(ctx, 4, metric.WithAttributes(attribute.Int("code", 200)))
	requests.Add(ctx, 1, metric.WithAttributes(attribute.Int("code", 500)))
	must(meter.Int64UpDownCounter("in_flight")).Add(ctx, -2)
	must(meter.Float64Gauge("temperature", metric.WithUnit("Cel"))).Record(ctx, 21.5)
	duration := must(meter.Float64Histogram("duration", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(0.1, 1, 10)))
	for _, seconds := range []float64{0.05, 0.5, 0.5, 50} {
		duration.Record(ctx, seconds)
	}
	size := must(meter.Float64Histogram("size", metric.WithUnit("By")))
	for _, bytes := range []float64{1, 2, 4.5} {
		size.Record(ctx, bytes)
	}
	check(provider.Shutdown(ctx))
}

func main() {
	grpc := flag.String("grpc", "", "host:port of OTLP/gRPC")
	http := flag.String("http", "", "host:port of OTLP/HTTP")
	run := flag.String("run", "", "attribute test.run of the resource")
	atNs := flag.Int64("at", 0, "when the telemetry happened, in nanoseconds since 1970")
	flag.Parse()
	at = time.Unix(0, *atNs)
	ctx := context.Background()

	transports := map[string]exporters{
		"go-grpc": {
			must(otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(*grpc), otlptracegrpc.WithInsecure())),
			must(otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(*grpc), otlploggrpc.WithInsecure())),
			must(otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(*grpc), otlpmetricgrpc.WithInsecure())),
		},
		"go-http": {
			must(otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(*http), otlptracehttp.WithInsecure(),
				otlptracehttp.WithCompression(otlptracehttp.GzipCompression))),
			must(otlploghttp.New(ctx, otlploghttp.WithEndpoint(*http), otlploghttp.WithInsecure(),
				otlploghttp.WithCompression(otlploghttp.GzipCompression))),
			must(otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpoint(*http), otlpmetrichttp.WithInsecure(),
				otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression))),
		},
	}
	for service, exporters := range transports {
		res := resource.NewSchemaless(attribute.String("service.name", service), attribute.String("test.run", *run))
		parent, child := sendSpans(ctx, exporters.spans, res)
		sendLogs(ctx, exporters.logs, res, parent)
		sendMetrics(ctx, exporters.metrics, res)
		check(json.NewEncoder(os.Stdout).Encode(map[string]string{"service": service, "trace_id": parent.TraceID().String(),
			"parent_span_id": parent.SpanID().String(), "child_span_id": child.SpanID().String()}))
	}
}
