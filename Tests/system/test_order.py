"""Changes that come out of order: clocks, quarantine, other partitions, kills; the states are those of a quiet delivery."""
import collections
import json
import subprocess
import sys
import time

import recordings
from harness import Kafka, Workspace, audit, check, is_caught_up, long, need, query, run, seeded
from tool_records import DAY, START, TOOLS, writer

ORDER = {"id": "int NOT NULL", "what": "varchar(20)"}


def states(warehouse):
    """{(table, day): rows}: everything that readers of plain folders see of the tables."""
    found = {}
    for folder in sorted(warehouse.glob("*/*/dt=*")):
        if folder.parent.name.endswith("_changes"):
            continue
        files = f"read_parquet('{folder}/part-*', hive_partitioning=false)"
        rows = query(f"SELECT * FROM {files}") if list(folder.glob("part-*")) else []
        found[f"{folder.parent.parent.name}.{folder.parent.name}", folder.name[3:]] = collections.Counter(map(str, rows))
    return found


def log_of(warehouse):
    """Every row of every change log, without where its record lay and what its place without a position is."""
    return collections.Counter(query(f"""
        SELECT * EXCLUDE (topic, topic_partition, topic_offset, event) REPLACE (epoch_us(committed) AS committed)
        FROM read_parquet('{warehouse}/*/*_changes/dt=*/part-*', hive_partitioning=true)"""))


def embedded(space, tool, sources, takes, name="millrace.yaml"):
    listed = "".join(f"  - {{name: {source}, topic: changes, include: [\"{space.path}/in/{source}.jsonl\"]}}\n" for source in sources)
    return space.write(name, f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources:
{listed}warehouse: {{path: {space.path}/warehouse}}
syncs: [{{name: shop, format: {tool}, sources: {json.dumps(takes)}}}]
log: {{level: warning}}
""")


def test_a_clock_that_steps_back_over_midnight_moves_no_change_to_another_day():
    for tool in TOOLS:
        with Workspace(f"clock-{tool}") as space:
            records = writer(tool)
            records.create("t", ORDER, ["id"])
            records.insert("t", {"id": 1, "what": "tea"})
            records.now = START + 13 * 3_600  # 01:00 of the next day
            records.insert("t", {"id": 2, "what": "cup"})
            records.now = START + 11 * 3_600  # 23:00: the clock stepped back
            records.delete("t", {"id": 2, "what": "cup"})
            records.insert("t", {"id": 3, "what": "pot"})
            records.now = START + 2 * DAY
            records.insert("t", {"id": 4, "what": "jug"})
            space.write("in/a.jsonl", records.take())
            config = embedded(space, tool, ["a"], ["a"])
            run("millrace", "run", "--once", "--config", config)
            run("millrace", "sync", "run", "--config", config)
            found = {day: sorted(rows) for (_, day), rows in states(space / "warehouse").items()}
            check(found == {
                "2025-11-20": ["(1, 'tea')"], "2025-11-21": ["(1, 'tea')", "(3, 'pot')"],
                "2025-11-22": ["(1, 'tea')", "(3, 'pot')", "(4, 'jug')"]}, f"{tool}: {found}")


def test_a_delete_that_comes_out_of_quarantine_a_day_late_is_right_on_every_day():
    for tool in TOOLS:
        with Workspace(f"late-{tool}") as space:
            records = writer(tool)
            records.create("t", ORDER, ["id"])
            rows = [{"id": number, "what": "tea"} for number in range(1, 5)]
            records.insert("t", *rows)
            before = records.take()
            if tool == "canal":
                # Several rows in one event.
                records.rows("DELETE", "t", rows[1:3])
            else:
                for row in rows[1:3]:
                    records.delete("t", row)
            deletes = records.take()
            records.now = START + DAY
            records.update("t", rows[3], {"id": 4, "what": "jam"})
            space.write("in/a.jsonl", before + records.take())
            space.write("in/b.jsonl", deletes)
            config = embedded(space, tool, ["a", "b"], ["a"])
            run("millrace", "run", "--once", "--config", config)
            run("millrace", "sync", "run", "--config", config)
            found = states(space / "warehouse")
            check(sum(found["shop.t", "2025-11-20"].values()) == 4, f"{tool}: {found}")
            check(audit(config)["pipelines"][0]["balance"]["quarantined"] == len(deletes.splitlines()), "refused")
            config = embedded(space, tool, ["a", "b"], ["a", "b"])
            run("millrace", "quarantine", "replay", "--all", "--config", config)
            run("millrace", "sync", "run", "--config", config)
            found = {day: sorted(rows) for (_, day), rows in states(space / "warehouse").items()}
            if tool == "canal":
                # Without a position a change stands where it lay, here in another file: it is kept, each row of it, and
                # what contradicts it is counted.
                kept = query(f"SELECT entry, before FROM read_parquet('{space.path}/warehouse/shop/t_changes/*/*') "
                             "WHERE op = 'delete' ORDER BY 1")
                check(kept == [(0, '{"id": "2", "what": "tea"}'), (1, '{"id": "3", "what": "tea"}')], f"{kept}")
            else:
                check(found == {"2025-11-20": ["(1, 'tea')", "(4, 'tea')"], "2025-11-21": ["(1, 'tea')", "(4, 'jam')"]},
                      f"{tool}: {found}")


def test_a_record_over_several_lines_is_whole_wherever_packs_end():
    with Workspace("documents") as space:
        records = writer("maxwell")
        records.create("t", {"id": "int NOT NULL", "doc": "json"}, ["id"])
        for number in range(400):
            records.insert("t", {"id": number, "doc": 0})
        lines = records.take().splitlines(keepends=True)
        text = lines[0] + "".join(
            line.replace('"doc": 0', '"doc": {\n  "a": [\n    {"b": "}"},\n    ' + str(number) + "]\n}")
            for number, line in enumerate(lines[1:]))
        space.write("in/a.jsonl", text)
        config = space.write("millrace.yaml", f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: a, include: ["{space.path}/in/a.jsonl"], pack: 1KiB}}]
warehouse: {{path: {space.path}/warehouse}}
syncs: [{{name: shop, format: maxwell}}]
log: {{level: warning}}
""")
        run("millrace", "run", "--once", "--config", config)
        balance = audit(config, code=0)["pipelines"][0]["balance"]
        check(balance["quarantined"] == 0 and balance["written"] == 401, f"{balance}")
        run("millrace", "sync", "run", "--config", config)
        found = query(f"SELECT count(*), sum(json_extract(doc, '$.a[1]')::int) FROM read_parquet('{space.path}/warehouse/shop/t/*/part-*')")
        check(found == [(400, sum(range(400)))], f"{found}")


