"""Hive and Spark as readers of tables that `millrace ddl` declared: their rows as the texts of parquet_compare.

A value that a reader cannot show (a year that it prints otherwise) is ..., which equals any that is not null.
"""
import base64
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from decimal import Decimal

from harness import SHARED, Skip
from parquet_compare import bits, quoted, text, unscaled

SPARK = """
import json, sys
from pyspark.sql import SparkSession
job = json.load(open(sys.argv[1]))
session = (SparkSession.builder.master("local[1]").enableHiveSupport().config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC").config("spark.sql.warehouse.dir", job["folder"] + "/spark")
    .config("spark.driver.extraJavaOptions", "-Dderby.system.home=" + job["folder"] + " -Duser.timezone=UTC")
    .config("spark.sql.shuffle.partitions", "1").config("spark.log.level", "ERROR").getOrCreate())
for statement in job["statements"]:
    session.sql(statement)
rows = {name: [list(row) for row in session.sql(query).collect()] for name, query in job["queries"].items()}
json.dump(rows, open(sys.argv[2], "w"))
"""


def need_hive():
    if not (SHARED / "hive" / "hive.sh").exists() or not shutil.which("java"):
        raise Skip("no ../shared/hive, or no Java")


def need_spark():
    """The Python that has pyspark."""
    for python in filter(None, (os.environ.get("MILLRACE_SPARK"), sys.executable)):
        if subprocess.run([python, "-c", "import pyspark"], capture_output=True).returncode == 0 and shutil.which("java"):
            return python
    raise Skip("no pyspark (MILLRACE_SPARK names a Python that has it), or no Java")


def statements(ddl):
    return [part.strip() for part in re.split(r";\n", ddl) if part.strip()]


def ticked(name):
    """A name in backticks."""
    return "`" + name.replace("`", "``") + "`"


def spark_rows(folder, ddl, tables):
    """Rows of tables: `tables` is name: (table, [(column, kind)]). Kinds are those of parquet_compare.parse."""
    python = need_spark()
    queries = {
        name: f"SELECT {', '.join(spark_text(ticked(column), kind) for column, kind in columns)} FROM {table}"
        for name, (table, columns) in tables.items()}
    (folder / "spark.json").write_text(json.dumps({"folder": str(folder), "statements": statements(ddl), "queries": queries}))
    (folder / "spark.py").write_text(SPARK)
    result = subprocess.run(
        [python, str(folder / "spark.py"), str(folder / "spark.json"), str(folder / "spark.out")], capture_output=True, text=True,
        cwd=folder, env={**os.environ, "TZ": "UTC", "SPARK_LOCAL_IP": "127.0.0.1"})
    if result.returncode != 0:
        raise AssertionError("Spark failed: " + result.stderr[-3000:])
    rows = json.loads((folder / "spark.out").read_text())
    return {
        name: [[spark_value(value, kind) for value, (_, kind) in zip(row, columns)] for row in rows[name]]
        for name, (_, columns) in tables.items()}


def spark_select(place, kind, depth=0):
    if kind == "timestamp":
        return f"CAST(unix_micros({place}) AS STRING)"
    if kind == "date":
        return f"CAST(unix_date({place}) AS STRING)"
    if kind in ("string", "json", "bytes"):
        return f"hex({place})"
    if kind == "boolean":
        return f"CAST(CAST({place} AS INT) AS STRING)"
    if kind[0] == "list":
        return f"transform({place}, e{depth} -> {spark_select(f'e{depth}', kind[1], depth + 1)})"
    if kind[0] == "map":
        key, value = (spark_select(f"e{depth}.{part}", inner, depth + 1) for part, inner in zip(("key", "value"), kind[1:]))
        return f"transform(map_entries({place}), e{depth} -> named_struct('k', {key}, 'v', {value}))"
    if kind[0] == "struct":
        fields = ", ".join(f"'{name}', {spark_select(f'{place}.`{name}`', field, depth)}" for name, field in kind[1])
        return f"CASE WHEN {place} IS NULL THEN NULL ELSE named_struct({fields}) END"
    return f"CAST({place} AS STRING)"


def spark_text(place, kind):
    chosen = spark_select(place, kind)
    return f"to_json({chosen}, map('ignoreNullFields', 'false'))" if isinstance(kind, tuple) else chosen


def spark_value(value, kind):
    return finish(json.loads(value), kind) if isinstance(kind, tuple) and value is not None else finish(value, kind)


def finish(value, kind):
    if value is None:
        return None
    if kind[0] == "list":
        return [finish(part, kind[1]) for part in value]
    if kind[0] == "map":
        return [[finish(part["k"], kind[1]), finish(part["v"], kind[2])] for part in value]
    if kind[0] == "struct":
        return [finish(value[name], field) for name, field in kind[1]]
    if kind in ("string", "json", "bytes"):
        return value.lower()
    if kind == "double":
        return bits(float(value.replace("Infinity", "inf")))
    if kind.startswith("decimal"):
        return unscaled(Decimal(value), int(kind[8:-1].split(",")[1]))
    return value


