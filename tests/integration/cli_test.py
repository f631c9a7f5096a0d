"""The commands that ask: `signalbox services`, `logs`, `trace` and the others, on a real server and on a stopped one's folder."""

import contextlib
import http.server
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from stack import BIN, ROOT, Stack, make_certificate, request, wait_until

SECOND_NS = 1_000_000_000


def attribute(key: str, value: str) -> dict:
    return {"key": key, "value": {"stringValue": value}}


class Shop:
    """Telemetry of a shop: one checkout that fails in its payment, and its log lines."""

    def __init__(self) -> None:
        self.trace_id = os.urandom(16).hex()
        self.spans = {name: os.urandom(8).hex() for name in ("checkout", "cart", "select", "charge")}
        self.start = time.time_ns() - 30 * SECOND_NS

    def span(self, name: str, kind: int, start_ms: int, ms: int, parent: str = "", error: str = "") -> dict:
        start = self.start + start_ms * 1_000_000
        status = {"status": {"code": 2, "message": error}} if error else {}
        parent_id = {"parentSpanId": self.spans[parent]} if parent else {}
        return {"traceId": self.trace_id, "spanId": self.spans[name], "name": name, "kind": kind, "startTimeUnixNano": str(start),
                "endTimeUnixNano": str(start + ms * 1_000_000), **parent_id, **status}

    def traces(self) -> dict:
        def of(service: str, *spans: dict) -> dict:
            return {"resource": {"attributes": [attribute("service.name", service)]}, "scopeSpans": [{"spans": list(spans)}]}
        return {"resourceSpans": [
            of("shop", self.span("checkout", 2, 0, 300, error="payment refused"), self.span("cart", 1, 10, 40, "checkout"),
               {**self.span("select", 3, 15, 30, "cart"), "attributes": [
                   attribute("db.system.name", "postgresql"), attribute("db.namespace", "orders"),
                   attribute("db.query.summary", "SELECT items")]}),
            of("payment", self.span("charge", 2, 60, 230, "checkout", error="card declined"))]}

    def logs(self) -> dict:
        def record(name: str, severity: int, text: str) -> dict:
            return {"timeUnixNano": str(self.start + 200_000_000), "severityNumber": severity, "body": {"stringValue": text},
                    "traceId": self.trace_id, "spanId": self.spans[name], "attributes": [attribute("card", "visa")]}
        return {"resourceLogs": [{"resource": {"attributes": [attribute("service.name", "payment")]}, "scopeLogs": [{"logRecords": [
            record("charge", 17, "charge refused \x1b[2J"), record("charge", 9, "charging")]}]}]}

    def metrics(self) -> dict:
        points = [{"startTimeUnixNano": str(self.start), "timeUnixNano": str(self.start + i * SECOND_NS), "asInt": str(i * i),
                   "attributes": [attribute("currency", "EUR")]} for i in range(1, 20)]
        metric = {"name": "orders", "unit": "{order}", "sum": {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": points}}
        return {"resourceMetrics": [{"resource": {"attributes": [attribute("service.name", "shop")]},
                                     "scopeMetrics": [{"metrics": [metric]}]}]}

    def send_to(self, stack: Stack) -> None:
        for path, body in (("traces", self.traces()), ("logs", self.logs()), ("metrics", self.metrics())):
            status, answer = request("POST", f"{stack.scheme}://127.0.0.1:{stack.http_port}/v1/{path}", json.dumps(body).encode(),
                                     {"content-type": "application/json"})
            assert status == 200, answer


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIGNALBOX_")}
    return subprocess.run([BIN / "signalbox", *arguments], capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL,
                          env={**inherited, "TZ": "UTC", **environment})


class Server(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.stack = cls.enterClassContext(Stack())
        cls.stack.start_server()
        cls.shop = Shop()
        cls.shop.send_to(cls.stack)
        cls.stack.wait_for_rows(span_rows=4, log_rows=2)
        wait_until(lambda: cls.stack.api("metrics")["metrics"], "the metric is listed")

    def ask(self, *arguments: str, code: int = 0, **environment: str) -> str:
        ran = run(*arguments, SIGNALBOX_SERVER=self.stack.ui, **environment)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        self.assertNotIn("\x1b", ran.stdout)
        return ran.stdout

    def refused(self, *arguments: str, code: int) -> str:
        """The one line that says what is wrong."""
        ran = run(*arguments, SIGNALBOX_SERVER=self.stack.ui)
        self.assertEqual((ran.returncode, ran.stdout), (code, ""), ran.stderr)
        self.assertEqual(len(ran.stderr.splitlines()), 1, ran.stderr)
        self.assertTrue(ran.stderr.startswith("signalbox: "), ran.stderr)
        return ran.stderr

    def test_lists_services_with_their_rates(self) -> None:
        text = self.ask("services")
        self.assertRegex(text, r"(?m)^shop +\S+/s +100 % +300 ms")
        self.assertRegex(text, r"(?m)^payment ")
        text = self.ask("services", "shop", "--apdex", "1s")
        self.assertRegex(text, r"(?m)^checkout +\S+/s +100 % .* 0\.00$")
        self.assertNotIn("VERSION", text)  # It sends none.
        self.assertIn("such as 500ms", self.refused("services", "--apdex", "soon", code=2))

    def test_shows_calls_versions_and_the_graph(self) -> None:
        self.assertIn("signalbox services NAME", self.refused("services", "--calls", code=2))
        self.assertIn("no service.version", self.ask("services", "shop", "--versions"))
        self.assertTrue(json.loads(self.ask("services", "shop", "--versions", "--json"))["versions"])
        text = self.ask("services", "shop", "--calls")
        self.assertRegex(text, r"(?m)^postgresql orders +SELECT items +\S+/s +0 % +30 ms +30 ms +10 %$")
        self.assertIn(text, self.ask("services", "shop"))
        self.assertRegex(self.ask("services", "--graph"), r"(?m)^shop +→ +postgresql orders +\S+/s +0 % ")
        self.assertEqual(len(json.loads(self.ask("services", "--graph", "--json"))["edges"]), 1)
        self.refused("services", "payment", "--calls", code=1)

    def test_lists_errors(self) -> None:
        text = self.ask("errors")
        self.assertRegex(text, rf"(?m)^ +1 +\S+ s ago +payment +card declined +spans +\S+ +{self.shop.trace_id}$")
        self.assertRegex(text, r"(?m)^ +1 +\S+ s ago +payment +charge refused ␛")
        self.assertEqual(len(json.loads(self.ask("errors", "refused", "--signal", "logs", "--order", "new", "--json"))["errors"]), 1)
        self.assertEqual(self.ask("errors", "--service", "shop", "--limit", "1").count("\n"), 2)
        self.refused("errors", "no such error", code=1)

    def test_finds_traces_by_a_filter(self) -> None:
        for arguments in (("name = charge",), ("--filter", "name = charge"), ("--service", "payment"), ("--order", "slowest"),
                          ("--structure", "{ service.name = shop } > { status = error }")):
            self.assertRegex(self.ask("traces", *arguments), rf"✗ shop checkout .*{self.shop.trace_id}")

    def test_draws_a_trace(self) -> None:
        text = self.ask("trace", self.shop.trace_id.upper(), "--logs")
        self.assertRegex(text, r"(?m)^✗ shop checkout +300 ms +30 ms +█+$")
        self.assertRegex(text, r"(?m)^├─ cart +40 ms +10 ms ")
        self.assertRegex(text, r"(?m)^└─ ✗ payment charge +230 ms +230 ms ")
        self.assertRegex(text, r"(?m)^ +card declined$")
        self.assertRegex(text, r"(?m)^ +\S+ ERROR charge refused ␛\[2J$")
        traceparent = f"00-{self.shop.trace_id}-{self.shop.spans['cart']}-01"
        self.assertIn("checkout", self.ask("trace", traceparent))

    def test_prints_log_lines_with_the_newest_last(self) -> None:
        lines = self.ask("logs", "--trace", self.shop.trace_id).splitlines()
        self.assertEqual(len(lines), 2)
        self.assertTrue(all("payment" in line and "card=visa" in line for line in lines), lines)
        self.assertEqual(self.ask("logs", "charging").count("\n"), 1)
        self.assertIn("ERROR", self.ask("logs", "--severity", "warn"))
        patterns = self.ask("logs", "--patterns").splitlines()[1:]
        self.assertEqual([line.split()[0] for line in patterns], ["1", "1"])
        self.assertIn("charge refused ␛[#", patterns[0])
        in_context = self.ask("logs", "charging", "-C", "2").splitlines()
        self.assertEqual([line[:2] for line in in_context if "charging" in line], ["> "])
        self.assertTrue(all(line[:2] in ("> ", "  ") for line in in_context), in_context)
        answer = json.loads(self.ask("logs", "charging", "-C", "1", "--json"))
        self.assertEqual([record["body"]["value"] for record in answer["before"] + answer["after"]], ["charge refused \x1b[2J"])
        self.assertNotIn("INFO", self.ask("logs", "--severity", "warn"))

    def test_lists_and_draws_metrics(self) -> None:
        self.assertRegex(self.ask("metrics"), r"(?m)^orders +counter +\{order\}")
        text = self.ask("metrics", "orders", "--by", "currency", "--agg", "increase", "--step", "10s")
        self.assertIn("● currency=EUR", text)
        self.assertIn("┤", text)
        self.assertRegex(text, "[⠁-⣿]")

    def test_counts_by_groups_and_over_time(self) -> None:
        text = self.ask("query", "traces", "kind = server", "--agg", "count", "--agg", "p99:duration", "--by", "service.name", "--step", "1m")
        self.assertRegex(text, r"(?m)^SERVICE.NAME +COUNT +OVER TIME +P99\(DURATION\)")
        self.assertRegex(text, r"(?m)^payment +1 +[▁█]+ +230 ms ")
        self.assertEqual(self.ask("query", "logs", "--by", "severity", "--csv").splitlines()[0], "severity,count")
        self.assertIn("┤", self.ask("query", "metrics", "--metric", "orders", "--agg", "rate", "--chart"))
        self.assertIn("--agg", self.refused("query", "metrics", "--metric", "orders", code=2))
        self.assertIn("--metric", self.refused("query", "metrics", "--agg", "rate", code=2))
        self.assertIn("field", self.refused("query", "traces", "--agg", "p99", code=2))

    def test_sends_a_query_from_a_file(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"queries": {"a": {"signal": "traces", "aggregations": [{"op": "count"}]}}, "formulas": {"twice": "a * 2"}}, file)
            file.flush()
            self.assertEqual(json.loads(self.ask("query", "--file", file.name, "--json"))["results"]["twice"]["groups"][0]["values"], [8])
        self.refused("query", "--file", "/nowhere.json", code=2)

    def test_answers_sql(self) -> None:
        self.assertIn("shop,3\n", self.ask("sql", "SELECT service_name, count() FROM spans GROUP BY 1 ORDER BY 1", "--csv"))
        self.assertRegex(self.ask("sql"), r"(?m)^spans$")
        self.ask("sql", "SELECT 1 WHERE 0", code=1)
        self.refused("sql", "DROP TABLE spans", code=2)

    def test_prints_the_answer_of_the_api_as_it_is(self) -> None:
        for arguments, member in ((("services",), "services"), (("traces",), "traces"), (("logs",), "logs"), (("metrics",), "metrics"),
                                  (("metrics", "orders"), "series"), (("trace", self.shop.trace_id), "spans")):
            self.assertTrue(json.loads(self.ask(*arguments, "--json"))[member], arguments)

    def test_tells_by_its_exit_code_that_there_is_nothing(self) -> None:
        self.assertIn("--since", self.refused("logs", "'no such text'", code=1))
        self.refused("trace", "0" * 31 + "1", code=1)
        self.refused("services", "nobody", code=1)
        self.refused("metrics", "nothing", code=1)
        self.assertEqual(json.loads(self.ask("logs", "'no such text'", "--json", code=1))["logs"], [])

    def test_says_in_one_line_what_is_wrong(self) -> None:
        self.assertIn("position", self.refused("logs", "a = ", code=2))
        self.assertIn("yesterday", self.refused("logs", "--since", "soon", code=2))
        self.assertIn("did you mean logs?", self.refused("lgos", code=2))
        self.assertIn("signalbox logs --help", self.refused("logs", "--lmit", "3", code=2))
        self.assertIn("32 hexadecimal digits", self.refused("trace", "x", code=2))
        self.assertIn("signalbox serve", self.refused("logs", "--server", "http://127.0.0.1:1", code=3))
        self.assertIn("web UI", self.refused("logs", "--server", f"http://127.0.0.1:{self.stack.http_port}", code=4))
        self.refused("trace", self.shop.trace_id, "--server", f"http://127.0.0.1:{self.stack.http_port}", code=4)
        self.refused("logs", "--server", f"http://127.0.0.1:{self.stack.grpc_port}", code=4)
        self.assertIn("in use", self.refused("logs", "--data", str(self.stack.data), code=3))

    def test_reads_the_folder_of_a_stopped_server(self) -> None:
        with Stack() as stack:
            server = stack.start_server()
            self.shop.send_to(stack)
            stack.stop(server, with_signal=9)  # What it acknowledged is in the log, perhaps not in the tables.
            for _ in range(2):
                ran = run("trace", self.shop.trace_id, "--data", str(stack.data))
                self.assertEqual(ran.returncode, 0, ran.stderr)
                self.assertIn("card declined", ran.stdout)
            stack.start_server()
            self.assertEqual(len(stack.trace(self.shop.trace_id)["spans"]), 4)

    def test_makes_no_data_folder(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            self.refused("logs", "--data", str(folder / "none"), code=3)
            self.refused("logs", "--data", str(folder), code=3)
            self.assertEqual(list(folder.iterdir()), [])

    def test_examines_a_server_that_runs(self) -> None:
        environment = {f"SIGNALBOX_{name}_ADDRESS": f"127.0.0.1:{port}" for name, port in (
            ("GRPC", self.stack.grpc_port), ("HTTP", self.stack.http_port), ("UI", self.stack.ui_port))}
        ran = run("doctor", "--data", str(self.stack.data), **environment)
        for name in ("web UI", "OTLP/gRPC", "OTLP/HTTP"):
            self.assertRegex(ran.stdout, rf"(?m)^✓ port .*\({name}\) is answered by Signalbox$")
        self.assertRegex(ran.stdout, r"(?m)^✓ engine ")
        found = json.loads(run("doctor", "--json", "--data", str(self.stack.data), **environment).stdout)
        self.assertIn("telemetry", {one["check"] for one in found["findings"]})

        swapped = run("doctor", "--data", str(self.stack.data), **{
            **environment, "SIGNALBOX_HTTP_ADDRESS": environment["SIGNALBOX_GRPC_ADDRESS"]})
        self.assertEqual(swapped.returncode, 4)
        self.assertRegex(swapped.stdout, r"(?m)^✗ port .*\(OTLP/HTTP\) is taken by Signalbox's OTLP/gRPC$")

    def test_examines_the_folder_of_a_stopped_server(self) -> None:
        with Stack() as stack:
            environment = {f"SIGNALBOX_{name}_ADDRESS": f"127.0.0.1:{port}" for name, port in (
                ("GRPC", stack.grpc_port), ("HTTP", stack.http_port), ("UI", stack.ui_port))}
            arguments = ("doctor", "--data", str(stack.data))
            self.assertIn("no data in", run(*arguments, **environment).stdout)
            self.assertFalse(stack.data.exists())
            server = stack.start_server()
            self.shop.send_to(stack)
            stack.stop(server, with_signal=9)
            text = run(*arguments, **environment).stdout
            self.assertRegex(text, r"(?m)^✓ port .*\(OTLP/gRPC\) is free$")
            self.assertRegex(text, r"(?m)^✓ log +\d+ requests")
            self.assertRegex(text, r"(?m)^✓ engine .* tables and views$")
            with open(stack.data / "log" / "0000000000000001.log", "r+b") as segment:
                segment.seek(300)
                segment.write(b"damage")
            damaged = run(*arguments, **environment)
            self.assertRegex(damaged.stdout, r"(?m)^✗ log .*cannot be read$")
            self.assertEqual(damaged.returncode, 4)

    def test_trusts_a_certificate_that_is_named(self) -> None:
        with Stack() as stack:
            certificate, key = make_certificate(stack.folder)
            stack.start_server("--tls-cert", str(certificate), "--tls-key", str(key))
            self.shop.send_to(stack)
            wait_until(lambda: stack.trace(self.shop.trace_id), "the trace is stored")
            arguments = ("trace", self.shop.trace_id, "--server", stack.ui)
            self.assertEqual(run(*arguments, "--ca", str(certificate)).returncode, 0)
            self.assertEqual(run(*arguments, "--insecure").returncode, 0)
            self.assertIn("--ca", self.refused(*arguments, code=3))
            self.assertIn("https", self.refused("trace", self.shop.trace_id, "--server", stack.ui.replace("https", "http"), code=4))

    def test_colours_only_where_they_are_wanted(self) -> None:
        self.assertIn("\x1b[", run("services", "--color", "always", SIGNALBOX_SERVER=self.stack.ui).stdout)
        if not shutil.which("script"):
            raise unittest.SkipTest("there is no script(1) here, which makes a terminal")
        def on_terminal(**environment: str) -> str:
            return subprocess.run(["script", "-qec", f"{BIN}/signalbox services --server {self.stack.ui}", "/dev/null"], text=True,
                                  capture_output=True, stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm", **environment}).stdout
        self.assertIn("\x1b[", on_terminal())
        self.assertNotIn("\x1b[", on_terminal(NO_COLOR="1"))

    def test_runs_the_examples_of_its_document(self) -> None:
        """As somebody would who copies them: each block in a shell, which ends at the first failure."""
        text = (ROOT / "docs" / "cli.md").read_text()
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        self.assertGreater(len(blocks), 4)
        for block in blocks:
            with tempfile.TemporaryDirectory() as folder:
                ran = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=folder, capture_output=True, text=True, timeout=60,
                                     env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "SIGNALBOX_SERVER": self.stack.ui})
            self.assertEqual(ran.returncode, 0, block + ran.stdout + ran.stderr)

    def test_tells_both_versions(self) -> None:
        self.assertRegex(self.ask("version"), r"signalbox \d+\.\d+\.\d+\nserver \d+")
        unreachable = run("version", SIGNALBOX_SERVER="http://127.0.0.1:1")
        self.assertRegex(unreachable.stdout, r"signalbox \d.*\nno server: .*\n")
        self.assertEqual(unreachable.returncode, 3, "the server that was named")


class Stream(contextlib.AbstractContextManager):
    """A server that answers each request for a tail with the next of `answers`, and then ends the connection."""

    def __init__(self, *answers: bytes) -> None:
        left = list(answers)
        stream = self
        self.targets: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                stream.targets.append(self.path)
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                self.wfile.write(left.pop(0))

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def event(name: str, data: dict) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


class Tail(unittest.TestCase):
    LOG = {"time": "1764597600000000000", "severity": "warn", "service_name": "shop", "body": {"type": "string", "value": "slow"}}
    SPAN = {"start_time": "1764597600000000000", "duration_ns": "342000000", "service_name": "shop", "name": "GET /", "trace_id": "ab",
            "status": {"code": "error"}}

    def test_prints_records_and_connects_again(self) -> None:
        with Stream(b": hello\n\n" + event("record", self.LOG) + event("missed", {"count": 7, "unchecked": 20}), event("record", self.LOG)) as server:
            ran = run("tail", "logs", "severity >= warn", "--service", "shop", "--limit", "2", "--server", server.url)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertEqual(ran.stdout, "14:00:00.000 WARN  shop slow\n" * 2)
            self.assertIn("missed 7 records", ran.stderr)
            self.assertIn("of 20 more", ran.stderr)
            self.assertIn("again in 1 s", ran.stderr)
            self.assertEqual(server.targets, ["/api/v1/tail?signal=logs&q=severity%20%3E%3D%20warn&service=shop"] * 2)

    def test_prints_spans_and_json(self) -> None:
        with Stream(event("record", self.SPAN), event("record", self.SPAN)) as server:
            arguments = ("tail", "traces", "--limit", "1", "--server", server.url)
            self.assertEqual(run(*arguments).stdout, "14:00:00.000   342 ms shop ✗ GET / ab\n")
            self.assertEqual(json.loads(run(*arguments, "--json").stdout), self.SPAN)

    def test_prints_points_of_metrics(self) -> None:
        point = {"time": "1764597600000000000", "service_name": "shop", "metric": {"name": "orders", "type": "sum", "unit": "{order}"},
                 "attributes": [{"key": "currency", "type": "string", "value": "EUR"}], "value": {"type": "int", "value": "7"}}
        histogram = {**point, "value": None, "count": "3", "sum": 0.6}
        with Stream(event("record", point) + event("record", histogram)) as server:
            self.assertEqual(run("tail", "metrics", "--limit", "2", "--server", server.url).stdout,
                             "14:00:00.000 shop orders 7 {order} currency=EUR\n14:00:00.000 shop orders count 3 sum 0.6 currency=EUR\n")

    def test_follows_a_real_server_through_its_restart_until_ctrl_c(self) -> None:
        with Stack() as stack:
            stack.start_server()
            with subprocess.Popen([BIN / "signalbox", "tail", "-q", "body CONTAINS 'charge refused'", "--server", stack.ui],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1) as tail:
                def sends_until_shown() -> bool:
                    body = json.dumps(Shop().logs()).encode()  # Other bytes each time: the same are received once.
                    request("POST", f"http://127.0.0.1:{stack.http_port}/v1/logs", body, {"content-type": "application/json"})
                    return bool(select.select([tail.stdout], [], [], 0.5)[0])
                wait_until(sends_until_shown, "the tail shows a line")
                self.assertRegex(tail.stdout.readline(), r"ERROR payment charge refused .*card=visa\n")
                stack.stop(stack.server)
                self.assertRegex(tail.stderr.readline(), r"the connection broke; again in \d+ s")
                stack.start_server()
                while select.select([tail.stdout], [], [], 0)[0]:
                    tail.stdout.readline()
                wait_until(sends_until_shown, "the tail shows a line again")
                tail.send_signal(signal.SIGINT)
                self.assertEqual(tail.wait(10), -signal.SIGINT)

    def test_ends_with_the_reason_when_the_server_refuses(self) -> None:
        with Stack() as stack:
            stack.start_server()
            refused = run("tail", "traces", "is_entry_point = true", "--server", stack.ui)
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn("is_entry_point", refused.stderr)
            self.assertEqual(run("tail", "spans", "--server", stack.ui).returncode, 2)

    def test_says_that_nobody_listens(self) -> None:
        self.assertEqual(run("tail", "--server", "http://127.0.0.1:1").returncode, 3)


class Shells(unittest.TestCase):
    """Completion and the manual page, which come of the description that reads the arguments."""

    def complete(self, *words: str) -> set[str]:
        """What bash offers for the last word."""
        script = ('source <(signalbox completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _signalbox; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        ran = subprocess.run(["bash", "--norc", "-c", script, "bash", "signalbox", *words], capture_output=True, text=True, timeout=60,
                             cwd=ROOT, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
        self.assertEqual(ran.stderr, "")
        return set(ran.stdout.split())

    def test_bash_completes_commands_options_and_values(self) -> None:
        self.assertEqual(self.complete("lo"), {"logs"})
        self.assertEqual(self.complete("keys", ""), {"create", "list", "revoke"})
        self.assertEqual(self.complete("logs", "--sev"), {"--severity"})
        self.assertEqual(self.complete("logs", "--severity", ""), {"trace", "debug", "info", "warn", "error", "fatal"})
        self.assertEqual(self.complete("logs", "--severity", "=", "w"), {"warn"})
        self.assertEqual(self.complete("query", "t"), {"traces"})
        self.assertEqual(self.complete("logs", "--service", "keys", "--wi"), {"--wide"})
        self.assertEqual(self.complete("logs", "--service", ""), set())
        self.assertEqual(self.complete("serve", "--data", "tes"), {"tests"})

    def test_bash_knows_every_command_and_option_of_the_help(self) -> None:
        commands = re.findall(r"(?m)^  ([a-z]+) {2,}", run("--help").stdout)
        self.assertIn("doctor", commands)
        self.assertEqual(set(commands), self.complete(""))
        for command in commands:
            found = re.findall(r"(?m)^  (-\w)?,?(--[a-z-]+)", run(command, "--help").stdout)
            options = {name for names in found for name in names if name}
            self.assertEqual(options, self.complete(command, "-"), command)

    def test_bash_completes_on_the_tab_key(self) -> None:
        process, terminal = pty.fork()
        if process == 0:
            os.environ.update(PATH=f"{BIN}:{os.environ['PATH']}", PS1="$ ", TERM="dumb")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        try:
            # The key at the line's beginning makes an echo of what was completed.
            os.write(terminal, b"source <(signalbox completion bash)\n")
            os.write(terminal, b"signalbox keys rev\t\x01echo got: \n exit\n")
            seen = b""
            deadline = time.monotonic() + 30
            while not re.search(rb"(?m)^got: signalbox keys revoke", seen) and time.monotonic() < deadline:
                if select.select([terminal], [], [], 1)[0]:
                    seen += os.read(terminal, 65536)
            self.assertRegex(seen.decode(errors="replace"), r"(?m)^got: signalbox keys revoke")
        finally:
            os.kill(process, 9)
            os.waitpid(process, 0)
            os.close(terminal)

    def test_the_scripts_are_what_the_shells_understand(self) -> None:
        for shell in ("bash", "zsh", "fish"):
            if not shutil.which(shell):
                continue
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(run("completion", shell).stdout)
                file.flush()
                ran = subprocess.run([shell, "-n", file.name], capture_output=True, text=True, timeout=60)
                self.assertEqual((ran.returncode, ran.stderr), (0, ""), shell)
        if shutil.which("fish"):
            ran = subprocess.run(["fish", "--no-config", "-c", "signalbox completion fish | source; complete -C 'signalbox logs --severity w'"],
                                 capture_output=True, text=True, timeout=60, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
            self.assertEqual(ran.stdout.split("\t")[0], "warn", ran.stderr)

    def test_the_manual_page_is_right(self) -> None:
        page = run("man").stdout
        self.assertIn(".SS \\fBsignalbox logs", page)
        with tempfile.NamedTemporaryFile("w", suffix=".1") as file:
            file.write(page)
            file.flush()
            for command in (["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", file.name],
                            ["mandoc", "-Tlint", "-W", "warning", file.name]):
                if not shutil.which(command[0]):
                    continue
                ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
                # The page has no date, so that a build can be made twice.
                wrong = [line for line in (ran.stderr + ("" if command[0] == "man" else ran.stdout)).splitlines() if "missing date" not in line]
                self.assertEqual(wrong, [], command[0])


if __name__ == "__main__":
    unittest.main()
