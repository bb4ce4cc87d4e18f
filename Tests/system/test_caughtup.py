"""`--until-caught-up` of several members of a group, and what a replay says without a broker."""
import json
import subprocess
import time

from harness import BIN, Kafka, Workspace, audit, check, long, need, query, run, wait_until
from test_sync import record

COUNT = 400


def fill(kafka, partition, table, first=1, count=COUNT, day=1763640000):
    need("kcat")
    lines = "".join(record(number, "insert", table, {"id": number, "who": "ann"}, ts=day + number)
                    for number in range(first, first + count))
    subprocess.run(["kcat", "-P", "-b", kafka.address, "-t", "changes", "-p", str(partition)],
                   input=lines.encode(), check=True, stderr=subprocess.DEVNULL)


def collector(space, kafka, name="collector", session=6_000):
    return space.write(f"{name}.yaml", f"""
kafka: {{brokers: "{kafka.address}", properties: {{session.timeout.ms: {session}}}}}
group: shop
warehouse: {{path: {space.path}/warehouse}}
commit: {{interval: 200ms}}
syncs: [{{name: shop, topics: [changes], format: maxwell}}]
log: {{level: info}}
""")


def received(config):
    return sum(one["balance"]["received"] for one in audit(config)["pipelines"])


class Member:
    """Another member of the group, that reads and writes nothing of ours."""

    def __init__(self, kafka, session=6_000):
        need("kcat")
        self.process = subprocess.Popen(
            ["kcat", "-b", kafka.address, "-G", "shop", "-X", f"session.timeout.ms={session}", "changes"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "assigned:" in line:
                return
        raise AssertionError("the member was given nothing")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


def start(config):
    return subprocess.Popen([str(BIN / "millrace-collector"), "--config", str(config), "--until-caught-up"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def end(process, code):
    try:
        told = process.communicate(timeout=180)[1]
    finally:
        process.kill()
    check(process.returncode == code, f"exit {process.returncode} for {code}: {told[-1500:]}")
    return told


def test_kafka_partitions_that_another_member_holds_are_waited_for_and_named():
    long()
    with Workspace("held") as space, Kafka(space / "kafka") as kafka:
        kafka.create("changes", 4)
        for partition in range(4):
            fill(kafka, partition, f"t{partition}")
        config = collector(space, kafka)
        # A living member that does not move: 75 after a while, what is ours is there.
        with Member(kafka):
            told = end(start(config), 75)
            check("transport.held_by_others" in told and "changes[" in told, told[-800:])
            check(0 < received(config) < 4 * COUNT, f"{received(config)}")
        # It was killed: its session ends, then everything is ours.
        run("millrace-collector", "--config", config, "--until-caught-up", timeout=180)
        check(received(config) == 4 * COUNT, f"{received(config)}")


def test_kafka_a_member_that_is_killed_meanwhile_is_waited_for():
    with Workspace("killed") as space, Kafka(space / "kafka") as kafka:
        kafka.create("changes", 4)
        for partition in range(4):
            fill(kafka, partition, f"t{partition}")
        config = collector(space, kafka)
        with Member(kafka):
            process = start(config)
            wait_until("its own partitions are read", 60, lambda: received(config) >= 2 * COUNT)
            check(process.poll() is None, "it ended while records wait")
        end(process, 0)
        check(received(config) == 4 * COUNT, f"{received(config)}")


def test_kafka_collectors_side_by_side_and_more_than_partitions_all_end_in_order():
    long()
    with Workspace("beside") as space, Kafka(space / "kafka") as kafka:
        kafka.create("changes", 2)
        for turn in range(2):
            for partition in range(2):
                fill(kafka, partition, f"t{partition}", first=turn * COUNT + 1)
            config = collector(space, kafka)
            processes = [start(config) for _ in range(3)]
            for process in processes:
                end(process, 0)
            check(received(config) == (turn + 1) * 2 * COUNT, f"{received(config)}")
        for partition in range(2):
            rows = query(f"SELECT count(*), count(DISTINCT after) FROM read_parquet("
                         f"'{space.path}/warehouse/shop/t{partition}_changes/*/part-*')")
            check(rows == [(2 * COUNT, 2 * COUNT)], f"{rows}")


def test_kafka_a_replay_without_its_broker_says_why_days_stay_incomplete():
    long()
    with Workspace("brokerless") as space, Kafka(space / "kafka") as kafka:
        kafka.create("changes", 2)
        # One partition stays behind on the first day; the other passes to the next one.
        old = int(time.time()) - 3 * 86_400
        fill(kafka, 0, "quiet", count=3, day=old)
        fill(kafka, 1, "lively", count=3, day=old)
        fill(kafka, 1, "lively", first=4, count=3, day=old + 86_400)
        config = collector(space, kafka)
        run("millrace-collector", "--config", config, "--until-caught-up", timeout=180)
        kafka.stop()
        log = space / "warehouse"

        def asked():
            """A quiet partition counts a minute after the newest day began: only then the broker is asked."""
            told = run("millrace", "sync", "run", "--config", config, "--json", code=None)
            return told if "sync.ends_unknown" in told.stderr else None
        told = wait_until("the broker is asked", 120, asked, 5)
        check(told.returncode == 75, f"exit {told.returncode}")
        check(kafka.address in told.stderr and "_SUCCESS" in told.stderr and "warning[" in told.stderr, told.stderr)
        check(json.loads(told.stdout)["warnings"][0]["code"] == "sync.ends_unknown", told.stdout[-500:])
        check(not list(log.glob("shop/*/dt=*/_SUCCESS")), "no day is complete")
        status = run("millrace", "sync", "status", "--config", config)
        check("sync.ends_unknown" in status.stderr, status.stderr)
        kafka.start()
        told = run("millrace", "sync", "run", "--config", config)
        check("warning" not in told.stderr, told.stderr)
        check(list(log.glob("shop/*/dt=*/_SUCCESS")), "the first day is complete")
        check("warning" not in run("millrace", "sync", "status", "--config", config).stderr, "nothing to say")
