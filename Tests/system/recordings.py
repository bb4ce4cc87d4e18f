#!/usr/bin/env python3
"""What Maxwell, Debezium and Canal recorded of a database, through the programs into its tables; DuckDB reads them.

    recordings.py FOLDER [--only NAME] [--way files|agent|topic] [--dates text|typed]
                  [--tool-zone ZONE] [--session-zone ZONE]

FOLDER holds recordings, `<tool>[-<anything>].jsonl[.xz]`, a record a line (Debezium's as `{"topic", "key", "value"}`),
and `expected/`: `columns.tsv` (information_schema), `truncated.tsv`, and `<database>.<table>.tsv[.xz]`, rows as the
server prints them. Every table must end in the expected rows; where a tool loses something (tool_losses.py), `sync status` must
name it. Nothing here knows how the programs read the records.

Ways: `files`: `millrace run` reads the recording as a file; `agent`: an agent ships the file into Kafka, a collector
takes it; `topic`: the records lie in topics as the tool would have put them, key and all.
"""
import argparse
import collections
import datetime
import json
import lzma
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Kafka, Skip, Workspace, check, need, query, run  # noqa: E402
from tool_losses import lost  # noqa: E402

# Tables that a recording cannot end in, and why (the recordings' own page says so).
# Faults of a table that are shown.
FAULTS = 2
BEYOND = {"debezium-extras": {
    "xtra.x_child_cascade": "cascades are in no row event", "xtra.x_child_setnull": "cascades are in no row event",
    "xtra.x_stmt": "statements are in no row event", "xtra.x_xa": "Debezium emits what was rolled back",
    "xtra.x_zip": "Debezium misses compressed updates"}}


def read(path):
    """A file's bytes, compressed or not."""
    packed = path.with_name(path.name + ".xz")
    return lzma.open(packed).read() if packed.exists() else path.read_bytes()


def records(text):
    """Whole records: Maxwell puts a JSON column with line breaks into its record as it is."""
    whole, part = [], b""
    for line in text.split(b"\n"):
        part += line
        try:
            json.loads(part)
        except ValueError:
            if part:
                part += b"\n"
            continue
        whole.append(part)
        part = b""
    return whole


class Recording:
    def __init__(self, folder, name):
        self.name, self.tool = name, name.split("-")[0]
        self.text = read(folder / f"{name}.jsonl")
        self.records = records(self.text)
        self.tables = collections.Counter()
        # Whether TRUNCATE is in it: Maxwell has none, Debezium if it is told to.
        self.has_truncate = self.tool == "canal"
        for text in self.records:
            record = json.loads(text)
            value = record
            if self.tool == "debezium":
                value = record.get("value", record) or {}
                value = value.get("payload", value) or {}
                self.has_truncate |= value.get("op") == "t"
                where = value.get("source") or {}
                if "op" in value:
                    self.tables[f"{where.get('db')}.{where.get('table')}"] += 1
            elif record.get("data") and record.get("type", "").upper() not in ("QUERY",):
                self.tables[f"{record['database']}.{record['table']}"] += 1


def recordings(folder):
    names = sorted({path.name.split(".jsonl")[0] for path in folder.glob("*.jsonl*")})
    return [name for name in names if name.split("-")[0] in ("maxwell", "debezium", "canal")]


# What is expected.

class Expected:
    def __init__(self, folder):
        self.folder = folder / "expected"
        self.columns = collections.defaultdict(list)
        lines = (self.folder / "columns.tsv").read_text().splitlines()
        names = lines[0].split("\t")
        for line in lines[1:]:
            column = dict(zip(names, line.split("\t")))
            self.columns[f"{column['database']}.{column['table']}"].append(column)
        truncated = self.folder / "truncated.tsv"
        self.truncated = {line.replace("\t", ".") for line in truncated.read_text().splitlines()[1:]} \
            if truncated.exists() else set()

    def tables(self):
        known = {"columns", "row_counts", "change_counts", "truncated"}
        names = {path.name.split(".tsv")[0] for path in self.folder.glob("*.tsv*")}
        return sorted(names - known)

    def rows(self, table):
        lines = read(self.folder / f"{table}.tsv").decode().split("\n")
        return lines[0].split("\t"), [tuple(line.split("\t")) for line in lines[1:] if line]


