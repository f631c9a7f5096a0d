"""Numbered requests of all signals, a ledger of their answers, and what of them is in the tables.

Each request brings ROWS spans, log records or points that say its number, so that the tables can be asked
which requests they have, and how often.
"""

import collections
import concurrent.futures
import contextlib
import ctypes
import http.client
import json
import pathlib
import re
import subprocess
import sys
import threading
import time
import unittest

from stack import BIN, Stack

ROWS = 10
SIGNALS = ("traces", "logs", "metrics")


def body_of(number: int, padding: int = 0) -> bytes:
    """Always the same bytes for the same number; every few requests come from another resource.

    The `padding` is in the log only: receivers skip what they do not know.
    """
    return json.dumps({**_signal_of(number), "padding": "x" * padding}).encode()


def _signal_of(number: int) -> dict:
    moment = 1_790_000_000_000_000_000 + number
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "ledger"}},
                               {"key": "service.instance.id", "value": {"stringValue": str(number // 50)}}]}
    trace_id = f"{number:032x}"
    match SIGNALS[number % 3]:
        case "traces":
            spans = [{"traceId": trace_id, "spanId": f"{i + 1:016x}", "name": "operation",
                      "startTimeUnixNano": str(moment), "endTimeUnixNano": str(moment + 1000)}
                     for i in range(ROWS)]
            return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}
        case "logs":
            records = [{"traceId": trace_id, "timeUnixNano": str(moment), "body": {"stringValue": f"line {i}"}}
                       for i in range(ROWS)]
            return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}
        case _:
            points = [{"timeUnixNano": str(moment), "asInt": str(number),
                       "attributes": [{"key": "point", "value": {"stringValue": str(i)}}]} for i in range(ROWS)]
            metrics = [{"name": "ledger", "gauge": {"dataPoints": points}}]
            return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}


class Ledger:
    """Sends numbered requests from several threads and remembers what came of each."""

    def __init__(self, http_port: int, timeout_s: float = 10.0, senders: int = 6, padding: int = 0) -> None:
        self.port, self.timeout_s, self.padding = http_port, timeout_s, padding
        self.acknowledged: set[int] = set()
        self.sent = 0
        self.statuses: collections.Counter[int] = collections.Counter()  # 0: there was no answer.
        self.retry_hints: collections.Counter[bool] = collections.Counter()  # Of refusals.
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(senders)
        self._senders = senders
        self._running: list[concurrent.futures.Future] = []

    @property
    def unacknowledged(self) -> list[int]:
        return [number for number in range(1, self.sent + 1) if number not in self.acknowledged]

    def start(self, until_acknowledged: bool = False) -> None:
        """New requests until `stop`; each again and again until its answer comes, if so wanted."""
        self._stop.clear()
        self._running = [self._pool.submit(self._send_new, until_acknowledged) for _ in range(self._senders)]

    def stop(self) -> None:
        self._stop.set()
        for running in self._running:
            running.result()

    def repeat(self, numbers: list[int], timeout_s: float = 60.0) -> None:
        """Sends these again until each is acknowledged."""
        deadline = time.monotonic() + timeout_s
        with contextlib.closing(self._connect()) as connection:
            for number in numbers:
                while not self._send(connection, number):
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"request {number} is not taken: {self.statuses}")
                    time.sleep(0.2)

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)

    def _send_new(self, until_acknowledged: bool) -> None:
        with contextlib.closing(self._connect()) as connection:
            while not self._stop.is_set():
                with self._lock:
                    self.sent += 1
                    number = self.sent
                while not self._send(connection, number):
                    time.sleep(0.05)
                    if not until_acknowledged or self._stop.is_set():
                        break

    def _send(self, connection: http.client.HTTPConnection, number: int) -> bool:
        try:
            connection.request("POST", f"/v1/{SIGNALS[number % 3]}", body_of(number, self.padding),
                               {"content-type": "application/json"})
            response = connection.getresponse()
            response.read()
            status, hint = response.status, response.getheader("retry-after")
        except (OSError, http.client.HTTPException):
            connection.close()  # The next request opens it again.
            status, hint = 0, None
        with self._lock:
            self.statuses[status] += 1
            if status in (429, 503):
                self.retry_hints[hint is not None] += 1
            if status == 200:
                self.acknowledged.add(number)
        return status == 200


