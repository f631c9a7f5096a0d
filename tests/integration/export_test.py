"""`signalbox export` and `signalbox import` between real servers: what comes out of the second is what was in the first."""

import gzip
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

from cli_test import Shop
from stack import BIN, ROOT, Stack, free_port, request, wait_until

SIGNALS = {"traces": ("resourceSpans", "scopeSpans", "spans"), "logs": ("resourceLogs", "scopeLogs", "logRecords"),
           "metrics": ("resourceMetrics", "scopeMetrics", "metrics")}


def run(*arguments: object, status: int = 0, **more: object) -> subprocess.CompletedProcess:
    """One call of the program; fails unless it ends with `status`."""
    done = subprocess.run([BIN / "signalbox", *map(str, arguments)], capture_output=True, timeout=60, check=False, **more)
    if done.returncode != status:
        raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout[:2000]!r}\n{done.stderr.decode()}")
    return done


def export(stack: Stack, *arguments: object, status: int = 0) -> bytes:
    return run("export", "--server", stack.ui, "--all", *arguments, status=status).stdout


def import_to(stack: Stack, *arguments: object, status: int = 0, **more: object) -> str:
    return run("import", "--endpoint", f"http://127.0.0.1:{stack.http_port}", *arguments, status=status, **more).stderr.decode()


def records(lines: bytes) -> list[str]:
    """Each record or point with all that it stands below, in an order of its own."""
    found = []
    for line in lines.decode().splitlines():
        (name, resources), = json.loads(line).items()
        _, scopes_name, records_name = next(names for names in SIGNALS.values() if names[0] == name)
        for resource in resources:
            for scope in resource.pop(scopes_name):
                for record in scope.pop(records_name):
                    kind = next((key for key in record if isinstance(record[key], dict) and "dataPoints" in record[key]), None)
                    for point in record[kind].pop("dataPoints") if kind else [None]:
                        found.append(json.dumps([resource, scope, record, point], sort_keys=True))
    return sorted(found)


def visible(stack: Stack) -> bytes:
    """What an export has by now; perhaps nothing."""
    return subprocess.run([BIN / "signalbox", "export", "--server", stack.ui, "--all"], capture_output=True, timeout=60,
                          check=False).stdout


def wait_for_records(stack: Stack, count: int) -> bytes:
    """An export, once it has so many records."""
    def complete() -> bytes | None:
        lines = visible(stack)
        return lines if len(records(lines)) >= count else None
    return wait_until(complete, f"{count} records are visible")


def span_lines(count: int, spans: int = 1) -> list[str]:
    """Messages of different traces."""
    now = time.time_ns()
    return [json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [
        {"traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex(), "name": f"operation {i}", "startTimeUnixNano": str(now + i),
         "endTimeUnixNano": str(now + i + 5)} for _ in range(spans)]}]}]}) for i in range(count)]


