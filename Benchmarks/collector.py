#!/usr/bin/env python3
"""The whole collector, Kafka to typed Parquet (zstd), against DuckDB's single thread over the same lines.

    collector.py --bin FOLDER --broker HOST:PORT [--lines 8000000] [--log FILE] [--rounds 3] [--work FOLDER]

The lines are made up (many addresses, search terms), or those of a real log, again and again. The agent ships access log lines once, in packs of 64 KiB, lz4. Each round runs the collector until it has caught up
(all cores, the broker on the same ones), then DuckDB with one thread over the lines' file, as in parquet.py. Printed:
rows per second, CPU seconds per million rows, memory, and the ratios of the medians. Exit 1 if rows are missing or
differ, or a ratio is below its goal.
"""
import argparse, gzip, lzma, multiprocessing, os, re, statistics, subprocess, sys
from pathlib import Path
import configs
from parquet import ACCESS, ACCESS_SUMS, duckdb_round, make_access
from throughput import timed

PARTITIONS = 4
FILES = 32
RATIO_GOAL, ROWS_GOAL = 1.5, 1.2


def agent_config(options, work, topic):
    return configs.agent(work / "agent.yaml", broker=options.broker, topic=topic, state=work / "state",
                         include=f"{work}/logs-{options.lines}/*.log")


def collector_config(options, work, topic, run):
    text = (Path(__file__).parent / "routes.yaml").read_text().split("table: bench.json")[0]
    columns = ["  " + line.strip() for line in text.splitlines() if "- {name: " in line]
    return configs.collector(work / f"collector-{run}.yaml", broker=options.broker, topic=topic, group=f"bench-{run}", memory="512MiB",
                             warehouse=work / "warehouse", route=["columns:", *columns, "output: {format: parquet}"])


def repeat(log, path, lines):
    """The lines of a real log, again and again: those that DuckDB's CSV reader can take (a whole request, a size)."""
    opened = {".xz": lzma.open, ".gz": gzip.open}.get(log.suffix, open)(log, "rb")
    plain = re.compile(rb'\S+ \S+ \S+ \[[^\]]+\] "\S+ \S+ \S+" \d+ \d+ "[^"\\]*" "[^"\\]*"\n')
    with opened as source:
        block = [line for line in source if plain.fullmatch(line)]
    print(f"{log.name}: {len(block)} lines, again and again", flush=True)
    with open(path, "wb") as out:
        for first in range(0, lines, len(block)):
            out.writelines(block[:lines - first])


def make_logs(work, lines, log=None):
    """The lines in one file, for DuckDB, and cut into FILES files, for the agent."""
    whole, folder = work / f"access-{lines}.txt", work / f"logs-{lines}"
    if not whole.exists():
        if log:
            repeat(log, work / "making", lines)
        else:
            make_access(work / "making", lines)
        (work / "making").rename(whole)
    if not folder.exists():
        folder.mkdir()
        subprocess.run(["split", "-n", f"l/{FILES}", "-d", "--additional-suffix=.log", whole, folder / "access-"], check=True)
    return whole


def apart(function, *arguments):
    """Calls it in a process of its own: what DuckDB holds here would count as the memory of programs started later."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def check(work, lines, theirs):
    """An error, or nothing if both wrote the same rows."""
    import duckdb
    session = duckdb.connect()
    session.execute("SET TimeZone = 'UTC'")
    found = [session.execute(f"SELECT count(*), {ACCESS_SUMS} FROM read_parquet('{files}')").fetchone()
             for files in (f"{work}/warehouse/web/access/*/part-*.parquet", theirs)]
    if found[0] != found[1] or found[0][0] != lines:
        return f"the rows differ:\n{found[0]}\n{found[1]}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--lines", type=int, default=8_000_000)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", default="/tmp/millrace-collector")
    options = parser.parse_args()
    work, programs = Path(options.work), Path(options.bin)
    work.mkdir(parents=True, exist_ok=True)
    whole, theirs, topic = make_logs(work, options.lines, options.log), work / "duckdb.parquet", f"bench-collector-{os.getpid()}"
    config = agent_config(options, work, topic)
    subprocess.run([programs / "millrace", "topics", "create", "--config", config, "--partitions", str(PARTITIONS), "--replication", "1"],
                   check=True, stdout=subprocess.DEVNULL)
    wall, used, _, _ = timed([programs / "millrace-agent", "--config", config, "--once"])
    millions = options.lines / 1e6
    print(f"{options.lines} lines, {whole.stat().st_size / options.lines:.0f} bytes each, {os.cpu_count()} cores; "
          f"shipped at {millions / wall:.2f} M lines/s, {used / millions:.2f} CPU-s/M", flush=True)
    times = {"collector": [], "duckdb": []}
    for number in range(options.rounds):
        config = collector_config(options, work, topic, f"{os.getpid()}-{number}")
        wall, used, memory, _ = timed([programs / "millrace-collector", "--config", config, "--until-caught-up"])
        times["collector"].append((wall, used))
        times["duckdb"].append(apart(duckdb_round, ACCESS, whole, theirs))
        if (fault := apart(check, work, options.lines, theirs)):
            sys.exit(fault)
        print(f"  round {number}: " + ", ".join(
            f"{name} {millions / pairs[-1][0]:.2f} M rows/s, {pairs[-1][1] / millions:.2f} CPU-s/M" for name, pairs in times.items())
            + f"; collector {memory:.0f} MiB", flush=True)
    medians = {name: statistics.median(wall for wall, _ in pairs) for name, pairs in times.items()}
    ratio = medians["duckdb"] / medians["collector"]
    size = sum(path.stat().st_size for path in (work / "warehouse" / "web").rglob("part-*")) / 1e6
    print(f"  equal rows; collector {size:.1f} MB, duckdb {theirs.stat().st_size / 1e6:.1f} MB; medians: collector "
          f"{millions / medians['collector']:.2f}, duckdb {millions / medians['duckdb']:.2f} M rows/s (goal {ROWS_GOAL}); "
          f"ratio {ratio:.2f} (goal {RATIO_GOAL})")
    sys.exit(0 if ratio >= RATIO_GOAL else 1)


if __name__ == "__main__":
    main()
