#!/usr/bin/env python3
"""Runs the benchmarks and prints a report in Markdown (also kept as build/bench/report.md).

usage: bench/run.py [--seconds N] [--rounds N] [--only sdk|server|store|queries|tail|days|soak|trace|peers]
                    [--victoria-traces PROGRAM] [--victoria-logs PROGRAM]

SDK: each operation with Signalbox and with opentelemetry-rust by turns in one run, so that a noisy machine
disturbs both alike; medians and best of the rounds; instructions counted by callgrind over two run lengths, so
that start-up cancels out. Server: records acknowledged per second, how long each answer took, CPU per million of
them with the merges that follow, memory, disk, and the time from start to the first trace that the API shows.
Store: ten million spans in blocks as under load, what reading them takes, and a start on them. Only when asked for:
tail, how soon a line is shown in a live tail; days, 200 million spans over 15 days and a server that shows them; soak, ten minutes of as much as is taken, with the number of parts as it goes; trace, one of
100,000 spans as the API answers it, and searches by structure in millions of spans; peers, the server's loads sent by turns to Signalbox and to the programs given, each built from its own source (`go build ./app/victoria-traces`).
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = ROOT / "build" / "bench"
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from queries import bench_queries  # noqa: E402
from tail import bench_tail  # noqa: E402
from stack import Stack, cpu_seconds, free_port, request, resident_mib, wait_until  # noqa: E402

CASES = {  # Case: iterations of one round, what it is called in the report.
    "span": (300_000, "start + end, no attributes"),
    "active_span_5": (300_000, "active span, 5 attributes, to OTLP bytes"),
    "unsampled_span": (2_000_000, "unsampled span"),
    "unsampled_active_span_5": (2_000_000, "unsampled active span, 5 attributes"),
    "counter": (5_000_000, "counter add, no attributes"),
    "counter_3": (2_000_000, "counter add, 3 attributes"),
    "histogram_3": (2_000_000, "histogram record, 3 attributes"),
    "log_3": (300_000, "log record in a span, 3 attributes, to OTLP bytes"),
}

LOADS = [  # What it is called in the report, and what ingest-load is told besides the endpoint.
    ("spans, 16 connections × 1,000", ["--connections", "16", "--records", "1000"]),
    ("spans, 16 connections × 1,000, OTLP/HTTP", ["--connections", "16", "--records", "1000", "--protocol", "http"]),
    ("spans, 50,000/s in requests of 1,000", ["--connections", "4", "--records", "1000", "--rate", "50000"]),
    ("spans, 1 connection × 100", ["--connections", "1", "--records", "100"]),
    ("spans, 50 requests/s of 20", ["--connections", "2", "--records", "20", "--rate", "1000"]),
    ("log records, 16 connections × 1,000", ["--connections", "16", "--records", "1000", "--signal", "logs"]),
    ("metric points, 16 connections × 1,000", ["--connections", "16", "--records", "1000", "--signal", "metrics"]),
]

PEER_NAMES = {"traces": "VictoriaTraces", "logs": "VictoriaLogs"}
PEER_LOADS = [
    (title, ["--signal", signal, *arguments])
    for signal, record in (("traces", "spans"), ("logs", "log records"))
    for title, arguments in [
        (f"{record}, 16 connections × 1,000", ["--connections", "16", "--records", "1000"]),
        (f"{record}, 50,000/s in requests of 1,000", ["--connections", "4", "--records", "1000", "--rate", "50000"]),
        (f"{record}, 5,000/s, 1 connection × 100", ["--connections", "1", "--records", "100", "--rate", "5000"]),
        (f"{record}, 50 requests/s of 20", ["--connections", "2", "--records", "20", "--rate", "1000"]),
    ]
]


def run_case(program: pathlib.Path, case: str, iterations: int, threads: int = 1) -> dict:
    out = subprocess.run([program, case, str(iterations), str(threads)], check=True, capture_output=True,
                         text=True).stdout
    return json.loads(out)


def instructions(program: pathlib.Path, case: str) -> float:
    """Instructions per operation, of all threads, by the difference of two run lengths."""
    def count(iterations: int) -> int:
        run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, case,
                              str(iterations)], check=True, capture_output=True, text=True)
        return int(re.search(r"Collected : (\d+)", run.stderr).group(1))
    short, long = 4_000, 44_000
    return (count(long) - count(short)) / (long - short)


def bench_sdk(rounds: int) -> list[str]:
    print("building opentelemetry-rust's benchmark …", file=sys.stderr, flush=True)
    target = BENCH / "rust"
    build = subprocess.run(["cargo", "build", "--release", "--quiet", "--target-dir", target],
                           cwd=ROOT / "bench" / "rust")
    if build.returncode != 0:
        sys.exit("bench: cargo could not build bench/rust; it needs Rust 1.85 or later and the crates of Cargo.toml")
    programs = {"Signalbox": BENCH / "bin" / "sdk-bench", "opentelemetry-rust": target / "release" / "otel-rust-bench"}
    lines = [
        "| Operation | | wall ns: median [best] | CPU ns of the process | allocations | instructions | exported |",
        "|---|---|---|---|---|---|---|",
    ]
    for case, (iterations, title) in CASES.items():
        print(f"{case} …", file=sys.stderr, flush=True)
        results: dict[str, list[dict]] = {name: [] for name in programs}
        for _ in range(rounds):
            for name, program in programs.items():
                results[name].append(run_case(program, case, iterations))
        for name, program in programs.items():
            runs = results[name]
            wall = [run["wall_ns"] for run in runs]
            exported = statistics.median(run["exported"] / run["items"] for run in runs)
            lines.append(
                f"| {title} | {name} | {statistics.median(wall):.1f} [{min(wall):.1f}] "
                f"| {statistics.median(run['cpu_ns'] for run in runs):.1f} "
                f"| {statistics.median(run['allocations'] for run in runs):.2f} "
                f"| {instructions(program, case):,.0f} "
                f"| {f'{min(exported, 1):.0%}' if 'unsampled' not in case and exported > 0 else '–'} |")
    for case in ("active_span_5", "counter_3"):
        iterations, title = CASES[case]
        one, two = ([run_case(programs["Signalbox"], case, iterations, threads)["wall_ns"] for _ in range(rounds)]
                    for threads in (1, 2))
        lines.append(f"| {title}, two threads | Signalbox | {statistics.median(two):.1f} [{min(two):.1f}] of wall time "
                     f"an operation: {statistics.median(one) / statistics.median(two):.2f} × one thread's rate | | | | |")
    return lines


def folder_mib(folder: pathlib.Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def settle(pid: int) -> None:
    """Waits until the server has used less than 5 % of a core for two seconds: its merges are done."""
    def quiet() -> bool:
        before = cpu_seconds(pid)
        time.sleep(2)
        return cpu_seconds(pid) - before < 0.1
    wait_until(quiet, "the merges settle", timeout_s=300, interval_s=0)


def send_load(pid: int, port: int, arguments: list[str], seconds: float) -> dict:
    """What ingest-load reports of its run, and the CPU s and MiB that the server `pid` took for it."""
    cpu = cpu_seconds(pid)
    load = subprocess.Popen([BENCH / "bin" / "ingest-load", "--endpoint", f"http://127.0.0.1:{port}", *arguments,
                             "--seconds", str(seconds)], stdout=subprocess.PIPE, text=True)
    peak = 0.0
    while load.poll() is None:
        peak = max(peak, resident_mib(pid))
        time.sleep(0.2)
    result = json.loads(load.stdout.read())
    during = cpu_seconds(pid) - cpu
    settle(pid)
    million = max(result["acknowledged"], 1) / 1e6
    return {**result, "cpu_during": during / million, "cpu_settled": (cpu_seconds(pid) - cpu) / million, "peak": peak,
            "settled": resident_mib(pid)}


def bench_ingest(title: str, arguments: list[str], seconds: float) -> str:
    with Stack() as stack:
        server = stack.start_server()
        port = stack.http_port if "http" in arguments else stack.grpc_port
        result = send_load(server.pid, port, arguments, seconds)
        records = max(result["acknowledged"], 1)
        return (f"| {title} | {result['records_per_second']:,.0f} | {result['refused']:,.0f} "
                f"| {result['answer_ms_median']:.1f} / {result['answer_ms_p99']:.1f} / {result['answer_ms_max']:.0f} "
                f"| {result['bytes_per_record']:.0f} | {result['cpu_during']:.1f} | {result['cpu_settled']:.1f} "
                f"| {folder_mib(stack.data / 'clickhouse') * 2**20 / records:.1f} | {folder_mib(stack.data / 'log'):.0f} "
                f"| {result['peak']:.0f} / {result['settled']:.0f} |")


@contextlib.contextmanager
def running(name: str, program: str | None):
    """(pid, OTLP/HTTP port, path before /v1/…, folder of the data) of a server on a new folder; `program` is a peer's."""
    if program is None:
        with Stack() as stack:
            server = stack.start_server()
            yield server.pid, stack.http_port, "", stack.data
        return
    with tempfile.TemporaryDirectory(prefix="signalbox-bench-") as folder:
        port = free_port()
        server = subprocess.Popen([program, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: answers(port, "/health"), f"{name} answers")
            yield server.pid, port, "/insert/opentelemetry", pathlib.Path(folder)
        finally:
            server.terminate()
            server.wait()


def answers(port: int, path: str) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1).status == 200
    except OSError:
        return False


