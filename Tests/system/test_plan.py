"""`sync plan`: the replay as SQL makes what `sync run` makes, row for row."""
import base64
import decimal
import json
import pathlib

import recordings
from harness import SHARED, Skip, Workspace, check, long, run
from test_sync import record

LIVE = SHARED / "cdc-live"
if not LIVE.exists():
    LIVE = SHARED / "data" / "cdc-live"


def configuration(space, tool, rules=""):
    return recordings.configuration(space, tool, "text", None, f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"], max_record: 4MiB}}]""", rules)


def take(space, config, part):
    with open(space / "in" / "a.jsonl", "ab") as file:
        file.write(part)
    run("millrace", "run", "--once", "--give-up", "20m", "--config", config, timeout=1200)


def plan(config, *options):
    """The statements of each table, and the tables that were refused with the reason."""
    told = run("millrace", "sync", "plan", "--engine", "duckdb", "--config", config, *options, code=None)
    check(told.returncode in (0, 1), f"exit {told.returncode}: {told.stderr[-800:]}")
    texts = {}
    for text in told.stdout.split("-- ")[1:]:
        head, body = text.split("\n", 1)
        texts[head.split(" at the end of ")[0]] = body
    refused = [line for line in told.stderr.splitlines() if "plan.not_in_sql" in line]
    check(bool(refused) == (told.returncode == 1), told.stderr[-800:])
    return texts, refused


def rows_of(source):
    return f"SELECT COLUMNS(*)::VARCHAR FROM {source} ORDER BY ALL"


def compare(space, config, texts):
    """What the statements make and what `sync run` makes; returns rows compared."""
    import duckdb
    session = duckdb.connect()
    session.execute("SET TimeZone = 'UTC'")
    for table, text in texts.items():
        try:
            session.execute(text)
        except Exception as error:
            raise AssertionError(f"{table}: {error}\n{text[-3000:]}") from error
    run("millrace", "sync", "run", "--config", config, timeout=1200)
    total, faults = 0, []
    for table in texts:
        name = ".".join('"' + part.replace('"', '""') + '"' for part in (table + "_replayed").split(".", 1))
        folder = space.path / "warehouse" / pathlib.Path(*table.split(".", 1))
        day = sorted(folder.glob("dt=*"))[-1]
        made = session.execute(rows_of(name)).fetchall()
        wanted = session.execute(rows_of(f"read_parquet('{day}/part-*', hive_partitioning=false)")).fetchall() \
            if list(day.glob("part-*")) else []
        total += len(wanted)
        if made != wanted:
            first = [pair for pair in zip(made, wanted) if pair[0] != pair[1]][:1]
            faults.append(f"{table}: {len(made)} rows for {len(wanted)}: {first}")
    check(not faults, "\n".join(faults[:12]))
    return total


RULES = """
    tables:
      - {match: shop.event, unique: {except: [id]}}
      - {match: shop.task, deletes: mark}
      - {match: shop.pair, unique: row}
"""
MAKE = {
    "account": "(id INT PRIMARY KEY, who VARCHAR(20), amount DECIMAL(10,2), at DATETIME(3))",
    "event": "(id INT PRIMARY KEY, who VARCHAR(20), what VARCHAR(20))",
    "task": "(id INT PRIMARY KEY, what VARCHAR(20))",
    "cart": "(who VARCHAR(20), what VARCHAR(20))",
    "pair": "(who VARCHAR(20), what VARCHAR(20))",
    "rest": "(id INT PRIMARY KEY, doc JSON)",
}


class Story:
    def __init__(self):
        self.position, self.lines = 0, []

    def add(self, kind, table, data=None, old=None, day=0, **more):
        self.position += 1
        self.lines.append(record(self.position, kind, table, data, old,
                                 **{"ts": 1763640000 + 86_400 * day + self.position} | more))

    def take(self):
        text, self.lines = "".join(self.lines).encode(), []
        return text


