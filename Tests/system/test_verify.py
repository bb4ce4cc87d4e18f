"""`millrace sync verify`: synced tables against a MariaDB server of our own."""
import json
import os
import pathlib
import shutil
import subprocess

from harness import Skip, Workspace, check, free_port, run, wait_until
from test_now import Shop


class MariaDB:
    """A server in a folder of its own, on loopback, ended by its process id."""

    def __init__(self, folder):
        self.server = shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin")
        if not self.server or not shutil.which("mariadb-install-db"):
            raise Skip("no MariaDB server (apt-get install mariadb-server)")
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.process = None

    def __enter__(self):
        self.folder.mkdir(parents=True)
        user = ["--user=root"] if os.geteuid() == 0 else []
        data = f"--datadir={self.folder / 'data'}"
        result = subprocess.run(
            ["mariadb-install-db", "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db", *user],
            capture_output=True, text=True)
        check(result.returncode == 0, result.stderr[-2000:])
        # Why mkdtemp's own folder is not used: a socket's path has 107 bytes at most.
        self.socket = f"/tmp/millrace-maria-{self.port}.sock"
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [self.server, "--no-defaults", data, f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self.socket}",
                 f"--pid-file={self.folder / 'pid'}", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", *user],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until("the server answers", 120, lambda: self.client("SELECT 1", check_code=False) == 0)
        self.client("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'secret'; GRANT SELECT ON *.* TO reader@'127.0.0.1'")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        pathlib.Path(self.socket).unlink(missing_ok=True)

    def client(self, sql, check_code=True):
        result = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.socket}", "-uroot", "--default-character-set=utf8mb4"],
            input=sql, capture_output=True, text=True)
        if check_code:
            check(result.returncode == 0, result.stderr)
        return result.returncode

    def verify(self, config, *arguments, code=0, password="secret"):
        return run(
            "millrace", "sync", "verify", "--config", config, "--against", f"mysql://reader@127.0.0.1:{self.port}/", "--json",
            *arguments, code=code, environment={"MILLRACE_DATABASE_PASSWORD": password})


def test_tables_are_compared_with_the_database_under_their_rules():
    with Workspace("verify") as space, MariaDB(space / "maria") as server:
        shop = Shop(space)
        shop.take([
            *[shop.change("insert", "account", {"id": i, "who": f"w{i % 7}é", "amount": i * i}) for i in range(1, 2_501)],
            shop.change("insert", "event", {"id": 1, "who": "ann", "what": "tea"}),
            shop.change("insert", "event", {"id": 2, "who": "ann", "what": "tea"}),
            shop.change("insert", "event", {"id": 3, "who": "Ann", "what": "tea"}),
            shop.change("insert", "task", {"id": 1, "what": "wash"}),
            shop.change("insert", "task", {"id": 2, "what": "cook"}),
            shop.change("delete", "task", {"id": 1, "what": "wash"}),
            *[shop.change("insert", "cart", {"who": "ann", "what": None}) for _ in range(3)],
        ])
        shop.sync("run")
        server.client("""
            CREATE DATABASE shop; USE shop;
            CREATE TABLE account (id INT PRIMARY KEY, who VARCHAR(20), amount INT) CHARACTER SET latin1;
            INSERT INTO account SELECT seq, CONCAT('w', seq % 7, 'é'), seq * seq FROM seq_1_to_2500;
            CREATE TABLE event (id INT PRIMARY KEY, who VARCHAR(20), what VARCHAR(20));
            INSERT INTO event VALUES (2, 'ann', 'tea'), (3, 'Ann', 'tea'), (4, 'ann', 'tea');
            CREATE TABLE task (id INT PRIMARY KEY, what VARCHAR(20)); INSERT INTO task VALUES (2, 'cook');
            CREATE TABLE cart (who VARCHAR(20), what VARCHAR(20));
            INSERT INTO cart VALUES ('ann', NULL), ('ann', NULL), ('ann', NULL);""")
        tables = {table["table"]: table for table in json.loads(server.verify(shop.config).stdout)["tables"]}
        check(len(tables) == 4 and all(table["same"] for table in tables.values()), tables)
        check(tables["shop.account"]["fetched_rows"] == 0, "equal sums: nothing is fetched")
        check(tables["shop.event"]["warehouse_rows"] == 2, "twins are one record on both sides")
        # What differs is found, key by key.
        server.client("""USE shop; UPDATE account SET amount = 7 WHERE id = 1234; DELETE FROM account WHERE id = 77;
            INSERT INTO account VALUES (9000, 'new', 0); DELETE FROM cart LIMIT 1""")
        result = json.loads(server.verify(shop.config, "--table", "shop.account", code=1).stdout)["tables"][0]
        found = {row["key"]["id"]: row for row in result["differences"]}
        check(set(found) == {"1234", "77", "9000"}, found)
        check(found["1234"]["columns"] == [{"column": "amount", "database": "7", "warehouse": str(1234 ** 2)}], found)
        check((found["77"]["database_rows"], found["77"]["warehouse_rows"]) == (0, 1), found)
        cart = json.loads(server.verify(shop.config, "--table", "shop.cart", code=1).stdout)["tables"][0]["differences"]
        check([(row["database_rows"], row["warehouse_rows"]) for row in cart] == [(0, 1)], cart)
        server.verify(shop.config, code=75, password="wrong")


