"""Agent, collector and a real Kafka."""
import json
import os
import signal
import time

import configs
from harness import (
    Kafka, Workspace, audit, check, count, is_caught_up, query, quarantine, run, source, wait_until)
from torture import all_acknowledged, torture, verify


def lines(first, count):
    return b"".join(
        json.dumps({"time": f"2025-03-04T00:{n // 60 % 60:02}:{n % 60:02}Z", "id": n, "file": "a"}).encode() + b"\n"
        for n in range(first, first + count))


def collect(space, config, *options):
    """A collector that ends when it has caught up."""
    return run("millrace-collector", "--config", config, "--until-caught-up", *options)


def ship(space, config):
    return run("millrace-agent", "--config", config, "--once")


def test_lines_from_rotating_files_survive_killed_daemons_and_a_stopped_broker():
    torture()


def test_group_offsets_equal_the_commit_log():
    with Workspace("offsets") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"app": 3})
        for index in range(5):
            space.write(f"logs/{index}.log", lines(index * 1_000, 1_000))
        ship(space, configs.agent(space, kafka.address, [("app", "app", f"{space.path}/logs/*.log")]))
        config = configs.collector(space, kafka.address)
        collect(space, config)
        committed = {
            (part["topic"], part["partition"]): part["next"]
            for part in audit(config, code=0)["pipelines"][0]["partitions"]}
        check(committed and kafka.group_offsets("millrace") == committed,
              f"group {kafka.group_offsets('millrace')}, commit log {committed}")
        verify(space, config, 5_000, lambda text: None)


def test_a_replayed_topic_adds_no_row_and_a_new_pipeline_fills_its_own_table():
    with Workspace("replay") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"app": 3})
        space.write("logs/a.log", lines(0, 3_000))
        ship(space, configs.agent(space, kafka.address, [("app", "app", f"{space.path}/logs/*.log")]))
        config = configs.collector(space, kafka.address)
        collect(space, config)
        replay = configs.collector(space, kafka.address, group="another", file="replay.yaml")
        collect(space, replay)
        verify(space, replay, 3_000, lambda text: None)
        check(audit(replay)["pipelines"][0]["balance"]["duplicate"] == 0, "the offsets are the log's, not the group's")
        for round in (1, 2):
            collect(space, replay, "--replay")
            balance = audit(replay, code=0)["pipelines"][0]["balance"]
            check(balance["duplicate"] == 3_000 * round, f"every event came again: {balance}")
            check(count(space / "warehouse", "shop.app") == 3_000, "and added no row")
        second = configs.collector(
            space, kafka.address, group="third", pipeline="second", file="second.yaml",
            routes=configs.APPLICATION.replace("shop.app", "shop.second"))
        collect(space, second)
        check(count(space / "warehouse", "shop.second") == 3_000, "the new pipeline filled its table")
        check(count(space / "warehouse", "shop.app") == 3_000, "the first table stayed as it was")


def test_a_mirrored_topic_brings_no_row_twice():
    with Workspace("mirror") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"app": 3, "app.copy": 2})
        space.write("logs/a.log", lines(0, 3_000))
        ship(space, configs.agent(space, kafka.address, [("app", "app", f"{space.path}/logs/*.log")]))
        mirror(kafka, "app", "app.copy")
        config = configs.collector(space, kafka.address, topics=("app", "app.copy"))
        collect(space, config)
        verify(space, config, 3_000, lambda text: None)
        balance = audit(config)["pipelines"][0]["balance"]
        check(balance["duplicate"] >= 3_000, f"the copies are counted as duplicates: {balance}")


def mirror(kafka, origin, target):
    """Copies keys and values: the values hold line feeds, so not by line-based tools of Kafka's own."""
    separator = "\x1f"
    text = kafka.tool(
        "console-consumer", "--topic", origin, "--from-beginning", "--timeout-ms", "15000", "--property", "print.key=true",
        "--property", f"key.separator={separator}", "--property", "line.separator=\x1e")
    for record in text.split("\x1e"):
        if separator in record:
            key, value = record.split(separator, 1)
            kafka_produce(kafka, target, key, value)


def kafka_produce(kafka, topic, key, value):
    import subprocess
    from harness import need
    need("kcat")
    subprocess.run(
        ["kcat", "-P", "-b", kafka.address, "-t", topic, "-k", key, "-D", "\x1e"], input=value.encode(), check=True)


