"""Two collectors over one warehouse, one of them asleep at the wrong moment; and topics whose offsets start
over. Every row once, whoever wakes up when. Against a real Kafka, as kafka tests."""
import os
import pathlib
import signal
import subprocess
import time

import zombies
from harness import Workspace, audit, check, count, is_caught_up, query, run, source, wait_until
from torture import verify
from zombies import SharedKafka, Stream, Traced, newest_record, record, row_count, rows, staged, statuses


def quiet(text):
    pass


class Scene:
    """A topic, streams that fill its partitions with numbered rows, and collectors of one warehouse."""

    def __init__(self, name, partitions=4):
        self.space = Workspace(name)
        self.kafka = SharedKafka.get()
        self.topic = self.kafka.fresh(partitions)
        self.partitions = partitions
        self.streams = [Stream(f"{name}{index}") for index in range(partitions)]
        self.written = 0

    def __enter__(self):
        self.space.__enter__()
        return self

    def __exit__(self, *failure):
        self.space.__exit__(*failure)

    def produce(self, count, per_pack=50, only=None):
        """`count` more rows, spread evenly over the partitions."""
        chosen = range(self.partitions) if only is None else only
        each = count // len(chosen)
        for index in chosen:
            self.kafka.produce(self.topic, index, self.streams[index].packs(rows(self.written, each), per_pack))
            self.written += each

    def config(self, name, **settings):
        settings.setdefault("group", self.topic)
        return zombies.collector(self.space, self.kafka, [self.topic], file=f"{name}.yaml", **settings)

    def collector(self, name, **settings):
        config = self.config(name, **settings)
        return self.space.daemon("millrace-collector", "--config", config, log=f"{name}.log")

    def log(self, name):
        return (self.space / f"{name}.log").read_text(errors="replace")

    def all_rows(self, seconds=60):
        wait_until(f"all {self.written} rows are there", seconds, lambda: row_count(self.space) == self.written, 0.3)

    def shares(self):
        """Partitions of each running collector, by its own words."""
        return sorted(len(status["partitions"]) for status in statuses(self.space))

    def shared(self, *shares, seconds=60):
        wait_until(f"the collectors hold {shares} partitions", seconds, lambda: self.shares() == sorted(shares), 0.3)

    def verify(self):
        config = self.config("audit")
        wait_until("all is committed", 60, lambda: row_count(self.space) >= self.written, 0.3)
        verify(self.space, config, self.written, quiet)
        return audit(config, code=0)


def test_kafka_partitions_are_split_between_two_collectors_and_go_to_the_one_that_lives():
    with Scene("split") as scene:
        first = scene.collector("first")
        second = scene.collector("second")
        scene.shared(2, 2)
        scene.produce(4_000)
        scene.all_rows()
        writers = {status["incarnation"] for status in statuses(scene.space)}
        check(len(writers) == 2, f"two incarnations: {writers}")
        first.kill()
        scene.produce(4_000)
        scene.all_rows()
        first.start()
        wait_until(
            "the partitions are split again", 60,
            lambda: sorted(len(s["partitions"]) for s in statuses(scene.space) if s["incarnation"] not in writers
                           or time.time() - s["time"] / 1_000 < 8)[-2:] == [2, 2], 0.3)
        scene.produce(4_000)
        scene.all_rows()
        first.stop()
        second.stop()
        scene.verify()


def test_kafka_a_collector_that_sleeps_over_a_rebalance_gives_up_what_it_staged():
    with Scene("rebalance") as scene:
        sleeper = scene.collector("sleeper", commit="20s")
        scene.shared(4)
        scene.produce(12_000)
        wait_until("it staged rows", 20, lambda: sum(len(paths) for paths in staged(scene.space).values()) >= 3, 0.05)
        time.sleep(1)
        sleeper.signal(signal.SIGSTOP)
        check(newest_record(scene.space) == 0, "nothing is committed yet")
        other = scene.collector("other")
        scene.all_rows()
        scene.produce(4_000)
        scene.all_rows()
        sleeper.signal(signal.SIGCONT)
        wait_until(
            "the sleeper noticed", 40, lambda: '"commit.conflict"' in scene.log("sleeper") or '"lost":true' in scene.log("sleeper"))
        scene.shared(2, 2)
        scene.produce(4_000)
        scene.all_rows()
        sleeper.stop()
        other.stop()
        scene.verify()


