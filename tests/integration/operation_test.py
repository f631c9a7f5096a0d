"""What an operator does with the real program: configures it, and is kept from leaving it open to others."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

from stack import BIN, ROOT, Stack, make_certificate, request, wait_until


def signalbox(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the program to its end."""
    return subprocess.run([BIN / "signalbox", *arguments], capture_output=True, text=True, timeout=60,
                          env={**environment}, stdin=subprocess.DEVNULL)


def grpc_export(stack: Stack, header: str) -> str:
    """The headers and trailers that answer an empty OTLP/gRPC export."""
    url = f"http://127.0.0.1:{stack.grpc_port}/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    run = subprocess.run(["curl", "--silent", "--verbose", "--http2-prior-knowledge", "--header", "content-type: "
                          "application/grpc", "--header", "te: trailers", "--header", header, "--data-binary", "@-", url],
                         input=b"\0\0\0\0\0", capture_output=True, timeout=30, check=True)
    return run.stderr.decode()


class Configuration(unittest.TestCase):
    def test_comes_from_the_file_and_is_shown_with_its_origin(self) -> None:
        with Stack() as stack:
            file = stack.folder / "box.yaml"
            file.write_text(f"data: {stack.data}\nhttp-address: 127.0.0.1:{stack.http_port}\n"
                            f"grpc-address: 127.0.0.1:{stack.grpc_port}\nui-address: 127.0.0.1:{stack.ui_port}\n")
            check = signalbox("config", "check", str(file), SIGNALBOX_QUEUE_MIB="9")
            self.assertEqual(check.returncode, 0, check.stderr)
            self.assertRegex(check.stdout, rf"data +{stack.data} +{file}:1\n")
            self.assertRegex(check.stdout, r"queue-mib +9 +SIGNALBOX_QUEUE_MIB\n")

            stack.start("signalbox", "serve", "--config", str(file))
            wait_until(stack.answers, "the server answers where the file says")
            self.assertTrue(stack.data.is_dir())

    def test_by_a_mistyped_variable_is_told(self) -> None:
        with Stack() as stack:
            told = "SIGNALBOX_MAXDISK is not a setting's variable and holds for nothing; did you mean SIGNALBOX_MAX_DISK?"
            self.assertIn(told, signalbox("config", "check", SIGNALBOX_MAXDISK="1GiB").stdout)
            refused = signalbox("serve", "--data", str(stack.data), "--ui-address", "0.0.0.0:0", SIGNALBOX_MAXDISK="1GiB")
            self.assertIn(told, refused.stdout)

    def test_that_is_wrong_names_the_line(self) -> None:
        with Stack() as stack:
            file = stack.folder / "box.yaml"
            file.write_text("# The queue.\nqueue-mib: many\n")
            for arguments in (("config", "check", str(file)), ("serve", "--config", str(file))):
                run = signalbox(*arguments)
                self.assertEqual(run.returncode, 2)
                self.assertIn(f"{file}:2: queue-mib:", run.stderr)


class Exposure(unittest.TestCase):
    def test_to_other_machines_is_refused_unless_allowed(self) -> None:
        for option in ("--grpc-address", "--http-address", "--ui-address"):
            with Stack() as stack:
                ports = ["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0", "--ui-address", "127.0.0.1:0"]
                ports[ports.index(option) + 1] = "0.0.0.0:0"
                run = signalbox("serve", "--data", str(stack.data), *ports)
                self.assertEqual(run.returncode, 1, option)
                self.assertIn(f"{option} 0.0.0.0:0", run.stderr)
                self.assertIn("--insecure", run.stderr)
                self.assertFalse(stack.data.exists(), "nothing was begun")

                stack.start("signalbox", "serve", "--data", str(stack.data), *ports, env={"SIGNALBOX_INSECURE": "true"})
                wait_until(lambda s=stack: "is ready" in s.log("signalbox"), "the server starts")
                self.assertIn(f"--insecure: whoever reaches {option} 0.0.0.0:0", stack.log("signalbox"))


