"""An agent whose state is gone, old, copied, or proved wrong by a power loss: no line lost, nothing repeated
but what was in flight, and the agent says what happened. Against a real Kafka, as kafka tests."""
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import configs
from harness import Daemon, Skip, Workspace, audit, check, query, run, source, wait_until
from torture import all_acknowledged
from zombies import SharedKafka, Traced, rows


class Shop:
    """A server with log files and an agent, a topic, and a warehouse that is filled at the end."""

    def __init__(self, name):
        self.space = Workspace(name)
        self.kafka = SharedKafka.get()
        self.topic = self.kafka.fresh(2)
        self.name = f"{name}-{self.topic}"
        self.next = 0

    def __enter__(self):
        self.space.__enter__()
        return self

    def __exit__(self, *failure):
        self.space.__exit__(*failure)

    def config(self, state="agent-state"):
        return configs.agent(
            self.space, self.kafka.address, [("app", self.topic, f"{self.space.path}/logs/*.log")], name=self.name,
            file=f"{state}.yaml", state=state)

    def agent(self, state="agent-state"):
        return self.space.daemon("millrace-agent", "--config", self.config(state), log=f"{state}.log")

    def append(self, name, count):
        """`count` new lines at the end of a log file; their numbers."""
        path = self.space / "logs" / name
        path.parent.mkdir(exist_ok=True)
        first = self.next
        self.next += count
        with open(path, "ab") as file:
            file.write(b"".join(line + b"\n" for line in rows(first, count)))
        return range(first, self.next)

    def status(self, state="agent-state"):
        return configs.agent_status(self.space, state)

    def log(self, state="agent-state"):
        return (self.space / f"{state}.log").read_text(errors="replace")

    def shipped(self, state="agent-state", seconds=40):
        """Waits until every file as it is now is acknowledged to its end."""
        def done():
            at_end = {file["path"]: file["acknowledged"] for file in self.status(state).get("files", [])}
            return all(at_end.get(str(path)) == path.stat().st_size for path in (self.space / "logs").glob("*.log"))

        try:
            wait_until("all files are acknowledged", seconds, done)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.status(state)}") from None

    def kept(self, state="agent-state", by="checkpoint"):
        """Waits until the checkpoint, or the mirror, holds what was acknowledged."""
        wait_until(
            f"the {by} holds what was acknowledged", 60, lambda: self.status(state).get(f"{by}Behind") is False)
        if by == "mirror":
            # The mirror's own thread hands it to the broker.
            time.sleep(3)

    def copy_state(self, to, origin="agent-state"):
        subprocess.run(["cp", "-a", self.space / origin, self.space / to], check=True)

    def collect(self):
        """Fills the warehouse; {number: how often it is a row}."""
        config = configs.collector(self.space, self.kafka.address, [self.topic], group=self.topic)
        run("millrace-collector", "--config", config, "--until-caught-up")
        return collections.Counter(dict(query(
            f"SELECT id, count(*) FROM {source(self.space / 'warehouse', 'shop.app')} GROUP BY id")))

    def none_lost(self, counts):
        lost = [number for number in range(self.next) if not counts[number]]
        check(not lost, f"{len(lost)} lines lost, from {lost[:3]} to {lost[-3:]}")
        return [number for number in range(self.next) if counts[number] > 1]


def restored(name, end):
    """Ships, is copied, ships on, ends by `end`, and starts from the copy."""
    with Shop(name) as shop:
        shop.append("a.log", 1_000)
        shop.append("b.log", 1_000)
        agent = shop.agent()
        shop.shipped()
        shop.kept()
        shop.copy_state("copy")
        shop.append("a.log", 1_000)
        shop.shipped()
        os.rename(shop.space / "logs/a.log", shop.space / "logs/a.log.1")
        shop.append("a.log", 1_000)
        shop.append("c.log", 1_000)
        shop.shipped()
        shop.kept(by="mirror")
        in_flight = end(shop, agent)
        shutil.rmtree(shop.space / "agent-state")
        os.rename(shop.space / "copy", shop.space / "agent-state")
        shop.append("b.log", 1_000)
        agent.start()
        shop.shipped()
        shop.append("a.log", 500)
        shop.shipped()
        check(shop.status()["newIDs"], f"the status says that streams go on under new ids: {shop.status()}")
        check('"agent.new_ids"' in shop.log(), "the log says so")
        agent.stop()
        counts = shop.collect()
        repeated = shop.none_lost(counts)
        check(set(repeated) <= set(in_flight), f"{len(repeated)} lines repeated, from {repeated[:3]} to {repeated[-3:]}")
        print(f"    {len(repeated)} of {len(in_flight)} lines in flight were repeated")


def test_kafka_state_restored_from_an_older_copy_repeats_nothing_that_was_acknowledged():
    def end(shop, agent):
        agent.stop()
        return []

    restored("restored", end)


def test_kafka_state_restored_from_an_older_copy_of_a_killed_agent_repeats_what_was_in_flight():
    def end(shop, agent):
        numbers = shop.append("b.log", 2_000)
        time.sleep(0.3)
        agent.kill()
        return numbers

    restored("restored-killed", end)


