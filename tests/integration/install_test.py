"""tools/install.sh where something cannot be had: one line that says what to do, and a failing exit status.

Run on a copy of the script with stand-ins for the package managers, so that nothing is installed.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from stack import BIN, ROOT


class Install(unittest.TestCase):
    def run_install(self, **programs: str) -> subprocess.CompletedProcess[str]:
        """Runs `install.sh build` with each of `programs` replaced by a shell script of that text."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for part in ("tools", "third_party"):
                shutil.copytree(ROOT / part, folder / part)
            (folder / "bin").mkdir()
            for program, text in programs.items():
                path = folder / "bin" / program.replace("_", "-")
                path.write_text(f"#!/bin/sh\n{text}\n")
                path.chmod(0o755)
            return subprocess.run([folder / "tools" / "install.sh", "build"], capture_output=True, text=True,
                                  env={**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"})

    def assert_one_line(self, run: subprocess.CompletedProcess[str], *expected: str) -> None:
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)
        for part in ("signalbox: ", *expected):
            self.assertIn(part, run.stderr)

    def test_says_that_debian_packages_could_not_be_fetched(self) -> None:
        run = self.run_install(dpkg_query="exit 1", id="echo 0", apt_get="echo 'E: Unable to fetch some archives'; exit 100")
        self.assert_one_line(run, "apt-get could not install", "is there a network?", "E: Unable to fetch some archives")

    def test_names_the_missing_packages_to_who_is_not_root(self) -> None:
        run = self.run_install(dpkg_query="exit 1", id="echo 1000", sudo="exit 1", apt_get="exit 1")
        self.assert_one_line(run, "not root", "apt-get install", "libboost1.81-dev")

    def test_says_that_npm_packages_could_not_be_fetched(self) -> None:
        run = self.run_install(dpkg_query="echo 'install ok installed'", node="echo v22.0.0",
                               npm="[ \"$1\" = --version ] && echo 11.0.0 || { echo 'npm error code ECONNREFUSED'; exit 1; }")
        self.assert_one_line(run, "npm could not install libchdb", "is there a network?", "ECONNREFUSED")



class Service(unittest.TestCase):
    def test_is_one_that_systemd_understands(self) -> None:
        if not shutil.which("systemd-analyze"):
            raise unittest.SkipTest("there is no systemd-analyze here")
        text = (ROOT / "packaging" / "signalbox.service").read_text()
        with tempfile.TemporaryDirectory() as name:
            unit = pathlib.Path(name) / "signalbox.service"
            unit.write_text(text.replace("/opt/signalbox/bin", str(BIN)).replace("=signalbox\nGroup=signalbox", "=root\nGroup=root"))
            run = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
        ours = [line for line in run.stderr.splitlines() if "signalbox.service" in line]
        self.assertEqual((run.returncode, ours), (0, []), run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