class IngestionKeys(unittest.TestCase):
    def send(self, stack: Stack, **headers: str) -> tuple[int, bytes]:
        return request("POST", f"http://127.0.0.1:{stack.http_port}/v1/traces", b"{}",
                       {"content-type": "application/json", **headers})

    def test_made_and_revoked_while_the_server_runs_hold_for_both_ports(self) -> None:
        with Stack() as stack:
            stack.start_server()
            self.assertEqual(self.send(stack)[0], 200, "nobody needs a key yet")

            made = signalbox("keys", "create", "shop", "--data", str(stack.data))
            self.assertEqual(made.returncode, 0, made.stderr)
            key = made.stdout.split()[0]
            wait_until(lambda: self.send(stack)[0] == 401, "a key is asked for")
            status, answer = self.send(stack)
            self.assertIn(b"signalbox-ingestion-key", answer)
            for header, value in (("signalbox-ingestion-key", key), ("signoz-ingestion-key", key),
                                  ("authorization", f"Bearer {key}")):
                self.assertEqual(self.send(stack, **{header: value})[0], 200, header)
            self.assertEqual(self.send(stack, **{"signalbox-ingestion-key": key + "0"})[0], 401)

            wrong = grpc_export(stack, "signoz-ingestion-key: wrong")
            self.assertIn("grpc-status: 16", wrong)
            self.assertIn("grpc-status: 0", grpc_export(stack, f"signoz-ingestion-key: {key}"))

            listed = signalbox("keys", "list", "--data", str(stack.data)).stdout
            self.assertRegex(listed, rf"shop +{key[:12]}… ")
            self.assertNotIn(key, listed)
            self.assertEqual(signalbox("keys", "revoke", "shop", "--data", str(stack.data)).returncode, 0)
            wait_until(lambda: self.send(stack, **{"signalbox-ingestion-key": key})[0] == 401, "the key is refused")

    def test_that_are_missing_or_wrong_are_refused_before_the_body_is_sent(self) -> None:
        with Stack() as stack:
            stack.start_server("--require-keys")
            for header in (b"", b"signalbox-ingestion-key: wrong\r\n"):
                with socket.create_connection(("127.0.0.1", stack.http_port), timeout=10) as sender:
                    sender.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                   b"Content-Length: 50000000\r\n" + header + b"\r\n")
                    self.assertTrue(sender.recv(4096).startswith(b"HTTP/1.1 401 "), header)
            wait_until(lambda: "Refused OTLP/HTTP from 127.0.0.1: 401" in stack.log("signalbox"), "the server logs it")

    def test_with_a_rate_say_when_to_come_back(self) -> None:
        with Stack() as stack:
            made = signalbox("keys", "create", "slow", "--rate", "1 requests/s", "--data", str(stack.data))
            headers = {"content-type": "application/json", "signalbox-ingestion-key": made.stdout.split()[0]}
            stack.start_server()
            url = f"http://127.0.0.1:{stack.http_port}/v1/traces"
            statuses = {request("POST", url, b"{}", headers)[0] for _ in range(5)}
            self.assertEqual(statuses, {200, 429})

    def test_that_make_no_sense_are_refused_in_one_line(self) -> None:
        with Stack() as stack:
            for arguments in (("create", "a b"), ("create", "a", "--rate", "fast"), ("revoke", "nobody")):
                run = signalbox("keys", *arguments, "--data", str(stack.data))
                self.assertEqual(run.returncode, 1, arguments)
                self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)

    def test_of_a_folder_that_is_not_there_are_not_said_to_be_none(self) -> None:
        with Stack() as stack:
            for arguments in (("list",), ("revoke", "shop")):
                run = signalbox("keys", *arguments, "--data", str(stack.folder / "mistyped"))
                self.assertEqual((run.returncode, run.stdout), (1, ""))
                self.assertIn(f"there is no data folder {stack.folder / 'mistyped'}; name the server's with --data",
                              run.stderr)

    def test_open_the_receivers_to_other_machines(self) -> None:
        with Stack() as stack:
            signalbox("keys", "create", "shop", "--data", str(stack.data))
            stack.start("signalbox", "serve", "--data", str(stack.data), "--grpc-address", "0.0.0.0:0",
                        "--http-address", "0.0.0.0:0", "--ui-address", "127.0.0.1:0")
            wait_until(lambda: "is ready" in stack.log("signalbox"), "the server starts without --insecure")


