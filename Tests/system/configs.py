"""Configurations of the system tests, and what an agent says of itself."""
import json
import pathlib

COMBINED = """
      - table: web.access
        format: combined
        sources: [access]
        time: {{column: time, zone: {zone}}}
"""

APPLICATION = """
      - table: shop.app
        format: json
        sources: [app]
        columns:
          - {name: id, type: int64, required: true}
          - {name: time, type: timestamp, required: true}
          - {name: file, type: string}
          - {name: pad, type: string}
"""

# Behind the last route.
PARQUET = """
        output: {format: parquet}
"""


def sources(entries, extra=""):
    """`entries`: (name, topic, pattern or patterns)."""
    text = "sources:\n"
    for name, topic, patterns in entries:
        patterns = [patterns] if isinstance(patterns, str) else patterns
        text += f"  - name: {name}\n    type: files\n    topic: {topic}\n    include: {json.dumps(list(map(str, patterns)))}\n{extra}"
    return text


def agent(space, brokers, entries, name="shop-1", extra="", file="agent.yaml", state="agent-state"):
    return space.write(file, f"""
agent:
  name: {name}
  state_dir: {space.path}/{state}
  heartbeat_interval: 1s
kafka:
  brokers: {brokers}
{sources(entries, extra)}
log: {{level: debug}}
""")


def collector(
    space, brokers, topics=("app",), routes=APPLICATION, group="millrace", commit="1s", pipeline="main",
    file="collector.yaml", warehouse="warehouse", more="",
):
    return space.write(file, f"""
kafka:
  brokers: {brokers}
group: {group}
warehouse:
  path: {space.path}/{warehouse}
commit:
  interval: {commit}
pipelines:
  - name: {pipeline}
    topics: {json.dumps(list(topics))}
    routes:{routes}{more}
log: {{level: debug}}
""")


def embedded(space, entries, routes, file="millrace.yaml", warehouse=None, extra="", state="run-state"):
    return space.write(file, f"""
agent:
  name: shop-1
  state_dir: {space.path}/{state}
{sources(entries, extra)}
warehouse:
  path: {warehouse or space.path / "warehouse"}
pipelines:
  - name: main
    routes:{routes}
log: {{level: info}}
""")


def agent_status(space, state="agent-state"):
    """status.json of an agent's state folder; {} while there is none."""
    try:
        return json.loads(pathlib.Path(space.path, state, "status.json").read_text())
    except (OSError, ValueError):
        return {}
