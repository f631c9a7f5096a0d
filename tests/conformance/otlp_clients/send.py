"""Sends traces, metrics and logs to a server with OpenTelemetry's own Python SDK.

    pip install -r requirements.txt
    python send.py --grpc 127.0.0.1:4317 --http 127.0.0.1:4318

Every exporter (gRPC and HTTP/protobuf, with and without gzip) exports every signal; JSON and the
faulty requests are sent by hand. Exits with 1 if any answer differs from what OTLP says.
"""

import argparse
import gzip
import json
import sys
import uuid

import grpc
import requests
from google.protobuf import json_format
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult

FAILURES = []


def check(what, condition, detail=""):
    print(("ok    " if condition else "FAIL  ") + what + (f": {detail}" if not condition else ""))
    if not condition:
        FAILURES.append(what)


class Recorded:
    """Wraps an exporter and keeps the results of its exports."""

    def __init__(self, exporter):
        self._exporter = exporter
        self.results = []

    def __getattr__(self, name):
        return getattr(self._exporter, name)

    def export(self, *args, **kwargs):
        result = self._exporter.export(*args, **kwargs)
        self.results.append(result)
        return result


def resource(run, transport):
    return Resource.create({"service.name": f"python-{transport}", "test.run": run, "service.version": "1"})


def send_traces(exporter, run, transport):
    recorded = Recorded(exporter)
    provider = TracerProvider(resource=resource(run, transport))
    provider.add_span_processor(SimpleSpanProcessor(recorded))
    tracer = provider.get_tracer("send.py", "1.0", schema_url="https://opentelemetry.io/schemas/1.26.0")
    with tracer.start_as_current_span("parent", kind=trace.SpanKind.SERVER) as parent:
        parent.set_attribute("http.response.status_code", 200)
        parent.set_attribute("ratio", 0.25)
        parent.set_attribute("cached", True)
        parent.set_attribute("tags", ["a", "b"])
        parent.add_event("cache.miss", {"key": "k1"})
        with tracer.start_as_current_span("child", links=[trace.Link(parent.get_span_context())]) as child:
            child.set_status(trace.Status(trace.StatusCode.ERROR, "no luck"))
    provider.shutdown()
    check(f"{transport}: spans", recorded.results == [SpanExportResult.SUCCESS] * 2, recorded.results)


def send_metrics(exporter, run, transport):
    recorded = Recorded(exporter)
    reader = PeriodicExportingMetricReader(recorded, export_interval_millis=3_600_000)
    provider = MeterProvider(resource=resource(run, transport), metric_readers=[reader])
    meter = provider.get_meter("send.py", "1.0")
    meter.create_counter("requests", unit="1").add(3, {"route": "/"})
    meter.create_up_down_counter("in_flight").add(-2)
    meter.create_histogram("duration", unit="s").record(0.125, {"route": "/"})
    meter.create_gauge("temperature").set(21.5)
    provider.force_flush()
    provider.shutdown()
    check(
        f"{transport}: metrics",
        bool(recorded.results) and set(recorded.results) == {MetricExportResult.SUCCESS},
        recorded.results,
    )


def send_logs(exporter, run, transport):
    recorded = Recorded(exporter)
    provider = LoggerProvider(resource=resource(run, transport))
    provider.add_log_record_processor(BatchLogRecordProcessor(recorded))
    logger = provider.get_logger("send.py")
    for body in ("plain text", {"nested": {"list": [1, "two", 3.0]}}):
        logger.emit(
            body=body,
            severity_number=SeverityNumber.WARN,
            severity_text="WARN",
            attributes={"user.id": "u-1"},
        )
    provider.force_flush()
    provider.shutdown()
    names = {result.name for result in recorded.results}
    check(f"{transport}: logs", names == {"SUCCESS"}, names)


def trace_request(run, span_id=b"\x01" * 8):
    request = trace_service_pb2.ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    for key, value in (("service.name", "by-hand"), ("test.run", run)):
        attribute = resource_spans.resource.attributes.add()
        attribute.key = key
        attribute.value.string_value = value
    span = resource_spans.scope_spans.add().spans.add()
    span.trace_id = uuid.uuid4().bytes
    span.span_id = span_id
    span.name = "by hand"
    span.start_time_unix_nano = 1
    span.end_time_unix_nano = 2
    return request


def json_text(request):
    """OTLP/JSON differs from protobuf's JSON: ids are hexadecimal, enumerators are numbers."""
    message = json_format.MessageToDict(request, use_integers_for_enums=True)
    for resource_spans in message["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            for span, original in zip(
                scope_spans["spans"], request.resource_spans[0].scope_spans[0].spans
            ):
                span["traceId"] = original.trace_id.hex()
                span["spanId"] = original.span_id.hex()
    return json.dumps(message)


