#!/usr/bin/env python3
"""Throughput of the agent and the collector against bare loops, on a real broker.

    throughput.py --bin FOLDER --bare PROGRAM --broker HOST:PORT [--lines 4000000] [--rounds 3] [--work FOLDER]

Each round runs the bare loop and the program in turn on the same files and the same broker, so a
machine that drifts slows both. Printed: lines per second, CPU seconds per million lines of the
process, largest resident memory as the kernel counted it, and the ratio program / bare, per round and
as the median. Numbers, not a verdict; exit 1 only if something did not finish or counts differ.
"""
import argparse, os, random, shutil, statistics, subprocess, sys, time
from pathlib import Path
import configs

PARTITIONS = 4
FILES = 20


def make_files(folder: Path, lines: int) -> int:
    """`lines` combined-format lines of 190 to 225 bytes in FILES files; the same every time."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / f"made-{lines}"
    if not stamp.exists():
        rng = random.Random(1)
        block = []
        for index in range(10_000):
            agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/" + str(rng.randint(100, 145)) + ".0"
            line = (f'10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(0, 255)} - - '
                    f'[{rng.randint(10, 28)}/Oct/2026:{index // 3600 % 24:02}:{index // 60 % 60:02}:{index % 60:02} +0000] '
                    f'"GET /shop/item/{rng.randint(1, 99999)}?ref={"x" * rng.randint(1, 30)} HTTP/1.1" 200 {rng.randint(100, 90000)} '
                    f'"https://shop.example/list" "{agent}"')
            line = line.ljust(190, "z") if len(line) < 190 else line[:225]
            if not line.endswith('"'):
                line = line[:-1] + '"'
            block.append(line)
        text = ("\n".join(block) + "\n").encode()
        per_file = lines // FILES
        for number in range(FILES):
            with open(folder / f"access-{number:02}.log", "wb") as out:
                written = 0
                while written < per_file:
                    part = min(len(block), per_file - written)
                    out.write(text if part == len(block) else ("\n".join(block[:part]) + "\n").encode())
                    written += part
        stamp.touch()
    return sum(path.stat().st_size for path in folder.glob("access-*.log"))


def timed(command, **options):
    """Runs a command: wall seconds, CPU seconds and peak RSS in MiB of that one process, and its output."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    output = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}:\n{output[-3000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


class Bench:
    def __init__(self, options):
        self.options = options
        self.work = Path(options.work)
        self.bin = Path(options.bin)
        self.logs = self.work / "logs"
        self.lines = options.lines // FILES * FILES
        self.bytes = make_files(self.logs, self.lines)
        self.files = [str(path) for path in sorted(self.logs.glob("access-*.log"))]

    def topics(self, name):
        config = self.agent_config(name, "64KiB")
        subprocess.run([self.bin / "millrace", "topics", "create", "--config", config, "--partitions", str(PARTITIONS), "--replication", "1"],
                       check=True, stdout=subprocess.DEVNULL)

    def agent_config(self, name, pack):
        return configs.agent(self.work / f"agent-{name}.yaml", broker=self.options.broker, topic=name, name=f"bench-{name}",
                             state=self.work / f"state-{name}", include=f"{self.logs}/access-*.log", pack=pack)

    def collector_config(self, topic, run):
        return configs.collector(
            self.work / f"collector-{run}.yaml", broker=self.options.broker, topic=topic, group=f"bench-{run}", memory="256MiB",
            warehouse=self.work / f"warehouse-{run}", route=["time: {column: time}", "output: {format: jsonl, compression: none}"])

    def rate(self, label, wall, cpu, memory):
        millions = self.lines / 1e6
        print(f"  {label:<22} {self.lines / wall / 1e3:9.0f} k lines/s  {cpu / millions:6.2f} CPU-s/M lines  {memory:6.0f} MiB", flush=True)
        return self.lines / wall

    def agent(self, kind, pack, bare_loop):
        print(f"agent, pack: {pack}, against bare {bare_loop}")
        ratios = []
        for round_number in range(self.options.rounds):
            token = f"bench-{kind}-{os.getpid()}-{round_number}"
            self.topics(token + "-bare")
            self.topics(token)
            wall, cpu, memory, _ = timed([self.options.bare, bare_loop, self.options.broker, token + "-bare", str(PARTITIONS), *self.files])
            bare = self.rate("bare " + bare_loop, wall, cpu, memory)
            wall, cpu, memory, _ = timed([self.bin / "millrace-agent", "--config", self.agent_config(token, pack), "--once"])
            ours = self.rate("millrace-agent", wall, cpu, memory)
            ratios.append(ours / bare)
            self.last_topic = token
        print(f"  ratio agent / bare: {' '.join(f'{r:.2f}' for r in ratios)}; median {statistics.median(ratios):.2f}", flush=True)

    def collector(self):
        print("collector to JSON lines, from the topic of 64 KiB packs")
        rates = []
        for round_number in range(self.options.rounds):
            config = self.collector_config(self.last_topic, f"{os.getpid()}-{round_number}")
            wall, cpu, memory, output = timed([self.bin / "millrace-collector", "--config", config, "--until-caught-up"])
            rates.append(self.rate("millrace-collector", wall, cpu, memory))
            rows = sum(path.read_bytes().count(b"\n") for path in (self.work / f"warehouse-{os.getpid()}-{round_number}" / "web").rglob("part-*"))
            if rows != self.lines:
                sys.exit(f"the warehouse holds {rows} rows of {self.lines}\n{output[-2000:]}")
            shutil.rmtree(self.work / f"warehouse-{os.getpid()}-{round_number}")
        print(f"  median {statistics.median(rates) / 1e3:.0f} k lines/s", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--bare", required=True)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--lines", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", default="/tmp/millrace-bench")
    parser.add_argument("--only", choices=["packs", "off", "collector"])
    bench = Bench(parser.parse_args())
    print(f"{bench.lines} lines, {bench.bytes / bench.lines:.0f} bytes each with line feed, {FILES} files, {PARTITIONS} partitions, {os.cpu_count()} cores")
    only = bench.options.only
    if only in (None, "off"):
        bench.agent("off", "off", "lines")
    if only in (None, "packs", "collector"):
        bench.agent("packs", "64KiB", "packs")
    if only in (None, "collector"):
        bench.collector()


if __name__ == "__main__":
    main()
