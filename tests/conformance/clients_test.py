"""What OpenTelemetry's own SDKs of other languages send is stored and shown as it was sent.

The clients below otlp_clients/ in Go, Java, JavaScript and Rust send the same telemetry, which is written down here
once more, as OTLP's JSON; tools/install.sh has built them.
"""

import base64
import json
import math
import pathlib
import subprocess
import sys
import time
import unittest
import urllib.parse
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CLIENTS = pathlib.Path(__file__).resolve().parent / "otlp_clients"
BUILT = ROOT / "build" / "deps" / "clients"
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from stack import Stack, attributes_of, wait_until  # noqa: E402
from tour import UV  # noqa: E402

TRANSPORTS = ("grpc", "http")
SAMPLED = 1
HAS_IS_REMOTE, IS_REMOTE = 0x100, 0x200  # Of a span's flags, and a link's.
RANDOM_TRACE_ID = 2  # Java's SDK says so.


def value(of: object) -> dict:
    """OTLP's AnyValue in JSON; of a dict, its keys in the alphabet's order."""
    match of:
        case bool():
            return {"boolValue": of}
        case int():
            return {"intValue": str(of)}
        case float():
            return {"doubleValue": of}
        case str():
            return {"stringValue": of}
        case bytes():
            return {"bytesValue": base64.b64encode(of).decode()}
        case list():
            return {"arrayValue": {"values": [value(each) for each in of]}}
        case dict():
            return {"kvlistValue": {"values": attributes(of)}}
    raise TypeError(of)


def attributes(of: dict) -> list[dict]:
    return [{"key": key, "value": value(of[key])} for key in sorted(of)]


def in_order(message: object) -> object:
    """With each list of keys and values in the order of its keys: maps have none."""
    if isinstance(message, dict):
        return {name: in_order(part) for name, part in message.items()}
    if isinstance(message, list):
        parts = [in_order(part) for part in message]
        return sorted(parts, key=lambda part: part["key"]) if parts and isinstance(parts[0], dict) and "key" in parts[0] else parts
    return message


def known_spans(at: int, ids: dict[str, str], link_state: str) -> list[dict]:
    link = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "traceState": link_state,
            "attributes": attributes({"why": "batch"}), "flags": HAS_IS_REMOTE | IS_REMOTE | SAMPLED}
    return [
        {"traceId": ids["trace_id"], "spanId": ids["parent_span_id"], "name": "GET /café 𝄞", "kind": 2,
         "startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 1_500_000_123),
         "attributes": attributes({
             "text": "ü€𝄞\t\"quoted\"\n", "empty": "", "int": 9007199254740991, "negative": -42, "double": 0.1, "bool": True,
             "strings": ["a", "b"], "ints": [1, -2], "doubles": [0.5, 2.25], "bools": [True, False]}),
         "events": [{"timeUnixNano": str(at + 1_000_001), "name": "cache.miss",
                     "attributes": attributes({"key": "k1", "tries": 2})}],
         "flags": HAS_IS_REMOTE | SAMPLED},
        {"traceId": ids["trace_id"], "spanId": ids["child_span_id"], "parentSpanId": ids["parent_span_id"], "name": "child",
         "kind": 3, "startTimeUnixNano": str(at + 10_000_000), "endTimeUnixNano": str(at + 20_000_001),
         "links": [{name: part for name, part in link.items() if part}], "status": {"message": "no luck", "code": 2},
         "flags": HAS_IS_REMOTE | SAMPLED},
    ]


def known_logs(at: int, ids: dict[str, str]) -> list[dict]:
    return [
        {"timeUnixNano": str(at + 2_000_000), "observedTimeUnixNano": str(at + 3_000_000), "severityNumber": 13,
         "severityText": "WARN", "body": value("disk almost full"),
         "attributes": attributes({"free.bytes": 1024, "path": "/var"}), "flags": SAMPLED, "traceId": ids["trace_id"],
         "spanId": ids["parent_span_id"]},
        {"timeUnixNano": str(at + 4_000_000), "observedTimeUnixNano": str(at + 5_000_000), "severityNumber": 9,
         "severityText": "INFO", "eventName": "disk.report",
         "body": value({"kind": "report", "count": 3, "raw": b"\0\xff\x10", "nested": {"ok": True}, "list": [1, "two"]})},
    ]