def test_kafka_a_collector_that_sleeps_inside_its_commit_finds_it_done_by_another():
    """Stopped right behind the commit point: the record is there, its files are not published. The other one
    publishes them and goes on behind them."""
    with Scene("halfway") as scene:
        config = scene.config("sleeper", commit="1s")
        sleeper = Traced(
            scene.space, "millrace-collector", "--config", config, log="sleeper.log",
            inject="link:signal=SIGSTOP", paths=[record(scene.space, 1)])
        scene.produce(8_000)
        wait_until("record 1 is there", 60, lambda: record(scene.space, 1).exists(), 0.05)
        time.sleep(1)
        check(row_count(scene.space) == 0, "stopped before it published")
        other = scene.collector("other")
        scene.all_rows()
        scene.produce(4_000)
        scene.all_rows()
        sleeper.signal(signal.SIGCONT)
        scene.shared(2, 2)
        scene.produce(4_000)
        scene.all_rows()
        sleeper.stop()
        other.stop()
        scene.verify()


def test_kafka_two_collectors_that_both_own_all_partitions_take_turns():
    """Two groups, so that each owns everything all the time; one sleeps before its put and finds the number
    taken."""
    with Scene("both") as scene:
        config = scene.config("late", commit="300ms", group=f"{scene.topic}-late")
        late = Traced(
            scene.space, "millrace-collector", "--config", config, log="late.log",
            inject="link:delay_enter=6s", paths=[record(scene.space, 1)])
        wait_until("it runs", 60, lambda: '"started"' in scene.log("late"))
        scene.produce(8_000)
        wait_until("it is about to commit", 30, lambda: staged(scene.space))
        early = scene.collector("early")
        scene.all_rows()
        wait_until("the late one is refused", 30, lambda: '"commit.conflict"' in scene.log("late"))
        for _ in range(5):
            scene.produce(2_000)
            time.sleep(0.4)
        scene.all_rows()
        late.stop()
        early.stop()
        scene.verify()


def test_kafka_a_fenced_and_swept_collector_goes_on_under_a_new_name():
    """Its lock cannot be tried (as on another machine) and everything about it is old: it is fenced, its files
    are swept, then it wakes."""
    with Scene("fenced") as scene:
        sleeper = scene.collector("sleeper", commit="20s")
        scene.shared(4)
        scene.produce(12_000)
        wait_until("it staged rows", 20, lambda: sum(len(paths) for paths in staged(scene.space).values()) >= 3, 0.05)
        time.sleep(0.5)
        sleeper.signal(signal.SIGSTOP)
        check(newest_record(scene.space) == 0, "nothing is committed yet")
        name = next(iter(staged(scene.space)))
        folder = pathlib.Path(scene.space / "warehouse/_millrace/staging", name)
        other = scene.collector("other")
        wait_until("the other runs", 30, lambda: '"started"' in scene.log("other") or '"assigned"' in scene.log("other"))
        check(staged(scene.space).get(name), "its lock is held: nothing is swept")
        other.stop()
        (folder / "lock").unlink()
        old = time.time() - 7_200
        for path in [*folder.iterdir(), folder]:
            os.utime(path, (old, old))
        other.start()
        wait_until("it is swept", 40, lambda: not folder.exists())
        scene.all_rows()
        status = run("millrace", "status", "--config", scene.config("audit"), "--json").stdout
        check(name in status, f"the fence is in the log: {status[:500]}")
        sleeper.signal(signal.SIGCONT)
        scene.shared(2, 2)
        scene.produce(4_000)
        scene.all_rows()
        check(not folder.exists(), "the fenced name is not used again")
        sleeper.stop()
        other.stop()
        scene.verify()


def test_kafka_a_record_put_from_a_pruned_past_is_void():
    """A collector sleeps before its put while the other commits, checkpoints and prunes beyond that number:
    then the put succeeds, because the number is free again, and must not count."""
    with Scene("pruned", partitions=2) as scene:
        config = scene.config("late", commit="300ms", group=f"{scene.topic}-late")
        late = Traced(
            scene.space, "millrace-collector", "--config", config, log="late.log",
            inject="link:delay_enter=45s:when=1", paths=[record(scene.space, 2)])
        wait_until("it runs", 60, lambda: '"started"' in scene.log("late"))
        scene.produce(1_000)
        wait_until("record 1 is there", 30, lambda: record(scene.space, 1).exists())
        scene.produce(1_000)
        wait_until("it is about to put record 2", 30, lambda: any(staged(scene.space).values()))
        early = scene.collector("early", commit="100ms", tail="  checkpoint_every: 5\n")
        feed = scene.kafka.feed(scene.topic, 0)
        pruned = False
        began = time.monotonic()
        while not pruned and time.monotonic() - began < 55:
            feed.write(scene.streams[0].packs(rows(scene.written, 10)))
            scene.written += 10
            time.sleep(0.03)
            pruned = newest_record(scene.space) > 105 and not record(scene.space, 2).exists()
        feed.close()
        check(pruned, f"record 2 is pruned: the newest is {newest_record(scene.space)}")
        wait_until("the late one woke and was refused", 90, lambda: '"commit.conflict"' in scene.log("late"))
        check(not record(scene.space, 2).exists(), "the void record is removed")
        scene.produce(2_000)
        scene.all_rows()
        late.stop()
        early.stop()
        scene.verify()