def test_a_stopped_agent_leaves_nothing_behind_and_exits_in_order():
    with Workspace("term") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"app": 3})
        space.write("logs/a.log", lines(0, 2_000))
        agent_config = configs.agent(space, kafka.address, [("app", "app", f"{space.path}/logs/*.log")])
        config = configs.collector(space, kafka.address)
        agent = space.daemon("millrace-agent", "--config", agent_config, log="agent.log")
        collector = space.daemon("millrace-collector", "--config", config, log="collector.log")
        wait_until("all is shipped", 30, lambda: all_acknowledged(configs.agent_status(space)))
        agent.signal(signal.SIGHUP)
        collector.signal(signal.SIGHUP)
        time.sleep(0.5)
        check(agent.is_running and collector.is_running, "SIGHUP is accepted")
        wait_until("all is committed", 30, lambda: is_caught_up(config))
        agent.stop()
        collector.stop()
        verify(space, config, 2_000, lambda text: None)
        agent.start()
        wait_until("it runs again", 20, lambda: configs.agent_status(space))
        time.sleep(1)
        agent.stop()
        collect(space, config)
        verify(space, config, 2_000, lambda text: None)


def test_two_collectors_share_the_partitions_and_one_is_killed():
    with Workspace("two") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"app": 4})
        agent_config = configs.agent(space, kafka.address, [("app", "app", f"{space.path}/logs/*.log")])
        config = configs.collector(space, kafka.address)
        for index in range(8):
            space.write(f"logs/{index}.log", lines(index * 500, 500))
        space.daemon("millrace-agent", "--config", agent_config, log="agent.log")
        first = space.daemon("millrace-collector", "--config", config, log="first.log")
        time.sleep(3)
        second = space.daemon("millrace-collector", "--config", config, log="second.log")
        time.sleep(3)
        first.signal(signal.SIGSTOP)
        for index in range(8):
            with open(space / f"logs/{index}.log", "ab") as file:
                file.write(lines(4_000 + index * 500, 500))
        time.sleep(2)
        first.signal(signal.SIGCONT)
        time.sleep(1)
        first.kill()
        wait_until("the second has all", 120, lambda: is_caught_up(config) and count(space / "warehouse", "shop.app") == 8_000, 1)
        second.stop()
        verify(space, config, 8_000, lambda text: None)


def test_a_missing_topic_and_a_state_topic_that_is_not_compacted_are_refused_by_name():
    with Workspace("topics") as space, Kafka(space / "kafka") as kafka:
        config = configs.agent(space, kafka.address, [("app", "app", f"{space.path}/logs/*.log")])
        space.write("logs/a.log", lines(0, 10))
        refused = run("millrace", "topics", "create", "--config", config, code=None)
        check(refused.returncode == 78 and "--replication 1" in refused.stderr, f"{refused.returncode}: {refused.stderr}")
        found = run("millrace", "check", config, code=78)
        check("app" in found.stdout, f"the missing topic is not named: {found.stdout}")
        kafka.create("app", 1)
        kafka.create("millrace-heartbeats", 1)
        kafka.create("millrace-state", 1, "cleanup.policy=delete")
        found = run("millrace", "check", config, code=78)
        check("millrace-state is not compacted" in found.stdout or "millrace-state" in found.stdout, found.stdout)
        refused = run("millrace-agent", "--config", config, "--once", code=None, timeout=60)
        check(refused.returncode not in (0, None) and "millrace-state" in refused.stderr, f"{refused.returncode}: {refused.stderr}")
        kafka.tool("configs", "--alter", "--entity-type", "topics", "--entity-name", "millrace-state", "--add-config", "cleanup.policy=compact")
        run("millrace-agent", "--config", config, "--once")
        run("millrace", "check", config)


def test_two_agents_on_one_state_folder_are_one_too_many():
    with Workspace("twice") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"app": 1})
        config = configs.agent(space, kafka.address, [("app", "app", f"{space.path}/logs/*.log")])
        space.write("logs/a.log", lines(0, 10))
        space.daemon("millrace-agent", "--config", config, log="agent.log")
        wait_until("the first runs", 20, lambda: configs.agent_status(space))
        second = run("millrace-agent", "--config", config, "--once", code=None, timeout=60)
        check(second.returncode in (75, 78) and "agent-state" in second.stderr, f"{second.returncode}: {second.stderr}")
