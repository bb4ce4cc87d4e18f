"""Synced tables as they are now: the views that `millrace ddl --view` declares, read by DuckDB."""
import threading

from harness import Workspace, check, run
from test_sync import record

TABLES = {
    "account": ("(id INT PRIMARY KEY, who VARCHAR(20), amount INT)", "{match: shop.account}"),
    "event": ("(id INT PRIMARY KEY, who VARCHAR(20), what VARCHAR(20))", "{match: shop.event, unique: {except: [id]}}"),
    "task": ("(id INT PRIMARY KEY, what VARCHAR(20))", "{match: shop.task, deletes: mark}"),
    "cart": ("(who VARCHAR(20), what VARCHAR(20))", "{match: shop.cart}"),
}


class Shop:
    """A warehouse that is filled from one file of Maxwell's records."""

    def __init__(self, space, tables=TABLES):
        self.space = space
        self.position = 0
        rules = "\n".join(f"      - {rule}" for _, rule in tables.values())
        self.config = space.write("millrace.yaml", f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"]}}]
warehouse: {{path: {space.path}/warehouse}}
syncs:
  - name: shop
    format: maxwell
    tables:
{rules}
log: {{level: warning}}
""")
        space.write("in/a.jsonl", b"")
        self.take([self.change("table-create", table, ts=1763640000000, sql=f"CREATE TABLE {table} {columns}")
                   for table, (columns, _) in tables.items()])

    def change(self, kind, table, data=None, old=None, **more):
        self.position += 1
        return record(self.position, kind, table, data, old, **more)

    def take(self, lines):
        with open(self.space.path / "in" / "a.jsonl", "a") as file:
            file.write("".join(lines))
        run("millrace", "run", "--once", "--give-up", "5m", "--config", self.config, timeout=600)

    def sync(self, verb):
        run("millrace", "sync", verb, "--config", self.config, timeout=600)

    def connect(self):
        """DuckDB with the views."""
        import duckdb
        connection = duckdb.connect()
        connection.execute(run("millrace", "ddl", "--for", "duckdb", "--view", "--config", self.config).stdout)
        return connection


def test_a_view_shows_what_changed_since_the_newest_state():
    with Workspace("now") as space:
        shop = Shop(space)
        shop.take([
            shop.change("insert", "account", {"id": 1, "who": "ann", "amount": 5}),
            shop.change("insert", "account", {"id": 2, "who": "bob", "amount": 7}),
            shop.change("insert", "event", {"id": 1, "who": "ann", "what": "tea"}),
            shop.change("insert", "event", {"id": 2, "who": "ann", "what": "tea"}),
            shop.change("insert", "task", {"id": 1, "what": "wash"}),
            *[shop.change("insert", "cart", {"who": "ann", "what": None}) for _ in range(3)],
        ])
        shop.sync("run")
        views = shop.connect()
        see = lambda table: views.execute(f"SELECT * FROM shop.{table}_now ORDER BY ALL").fetchall()
        check(see("account") == [(1, "ann", 5), (2, "bob", 7)], see("account"))
        check(see("event") == [(1, "ann", "tea")], "twins are one record")
        check(see("cart") == [("ann", None)] * 3, see("cart"))
        shop.take([
            shop.change("update", "account", {"id": 1, "who": "ann", "amount": 6}, {"amount": 5}),
            shop.change("delete", "account", {"id": 2, "who": "bob", "amount": 7}),
            shop.change("insert", "account", {"id": 3, "who": "cid", "amount": 8}),
            shop.change("update", "account", {"id": 4, "who": "cid", "amount": 8}, {"id": 3}),
            shop.change("update", "event", {"id": 1, "who": "ann", "what": "jam"}, {"what": "tea"}),
            shop.change("delete", "task", {"id": 1, "what": "wash"}),
            shop.change("delete", "cart", {"who": "ann", "what": None}),
            shop.change("insert", "cart", {"who": "bob", "what": "cup"}),
        ])
        check(see("account") == [(1, "ann", 5), (2, "bob", 7)], "nothing yet: no delta was made")
        shop.sync("delta")
        check(see("account") == [(1, "ann", 6), (4, "cid", 8)], see("account"))
        check(see("event") == [(1, "ann", "jam"), (2, "ann", "tea")], "one twin changed: both show")
        check(see("task") == [(1, "wash", True)], see("task"))
        check(see("cart") == [("ann", None)] * 2 + [("bob", "cup")], see("cart"))
        shop.take([shop.change("delete", "event", {"id": 1, "who": "ann", "what": "jam"})])
        shop.sync("delta")
        check(see("event") == [(2, "ann", "tea")], see("event"))
        # Another schema: the state is made anew, the view is declared anew.
        shop.take([
            shop.change("table-alter", "account", ts=1763640000000,
                        sql="ALTER TABLE account ADD COLUMN note VARCHAR(9) NOT NULL DEFAULT 'x'"),
            shop.change("insert", "account", {"id": 9, "who": "eve", "amount": 1, "note": "y"}),
        ])
        shop.sync("delta")
        views = shop.connect()
        check(see("account") == [(1, "ann", 6, "x"), (4, "cid", 8, "x"), (9, "eve", 1, "y")], see("account"))
        # The states and change logs themselves, one of them without rows.
        shop.take([shop.change("delete", "task", {"id": 1, "what": "wash"})])
        shop.sync("run")
        views.execute(run("millrace", "ddl", "--for", "duckdb", "--config", shop.config).stdout)
        found = views.execute("SELECT id, who, note FROM shop.account ORDER BY id").fetchall()
        check(found == [(1, "ann", "x"), (4, "cid", "x"), (9, "eve", "y")], found)
        count = views.execute("SELECT count(*) FROM shop.account_changes WHERE op = 'insert'").fetchone()
        check(count == (4,), count)
        declared = {row[0] for row in views.execute("SELECT view_name FROM duckdb_views() WHERE schema_name = 'shop'").fetchall()}
        check({"task", "cart", "event", "event_changes"} <= declared, declared)
        # A table that is there under the view's name: nothing is declared in its place.
        (space / "warehouse" / "shop" / "Account_now").mkdir()
        ddl = ("millrace", "ddl", "--for", "hive", "--view", "--table", "shop.account", "--config", shop.config)
        check("--suffix" in run(*ddl, code=64).stderr, "the name is taken")
        text = run(*ddl, "--suffix", "_live").stdout
        check("`account_live_delta`" in text and "_now" not in text.replace("_millrace/now", ""), text)


def test_no_row_is_missing_or_doubled_while_states_and_deltas_are_published():
    with Workspace("now-reader") as space:
        shop = Shop(space)
        count = 200
        amounts = [0] * count
        shop.take([shop.change("insert", "account", {"id": i, "who": "x", "amount": 0}) for i in range(count)])
        shop.sync("run")
        views, faults, seen, done = shop.connect(), [], [0], threading.Event()

        def read():
            newest = 0
            while not done.is_set():
                try:
                    rows, ids, total = views.execute(
                        "SELECT count(*), count(DISTINCT id), sum(amount) FROM shop.account_now").fetchone()
                except Exception as error:
                    # A generation that is gone since its files were looked for: said, and nothing is shown.
                    if not any(text in str(error) for text in ("No such file", "Cannot open", "No files found")):
                        faults.append(str(error))
                    continue
                seen[0] += 1
                if (rows, ids) != (count, count) or total < newest:
                    faults.append(f"{rows} rows of {ids} ids, sum {total} after {newest}")
                newest = max(newest, total)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for turn in range(8):
                lines = []
                for number in range(turn, count, 7):
                    amounts[number] += 1
                    lines.append(shop.change("update", "account", {"id": number, "who": "x", "amount": amounts[number]},
                                             {"amount": amounts[number] - 1}))
                shop.take(lines)
                shop.sync("run" if turn % 3 == 2 else "delta")
        finally:
            done.set()
            reader.join()
        check(not faults, faults[:3])
        check(seen[0] > 8, f"read {seen[0]} times")
        check(views.execute("SELECT sum(amount) FROM shop.account_now").fetchone() == (sum(amounts),), "the newest sum")
