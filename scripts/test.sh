#!/usr/bin/env bash
# Runs tests: `test.sh all|unit|broker|system`.
#
# Broker tests use the broker named by MILLRACE_KAFKA (host:port), else a Kafka found in ../shared
# (started here on loopback, ended here by its process id), else librdkafka's mock cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
part=${1:-all}
jobs=${JOBS:-$(nproc)}
work=$(mktemp -d "${TMPDIR:-/tmp}/millrace-test.XXXXXX")
kafka=
finish() {
  local code=$?
  if [ -n "$kafka" ]; then "$kafka" stop "$work/kafka" >/dev/null 2>&1 || true; fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

free_port() { /usr/bin/env python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start_broker() {
  local shared=${MILLRACE_SHARED:-../shared}
  if [ -n "${MILLRACE_KAFKA:-}" ]; then
    echo "test: broker $MILLRACE_KAFKA (MILLRACE_KAFKA)"
  elif [ -x "$shared/kafka/kafka.sh" ] && command -v java >/dev/null; then
    kafka=$(cd "$shared/kafka" && pwd)/kafka.sh
    local port; port=$(free_port)
    "$kafka" start "$work/kafka" --port "$port" >"$work/kafka.log" 2>&1 || { cat "$work/kafka.log" >&2; exit 1; }
    export MILLRACE_KAFKA=127.0.0.1:$port MILLRACE_KAFKA_SH=$kafka MILLRACE_KAFKA_DIR=$work/kafka
    echo "test: broker $MILLRACE_KAFKA (real Kafka, started for this run)"
  else
    echo "test: no broker named by MILLRACE_KAFKA, no Kafka with Java in ../shared: broker tests use librdkafka's mock"
    echo "test: cluster; skipped: what needs a real broker (killed daemons, broker stops, group offsets, topic admin)"
  fi
}

failed=0
swift_tests() {
  # Why: a pipe would hide the exit code; the closing lines of the runner are what people read.
  if ! swift test -j "$jobs" "$@" >"$work/swift.log" 2>&1; then
    failed=1
    grep -E '✘|↳|error:|Fatal|failed' "$work/swift.log" | head -n 60 || true
    grep -E '✘|↳|error:|Fatal' "$work/swift.log" | grep -vE 'Library Version|Target Platform' | cut -c1-240 >"$work/failures" || true
    [ "$(wc -l <"$work/swift.log")" -gt 40 ] || cat "$work/swift.log"
  fi
  grep -iE 'skipped|➜' "$work/swift.log" | head -n 20 || true
  tail -n 3 "$work/swift.log"
}

system_tests() {
  export MILLRACE_BIN=${MILLRACE_BIN:-$PWD/.build/debug}
  .venv/bin/python Tests/system/run.py "$@" || failed=1
}

case "$part" in
  unit) swift_tests --skip TransportTests ;;
  broker) start_broker; swift_tests --filter TransportTests; system_tests --only kafka ;;
  system) start_broker; swift build -j "$jobs" 2>&1 | tail -n 3; system_tests ;;
  all) start_broker; swift_tests; system_tests ;;
  *) echo "test: unknown part $part (all, unit, broker, system)" >&2; exit 64 ;;
esac
# Why: what is read of a long run is its end.
if [ -s "$work/failures" ]; then
  echo "test: unit tests that failed (above with all their findings):"
  head -n 8 "$work/failures"
fi
exit "$failed"
