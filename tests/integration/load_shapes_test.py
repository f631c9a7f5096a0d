"""Load of awkward shapes: what many senders, or one that means harm, may ask of a server that others need."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import socket
import threading
import time
import unittest

from stack import Stack, cpu_seconds, request, resident_mib, wait_until

IDLE_CONNECTIONS = 10_000
# HTTP/2's preface and empty SETTINGS: as much as a gRPC client says before its first call.
HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


def setUpModule() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class IdleConnections(unittest.TestCase):
    def hold_ten_thousand(self, port_of: str, greeting: bytes) -> None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 2 * IDLE_CONNECTIONS:
            self.skipTest(f"{soft} open files are too few for the server and its clients")
        with Stack() as stack, contextlib.ExitStack() as idle:
            server = stack.start_server()
            port, before_mib = getattr(stack, port_of), resident_mib(server.pid)
            connections = [idle.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
                           for _ in range(IDLE_CONNECTIONS)]
            for connection in connections:
                connection.sendall(greeting)
            for connection in connections:
                self.assertTrue(connection.recv(4096), "each is answered")

            cpu_before, began = cpu_seconds(server.pid), time.monotonic()
            time.sleep(5)
            busy = (cpu_seconds(server.pid) - cpu_before) / (time.monotonic() - began)
            self.assertLess(busy, 0.25, "an idle connection costs next to nothing")
            self.assertLess(resident_mib(server.pid) - before_mib, 300)

            began = time.monotonic()
            stack.send_spans(3)
            self.assertEqual(request("GET", f"{stack.ui}/api/v1/status")[0], 200)
            self.assertLess(time.monotonic() - began, 5, "others are answered as ever")
            for connection in connections:
                connection.setblocking(False)
                with self.assertRaises(BlockingIOError, msg="none was closed"):
                    while connection.recv(4096):
                        pass

    def test_ten_thousand_over_http_are_held(self) -> None:
        self.hold_ten_thousand("http_port", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def test_ten_thousand_over_grpc_are_held(self) -> None:
        self.hold_ten_thousand("grpc_port", HTTP2_GREETING)

    def test_more_than_allowed_are_closed_and_the_ui_is_still_reached(self) -> None:
        with Stack() as stack, contextlib.ExitStack() as idle:
            stack.start_server("--max-connections", "20")
            for port in (stack.http_port, stack.grpc_port):
                held = [idle.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(20)]
                with socket.create_connection(("127.0.0.1", port), timeout=5) as one_more:
                    self.assertEqual(one_more.recv(1), b"", "closed at once")
                self.assertEqual(len(held), 20)
            self.assertEqual(request("GET", f"{stack.ui}/healthz")[0], 200)
            idle.close()
            wait_until(lambda: self.is_answered(stack), "there is room again")

    @staticmethod
    def is_answered(stack: Stack) -> bool:
        try:
            return request("GET", f"http://127.0.0.1:{stack.http_port}/healthz")[0] == 200
        except OSError:
            return False


class Watch(contextlib.AbstractContextManager):
    """Asks the server as others do while it is under load, and notes how long that takes and what it holds."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.slowest_s, self.answers, self.errors = 0.0, 0, []
        self._before_mib, self._peak_mib = resident_mib(stack.server.pid), 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def grown_mib(self) -> float:
        return self._peak_mib - self._before_mib

    def _run(self) -> None:
        while not self._done.wait(0.1):
            began = time.monotonic()
            try:
                # From an address of its own, as another machine would.
                status = send_as("127.0.0.2", self.stack, tiny_trace(), "application/json")
                if status != 200:
                    self.errors.append(f"another sender was answered {status}")
                status = request("GET", f"{self.stack.ui}/api/v1/services", timeout_s=20)[0]
                if status != 200:
                    self.errors.append(f"the API answered {status}")
            except OSError as error:
                self.errors.append(repr(error))
            self.answers += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            self._peak_mib = max(self._peak_mib, resident_mib(self.stack.server.pid))


def send_as(source: str, stack: Stack, body: bytes, content_type: str, path: str = "/v1/traces") -> int:
    link = http.client.HTTPConnection("127.0.0.1", stack.http_port, timeout=60, source_address=(source, 0))
    with contextlib.closing(link):
        link.request("POST", path, body, {"content-type": content_type})
        return link.getresponse().status


