"""What the audit says of bytes that never came. Against a real Kafka, as kafka tests."""
import random

import zombies
from harness import Workspace, audit, check, query, run, source
from torture import verify
from zombies import SharedKafka, Stream, rows


def holes(report):
    """[(stream, from, to, bytes)] of the first pipeline."""
    return sorted(
        (stream["stream"], int(hole["from"]), int(hole["to"]), hole["bytes"])
        for stream in report["pipelines"][0]["streams"] for hole in stream["holes"])


def test_kafka_a_range_that_a_second_producer_skips_is_named_to_the_byte_and_closes_when_it_comes():
    """Every stream loses a stretch from its middle; what is missing is then sent after all."""
    chance = random.Random(7)
    with Workspace("skipped") as space:
        kafka = SharedKafka.get()
        topic = kafka.fresh(3)
        config = zombies.collector(space, kafka, [topic], file="collector.yaml", group=topic)
        expected, missing, late, written = [], set(), [], 0
        for index in range(3):
            stream = Stream(f"skipped-{index}")
            packs = stream.packs(rows(written, 2_000), per_pack=20)
            first = chance.randrange(2, 60)
            last = first + chance.randrange(1, 30)
            # Packs 0 is the announcement; pack n holds rows 20 * (n - 1) to 20 * n.
            kafka.produce(topic, index, packs[:first] + packs[last:])
            late.append(packs[first:last])
            begin = sum(len(value) + 1 for _, value in packs[1:first])
            byte_count = sum(len(value) + 1 for _, value in packs[first:last])
            expected.append((stream.id, begin, begin + byte_count, byte_count))
            missing.update(range(written + 20 * (first - 1), written + 20 * (last - 1)))
            written += 2_000
        run("millrace-collector", "--config", config, "--until-caught-up")
        report = audit(config, code=1)
        check(holes(report) == sorted(expected), f"holes {holes(report)}, expected {sorted(expected)}")
        text = run("millrace", "audit", "--config", config, code=1).stdout
        for stream, begin, end, byte_count in expected:
            check(stream in text and str(begin) in text and str(end) in text, f"{stream} {begin} {end}: {text}")
        found = {row[0] for row in query(f"SELECT id FROM {source(space / 'warehouse', 'shop.app')}")}
        check(found == set(range(written)) - missing, "all rows but those of the holes are there")
        check(report["pipelines"][0]["balance"]["holds"], report["pipelines"][0]["balance"])
        for index, packs in enumerate(late):
            kafka.produce(topic, index, packs)
        run("millrace-collector", "--config", config, "--until-caught-up")
        verify(space, config, written, lambda text: None)


def test_kafka_an_accepted_hole_is_named_no_more_and_stays_closed():
    with Workspace("accepted") as space:
        kafka = SharedKafka.get()
        topic = kafka.fresh(1)
        config = zombies.collector(space, kafka, [topic], file="collector.yaml", group=topic)
        stream = Stream("accepted")
        packs = stream.packs(rows(0, 500))
        kafka.produce(topic, 0, packs[:4] + packs[7:])
        run("millrace-collector", "--config", config, "--until-caught-up")
        (name, begin, end, _), = holes(audit(config, code=1))
        accept = ("millrace", "audit", "accept", "--config", config, "--pipeline", "main", "--stream", name)
        run(*accept, "--from", begin - 1, "--to", end, code=64)
        run(*accept, "--from", begin, "--to", end)
        check(holes(audit(config, code=0)) == [], "the hole is closed")
        kafka.produce(topic, 0, packs[4:7])
        run("millrace-collector", "--config", config, "--until-caught-up")
        total, distinct = query(
            f"SELECT count(*), count(DISTINCT id) FROM {source(space / 'warehouse', 'shop.app')}")[0]
        check((total, distinct) == (350, 350), f"{total} rows, {distinct} distinct: what is accepted as lost stays so")


def test_kafka_a_topic_that_comes_again_whole_adds_no_row_and_every_duplicate_is_counted():
    """Read by a new group, produced once more into the same topic, and into the topic made anew."""
    with Workspace("again") as space:
        kafka = SharedKafka.get()
        topic = kafka.fresh(3)
        config = zombies.collector(space, kafka, [topic], file="collector.yaml", group=topic)
        every = [Stream(f"again-{index}").packs(rows(index * 2_000, 2_000)) for index in range(3)]
        streams = list(enumerate(every))

        def collect(config, duplicates):
            run("millrace-collector", "--config", config, "--until-caught-up")
            verify(space, config, 6_000, lambda text: None)
            balance = audit(config, code=0)["pipelines"][0]["balance"]
            check(balance["duplicate"] == duplicates, f"{duplicates} duplicates expected: {balance}")

        for index, packs in streams:
            kafka.produce(topic, index, packs)
        collect(config, 0)
        # Offsets belong to the pipeline, in the commit log: a group without any skips and repeats nothing.
        other = zombies.collector(space, kafka, [topic], file="other.yaml", group=f"{topic}-other")
        collect(other, 0)
        for index, packs in streams:
            kafka.produce(topic, (index + 1) % 3, packs)
        collect(config, 6_000)
        kafka.remake(topic, 3)
        for index, packs in streams:
            kafka.produce(topic, index, packs)
        collect(other, 12_000)
