"""OpenTelemetry's own message classes read what the server exports, and it is what was sent.

Run by `uv run --with-requirements otlp_clients/requirements.txt`.
"""

import base64
import json
import math
import pathlib
import struct
import sys
import unittest
import urllib.parse
import urllib.request

from google.protobuf import json_format
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from stack import Stack, request  # noqa: E402

NOW = 1_790_000_000_000_000_000
TRACE_ID, SPAN_ID = bytes(range(16)), bytes(range(8, 16))
IDS = ("traceId", "spanId", "parentSpanId")
MESSAGES = {"traces": TracesData, "logs": LogsData, "metrics": MetricsData}


def attributes() -> list[KeyValue]:
    """One of each kind of value, nested ones with each kind inside."""
    values = [AnyValue(), AnyValue(string_value="日本 \"\\\n"), AnyValue(string_value=""), AnyValue(bool_value=False),
              AnyValue(int_value=-2**63), AnyValue(int_value=2**63 - 1), AnyValue(double_value=math.inf),
              AnyValue(double_value=5e-324), AnyValue(double_value=-0.0), AnyValue(double_value=2.0**70),
              AnyValue(bytes_value=b"\x00\xff"), AnyValue(bytes_value=b"")]
    values.append(AnyValue(array_value=ArrayValue(values=values)))
    values.append(AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key=f"k{i}", value=v) for i, v in enumerate(values)])))
    values.append(AnyValue(array_value=ArrayValue()))
    return [KeyValue(key=f"key {i:02}", value=value) for i, value in enumerate(values)]


def place(item: object, scope_item: object) -> None:
    """Fills what stands above the records."""
    item.resource.attributes.extend([*attributes(), KeyValue(key="service.name", value=AnyValue(string_value="shop"))])
    item.resource.dropped_attributes_count = 1
    item.schema_url = "https://example.com/resource"
    scope_item.scope.name, scope_item.scope.version, scope_item.scope.dropped_attributes_count = "scope", "1", 2
    scope_item.scope.attributes.extend(attributes())
    scope_item.schema_url = "https://example.com/scope"


def traces() -> TracesData:
    data = TracesData()
    item = data.resource_spans.add()
    scope = item.scope_spans.add()
    place(item, scope)
    span = scope.spans.add(
        trace_id=TRACE_ID, span_id=SPAN_ID, parent_span_id=SPAN_ID[::-1], trace_state="a=b", flags=0x301, name="GET /",
        start_time_unix_nano=NOW, end_time_unix_nano=NOW + 7, attributes=attributes(), dropped_attributes_count=3,
        dropped_events_count=4, dropped_links_count=5)
    span.kind = 77  # An enumerator of some later version.
    span.status.code, span.status.message = 2, "no luck"
    span.events.add(time_unix_nano=NOW + 1, name="event", attributes=attributes(), dropped_attributes_count=6)
    span.events.add()
    span.links.add(trace_id=TRACE_ID, span_id=SPAN_ID, trace_state="c=d", attributes=attributes(),
                   dropped_attributes_count=7, flags=0x101)
    scope.spans.add(trace_id=TRACE_ID, span_id=SPAN_ID[::-1], start_time_unix_nano=NOW)
    return data


def logs() -> LogsData:
    data = LogsData()
    item = data.resource_logs.add()
    scope = item.scope_logs.add()
    place(item, scope)
    for i, body in enumerate(attributes()):
        record = scope.log_records.add(
            time_unix_nano=NOW + i, observed_time_unix_nano=0 if i % 2 else NOW, severity_text="WARN2", body=body.value,
            attributes=attributes(), dropped_attributes_count=i, flags=1, trace_id=TRACE_ID, span_id=SPAN_ID, event_name="e")
        record.severity_number = 14
        if i == 0:
            record.ClearField("body")  # An empty body is none.
    return data


