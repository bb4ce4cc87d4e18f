#!/usr/bin/env python3
"""Changes onto a table's state: `millrace sync run` against DuckDB's window query over the same files.

    sync.py --bin FOLDER [--rows 10000000] [--changes 1000000] [--rounds 3] [--growth] [--work FOLDER]

A table of 10 columns and its change log as Maxwell's records are kept: first the inserts of all rows, from which
`sync run` makes the first state, then a day of changes (60 % updates, 20 % inserts, 20 % deletes, keys at random). Each
round makes that day anew from the state before, with all cores, then DuckDB makes the same rows of the same state and
the same change log by a window query, with all cores and all memory that it likes. Printed: wall and CPU seconds, peak
memory, the ratio of the medians. `--growth`: the same for smaller tables and fewer changes. Exit 1 if the rows differ, or
a goal is missed: 20 s, 512 MiB, no slower than DuckDB.
"""
import argparse, multiprocessing, os, shutil, statistics, sys
from pathlib import Path
from throughput import timed

SECONDS_GOAL, MEMORY_GOAL = 20, 512
COLUMNS = {
    "id": "BIGINT", "customer": "INTEGER", "status": "VARCHAR", "amount": "DECIMAL(10,2)", "quantity": "INTEGER",
    "note": "VARCHAR", "created": "TIMESTAMP", "updated": "TIMESTAMP", "region": "VARCHAR", "score": "DOUBLE"}
CREATE = ("CREATE TABLE orders (id BIGINT PRIMARY KEY, customer INT, status VARCHAR(12), amount DECIMAL(10,2), quantity INT, "
          "note VARCHAR(60), created DATETIME, updated DATETIME, region VARCHAR(8), score DOUBLE)")

# A row as Maxwell writes it: of any id, made in round `made`, last updated in round `round`.
PARTS = {
    "id": "id", "customer": "hash(id, 1) % 500000",
    "status": "['new','paid','packed','sent','returned','lost'][(hash(id, {round}) % 6 + 1)::INT]",
    "amount": "((hash(id, made, 2) % 10000000)::BIGINT::DECIMAL(10,0) / 100)::DECIMAL(10,2)",
    "quantity": "hash(id, {round}, 4) % 20",
    "note": "'order ' || id || ' of round ' || made || ', ' || hash(id, made, 5) % 1000000",
    "created": "TIMESTAMP '2025-01-01' + to_seconds((hash(id, 6) % 30000000)::BIGINT)",
    "updated": "TIMESTAMP '2026-01-01' + to_seconds((hash(id, {round}, 7) % 30000000)::BIGINT)",
    "region": "['north','south','east','west'][(hash(id, 8) % 4 + 1)::INT]",
    "score": "(hash(id, made, 9) % 100000)::BIGINT / 1000.0"}


def document(round, names=PARTS):
    return "to_json({" + ", ".join(f"'{name}': {PARTS[name].format(round=round)}" for name in names) + "})::VARCHAR"


# What an update changes, and what its `old` tells: the values of the round before.
ROW, BEFORE = document("round"), document("past")
OLD = document("past", [name for name, text in PARTS.items() if "{round}" in text])

LOG = """SELECT {op} AS op, 'shop' AS source_database, 'orders' AS source_table, 0::BIGINT AS leg, 1::BIGINT AS place_file,
    {place} AS place_position, 0::BIGINT AS place_row, NULL::VARCHAR AS transaction, NULL::BIGINT AS transaction_row,
    {committed} AS committed, '["id"]' AS key, {before} AS before, {after} AS after,
    {sql} AS sql, NULL::VARCHAR AS types, 'maxwell' AS tool, 'maxwell' AS topic, 0::INTEGER AS topic_partition,
    {place} AS topic_offset, 0::BIGINT AS entry, 'e' AS event FROM {source}"""