def http_by_hand(url, run):
    good = trace_request(run)
    protobuf = {"content-type": "application/x-protobuf", "signoz-ingestion-key": "any"}
    as_json = {"content-type": "application/json; charset=utf-8"}

    answer = requests.post(f"{url}/v1/traces", data=json_text(good), headers=as_json)
    check("http: JSON", answer.status_code == 200 and answer.json() == {}, answer.text)
    packed = gzip.compress(json_text(good).encode())
    answer = requests.post(
        f"{url}/v1/traces", data=packed, headers={**as_json, "content-encoding": "gzip"}
    )
    check("http: JSON, gzip", answer.status_code == 200, answer.text)
    answer = requests.post(f"{url}/v1/traces", data=b"", headers=protobuf)
    check("http: an empty request", (answer.status_code, answer.content) == (200, b""))

    answer = requests.post(
        f"{url}/v1/traces", data=trace_request(run, b"\1").SerializeToString(), headers=protobuf
    )
    response = trace_service_pb2.ExportTraceServiceResponse.FromString(answer.content)
    check(
        "http: partial success",
        answer.status_code == 200 and response.partial_success.rejected_spans == 1,
        response,
    )
    for what, expected, call in (
        ("malformed protobuf", 400, dict(data=b"\x0a\x7f", headers=protobuf)),
        ("malformed JSON", 400, dict(data=b"{", headers=as_json)),
        ("damaged gzip", 400, dict(data=b"x", headers={**protobuf, "content-encoding": "gzip"})),
        ("unknown content type", 415, dict(data=b"", headers={"content-type": "text/plain"})),
        ("unknown encoding", 415, dict(data=b"", headers={**protobuf, "content-encoding": "br"})),
    ):
        answer = requests.post(f"{url}/v1/traces", **call)
        check(f"http: {what} is {expected}", answer.status_code == expected, answer.status_code)
    answer = requests.post(f"{url}/v1/nothing", data=b"", headers=protobuf)
    check("http: unknown path is 404", answer.status_code == 404, answer.status_code)
    answer = requests.get(f"{url}/v1/traces")
    check(
        "http: GET is 405",
        answer.status_code == 405 and answer.headers.get("allow") == "POST",
        answer.status_code,
    )


def grpc_by_hand(target, run):
    with grpc.insecure_channel(target) as channel:
        stub = trace_service_pb2_grpc.TraceServiceStub(channel)
        response = stub.Export(trace_request(run), metadata=[("signoz-ingestion-key", "any")])
        check("grpc: full success", not response.HasField("partial_success"), response)
        response = stub.Export(trace_request(run, b"\1"))
        check("grpc: partial success", response.partial_success.rejected_spans == 1, response)

        pending = [stub.Export.future(trace_request(run)) for _ in range(500)]
        failed = sum(1 for call in pending if call.exception() is not None)
        check("grpc: 500 calls at once", failed == 0, f"{failed} failed")

        for what, method, body, expected in (
            ("malformed", "opentelemetry.proto.collector.trace.v1.TraceService/Export", b"\x0a\x7f",
             grpc.StatusCode.INVALID_ARGUMENT),
            ("unknown method", "some.Service/Call", b"", grpc.StatusCode.UNIMPLEMENTED),
        ):
            call = channel.unary_unary(f"/{method}")
            try:
                call(body)
                code = None
            except grpc.RpcError as error:
                code = error.code()
            check(f"grpc: {what} is {expected.name}", code == expected, code)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grpc", required=True, metavar="HOST:PORT")
    parser.add_argument("--http", required=True, metavar="HOST:PORT")
    parser.add_argument("--run", default=uuid.uuid4().hex, help="value of the attribute test.run")
    options = parser.parse_args()
    url = f"http://{options.http}"
    print(f"test.run = {options.run}")

    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        transport = "grpc" if compression == grpc.Compression.NoCompression else "grpc-gzip"
        common = dict(endpoint=options.grpc, insecure=True, compression=compression, timeout=10)
        send_traces(GrpcSpans(**common), options.run, transport)
        send_metrics(GrpcMetrics(**common), options.run, transport)
        send_logs(GrpcLogs(**common), options.run, transport)
    for compression in (Compression.NoCompression, Compression.Gzip):
        transport = "http" if compression == Compression.NoCompression else "http-gzip"
        common = dict(compression=compression, timeout=10)
        send_traces(HttpSpans(endpoint=f"{url}/v1/traces", **common), options.run, transport)
        send_metrics(HttpMetrics(endpoint=f"{url}/v1/metrics", **common), options.run, transport)
        send_logs(HttpLogs(endpoint=f"{url}/v1/logs", **common), options.run, transport)
    http_by_hand(url, options.run)
    grpc_by_hand(options.grpc, options.run)

    print(f"{len(FAILURES)} failures")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
