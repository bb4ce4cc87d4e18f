# The verbs. `make demo` and `make test` install what they need; see scripts/bootstrap.sh.
SWIFT ?= swift
JOBS ?= $(shell nproc)
RELEASE = -c release --static-swift-stdlib --scratch-path .build-release

.PHONY: help demo test build release unit broker system models torture bench parquet fmt lint docs check clean bootstrap

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: bootstrap ## sample logs to a warehouse in .demo, and a look at it; no Kafka
	@scripts/demo.sh

test: bootstrap ## every test that this machine can run; says what it skipped
	@scripts/test.sh all

build: bootstrap ## the three programs, debug
	@$(SWIFT) build -j $(JOBS)

release: bootstrap ## the three programs, optimised, in .build-release/release
	@$(SWIFT) build -j $(JOBS) $(RELEASE)

unit: bootstrap ## unit, golden, model and tidy tests only
	@scripts/test.sh unit

broker: bootstrap ## tests against a broker only
	@scripts/test.sh broker

system: bootstrap ## tests of the programs as processes only
	@scripts/test.sh system

models: bootstrap ## the commit protocol's model tests, every fault at every operation
	@MILLRACE_MODELS=all $(SWIFT) test -j $(JOBS) --filter CommitLogTests 2>&1 | tail -n 20

torture: release ## a million lines, fifty kills of each daemon, a broker stopped twice
	@MILLRACE_BIN=$(CURDIR)/.build-release/release .venv/bin/python Tests/system/torture.py --full

bench: release ## throughput against bare loops; needs a broker
	@scripts/bench.sh

parquet: bootstrap ## access log, JSON lines, CSV to Parquet on one core, against DuckDB
	@$(SWIFT) build -j $(JOBS) $(RELEASE) --product millrace-bench
	@.venv/bin/python Benchmarks/parquet.py --bench .build-release/release/millrace-bench

fmt: ## formats the Swift sources in place
	@$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests

lint: ## layout rules of .swift-format, and the tidy test
	@$(SWIFT) format lint --recursive --parallel Package.swift Sources Tests
	@$(SWIFT) test --filter TidyTests 2>&1 | tail -n 20

docs: ## checks that every page that a page links to exists
	@scripts/docs.sh

check: docs test ## what CI runs

clean: ## removes what was built and demonstrated; keeps .venv
	@rm -rf .build .build-release .demo

bootstrap:
	@scripts/bootstrap.sh