CUMULATIVE = 2
KNOWN_METRICS = {
    "requests": {"description": "Requests served", "unit": "{request}", "sum": {
        "aggregationTemporality": CUMULATIVE, "isMonotonic": True, "dataPoints": [
            {"asInt": "1", "attributes": attributes({"code": 500})}, {"asInt": "7", "attributes": attributes({"code": 200})}]}},
    "in_flight": {"sum": {"aggregationTemporality": CUMULATIVE, "dataPoints": [{"asInt": "-2"}]}},
    "temperature": {"unit": "Cel", "gauge": {"dataPoints": [{"asDouble": 21.5}]}},
    "duration": {"unit": "s", "histogram": {"aggregationTemporality": CUMULATIVE, "dataPoints": [
        {"count": "4", "sum": 51.05, "min": 0.05, "max": 50, "explicitBounds": [0.1, 1, 10],
         "bucketCounts": ["1", "2", "0", "1"]}]}},
    "size": {"unit": "By", "exponentialHistogram": {"aggregationTemporality": CUMULATIVE, "dataPoints": [
        {"count": "3", "sum": 7.5, "min": 1, "max": 4.5}]}},
}
SIZES = (1, 2, 4.5)


class Exported:
    """What the server exports of one service, without what differs from run to run."""

    def __init__(self, stack: Stack, service: str, start: int, end: int) -> None:
        self.stack, self.window = stack, {"service": service, "start": start, "end": end}

    def messages(self, signal: str) -> list[dict]:
        lines, cursor = [], {}
        while cursor is not None:
            query = urllib.parse.urlencode({"signal": signal, **self.window, **cursor})
            with urllib.request.urlopen(f"{self.stack.ui}/api/v1/export?{query}", timeout=30) as answer:
                lines += answer.read().decode().splitlines()
                cursor = {"cursor": answer.headers[name]} if (name := "signalbox-next-cursor") in answer.headers else None
        return [in_order(json.loads(line)) for line in lines]

    def records(self, signal: str, resources: str, scopes: str, records: str) -> list[tuple[dict, dict, dict]]:
        """(resource, scope with its schema's URL, record)"""
        return [(resource["resource"], {**scope["scope"], "schemaUrl": scope["schemaUrl"]}, record)
                for message in self.messages(signal) for resource in message[resources] for scope in resource[scopes]
                for record in scope[records]]

    def spans(self) -> list[tuple[dict, dict, dict]]:
        return self.records("traces", "resourceSpans", "scopeSpans", "spans")

    def logs(self) -> list[tuple[dict, dict, dict]]:
        return self.records("logs", "resourceLogs", "scopeLogs", "logRecords")

    def metrics(self) -> list[tuple[dict, dict, dict]]:
        return self.records("metrics", "resourceMetrics", "scopeMetrics", "metrics")