RANGED = {
    "signed": ("(id INT PRIMARY KEY, what VARCHAR(20))", "{match: shop.signed}"),
    "big": ("(id BIGINT UNSIGNED PRIMARY KEY, what VARCHAR(20))", "{match: shop.big}"),
    "none": ("(id BIGINT PRIMARY KEY, what VARCHAR(20))", "{match: shop.none}"),
    "gone": ("(id BIGINT PRIMARY KEY, what VARCHAR(20))", "{match: shop.gone}"),
    "pair": ("(a INT, b INT, what VARCHAR(20), PRIMARY KEY (a, b))", "{match: shop.pair}"),
}


def test_tables_with_whole_keys_are_compared_range_by_range():
    with Workspace("verify-ranges") as space, MariaDB(space / "maria") as server:
        shop = Shop(space, RANGED)
        top = 2**64 - 1
        shop.take([
            *[shop.change("insert", "signed", {"id": 3 * i, "what": f"w{3 * i}"}) for i in range(-5_000, 5_001)],
            *[shop.change("insert", "big", {"id": i, "what": "x"}) for i in [0, 5, 2**63 - 1, 2**63, 2**63 + 7, top]],
            shop.change("insert", "none", {"id": 1, "what": "x"}),
            shop.change("delete", "none", {"id": 1, "what": "x"}),
            *[shop.change("insert", "gone", {"id": i, "what": "x"}) for i in range(5_000)],
            *[shop.change("insert", "pair", {"a": i % 7, "b": i, "what": "x"}) for i in range(300)],
        ])
        shop.sync("run")
        server.client(f"""
            CREATE DATABASE shop; USE shop;
            CREATE TABLE signed (id INT PRIMARY KEY, what VARCHAR(20)); INSERT INTO signed
                SELECT 3 * CAST(seq AS SIGNED) - 15003, CONCAT('w', 3 * CAST(seq AS SIGNED) - 15003) FROM seq_1_to_10001;
            CREATE TABLE big (id BIGINT UNSIGNED PRIMARY KEY, what VARCHAR(20));
            INSERT INTO big VALUES (0, 'x'), (5, 'x'), ({2**63 - 1}, 'x'), ({2**63}, 'x'), ({2**63 + 7}, 'x'), ({top}, 'x');
            CREATE TABLE none (id BIGINT PRIMARY KEY, what VARCHAR(20)); CREATE TABLE gone LIKE none;
            INSERT INTO gone SELECT seq - 1, 'x' FROM seq_1_to_5000;
            CREATE TABLE pair (a INT, b INT, what VARCHAR(20), PRIMARY KEY (a, b));
            INSERT INTO pair SELECT (seq - 1) % 7, seq - 1, 'x' FROM seq_1_to_300;""")

        def verify(table, *arguments, code=1):
            found = json.loads(server.verify(shop.config, "--table", f"shop.{table}", *arguments, code=code).stdout)["tables"][0]
            return found, [row["key"]["id"] for row in found["differences"] if "id" in row["key"]]

        tables = {table["table"]: table for table in json.loads(server.verify(shop.config).stdout)["tables"]}
        check(all(table["same"] and not table["fetched_rows"] for table in tables.values()), tables)
        check({name: table["parts_by"] for name, table in tables.items()} == {
            "shop.signed": "range", "shop.big": "range", "shop.none": "range", "shop.gone": "range", "shop.pair": "hash"}, tables)
        check(tables["shop.signed"]["parts"] == 3, "10,001 rows, 4,096 a range")
        server.client("USE shop; UPDATE signed SET what = 'new' WHERE id = -3000")
        signed, ids = verify("signed")
        check((ids, signed["fetched_rows"], signed["differing_parts"]) == (["-3000"], 4_096, 1), "only ranges that differ are fetched")
        # Both ends, holes, and a row that changed: in the order of the numbers, not of their texts.
        server.client(f"""USE shop;
            DELETE FROM signed WHERE id IN (-15000, 15000, 9, 12);
            INSERT INTO signed VALUES (-2000000000, 'low'), (-1, 'hole'), (100000, 'high');
            DELETE FROM big WHERE id IN (0, {2**63}); INSERT INTO big VALUES ({2**63 + 1}, 'new'), ({top - 1}, 'new');
            UPDATE big SET what = 'y' WHERE id = {top};
            INSERT INTO none SELECT CAST(seq AS SIGNED) - 10000, 'x' FROM seq_1_to_20000; DELETE FROM gone;
            UPDATE pair SET what = 'y' WHERE b = 200""")
        signed, ids = verify("signed")
        check(ids == ["-2000000000", "-15000", "-3000", "-1", "9", "12", "15000", "100000"], ids)
        check(signed["differences"][2]["columns"] == [{"column": "what", "database": "new", "warehouse": "w-3000"}], signed)
        check([(row["database_rows"], row["warehouse_rows"]) for row in signed["differences"]] ==
              [(1, 0), (0, 1), (1, 1), (1, 0), (0, 1), (0, 1), (0, 1), (1, 0)], signed)
        check([(part["from"], part["to"]) for part in signed["differing_ranges"]] ==
              [(None, "-2713"), ("-2712", "9575"), ("9576", None)], signed["differing_ranges"])
        check(verify("signed", "--limit", "3")[1] == ids[:3], "the lowest first")
        big, ids = verify("big")
        check(ids == ["0", str(2**63), str(2**63 + 1), str(top - 1), str(top)], ids)
        none, ids = verify("none", "--limit", "2")
        check(ids == ["-9999", "-9998"] and (none["database_rows"], none["warehouse_rows"]) == (20_000, 0), none)
        check(none["sum_queries"] == 3, "never more than 8,192 rows by one statement")
        gone, ids = verify("gone", "--limit", "2")
        check(ids == ["0", "1"] and (gone["database_rows"], gone["warehouse_rows"]) == (0, 5_000), gone)
        pair, _ = verify("pair")
        check([row["key"] for row in pair["differences"]] == [{"a": "4", "b": "200"}] and pair["parts_by"] == "hash", pair)
        shown = run("millrace", "sync", "verify", "--config", shop.config, "--against", f"mysql://reader@127.0.0.1:{server.port}/",
                    "--table", "shop.signed", code=1, environment={"MILLRACE_DATABASE_PASSWORD": "secret"}).stdout
        check("first differing range: keys up to -2713, 4096 rows in the database, 4096 in the warehouse" in shown, shown)
