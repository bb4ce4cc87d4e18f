"""The expectations of the tools' own tests and of a rental shop's year, step by step: ../shared/data/derived-cdc, cdc-*."""
import csv
import json
import lzma
import re
import struct

from harness import SHARED, Skip, Workspace, audit, check, query, run

DATA = SHARED if (SHARED / "derived-cdc").exists() else SHARED / "data"


def need(name):
    path = DATA / name
    if not path.exists():
        raise Skip(f"no {name} in ../shared")
    return path


def configuration(space, tool, rules="", more=""):
    return space.write("millrace.yaml", f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"]}}]
warehouse: {{path: {space.path}/warehouse}}
syncs:
  - name: shop
    format: {tool}{more}
    tables: [{rules}]
log: {{level: warning}}
""")


def bring(space, config, text):
    path = space / "in" / "a.jsonl"
    path.parent.mkdir(exist_ok=True)
    with open(path, "ab") as file:
        file.write(text)
    run("millrace", "run", "--once", "--config", config)
    run("millrace", "sync", "run", "--config", config)


def newest(space, table):
    """(names of columns, rows) of a table's newest day, or None."""
    database, name = table.split(".")
    days = sorted((space / "warehouse" / database / name).glob("dt=*"))
    if not days:
        return None
    if not list(days[-1].glob("part-*")):
        return [], []
    source = f"read_parquet('{days[-1]}/part-*', hive_partitioning=false)"
    return [row[0] for row in query(f"DESCRIBE SELECT * FROM {source}")], query(f"SELECT * FROM {source}")


# The rental shop.

def test_a_rental_shops_change_stream_ends_in_exactly_its_tables_and_daily_sizes():
    folder = need("derived-cdc")
    with Workspace("sakila") as space:
        config = configuration(space, "maxwell", more="\n    keep: 365d\n    dates: text")
        bring(space, config, lzma.open(folder / "sakila_until_2005-07.maxwell.jsonl.xz").read())
        for table in ("rental", "payment"):
            with open(folder / f"expected_{table}_after_2005-07.csv", newline="") as file:
                expected = list(csv.reader(file))
            names, rows = newest(space, f"sakila.{table}")
            found = sorted([["\\N" if value is None else str(value) for value in row] for row in rows], key=lambda row: int(row[0]))
            check(names == expected[0], f"{names}")
            check(found == sorted(expected[1:], key=lambda row: int(row[0])), f"{table} differs")
        base = space / "warehouse" / "sakila"
        for row in csv.DictReader((folder / "expected_daily_until_2005-07.csv").read_text().splitlines()):
            day = row["utc_date"]
            for table, column in (("rental", "rental_rows_at_end_of_day"), ("payment", "payment_rows_at_end_of_day")):
                source = f"read_parquet('{base}/{table}/dt={day}/part-*', hive_partitioning=false)"
                check(str(query(f"SELECT count(*) FROM {source}")[0][0]) == row[column], f"{table} on {day}")
            source = f"read_parquet('{base}/rental/dt={day}/part-*', hive_partitioning=false)"
            found = query(f"SELECT count(*) FROM {source} WHERE return_date IS NULL")[0][0]
            check(str(found) == row["open_rentals_at_end_of_day"], f"open rentals on {day}: {found}")


# Streams with the tables that they must give (apache/paimon).

def cells(text):
    """`+I[1, two, NULL, [1, 2]]` as a list of comparable values."""
    parts = re.split(r", (?![^\[]*\])", re.fullmatch(r"\+I\[(.*)\]", text, re.S).group(1))
    return [comparable(part) for part in parts]


def comparable(value):
    if value is None or value == "NULL":
        return None
    if isinstance(value, (bytes, bytearray)):
        return str(list(value))
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def expectations(group, name):
    return json.loads((need("cdc-canal") / "paimon" / "expected-tables.json").read_text())[group][name]


def row_key(row):
    return [str(value) for value in row]


def same(found, expected):
    """Whether two lists of rows are equal; a FLOAT is what 32 bits hold of the number expected."""
    def narrow(number):
        return struct.unpack("f", struct.pack("f", number))[0]

    def equal(left, right):
        return left == right or isinstance(left, float) and isinstance(right, float) and left == narrow(right)

    found, expected = sorted(found, key=row_key), sorted(expected, key=row_key)
    return len(found) == len(expected) and all(map(lambda left, right: all(map(equal, left, right)), found, expected))


def follow(tool, folder, group, name, tables, key, renamed=()):
    """Brings a sequence step by step; after each the union of the tables has the expected rows."""
    steps = expectations(group, name)
    with Workspace(f"steps-{tool}") as space:
        config = configuration(space, tool, f"{{match: '*', key: [{key}]}}")
        for number, step in enumerate(steps, 1):
            path = folder / f"{tool}-data-{number}.jsonl"
            if not path.exists():
                path = folder / step["after"].split("/")[-1]
            text = b"".join(line + b"\n" for line in path.read_bytes().splitlines() if line.startswith(b"{"))
            if renamed:
                # Three tables are one there, of the widest types.
                text = text.replace(b'"v2":"INT"', b'"v2":"BIGINT"')
            for table in renamed:
                text = text.replace(f'"table":"{table}"'.encode(), f'"table":"{tables[0].split(".")[1]}"'.encode())
            bring(space, config, text)
            report = audit(config, code=0)["pipelines"][0]
            check(report["balance"]["quarantined"] == 0, f"{path}: refused: {report['rejections']}")
            found = []
            for table in tables:
                there = newest(space, table)
                for row in there[1] if there else []:
                    values = dict(zip(there[0], row))
                    found.append([comparable(values.get(column)) for column in step["columns"]])
            expected = [cells(row) for row in step["rows"]]
            check(same(found, expected),
                  f"{name}, step {number}:\n      {sorted(found, key=row_key)}\n      {sorted(expected, key=row_key)}")


def test_maxwells_schema_evolution_gives_the_expected_tables():
    follow("maxwell", need("cdc-maxwell") / "paimon/table/schemaevolution", "format table", "testSchemaEvolutionImpl",
           ["test.product"], "id")


def test_debeziums_schema_evolution_gives_the_expected_tables():
    follow("debezium", need("cdc-debezium") / "paimon/table/schemaevolution", "format table", "testSchemaEvolutionImpl",
           ["test.product"], "id")


def test_canals_schema_evolution_gives_the_expected_tables():
    follow("canal", need("cdc-canal") / "paimon/table/schemaevolution", "canal table", "testSchemaEvolutionImpl",
           ["paimon_sync_table.schema_evolution_1", "paimon_sync_table.schema_evolution_2"], "pt, _id")


def test_canals_schema_evolution_in_one_statement_gives_the_expected_tables():
    follow("canal", need("cdc-canal") / "paimon/table/schemaevolutionmultiple", "canal table",
           "testSchemaEvolutionMultipleImpl", ["paimon_sync_table.schema_evolution_multiple"], "_id")


def test_canals_inserts_updates_and_deletes_give_the_expected_tables():
    follow("canal", need("cdc-canal") / "paimon/table/event", "canal table", "testCDCOperations",
           ["paimon_sync_table.event"], "pt, _id", renamed=("schema_evolution_1", "schema_evolution_2"))


def test_two_deliveries_give_the_expected_tables():
    for tool, group in (("maxwell", "format table"), ("debezium", "format table"), ("canal", "canal table")):
        folder = need(f"cdc-{tool}") / "paimon/table/startupmode"
        with Workspace(f"steps-{tool}") as space:
            key = "_id" if tool == "canal" else "id"
            config = configuration(space, tool, f"{{match: '*', key: [{key}]}}")
            for number in (1, 2):
                text = (folder / f"{tool}-data-{number}.jsonl").read_bytes()
                bring(space, config, b"".join(line + b"\n" for line in text.splitlines() if line.startswith(b"{")))
            step = expectations(group, "testStarUpOptionEarliest")[-1]
            table = next(path for path in (space / "warehouse").glob("*/*") if not path.name.endswith("_changes"))
            names, rows = newest(space, f"{table.parent.name}.{table.name}")
            found = [[comparable(dict(zip(names, row)).get(column)) for column in step["columns"]] for row in rows]
            check(same(found, list(map(cells, step["rows"]))), f"{tool}: {found}")


def test_canals_databases_give_the_expected_tables():
    for name, folder, database in (
        ("testSchemaEvolutionImpl", "schemaevolution", "paimon_sync_database"),
        ("testTableAffixImpl", "prefixsuffix", "paimon_sync_database_affix"),
    ):
        folder = need("cdc-canal") / "paimon/database" / folder
        steps = expectations("canal database", name)
        with Workspace("steps-canal") as space:
            config = configuration(space, "canal")
            for number in range(len(steps) // 2):
                text = b""
                for topic in ("topic0", "topic1"):
                    lines = (folder / topic / f"canal-data-{number + 1}.jsonl").read_bytes().splitlines()
                    text += b"".join(line + b"\n" for line in lines if line.startswith(b"{"))
                bring(space, config, text)
                for table, step in zip(("t1", "t2"), steps[2 * number:]):
                    names, rows = newest(space, f"{database}.{table}")
                    found = [[comparable(dict(zip(names, row)).get(column)) for column in step["columns"]] for row in rows]
                    expected = list(map(cells, step["rows"]))
                    check(same(found, expected), f"{table} {number}: {found} {expected}")
