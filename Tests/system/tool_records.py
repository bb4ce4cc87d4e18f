"""Records as Maxwell, Debezium and Canal write them (the recordings' shape), of small inputs of our own.

A writer has a clock and a place in the binlog; every call adds one record, a line of text. Debezium's lines hold
topic, key and value, as its recordings do.
"""
import base64
import json

DAY = 86_400
START = 1_763_640_000  # 2025-11-20T12:00:00Z
TOOLS = ("maxwell", "debezium", "canal")


def writer(tool, **more):
    return {"maxwell": Maxwell, "debezium": Debezium, "canal": Canal}[tool](**more)


class Writer:
    def __init__(self, database="shop", start=START, log="binlog"):
        self.database, self.now, self.log = database, start, log
        self.file, self.position, self.transaction = 1, 100, 0
        self.lines = []
        self.tables = {}

    def take(self):
        """The lines since the last call, as a file's text."""
        lines, self.lines = self.lines, []
        return "".join(line + "\n" for line in lines)

    def add(self, record):
        self.lines.append(json.dumps(record, ensure_ascii=False))
        self.position += 150

    def create(self, table, columns, key=(), database=None):
        """`columns`: {name: type in SQL}."""
        self.tables[database or self.database, table] = (dict(columns), list(key))
        name = table.replace("`", "``")
        parts = [f"`{column}` {kind}" for column, kind in columns.items()]
        if key:
            parts.append("PRIMARY KEY (" + ", ".join(f"`{part}`" for part in key) + ")")
        self.ddl(f"CREATE TABLE `{name}` ({', '.join(parts)}) CHARSET=utf8mb4", table, "CREATE", database)

    def columns(self, table, database=None):
        return self.tables.get((database or self.database, table), ({}, []))

    def alter(self, table, sql, columns=None, key=None):
        old = self.columns(table)
        self.tables[self.database, table] = (dict(columns or old[0]), list(old[1] if key is None else key))
        self.ddl(sql, table, "ALTER")


class Maxwell(Writer):
    tool = "maxwell"

    def where(self):
        return {"position": f"{self.log}.{self.file:06}:{self.position}", "gtid": f"0-1-{self.transaction}"}

    def ddl(self, sql, table, kind, database=None):
        self.transaction += 1
        verb = {"CREATE": "table-create", "ALTER": "table-alter", "ERASE": "table-drop"}.get(kind, "table-alter")
        self.add({"type": verb, "database": database or self.database, "table": table, "ts": self.now * 1_000,
                  "sql": sql, **self.where()})

    def row(self, kind, table, data, old=None, database=None):
        self.transaction += 1
        record = {"database": database or self.database, "table": table, "type": kind, "ts": self.now,
                  "xid": self.transaction, "commit": True, **self.where(), "data": data}
        if old is not None:
            record["old"] = old
        record["primary_key_columns"] = self.columns(table, database)[1]
        self.add(record)

    def insert(self, table, *rows, **more):
        for row in rows:
            self.row("insert", table, row, **more)

    def update(self, table, before, after, **more):
        self.row("update", table, after, {name: before[name] for name in before if before[name] != after.get(name)}, **more)

    def delete(self, table, row, **more):
        self.row("delete", table, row, **more)


class Debezium(Writer):
    tool = "debezium"

    def source(self, table, row=0):
        return {"version": "3.5.0.Final", "connector": "mariadb", "name": "live", "ts_ms": self.now * 1_000,
                "snapshot": "false", "db": self.database, "sequence": None, "ts_us": self.now * 1_000_000,
                "table": table, "server_id": 1, "gtid": f"0-1-{self.transaction}",
                "file": f"{self.log}.{self.file:06}", "pos": self.position, "row": row, "thread": None, "query": None}

    def ddl(self, sql, table, kind, database=None):
        self.transaction += 1
        name = database or self.database
        self.add({"topic": "live", "key": {"databaseName": name}, "value": {
            "source": {**self.source(table), "db": name}, "ts_ms": self.now * 1_000, "databaseName": name,
            "schemaName": None, "ddl": sql, "tableChanges": []}})

    def row(self, op, table, before, after, database=None, snapshot="false"):
        name = database or self.database
        self.transaction += 1
        key = self.columns(table, name)[1]
        row = after if after is not None else before
        identity = {part: row[part] for part in key} if key and row else None
        plain = "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in f"{table}")
        topic = f"live.{name}.{plain}"
        self.add({"topic": topic, "key": identity, "value": {
            "before": before, "after": after, "source": {**self.source(table), "db": name, "snapshot": snapshot},
            "transaction": None, "op": op, "ts_ms": self.now * 1_000}})
        if op == "d" and identity is not None:
            self.add({"topic": topic, "key": identity, "value": None})
            self.position -= 150

    def insert(self, table, *rows, **more):
        for row in rows:
            self.row("c", table, None, row, **more)

    def update(self, table, before, after, **more):
        key = self.columns(table, more.get("database"))[1]
        if any(before[part] != after[part] for part in key):
            # A changed key is a delete and an insert at one position.
            self.row("d", table, before, None, **more)
            self.position -= 150
            self.row("c", table, None, after, **more)
        else:
            self.row("u", table, before, after, **more)

    def delete(self, table, row, **more):
        self.row("d", table, row, None, **more)


class Canal(Writer):
    tool = "canal"

    def ddl(self, sql, table, kind, database=None):
        self.transaction += 1
        self.add({"data": None, "database": database or self.database, "es": self.now * 1_000, "gtid": "",
                  "id": self.transaction, "isDdl": True, "mysqlType": None, "old": None, "pkNames": None, "sql": sql,
                  "sqlType": None, "table": table, "ts": self.now * 1_000 + 250, "type": kind})

    @staticmethod
    def texts(row):
        return {name: value if value is None or isinstance(value, str) else str(value) for name, value in row.items()}

    def rows(self, kind, table, rows, old=None, database=None):
        self.transaction += 1
        columns, key = self.columns(table, database)
        self.add({"data": [self.texts(row) for row in rows], "database": database or self.database,
                  "es": self.now * 1_000, "gtid": "", "id": self.transaction, "isDdl": False,
                  "mysqlType": columns, "old": old, "pkNames": key or None, "sql": "", "sqlType": None,
                  "table": table, "ts": self.now * 1_000 + 250, "type": kind})

    def insert(self, table, *rows, **more):
        self.rows("INSERT", table, rows, **more)

    def update(self, table, before, after, **more):
        before, after = self.texts(before), self.texts(after)
        old = {name: before[name] for name in before if before[name] != after.get(name)}
        self.rows("UPDATE", table, [after], [old], **more)

    def delete(self, table, row, **more):
        self.rows("DELETE", table, [row], **more)


def unscaled(text, scale):
    """A decimal as Debezium writes it by default."""
    number = int(text.replace(".", "") if "." in text else text + "0" * scale)
    size = max(1, (number.bit_length() + 8) // 8)
    return base64.b64encode(number.to_bytes(size, "big", signed=True)).decode()
