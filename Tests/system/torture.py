#!/usr/bin/env python3
"""Against a real Kafka: lines from rotating files, both daemons killed with SIGKILL at random, the broker
stopped, and at the end the same lines in the warehouse, as often as they were written.

    torture.py [--lines N] [--files N] [--kills N] [--stops N] [--outage SECONDS] [--seed N] [--heads 0|1] [--parquet 0|1]
               [--full]

`--full`: 1,000,000 lines, 20 files, 50 kills of each daemon, the broker stopped twice for a minute.
"""
import argparse
import contextlib
import os
import sys
import threading
import time

import configs
from harness import Kafka, Workspace, audit, check, is_caught_up, query, seeded, source, wait_until
from writer import LogWriter

# What issue and documentation promise.
AGENT_MEBIBYTES, COLLECTOR_MEBIBYTES = 64, 256


class Killer(threading.Thread):
    """Kills a daemon and starts it again at once, `kills` times, spread over about `seconds`."""

    def __init__(self, daemon, kills, seconds, chance):
        super().__init__(daemon=True)
        self.target, self.kills, self.seconds, self.chance = daemon, kills, seconds, chance
        self.done = self.asked = 0
        self.unexpected = []
        self.peak = 0
        self.turn = threading.Lock()

    def run(self):
        for _ in range(self.kills):
            time.sleep(self.chance.uniform(0.1, 2 * self.seconds / self.kills))
            with self.down():
                pass
            self.done += 1
            self.asked -= 1

    @contextlib.contextmanager
    def down(self):
        """The daemon is killed at the beginning and started at the end."""
        with self.turn:
            self.measure()
            if not self.target.is_running:
                self.unexpected.append(self.target.tail(3))
            self.target.kill()
            yield
            self.target.start()
            self.asked += 1

    def measure(self):
        """Takes in the largest resident memory that the process has had so far, in MiB."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open(f"/proc/{self.target.process.pid}/status") as status:
                peak = [line.split()[1] for line in status if line.startswith("VmHWM:")]
            self.peak = max(self.peak, int(peak[0]) / 1024)


def torture(lines=60_000, files=20, kills=8, stops=1, outage=8, seed=1, seconds=40, heads=True, parquet=False, say=print):
    began = time.monotonic()
    seed = int(os.environ.get("MILLRACE_SEED", seed))
    with Workspace("torture") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"app": 3})
        agent_config = configs.agent(space, kafka.address, [("app", "app", LogWriter.patterns(space / "logs"))])
        collector_config = configs.collector(
            space, kafka.address, commit="1s", routes=configs.APPLICATION + configs.PARQUET * bool(parquet))
        agent = space.daemon("millrace-agent", "--config", agent_config, log="agent.log")
        collector = space.daemon("millrace-collector", "--config", collector_config, log="collector.log")
        killers = [
            Killer(daemon, kills, seconds, seeded(seed + 1 + index)) for index, daemon in enumerate([agent, collector])]
        writer = LogWriter(space / "logs", files, seeded(seed), lambda: agent_state(space), killers[0].down, heads)
        for killer in killers:
            killer.start()
        write(writer, kafka, lines, seconds, stops, outage)
        for killer in killers:
            killer.join()
        writer.close()
        closed = time.time()
        say(f"    seed {seed}: wrote {writer.written} lines, {writer.rotations}")
        say(f"    files begin alike: {'yes' if heads else 'no'}")
        say(f"    kills at random {[killer.done for killer in killers]}, inside rotations {killers[0].asked}, "
            f"broker stopped {stops} times for {outage} s")
        for daemon in (agent, collector):
            check(daemon.is_running, f"{daemon.command[0]} ended by itself: {daemon.tail()}")

        def is_all_there():
            # Longer than what the agent says takes to be said; held files count as not acknowledged.
            return agent_state(space)[0] > closed + 3 and all_acknowledged(configs.agent_status(space)) \
                and is_caught_up(collector_config)

        wait_until("all shipped and committed", 240, is_all_there, pause=1)
        for killer in killers:
            killer.measure()
        agent.stop()
        collector.stop()
        say(f"    largest resident memory: agent {killers[0].peak:.0f} MiB, collector {killers[1].peak:.0f} MiB")
        compare(space, collector_config, space / "logs.ledger", say)
        left = list((space / "warehouse/_millrace/status").glob("*"))
        check(not left, f"statuses of collectors that were killed are swept: {left}")
        for killer, limit in zip(killers, (AGENT_MEBIBYTES, COLLECTOR_MEBIBYTES)):
            check(not killer.unexpected, f"ended by itself between kills: {killer.unexpected[:1]}")
            check(killer.peak < limit, f"{killer.target.command[0]}: {killer.peak:.0f} MiB resident, at most {limit}")
        say(f"    {time.monotonic() - began:.0f} s")


def write(writer, kafka, lines, seconds, stops, outage):
    """Writes `lines` in about `seconds`, with rotations and stops of the broker in between."""
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
    for thread in outages:
        thread.join()


def agent_state(space):
    """When the agent last said something, and {path: (bytes, acknowledged)}."""
    report = configs.agent_status(space)
    files = {file["path"]: (file["bytes"], file["acknowledged"]) for file in report.get("files", [])}
    return report.get("time", 0) / 1000, files


def all_acknowledged(report):
    files = report.get("files", [])
    return bool(files) and all(file["acknowledged"] >= file["bytes"] for file in files)


def differences(space, ledger):
    """The multiset of rows against that of lines, column by column: (lines, distinct, lost, too many, examples)."""
    columns = "columns={id: 'BIGINT', time: 'VARCHAR', file: 'VARCHAR', pad: 'VARCHAR'}"
    rows = source(space / "warehouse", "shop.app", columns)
    lines = f"read_json('{ledger}', format='newline_delimited', {columns})"
    counted = "SELECT id, CAST(rtrim(replace(time::VARCHAR, 'T', ' '), 'Z') AS TIMESTAMP) AS at, file, pad, count(*) AS n FROM"
    joined = f"""
        (SELECT l.id, l.file, coalesce(l.n, 0) AS lines, coalesce(r.n, 0) AS found, r.id AS row_id
         FROM ({counted} {lines} GROUP BY ALL) l FULL JOIN ({counted} {rows} GROUP BY ALL) r
         ON l.id = r.id AND l.at = r.at AND l.file IS NOT DISTINCT FROM r.file AND l.pad IS NOT DISTINCT FROM r.pad)"""
    sums = query(
        f"SELECT sum(lines), count(*), sum(greatest(lines - found, 0)), sum(greatest(found - lines, 0)) FROM {joined}")
    examples = query(f"SELECT id, row_id, file, lines, found FROM {joined} WHERE lines != found ORDER BY id LIMIT 8")
    return (*map(int, sums[0]), examples)


def compare(space, config, ledger, say):
    """The multiset of rows is the multiset of lines; the audit agrees; and one line more or less would show."""
    total, distinct, lost, twice, examples = differences(space, ledger)
    say(f"    {total} lines, {distinct} distinct; {lost} lost, {twice} too many")
    check((lost, twice) == (0, 0), f"{lost} lines lost, {twice} rows too many, for example {examples}")
    agree(config, say)
    lines = ledger.read_bytes().splitlines(keepends=True)
    middle = len(lines) // 2
    other = lines[middle].replace(b'"time": "2025', b'"time": "2024')
    for replacement, expected in ((b"", (0, 1)), (2 * lines[middle], (1, 0)), (other, (1, 1))):
        changed = ledger.with_suffix(".changed")
        changed.write_bytes(b"".join((*lines[:middle], replacement, *lines[middle + 1:])))
        found = differences(space, changed)[2:4]
        check(found == expected, f"the comparison is blind: {found} with line {middle} as {replacement[:80]}")


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
    agree(config, say)


def agree(config, say):
    """The audit names no hole and the balance holds."""
    report = audit(config, code=0)
    for pipeline in report["pipelines"]:
        check(pipeline["hole_count"] == 0, f"audit names {pipeline['hole_count']} holes")
        check(pipeline["balance"]["holds"], f"the balance does not hold: {pipeline['balance']}")
        say(f"    balance {pipeline['balance']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, kind in (("lines", int), ("files", int), ("kills", int), ("stops", int), ("outage", float), ("seconds", int), ("heads", int),
                       ("parquet", int)):
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
