#!/usr/bin/env python3
"""The README's program in a project of its own: it builds with the SDK alone, links no more than it promises,
and runs.

usage: tests/consumer/consumer_test.py BUILD_DIR
"""

import os
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()


class Consumer(unittest.TestCase):
    def test_builds_with_the_sdk_alone_and_links_only_libcurl_and_zlib(self) -> None:
        BUILD.mkdir(parents=True, exist_ok=True)
        sample = BUILD / "shop.cc"
        subprocess.run([sys.executable, ROOT / "tools" / "extract_sample.py", ROOT / "README.md", "cpp", "1", sample],
                       check=True)
        for command in (["cmake", "-S", HERE, "-B", BUILD, "-G", "Ninja", f"-DSIGNALBOX_ROOT={ROOT}",
                         f"-DSAMPLE={sample}", "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"],
                        ["cmake", "--build", BUILD, "--target", "shop"]):
            run = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stdout[-4000:] + run.stderr[-4000:])

        dynamic = subprocess.run(["readelf", "-d", BUILD / "shop"], check=True, capture_output=True, text=True).stdout
        needed = {name.split(".so")[0] for name in re.findall(r"NEEDED.*\[(.*)\]", dynamic)}
        self.assertLessEqual(needed, {"libcurl", "libz", "libstdc++", "libm", "libgcc_s", "libc", "ld-linux-x86-64"})

        run = subprocess.run([BUILD / "shop"], capture_output=True, text=True, timeout=60, env={
            **os.environ, "OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "console",
            "OTEL_LOGS_EXPORTER": "console"})
        self.assertEqual(run.returncode, 0, run.stderr)
        for expected in ("checkout", "shop.items", "shop.orders", "EUR", "service.name"):
            self.assertIn(expected, run.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
