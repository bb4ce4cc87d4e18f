# The verbs. `make demo` and `make test` install what they need; see scripts/bootstrap.sh.
SWIFT ?= swift
JOBS ?= $(shell nproc)
RELEASE = -c release --static-swift-stdlib --scratch-path .build-release

.PHONY: help demo test build release unit broker system models recordings system-long torture torture-syncs bench sync-bench parquet fuzz fuzz-parquet readers views verify large-parquet fmt lint docs check clean bootstrap

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: bootstrap ## sample logs to a warehouse in .demo, and a look at it; no Kafka
	@scripts/demo.sh

test: bootstrap ## every test that this machine can run; says what it skipped
	@scripts/bootstrap.sh --database
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
	@scripts/bootstrap.sh --database
	@scripts/test.sh system

models: bootstrap ## model tests of the commit protocol and the replay: every fault at every operation, 10,000 random syncs
	@MILLRACE_MODELS=all $(SWIFT) test -j $(JOBS) -c release -Xswiftc -enable-testing -Xswiftc -DDEBUG --scratch-path .build-models --filter 'CommitLogTests|StorageFaultTests|SyncModelTests' 2>&1 | tail -n 20

sync-bench: release ## 1 M changes onto 10 M rows, against DuckDB's window query; growth with rows and changes
	@.venv/bin/python Benchmarks/sync.py --bin .build-release/release --growth

recordings: bootstrap ## changes that real tools recorded, against the tables that the database ended with; FROM=folder
	@scripts/recordings.sh $(or $(FROM),../shared/data/cdc-live) $(OPTIONS)

views: bootstrap build ## the same recordings through the views of now, and RFM, by DuckDB, Spark and Hive; MILLRACE_SPARK as for readers
	@.venv/bin/python Tests/system/views.py $(or $(RECORDINGS),../shared/data/cdc-live) --reader spark --reader hive
	@.venv/bin/python Tests/system/views.py $(or $(RECORDINGS),../shared/data/cdc-live) --reader spark --plan delta
	@.venv/bin/python Tests/system/views.py $(or $(RECORDINGS),../shared/data/cdc-live) --reader spark --plan log
	@MILLRACE_RFM=all MILLRACE_RFM_READERS=spark,hive .venv/bin/python Tests/system/run.py --only test_rfm

verify: bootstrap build ## sync verify against a MariaDB on which the recorded workload was run
	@scripts/bootstrap.sh --database
	@.venv/bin/python Tests/system/verify_live.py $(or $(RECORDINGS),../shared/data/cdc-live)

torture: release ## a million lines, fifty kills of each daemon, a broker stopped twice
	@MILLRACE_BIN=$(CURDIR)/.build-release/release .venv/bin/python Tests/system/torture.py --full --parquet 1

system-long: bootstrap ## the system tests, those that take minutes too
	@MILLRACE_LONG=1 scripts/test.sh system

torture-syncs: release ## change records of three tools, three times, shuffled over partitions, fifty kills of the collector
	@MILLRACE_BIN=$(CURDIR)/.build-release/release .venv/bin/python Tests/system/test_order.py

bench: release ## throughput against bare loops, and Kafka to Parquet against DuckDB; needs a broker
	@scripts/bench.sh
	@scripts/bench.sh collector

parquet: bootstrap ## access log, JSON lines, CSV to Parquet on one core, against DuckDB
	@$(SWIFT) build -j $(JOBS) $(RELEASE) --product millrace-bench
	@.venv/bin/python Benchmarks/parquet.py --bench .build-release/release/millrace-bench

fuzz-parquet: bootstrap ## 100,000 random tables through pyarrow, DuckDB and our own reader; COUNT=n for fewer
	@$(SWIFT) build -j $(JOBS) $(RELEASE) --product millrace-bench
	@.venv/bin/python Benchmarks/fuzz_parquet.py --bench .build-release/release/millrace-bench --count $(or $(COUNT),100000)

readers: bootstrap build ## every format and random tables through Hive 4 and Spark; MILLRACE_SPARK: a Python with pyspark
	@.venv/bin/python Tests/system/test_tables.py
	@.venv/bin/python Tests/system/random_tables.py 1 $(or $(COUNT),200)

large-parquet: bootstrap ## 10,000 columns, and more than 2 GiB of text, read by DuckDB, pyarrow and ourselves; 10 GiB of disk
	@$(SWIFT) build -j $(JOBS) $(RELEASE) --product millrace-bench --product millrace
	@.venv/bin/python Benchmarks/large_parquet.py --bin .build-release/release

fuzz: bootstrap ## libFuzzer over parsers, packs, Parquet; FUZZ_SECONDS=600 each
	@scripts/fuzz.sh

fmt: ## formats the Swift sources in place
	@$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests

lint: ## layout rules of .swift-format, and the tidy test
	@$(SWIFT) format lint --recursive --parallel Package.swift Sources Tests
	@$(SWIFT) test --filter TidyTests 2>&1 | tail -n 20

docs: ## checks that every page that a page links to exists
	@scripts/docs.sh

check: docs test ## what CI runs

clean: ## removes what was built and demonstrated; keeps .venv
	@rm -rf .build .build-release .build-models .build-fuzz .demo

bootstrap:
	@scripts/bootstrap.sh
