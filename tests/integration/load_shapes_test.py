"""Load of awkward shapes: what many senders, or one that means harm, may ask of a server that others need."""

import contextlib
import resource
import socket
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
            self.assertLess(time.monotonic() - began, 2, "others are answered as ever")
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
