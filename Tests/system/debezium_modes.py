#!/usr/bin/env python3
"""Debezium's records as the connector writes them in another mode, out of a recording with envelope schemas.

    debezium_modes.py RECORDING OUT [--time MODE] [--decimal MODE] [--binary MODE] [--plain] [--no-ddl]

Modes are those of the connector's `time.precision.mode`, `decimal.handling.mode` and `binary.handling.mode`; what a
mode makes of a value and of its field's schema follows JdbcValueConverters and BinlogValueConverters of Debezium 3.5.
`--plain`: as with `schemas.enable=false`. `--no-ddl`: without the connector's topic of schema changes.
"""
import argparse
import base64
import datetime
import json
import lzma
import pathlib

DAY = 86_400_000_000
CONNECT = "org.apache.kafka.connect.data."
# What a mode counts times in: units in a microsecond's place, names of fields and their types.
COUNTED = {
    "connect": ((-1000, CONNECT + "Time", "int32"), (-1000, CONNECT + "Timestamp", "int64"), CONNECT + "Date"),
    "microseconds": (
        (1, "io.debezium.time.MicroTime", "int64"), (1, "io.debezium.time.MicroTimestamp", "int64"),
        "io.debezium.time.Date"),
    "nanoseconds": (
        (1000, "io.debezium.time.NanoTime", "int64"), (1000, "io.debezium.time.NanoTimestamp", "int64"),
        "io.debezium.time.Date"),
}
STAMPS = {"io.debezium.time.Timestamp": 1000, "io.debezium.time.MicroTimestamp": 1}


def counted(micros, unit, is_time):
    """Microseconds in a mode's unit, as 64 bits hold them; a TIME's digits are cut off, an instant's go down."""
    if unit < 0:
        return -(-micros // -unit) if is_time and micros < 0 else micros // -unit
    return (micros * unit + 2**63) % 2**64 - 2**63


def iso_fraction(micros):
    return ("." + f"{micros:06}".rstrip("0")) if micros else ""


def iso_stamp(micros):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + iso_fraction(moment.microsecond) + "Z"


def iso_time(micros):
    """None where there is no such time of day."""
    if not 0 <= micros < DAY:
        return None
    seconds, rest = divmod(micros, 1_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{iso_fraction(rest)}Z"


class Modes:
    def __init__(self, time=None, decimal=None, binary=None):
        self.time, self.decimal, self.binary = time, decimal, binary

    def field(self, field):
        """(the field's schema, what makes a value of one that is not null)"""
        name, parameters = field.get("name"), field.get("parameters", {})
        if self.time and (name in STAMPS or name in ("io.debezium.time.MicroTime", "io.debezium.time.Date")):
            return self.temporal(field, name)
        if self.decimal and name == CONNECT + "Decimal":
            scale = int(parameters.get("scale", 0))
            rest = {key: field[key] for key in ("optional", "field") if key in field}
            text = {"type": "string" if self.decimal == "string" else "double", **rest}
            return text, lambda value: number(value, scale, self.decimal)
        if self.binary and field["type"] == "bytes" and name is None:
            return {**field, "type": "string"}, lambda value: binary(value, self.binary)
        return field, None

    def temporal(self, field, name):
        if self.time == "isostring":
            names = {"io.debezium.time.MicroTime": "IsoTime", "io.debezium.time.Date": "IsoDate"}
            schema = {**field, "type": "string", "name": "io.debezium.time." + names.get(name, "IsoTimestamp")}
            if name == "io.debezium.time.MicroTime":
                return schema, iso_time
            if name == "io.debezium.time.Date":
                return schema, lambda days: iso_stamp(days * DAY)[:10] + "Z"
            return schema, lambda value: iso_stamp(value * STAMPS[name])
        time, stamp, date = COUNTED[self.time]
        if name == "io.debezium.time.Date":
            return {**field, "name": date}, None
        is_time = name == "io.debezium.time.MicroTime"
        unit, other, word = time if is_time else stamp
        factor = STAMPS.get(name, 1)
        return {**field, "name": other, "type": word}, lambda value: counted(value * factor, unit, is_time)

    def struct(self, schema):
        """(a row's schema, {name: what makes the value})"""
        made, rules = [], {}
        for field in schema["fields"]:
            field, rule = self.field(field)
            made.append({key: value for key, value in field.items() if key != "default"} if rule else field)
            if rule:
                rules[field["field"]] = rule
        return {**schema, "fields": made}, rules

    def document(self, part, names):
        """An envelope, or a key (no names): in place."""
        schema = part["schema"]
        if not names:
            part["schema"], rules = self.struct(schema)
            convert(part["payload"], rules)
            return
        for at, field in enumerate(schema["fields"]):
            if field["field"] in names and field["type"] == "struct":
                schema["fields"][at], rules = self.struct(field)
                convert(part["payload"].get(field["field"]), rules)


def convert(row, rules):
    for name, rule in rules.items():
        if row and row.get(name) is not None:
            row[name] = rule(row[name])


def number(value, scale, mode):
    unscaled = int.from_bytes(base64.b64decode(value), "big", signed=True)
    digits = str(abs(unscaled)).rjust(scale + 1, "0")
    text = ("-" if unscaled < 0 else "") + (digits[:-scale] + "." + digits[-scale:] if scale else digits)
    return text if mode == "string" else float(text)


def binary(value, mode):
    raw = base64.b64decode(value)
    if mode == "hex":
        return raw.hex()
    return (base64.urlsafe_b64encode(raw) if mode == "base64-url-safe" else base64.b64encode(raw)).decode()


def rewrite(source, target, modes, plain=False, ddl=True):
    """Writes a recording anew; returns the number of its records."""
    opened = lzma.open(source, "rt") if str(source).endswith(".xz") else open(source)
    count = 0
    with opened as lines, open(target, "w") as out:
        for line in lines:
            record = json.loads(line)
            is_row = "op" in ((record.get("value") or {}).get("payload") or {})
            is_ddl = "ddl" in ((record.get("value") or {}).get("payload") or {})
            if is_ddl and not ddl:
                continue
            if is_row:
                modes.document(record["value"], ("before", "after"))
            if record.get("key") and not is_ddl:
                modes.document(record["key"], ())
            if plain:
                for part in ("key", "value"):
                    record[part] = record[part] and record[part]["payload"]
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
            count += 1
    return count


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--time", choices=[*COUNTED, "isostring"])
    parser.add_argument("--decimal", choices=["string", "double"])
    parser.add_argument("--binary", choices=["hex", "base64", "base64-url-safe"])
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--no-ddl", action="store_true")
    given = parser.parse_args()
    print(rewrite(
        given.source, given.target, Modes(given.time, given.decimal, given.binary), given.plain, not given.no_ddl))
