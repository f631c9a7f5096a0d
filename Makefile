# The front door of Signalbox. `make help` lists the commands.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc)
export PATH := $(CURDIR)/build/deps/bin:$(PATH)
step = @printf '\033[1m%s\033[0m\n' "$(1)"

.PHONY: help
help:
	@echo 'make demo        build, start everything, send one request and print the link to its trace'
	@echo '                 (DURATION=30 ends by itself after 30 s; Ctrl-C stops everything;'
	@echo '                 TLS=1 speaks https, and exports with an ingestion key)'
	@echo 'make test        run every test, the browser'"'"'s included'
	@echo 'make build       build/bin/: signalbox, demo-service, demo-echo, demo-loadgen'
	@echo 'make bench       run the benchmarks (SECONDS_EACH=n for longer runs)'
	@echo 'make format      format the C++ and the web sources'
	@echo 'make fuzz        fuzz each parser of foreign bytes for FUZZ_SECONDS=60'
	@echo 'make clean       remove the build, keep what was downloaded'

# ---- what a fresh machine needs -------------------------------------------------------------------
LOCKS := tools/install.sh third_party/chdb/package-lock.json third_party/node/package-lock.json \
         third_party/uv/requirements.txt third_party/go/requirements.txt third_party/h2spec/go.sum web/package-lock.json
CLIENTS := $(addprefix tests/conformance/otlp_clients/,go/go.sum go/main.go java/pom.xml java/src/main/java/Send.java \
             javascript/package-lock.json rust/Cargo.lock rust/Cargo.toml rust/src/main.rs)
build/deps/.for-%: $(LOCKS) $(CLIENTS) tests/e2e/package-lock.json
	$(call step,Installing what is missing)
	@mkdir -p build/deps
	@tools/install.sh $*
	@touch $@

# ---- build ----------------------------------------------------------------------------------------
PROGRAMS := signalbox demo-service demo-echo demo-loadgen
WEB_SOURCES := $(shell find web server/api/openapi.yaml -type f \
                 -not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -name schema.d.ts 2>/dev/null)

# CMake's build copies it beside the server.
web/dist/index.html: $(WEB_SOURCES) | build/deps/.for-build
	$(call step,Building the web UI)
	@cd web && npm run --silent build >../build/web.log 2>&1 || { cat ../build/web.log; exit 1; }

# configure <preset> <folder> <options>: once; afterwards ninja notices what changed by itself.
define configure
	@grep -qsxF -e '$(3)' $(2)/.configured || { mkdir -p $(2) && \
	  cmake --preset $(1) $(3) >$(2)/configure.log 2>&1 || { tail -n 20 $(2)/configure.log; exit 1; } && \
	  echo '$(3)' >$(2)/.configured; }
endef

.PHONY: build
build: build/deps/.for-build web/dist/index.html
	$(call step,Building the programs)
	$(if $(wildcard build/.configured),,$(call configure,release,build,-DSIGNALBOX_TESTS=OFF))
	@ninja -C build -j $(JOBS) signalbox_web $(PROGRAMS)

# ---- demo -----------------------------------------------------------------------------------------
.PHONY: demo
demo: build
	@python3 demo/run.py --uv build/deps/uv/bin/uv $(if $(DURATION),--duration $(DURATION)) $(if $(TLS),--tls)

# ---- test -----------------------------------------------------------------------------------------
.PHONY: test
test: build/deps/.for-test web/dist/index.html
	$(call step,Building the programs and their tests)
	$(call configure,release,build,-DSIGNALBOX_TESTS=ON -DSIGNALBOX_BENCH=ON)
	@ninja -C build -j $(JOBS)
	$(call step,Building with AddressSanitizer and UBSan)
	$(call configure,asan,build/asan,-DSIGNALBOX_TESTS=ON)
	@ninja -C build/asan -j $(JOBS)
	$(call step,Building with ThreadSanitizer)
	$(call configure,tsan,build/tsan,-DSIGNALBOX_TESTS=ON)
	@ninja -C build/tsan -j $(JOBS)
	$(call step,Testing)
	@ctest --test-dir build -j $(JOBS) --output-on-failure

.PHONY: format
format: build/deps/.for-test
	@git ls-files '*.h' '*.cc' | xargs clang-format-22 -i
	@cd web && npm run --silent format

FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: build/deps/.for-fuzz
	@tools/fuzz.sh $(FUZZ_SECONDS)

# ---- benchmarks -----------------------------------------------------------------------------------
.PHONY: bench
bench: build build/deps/.for-bench
	$(call step,Building the benchmarks)
	$(call configure,bench,build/bench,-DSIGNALBOX_TESTS=OFF)
	@ninja -C build/bench -j $(JOBS) bench-programs
	@python3 bench/run.py $(if $(SECONDS_EACH),--seconds $(SECONDS_EACH))

.PHONY: clean
clean:
	@find build -mindepth 1 -maxdepth 1 -not -name deps -exec rm -rf {} +
