#!/usr/bin/env python3
"""What MariaDB makes of values when their column's type is altered: writes Tests/Golden/alter-conversions.tsv.

    alter_conversions.py FOLDER > Tests/Golden/alter-conversions.tsv

Starts a MariaDB in FOLDER. A line: type before, type behind, value before, value behind, in strict mode and UTC; what
the server refuses is left out. Values as the server prints them, bytes as x and hexadecimal digits, \\N for NULL.
"""
import pathlib
import subprocess
import sys

from test_verify import MariaDB

# Types, and values in SQL that a column of them takes.
TYPES = {
    "INT": ["0", "1", "2", "-5", "12345", "2024", "20240229"],
    "TINYINT UNSIGNED": ["0", "3", "200", "255"],
    "BIGINT": ["1", "9007199254740993", "-9223372036854775808", "20240229123456"],
    "BIGINT UNSIGNED": ["2", "18446744073709551615"],
    "DECIMAL(10,2)": ["1.00", "2.50", "-2.50", "0.05", "12345678.99", "1.49"],
    "DECIMAL(30,10)": ["12345678901234567890.1234567890", "2.5", "-0.5"],
    "DOUBLE": ["1", "2.5", "3.5", "-2.5", "0.1", "1e20", "1234567.125", "1e-7"],
    "FLOAT": ["1", "2.5", "0.1", "16777216"],
    "BOOLEAN": ["0", "1"],
    "YEAR": ["2024", "1970", "0"],
    "BIT(8)": ["b'1'", "b'10'", "b'11111111'"],
    "BIT(1)": ["b'0'", "b'1'"],
    "CHAR(10)": ["'b'", "'B'", "''", "'12'", "' 7'", "'2.5'", "'2024-02-29'", "'x,y'"],
    "VARCHAR(40)": ["'a'", "'A '", "''", "'2'", "'a,b'", "'b,a'", "'3.7'", "'2024-02-29 12:34:56.789'",
        "'12:34:56'", "'1e3'", "'äö'"],
    "TEXT": ["'c d'", "'2024-02-29T12:34:56'", "'20240229'", "'123'"],
    "VARBINARY(20)": ["'a'", "x'00ff'", "'12'"],
    "BINARY(4)": ["'a'", "'12'"],
    "BLOB": ["'b'", "'77'"],
    "ENUM('a','b','c d','x''y')": ["'a'", "'c d'", "'x''y'"],
    "ENUM('2','1','b')": ["'2'", "'1'", "'b'"],
    "SET('a','b','c')": ["''", "'a'", "'a,c'", "'b,c'"],
    "DATE": ["'2024-02-29'", "'1969-12-31'"],
    "DATETIME": ["'2024-02-29 12:34:56'", "'1999-12-31 23:59:59'"],
    "DATETIME(6)": ["'2024-02-29 12:34:56.789012'", "'2024-02-29 23:59:59.999999'"],
    "DATETIME(3)": ["'2024-02-29 12:34:56.5'"],
    "TIMESTAMP": ["'2024-02-29 12:34:56'"],
    "TIME": ["'12:34:56'", "'-01:02:03'", "'100:00:00'"],
    "TIME(3)": ["'12:34:56.789'"],
    "JSON": ["'{\"a\": 1}'", "'5'"],
}



def shown(kind):
    """A column's value, so that nothing of it is rounded."""
    kind = kind.split("(")[0]
    return {"FLOAT": "CAST(v AS DOUBLE)", "BIT": "v + 0", "VARBINARY": "CONCAT('x', HEX(v))",
            "BINARY": "CONCAT('x', HEX(v))", "BLOB": "CONCAT('x', HEX(v))"}.get(kind, "CAST(v AS CHAR)")


def statements():
    cases = [(old, new, value) for old in TYPES for new in TYPES if old != new for value in TYPES[old]]
    lines = ["SET time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION';",
             "CREATE DATABASE c CHARSET utf8mb4; USE c;"]
    kind = "(SELECT column_type FROM information_schema.columns WHERE table_schema = 'c' AND table_name = 't')"
    for number, (old, new, value) in enumerate(cases):
        lines.append(
            f"DROP TABLE IF EXISTS t; CREATE TABLE t (v {old} NULL); INSERT INTO t VALUES ({value}); "
            f"SELECT {number}, {kind}, {shown(old)} FROM t; ALTER TABLE t MODIFY v {new} NULL; "
            f"SELECT {number}, {kind}, {shown(new)} FROM t;")
    return cases, "\n".join(lines)


def main():
    cases, text = statements()
    with MariaDB(pathlib.Path(sys.argv[1])) as server:
        lines = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={server.socket}", "-uroot", "--force", "--batch", "--skip-column-names",
             "--default-character-set=utf8mb4"],
            input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode().splitlines()
    rows = [line.split("\t", 2) for line in lines]
    for before, behind in zip(rows, rows[1:]):
        # A type that is as before: the server refused.
        if before[0] == behind[0] and before[1] != behind[1]:
            old, new, _ = cases[int(before[0])]
            if not (old.startswith("TIME") and "STAMP" not in old and new.startswith(("DATE", "TIMESTAMP"))):
                print(old, new, before[2], behind[2], sep="\t")


if __name__ == "__main__":
    main()
