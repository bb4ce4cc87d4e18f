"""Tables that `millrace ddl` declares, in every format: what the systems read is what the events said."""
import json
import random
from datetime import datetime, timezone

import duckdb

import configs
from harness import Workspace, check, run
from parquet_compare import parse, quoted, select, text
from readers import differences, from_json, hive_rows, spark_rows

COLUMNS = [
    ("id", "int64"), ("at", "timestamp"), ("name", "string"), ("price", "decimal(12,2)"), ("day", "date"), ("ok", "boolean"),
    ("ratio", "double"), ("small", "int32"), ("raw", "bytes"), ("doc", "json"), ("tags", "list<string>"),
    ("scores", "map<string, double>"), ("owner", "struct<id: int32, roles: list<string>>"),
    ("items", "list<struct<sku: string, price: decimal(9,3), at: timestamp, attrs: map<int64, list<int32>>>>"),
]
FORMATS = {
    "lines": "jsonl", "lines_gzip": "jsonl, compression: gzip", "parquet": "parquet", "parquet_int96": "parquet, timestamps: int96",
    "parquet_none": "parquet, compression: none", "text": "delimited", "text_gzip": "delimited, compression: gzip",
    "text_zstd": "delimited, compression: zstd", "text_tab": "delimited, delimiter: tab", "text_comma": 'delimited, delimiter: ","',
}
TEXTS = ["", "plain", "a\tb", "a,b", "\x01\x02\x03", "back\\slash", "line\nfeed\r", "\\N", "\\n", 'quo"te', "é😀", "end\\", "NULL", "null", " blank "]


