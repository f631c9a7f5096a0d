"""Starts Signalbox's own programs for tests and benchmarks: real processes, free ports, a temporary folder.

Standard library only. Every process is stopped when its Stack is closed, whatever happened in between.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("SIGNALBOX_BIN", ROOT / "build" / "bin"))
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1"  # All of it is loopback.
# What a test counts is what it sent: the server's own telemetry only where a test asks for it.
os.environ["SIGNALBOX_SELF_TELEMETRY"] = "off"


_LOCKED_PORTS = []  # Open files: the locks end with the process.


def free_port() -> int:
    """A loopback port that nothing listens on, and that nobody takes before this process has ended.

    Not one of the kernel's choice: another test's outgoing connection could be given it between two starts of a
    server. Tests that run beside this one leave it alone because of a lock.
    """
    first_of_the_kernels = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    folder = pathlib.Path(tempfile.gettempdir()) / "signalbox-test-ports"
    folder.mkdir(exist_ok=True)
    for port in random.sample(range(10_000, first_of_the_kernels), 1000):
        lock = open(folder / str(port), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _LOCKED_PORTS.append(lock)
        return port
    raise RuntimeError(f"no port from 10000 to {first_of_the_kernels - 1} is free")


def wait_until(condition, what: str, timeout_s: float = 20.0, interval_s: float = 0.05):
    """Returns the first true value of `condition()`; raises TimeoutError naming `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout_s} s still not: {what}")
        time.sleep(interval_s)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def trusting_any_certificate() -> ssl.SSLContext:
    """For servers whose certificate was made for one test."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def make_certificate(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """A certificate of localhost that signs itself, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                    "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
                    "-out", certificate], check=True, capture_output=True)
    return certificate, key


def request(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None,
            timeout_s: float = 30.0, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
    """Status and body of one HTTP exchange, error statuses included; https takes any certificate without a context."""
    call = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    if url.startswith("https:"):
        context = context or trusting_any_certificate()
    try:
        with urllib.request.urlopen(call, timeout=timeout_s, context=context) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def resident_mib(pid: int) -> float:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) / 1024


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Stack(contextlib.AbstractContextManager):
    """A server and whatever is started beside it."""

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="signalbox-test-"))
        self.data = self.folder / "data"
        self.grpc_port, self.http_port, self.ui_port = free_port(), free_port(), free_port()
        self.scheme = "http"  # Of all three ports.
        self.server: subprocess.Popen | None = None
        self._processes: list[subprocess.Popen] = []

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            self.stop(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name: str, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen:
        """Starts build/bin/`name`; its output goes to `log(name)`."""
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen([BIN / name, *arguments], stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        self._processes.append(process)
        return process

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def stop(self, process: subprocess.Popen, with_signal: int = signal.SIGTERM,
             timeout_s: float = 20.0) -> int:
        """Ends a process and returns its exit status; SIGKILL if it does not end in time."""
        if process.poll() is None:
            process.send_signal(with_signal)
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
        return process.returncode

    def start_server(self, *arguments: str) -> subprocess.Popen:
        """Starts the server on this stack's folder and ports and waits until it answers."""
        self.scheme = "https" if "--tls-cert" in arguments else "http"
        self.server = self.start(
            "signalbox", "serve", "--data", str(self.data),
            "--grpc-address", f"127.0.0.1:{self.grpc_port}",
            "--http-address", f"127.0.0.1:{self.http_port}",
            "--ui-address", f"127.0.0.1:{self.ui_port}", *arguments)
        wait_until(lambda: self.server.poll() is not None or self.answers(), "the server answers")
        if self.server.poll() is not None:
            raise RuntimeError(f"the server ended at once:\n{self.log('signalbox')}")
        return self.server

    def answers(self) -> bool:
        try:
            return request("GET", f"{self.ui}/api/v1/status", timeout_s=2)[0] == 200
        except OSError:
            return False

    @property
    def ui(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.ui_port}"

    def otlp_environment(self) -> dict[str, str]:
        """What makes an OpenTelemetry client send to this server, often enough for a test."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.grpc_port}",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
        }

    def api(self, path: str, **parameters: object) -> dict:
        """The JSON answer of GET /api/v1/`path`; raises on any status but 200."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        status, body = request("GET", f"{self.ui}/api/v1/{path}" + (f"?{query}" if query else ""))
        if status != 200:
            raise AssertionError(f"GET /api/v1/{path}?{query}: {status} {body.decode(errors='replace')}")
        return json.loads(body)

    def trace(self, trace_id: str) -> dict | None:
        """A trace as the API shows it, or None while nothing of it is stored."""
        status, body = request("GET", f"{self.ui}/api/v1/traces/{trace_id}")
        if status == 404:
            return None
        if status != 200:
            raise AssertionError(f"GET /api/v1/traces/{trace_id}: {status} {body!r}")
        return json.loads(body)

    def wait_for_rows(self, timeout_s: float = 20.0, **rows: int) -> None:
        """Until the tables have so many rows, such as span_rows=2: what is acknowledged is visible a little later."""
        def counted() -> bool:
            tables = {table["name"]: int(table["rows"]) for table in self.api("status")["tables"]}
            return all(tables.get(name) == count for name, count in rows.items())
        wait_until(counted, f"the tables have {rows}", timeout_s)

    def send_spans(self, count: int, service: str = "probe") -> str:
        """Sends `count` spans of one new trace over OTLP/HTTP JSON; returns its id once acknowledged."""
        trace_id = os.urandom(16).hex()
        now = time.time_ns()
        spans = [{"traceId": trace_id, "spanId": os.urandom(8).hex(), "name": f"operation {i}", "kind": 2,
                  "startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 1_000_000)}
                 for i in range(count)]
        attributes = [{"key": "service.name", "value": {"stringValue": service}}]
        body = json.dumps({"resourceSpans": [{"resource": {"attributes": attributes},
                                              "scopeSpans": [{"spans": spans}]}]}).encode()
        status, answer = request("POST", f"http://127.0.0.1:{self.http_port}/v1/traces", body,
                                 {"content-type": "application/json"})
        if status != 200:
            raise AssertionError(f"POST /v1/traces: {status} {answer!r}")
        return trace_id


def attributes_of(record: dict) -> dict[str, str]:
    """The attributes of a span, log record or resource of the API, values as text."""
    return {attribute["key"]: attribute["value"] for attribute in record["attributes"]}
