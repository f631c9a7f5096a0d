#!/usr/bin/env python3
"""Runs the tour: server, echo service, demo service, one call of the Python client, load generator.

usage: demo/run.py [--uv PATH] [--duration SECONDS] [--data DIR] [--tls]

With --tls the server gets a certificate made for the occasion and an ingestion key: the services export to an
https endpoint with SIGNOZ_INGESTION_KEY, and the UI is at an https address.

Prints the UI's address and a link to the trace of the client's call, then runs until Ctrl-C or for SECONDS,
and stops everything it started. Ports are those of the environment variables DEMO_UI_PORT (8080),
DEMO_GRPC_PORT (4317), DEMO_HTTP_PORT (4318), DEMO_SERVICE_PORT (8085) and DEMO_ECHO_PORT (8086).
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("SIGNALBOX_BIN", ROOT / "build" / "bin"))
PORTS = {  # Variable: default, who listens there.
    "DEMO_UI_PORT": (8080, "Signalbox's UI and API"),
    "DEMO_GRPC_PORT": (4317, "OTLP/gRPC"),
    "DEMO_HTTP_PORT": (4318, "OTLP/HTTP"),
    "DEMO_SERVICE_PORT": (8085, "the demo service"),
    "DEMO_ECHO_PORT": (8086, "the echo service"),
}
CLIENT_PACKAGES = (
    "opentelemetry-distro==0.66b2",
    "opentelemetry-exporter-otlp==1.45.2",
    "opentelemetry-instrumentation-requests==0.66b2",
)
CLIENT_NAME = "py-cpp-client"


class DemoError(Exception):
    """What went wrong and what to do, in one line."""


def say(text: str) -> None:
    print(text, flush=True)


def chosen_ports() -> dict[str, int]:
    """The ports to use; raises DemoError naming the variable of one that is taken."""
    ports = {}
    for variable, (default, owner) in PORTS.items():
        text = os.environ.get(variable, str(default))
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise DemoError(f"{variable}={text} is not a port: give a number from 1 to 65535")
        ports[variable] = int(text)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", ports[variable]))
            except OSError:
                raise DemoError(f"port {text} for {owner} is in use: stop what listens there, or choose another "
                                f"one, e.g. {variable}={int(text) + 10000} make demo") from None
    return ports


class Tour:
    """The processes of the tour, each with its output in a file of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.processes: dict[str, subprocess.Popen] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, *arguments: str, env: dict[str, str] | None = None) -> None:
        program = BIN / name
        if not program.exists():
            raise DemoError(f"{program} is missing: run make build")
        # Its own process group: Ctrl-C reaches only this script, which stops everything in order.
        with open(self.folder / f"{name}.log", "wb") as log:
            self.processes[name] = subprocess.Popen(
                [program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})}, start_new_session=True)

    def check(self) -> None:
        """Raises DemoError if a process that should run has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = self.folder / f"{name}.log"
                last = (log.read_text(errors="replace").strip().splitlines() or ["(it said nothing)"])[-1]
                raise DemoError(f"{name} ended: {last} (all of it is in {log})")

    def wait_for(self, condition, what: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise DemoError(f"{what} did not happen within {timeout_s:.0f} s; the logs are in {self.folder}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stops what was started last first, so that telemetry still finds the server."""
        for name, process in reversed(list(self.processes.items())):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    say(f"  {name} did not stop within 10 s and was killed")


def get_json(url: str, trusted: ssl.SSLContext | None) -> dict | None:
    """The JSON at `url`, or None if nothing answers with it."""
    try:
        with urllib.request.urlopen(url, timeout=5, context=trusted) as response:
            return json.load(response)
    except (OSError, ValueError):
        return None


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Plain:
    """Everything over http, and exporting without a key."""

    data = "data"
    note = ""
    trusted: ssl.SSLContext | None = None
    server: tuple[str, ...] = ()
    service_environment: dict[str, str] = {}
    client_environment: dict[str, str] = {}

    @staticmethod
    def endpoint(port: int) -> str:
        return f"http://localhost:{port}"