def query(data: pathlib.Path, *statements: str) -> list[list[str]]:
    """Rows of all `statements` over the tables in a data folder that no server has open."""
    done = subprocess.run([sys.executable, __file__, str(data), *statements], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"{statements}: {done.stderr[-2000:]}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def stored(data: pathlib.Path) -> dict[int, int]:
    """How many rows the tables have of each number."""
    by_trace = "SELECT reinterpretAsUInt64(reverse(substring(trace_id, 9))), count() FROM {} GROUP BY trace_id"
    rows = query(data, by_trace.format("spans"), by_trace.format("logs"),
                 "SELECT value_int, count() FROM metric_numbers WHERE metric_name = 'ledger' GROUP BY value_int")
    return {int(number): int(count) for number, count in rows}


def undescribed(data: pathlib.Path) -> int:
    """Rows whose resource, scope or series is unknown."""
    references = [(table, f"{kind}_id", f"{kind}s") for table in ("spans", "logs", "metric_series")
                  for kind in ("resource", "scope")]
    references.append(("metric_numbers", "series_id", "metric_series"))
    rows = query(data, *(f"SELECT count() FROM {table} WHERE {key} NOT IN (SELECT {key} FROM {described})"
                         for table, key, described in references))
    return sum(int(count) for count, in rows)


def check(test: unittest.TestCase, stack: Stack, ledger: Ledger, when: str) -> None:
    """All that was acknowledged is stored, once, and what else is stored is whole. With the server stopped."""
    rows = stored(stack.data)
    wrong = {number: rows.get(number, 0) for number in sorted(ledger.acknowledged) if rows.get(number, 0) != ROWS}
    if wrong:
        test.fail(f"{when}: {len(wrong)} of {len(ledger.acknowledged)} acknowledged requests do not have {ROWS} "
                  f"rows: {list(wrong.items())[:10]}\n{stack.log('signalbox')[-3000:]}")
    partial = {number: count for number, count in rows.items() if count != ROWS}
    test.assertEqual(list(partial.items())[:10], [], f"{when}: stored in part or twice")
    test.assertEqual(undescribed(stack.data), 0, when)


def _print_rows(data: str, *statements: str) -> None:
    """In a process of its own: the engine is loaded as the server loads it."""
    libraries = subprocess.run(["ldd", BIN / "signalbox"], capture_output=True, text=True, check=True).stdout
    engine = ctypes.CDLL(re.search(r"libchdb\.so => (\S+)", libraries).group(1))
    engine.chdb_connect.restype = ctypes.POINTER(ctypes.c_void_p)
    engine.chdb_query.restype = engine.chdb_result_buffer.restype = ctypes.c_void_p
    engine.chdb_query.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
    engine.chdb_result_error.restype = ctypes.c_char_p
    engine.chdb_result_length.restype = ctypes.c_size_t
    for function in (engine.chdb_result_buffer, engine.chdb_result_error, engine.chdb_result_length,
                     engine.chdb_close_conn):
        function.argtypes = [ctypes.c_void_p]
    arguments = [b"signalbox", f"--path={data}/clickhouse".encode(), f"--config-file={data}/engine.xml".encode()]
    connection = engine.chdb_connect(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments))
    for statement in ("USE signalbox", *statements):
        result = engine.chdb_query(connection[0], statement.encode(), b"TabSeparated")
        if error := engine.chdb_result_error(result):
            sys.exit(error.decode(errors="replace"))
        if length := engine.chdb_result_length(result):
            sys.stdout.buffer.write(ctypes.string_at(engine.chdb_result_buffer(result), length))
    engine.chdb_close_conn(connection)


if __name__ == "__main__":
    _print_rows(*sys.argv[1:])
