#!/usr/bin/env python3
"""`millrace sync verify` between a recording's warehouse and a real server on which the workload was run.

    verify_live.py FOLDER [--recording maxwell] [--server mariadb|mysql] [--dates text|typed]

FOLDER as recordings.py has it, with `workload.sql.xz`. A table may differ only where the tool loses something that the
state names, or where it left a TRUNCATE out. mysql: ../shared/mysql.
"""
import argparse
import contextlib
import json
import lzma
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import SHARED, Workspace, free_port, run  # noqa: E402
from recordings import Expected, Recording, by_files  # noqa: E402
from test_verify import MariaDB  # noqa: E402


@contextlib.contextmanager
def mysql(folder):
    script, port = str(SHARED / "mysql" / "mysql.sh"), free_port()
    # Why: the workload is MariaDB's; a strict MySQL refuses its zero dates, and the rows around them.
    mode = "sql-mode=ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION"
    subprocess.run([script, "start", str(folder), "--port", str(port), "--set", mode], check=True)
    try:
        yield port, lambda sql: subprocess.run([script, "sql", str(folder), "--force"], input=sql, check=False)
    finally:
        subprocess.run([script, "stop", str(folder)], check=True)


@contextlib.contextmanager
def mariadb(folder):
    with MariaDB(folder) as server:
        def load(sql):
            subprocess.run(["mariadb", "--no-defaults", f"--socket={server.socket}", "-uroot", "--force",
                            "--default-character-set=utf8mb4"], input=sql, check=False)
        yield server.port, load


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--recording", default="maxwell")
    parser.add_argument("--server", default="mariadb", choices=["mariadb", "mysql"])
    parser.add_argument("--dates", default="text", choices=["text", "typed"])
    options = parser.parse_args()
    expected = Expected(options.folder)
    recording = Recording(options.folder, options.recording)
    with Workspace("verify-live") as space, (mysql if options.server == "mysql" else mariadb)(space / "server") as (port, load):
        load(lzma.open(options.folder / "workload.sql.xz").read())
        load(b"CREATE USER IF NOT EXISTS reader@'127.0.0.1' IDENTIFIED BY 'secret'; GRANT SELECT ON *.* TO reader@'127.0.0.1';")
        config = by_files(space, recording, options.dates, None)
        run("millrace", "sync", "run", "--config", config, timeout=1200)
        result = run("millrace", "sync", "verify", "--config", config, "--against", f"mysql://reader@127.0.0.1:{port}/", "--json",
                     "--limit", "1000", code=None, timeout=1200, environment={"MILLRACE_DATABASE_PASSWORD": "secret"})
        if result.returncode not in (0, 1):
            print(result.stderr)
            return 1
        faults = 0
        for table in json.loads(result.stdout)["tables"]:
            columns = sorted({column["column"] for row in table["differences"] for column in row["columns"]})
            rows = sum(1 for row in table["differences"] if not row["columns"])
            is_cut = table["table"] in expected.truncated and not recording.has_truncate
            isFine = table["same"] or table["losses"] or is_cut
            faults += not isFine
            said = "the same" if table["same"] else f"columns {columns}, {rows} rows; losses {table['losses']}"
            print(f"{'ok   ' if isFine else 'FAIL '} {table['table']}: {table['database_rows']} rows, {said} {table['columns'] or ''}")
        return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
