"""Syncs: inserted and modified rows of a database in the warehouse's tables, twins as one record."""
import json
import os
import random
import threading
import time

from harness import Daemon, Workspace, check, query, run


def record(position, kind, table, data=None, old=None, **more):
    fields = {"database": "shop", "table": table, "type": kind, "ts": 1763640000 + position,
              "position": f"binlog.000001:{position}", "commit": True, "xid": position}
    if data is not None:
        fields |= {"data": data, "primary_key_columns": ["id"] if "id" in data else []}
    if old is not None:
        fields["old"] = old
    return json.dumps(fields | more) + "\n"


def append(space, line):
    """To the same file: one stream, one partition."""
    with open(space.path / "in" / "a.jsonl", "ab") as file:
        file.write(line.encode())


def rows(space, table, day):
    return query(f"SELECT * FROM read_parquet('{space.path}/warehouse/shop/{table}/dt={day}/part-*', "
                 "hive_partitioning=false) ORDER BY ALL")


def test_inserted_and_modified_rows_are_in_the_state_and_twins_are_one_record():
    with Workspace("sync") as space:
        make = "CREATE TABLE {} ({}who VARCHAR(20), what VARCHAR(20))"
        key = "id INT PRIMARY KEY, "
        lines = [
            record(1, "table-create", "events", sql=make.format("events", key), ts=1763640000000),
            record(2, "table-create", "cart", sql=make.format("cart", ""), ts=1763640000000),
            record(10, "insert", "events", {"id": 1, "who": "ann", "what": "tea"}),
            record(11, "insert", "events", {"id": 2, "who": "ann", "what": "tea"}),
            record(12, "insert", "events", {"id": 3, "who": "bob", "what": "cup"}),
            record(13, "insert", "cart", {"who": "ann", "what": "tea"}),
            record(14, "insert", "cart", {"who": "ann", "what": "tea"}),
            record(15, "update", "events", {"id": 3, "who": "bob", "what": "pot"}, {"what": "cup"}),
        ]
        space.write("in/a.jsonl", "".join(lines).encode())
        config = space.write("millrace.yaml", f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"]}}]
warehouse: {{path: {space.path}/warehouse}}
syncs:
  - name: shop
    format: maxwell
    tables:
      - {{match: shop.events, unique: {{except: [id]}}}}
      - {{match: shop.cart, unique: row}}
log: {{level: warning}}
""")
        run("millrace", "run", "--once", "--config", config)
        run("millrace", "sync", "run", "--config", config)
        day = "2025-11-20"
        check(rows(space, "events", day) == [(1, "ann", "tea"), (3, "bob", "pot")], rows(space, "events", day))
        check(rows(space, "cart", day) == [("ann", "tea")], "two identical rows are one record")
        # One twin changes: two different records. It is deleted: one.
        append(space, record(
            100_000, "update", "events", {"id": 1, "who": "ann", "what": "jam"}, {"what": "tea"}))
        run("millrace", "run", "--once", "--config", config)
        run("millrace", "sync", "run", "--config", config)
        day = "2025-11-21"
        check(rows(space, "events", day) == [(1, "ann", "jam"), (2, "ann", "tea"), (3, "bob", "pot")],
              rows(space, "events", day))
        append(space, record(200_000, "delete", "events", {"id": 1, "who": "ann", "what": "jam"}))
        run("millrace", "run", "--once", "--config", config)
        run("millrace", "sync", "run", "--config", config)
        check(rows(space, "events", "2025-11-22") == [(2, "ann", "tea"), (3, "bob", "pot")],
              rows(space, "events", "2025-11-22"))
        done = space.path / "warehouse" / "shop" / "events"
        complete = [(done / f"dt=2025-11-2{number}" / "_SUCCESS").exists() for number in range(3)]
        check(complete == [True, True, False], f"the days that the sync has passed are complete: {complete}")
        found = json.loads(run("millrace", "sync", "get", "--config", config, "shop.events", "2").stdout)
        check(found == {"id": 2, "who": "ann", "what": "tea"}, found)


KILLS = int(os.environ.get("MILLRACE_KILLS", "8"))


def whole_days(space):
    """What readers see: a hash over the rows of every visible day."""
    import duckdb
    found, session = {}, duckdb.connect()
    for folder in sorted((space.path / "warehouse" / "shop").glob("*/dt=*")):
        if not folder.parent.name.endswith("_changes"):
            found[f"{folder.parent.name}/{folder.name}"] = session.execute(
                f"SELECT count(*), sum(hash(t)::HUGEINT) FROM read_parquet('{folder}/part-*', hive_partitioning=false) t").fetchone()
    return found


def state_files(space):
    """Names and bytes of all states and visible files."""
    found = {}
    for root in ("shop", "_millrace/state"):
        for path in (space.path / "warehouse" / root).rglob("*"):
            name = str(path.relative_to(space.path / "warehouse"))
            if path.is_file() and "_changes/" not in name and not name.startswith(("_millrace/state/scratch", "_millrace/state/lock")):
                found[name] = path.read_bytes()
    return found


def test_a_replay_killed_at_any_moment_leaves_whole_days_and_goes_on():
    with Workspace("sync-kill") as space:
        rng = random.Random(7)
        lines = [record(1 + n, "table-create", f"t{n}", ts=1763640000000,
                        sql=f"CREATE TABLE t{n} ({'id INT PRIMARY KEY, ' if n else ''}who VARCHAR(20), what VARCHAR(20))") for n in range(3)]
        position = 10
        for day in range(3):
            for _ in range(600):
                position += 1
                n = rng.randrange(3)
                data = {"who": f"w{rng.randrange(20)}", "what": f"x{rng.randrange(5)}"}
                data = {"id": rng.randrange(5000), **data} if n else data
                lines.append(record(position, "insert", f"t{n}", data, ts=1763640000 + 86_400 * day + position))
        space.write("in/a.jsonl", "".join(lines).encode())

        def config(name, rule):
            return space.write(name, f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"]}}]
warehouse: {{path: {space.path}/warehouse}}
syncs: [{{name: shop, format: maxwell, tables: [{{match: "*"{rule}}}]}}]
log: {{level: warning}}
""")
        configs = [config("plain.yaml", ""), config("unique.yaml", ", unique: {columns: [who]}")]
        run("millrace", "run", "--once", "--config", configs[0])
        # What quiet runs make of either rule.
        days, files, started = [], [], time.monotonic()
        for path in configs:
            run("millrace", "sync", "run", "--config", path)
            days.append(whole_days(space))
            files.append(state_files(space))
        length = (time.monotonic() - started) / 2
        check(len(days[0]) == 9 and days[0].keys() == days[1].keys() and days[0] != days[1], f"{days}")
        stop, seen = threading.Event(), []

        def read():
            while not stop.is_set():
                try:
                    seen.append(whole_days(space))
                except Exception as error:  # A day was exchanged between its listing and its reading.
                    if "No such file" not in str(error) and "No files found" not in str(error):
                        seen.append({"error": str(error)})
        reader = threading.Thread(target=read)
        reader.start()
        try:
            for number in range(KILLS):
                # The other rule makes every day anew.
                sync = Daemon("millrace", "sync", "run", "--config", configs[number % 2], log=space.path / "sync.log")
                sync.start()
                time.sleep(rng.random() * length)
                sync.kill()
                seen.append(whole_days(space))
        finally:
            stop.set()
            reader.join()
        for look in seen:
            for day, rows in look.items():
                check(rows in (days[0].get(day), days[1].get(day)), f"{day} holds {rows}, not {days[0].get(day)} or {days[1].get(day)}")
        check(len(seen) > KILLS, f"looks: {len(seen)}")
        for path, expected in zip(configs, files):
            run("millrace", "sync", "run", "--config", path)
            found = state_files(space)
            check(found == expected, f"other bytes: {sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))}")
