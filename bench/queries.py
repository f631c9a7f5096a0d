"""What the API answers how fast on ten million spans, ten million log records and a day of histograms.

Spans and log records come from ingest-load; the histograms (1,000 series, a point a minute, cumulative) are encoded
here. Run by `python3 bench/run.py --only queries`.
"""

import json
import statistics
import struct
import subprocess
import time
import urllib.request
from collections.abc import Callable

from stack import Stack, request, wait_until

MINUTE_NS = 60_000_000_000
DAY_MINUTES = 24 * 60
HISTOGRAM_SERIES = 1000
BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, payload: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def attribute(number: int, key: str, value: str) -> bytes:
    return field(number, field(1, key.encode()) + field(2, field(1, value.encode())))


class Histograms:
    """One export of all series: only times and counts change from one to the next."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.attributes = [attribute(9, "http.route", f"/route/{i % 40}") + attribute(9, "host", f"h{i}")
                           for i in range(HISTOGRAM_SERIES)]
        self.bounds = field(7, struct.pack(f"<{len(BOUNDS)}d", *BOUNDS))

    def export(self, minute: int) -> bytes:
        now_ns = self.start_ns + minute * MINUTE_NS
        points = bytearray()
        for i, attributes in enumerate(self.attributes):
            counts = [minute * (1 + (i + bucket) % 7) for bucket in range(len(BOUNDS) + 1)]
            point = (struct.pack("<BQBQBQBd", 0x11, self.start_ns, 0x19, now_ns, 0x21, sum(counts), 0x29, minute * 1.5)
                     + field(6, struct.pack(f"<{len(counts)}Q", *counts)) + self.bounds + attributes)
            points += field(1, point)
        histogram = field(9, bytes(points) + b"\x10\x02")
        metric = field(1, b"http.server.request.duration") + field(3, b"s") + histogram
        resource = field(1, attribute(1, "service.name", "histograms"))
        return field(1, resource + field(2, field(2, metric)))


def send_histograms(stack: Stack) -> None:
    histograms = Histograms(time.time_ns() - DAY_MINUTES * MINUTE_NS)
    for minute in range(DAY_MINUTES):
        status, body = request("POST", f"http://127.0.0.1:{stack.http_port}/v1/metrics", histograms.export(minute),
                               {"content-type": "application/x-protobuf"})
        assert status == 200, (status, body)


def send_records(stack: Stack, load: str, signal: str, count: int) -> None:
    sent = 0
    while sent < count:
        run = subprocess.run([load, "--endpoint", f"http://127.0.0.1:{stack.grpc_port}", "--signal", signal,
                              "--connections", "4", "--records", "2000", "--seconds", "5"],
                             check=False, capture_output=True, text=True)
        sent += json.loads(run.stdout)["acknowledged"]


def drop_caches() -> bool:
    """The kernel's own; needs root."""
    try:
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3")
        return True
    except OSError:
        return False


def post(stack: Stack, path: str, body: dict) -> dict:
    call = urllib.request.Request(f"{stack.ui}/api/v1/{path}", json.dumps(body).encode(),
                                  {"content-type": "application/json"})
    with urllib.request.urlopen(call, timeout=60) as response:
        return json.loads(response.read())


def questions(stack: Stack) -> dict[str, Callable[[], dict]]:
    """What is asked, of the hour before now; of the histograms, of the day."""
    now = time.time_ns()
    hour = {"start": now - 60 * MINUTE_NS, "end": now}
    day = {"start": now - DAY_MINUTES * MINUTE_NS, "end": now}
    found = stack.api("traces", **hour, limit=50, include="rows", q="service.name = checkout")["traces"]
    trace_id, span = found[-1]["trace_id"], found[-1]["matched_span"]
    operation = f"service.name = checkout AND name = '{span['name']}'"
    user = stack.api("field_values", signal="traces", field="user.id", limit=200, **hour)["values"][-1]["value"]
    return {
        "a trace by its id": lambda: stack.api(f"traces/{trace_id}"),
        "20 newest traces of a service's operation": lambda: stack.api("traces", **hour, q=operation, limit=20,
                                                                       include="rows"),
        "traces by an attribute (`user.id`, a million values)": lambda: stack.api(
            "traces", **hour, q=f"user.id = '{user}'", limit=20, include="rows"),
        "the services page": lambda: stack.api("services", **hour),
        "p99 by an attribute (`client.address`, 10,000 values), the top 100": lambda: post(stack, "query", {
            "start": str(hour["start"]), "end": str(hour["end"]), "queries": {"a": {
                "signal": "traces", "group_by": ["client.address"], "limit": 100,
                "aggregations": [{"op": "count"}, {"op": "p99", "field": "duration"}]}}}),
        "what the failed spans have in common": lambda: post(stack, "changes", {
            "start": str(hour["start"]), "end": str(hour["end"]), "selection": {"filter": "status = error"}}),
        "log records with a text that 1 of 100 has": lambda: stack.api("logs", **hour, q="'took 17 ms'", limit=100,
                                                                      include="rows"),
        "log records with a text that none has": lambda: stack.api("logs", **hour, q="'no record says this'", limit=100,
                                                                  include="rows"),
        "p99 of a histogram by route, 24 h, 1,000 series": lambda: stack.api(
            "metrics/query", name="http.server.request.duration", aggregation="p99", group_by="http.route", **day),
    }


def bench_queries(rounds: int, load: str, settle: Callable[[int], None], spans: int = 10_000_000,
                  logs: int = 10_000_000) -> list[str]:
    """A table: the first answer of a new process, on cold files where the kernel lets us, and the median of others."""
    lines = ["| Question | first, ms | median, ms | rows read | MB read |", "|---|---|---|---|---|"]
    with Stack() as stack:
        stack.start_server()
        send_histograms(stack)
        send_records(stack, load, "traces", spans)
        send_records(stack, load, "logs", logs)
        settle(stack.server.pid)
        stack.stop(stack.server)
        is_cold = drop_caches()
        stack.start_server()
        wait_until(lambda: stack.api("services")["services"], "there are services")
        for what, ask in questions(stack).items():
            times = []
            for _ in range(rounds + 1):
                begin = time.monotonic()
                answer = ask()
                times.append((time.monotonic() - begin) * 1000)
            stats = answer["stats"]
            lines.append(f"| {what} | {times[0]:.0f} | {statistics.median(times[1:]):.0f} "
                         f"| {int(stats['rows_read']):,} | {int(stats['bytes_read']) / 1e6:,.1f} |")
        tables = {table["name"]: int(table["rows"]) for table in stack.api("status")["tables"]}
    of = ", ".join(f"{tables[name]:,} {what}" for name, what in (
        ("span_rows", "spans"), ("log_rows", "log records"), ("metric_histogram_rows", "histogram points")))
    return [*lines, "", f"On {of}; the first answers are of a new process"
            + (" on cold files." if is_cold else ", the files being in the kernel's cache.")]