def bench_peers(seconds: float, rounds: int, peers: dict[str, str]) -> list[str]:
    """Every load by turns to each server, all over OTLP/HTTP; medians."""
    lines = ["| Load | | records/s acknowledged | ms until the answer: median / p99 | CPU s per million with merges "
             "| B on disk a record | MiB resident: peak |", "|---|---|---|---|---|---|---|"]
    for title, arguments in PEER_LOADS:
        signal = arguments[arguments.index("--signal") + 1]
        programs = {"Signalbox": None, **({PEER_NAMES[signal]: peers[signal]} if signal in peers else {})}
        runs: dict[str, list[dict]] = {name: [] for name in programs}
        for _ in range(rounds):
            for name, program in programs.items():
                print(f"{title}: {name} …", file=sys.stderr, flush=True)
                with running(name, program) as (pid, port, path, folder):
                    result = send_load(pid, port, [*arguments, "--protocol", "http", "--path", path], seconds)
                    tables = folder / "clickhouse" if program is None else folder
                    result["disk"] = folder_mib(tables) * 2**20 / max(result["acknowledged"], 1)
                    runs[name].append(result)
        for name in programs:
            def median(key: str) -> float:
                return statistics.median(run[key] for run in runs[name])
            lines.append(f"| {title} | {name} | {median('records_per_second'):,.0f} "
                         f"| {median('answer_ms_median'):.1f} / {median('answer_ms_p99'):.1f} "
                         f"| {median('cpu_settled'):.1f} | {median('disk'):.1f} | {median('peak'):.0f} |")
    return lines


