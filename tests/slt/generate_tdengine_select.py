#!/usr/bin/env python3
"""Writes the computed records of slt/tdengine/select_*.slt.

The expectations come from this file alone: a plain model of TDengine's SELECT over a small data set (fact sheet
`tdengine-sql.md`, sections 7 to 10), which shares nothing with the engine. Values are multiples of 1/4, so that
sums are exact in any order. Run it as `python3 tests/slt/generate_tdengine_select.py` and commit what it writes.
"""
import math
import os
import random
import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tdengine")
T0 = 1_704_067_200_000  # 2024-01-01 00:00:00 UTC
COLUMNS = ["c", "v", "f", "u", "b", "s", "n"]
TYPES = {
    "ts": "TIMESTAMP(8)", "c": "INT(4)", "v": "DOUBLE(8)", "f": "FLOAT(4)", "u": "BIGINT UNSIGNED(8)",
    "b": "BOOL(1)", "s": "VARCHAR(16)", "n": "NCHAR(8)", "g": "INT(4)", "loc": "VARCHAR(20)", "tbname": "VARCHAR(192)",
}
CHILDREN = {"d0": (1, "north"), "d1": (2, "south"), "d2": (1, None), "d3": (3, "empty")}
rng = random.Random(20240101)


def make_rows(count, step_choices):
    rows, ts = [], T0
    for _ in range(count):
        ts += rng.choice(step_choices)
        rows.append({
            "ts": ts,
            "c": rng.choice([None] + list(range(-5, 20))),
            "v": rng.choice([None] + [q / 4 for q in range(-20, 40)]),
            "f": rng.choice([None, 0.5, 1.25, -2.75, 3.5]),
            "u": rng.choice([None, 0, 1, 2, 7, 4_000_000_000]),
            "b": rng.choice([None, True, False]),
            "s": rng.choice([None, "a", "b", "abc", "Z z", ""]),
            "n": rng.choice([None, "é", "日本", "x"]),
        })
    return rows


# No two children share a timestamp, so that merged timelines are well defined: d1's lie 1 ms, d2's 2 ms off.
TABLES = {name: [] for name in CHILDREN}
for offset, name in enumerate(["d0", "d1", "d2"]):
    for row in make_rows([24, 15, 9][offset], [1000, 2000, 5000, 10_000, 61_000, 3_600_000]):
        TABLES[name].append(dict(row, ts=row["ts"] + offset))
TABLES["nt"] = make_rows(12, [1000, 3000, 30_000])
for name, rows in TABLES.items():
    g, loc = CHILDREN.get(name, (None, None))
    for row in rows:
        row.update(tbname=name, g=g, loc=loc)
STB = sorted((r for n in CHILDREN for r in TABLES[n]), key=lambda r: r["ts"])


def source(name):
    return STB if name == "st" else TABLES[name]


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value + "'"
    return number(value)


def number(value):
    if isinstance(value, float):
        if value == int(value) and abs(value) < 1e15:
            return str(int(value))
        return repr(value)
    return str(value)


ZONE = "UTC"  # of the connection: times are shown in it


