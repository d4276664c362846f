#!/usr/bin/env python3
"""Writes tests/slt/kwdb/{insert,dedup,update,delete,relational}.slt.

Expectations are the fact sheet's (kwdb.md sections 11, 14.1, 15), the rows of dedup.slt are those of a model that is
a dictionary, so none of them comes from a server. Run from anywhere; the output is the same each time."""

import random
import re
from pathlib import Path

HERE = Path(__file__).parent / "kwdb"


class File:
    def __init__(self, name, about, database, is_ts=True):
        self.path = HERE / f"{name}.slt"
        self.out = ["# Written by tests/slt/generate_kwdb_dml.py; do not edit.", f"# {about}", ""]
        self.ok(f"CREATE {'TS ' if is_ts else ''}DATABASE {database}")
        self.out += ["# Of the records that follow.", "statement ok", f"--#DATABASE = {database}", f"USE {database}", ""]

    def say(self, text):
        self.out += [f"# {text}", ""]

    def ok(self, sql):
        self.out += ["statement ok", sql, ""]

    def count(self, n, sql):
        self.out += [f"statement count {n}", sql, ""]

    def error(self, text, sql):
        pattern = re.sub(r"([][.*+?^${}()|\\])", r"\\\1", text)
        self.out += [f"statement error {pattern}", sql, ""]

    def query(self, sql, *rows):
        self.out += ["query", sql, "----", *rows, ""]

    def done(self):
        self.path.write_text("\n".join(self.out))