# What is there.

def escaped(name):
    """As docs/formats/change-log.md says that names become folders."""
    end = len(name) - len("_changes") if name.lower().endswith("_changes") else -1
    return "".join(
        letter if letter.isalnum() or letter == "-" or ord(letter) >= 0x80 or (letter == "_" and at not in (0, end))
        else "%%%02X" % ord(letter) for at, letter in enumerate(name))


def newest(warehouse, table):
    """The folder of the newest day of a table that readers see, or None."""
    database, name = table.split(".", 1)
    days = sorted((pathlib.Path(warehouse) / escaped(database) / escaped(name)).glob("dt=*"))
    return days[-1] if days else None


def cell(value, column):
    """A value as `expected/` writes it."""
    kind, full = column["data_type"], column["column_type"]
    if value is None:
        return "\\N"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex().upper()
    if isinstance(value, datetime.datetime):
        value = value.replace(tzinfo=None)
        digits = int(full[full.index("(") + 1:full.index(")")]) if "(" in full else 0
        text = value.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
        return text + ("." + f"{value.microsecond:06}"[:digits] if digits else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)
    if kind == "decimal" or not isinstance(value, str):
        return str(value) if isinstance(value, (str, int)) else format(value, "f")
    for symbol, name in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"), ("\0", "\\0")):
        value = value.replace(symbol, name)
    return value


def same(found, expected, column):
    if found == expected:
        return True
    if column["data_type"] in ("float", "double", "year") and "\\N" not in (found, expected):
        return float(found) == float(expected)
    return False


def plain(text, column):
    """What two equal cells have in common, for looking rows up."""
    if column["data_type"] in ("float", "double", "year") and text != "\\N":
        return float(text)
    return text


def compare(tool, columns, found, expected, dates):
    """(faults, {name of a loss: cells}, rows that are too many)"""
    key = [at for at, column in enumerate(columns) if column["key"] == "PRI"] or list(range(len(columns)))
    losses = collections.Counter()
    faults = []
    by_key = collections.defaultdict(list)
    for row in found:
        by_key[tuple(plain(row[at], columns[at]) for at in key)].append(row)

    def difference(row, other):
        """Losses between two rows, or the first cell that nothing explains."""
        names = []
        for column, left, right in zip(columns, other, row):
            if same(left, right, column):
                continue
            name = lost(tool, column, left, right, dates)
            if name is None:
                return None, f"{column['column']} ({column['column_type']}): {left!r} for {right!r}"
            names.append(name)
        return names, None

    open_rows = []
    for row in expected:
        others = by_key.get(tuple(plain(row[at], columns[at]) for at in key))
        if not others:
            open_rows.append(row)
            continue
        names, fault = difference(row, others.pop())
        if fault:
            faults.append(fault)
        losses.update(names or [])
    # Rows that are told apart by what the tool distorts.
    rest = [row for rows in by_key.values() for row in rows]
    for row in open_rows:
        for at, other in enumerate(rest):
            names, fault = difference(row, other)
            if not fault:
                losses.update(names)
                del rest[at]
                break
        else:
            faults.append(f"missing {row}")
    return faults, losses, rest


