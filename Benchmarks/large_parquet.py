"""Tables of 10,000 columns, and of more than 2 GiB of text in one column, nested and flat: written here, read by pyarrow,
DuckDB and `millrace cat`, value by value.

    large_parquet.py --bin FOLDER [--bytes TOTAL]
"""
import argparse
import hashlib
import pathlib
import subprocess
import sys
import tempfile
import time

import duckdb
import pyarrow.parquet as pq

COLUMNS, COLUMN_ROWS, VALUE_BYTES = 10_000, 200, 1_000


def text(row, length):
    digits = str(row)
    return (digits + "x" * (length - len(digits)))[:length]


def wide(folder, tool, bench):
    path = f"{folder}/wide.parquet"
    print(subprocess.run([bench, "parquet-large", path, str(COLUMNS), str(COLUMN_ROWS), "12"], capture_output=True, text=True, check=True).stdout, end="")
    table = pq.read_table(path)
    texts, numbers = [text(row, 12) for row in range(COLUMN_ROWS)], list(range(COLUMN_ROWS))
    wrong = sum(table.column(index).to_pylist() != (numbers if index % 2 else texts) for index in range(COLUMNS))
    if table.num_columns != COLUMNS or wrong:
        return f"pyarrow: {table.num_columns} columns, {wrong} wrong"
    names = ", ".join(f"c{index}" for index in range(COLUMNS))
    rows = duckdb.sql(f"SELECT {names} FROM read_parquet('{path}')").fetchall()
    if rows != [tuple(numbers[row] if index % 2 else texts[row] for index in range(COLUMNS)) for row in range(COLUMN_ROWS)]:
        return "DuckDB finds other rows"
    lines = subprocess.run([tool, "cat", path], capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = ["{" + ",".join(f'"c{index}":' + (str(row) if index % 2 else f'"{texts[row]}"') for index in range(COLUMNS)) + "}" for row in range(COLUMN_ROWS)]
    return "" if lines == wanted else "millrace cat finds other rows"


def long(folder, tool, bench, total):
    path = f"{folder}/long.parquet"
    rows = total // VALUE_BYTES
    print(subprocess.run([bench, "parquet-large", path, "2", str(rows), str(VALUE_BYTES)], capture_output=True, text=True, check=True).stdout, end="")
    row = 0
    for batch in pq.ParquetFile(path).iter_batches(batch_size=65_536):
        for value, number in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist()):
            if value != text(row, VALUE_BYTES) or number != row:
                return f"pyarrow: row {row} is wrong"
            row += 1
    if row != rows:
        return f"pyarrow: {row} rows, not {rows}"
    pad = f"c1::VARCHAR || repeat('x', {VALUE_BYTES} - length(c1::VARCHAR))"
    found = duckdb.connect().execute(f"SELECT count(*), count(*) FILTER (c0 = {pad}), sum(length(c0)) FROM read_parquet('{path}')").fetchone()
    if found != (rows, rows, rows * VALUE_BYTES):
        return f"DuckDB: {found}"
    wanted, digest = hashlib.sha256(), hashlib.sha256()
    for row in range(rows):
        wanted.update(f'{{"c0":"{text(row, VALUE_BYTES)}","c1":{row}}}\n'.encode())
    with subprocess.Popen([tool, "cat", path], stdout=subprocess.PIPE) as process:
        while block := process.stdout.read(1 << 20):
            digest.update(block)
    return "" if digest.digest() == wanted.digest() else "millrace cat finds other rows"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--bytes", type=int, default=2_500_000_000)
    options = parser.parse_args()
    tool, bench = (str(pathlib.Path(options.bin) / name) for name in ("millrace", "millrace-bench"))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="millrace-large-") as folder:
        for name, work in (("10,000 columns", lambda: wide(folder, tool, bench)), ("text", lambda: long(folder, tool, bench, options.bytes))):
            begin = time.monotonic()
            fault = work()
            failed += bool(fault)
            print(f"{name}: {fault or 'all values equal in pyarrow, DuckDB and millrace cat'} ({time.monotonic() - begin:.0f} s)", flush=True)
    return 1 if failed else 0


sys.exit(main())
