"""The tour, for real: demo/run.py with the Python client, and the same services under a known load.

The API is asked whether what the services sent is what it shows.
"""

import concurrent.futures
import json
import os
import subprocess
import time
import unittest

from stack import BIN, Stack, attributes_of, free_port, listening, make_certificate, request, wait_until
from tour import Tour

class TheTour(unittest.TestCase):
    def test_shows_the_python_clients_request_as_one_trace_over_three_services(self) -> None:
        with Tour("--duration", "12") as tour:
            ui, trace_id = tour.wait_for_link()
            self.assertEqual(request("GET", f"{ui}/traces/{trace_id}")[0], 200, "the link opens the UI")
            trace = json.loads(request("GET", f"{ui}/api/v1/traces/{trace_id}")[1])

            rest, errors = tour.end(interrupt=False)
            self.assertEqual(tour.process.returncode, 0, errors)
            self.assertRegex(rest, r"\d+ requests in", "the load generator's summary is shown")
            for name, port in tour.ports().items():
                self.assertFalse(listening(port), f"{name}: everything is stopped")

        by_id = {span["span_id"]: span for span in trace["spans"]}
        chain = []  # From the echo's server span up to the client's root.
        span = next(s for s in trace["spans"] if s["service_name"] == "demo-echo" and s["kind"] == "server")
        while span is not None:
            chain.append((span["service_name"], span["kind"]))
            span = by_id[span["parent_span_id"]] if span["parent_span_id"] else None
        self.assertEqual(chain, [("demo-echo", "server"), ("demo-service", "client"), ("demo-service", "server"),
                                 ("py-cpp-client", "client")])

    def test_stops_everything_on_ctrl_c(self) -> None:
        with Tour() as tour:
            tour.wait_for_line("Running until Ctrl-C")
            _, errors = tour.end()
            self.assertEqual(tour.process.returncode, 0, errors)
            for name, port in tour.ports().items():
                self.assertFalse(listening(port), name)

    def test_says_which_port_is_taken_and_how_to_choose_another(self) -> None:
        with Stack() as stack:
            stack.start_server()
            with Tour(DEMO_UI_PORT=str(stack.ui_port)) as tour:
                _, errors = tour.end(interrupt=False)
                self.assertEqual(tour.process.returncode, 1)
        self.assertEqual(len(errors.strip().splitlines()), 1, errors)
        self.assertIn(f"port {stack.ui_port} for Signalbox's UI and API is in use", errors)
        self.assertIn("DEMO_UI_PORT=", errors)