def event(number, chance):
    """One event, and whether a member is there: every kind of value and of nothing."""
    word = lambda: chance.choice(TEXTS) + chance.choice(["", str(number)])
    maybe = lambda value: None if chance.random() < 0.15 else value
    moment = lambda: datetime.fromtimestamp(chance.randrange(0, 4_000_000_000), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + chance.choice(["Z", ".5Z", ".000001Z"])
    item = lambda: {
        "sku": maybe(word()), "price": maybe(chance.randrange(-999999, 999999) / 1000), "at": maybe(moment()),
        "attrs": maybe({str(chance.randrange(9)): maybe([maybe(chance.randrange(99)) for _ in range(chance.randrange(3))]) for _ in range(chance.randrange(3))})}
    made = {
        "id": number, "at": f"2026-11-{1 + number % 3:02}T10:{number % 60:02}:00.{number:06}Z", "name": maybe(word()),
        "price": maybe(chance.randrange(-10**11, 10**11) / 100), "day": maybe(f"20{chance.randrange(10, 99)}-02-28"), "ok": maybe(number % 2 == 0),
        "ratio": maybe(chance.uniform(-1e9, 1e9)), "small": maybe(chance.randrange(-2**31, 2**31)), "raw": maybe(chance.choice(["", "AAE=", "/wA="])),
        "doc": maybe({"a": [word(), 1.5, None]}), "tags": maybe([maybe(word()) for _ in range(chance.randrange(4))]),
        "scores": maybe({word(): maybe(chance.uniform(-9, 9)) for _ in range(chance.randrange(4))}),
        "owner": maybe({"id": maybe(number), "roles": maybe([word() for _ in range(chance.randrange(3))])}),
        "items": maybe([maybe(item()) for _ in range(chance.randrange(4))])}
    return {name: value for name, value in made.items() if value is not None or chance.random() < 0.5}


def wanted_value(value, kind, source):
    if value is None:
        return None
    if kind == "bytes":
        import base64
        return base64.b64decode(value).hex()
    if kind == "json":
        return source[source.index('"doc":') + 6:].encode().hex()
    return from_json(json.loads(json.dumps(value), parse_float=str, parse_int=str), kind)


def make(space, count, seed=1):
    """Writes events through every format. The configuration, and the rows as texts per table."""
    chance = random.Random(seed)
    kinds = [(name, parse(kind)) for name, kind in COLUMNS]
    events, rows = [], []
    for number in range(count):
        made = event(number, chance)
        doc = json.dumps(made.pop("doc", None), ensure_ascii=chance.random() < 0.5)
        line = json.dumps(made, ensure_ascii=chance.random() < 0.5, separators=chance.choice([(",", ":"), (", ", " : ")]))
        events.append(line[:-1] + ', "doc":' + doc + "}")
        row = [None if name == "doc" else wanted_value(made.get(name), kind, "") for name, kind in kinds]
        row[9] = None if doc == "null" else doc.encode().hex()
        rows.append(row)
    space.write("logs/events.json", "\n".join(events) + "\n")
    columns = "".join(f"\n          - {{name: {name}, type: {json.dumps(kind)}}}" for name, kind in COLUMNS)
    routes = "".join(f"""
      - table: tables.{name}
        format: json
        time: {{column: at, max_future: 400d}}
        output: {{format: {output}}}
        columns:{columns}""" for name, output in FORMATS.items())
    config = configs.embedded(space, [("events", "events", f"{space.path}/logs/*.json")], routes + "\n")
    run("millrace", "run", "--once", "--config", config)
    check(not list((space / "warehouse" / "_quarantine").rglob("part-*")), "events were refused")
    return config, kinds, rows


def whole_milliseconds(value, kind):
    if kind == "timestamp" and value is not None:
        return str(int(value) // 1000 * 1000)
    if kind[0] == "list" and value is not None:
        return [whole_milliseconds(part, kind[1]) for part in value]
    if kind[0] == "struct" and value is not None:
        return [whole_milliseconds(part, field) for part, (_, field) in zip(value, kind[1])]
    return value


def by_id(rows):
    return sorted(rows, key=lambda row: int(row[0]))


def duckdb_rows(ddl, table, kinds):
    is_text = table.startswith("text")
    is_lines = table.startswith("lines")
    session = duckdb.connect(config={"threads": 1})
    session.execute("SET TimeZone = 'UTC'")
    session.execute(ddl)
    names = ", ".join(quoted(name) if is_text and isinstance(kind, tuple) else select(quoted(name), kind) for name, kind in kinds)
    found = []
    for row in session.execute(f"SELECT {names} FROM tables.{table}").fetchall():
        values = []
        for value, (name, kind) in zip(row, kinds):
            if is_text and isinstance(kind, tuple):
                values.append(None if value is None else from_json(json.loads(value, parse_float=str, parse_int=str), kind))
            elif is_lines and kind == "bytes":
                values.append(wanted_value(value, kind, ""))
            else:
                values.append(... if is_lines and kind == "json" else text(value, kind))
        found.append(values)
    return found


def test_duckdb_reads_every_format_as_the_events_said():
    with Workspace("tables-duckdb") as space:
        config, kinds, rows = make(space, 300)
        faults = []
        for name in FORMATS:
            ddl = run("millrace", "ddl", "--config", config, "--for", "duckdb", "--table", f"tables.{name}").stdout
            faults += differences(name, "duckdb", kinds, by_id(duckdb_rows(ddl, name, kinds)), rows)
        check(not faults, "\n".join(faults[:10]))
        files = sorted((space / "warehouse" / "tables" / "parquet").rglob("part-*.parquet"))
        printed = sorted(run("millrace", "cat", *files).stdout.splitlines())
        written = sorted(line for path in (space / "warehouse" / "tables" / "lines").rglob("part-*") for line in path.read_text().splitlines())
        check(printed == written, "millrace cat prints other rows than the JSON lines")


if __name__ == "__main__":
    # Hive and Spark take a minute to begin: `make readers`. Without Hadoop's native library they have no zstd for text.
    FORMATS.pop("text_zstd")
    with Workspace("tables") as space:
        config, every, all_rows = make(space, 300)
        failed = 0
        for reader, read in (("hive", hive_rows), ("spark", spark_rows)):
            ddl = run("millrace", "ddl", "--config", config, "--for", reader).stdout
            # Spark's JSON reader has maps with keys of strings alone.
            count = {name: len(every) - (reader == "spark" and name.startswith("lines")) for name in FORMATS}
            shown = {
                name: [(column, "string" if name.startswith("text") and isinstance(kind, tuple) else kind) for column, kind in every[:count[name]]]
                for name in FORMATS}
            try:
                found = read(space.path, ddl, {name: (f"tables.{name}", shown[name]) for name in FORMATS})
            except Exception as fault:
                print(fault)
                failed += 1
                continue
            for name in FORMATS:
                read_rows, kinds, rows = found[name], every[:count[name]], [row[:count[name]] for row in all_rows]
                if name.startswith("text"):
                    read_rows = [[
                        from_json(json.loads(bytes.fromhex(value), parse_float=str, parse_int=str), kind) if isinstance(kind, tuple) and value is not None else value
                        for value, (_, kind) in zip(row, kinds)] for row in read_rows]
                if name.startswith("lines") and reader == "hive":
                    # Hive's JSON reader takes milliseconds of times alone.
                    rows = [[whole_milliseconds(value, kind) for value, (_, kind) in zip(row, kinds)] for row in rows]
                if name.startswith("lines"):
                    # There a document is no text.
                    read_rows = [[... if kind == "json" else value for value, (_, kind) in zip(row, kinds)] for row in read_rows]
                faults = differences(name, reader, kinds, by_id(read_rows), rows)
                failed += bool(faults)
                print("\n".join(faults) or f"{reader} reads {name}: {len(read_rows)} rows, all equal", flush=True)
        raise SystemExit(1 if failed else 0)
