#!/usr/bin/env bash
# Builds the fuzzers with libFuzzer and runs each for the given number of seconds on its corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: tools/fuzz.sh SECONDS}
command -v clang++-22 >/dev/null || {
  echo 'signalbox: fuzzing needs clang: apt-get install -y clang-22 libclang-rt-22-dev' >&2
  exit 1
}
cmake --preset fuzz -DSIGNALBOX_TESTS=ON >/dev/null
targets=$(ninja -C build/fuzz -t targets all | sed -nE 's/^tests\/([a-z_]+_fuzz): .*/\1/p')
# shellcheck disable=SC2086
ninja -C build/fuzz $targets
for target in $targets; do
  echo "--- $target"
  mkdir -p "build/fuzz/found/$target"
  "build/fuzz/tests/$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -verbosity=0 \
    -artifact_prefix="build/fuzz/found/$target/" "build/fuzz/found/$target" "tests/corpus/${target%_fuzz}"
done
