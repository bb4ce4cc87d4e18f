"""Writes JSON lines into log files and rotates them while an agent reads: by renaming, by copytruncate
with its copy, and by deleting and making anew. Every line written is also in a ledger beside the logs.

Most lines have a number of their own; one of 50 is the same in every file, one of 97 repeats the line
before it, and files of matched names begin with the same line: equal lines are lines too.

Outside of what this shows, because no reader can help it:
- what is written between copytruncate's copy and its truncation: the writer pauses there;
- unread bytes of a file that is deleted while no agent runs: a file is deleted here only when all of it
  is acknowledged;
- a file that comes and goes under a name that no pattern matches before any agent saw it: where the
  rotated names are not matched, a file is rotated only once it is known.
"""
import contextlib
import json
import os
import pathlib
import shutil
import time
from dataclasses import dataclass


@dataclass
class Log:
    """One log file, and how its rotated files are named."""

    path: pathlib.Path
    naming: str
    is_matched: bool
    file: object = None
    changed: float = 0.0
    serial: int = 0
    resting: float = 0.0

    def next_name(self):
        self.serial += 1
        if self.naming == "numbered":
            self.shift()
            return self.path.with_name(f"{self.path.name}.1")
        date = f"202611{1 + self.serial // 1000:02}-{self.serial % 1000:03}"
        if self.naming == "dated":
            return self.path.with_name(f"{self.path.name}-{date}")
        return self.path.with_name(f"{self.path.stem}-{date}{self.path.suffix}")

    def shift(self):
        """`.2` to `.3`, `.1` to `.2`: what logrotate does before it makes a new `.1`."""
        number = 1
        while self.path.with_name(f"{self.path.name}.{number}").exists():
            number += 1
        while number > 1:
            os.rename(f"{self.path}.{number - 1}", f"{self.path}.{number}")
            number -= 1