def test_the_replay_as_sql_is_that_of_sync_run_for_every_kind_of_change():
    with Workspace("plan") as space:
        space.write("in/a.jsonl", b"")
        config = space.write("millrace.yaml", f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"]}}]
warehouse: {{path: {space.path}/warehouse}}
syncs:
  - name: live
    format: maxwell
{RULES}
log: {{level: warning}}
""")
        story = Story()
        for table, columns in MAKE.items():
            story.add("table-create", table, sql=f"CREATE TABLE {table} {columns}")
        account = lambda number, amount: {"id": number, "who": "ann", "amount": amount, "at": "2025-11-20 12:00:00.5"}
        for number in range(1, 9):
            story.add("insert", "account", account(number, 1.10 * number))
            story.add("insert", "event", {"id": number, "who": "ann", "what": "tea" if number < 5 else None})
            story.add("insert", "task", {"id": number, "what": f"wash {number}"})
        for _ in range(3):
            story.add("insert", "cart", {"who": "ann", "what": None})
            story.add("insert", "pair", {"who": "ann", "what": "tea"})
        story.add("insert", "cart", {"who": "bob", "what": "cup"})
        story.add("insert", "rest", {"id": 1, "doc": {"a": 1}})
        # Without a state before: all from the log.
        take(space, config, story.take())
        texts, refused = plan(config)
        check(len(texts) == 5 and len(refused) == 1 and "shop.rest" in refused[0] and "doc" in refused[0], f"{refused}")
        check(compare(space, config, texts) == 8 + 2 + 8 + 4 + 1, "rows of the first day")
        day = 1
        story.add("update", "account", account(1, 7.25), {"amount": 1.1}, day=day)
        story.add("delete", "account", account(2, 2.2), day=day)
        story.add("update", "account", account(30, 3.3), {"id": 3}, day=day)
        story.add("update", "account", account(3, 4.4), {"id": 4}, day=day)
        story.add("delete", "account", account(5, 5.5), day=day)
        story.add("insert", "account", account(5, 0.01), day=day)
        # The twin that shows goes, is changed, comes again.
        story.add("delete", "event", {"id": 1, "who": "ann", "what": "tea"}, day=day)
        story.add("update", "event", {"id": 5, "who": "ann", "what": "jam"}, {"what": None}, day=day)
        story.add("delete", "event", {"id": 6, "who": "ann", "what": None}, day=day)
        story.add("insert", "event", {"id": 6, "who": "ann", "what": None}, day=day)
        # Kept and marked: the state's row, one of the day, one that was never there, one that comes back.
        story.add("delete", "task", {"id": 1, "what": "other"}, day=day)
        story.add("update", "task", {"id": 2, "what": "dry"}, {"what": "wash 2"}, day=day)
        story.add("delete", "task", {"id": 2, "what": "dry"}, day=day)
        story.add("delete", "task", {"id": 99, "what": "ghost"}, day=day)
        story.add("delete", "task", {"id": 3, "what": "wash 3"}, day=day)
        story.add("delete", "task", {"id": 3, "what": "wash 3 again"}, day=day)
        story.add("delete", "task", {"id": 4, "what": "wash 4"}, day=day)
        story.add("insert", "task", {"id": 4, "what": "new"}, day=day)
        story.add("update", "task", {"id": 50, "what": "moved"}, {"id": 5, "what": "wash 5"}, day=day)
        story.add("delete", "cart", {"who": "ann", "what": None}, day=day)
        story.add("delete", "cart", {"who": "bob", "what": "none"}, day=day)
        story.add("insert", "cart", {"who": "bob", "what": "none"}, day=day)
        story.add("update", "cart", {"who": "bob", "what": None}, {"what": "cup"}, day=day)
        story.add("delete", "pair", {"who": "ann", "what": "tea"}, day=day)
        story.add("insert", "pair", {"who": "ann", "what": "jam"}, day=day)
        take(space, config, story.take())
        texts, refused = plan(config)
        check(len(texts) == 6 and not refused, f"what has no changes is as it was: {refused}")
        check(compare(space, config, texts) > 0, "rows of the second day")
        # A truncate; a table whose columns change is refused on that day.
        day = 2
        story.add("table-alter", "event", sql="ALTER TABLE event ADD COLUMN more INT", day=day)
        story.add("insert", "event", {"id": 70, "who": "bob", "what": "tea", "more": 1}, day=day)
        story.add("table-truncate", "cart", sql="TRUNCATE TABLE cart", day=day)
        story.add("insert", "cart", {"who": "eve", "what": "pot"}, day=day)
        story.add("insert", "account", account(77, 7.7), day=day)
        take(space, config, story.take())
        texts, refused = plan(config)
        check(len(refused) == 1 and "shop.event" in refused[0] and "columns" in refused[0], f"{refused}")
        compare(space, config, texts)
        # An earlier day, made anew from the state before it.
        texts, _ = plan(config, "--day", "2025-11-20", "--table", "shop.account", "--into", "other.made")
        check("other" in texts["shop.account"] and "2025-11-21" not in texts["shop.account"], texts["shop.account"][:300])


def counted(mode, seconds, fraction, is_clock=False):
    """What Debezium writes for a DATETIME or TIME: seconds since 1970, or of a clock, with digits behind the point."""
    digits = {"connect": 3, "microseconds": 6, "nanoseconds": 9,
              "adaptive_time_microseconds": 3 if not is_clock and fraction <= 3 else 6}[mode]
    return round(seconds * 10**min(fraction, digits)) * 10**(digits - min(fraction, digits))


def unscaled(number):
    count = 1
    while not -(1 << 8 * count - 1) <= number < 1 << 8 * count - 1:
        count += 1
    return base64.b64encode(number.to_bytes(count, "big", signed=True)).decode()


def debezium(space, time, decimals, binary):
    """A table with every type that a mode of Debezium's decides, with values at the ends of what they hold."""
    space.write("in/a.jsonl", b"")
    config = configuration(space, "debezium", f", debezium: {{time_precision_mode: {time}, decimal_handling_mode: {decimals}, "
                           f"binary_handling_mode: {binary}}}")
    lines, position = [], 0

    def add(value, key):
        nonlocal position
        position += 100
        value |= {"source": {"version": "3.5.0.Final", "connector": "mysql", "name": "live", "db": "shop", "table": "t",
                             "server_id": 1, "file": "binlog.000001", "pos": position, "row": 0, "snapshot": "false",
                             "ts_ms": 1763640000000 + position}, "ts_ms": 1763640000000 + position}
        lines.append(json.dumps({"topic": "live", "key": key, "value": value}).encode() + b"\n")

    add({"databaseName": "shop", "ddl": "CREATE TABLE t (id INT PRIMARY KEY, d0 DATETIME, d3 DATETIME(3) NOT NULL, d6 DATETIME(6), "
         "ts TIMESTAMP(6) NULL, c0 TIME, c2 TIME(2), c6 TIME(6), n0 DECIMAL(18,0), n2 DECIMAL(10,2), n18 DECIMAL(18,18), "
         "b BINARY(4), v VARBINARY(9))", "tableChanges": []}, {"databaseName": "shop"})
    days = [0, 1, -1, 86_399, -86_400, 1_763_640_000, 253_402_300_799, -62_135_596_800, 951_782_400, None]
    clocks = [0, 1, -1, 3_599, -3_600, 86_400, 3_020_399, -3_020_399, 359_999, None]
    numbers = [0, 1, -1, 127, 128, -128, -129, 10**10 - 1, 1 - 10**10, None]
    wide = [0, 1, -1, 10**18 - 1, 1 - 10**18, 255, -256, 2**53 + 1, 65_536, None]
    parts = [b"", b"\0", b"\xff\xfe\xfd", b"abcd", b"a", b"\x00\x01", b"\xfb\xff", b"zz", b"\xff" * 4, None]
    for row in range(10):
        day, clock = days[row], clocks[row]
        part = 0 if row in (6, 9) else row / 1000

        def instant(fraction):
            return None if day is None else counted(time, day + (part if fraction else 0), fraction)

        def of_clock(fraction):
            edge = 0 if row in (6, 7) else 0.25
            return None if clock is None else counted(time, clock + (edge if fraction else 0), fraction, is_clock=True)

        def of_number(number, scale):
            if number is None or decimals == "precise":
                return None if number is None else unscaled(number)
            return str(decimal.Decimal(number).scaleb(-scale, decimal.Context(prec=40)))

        def of_bytes(value):
            if value is None:
                return None
            return value.hex() if binary == "hex" else (
                base64.urlsafe_b64encode if binary == "base64-url-safe" else base64.b64encode)(value).decode()

        stamp = ["1970-01-01T00:00:00Z", "2025-11-20T10:00:00.5Z", "2038-01-19T03:14:07.999999Z", "1970-01-01T00:00:01Z", None][row % 5]
        add({"before": None, "op": "c", "after": {
            "id": row, "d0": instant(0), "d3": instant(3), "d6": instant(6), "ts": stamp, "c0": of_clock(0), "c2": of_clock(2),
            "c6": of_clock(6), "n0": of_number(wide[row], 0), "n2": of_number(numbers[row], 2), "n18": of_number(wide[row], 18),
            "b": of_bytes(parts[row]), "v": of_bytes(parts[row] and parts[row] * 2)}}, {"id": row})
    take(space, config, b"".join(lines))
    return config


def test_the_replay_as_sql_reads_debeziums_modes_as_they_are_configured():
    combinations = [("adaptive_time_microseconds", "precise", "bytes"), ("connect", "string", "hex"),
                    ("microseconds", "precise", "base64-url-safe"), ("nanoseconds", "string", "base64")]
    for modes in combinations:
        with Workspace("plan-modes") as space:
            config = debezium(space, *modes)
            texts, refused = plan(config)
            check(list(texts) == ["shop.t"] and not refused, f"{modes}: {refused}")
            check(compare(space, config, texts) == 10, f"{modes}")
    with Workspace("plan-modes") as space:
        config = debezium(space, "connect", "double", "hex")
        _, refused = plan(config)
        check(len(refused) == 1 and "rounded" in refused[0], f"{refused}")
        config = configuration(space, "debezium")
        _, refused = plan(config)
        check(len(refused) == 1 and "time_precision_mode" in refused[0], f"{refused}")


def through(name):
    if not LIVE.exists():
        raise Skip("no recordings in ../shared/data/cdc-live")
    recording = recordings.Recording(LIVE, name)
    with Workspace(f"plan-{name}") as space:
        space.write("in/a.jsonl", b"")
        config = configuration(space, recording.tool)
        cut = int(len(recording.records) * 0.6)
        take(space, config, b"".join(line + b"\n" for line in recording.records[:cut]))
        first, _ = plan(config)
        rows = compare(space, config, first)
        take(space, config, b"".join(line + b"\n" for line in recording.records[cut:]))
        second, refused = plan(config)
        rows += compare(space, config, second)
        return len(first), len(second), len(refused), rows


def test_the_replay_as_sql_of_maxwells_recording_is_that_of_sync_run():
    first, second, refused, rows = through("maxwell")
    check(second >= refused and rows > 1_000, f"{first} and {second} tables, {refused} refused, {rows} rows")


def test_the_replay_as_sql_of_canals_recording_is_that_of_sync_run():
    long()
    first, second, refused, rows = through("canal")
    check(second >= refused and rows > 1_000, f"{first} and {second} tables, {refused} refused, {rows} rows")


def test_the_replay_as_sql_of_debeziums_recording_refuses_what_its_modes_decide():
    long()
    first, second, refused, rows = through("debezium")
    check(first > 0 and rows > 100, f"{first} and {second} tables, {refused} refused, {rows} rows")


def main():
    for name in ("maxwell", "canal", "debezium"):
        print(name, json.dumps(through(name)), flush=True)


if __name__ == "__main__":
    main()