def bench_store(rounds: int) -> list[str]:
    """Ten million spans: what their table costs, reads, and a server's start on it."""
    program = BENCH / "bench" / "store_bench"
    with tempfile.TemporaryDirectory(prefix="signalbox-bench-") as folder:
        data = pathlib.Path(folder) / "data"
        data.mkdir()
        print("10 million spans …", file=sys.stderr, flush=True)
        reads = subprocess.run([program, "10000000", "250000", data], check=True, capture_output=True, text=True).stdout
        return ["```", *reads.splitlines(), "```", "", "On the folder of these 10 million spans:",
                "", *bench_start(rounds, data)]


def bench_days(rounds: int, millions: int = 200, days: int = 15) -> list[str]:
    """A server on the spans of many days: what a page takes, and how much memory."""
    program = BENCH / "bench" / "store_bench"
    with tempfile.TemporaryDirectory(prefix="signalbox-bench-") as folder:
        data = pathlib.Path(folder) / "data"
        data.mkdir()
        print(f"{millions} million spans over {days} days …", file=sys.stderr, flush=True)
        out = subprocess.run([program, str(millions * 1_000_000), "250000", data, str(days)], check=True,
                             capture_output=True, text=True).stdout
        trace_id = re.search(r"first trace (\w+)", out).group(1)
        with Stack() as stack:
            stack.data = data
            server = stack.start_server()

            def ms(call) -> str:
                times = []
                for _ in range(rounds):
                    begin = time.monotonic()
                    call()
                    times.append((time.monotonic() - begin) * 1000)
                return f"first {times[0]:.0f}, median {statistics.median(times):.0f} ms"

            def last_hour() -> dict[str, int]:
                now = time.time_ns()
                return {"start": now - 3_600_000_000_000, "end": now}

            reads = {
                f"trace of {days} days ago by its id": lambda: stack.api(f"traces/{trace_id}"),
                "services of the last hour": lambda: stack.api("services", **last_hour()),
                "200 newest spans of the last hour": lambda: stack.api("traces", **last_hour(), limit=200),
                f"services of {days} days": lambda: stack.api(
                    "services", start=time.time_ns() - days * 86_400_000_000_000, end=time.time_ns()),
            }
            lines = ["```", *out.splitlines()[:-1], "```", "", "| A server on them | |", "|---|---|"]
            lines += [f"| {what} | {ms(call)} |" for what, call in reads.items()]
            lines.append(f"| MiB resident afterwards | {resident_mib(server.pid):.0f} |")
        return [*lines, "", *bench_start(rounds, data)]


