#!/usr/bin/env python3
"""Against a real Kafka: lines from rotating files, both daemons killed with SIGKILL at random, the broker
stopped, and at the end the same lines in the warehouse, once each.

    torture.py [--lines N] [--files N] [--kills N] [--stops N] [--outage SECONDS] [--seed N] [--full]

`--full`: 1,000,000 lines, 20 files, 50 kills of each daemon, the broker stopped twice for a minute.
"""
import argparse
import sys
import threading
import time

import configs
from harness import Kafka, Workspace, audit, check, is_caught_up, lag, query, seeded, source, wait_until
from writer import LogWriter


class Killer(threading.Thread):
    """Kills a daemon and starts it again at once, `kills` times, spread over about `seconds`."""

    def __init__(self, daemon, kills, seconds, chance):
        super().__init__(daemon=True)
        self.target, self.kills, self.seconds, self.chance = daemon, kills, seconds, chance
        self.done = 0
        self.unexpected = []

    def run(self):
        for _ in range(self.kills):
            time.sleep(self.chance.uniform(0.1, 2 * self.seconds / self.kills))
            if not self.target.is_running:
                self.unexpected.append(self.target.tail(3))
            self.target.kill()
            self.target.start()
            self.done += 1


def torture(lines=60_000, files=20, kills=8, stops=1, outage=8, seed=1, seconds=40, say=print):
    chance = seeded(seed)
    with Workspace("torture") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"app": 3})
        agent_config = configs.agent(space, kafka.address, [("app", "app", f"{space.path}/logs/*.log*")])
        collector_config = configs.collector(space, kafka.address, commit="1s")
        agent = space.daemon("millrace-agent", "--config", agent_config, log="agent.log")
        collector = space.daemon("millrace-collector", "--config", collector_config, log="collector.log")

        def is_shipped(path):
            report = configs.agent_status(space)
            return any(
                file["path"] == path and file["bytes"] == file["acknowledged"] == space.path.joinpath(path).stat().st_size
                for file in report.get("files", []))

        writer = LogWriter(space / "logs", files, chance, is_shipped)
        killers = [Killer(daemon, kills, seconds, seeded(seed + 1 + index)) for index, daemon in enumerate([agent, collector])]
        for killer in killers:
            killer.start()
        began = time.monotonic()
        steps = max(40, seconds * 4)
        stop_at = [steps * (index + 1) // (stops + 1) for index in range(stops)]
        outages = []
        for step in range(steps):
            writer.write(lines * (step + 1) // steps - writer.written)
            writer.rotate()
            if step in stop_at:
                outages.append(threading.Thread(target=lambda: (kafka.stop(), time.sleep(outage), kafka.start())))
                outages[-1].start()
            time.sleep(max(0.0, began + (step + 1) * seconds / steps - time.monotonic()))
        for thread in [*killers, *outages]:
            thread.join()
        writer.close()
        say(f"    wrote {writer.written} lines, {writer.rotations}, kills {[killer.done for killer in killers]}, stops {stops}")
        for daemon in (agent, collector):
            check(daemon.is_running, f"{daemon.command[0]} ended by itself: {daemon.tail()}")

        def is_all_there():
            return all_acknowledged(configs.agent_status(space)) and is_caught_up(collector_config)

        wait_until("all shipped and committed", 240, is_all_there, pause=1)
        agent.stop()
        collector.stop()
        verify(space, collector_config, writer.written, say)
        for killer in killers:
            check(not killer.unexpected, f"ended by itself between kills: {killer.unexpected[:1]}")


def all_acknowledged(report):
    files = report.get("files", [])
    return bool(files) and all(file["acknowledged"] >= file["bytes"] for file in files)


def verify(space, config, written, say):
    """Every number from 0 to written-1 is a row exactly once; the audit agrees."""
    rows = source(space / "warehouse", "shop.app")
    total, distinct, low, high = query(f"SELECT count(*), count(DISTINCT id), min(id), max(id) FROM {rows}")[0]
    say(f"    {total} rows, {distinct} distinct")
    lost = query(f"SELECT i FROM range({written}) t(i) ANTI JOIN (SELECT id FROM {rows}) ON i = id ORDER BY i LIMIT 5")
    twice = query(f"SELECT id, count(*) FROM {rows} GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 5")
    check(not lost, f"{written - distinct} lines lost, for example {lost}")
    check(not twice, f"{total - distinct} rows twice, for example {twice}")
    check((total, low, high) == (written, 0, written - 1), f"rows {total} from {low} to {high}, lines {written}")
    report = audit(config, code=0)
    for pipeline in report["pipelines"]:
        check(pipeline["hole_count"] == 0, f"audit names {pipeline['hole_count']} holes")
        check(pipeline["balance"]["holds"], f"the balance does not hold: {pipeline['balance']}")
        say(f"    balance {pipeline['balance']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("lines", int), ("files", int), ("kills", int), ("stops", int), ("outage", float), ("seconds", int)):
        parser.add_argument(f"--{name}", type=kind)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    settings = dict(lines=1_000_000, files=20, kills=50, stops=2, outage=60, seconds=300) if options.full else {}
    settings.update({name: value for name, value in vars(options).items() if value is not None and name != "full"})
    torture(**settings)
    print("1 passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main())
