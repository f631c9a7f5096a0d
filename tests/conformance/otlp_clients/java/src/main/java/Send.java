import static io.opentelemetry.api.common.AttributeKey.booleanArrayKey;
import static io.opentelemetry.api.common.AttributeKey.doubleArrayKey;
import static io.opentelemetry.api.common.AttributeKey.longArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringKey;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.Value;
import io.opentelemetry.api.logs.Logger;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.metrics.LongCounter;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.Aggregation;
import io.opentelemetry.sdk.metrics.InstrumentSelector;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.View;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Sends the telemetry that ../../clients_test.py expects, with OpenTelemetry's own Java SDK:
 *
 * <pre>java Send --grpc 127.0.0.1:4317 --http 127.0.0.1:4318 --run NAME --at NANOSECONDS</pre>
 *
 * Once over gRPC as service java-grpc and once over HTTP, in gzip, as java-http. Prints a line of JSON for each: the ids
 * that the SDK chose.
 */
public final class Send {
  private static final String SCOPE = "known.telemetry";
  private static final String VERSION = "1.2.3";
  private static final String SCHEMA = "https://opentelemetry.io/schemas/1.26.0";

  private final long at;
  private final Resource resource;

  private Send(long at, Resource resource) {
    this.at = at;
    this.resource = resource;
  }

  private SpanContext[] sendSpans(SpanExporter exporter) {
    SdkTracerProvider provider =
        SdkTracerProvider.builder()
            .setResource(resource)
            .addSpanProcessor(BatchSpanProcessor.builder(exporter).build())
            .build();
    Tracer tracer =
        provider.tracerBuilder(SCOPE).setInstrumentationVersion(VERSION).setSchemaUrl(SCHEMA).build();
    Span parent =
        tracer
            .spanBuilder("GET /café 𝄞")
            .setNoParent()
            .setSpanKind(SpanKind.SERVER)
            .setStartTimestamp(at, TimeUnit.NANOSECONDS)
            .startSpan();
    parent.setAttribute("text", "ü€𝄞\t\"quoted\"\n");
    parent.setAttribute("empty", "");
    parent.setAttribute("int", 9007199254740991L);
    parent.setAttribute("negative", -42);
    parent.setAttribute("double", 0.1);
    parent.setAttribute("bool", true);
    parent.setAttribute(stringArrayKey("strings"), List.of("a", "b"));
    parent.setAttribute(longArrayKey("ints"), List.of(1L, -2L));
    parent.setAttribute(doubleArrayKey("doubles"), List.of(0.5, 2.25));
    parent.setAttribute(booleanArrayKey("bools"), List.of(true, false));
    parent.addEvent(
        "cache.miss",
        Attributes.builder().put("key", "k1").put("tries", 2).build(),
        at + 1_000_001,
        TimeUnit.NANOSECONDS);
    SpanContext linked =
        SpanContext.createFromRemoteParent(
            "0af7651916cd43dd8448eb211c80319c",
            "b7ad6b7169203331",
            TraceFlags.getSampled(),
            TraceState.builder().put("vendor", "opaque").build());
    Span child =
        tracer
            .spanBuilder("child")
            .setParent(Context.root().with(parent))
            .setSpanKind(SpanKind.CLIENT)
            .setStartTimestamp(at + 10_000_000, TimeUnit.NANOSECONDS)
            .addLink(linked, Attributes.of(stringKey("why"), "batch"))
            .startSpan();
    child.setStatus(StatusCode.ERROR, "no luck");
    child.end(at + 20_000_001, TimeUnit.NANOSECONDS);
    parent.end(at + 1_500_000_123, TimeUnit.NANOSECONDS);
    provider.shutdown().join(10, TimeUnit.SECONDS);
    return new SpanContext[] {parent.getSpanContext(), child.getSpanContext()};
  }