def insert():
    f = File("insert", "INSERT into time-series tables (sheet 11.1, 15).", "ins")
    f.ok("CREATE TABLE t (ts TIMESTAMPTZ(3) NOT NULL, a INT2, b INT4, e INT8, f FLOAT4, g FLOAT8, k BOOL, s VARCHAR(4), n NCHAR(3), v NVARCHAR(5), y VARBYTES(3), c CHAR(2), e2 TIMESTAMP(3)) TAGS (p VARCHAR(10) NOT NULL, q INT4) PRIMARY TAGS (p)")
    f.say("Values of all types, in table order: columns, then tags.")
    f.count(1, "INSERT INTO t VALUES (1000, 1, 2, 3, 1.5, 2.5, true, 'abcd', 'äöü', '一二三四五', 'xyz', 'ab', 2000, 'd1', 7)")
    f.query("SELECT a, b, e, f, g, k, s, n, v, y, c, p, q FROM t", "1 2 3 1.5 2.5 true abcd äöü 一二三四五 \\x78797a ab d1 7")
    f.say("Columns and tags in any order; what is not named is NULL.")
    f.count(2, "INSERT INTO t (q, b, p, ts) VALUES (8, 20, 'd2', 1000), (8, 30, 'd2', 2000)")
    f.query("SELECT b, a, p, q FROM t WHERE p = 'd2' ORDER BY ts", "20 NULL d2 8", "30 NULL d2 8")
    f.say("Integers.")
    row = 10_000

    def value(column, text, shown):
        nonlocal row
        row += 1
        f.count(1, f"INSERT INTO t (ts, p, {column}) VALUES ({row}, 'v', {text})")
        f.query(f"SELECT {column} FROM t WHERE p = 'v' AND ts = {row}", shown)

    for column, text, shown in [
        ("a", "-32768", "-32768"), ("a", "32767", "32767"), ("b", "-2147483648", "-2147483648"),
        ("e", "9223372036854775807", "9223372036854775807"), ("e", "-9223372036854775808", "-9223372036854775808"),
        ("b", "true", "1"), ("b", "false", "0"), ("b", "'12'", "12"), ("b", "\"13\"", "13"), ("b", "NULL", "NULL"),
        ("b", "+5", "5"), ("g", "1e3", "1000"), ("g", "'2.5'", "2.5"), ("g", "-0.25", "-0.25"), ("g", "7", "7"),
        ("f", "0.5", "0.5"), ("k", "'f'", "false"), ("k", "1", "true"), ("k", "0", "false"), ("k", "'true'", "true"),
        ("k", "TRUE", "true"), ("s", "'it''s'", "it's"), ("s", "12", "12"), ("s", "\"dq\"", "dq"),
        ("y", "'\\xaaFf'", "\\xaaff"), ("y", "b'\\x01z'", "\\x017a"), ("s", "''", "(empty)"), ("s", "'ä!'", "ä!"),
    ]:
        value(column, text, shown)

    def bad(message, column, text):
        f.error(message, f"INSERT INTO t (ts, p, {column}) VALUES (1, 'bad', {text})")

    bad('integer "99999" out of range for type INT2 (column a)', "a", "99999")
    bad('integer "-32769" out of range for type INT2 (column a)', "a", "-32769")
    bad('integer "2147483648" out of range for type INT4 (column b)', "b", "2147483648")
    bad('integer "9223372036854775808" out of range for type INT8 (column e)', "e", "9223372036854775808")
    bad('could not resolve "x12" as INT4 type (column b)', "b", "'x12'")
    bad('could not resolve "1.5" as INT4 type (column b)', "b", "1.5")
    bad('could not resolve "abc" as FLOAT8 type (column g)', "g", "'abc'")
    bad('could not resolve "maybe" as BOOL type (column k)', "k", "'maybe'")
    bad("value 'abcde' too long for type VARCHAR(4) (column s)", "s", "'abcde'")
    bad("value 'äää' too long for type VARCHAR(4) (column s)", "s", "'äää'")
    bad("value 'äöüß' too long for type NCHAR(3) (column n)", "n", "'äöüß'")
    bad("value '123456' too long for type NVARCHAR(5) (column v)", "v", "'123456'")
    bad("value 'abc' too long for type CHAR(2) (column c)", "c", "'abc'")
    bad("value 'abcd' too long for type VARBYTES(3) (column y)", "y", "'abcd'")
    bad('could not resolve "\\xzz" as VARBYTES(3) type (column y)', "y", "'\\xzz'")
    bad('unsupported input type relation "s" (column b)', "b", "s")
    bad('unsupported input type relation "abc" (column s)', "s", "abc")
    bad('unsupported input type 1 + 1 (column b)', "b", "1 + 1")
    f.query("SELECT count(*) FROM t WHERE p = 'bad'", "0")
    f.say("One bad value rejects the statement.")
    f.error('could not resolve "x" as INT4 type (column b)', "INSERT INTO t (ts, p, b) VALUES (1, 'bad', 1), (2, 'bad', 'x')")
    f.query("SELECT count(*) FROM t WHERE p = 'bad'", "0")
    f.say("Structure.")
    f.error("insert (row 1) has more expressions than target columns, 4 expressions for 3 targets", "INSERT INTO t (ts, p, b) VALUES (1, 'bad', 1, 2)")
    f.error("insert (row 2) has more target columns than expressions, 2 expressions for 3 targets", "INSERT INTO t (ts, p, b) VALUES (1, 'bad', 1), (2, 'bad')")
    f.error("insert (row 1) has more target columns than expressions, 3 expressions for 15 targets", "INSERT INTO t VALUES (1, 2, 3)")
    f.error('column "zz" does not exist', "INSERT INTO t (ts, p, zz) VALUES (1, 'bad', 1)")
    f.error('relation "nope" does not exist', "INSERT INTO nope VALUES (1)")
    f.error('relation "ins.nope" does not exist', "INSERT INTO ins.nope VALUES (1)")
    f.error('multiple assignments to the same column "b"', "INSERT INTO t (ts, p, b, b) VALUES (1, 'bad', 1, 2)")
    f.error('null value in column "p" violates not-null constraint', "INSERT INTO t (ts, b) VALUES (1, 1)")
    f.error('null value in column "p" violates not-null constraint', "INSERT INTO t (ts, p) VALUES (1, NULL)")
    f.error('null value in column "ts" violates not-null constraint', "INSERT INTO t (p, b) VALUES ('bad', 1)")
    f.error('null value in column "ts" violates not-null constraint', "INSERT INTO t (ts, p) VALUES (NULL, 'bad')")
    f.error('at or near "EOF": syntax error', "INSERT INTO t (ts, p) VALUES (1, 'bad'")
    f.error('at or near "(": syntax error', "INSERT INTO t (ts, p) VALUES (1, 'bad') (2, 'x')")
    f.error("on conflict is not supported in timeseries table", "INSERT INTO t (ts, p) VALUES (1, 'bad') ON CONFLICT DO NOTHING")
    f.error("RETURNING is not supported", "INSERT INTO t (ts, p) VALUES (1, 'bad') RETURNING ts")
    f.say("Times: integers in the column's unit, texts in the request's zone unless they name one.")
    for text, millis in [
        ("'2024-01-01'", 1704067200000), ("'2024-01-01 00:00:01.25'", 1704067201250),
        ("'2024-01-01T00:00:02Z'", 1704067202000), ("'2024-01-01 08:00:03+08:00'", 1704067203000),
        ("'2024-01-01 08:00:04+08'", 1704067204000), ("-62167219200000", -62167219200000),
        ("31556995200000", 31556995200000), ("-1", -1),
    ]:
        f.count(1, f"INSERT INTO t (ts, p, b) VALUES ({text}, 'times', 1)")
        f.query(f"SELECT count(*) FROM t WHERE p = 'times' AND ts = {millis}", "1")
    f.out += ["statement count 1", "--#TZ = 8", "INSERT INTO t (ts, p, b) VALUES ('2024-01-01 08:00:05', 'times', 5)", ""]
    f.out += ["query", "--#TZ = UTC", "SELECT b FROM t WHERE p = 'times' AND ts = 1704067205000", "----", "5", ""]
    f.count(1, "INSERT INTO t (ts, p, b) VALUES (now(), 'now', 1)")
    f.query("SELECT count(*) FROM t WHERE p = 'now' AND ts > '2024-01-01'", "1")
    f.error('could not resolve "abc" as TIMESTAMPTZ(3) type (column ts)', "INSERT INTO t (ts, p) VALUES ('abc', 'bad')")
    f.error('value "31556995200001" out of range for type TIMESTAMP(3) (column e2)', "INSERT INTO t (ts, p, e2) VALUES (1, 'bad', 31556995200001)")
    f.error('value "-62167219200001" out of range for type TIMESTAMPTZ(3) (column ts)', "INSERT INTO t (ts, p) VALUES (-62167219200001, 'bad')")
    f.ok("CREATE TABLE nano (ts TIMESTAMPTZ(9) NOT NULL, b INT4) TAGS (p INT4 NOT NULL) PRIMARY TAGS (p)")
    f.count(1, "INSERT INTO nano VALUES (1704067200000000001, 1, 1)")
    f.query("SELECT b FROM nano WHERE ts = 1704067200000000001", "1")
    f.error('value "-1" out of range for type TIMESTAMPTZ(9) (column ts)', "INSERT INTO nano VALUES (-1, 1, 1)")
    f.say("NOT NULL and DEFAULT.")
    f.ok("CREATE TABLE d (ts TIMESTAMPTZ(3) NOT NULL, e INT4 NOT NULL, x INT4 DEFAULT 7, w VARCHAR(9) DEFAULT 'dflt', z TIMESTAMPTZ(3) DEFAULT now()) TAGS (p INT4 NOT NULL) PRIMARY TAGS (p)")
    f.error('null value in column "e" violates not-null constraint', "INSERT INTO d (ts, p) VALUES (1, 1)")
    f.error('null value in column "e" violates not-null constraint', "INSERT INTO d (ts, p, e) VALUES (1, 1, NULL)")
    f.count(1, "INSERT INTO d (ts, p, e) VALUES (1, 1, 1)")
    f.query("SELECT e, x, w, z > '2024-01-01' FROM d WHERE ts = 1", "1 7 dflt true")
    f.count(1, "INSERT INTO d (ts, p, e, x, w) VALUES (2, 1, 1, NULL, DEFAULT)")
    f.query("SELECT x, w FROM d WHERE ts = 2", "NULL dflt")
    f.say("Tags belong to the device: the first write fixes them.")
    f.ok("CREATE TABLE dev (ts TIMESTAMPTZ(3) NOT NULL, v INT4) TAGS (p1 INT4 NOT NULL, p2 VARCHAR(9) NOT NULL, loc VARCHAR(9)) PRIMARY TAGS (p1, p2)")
    f.count(2, "INSERT INTO dev VALUES (1, 10, 1, 'a', 'north'), (2, 20, 1, 'a', 'south')")
    f.count(1, "INSERT INTO dev VALUES (3, 30, 1, 'a', 'west')")
    f.count(1, "INSERT INTO dev (ts, v, p1, p2) VALUES (1, 40, 1, 'b')")
    f.count(1, "INSERT INTO dev VALUES (2, 50, 1, 'b', 'late')")
    f.query("SELECT v, p1, p2, loc FROM dev ORDER BY v", "10 1 a north", "20 1 a north", "30 1 a north", "40 1 b NULL", "50 1 b NULL")
    f.error('null value in column "p2" violates not-null constraint', "INSERT INTO dev (ts, p1) VALUES (1, 1)")
    f.error("value '1234567890' too long for type VARCHAR(9) (column loc)", "INSERT INTO dev VALUES (9, 9, 9, 'z', '1234567890')")
    f.say("INSERT of a query's rows.")
    f.ok("CREATE TABLE copy (ts TIMESTAMPTZ(3) NOT NULL, v INT8, w VARCHAR(20)) TAGS (p1 INT4 NOT NULL) PRIMARY TAGS (p1)")
    f.count(3, "INSERT INTO copy SELECT ts, v * 2, loc, p1 FROM dev WHERE p2 = 'a'")
    f.query("SELECT v, w, p1 FROM copy ORDER BY v", "20 north 1", "40 north 1", "60 north 1")
    f.count(0, "INSERT INTO copy SELECT ts, v, loc, p1 FROM dev WHERE p2 = 'none'")
    f.error("insert (row 1) has more target columns than expressions, 2 expressions for 4 targets", "INSERT INTO copy SELECT ts, v FROM dev")
    f.count(2, "INSERT INTO copy (ts, p1, v) SELECT ts, 5, v FROM dev WHERE p2 = 'b'")
    f.query("SELECT v, w FROM copy WHERE p1 = 5 ORDER BY v", "40 NULL", "50 NULL")
    f.done()