def count_parts(data: pathlib.Path) -> int:
    """Folders of parts, those just replaced included."""
    return sum(1 for path in (data / "clickhouse" / "store").glob("*/*/2*_*_*_*"))


def bench_soak(minutes: int) -> list[str]:
    lines = ["| Minute | records/s acknowledged | refused | parts of all tables | MiB of log | MiB resident |",
             "|---|---|---|---|---|---|"]
    with Stack() as stack:
        server = stack.start_server()
        records = 0
        for minute in range(1, minutes + 1):
            load = subprocess.run([BENCH / "bin" / "ingest-load", "--endpoint", f"http://127.0.0.1:{stack.grpc_port}",
                                   "--connections", "16", "--records", "1000", "--seconds", "60"],
                                  stdout=subprocess.PIPE, text=True, check=False)  # 1: some were refused.
            result = json.loads(load.stdout)
            records += result["acknowledged"]
            lines.append(f"| {minute} | {result['records_per_second']:,.0f} | {result['refused']:,.0f} "
                         f"| {count_parts(stack.data)} | {folder_mib(stack.data / 'log'):.0f} "
                         f"| {resident_mib(server.pid):.0f} |")
            print(lines[-1], file=sys.stderr, flush=True)
        settle(server.pid)
        return [*lines, "", f"CPU s per million of {records / 1e6:.0f} million spans, merges included: "
                f"{cpu_seconds(server.pid) / records * 1e6:.1f}; "
                f"{folder_mib(stack.data / 'clickhouse') * 2**20 / records:.1f} B in tables a span."]


