"""Runs demo/run.py as its user does, on free ports and with a temporary folder."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile

from stack import ROOT, free_port

UV = ROOT / "build" / "deps" / "uv" / "bin" / "uv"
PORT_VARIABLES = ("DEMO_UI_PORT", "DEMO_GRPC_PORT", "DEMO_HTTP_PORT", "DEMO_SERVICE_PORT", "DEMO_ECHO_PORT")


class Tour(contextlib.AbstractContextManager):
    """One run of the tour; interrupted as by Ctrl-C where it is left."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="signalbox-tour-")
        self.environment = {**os.environ, **{name: str(free_port()) for name in PORT_VARIABLES}, **environment}
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "demo" / "run.py", "--uv", UV, "--data", self._folder.name, *arguments],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __exit__(self, *_: object) -> None:
        self.end()
        self._folder.cleanup()

    def end(self, interrupt: bool = True) -> tuple[str, str]:
        """Interrupts it (or lets it end by itself); the rest of its output and its errors."""
        if interrupt and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=90) if not self.process.stdout.closed else ("", "")

    def ports(self) -> dict[str, int]:
        return {name: int(self.environment[name]) for name in PORT_VARIABLES}

    def wait_for_line(self, pattern: str) -> re.Match[str]:
        """Reads its output up to a line that matches."""
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"the tour ended without {pattern!r}:\n{''.join(seen)}{self.process.stderr.read()}")

    def wait_for_link(self) -> tuple[str, str]:
        """The UI's address and the id of the Python client's trace, as printed."""
        found = self.wait_for_line(r"This trace\s+(\S+)/traces/([0-9a-f]{32})")
        return found.group(1), found.group(2)
