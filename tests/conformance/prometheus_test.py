"""Metrics are computed as Prometheus computes them: random programs, the same samples in both.

A program has instances with counters, gauges and histograms, read every ten seconds; instances restart at random. To
Signalbox it is sent as OTLP, in disorder and with repetitions, cumulative and as deltas; Prometheus gets the series that
it would have scraped. Standard library only; the seed of a failure is in its message.

Where the two differ by design is a test of its own: `Better`.
"""

import itertools
import json
import math
import pathlib
import random
import subprocess
import sys
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))
from stack import Stack, free_port, request, wait_until  # noqa: E402

PROMETHEUS = ROOT / "build" / "deps" / "prometheus" / "usr" / "bin"
SECOND = 1_000_000_000
INTERVAL_S = 10
STEP_S = 60
STEPS = 10
BOUNDS = [5, 10, 25, 50, 100, 250]
CUMULATIVE, DELTA = 2, 1


class Instance:
    """One series of each metric over time: what a client of it reports, restarts included."""

    def __init__(self, number: int, route: str, rng: random.Random, start_s: int) -> None:
        self.labels = {"instance": f"i{number}", "route": route}
        self.readings = []  # (time, start time, count, bucket counts, sum, gauge), cumulative since the start time
        started, count, buckets, total = start_s, 0, [0] * (len(BOUNDS) + 1), 0
        for time_s in range(start_s, start_s + STEP_S * STEPS + 1, INTERVAL_S):
            if time_s > start_s and count > 0 and rng.random() < 0.06:
                # It comes back with less than it had: what Prometheus can see.
                started = time_s - rng.randint(1, INTERVAL_S - 1)
                most, count, buckets, total = count - 1, 0, [0] * (len(BOUNDS) + 1), 0
            else:
                most = 40
            for _ in range(rng.randint(0, min(most, 40)) if time_s > start_s else 0):
                value = rng.randint(1, 240)
                buckets[sum(bound < value for bound in BOUNDS)] += 1
                count, total = count + 1, total + value
            self.readings.append((time_s, started, count, list(buckets), total, rng.randint(-50, 50)))


