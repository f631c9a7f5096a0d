"""How soon a line is in a live tail after its export was sent, and what a tail costs those that send.

Run by `python3 bench/run.py --only tail`.
"""

import contextlib
import http.client
import json
import queue
import statistics
import subprocess
import time
from collections.abc import Callable

from sse import Tail
from stack import Stack, cpu_seconds

FULL_LOAD = ["--signal", "logs", "--connections", "16", "--records", "1000"]
CASES = [  # What else goes on: its name, what ingest-load is told, tails besides the one that is measured.
    ("nothing", None, 0),
    ("31 further tails", None, 31),
    ("10,000 log records/s", ["--signal", "logs", "--connections", "4", "--records", "100", "--rate", "10000"], 0),
    ("50,000 log records/s", ["--signal", "logs", "--connections", "4", "--records", "1000", "--rate", "50000"], 0),
    ("as many log records as are taken", FULL_LOAD, 0),
]
LIMIT_MS = 50
PAUSE_S = 0.02


class Sender:
    """Sends lines over one connection, OTLP/HTTP as JSON."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def send(self, line: str) -> float:
        """Seconds until the acknowledgement."""
        record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": line}}
        body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
        begin = time.monotonic()
        self._connection.request("POST", "/v1/logs", body, {"content-type": "application/json"})
        answer = self._connection.getresponse()
        answer.read()
        return time.monotonic() - begin if answer.status == 200 else float("nan")


def summary(times_ms: list[float]) -> str:
    ordered = sorted(times_ms)
    return f"{statistics.median(ordered):.1f} / {ordered[int(len(ordered) * 0.99)]:.1f} / {ordered[-1]:.1f}"


def measure(stack: Stack, tail: Tail, seconds: float) -> tuple[list[float], list[float], int, int]:
    """Milliseconds until each line was shown and until it was acknowledged; lines refused; lines not shown."""
    sender = Sender(stack.http_port)
    shown, acknowledged, refused, lost = [], [], 0, 0
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        number += 1
        begin = time.monotonic()
        took = sender.send(f"measured {number}.")
        if took != took:  # Not a number.
            refused += 1
            continue
        acknowledged.append(took * 1000)
        with contextlib.suppress(queue.Empty):
            while True:
                when, name, data = tail.next(5)
                if name == "record" and data["body"]["value"] == f"measured {number}.":
                    shown.append((when - begin) * 1000)
                    break
        lost = len(acknowledged) - len(shown)
        time.sleep(PAUSE_S)
    return shown, acknowledged, refused, lost


def start_load(load: str, stack: Stack, arguments: list[str], seconds: float) -> subprocess.Popen:
    return subprocess.Popen([load, "--endpoint", f"http://127.0.0.1:{stack.grpc_port}", "--seconds", str(seconds), *arguments],
                            stdout=subprocess.PIPE, text=True)


def bench_latency(load: str, seconds: float) -> list[str]:
    lines = ["| Besides | lines | ms until a line is shown: median / p99 / max | … until its export is acknowledged "
             f"| shown within {LIMIT_MS} ms | not shown, or its export refused |", "|---|---|---|---|---|---|"]
    for what, arguments, further in CASES:
        with contextlib.ExitStack() as opened:
            stack = opened.enter_context(Stack())
            stack.start_server()
            for i in range(further):
                opened.enter_context(Tail(stack.ui, signal="logs", q=f"body CONTAINS 'nothing {i}'"))
            tail = opened.enter_context(Tail(stack.ui, signal="logs", q="body CONTAINS 'measured '"))
            running = start_load(load, stack, arguments, seconds + 4) if arguments else None
            time.sleep(2)  # Until the load is at its pace.
            shown, acknowledged, refused, lost = measure(stack, tail, seconds)
            if running is not None:
                running.communicate()
            within = sum(time_ms <= LIMIT_MS for time_ms in shown) / len(shown) * 100
            lines.append(f"| {what} | {len(acknowledged)} | {summary(shown)} | {summary(acknowledged)} | {within:.1f} % | {lost}, {refused} |")
    return lines


def bench_cost(load: str, seconds: float, rounds: int, settle: Callable[[int], None]) -> list[str]:
    """The full load without and with a tail of it that nothing matches, by turns."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    cpu: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for is_tailed in (False, True):
            with contextlib.ExitStack() as opened:
                stack = opened.enter_context(Stack())
                server = stack.start_server()
                if is_tailed:
                    opened.enter_context(Tail(stack.ui, signal="logs", q="body CONTAINS 'no record says this'"))
                running = start_load(load, stack, FULL_LOAD, seconds)
                report = json.loads(running.communicate()[0])
                settle(server.pid)
                rates[is_tailed].append(report["acknowledged"] / report["seconds"])
                cpu[is_tailed].append(cpu_seconds(server.pid) / report["acknowledged"] * 1e6)
    lines = ["| As many log records as are taken | records/s acknowledged | CPU s of the server per million, with merges |", "|---|---|---|"]
    for is_tailed, name in ((False, "without a tail"), (True, "with a tail that nothing matches")):
        lines.append(f"| {name} | {statistics.median(rates[is_tailed]):,.0f} | {statistics.median(cpu[is_tailed]):.1f} |")
    return lines


def bench_tail(load: str, seconds: float, rounds: int, settle: Callable[[int], None]) -> list[str]:
    return [*bench_latency(load, seconds), "", *bench_cost(load, seconds, rounds, settle)]