# The whole topic three times, shuffled over partitions, with kills.

def history(tool, seed, count):
    """Changes of several tables over three days, some of them twins, with changes of keys and a late column."""
    chance = seeded(seed)
    records = writer(tool)
    tables = {"orders": ["id"], "lines": ["id", "what"], "cart": []}
    rows = {}
    for table, key in tables.items():
        records.create(table, ORDER, key)
        rows[table] = []
    for step in range(count):
        records.now = START + step * 3 * DAY // count
        table = chance.choice(list(tables))
        have = rows[table]
        what = chance.choice(["tea", "cup", "pot", None])
        if table == "lines":
            what = what or "none"
        if not have or chance.random() < 0.5:
            row = {"id": step if tables[table] else chance.randrange(3), "what": what}
            records.insert(table, row)
            have.append(row)
        elif chance.random() < 0.6:
            at = chance.randrange(len(have))
            row = {"id": step + 1_000_000 if chance.random() < 0.2 else have[at]["id"], "what": what}
            if row == have[at]:
                continue
            records.update(table, have[at], row)
            have[at] = row
        else:
            records.delete(table, have.pop(chance.randrange(len(have))))
    return [line.encode() for line in records.take().splitlines()]


def shuffled(kafka, tool, lines, topics, salt):
    """Every table's records into one partition of its topic; which one depends on the salt."""
    need("kcat")
    by_place = collections.defaultdict(list)
    for text in lines:
        topic, key, value = recordings.placed(tool, text)
        if tool == "debezium" and topic != "live":
            topic = "changes"
        record = json.loads(text)
        source = record.get("value", record) or record
        table = record.get("table") or (source.get("source") or {}).get("table") or topic.split(".")[-1]
        place = 0 if topics[topic] == 1 else sum(f"{table}{salt}".encode()) % topics[topic]
        by_place[topic, place].append(key + b"\x1f" + value + b"\x1e")
    for (topic, place), texts in by_place.items():
        subprocess.run(["kcat", "-P", "-b", kafka.address, "-t", topic, "-p", str(place), "-K", "\x1f", "-D", "\x1e", "-Z"],
                       input=b"".join(texts), check=True, stderr=subprocess.DEVNULL)


def collector(space, kafka, tool, topics, warehouse):
    # Debezium spreads by key unless it is said that a table stays in one partition.
    spread = ", spread: table" if tool == "debezium" else ""
    return space.write(f"{warehouse}.yaml", f"""
kafka: {{brokers: "{kafka.address}"}}
group: {warehouse}
warehouse: {{path: {space.path}/{warehouse}}}
commit: {{interval: 200ms}}
syncs: [{{name: live, topics: {json.dumps(list(topics))}, format: {tool}{spread}}}]
log: {{level: warning}}
""")