def dedup():
    f = File("dedup", "Rows of one device and time under ts.dedup.rule (sheet 11.2), against a model.", "ded")
    f.ok("CREATE TABLE t (ts TIMESTAMPTZ(3) NOT NULL, a INT4, b INT4, c VARCHAR(9)) TAGS (p INT4 NOT NULL) PRIMARY TAGS (p)")
    f.error("ts.dedup.rule setting value is not right", "SET CLUSTER SETTING ts.dedup.rule = 'sometimes'")
    rng = random.Random(20261121)
    model = {}
    show = lambda v: "NULL" if v is None else str(v)
    for step in range(24):
        rule = rng.choice(["override", "merge", "discard"])
        f.ok(f"SET CLUSTER SETTING ts.dedup.rule = '{rule}'")
        rows, texts = [], []
        names = rng.sample(["a", "b", "c"], rng.randint(1, 3))
        for _ in range(rng.randint(1, 4)):
            key = (rng.randint(1, 2), rng.randint(1, 5))
            given = {}
            for name in names:
                given[name] = None if rng.random() < 0.3 else (f"w{rng.randint(0, 99)}" if name == "c" else rng.randint(0, 999))
            rows.append((key, given))
            values = [("NULL" if given[n] is None else f"'{given[n]}'" if n == "c" else str(given[n])) for n in names]
            texts.append(f"({key[1]}, {key[0]}, {', '.join(values)})")
        f.count(len(rows), f"INSERT INTO t (ts, p, {', '.join(names)}) VALUES {', '.join(texts)}")
        for key, given in rows:
            whole = {n: given.get(n) for n in "abc"}
            if key not in model or rule == "override":
                model[key] = whole
            elif rule == "merge":
                model[key] = {n: whole[n] if whole[n] is not None else model[key][n] for n in "abc"}
        expected = [f"{key[0]} {' '.join(show(model[key][n]) for n in 'abc')}" for key in sorted(model)]
        f.query("SELECT p, a, b, c FROM t ORDER BY p, ts", *expected)
    f.say("keep is not here, and says so.")
    f.error("ts.dedup.rule = 'keep.experimental' is not supported", "SET CLUSTER SETTING ts.dedup.rule = 'keep.experimental'")
    f.ok("SET CLUSTER SETTING ts.dedup.rule = 'override'")
    f.count(1, "INSERT INTO t (ts, p, a) VALUES (100, 1, 1)")
    f.done()


