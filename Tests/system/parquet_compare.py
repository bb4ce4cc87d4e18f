"""What pyarrow and DuckDB read in a Parquet file, against the values it was written from.

Values are texts: bytes in hexadecimal, doubles as the number that their bits are, decimals unscaled, times in
microseconds, days as days (`millrace-bench parquet-random` writes the same).
"""
import json, struct

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ARROW = {"boolean": pa.bool_(), "int32": pa.int32(), "int64": pa.int64(), "double": pa.float64(), "string": pa.string(),
         "bytes": pa.binary(), "date": pa.date32(), "json": pa.string()}


def arrow_type(kind, is_int96):
    if kind.startswith("decimal"):
        precision, scale = kind[8:-1].split(",")
        return pa.decimal128(int(precision), int(scale))
    if kind == "timestamp":
        return pa.timestamp("ns") if is_int96 else pa.timestamp("us", tz="UTC")
    return ARROW[kind]


def bits(value):
    return str(struct.unpack("<Q", struct.pack("<d", value))[0])


def is_equal(kind, left, right):
    if left == right:
        return True
    # A NaN is a NaN, whatever its bits.
    return kind == "double" and None not in (left, right) and all(int(value) & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000 for value in (left, right))


def unscaled(value, scale):
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits)) or "0") * 10 ** (exponent + scale)
    return str(-number if sign else number)


def from_arrow(column, kind):
    column = column.combine_chunks()
    if kind == "timestamp":
        column = column.cast(pa.int64()) if str(column.type).startswith("timestamp[us") else pc.divide(column.cast(pa.int64()), 1000)
    if kind == "date":
        column = column.cast(pa.int32())
    if kind == "json" and column.type != pa.string():
        column = column.cast(pa.string())
    return [text(value, kind) for value in column.to_pylist()]


def text(value, kind):
    if value is None:
        return None
    if kind in ("string", "json"):
        return value.encode().hex()
    if kind == "bytes":
        return bytes(value).hex()
    if kind == "double":
        return bits(value)
    if kind.startswith("decimal"):
        return unscaled(value, int(kind[8:-1].split(",")[1]))
    return str(int(value))


def select(name, kind):
    quoted = '"' + name.replace('"', '""') + '"'
    if kind == "timestamp":
        return f"epoch_us({quoted})"
    if kind == "date":
        return f"date_diff('day', DATE '1970-01-01', {quoted})"
    if kind == "json":
        return f"CAST({quoted} AS VARCHAR)"
    return quoted


def compare(path, expected_path, with_duckdb=True):
    """The differences as texts; none is right."""
    expected = json.load(open(expected_path))
    faults = []
    file = pq.ParquetFile(path, page_checksum_verification=True)
    if file.metadata.num_rows != expected["rows"]:
        faults.append(f"{path}: {file.metadata.num_rows} rows for {expected['rows']}")
    table = file.read()
    table.validate(full=True)
    for index, column in enumerate(expected["columns"]):
        kind = column["type"]
        field = table.schema.field(index)
        wanted = arrow_type(kind, expected["int96"])
        if field.name != column["name"] or str(field.type) not in (str(wanted), "extension<arrow.json>"):
            faults.append(f"{path}: column {field.name} is {field.type}, not {wanted}")
        found = from_arrow(table.column(index), kind)
        faults += differences(path, "pyarrow", column, found)
        faults += check_bounds(path, file, index, column)
    if with_duckdb:
        session = duckdb.connect(config={"threads": 1})
        names = ", ".join(select(column["name"], column["type"]) for column in expected["columns"])
        rows = session.execute(f"SELECT {names} FROM read_parquet('{path}', file_row_number = true) ORDER BY file_row_number").fetchall()
        for index, column in enumerate(expected["columns"]):
            faults += differences(path, "duckdb", column, [text(row[index], column["type"]) for row in rows])
        faults += check_filters(path, session, expected)
    return faults


def differences(path, reader, column, found):
    if len(found) != len(column["values"]):
        return [f"{path}: {reader} finds {len(found)} values in {column['name']}, not {len(column['values'])}"]
    for row, (left, right) in enumerate(zip(found, column["values"])):
        if not is_equal(column["type"], left, right):
            return [f"{path}: {reader}: {column['name']}[{row}] is {left}, not {right}"]
    return []


def check_bounds(path, file, index, column):
    """Statistics are right: bounds hold, exact ones are met, nulls are counted."""
    faults = []
    first = 0
    for group in range(file.metadata.num_row_groups):
        chunk = file.metadata.row_group(group).column(index)
        values = column["values"][first:first + file.metadata.row_group(group).num_rows]
        first += len(values)
        statistics = chunk.statistics
        if statistics is None:
            continue
        place = f"{path}: {column['name']} of group {group}"
        if statistics.null_count != sum(value is None for value in values):
            faults.append(f"{place}: null count {statistics.null_count}")
        if not statistics.has_min_max or column["type"] not in ("int32", "int64", "string", "bytes", "json"):
            continue
        present = [value for value in values if value is not None]
        if column["type"] in ("int32", "int64"):
            low, high = min(map(int, present)), max(map(int, present))
            if (statistics.min_raw, statistics.max_raw) != (low, high):
                faults.append(f"{place}: bounds {statistics.min_raw}, {statistics.max_raw}, not {low}, {high}")
        else:
            raw = [bytes.fromhex(value) for value in present]
            low, high = (value.encode() if isinstance(value, str) else value for value in (statistics.min_raw, statistics.max_raw))
            if not (low <= min(raw) and max(raw) <= high):
                faults.append(f"{place}: bounds {low!r}, {high!r} do not hold")
    return faults


def check_filters(path, session, expected):
    """A filter that goes by statistics and page indexes finds all rows."""
    faults = []
    for column in expected["columns"]:
        present = [value for value in column["values"] if value is not None]
        if not present or column["type"] not in ("int64", "string"):
            continue
        probe = present[len(present) // 2]
        count = sum(value == probe for value in present)
        value = int(probe) if column["type"] == "int64" else bytes.fromhex(probe).decode()
        name = column["name"].replace('"', '""')
        found = session.execute(f"SELECT count(*) FROM read_parquet('{path}') WHERE \"{name}\" = ?", [value]).fetchone()[0]
        if found != count:
            faults.append(f"{path}: duckdb finds {found} rows with {column['name']} = {value!r}, not {count}")
    return faults


if __name__ == "__main__":
    import sys
    bad = 0
    for seed in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
        try:
            faults = compare(f"{sys.argv[1]}/{seed}.parquet", f"{sys.argv[1]}/{seed}.json")
        except Exception as fault:
            faults = [f"{seed}: {type(fault).__name__}: {fault}"]
        for fault in faults:
            print(fault)
        bad += bool(faults)
    print(f"{bad} of {sys.argv[3]} files are wrong")
    sys.exit(1 if bad else 0)
