"""What the system tests share: the programs as processes, a broker, configurations, and the oracle."""
import contextlib
import glob
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("MILLRACE_BIN", ROOT / ".build" / "debug"))
SHARED = pathlib.Path(os.environ.get("MILLRACE_SHARED", ROOT.parent / "shared"))


def need(program):
    """A program that `scripts/bootstrap.sh --kafka` installs."""
    if shutil.which(program) is None:
        raise Skip(f"no {program}: scripts/bootstrap.sh --kafka")


class Skip(Exception):
    """The test needs something that this machine does not have; the reason is the message."""


def long():
    """Begins a test that takes a minute: `make system-long`."""
    if "MILLRACE_LONG" not in os.environ:
        raise Skip("long: make system-long")


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def wait_until(what, seconds, probe, pause=0.2):
    """Calls `probe` until it returns something true; fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def run(program, *arguments, code=0, timeout=300, environment=None, cwd=None):
    """Runs a program of ours to its end. `code`: expected exit code, None for any."""
    result = subprocess.run(
        [str(BIN / program), *map(str, arguments)], capture_output=True, text=True, errors="replace", timeout=timeout,
        env={**os.environ, **(environment or {})}, cwd=cwd)
    if code is not None and result.returncode != code:
        raise AssertionError(
            f"{program} {' '.join(map(str, arguments))}: exit {result.returncode}, expected {code}\n"
            f"stdout: {result.stdout[-3000:]}\nstderr: {result.stderr[-3000:]}")
    return result


class Daemon:
    """A program of ours that runs until it is told to end."""

    def __init__(self, program, *arguments, log):
        self.command = [str(BIN / program), *map(str, arguments)]
        self.log = pathlib.Path(log)
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """SIGKILL: no handler runs, nothing is flushed."""
        if self.is_running:
            self.process.kill()
        self.process.wait()

    def stop(self, code=0, seconds=40):
        """SIGTERM: drains and exits `code`."""
        if not self.is_running:
            raise AssertionError(f"{self.command[0]} ended by itself, exit {self.process.returncode}: {self.tail()}")
        self.process.terminate()
        try:
            found = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command[0]} did not end within {seconds} s of SIGTERM: {self.tail()}")
        check(code is None or found == code, f"{self.command[0]}: exit {found} after SIGTERM: {self.tail()}")

    def tail(self, count=12):
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
        return ""


class Workspace:
    """A folder of its own with inputs, states and a warehouse; removed at the end if the test passed."""

    def __init__(self, name):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"millrace-{name}-"))
        self.daemons = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for daemon in self.daemons:
            if daemon.is_running:
                daemon.kill()
        if kind is None or issubclass(kind, Skip):
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            print(f"    kept: {self.path}", file=sys.stderr)

    def __truediv__(self, name):
        return self.path / name

    def write(self, name, content):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def daemon(self, program, *arguments, log):
        daemon = Daemon(program, *arguments, log=self.path / log)
        self.daemons.append(daemon)
        return daemon.start()


class Kafka:
    """A real broker of our own in a folder of its own, so that a test may stop it."""

    def __init__(self, folder):
        self.script = pathlib.Path(os.environ.get("MILLRACE_KAFKA_SH", SHARED / "kafka" / "kafka.sh"))
        if not self.script.exists():
            raise Skip("no real Kafka: none in ../shared")
        if shutil.which("java") is None:
            raise Skip("no real Kafka: no Java")
        self.folder = pathlib.Path(folder)
        self.port = free_port()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _call(self, *arguments):
        subprocess.run(
            [self.script, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop()

    def start(self):
        self._call("start", self.folder, "--port", self.port)

    def stop(self):
        self._call("stop", self.folder)

    def tool(self, name, *arguments, text=None):
        return subprocess.run(
            [self.script, "tool", name, "--bootstrap-server", self.address, *map(str, arguments)], check=True,
            capture_output=True, text=True, input=text).stdout

    def create(self, topic, partitions, *settings):
        extra = [word for setting in settings for word in ("--config", setting)]
        self.tool("topics", "--create", "--topic", topic, "--partitions", partitions, "--replication-factor", 1, *extra)

    def create_all(self, topics):
        """`{topic: partitions}` and the control topics."""
        for topic, partitions in topics.items():
            self.create(topic, partitions)
        self.create("millrace-state", 3, "cleanup.policy=compact")
        self.create("millrace-heartbeats", 3)

    def group_offsets(self, group):
        """What Kafka's own tool says of a group: {(topic, partition): committed offset}."""
        offsets = {}
        for line in self.tool("consumer-groups", "--describe", "--group", group).splitlines():
            words = line.split()
            if len(words) >= 5 and words[0] == group and words[3].isdigit():
                offsets[words[1], int(words[2])] = int(words[3])
        return offsets


# The oracle: DuckDB over what a reader of the warehouse sees.

def parts(warehouse, table):
    """Visible files of `db.table`, as a reader of plain directories finds them."""
    database, name = table.split(".", 1)
    return sorted(glob.glob(f"{warehouse}/{database}/{name}/*/part-*"))


def query(sql):
    import duckdb
    return duckdb.sql(sql).fetchall()


def source(warehouse, table, columns=None):
    """A DuckDB table expression over a table's files; `columns`: an option of `read_json` for lines."""
    files = parts(warehouse, table)
    if not files:
        return "(SELECT NULL AS nothing WHERE false)"
    names = ", ".join(f"'{name}'" for name in files)
    if all(name.endswith(".parquet") for name in files):
        return f"(FROM read_parquet([{names}], hive_partitioning=true, union_by_name=true))"
    more = f", {columns}" if columns else ""
    return f"read_json([{names}], format='newline_delimited', hive_partitioning=true, union_by_name=true{more})"


def count(warehouse, table):
    return query(f"SELECT count(*) FROM {source(warehouse, table)}")[0][0] if parts(warehouse, table) else 0


def quarantine(warehouse):
    """All quarantine entries, as dictionaries."""
    import gzip
    entries = []
    for path in sorted(glob.glob(f"{warehouse}/_millrace/quarantine/**/*", recursive=True)):
        if os.path.isfile(path):
            data = gzip.open(path, "rb").read() if path.endswith(".gz") else open(path, "rb").read()
            entries += [json.loads(line) for line in data.splitlines() if line]
    return entries


def entry_bytes(entry):
    """The original bytes of a quarantine entry."""
    import base64
    return base64.b64decode(entry["bytes"])


def audit(config, code=None):
    return json.loads(run("millrace", "audit", "--config", config, "--json", code=code).stdout)


def lag(config):
    return json.loads(run("millrace", "lag", "--config", config, "--json", code=None).stdout)


def is_caught_up(config):
    """Whether every partition is committed to its end."""
    report = lag(config)
    return bool(report["partitions"]) and all(part["behind"] == 0 for part in report["partitions"])


def seeded(seed):
    return random.Random(int(os.environ.get("MILLRACE_SEED", seed)))