def update():
    f = File("update", "UPDATE of tags (sheet 11.3).", "upd")
    f.ok("CREATE TABLE t (ts TIMESTAMPTZ(3) NOT NULL, v INT4) TAGS (p1 INT4 NOT NULL, p2 VARCHAR(9) NOT NULL, loc VARCHAR(9), n INT4, m FLOAT8 NOT NULL) PRIMARY TAGS (p1, p2)")
    f.count(3, "INSERT INTO t VALUES (1, 10, 1, 'a', 'north', 5, 1.5), (2, 11, 1, 'a', 'north', 5, 1.5), (1, 20, 1, 'b', 'south', NULL, 2)")
    show = "SELECT v, loc, n, m FROM t ORDER BY v"
    f.ok("UPDATE t SET loc = 'east' WHERE p1 = 1 AND p2 = 'a'")
    f.query(show, "10 east 5 1.5", "11 east 5 1.5", "20 south NULL 2")
    f.ok("UPDATE t SET loc = NULL, n = 9 WHERE p2 = 'b' AND 1 = p1")
    f.query(show, "10 east 5 1.5", "11 east 5 1.5", "20 NULL 9 2")
    f.ok("UPDATE upd.public.t SET n = '77' WHERE (t.p1 = 1 AND t.p2 = 'b')")
    f.query(show, "10 east 5 1.5", "11 east 5 1.5", "20 NULL 77 2")
    f.say("No such device: nothing happens.")
    f.ok("UPDATE t SET loc = 'x' WHERE p1 = 2 AND p2 = 'a'")
    f.say("A later insert keeps the changed tags.")
    f.count(1, "INSERT INTO t VALUES (3, 12, 1, 'a', 'again', 6, 3)")
    f.query("SELECT v, loc, n, m FROM t WHERE ts = 3", "12 east 5 1.5")
    u = "unsupported conditions in update: "
    f.error(u + "primary tags and columns cannot be set", "UPDATE t SET v = 1 WHERE p1 = 1 AND p2 = 'a'")
    f.error(u + "primary tags and columns cannot be set", "UPDATE t SET p1 = 1 WHERE p1 = 1 AND p2 = 'a'")
    f.error(u + "primary tags and columns cannot be set", "UPDATE t SET ts = 1 WHERE p1 = 1 AND p2 = 'a'")
    mismatch = u + "unsupported binary operator or mismatching tag filter"
    f.error(mismatch, "UPDATE t SET loc = 'x' WHERE p1 = 1")
    f.error(mismatch, "UPDATE t SET loc = 'x' WHERE p1 > 1 AND p2 = 'a'")
    f.error(mismatch, "UPDATE t SET loc = 'x' WHERE p1 = 1 AND p2 = 'a' AND ts = 1")
    f.error(mismatch, "UPDATE t SET loc = 'x' WHERE p1 = 1 AND p2 = 'a' AND loc = 'north'")
    f.error(mismatch, "UPDATE t SET loc = 'x' WHERE p1 = 1 OR p2 = 'a'")
    f.error(mismatch, "UPDATE t SET loc = 'x'")
    f.error(u + "unsupported filter expression", "UPDATE t SET loc = 'x' WHERE p1 IN (1) AND p2 = 'a'")
    f.error(u + "unsupported filter expression", "UPDATE t SET loc = 'x' WHERE p1 = 1 AND p2 IS NULL")
    f.error('column "zz" does not exist', "UPDATE t SET zz = 'x' WHERE p1 = 1 AND p2 = 'a'")
    f.error('column "zz" does not exist', "UPDATE t SET loc = 'x' WHERE p1 = 1 AND zz = 'a'")
    f.error('relation "nope" does not exist', "UPDATE nope SET loc = 'x' WHERE p1 = 1")
    f.error("value '1234567890' too long for type VARCHAR(9) (column loc)", "UPDATE t SET loc = '1234567890' WHERE p1 = 1 AND p2 = 'a'")
    f.error('could not resolve "x" as INT4 type (column n)', "UPDATE t SET n = 'x' WHERE p1 = 1 AND p2 = 'a'")
    f.error('null value in column "m" violates not-null constraint', "UPDATE t SET m = NULL WHERE p1 = 1 AND p2 = 'a'")
    f.error('multiple assignments to the same column "loc"', "UPDATE t SET loc = 'x', loc = 'y' WHERE p1 = 1 AND p2 = 'a'")
    f.query(show, "10 east 5 1.5", "11 east 5 1.5", "12 east 5 1.5", "20 NULL 77 2")
    f.done()