def test_kafka_one_state_started_twice_loses_nothing_and_both_say_so():
    with Shop("clone") as shop:
        before = [*shop.append("a.log", 2_000), *shop.append("b.log", 1_000)]
        first = shop.agent()
        shop.shipped()
        shop.kept(by="mirror")
        shop.copy_state("clone-state")
        second = shop.agent("clone-state")
        shop.shipped("clone-state")
        shop.append("a.log", 1_000)
        wait_until("the first noticed", 60, lambda: shop.status().get("foreign"))
        check(shop.status("clone-state").get("newIDs"), f"the clone took new ids: {shop.status('clone-state')}")
        check('"agent.foreign_incarnation"' in shop.log(), "the first says so")
        shop.append("b.log", 1_000)
        shop.shipped()
        shop.shipped("clone-state")
        foreign = len(shop.status()["foreign"]), len(shop.status("clone-state")["foreign"])
        time.sleep(12)
        later = len(shop.status()["foreign"]), len(shop.status("clone-state")["foreign"])
        check(foreign == later, f"new ids once per foreign incarnation, not again and again: {foreign}, {later}")
        first.stop()
        second.stop()
        counts = shop.collect()
        repeated = shop.none_lost(counts)
        check(not set(repeated) & set(before), f"repeated although acknowledged before the clone: {repeated[:3]}")
        check(max(counts.values()) <= 2, "two agents read each line: at most twice")


def test_kafka_state_that_is_gone_is_recovered_from_the_mirror():
    with Shop("wiped") as shop:
        shop.append("a.log", 2_000)
        shop.append("b.log", 1_000)
        agent = shop.agent()
        shop.shipped()
        shop.append("a.log", 1_000)
        shop.shipped()
        agent.stop()
        shutil.rmtree(shop.space / "agent-state")
        shop.append("b.log", 500)
        agent.start()
        shop.shipped()
        check('"agent.recovered"' in shop.log(), "the log says so")
        shop.append("a.log", 500)
        shop.shipped()
        # The second time it has no orderly end: what was acknowledged behind the last mirror record repeats.
        shop.kept(by="mirror")
        in_flight = shop.append("b.log", 1_000)
        time.sleep(0.3)
        agent.kill()
        shutil.rmtree(shop.space / "agent-state")
        agent.start()
        shop.shipped()
        agent.stop()
        repeated = shop.none_lost(shop.collect())
        check(set(repeated) <= set(in_flight), f"repeated: {repeated[:3]} to {repeated[-3:]}")


# Power loss: another boot id after an end without a clean mark.

class BootedAgent(Daemon):
    """An agent that sees a boot id of our choice."""

    def __init__(self, shop, boot):
        super().__init__("millrace-agent", "--config", shop.config(), log=shop.space / "agent-state.log")
        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
            raise Skip("no mount namespace of our own (needs root)")
        file = shop.space.write(f"boot-{boot}", f"{boot:08}-0000-4000-8000-000000000000\n")
        self.command = [
            "unshare", "-m", "sh", "-c", 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"', str(file),
            *self.command]
        shop.space.daemons.append(self)
        self.start()


def power_loss(name, damage, boots=(1, 2)):
    """Ships 3,000 lines, is killed, the file is damaged by `damage(path, bytes)`, and new lines come. Returns
    the repeated numbers and the shop's status."""
    with Shop(name) as shop:
        agent = BootedAgent(shop, boots[0])
        for _ in range(6):
            shop.append("a.log", 500)
            shop.shipped()
        shop.kept()
        agent.kill()
        path = shop.space / "logs/a.log"
        kept = damage(path, path.read_bytes())
        new = shop.append("a.log", 2_000)
        agent = BootedAgent(shop, boots[1])
        shop.shipped()
        new = [*new, *shop.append("a.log", 500)]
        shop.shipped()
        status = shop.status()
        agent.stop()
        counts = shop.collect()
        repeated = shop.none_lost(counts)
        check(not set(repeated) & set(new), f"new lines are rows once: {repeated[-3:]}")
        return repeated, kept, status, shop.log()


def test_kafka_a_file_shortened_by_a_power_loss_goes_on_behind_what_still_agrees():
    def damage(path, data):
        end = data.rfind(b"\n", 0, len(data) * 5 // 6) + 1
        os.truncate(path, end)
        return data[:end].count(b"\n")

    repeated, kept, status, log = power_loss("shortened", damage)
    check("machine went down" in (status["newIDs"] or ""), f"the status says why: {status}")
    # What lies between the last rung that still agrees and the end of what is left: at most a few packs.
    check(all(number < kept for number in repeated) and len(repeated) <= 600, f"{len(repeated)} of {kept} repeated")
    print(f"    {len(repeated)} of {kept} lines that the disk kept were repeated")


def test_kafka_a_file_written_anew_after_a_power_loss_is_read_from_its_head():
    def damage(path, data):
        path.write_bytes(b"")
        return 0

    repeated, _, status, _ = power_loss("anew", damage)
    check("machine went down" in (status["newIDs"] or ""), f"the status says why: {status}")
    check(not repeated, f"nothing of the old file is repeated: {repeated[:3]}")


def test_kafka_another_boot_with_whole_files_repeats_only_what_was_in_flight():
    repeated, kept, status, _ = power_loss("booted", lambda path, data: 3_000)
    check("machine went down" in (status["newIDs"] or ""), f"the status says why: {status}")
    check(not repeated, f"all was acknowledged: {repeated[:3]}")


def test_kafka_an_agent_whose_disk_fails_now_and_then_loses_and_repeats_nothing():
    for inject in ("fsync:error=EIO:when=12+3", "rename:error=ENOSPC:when=8+3"):
        with Shop("agent-disk") as shop:
            agent = Traced(
                shop.space, "millrace-agent", "--config", shop.config(), log="agent-state.log", inject=inject)

            def goes_on():
                shop.append("a.log", 400)
                shop.append(f"{shop.next}.log", 100)
                return shop.next >= 2_500 and "agent.state_write" in shop.log()

            # Which calls fail depends on how many there are: the status is renamed, too.
            wait_until(f"{inject}: the log says that the state could not be written", 60, goes_on, 1)
            shop.shipped()
            agent.stop(code=None)
            check(not shop.none_lost(shop.collect()), "nothing is repeated")
