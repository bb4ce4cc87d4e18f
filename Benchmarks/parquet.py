#!/usr/bin/env python3
"""Text to typed Parquet (zstd) on one core: millrace against DuckDB, the same lines, in turn.

    parquet.py --bench PROGRAM [--only access|json|delimited] [--lines 1000000] [--rounds 5] [--core 0] [--work FOLDER]

Access log lines (eleven columns), JSON lines and delimited text (ten columns each). Both programs are pinned to one
core and read the file, cut it, and write the same typed columns. DuckDB gets the reading that is fastest for it: one
thread; for the access log its CSV reader with a blank as the delimiter, and the request split in SQL. Printed: rows per
second of each round, sizes, and the ratios of the medians of rows per second and per CPU second. Exit 1 if the two
files differ in rows or sums, or a ratio of CPU time is below its goal.
"""
import argparse, os, random, re, resource, statistics, subprocess, sys, time
from pathlib import Path

ACCESS = """
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
TYPES = """{{'time': 'TIMESTAMP', 'level': 'VARCHAR', 'host': 'VARCHAR', 'service': 'VARCHAR', 'status': 'INTEGER',
       'bytes': 'BIGINT', 'seconds': 'DOUBLE', 'user': 'VARCHAR', 'path': 'VARCHAR', 'message': 'VARCHAR'}}"""
JSON = "COPY (FROM read_json('{log}', format = 'newline_delimited', columns = " + TYPES + """))
    TO '{out}' (FORMAT parquet, COMPRESSION zstd)"""
DELIMITED = """COPY (FROM read_csv('{log}', delim = ',', quote = '"', escape = '"', header = false, nullstr = '\\N',
       parallel = false, auto_detect = false, columns = """ + TYPES + ")) TO '{out}' (FORMAT parquet, COMPRESSION zstd)"


def make_access(path, lines):
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


def records(lines):
    """What services write, one record a line: a few levels, hosts, paths and messages, many users."""
    rng = random.Random(11)
    hosts = [f"web-{number:02}.example" for number in range(24)]
    services = ["cart", "search", "login", "stock", "prices", "mail"]
    paths = [f"/api/v{rng.randint(1, 3)}/{service}/{rng.randint(1, 500)}" for service in services for _ in range(300)]
    verbs = ["took", "kept", "sent", "refused", "found"]
    for number in range(lines):
        milliseconds = number * 4
        seconds = milliseconds // 1000
        message = f"{rng.choice(verbs)} order {rng.randint(1, 10 ** 7)} of {rng.randint(1, 40)} items"
        if rng.random() < 0.1:
            message += ', said "' + rng.choice(verbs) + '"'
        yield (f"2026-10-{10 + seconds // 86400:02}T{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds % 1000:03}Z",
               rng.choices(("info", "warn", "error", "debug"), (80, 10, 4, 6))[0], rng.choice(hosts), rng.choice(services),
               rng.choices((200, 304, 404, 500), (90, 5, 4, 1))[0], int(rng.lognormvariate(8, 1.2)), round(rng.lognormvariate(-4, 1), 6),
               f"u{int(200_000 * rng.random() ** 2)}", rng.choice(paths), message)


FIELDS = ("time", "level", "host", "service", "status", "bytes", "seconds", "user", "path", "message")


def make_json(path, lines):
    import json
    with open(path, "w") as out:
        out.writelines(json.dumps(dict(zip(FIELDS, record)), separators=(",", ":")) + "\n" for record in records(lines))


def make_delimited(path, lines):
    import csv
    with open(path, "w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows(records(lines))


RECORD_SUMS = """sum(epoch_us("time")), sum(status), sum(bytes), sum(seconds * 1000000)::BIGINT, sum(hash(level)), sum(hash(host)),
    sum(hash(service)), sum(hash("user")), sum(hash(path)), sum(hash(message))"""
ACCESS_SUMS = """count(remote), count("user"), sum(epoch_us("time")), sum(status), sum(bytes), sum(hash(remote)), sum(hash(method)),
    sum(hash(uri)), sum(hash(protocol)), sum(hash(referer)), sum(hash(agent))"""
# The input: how it is made, what DuckDB is told, what is compared, and the least ratio of rows per CPU second.
INPUTS = {
    "access": (make_access, ACCESS, ACCESS_SUMS, 1.3),
    "json": (make_json, JSON, RECORD_SUMS, 1.0),
    "delimited": (make_delimited, DELIMITED, RECORD_SUMS, 1.0),
}


def cpu(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def duckdb_round(statement, log, out):
    """Wall and CPU seconds."""
    import duckdb
    session = duckdb.connect(config={"threads": 1})
    session.execute("SET TimeZone = 'UTC'")
    session.execute("SET preserve_insertion_order = true")
    start, used = time.perf_counter(), cpu(resource.RUSAGE_SELF)
    session.execute(statement.format(log=log, out=out))
    return time.perf_counter() - start, cpu(resource.RUSAGE_SELF) - used


def millrace_round(bench, table, log, out):
    """Wall seconds of the work, CPU seconds of the whole process, what it said."""
    used = cpu(resource.RUSAGE_CHILDREN)
    output = subprocess.run([bench, "parquet", table, log, out, "1"], check=True, capture_output=True, text=True).stdout
    rows, rate = re.search(r"(\d+) of \d+ rows, (\d+) rows/s", output).groups()
    return int(rows) / int(rate), cpu(resource.RUSAGE_CHILDREN) - used, output.split("rows/s, ", 1)[1].strip()


def check(sums, left, right):
    """Both files hold the same rows, by count and by sums over every column."""
    import duckdb
    session = duckdb.connect()
    session.execute("SET TimeZone = 'UTC'")
    first, second = (session.execute(f"SELECT count(*), {sums} FROM read_parquet('{path}')").fetchone() for path in (left, right))
    if first != second:
        sys.exit(f"the files differ:\n{first}\n{second}")
    return first[0]


def pyarrow_size(ours, path):
    """The size of the same rows as pyarrow writes them, in row groups of as many, with the same codec and level."""
    import pyarrow.parquet
    metadata = pyarrow.parquet.read_metadata(ours)
    codecs = {metadata.row_group(0).column(at).compression for at in range(metadata.num_columns)}
    if codecs != {"ZSTD"}:
        sys.exit(f"the codec is {codecs}, not zstd")
    pyarrow.parquet.write_table(
        pyarrow.parquet.read_table(ours), path, compression="zstd", compression_level=1, write_page_index=True,
        row_group_size=metadata.row_group(0).num_rows)
    return path.stat().st_size


def measure(name, options, work):
    make, statement, sums, goal = INPUTS[name]
    log, ours, theirs = work / f"{name}-{options.lines}.txt", work / "millrace.parquet", work / "duckdb.parquet"
    if not log.exists():
        make(work / "making", options.lines)
        (work / "making").rename(log)
    print(f"{name}: {options.lines} lines, {log.stat().st_size / options.lines:.0f} bytes each, core {options.core}")
    times = {"millrace": [], "duckdb": []}
    for number in range(options.rounds):
        *mine, said = millrace_round(options.bench, f"{Path(__file__).parent}/routes.yaml#bench.{name}", log, ours)
        times["millrace"].append(mine)
        times["duckdb"].append(duckdb_round(statement, log, theirs))
        rates = [f"{who} {options.lines / times[who][-1][0] / 1e6:.2f} M rows/s ({times[who][-1][1]:.2f} CPU-s)" for who in times]
        print(f"  round {number}: {', '.join(rates)}; {said}", flush=True)
    rows = check(sums, ours, theirs)
    print(f"  {rows} rows equal; millrace {ours.stat().st_size / 1e6:.1f} MB, duckdb {theirs.stat().st_size / 1e6:.1f} MB")
    size = pyarrow_size(ours, work / "pyarrow.parquet")
    print(f"  the same rows by pyarrow: {size / 1e6:.1f} MB; millrace has {ours.stat().st_size / size:.2f} of it (goal 1.10)")
    wall, used = ({who: statistics.median(pair[at] for pair in times[who]) for who in times} for at in (0, 1))
    ratio = used["duckdb"] / used["millrace"]
    print(f"  medians: millrace {options.lines / wall['millrace'] / 1e6:.2f}, duckdb {options.lines / wall['duckdb'] / 1e6:.2f} M rows/s; "
          f"ratio {wall['duckdb'] / wall['millrace']:.2f}, by CPU time {ratio:.2f} (goal {goal})", flush=True)
    return ratio >= goal and ours.stat().st_size <= 1.1 * size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bench", required=True)
    parser.add_argument("--only", choices=list(INPUTS))
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--work", default="/tmp/millrace-parquet")
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    results = [measure(name, options, work) for name in INPUTS if options.only in (None, name)]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