def apart(work, *values):
    """Does something in a process of its own. Why: what a process ever held counts as its children's peak memory."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(work, values)


def connect():
    import duckdb
    session = duckdb.connect()
    session.execute("SET TimeZone = 'UTC'")
    return session


def write(session, folder, files, **parts):
    folder.mkdir(parents=True, exist_ok=True)
    for number, source in enumerate(files):
        session.execute(f"COPY ({LOG.format(source=source, **parts)}) TO '{folder}/part-{number:05}-0.parquet' "
                        "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000)")


def begin(options, work, rows):
    """A warehouse with the first day: the change log of all rows, and the state made of it. What is there is kept."""
    root = work / f"warehouse-{rows}"
    if (root / "made").exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    apart(insert_rows, root, rows)
    wall, used, memory, _ = sync(options, work, root, "2026-11-20")
    print(f"first state of {rows} rows: {wall:.1f} s, CPU {used:.1f} s, {memory:.0f} MiB", flush=True)
    (root / "made").touch()
    return root


def insert_rows(root, rows):
    session = connect()
    nothing = "NULL::VARCHAR"
    write(session, root / "millrace" / "shop_ddl_changes" / "dt=2026-11-20", ["range(1) r(id)"], op="'schema'",
          place="1::BIGINT", committed="TIMESTAMP '2026-11-20'", before=nothing, after=nothing, sql=f"'{CREATE}'")
    step = 1_000_000
    write(session, root / "shop" / "orders_changes" / "dt=2026-11-20",
          [f"(SELECT range AS id, 0 AS round, 0 AS made FROM range({first}, {min(rows, first + step)}))" for first in range(0, rows, step)],
          op="'insert'", place="(10 + id)::BIGINT", committed="TIMESTAMP '2026-11-20'", before=nothing, after=ROW, sql=nothing)


def make(options, work, rows, changes):
    """A warehouse with the state of the first day and the change log of the second; what is there is kept."""
    root = work / f"warehouse-{rows}-{changes}"
    if (root / "made").exists():
        return root
    first = begin(options, work, rows)
    shutil.rmtree(root, ignore_errors=True)
    # Why links: files of a warehouse are never written again, and the first day is the same for any count of changes.
    shutil.copytree(first, root, copy_function=os.link, ignore=shutil.ignore_patterns("made"))
    apart(change_rows, root, rows, changes)
    (root / "made").touch()
    return root


def change_rows(root, rows, changes):
    log = root / "shop" / "orders_changes"
    session = connect()
    nothing = "NULL::VARCHAR"
    step = 250_000
    # Of five changes one inserts a new row, one deletes an old one and three update old ones; of four of the second
    # updates one is of the row that the first one has just updated. The fives are spread over all keys.
    span = rows // changes
    spread = f"((n // 5) * 7919 % {changes // 5} * 5 + n % 5)"
    source = (f"(SELECT n, n AS round, CASE WHEN again THEN n - 1 ELSE 0 END AS past, "
              f"CASE WHEN kind = 'insert' THEN n ELSE 0 END AS made, kind, "
              f"(CASE WHEN kind = 'insert' THEN {rows} + n WHEN again THEN {span} * ({spread} - 1) + hash(n - 1) % {span} "
              f"ELSE {span} * {spread} + hash(n) % {span} END)::BIGINT AS id "
              f"FROM (SELECT n, CASE n % 5 WHEN 3 THEN 'insert' WHEN 4 THEN 'delete' ELSE 'update' END AS kind, "
              f"n % 5 = 1 AND hash(n, 3) % 4 = 0 AS again FROM range({{0}}, {{1}}) r(n)))")
    write(session, log / "dt=2026-11-21",
          [source.format(first, min(changes, first + step)) for first in range(0, changes, step)],
          op="kind", place=f"({rows + 100} + n)::BIGINT", committed="TIMESTAMP '2026-11-21' + to_microseconds(n)",
          before=f"(CASE kind WHEN 'update' THEN {OLD} WHEN 'delete' THEN {BEFORE} END)",
          after=f"(CASE kind WHEN 'delete' THEN NULL ELSE {ROW} END)", sql=nothing)


def sync(options, work, root, day):
    config = work / "sync.yaml"
    config.write_text(f"""
