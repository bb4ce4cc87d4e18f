"""`sync plan`: the replay as SQL makes what `sync run` makes, row for row."""
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