def metrics() -> MetricsData:
    data = MetricsData()
    item = data.resource_metrics.add()
    scope = item.scope_metrics.add()
    place(item, scope)
    metric = scope.metrics.add

    def point(points: object, **more: object) -> None:
        points.add(start_time_unix_nano=NOW - 5, time_unix_nano=NOW, flags=1, attributes=attributes(), **more)
    exemplars = [{"time_unix_nano": NOW, "as_int": 2**63 - 1, "trace_id": TRACE_ID, "span_id": SPAN_ID,
                  "filtered_attributes": attributes()}, {"time_unix_nano": NOW + 1, "as_double": math.inf}]
    one = metric(name="gauge", unit="By", description="of memory", metadata=attributes())
    point(one.gauge.data_points, as_int=-2**63, exemplars=exemplars)
    one = metric(name="nothing recorded")
    point(one.gauge.data_points)
    for temporality, monotonic in ((1, True), (2, False), (0, True)):
        one = metric(name=f"sum {temporality}")
        one.sum.aggregation_temporality, one.sum.is_monotonic = temporality, monotonic
        point(one.sum.data_points, as_double=-0.0, exemplars=exemplars[:1])
    one = metric(name="histogram")
    one.histogram.aggregation_temporality = 2
    point(one.histogram.data_points, count=2**64 - 1, sum=0, min=-math.inf, bucket_counts=[0, 2**64 - 1],
          explicit_bounds=[0.5], exemplars=exemplars)
    point(one.histogram.data_points, count=1)
    one = metric(name="exponential")
    one.exponential_histogram.aggregation_temporality = 1
    point(one.exponential_histogram.data_points, count=9, sum=1.5, min=0, max=3, scale=-3, zero_count=4,
          zero_threshold=0.25, positive={"offset": -2**31, "bucket_counts": [1, 0, 2**64 - 1]},
          negative={"offset": 7, "bucket_counts": [3]}, exemplars=exemplars)
    one = metric(name="summary")
    point(one.summary.data_points, count=3, sum=-1.5, quantile_values=[{"quantile": 0, "value": -1},
                                                                     {"quantile": 1, "value": math.inf}])
    return data


