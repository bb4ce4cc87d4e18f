"""What was refused, looked at and taken back by `millrace quarantine`. DuckDB counts the rows."""
import json
import random
import subprocess
import threading
import time

import configs
from harness import BIN, Workspace, audit, check, count, query, run, seeded, source, wait_until

TABLE = "shop.app"


def routes(kinds, more=""):
    return f"""
      - table: {TABLE}
        format: json
        sources: [app]
        breaker: {{share: 1}}
        columns:
          - {{name: id, type: int64, required: true}}
          - {{name: time, type: timestamp, required: true}}
          - {{name: kind, type: string, allowed: {json.dumps(kinds)}}}
          - {{name: pad, type: string}}
{more}"""


def line(number, kind, pad=""):
    return json.dumps({"id": number, "time": f"2026-11-{20 + number % 3}T10:00:00Z", "kind": kind, "pad": pad})


def settings(space, file, kinds, commit="1s"):
    extra = f"\ncommit: {{interval: {commit}, bytes: 1MiB}}\n"
    path = configs.embedded(space, [("app", "app", str(space / "app.log"))], routes(kinds), file=file)
    path.write_text(path.read_text() + extra)
    return path


def quarantine(config, *arguments, code=0):
    return json.loads(run("millrace", "quarantine", *arguments, "--config", config, "--json", code=code).stdout)


def total(config):
    return quarantine(config, "list", "--limit", "0")["entry_count"]


def verify(space, config, expected):
    """Every number once, by DuckDB; and the books say what the files say."""
    table = source(space / "warehouse", TABLE)
    rows, distinct = query(f"SELECT count(*), count(DISTINCT id) FROM {table}")[0] if expected else (0, 0)
    check((rows, distinct) == (expected, expected), f"{rows} rows, {distinct} distinct, not {expected}")
    report = audit(config, code=0)
    pipeline, = report["pipelines"]
    balance = pipeline["balance"]
    check(balance["holds"] and balance["written"] == expected, balance)
    left = quarantine(config, "list", "--limit", "0")
    check(balance["quarantined"] == left["entry_count"], f"{balance} but {left['entry_count']} entries")
    reasons = {}
    for entry in left["counts"]:
        reasons[entry["reason"]] = reasons.get(entry["reason"], 0) + entry["entries"]
    check(pipeline["rejections"] == reasons, f"{pipeline['rejections']} but {reasons}")
    return pipeline


def test_entries_are_listed_shown_and_replayed_once():
    with Workspace("quarantine") as space:
        odd = b'{"id":7,"kind":"\xff\x00\x1b[31m"}'
        lines = [line(n, "ab"[n % 2]).encode() for n in range(6)] + [b"{broken", odd, line(9, "c").encode()]
        space.write("app.log", b"\n".join(lines) + b"\n")
        strict = settings(space, "strict.yaml", ["a"])
        wide = settings(space, "wide.yaml", ["a", "b"])
        run("millrace", "run", "--once", "--config", strict)
        found = quarantine(strict, "list")
        counts = {entry["reason"]: entry["entries"] for entry in found["counts"]}
        check(counts == {"not_in_enumeration": 4, "malformed": 1, "invalid_utf8": 1}, counts)
        check(found["entry_count"] == 6 and len(found["entries"]) == 6, found)
        text = run("millrace", "quarantine", "list", "--config", strict, "--limit", "2").stdout
        check("6 entries" in text and "2 shown" in text and "not_in_enumeration" in text, text)
        bad, = [entry for entry in found["entries"] if entry["reason"] == "invalid_utf8"]
        raw = subprocess.run(
            [BIN / "millrace", "quarantine", "show", "--raw", bad["id"], "--config", strict], capture_output=True)
        check(raw.returncode == 0 and raw.stdout == odd, raw)
        page = run("millrace", "quarantine", "show", bad["id"], "--config", strict).stdout
        check("\\xff\\x00\\x1b[31m" in page and "\x1b" not in page and "invalid_utf8" in page, page)
        run("millrace", "quarantine", "replay", "--config", wide, code=64)
        run("millrace", "quarantine", "show", "0000000000000000-0-1", "--config", wide, code=64)
        before = audit(strict)["commit"]
        dry = quarantine(wide, "replay", "--reason", "not_in_enumeration", "--dry-run", code=65)
        check((dry["written"], dry["unchanged"], dry["left"]) == (3, 1, 1), dry)
        check(audit(strict)["commit"] == before, "a dry run commits nothing")
        done = quarantine(wide, "replay", "--table", TABLE, code=65)
        check((done["written"], done["left"], len(done["commits"])) == (3, 3, 1), done)
        pipeline = verify(space, wide, 6)
        check(pipeline["replayed"] == 3, pipeline)
        check(quarantine(wide, "replay", "--all", code=65)["commits"] == [], "nothing is left that the routes take")
        run("millrace", "run", "--once", "--config", wide)
        verify(space, wide, 6)
        ids = [entry["id"] for entry in quarantine(wide, "list", "--reason", "not_in_enumeration")["entries"]]
        all_kinds = settings(space, "all.yaml", ["a", "b", "c"])
        check(quarantine(all_kinds, "replay", *ids)["written"] == 1, "by its id")
        verify(space, all_kinds, 7)


def test_replays_that_are_killed_and_doubled_beside_a_collector_that_is_killed_write_every_entry_once():
    """A collector that goes on refusing, killed again and again; two replays at a time, killed too."""
    chance = seeded(5)
    with Workspace("quarantine-kill") as space:
        space.write("app.log", b"")
        strict = settings(space, "strict.yaml", ["a"], commit="300ms")
        wide = settings(space, "wide.yaml", ["a", "b"])
        written, pad = 0, "x" * 300
        collector = space.daemon("millrace", "run", "--config", strict, log="run.log")
        began = time.monotonic()
        end, limit = began + 12, began + 90
        replays, kills = [], 0

        def goes_on():
            """On a slow machine until one replay at least came through: then they are killed more seldom."""
            now = time.monotonic()
            return now < end or now < limit and audit(strict)["pipelines"][0]["replayed"] == 0

        while goes_on():
            with open(space / "app.log", "a") as log:
                for _ in range(1_500):
                    log.write(line(written, chance.choice("aab"), pad) + "\n")
                    written += 1
            for replay in replays:
                if replay.poll() is None and chance.random() < (0.5 if time.monotonic() < end else 0.1):
                    replay.kill()
                    kills += 1
            replays = [replay for replay in replays if replay.poll() is None]
            while len(replays) < 2:
                replays.append(subprocess.Popen(
                    [BIN / "millrace", "quarantine", "replay", "--all", "--config", wide, "--json"],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            if chance.random() < 0.2:
                collector.kill()
                collector.start()
            time.sleep(chance.random() * 0.6)
        for replay in replays:
            replay.wait(60)
        collector.kill()
        run("millrace", "run", "--once", "--config", strict)
        killed = audit(strict)["pipelines"][0]["replayed"]
        left = total(strict)
        check(killed > 0 and kills > 0, f"{killed} were replayed meanwhile, {kills} kills")
        done = quarantine(wide, "replay", "--all")
        check(done["written"] == left, f"{done['written']} of {left}")
        verify(space, wide, written)
        check(total(wide) == 0, "nothing is left")