class Cors(unittest.TestCase):
    def test_lets_pages_of_the_listed_origin_send(self) -> None:
        with Stack() as stack:
            stack.start_server("--cors-origin", "https://shop.example")
            for origin, allowed in (("https://shop.example", True), ("https://evil.example", False)):
                run = subprocess.run(["curl", "--silent", "--include", "--request", "OPTIONS", "--header", f"origin: {origin}",
                                      "--header", "access-control-request-method: POST",
                                      f"http://127.0.0.1:{stack.http_port}/v1/traces"], capture_output=True, text=True)
                self.assertEqual("access-control-allow-origin" in run.stdout.lower(), allowed, run.stdout)


class Tls(unittest.TestCase):
    def test_is_spoken_on_every_port_with_one_certificate(self) -> None:
        with Stack() as stack:
            certificate, key = make_certificate(stack.folder)
            stack.start_server("--tls-cert", str(certificate), "--tls-key", str(key))
            trusted = ssl.create_default_context(cafile=certificate)
            for port in (stack.ui_port, stack.http_port):
                self.assertEqual(request("GET", f"https://localhost:{port}/healthz", context=trusted)[0], 200)
                status, told = request("GET", f"http://localhost:{port}/healthz")
                self.assertEqual((status, told), (400, b"This port speaks TLS only; send to its https:// address.\n"))
            with socket.create_connection(("localhost", stack.grpc_port)) as plain:
                trusted.set_alpn_protocols(["h2"])
                with trusted.wrap_socket(plain, server_hostname="localhost") as secure:
                    self.assertEqual(secure.selected_alpn_protocol(), "h2")
            self.assertIn(f"https://127.0.0.1:{stack.ui_port} shows", stack.log("signalbox"))

    def test_with_a_file_that_is_missing_is_refused_before_anything_is_begun(self) -> None:
        with Stack() as stack:
            run = signalbox("serve", "--data", str(stack.data), "--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.key")
            self.assertEqual(run.returncode, 1)
            self.assertIn("cannot read the TLS certificate /nowhere.pem", run.stderr)
            self.assertFalse(stack.data.exists())

    def test_carries_the_whole_page(self) -> None:
        with Stack() as stack:
            certificate, key = make_certificate(stack.folder)
            stack.start_server("--tls-cert", str(certificate), "--tls-key", str(key))
            page = request("GET", f"{stack.ui}/")[1].decode()
            scripts = re.findall(r'src="(/[^"]+\.js)"', page)
            self.assertTrue(scripts, page)
            for script in scripts:
                status, text = request("GET", stack.ui + script)
                self.assertEqual(status, 200)
                self.assertGreater(len(text), 16 * 1024, "more than one record of TLS holds")

    def test_keeps_the_uis_check_of_names(self) -> None:
        with Stack() as stack:
            certificate, key = make_certificate(stack.folder)
            stack.start_server("--tls-cert", str(certificate), "--tls-key", str(key))
            self.assertEqual(request("GET", f"{stack.ui}/", headers={"host": f"localhost:{stack.ui_port}"})[0], 200)
            status, body = request("GET", f"{stack.ui}/api/v1/status", headers={"host": "evil.example"})
            self.assertEqual((status, json.loads(body)["code"]), (403, "permission_denied"))


