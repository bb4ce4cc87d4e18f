#!/usr/bin/env bash
# Fuzzes parsers, the pack decoder and the Parquet reader with libFuzzer and AddressSanitizer:
# `fuzz.sh [TARGET...]` (default: all). FUZZ_SECONDS: of processor time, for each (600). Inputs that reach new code stay in
# .build-fuzz/corpus; those of Tests/Fuzz/corpus are in every run and are replayed by `make test`. Exit 1 at a finding,
# which lies in .build-fuzz/findings: mend it, and put the input into Tests/Fuzz/corpus/TARGET.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=.build-fuzz
seconds=${FUZZ_SECONDS:-600}
# Why lld: gold does not link what the sanitizers make.
MILLRACE_FUZZ=1 swift build -j "${JOBS:-$(nproc)}" -c release --scratch-path "$scratch" --product millrace-fuzz \
  -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=fuzzer-no-link,address -Xswiftc -use-ld=lld
program=$PWD/$scratch/release/millrace-fuzz
mkdir -p "$scratch/findings"
# Why: a crash is looked at by the sanitizer; Swift's own look at it would take minutes.
export SWIFT_BACKTRACE=enable=no
# Why: an enum of classes keeps its case in spare bits of the pointer, which the leak check takes for a lost one.
# What really leaks shows in -rss_limit_mb.
export ASAN_OPTIONS=detect_leaks=0
if [ $# -gt 0 ]; then targets=("$@"); else read -ra targets < <("$program" | sed -n 's/.*targets: //p'); fi
# Seconds of processor time that process $1 has had, in both modes; 0 once it has ended (proc_pid_stat(5), fields 14, 15).
processor_seconds() {
  awk -v hertz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) / hertz) }' "/proc/$1/stat" 2>/dev/null ||
    echo 0
}
failed=0
for target in "${targets[@]}"; do
  mkdir -p "$scratch/corpus/$target" "Tests/Fuzz/corpus/$target"
  log=$scratch/$target.log
  last=$((SECONDS + 10 * seconds))
  # A hang is 10 s for one input, of at most 16 KiB; memory is bounded at 1 GiB, the sanitizer's share included.
  "$program" "$target" -timeout=10 -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="$scratch/findings/$target-" "$scratch/corpus/$target" "Tests/Fuzz/corpus/$target" >"$log" 2>&1 &
  process=$!
  short=""
  # Why: seconds of the wall say nothing on a busy machine; SIGUSR1 is how libFuzzer is told to end well.
  while kill -0 "$process" 2>/dev/null; do
    spent=$(processor_seconds "$process")
    if [ "$spent" -ge "$seconds" ] || [ "$SECONDS" -ge "$last" ]; then
      if [ "$spent" -lt "$seconds" ]; then short=", stopped after $spent of $seconds processor seconds"; fi
      kill -USR1 "$process" 2>/dev/null || true
    fi
    sleep 1
  done
  if wait "$process"
  then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)
    memory=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
    echo "fuzz: $target: $runs inputs, $edges, ${memory} MB$short"
  else
    failed=1
    echo "fuzz: $target: a finding, see $log"
    grep -aE '^fault:|Fatal error|ERROR|SUMMARY|Test unit' "$log" | head -n 6 || true
  fi
done
exit "$failed"
