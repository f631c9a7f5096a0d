"""The whole server with its tables in another process, also built with a sanitizer: SIGNALBOX_SERVER is the
program, SIGNALBOX_BIN has chdb-front, which speaks ClickHouse's HTTP interface."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import time
import unittest

from stack import BIN, Stack, request, wait_until

SERVER = pathlib.Path(os.environ.get("SIGNALBOX_SERVER", BIN / "signalbox"))
REPORTS = ("Sanitizer", "runtime error:")


class RemoteStack(Stack):
    """A server that keeps its tables in a chdb-front."""

    def __enter__(self) -> "RemoteStack":
        tables = self.folder / "tables"
        tables.mkdir()
        self.front = subprocess.Popen([BIN / "chdb-front", tables], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self._processes.append(self.front)
        self.engine_url = self.front.stdout.readline().strip()
        return self

    def __exit__(self, *ended: object) -> None:
        super().__exit__(*ended)
        self.front.stdin.close()
        self.front.stdout.close()

    def start(self, name: str, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen:
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                [SERVER, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1", **(env or {})})
        self._processes.append(process)
        return process

    def start_server(self, *arguments: str) -> subprocess.Popen:
        return super().start_server("--engine-url", self.engine_url, *arguments)

    def post(self, signal: str, document: dict) -> None:
        status, answer = request("POST", f"http://127.0.0.1:{self.http_port}/v1/{signal}",
                                 json.dumps(document).encode(), {"content-type": "application/json"})
        if status != 200:
            raise AssertionError(f"{signal}: {status} {answer!r}")


RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "remote"}}]}


def send_everything(stack: RemoteStack, number: int) -> str:
    """One request of each signal; the id of the trace."""
    now = str(time.time_ns())
    trace_id, span_id = f"{number + 1:032x}", f"{number + 1:016x}"
    attributes = [{"key": "request", "value": {"intValue": str(number)}},
                  {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "a"}]}}}]
    spans = [{"traceId": trace_id, "spanId": span_id, "name": f"operation {number % 7}", "kind": 2,
              "startTimeUnixNano": now, "endTimeUnixNano": str(int(now) + 1000), "attributes": attributes,
              "events": [{"timeUnixNano": now, "name": "event"}]}]
    stack.post("traces", {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": spans}]}]})
    records = [{"timeUnixNano": now, "severityNumber": 9, "body": {"stringValue": f"record {number}"},
                "traceId": trace_id, "spanId": span_id, "attributes": attributes}]
    stack.post("logs", {"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": records}]}]})
    sum_ = {"aggregationTemporality": 2, "isMonotonic": True,
            "dataPoints": [{"startTimeUnixNano": now, "timeUnixNano": now, "asInt": str(number)}]}
    histogram = {"aggregationTemporality": 1, "dataPoints": [
        {"startTimeUnixNano": now, "timeUnixNano": now, "count": "2", "sum": 3.0, "explicitBounds": [1.0],
         "bucketCounts": ["1", "1"]}]}
    metrics = [{"name": "calls", "sum": sum_}, {"name": "took", "histogram": histogram}]
    stack.post("metrics", {"resourceMetrics": [{"resource": RESOURCE,
                                                "scopeMetrics": [{"metrics": metrics}]}]})
    return trace_id


class RemoteEngine(unittest.TestCase):
    def test_keeps_all_signals_and_the_server_ends_clean(self) -> None:
        with RemoteStack() as stack:
            server = stack.start_server()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                trace_ids = list(pool.map(lambda number: send_everything(stack, number), range(200)))
                for _ in range(5):
                    pool.map(lambda path: stack.api(path), ["services", "traces", "logs", "metrics"])
            stack.wait_for_rows(60, span_rows=200, log_rows=200)
            for trace_id in trace_ids[::40]:
                trace = stack.trace(trace_id)
                self.assertEqual(len(trace["spans"]), 1)
            self.assertIn("remote", json.dumps(stack.api("services")))
            # A malformed request, and one that is cut, must harm nothing.
            for body in (b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05\x12"):
                status, _ = request("POST", f"http://127.0.0.1:{stack.http_port}/v1/traces", body,
                                    {"content-type": "application/x-protobuf"})
                self.assertEqual(status, 400)

            self.assertEqual(stack.stop(server, timeout_s=60), 0, stack.log("signalbox")[-4000:])

            log = stack.log("signalbox")
            for report in REPORTS:
                self.assertNotIn(report, log)

    def test_removes_what_a_change_of_the_retention_no_longer_keeps(self) -> None:
        with RemoteStack() as stack:
            stack.start_server()
            # Days ago as the server would have received it: only the engine can be told so.
            status, answer = request("POST", f"{stack.engine_url}/?database=signalbox",
                                     b"INSERT INTO log_rows (received) SELECT now() - INTERVAL 5 DAY")
            self.assertEqual(status, 200, answer)
            send_everything(stack, 1)
            stack.wait_for_rows(log_rows=2)

            status, answer = request("PUT", f"{stack.ui}/api/v1/settings/retention", b'{"logs": "2d"}',
                                     {"content-type": "application/json"})

            self.assertEqual(status, 200, answer)
            stack.wait_for_rows(log_rows=1)  # Long before the minute of the next regular sweep.
            wait_until(lambda: "Removed logs of" in stack.log("signalbox"), "the removal is told")

    def test_keeps_what_was_stored_when_the_server_starts_again(self) -> None:
        with RemoteStack() as stack:
            server = stack.start_server()
            trace_id = send_everything(stack, 7)
            wait_until(lambda: stack.trace(trace_id), "the trace is there", 60)
            self.assertEqual(stack.stop(server, timeout_s=60), 0, stack.log("signalbox")[-4000:])
            stack.start_server()
            self.assertEqual(len(stack.trace(trace_id)["spans"]), 1)

    def test_that_cannot_be_reached_is_named(self) -> None:
        with RemoteStack() as stack:
            stack.engine_url = f"http://127.0.0.1:{stack.grpc_port}"
            server = stack.start("signalbox", "serve", "--data", str(stack.data), "--engine-url",
                                 stack.engine_url)
            self.assertEqual(server.wait(30), 1)
            self.assertIn("no ClickHouse can be reached", stack.log("signalbox"))
            self.assertIn(stack.engine_url, stack.log("signalbox"))


if __name__ == "__main__":
    unittest.main()
