"""Queries of the demonstration: what an analyst would ask of the tables. Argument: the warehouse."""
import sys

import duckdb

warehouse = sys.argv[1]


def table(name):
    return f"read_json('{warehouse}/{name}/dt=*/part-*.jsonl', format='newline_delimited', hive_partitioning=true)"


def changes(table):
    return f"read_parquet('{warehouse}/shop/{table}_changes/dt=*/part-*', hive_partitioning=true)"


for title, sql in [
    ("requests and errors per day", f"""
        SELECT dt, count(*) AS requests, count(*) FILTER (status >= 400) AS errors, count(DISTINCT remote) AS visitors
        FROM {table('web/access')} GROUP BY dt ORDER BY dt"""),
    ("orders and payments per day", f"""
        SELECT dt, event, count(*) AS events, round(sum(amount), 2) AS amount
        FROM {table('shop/app')} WHERE event IN ('order', 'payment') GROUP BY ALL ORDER BY ALL"""),
    ("changes of a database per table and day", f"""
        SELECT source_table AS "table", dt, op, count(*) AS changes
        FROM (SELECT * FROM {changes('orders')} UNION ALL SELECT * FROM {changes('customer')})
        GROUP BY ALL ORDER BY ALL"""),
    ("what became of order 1, in the order of its database", f"""
        SELECT place_position AS "position", op, after->>'state' AS state, before->>'state' AS before, committed
        FROM {changes('orders')} WHERE (after->>'id') = '1' OR op = 'delete' AND (before->>'id') = '1'
        ORDER BY leg, place_file, place_position, place_row"""),
]:
    print(title)
    print(duckdb.sql(sql))
