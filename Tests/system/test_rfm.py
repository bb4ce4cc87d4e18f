"""RFM over a synced table of invoice lines: docs/queries/rfm.sql gives the figures that were computed beside it."""
import csv
import json
import lzma
import os
import subprocess
from decimal import Decimal

from harness import ROOT, SHARED, Skip, Workspace, check, run
from readers import need_hive, spark_rows

QUERY = (ROOT / "docs" / "queries" / "rfm.sql").read_text()
NAME = "2009-12_2010-06"
CREATE = """CREATE TABLE retail (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, invoice VARCHAR(12), stock_code VARCHAR(20),
 description VARCHAR(200), quantity INT, invoice_date DATETIME, price DECIMAL(10,3), customer_id INT, country VARCHAR(40))"""


def lines(every):
    """Maxwell's records of the customers whose number ends in `every`: many lines inserted wrong and put right."""
    yield {"type": "table-create", "table": "retail", "ts": 1280000000000, "sql": CREATE}
    with lzma.open(SHARED / "data" / "commerce" / f"online_retail_ii_{NAME}.csv.xz", "rt", newline="") as file:
        for number, (invoice, stock, text, quantity, time, price, customer, country) in enumerate(list(csv.reader(file))[1:], 1):
            customer = customer.split(".")[0]
            if not customer.endswith(every):
                continue
            row = {"id": number, "invoice": invoice, "stock_code": stock, "description": text or None, "quantity": int(quantity),
                   "invoice_date": time.split(".")[0], "price": Decimal(price), "customer_id": int(customer) if customer else None,
                   "country": country}
            change = {"table": "retail", "primary_key_columns": ["id"]}
            wrong = number % 7 == 0
            yield change | {"type": "insert", "data": row | ({"quantity": 99} if wrong else {})}
            if wrong and int(quantity) != 99:
                yield change | {"type": "update", "data": row, "old": {"quantity": 99}}
            if number % 11 == 0:
                twin = row | {"id": number + 10_000_000}
                yield change | {"type": "insert", "data": twin}
                yield change | {"type": "delete", "data": twin}


def encoded(number, change):
    change = {"database": "shop", "ts": 1280000000 + number // 100, "position": f"binlog.000001:{100 * number}", "commit": True,
              "xid": number} | change
    return json.dumps(change, default=lambda value: float(value)) + "\n"


def expected(every):
    path = SHARED / "data" / "commerce" / f"expected_rfm_{NAME}.csv"
    if not path.exists():
        raise Skip("no ../shared/data/commerce")
    with open(path, newline="") as file:
        return sorted((int(row["customer_id"]), int(row["recency_days"]), int(row["frequency_invoices"]), Decimal(row["monetary_gbp"]),
                       int(row["lines"])) for row in csv.DictReader(file) if row["customer_id"].endswith(every))


def test_rfm_over_a_synced_table_gives_the_known_figures():
    # Why a hundredth of the customers: time. MILLRACE_RFM=all takes all, MILLRACE_RFM_READERS=spark,hive reads by these too.
    every = "" if os.environ.get("MILLRACE_RFM") == "all" else "17"
    wanted = expected(every)
    with Workspace("rfm") as space:
        records = [encoded(number, change) for number, change in enumerate(lines(every), 1)]
        config = space.write("millrace.yaml", f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"]}}]
warehouse: {{path: {space.path}/warehouse}}
syncs: [{{name: shop, format: maxwell}}]
log: {{level: warning}}
""")
        cut = len(records) * 2 // 3
        space.write("in/a.jsonl", "".join(records[:cut]).encode())
        run("millrace", "run", "--once", "--give-up", "10m", "--config", config, timeout=900)
        run("millrace", "sync", "run", "--config", config, timeout=900)
        with open(space / "in" / "a.jsonl", "ab") as file:
            file.write("".join(records[cut:]).encode())
        run("millrace", "run", "--once", "--give-up", "10m", "--config", config, timeout=900)
        run("millrace", "sync", "delta", "--config", config)
        ddl = lambda reader: run("millrace", "ddl", "--for", reader, "--view", "--config", config).stdout
        import duckdb
        session = duckdb.connect()
        session.execute("SET TimeZone = 'UTC'")
        session.execute(ddl("duckdb"))
        found = session.execute(QUERY).fetchall()
        check(found == wanted, f"{len(found)} customers for {len(wanted)}: {[p for p in zip(found, wanted) if p[0] != p[1]][:2]}")
        for reader in filter(None, os.environ.get("MILLRACE_RFM_READERS", "").split(",")):
            found = sorted({"spark": by_spark, "hive": by_hive}[reader](space.path, ddl(reader)))
            check(found == wanted, f"{reader}: {[p for p in zip(found, wanted) if p[0] != p[1]][:2]}")


def by_spark(folder, ddl):
    columns = [("customer_id", "int32"), ("recency_days", "int32"), ("frequency_invoices", "int64"),
               ("monetary", "decimal(18,2)"), ("line_count", "int64")]
    rows = spark_rows(folder, ddl, {"rfm": (f"({QUERY}) rfm", columns)})["rfm"]
    return [(int(a), int(b), int(c), Decimal(d) / 100, int(e)) for a, b, c, d, e in rows]


def by_hive(folder, ddl):
    need_hive()
    (folder / "rfm.sql").write_text(ddl + QUERY + ";\n")
    result = subprocess.run([str(SHARED / "hive" / "hive.sh"), str(folder / "rfm.sql")], capture_output=True, text=True)
    check(result.returncode == 0, result.stderr[-2000:])
    rows = [line.split("\t") for line in result.stdout.splitlines() if line.count("\t") == 4]
    return [(int(a), int(b), int(c), Decimal(d), int(e)) for a, b, c, d, e in rows if a.isdigit()]
