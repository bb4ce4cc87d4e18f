"""Parquet files against two independent readers: value by value, statistics, and what a run writes."""
import json
import lzma
import random

import configs
import parquet_compare
import random_tables
from harness import SHARED, Skip, Workspace, audit, check, query, run, source
from readers import hive_rows, need_hive

TABLES = 80


def test_random_tables_read_back_equal_in_pyarrow_and_duckdb():
    with Workspace("parquet-random") as space:
        run("millrace-bench", "parquet-random", space.path, 1, TABLES)
        faults = []
        for seed in range(1, TABLES + 1):
            faults += parquet_compare.compare(f"{space.path}/{seed}.parquet", f"{space.path}/{seed}.json")
        check(not faults, "\n".join(faults[:10]))


def test_random_tables_read_back_equal_in_hive():
    need_hive()
    with Workspace("parquet-hive") as space:
        faults = random_tables.compare(space, "hive", hive_rows, range(1, 13))
        check(not faults, "\n".join(faults[:10]))


def test_the_comparison_notices_a_wrong_value():
    with Workspace("parquet-canary") as space:
        run("millrace-bench", "parquet-random", space.path, 5, 20)
        noticed = 0
        for seed in range(5, 25):
            path = space.path / f"{seed}.json"
            text = path.read_text()
            wrong = text.replace('"values":["', '"values":["9', 1)
            path.write_text(wrong)
            try:
                noticed += bool(parquet_compare.compare(f"{space.path}/{seed}.parquet", path)) or wrong == text
            except ValueError:
                noticed += 1
        check(noticed == 20, f"{noticed} of 20 wrong tables were noticed")


def test_a_run_writes_the_same_rows_as_parquet_and_as_json_lines():
    path = SHARED / "data" / "weblogs" / "apache_combined_10k.log.xz"
    if not path.exists():
        raise Skip("no ../shared/data/weblogs")
    routes = "".join(f"""
      - table: web.{name}
        format: combined
        output: {{format: {format}{more}}}""" for name, format, more in (
            ("lines", "jsonl", ""), ("zstd", "parquet", ""), ("snappy", "parquet", ", compression: snappy, timestamps: int96"),
            ("gzip", "parquet", ", compression: gzip, level: 9, row_group: 1MiB"), ("none", "parquet", ", compression: none")))
    with Workspace("parquet-run") as space:
        space.write("logs/access.log", lzma.open(path).read())
        config = configs.embedded(space, [("access", "access", f"{space.path}/logs/*.log")], routes + "\n")
        run("millrace", "run", "--once", "--config", config)
        lines = source(space / "warehouse", "web.lines")
        columns = ("remote, CAST(time AS TIMESTAMP) AS time, request, method, uri, protocol, "
                   "CAST(status AS INTEGER) AS status, CAST(bytes AS BIGINT) AS bytes, referer, agent, CAST(dt AS VARCHAR) AS dt")
        for name in ("zstd", "snappy", "gzip", "none"):
            files = list((space / "warehouse" / "web" / name).rglob("part-*.parquet"))
            check(files, f"no Parquet files of {name}")
            table = f"read_parquet('{space.path}/warehouse/web/{name}/dt=*/part-*.parquet', hive_partitioning=true)"
            for left, right in ((lines, table), (table, lines)):
                rows = query(f"SELECT count(*) FROM (SELECT {columns} FROM {left} EXCEPT ALL SELECT {columns} FROM {right})")
                check(rows == [(0,)], f"{name}: {rows[0][0]} rows differ")
            metadata = dict(query(f"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{files[0]}')"))
            check(metadata.get("millrace.table") == f"web.{name}", f"metadata {metadata}")
            codec = query(f"SELECT DISTINCT compression FROM parquet_metadata('{files[0]}')")[0][0]
            check(codec.lower().replace("uncompressed", "none") == name, f"{name} is compressed with {codec}")
        written = sorted(line for path in (space / "warehouse" / "web" / "lines").rglob("part-*.jsonl") for line in path.read_text().splitlines())
        files = sorted((space / "warehouse" / "web" / "zstd").rglob("part-*.parquet"))
        printed = run("millrace", "cat", *files).stdout.splitlines()
        check(sorted(printed) == written, "millrace cat prints other rows than the JSON lines")
        check(len(run("millrace", "cat", "--limit", "7", "--columns", "status,time", files[0]).stdout.splitlines()) == 7, "cat --limit")
        run("millrace", "cat", config, code=65)
        report = audit(config, code=0)
        check(report["pipelines"][0]["balance"]["holds"], f"balance {report}")


def test_bloom_filters_tell_duckdb_which_values_are_not_there():
    chance = random.Random(3)
    rows = [{"time": f"2026-03-04T{index % 24:02}:00:00Z", "id": f"{chance.getrandbits(64):016x}-{index % 3 * 'ü'}",
             "number": chance.getrandbits(60), "ratio": chance.random(), "small": chance.getrandbits(30),
             "kind": f"kind {chance.randrange(20) * 2}"} for index in range(40_000)]
    types = {"id": "string", "number": "int64", "ratio": "double", "small": "int32", "kind": "string"}
    columns = "".join(f"\n          - {{name: {name}, type: {kind}, bloom_filter: true}}" for name, kind in types.items())
    with Workspace("parquet-bloom") as space:
        space.write("logs/a.log", "".join(json.dumps(row) + "\n" for row in rows))
        config = configs.embedded(space, [("app", "app", f"{space.path}/logs/*.log")], f"""
      - table: shop.events
        format: json
        columns:
          - {{name: time, type: timestamp, required: true}}{columns}
        output: {{format: parquet, row_group: 1MiB}}
""")
        run("millrace", "run", "--once", "--config", config)
        # One file or several: a slow machine commits in between.
        files = f"{space.path}/warehouse/shop/events/*/part-*.parquet"

        def groups(name, value):
            """How many row groups may hold a value, by DuckDB."""
            literal = f"'{value}'" if isinstance(value, str) else f"{value!r}::{'DOUBLE' if name == 'ratio' else 'BIGINT'}"
            return query(f"SELECT count(*) FILTER (NOT bloom_filter_excludes), count(*) FROM parquet_bloom_probe('{files}', '{name}', {literal})")[0]

        others = {"id": lambda: f"{chance.getrandbits(64):016x}-", "number": lambda: chance.getrandbits(60), "ratio": chance.random,
                  "small": lambda: chance.getrandbits(30), "kind": lambda: f"kind {chance.randrange(10) * 2 + 1}"}
        for name, other in others.items():
            for row in chance.sample(rows, 20):
                check(groups(name, row[name])[0] >= 1, f"{name}: {row[name]!r} is said not to be there")
            there = {row[name] for row in rows}
            absent = [groups(name, value) for value in (other() for _ in range(60)) if value not in there]
            passed, total = sum(found for found, _ in absent), sum(count for _, count in absent)
            check(total >= 60 and passed <= total // 10, f"{name}: {passed} of {total} groups may hold what is not there")
        row = rows[4_711]
        found = query(f"SELECT number, ratio FROM read_parquet('{files}') WHERE id = '{row['id']}'")
        check(found == [(row["number"], row["ratio"])], f"one row is found by its id: {found}")