class RequestsOfTheUi(unittest.TestCase):
    def test_may_have_small_bodies_only(self) -> None:
        with Stack() as stack:
            stack.start_server()
            settings, json_type = f"{stack.ui}/api/v1/settings/retention", {"content-type": "application/json"}
            status, body = request("PUT", settings, b" " * (64 * 1024), json_type)
            self.assertEqual(status, 400, "taken, and not understood")
            status, body = request("PUT", settings, b" " * (64 * 1024 + 1), json_type)
            self.assertEqual((status, json.loads(body)["code"]), (413, "invalid_argument"))

    def test_hold_no_more_memory_than_they_may_and_leave_room_for_other_machines(self) -> None:
        with Stack() as stack, contextlib.ExitStack() as half_sent:
            stack.start_server()
            long_field = b"x" * 60_000

            def send_half() -> None:
                one = half_sent.enter_context(socket.create_connection(("127.0.0.1", stack.ui_port)))
                one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + long_field)

            def ask(source: str) -> int:
                link = http.client.HTTPConnection("127.0.0.1", stack.ui_port, timeout=5, source_address=(source, 0))
                link.request("GET", "/api/v1/status", headers={"X-Long": long_field})
                with contextlib.closing(link), link.getresponse() as answer:
                    return answer.status
            wait_until(lambda: send_half() or ask("127.0.0.1") == 503, "this address has used up its share", interval_s=0)
            self.assertEqual(ask("127.0.0.2"), 200)
            half_sent.close()
            wait_until(lambda: ask("127.0.0.1") == 200, "it is given back")