def torture(tool, kills, count, kafka, space):
    chance = seeded(kills)
    topics = {"maxwell": {"maxwell": 4}, "canal": {"canal": 1}, "debezium": {"live": 1, "changes": 4}}[tool]
    for topic, partitions in topics.items():
        kafka.create(topic, partitions)
    lines = history(tool, 7, count)
    shuffled(kafka, tool, lines, topics, 0)
    quiet = collector(space, kafka, tool, topics, f"quiet-{tool}")
    run("millrace-collector", "--config", quiet, "--until-caught-up")
    run("millrace", "sync", "run", "--config", quiet)
    config = collector(space, kafka, tool, topics, f"torture-{tool}")
    deliveries = 3
    for round in range(deliveries):
        if round > 0:
            shuffled(kafka, tool, lines, topics, round)
        for _ in range(kills // deliveries):
            daemon = space.daemon("millrace-collector", "--config", config, log=f"collector-{tool}.log")
            time.sleep(chance.uniform(0.1, 1.5))
            daemon.kill()
    # It waits for the partitions that killed collectors hold until their sessions end.
    run("millrace-collector", "--config", config, "--until-caught-up")
    check(is_caught_up(config), f"{tool}: not all is read")
    run("millrace", "sync", "run", "--config", config)
    wanted, found = log_of(space / f"quiet-{tool}"), log_of(space / f"torture-{tool}")
    if tool == "canal":
        # No record says where it stands: what comes again is a new change, in the order in which it came.
        check(sum(found.values()) == deliveries * sum(wanted.values()), f"{sum(found.values())} of {sum(wanted.values())}")
        found, wanted = newest(states(space / f"torture-{tool}")), newest(states(space / f"quiet-{tool}"))
        check(found == wanted, f"canal: the newest states differ: {found} {wanted}")
        return
    check(found == wanted, f"{tool}: {sum((found - wanted).values())} too many, {sum((wanted - found).values())} missing")
    check(states(space / f"torture-{tool}") == states(space / f"quiet-{tool}"), f"{tool}: states differ")
    balance = audit(config, code=0)["pipelines"][0]["balance"]
    check(balance["duplicate"] == 2 * sum(wanted.values()), f"{tool}: {balance}")


def main():
    """Fifty kills for each tool, three thousand changes: `make torture-syncs`."""
    with Workspace("torture") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({})
        for tool in TOOLS:
            torture(tool, 51, 3_000, kafka, space)
            print(f"ok    {tool}: three deliveries, 51 kills: one quiet delivery", flush=True)


def newest(found):
    days = {}
    for (table, day), rows in sorted(found.items()):
        days[table] = rows
    return days


def test_a_topic_three_times_shuffled_with_kills_is_one_quiet_delivery_for_every_tool():
    long()
    with Workspace("torture") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({})
        for tool in TOOLS:
            torture(tool, 3, 300, kafka, space)


def test_a_topic_spread_by_key_is_found_out_where_a_table_must_be_in_one_partition():
    long()
    need("kcat")
    with Workspace("spread") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"maxwell": 2})
        records = writer("maxwell")
        records.create("t", ORDER, ["id"])
        for number in range(200):
            records.insert("t", {"id": number, "what": "tea"})
        lines = records.take().splitlines()
        for place in (0, 1):
            texts = [line for at, line in enumerate(lines) if at % 2 == place]
            subprocess.run(["kcat", "-P", "-b", kafka.address, "-t", "maxwell", "-p", str(place)],
                           input=("\n".join(texts) + "\n").encode(), check=True, stderr=subprocess.DEVNULL)
        config = collector(space, kafka, "maxwell", ["maxwell"], "warehouse")
        result = run("millrace-collector", "--config", config, "--until-caught-up", code=None, timeout=60)
        told = result.stdout + result.stderr
        notices = audit(config)["pipelines"][0]["notices"]
        check("sync.not_in_order" in told and notices.get("misplaced_change", 0) > 0, f"{told[-600:]} {notices}")
        # Said to be spread by key, all of it is taken.
        keyed = space.write("keyed.yaml", (space / "warehouse.yaml").read_text().replace(
            "format: maxwell", "format: maxwell, spread: key").replace("/warehouse}", "/keyed}").replace(
            "group: warehouse", "group: keyed"))
        run("millrace-collector", "--config", keyed, "--until-caught-up")
        count = query(f"SELECT count(*) FROM read_parquet('{space.path}/keyed/shop/t_changes/*/part-*')")[0][0]
        check(count == 200, f"{count} of 200")


if __name__ == "__main__":
    sys.exit(main())
