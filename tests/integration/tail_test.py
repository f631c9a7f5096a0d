"""What is received is in the live tails a moment later, slow readers are told what they missed, and nobody waits for them."""

import contextlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from sse import Refused, Tail  # noqa: E402
from stack import Stack, attributes_of, cpu_seconds, request, wait_until  # noqa: E402

MOST_TAILS = 32


def field(number: int, value: bytes) -> bytes:
    """A protobuf field of bytes, less than 16 KiB."""
    size = bytes([len(value)]) if len(value) < 128 else bytes([len(value) & 127 | 128, len(value) >> 7])
    return bytes([number << 3 | 2]) + size + value


def logs_as_protobuf(text: str, service: str) -> bytes:
    attribute = field(1, b"service.name") + field(2, field(1, service.encode()))
    now = struct.pack("<Q", time.time_ns())
    record = b"\x09" + now + b"\x10\x09" + field(5, field(1, text.encode()))  # Severity 9.
    return field(1, field(1, field(1, attribute)) + field(2, field(2, record)))


class Tails(unittest.TestCase):
    def setUp(self) -> None:
        self.stack = self.enterContext(Stack())
        self.stack.start_server()

    def tail(self, **parameters: object) -> Tail:
        return self.enterContext(Tail(self.stack.ui, **parameters))

    def send(self, *texts: str, service: str = "shop", severity: int = 9) -> float:
        """Sends log records over OTLP/HTTP JSON; returns when they were sent."""
        now = str(time.time_ns())
        records = [{"timeUnixNano": now, "severityNumber": severity, "body": {"stringValue": text},
                    "attributes": [{"key": "length", "value": {"intValue": str(len(text))}}]} for text in texts]
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
        body = json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}).encode()
        sent = time.monotonic()
        status, answer = request("POST", f"http://127.0.0.1:{self.stack.http_port}/v1/logs", body,
                                 {"content-type": "application/json"})
        self.assertEqual(status, 200, answer)
        return sent

    def test_shows_what_comes_over_each_protocol(self) -> None:
        tail = self.tail(signal="logs")
        self.send("as JSON")
        status, _ = request("POST", f"http://127.0.0.1:{self.stack.http_port}/v1/logs",
                            logs_as_protobuf("as protobuf", "shop"), {"content-type": "application/x-protobuf"})
        self.assertEqual(status, 200)
        message = logs_as_protobuf("over gRPC", "shop")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"\0" + struct.pack(">I", len(message)) + message)
            file.flush()
            subprocess.run(["curl", "--silent", "--http2-prior-knowledge", "--header", "content-type: application/grpc", "--header",
                            "te: trailers", "--data-binary", f"@{file.name}", "--output", os.devnull,
                            f"http://127.0.0.1:{self.stack.grpc_port}/opentelemetry.proto.collector.logs.v1.LogsService/Export"],
                           check=True)
        records = tail.records(3)
        self.assertEqual([record["body"]["value"] for record in records], ["as JSON", "as protobuf", "over gRPC"])
        self.assertEqual({record["resource"]["service_name"] for record in records}, {"shop"})
        self.assertEqual(attributes_of(records[0]), {"length": "7"})
        self.assertEqual({record["severity"] for record in records}, {"info"})

    def test_shows_spans_and_points(self) -> None:
        spans, points = self.tail(signal="traces", q="name = 'operation 1'"), self.tail(signal="metrics", q="metric.name = 'b'")
        trace_id = self.stack.send_spans(3)
        metrics = [{"name": name, "gauge": {"dataPoints": [{"timeUnixNano": str(time.time_ns()), "asInt": "7"}]}} for name in "ab"]
        status, _ = request("POST", f"http://127.0.0.1:{self.stack.http_port}/v1/metrics",
                            json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode(),
                            {"content-type": "application/json"})
        self.assertEqual(status, 200)
        [span] = spans.records(1)
        self.assertEqual((span["trace_id"], span["name"], span["duration_ns"]), (trace_id, "operation 1", "1000000"))
        [point] = points.records(1)
        self.assertEqual((point["metric"]["name"], point["value"]), ("b", {"type": "int", "value": "7"}))
        self.assertTrue(spans.is_silent_for(0.2))

    def test_shows_only_what_the_filter_finds_and_each_record_once(self) -> None:
        errors, of_shop = self.tail(signal="logs", q="severity >= error AND attribute.length > 3"), self.tail(signal="logs", service="shop")
        self.send("first", "abc", severity=17)
        self.send("elsewhere", service="payment", severity=17)
        repeated = logs_as_protobuf("repeated", "shop")
        for _ in range(2):  # The same bytes again are answered and not stored, and not shown.
            request("POST", f"http://127.0.0.1:{self.stack.http_port}/v1/logs", repeated, {"content-type": "application/x-protobuf"})
        self.send("last", severity=21)
        self.assertEqual([record["body"]["value"] for record in errors.records(3)], ["first", "elsewhere", "last"])
        self.assertEqual([record["body"]["value"] for record in of_shop.records(4)], ["first", "abc", "repeated", "last"])

    def test_refuses_what_it_cannot_answer(self) -> None:
        for parameters, text in (({"signal": "traces", "q": "is_entry_point = true"}, "is_entry_point"),
                                 ({"signal": "traces", "q": "duration >"}, "position"), ({"signal": "spans"}, "signal"),
                                 ({}, "signal"), ({"signal": "logs", "limit": "5"}, "limit")):
            with self.subTest(parameters), self.assertRaises(Refused) as refused:
                self.tail(**parameters)
            self.assertEqual(refused.exception.status, 400)
            self.assertIn(text, refused.exception.body.decode())

    def test_tells_a_slow_reader_how_many_it_missed_and_lets_nobody_wait(self) -> None:
        slow, quick = self.tail(signal="logs", reads=False, receive_bytes=4096), self.tail(signal="logs")
        texts = [f"{i:05} " + "x" * 2000 for i in range(10_000)]
        times, shown = [], []
        for begin in range(0, len(texts), 100):
            before = time.monotonic()
            self.send(*texts[begin:begin + 100])
            times.append(time.monotonic() - before)
            while len(shown) < begin + 100:
                _, name, data = quick.next()
                self.assertEqual(name, "record", data)
                shown.append(data["body"]["value"])
        self.assertEqual(shown, texts)  # The other tail has all of it.
        print(f"while one reader slept, 100 requests took {sum(times):.2f} s, the longest {max(times) * 1000:.0f} ms")

        slow.start_reading()
        count, missed, last = 0, 0, -1
        while last < len(texts) - 1:
            _, name, data = slow.next()
            if name == "missed":
                missed += data["count"]
                self.assertEqual(data["unchecked"], 0)
                continue
            number = int(data["body"]["value"][:5])
            count += 1
            self.assertEqual(number + 1, count + missed)  # What is missing, is missing where it is told.
            last = number
        self.assertGreater(missed, 0)
        self.assertEqual(count + missed, len(texts))

    def test_allows_so_many_and_closed_ones_cost_nothing(self) -> None:
        tails = [Tail(self.stack.ui, signal="logs") for _ in range(MOST_TAILS)]
        with self.assertRaises(Refused) as refused:
            Tail(self.stack.ui, signal="traces")
        self.assertEqual(refused.exception.status, 429)
        self.assertIn("tails", json.loads(refused.exception.body)["message"])
        for tail in tails:
            tail.__exit__()

        opened = []

        def all_are_open_again() -> bool:
            with contextlib.suppress(Refused):
                while len(opened) < MOST_TAILS:
                    opened.append(self.tail(signal="logs"))
            return len(opened) == MOST_TAILS
        wait_until(all_are_open_again, "as many tails can be opened again")

    def test_notices_a_client_that_was_killed(self) -> None:
        clients = [subprocess.Popen(["curl", "--silent", "--no-buffer", f"{self.stack.ui}/api/v1/tail?signal=logs"],
                                    stdout=subprocess.PIPE) for _ in range(MOST_TAILS)]
        for client in clients:
            client.stdout.readline()  # It is open.
        for client in clients:
            client.kill()
            client.communicate()

        def opens() -> bool:
            try:
                with Tail(self.stack.ui, signal="logs"):
                    return True
            except Refused:
                return False
        wait_until(opens, "the tails of killed clients are closed")

    def test_ends_in_order_with_the_server(self) -> None:
        tail = self.tail(signal="logs")
        self.send("before the end")
        tail.records(1)
        self.stack.stop(self.stack.server)
        self.assertTrue(tail.ended.wait(10))

    def test_measures_how_soon_a_line_is_shown(self) -> None:
        """Printed, not asserted: a busy machine may take its time."""
        tail = self.tail(signal="logs", q="body CONTAINS 'line'")
        took = []
        for i in range(100):
            sent = self.send(f"line {i}")
            took.append((tail.next()[0] - sent) * 1000)
        took.sort()
        print(f"shown after {took[50]:.1f} ms (median), {took[94]:.1f} ms (p95), {took[-1]:.1f} ms (longest)")

    def test_goes_on_while_much_is_received_from_several_senders(self) -> None:
        tail = self.tail(signal="logs", q="body CONTAINS 'wanted'")
        senders = [threading.Thread(target=lambda i=i: [self.send(*[f"other {i} {j}"] * 200, f"wanted {i} {j}") for j in range(10)])
                   for i in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        texts = [record["body"]["value"] for record in tail.records(40)]
        self.assertEqual(sorted(texts), sorted(f"wanted {i} {j}" for i in range(4) for j in range(10)))
        for i in range(4):  # Each sender's in its order.
            self.assertEqual([text for text in texts if text.startswith(f"wanted {i} ")], [f"wanted {i} {j}" for j in range(10)])
        before = cpu_seconds(self.stack.server.pid)
        time.sleep(1)
        print(f"a tail of which nothing comes costs {(cpu_seconds(self.stack.server.pid) - before) * 100:.0f} % of a core at most")


if __name__ == "__main__":
    unittest.main(verbosity=2)
