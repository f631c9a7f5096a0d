"""What OpenTelemetry's own SDKs of other languages send is stored and shown as it was sent."""

import json
import pathlib
import subprocess
import sys
import time
import unittest
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CLIENTS = pathlib.Path(__file__).resolve().parent / "otlp_clients"
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from stack import Stack, attributes_of, wait_until  # noqa: E402
from tour import UV  # noqa: E402


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
