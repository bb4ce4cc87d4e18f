"""Writes numbered JSON lines into log files and rotates them while an agent reads: by renaming, by
copytruncate with its copy, and by deleting and making anew.

Outside of what this shows, because no reader can help it: what is written between copytruncate's copy
and its truncation (the writer pauses there), and unread bytes of a file that is deleted while no agent
runs (a file is deleted here only when `is_shipped` says that all of it is acknowledged).
"""
import json
import os
import pathlib
import shutil
import time


class LogWriter:
    PAD = "x" * 120

    def __init__(self, folder, files, chance, is_shipped=lambda path: False):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.names = [f"app-{index:02}.log" for index in range(files)]
        self.chance = chance
        self.is_shipped = is_shipped
        self.written = 0
        self.rotations = {"renamed": 0, "copied": 0, "recreated": 0}
        self.open = {name: open(self.folder / name, "ab", buffering=0) for name in self.names}
        self.resting = {}

    def line(self, number, name):
        minute = number // 1000 % 2880
        time_text = f"2025-03-{4 + minute // 1440:02}T{minute % 1440 // 60:02}:{minute % 60:02}:{number % 60:02}Z"
        pad = self.PAD[: number * 7919 % 120]
        return json.dumps({"time": time_text, "id": number, "file": name, "pad": pad}).encode() + b"\n"

    def write(self, count):
        """Writes lines in bursts spread over the files, some of them in two halves."""
        while count > 0:
            name = self.chance.choice(self.names)
            if name in self.resting:
                self.recreate_if_shipped(name)
                if name in self.resting:
                    if len(self.resting) == len(self.names):
                        time.sleep(0.05)
                    continue
            burst = min(count, self.chance.randrange(1, 200))
            data = b"".join(self.line(self.written + index, name) for index in range(burst))
            cut = self.chance.randrange(len(data)) if self.chance.random() < 0.2 else 0
            if cut:
                self.open[name].write(data[:cut])
                time.sleep(0.002)
            self.open[name].write(data[cut:])
            self.written += burst
            count -= burst

    def rotate(self):
        name = self.chance.choice([name for name in self.names if name not in self.resting] or [None])
        if name is None:
            return
        how = self.chance.choice(["rename", "copy", "recreate"])
        if how == "recreate":
            # It rests until all is acknowledged, and is then deleted and made anew.
            if len(self.resting) < len(self.names) // 4:
                self.resting[name] = time.monotonic()
            return
        self.shift(name)
        path = self.folder / name
        if how == "rename":
            os.rename(path, f"{path}.1")
            if self.chance.random() < 0.3:
                self.open[name].write(self.line(self.written, name))  # a late line through the old descriptor
                self.written += 1
            self.open[name].close()
            self.open[name] = open(path, "ab", buffering=0)
            self.rotations["renamed"] += 1
        else:
            shutil.copyfile(path, f"{path}.1")
            os.truncate(path, 0)
            self.rotations["copied"] += 1

    def shift(self, name):
        """`.2` to `.3`, `.1` to `.2`: what logrotate does before it makes a new `.1`."""
        number = 1
        while (self.folder / f"{name}.{number}").exists():
            number += 1
        while number > 1:
            os.rename(self.folder / f"{name}.{number - 1}", self.folder / f"{name}.{number}")
            number -= 1

    def recreate_if_shipped(self, name):
        path = self.folder / name
        if not self.is_shipped(str(path)):
            if time.monotonic() - self.resting[name] > 20:
                del self.resting[name]  # not now: it goes on as it is
            return
        os.unlink(path)
        self.open[name].close()
        self.open[name] = open(path, "ab", buffering=0)
        self.rotations["recreated"] += 1
        del self.resting[name]

    def close(self):
        for file in self.open.values():
            file.close()
