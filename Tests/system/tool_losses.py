"""What the tools lose: the name that `sync status` must say, or None: nothing explains the difference. The text behind
`docs:` is a loss that no record shows, which the documentation names.
"""
import datetime
import decimal


def is_zero_date(text):
    parts = text[:10].split("-")
    return len(parts) == 3 and "00" in parts[1:]


def is_far_time(text):
    return text.startswith("-") or int(text.split(":")[0]) >= 24


def is_other_charset(column):
    return column["charset"] not in ("\\N", "") and not column["charset"].startswith(("utf", "ucs"))


def lost(tool, column, found, expected, dates):
    kind, full = column["data_type"], column["column_type"]
    is_date = kind in ("date", "datetime", "timestamp")
    if is_date and dates == "typed" and found == "\\N" and (is_zero_date(expected) or no_such_day(expected)):
        return ("zero_date", "moved_date", "null_date")
    if "\ufffd" in found and "\ufffd" not in expected:
        # The column may have had another character set then.
        return ("destroyed_text",) if tool == "canal" else ("replaced_text",)
    rule = {"maxwell": lost_by_maxwell, "debezium": lost_by_debezium, "canal": lost_by_canal}[tool]
    names = rule(column, kind, full, found, expected)
    return (names,) if isinstance(names, str) else names


def no_such_day(text):
    try:
        datetime.date.fromisoformat(text[:10])
    except ValueError:
        return True
    return False


def lost_by_maxwell(column, kind, full, found, expected):
    if kind == "bit" and int(full[4:-1]) > 31:
        return "wide_bits"
    if kind == "time" and is_far_time(expected):
        return "time_of_day"
    if kind in ("json", "longtext") and (found, expected) == ("\\N", "null"):
        return "json_null", "docs: JSON null"
    if kind == "enum" and (found, expected) == ("\\N", ""):
        return "docs: empty ENUM"
    if kind in ("date", "datetime", "timestamp"):
        if is_zero_date(expected) and found.startswith("0000-00-00") or expected.startswith("1582-10"):
            return "moved_date"
    if found.startswith("00000000") and found[8:] == expected[8:] and kind in GEOMETRIES:
        return "missing_srid"
    return None


GEOMETRIES = (
    "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
    "geomcollection")


def wrapped(text):
    """What 64 bits of nanoseconds make of a time that they cannot count; None if they can."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    micros = (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)
    nanos = (micros * 1000 + 2**63) % 2**64 - 2**63
    if nanos == micros * 1000:
        return None
    near = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=-(-nanos // 1000) if nanos < 0 else nanos // 1000)
    digits = len(text) - 20
    return near.strftime("%Y-%m-%d %H:%M:%S") + (f".{near.microsecond:06}"[:digits + 1] if digits > 0 else "")


def lost_by_debezium(column, kind, full, found, expected):
    if kind in ("date", "datetime", "timestamp"):
        if found == "\\N" and is_zero_date(expected):
            return "null_date"
        year = int(expected[:4]) if expected[:4].isdigit() else 9999
        if found == wrapped(expected):
            return "docs: years beyond those that nanoseconds count"
        if len(expected) > 23 and found == expected[:23] + "0" * (len(expected) - 23):
            return "cut_fraction"
        cut = expected[:23] + "0" * (len(expected) - 23)
        if year < 100 and found[4:] in (expected[4:], cut[4:]) and int(found[:4]) == (2000 if year < 70 else 1900) + year:
            return "docs: years below 100"
    if kind == "time" and found == "\\N" and expected != "\\N" and is_far_time(expected):
        return "null_time"
    if kind == "time" and "." in expected and len(expected.split(".")[1]) > 3:
        if found.lstrip("-") == (expected[:-3] + "000").lstrip("-"):
            return "cut_fraction"
    if kind == "decimal" and "\\N" not in (found, expected):
        if abs(decimal.Decimal(found) - decimal.Decimal(expected)) <= abs(decimal.Decimal(expected)) / 10**15:
            return "rounded_decimal"
    if kind == "float" and "\\N" not in (found, expected):
        if abs(float(found) - float(expected)) <= abs(float(expected)) * 5e-6:
            return "float_digits"
    if kind == "year" and (found, expected) == ("2000", "0000"):
        return "zero_year"
    if kind == "tinyint" and found == "1" and expected not in ("0", "\\N"):
        return "boolean"
    if expected == "\\N" and found != "\\N":
        return "null_or_default"
    return None


def lost_by_canal(column, kind, full, found, expected):
    if is_other_charset(column) and not expected.isascii():
        return "destroyed_text"
    return None


# The comparison of one table.
