"""Bad input and bad surroundings: a clear message or a named reason, nothing crashes, nothing else stops."""
import json
import os
import subprocess

import configs
from harness import Skip, Workspace, audit, check, count, entry_bytes, free_port, quarantine, query, run, source, wait_until

GOOD = b'{"time": "2025-03-04T00:00:00Z", "id": %d}'
ROUTES = """
      - table: shop.app
        format: json
        columns:
          - {name: id, type: int64, required: true}
          - {name: time, type: timestamp, required: true}
        breaker: {share: 1}
"""


def embedded(space, patterns=None, **more):
    return configs.embedded(space, [("app", "app", patterns or f"{space.path}/logs/*.log")], ROUTES, **more)


def test_every_bad_line_is_in_quarantine_whole_and_named():
    with Workspace("bad") as space:
        bad = {
            "invalid UTF-8": b'{"time": "2025-03-04T00:00:00Z", "id": 1, "x": "\xff\xfe"}',
            "NUL": b'{"time": "2025-03-04T00:00:00Z", "id": 1, "x": "\x00"}',
            "cut": b'{"time": "2025-03-04T00:00:00Z", "id": 1',
            "empty": b"",
            "a number": b"17",
            "wrong type": b'{"time": "2025-03-04T00:00:00Z", "id": "one"}',
            "no id": b'{"time": "2025-03-04T00:00:00Z"}',
            "no time": b'{"id": 1}',
            "bad time": b'{"time": "2025-02-30T00:00:00Z", "id": 1}',
            "deep": b"[" * 5_000,
        }
        data = b"".join(GOOD % index + b"\n" + line + b"\n" for index, line in enumerate(bad.values()))
        space.write("logs/a.log", data)
        config = embedded(space)
        run("millrace", "run", "--once", "--config", config)
        entries = quarantine(space / "warehouse")
        found = {entry_bytes(entry): entry["reason"] for entry in entries}
        for name, line in bad.items():
            check(line in found, f"{name}: not in quarantine; there are {sorted(found.values())}")
        print("    " + ", ".join(f"{name}: {found[line]}" for name, line in bad.items()))
        check(count(space / "warehouse", "shop.app") == len(bad), "the good lines between them are rows")
        check(audit(config, code=0)["is_sound"], "the audit is sound")


def test_line_ends_marks_and_long_lines_lose_nothing():
    with Workspace("ends") as space:
        space.write("logs/crlf.log", (GOOD % 1) + b"\r\n" + (GOOD % 2) + b"\r\n")
        space.write("logs/bom.log", b"\xef\xbb\xbf" + (GOOD % 3) + b"\n" + (GOOD % 4) + b"\n")
        space.write("logs/empty.log", b"")
        space.write("logs/crlf-20250101.log", b"")  # a rotated one
        long = b'{"time": "2025-03-04T00:00:00Z", "id": 5, "pad": "' + b"x" * (10 << 20) + b'"}'
        space.write("logs/long.log", (GOOD % 6) + b"\n" + long + b"\n" + (GOOD % 7) + b"\n")
        config = embedded(space)
        run("millrace", "run", "--once", "--config", config)
        ids = [row[0] for row in query(f"SELECT id FROM {source(space / 'warehouse', 'shop.app')} ORDER BY id")]
        refused = quarantine(space / "warehouse")
        print(f"    rows {ids}, quarantined {[entry['reason'] for entry in refused]}")
        check(set(ids) >= {1, 2, 4, 6, 7}, f"rows {ids}")
        check(3 in ids or any(b'"id": 3' in entry_bytes(entry) for entry in refused), "the line behind the mark is kept")
        kept = sum(entry_bytes(entry).count(b"x") for entry in refused)
        check(5 in ids or kept >= 10 << 20, f"the long line is kept whole: {kept} bytes")
        check(audit(config, code=0)["is_sound"], "the audit is sound")


def test_what_is_no_file_or_cannot_be_read_stops_nothing_else():
    with Workspace("odd") as space:
        space.write("logs/good.log", (GOOD % 1) + b"\n")
        os.mkdir(space / "logs/folder.log")
        os.mkfifo(space / "logs/fifo.log")
        os.symlink("/nonexistent", space / "logs/dangling.log")
        unreadable = space.write("logs/secret.log", (GOOD % 2) + b"\n")
        unreadable.chmod(0)
        config = embedded(space)
        run("millrace", "run", "--once", "--config", config, code=None, timeout=60)
        ids = {row[0] for row in query(f"SELECT id FROM {source(space / 'warehouse', 'shop.app')}")}
        check(1 in ids, f"rows {ids}")
        if os.geteuid() != 0:
            check("secret.log" in run("millrace", "check", config, code=None).stdout, "the unreadable file is named")
        unreadable.chmod(0o600)
        run("millrace", "run", "--once", "--config", config, timeout=60)
        ids = {row[0] for row in query(f"SELECT id FROM {source(space / 'warehouse', 'shop.app')}")}
        check(ids == {1, 2}, f"rows {ids}")


def test_a_wrong_broker_address_is_said_and_nothing_is_lost():
    with Workspace("broker") as space:
        space.write("logs/a.log", (GOOD % 1) + b"\n")
        config = configs.agent(space, f"127.0.0.1:{free_port()}", [("app", "app", f"{space.path}/logs/*.log")])
        found = run("millrace", "check", config, code=75, timeout=60)
        check("broker" in found.stdout, found.stdout)
        agent = space.daemon("millrace-agent", "--config", config, log="agent.log")
        # Ten seconds is how long it waits for an answer before it says so.
        wait_until("the agent names the broker it cannot reach", 30, lambda: "Connection refused" in agent.tail(200))
        if agent.is_running:
            agent.stop(code=None)
        check(agent.process.returncode in (0, 75), f"exit {agent.process.returncode}: {agent.tail()}")