kafka: {{brokers: "127.0.0.1:1"}}
group: bench
warehouse: {{path: {root}}}
log: {{level: warning}}
syncs: [{{name: shop, topics: [maxwell], format: maxwell}}]
""")
    return timed([options.bin / "millrace", "sync", "run", "--config", config, "--day", day])


def window(root, out):
    """The statement that makes the day of the state before and the changes."""
    def names(prefix=""):
        return ", ".join(prefix + name for name in COLUMNS)
    structure = "{" + ", ".join(f'"{name}": "{kind}"' for name, kind in COLUMNS.items()) + "}"
    return f"""COPY (
        WITH typed AS (SELECT place_position AS place, op, json_transform(coalesce(after, before), '{structure}') AS r
                       FROM read_parquet('{root}/shop/orders_changes/dt=2026-11-21/*.parquet')),
             rows AS (SELECT {names()}, 0::BIGINT AS place, 'state' AS op
                      FROM read_parquet('{root}/shop/orders/dt=2026-11-20/part-*.parquet')
                      UNION ALL SELECT {names("r.")}, place, op FROM typed)
        SELECT {names()} FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY place DESC) AS n FROM rows)
        WHERE n = 1 AND op <> 'delete') TO '{out}' (FORMAT parquet, COMPRESSION zstd)"""


def sums(path):
    aggregates = ", ".join(f"sum(hash({name})::HUGEINT)" for name in COLUMNS)
    return connect().execute(f"SELECT count(*), {aggregates} FROM read_parquet('{path}', hive_partitioning=false)").fetchone()


def again(root):
    """Forgets the second day."""
    for path in (root / "_millrace/state/shop/orders/dt=2026-11-21", root / "shop/orders/dt=2026-11-21"):
        shutil.rmtree(path, ignore_errors=True)


def measure(options, work, rows, changes, rounds):
    root = make(options, work, rows, changes)
    ours, theirs = [], []
    out = work / "duckdb.parquet"
    for number in range(rounds):
        again(root)
        ours.append(sync(options, work, root, "2026-11-21")[:3])
        statement = f"import duckdb; duckdb.connect().execute('''{window(root, out)}''')"
        manifest = (root / "_millrace/state/shop/orders/dt=2026-11-21/manifest.json").read_text()
        if '"contradictions":{}' not in manifest:
            sys.exit("the changes contradict the state: they are not what a database would have written")
        theirs.append(timed([sys.executable, "-c", statement])[:3])
        print(f"  round {number + 1}: millrace {ours[-1][0]:.1f} s, CPU {ours[-1][1]:.1f} s, {ours[-1][2]:.0f} MiB; "
              f"DuckDB {theirs[-1][0]:.1f} s, CPU {theirs[-1][1]:.1f} s, {theirs[-1][2]:.0f} MiB", flush=True)
    mine, other = (apart(sums, path) for path in (f"{root}/shop/orders/dt=2026-11-21/part-*.parquet", out))
    if mine != other:
        sys.exit(f"the rows differ:\n{mine}\n{other}")
    wall, used = (statistics.median(times[index] for times in ours) for index in (0, 1))
    other, others = (statistics.median(times[index] for times in theirs) for index in (0, 1))
    memory = max(times[2] for times in ours)
    print(f"{changes} changes onto {rows} rows: {wall:.1f} s, CPU {used:.1f} s, {memory:.0f} MiB; DuckDB {other:.1f} s, "
          f"CPU {others:.1f} s; ratio {other / wall:.2f}, of CPU {others / used:.2f}", flush=True)
    return wall, memory, other / wall


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--changes", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--work", type=Path, default=Path("/tmp/millrace-sync-bench"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.growth:
        for rows, changes in ((options.rows // 10, options.changes // 10), (options.rows // 10, options.changes),
                              (options.rows, options.changes // 10), (options.rows, options.changes // 100)):
            if rows >= changes:
                measure(options, options.work, rows, min(changes, rows // 5), 1)
    wall, memory, ratio = measure(options, options.work, options.rows, options.changes, options.rounds)
    missed = [text for text, failed in ((f"{SECONDS_GOAL} s", wall > SECONDS_GOAL), (f"{MEMORY_GOAL} MiB", memory > MEMORY_GOAL),
                                        ("DuckDB", ratio < 1)) if failed]
    if missed:
        sys.exit("missed: " + ", ".join(missed))


if __name__ == "__main__":
    main()
