#!/usr/bin/env bash
# Throughput of the release binaries against bare loops, on one broker: MILLRACE_KAFKA (host:port), else
# a Kafka found in ../shared. Arguments go to Benchmarks/throughput.py, for example `--lines 1000000`; behind
# `collector` to Benchmarks/collector.py: Kafka to Parquet against DuckDB, made-up lines and, if there, a real log's.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/millrace-bench.XXXXXX")
kafka=
finish() {
  local code=$?
  if [ -n "$kafka" ]; then "$kafka" stop "$work/kafka" >/dev/null 2>&1 || true; fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM
cc -O2 -o "$work/bare" Benchmarks/bare.c -lrdkafka
if [ -z "${MILLRACE_KAFKA:-}" ]; then
  kafka=${MILLRACE_SHARED:-../shared}/kafka/kafka.sh
  [ -x "$kafka" ] || { echo "bench: name a broker in MILLRACE_KAFKA (host:port)" >&2; exit 69; }
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  "$kafka" start "$work/kafka" --port "$port" >"$work/kafka.log" 2>&1 || { cat "$work/kafka.log" >&2; exit 1; }
  MILLRACE_KAFKA=127.0.0.1:$port
fi
if [ "${1:-}" = collector ]; then
  shift
  collect() {
    rm -rf "$work/run"
    .venv/bin/python Benchmarks/collector.py --bin .build-release/release --broker "$MILLRACE_KAFKA" --work "$work/run" "$@"
  }
  failed=0
  collect "$@" || failed=1
  log=${MILLRACE_SHARED:-../shared}/data/weblogs/apache_combined_10k.log.xz
  if [ -f "$log" ]; then collect --log "$log" "$@" || failed=1; fi
  exit "$failed"
else
  python3 Benchmarks/throughput.py --bin .build-release/release --bare "$work/bare" --broker "$MILLRACE_KAFKA" --work "$work/run" "$@"
fi