def from_json(line: str, message: object) -> object:
    """OTLP/JSON has ids in hexadecimal digits, which is what proto3's JSON reader does not know."""
    def with_base64(value: object) -> object:
        if isinstance(value, list):
            return [with_base64(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {key: base64.b64encode(bytes.fromhex(item)).decode() if key in IDS else with_base64(item)
                for key, item in value.items()}
    return json_format.ParseDict(with_base64(json.loads(line)), message)


def records(data: object) -> list[tuple[bytes, ...]]:
    """Each record, or point, with what stands above it: their order is not kept."""
    def encoded(message: object) -> bytes:
        return message.SerializeToString(deterministic=True)
    found = []
    for item in next(iter(data.ListFields()))[1]:
        for scope in (value for field, values in item.ListFields() if field.name.startswith("scope_") for value in values):
            above = (encoded(item.resource), item.schema_url.encode(), encoded(scope.scope), scope.schema_url.encode())
            for record in next(value for field, value in scope.ListFields() if field.is_repeated):
                kind = record.WhichOneof("data") if isinstance(data, MetricsData) else None
                if kind is None:
                    found.append((*above, encoded(record)))
                    continue
                for point in getattr(record, kind).data_points:
                    alone = type(record)()
                    alone.CopyFrom(record)
                    del getattr(alone, kind).data_points[:]
                    getattr(alone, kind).data_points.append(point)
                    found.append((*above, encoded(alone)))
    return sorted(found)


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start_server()
        cls.sent = {"traces": traces(), "logs": logs(), "metrics": metrics()}
        for signal, data in cls.sent.items():
            status, answer = request("POST", f"http://127.0.0.1:{cls.stack.http_port}/v1/{signal}", data.SerializeToString(),
                                     {"content-type": "application/x-protobuf"})
            assert (status, answer) == (200, b""), (signal, status, answer)
        cls.stack.wait_for_rows(span_rows=2, log_rows=len(attributes()), metric_number_rows=5, metric_histogram_rows=2,
                                metric_exponential_histogram_rows=1, metric_summary_rows=1, metric_exemplar_rows=9)

    def page(self, **parameters: object) -> tuple[bytes, str | None]:
        given = {name: value for name, value in {"start": 0, **parameters}.items() if value is not None}
        url = f"{self.stack.ui}/api/v1/export?{urllib.parse.urlencode(given)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read(), answer.headers["signalbox-next-cursor"]

    def pages(self, **parameters: object) -> bytes:
        body, cursor = self.page(**parameters)
        while cursor:
            more, cursor = self.page(**parameters, cursor=cursor)
            body += more
        return body

    def count(self, signal: str, **parameters: object) -> int:
        lines = self.pages(signal=signal, **parameters).decode().splitlines()
        return sum(len(records(from_json(line, MESSAGES[signal]()))) for line in lines)

    def test_of_lines_of_json(self) -> None:
        for signal, sent in self.sent.items():
            for limit in (1, 3, 1000):
                with self.subTest(signal, limit=limit):
                    data = MESSAGES[signal]()
                    for line in self.pages(signal=signal, limit=limit).decode().splitlines():
                        data.MergeFrom(from_json(line, MESSAGES[signal]()))
                    self.assertEqual(records(data), records(sent))

    def test_of_protobuf_behind_its_length(self) -> None:
        for signal, sent in self.sent.items():
            for limit in (1, 1000):
                with self.subTest(signal, limit=limit):
                    data, body = MESSAGES[signal](), self.pages(signal=signal, format="protobuf", limit=limit)
                    while body:
                        size = struct.unpack(">I", body[:4])[0]
                        data.MergeFrom(MESSAGES[signal].FromString(body[4:4 + size]))
                        body = body[4 + size:]
                    self.assertEqual(records(data), records(sent))

    def test_of_a_selection(self) -> None:
        self.assertEqual(self.count("traces", q="name = 'GET /'"), 1)
        self.assertEqual(self.count("traces", service="other"), 0)
        self.assertEqual(self.count("logs", start=NOW, end=NOW + 2), 2)
        self.assertEqual(self.count("logs", trace_id=TRACE_ID.hex()), len(attributes()))
        self.assertEqual(self.count("logs", trace_id="f" * 32), 0)
        self.assertEqual(self.count("metrics", trace_id=TRACE_ID.hex(), q="metric.type = gauge"), 2)
        self.assertEqual(self.count("metrics", q="metric.name = 'sum 1' OR metric.name = summary"), 2)
        self.assertEqual(self.count("metrics", start=NOW + 1), 0)

    def test_of_a_trace_alone_needs_no_time(self) -> None:
        for signal, count in (("traces", 2), ("logs", len(attributes())), ("metrics", 9)):
            self.assertEqual(self.count(signal, start=None, trace_id=TRACE_ID.hex()), count, signal)

    def test_refuses_what_it_does_not_know(self) -> None:
        for query, parameter in (("", "signal"), ("signal=x", "signal"), ("signal=logs&cursor=00", "cursor"),
                                 ("signal=logs&format=xml", "format"), ("signal=logs&limit=0", "limit"),
                                 ("signal=logs&cursor=ff000100000000000000", "cursor"), ("signal=logs&trace_id=7", "trace_id"),
                                 ("signal=logs&q=a+IN", "q"), ("signal=logs&start=5&end=4", "start")):
            with self.subTest(query):
                status, body = request("GET", f"{self.stack.ui}/api/v1/export?{query}")
                answer = json.loads(body)
                self.assertEqual((status, answer["code"], answer["parameter"]), (400, "invalid_argument", parameter), answer)


if __name__ == "__main__":
    unittest.main()
