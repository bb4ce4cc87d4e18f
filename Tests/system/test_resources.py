"""What the daemons cost when nothing happens, and while the broker is gone; and how they end then."""
import os
import time

import configs
from harness import Kafka, Workspace, check, count, is_caught_up, wait_until
from test_kafka import lines
from torture import AGENT_MEBIBYTES, COLLECTOR_MEBIBYTES, all_acknowledged, verify

# Of one processor: idle, and while the broker is gone (connections are tried, statuses written). A debug build on a slow
# machine takes 1.1%; a loop that spins, which is what this looks for, takes a multiple of the limits.
IDLE_SHARE, WAITING_SHARE = 0.03, 0.04
# `MILLRACE_OUTAGE=60` measures over a minute as an operator would see it.
SECONDS = float(os.environ.get("MILLRACE_OUTAGE", 12))


def used(daemon):
    """Seconds of processor time so far."""
    with open(f"/proc/{daemon.process.pid}/stat") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resident(daemon):
    """Largest resident memory so far, in MiB."""
    with open(f"/proc/{daemon.process.pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM:"))


def shares(daemons, seconds):
    before = [used(daemon) for daemon in daemons]
    time.sleep(seconds)
    return [(used(daemon) - start) / seconds for daemon, start in zip(daemons, before)]


def ended_within(daemon, seconds):
    begin = time.monotonic()
    daemon.stop(code=0, seconds=seconds)
    return time.monotonic() - begin


def test_kafka_idle_daemons_and_daemons_without_a_broker_wait_quietly_and_end_in_order():
    with Workspace("idle") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({"app": 3})
        agent_config = configs.agent(space, kafka.address, [("app", "app", f"{space.path}/logs/*.log")])
        config = configs.collector(space, kafka.address)
        for index in range(20):
            space.write(f"logs/{index}.log", lines(index * 1_000, 1_000))
        agent = space.daemon("millrace-agent", "--config", agent_config, log="agent.log")
        collector = space.daemon("millrace-collector", "--config", config, log="collector.log")
        daemons = [agent, collector]
        wait_until("all is shipped", 60, lambda: all_acknowledged(configs.agent_status(space)))
        wait_until("all is committed", 60, lambda: is_caught_up(config))
        time.sleep(2)
        idle = shares(daemons, SECONDS)
        print(f"    idle: agent {idle[0]:.2%}, collector {idle[1]:.2%} of a processor")
        kafka.stop()
        with open(space / "logs/0.log", "ab") as file:
            file.write(lines(20_000, 1_000))
        time.sleep(2)
        waiting = shares(daemons, SECONDS)
        print(f"    without a broker: agent {waiting[0]:.2%}, collector {waiting[1]:.2%}")
        kafka.start()
        wait_until("it goes on", 60, lambda: is_caught_up(config) and count(space / "warehouse", "shop.app") == 21_000, 0.5)
        time.sleep(2)
        again = shares(daemons, SECONDS)
        memory = [resident(daemon) for daemon in daemons]
        print(f"    after the broker came back: agent {again[0]:.2%}, collector {again[1]:.2%}; "
              f"resident at most {memory[0]:.0f} and {memory[1]:.0f} MiB")
        kafka.stop()
        with open(space / "logs/1.log", "ab") as file:
            file.write(lines(21_000, 1_000))
        time.sleep(1)
        ends = [ended_within(daemon, 27) for daemon in daemons]
        print(f"    SIGTERM without a broker: agent {ends[0]:.1f} s, collector {ends[1]:.1f} s")
        # Started without a broker, they wait for it; told to end, they do.
        for daemon in daemons:
            daemon.start()
        time.sleep(3)
        blind = shares(daemons, SECONDS)
        print(f"    started without a broker: agent {blind[0]:.2%}, collector {blind[1]:.2%}")
        ends = [ended_within(daemon, 27) for daemon in daemons]
        print(f"    SIGTERM then: agent {ends[0]:.1f} s, collector {ends[1]:.1f} s")
        kafka.start()
        for daemon in daemons:
            daemon.start()
        wait_until("all is there", 90, lambda: is_caught_up(config) and count(space / "warehouse", "shop.app") == 22_000, 0.5)
        for daemon in daemons:
            daemon.stop()
        verify(space, config, 22_000, lambda text: None)
        for what, found, limit in (("idle", idle, IDLE_SHARE), ("without a broker", waiting, WAITING_SHARE),
                                   ("idle after an outage", again, IDLE_SHARE), ("blind", blind, WAITING_SHARE)):
            check(max(found) < limit, f"{what}: agent and collector take {found} of a processor, at most {limit}")
        check(memory[0] < AGENT_MEBIBYTES and memory[1] < COLLECTOR_MEBIBYTES, f"resident MiB: {memory}")