class Transfer(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="signalbox-export-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def server(self, *arguments: str) -> Stack:
        stack = Stack()
        self.addCleanup(stack.__exit__)
        stack.start_server(*arguments)
        return stack

    def file(self, name: str, *lines: str) -> pathlib.Path:
        path = self.folder / name
        path.write_text("".join(line + "\n" for line in lines))
        return path

    def test_what_leaves_one_server_enters_another(self) -> None:
        first = self.server()
        shop = Shop()
        shop.send_to(first)
        sent = wait_for_records(first, 25)
        self.assertEqual(len(records(sent)), 4 + 2 + 19)

        with self.subTest("JSON, one file"):
            second = self.server()
            export(first, "-o", self.folder / "all.jsonl.gz")
            self.assertEqual(records(gzip.decompress((self.folder / "all.jsonl.gz").read_bytes())), records(sent))
            said = import_to(second, self.folder / "all.jsonl.gz")
            self.assertIn("Imported 4 spans, 2 log records and 19 metric points.", said)
            self.assertEqual(records(wait_for_records(second, 25)), records(sent))
        with self.subTest("protobuf, a file for each signal"):
            third = self.server()
            for signal in SIGNALS:
                export(first, "--signal", signal, "--format", "protobuf", "-o", self.folder / f"{signal}.pb.zst")
            import_to(third, *sorted(self.folder.glob("*.zst")))
            self.assertEqual(records(wait_for_records(third, 25)), records(sent))
        with self.subTest("a selection"):
            of_trace = export(first, "--signal", "traces", "--filter", "name = charge")
            self.assertEqual(len(records(of_trace)), 1)
            both = run("export", "--server", first.ui, "--trace", shop.trace_id).stdout
            self.assertEqual(records(both), records(sent))
            self.assertEqual(export(first, "--service", "nobody", status=1), b"")
            said = run("export", "--server", first.ui, "--service", "nobody", "-o", self.folder / "none.jsonl", status=1).stderr
            self.assertIn(b"nothing to export", said)
            self.assertEqual(sorted(self.folder.glob("none*")), [], "no file of nothing")
        with self.subTest("a stopped server's folder"):
            first.stop(first.server)
            stopped = run("export", "--data", first.data, "--all", "-o", self.folder / "stopped.jsonl")
            self.assertIn(b"Exported 4 spans", stopped.stderr)
            self.assertEqual(records((self.folder / "stopped.jsonl").read_bytes()), records(sent))

    def test_ends_quietly_when_nobody_reads_on(self) -> None:
        stack = self.server()
        import_to(stack, self.file("many.jsonl", *span_lines(100, spans=30)))
        wait_for_records(stack, 3000)
        export_all = subprocess.Popen([BIN / "signalbox", "export", "--server", stack.ui, "--all"], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE)
        self.assertTrue(export_all.stdout.read(1))
        export_all.stdout.close()
        self.assertEqual((export_all.wait(20), export_all.stderr.read()), (-signal.SIGPIPE, b""))
        export_all.stderr.close()

    def test_the_same_file_again_adds_nothing(self) -> None:
        stack = self.server()
        path = self.file("spans.jsonl", *span_lines(20, spans=3))
        for _ in range(2):
            self.assertIn("Imported 60 spans.", import_to(stack, path))
        import_to(stack, "-", input=path.read_bytes())
        self.assertEqual(len(records(wait_for_records(stack, 60))), 60)

    def test_an_import_that_was_killed_is_run_again(self) -> None:
        stack = self.server()
        path = self.file("spans.jsonl", *span_lines(3000, spans=20))
        killed = subprocess.Popen([BIN / "signalbox", "import", path, "--endpoint", f"http://127.0.0.1:{stack.http_port}"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: visible(stack) or killed.poll() is not None, "some of it has arrived", interval_s=0.01)
        killed.kill()
        killed.wait()
        import_to(stack, path)
        self.assertEqual(len(records(wait_for_records(stack, 60_000))), 60_000)

    def test_a_broken_file_says_where_and_how_to_go_on(self) -> None:
        stack = self.server()
        lines = span_lines(4)
        path = self.file("spans.jsonl", lines[0], lines[1], lines[2][:100], lines[3])
        said = import_to(stack, path, status=4)
        self.assertRegex(said, rf"{re.escape(str(path))}:3: ")
        self.assertIn(f"import {path} --skip 2", said)
        self.assertEqual(len(records(wait_for_records(stack, 2))), 2)

        path = self.file("spans.jsonl", *lines)
        import_to(stack, path, "--skip", "2")
        self.assertEqual(len(records(wait_for_records(stack, 4))), 4)

        wrong = self.file("wrong.jsonl", lines[0], '{"resourceSpans": 7}')
        self.assertRegex(import_to(stack, wrong, status=4), r'wrong\.jsonl:2: .*"resourceSpans": expected an array')
        cut = self.folder / "cut.pb"
        cut.write_bytes(b"\0\0\0\x05\x0a")
        self.assertIn("cut.pb, byte 0: the file ends within a message", import_to(stack, cut, status=4))

    def test_rejected_records_are_counted_and_the_rest_goes_on(self) -> None:
        stack = self.server()
        lines = span_lines(3)
        lines[1] = lines[1].replace('"spanId": "', '"spanId": "00')
        said = import_to(stack, self.file("spans.jsonl", *lines, '{"resourceProfiles":[{}]}'), status=4)
        self.assertRegex(said, r"spans\.jsonl:2: 1 record was rejected: .*span_id")
        self.assertIn("Imported 2 spans. 1 record was rejected. 1 message had no records.", said)
        self.assertEqual(len(records(wait_for_records(stack, 2))), 2)

    def test_wrong_addresses_keys_and_files_say_what_to_do(self) -> None:
        stack = self.server()
        path = self.file("spans.jsonl", *span_lines(1))
        nobody = run("import", path, "--endpoint", f"http://127.0.0.1:{free_port()}", status=3).stderr.decode()
        self.assertIn("cannot send to", nobody)
        self.assertIn("--skip 0", nobody)
        large = self.file("large.jsonl", *span_lines(1, 600))  # More than the web UI's port takes: not a fault of theirs.
        for file, endpoint in ((path, stack.ui), (large, stack.ui), (path, f"http://127.0.0.1:{stack.grpc_port}")):
            other_port = run("import", file, "--endpoint", endpoint, status=4).stderr.decode()
            self.assertIn("4318", other_port)
            self.assertIn("--skip 0", other_port)
        self.assertIn("there is no file", run("import", self.folder / "missing", status=2).stderr.decode())
        self.assertIn("--signal", run("export", "--format", "protobuf", "-o", self.folder / "a.pb", status=2).stderr.decode())
        self.assertIn("No such file", run("export", "--server", stack.ui, "-o", self.folder / "no" / "f", status=4).stderr.decode())
        wrong_filter = run("export", "--server", stack.ui, "--filter", "a IN", status=2).stderr.decode()
        self.assertIn("Expected '(' after IN", wrong_filter)
        run("import", self.file("empty.jsonl"), "--endpoint", f"http://127.0.0.1:{stack.http_port}", status=1)

        key = run("keys", "create", "importer", "--data", stack.data).stdout.decode().split()[0]
        wait_until(lambda: request("POST", f"http://127.0.0.1:{stack.http_port}/v1/traces", b"{}",
                                   {"content-type": "application/json"})[0] == 401, "keys are asked for")
        self.assertIn("--key", import_to(stack, path, status=4))
        import_to(stack, path, "--key", key)
        import_to(stack, path, env={**os.environ, "SIGNALBOX_INGESTION_KEY": key})

    def test_a_server_that_goes_away_for_a_while_is_waited_for(self) -> None:
        stack = self.server()
        path = self.file("spans.jsonl", *span_lines(4000, spans=20))
        importing = subprocess.Popen([BIN / "signalbox", "import", path, "--endpoint", f"http://127.0.0.1:{stack.http_port}"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(lambda: visible(stack) or importing.poll() is not None, "some of it has arrived", interval_s=0.01)
        stack.stop(stack.server)
        stack.start_server()
        self.assertEqual(importing.communicate(timeout=60)[1].count(b"Imported 80,000 spans."), 1)
        self.assertEqual(len(records(wait_for_records(stack, 80_000))), 80_000)

    def test_the_examples_of_the_documentation_work(self) -> None:
        stack = self.server()
        Shop().send_to(stack)
        wait_for_records(stack, 25)
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "SIGNALBOX_SERVER": stack.ui}
        examples = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "export.md").read_text(), re.DOTALL)
        self.assertGreater(len(examples), 4)
        for example in examples:
            for endpoint in ("http://127.0.0.1:4318", "http://other-host:4318"):
                example = example.replace(endpoint, f"http://127.0.0.1:{stack.http_port}")
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", example], cwd=self.folder, env=environment,
                                  capture_output=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, (example, done.stdout[:500], done.stderr))
        self.assertEqual(len(records((self.folder / "telemetry.jsonl").read_bytes())), 25)


if __name__ == "__main__":
    unittest.main()
