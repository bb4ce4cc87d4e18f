#!/usr/bin/env python3
"""Recordings of Maxwell, Debezium and Canal, read through the views of now: after a part of the records a state is made,
after the rest only the delta. The views must hold what the database ended with, for DuckDB, Spark and Hive.

    views.py FOLDER [--only NAME] [--at SHARE] [--reader spark|hive|duckdb] [--plan log|delta] [--dates text|typed]

FOLDER as recordings.py has it. MILLRACE_SPARK names a Python that has pyspark.
"""
import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Skip, Workspace, check, run  # noqa: E402
from parquet_compare import select, text  # noqa: E402
from readers import hive_rows, spark_rows  # noqa: E402
from recordings import Expected, Recording, cell, compare, configuration, escaped, newest, recordings  # noqa: E402

# How the connectors of the recordings were set up: SQL does not find modes out.
MODES = {"debezium": ("adaptive_time_microseconds", "precise", "bytes"), "debezium-schemas": (
    "adaptive_time_microseconds", "precise", "bytes"), "debezium-string": ("isostring", "string", "hex")}
KINDS = {"INTEGER": "int32", "BIGINT": "int64", "DOUBLE": "double", "VARCHAR": "string", "BLOB": "bytes", "DATE": "date",
         "TIMESTAMP WITH TIME ZONE": "timestamp", "BOOLEAN": "boolean"}


def view(table, quote):
    return ".".join(quote + part.replace(quote, 2 * quote) + quote for part in split(table))


def split(table):
    database, name = table.split(".", 1)
    return escaped(database), escaped(name) + "_now"


def duckdb_rows(folder, ddl, tables):
    """As `spark_rows`."""
    import duckdb
    session = duckdb.connect()
    session.execute("SET TimeZone = 'UTC'")
    session.execute(ddl)
    rows = {}
    for name, (table, columns) in tables.items():
        listed = ", ".join(select('"' + column.replace('"', '""') + '"', kind) for column, kind in columns)
        rows[name] = [[text(value, kind) for value, (_, kind) in zip(row, columns)] for row in session.execute(
            f"SELECT {listed} FROM {table.replace('`', chr(34))}").fetchall()]
    return rows


def filled(space, recording, dates, share, modes):
    """The configuration of a warehouse with a state of the first records and a delta of the rest."""
    config = configuration(space, recording.tool, dates, None, f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"], max_record: 4MiB}}]""", modes and (
        ", debezium: {time_precision_mode: %s, decimal_handling_mode: %s, binary_handling_mode: %s}" % modes))
    cut = int(len(recording.records) * share)
    parts = [recording.records[:cut], recording.records[cut:]]
    space.write("in/a.jsonl", b"")
    for part, verb in zip(parts, ("run", "delta")):
        with open(space / "in" / "a.jsonl", "ab") as file:
            file.write(b"".join(record + b"\n" for record in part))
        run("millrace", "run", "--once", "--give-up", "20m", "--config", config, timeout=1200)
        run("millrace", "sync", verb, "--config", config, timeout=1200)
    return config


def ddl(config, reader):
    return run("millrace", "ddl", "--for", reader, "--view", "--config", config).stdout


def plan(config, engine, source):
    """Statements; from the log, of the tables that SQL can replay from it."""
    told = run("millrace", "sync", "plan", "--engine", engine, "--from", source, "--config", config, code=None)
    check(told.returncode == 0 or source == "log" and told.returncode == 1, told.stderr[-2000:])
    return told.stdout