class OverTls(unittest.TestCase):
    def test_the_tour_exports_to_an_https_endpoint_with_its_ingestion_key(self) -> None:
        with Tour("--tls") as tour:
            ui, trace_id = tour.wait_for_link()
            self.assertTrue(ui.startswith("https://"), ui)
            status, body = request("GET", f"{ui}/api/v1/traces/{trace_id}")
            self.assertEqual(status, 200)
            services = {span["service_name"] for span in json.loads(body)["spans"]}
            self.assertEqual(services, {"demo-echo", "demo-service", "py-cpp-client"})
            plain = subprocess.run(["curl", "--silent", "--max-time", "5", "--http2-prior-knowledge",
                                    f"http://127.0.0.1:{tour.ports()['DEMO_GRPC_PORT']}/"], capture_output=True)
            self.assertNotEqual(plain.returncode, 0, "the port speaks nothing but TLS")

    def test_a_wrong_key_is_refused_and_told(self) -> None:
        with Stack() as stack:
            certificate, key = make_certificate(stack.folder)
            made = subprocess.run([BIN / "signalbox", "keys", "create", "demo", "--data", stack.data], check=True,
                                  capture_output=True, text=True)
            stack.start_server("--tls-cert", str(certificate), "--tls-key", str(key))

            def run_service(ingestion_key: str) -> int:
                port = free_port()
                stack.start("demo-service", "--port", str(port), env={
                    **stack.otlp_environment(), "OTEL_EXPORTER_OTLP_ENDPOINT": f"https://localhost:{stack.grpc_port}",
                    "OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificate), "SIGNOZ_INGESTION_KEY": ingestion_key})
                wait_until(lambda: listening(port), "the demo service listens")
                self.assertEqual(request("GET", f"http://127.0.0.1:{port}/")[0], 200)
                return port

            run_service("sbk_wrong")
            wait_until(lambda: "not a valid ingestion key" in stack.log("demo-service"), "the SDK reports the refusal")
            wait_until(lambda: "Refused OTLP/gRPC from 127.0.0.1: 16" in stack.log("signalbox"), "the server logs it")
            self.assertEqual(stack.api("services")["services"], [])

            run_service(made.stdout.split()[0])
            wait_until(lambda: [service["name"] for service in stack.api("services")["services"]] == ["demo-service"],
                       "with the right key its spans are stored")


class KnownLoad(unittest.TestCase):
    """The demo and echo services with a fixed pause, called a known number of times."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.__exit__)
        cls.stack.start_server()
        cls.service_port, cls.echo_port = free_port(), free_port()
        otlp = cls.stack.otlp_environment()
        cls.stack.start("demo-echo", "--port", str(cls.echo_port), env={**otlp, "OTEL_SERVICE_NAME": "demo-echo"})
        cls.stack.start("demo-service", "--port", str(cls.service_port), "--pause-min-ms", "300", "--pause-max-ms", "300",
                        env={**otlp, "OTEL_SERVICE_NAME": "demo-service",
                             "ECHO_URL": f"http://127.0.0.1:{cls.echo_port}/anything"})
        wait_until(lambda: listening(cls.service_port) and listening(cls.echo_port), "the services listen")
        cls.begin = time.time_ns()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.service_port}{path}"

    def fibonacci(self, body: bytes) -> tuple[int, dict]:
        status, answer = request("POST", self.url("/fibonacci"), body, {"content-type": "application/json"})
        return status, json.loads(answer)

    def metric(self, name: str, aggregation: str, step_ns: int, end: int | None = None) -> dict[str, list]:
        """The metric's values by url.path, buckets without one left out; waits until it is there."""
        wait_until(lambda: name in (metric["name"] for metric in self.stack.api("metrics")["metrics"]),
                   f"{name} is stored")
        answer = self.stack.api("metrics/query", name=name, aggregation=aggregation, group_by="url.path",
                                start=self.begin - 1_000_000_000, end=end or time.time_ns(), step=step_ns)
        return {series["labels"]["url.path"]: [value for _, value in series["points"] if value is not None]
                for series in answer["series"]}

    def test_a_failing_request_is_an_error_with_its_log_record_attached(self) -> None:
        trace_id = os.urandom(16).hex()
        message = "invalid value: integer `20111111`, expected u8 at line 1 column 19"
        status, answer = request("POST", self.url("/fibonacci"), b'{"number": 20111111}',
                                 {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
        self.assertEqual((status, answer.decode()), (422, '{"error":"%s"}' % message))

        trace = wait_until(lambda: self.stack.trace(trace_id), "the trace is stored")
        (span,) = trace["spans"]
        self.assertEqual((span["name"], span["kind"], span["parent_span_id"]),
                         ("POST /fibonacci", "server", "00f067aa0ba902b7"))
        self.assertEqual((span["status"]["code"], span["status"]["message"]), ("error", message))
        self.assertEqual(attributes_of(span)["error.type"], "Invalid Input")
        self.assertEqual(attributes_of(span)["error.message"], message)

        def error_logs() -> list:
            logs = self.stack.api("logs", trace_id=trace_id)["logs"]
            return [log for log in logs if log["severity"] == "error"]
        (log,) = wait_until(error_logs, "the log record is stored")
        self.assertEqual(log["body"]["value"], "error parsing fibonacci payload")
        self.assertEqual(log["span_id"], span["span_id"])
        self.assertEqual(attributes_of(log)["error.type"], "Invalid Input")
        self.assertEqual(attributes_of(log)["error.message"], message)

    def test_every_kind_of_bad_body_names_itself_and_its_position(self) -> None:
        for body, expected in {
            b"{}": "missing field `number` at line 1 column 2",
            b'{"number": "ten"}': 'invalid type: string "ten", expected u8 at line 1 column 16',
            b'{"number": -1}': "invalid value: integer `-1`, expected u8 at line 1 column 13",
            b'{"number": 1.5}': "invalid type: floating point `1.5`, expected u8 at line 1 column 14",
            b"": "EOF while parsing a value at line 1 column 0",
            b'{"number": 1} x': "trailing characters at line 1 column 15",
        }.items():
            self.assertEqual(self.fibonacci(body), (422, {"error": expected}))

    def test_fibonacci_is_exact_to_the_last_number(self) -> None:
        a, b = 0, 1
        for _ in range(255):
            a, b = b, a + b
        status, body = request("POST", self.url("/fibonacci"), b'{"number": 255}')
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(body), {"number": 255, "result": a})
        self.assertEqual(len(str(a)), 53)

    def test_external_carries_the_callers_trace_to_the_echo_service(self) -> None:
        trace_id = os.urandom(16).hex()
        status, body = request("GET", self.url("/external"), headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
        self.assertEqual(status, 200)
        answer = json.loads(body)
        self.assertEqual(answer["propagated"]["traceparent"].split("-")[1], trace_id)
        received = {key.lower(): value for key, value in answer["httpbin"]["headers"].items()}
        self.assertEqual(received["traceparent"], answer["propagated"]["traceparent"])

    def test_percentiles_and_active_requests_come_out_right_for_a_known_load(self) -> None:
        begin = time.time_ns()
        for _ in range(40):
            self.assertEqual(request("GET", self.url("/"))[0], 200)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            # Eight callers, each three times in turn: eight requests are active for 900 ms.
            for status, _ in pool.map(self.fibonacci, [b'{"number": 10}'] * 24):
                self.assertEqual(status, 200)

        def all_counted() -> bool:
            counts = self.metric("http.server.request.duration", "count", 3_600_000_000_000)
            return sum(counts.get("/", [])) >= 40 and sum(counts.get("/fibonacci", [])) >= 24
        wait_until(all_counted, "every request is counted", timeout_s=20, interval_s=0.3)

        hour = 3_600_000_000_000
        p99 = self.metric("http.server.request.duration", "p99", hour)
        # 300 ms lie in the bucket from 0.25 to 0.5 s; a quantile cannot be known closer.
        self.assertTrue(all(0.25 < value <= 0.5 for value in p99["/fibonacci"]), p99)
        self.assertTrue(all(0 < value <= 0.1 for value in p99["/"]), p99)

        def drained() -> bool:
            return self.metric("http.server.active_requests", "sum", 500_000_000).get("/fibonacci", [1])[-1] == 0
        wait_until(drained, "no request is active any more", timeout_s=20, interval_s=0.3)
        active = self.metric("http.server.active_requests", "sum", 500_000_000)["/fibonacci"]
        self.assertEqual(max(active), 8, active)
        self.assertGreater(time.time_ns(), begin)

    def test_what_is_unknown_is_a_404_with_an_error_span_and_log(self) -> None:
        for path in ("//", "/nothing"):
            trace_id = os.urandom(16).hex()
            status, body = request("GET", self.url(path), headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"})
            self.assertEqual((status, body.decode()), (404, "Resource not found"))
            trace = wait_until(lambda t=trace_id: self.stack.trace(t), "the trace is stored")
            self.assertEqual((trace["spans"][0]["name"], trace["spans"][0]["status"]["code"]), (f"GET {path}", "error"))
            logs = wait_until(lambda t=trace_id: self.stack.api("logs", trace_id=t, severity_min=17)["logs"],
                              "the log record is stored")
            self.assertEqual(logs[0]["span_id"], trace["spans"][0]["span_id"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