def tables_of(space, config, tool, recording, expected, dates):
    """Compares all tables; returns (tables compared, cells lost by name)."""
    status = json.loads(run("millrace", "sync", "status", "--config", config, "--json").stdout)["syncs"][0]
    named = {table["table"]: table for table in status["tables"]}
    unseen = " ".join(status.get("not_in_records", []))
    faults, compared, absent, total, notes = [], 0, 0, collections.Counter(), []
    beyond = BEYOND.get(recording.name, {})
    for table in expected.tables():
        if table in beyond:
            notes.append(f"{table}: {beyond[table]}")
            continue
        names, rows = expected.rows(table)
        if not recording.tables[table]:
            absent += bool(rows)
            continue
        columns = expected.columns[table]
        folder = newest(space / "warehouse", table)
        if folder is None:
            faults.append(f"{table}: no folder")
            continue
        source = f"read_parquet('{folder}/part-*', hive_partitioning=false)"
        if not list(folder.glob("part-*")):
            found_names, found = names, []
        else:
            found_names = [row[0] for row in query(f"DESCRIBE SELECT * FROM {source}")]
            # Why no time zone: without pytz DuckDB has no such values for Python.
            listed = ", ".join(
                '"' + name.replace('"', '""') + '"' + ("::timestamp" if "TIMESTAMP" in kind else "")
                for name, kind, *_ in query(f"DESCRIBE SELECT * FROM {source}"))
            found = [tuple(map(cell, row, columns)) for row in query(f"SELECT {listed} FROM {source}")]
        if [name.lower() for name in found_names] != [name.lower() for name in names]:
            faults.append(f"{table}: columns {found_names} for {names}")
            continue
        bad, losses, extra = compare(tool, columns, found, rows, dates)
        if extra and table in expected.truncated and not recording.has_truncate:
            notes.append(f"{table}: {len(extra)} rows stay, for the tool left TRUNCATE out")
            check("TRUNCATE" in unseen, f"sync status does not say that {tool} has no TRUNCATE: {status.keys()}")
            extra = []
        bad += [f"too many: {row}" for row in extra]
        faults += [f"{table}: {len(bad)} faults, such as {fault}" for fault in bad[:FAULTS]]
        said = named.get(f"{escaped(table.split('.')[0])}.{escaped(table.split('.', 1)[1])}", {}).get("losses", {})
        for names, count in losses.items():
            if not any(name in said or name.startswith("docs:") for name in names):
                faults.append(f"{table}: {count} cells lost by {names}, but sync status says {said}")
            total[names[0]] += count
        compared += 1
    check(not faults, f"{recording.name}: {len(faults)} faults:\n      " + "\n      ".join(faults[:40]))
    check(compared >= 1, "no table was compared")
    if absent:
        notes.append(f"{absent} tables are not in the recording")
    return compared, total, notes


# The ways in.

def configuration(space, tool, dates, zones, more, sync_more=""):
    """`zones`: `tool_zone` and `session_zone`, those that are known."""
    zone = "".join(f", {key}: {value}" for key, value in (zones or {}).items() if value)
    return space.write("millrace.yaml", f"""
{more}
warehouse: {{path: {space.path}/warehouse}}
commit: {{interval: 1s}}
syncs: [{{name: live, format: {tool}, dates: {dates}{zone}{sync_more}}}]
log: {{level: warning}}
""")


def by_files(space, recording, dates, zones):
    space.write("in/a.jsonl", recording.text)
    config = configuration(space, recording.tool, dates, zones, f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"], max_record: 4MiB}}]""")
    run("millrace", "run", "--once", "--config", config, timeout=1200)
    return config


def by_agent(space, recording, dates, zones, kafka):
    # Longest records: a statement's rows in one message (Canal), columns of a megabyte.
    kafka.create("changes", 3, "max.message.bytes=16777216")
    kafka.create_all({})
    space.write("in/a.jsonl", recording.text)
    agent = space.write("agent.yaml", f"""
agent: {{name: shop, state_dir: {space.path}/state}}
kafka: {{brokers: "{kafka.address}", properties: {{message.max.bytes: 8388608}}}}
sources: [{{name: changes, topic: changes, include: ["{space.path}/in/*.jsonl"], max_record: 2MiB}}]
log: {{level: warning}}
""")
    run("millrace-agent", "--config", agent, "--once", timeout=1200)
    config = configuration(
        space, recording.tool, dates, zones, f'kafka: {{brokers: "{kafka.address}"}}\ngroup: live',
        ", topics: [changes]")
    run("millrace-collector", "--config", config, "--until-caught-up", timeout=1200)
    return config