# Topics whose chain of offsets breaks.

def partitions_of(scene):
    """What the commit log says of the partitions: {number: entry}."""
    report = audit(scene.config("audit"), code=None)
    return {part["partition"]: part for part in report["pipelines"][0]["partitions"]}


def reasons(part):
    return [gap["reason"] for gap in part["gaps"]]


def test_kafka_a_topic_made_anew_and_filled_past_the_old_offset_is_a_new_epoch():
    with Scene("epoch", partitions=2) as scene:
        scene.produce(2_000)
        config = scene.config("collector")
        run("millrace-collector", "--config", config, "--until-caught-up")
        scene.kafka.remake(scene.topic, 2)
        scene.produce(4_000)
        run("millrace-collector", "--config", config, "--until-caught-up", timeout=90)
        scene.verify()
        for part in partitions_of(scene).values():
            check(part["epoch"] == 1 and reasons(part) == ["epoch"], f"a new epoch is named: {part}")


def test_kafka_a_topic_made_anew_and_filled_less_is_a_new_epoch_at_once():
    with Scene("less", partitions=2) as scene:
        scene.produce(2_000)
        config = scene.config("collector")
        run("millrace-collector", "--config", config, "--until-caught-up")
        scene.kafka.remake(scene.topic, 2)
        scene.produce(400)
        run("millrace-collector", "--config", config, "--until-caught-up", timeout=90)
        scene.verify()
        for part in partitions_of(scene).values():
            check(part["epoch"] == 1 and reasons(part) == ["epoch"], f"a new epoch is named: {part}")


def test_kafka_a_topic_made_anew_under_a_running_collector_is_read_from_its_start():
    with Scene("anew", partitions=2) as scene:
        collector = scene.collector("collector")
        scene.produce(2_000)
        scene.all_rows()
        scene.kafka.remake(scene.topic, 2)
        scene.produce(600)
        scene.all_rows(90)
        scene.produce(2_000)
        scene.all_rows()
        collector.stop()
        scene.verify()
        for part in partitions_of(scene).values():
            check(part["epoch"] == 1 and reasons(part) == ["epoch"], f"a new epoch is named: {part}")


def test_kafka_records_deleted_unread_are_a_gap_named_to_the_byte():
    with Scene("gap", partitions=2) as scene:
        scene.produce(1_000)
        config = scene.config("collector")
        run("millrace-collector", "--config", config, "--until-caught-up")
        start, end = 11, 21  # the announcement and ten packs are read; ten packs more, five of them deleted
        stream = scene.streams[0]
        begin, first = stream.position, scene.written
        packs = stream.packs(rows(first, 500))
        scene.written += 500
        scene.kafka.produce(scene.topic, 0, packs)
        lost_bytes = sum(len(value) + 1 for _, value in packs[:5])
        scene.kafka.delete_records(scene.topic, 0, start + 5)
        run("millrace-collector", "--config", config, "--until-caught-up", timeout=90)
        scene.produce(1_000)
        run("millrace-collector", "--config", config, "--until-caught-up", timeout=90)
        part = partitions_of(scene)[0]
        gaps = [(gap["reason"], gap["from"], gap["next"]) for gap in part["gaps"]]
        check(gaps == [("gap", start, start + 5)], f"the gap: {part}")
        report = audit(config, code=None)["pipelines"][0]
        holes = [hole for one in report["streams"] for hole in one["holes"]]
        check(len(holes) == 1 and holes[0]["from"] == str(begin) and holes[0]["bytes"] == lost_bytes, f"the hole: {holes}")
        missing = query(
            f"SELECT min(i), max(i), count(*) FROM range({scene.written}) t(i) ANTI JOIN "
            f"(SELECT id FROM {source(scene.space / 'warehouse', 'shop.app')}) ON i = id")[0]
        check(missing == (first, first + 249, 250), f"missing rows: {missing}")
        check(row_count(scene.space) == scene.written - 250, "all others are there once")
        check(report["balance"]["holds"], report["balance"])


# Faults of the disk.

def test_kafka_a_collector_whose_disk_fails_now_and_then_loses_and_repeats_nothing():
    for inject in ("fsync:error=EIO:when=6+5", "rename,link:error=ENOSPC:when=2+4"):
        with Scene("disk", partitions=2) as scene:
            config = scene.config("collector", tail="  checkpoint_every: 2\n")
            collector = Traced(scene.space, "millrace-collector", "--config", config, log="collector.log", inject=inject)
            for _ in range(4):
                scene.produce(1_000)
                time.sleep(0.5)
            scene.all_rows(90)
            collector.stop(code=None)
            check("INJECTED" in (scene.space / "collector.log.strace").read_text(), f"{inject}: nothing failed")
            run("millrace-collector", "--config", config, "--until-caught-up")
            scene.verify()