def delete():
    f = File("delete", "DELETE from time-series tables (sheet 11.4).", "del")
    f.ok("CREATE TABLE t (ts TIMESTAMPTZ(3) NOT NULL, v INT4) TAGS (p1 INT4 NOT NULL, p2 VARCHAR(9) NOT NULL, loc VARCHAR(9)) PRIMARY TAGS (p1, p2)")
    model = {}

    def fill():
        rows = []
        for p1, p2 in [(1, "a"), (1, "b"), (2, "a")]:
            for ts in range(1, 9):
                model[(p1, p2, ts)] = ts * 10 + p1
                rows.append(f"({ts}, {ts * 10 + p1}, {p1}, '{p2}', 'x')")
        f.count(len(rows), "INSERT INTO t VALUES " + ", ".join(rows))

    def gone(sql, drop):
        f.ok(sql)
        for key in [k for k in model if drop(*k)]:
            del model[key]
        rows = [f"{k[0]} {k[1]} {model[k]}" for k in sorted(model)]
        f.query("SELECT p1, p2, v FROM t ORDER BY p1, p2, v", *rows)

    fill()
    gone("DELETE FROM t WHERE ts = 1", lambda p1, p2, ts: ts == 1)
    gone("DELETE FROM t WHERE ts > 7", lambda p1, p2, ts: ts > 7)
    gone("DELETE FROM t WHERE ts >= 5 AND ts < 6", lambda p1, p2, ts: ts == 5)
    gone("DELETE FROM t WHERE ts IN (2, 6) AND p1 = 1 AND p2 = 'a'", lambda p1, p2, ts: ts in (2, 6) and (p1, p2) == (1, "a"))
    gone("DELETE FROM t WHERE p1 = 2 AND p2 = 'a' AND ts NOT IN (3, 4)", lambda p1, p2, ts: ts not in (3, 4) and (p1, p2) == (2, "a"))
    fill()
    gone("DELETE FROM t WHERE ts <= '1970-01-01 00:00:00.002'", lambda p1, p2, ts: ts <= 2)
    gone("DELETE FROM t WHERE 7 <= ts", lambda p1, p2, ts: ts >= 7)
    gone("DELETE FROM t WHERE ts = 3 OR ts = 5", lambda p1, p2, ts: ts in (3, 5))
    gone("DELETE FROM t WHERE ts != 4 AND (p1 = 1 AND p2 = 'b')", lambda p1, p2, ts: ts != 4 and (p1, p2) == (1, "b"))
    gone("DELETE FROM t WHERE p1 = 1 AND p2 = 'a'", lambda p1, p2, ts: (p1, p2) == (1, "a"))
    f.say("The device is gone with its tags: the next write fixes them anew.")
    f.count(1, "INSERT INTO t VALUES (1, 11, 1, 'a', 'new')")
    model[(1, "a", 1)] = 11
    f.query("SELECT loc FROM t WHERE p1 = 1 AND p2 = 'a'", "new")
    f.say("Deleting nothing is success.")
    gone("DELETE FROM t WHERE p1 = 99 AND p2 = 'zz'", lambda *k: False)
    gone("DELETE FROM t WHERE ts > now()", lambda *k: False)
    gone("DELETE FROM t WHERE ts BETWEEN 4 AND 5 AND p1 = 2 AND p2 = 'a'", lambda p1, p2, ts: ts in (4, 5) and (p1, p2) == (2, "a"))
    d = "unsupported conditions found in the deletion operation: "
    operator, expression, multiple = d + "unsupported binary operator or expressions", d + "unsupported filter expression", d + "multiple tag filter"
    f.error(operator, "DELETE FROM t WHERE v = 1")
    f.error(operator, "DELETE FROM t WHERE loc = 'x'")
    f.error(operator, "DELETE FROM t WHERE p1 = 1")
    f.error(operator, "DELETE FROM t WHERE p1 = 1 AND ts = 1")
    f.error(operator, "DELETE FROM t WHERE p1 > 1 AND p2 = 'a'")
    f.error(operator, "DELETE FROM t WHERE p1 = 1 AND p2 = 'a' AND v = 1")
    f.error(operator, "DELETE FROM t WHERE ts = 1 OR p1 = 1")
    f.error(multiple, "DELETE FROM t WHERE p1 = 1 AND p1 = 2 AND p2 = 'a'")
    f.error(multiple, "DELETE FROM t WHERE p1 IN (1, 2)")
    f.error(expression, "DELETE FROM t WHERE loc IS NULL")
    f.error(expression, "DELETE FROM t WHERE NOT ts = 1")
    f.error('column "zz" does not exist', "DELETE FROM t WHERE zz = 1")
    f.error('relation "nope" does not exist', "DELETE FROM nope")
    f.error('could not resolve "abc" as TIMESTAMPTZ(3) type (column ts)', "DELETE FROM t WHERE ts = 'abc'")
    gone("DELETE FROM t", lambda *k: True)
    f.query("SELECT count(*) FROM t", "0")
    f.done()