def when(ts):
    at = datetime.fromtimestamp(ts // 1000, ZoneInfo(ZONE))
    offset = at.strftime("%z")
    offset = "Z" if offset == "+0000" else offset[:3] + ":" + offset[3:]  # as Go prints RFC 3339
    return at.strftime("%Y-%m-%dT%H:%M:%S") + f".{ts % 1000:03d}{offset}"


class T(int):
    """A timestamp."""


def shown(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, T):
        return when(int(value))
    if isinstance(value, str):
        return value or "(empty)"
    return number(value)


class File:
    def __init__(self, name, title):
        self.name, self.out, self.columns = name, [f"# {title}"], False
        self.out.append(f"# Written by ../{os.path.basename(sys.argv[0])}, which computes what is expected.\n")
        self.count = 0
        self.setup()

    def statement(self, sql, count=None):
        head = "statement ok" if count is None else f"statement count {count}"
        self.out.append(f"{head}\n{sql}\n")
        self.count += 1

    def setup(self):
        self.statement("create database d precision 'ms' keep 36500d")
        self.statement(
            "--#DATABASE = d\ncreate table st (ts timestamp, c int, v double, f float, u bigint unsigned, b bool, "
            "s varchar(16), n nchar(8)) tags (g int, loc varchar(20))")
        self.statement("create table nt (ts timestamp, c int, v double, f float, u bigint unsigned, b bool, "
                       "s varchar(16), n nchar(8))")
        for name, (g, loc) in CHILDREN.items():
            self.statement(f"create table {name} using st tags ({literal(g)}, {literal(loc)})")
        for name, rows in TABLES.items():
            if rows:
                values = " ".join(
                    "(" + ", ".join([str(r["ts"])] + [literal(r[c]) for c in COLUMNS]) + ")" for r in rows)
                self.statement(f"insert into {name} values {values}", len(rows))

    def query(self, sql, rows, sort=False, names=None):
        directives = []
        if bool(names) != self.columns:
            self.columns = bool(names)
            directives.append(f"--#COLUMNS = {'true' if names else 'false'}")
        width = len(rows[0]) if rows else (len(names) if names else 1)
        lines = [" ".join(shown(v) for v in row) for row in rows]
        if sort:
            lines.sort()
        if names:
            lines = [" ".join(n for n, _ in names), " ".join(t for _, t in names)] + lines
        mode = " rowsort" if sort and not names else ""
        if sort and names:
            raise ValueError("sorted rows and names do not go together")
        head = f"query {'T' * width}{mode}"
        text = "\n".join(directives + [sql])
        self.out.append(f"{head}\n{text}\n----\n" + "".join(line + "\n" for line in lines))
        self.count += 1

    def in_zone(self, zone):
        global ZONE
        ZONE = zone
        self.out.append(f"statement ok\n--#TZ = {zone}\nselect 1\n")
        self.count += 1

    def write(self):
        with open(os.path.join(HERE, self.name), "w", encoding="utf-8") as file:
            file.write("\n".join(self.out))
        print(f"{self.name}: {self.count} records")


# --- aggregates -------------------------------------------------------------------------------------------------

def known(rows, column):
    return [r for r in rows if r[column] is not None]


def as_number(value):
    return int(value) if isinstance(value, bool) else value


def aggregate(name, column, rows):
    """The value over rows in the order of time; "none" if the group has no result row by itself."""
    values = [as_number(r[column]) for r in known(rows, column)] if column != "*" else []
    if name == "count":
        return len(rows) if column == "*" else len(values)
    if name == "last_row":
        return rows[-1][column] if rows else None
    if not values:
        return None
    if name == "sum":
        return sum(values) if column in ("c", "u", "b") else float(sum(values))
    if name == "avg":
        return sum(values) / len(values)
    if name == "spread":
        return float(max(values) - min(values))
    if name == "min":
        return min((r[column] for r in known(rows, column)))
    if name == "max":
        return max((r[column] for r in known(rows, column)))
    if name == "first":
        return known(rows, column)[0][column]
    if name == "last":
        return known(rows, column)[-1][column]
    raise ValueError(name)


def result_type(name, column):
    if name == "count":
        return "BIGINT(8)"
    if name == "sum":
        return {"c": "BIGINT(8)", "b": "BIGINT(8)", "u": "BIGINT UNSIGNED(8)"}.get(column, "DOUBLE(8)")
    if name in ("avg", "spread"):
        return "DOUBLE(8)"
    return TYPES[column]


NUMERIC = ["c", "v", "f", "u", "b"]
AGGREGATES = {
    "count": ["c", "v", "f", "u", "b", "s", "n", "ts"],
    "sum": NUMERIC, "avg": NUMERIC, "spread": NUMERIC,
    "min": ["c", "v", "f", "u", "b", "s"], "max": ["c", "v", "f", "u", "b", "s"],
    "first": COLUMNS, "last": COLUMNS, "last_row": COLUMNS,
}


def value_of(column, value):
    return T(value) if column == "ts" and value is not None else value


def aggregates():
    f = File("select_aggregates.slt", "Aggregates and selections: values, types and names.")
    for name, columns in AGGREGATES.items():
        for column in columns:
            call = f"{name}({column})"
            for table in ["d0", "st"] if name != "last_row" else ["d0", "d1"]:
                value = aggregate(name, column, source(table))
                f.query(f"select {call} from {table}", [[value]], names=[(call, result_type(name, column))])
            rows = [[t, aggregate(name, column, TABLES[t])] for t in ("d0", "d1", "d2")]
            if name == "count":
                rows.append(["d3", 0])
            f.query(f"select tbname, {call} from st partition by tbname order by tbname", rows)
    # Several at once, in expressions, with conditions.
    for low in (-100, 0, 7, 15, 100):
        rows = [r for r in STB if r["c"] is not None and r["c"] > low]
        total, count = aggregate("sum", "c", rows), len(rows)
        f.query(f"select count(*), sum(c), max(c) - min(c) from st where c > {low}",
                [[count, total, float(aggregate("spread", "c", rows)) if rows else None]])
        f.query(f"select sum(c) from st where c > {low}", [[total]] if rows else [])
        f.query(f"select sum(c) * 2 + 1 from st where c > {low}", [[float(total * 2 + 1)]] if rows else [])
        f.query(f"select avg(c), count(c) from st where c > {low}",
                [[aggregate("avg", "c", rows), count]])
    # The row of a selection.
    for table in ("d0", "d1", "d2", "nt"):
        rows = TABLES[table]
        for name in ("max", "min"):
            for column in ("c", "v"):
                best = aggregate(name, column, rows)
                row = next(r for r in rows if r[column] == best)
                f.query(f"select ts, {name}({column}), s from {table}", [[T(row["ts"]), best, row["s"]]])
        for name, row in (("first", known(rows, "s")[0]), ("last", known(rows, "s")[-1]), ("last_row", rows[-1])):
            f.query(f"select ts, {name}(s), c, v + 1 from {table}",
                    [[T(row["ts"]), row["s"], row["c"], None if row["v"] is None else row["v"] + 1]])
    for table in ("d0", "nt", "st"):
        rows = source(table)
        for name in ("first", "last"):
            columns = ["ts"] + COLUMNS
            f.query(f"select {name}(*) from {table}", [[value_of(c, aggregate(name, c, rows)) for c in columns]],
                    names=[(f"{name}({c})", TYPES[c]) for c in columns])
    f.query("select last_row(*) from d0", [[value_of(c, TABLES["d0"][-1][c]) for c in ["ts"] + COLUMNS]])
    f.query("select last(c, v), last(ts) from d1", [[aggregate("last", "c", TABLES["d1"]),
            aggregate("last", "v", TABLES["d1"]), T(TABLES["d1"][-1]["ts"])]])
    f.query("select tbname, last_row(ts), last_row(c) from st partition by tbname order by tbname",
            [[t, T(TABLES[t][-1]["ts"]), TABLES[t][-1]["c"]] for t in ("d0", "d1", "d2")])
    # Nothing to aggregate.
    for call in ("sum(c)", "avg(v)", "min(c)", "max(s)", "first(c)", "last(c)", "last_row(c)", "spread(c)"):
        f.query(f"select {call} from d3", [])
        f.query(f"select {call}, count(*) from d3", [[None, 0]])
    f.query("select count(*), count(c) from d3", [[0, 0]])
    f.write()


# --- groups -----------------------------------------------------------------------------------------------------

def groups_of(rows, key):
    found = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def null_first(key):
    return tuple((v is not None, v if v is not None else 0) if not isinstance(v, str) else (True, v) for v in key)


def groups():
    f = File("select_groups.slt", "GROUP BY, PARTITION BY, HAVING, SLIMIT and LIMIT in slices.")
    for column in ("c", "b", "s", "n", "u", "f", "g", "loc"):
        for call, name, arg in (("count(*)", "count", "*"), ("sum(v)", "sum", "v"), ("last(c)", "last", "c")):
            for clause in ("group by", "partition by"):
                found = groups_of(STB, lambda r: r[column])
                rows = [[k, aggregate(name, arg, v)] for k, v in found.items()]
                if name == "count" and column in ("g", "loc"):
                    rows.append([CHILDREN["d3"][0 if column == "g" else 1], 0])
                f.query(f"select {column}, {call} from st {clause} {column}", rows, sort=True)
    for key, of in (("c % 3", lambda r: None if r["c"] is None else math.fmod(r["c"], 3)),
                    ("c > 5", lambda r: None if r["c"] is None else r["c"] > 5)):
        found = groups_of(TABLES["d0"], of)
        f.query(f"select {key}, count(*) from d0 group by {key}", [[k, len(v)] for k, v in found.items()], sort=True)
        f.query(f"select {key} as k, count(*) from d0 group by k", [[k, len(v)] for k, v in found.items()], sort=True)
        f.query(f"select {key}, count(*) from d0 group by 1", [[k, len(v)] for k, v in found.items()], sort=True)
    for at_least in (1, 2, 3, 5):
        found = {k: v for k, v in groups_of(STB, lambda r: r["c"]).items() if len(v) >= at_least}
        f.query(f"select c, count(*) from st group by c having count(*) >= {at_least} order by c",
                [[k, len(v)] for k, v in sorted(found.items(), key=lambda i: null_first((i[0],)))])
        f.query(f"select c, count(*) n from st group by c having count(*) >= {at_least} order by n desc, c desc",
                [[k, len(v)] for k, v in sorted(found.items(), key=lambda i: (len(i[1]), null_first((i[0],))),
                                                 reverse=True)])
    f.query("select tbname, g, loc, count(*) from st group by tbname order by tbname",
            [[t, *CHILDREN[t], len(TABLES[t])] for t in CHILDREN])
    f.query("select g, tbname, max(c) from st where c > 0 group by tbname order by tbname",
            [[CHILDREN[t][0], t, aggregate("max", "c", [r for r in TABLES[t] if r["c"] is not None and r["c"] > 0])]
             for t in ("d0", "d1", "d2")])
    # LIMIT inside slices.
    for limit, offset in ((1, 0), (2, 0), (3, 1), (2, 5), (100, 2), (0, 0)):
        rows = [[t, T(r["ts"])] for t in ("d0", "d1", "d2") for r in TABLES[t][offset:offset + limit]]
        text = f"limit {limit} offset {offset}" if offset else f"limit {limit}"
        f.query(f"select tbname, ts from st partition by tbname {text}", rows, sort=True)
        every = [[r["tbname"], T(r["ts"])] for r in STB][offset:offset + limit]
        f.query(f"select tbname, ts from st partition by tbname order by ts {text}", every)
        f.query(f"select ts, c from d0 limit {offset}, {limit}",
                [[T(r["ts"]), r["c"]] for r in TABLES["d0"][offset:offset + limit]])
        f.query(f"select ts, c from d0 order by ts desc {text}",
                [[T(r["ts"]), r["c"]] for r in TABLES["d0"][::-1][offset:offset + limit]])
        f.query(f"select g, count(*) from st group by g {text}",
                [[g, sum(len(TABLES[t]) for t in CHILDREN if CHILDREN[t][0] == g)] for g in (1, 2, 3)]
                if limit and not offset else [], sort=True)
    for limit, offset in ((1, 0), (2, 0), (1, 1), (2, 1), (9, 0), (3, 9)):
        names = ["d0", "d1", "d2"][offset:offset + limit]
        rows = [[t, T(r["ts"])] for t in names for r in TABLES[t][:2]]
        text = f"slimit {limit} soffset {offset}" if offset else f"slimit {limit}"
        f.query(f"select tbname, ts from st partition by tbname {text} limit 2", rows, sort=True)
        f.query(f"select tbname, sum(v) from st partition by tbname {text}",
                [[t, aggregate("sum", "v", TABLES[t])] for t in names], sort=True)
    # Children without rows, DISTINCT and TAGS.
    f.query("select tags tbname, g, loc from st", [[t, *CHILDREN[t]] for t in CHILDREN], sort=True)
    f.query("select tags loc from st where g = 1", [[CHILDREN[t][1]] for t in ("d0", "d2")], sort=True)
    f.query("select distinct g from st", [[1], [2], [3]], sort=True)
    f.query("select distinct tbname from st", [[t] for t in CHILDREN], sort=True)
    f.query("select distinct tbname, g from st where g > 1", [["d1", 2], ["d3", 3]], sort=True)
    f.query("select distinct loc from st order by loc", [[None], ["empty"], ["north"], ["south"]])
    f.query("select distinct g from st order by g desc limit 2", [[3], [2]])
    for column in ("c", "s", "b", "u"):
        values = sorted({r[column] for r in STB}, key=lambda v: null_first((v,)))
        f.query(f"select distinct {column} from st order by {column}", [[v] for v in values])
        f.query(f"select distinct {column} from st order by {column} desc", [[v] for v in values[::-1]])
        f.query(f"select distinct {column}, g from st where {column} is not null",
                [list(k) for k in {(r[column], r["g"]) for r in known(STB, column)}], sort=True)
    f.write()


# --- windows ----------------------------------------------------------------------------------------------------

UNITS = {"a": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def duration(text):
    return int(text[:-1]) * UNITS[text[-1]]


def local_ms(ts, zone):
    """The zone's clock at `ts`, as milliseconds since 1970-01-01 00:00 on that clock."""
    at = datetime.fromtimestamp(ts / 1000, ZoneInfo(zone))
    return ts + int(at.utcoffset().total_seconds() * 1000)


def utc_of_local(local, zone):
    naive = datetime(1970, 1, 1) + timedelta(milliseconds=local)
    return int(naive.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def fixed_window(ts, width, offset, zone):
    """Start and end of the window that holds `ts`."""
    size, shift = duration(width), duration(offset) if offset else 0
    if width[-1] in "dw":
        local = local_ms(ts, zone) - shift
        start = local - local % size
        return utc_of_local(start + shift, zone), utc_of_local(start + shift + size, zone)
    start = (ts - shift) - (ts - shift) % size + shift
    return start, start + size


def month_window(ts, months, zone):
    local = datetime(1970, 1, 1) + timedelta(milliseconds=local_ms(ts, zone))
    index = ((local.year - 1970) * 12 + local.month - 1) // months * months
    first = lambda m: datetime(1970 + m // 12, m % 12 + 1, 1)
    ms = lambda d: (d - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
    return utc_of_local(ms(first(index)), zone), utc_of_local(ms(first(index + months)), zone)


def intervals():
    f = File("select_intervals.slt", "INTERVAL: alignment, zones, offsets, SLIDING and FILL.")
    calls = [("count(*)", "count", "*"), ("sum(c)", "sum", "c"), ("last(v)", "last", "v")]
    names = ", ".join(c for c, _, _ in calls)
    for zone in ("UTC", "Asia/Shanghai", "America/New_York", "Asia/Kolkata"):
        if zone != "UTC":
            f.in_zone(zone)
        for width, offset in (("1s", None), ("7s", None), ("1m", None), ("10m", "3m"), ("1h", None), ("90m", "1m"),
                              ("1d", None), ("1d", "6h"), ("2d", None), ("1w", None), ("1w", "1d")):
            for table in ("d0", "st"):
                found = groups_of(source(table), lambda r: fixed_window(r["ts"], width, offset, zone))
                rows = [[T(w[0]), T(w[1]), w[1] - w[0]] + [aggregate(n, c, v) for _, n, c in calls]
                        for w, v in sorted(found.items())]
                clause = f"interval({width}, {offset})" if offset else f"interval({width})"
                f.query(f"select _wstart, _wend, _wduration, {names} from {table} {clause}", rows)
        for months, text in ((1, "1n"), (3, "3n"), (12, "1y")):
            found = groups_of(STB, lambda r: month_window(r["ts"], months, zone))
            rows = [[T(w[0]), T(w[1])] + [aggregate(n, c, v) for _, n, c in calls] for w, v in sorted(found.items())]
            f.query(f"select _wstart, _wend, {names} from st interval({text})", rows)
    f.in_zone("UTC")
    for width in ("1m", "1h"):
        rows = []
        for t in ("d0", "d1", "d2"):
            found = groups_of(TABLES[t], lambda r: fixed_window(r["ts"], width, None, "UTC"))
            rows += [[t, T(w[0])] + [aggregate(n, c, v) for _, n, c in calls] for w, v in sorted(found.items())]
        f.query(f"select tbname, _wstart, {names} from st partition by tbname interval({width})", rows)
        first = {t: [r for r in rows if r[0] == t][:2] for t in ("d0", "d1", "d2")}
        f.query(f"select tbname, _wstart, {names} from st partition by tbname interval({width}) limit 2",
                [r for t in first for r in first[t]])
        by_time = sorted(rows, key=lambda r: (r[1], r[0]))
        f.query(f"select tbname, _wstart, {names} from st partition by tbname interval({width}) "
                "order by _wstart, tbname limit 5", by_time[:5])
    # SLIDING
    for width, slide in (("10s", "5s"), ("1m", "20s"), ("1h", "7m"), ("10s", "10s"), ("1m", "59s")):
        size, step = duration(width), duration(slide)
        for table in ("d0", "d1", "st"):
            found = {}
            for row in source(table):
                start = row["ts"] - row["ts"] % step
                while start + size > row["ts"]:
                    found.setdefault(start, []).append(row)
                    start -= step
            rows = [[T(s), T(s + size)] + [aggregate(n, c, v) for _, n, c in calls] for s, v in sorted(found.items())]
            f.query(f"select _wstart, _wend, {names} from {table} interval({width}) sliding({slide})", rows)
    fills(f)
    f.write()


def fills(f):
    for table, low, high, width in (("d0", T0, T0 + 60_000, "5s"), ("d1", T0 + 1000, T0 + 89_999, "10s"),
                                    ("st", T0, T0 + 30_000, "2s"), ("d3", T0, T0 + 20_000, "5s"),
                                    ("d0", T0 - 60_000, T0 - 1, "10s")):
        size = duration(width)
        rows = [r for r in source(table) if low <= r["ts"] <= high]
        found = groups_of(rows, lambda r: r["ts"] - r["ts"] % size)
        starts = list(range(low - low % size, high + 1, size))
        real = {s: [len(found[s]), aggregate("sum", "c", found[s]), aggregate("avg", "v", found[s])] for s in found}
        for mode in ("none", "null", "null_f", "prev", "next", "linear", "value, 7, -1, 0.5", "value_f, 7, -1, 0.5"):
            forced = mode.split(",")[0].endswith("_f")
            if not rows and not forced:
                expected = []
            else:
                expected = [[T(s)] + filled(s, starts, real, mode) for s in starts if s in real or mode != "none"]
            f.query(f"select _wstart, count(*), sum(c), avg(v) from {table} where ts >= {low} and ts <= {high} "
                    f"interval({width}) fill({mode})", expected)


def filled(start, starts, real, mode):
    if start in real:
        return real[start]
    kind = mode.split(",")[0]
    if kind in ("null", "null_f"):
        return [None] * 3
    if kind in ("value", "value_f"):
        return [7, -1, 0.5]
    result = []
    for column in range(3):
        before = [s for s in starts if s < start and s in real and real[s][column] is not None]
        after = [s for s in starts if s > start and s in real and real[s][column] is not None]
        if kind == "prev":
            result.append(real[before[-1]][column] if before else None)
        elif kind == "next":
            result.append(real[after[0]][column] if after else None)
        elif not before or not after:
            result.append(None)
        else:
            a, b = before[-1], after[0]
            x, y = real[a][column], real[b][column]
            point = x + (y - x) * (start - a) / (b - a)
            result.append(point if column == 2 else math.trunc(point))
    return result


def emit(window):
    return [T(window[0]["ts"]), T(window[-1]["ts"]), window[-1]["ts"] - window[0]["ts"], len(window),
            aggregate("sum", "c", window)]


def data_windows():
    f = File("select_windows.slt", "SESSION, STATE_WINDOW, EVENT_WINDOW and COUNT_WINDOW.")
    items = "_wstart, _wend, _wduration, count(*), sum(c)"

    def each(rule, clause, tables=("d0", "d1", "d2", "nt", "d3"), merged=True):
        for table in tables:
            f.query(f"select {items} from {table} {clause}", [emit(w) for w in rule(TABLES[table])])
        rows = [[t] + emit(w) for t in ("d0", "d1", "d2") for w in rule(TABLES[t])]
        f.query(f"select tbname, {items} from st partition by tbname {clause}", rows)
        if merged:
            f.query(f"select {items} from st {clause}", [emit(w) for w in rule(STB)])

    def sessions(gap):
        def rule(rows):
            windows = []
            for row in rows:
                if windows and row["ts"] - windows[-1][-1]["ts"] <= gap:
                    windows[-1].append(row)
                else:
                    windows.append([row])
            return windows
        return rule

    for gap in ("1a", "1s", "2s", "5s", "9999a", "10s", "61s", "2h"):
        each(sessions(duration(gap)), f"session(ts, {gap})")

    def states(of):
        def rule(rows):
            windows, last = [], None
            for row in rows:
                state = of(row)
                if state is None:
                    continue
                if windows and state == last:
                    windows[-1].append(row)
                else:
                    windows.append([row])
                last = state
            return windows
        return rule

    for expr, of in (("b", lambda r: r["b"]), ("s", lambda r: r["s"]), ("c", lambda r: r["c"]),
                     ("case when c > 5 then 1 else 0 end",
                      lambda r: 1 if r["c"] is not None and r["c"] > 5 else 0)):
        each(states(of), f"state_window({expr})")
        long = lambda rows: [w for w in states(of)(rows) if w[-1]["ts"] - w[0]["ts"] >= 2000]
        f.query(f"select {items} from d0 state_window({expr}) true_for(2s)", [emit(w) for w in long(TABLES["d0"])])

    def events(start, end):
        def rule(rows):
            windows, current = [], None
            for row in rows:
                if current is None and start(row):
                    current = []
                if current is not None:
                    current.append(row)
                    if end(row):
                        windows.append(current)
                        current = None
            return windows
        return rule

    over = lambda limit: lambda r: r["c"] is not None and r["c"] > limit
    under = lambda limit: lambda r: r["c"] is not None and r["c"] < limit
    for low, high in ((10, 3), (0, 0), (5, 15), (-100, 100), (18, -4)):
        each(events(over(low), under(high)), f"event_window start with c > {low} end with c < {high}")

    def counts(size, slide, column=None):
        def rule(rows):
            rows = known(rows, column) if column else rows
            return [rows[at:at + size] for at in range(0, len(rows), slide)]
        return rule

    for size, slide in ((2, 2), (3, 3), (5, 2), (4, 1), (100, 100)):
        clause = f"count_window({size})" if size == slide else f"count_window({size}, {slide})"
        each(counts(size, slide), clause, merged=False)
    each(counts(3, 3, "s"), "count_window(3, 3, s)", merged=False)
    f.write()


# --- functions of series ----------------------------------------------------------------------------------------

def diff(rows, column, option):
    out, before = [], None
    for at, row in enumerate(rows):
        value = as_number(row[column])
        delta = None if value is None or before is None else value - before
        if value is not None:
            before = value
        if at == 0:
            continue
        if delta is not None and delta < 0 and option & 1:
            delta = None
        if delta is None and option & 2:
            continue
        if column in ("v", "f") and delta is not None:
            delta = float(delta)
        out.append([T(row["ts"]), delta])
    return out


def derivative(rows, column, unit, ignore):
    out, before = [], None
    for row in known(rows, column):
        if before is not None:
            change = (row[column] - before[column]) / ((row["ts"] - before["ts"]) / unit)
            if not (ignore and change < 0):
                out.append([T(row["ts"]), change])
        before = row
    return out


def csum(rows, column):
    out, total = [], 0
    for row in known(rows, column):
        total += row[column]
        out.append([T(row["ts"]), total])
    return out


def mavg(rows, column, size):
    rows = known(rows, column)
    return [[T(rows[at]["ts"]), sum(r[column] for r in rows[at - size + 1:at + 1]) / size]
            for at in range(size - 1, len(rows))]


OPS = {"lt": lambda a, b: a < b, "gt": lambda a, b: a > b, "le": lambda a, b: a <= b, "ge": lambda a, b: a >= b,
       "ne": lambda a, b: a != b, "eq": lambda a, b: a == b}


def state_rows(rows, column, op, limit, unit):
    out, run, since = [], 0, None
    for row in rows:
        value = row[column]
        if value is None:
            out.append([T(row["ts"]), None, None])
        elif OPS[op](value, limit):
            run += 1
            since = row["ts"] if since is None else since
            out.append([T(row["ts"]), run, (row["ts"] - since) // unit])
        else:
            run, since = 0, None
            out.append([T(row["ts"]), -1, -1])
    return out


def series():
    f = File("select_series.slt", "DIFF, DERIVATIVE, CSUM, MAVG, STATECOUNT, STATEDURATION, TOP, BOTTOM, TAIL, UNIQUE.")
    tables = ("d0", "d1", "d2", "nt", "st")
    for table in tables:
        rows = source(table)
        for column in ("c", "v", "f", "b", "u"):
            for option in (0, 1, 2, 3):
                call = f"diff({column})" if option == 0 else f"diff({column}, {option})"
                f.query(f"select ts, {call} from {table}", diff(rows, column, option))
        for column in ("c", "v"):
            for unit, ms in (("1s", 1000), ("1m", 60_000)):
                for ignore in (0, 1):
                    f.query(f"select ts, derivative({column}, {unit}, {ignore}) from {table}",
                            derivative(rows, column, ms, ignore))
            for size in (1, 2, 5):
                f.query(f"select ts, mavg({column}, {size}) from {table}", mavg(rows, column, size))
        for column in ("c", "v", "u"):
            f.query(f"select ts, csum({column}) from {table}", csum(rows, column))
        for op, limit in (("gt", 5), ("LE", 3), ("ne", 0), ("EQ", 2), ("lt", 0), ("ge", 10)):
            expected = state_rows(rows, "c", op.lower(), limit, 1)
            f.query(f"select ts, statecount(c, '{op}', {limit}), stateduration(c, '{op}', {limit}) from {table}",
                    expected)
            f.query(f"select ts, stateduration(c, '{op}', {limit}, 1s) from {table}",
                    [[r[0], r[2]] for r in state_rows(rows, "c", op.lower(), limit, 1000)])
    per = lambda of: [[t] + r for t in ("d0", "d1", "d2") for r in of(TABLES[t])]
    f.query("select tbname, ts, diff(c) from st partition by tbname", per(lambda r: diff(r, "c", 0)))
    f.query("select tbname, ts, csum(c) from st partition by tbname", per(lambda r: csum(r, "c")))
    f.query("select tbname, ts, mavg(v, 3) from st partition by tbname", per(lambda r: mavg(r, "v", 3)))
    f.query("select tbname, ts, diff(c) from st partition by tbname limit 2",
            [[t] + r for t in ("d0", "d1", "d2") for r in diff(TABLES[t], "c", 0)[:2]])
    f.query("select ts, diff(c) + 1 from d0",
            [[r[0], None if r[1] is None else r[1] + 1.0] for r in diff(TABLES["d0"], "c", 0)])
    picks(f)
    f.write()


def picks(f):
    for table in ("d0", "d1", "nt"):
        rows = TABLES[table]
        # Distinct values, so that ties do not matter.
        for k in (1, 2, 5, 100):
            for name, reverse in (("top", True), ("bottom", False)):
                best = sorted(known(rows, "v"), key=lambda r: r["v"], reverse=reverse)
                if len(best) > k and best[k - 1]["v"] == best[k]["v"]:
                    continue
                picked = sorted(best[:k], key=lambda r: r["ts"])
                f.query(f"select ts, {name}(v, {k}), s from {table}", [[T(r["ts"]), r["v"], r["s"]] for r in picked])
            for skip in (0, 1, 4):
                end = len(rows) - skip
                tail = rows[max(0, end - k):max(0, end)][::-1]
                call = f"tail(c, {k}, {skip})" if skip else f"tail(c, {k})"
                f.query(f"select ts, {call} from {table}", [[T(r["ts"]), r["c"]] for r in tail])
        for column in ("c", "s", "b", "v"):
            seen, first = set(), []
            for row in rows:
                if row[column] not in seen:
                    seen.add(row[column])
                    first.append([T(row["ts"]), row[column], row["c"]])
            f.query(f"select ts, unique({column}), c from {table}", first)
        f.query(f"select count(*) from (select sample(c, 3) from {table})", [[min(3, len(known(rows, "c")))]])
    f.query("select tbname, ts, tail(c, 2) from st partition by tbname",
            [[t, T(r["ts"]), r["c"]] for t in ("d0", "d1", "d2") for r in TABLES[t][-2:][::-1]])


# --- plain selects ----------------------------------------------------------------------------------------------

def plain():
    f = File("select_plain.slt", "Rows: names, stars, expressions, conditions, order.")
    columns = ["ts"] + COLUMNS
    whole = lambda rows, cols: [[value_of(c, r[c]) for c in cols] for r in rows]
    f.query("select * from d0", whole(TABLES["d0"], columns), names=[(c, TYPES[c]) for c in columns])
    f.query("select * from nt", whole(TABLES["nt"], columns), names=[(c, TYPES[c]) for c in columns])
    with_tags = columns + ["g", "loc"]
    f.query("select * from st order by ts", whole(STB, with_tags), names=[(c, TYPES[c]) for c in with_tags])
    f.query("select d0.* from d0 limit 3", whole(TABLES["d0"][:3], columns))
    f.query("select x.*, x.c from d0 as x limit 3", [r + [r[1]] for r in whole(TABLES["d0"][:3], columns)])
    f.query("select ts, g, loc, tbname from d1", whole(TABLES["d1"], ["ts", "g", "loc", "tbname"]),
            names=[(c, TYPES[c]) for c in ("ts", "g", "loc", "tbname")])
    f.query("select _c0, _rowts, tbname from nt limit 2", [[T(r["ts"]), T(r["ts"]), "nt"] for r in TABLES["nt"][:2]],
            names=[("_c0", "TIMESTAMP(8)"), ("_rowts", "TIMESTAMP(8)"), ("tbname", "VARCHAR(192)")])
    conditions = [
        ("c > 5", lambda r: r["c"] is not None and r["c"] > 5),
        ("c >= 5 and c <= 10", lambda r: r["c"] is not None and 5 <= r["c"] <= 10),
        ("c between 5 and 10", lambda r: r["c"] is not None and 5 <= r["c"] <= 10),
        ("c not between 5 and 10", lambda r: r["c"] is not None and not 5 <= r["c"] <= 10),
        ("c in (1, 2, 3)", lambda r: r["c"] in (1, 2, 3)),
        ("c not in (1, 2, 3)", lambda r: r["c"] is not None and r["c"] not in (1, 2, 3)),
        ("c is null", lambda r: r["c"] is None),
        ("c is not null and v is null", lambda r: r["c"] is not None and r["v"] is None),
        ("c = null", lambda r: False),
        ("not (c > 5)", lambda r: r["c"] is not None and not r["c"] > 5),
        ("c > 5 or v < 0", lambda r: (r["c"] is not None and r["c"] > 5) or (r["v"] is not None and r["v"] < 0)),
        ("s = 'a'", lambda r: r["s"] == "a"),
        ("s <> 'a'", lambda r: r["s"] is not None and r["s"] != "a"),
        ("s like 'a%'", lambda r: r["s"] is not None and r["s"].startswith("a")),
        ("s not like '%b%'", lambda r: r["s"] is not None and "b" not in r["s"]),
        ("s like '_'", lambda r: r["s"] is not None and len(r["s"]) == 1),
        ("s match '^[a-b]'", lambda r: r["s"] is not None and r["s"][:1] in ("a", "b")),
        ("s nmatch 'c$'", lambda r: r["s"] is not None and not r["s"].endswith("c")),
        ("n = '日本'", lambda r: r["n"] == "日本"),
        ("b = true", lambda r: r["b"] is True),
        ("b = 0", lambda r: r["b"] is False),
        ("u > 5", lambda r: r["u"] is not None and r["u"] > 5),
        ("f < 1", lambda r: r["f"] is not None and r["f"] < 1),
        ("c + v > 10", lambda r: r["c"] is not None and r["v"] is not None and r["c"] + r["v"] > 10),
        ("c % 2 = 0", lambda r: r["c"] is not None and r["c"] % 2 == 0),
        ("g = 1", lambda r: r["g"] == 1),
        ("loc = 'south'", lambda r: r["loc"] == "south"),
        ("loc is null", lambda r: r["loc"] is None),
        ("tbname = 'd1'", lambda r: r["tbname"] == "d1"),
        ("tbname in ('d0', 'd2') and c > 0",
         lambda r: r["tbname"] in ("d0", "d2") and r["c"] is not None and r["c"] > 0),
        ("tbname like 'd%' and g > 1", lambda r: r["g"] > 1),
        ("g + 1 = 3 or loc = 'north'", lambda r: r["g"] == 2 or r["loc"] == "north"),
        (f"ts < {T0 + 60_000}", lambda r: r["ts"] < T0 + 60_000),
        ("ts < '2024-01-01 00:01:00'", lambda r: r["ts"] < T0 + 60_000),
        ("ts >= '2024-01-01T00:01:00Z' and ts < '2024-01-01 02:00:00.000'",
         lambda r: T0 + 60_000 <= r["ts"] < T0 + 7_200_000),
        ("ts between '2024-01-01 00:00:00' and '2024-01-01 00:30:00' and g = 1",
         lambda r: T0 <= r["ts"] <= T0 + 1_800_000 and r["g"] == 1),
    ]
    for text, holds in conditions:
        f.query(f"select tbname, ts, c from st where {text} order by ts",
                [[r["tbname"], T(r["ts"]), r["c"]] for r in STB if holds(r)])
        f.query(f"select count(*) from st where {text}", [[sum(1 for r in STB if holds(r))]])
    for column in ("c", "v", "s", "b", "u"):
        rows = sorted(STB, key=lambda r: (null_first((r[column],)), r["ts"]))
        f.query(f"select {column}, ts from st order by {column}, ts", [[r[column], T(r["ts"])] for r in rows])
        rows = sorted(sorted(STB, key=lambda r: r["ts"]), key=lambda r: null_first((r[column],)), reverse=True)
        f.query(f"select {column} from st order by {column} desc limit 7", [[r[column]] for r in rows[:7]])
        last = sorted(known(STB, column), key=lambda r: r[column]) + [r for r in STB if r[column] is None]
        f.query(f"select {column} from st order by {column} nulls last", [[r[column]] for r in last])
    expressions = [
        ("c + 1", lambda r: r["c"] + 1.0, ["c"]), ("c / 2", lambda r: r["c"] / 2, ["c"]),
        ("c * v", lambda r: float(r["c"] * r["v"]), ["c", "v"]), ("c - v", lambda r: r["c"] - r["v"], ["c", "v"]),
        ("-c", lambda r: -r["c"], ["c"]), ("c % 4", lambda r: math.fmod(r["c"], 4), ["c"]),
        ("c / 0", lambda r: None, []), ("c % 0", lambda r: None, []),
        ("(c + 1) * 2", lambda r: (r["c"] + 1) * 2.0, ["c"]), ("c & 3", lambda r: r["c"] & 3, ["c"]),
        ("c | 8", lambda r: r["c"] | 8, ["c"]), ("c > 5", lambda r: r["c"] > 5, ["c"]),
        ("ts + 1s", lambda r: T(r["ts"] + 1000), []), ("ts - 1d", lambda r: T(r["ts"] - 86_400_000), []),
        ("c is null", lambda r: r["c"] is None, []),
        ("case when c > 5 then 'big' when c > 0 then 'small' end",
         lambda r: None if r["c"] is None or r["c"] <= 0 else "big" if r["c"] > 5 else "small", []),
        ("case b when true then 1 else 0 end", lambda r: 1 if r["b"] else 0, []),
    ]
    for text, of, needed in expressions:
        rows = [[None if any(r[c] is None for c in needed) else of(r)] for r in TABLES["d0"]]
        f.query(f"select {text} from d0", rows)
        f.query(f"select {text} as x from (select * from d0) order by ts desc limit 4", rows[::-1][:4])
    f.write()


# --- joins ------------------------------------------------------------------------------------------------------

def joins():
    f = File("select_joins.slt", "Joins, subqueries and unions.")
    right = [dict(r, ts=TABLES["d0"][at]["ts"]) for at, r in enumerate(TABLES["d2"])]
    right.append(dict(TABLES["d2"][0], ts=TABLES["d0"][-1]["ts"] + 5))
    values = " ".join("(" + ", ".join([str(r["ts"])] + [literal(r[c]) for c in COLUMNS]) + ")" for r in right)
    f.statement("create table r using st tags (9, 'right')")
    f.statement(f"insert into r values {values}", len(right))
    left = TABLES["d0"]
    pairs = [(a, b) for a in left for b in right if a["ts"] == b["ts"]]
    both = lambda rows: [[T(a["ts"]) if a else None, a["c"] if a else None, T(b["ts"]) if b else None,
                          b["c"] if b else None] for a, b in rows]
    items = "a.ts, a.c, b.ts, b.c"
    conditions = [("", lambda a, b: True), (" and a.c > 3", lambda a, b: a["c"] is not None and a["c"] > 3),
                  (" and b.c > a.c", lambda a, b: None not in (a["c"], b["c"]) and b["c"] > a["c"]),
                  (" and a.b = b.b", lambda a, b: a["b"] is not None and a["b"] == b["b"])]
    for text, holds in conditions:
        matched = [(a, b) for a, b in pairs if holds(a, b)]
        f.query(f"select {items} from d0 a join r b on a.ts = b.ts{text}", both(matched), sort=True)
        f.query(f"select {items} from d0 a, r b where a.ts = b.ts{text}", both(matched), sort=True)
        without = [a for a in left if all(m[0] is not a for m in matched)]
        lonely = [b for b in right if all(m[1] is not b for m in matched)]
        f.query(f"select {items} from d0 a left join r b on a.ts = b.ts{text}",
                both(matched + [(a, None) for a in without]), sort=True)
        f.query(f"select {items} from d0 a right join r b on a.ts = b.ts{text}",
                both(matched + [(None, b) for b in lonely]), sort=True)
        f.query(f"select {items} from d0 a full outer join r b on a.ts = b.ts{text}",
                both(matched + [(a, None) for a in without] + [(None, b) for b in lonely]), sort=True)
        f.query(f"select {items} from d0 a left semi join r b on a.ts = b.ts{text}", both(matched), sort=True)
        f.query(f"select {items} from d0 a left anti join r b on a.ts = b.ts{text}",
                both([(a, None) for a in without]), sort=True)
        f.query(f"select {items} from d0 a right anti join r b on a.ts = b.ts{text}",
                both([(None, b) for b in lonely]), sort=True)
        f.query(f"select count(*), sum(a.c), max(b.c) from d0 a join r b on a.ts = b.ts{text}",
                [[len(matched), aggregate("sum", "c", [a for a, _ in matched]),
                  aggregate("max", "c", [b for _, b in matched])]])
    f.query("select * from d0 a join r b on a.ts = b.ts order by a.ts",
            [[value_of(c, r[c]) for r in (a, b) for c in ["ts"] + COLUMNS] for a, b in pairs])
    # Subqueries.
    everything = sorted(STB + right, key=lambda r: r["ts"])
    big = [r for r in everything if r["c"] is not None and r["c"] > 5]
    f.query("select count(*), sum(x) from (select ts, c as x from st where c > 5)",
            [[len(big), sum(r["c"] for r in big)]])
    f.query("select max(s) from (select sum(c) s from st partition by tbname)",
            [[max(aggregate("sum", "c", rows) for rows in [TABLES[t] for t in ("d0", "d1", "d2")] + [right])]])
    f.query("select _wstart, sum(x) from (select ts, c x from st where c > 5 order by ts) interval(1h)",
            [[T(w[0]), sum(r["c"] for r in v)]
             for w, v in sorted(groups_of(big, lambda r: fixed_window(r["ts"], "1h", None, "UTC")).items())])
    f.query("select ts, diff(c) from (select ts, c from d0 where c > 0)",
            diff([r for r in TABLES["d0"] if r["c"] is not None and r["c"] > 0], "c", 0))
    f.query("select t.a + 1 from (select c as a from d0 where c > 15) t",
            [[r["c"] + 1.0] for r in TABLES["d0"] if r["c"] is not None and r["c"] > 15])
    f.query("select * from (select * from (select ts, c from d1 limit 3)) where c is not null",
            [[T(r["ts"]), r["c"]] for r in TABLES["d1"][:3] if r["c"] is not None])
    # Unions.
    part = lambda t: [[T(r["ts"]), r["c"]] for r in TABLES[t]]
    f.query("select ts, c from d0 union all select ts, c from d1 order by ts", sorted(part("d0") + part("d1"),
            key=lambda r: r[0]))
    values = sorted({r["c"] for t in ("d0", "d1") for r in TABLES[t]}, key=lambda v: null_first((v,)))
    f.query("select c from d0 union select c from d1 order by c", [[v] for v in values])
    f.query("select c from d0 union select c from d1 order by 1 desc limit 3", [[v] for v in values[::-1][:3]])
    f.query("select c from d0 union all select c from d0 union select c from d1 order by c", [[v] for v in values])
    f.query("select 1 union all select 2.5 union all select 3", [[1], [2.5], [3]], sort=True)
    f.query("select count(*) from (select c from d0 union all select c from d1)", [[len(part("d0") + part("d1"))]])
    f.write()


if __name__ == "__main__":
    for make in (plain, aggregates, groups, intervals, data_windows, series, joins):
        make()
