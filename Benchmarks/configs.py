"""The configurations of the benchmarks against a broker."""
import shutil


def agent(path, *, broker, topic, state, include, name="bench", pack="64KiB"):
    """Ships the lines of files; starts anew."""
    path.write_text(f"""
agent: {{name: {name}, state_dir: {state}}}
kafka: {{brokers: "{broker}"}}
log: {{level: warning, format: text}}
sources:
  - {{name: access, type: files, topic: {topic}, include: ["{include}"], pack: {pack}}}
""")
    shutil.rmtree(state, ignore_errors=True)
    return path


def collector(path, *, broker, topic, group, warehouse, memory, route):
    """Access log lines to `web.access`; `route`: how, lines of YAML in flow style. Starts with an empty warehouse."""
    path.write_text(f"""
kafka: {{brokers: "{broker}"}}
group: {group}
warehouse: {{path: {warehouse}}}
memory: {memory}
log: {{level: warning, format: text}}
pipelines:
  - name: bench
    topics: [{topic}]
    routes:
      - sources: [access]
        table: web.access
        format: combined
""" + "".join(f"        {line}\n" for line in route))
    shutil.rmtree(warehouse, ignore_errors=True)
    return path