def through(recording, expected, dates, share, readers, planned):
    """Returns (tables compared, rows of deltas)."""
    import duckdb
    with Workspace(f"views-{recording.name}") as space:
        config = filled(space, recording, dates, share, planned == "log" and MODES.get(recording.name) or "")
        session = duckdb.connect()
        session.execute("SET TimeZone = 'UTC'")
        session.execute(ddl(config, "duckdb"))
        there = {tuple(row) for row in session.execute(
            "SELECT table_schema, table_name FROM information_schema.tables").fetchall()}
        faults, delta, kinds, wanted = [], 0, {}, {}
        for table in expected.tables():
            if not recording.tables[table]:
                continue
            names, rows = expected.rows(table)
            if split(table) not in there:
                faults.append(f"{table}: no view")
                continue
            place, columns = view(table, '"'), expected.columns[table]
            described = session.execute(f"DESCRIBE SELECT * FROM {place}").fetchall()
            if [row[0].lower() for row in described] != [name.lower() for name in names]:
                faults.append(f"{table}: columns {[row[0] for row in described]} for {names}")
                continue
            found = [tuple(map(cell, row, columns)) for row in session.execute(f"SELECT * FROM {place}").fetchall()]
            bad, _, extra = compare(recording.tool, columns, found, rows, dates)
            if not (table in expected.truncated and not recording.has_truncate):
                bad += [f"too many: {row}" for row in extra]
            faults += [f"{table}: {len(bad)} faults, such as {fault}" for fault in bad[:2]]
            delta += session.execute(f"SELECT count(*) FROM {place[:-1]}_delta\"").fetchone()[0]
            kinds[table] = (view(table, "`"), [(row[0], kind(row[1])) for row in described])
            listed = ", ".join(select('"' + name.replace('"', '""') + '"', kind) for name, kind in kinds[table][1])
            wanted[table] = sorted_rows(
                [text(value, kind) for value, (_, kind) in zip(row, kinds[table][1])]
                for row in session.execute(f"SELECT {listed} FROM {place}").fetchall())
        for reader in readers:
            rows_of = {"spark": spark_rows, "hive": hive_rows, "duckdb": duckdb_rows}[reader]
            statements, places = ddl(config, reader), kinds
            if planned:
                statements = plan(config, reader, planned)
                made = {line.split()[1] for line in statements.splitlines() if line.startswith("-- ")}
                places = {table: (place[:-len("_now`")] + "_replayed`", kind) for table, (place, kind) in kinds.items()
                          if planned == "delta" or ".".join(map(escaped, table.split(".", 1))) in made}
                print(f"      {reader} replays {len(places)} of {len(kinds)} tables from the {planned}", flush=True)
            # Columns that Hive cannot read by their names are not in its views.
            kept = {table: [at for at, (name, _) in enumerate(columns) if reader != "hive" or not set(name) & set(" ,;{}()=")]
                    for table, (_, columns) in places.items()}
            places = {table: (place, [columns[at] for at in kept[table]]) for table, (place, columns) in places.items()}
            found = rows_of(space.path, statements, places)
            for table in places:
                right = sorted_rows([row[at] for at in kept[table]] for row in wanted[table])
                if sorted_rows(found[table]) != right:
                    pairs = [pair for pair in zip(sorted_rows(found[table]), right) if pair[0] != pair[1]]
                    faults.append(f"{table}: {reader} finds {len(found[table])} rows for {len(right)}: {pairs[:1]}")
        # What the built-in replay makes of the same changes.
        run("millrace", "sync", "run", "--config", config, timeout=1200)
        for table in kinds:
            listed = ", ".join(select('"' + name.replace('"', '""') + '"', kind) for name, kind in kinds[table][1])
            rows = session.execute(
                f"SELECT {listed} FROM read_parquet('{newest(space / 'warehouse', table)}/part-*', hive_partitioning=false)"
            ).fetchall() if list(newest(space / "warehouse", table).glob("part-*")) else []
            made = sorted_rows([text(value, kind) for value, (_, kind) in zip(row, kinds[table][1])] for row in rows)
            if made != wanted[table]:
                faults.append(f"{table}: sync run makes {len(made)} rows, the view has {len(wanted[table])}")
        check(not faults, f"{len(faults)} faults:\n      " + "\n      ".join(faults[:40]))
        return len(kinds), delta


def kind(name):
    return KINDS.get(name) or name.lower()


def sorted_rows(rows):
    return sorted((list(row) for row in rows), key=lambda row: [("" if value is ... else str(value), value is None) for value in row])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", action="append")
    parser.add_argument("--at", type=float, default=0.6, help="share of the records that the state has")
    parser.add_argument("--reader", action="append", default=[], choices=["spark", "hive", "duckdb"])
    parser.add_argument("--plan", choices=["log", "delta"], help="readers read the tables that `sync plan` has them make")
    parser.add_argument("--dates", default="text", choices=["text", "typed"])
    options = parser.parse_args()
    expected = Expected(options.folder)
    names = [name for name in recordings(options.folder) if not options.only or name in options.only]
    failed = 0
    for name in names:
        # It does not end in these tables (the recordings' own page says why).
        if name.endswith("-extras"):
            continue
        try:
            tables, delta = through(Recording(options.folder, name), expected, options.dates, options.at, options.reader, options.plan)
        except Skip as reason:
            print(f"skip  {name}: {reason}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL  {name}: {error}", flush=True)
        else:
            print(f"ok    {name}: {tables} views over states of {options.at:.0%}, {delta} rows of deltas", flush=True)
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
