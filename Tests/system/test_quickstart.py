"""README.md's commands on synced tables, as they stand there, print what stands there."""
import os
import subprocess

from harness import BIN, ROOT, Workspace, check


def block():
    """The indented lines of README's part on changes, from the first command that makes something on."""
    text = (ROOT / "README.md").read_text().split("\n## Changes of a database\n")[1].split("\n## ")[0]
    lines = [line[4:] for line in text.split("\n") if line.startswith("    ")]
    first = next(index for index, line in enumerate(lines) if line.startswith("make build"))
    return lines[first:]


def test_the_commands_of_the_readme_print_what_it_says():
    lines = block()
    check(lines[0].endswith("DEMO=$PWD/.demo/sync && mkdir -p $DEMO/in"), lines[0])
    first = next(index for index, line in enumerate(lines) if line.startswith("$ "))
    script, expected = ["set -e", "mkdir -p $DEMO/in"] + lines[1:first], []
    for line in lines[first:]:
        if line.startswith("$ "):
            script.append(line[2:].split(" #")[0])
        else:
            expected.append(line)
    with Workspace("quickstart") as space:
        result = subprocess.run(
            ["bash", "-c", "\n".join(script)], cwd=ROOT, capture_output=True, text=True, timeout=900,
            env={**os.environ, "DEMO": str(space.path), "PATH": f"{BIN}:{os.environ['PATH']}"})
        check(result.returncode == 0, result.stderr[-2000:])
        check(result.stdout.splitlines() == expected, result.stdout)
