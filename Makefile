# Run `make` for what there is.
SHELL       := /bin/bash
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
DEADCODE    := go run golang.org/x/tools/cmd/deadcode@v0.52.0 -f '{{range .Funcs}}{{printf "%s.%s\n" $$.Path .Name}}{{end}}'
PROGRAMS    := ./server ./loadgen ./bench
FUZZTIME    ?= 20s
TIME        ?= 1h
NODE        := server/contract/testdata/validate server/httpd/testdata/client loadgen/testdata/backend loadgen/testdata/hlog
MAIN        ?= main
PACKAGES    := $(NODE:%=%/node_modules/.package-lock.json)

.DEFAULT_GOAL := help
.PHONY: help build test race simulate-long crowd lint dead foreign bench stable gate hard aa fuzz clean tools

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/server, bin/loadgen and bin/bench
	go build -o bin/ ./server ./loadgen ./bench

test: lint race crowd ## everything: formatting, vet, staticcheck, laws, all tests under the race detector

race: tools ## all tests under the race detector
	GORACE="$${GORACE:-atexit_sleep_ms=0}" go test -race -timeout 30m -skip '^TestACrowd' ./... # no program sleeps a second before it ends

simulate-long: ## the protocol between instances in simulated time, for TIME of CPU (1h)
	go test -timeout 0 -run '^TestSimulation$$' ./server/pairing -pairing.time $(TIME)

crowd: ## 10,000 guests over six processes and six servers, which need both cores: 2 minutes
	go test -timeout 10m -run '^TestACrowd' ./loadgen

lint: ## formatting, vet, staticcheck, unreachable functions, and whether the programs compile for other systems
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted (gofmt -w them):"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	@$(MAKE) -s dead foreign
	@if command -v gcc >/dev/null; then $(MAKE) -s bin/counter.so; else echo "gcc is missing: the counter of instructions is not compiled"; fi

dead: # functions that no program reaches, but for those that .github/unreachable states a reason for; and those that no test reaches either
	@mkdir -p bin
	$(DEADCODE) $(PROGRAMS) | sort >bin/unreachable
	@sed 's/ .*//' .github/unreachable | sort | diff - bin/unreachable || { \
		echo "'>': no program calls it: delete it, move it to where tests are, or state a reason in .github/unreachable; '<': take it off that list"; exit 1; }
	@dead=$$($(DEADCODE) -test ./...) || exit 1; if [ -n "$$dead" ]; then echo "neither a program nor a test calls:"; echo "$$dead"; exit 1; fi

foreign: # whether the programs compile for macOS, and all but bench for Windows, which has no process groups
	GOOS=darwin go build -o /dev/null $(PROGRAMS)
	GOOS=windows go build -o /dev/null ./server ./loadgen

bench: tools ## all benchmarks
	go test -run '^$$' -bench . -benchmem ./...

stable: tools ## how much each benchmark's CPU varies over ten runs (a quarter of an hour, on a quiet machine)
	@mkdir -p results/runs
	go test -run '^$$' -bench . -benchtime 200ms -count 10 -timeout 30m ./bench >results/runs/stable.txt || { cat results/runs/stable.txt; exit 1; }
	go run golang.org/x/perf/cmd/benchstat -filter '.unit:(cpu-ns/op OR x/floor OR allocs/op)' results/runs/stable.txt

gate: bin/bench ## did the working tree become slower than where it left MAIN (main)?
	bin/bench gate --merge-base $(MAIN)

hard: bin/bench ## compare allocations, bytes, Redis commands and sizes with results/baselines
	bin/bench baseline check

aa: bin/bench # a minute of the gate on identical code: anything but Regressed will do
	@code=0; bin/bench gate --base HEAD --head HEAD --only HTTP/fetch,Relay/within,Record --budget 60s --inconclusive pass || code=$$?; \
	test $$code = 0 || test $$code = 4

bin/counter.so: bench/count/plugin/plugin.c # the counter of instructions, with all warnings; bench gate compiles its own
	@mkdir -p bin
	gcc -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $<

bin/bench: FORCE
	@go build -o bin/bench ./bench

FORCE:

fuzz: ## every fuzz test for FUZZTIME (20s) each
	@set -e; for package in $$(go list ./...); do \
		for fuzz in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || test $$? = 1); do \
			echo "$$package $$fuzz"; go test -run '^$$' -fuzz "^$$fuzz$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

clean: ## remove what building, testing and running left
	rm -rf bin results/runs $(NODE:%=%/node_modules)
	go clean -testcache

tools: $(PACKAGES) # what the tests run: Redis, Chromium, Python, qemu-user, and under Node the official Socket.IO client and server, an HdrHistogram, and the validators of OpenAPI and AsyncAPI
	@for tool in redis-server chromium python3; do \
		command -v $$tool >/dev/null && continue; \
		echo "$$tool is missing: installing Debian's package"; \
		sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
		$$sudo apt-get update -q && $$sudo apt-get install -yq --no-install-recommends $$tool || exit 1; \
	done
	@command -v qemu-x86_64 >/dev/null || [ "$$(uname -sm)" != "Linux x86_64" ] || { \
		echo "qemu-x86_64 is missing: installing Debian's package qemu-user"; \
		sudo=$$([ "$$(id -u)" = 0 ] || echo sudo); \
		$$sudo apt-get update -q; $$sudo apt-get install -yq --no-install-recommends qemu-user || echo "there is no qemu-user: the gate decides by CPU time alone"; }

$(PACKAGES): %/node_modules/.package-lock.json: %/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or later (Debian: apt-get install nodejs npm)"; exit 1; }
	cd $* && npm ci --no-audit --no-fund