class Tls(Plain):
    """Everything over https, and exporting with an ingestion key, as to a backend elsewhere.

    Data of its own: its folder asks for keys.
    """

    data = "data-tls"
    note = "  (the browser does not know the certificate, which was made just now)"

    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = folder / "certificate.pem", folder / "certificate-key.pem"
        self.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                 "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
                 "-out", certificate)
        data = ("--data", folder / self.data)
        if (folder / self.data / "keys.json").exists():
            self.run(BIN / "signalbox", "keys", "revoke", "demo", *data, may_fail=True)
        ingestion_key = self.run(BIN / "signalbox", "keys", "create", "demo", *data).split()[0]
        self.trusted = ssl.create_default_context(cafile=certificate)
        self.server = ("--tls-cert", str(certificate), "--tls-key", str(key))
        self.service_environment = {"SIGNOZ_INGESTION_KEY": ingestion_key, "OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificate)}
        self.client_environment = {"OTEL_EXPORTER_OTLP_HEADERS": f"signoz-ingestion-key={ingestion_key}",
                                   "OTEL_EXPORTER_OTLP_CERTIFICATE": str(certificate)}

    @staticmethod
    def endpoint(port: int) -> str:
        return f"https://localhost:{port}"

    @staticmethod
    def run(*command: object, may_fail: bool = False) -> str:
        try:
            run = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        except FileNotFoundError:
            raise DemoError(f"{command[0]} is missing: install it, or run the demo without TLS") from None
        if run.returncode != 0 and not may_fail:
            raise DemoError(f"{command[0]} failed: {(run.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
        return run.stdout


def call_client(uv: str, ports: dict[str, int], way: Plain) -> None:
    """One call of the Python client, instrumented by opentelemetry-instrument alone."""
    packages = [argument for package in CLIENT_PACKAGES for argument in ("--with", package)]
    run = subprocess.run(
        [uv, "run", "--no-project", "--quiet", *packages, "opentelemetry-instrument", "python",
         ROOT / "demo" / "client" / "python_client.py", "1"],
        env={**os.environ, "OTEL_SERVICE_NAME": CLIENT_NAME, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
             "OTEL_EXPORTER_OTLP_ENDPOINT": way.endpoint(ports["DEMO_GRPC_PORT"]), **way.client_environment,
             "DEMO_URL": f"http://localhost:{ports['DEMO_SERVICE_PORT']}"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    if run.returncode != 0:
        last = (run.stderr.strip().splitlines() or run.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise DemoError(f"the Python client failed: {last} (its packages come from the network at the first run)")
    say(f"  {run.stdout.strip()}")


def client_trace(ui: str, trusted: ssl.SSLContext | None, since_ns: int) -> str | None:
    """The id of the client's trace once the spans of all three services are there."""
    query = urllib.parse.urlencode({"service": CLIENT_NAME, "start": since_ns, "include": "rows"})
    answer = get_json(f"{ui}/api/v1/traces?{query}", trusted)
    for trace in (answer or {}).get("traces", []):
        if len(trace["services"]) >= 3:
            return trace["trace_id"]
    return None


def run(options: argparse.Namespace) -> None:
    uv = options.uv or shutil.which("uv")
    if uv is None or not pathlib.Path(uv).exists():
        raise DemoError("uv is missing, which runs the Python client: run make demo, which installs it")
    ports = chosen_ports()
    resource = "service.version=0.1.0,deployment.environment=dev"
    way = Tls(options.data) if options.tls else Plain()
    ui = way.endpoint(ports["DEMO_UI_PORT"])
    otlp = {"OTEL_EXPORTER_OTLP_ENDPOINT": way.endpoint(ports["DEMO_GRPC_PORT"]), **way.service_environment,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_METRIC_EXPORT_INTERVAL": os.environ.get("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
            "OTEL_BSP_SCHEDULE_DELAY": os.environ.get("OTEL_BSP_SCHEDULE_DELAY", "1000")}
    tour = Tour(options.data)
    try:
        say("Starting the server")
        started = time.monotonic()
        tour.start("signalbox", "serve", "--data", str(options.data / way.data),
                   "--grpc-address", f"127.0.0.1:{ports['DEMO_GRPC_PORT']}",
                   "--http-address", f"127.0.0.1:{ports['DEMO_HTTP_PORT']}",
                   "--ui-address", f"127.0.0.1:{ports['DEMO_UI_PORT']}", *way.server)
        tour.wait_for(lambda: get_json(f"{ui}/api/v1/status", way.trusted), "the start of the server", 30)
        say(f"  ready after {time.monotonic() - started:.2f} s, its folder is {options.data / way.data}")

        say("Starting the echo service and the demo service")
        tour.start("demo-echo", "--port", str(ports["DEMO_ECHO_PORT"]),
                   env={**otlp, "OTEL_RESOURCE_ATTRIBUTES": f"service.name=demo-echo,{resource}"})
        tour.start("demo-service", "--port", str(ports["DEMO_SERVICE_PORT"]),
                   env={**otlp, "OTEL_RESOURCE_ATTRIBUTES": f"service.name=demo-service,{resource}",
                        "ECHO_URL": f"http://localhost:{ports['DEMO_ECHO_PORT']}/anything"})
        for variable in ("DEMO_ECHO_PORT", "DEMO_SERVICE_PORT"):
            tour.wait_for(lambda port=ports[variable]: listening(port), f"the start of {PORTS[variable][1]}", 15)

        say("Calling the demo service from Python, instrumented from outside by opentelemetry-instrument")
        since_ns = time.time_ns() - 1_000_000_000
        call_client(uv, ports, way)
        found: list[str] = []

        def trace_is_there() -> bool:
            found[:] = filter(None, [client_trace(ui, way.trusted, since_ns)])
            return bool(found)

        tour.wait_for(trace_is_there, "the arrival of the client's trace with its three services", 30)

        say("Starting the load generator")
        tour.start("demo-loadgen", "--url", f"http://localhost:{ports['DEMO_SERVICE_PORT']}", "--rate", "20",
                   "--duration", "0")
        say(f"\n  UI           {ui}{way.note}\n  This trace   {ui}/traces/{found[0]}\n"
            f"  Demo         http://localhost:{ports['DEMO_SERVICE_PORT']}   e.g. "
            f"curl -i localhost:{ports['DEMO_SERVICE_PORT']}/fibonacci -d '{{\"number\": 20111111}}'\n"
            f"  Logs         {options.data}/*.log\n")
        say(f"Running for {options.duration} s" if options.duration else "Running until Ctrl-C")
        end = time.monotonic() + options.duration if options.duration else float("inf")
        while time.monotonic() < end:
            tour.check()
            time.sleep(0.2)
    finally:
        say("Stopping everything")
        tour.stop()
        summary = options.data / "demo-loadgen.log"
        if "demo-loadgen" in tour.processes and summary.exists():
            say(re.sub(r"(?m)^", "  ", summary.read_text(errors="replace").strip()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uv", help="path of uv; by default the one on the PATH")
    parser.add_argument("--duration", type=float, default=0, help="seconds to run; 0: until Ctrl-C")
    parser.add_argument("--tls", action="store_true", help="speak https everywhere, and export with an ingestion key")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "build" / "demo",
                        help="folder for the server's data and the logs of all processes")
    options = parser.parse_args()
    options.data = options.data.resolve()
    # Everything here talks over loopback, also where a proxy is set for the rest of the world.
    for variable in ("NO_PROXY", "no_proxy"):
        os.environ[variable] = ",".join(filter(None, [os.environ.get(variable), "localhost,127.0.0.1"]))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    try:
        run(options)
    except KeyboardInterrupt:
        return 0  # The way the tour is meant to end.
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
