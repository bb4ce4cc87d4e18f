"""Queries of the demonstration: what an analyst would ask of the tables. Argument: the warehouse."""
import sys

import duckdb

warehouse = sys.argv[1]


def table(name):
    return f"read_json('{warehouse}/{name}/dt=*/part-*.jsonl', format='newline_delimited', hive_partitioning=true)"


for title, sql in [
    ("requests and errors per day", f"""
        SELECT dt, count(*) AS requests, count(*) FILTER (status >= 400) AS errors, count(DISTINCT remote) AS visitors
        FROM {table('web/access')} GROUP BY dt ORDER BY dt"""),
    ("orders and payments per day", f"""
        SELECT dt, event, count(*) AS events, round(sum(amount), 2) AS amount
        FROM {table('shop/app')} WHERE event IN ('order', 'payment') GROUP BY ALL ORDER BY ALL"""),
    ("changes per table and day", f"""
        SELECT 'orders' AS "table", dt, "type", count(*) AS changes FROM {table('shop/orders_changes')} GROUP BY ALL
        UNION ALL
        SELECT 'customer', dt, "type", count(*) FROM {table('shop/customer_changes')} GROUP BY ALL
        ORDER BY ALL"""),
]:
    print(title)
    print(duckdb.sql(sql))
