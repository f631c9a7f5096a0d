#!/usr/bin/env python3
"""Runs the browser tests against the tour: the real programs under load, on free ports.

usage: tests/e2e/run.py   (after tools/install.sh test and a build)
Screenshots are kept in build/screenshots/.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
from stack import wait_until  # noqa: E402
from tour import Tour  # noqa: E402


def has_load(ui: str) -> bool:
    """Whether every kind of telemetry that the tests look at has arrived."""
    def get(path: str) -> dict:
        with urllib.request.urlopen(f"{ui}/api/v1/{path}", timeout=10) as response:
            return json.load(response)
    if not any(metric["name"] == "http.server.request.duration" for metric in get("metrics")["metrics"]):
        return False
    duration = get("metrics/query?name=http.server.request.duration&group_by=url.path")
    paths = {series["labels"]["url.path"] for series in duration["series"]}
    failed = get("traces?q=name%20%3D%20%27POST%20%2Ffibonacci%27%20AND%20status%20%3D%20error&include=rows")["traces"]
    return {"/", "/fibonacci", "/external"} <= paths and bool(failed)


def main() -> int:
    with Tour(OTEL_METRIC_EXPORT_INTERVAL="1000") as tour:
        ui, trace_id = tour.wait_for_link()
        wait_until(lambda: has_load(ui), "traces, logs and metrics of the load are stored", timeout_s=60, interval_s=0.5)
        time.sleep(5)  # More than one point for the charts in the screenshots.
        return subprocess.run(["npx", "playwright", "test", *sys.argv[1:]], cwd=HERE,
                              env={**os.environ, "BASE_URL": ui, "TRACE_ID": trace_id}).returncode


if __name__ == "__main__":
    sys.exit(main())