class OwnLog(unittest.TestCase):
    def test_tells_refusals_once_and_then_their_number(self) -> None:
        with Stack() as stack:
            stack.start_server("--require-keys")
            url = f"http://127.0.0.1:{stack.http_port}/v1/traces"
            for _ in range(40):
                self.assertEqual(request("POST", url, b"{}", {"content-type": "application/json"})[0], 401)
            self.assertEqual(stack.log("signalbox").count("Refused OTLP/HTTP from 127.0.0.1: 401 This server asks"), 1)
            stack.stop(stack.server)
            log = stack.log("signalbox")
            self.assertRegex(log, r"Refused OTLP/HTTP from 127.0.0.1: 401 .* \(and 38 more in the last \d+ s\)")
            self.assertIn("Stopping", log)


    def test_tells_of_senders_that_have_mixed_up_the_ports(self) -> None:
        with Stack() as stack:
            stack.start_server()
            for port, sent in ((stack.http_port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                               (stack.grpc_port, b"POST /v1/traces HTTP/1.1\r\n\r\n")):
                with socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
                    sender.sendall(sent)
                    self.assertIn(b"This port speaks HTTP/", sender.recv(4096))
            log = stack.log("signalbox")
            self.assertIn("Refused OTLP/HTTP from 127.0.0.1: 505 This port speaks HTTP/1.1; send gRPC to the", log)
            self.assertIn("Refused OTLP/gRPC from 127.0.0.1: This port speaks HTTP/2, for OTLP/gRPC only", log)


class Health(unittest.TestCase):
    def test_is_told_on_both_ports(self) -> None:
        with Stack() as stack:
            stack.start_server()
            for port in (stack.ui_port, stack.http_port):
                self.assertEqual(request("GET", f"http://127.0.0.1:{port}/healthz")[0], 200)
                status, body = request("GET", f"http://127.0.0.1:{port}/readyz")
                self.assertEqual(status, 200, body)
                self.assertTrue({"disk", "engine", "parts"} <= {check["name"] for check in json.loads(body)["checks"]})

    def test_without_room_on_the_disk_is_alive_but_not_ready(self) -> None:
        with Stack() as stack:
            stack.start_server("--min-free-disk", "1000000TiB")
            self.assertEqual(request("GET", f"{stack.ui}/healthz")[0], 200)
            status, body = request("GET", f"{stack.ui}/readyz")
            self.assertEqual(status, 503)
            self.assertEqual({check["name"]: check["ok"] for check in json.loads(body)["checks"]}["disk"], False)
            self.assertIn("Not ready, disk:", stack.log("signalbox"))


class Retention(unittest.TestCase):
    def put(self, stack: Stack, **change: str | None) -> dict:
        status, body = request("PUT", f"{stack.ui}/api/v1/settings/retention", json.dumps(change).encode(),
                               {"content-type": "application/json"})
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def test_is_changed_at_run_time_and_survives_a_restart(self) -> None:
        with Stack() as stack:
            server = stack.start_server("--retention-logs", "7d")
            shown = stack.api("settings/retention")
            self.assertEqual((shown["traces"], shown["logs"], shown["changed"]), ("15d", "7d", []))
            self.assertEqual(self.put(stack, logs="2d")["logs"], "2d")
            stack.stop(server)
            stack.start_server("--retention-logs", "7d")
            self.assertEqual(stack.api("settings/retention")["logs"], "2d")
            self.assertEqual(self.put(stack, logs=None)["logs"], "7d")


class SelfTelemetry(unittest.TestCase):
    def latest(self, stack: Stack, name: str, group_by: str = "") -> dict[str, float]:
        """The last sum of each series of the server's own metric, by the label `group_by`."""
        parameters = {"name": name, "aggregation": "last", "step": 1_000_000_000}
        answer = stack.api("metrics/query", **parameters, **({"group_by": group_by} if group_by else {}))
        return {series["labels"].get(group_by, ""): [value for _, value in series["points"] if value is not None][-1]
                for series in answer["series"]}

    def points(self, stack: Stack) -> int:
        return sum(int(table["rows"]) for table in stack.api("status")["tables"] if table["name"].startswith("metric_"))

    def test_shows_the_right_numbers_and_traces_the_queries(self) -> None:
        with Stack() as stack:
            stack.start_server("--self-telemetry=on", "--self-telemetry-interval", "1s")
            for _ in range(7):
                stack.send_spans(11)
            for _ in range(3):
                stack.api("services")
            request("POST", f"http://127.0.0.1:{stack.http_port}/v1/logs", b"{", {"content-type": "application/json"})

            def catalogue() -> set[str]:
                names = {metric["name"] for metric in stack.api("metrics", service="signalbox")["metrics"]}
                return names if "signalbox.api.request.duration" in names else set()
            names = wait_until(catalogue, "the metrics are in the catalogue")
            self.assertTrue({"signalbox.receive.requests", "signalbox.writer.accepted_rows", "signalbox.log.syncs",
                             "signalbox.engine.parts", "process.cpu.time", "process.memory.usage"} <= names, names)

            wait_until(lambda: self.latest(stack, "signalbox.receive.requests", "signalbox.signal") ==
                       {"traces": 7, "metrics": 0, "logs": 1}, "the requests are counted", interval_s=0.5)
            self.assertEqual(self.latest(stack, "signalbox.writer.accepted_rows"), {"": 77}, "its own are none of them")
            malformed = self.latest(stack, "signalbox.receive.malformed_requests", "signalbox.signal")
            self.assertEqual(malformed, {"traces": 0, "metrics": 0, "logs": 1})
            self.assertGreater(self.latest(stack, "process.memory.usage")[""], 50e6)

            def traced() -> int:
                traces = stack.api("traces", service="signalbox", limit=1000)["traces"]
                return sum(trace["root_name"] == "GET /api/v1/services" for trace in traces)
            wait_until(lambda: traced() == 3, "the queries are traced", interval_s=0.5)

    def test_counts_all_that_the_document_lists(self) -> None:
        listed = set(re.findall(r"^\| `([a-z_.]+)`", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))
        with Stack() as stack:
            certificate, key = stack.folder / "cert.pem", stack.folder / "key.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                            "-keyout", key, "-out", certificate], check=True, capture_output=True)
            made = signalbox("keys", "create", "shop", "--data", str(stack.data))
            stack.start_server("--self-telemetry=on", "--self-telemetry-interval", "1s", "--tls-cert", str(certificate),
                               "--tls-key", str(key))
            # A trace id of a wrong length is left out, and the sender warned.
            log = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": "abcd", "body": {"stringValue": "a"}}]}]}]}
            url = f"https://127.0.0.1:{stack.http_port}/v1/logs"

            def post(*arguments: str, body: str = json.dumps(log)) -> str:
                """The status of one request."""
                run = subprocess.run(["curl", "--silent", "--insecure", "--output", "/dev/null", "--write-out", "%{http_code}",
                                      "--header", "content-type: application/json", *arguments, "--data-binary", "@-", url],
                                     input=body, capture_output=True, text=True, timeout=30)
                return run.stdout
            ingestion_key = f"signalbox-ingestion-key: {made.stdout.split()[0]}"
            self.assertEqual(post("--header", ingestion_key), "200")
            self.assertEqual(post(), "401")
            self.assertEqual(post("--header", "x-large: " + "x" * 100_000), "431")
            self.assertEqual(post("--header", "content-length: 100000000"), "413")
            request("POST", url.replace("https", "http"), b"{}")  # Not TLS.

            def catalogue() -> set[str]:
                return {metric["name"] for metric in stack.api("metrics", service="signalbox")["metrics"]}
            wait_until(lambda: listed <= catalogue(), "all of them are in the catalogue")
            self.assertEqual(catalogue(), listed)

            def of_http(name: str, group_by: str = "signalbox.server.name") -> float:
                return self.latest(stack, name, group_by).get("OTLP/HTTP", 0)
            wait_until(lambda: of_http("signalbox.server.failed_handshakes") == 1, "the failed handshake is counted")
            self.assertEqual(of_http("signalbox.server.refused_requests"), 2)
            reasons = self.latest(stack, "signalbox.server.refused_requests", "signalbox.reason")
            self.assertEqual(reasons, {"head_too_large": 1, "body_too_large": 1, "overloaded": 0})
            self.assertEqual(self.latest(stack, "signalbox.receive.altered_requests", "signalbox.signal")["logs"], 1)
            self.assertEqual(self.latest(stack, "signalbox.key.unauthenticated_requests"), {"": 1})
            connections = self.latest(stack, "signalbox.server.open_connections", "signalbox.server.name")
            self.assertEqual(connections["OTLP/gRPC"], 0)
            wait_until(lambda: self.latest(stack, "signalbox.writer.stored_rows")[""] > 0, "stored rows are counted")
            self.assertEqual(self.latest(stack, "signalbox.engine.failing"), {"": 0})

    def test_of_an_idle_server_grows_by_the_same_points_each_time(self) -> None:
        with Stack() as stack:
            stack.start_server("--self-telemetry=on", "--self-telemetry-interval", "1s")
            stack.send_spans(5)
            self.points(stack)  # So that the series of this request are there from now on.
            time.sleep(4)
            before = self.points(stack)
            time.sleep(6)
            middle = self.points(stack)
            time.sleep(6)
            after = self.points(stack)
            self.assertGreater(middle, before, "points come at each interval")
            self.assertLess(after - middle, (middle - before) * 1.25, "one interval more or less at the edges")
            self.assertEqual(self.latest(stack, "signalbox.writer.accepted_rows"), {"": 5})
            received = self.latest(stack, "signalbox.receive.requests", "signalbox.signal")
            self.assertEqual(received, {"traces": 1, "metrics": 0, "logs": 0})
            # Three requests of points() and what the server's start asked: no span of its own exports.
            names = {trace["root_name"] for trace in stack.api("traces", service="signalbox")["traces"]}
            self.assertTrue(names <= {"GET /api/v1/status", "GET /api/v1/metrics/query"}, names)

    def test_can_be_switched_off(self) -> None:
        with Stack() as stack:
            stack.start_server("--self-telemetry=off", "--self-telemetry-interval", "1s")
            stack.api("services")
            time.sleep(3)
            self.assertEqual(stack.api("metrics")["metrics"], [])
            self.assertEqual(stack.api("traces")["traces"], [])


class Backup(unittest.TestCase):
    def spans(self, stack: Stack, trace_ids: list[str]) -> dict[str, int]:
        return {trace_id: len((stack.trace(trace_id) or {"spans": []})["spans"]) for trace_id in trace_ids}

    def restored(self, target: pathlib.Path, trace_ids: list[str]) -> dict[str, int]:
        """The spans that a server finds in what was restored from `target`."""
        with Stack() as other:
            run = signalbox("restore", str(target), "--data", str(other.data))
            self.assertEqual(run.returncode, 0, run.stderr)
            other.start_server()
            return self.spans(other, trace_ids)

    def test_by_the_running_server_has_all_that_was_acknowledged_before(self) -> None:
        with Stack() as stack:
            stack.start_server()
            before = [stack.send_spans(10) for _ in range(20)]
            stop = threading.Event()
            during: list[str] = []

            def send() -> None:
                while not stop.is_set():
                    during.append(stack.send_spans(10))
            sender = threading.Thread(target=send)
            sender.start()
            try:
                run = signalbox("backup", str(stack.folder / "copy"), "--data", str(stack.data))
            finally:
                stop.set()
                sender.join()
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertIn("A server has", run.stdout)
            self.assertIn("The backup is whole", run.stdout)
            self.assertGreater(len(during), 3, "it went on taking data")
            self.assertEqual(self.restored(stack.folder / "copy", before), dict.fromkeys(before, 10))
            wait_until(lambda: self.spans(stack, during) == dict.fromkeys(during, 10), "the server lost nothing")

    def test_without_a_server_has_what_is_in_the_log_too(self) -> None:
        with Stack() as stack:
            server = stack.start_server()
            trace_ids = [stack.send_spans(10) for _ in range(20)]
            stack.stop(server, signal.SIGKILL)
            run = signalbox("backup", str(stack.folder / "copy"), "--data", str(stack.data))
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual(self.restored(stack.folder / "copy", trace_ids), dict.fromkeys(trace_ids, 10))

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a folder to another user")
    def test_by_root_leaves_nothing_of_roots_in_the_folder_of_another_user(self) -> None:
        other = 65534
        with Stack() as stack:
            stack.start_server()
            stack.stop(stack.server)
            paths = [stack.data, *stack.data.rglob("*")]
            for path in paths:
                os.chown(path, other, other, follow_symlinks=False)
            run = signalbox("backup", str(stack.folder / "copy"), "--data", str(stack.data))
            self.assertEqual(run.returncode, 1)
            self.assertIn("run this as that user", run.stderr)
            self.assertEqual([path for path in stack.data.rglob("*") if path.lstat().st_uid != other], [])

    def test_that_cannot_be_made_or_restored_says_why_in_one_line(self) -> None:
        with Stack() as stack:
            stack.start_server()
            cases = ((("backup", str(stack.folder)), "is there already"),
                     (("backup", "/proc/nowhere/copy"), "/proc/nowhere/copy"),
                     (("backup", str(stack.data / "copy")), "is in the data folder itself"),
                     (("restore", str(stack.folder)), "is no whole backup"))
            for arguments, expected in cases:
                run = signalbox(*arguments, "--data", str(stack.data))
                self.assertEqual(run.returncode, 1, arguments)
                self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)
                self.assertIn(expected, run.stderr)
            self.assertTrue(stack.answers())


if __name__ == "__main__":
    unittest.main(verbosity=2)