def by_topic(space, recording, dates, zones, kafka):
    topics = fill(kafka, recording.tool, recording.records)
    config = configuration(
        space, recording.tool, dates, zones, f'kafka: {{brokers: "{kafka.address}"}}\ngroup: live',
        f", topics: {json.dumps(topics)}")
    run("millrace-collector", "--config", config, "--until-caught-up", timeout=1200)
    return config


def fill(kafka, tool, texts, partitions=3, create=True, salt=""):
    """Puts records into topics as the tool does; returns the topics' names."""
    need("kcat")
    topics = collections.defaultdict(list)
    for text in texts:
        topic, key, value = placed(tool, text)
        topics[topic].append(key + salt.encode() + b"\x1f" + value + b"\x1e")
    if create:
        # Why one: a schema's changes, and Canal's messages, have an order of their own.
        for topic in topics:
            is_one = tool == "canal" or tool == "debezium" and topic.count(".") < 2
            kafka.create(topic, 1 if is_one else partitions, "max.message.bytes=16777216")
        kafka.create_all({})
    for topic, lines in topics.items():
        subprocess.run(
            ["kcat", "-P", "-b", kafka.address, "-t", topic, "-K", "\x1f", "-D", "\x1e", "-Z", "-z", "lz4", "-X",
             "partitioner=murmur2_random", "-X", "queue.buffering.max.messages=1000000", "-X", "message.max.bytes=16000000"],
            input=b"".join(lines), check=True, stderr=subprocess.DEVNULL)
    return sorted(topics)


def placed(tool, text):
    """(topic, key, value) of a record; b'' is null."""
    if tool == "debezium":
        record = json.loads(text)
        return record["topic"], compact(record["key"]), compact(record["value"])
    record = json.loads(text)
    if tool == "canal":
        return "canal", b"", text
    # As `producer_partition_by: table` does.
    return "maxwell", f"{record['database']}.{record.get('table', '')}".encode(), text


def compact(value):
    return b"" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def through(folder, name, way, dates="text", zones=None, expected=None):
    """One recording, one way. Returns (tables compared, cells lost by name, notes)."""
    recording = Recording(folder, name)
    expected = expected or Expected(folder)
    with Workspace(f"recording-{name}-{way}") as space:
        if way == "files":
            config = by_files(space, recording, dates, zones)
            return after(space, config, recording, expected, dates)
        with Kafka(space / "kafka") as kafka:
            config = (by_agent if way == "agent" else by_topic)(space, recording, dates, zones, kafka)
            return after(space, config, recording, expected, dates)


def after(space, config, recording, expected, dates):
    audit = json.loads(run("millrace", "audit", "--config", config, "--json", code=None).stdout)["pipelines"][0]
    check(audit["balance"]["quarantined"] == 0, f"{recording.name}: refused: {audit.get('rejections')}")
    run("millrace", "sync", "run", "--config", config, timeout=1200)
    return tables_of(space, config, recording.tool, recording, expected, dates)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", action="append")
    parser.add_argument("--way", action="append", choices=["files", "agent", "topic"])
    parser.add_argument("--dates", default="text", choices=["text", "typed"])
    parser.add_argument("--tool-zone", help="the time zone of the machine that Maxwell or Canal ran on")
    parser.add_argument("--session-zone", help="the time zone of the sessions that altered tables")
    options = parser.parse_args()
    zones = {"tool_zone": options.tool_zone, "session_zone": options.session_zone}
    expected = Expected(options.folder)
    failed = 0
    names = [name for name in recordings(options.folder) if not options.only or name in options.only]
    for name in names:
        for way in options.way or ["files", "agent", "topic"]:
            try:
                compared, losses, notes = through(
                    options.folder, name, way, options.dates, zones, expected)
            except Skip as reason:
                print(f"skip  {name} by {way}: {reason}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAIL  {name} by {way}: {error}", flush=True)
            else:
                print(f"ok    {name} by {way}: {compared} tables; cells that the tool lost: {dict(losses) or 'none'}",
                      flush=True)
                for note in notes:
                    print(f"      {note}", flush=True)
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