def tiny_trace() -> bytes:
    span = {"traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex(), "name": "tiny", "kind": 2,
            "startTimeUnixNano": str(time.time_ns()), "endTimeUnixNano": str(time.time_ns())}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def protobuf_field(number: int, value: bytes) -> bytes:
    size, length = len(value), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + value


def large_trace(size: int) -> bytes:
    """A request of at most `size` bytes: spans of a kibibyte each."""
    now = time.time_ns().to_bytes(8, "little")
    span = protobuf_field(2, protobuf_field(1, os.urandom(16)) + protobuf_field(2, os.urandom(8)) +
                          protobuf_field(5, b"n" * 960) + b"\x39" + now + b"\x41" + now)
    return protobuf_field(1, protobuf_field(2, span * ((size - 32) // len(span))))


class Floods(unittest.TestCase):
    def test_of_tiny_requests_good_and_bad_leave_the_server_to_others(self) -> None:
        with Stack() as stack:
            stack.start_server()
            until = time.monotonic() + 6
            bad = [("/v1/traces", b"{", "application/json"), ("/v1/traces", b"\xff\xff\xff", "application/x-protobuf"),
                   ("/v1/traces", b"x", "text/plain"), ("/v1/nothing", b"{}", "application/json"),
                   ("/v1/logs", b'{"resourceLogs": 7}', "application/json")]

            def flood(_: int) -> tuple[int, int]:
                good, refused = 0, 0
                link = http.client.HTTPConnection("127.0.0.1", stack.http_port, timeout=60)
                with contextlib.closing(link):
                    while time.monotonic() < until:
                        for path, body, content_type in [("/v1/traces", tiny_trace(), "application/json"), *bad]:
                            link.request("POST", path, body, {"content-type": content_type})
                            with link.getresponse() as answer:
                                answer.read()
                            good += answer.status == 200
                            refused += 400 <= answer.status < 500
                        for port in (stack.http_port, stack.grpc_port):  # No HTTP at all, and a connection for it.
                            with socket.create_connection(("127.0.0.1", port)) as stray:
                                stray.sendall(b"\0hello\r\n\r\n")
                return good, refused

            with Watch(stack) as others, concurrent.futures.ThreadPoolExecutor(8) as pool:
                counts = list(pool.map(flood, range(8)))
            good, refused = (sum(column) for column in zip(*counts))
            self.assertGreater(good, 100)
            self.assertEqual(refused, good * len(bad), "each is answered for what it is")
            self.expect_others_were_served(others, grown_mib=300)
            stack.wait_for_rows(span_rows=good + others.answers, timeout_s=30)
            self.assertEqual(request("GET", f"{stack.ui}/readyz")[0], 200)

    def test_of_requests_of_the_largest_size_leaves_the_server_to_others(self) -> None:
        with Stack() as stack:
            stack.start_server()
            body = large_trace(63 << 20)
            with Watch(stack) as others, concurrent.futures.ThreadPoolExecutor(8) as pool:
                statuses: list[int] = []
                while not statuses or others.answers <= 3:  # A fast machine is done before the others have asked often.
                    statuses += pool.map(lambda _: send_as("127.0.0.1", stack, body, "application/x-protobuf"), range(24))
            self.assertEqual({200, 429}, set(statuses), "some are taken, and not all at one time")
            self.expect_others_were_served(others, grown_mib=500)
            wait_until(lambda: request("GET", f"{stack.ui}/readyz")[0] == 200, "all is well again", timeout_s=60)
            wait_until(lambda: send_as("127.0.0.1", stack, body, "application/x-protobuf") == 200, "they are taken again",
                       timeout_s=60, interval_s=1)

    def expect_others_were_served(self, others: Watch, grown_mib: float) -> None:
        self.assertEqual(others.errors, [])
        self.assertGreater(others.answers, 3)
        self.assertLess(others.slowest_s, 10)
        self.assertLess(others.grown_mib, grown_mib)


if __name__ == "__main__":
    unittest.main(verbosity=2)
