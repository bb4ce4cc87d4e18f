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


def parse(kind):
    """A type as a configuration has it: its name for scalars, a tuple for nested ones."""
    found, rest = read(kind)
    if rest:
        raise ValueError(f"{rest!r} behind a type")
    return found


def read(kind):
    if kind.startswith("list<"):
        element, rest = read(kind[5:])
        return ("list", element), rest[1:]
    if kind.startswith("map<"):
        key, rest = read(kind[4:])
        value, rest = read(rest[2:])
        return ("map", key, value), rest[1:]
    if kind.startswith("struct<"):
        fields, rest = [], kind[5:]
        while rest[0] != ">":
            name, rest = rest[2:].split(": ", 1)
            field, rest = read(rest)
            fields.append((name, field))
        return ("struct", fields), rest[1:]
    end = kind.index(")") + 1 if kind.startswith("decimal") else min([kind.find(mark) for mark in ",>" if mark in kind] or [len(kind)])
    return kind[:end], kind[end:]


def arrow_type(kind, is_int96):
    if kind[0] == "list":
        return pa.list_(arrow_type(kind[1], is_int96))
    if kind[0] == "map":
        return pa.map_(arrow_type(kind[1], is_int96), arrow_type(kind[2], is_int96))
    if kind[0] == "struct":
        return pa.struct([(name, arrow_type(field, is_int96)) for name, field in kind[1]])
    if kind.startswith("decimal"):
        precision, scale = kind[8:-1].split(",")
        return pa.decimal128(int(precision), int(scale))
    if kind == "timestamp":
        return pa.timestamp("ns") if is_int96 else pa.timestamp("us", tz="UTC")
    return ARROW[kind]


def is_type(found, wanted):
    """Whether two Arrow types are one, but for the names of a list's element and JSON's own type."""
    if pa.types.is_list(wanted):
        return pa.types.is_list(found) and is_type(found.value_type, wanted.value_type)
    if pa.types.is_map(wanted):
        return pa.types.is_map(found) and is_type(found.key_type, wanted.key_type) and is_type(found.item_type, wanted.item_type)
    if pa.types.is_struct(wanted):
        names = [field.name for field in wanted]
        return pa.types.is_struct(found) and [field.name for field in found] == names and all(
            is_type(left.type, right.type) for left, right in zip(found, wanted))
    return str(found) in (str(wanted), "extension<arrow.json>")


def bits(value):
    return str(struct.unpack("<Q", struct.pack("<d", value))[0])


def is_equal(kind, left, right):
    if left == right:
        return True
    if None in (left, right):
        return False
    if kind[0] == "struct":
        return all(is_equal(field, *pair) for (_, field), pair in zip(kind[1], zip(left, right)))
    if kind[0] in ("list", "map"):
        element = kind[1] if kind[0] == "list" else ("struct", [("key", kind[1]), ("value", kind[2])])
        return len(left) == len(right) and all(is_equal(element, *pair) for pair in zip(left, right))
    # A NaN is a NaN, whatever its bits.
    return kind == "double" and None not in (left, right) and all(int(value) & 0x7FFFFFFFFFFFFFFF > 0x7FF0000000000000 for value in (left, right))


def unscaled(value, scale):
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits)) or "0") * 10 ** (exponent + scale)
    return str(-number if sign else number)