class KnownTelemetry:
    """One language's SDK. Its program prints the ids that it sent."""

    language: str
    program: list[str | pathlib.Path]
    link_state = "vendor=opaque"

    def test_is_kept_as_it_was_sent(self) -> None:
        self.maxDiff = None
        with Stack() as stack:
            stack.start_server()
            at, run = time.time_ns() - 60_000_000_000, uuid.uuid4().hex
            sent = subprocess.run(
                [*self.program, "--grpc", f"127.0.0.1:{stack.grpc_port}", "--http", f"127.0.0.1:{stack.http_port}",
                 "--run", run, "--at", str(at)], capture_output=True, text=True, timeout=120)
            self.assertEqual(sent.returncode, 0, sent.stdout + sent.stderr)
            sent_ids = {ids["service"]: ids for ids in map(json.loads, sent.stdout.splitlines())}
            self.assertEqual(set(sent_ids), {f"{self.language}-{transport}" for transport in TRANSPORTS})
            for service, ids in sent_ids.items():
                with self.subTest(service):
                    exported = Exported(stack, service, at - 10**9, time.time_ns() + 10**9)
                    self.expect_known(exported, service, run, at, ids)
                    self.expect_in_the_trace(stack, at, ids)

    def expect_known(self, exported: Exported, service: str, run: str, at: int, ids: dict[str, str]) -> None:
        resource = {"attributes": attributes({"service.name": service, "test.run": run})}
        scope = {"name": "known.telemetry", "version": "1.2.3", "schemaUrl": "https://opentelemetry.io/schemas/1.26.0"}

        spans = wait_until(lambda: len(got := exported.spans()) == 2 and got, "the spans are there")
        self.assertEqual([(of, within) for of, within, _ in spans], [(resource, scope)] * 2)
        for span in (span for _, _, span in spans):
            span["flags"] &= ~RANDOM_TRACE_ID
        self.assertEqual([span for _, _, span in spans], known_spans(at, ids, self.link_state))

        logs = wait_until(lambda: len(got := exported.logs()) == 2 and got, "the log records are there")
        self.assertEqual([(of, within) for of, within, _ in logs], [(resource, scope)] * 2)
        for log in (log for _, _, log in logs if "flags" in log):
            log["flags"] &= ~RANDOM_TRACE_ID
        self.assertEqual([log for _, _, log in logs], known_logs(at, ids))

        metrics = wait_until(lambda: len(got := exported.metrics()) == 5 and got, "the metrics are there")
        self.assertEqual([(of, within) for of, within, _ in metrics], [(resource, scope)] * 5)
        found = {metric.pop("name"): metric for _, _, metric in metrics}
        for metric in found.values():
            self.expect_times_now(metric, at)
        self.expect_sizes_in_buckets(found["size"]["exponentialHistogram"]["dataPoints"][0])
        self.assertEqual(found, KNOWN_METRICS)

    def expect_times_now(self, metric: dict, at: int) -> None:
        """Takes them away from the points, which are then in the order of their values."""
        points = next(part for part in metric.values() if isinstance(part, dict))["dataPoints"]
        for point in points:
            start, end = int(point.pop("startTimeUnixNano")), int(point.pop("timeUnixNano"))
            self.assertTrue(at < start <= end <= time.time_ns(), (at, start, end))
        points.sort(key=lambda point: point.get("asInt", ""))

    def expect_sizes_in_buckets(self, point: dict) -> None:
        """Each SDK chooses a scale: the values must lie in the buckets that it stands for, which are taken away."""
        scale, buckets = point.pop("scale"), point.pop("positive")
        filled = {buckets.get("offset", 0) + i: int(count) for i, count in enumerate(buckets["bucketCounts"]) if count != "0"}
        self.assertEqual(filled, {math.ceil(math.log2(size) * 2**scale) - 1: 1 for size in SIZES}, scale)

    def expect_in_the_trace(self, stack: Stack, at: int, ids: dict[str, str]) -> None:
        trace = stack.trace(ids["trace_id"])
        parent, child = trace["spans"]
        self.assertEqual((parent["start_time"], parent["duration_ns"], parent["kind"]), (str(at), "1500000123", "server"))
        self.assertEqual((child["parent_span_id"], child["status"]),
                         (ids["parent_span_id"], {"code": "error", "code_number": 2, "message": "no luck"}))
        self.assertEqual({a["key"]: (a["type"], a["value"]) for a in parent["attributes"] if a["type"] != "array"},
                         {"text": ("string", "ü€𝄞\t\"quoted\"\n"), "empty": ("string", ""), "int": ("int", "9007199254740991"),
                          "negative": ("int", "-42"), "double": ("double", "0.1"), "bool": ("bool", "true")})


class Go(KnownTelemetry, unittest.TestCase):
    language = "go"
    program = [BUILT / "go" / "send"]
    link_state = ""  # Its exporter does not send it.


