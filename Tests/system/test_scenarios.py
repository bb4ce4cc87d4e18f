"""Replay scenarios (C-...) with the records of every tool that can show them, and hostile names and records.

One stream per tool holds all scenarios, a table for each; the messages name the scenario. C-035 (bootstraps beside the
stream), crashes and days are unit tests of the replay; C-027's values are those of the recordings (test_changes).
"""
import base64
import json
import pathlib

from harness import Workspace, audit, check, quarantine, query, run
from tool_records import DAY, START, TOOLS, unscaled, writer


def rows(space, table, columns="*"):
    """Rows of a table's newest day, sorted."""
    database, name = table.split(".", 1)
    days = sorted(pathlib.Path(space.path, "warehouse", database, name).glob("dt=*"))
    if not days or not list(days[-1].glob("part-*")):
        return []
    return sorted(query(f"SELECT {columns} FROM read_parquet('{days[-1]}/part-*', hive_partitioning=false)"), key=str)


def replay(space, tool, text, tables="", more=""):
    space.write("in/a.jsonl", text)
    config = space.write("millrace.yaml", f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"]}}]
warehouse: {{path: {space.path}/warehouse}}
syncs: [{{name: shop, format: {tool}{more}, tables: [{tables}]}}]
log: {{level: error}}
""")
    run("millrace", "run", "--once", "--config", config)
    run("millrace", "sync", "run", "--config", config)
    return config


def status(config):
    tables = json.loads(run("millrace", "sync", "status", "--config", config, "--json").stdout)["syncs"][0]["tables"]
    return {table["table"]: table for table in tables}


def scenarios(records):
    tool = records.tool
    plain = {"id": "int NOT NULL", "v": "varchar(20)"}

    def row(number, value):
        return {"id": number, "v": value}

    # C-001, C-013, C-015
    records.create("c001", plain, ["id"])
    records.insert("c001", *[row(number, "new") for number in range(9)])
    records.update("c001", row(3, "new"), row(3, "changed"))
    records.update("c001", row(4, "new"), row(4, "new"))
    records.delete("c001", row(5, "new"))
    records.delete("c001", row(99, "never there"))
    # C-005: two updates in one second; the place decides.
    records.create("c005", plain, ["id"])
    records.insert("c005", row(1, "a"))
    first = len(records.lines)
    records.update("c005", row(1, "a"), row(1, "b"))
    records.update("c005", row(1, "b"), row(1, "c"))
    if tool != "canal":
        records.lines[first], records.lines[first + 1] = records.lines[first + 1], records.lines[first]
    # C-003: a stretch comes again.
    records.create("c003", plain, ["id"])
    first = len(records.lines)
    records.insert("c003", row(1, "a"))
    records.update("c003", row(1, "a"), row(1, "b"))
    records.update("c003", row(1, "b"), row(1, "c"))
    records.lines += records.lines[first + 1:]
    # C-007: a transaction over two files of the log.
    records.create("c007", plain, ["id"])
    for number in range(10):
        if number == 5:
            records.file, records.position = records.file + 1, 4
        records.insert("c007", row(number, "x"))
    # C-009, C-011: keys change, also in a circle.
    records.create("c011", plain, ["id"])
    for number in (1, 2, 10):
        records.insert("c011", row(number, f"was {number}"))
    records.update("c011", row(1, "was 1"), row(3, "was 1"))
    records.update("c011", row(2, "was 2"), row(1, "was 2"))
    records.update("c011", row(3, "was 1"), row(2, "was 1"))
    records.update("c011", row(10, "was 10"), row(11, "was 10"))
    # C-017: no key.
    records.create("c017", {"v": "varchar(20)"})
    for _ in range(2):
        records.insert("c017", {"v": "twin"})
    records.insert("c017", {"v": "other"}, {"v": "other"})
    records.delete("c017", {"v": "twin"})
    # C-019: keys that are one text.
    records.create("c019", {"a": "varchar(9) NOT NULL", "b": "varchar(9) NOT NULL"}, ["a", "b"])
    for a, b in (("a:b", "c"), ("a", "b:c"), ("1", ""), ("", "1"), ("\\", "n"), ("\n", "")):
        records.insert("c019", {"a": a, "b": b})
    records.delete("c019", {"a": "a", "b": "b:c"})
    # C-021: decimals; C-023: a day's time and more; C-025: a moment, and a wall clock.
    long = "12345678901234567890.1234567890"
    shown = {"maxwell": long, "canal": long, "debezium": unscaled(long, 10)}[tool]
    time = {"maxwell": "12:34:56", "canal": "-838:59:59", "debezium": -3_020_399_000_000}[tool]
    moment = {"maxwell": "2025-11-20 03:00:00", "canal": "2025-11-20 03:00:00", "debezium": "2025-11-20T03:00:00Z"}[tool]
    wall = {"maxwell": "2025-11-20 12:00:00", "canal": "2025-11-20 12:00:00", "debezium": 1_763_640_000_000}[tool]
    records.create("c021", {"id": "int NOT NULL", "d": "decimal(30,10)", "t": "time", "m": "timestamp NULL",
                            "w": "datetime", "s": "decimal(5,2)"}, ["id"])
    number = {"maxwell": "@LONG@", "canal": long, "debezium": shown}[tool]
    records.insert("c021", {"id": 1, "d": number, "t": time, "m": moment, "w": wall,
                            "s": unscaled("1.1", 2).replace("Cw==", "bg==") if tool == "debezium" else "1.1"})
    records.lines[-1] = records.lines[-1].replace('"@LONG@"', long)
    # C-029, C-031: columns dropped and renamed by statements.
    records.create("c031", {"id": "int NOT NULL", "a": "varchar(9)", "gone": "int"}, ["id"])
    records.insert("c031", {"id": 1, "a": "kept", "gone": 7})
    records.alter("c031", "ALTER TABLE c031 CHANGE a b varchar(9), DROP COLUMN gone",
                  {"id": "int NOT NULL", "b": "varchar(9)"})
    records.insert("c031", {"id": 2, "b": "new"})
    # C-033: an ignored table.
    records.create("ignored", plain, ["id"])
    records.insert("ignored", row(1, "secret"))
    # C-041: a row that moves to another day.
    records.create("c041", {"id": "int NOT NULL", "day": "varchar(10)"}, ["id"])
    records.insert("c041", {"id": 1, "day": "2025-11-20"})
    records.now = START + DAY
    records.update("c041", {"id": 1, "day": "2025-11-20"}, {"id": 1, "day": "2025-11-21"})


def test_the_scenarios_of_replay_hold_for_every_tool():
    for tool in TOOLS:
        records = writer(tool)
        scenarios(records)
        with Workspace(f"scenarios-{tool}") as space:
            config = replay(space, tool, records.take(), "{match: shop.ignored, ignore: true}")
            days = json.loads(run("millrace", "sync", "run", "--config", config, "--json").stdout)["syncs"][0]["days"]
            first = next(day for day in days if day["table"] == "shop.c001")

            def expect(name, table, wanted, columns="*"):
                got = rows(space, f"shop.{table}", columns)
                check(got == sorted(wanted, key=str), f"{tool}, {name}: {got}")

            expect("C-001", "c001", [(number, "changed" if number == 3 else "new") for number in range(9) if number != 5])
            check(first["contradictions"].get("deleted_missing") == 1, f"{tool}, C-013: {first}")
            expect("C-005", "c005", [(1, "c")])
            expect("C-003", "c003", [(1, "c")])
            expect("C-007", "c007", [(number, "x") for number in range(10)])
            expect("C-009, C-011", "c011", [(1, "was 2"), (2, "was 1"), (11, "was 10")])
            expect("C-017", "c017", [("twin",), ("other",), ("other",)])
            expect("C-019", "c019", [("a:b", "c"), ("1", ""), ("", "1"), ("\\", "n"), ("\n", "")])
            time = "12:34:56" if tool == "maxwell" else "-838:59:59"
            expect("C-021, C-023, C-025", "c021", [(
                1, "12345678901234567890.1234567890", time, 1_763_607_600_000_000, 1_763_640_000_000_000, "1.10")],
                "id, d::varchar, t, epoch_us(m), epoch_us(w), s::varchar")
            expect("C-029, C-031", "c031", [(1, "kept"), (2, "new")], "id, b")
            check(not list((space / "warehouse").rglob("ignored*")), f"{tool}, C-033: the ignored table leaves no trace")
            expect("C-041", "c041", [(1, "2025-11-21")])


NAMES = [
    "a.b", "a/b", "../up", "..%2Fup", 'quo"te', "apo'strophe", "back`tick", "tab\there", "line\nfeed", "nul\u0001", "\u007f",
    "_hidden", ".dot", "x_changes", "X_CHANGES", "percent%41", "فروش", "\U0001F600" * 50, "Case", "case", " blank ", "a=b",
    "dt=2025-01-01", "con:colon", "star*", "$var", "a\\b",
]
REFUSED = ["", ".", "..", "\U0001F600" * 64]


def test_hostile_names_are_escaped_or_refused_and_never_leave_the_warehouse():
    for tool in TOOLS:
        with Workspace(f"names-{tool}") as space:
            records = writer(tool)
            for name in NAMES + REFUSED:
                records.tables[records.database, name] = ({"id": "int"}, ["id"])
                records.insert(name, {"id": 1})
            records.database = "../../evil/d.b"
            records.tables[records.database, "t"] = ({"id": "int"}, ["id"])
            records.insert("t", {"id": 1})
            before = {path for path in space.path.rglob("*")}
            config = replay(space, tool, records.take())
            # A name that Debezium's own topic says is taken where the record says none.
            tables = {path.name for path in (space / "warehouse" / "shop").glob("*") if not path.name.endswith("_changes")}
            check(len(tables) == len(NAMES), f"{tool}: {len(tables)} tables of {len(NAMES)}: {sorted(tables)}")
            made = {path for path in space.path.rglob("*")} - before
            outside = [path for path in made if not str(path).startswith((
                f"{space.path}/warehouse", f"{space.path}/state", f"{space.path}/in", f"{space.path}/millrace.yaml"))]
            check(not outside, f"{tool}: outside of the warehouse: {outside}")
            check(not (space.path.parent / "evil").exists(), "a folder outside")
            evil = [path.name for path in (space / "warehouse").glob("*evil*")]
            check(evil == ["%2E%2E%2F%2E%2E%2Fevil%2Fd%2Eb"], f"{tool}: {evil}")
            refused = quarantine(space / "warehouse")
            check(len(refused) == len(REFUSED), f"{tool}: {[entry['reason'] for entry in refused]}")
            check(all(base64.b64decode(entry["bytes"]) for entry in refused), "whole")
            audit(config, code=0)


def test_bad_records_are_quarantined_and_stop_nothing_else():
    bad = {
        "maxwell": ["{", "[1]", "nonsense", '{"type":"upsert","database":"a","table":"b"}', '{"type":7,"database":"a"}',
                    '{"type":"insert","database":"a","table":"b","ts":1}',
                    '{"type":"insert","database":"a","table":"b","ts":"now","data":{"a":1}}',
                    '{"type":"insert","database":"a","table":"b","ts":1,"data":{"a":1},"position":"x"}', "\ufeff{"],
        "debezium": ["{", "[1]", '{"op":"x","after":{"a":1},"source":{"db":"a","table":"b"}}',
                     '{"op":"c","after":null,"source":{"db":"a","table":"b"}}', '{"op":"d","before":null,"after":null,"source":{"db":"a","table":"b"}}',
                     '{"op":"c","after":{"a":1},"source":{"db":"a","table":"b","file":"x","pos":"y"}}'],
        "canal": ["{", "7", '{"type":"MERGE","database":"a","table":"b","es":1,"data":[{"a":"1"}]}',
                  '{"type":"INSERT","database":"a","table":"b","es":1,"data":[{"a":"1"},7]}',
                  '{"type":"INSERT","database":"a","table":"b","es":1,"data":null}',
                  # C-039: a key alone, or where the row is.
                  '{"type":"INSERT","database":"a","table":"b","es":1,"data":[{"a":"1"}],"_tidb":{"onlyHandleKey":true}}'],
    }
    for tool in TOOLS:
        with Workspace(f"bad-{tool}") as space:
            records = writer(tool)
            records.create("t", {"id": "int NOT NULL", "v": "varchar(9)"}, ["id"])
            records.insert("t", {"id": 1, "v": "a"})
            lines = records.take() + "".join(line + "\n" for line in bad[tool])
            # A wrong type, an unknown column, a missing one, a null key: into the change log, and named by the replay.
            records.insert("t", {"id": "x", "v": "b"})
            records.insert("t", {"id": 2, "v": "b", "more": 1})
            records.insert("t", {"id": 3})
            records.insert("t", {"id": None, "v": "c"})
            # A table that no statement has named.
            records.tables["shop", "unknown"] = ({"id": "int"}, ["id"])
            records.insert("unknown", {"id": 7})
            records.insert("t", {"id": 9, "v": "last"})
            config = replay(space, tool, lines + records.take())
            balance = audit(config, code=0)["pipelines"][0]["balance"]
            check(balance["quarantined"] == len(bad[tool]), f"{tool}: {balance}")
            found = rows(space, "shop.t", "id, v")
            check((1, "a") in found and (2, "b") in found and (3, None) in found and (9, "last") in found, f"{tool}: {found}")
            check(rows(space, "shop.unknown", "id") == [(7,)], f"{tool}: {rows(space, 'shop.unknown')}")
            named = status(config)["shop.t"]["rejections"]
            check({"unfit_value", "unknown_column", "missing_column", "null_key"} <= set(named), f"{tool}: {named}")
