#!/usr/bin/env python3
"""Makes samples/app/app.log and samples/changes/maxwell.jsonl from a seed: the same files every time."""
import datetime
import json
import pathlib
import random

here = pathlib.Path(__file__).parent
START = datetime.datetime(2025, 3, 3, 20, 0, 0, tzinfo=datetime.timezone.utc)


def application_log(count):
    """A shop's application log: one JSON object a line, over three days; three lines are broken on purpose."""
    chance = random.Random(1)
    time = START
    lines = []
    for number in range(count):
        time += datetime.timedelta(seconds=chance.expovariate(1 / 130))
        event = chance.choices(["view", "cart", "order", "payment"], [60, 25, 10, 5])[0]
        record = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": chance.choices(["info", "warning", "error"], [90, 8, 2])[0],
            "service": chance.choice(["web", "checkout", "search"]),
            "event": event,
            "user": {"id": chance.randrange(1, 400), "name": chance.choice(["Ana", "Bo", "Çelik", "王芳"])},
            "milliseconds": round(chance.lognormvariate(3, 1), 3),
        }
        if event in ("order", "payment"):
            record["amount"] = round(chance.uniform(5, 400), 2)
        lines.append(json.dumps(record, ensure_ascii=False))
    lines[100] = '{"time": "2025-03-04T00:10:00Z", "level": "info", "service": "web"'
    lines[200] = '{"level": "info", "service": "web", "event": "view", "note": "no time"}'
    lines[300] = lines[300].replace('"level": "', '"level": "very ', 1)
    return lines


def change_records(count):
    """What Maxwell writes for a shop's tables: inserts, updates and deletes, several to a transaction."""
    chance = random.Random(2)
    time = START
    position, transaction = 4_000, 900
    customers, orders, lines = {}, {}, []

    def emit(table, kind, data, old=None, last=False):
        record = {
            "database": "shop", "table": table, "type": kind, "ts": int(time.timestamp()), "xid": transaction,
            "position": f"binlog.000001:{position}", "primary_key": [data["id"]], "primary_key_columns": ["id"],
        }
        record.update({"commit": True} if last else {"xoffset": len(lines) % 3})
        record["data"] = data
        if old is not None:
            record["old"] = old
        lines.append(json.dumps(record, ensure_ascii=False))

    while len(lines) < count:
        time += datetime.timedelta(seconds=chance.expovariate(1 / 400))
        position += chance.randrange(200, 900)
        transaction += 1
        kind = chance.random()
        if kind < 0.35 or not customers:
            number = len(customers) + 1
            customers[number] = {"id": number, "email": f"u{number}@example.com", "level": 1, "balance": 0}
            emit("customer", "insert", dict(customers[number]), last=True)
        elif kind < 0.7:
            number = len(orders) + 1
            customer = chance.choice(sorted(customers))
            orders[number] = {"id": number, "customer": customer, "state": "new", "total": round(chance.uniform(5, 300), 2)}
            before = customers[customer]["balance"]
            customers[customer]["balance"] = round(before + orders[number]["total"], 2)
            emit("orders", "insert", dict(orders[number]))
            emit("customer", "update", dict(customers[customer]), {"balance": before}, last=True)
        elif kind < 0.95 and orders:
            number = chance.choice(sorted(orders))
            before, orders[number]["state"] = orders[number]["state"], chance.choice(["paid", "sent", "back"])
            emit("orders", "update", dict(orders[number]), {"state": before}, last=True)
        elif orders:
            emit("orders", "delete", orders.pop(chance.choice(sorted(orders))), last=True)
    return lines


(here / "app").mkdir(exist_ok=True)
(here / "changes").mkdir(exist_ok=True)
(here / "app" / "app.log").write_text("".join(line + "\n" for line in application_log(1500)))
(here / "changes" / "maxwell.jsonl").write_text("".join(line + "\n" for line in change_records(400)))