def send_large_trace(stack: Stack, count: int) -> str:
    """A trace of `count` spans of twenty services and a hundred operations, up to a dozen deep; returns its id."""
    numbers = random.Random(1)
    trace_id, begin = os.urandom(16).hex(), time.time_ns() - 60_000_000_000
    spans = [("", 0, begin, begin + 50_000_000_000, 0)]  # Id of the parent, depth, start, end, service.
    ids = [os.urandom(8).hex() for _ in range(count)]
    by_service: dict[int, list[dict]] = {service: [] for service in range(20)}
    for index in range(count):
        if index > 0:
            at = numbers.randrange(max(0, index - 2000), index)
            while spans[at][1] >= 12:
                at = numbers.randrange(0, at)
            _, depth, start, end, service = spans[at]
            begins = start + numbers.randrange(max(1, (end - start) * 3 // 4))
            spans.append((ids[at], depth + 1, begins, begins + numbers.randrange(max(1, end - begins)),
                          service if numbers.random() < 0.7 else numbers.randrange(20)))
        parent, _, start, end, service = spans[index]
        by_service[service].append({
            "traceId": trace_id, "spanId": ids[index], **({"parentSpanId": parent} if parent else {}),
            "name": f"operation {numbers.randrange(5)} of {service}", "kind": numbers.randrange(1, 6),
            "startTimeUnixNano": str(start), "endTimeUnixNano": str(end),
            "status": {"code": 2 if numbers.random() < 0.02 else 0},
            "attributes": [{"key": f"key.{key}", "value": {"stringValue": f"value {numbers.randrange(10 ** key)}"}}
                           for key in range(8)],
            "events": [{"timeUnixNano": str(start), "name": "retry"}] if numbers.random() < 0.05 else []})
    for service, sent in by_service.items():
        attributes = [{"key": "service.name", "value": {"stringValue": f"service {service}"}}]
        for first in range(0, len(sent), 2000):
            body = {"resourceSpans": [{"resource": {"attributes": attributes},
                                       "scopeSpans": [{"spans": sent[first:first + 2000]}]}]}
            status, answer = request("POST", f"http://127.0.0.1:{stack.http_port}/v1/traces", json.dumps(body).encode(),
                                     {"content-type": "application/json"})
            assert status == 200, (status, answer)
    return trace_id


def bench_trace(rounds: int, spans: int = 100_000) -> list[str]:
    """A trace of as many spans as are shown: time until the whole answer is there, and its size on the wire."""
    with Stack() as stack:
        server = stack.start_server()
        trace_id = send_large_trace(stack, spans)
        stack.wait_for_rows(span_rows=spans)
        settle(server.pid)
        ids = stack.api(f"traces/{trace_id}/skeleton")["columns"]["span_id"]
        lines = ["| Answer | encoding | MB on the wire | ms: first, median, max | CPU ms |", "|---|---|---|---|---|"]
        for what, path in {"skeleton": "skeleton", "everything": "",
                           "one span": f"spans?span_id={ids[spans // 2]}",
                           "100 spans": "spans?span_id=" + "&span_id=".join(ids[::spans // 100])}.items():
            for encoding in ("zstd", "gzip", "identity"):
                times, cpu = [], cpu_seconds(server.pid)
                for _ in range(rounds):
                    start = time.monotonic()
                    status, body = request("GET", f"{stack.ui}/api/v1/traces/{trace_id}/{path}".rstrip("/"),
                                           headers={"accept-encoding": encoding})
                    times.append((time.monotonic() - start) * 1000)
                    assert status == 200, (status, body)
                lines.append(f"| {what} | {encoding} | {len(body) / 1e6:.3f} "
                             f"| {times[0]:.0f}, {statistics.median(times):.0f}, {max(times):.0f} "
                             f"| {(cpu_seconds(server.pid) - cpu) / rounds * 1000:.0f} |")
        return lines


STRUCTURES = [
    "{ kind = server } >> { status = error }",
    "{ kind = server } > { kind = client } >> { kind = server }",
    "{ kind = client } !> { kind = server }",
    "{ status = error } ~ { status = error }",
    "{ name = 'INSERT ledger' } >> { name = 'GET' }",  # No trace has both.
    "{ kind = consumer } >> { kind = server } ~ { kind = producer }",  # Traces have all three, but nowhere so.
    "{ root = true } | trace.duration > 100s",  # There is none.
]


def bench_structure(rounds: int, seconds: float) -> list[str]:
    """Pages of 100 traces, among the spans of `seconds` of as many as are taken."""
    with Stack() as stack:
        server = stack.start_server()
        load = subprocess.run([BENCH / "bin" / "ingest-load", "--endpoint", f"http://127.0.0.1:{stack.grpc_port}",
                               "--connections", "4", "--records", "1000", "--seconds", str(seconds)],
                              stdout=subprocess.PIPE, text=True, check=False)  # 1: some were refused.
        settle(server.pid)
        lines = [f"Among {json.loads(load.stdout)['acknowledged'] / 1e6:.1f} million spans:", "",
                 "| Structure | traces found | traces looked at | all? | ms: first, median, max | CPU ms |",
                 "|---|---|---|---|---|---|"]
        for structure in STRUCTURES:
            times, cpu = [], cpu_seconds(server.pid)
            for _ in range(rounds):
                start = time.monotonic()
                answer = stack.api("traces", structure=structure, limit=100)
                times.append((time.monotonic() - start) * 1000)
            looked_at = answer["structure"]
            lines.append(f"| `{structure.replace('|', chr(92) + '|')}` | {len(answer['traces'])} "
                         f"| {looked_at['examined_trace_count']:,} | {'yes' if looked_at['is_complete'] else 'no'} "
                         f"| {times[0]:.0f}, {statistics.median(times):.0f}, {max(times):.0f} "
                         f"| {(cpu_seconds(server.pid) - cpu) / rounds * 1000:.0f} |")
        return lines


def bench_start(rounds: int, data: pathlib.Path | None = None) -> list[str]:
    """From the start of the process to the first trace that the API shows; on a new folder, or on `data`."""
    times, idle = [], []
    for _ in range(rounds):
        with Stack() as stack:
            stack.data = data or stack.data
            start = time.monotonic()
            stack.start_server()
            trace_id = stack.send_spans(1)
            wait_until(lambda: stack.trace(trace_id), "the trace is visible", interval_s=0.005)
            times.append((time.monotonic() - start) * 1000)
            time.sleep(5)
            idle.append(resident_mib(stack.server.pid))
    return [f"Start to first trace visible through the API: median {statistics.median(times):.0f} ms "
            f"[best {min(times):.0f}, worst {max(times):.0f}], {rounds} starts{'' if data else ' on new folders'}, polled every 5 ms.",
            "", f"Memory idle, 5 s after the start: {statistics.median(idle):.0f} MiB resident."]


def bench_server(seconds: float, rounds: int) -> list[str]:
    lines = [
        "| Load | records/s acknowledged | refused | ms until the answer: median / p99 / max | B of protobuf a record "
        "| CPU s per million | … with merges | B in tables a record | MiB of log | MiB resident: peak / settled |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for title, arguments in LOADS:
        print(f"{title} …", file=sys.stderr, flush=True)
        lines.append(bench_ingest(title, arguments, seconds))
    print("start …", file=sys.stderr, flush=True)
    return [*lines, "", *bench_start(rounds)]


def machine() -> str:
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True,
                            text=True).stdout.strip()
    compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    return (f"Command `make bench`; {cpu}, {os.cpu_count()} CPUs, Linux {os.uname().release.split('-')[0]}, "
            f"{compiler} -O3; commit {commit}; {time.strftime('%Y-%m-%d')}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="of each ingest run")
    parser.add_argument("--rounds", type=int, default=7, help="of each measurement; the median counts")
    parser.add_argument("--only", choices=["sdk", "server", "store", "days", "soak", "trace", "queries", "tail", "peers"])
    parser.add_argument("--victoria-traces", help="its program, for --only peers")
    parser.add_argument("--victoria-logs", help="its program, for --only peers")
    options = parser.parse_args()
    report = [machine()]
    if options.only in (None, "sdk"):
        report += ["", "### SDK", "", *bench_sdk(options.rounds)]
    if options.only in (None, "server"):
        report += ["", "### Server", "", *bench_server(options.seconds, options.rounds)]
    if options.only in (None, "store"):
        report += ["", "### Store", "", *bench_store(options.rounds)]
    if options.only in (None, "queries"):
        report += ["", "### Questions", "", *bench_queries(options.rounds, str(BENCH / "bin" / "ingest-load"), settle)]
    if options.only == "tail":
        report += ["", "### Live tail", "",
                   *bench_tail(str(BENCH / "bin" / "ingest-load"), options.seconds, options.rounds, settle)]
    if options.only == "days":
        report += ["", "### Fifteen days", "", *bench_days(options.rounds)]
    if options.only == "soak":
        report += ["", "### Ten minutes", "", *bench_soak(10)]
    if options.only == "trace":
        report += ["", "### A large trace", "", *bench_trace(options.rounds), "", "### Traces by structure", "",
                   *bench_structure(options.rounds, options.seconds)]
    if options.only == "peers":
        peers = {"traces": options.victoria_traces, "logs": options.victoria_logs}
        report += ["", "### Beside others", "",
                   *bench_peers(options.seconds, options.rounds, {signal: path for signal, path in peers.items() if path})]
    text = "\n".join(report) + "\n"
    (BENCH / "report.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
