"""Random Parquet tables through Hive and Spark, as partitioned external tables that `millrace ddl` declares.

    random_tables.py FIRST COUNT    both readers, tables in groups of 50
"""
import json
import sys

import configs
from harness import Workspace, run
from parquet_compare import parse
from readers import differences, hive_rows, spark_rows

GROUP = 50


def compare(space, reader, read, seeds):
    """The differences as texts; none is right."""
    folder = space / "files"
    folder.mkdir(exist_ok=True)
    run("millrace-bench", "parquet-random", folder, seeds[0], len(seeds), "plain")
    routes, tables, wanted = "", {}, {}
    for seed in seeds:
        table = json.loads((folder / f"{seed}.json").read_text())
        day = space / "warehouse" / "fuzz" / f"t{seed}" / "dt=2026-01-01"
        day.mkdir(parents=True)
        (folder / f"{seed}.parquet").rename(day / "part-0-0.parquet")
        columns = "".join(f"\n          - {{name: {column['name']}, type: {json.dumps(column['type'])}}}" for column in table["columns"])
        routes += f"""
      - table: fuzz.t{seed}
        format: json
        time: {{column: t}}
        output: {{format: parquet}}
        columns:{columns}"""
        kinds = [(column["name"], parse(column["type"])) for column in table["columns"]]
        tables[f"t{seed}"] = (f"fuzz.t{seed}", kinds)
        wanted[f"t{seed}"] = [list(row) for row in zip(*(column["values"] for column in table["columns"]))] if table["rows"] else []
    config = configs.embedded(space, [("events", "events", f"{space.path}/logs/*.json")], routes + "\n")
    ddl = run("millrace", "ddl", "--config", config, "--for", reader).stdout
    found = read(space.path, ddl, tables)
    return [fault for name, (_, kinds) in tables.items() for fault in differences(name, reader, kinds, found[name], wanted[name])]


def main():
    first, count = int(sys.argv[1]), int(sys.argv[2])
    failed = 0
    for reader, read in (("hive", hive_rows), ("spark", spark_rows)):
        for start in range(first, first + count, GROUP):
            with Workspace(f"random-{reader}") as space:
                faults = compare(space, reader, read, range(start, min(start + GROUP, first + count)))
            failed += len(faults)
            print("\n".join(faults) or f"{reader}: tables {start} to {min(start + GROUP, first + count) - 1} are equal", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