class Program:
    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.seed = seed
        # Whole steps, over before Signalbox could take them for the future.
        self.start_s = (int(time.time()) // STEP_S - STEPS - 2) * STEP_S
        self.end_s = self.start_s + STEP_S * STEPS
        self.instances = [Instance(i, rng.choice(["/a", "/b"]), rng, self.start_s) for i in range(rng.randint(2, 6))]
        self.rng = rng

    def restarts(self, labels: dict[str, str], start_s: int) -> bool:
        """Whether an instance with these labels came back in the step that begins at `start_s`."""
        return any(start_s < started < start_s + STEP_S for instance in self.instances
                   if labels.items() <= instance.labels.items() for _, started, *_ in instance.readings)

    def openmetrics(self) -> str:
        """What Prometheus would have scraped, as promtool reads it."""
        requests, latency, level = ["# TYPE requests counter"], ["# TYPE latency histogram"], ["# TYPE level gauge"]
        for instance in self.instances:
            labels = ",".join(f'{key}="{value}"' for key, value in instance.labels.items())
            for at, _, count, buckets, total, value in instance.readings:
                requests.append(f"requests_total{{{labels}}} {count} {at}")
                level.append(f"level{{{labels}}} {value} {at}")
                latency += [f'latency_bucket{{{labels},le="{bound}"}} {sum(buckets[:i + 1])} {at}'
                            for i, bound in enumerate([*BOUNDS, "+Inf"])]
                latency += [f"latency_count{{{labels}}} {count} {at}", f"latency_sum{{{labels}}} {total} {at}"]
        return "\n".join([*requests, *latency, *level, "# EOF", ""])

    def otlp(self) -> list[dict]:
        """Requests of one reading each, in disorder, some of them twice."""
        requests = []
        for instance in self.instances:
            attributes = [{"key": "route", "value": {"stringValue": instance.labels["route"]}}]
            resource = [{"key": key, "value": {"stringValue": value}} for key, value in
                        (("service.name", "oracle"), ("service.instance.id", instance.labels["instance"]))]
            before = None
            for reading in instance.readings:
                metrics = self._metrics(reading, CUMULATIVE, "", attributes)
                if before:
                    metrics += self._metrics(self._since(before, reading), DELTA, "delta.", attributes)
                before = reading
                requests.append({"resourceMetrics": [{"resource": {"attributes": resource},
                                                      "scopeMetrics": [{"metrics": metrics}]}]})
        requests += self.rng.sample(requests, len(requests) // 10)
        self.rng.shuffle(requests)
        return requests

    @staticmethod
    def _since(before: tuple, now: tuple) -> tuple:
        """What happened between two readings; after a restart, since that."""
        if now[1] != before[1]:
            return now
        return (now[0], before[0], now[2] - before[2], [a - b for a, b in zip(now[3], before[3], strict=True)],
                now[4] - before[4], now[5])

    @staticmethod
    def _metrics(reading: tuple, temporality: int, prefix: str, attributes: list) -> list[dict]:
        at, start, count, buckets, total, level = reading
        times = {"timeUnixNano": str(at * SECOND), "startTimeUnixNano": str(start * SECOND), "attributes": attributes}
        metrics = [
            {"name": prefix + "requests", "sum": {"aggregationTemporality": temporality, "isMonotonic": True,
                                                  "dataPoints": [{**times, "asInt": str(count)}]}},
            {"name": prefix + "latency", "histogram": {"aggregationTemporality": temporality, "dataPoints": [
                {**times, "count": str(count), "sum": total, "explicitBounds": BOUNDS,
                 "bucketCounts": [str(n) for n in buckets]}]}}]
        if temporality == CUMULATIVE:
            metrics.append({"name": "level", "gauge": {"dataPoints": [{**times, "asInt": str(level)}]}})
        return metrics


def merged(requests: list[dict]) -> dict:
    return {"resourceMetrics": [resource for body in requests for resource in body["resourceMetrics"]]}


class Prometheus:
    """A real one, with the samples of a program."""

    def __init__(self, stack: Stack, program: Program) -> None:
        folder = stack.folder / "prometheus"
        folder.mkdir()
        (folder / "samples").write_text(program.openmetrics())
        (folder / "prometheus.yml").write_text("")
        subprocess.run([PROMETHEUS / "promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "samples",
                        folder / "data"], check=True, capture_output=True)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [PROMETHEUS / "prometheus", "--config.file", folder / "prometheus.yml", "--storage.tsdb.path",
                 folder / "data", "--web.listen-address", f"127.0.0.1:{port}"], stdout=log, stderr=log)
        stack._processes.append(self.process)
        wait_until(lambda: self._ready(), "Prometheus answers")

    def _ready(self) -> bool:
        try:
            return request("GET", f"{self.url}/-/ready", timeout_s=2)[0] == 200
        except OSError:
            return False

    def steps(self, expression: str, start_s: int, end_s: int, at_s: int) -> dict[tuple, dict[int, float]]:
        """Values by labels, and by the start of the step, `at_s` after which they were computed."""
        query = urllib.parse.urlencode({"query": expression, "start": start_s, "end": end_s, "step": STEP_S})
        status, body = request("GET", f"{self.url}/api/v1/query_range?{query}")
        assert status == 200, body
        result = {}
        for series in json.loads(body)["data"]["result"]:
            labels = tuple(sorted(series["metric"].items()))
            result[labels] = {int(at) - at_s: float(value) for at, value in series["values"]}
        return result


class Both(unittest.TestCase):
    """The metrics of one program in Signalbox and in Prometheus."""

    def start(self, program: Program) -> None:
        self.program = program
        self.stack = self.enterContext(Stack())
        self.stack.start_server()
        self.prometheus = Prometheus(self.stack, program)
        readings = program.otlp()
        for body in (merged(readings[i:i + 20]) for i in range(0, len(readings), 20)):
            status, answer = request("POST", f"http://127.0.0.1:{self.stack.http_port}/v1/metrics",
                                     json.dumps(body).encode(), {"content-type": "application/json"})
            self.assertEqual((status, answer), (200, b"{}"))
        sent = sum(len(instance.readings) for instance in program.instances)
        # Of the delta metrics the first reading begins the first interval.
        wait_until(lambda: self.distinct_points() == sent, "all points are visible", timeout_s=40)

    def distinct_points(self) -> int:
        answer = self.sql("SELECT count() FROM (SELECT DISTINCT series_id, time FROM metric_numbers "
                          "WHERE metric_name = 'level')")
        return int(answer["rows"][0][0])

    def sql(self, statement: str) -> dict:
        status, body = request("POST", f"{self.stack.ui}/api/v1/sql", json.dumps({"sql": statement}).encode(),
                               {"content-type": "application/json"})
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def ours(self, metric: str, aggregation: str, group_by: tuple[str, ...]) -> dict[tuple, dict[int, float]]:
        answer = self.stack.api("metrics/query", name=metric, aggregation=aggregation, step=STEP_S * SECOND,
                                start=self.program.start_s * SECOND, end=self.program.end_s * SECOND,
                                group_by=[FIELDS[name] for name in group_by])
        result = {}
        for series in answer["series"]:
            labels = tuple(sorted((name, series["labels"][FIELDS[name]]) for name in group_by))
            result[labels] = {int(at) // SECOND: value for at, value in series["points"] if value is not None}
        return result

    def compare(self, metric: str, aggregation: str, group_by: tuple[str, ...], expression: str, *,
                at_s: int = STEP_S, tolerance: float = 1e-9, with_restarts: bool = True) -> None:
        """`expression` is evaluated `at_s` after the start of each step; NaN and nothing are alike."""
        theirs = self.prometheus.steps(expression, self.program.start_s + at_s, self.program.end_s - STEP_S + at_s,
                                       at_s)
        ours = self.ours(metric, aggregation, group_by)
        what = f"seed {self.program.seed}: {aggregation} of {metric} by {group_by} against {expression}"
        self.assertGreater(len(theirs), 0, what)
        for labels, values in theirs.items():
            for start_s, value in values.items():
                if not with_restarts and self.program.restarts(dict(labels), start_s):
                    continue
                if math.isnan(value):
                    self.assertNotIn(start_s, ours.get(labels, {}), what)
                    continue
                mine = ours.get(labels, {}).get(start_s)
                self.assertIsNotNone(mine, f"{what}: nothing at {start_s} for {labels}, not {value}")
                self.assertTrue(math.isclose(mine, value, rel_tol=tolerance, abs_tol=1e-9),
                                f"{what}: {mine}, not {value}, at {start_s} for {labels}")


FIELDS = {"instance": "resource.service.instance.id", "route": "attribute.route"}


class Agreement(Both):
    def check(self, seed: int) -> None:
        self.start(Program(seed))
        for metric in ("requests", "delta.requests"):
            self.compare(metric, "increase", (), "sum(increase(requests_total[1m]))")
            self.compare(metric, "increase", ("route",), "sum by (route) (increase(requests_total[1m]))")
            self.compare(metric, "rate", ("instance",), "sum by (instance) (rate(requests_total[1m]))",
                         with_restarts=False)
        for metric in ("latency", "delta.latency"):
            self.compare(metric, "rate", ("route",), "sum by (route) (rate(latency_count[1m]))", with_restarts=False)
            # To Prometheus each bucket, the count and the sum are series of their own. After a restart those that are
            # not below what they were before seem to have gone on: see `Better`.
            self.compare(metric, "sum", ("route",), "sum by (route) (increase(latency_sum[1m]))", with_restarts=False)
            self.compare(metric, "avg", (), "sum(increase(latency_sum[1m])) / sum(increase(latency_count[1m]))",
                         with_restarts=False)
            for percentile in (50, 90, 99):
                for group_by in ((), ("route",), ("instance",)):
                    by = ", ".join(("le", *group_by))
                    self.compare(metric, f"p{percentile}", group_by,
                                 f"histogram_quantile({percentile / 100}, "
                                 f"sum by ({by}) (increase(latency_bucket[1m])))",
                                 tolerance=1e-6, with_restarts=False)
        # Of a step's readings the last one is a whole interval before its end.
        last_s = STEP_S - INTERVAL_S
        for aggregation in ("avg", "min", "max"):
            self.compare("level", aggregation, ("instance",),
                         f"sum by (instance) ({aggregation}_over_time(level[{last_s}s]))", at_s=last_s)
        self.compare("level", "last", ("instance",), "sum by (instance) (level)", at_s=last_s)

    def test_on_a_first_program(self) -> None:
        self.check(1)

    def test_on_a_second_program(self) -> None:
        self.check(2)

    def test_on_a_new_program(self) -> None:
        self.check(random.randrange(10**6))


class Better(Both):
    """Start times tell of restarts what values do not: where Prometheus guesses, what really happened is shown."""

    def happened(self, start_s: int) -> tuple[list[int], int]:
        """Measurements by bucket, and their sum, in the step that begins at `start_s`; of all instances."""
        buckets, total = [0] * (len(BOUNDS) + 1), 0
        for instance in self.program.instances:
            for before, now in itertools.pairwise(instance.readings):
                if start_s < now[0] <= start_s + STEP_S:
                    _, _, _, more, more_total, _ = Program._since(before, now)
                    buckets = [a + b for a, b in zip(buckets, more, strict=True)]
                    total += more_total
        return buckets, total

    @staticmethod
    def quantile(q: float, buckets: list[int]) -> float:
        """As Prometheus has it: evenly spread between the bounds, from 0."""
        rank, below = q * sum(buckets), 0
        for count, low, high in zip(buckets, [0, *BOUNDS], [*BOUNDS, BOUNDS[-1]], strict=True):
            if below + count >= rank and count > 0:
                return low + (high - low) * (rank - below) / count
            below += count
        raise AssertionError("no measurement")

    def test_through_restarts(self) -> None:
        program = Program(5)
        self.start(program)
        steps = range(program.start_s, program.end_s, STEP_S)
        self.assertTrue(any(program.restarts({}, start_s) for start_s in steps))
        for metric in ("latency", "delta.latency"):
            ours = {name: self.ours(metric, name, ())[()] for name in ("sum", "p50", "p99")}
            for start_s in steps:
                buckets, total = self.happened(start_s)
                self.assertAlmostEqual(ours["sum"][start_s], total)
                for name, q in (("p50", 0.5), ("p99", 0.99)):
                    self.assertAlmostEqual(ours[name][start_s], self.quantile(q, buckets), places=6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
