"""Test cases 001 and 002 with every tool: agent, Kafka, collector, change log, state; and what stands beside the way."""
import json

import recordings
from harness import Kafka, Workspace, check, long, query, run, wait_until
from tool_records import DAY, START, TOOLS, writer

EVENTS = {"id": "int NOT NULL", "who": "varchar(20)", "what": "varchar(20)"}
CART = {"who": "varchar(20)", "what": "varchar(20)"}


def config_of(space, tool, where, transport, more=""):
    return space.write(f"{tool}.yaml", f"""
{transport}
warehouse: {{path: {space.path}/{tool}}}
commit: {{interval: 1s}}
syncs:
  - name: shop
    format: {tool}
    {where}
    tables:
      - {{match: shop.events, unique: {{except: [id]}}}}
      - {{match: shop.cart, unique: row}}
{more}
log: {{level: warning}}
""")


def state(space, tool, table, day):
    """Rows of a table's day as a reader of plain folders finds them."""
    files = f"{space.path}/{tool}/shop/{table}/dt={day}/part-*"
    return query(f"SELECT * FROM read_parquet('{files}', hive_partitioning=false) ORDER BY ALL")


def log_count(space, tool, table):
    folder = space.path / tool / "shop" / f"{table}_changes"
    if not list(folder.glob("dt=*/part-*")):
        return 0
    return query(f"SELECT count(*) FROM read_parquet('{folder}/*/part-*')")[0][0]


def first_steps(records):
    records.create("events", EVENTS, ["id"])
    records.create("cart", CART)
    records.insert("events", {"id": 1, "who": "ann", "what": "tea"}, {"id": 2, "who": "ann", "what": "tea"},
                   {"id": 3, "who": "bob", "what": "cup"})
    records.insert("cart", {"who": "ann", "what": "tea"})
    records.insert("cart", {"who": "ann", "what": "tea"})
    records.update("events", {"id": 3, "who": "bob", "what": "cup"}, {"id": 3, "who": "bob", "what": "pot"})


def steps(space, tool, records, deliver, replay):
    """001 and 002, day by day. `deliver`: brings what the writer wrote as far as the change log."""
    first_steps(records)
    deliver({"events": 4, "cart": 2})
    replay()
    check(state(space, tool, "events", "2025-11-20") == [(1, "ann", "tea"), (3, "bob", "pot")],
          f"{tool}: inserted and modified: {state(space, tool, 'events', '2025-11-20')}")
    check(state(space, tool, "cart", "2025-11-20") == [("ann", "tea")], f"{tool}: two identical rows are one record")
    # One twin changes: two different records. The one that shows is the one that changes.
    records.now = START + DAY
    records.update("events", {"id": 1, "who": "ann", "what": "tea"}, {"id": 1, "who": "ann", "what": "jam"})
    records.update("cart", {"who": "ann", "what": "tea"}, {"who": "ann", "what": "jam"})
    deliver({"events": 5, "cart": 3})
    replay()
    check(state(space, tool, "events", "2025-11-21") == [(1, "ann", "jam"), (2, "ann", "tea"), (3, "bob", "pot")],
          f"{tool}: {state(space, tool, 'events', '2025-11-21')}")
    check(state(space, tool, "cart", "2025-11-21") == [("ann", "jam"), ("ann", "tea")], f"{tool}: one twin changed")
    # It is deleted: one.
    records.now = START + 2 * DAY
    records.delete("events", {"id": 1, "who": "ann", "what": "jam"})
    records.delete("cart", {"who": "ann", "what": "jam"})
    deliver({"events": 6, "cart": 4})
    replay()
    check(state(space, tool, "events", "2025-11-22") == [(2, "ann", "tea"), (3, "bob", "pot")],
          f"{tool}: {state(space, tool, 'events', '2025-11-22')}")
    check(state(space, tool, "cart", "2025-11-22") == [("ann", "tea")], f"{tool}: one is left")
    check(state(space, tool, "cart", "2025-11-20") == [("ann", "tea")], "days that are over stay as they were")


def test_001_and_002_hold_for_every_tool_through_agent_kafka_and_collector():
    with Workspace("cases") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({tool: 2 for tool in TOOLS})
        sources = "".join(
            f"  - {{name: {tool}, topic: {tool}, include: [\"{space.path}/in/{tool}.jsonl\"]}}\n" for tool in TOOLS)
        agent = space.write("agent.yaml", f"""
agent: {{name: shop, state_dir: {space.path}/state}}
kafka: {{brokers: "{kafka.address}"}}
sources:
{sources}log: {{level: warning}}
""")
        for tool in TOOLS:
            space.write(f"in/{tool}.jsonl", b"")
        shipping = space.daemon("millrace-agent", "--config", agent, log="agent.log")
        collecting = []
        for tool in TOOLS:
            config = config_of(space, tool, f"topics: [{tool}]", f'kafka: {{brokers: "{kafka.address}"}}\ngroup: {tool}')
            collecting.append(space.daemon("millrace-collector", "--config", config, log=f"{tool}.log"))
            records = writer(tool)

            def deliver(counts):
                with open(space / "in" / f"{tool}.jsonl", "ab") as file:
                    file.write(records.take().encode())
                wait_until(f"{tool}: the change log has {counts}", 60, lambda: all(
                    log_count(space, tool, table) == count for table, count in counts.items()))

            steps(space, tool, records, deliver, lambda: run("millrace", "sync", "run", "--config", config))
        for daemon in [*collecting, shipping]:
            daemon.stop()


def test_001_and_002_hold_for_every_tool_that_fills_topics_itself():
    long()
    with Workspace("cases-topics") as space, Kafka(space / "kafka") as kafka:
        kafka.create_all({})
        for tool in TOOLS:
            names = {"maxwell": ["maxwell"], "canal": ["canal"], "debezium": ["live", "live.shop.events", "live.shop.cart"]}
            for topic in names[tool]:
                kafka.create(topic, 1 if topic in ("live", "canal") else 3)
            config = config_of(
                space, tool, f"topics: {json.dumps(names[tool])}", f'kafka: {{brokers: "{kafka.address}"}}\ngroup: {tool}')
            records = writer(tool)

            def deliver(counts):
                lines = [line.encode() for line in records.take().splitlines()]
                recordings.fill(kafka, tool, lines, create=False)
                run("millrace-collector", "--config", config, "--until-caught-up")
                found = {table: log_count(space, tool, table) for table in counts}
                check(found == counts, f"{tool}: change log {found}, expected {counts}")

            steps(space, tool, records, deliver, lambda: run("millrace", "sync", "run", "--config", config))