def from_arrow(column, kind):
    if isinstance(column, pa.ChunkedArray):
        return [value for chunk in column.chunks for value in from_arrow(chunk, kind)]
    if isinstance(kind, tuple):
        if kind[0] == "struct":
            parts = list(zip(*(from_arrow(part, field) for part, (_, field) in zip(column.flatten(), kind[1]))))
            return [list(part) if valid else None for part, valid in zip(parts, column.is_valid().to_pylist())]
        if kind[0] == "list":
            values = from_arrow(column.values, kind[1])
        else:
            values = [list(pair) for pair in zip(from_arrow(column.keys, kind[1]), from_arrow(column.items, kind[2]))]
        places = column.offsets.to_pylist()
        return [values[low:high] if valid else None for low, high, valid in zip(places, places[1:], column.is_valid().to_pylist())]
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
    if kind[0] == "list":
        return [text(part, kind[1]) for part in value]
    if kind[0] == "map":
        return [[text(part["key"], kind[1]), text(part["value"], kind[2])] for part in value]
    if kind[0] == "struct":
        return [text(value[name], field) for name, field in kind[1]]
    if kind in ("string", "json"):
        return value.encode().hex()
    if kind == "bytes":
        return bytes(value).hex()
    if kind == "double":
        return bits(value)
    if kind.startswith("decimal"):
        return unscaled(value, int(kind[8:-1].split(",")[1]))
    return str(int(value))


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def select(place, kind, depth=0):
    """What DuckDB is asked for, so that what it gives has no types that Python cannot hold."""
    if kind == "timestamp":
        return f"epoch_us({place})"
    if kind == "date":
        return f"date_diff('day', DATE '1970-01-01', {place})"
    if kind == "json":
        return f"CAST({place} AS VARCHAR)"
    if kind[0] == "list":
        return f"list_transform({place}, lambda e{depth}: {select(f'e{depth}', kind[1], depth + 1)})"
    if kind[0] == "map":
        entry = ("struct", [("key", kind[1]), ("value", kind[2])])
        return f"list_transform(map_entries({place}), lambda e{depth}: {select(f'e{depth}', entry, depth + 1)})"
    if kind[0] == "struct":
        fields = ", ".join(f"{quoted(name)}: {select(f'{place}.{quoted(name)}', field, depth)}" for name, field in kind[1])
        return f"CASE WHEN {place} IS NULL THEN NULL ELSE {{{fields}}} END"
    return place


def leaves(kind):
    """The scalars of a type."""
    if kind[0] == "struct":
        return [leaf for _, field in kind[1] for leaf in leaves(field)]
    if kind[0] in ("list", "map"):
        return [leaf for part in kind[1:] for leaf in leaves(part)]
    return [kind]


def entries(value, kind):
    """Per scalar of a type the values and nulls that a Parquet column has for one row."""
    if kind[0] == "struct" and value is not None:
        return [part for (_, field), inner in zip(kind[1], value) for part in entries(inner, field)]
    if kind[0] in ("list", "map") and value:
        parts = [entries(pair, ("struct", [("key", kind[1]), ("value", kind[2])])) if kind[0] == "map" else entries(pair, kind[1]) for pair in value]
        return [sum(column, []) for column in zip(*parts)]
    return [[None] for _ in leaves(kind)] if isinstance(kind, tuple) else [[value]]


def compare(path, expected_path, with_duckdb=True, session=None):
    """The differences as texts; none is right."""
    expected = json.load(open(expected_path))
    faults = []
    file = pq.ParquetFile(path, page_checksum_verification=True)
    if file.metadata.num_rows != expected["rows"]:
        faults.append(f"{path}: {file.metadata.num_rows} rows for {expected['rows']}")
    table = file.read()
    table.validate(full=True)
    for column in expected["columns"]:
        column["type"] = parse(column["type"])
    place = 0
    for index, column in enumerate(expected["columns"]):
        kind = column["type"]
        field = table.schema.field(index)
        wanted = arrow_type(kind, expected["int96"])
        if field.name != column["name"] or not is_type(field.type, wanted):
            faults.append(f"{path}: column {field.name} is {field.type}, not {wanted}")
        found = from_arrow(table.column(index), kind)
        faults += differences(path, "pyarrow", column, found)
        for part, leaf in enumerate(leaves(kind)):
            faults += check_bounds(path, file, place, part, column, leaf)
            place += 1
    if with_duckdb:
        session = session or duckdb.connect(config={"threads": 1})
        names = ", ".join(select(quoted(column["name"]), column["type"]) for column in expected["columns"])
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


def check_bounds(path, file, index, part, column, kind):
    """Statistics are right: bounds hold, exact ones are met, nulls are counted."""
    faults = []
    first = 0
    for group in range(file.metadata.num_row_groups):
        chunk = file.metadata.row_group(group).column(index)
        rows = column["values"][first:first + file.metadata.row_group(group).num_rows]
        first += len(rows)
        values = [value for row in rows for value in entries(row, column["type"])[part]]
        place = f"{path}: {column['name']} ({part}) of group {group}"
        if chunk.num_values != len(values):
            faults.append(f"{place}: {chunk.num_values} values, not {len(values)}")
        statistics = chunk.statistics
        if statistics is None:
            continue
        if statistics.null_count != sum(value is None for value in values):
            faults.append(f"{place}: null count {statistics.null_count}")
        if not statistics.has_min_max or kind not in ("int32", "int64", "string", "bytes", "json"):
            continue
        present = [value for value in values if value is not None]
        if kind in ("int32", "int64"):
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


