"""What the demo's users set: where it exports to and with which headers, https, log levels, the console."""

import contextlib
import http.server
import json
import os
import pathlib
import ssl
import subprocess
import tempfile
import threading
import unittest

from stack import ROOT, Stack, free_port, listening, request, wait_until
from tour import UV

CLIENT = ROOT / "demo" / "client" / "python_client.py"


class Recorder(contextlib.AbstractContextManager):
    """An HTTP server, with TLS if given a context, that keeps what it is asked and answers `answer`."""

    def __init__(self, answer: bytes = b"", tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def record(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                recorder.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = record  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def paths(self) -> set[str]:
        return {path for path, _ in self.requests}


def start_service(stack: Stack, **environment: str) -> str:
    """Starts the demo service; its URL."""
    port = free_port()
    stack.start("demo-service", "--port", str(port), env={"OTEL_METRIC_EXPORT_INTERVAL": "200",
                                                          "OTEL_BSP_SCHEDULE_DELAY": "100", **environment})
    wait_until(lambda: listening(port), "the demo service listens")
    return f"http://127.0.0.1:{port}"


class Export(unittest.TestCase):
    def test_goes_where_the_variables_say_with_the_ingestion_key_and_further_headers(self) -> None:
        with Recorder() as collector, Stack() as stack:
            url = start_service(stack, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.port}",
                                OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", SIGNOZ_INGESTION_KEY="the-key",
                                OTEL_EXPORTER_OTLP_HEADERS="x-team=a%20b", OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
            self.assertEqual(request("GET", url + "/")[0], 200)
            wait_until(lambda: collector.paths() == {"/v1/traces", "/v1/metrics", "/v1/logs"}, "all signals arrive")
            for path, headers in collector.requests:
                self.assertEqual(headers["signoz-ingestion-key"], "the-key", path)
                self.assertEqual(headers["x-team"], "a b", path)
                self.assertEqual(headers["content-encoding"], "gzip", path)

    def test_to_the_console_shows_spans_and_log_records_of_the_levels_asked_for(self) -> None:
        with Stack() as stack:
            url = start_service(stack, OTEL_TRACES_EXPORTER="console", OTEL_METRICS_EXPORTER="none",
                                OTEL_LOGS_EXPORTER="console", SPDLOG_LEVEL="error,demo.index=debug",
                                OTEL_RESOURCE_ATTRIBUTES="deployment.environment=dev")
            request("GET", url + "/")
            request("POST", url + "/fibonacci", b'{"number": 7}')
            request("POST", url + "/fibonacci", b"{}")
            wait_until(lambda: stack.log("demo-service").count("span \"POST /fibonacci\"") == 2, "the spans are printed")
            printed = stack.log("demo-service")
            self.assertIn('span "GET /" SERVER', printed)
            self.assertIn('deployment.environment = "dev"', printed)
            wait_until(lambda: 'log error "error parsing fibonacci payload"' in stack.log("demo-service"),
                       "the error is printed")
            printed = stack.log("demo-service")
            self.assertIn("demo.index:", printed, "one logger's level is lower")
            self.assertNotIn("computed fibonacci number", printed, "the others' is error")


class External(unittest.TestCase):
    def test_calls_https_and_trusts_only_whom_it_is_told_to(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = pathlib.Path(folder, "cert.pem"), pathlib.Path(folder, "key.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
                            certificate], check=True, capture_output=True)
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate, key)
            with Recorder(b'{"url": "https"}', tls) as echo, Stack() as stack:
                settings = {"ECHO_URL": f"https://localhost:{echo.port}/anything", "OTEL_SDK_DISABLED": "false",
                            "OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none",
                            "OTEL_LOGS_EXPORTER": "none"}
                status, body = request("GET", start_service(stack, **settings, SSL_CERT_FILE=str(certificate)) + "/external")
                self.assertEqual(status, 200, body)
                self.assertEqual(json.loads(body)["httpbin"], {"url": "https"})
                path, headers = echo.requests[-1]
                self.assertEqual(path, "/anything")
                self.assertEqual(headers["traceparent"], json.loads(body)["propagated"]["traceparent"])

                status, body = request("GET", start_service(stack, **settings, SSL_CERT_FILE="/dev/null") + "/external")
                self.assertEqual(status, 503, body)
                self.assertIn("error", json.loads(body))
                self.assertEqual(len(echo.requests), 1, "nothing was sent to who is not trusted")


class PythonClient(unittest.TestCase):
    def run_client(self, answer: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([UV, "run", "--no-project", "--quiet", "--with", "requests==2.34.2", "python", CLIENT,
                               *arguments], input=answer, capture_output=True, text=True,
                              env={**os.environ, **environment})

    def test_asks_how_many_calls_to_make(self) -> None:
        with Recorder(b'{"note": "hello"}') as service:
            run = self.run_client("2\n", DEMO_URL=f"http://127.0.0.1:{service.port}")
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual(run.stdout, "Enter max API calls to make: {'note': 'hello'}\n{'note': 'hello'}\n")
            self.assertEqual([path for path, _ in service.requests], ["/external", "/external"])

    def test_says_what_is_wrong_in_one_line(self) -> None:
        for answer, arguments, expected in (("", ["none"], "'none' is not a number of calls"),
                                            ("", ["1"], "nothing answers at http://127.0.0.1:9/external")):
            run = self.run_client(answer, *arguments, DEMO_URL="http://127.0.0.1:9")
            self.assertEqual(run.returncode, 1)
            self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)
            self.assertIn(expected, run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
