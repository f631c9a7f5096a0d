/**
 * Sends the telemetry that ../../clients_test.py expects, with OpenTelemetry's own JavaScript SDK:
 *
 *     node send.js --grpc 127.0.0.1:4317 --http 127.0.0.1:4318 --run NAME --at NANOSECONDS
 *
 * Once over gRPC as service javascript-grpc and once over HTTP as JSON, in gzip, as javascript-http. Prints a line of
 * JSON for each: the ids that the SDK chose.
 */
import { parseArgs } from 'node:util'
import { createTraceState, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import { SeverityNumber } from '@opentelemetry/api-logs'
import { OTLPLogExporter as GrpcLogs } from '@opentelemetry/exporter-logs-otlp-grpc'
import { OTLPLogExporter as HttpLogs } from '@opentelemetry/exporter-logs-otlp-http'
import { OTLPMetricExporter as GrpcMetrics } from '@opentelemetry/exporter-metrics-otlp-grpc'
import { OTLPMetricExporter as HttpMetrics } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPTraceExporter as GrpcSpans } from '@opentelemetry/exporter-trace-otlp-grpc'
import { OTLPTraceExporter as HttpSpans } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'

const SCOPE = ['known.telemetry', '1.2.3', { schemaUrl: 'https://opentelemetry.io/schemas/1.26.0' }]
const { values: options } = parseArgs({
  options: { grpc: { type: 'string' }, http: { type: 'string' }, run: { type: 'string' }, at: { type: 'string' } },
})

/** [seconds, nanoseconds] */
function after(nanoseconds) {
  const time = BigInt(options.at) + BigInt(nanoseconds)
  return [Number(time / 1_000_000_000n), Number(time % 1_000_000_000n)]
}

async function sendSpans(exporter, resource) {
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] })
  const tracer = provider.getTracer(...SCOPE)
  const parent = tracer.startSpan(
    'GET /café 𝄞',
    {
      kind: SpanKind.SERVER,
      startTime: after(0),
      attributes: {
        text: 'ü€𝄞\t"quoted"\n',
        empty: '',
        int: Number.MAX_SAFE_INTEGER,
        negative: -42,
        double: 0.1,
        bool: true,
        strings: ['a', 'b'],
        ints: [1, -2],
        doubles: [0.5, 2.25],
        bools: [true, false],
      },
    },
    ROOT_CONTEXT,
  )
  parent.addEvent('cache.miss', { key: 'k1', tries: 2 }, after(1_000_001))
  const linked = {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    traceFlags: TraceFlags.SAMPLED,
    traceState: createTraceState('vendor=opaque'),
    isRemote: true,
  }
  const child = tracer.startSpan(
    'child',
    {
      kind: SpanKind.CLIENT,
      startTime: after(10_000_000),
      links: [{ context: linked, attributes: { why: 'batch' } }],
    },
    trace.setSpan(ROOT_CONTEXT, parent),
  )
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'no luck' })
  child.end(after(20_000_001))
  parent.end(after(1_500_000_123))
  await provider.shutdown()
  return { parent, child: child.spanContext() }
}

async function sendLogs(exporter, resource, parent) {
  const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] })
  const logger = provider.getLogger(...SCOPE)
  logger.emit({
    timestamp: after(2_000_000),
    observedTimestamp: after(3_000_000),
    severityNumber: SeverityNumber.WARN,
    severityText: 'WARN',
    body: 'disk almost full',
    attributes: { path: '/var', 'free.bytes': 1024 },
    context: trace.setSpan(ROOT_CONTEXT, parent),
  })
  logger.emit({
    eventName: 'disk.report',
    timestamp: after(4_000_000),
    observedTimestamp: after(5_000_000),
    severityNumber: SeverityNumber.INFO,
    severityText: 'INFO',
    body: { kind: 'report', count: 3, raw: new Uint8Array([0, 255, 16]), nested: { ok: true }, list: [1, 'two'] },
    context: ROOT_CONTEXT,
  })
  await provider.shutdown()
}

async function sendMetrics(exporter, resource) {
  const provider = new MeterProvider({
    resource,
    readers: [new PeriodicExportingMetricReader({ exporter })],
    views: [{ instrumentName: 'size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  })
  const meter = provider.getMeter(...SCOPE)
  const requests = meter.createCounter('requests', {
    unit: '{request}',
    description: 'Requests served',
    valueType: 0,
  })
  requests.add(3, { code: 200 })
  requests.add(4, { code: 200 })
  requests.add(1, { code: 500 })
  meter.createUpDownCounter('in_flight', { valueType: 0 }).add(-2)
  meter.createGauge('temperature', { unit: 'Cel' }).record(21.5)
  const duration = meter.createHistogram('duration', { unit: 's', advice: { explicitBucketBoundaries: [0.1, 1, 10] } })
  for (const seconds of [0.05, 0.5, 0.5, 50]) duration.record(seconds)
  const size = meter.createHistogram('size', { unit: 'By' })
  for (const bytes of [1, 2, 4.5]) size.record(bytes)
  await provider.shutdown()
}

const grpc = { url: `http://${options.grpc}` }
const http = (signal) => ({ url: `http://${options.http}/v1/${signal}`, compression: 'gzip' })
const transports = {
  'javascript-grpc': [new GrpcSpans(grpc), new GrpcLogs(grpc), new GrpcMetrics(grpc)],
  'javascript-http': [new HttpSpans(http('traces')), new HttpLogs(http('logs')), new HttpMetrics(http('metrics'))],
}
for (const [service, [spans, logs, metrics]] of Object.entries(transports)) {
  const resource = resourceFromAttributes({ 'service.name': service, 'test.run': options.run })
  const { parent, child } = await sendSpans(spans, resource)
  await sendLogs(logs, resource, parent)
  await sendMetrics(metrics, resource)
  const { traceId, spanId } = parent.spanContext()
  console.log(JSON.stringify({ service, trace_id: traceId, parent_span_id: spanId, child_span_id: child.spanId }))
}