def hive_rows(folder, ddl, tables):
    """As `spark_rows`."""
    need_hive()
    script = [statement + ";" for statement in statements(ddl)]
    for name, (table, columns) in tables.items():
        values = ", ".join(hive_text(ticked(column), kind) for column, kind in columns)
        script.append(f"SELECT '@{name}', {values} FROM {table};")
    (folder / "hive.sql").write_text("\n".join(script))
    result = subprocess.run([str(SHARED / "hive" / "hive.sh"), str(folder / "hive.sql")], capture_output=True, text=True)
    if result.returncode != 0:
        raise AssertionError("Hive failed: " + result.stderr[-3000:])
    rows = {name: [] for name in tables}
    for line in result.stdout.split("\n"):
        name, *values = line.split("\t")
        if name[1:] in tables:
            rows[name[1:]].append([hive_value(value, kind) for value, (_, kind) in zip(values, tables[name[1:]][1])])
    return rows


def holds_bytes(kind):
    """Whether a nested type has bytes inside: Hive prints those without quotes, an empty value as nothing."""
    if kind[0] == "struct":
        return any(holds_bytes(field) for _, field in kind[1])
    return any(map(holds_bytes, kind[1:])) if kind[0] in ("list", "map") else kind == "bytes"


def hive_text(place, kind):
    if isinstance(kind, tuple) and holds_bytes(kind):
        return f"CAST({place} IS NULL AS STRING)"
    if kind in ("string", "json", "bytes"):
        return f"hex({place})"
    return place if isinstance(kind, tuple) or kind == "double" else f"CAST({place} AS STRING)"


def hive_value(value, kind):
    if isinstance(kind, tuple) and holds_bytes(kind):
        return None if value.upper() == "TRUE" else ...
    if value == "\\N" or value == "NULL" and kind not in ("string", "json", "bytes"):
        return None
    if isinstance(kind, tuple):
        # Its lines have escapes of their own, around those of JSON.
        value = re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t", "r": "\r"}.get(match[1], match[1]), value)
        # Keys that are numbers stand without quotes.
        value = re.sub(
            r'"(?:[^"\\]|\\.)*"|([{,])(-?\d+):', lambda match: f'{match[1]}"{match[2]}":' if match[1] else match[0], value)
        return from_json(json.loads(value, parse_float=str, parse_int=str, parse_constant=str, strict=False), kind)
    return value.lower() if kind in ("string", "json", "bytes") else from_json(value, kind)


def from_json(value, kind):
    """What stands in a JSON text, numbers as texts."""
    if value is None:
        return None
    if kind[0] == "list":
        return [from_json(part, kind[1]) for part in value]
    if kind[0] == "map":
        return [[from_json(key, kind[1]), from_json(part, kind[2])] for key, part in value.items()]
    if kind[0] == "struct":
        folded = {name.lower(): part for name, part in value.items()}
        return [from_json(folded.get(name.lower()), field) for name, field in kind[1]]
    if kind in ("string", "json"):
        return value.encode("utf-8", "surrogatepass").hex()
    if kind == "bytes":
        return base64.b64decode(value).hex()
    if kind == "boolean":
        return str(int(value if isinstance(value, bool) else value.lower() == "true"))
    if kind == "double":
        return bits(float(str(value).replace("Infinity", "inf")))
    if kind.startswith("decimal"):
        return unscaled(Decimal(value), int(kind[8:-1].split(",")[1]))
    if kind in ("date", "timestamp"):
        return instant(str(value), kind)
    return str(value)


def instant(value, kind):
    match = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z?)?", value)
    if not match or match[1] == "0000":
        return ...
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    days = datetime(year, month, day, tzinfo=timezone.utc).toordinal() - 719163
    if kind == "date":
        return str(days)
    return str((days * 86400 + hour * 3600 + minute * 60 + second) * 1_000_000 + int((match[7] or "").ljust(6, "0")[:6]))


def is_same(left, right, kind):
    """Whether what a reader found is what it should be; a NaN equals a NaN."""
    if left is ... or right is ...:
        return left is not None and right is not None or kind == "json"
    if left == right:
        return True
    if left is None or right is None:
        return False
    if kind[0] == "struct":
        return all(is_same(*pair, field) for pair, (_, field) in zip(zip(left, right), kind[1]))
    if kind[0] in ("list", "map"):
        element = kind[1] if kind[0] == "list" else ("struct", [("key", kind[1]), ("value", kind[2])])
        return len(left) == len(right) and all(is_same(*pair, element) for pair in zip(left, right))
    return kind == "double" and all(int(value) & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000 for value in (left, right))


def differences(name, reader, columns, found, wanted):
    """At most one fault a column."""
    if len(found) != len(wanted):
        return [f"{name}: {reader} finds {len(found)} rows, not {len(wanted)}"]
    faults = []
    for index, (column, kind) in enumerate(columns):
        for row, (left, right) in enumerate(zip(found, wanted)):
            if not is_same(left[index], right[index], kind):
                faults.append(f"{name}: {reader}: {column} [{row}] is {left[index]!r}, not {right[index]!r}")
                break
    return faults
