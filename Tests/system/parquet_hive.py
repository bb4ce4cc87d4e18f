"""What Hive reads in Parquet files, against the values they were written from (see parquet_compare)."""
import json
import shutil
import subprocess
from decimal import Context, Decimal

from harness import SHARED
from parquet_compare import is_equal, bits

TYPES = {"boolean": "boolean", "int32": "int", "int64": "bigint", "double": "double", "string": "string", "json": "string",
         "bytes": "binary", "date": "date", "timestamp": "timestamp"}


def civil(days):
    """Year, month, day of the Gregorian calendar, of any year."""
    days += 719468
    era, day = divmod(days, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return year + era * 400 + (month >= 10), month + 3 if month < 10 else month - 9, day - (153 * month + 2) // 5 + 1


def wanted(value, kind):
    """A value as Hive prints it; Ellipsis where it prints no such year."""
    if value is None:
        return "\\N"
    if kind in ("string", "json", "bytes"):
        return value.upper()
    if kind == "boolean":
        return "TRUE" if value == "1" else "FALSE"
    if kind.startswith("decimal"):
        return Decimal(int(value)).scaleb(-int(kind[8:-1].split(",")[1]), Context(prec=60))
    if kind in ("date", "timestamp"):
        second, micros = divmod(int(value), 1_000_000) if kind == "timestamp" else (int(value) * 86400, 0)
        year, month, day = civil(second // 86400)
        if not 1 <= year <= 9999:
            return ...
        text = f"{year:04}-{month:02}-{day:02}"
        if kind == "date":
            return text
        second %= 86400
        fraction = f".{micros:06}".rstrip("0") if micros else ""
        return f"{text} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}{fraction}"
    return value


def same(kind, found, value):
    expected = wanted(value, kind)
    if expected is ... or found == expected:
        return True
    if "\\N" in (found, expected):
        return False
    if kind == "double":
        return is_equal(kind, bits(float(found.replace("Infinity", "inf"))), value)
    if kind == "boolean":
        return found.upper() == expected
    return kind.startswith("decimal") and Decimal(found) == expected


def compare(folder, seeds):
    """The differences as texts; none is right. Moves each file into a table's folder."""
    script, tables = [], []
    for seed in seeds:
        table = json.loads((folder / f"{seed}.json").read_text())
        place = folder / f"t{seed}"
        place.mkdir()
        shutil.move(folder / f"{seed}.parquet", place / "part-0.parquet")
        kinds = [TYPES.get(column["type"], column["type"]) for column in table["columns"]]
        columns = ", ".join(f"c{index} {kind}" for index, kind in enumerate(kinds))
        values = ", ".join(
            f"hex(c{index})" if kind in ("string", "binary") else f"c{index}" if kind == "double" else f"cast(c{index} AS string)"
            for index, kind in enumerate(kinds))
        script.append(f"CREATE EXTERNAL TABLE t{seed} ({columns}) STORED AS PARQUET LOCATION 'file://{place}';")
        script.append(f"SELECT 't{seed}', {values} FROM t{seed};")
        tables.append((seed, table))
    (folder / "hive.sql").write_text("\n".join(script))
    result = subprocess.run([str(SHARED / "hive" / "hive.sh"), str(folder / "hive.sql")], capture_output=True, text=True)
    if result.returncode != 0:
        return ["Hive failed: " + result.stderr[-1500:]]
    rows = {}
    for line in result.stdout.split("\n"):
        name, *values = line.split("\t")
        rows.setdefault(name, []).append(values)
    faults = []
    for seed, table in tables:
        found = rows.get(f"t{seed}", [])
        if len(found) != table["rows"]:
            faults.append(f"seed {seed}: Hive finds {len(found)} rows, not {table['rows']}")
            continue
        for index, column in enumerate(table["columns"]):
            for row, value in enumerate(column["values"]):
                if not same(column["type"], found[row][index], value):
                    faults.append(f"seed {seed}: Hive: {column['name']} {column['type']} [{row}] is {found[row][index]!r}, not {value!r}")
                    break
    return faults
