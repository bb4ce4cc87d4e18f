"""Syncs: what Maxwell, Debezium and Canal recorded of one workload ends in the change logs, every change once."""
import collections
import json
import lzma
import time

import recordings
from harness import SHARED, Kafka, Skip, Workspace, audit, check, long, query, run, seeded

LIVE = SHARED / "cdc-live"
if not LIVE.exists():
    LIVE = SHARED / "data" / "cdc-live"


def recording(name):
    path = LIVE / f"{name}.jsonl.xz"
    if not path.exists():
        raise Skip("no recordings of change data in ../shared")
    return lzma.open(path).read()


def expected():
    """{table: (inserts, updates, deletes)} as an independent reader of the binlog counts them."""
    rows = (LIVE / "expected" / "change_counts.tsv").read_text().splitlines()[1:]
    return {f"{row[0]}.{row[1]}": tuple(map(int, row[2:5])) for row in (line.split("\t") for line in rows)
            if row[0] != "xtra"}


def source(space):
    return f"read_parquet('{space.path}/warehouse/*/*_changes/dt=*/part-*', hive_partitioning=true)"


def counted(space):
    rows = query(f"""
        SELECT source_database || '.' || source_table, count(*) FILTER (op = 'insert'), count(*) FILTER (op = 'update'),
            count(*) FILTER (op = 'delete') FROM {source(space)} WHERE op <> 'schema' GROUP BY ALL""")
    return {row[0]: row[1:] for row in rows}


def sync(space, tool):
    return space.write("millrace.yaml", f"""
agent: {{name: shop, state_dir: {space.path}/state}}
sources: [{{name: changes, include: ["{space.path}/in/*.jsonl"], max_record: 4MiB, pack: 1MiB}}]
warehouse: {{path: {space.path}/warehouse}}
syncs: [{{name: live, format: {tool}, dates: text}}]
log: {{level: warning}}
""")


def through_files(tool):
    space = Workspace(f"changes-{tool}")
    with space:
        space.write("in/a.jsonl", recording(tool))
        config = sync(space, tool)
        run("millrace", "run", "--once", "--config", config)
        found = counted(space)
        before = query(f"SELECT count(*) FROM {source(space)}")
        run("millrace", "run", "--once", "--config", config)
        check(before == query(f"SELECT count(*) FROM {source(space)}"), "a second run adds nothing")
        report = audit(config, code=0)["pipelines"][0]
        recordings.after(space, config, recordings.Recording(LIVE, tool), recordings.Expected(LIVE), "text")
        return found, report["notices"], query(
            f"SELECT count(*), count(DISTINCT sql) FROM {source(space)} WHERE op = 'schema'")[0]


def test_a_recording_of_maxwell_has_every_change_once_and_ends_in_the_expected_tables():
    found, notices, ddl = through_files("maxwell")
    check(found == expected(), f"{[(table, found.get(table), want) for table, want in expected().items() if found.get(table) != want]}")
    check(notices == {"continued_line": 4} and ddl[0] == 67, f"{notices} {ddl}")


def test_a_recording_of_debezium_has_every_change_once_and_ends_in_the_expected_tables():
    found, notices, ddl = through_files("debezium")
    for table, (inserts, updates, deletes) in expected().items():
        got = found[table]
        # A changed key is a delete and an insert here.
        moved = updates - got[1]
        check(moved >= 0 and got == (inserts + moved, updates - moved, deletes + moved), f"{table}: {got}")
    check(notices == {"tombstone": 2216, "transaction": 25795} and ddl[0] == 69, f"{notices} {ddl}")


def test_a_recording_of_canal_has_every_change_once_and_ends_in_the_expected_tables():
    found, notices, ddl = through_files("canal")
    want = {table: counts for table, counts in expected().items() if table not in ("shop.t_hidden", "shop.order")}
    check(found == want, f"{[(table, found.get(table), counts) for table, counts in want.items() if found.get(table) != counts]}")
    check(notices == {"statement": 22149} and ddl[0] == 68, f"{notices} {ddl}")


def test_a_snapshot_and_what_follows_in_topics_ends_in_the_expected_tables():
    long()
    recording("debezium-string")
    recordings.through(LIVE, "debezium-string", "topic")


def content(warehouse):
    """Every row of every change log, without where its record lay."""
    return collections.Counter(query(f"""
        SELECT * EXCLUDE (topic, topic_partition, topic_offset, event) REPLACE (epoch_us(committed) AS committed)
        FROM read_parquet('{warehouse}/*/*_changes/dt=*/part-*', hive_partitioning=true)"""))


def produce(kafka, topic, changes, salt):
    """All changes of a table into one partition; which one depends on the salt."""
    lines = "\n".join(f"{table}{salt}\x1f{text}" for table, text in changes)
    kafka.tool("console-producer", "--topic", topic, "--property", "parse.key=true", "--property",
               "key.separator=\x1f", "--producer-property", "compression.type=lz4", text=lines + "\n")


def collector(space, kafka, warehouse):
    return space.write(f"{warehouse}.yaml", f"""
kafka: {{brokers: "{kafka.address}"}}
group: {warehouse}
warehouse: {{path: {space.path}/{warehouse}}}
commit: {{interval: 200ms}}
syncs: [{{name: live, topics: [changes], format: maxwell}}]
""")


def test_a_topic_that_comes_three_times_shuffled_with_kills_is_one_quiet_delivery():
    chance = seeded(6)
    with Workspace("changes-kafka") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"changes": 4})
        changes = []
        for text in recordings.records(recording("maxwell"))[:3_000]:
            record = json.loads(text)
            changes.append((f"{record['database']}.{record.get('table', '')}", text.decode().replace("\n", " ")))
        produce(kafka, "changes", changes, 0)
        quiet = collector(space, kafka, "quiet")
        run("millrace-collector", "--config", quiet, "--until-caught-up")
        wanted = content(space / "quiet")
        check(sum(wanted.values()) == len(changes), f"{sum(wanted.values())} of {len(changes)}")
        config = collector(space, kafka, "warehouse")
        for salt in range(1, 3):
            for _ in range(2):
                daemon = space.daemon("millrace-collector", "--config", config, log="collector.log")
                time.sleep(chance.uniform(0.3, 2.5))
                daemon.kill()
            produce(kafka, "changes", changes, salt)

        # It waits for the partitions that killed collectors hold until their sessions end.
        run("millrace-collector", "--config", config, "--until-caught-up")
        found = content(space / "warehouse")
        check(found == wanted, f"{sum((found - wanted).values())} too many, {sum((wanted - found).values())} missing")
        report = audit(config, code=0)["pipelines"][0]["balance"]
        check(report["duplicate"] == 2 * len(changes), f"{report}")
