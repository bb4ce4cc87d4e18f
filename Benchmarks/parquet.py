#!/usr/bin/env python3
"""Access log to typed Parquet (zstd) on one core: millrace against DuckDB, the same lines, in turn.

    parquet.py --bench PROGRAM [--lines 1000000] [--rounds 5] [--core 0] [--work FOLDER]

Both are pinned to one core and write eleven typed columns. DuckDB gets the reading that is fastest for it: the CSV
reader with a blank as the delimiter, one thread, and the request split in SQL. Printed: rows per second of each round,
sizes, and the ratio of the medians. Exit 1 if the two files differ in rows or sums.
"""
import argparse, os, random, re, statistics, subprocess, sys, time
from pathlib import Path

DUCKDB = """
COPY (
  SELECT remote, nullif(ident, '-') AS ident, nullif("user", '-') AS "user",
         strptime(day || ' ' || zone, '[%d/%b/%Y:%H:%M:%S %z]') AS time,
         split_part(request, ' ', 1) AS method, split_part(request, ' ', 2) AS uri,
         split_part(request, ' ', 3) AS protocol, status, bytes,
         nullif(referer, '-') AS referer, nullif(agent, '-') AS agent
  FROM read_csv('{log}', delim = ' ', quote = '"', escape = '\\', header = false, nullstr = '', parallel = false,
       auto_detect = false, columns = {{'remote': 'VARCHAR', 'ident': 'VARCHAR', 'user': 'VARCHAR', 'day': 'VARCHAR',
       'zone': 'VARCHAR', 'request': 'VARCHAR', 'status': 'INTEGER', 'bytes': 'BIGINT', 'referer': 'VARCHAR',
       'agent': 'VARCHAR'}})
) TO '{out}' (FORMAT parquet, COMPRESSION zstd)
"""


def make_log(path, lines):
    """Lines as a busy shop has them: a few thousand pages and browsers, many addresses, search terms, sizes."""
    if path.exists():
        return
    rng = random.Random(7)
    words = [f"{rng.choice('bcdfgklmnprst')}{rng.choice('aeiou')}{rng.choice('lmnrst')}{rng.choice(['e', 'o', 'er', 'ing', ''])}" for _ in range(900)]
    pages = [f"/shop/{rng.choice(words)}/{rng.choice(words)}-{rng.randint(1, 9999)}.html" for _ in range(4_000)]
    agents = [f"Mozilla/5.0 ({rng.choice(['Windows NT 10.0; Win64; x64', 'X11; Linux x86_64', 'Macintosh; Intel Mac OS X 10_15_7', 'iPhone; CPU iPhone OS 17_5 like Mac OS X'])}) "
              f"AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{rng.randint(90, 140)}.0.{rng.randint(1000, 9999)}.{rng.randint(1, 200)} Safari/537.36" for _ in range(1_500)]
    referers = [f"https://{rng.choice(words)}.example/{rng.choice(words)}" for _ in range(1_000)]
    addresses = [f"{rng.randint(1, 223)}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}" for _ in range(60_000)]

    def pick(pool):
        return pool[int(len(pool) * rng.random() ** 3)]
    with open(path, "w") as out:
        block = []
        for number in range(lines):
            second = number // 250
            page = pick(pages)
            draw = rng.random()
            if draw < 0.25:
                page += f"?q={rng.choice(words)}+{rng.choice(words)}&page={rng.randint(1, 40)}&sid={rng.getrandbits(48):012x}"
            referer = "-" if rng.random() < 0.3 else pick(referers) + (f"?utm={rng.getrandbits(32):08x}" if draw < 0.2 else "")
            status = rng.choices((200, 304, 404, 302, 500), (88, 6, 3, 2, 1))[0]
            block.append(
                f'{pick(addresses)} - - [{10 + second // 86400:02}/Oct/2026:{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02} +0000] '
                f'"{"POST" if draw > 0.95 else "GET"} {page} HTTP/1.1" {status} {0 if status == 304 else int(rng.lognormvariate(9, 1.2))} "{referer}" "{pick(agents)}"\n')
            if len(block) == 50_000:
                out.writelines(block)
                block.clear()
        out.writelines(block)


def duckdb_round(log, out):
    import duckdb
    session = duckdb.connect(config={"threads": 1})
    session.execute("SET TimeZone = 'UTC'")
    session.execute("SET preserve_insertion_order = true")
    start = time.perf_counter()
    session.execute(DUCKDB.format(log=log, out=out))
    return time.perf_counter() - start


def check(left, right):
    """Both files hold the same rows, by count and by sums over every column."""
    import duckdb
    session = duckdb.connect()
    session.execute("SET TimeZone = 'UTC'")
    query = """SELECT count(*), count(remote), count("user"), sum(epoch_us(time)), sum(status), sum(bytes), sum(hash(remote)), sum(hash(method)),
        sum(hash(uri)), sum(hash(protocol)), sum(hash(referer)), sum(hash(agent)) FROM read_parquet('{}')"""
    first, second = (session.execute(query.format(path)).fetchone() for path in (left, right))
    if first != second:
        sys.exit(f"the files differ:\n{first}\n{second}")
    return first[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--work", default="/tmp/millrace-parquet")
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    log, ours, theirs = work / f"access-{options.lines}.log", work / "millrace.parquet", work / "duckdb.parquet"
    make_log(log, options.lines)
    print(f"{options.lines} lines, {log.stat().st_size / options.lines:.0f} bytes each, core {options.core}")
    rates = {"millrace": [], "duckdb": []}
    for number in range(options.rounds):
        output = subprocess.run([options.bench, "parquet", "combined", log, ours, "1"], check=True, capture_output=True, text=True).stdout
        rates["millrace"].append(int(re.search(r"(\d+) rows/s", output)[1]))
        rates["duckdb"].append(int(options.lines / duckdb_round(log, theirs)))
        print(f"  round {number}: millrace {rates['millrace'][-1] / 1e6:.2f} M rows/s ({output.split(', ', 2)[2].strip()}), duckdb {rates['duckdb'][-1] / 1e6:.2f} M rows/s", flush=True)
    rows = check(ours, theirs)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"  {rows} rows equal; millrace {ours.stat().st_size / 1e6:.1f} MB, duckdb {theirs.stat().st_size / 1e6:.1f} MB")
    print(f"  medians: millrace {medians['millrace'] / 1e6:.2f}, duckdb {medians['duckdb'] / 1e6:.2f} M rows/s; ratio {medians['millrace'] / medians['duckdb']:.2f}")


main()