  private void sendLogs(LogRecordExporter exporter, SpanContext parent) {
    SdkLoggerProvider provider =
        SdkLoggerProvider.builder()
            .setResource(resource)
            .addLogRecordProcessor(BatchLogRecordProcessor.builder(exporter).build())
            .build();
    Logger logger =
        provider.loggerBuilder(SCOPE).setInstrumentationVersion(VERSION).setSchemaUrl(SCHEMA).build();
    logger
        .logRecordBuilder()
        .setContext(Context.root().with(Span.wrap(parent)))
        .setTimestamp(at + 2_000_000, TimeUnit.NANOSECONDS)
        .setObservedTimestamp(at + 3_000_000, TimeUnit.NANOSECONDS)
        .setSeverity(Severity.WARN)
        .setSeverityText("WARN")
        .setBody("disk almost full")
        .setAttribute("path", "/var")
        .setAttribute("free.bytes", 1024)
        .emit();
    logger
        .logRecordBuilder()
        .setContext(Context.root())
        .setEventName("disk.report")
        .setTimestamp(at + 4_000_000, TimeUnit.NANOSECONDS)
        .setObservedTimestamp(at + 5_000_000, TimeUnit.NANOSECONDS)
        .setSeverity(Severity.INFO)
        .setSeverityText("INFO")
        .setBody(
            Value.of(
                Map.of(
                    "kind", Value.of("report"),
                    "count", Value.of(3),
                    "raw", Value.of(new byte[] {0, (byte) 255, 16}),
                    "nested", Value.of(Map.of("ok", Value.of(true))),
                    "list", Value.of(Value.of(1), Value.of("two")))))
        .emit();
    provider.shutdown().join(10, TimeUnit.SECONDS);
  }

  private void sendMetrics(MetricExporter exporter) {
    SdkMeterProvider provider =
        SdkMeterProvider.builder()
            .setResource(resource)
            .registerMetricReader(PeriodicMetricReader.create(exporter))
            .registerView(
                InstrumentSelector.builder().setName("size").build(),
                View.builder().setAggregation(Aggregation.base2ExponentialBucketHistogram()).build())
            .build();
    Meter meter =
        provider.meterBuilder(SCOPE).setInstrumentationVersion(VERSION).setSchemaUrl(SCHEMA).build();
    LongCounter requests =
        meter.counterBuilder("requests").setUnit("{request}").setDescription("Requests served").build();
    requests.add(3, Attributes.builder().put("code", 200).build());
    requests.add(4, Attributes.builder().put("code", 200).build());
    requests.add(1, Attributes.builder().put("code", 500).build());
    meter.upDownCounterBuilder("in_flight").build().add(-2);
    meter.gaugeBuilder("temperature").setUnit("Cel").build().set(21.5);
    var duration =
        meter
            .histogramBuilder("duration")
            .setUnit("s")
            .setExplicitBucketBoundariesAdvice(List.of(0.1, 1.0, 10.0))
            .build();
    for (double seconds : new double[] {0.05, 0.5, 0.5, 50}) {
      duration.record(seconds);
    }
    var size = meter.histogramBuilder("size").setUnit("By").build();
    for (double bytes : new double[] {1, 2, 4.5}) {
      size.record(bytes);
    }
    provider.shutdown().join(10, TimeUnit.SECONDS);
  }

  private void send(SpanExporter spans, LogRecordExporter logs, MetricExporter metrics) {
    SpanContext[] sent = sendSpans(spans);
    sendLogs(logs, sent[0]);
    sendMetrics(metrics);
    System.out.printf(
        "{\"service\": \"%s\", \"trace_id\": \"%s\", \"parent_span_id\": \"%s\", \"child_span_id\": \"%s\"}%n",
        resource.getAttribute(stringKey("service.name")),
        sent[0].getTraceId(),
        sent[0].getSpanId(),
        sent[1].getSpanId());
  }

  public static void main(String[] arguments) {
    Map<String, String> options = new HashMap<>();
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      options.put(arguments[i], arguments[i + 1]);
    }
    long at = Long.parseLong(options.get("--at"));
    String grpc = "http://" + options.get("--grpc");
    new Send(at, resource("java-grpc", options))
        .send(
            OtlpGrpcSpanExporter.builder().setEndpoint(grpc).build(),
            OtlpGrpcLogRecordExporter.builder().setEndpoint(grpc).build(),
            OtlpGrpcMetricExporter.builder().setEndpoint(grpc).build());
    String http = "http://" + options.get("--http") + "/v1/";
    new Send(at, resource("java-http", options))
        .send(
            OtlpHttpSpanExporter.builder().setEndpoint(http + "traces").setCompression("gzip").build(),
            OtlpHttpLogRecordExporter.builder().setEndpoint(http + "logs").setCompression("gzip").build(),
            OtlpHttpMetricExporter.builder().setEndpoint(http + "metrics").setCompression("gzip").build());
  }

  private static Resource resource(String service, Map<String, String> options) {
    return Resource.create(
        Attributes.builder().put("service.name", service).put("test.run", options.get("--run")).build());
  }
}
