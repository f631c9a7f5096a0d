#!/usr/bin/env python3
"""Runs clang-tidy over every C++ file of ours that the build compiles.

A file whose text, included headers of ours and rules are unchanged since it last passed is skipped: the
passes are remembered by hash in $XDG_CACHE_HOME/signalbox-tidy, outside the build folder as ccache's.

usage: tools/tidy.py BUILD_DIR
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

TIDY = "clang-tidy-22"
ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "signalbox-tidy"
INCLUDE = re.compile(rb'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
INCLUDE_ROOTS = (ROOT, ROOT / "sdk" / "include")


def headers_of(path: pathlib.Path, seen: dict[pathlib.Path, bytes]) -> None:
    """Adds to `seen` the bytes of `path` and of each header of ours that it includes, at any depth."""
    if path in seen:
        return
    seen[path] = path.read_bytes()
    for name in INCLUDE.findall(seen[path]):
        for root in INCLUDE_ROOTS:
            header = root / name.decode()
            if header.is_file():
                headers_of(header, seen)


def fingerprint(path: pathlib.Path, rules: bytes) -> str:
    seen: dict[pathlib.Path, bytes] = {}
    headers_of(path, seen)
    digest = hashlib.sha256(rules)
    for header in sorted(seen):
        digest.update(str(header.relative_to(ROOT)).encode() + b"\0" + seen[header] + b"\0")
    return digest.hexdigest()


def main() -> int:
    build = pathlib.Path(sys.argv[1]).resolve()
    entries = json.loads((build / "compile_commands.json").read_text())
    files = sorted({pathlib.Path(entry["file"]) for entry in entries})
    files = [f for f in files if f.is_relative_to(ROOT) and not f.is_relative_to(build)
             and "third_party" not in f.parts]
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    rules = version + (ROOT / ".clang-tidy").read_bytes()
    CACHE.mkdir(parents=True, exist_ok=True)

    def check(path: pathlib.Path) -> tuple[pathlib.Path, str]:
        stamp = CACHE / fingerprint(path, rules)
        if stamp.exists():
            return path, ""
        run = subprocess.run([TIDY, "-quiet", "-p", build, path], capture_output=True, text=True)
        if run.returncode == 0:
            stamp.touch()
            return path, ""
        return path, run.stdout + run.stderr

    failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, complaint in pool.map(check, files):
            if complaint:
                failures += 1
                print(f"--- {path.relative_to(ROOT)}\n{complaint}")
    print(f"clang-tidy: {len(files)} files, {failures} with findings")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
