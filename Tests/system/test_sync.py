"""Syncs: inserted and modified rows of a database in the warehouse's tables, twins as one record."""
import json

from harness import Workspace, check, query, run


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
