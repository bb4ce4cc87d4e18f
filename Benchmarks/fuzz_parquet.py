"""Random tables through the writer, then pyarrow (all), DuckDB (one in ten) and our own reader (all).

    fuzz_parquet.py --bench FILE [--first SEED] [--count TABLES]
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import duckdb

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Tests" / "system"))
from parquet_compare import compare  # noqa: E402

GROUP = 1_000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=100_000)
    options = parser.parse_args()
    wrong = 0
    begin = time.monotonic()
    session = duckdb.connect(config={"threads": 1})
    for first in range(options.first, options.first + options.count, GROUP):
        count = min(GROUP, options.first + options.count - first)
        folder = tempfile.mkdtemp(prefix="millrace-fuzz-")
        try:
            subprocess.run([options.bench, "parquet-random", folder, str(first), str(count), "small"], check=True)
            for seed in range(first, first + count):
                try:
                    faults = compare(f"{folder}/{seed}.parquet", f"{folder}/{seed}.json", seed % 10 == 0, session)
                except Exception as fault:
                    faults = [f"seed {seed}: {type(fault).__name__}: {fault}"]
                wrong += bool(faults)
                print("".join(f"{fault}\n" for fault in faults[:3]), end="", flush=True)
        finally:
            shutil.rmtree(folder)
        own = subprocess.run([options.bench, "parquet-roundtrip", str(first), str(count), "small"], capture_output=True, text=True)
        wrong += own.returncode != 0
        print(own.stdout if own.returncode else "", end="", flush=True)
        done = first + count - options.first
        print(f"{done} tables, {wrong} wrong, {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    print(f"{options.count} tables, {wrong} wrong, {time.monotonic() - begin:.0f} s")
    return 1 if wrong else 0


sys.exit(main())
