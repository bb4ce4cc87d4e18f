"""What the tests of stopped, cloned and restored daemons share: one broker for all of them, packs made
without an agent, a look into the warehouse, and faults put into system calls by strace."""
import atexit
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile

import configs
from harness import BIN, Daemon, Kafka, check, need, query, source, wait_until

RECORD_END, KEY_END = "\x1e", "\x1f"
# The shortest session that a broker of the default configuration takes.
QUICK = "  properties: {session.timeout.ms: 6000, heartbeat.interval.ms: 1000}\n"


class SharedKafka(Kafka):
    """The broker of this run (MILLRACE_KAFKA), or one that is started once and ends with the run. Topics and
    groups of a test have names of their own."""

    one = None

    @classmethod
    def get(cls):
        if cls.one is None:
            cls.one = cls(tempfile.mkdtemp(prefix="millrace-kafka-"))
        return cls.one

    def __init__(self, folder):
        super().__init__(folder)
        need("kcat")
        self.named = os.environ.get("MILLRACE_KAFKA")
        self.serial = 0
        if not self.named:
            self.start()
            atexit.register(self.end)
        present = self.tool("topics", "--list").split()
        if "millrace-state" not in present:
            self.create("millrace-state", 3, "cleanup.policy=compact")
        if "millrace-heartbeats" not in present:
            self.create("millrace-heartbeats", 3)

    def end(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def address(self):
        return self.named or super().address

    def fresh(self, partitions, *settings):
        """A new topic; its name."""
        self.serial += 1
        topic = f"zombie-{os.getpid()}-{self.serial}"
        self.create(topic, partitions, *settings)
        return topic

    def remake(self, topic, partitions):
        """Deletes a topic and makes it anew under the same name."""
        self.tool("topics", "--delete", "--topic", topic)

        def made():
            try:
                self.create(topic, partitions)
                return True
            except subprocess.CalledProcessError as error:
                if b"already exists" in error.stderr if isinstance(error.stderr, bytes) else "already exists" in error.stderr:
                    return False
                raise

        wait_until("the topic is made anew", 30, made, 0.3)

    def delete_records(self, topic, partition, before):
        file = pathlib.Path(self.folder, "delete.json")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(
            {"version": 1, "partitions": [{"topic": topic, "partition": partition, "offset": before}]}))
        self.tool("delete-records", "--offset-json-file", file)

    def produce(self, topic, partition, records):
        """`records`: (key, value) pairs of text or bytes; in order, all acknowledged on return."""
        feed = self.feed(topic, partition)
        feed.write(records)
        feed.close()

    def feed(self, topic, partition):
        return Feed(self.address, topic, partition)