class Java(KnownTelemetry, unittest.TestCase):
    language = "java"
    program = ["java", "-cp", f"{BUILT / 'java' / 'classes'}:{BUILT / 'java' / 'lib' / '*'}", "Send"]


class JavaScript(KnownTelemetry, unittest.TestCase):
    language = "javascript"
    program = ["node", CLIENTS / "javascript" / "send.js"]


class Rust(KnownTelemetry, unittest.TestCase):
    language = "rust"
    program = [BUILT / "rust" / "debug" / "otlp-client"]


class Python(unittest.TestCase):
    def test_over_grpc_and_http_with_and_without_gzip(self) -> None:
        with Stack() as stack:
            stack.start_server()
            begin, run = time.time_ns(), uuid.uuid4().hex
            sent = subprocess.run(
                [UV, "run", "--no-project", "--quiet", "--with-requirements", CLIENTS / "requirements.txt", "python",
                 CLIENTS / "send.py", "--grpc", f"127.0.0.1:{stack.grpc_port}", "--http",
                 f"127.0.0.1:{stack.http_port}", "--run", run], capture_output=True, text=True)
            self.assertEqual(sent.returncode, 0, sent.stdout + sent.stderr)

            window = {"start": begin - 60_000_000_000, "end": time.time_ns() + 60_000_000_000}
            for transport in ("grpc", "grpc-gzip", "http", "http-gzip"):
                with self.subTest(transport):
                    service = f"python-{transport}"

                    def found(signal: str, service: str = service) -> list[dict]:
                        return stack.api(signal, service=service, **window)[signal]

                    def trace_found() -> dict | None:
                        traces = found("traces")
                        return stack.trace(traces[0]["trace_id"]) if traces and traces[0]["span_count"] == 2 else None
                    trace = wait_until(trace_found, "one trace of two spans is visible")
                    wait_until(lambda: len(found("logs")) == 2 and len(found("metrics")) == 4,
                               "two log records and four metrics are visible")
                    self.assertEqual(len(found("traces")), 1)
                    parent = next(span for span in trace["spans"] if span["name"] == "parent")
                    child = next(span for span in trace["spans"] if span["name"] == "child")
                    self.assertEqual(child["parent_span_id"], parent["span_id"])
                    self.assertEqual(child["status"], {"code": "error", "code_number": 2, "message": "no luck"})
                    self.assertEqual(child["links"][0]["span_id"], parent["span_id"])
                    self.assertEqual(parent["kind"], "server")
                    self.assertEqual({a["key"]: (a["type"], a["value"]) for a in parent["attributes"]
                                      if a["key"] != "tags"},
                                     {"http.response.status_code": ("int", "200"), "ratio": ("double", "0.25"),
                                      "cached": ("bool", "true")})
                    self.assertEqual(json.loads(attributes_of(parent)["tags"]), {"arrayValue": {"values": [
                        {"stringValue": "a"}, {"stringValue": "b"}]}})
                    self.assertEqual(parent["events"][0]["name"], "cache.miss")
                    resource = trace["resources"][parent["resource_id"]]
                    self.assertEqual(attributes_of(resource)["test.run"], run)

                    logs = found("logs")
                    self.assertEqual(sorted(log["body"]["type"] for log in logs), ["kvlist", "string"])
                    self.assertEqual({log["severity_text"] for log in logs}, {"WARN"})

                    metrics = {m["name"]: m for m in found("metrics")}
                    self.assertEqual({name: m["type"] for name, m in metrics.items()},
                                     {"requests": "sum", "in_flight": "sum", "duration": "histogram",
                                      "temperature": "gauge"})
                    self.assertEqual((metrics["requests"]["is_monotonic"], metrics["in_flight"]["is_monotonic"]),
                                     (True, False))
                    value = stack.api("metrics/query", name="in_flight", q=f"service.name = '{service}'", **window)
                    self.assertIn(-2, [v for _, v in value["series"][0]["points"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