class LogWriter:
    """`state()`: (seconds since the epoch, {path: (bytes, acknowledged)}) as the agent last said.
    `down()`: a context in which the agent is killed. `heads`: files of matched names begin with the same line.
    What was done to which file is in a history beside the logs, for whoever looks into a failure."""

    PAD = "x" * 120
    TICK = {"time": "2025-03-04T12:00:00Z", "id": -1, "file": "every", "pad": "tick"}
    HEAD = {"time": "2025-03-04T00:00:00Z", "id": -2, "file": "every", "pad": "head"}
    # Folder, naming and whether the agent's patterns match the rotated names.
    STYLES = [
        ("all", "numbered", True), ("own", "numbered", False), ("all", "infix", True), ("own", "dated", False),
        ("all", "dated", True),
    ]

    def __init__(self, folder, files, chance, state=lambda: (0, {}), down=contextlib.nullcontext, heads=True):
        self.folder = pathlib.Path(folder)
        self.chance, self.state, self.down, self.heads = chance, state, down, heads
        self.written = self.numbered = 0
        self.rotations = {"renamed": 0, "copied": 0, "copied while the agent was killed": 0, "recreated": 0}
        self.ledger = open(self.folder.with_suffix(".ledger"), "ab", buffering=1 << 20)
        self.history = open(self.folder.with_suffix(".history"), "a", buffering=1)
        self.logs = []
        for index in range(files):
            place, naming, is_matched = self.STYLES[index % len(self.STYLES)]
            path = self.folder / place / f"app-{index:02}.log"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.logs.append(Log(path, naming, is_matched))
            self.renew(self.logs[-1])

    @staticmethod
    def patterns(folder):
        """What the agent has to include."""
        return [f"{folder}/all/*.log*", f"{folder}/own/*.log"]

    def line(self, name):
        number = self.numbered
        if number % 50 == 49:
            self.numbered += 1
            return self.encoded(self.TICK)
        repeats = number % 97 == 96
        number -= repeats
        self.numbered += 1
        minute = number // 1000 % 2880
        clock = f"{minute % 1440 // 60:02}:{minute % 60:02}:{number % 60:02}"
        return self.encoded({
            "time": f"2025-03-{4 + minute // 1440:02}T{clock}Z", "id": number, "file": name,
            "pad": self.PAD[: number * 7919 % 120]})

    @staticmethod
    def encoded(value):
        return json.dumps(value).encode() + b"\n"

    def put(self, log, lines, cut=0.0):
        """Writes lines to a log, with a chance of `cut` in two halves."""
        data = b"".join(lines)
        middle = self.chance.randrange(len(data)) if data and self.chance.random() < cut else 0
        if middle:
            log.file.write(data[:middle])
            time.sleep(0.002)
        log.file.write(data[middle:])
        self.ledger.write(data)
        self.written += len(lines)

    def burst(self, log, count):
        self.put(log, [self.line(log.path.name) for _ in range(count)], cut=0.2)

    def write(self, count):
        """Writes lines in bursts spread over the files, some of them in two halves."""
        while count > 0:
            log = self.chance.choice(self.logs)
            if log.resting and not self.recreate_if_shipped(log):
                if all(each.resting for each in self.logs):
                    time.sleep(0.05)
                continue
            burst = min(count, self.chance.randrange(1, 200))
            self.burst(log, burst)
            count -= burst

    def rotate(self):
        awake = [log for log in self.logs if not log.resting]
        if not awake:
            return
        log = self.chance.choice(awake)
        how = self.chance.choice(["rename", "copy", "recreate"])
        if how == "recreate":
            # It rests until all is acknowledged, and is then deleted and made anew.
            if len(awake) > len(self.logs) * 3 // 4:
                log.resting = time.time()
        elif log.is_matched or self.is_known(log):
            self.rename(log) if how == "rename" else self.copy(log)

    def tell(self, log, what, target=""):
        self.history.write(f"{time.time():.3f} {log.path.name} {what} {target and target.name} {self.numbered}\n")

    def rename(self, log):
        target = log.next_name()
        os.rename(log.path, target)
        self.tell(log, "renamed", target)
        if self.chance.random() < 0.3:
            self.put(log, [self.line(log.path.name)])  # a late line through the old descriptor
        self.renew(log)
        self.rotations["renamed"] += 1

    def copy(self, log):
        """Copy, truncation, then lines again; every second time the agent is killed before one of the three
        steps and started behind one of them."""
        def grow():
            log.changed = time.time()
            self.begin(log)
            self.burst(log, self.chance.choice([1, 20, 1000]))

        target = log.next_name()
        steps = [lambda: shutil.copyfile(log.path, target), lambda: os.truncate(log.path, 0), grow]
        first = self.chance.randrange(len(steps)) if self.chance.random() < 0.5 else None
        if first is None:
            for step in steps:
                step()
        else:
            last = self.chance.randrange(first, len(steps))
            for step in steps[:first]:
                step()
            with self.down():
                for step in steps[first:last + 1]:
                    step()
            for step in steps[last + 1:]:
                step()
            self.rotations["copied while the agent was killed"] += 1
        self.rotations["copied"] += 1
        self.tell(log, "copied" if first is None else f"copied, agent down for steps {first} to {last} of", target)

    def recreate_if_shipped(self, log):
        """Whether the log can be written to again: made anew, or after a while left as it is."""
        time_of_state, files = self.state()
        size = log.path.stat().st_size
        if time_of_state > max(log.changed, log.resting) + 1 and files.get(str(log.path)) == (size, size):
            os.unlink(log.path)
            self.renew(log)
            self.rotations["recreated"] += 1
            self.tell(log, "recreated")
        elif time.time() - log.resting < 20:
            return False
        log.resting = 0.0
        return True

    def is_known(self, log):
        """Whether the agent has shipped something of the present file."""
        time_of_state, files = self.state()
        return time_of_state > log.changed + 1 and files.get(str(log.path), (0, 0))[1] > 0

    def renew(self, log):
        if log.file:
            log.file.close()
        log.file = open(log.path, "ab", buffering=0)
        log.changed = time.time()
        self.begin(log)

    def begin(self, log):
        if log.is_matched and self.heads:
            self.put(log, [self.encoded(self.HEAD)])

    def close(self):
        for log in self.logs:
            log.file.close()
        self.ledger.close()
        self.history.close()
