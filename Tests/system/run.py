#!/usr/bin/env python3
"""Runs the system tests: every function `test_...` of every `test_*.py` here. Its name is what it shows.

    run.py [--only WORD] [--list]      WORD: part of a file's or a test's name
"""
import argparse
import importlib
import pathlib
import sys
import time
import traceback

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here))
import harness  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    passed = failed = skipped = 0
    failures = []
    for path in sorted(here.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, test in list(vars(module).items()):
            if not name.startswith("test_") or options.only not in f"{path.stem}.{name}":
                continue
            label = f"{path.stem.removeprefix('test_')}: {name.removeprefix('test_').replace('_', ' ')}"
            if options.list:
                print(label)
                continue
            begin = time.monotonic()
            try:
                test()
            except harness.Skip as reason:
                skipped += 1
                print(f"skip  {label}: {reason}", flush=True)
            except Exception as error:
                failed += 1
                failures.append(f"{label}: {error}".replace("\n", " ")[:240])
                print(f"FAIL  {label} ({time.monotonic() - begin:.1f} s)", flush=True)
                print("".join(f"    {line}\n" for line in traceback.format_exc().splitlines()[-14:]), end="", flush=True)
            else:
                passed += 1
                print(f"ok    {label} ({time.monotonic() - begin:.1f} s)", flush=True)
    # Why: what is read of a long run is its end.
    for failure in failures[:8]:
        print(f"FAIL  {failure}")
    if not options.list:
        print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


sys.exit(main())