class Feed:
    """A producer that stays open."""

    def __init__(self, address, topic, partition):
        self.process = subprocess.Popen(
            ["kcat", "-P", "-b", address, "-t", topic, "-p", str(partition), "-K", KEY_END, "-D", RECORD_END, "-X",
             "acks=all"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)

    def write(self, records):
        for key, value in records:
            data = key.encode() + KEY_END.encode() + value + RECORD_END.encode()
            self.process.stdin.write(data)
        self.process.stdin.flush()

    def close(self):
        _, errors = self.process.communicate()
        check(self.process.returncode == 0, f"kcat: {errors}")


def rows(first, count, pad=100):
    """JSON lines numbered from `first`, over three days."""
    return [
        json.dumps({
            "time": f"2025-03-{4 + n % 3:02}T00:{n // 60 % 60:02}:{n % 60:02}Z", "id": n, "file": "a", "pad": "x" * pad,
        }).encode() for n in range(first, first + count)]


class Stream:
    """One stream of an agent that does not exist: packs as it would ship them."""

    def __init__(self, seed, agent="shop-9", source="app"):
        self.agent, self.source = agent, source
        self.id = f"{random.Random(seed).getrandbits(128) | 1:032x}"
        self.position = 0

    def key(self, kind, framing, start, end):
        return f"m1 {kind} {framing} {self.agent} {self.source} {self.id} {start} {end}"

    def announce(self):
        value = json.dumps({"path": f"/logs/{self.id[:6]}", "first": 0, "reason": "new"}).encode()
        return self.key("a", "-", self.position, self.position), value

    def packs(self, lines, per_pack=50):
        """Packs of `per_pack` lines each; the first one of the stream is announced."""
        records = [] if self.position else [self.announce()]
        for index in range(0, len(lines), per_pack):
            value = b"\n".join(lines[index:index + per_pack])
            end = self.position + len(value) + 1
            records.append((self.key("d", "l", self.position, end), value))
            self.position = end
        return records


# Collectors and their warehouse.

def collector(space, kafka, topics, file, group, commit="300ms", more="", tail="", **rest):
    """A configuration with short sessions, so that the group notices a stopped member within seconds."""
    path = configs.collector(space, kafka.address, topics, group=group, commit=commit, file=file, more=more, **rest)
    text = path.read_text()
    text = text.replace("group:", f"{QUICK}group:", 1).replace(f"commit:\n  interval: {commit}\n", f"commit:\n  interval: {commit}\n{tail}", 1)
    path.write_text(text)
    return path


def statuses(space):
    """What the running collectors say of themselves."""
    found = []
    for path in pathlib.Path(space.path, "warehouse/_millrace/status").glob("*.json"):
        try:
            found.append(json.loads(path.read_text()))
        except (OSError, ValueError):
            pass
    return found


def staged(space, other_than=()):
    """Data files in staging folders: {incarnation: [paths]}."""
    folder = pathlib.Path(space.path, "warehouse/_millrace/staging")
    found = {}
    for path in folder.glob("*/part-*"):
        if path.parent.name not in other_than:
            found.setdefault(path.parent.name, []).append(path)
    return found


def incarnations(space):
    return {path.name for path in pathlib.Path(space.path, "warehouse/_millrace/staging").glob("*")}


def record(space, number):
    return pathlib.Path(space.path, f"warehouse/_millrace/log/{number // 10_000:04}/{number:08}.json")


def newest_record(space):
    names = pathlib.Path(space.path, "warehouse/_millrace/log").glob("*/*.json")
    return max((int(path.stem) for path in names), default=0)


def row_count(space, table="shop.app"):
    try:
        return query(f"SELECT count(*) FROM {source(space / 'warehouse', table)}")[0][0]
    except Exception:  # a file was published or moved between the listing and the reading
        return -1


class Traced(Daemon):
    """A program under strace, which puts faults into its system calls."""

    def __init__(self, space, program, *arguments, log, inject, paths=(), trace=None):
        need("strace")
        super().__init__(program, *arguments, log=space.path / log)
        calls = inject.split(":", 1)[0] if trace is None else trace
        command = ["strace", "-f", "-qq", "-o", str(space.path / f"{log}.strace"), "-e", f"trace={calls}"]
        command += ["-e", f"inject={inject}"]
        for path in paths:
            command += ["-P", str(path)]
        self.command = [*command, *self.command]
        space.daemons.append(self)
        self.start()

    def child(self):
        """The traced process itself."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return wait_until("strace has started the program", 10, lambda: int((open(path).read().split() or [0])[0]))

    def signal(self, number):
        os.kill(self.child(), number)

    def kill(self):
        # Why the program first: a tracer that is killed leaves it running.
        if self.is_running:
            try:
                self.signal(signal.SIGKILL)
            except (ProcessLookupError, AssertionError, OSError):
                pass
        super().kill()

    def stop(self, code=0, seconds=40):
        check(self.is_running, f"it ended by itself: {self.tail()}")
        self.signal(signal.SIGTERM)
        found = self.process.wait(seconds)
        check(code is None or found == code, f"exit {found} after SIGTERM: {self.tail()}")