def relational():
    f = File("relational", "Relational tables (sheet 14.1).", "rel", is_ts=False)
    f.ok("CREATE TABLE site (id INT4 PRIMARY KEY, name STRING NOT NULL, lat FLOAT8, opened DATE, cost DECIMAL(10,2), live BOOL DEFAULT true)")
    f.count(2, "INSERT INTO site (id, name, lat, cost) VALUES (1, 'north', 1.5, 10.25), (2, 'south', NULL, 3)")
    f.query("SELECT id, name, lat, cost, live FROM site ORDER BY id", "1 north 1.5 10.25 true", "2 south NULL 3.00 true")
    f.query("SELECT * FROM site WHERE id = 2", "2 south NULL NULL 3.00 true")
    f.error('duplicate key value (id)=(1) violates unique constraint "primary"', "INSERT INTO site (id, name) VALUES (1, 'again')")
    f.error('duplicate key value (id)=(3) violates unique constraint "primary"', "INSERT INTO site (id, name) VALUES (3, 'x'), (3, 'y')")
    f.query("SELECT count(*) FROM site", "2")
    f.error('null value in column "id" violates not-null constraint', "INSERT INTO site (name) VALUES ('x')")
    f.error('null value in column "name" violates not-null constraint', "INSERT INTO site (id, name) VALUES (9, NULL)")
    f.error('integer "99999999999" out of range for type INT4 (column id)', "INSERT INTO site (id, name) VALUES (99999999999, 'x')")
    f.error('column "rowid" does not exist', "INSERT INTO site (rowid, id, name) VALUES (1, 9, 'x')")
    f.count(1, "INSERT INTO site (id, name, lat) VALUES (1 + 2, upper('mid'), 2.0 * 2)")
    f.query("SELECT id, name, lat FROM site WHERE id = 3", "3 MID 4")
    f.count(0, "INSERT INTO site (id, name) VALUES (1, 'x') ON CONFLICT DO NOTHING")
    f.count(1, "INSERT INTO site (id, name) VALUES (1, 'x'), (4, 'four') ON CONFLICT (id) DO NOTHING")
    f.query("SELECT id, name FROM site ORDER BY id", "1 north", "2 south", "3 MID", "4 four")
    f.count(2, "INSERT INTO site (id, name, lat) VALUES (1, 'NORTH', 9), (5, 'five', 5) ON CONFLICT (id) DO UPDATE SET name = excluded.name")
    f.query("SELECT id, name, lat, cost FROM site WHERE id IN (1, 5) ORDER BY id", "1 NORTH 1.5 10.25", "5 five 5 NULL")
    f.error("UPSERT or INSERT...ON CONFLICT command cannot affect row a second time", "INSERT INTO site (id, name) VALUES (1, 'a'), (1, 'b') ON CONFLICT (id) DO UPDATE SET name = excluded.name")
    f.error("there is no unique or exclusion constraint matching the ON CONFLICT specification", "INSERT INTO site (id, name) VALUES (1, 'a') ON CONFLICT (name) DO NOTHING")
    f.say("UPDATE and DELETE with any condition.")
    f.ok("UPDATE site SET lat = lat + 1, live = false WHERE lat > 1 AND name <> 'five'")
    f.query("SELECT id, lat, live FROM site ORDER BY id", "1 2.5 false", "2 NULL true", "3 5 false", "4 NULL true", "5 5 true")
    f.ok("UPDATE site SET name = 'two', opened = '2024-02-29' WHERE id = 2")
    f.query("SELECT name FROM site WHERE opened = '2024-02-29'", "two")
    f.error('duplicate key value (id)=(1) violates unique constraint "primary"', "UPDATE site SET id = 1 WHERE id = 2")
    f.ok("UPDATE site SET id = id + 10")
    f.query("SELECT id FROM site ORDER BY id", "11", "12", "13", "14", "15")
    f.ok("UPDATE site SET id = id + 1")
    f.query("SELECT id FROM site ORDER BY id", "12", "13", "14", "15", "16")
    f.error('null value in column "name" violates not-null constraint', "UPDATE site SET name = NULL WHERE id = 12")
    f.error('column "zz" does not exist', "UPDATE site SET zz = 1")
    f.ok("DELETE FROM site WHERE name = 'two' OR id = 16")
    f.query("SELECT id, name FROM site ORDER BY id", "12 NORTH", "14 MID", "15 four")
    f.count(1, "INSERT INTO site (id, name) VALUES (16, 'free again')")
    f.ok("DELETE FROM site")
    f.query("SELECT count(*) FROM site", "0")
    f.count(1, "INSERT INTO site (id, name) VALUES (12, 'after')")
    f.say("Keys of several columns, further unique keys; NULLs are not compared.")
    f.ok("CREATE TABLE k (a INT4, b STRING, c INT8 UNIQUE, d INT4, PRIMARY KEY (a, b))")
    f.count(3, "INSERT INTO k VALUES (1, 'x', 1, 1), (1, 'y', NULL, 1), (2, 'x', NULL, 1)")
    f.error("duplicate key value (a,b)=(1,'x') violates unique constraint \"primary\"", "INSERT INTO k VALUES (1, 'x', 9, 9)")
    f.error('duplicate key value (c)=(1) violates unique constraint "k_c_key"', "INSERT INTO k VALUES (9, 'x', 1, 9)")
    f.error('duplicate key value (c)=(1) violates unique constraint "k_c_key"', "UPDATE k SET c = 1 WHERE b = 'y'")
    f.ok("UPDATE k SET b = 'z' WHERE a = 1 AND b = 'y'")
    f.count(1, "INSERT INTO k VALUES (1, 'y', 2, 2)")
    f.query("SELECT a, b, c, d FROM k ORDER BY a, b", "1 x 1 1", "1 y 2 2", "1 z NULL 1", "2 x NULL 1")
    f.say("Tables without a key take equal rows.")
    f.ok("CREATE TABLE log (msg TEXT, n INT4)")
    f.count(2, "INSERT INTO log VALUES ('a', 1), ('a', 1)")
    f.query("SELECT msg, count(*) FROM log GROUP BY msg", "a 2")
    f.count(2, "INSERT INTO log SELECT msg, n + 1 FROM log")
    f.query("SELECT msg, n FROM log ORDER BY n", "a 1", "a 1", "a 2", "a 2")
    f.say("Types.")
    f.ok("CREATE TABLE ty (id SERIAL PRIMARY KEY, u UUID, j JSONB, y BYTES, ts TIMESTAMPTZ, i2 INT2, v VARCHAR(3), r UUID DEFAULT gen_random_uuid())")
    f.count(2, "INSERT INTO ty (u, j, y, i2, v) VALUES ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '{\"a\": [1]}', b'\\x01', 5, 'abc'), (NULL, NULL, NULL, NULL, NULL)")
    f.query("SELECT u, y, i2, v FROM ty WHERE i2 = 5", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 \\x01 5 abc")
    f.query("SELECT count(DISTINCT id), count(DISTINCT r) FROM ty", "2 2")
    f.error('could not resolve "nope" as UUID type (column u)', "INSERT INTO ty (u) VALUES ('nope')")
    f.error('could not resolve "{a" as JSONB type (column j)', "INSERT INTO ty (j) VALUES ('{a')")
    f.error("value 'abcd' too long for type VARCHAR(3) (column v)", "INSERT INTO ty (v) VALUES ('abcd')")
    f.error("column x: type INTERVAL is not supported", "CREATE TABLE bad (x INTERVAL)")
    f.error("a check constraint is not supported", "CREATE TABLE bad (x INT4 CHECK (x > 0))")
    f.error("a foreign key is not supported", "CREATE TABLE bad (x INT4 REFERENCES site (id))")
    f.error('duplicate column name: "x"', "CREATE TABLE bad (x INT4, x INT4)")
    f.error('multiple primary keys for table "bad" are not allowed', "CREATE TABLE bad (x INT4 PRIMARY KEY, y INT4 PRIMARY KEY)")
    f.error('column "zz" does not exist', "CREATE TABLE bad (x INT4, PRIMARY KEY (zz))")
    f.error('relation "site" already exists', "CREATE TABLE site (x INT4)")
    f.ok("CREATE TABLE IF NOT EXISTS site (x INT4)")
    f.say("ALTER TABLE.")
    f.ok("ALTER TABLE log ADD COLUMN lvl INT4 DEFAULT 3")
    f.query("SELECT lvl, count(*) FROM log GROUP BY lvl", "3 4")
    f.count(1, "INSERT INTO log (msg) VALUES ('b')")
    f.query("SELECT msg, n, lvl FROM log WHERE msg = 'b'", "b NULL 3")
    f.ok("ALTER TABLE log RENAME COLUMN lvl TO level")
    f.query("SELECT level FROM log WHERE msg = 'b'", "3")
    f.ok("ALTER TABLE log DROP COLUMN n")
    f.error('column "n" does not exist', "SELECT n FROM log")
    f.error('column "a" is referenced by a key', "ALTER TABLE k DROP COLUMN a")
    f.error('column "level" of relation "log" already exists', "ALTER TABLE log ADD COLUMN level INT4")
    f.ok("ALTER TABLE log RENAME TO logs")
    f.query("SELECT count(*) FROM logs", "5")
    f.say("Joined to a time-series table.")
    f.ok("CREATE TS DATABASE relts")
    f.ok("CREATE TABLE relts.m (ts TIMESTAMPTZ(3) NOT NULL, v INT4) TAGS (dev INT4 NOT NULL) PRIMARY TAGS (dev)")
    f.count(3, "INSERT INTO relts.m VALUES (1, 10, 1), (2, 20, 1), (1, 30, 2)")
    f.ok("CREATE TABLE dev (id INT4 PRIMARY KEY, room STRING)")
    f.count(2, "INSERT INTO dev VALUES (1, 'hall'), (2, 'lab')")
    f.query("SELECT d.room, sum(m.v) FROM relts.m m JOIN dev d ON m.dev = d.id GROUP BY d.room ORDER BY d.room", "hall 30", "lab 30")
    f.ok("DELETE FROM dev WHERE id IN (SELECT dev FROM relts.m WHERE v = 30)")
    f.query("SELECT id FROM dev", "1")
    f.ok("DROP TABLE dev")
    f.error('relation "dev" does not exist', "SELECT id FROM dev")
    f.done()


if __name__ == "__main__":
    insert()
    dedup()
    update()
    delete()
    relational()