def mounted(space, *options):
    """A small tmpfs at the warehouse's place; needs root."""
    if os.geteuid() != 0:
        raise Skip("mounting a tmpfs needs root")
    os.mkdir(space / "warehouse")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", space / "warehouse"], capture_output=True)
    if made.returncode != 0:
        raise Skip(f"no tmpfs can be mounted here: {made.stderr.decode().strip()}")


def test_a_full_warehouse_is_said_and_what_was_not_written_is_still_there():
    with Workspace("full") as space:
        mounted(space, "size=1m")
        try:
            lines = b"".join(GOOD % index + b"\n" for index in range(60_000))
            space.write("logs/a.log", lines)
            config = embedded(space)
            found = run("millrace", "run", "--once", "--config", config, code=None, timeout=120)
            check(found.returncode != 0, "a full disk is no success")
            check("space" in found.stderr.lower(), f"the full disk is not named: {found.stderr[-500:]}")
            subprocess.run(["mount", "-o", "remount,size=64m", space / "warehouse"], check=True)
            run("millrace", "run", "--once", "--config", config, timeout=120)
            ids = query(f"SELECT count(*), count(DISTINCT id) FROM {source(space / 'warehouse', 'shop.app')}")[0]
            check(ids == (60_000, 60_000), f"rows {ids}")
            check(audit(config, code=0)["is_sound"], "the audit is sound")
        finally:
            subprocess.run(["umount", "-l", space / "warehouse"])


def test_a_read_only_warehouse_is_said_and_what_was_not_written_is_still_there():
    with Workspace("readonly") as space:
        mounted(space, "size=16m")
        try:
            space.write("logs/a.log", (GOOD % 1) + b"\n")
            config = embedded(space)
            subprocess.run(["mount", "-o", "remount,ro", space / "warehouse"], check=True)
            check("read-only" in run("millrace", "check", config, code=78).stdout.lower(), "check names it")
            found = run("millrace", "run", "--once", "--config", config, code=None, timeout=120)
            check(found.returncode != 0 and "read-only" in found.stderr.lower(), f"{found.returncode}: {found.stderr[-500:]}")
            subprocess.run(["mount", "-o", "remount,rw", space / "warehouse"], check=True)
            run("millrace", "run", "--once", "--config", config, timeout=60)
            check(count(space / "warehouse", "shop.app") == 1, "the line is a row afterwards")
        finally:
            subprocess.run(["umount", "-l", space / "warehouse"])


def test_all_faults_of_a_configuration_are_listed_at_once_with_their_lines():
    with Workspace("config") as space:
        config = space.write("millrace.yaml", "agent:\n  state_dri: /x\nsources: []\nwarehouse:\n  path: 7\n  file_mode: 999\npipelines: []\n")
        for command in (["check", config], ["run", "--once", "--config", config]):
            found = run("millrace", *command, code=78)
            text = found.stdout + found.stderr
            check("millrace.yaml:2:" in text and "state_dir" in text and "millrace.yaml:6:" in text, text)


def test_a_table_that_refuses_too_much_stands_and_goes_on_once_its_route_is_right():
    """A deploy renames a field: the breaker stops that table, others go on, and nothing is lost."""
    route = """
      - table: shop.{name}
        sources: [{name}]
        format: json
        columns:
          - {{name: id, type: int64, required: true}}
          - {{name: time, type: timestamp, required: true{path}}}
        breaker: {{share: 0.3, window: 1000}}
"""
    LINES = 40_000
    with Workspace("breaker") as space:
        for name in ("app", "other"):
            lines = [(GOOD % number)[:-1] + b', "pad": "' + b"x" * 400 + b'"}' for number in range(LINES)]
            if name == "app":
                lines[2_000:] = [line.replace(b'"time"', b'"when"') for line in lines[2_000:]]
            space.write(f"logs/{name}.log", b"\n".join(lines) + b"\n")

        def taken(path):
            routes = route.format(name="app", path=path) + route.format(name="other", path="")
            config = configs.embedded(
                space, [(name, name, f"{space.path}/logs/{name}.log") for name in ("app", "other")], routes)
            result = run("millrace", "run", "--once", "--give-up", "8s", "--config", config, code=None)
            rows = {name: count(space / "warehouse", f"shop.{name}") for name in ("app", "other")}
            refused = {json.loads(entry_bytes(entry))["id"] for entry in quarantine(space / "warehouse")}
            return config, result, rows, refused

        _, result, rows, refused = taken("")
        check(result.returncode == 65, f"exit {result.returncode}: {result.stderr}")
        check("validate.too_many_rejected" in result.stderr and "shop.app" in result.stderr, result.stderr)
        check(rows["other"] == LINES, f"the other table goes on: {rows}")
        check(rows["app"] <= 2_000 and len(refused) < LINES * 2 // 3, f"it stood early: {rows}, {len(refused)} refused")
        config, result, rows, refused = taken(", path: when")
        check(result.returncode == 0, f"with the right path: exit {result.returncode}: {result.stderr}")
        ids = {row[0] for row in query(f"SELECT id FROM {source(space / 'warehouse', 'shop.app')}")}
        check(ids | refused == set(range(LINES)) and rows["app"] == len(ids), f"{rows}, {len(refused)} refused")
        check(audit(config, code=0)["is_sound"], "the audit is sound")
