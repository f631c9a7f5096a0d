#!/usr/bin/env bash
# Builds the fuzzers with libFuzzer and runs each for the given number of seconds on its corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: tools/fuzz.sh SECONDS}
cmake --preset fuzz -DSIGNALBOX_TESTS=ON >/dev/null
cut -d ' ' -f 1 build/fuzz/fuzzers.txt | xargs ninja -C build/fuzz
while read -r target corpus; do
  echo "--- $target"
  mkdir -p "build/fuzz/found/$target"
  "build/fuzz/tests/$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 -verbosity=0 \
    -artifact_prefix="build/fuzz/found/$target/" "build/fuzz/found/$target" "$corpus" </dev/null
done <build/fuzz/fuzzers.txt
