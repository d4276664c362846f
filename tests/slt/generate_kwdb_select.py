#!/usr/bin/env python3
"""Writes slt/kwdb/select_*.slt: queries with what they must give, computed here from the rows by plain
definitions (sheet kwdb.md, section 12) and never by triglot.

    python3 tests/slt/generate_kwdb_select.py
"""

import itertools
import math
import os
import random
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kwdb")
NOTE = "# Written by tests/slt/generate_kwdb_select.py; do not edit.\n"
BASE = int(datetime(2024, 3, 30, 22, 0, tzinfo=timezone.utc).timestamp() * 1000)
COLUMNS = ["ts", "v", "n", "s", "b", "dev", "loc"]


def rows():
    """(ts, v, n, s, b, dev, loc): three devices, gaps, NULLs; around a change to summer time."""
    rng = random.Random(7)
    out = []
    for dev, loc, count in [("a", "north", 24), ("b", "south", 17), ("c", "north", 9)]:
        time = BASE + rng.randrange(0, 600_000)
        for _ in range(count):
            time += rng.choice([1_000, 30_000, 61_000, 600_000, 600_000, 3_600_000, 7_201_000])
            null = lambda value, share=5: None if rng.randrange(share) == 0 else value
            out.append((
                time,
                null(rng.randrange(-40, 400) / 4),
                null(rng.randrange(-50, 100)),
                null(rng.choice(["on", "off", "idle"]), 6),
                null(rng.random() < 0.5, 7),
                dev,
                loc,
            ))
    return out


ROWS = rows()
AT = {name: place for place, name in enumerate(COLUMNS)}


def get(row, name):
    return row[AT[name]]


# ----------------------------------------------------------------------------------------------- cells


def number(value):
    """The shortest digits that give the number again, as the manual's face has them: exponents -6 to 20 in full."""
    if value == 0:
        return "0"
    digits = Decimal(repr(float(value)))
    exponent = digits.adjusted()
    if -6 <= exponent <= 20:
        return format(digits.normalize(), "f")
    text = str(digits.normalize().scaleb(-exponent))
    return f"{text}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def decimal(value):
    """A computed decimal: 16 places at most, no zeros at its end."""
    text = format(value.quantize(Decimal(1).scaleb(-16), rounding=ROUND_HALF_UP), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Time(int):
    """Milliseconds since the epoch."""


def cell(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Time):
        time = datetime.fromtimestamp(value / 1000, timezone.utc)
        text = time.strftime("%Y-%m-%dT%H:%M:%S")
        fraction = f"{int(value) % 1000:03d}".rstrip("0")
        return f"{text}{'.' + fraction if fraction else ''}Z"
    if isinstance(value, Decimal):
        return decimal(value)
    if isinstance(value, float):
        return number(value)
    return str(value)


# ---------------------------------------------------------------------------------------------- records


class File:
    def __init__(self, name, what):
        self.path = os.path.join(HERE, f"select_{name}.slt")
        self.records = [f"{NOTE}# {what}\n"]
        self.count = 0

    def setup(self):
        self.statement("CREATE TS DATABASE sel")
        self.records.append("# Of the records that follow.\nstatement ok\n--#DATABASE = sel\nUSE sel\n")
        self.statement(
            "CREATE TABLE m (ts TIMESTAMPTZ(3) NOT NULL, v FLOAT8, n INT4, s VARCHAR(10), b BOOL) "
            "TAGS (dev VARCHAR(10) NOT NULL, loc VARCHAR(10)) PRIMARY TAGS (dev)"
        )
        literal = lambda x: "NULL" if x is None else f"'{x}'" if isinstance(x, str) else (
            str(x).lower() if isinstance(x, bool) else str(x))
        values = ",\n  ".join("(" + ", ".join(literal(x) for x in row) + ")" for row in ROWS)
        self.statement(f"INSERT INTO m VALUES\n  {values}")
        return self

    def statement(self, sql):
        self.records.append(f"statement ok\n{sql}\n")
        self.count += 1

    def query(self, sql, found, sort=False):
        found = [" ".join(cell(x) for x in row) for row in found]
        if sort:
            found.sort()
        types = "T" * max(1, len(found[0].split(" ")) if found else 1)
        mode = " rowsort" if sort else ""
        body = "\n".join(found)
        self.records.append(f"query {types}{mode}\n{sql}\n----\n{body}\n" if body else f"query {types}\n{sql}\n----\n")
        self.count += 1

    def error(self, sql, text):
        quoted = "".join("\\" + c if c in r"\.^$|()[]{}*+?" else c for c in text)
        self.records.append(f"statement error {quoted}\n{sql}\n")
        self.count += 1

    def write(self):
        with open(self.path, "w") as out:
            out.write("\n".join(self.records))
        print(f"{self.count:4} {os.path.basename(self.path)}")
        return self.count


# --------------------------------------------------------------------------------------------- model


def by(keys, rows=None):
    """Rows by the values of columns, groups in the order of their keys, rows in the order of time."""
    groups = {}
    for row in sorted(ROWS if rows is None else rows, key=lambda r: r[0]):
        groups.setdefault(tuple(get(row, k) for k in keys), []).append(row)
    return dict(sorted(groups.items()))


def known(rows, name):
    return [get(r, name) for r in rows if get(r, name) is not None]


def exact(value):
    return None if value is None else Decimal(value)


def agg(function, rows, name=None):
    """An aggregate over rows in the order of time."""
    values = known(rows, name) if name else rows
    if function == "count":
        return len(values)
    if function in ("first_row", "last_row"):
        return None if not rows else get(rows[0 if function == "first_row" else -1], name)
    if function in ("first_row_ts", "last_row_ts"):
        return None if not rows else Time(rows[0 if function == "first_row_ts" else -1][0])
    if function in ("firstts", "lastts"):
        times = [r[0] for r in rows if get(r, name) is not None]
        return None if not times else Time(times[0 if function == "firstts" else -1])
    if not values:
        return None
    is_int = name == "n"
    if function == "sum":
        return Decimal(sum(values)) if is_int else float(sum(values))
    if function == "avg":
        return Decimal(sum(values)) / len(values) if is_int else sum(values) / len(values)
    return {"min": min, "max": max, "first": lambda v: v[0], "last": lambda v: v[-1]}[function](values)


UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
YEAR_ONE = -62_135_596_800_000


def bucket(time, count, unit, zone="UTC"):
    """The start of the bucket of `time_bucket`."""
    if unit in ("mon", "y"):
        local = datetime.fromtimestamp(time / 1000, ZoneInfo(zone))
        months = (local.year - 1) * 12 + local.month - 1
        step = count * (12 if unit == "y" else 1)
        months -= months % step
        start = datetime(months // 12 + 1, months % 12 + 1, 1, tzinfo=ZoneInfo(zone))
        return Time(int(start.timestamp() * 1000))
    width = count * UNITS[unit]
    if unit in ("d", "w"):
        local = datetime.fromtimestamp(time / 1000, ZoneInfo(zone)).replace(tzinfo=timezone.utc)
        days = (local.replace(hour=0, minute=0, second=0, microsecond=0) - datetime(1, 1, 1, tzinfo=timezone.utc)).days
        days -= days % (width // UNITS["d"])
        start = (datetime(1, 1, 1) + timedelta(days=days)).replace(tzinfo=ZoneInfo(zone))
        return Time(int(start.timestamp() * 1000))
    return Time(time - (time - YEAR_ONE) % width)


def after(start, count, unit, zone="UTC"):
    """The start of the bucket after the one that starts at `start`."""
    if unit not in ("d", "w", "mon", "y"):
        return Time(start + count * UNITS[unit])
    # Within the bucket after it, whatever the lengths of days and months.
    probe = start + 1
    while bucket(probe, count, unit, zone) == start:
        probe += UNITS["h"]
    return bucket(probe, count, unit, zone)


# ----------------------------------------------------------------------------------------------- files


def plain():
    f = File("plain", "SELECT without groups: expressions, conditions, order.").setup()
    star = [tuple(Time(x) if i == 0 else x for i, x in enumerate(r)) for r in ROWS]
    ordered = sorted(star, key=lambda r: (r[0], r[5]))
    f.query("SELECT * FROM m ORDER BY ts, dev", ordered)
    f.query("SELECT ts, dev FROM sel.public.m ORDER BY ts, dev LIMIT 3 OFFSET 2", [(r[0], r[5]) for r in ordered[2:5]])
    # NULLs are the smallest values.
    least = lambda x: (x is not None, x if x is not None else 0)
    f.query("SELECT n, ts FROM m ORDER BY n, ts", [(r[2], r[0]) for r in sorted(star, key=lambda r: (least(r[2]), r[0]))])
    f.query("SELECT v, ts FROM m ORDER BY v DESC, ts",
            [(r[1], r[0]) for r in sorted(sorted(star, key=lambda r: r[0]), key=lambda r: least(r[1]), reverse=True)])
    f.query("SELECT n FROM m WHERE dev = 'b' ORDER BY n NULLS LAST, ts",
            [(r[2],) for r in sorted((r for r in star if r[5] == "b"), key=lambda r: (r[2] is None, r[2] or 0))])
    conditions = {
        "v > 10": lambda r: r[1] is not None and r[1] > 10,
        "v > 10.5 AND n < 20": lambda r: r[1] is not None and r[2] is not None and r[1] > 10.5 and r[2] < 20,
        "n IS NULL OR v IS NULL": lambda r: r[2] is None or r[1] is None,
        "n ISNULL AND v NOTNULL": lambda r: r[2] is None and r[1] is not None,
        "s LIKE 'o%'": lambda r: r[3] is not None and r[3].startswith("o"),
        "s ILIKE 'ON'": lambda r: r[3] == "on",
        "s ~ '^o[nf]'": lambda r: r[3] in ("on", "off"),
        "s IN ('on', 'idle')": lambda r: r[3] in ("on", "idle"),
        "s NOT IN ('on', 'idle')": lambda r: r[3] == "off",
        "b": lambda r: r[4] is True,
        "NOT b": lambda r: r[4] is False,
        "b IS NOT TRUE": lambda r: r[4] is not True,
        "dev = 'a' AND loc = 'north'": lambda r: r[5] == "a",
        "loc != 'north'": lambda r: r[6] != "north",
        "n BETWEEN -10 AND 10": lambda r: r[2] is not None and -10 <= r[2] <= 10,
        "n % 2 = 0": lambda r: r[2] is not None and r[2] % 2 == 0,
        "n // 10 = -2": lambda r: r[2] is not None and r[2] // 10 == -2,
        "n / 4 = 2.5": lambda r: r[2] is not None and r[2] == 10,
        "n IS DISTINCT FROM NULL": lambda r: r[2] is not None,
        "v = n": lambda r: None not in (r[1], r[2]) and r[1] == r[2],
        f"ts >= '{iso(BASE + 3_600_000)}'": lambda r: r[0] >= BASE + 3_600_000,
        f"ts < '{iso(BASE + 7_200_000)}Z'": lambda r: r[0] < BASE + 7_200_000,
        f"ts <= {BASE + 9_000_000}": lambda r: r[0] <= BASE + 9_000_000,
        f"{BASE + 9_000_000} < ts": lambda r: r[0] > BASE + 9_000_000,
        f"ts = {ROWS[3][0]}": lambda r: r[0] == ROWS[3][0],
        f"ts != {ROWS[3][0]}": lambda r: r[0] != ROWS[3][0],
        f"ts IN ({ROWS[0][0]}, '{iso(ROWS[4][0])}')": lambda r: r[0] in (ROWS[0][0], ROWS[4][0]),
        f"ts BETWEEN '{iso(BASE)}' AND {BASE + 5_400_000}": lambda r: BASE <= r[0] <= BASE + 5_400_000,
        f"ts > '{iso(BASE)}'::timestamptz + 1h": lambda r: r[0] > BASE + 3_600_000,
        f"ts - 30m > '{iso(BASE)}'": lambda r: r[0] - 1_800_000 > BASE,
        f"ts - {BASE}::timestamptz > interval '2 hours'": lambda r: r[0] - BASE > 7_200_000,
        f"ts > '{iso(BASE + 28_800_000)}+08:00'": lambda r: r[0] > BASE,
        "EXISTS (SELECT 1 FROM m x WHERE x.dev = m.dev AND x.v > 95)":
            lambda r: any(x[5] == r[5] and x[1] is not None and x[1] > 95 for x in ROWS),
        "v = (SELECT max(v) FROM m)": lambda r: r[1] == max(known(ROWS, "v")),
        "dev IN (SELECT dev FROM m GROUP BY dev HAVING count(*) > 10)": lambda r: r[5] in ("a", "b"),
    }
    for text, test in conditions.items():
        f.query(f"SELECT ts, dev FROM m WHERE {text} ORDER BY ts, dev", [(r[0], r[5]) for r in ordered if test(r)])
    f.query("SELECT DISTINCT dev, loc FROM m ORDER BY dev", [("a", "north"), ("b", "south"), ("c", "north")])
    f.query("SELECT DISTINCT loc FROM m ORDER BY 1 DESC", [("south",), ("north",)])
    f.query("SELECT dev FROM m WHERE loc = 'south' UNION SELECT loc FROM m WHERE dev = 'c' ORDER BY 1", [("b",), ("north",)])
    f.query("SELECT dev FROM m EXCEPT SELECT 'a' ORDER BY dev", [("b",), ("c",)])
    f.query("SELECT dev FROM m INTERSECT SELECT 'a'", [("a",)])
    f.query("WITH x AS (SELECT dev d, count(*) c FROM m GROUP BY dev) SELECT d, c FROM x WHERE c < 20 ORDER BY d",
            [("b", 17), ("c", 9)])
    f.query("SELECT x.dev, count FROM (SELECT dev, count(*) FROM m GROUP BY dev) x ORDER BY dev",
            [("a", 24), ("b", 17), ("c", 9)])
    f.query("SELECT dev, count FROM (SELECT dev, count(*) FROM m GROUP BY dev) ORDER BY dev",
            [("a", 24), ("b", 17), ("c", 9)])
    f.query("SELECT a.dev, count(*) FROM m a JOIN m b ON a.dev = b.dev AND a.ts < b.ts GROUP BY a.dev ORDER BY a.dev",
            [("a", 276), ("b", 136), ("c", 36)])
    f.query("SELECT a.loc, count(*) FROM m a LEFT JOIN (SELECT dev FROM m WHERE dev = 'c') x ON a.dev = x.dev "
            "WHERE x.dev IS NULL GROUP BY a.loc ORDER BY 1", [("north", 24), ("south", 17)])
    f.query("SELECT ts + 1h, ts - 1d, dev FROM m WHERE dev = 'c' ORDER BY ts",
            [(Time(r[0] + 3_600_000), Time(r[0] - 86_400_000), "c") for r in ordered if r[5] == "c"])
    f.query("SELECT v + n, n * 2, n - 1, -n FROM m WHERE dev = 'c' ORDER BY ts", [
        (None if None in (r[1], r[2]) else r[1] + r[2], None if r[2] is None else r[2] * 2,
         None if r[2] is None else r[2] - 1, None if r[2] is None else -r[2]) for r in ordered if r[5] == "c"])
    f.query("SELECT n / 4, n // 4, n % 4 FROM m WHERE dev = 'b' AND n IS NOT NULL ORDER BY ts", [
        (Decimal(r[2]) / 4, r[2] // 4, int(math.fmod(r[2], 4))) for r in ordered if r[5] == "b" and r[2] is not None])
    f.query("SELECT if(v > 50, 'high', 'low'), coalesce(n, -1), nullif(s, 'on'), ifnull(s, 'none') "
            "FROM m WHERE dev = 'b' ORDER BY ts", [
        ("high" if r[1] is not None and r[1] > 50 else "low", -1 if r[2] is None else r[2],
         None if r[3] == "on" else r[3], r[3] or "none") for r in ordered if r[5] == "b"])
    f.query("SELECT CASE s WHEN 'on' THEN 1 WHEN 'off' THEN 0 END FROM m WHERE dev = 'a' ORDER BY ts",
            [({"on": 1, "off": 0}.get(r[3]),) for r in ordered if r[5] == "a"])
    return f.write()


def iso(time):
    return datetime.fromtimestamp(time / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")[:23]


def aggregates():
    f = File("aggregates", "Aggregates of section 12.2.").setup()
    functions = ["count", "sum", "avg", "min", "max", "first", "last", "first_row", "last_row", "firstts", "lastts",
                 "first_row_ts", "last_row_ts"]
    for name in ("v", "n"):
        for function in functions:
            f.query(f"SELECT dev, {function}({name}) FROM m GROUP BY dev ORDER BY dev",
                    [(*k, agg(function, rows, name)) for k, rows in by(["dev"]).items()])
    for function in ["count", "min", "max", "first", "last", "first_row", "last_row", "lastts"]:
        f.query(f"SELECT dev, {function}(s) FROM m GROUP BY dev ORDER BY dev",
                [(*k, agg(function, rows, "s")) for k, rows in by(["dev"]).items()])
    calls = [(fn, n) for fn in functions[:7] for n in ("v", "n")]
    f.query("SELECT " + ", ".join(f"{fn}({n})" for fn, n in calls if fn not in ("first", "last")) + ", count(*) FROM m",
            [tuple(agg(fn, by([])[()], n) for fn, n in calls if fn not in ("first", "last")) + (len(ROWS),)])
    f.query("SELECT count(*), count(v), sum(v), avg(n), min(s), last(v) FROM m WHERE v > 1000",
            [(0, 0, None, None, None, None)])
    f.query("SELECT dev, last(*) FROM m GROUP BY dev ORDER BY dev", [
        (*k, Time(rows[-1][0]), *(agg("last", rows, c) for c in COLUMNS[1:])) for k, rows in by(["dev"]).items()])
    f.query("SELECT dev, last_row(*) FROM m GROUP BY dev ORDER BY dev", [
        (*k, Time(rows[-1][0]), *rows[-1][1:]) for k, rows in by(["dev"]).items()])
    f.query("SELECT first(t.*) FROM m t WHERE dev = 'b'", [
        (Time(rows[0][0]), *(agg("first", rows, c) for c in COLUMNS[1:])) for k, rows in by(["dev"]).items() if k == ("b",)])
    for hours in (0, 3, 9, 20):
        deadline = BASE + hours * 3_600_000
        upto = lambda rows: [r for r in rows if r[0] <= deadline]
        f.query(f"SELECT dev, last(n, '{iso(deadline)}'), lastts(n, '{iso(deadline)}'), last_row(n, '{iso(deadline)}'), "
                f"last_row_ts(n, '{iso(deadline)}') FROM m GROUP BY dev ORDER BY dev",
                [(*k, *(agg(fn, upto(rows), "n") for fn in ("last", "lastts", "last_row", "last_row_ts")))
                 for k, rows in by(["dev"]).items()])
    for extreme, pick in (("max", max), ("min", min)):
        found = []
        for k, rows in by(["dev"]).items():
            best = pick(known(rows, "v"))
            row = next(r for r in rows if r[1] == best)
            found.append((*k, Time(row[0]), row[2], best))
        f.query(f"SELECT dev, ts, n, {extreme}(v) FROM m GROUP BY dev ORDER BY dev", found)
        rows = by([])[()]
        best = pick(known(rows, "n"))
        row = next(r for r in rows if r[2] == best)
        f.query(f"SELECT ts, s, dev, {extreme}(n) FROM m", [(Time(row[0]), row[3], row[5], best)])
    for keys in (["dev"], ["loc"], ["dev", "s"]):
        names = ", ".join(keys)
        order = lambda k: tuple((x is not None, x or "") for x in k)
        groups = {}
        for row in sorted(ROWS, key=lambda r: r[0]):
            groups.setdefault(tuple(get(row, k) for k in keys), []).append(row)
        f.query(f"SELECT {names}, count(*), sum(n), avg(v) FROM m GROUP BY {names} ORDER BY {names}",
                [(*k, len(groups[k]), agg("sum", groups[k], "n"), agg("avg", groups[k], "v")) for k in sorted(groups, key=order)])
        f.query(f"SELECT {names}, avg(n) a FROM m GROUP BY {names} HAVING avg(n) > 20 ORDER BY {names}",
                [(*k, agg("avg", groups[k], "n")) for k in sorted(groups, key=order)
                 if agg("avg", groups[k], "n") is not None and agg("avg", groups[k], "n") > 20])
    f.query("SELECT count(DISTINCT s), count(DISTINCT dev), sum(DISTINCT n) FROM m",
            [(3, 3, Decimal(sum(set(known(ROWS, "n")))))])
    for unit, ms in (("", 1), (", 1s", 1000), (", '1m'", 60_000), (", 1h", 3_600_000)):
        f.query(f"SELECT dev, elapsed(ts{unit}) FROM m GROUP BY dev ORDER BY dev",
                [(*k, (rows[-1][0] - rows[0][0]) / ms) for k, rows in by(["dev"]).items()])
    diffs = []
    for k, rows in by(["dev"]).items():
        for a, b in zip(rows, rows[1:]):
            diffs.append((*k, Time(b[0]), None if None in (a[2], b[2]) else b[2] - a[2]))
    f.query("SELECT dev, ts, diff(n) OVER (PARTITION BY dev ORDER BY ts) FROM m ORDER BY dev, ts", diffs)
    f.query("SELECT dev, count(*) FROM (SELECT dev, diff(v) OVER (PARTITION BY dev ORDER BY ts) AS d FROM m) "
            "GROUP BY dev ORDER BY dev", [("a", 23), ("b", 16), ("c", 8)])
    return f.write()


def buckets():
    f = File("buckets", "time_bucket, time_bucket_gapfill and interpolate (section 12.1).").setup()
    widths = [(9999, "s"), (10, "m"), (90, "m"), (1, "h"), (5, "h"), (1, "d"), (2, "d"), (1, "w"), (1, "mon"), (3, "mon"),
              (1, "y"), (7, "y")]
    for count, unit in widths:
        groups = {}
        for row in sorted(ROWS, key=lambda r: r[0]):
            groups.setdefault(bucket(row[0], count, unit), []).append(row)
        f.query(f"SELECT time_bucket(ts, '{count}{unit}') tb, count(*), sum(n), last(v) FROM m WHERE dev = 'a' GROUP BY tb ORDER BY tb",
                [(k, len(rows), agg("sum", rows, "n"), agg("last", rows, "v"))
                 for k in sorted(groups) for rows in [[r for r in groups[k] if r[5] == "a"]] if rows])
    words = [("1 hour", 1, "h"), ("2 HOURS", 2, "h"), ("30 minutes", 30, "m"), ("45M", 45, "m"), ("1Y", 1, "y"), ("1 week", 1, "w"),
             ("600 seconds", 600, "s"), ("3600000ms", 3600000, "ms")]
    for text, count, unit in words:
        times = sorted({bucket(r[0], count, unit) for r in ROWS})
        f.query(f"SELECT DISTINCT time_bucket(ts, '{text}') FROM m ORDER BY 1", [(t,) for t in times])
    f.query("SELECT DISTINCT time_bucket(ts, 3600) FROM m ORDER BY 1", [(t,) for t in sorted({bucket(r[0], 1, "h") for r in ROWS})])
    for dev, (count, unit) in itertools.product(["a", "c"], [(30, "m"), (2, "h"), (9999, "s")]):
        found = []
        groups = {}
        for row in by(["dev"])[(dev,)]:
            groups.setdefault(bucket(row[0], count, unit), []).append(row)
        real = sorted(groups)
        steps, step = [], real[0]
        while step <= real[-1]:
            steps.append(step)
            step = after(step, count, unit)
        def value(at, fn, name, mode):
            if at in groups:
                return agg(fn, groups[at], name)
            place = steps.index(at)
            i = next(i for i in range(place, -1, -1) if steps[i] in groups)
            j = next(j for j in range(place, len(steps)) if steps[j] in groups)
            before, behind = agg(fn, groups[steps[i]], name), agg(fn, groups[steps[j]], name)
            if mode == "PREV":
                return before
            if mode == "NEXT":
                return behind
            if mode == "LINEAR":
                if before is None or behind is None:
                    return None
                line = Decimal(before) + (Decimal(behind) - Decimal(before)) * (place - i) / (j - i)
                if isinstance(before, int):
                    return int(line.quantize(Decimal(1), rounding=ROUND_HALF_UP))
                return line if isinstance(before, Decimal) else float(line)
            if mode == "7":
                return Decimal(7) if fn in ("sum", "avg") and name == "n" else 7.0 if name == "v" else 7
            return None
        for fn, name, mode in [("sum", "n", "PREV"), ("max", "n", "NEXT"), ("max", "n", "LINEAR"), ("min", "n", "7"),
                               ("max", "v", "NULL"), ("last", "v", "PREV"), ("avg", "n", "7")]:
            f.query(f"SELECT time_bucket_gapfill(ts, '{count}{unit}') tb, dev, interpolate({fn}({name}), {mode}) FROM m "
                    f"WHERE dev = '{dev}' GROUP BY tb, dev ORDER BY tb",
                    [(at, dev, value(at, fn, name, mode)) for at in steps])
        f.query(f"SELECT time_bucket_gapfill(ts, '{count}{unit}') tb, max(n) FROM m WHERE dev = '{dev}' GROUP BY tb ORDER BY tb",
                [(at, agg("max", groups[at], "n") if at in groups else None) for at in steps])
    f.error("SELECT time_bucket(ts, '0s') FROM m", "second arg should be a positive interval")
    f.error("SELECT time_bucket(ts, '-1s') FROM m", "second arg should be a positive interval")
    f.error("SELECT time_bucket(ts, '1s 2m') FROM m", "invalid input interval time")
    f.error("SELECT time_bucket(ts, '1 parsec') FROM m", "invalid input interval time")
    f.error("SELECT time_bucket_gapfill(ts, '1h') FROM m", "time_bucket_gapfill should be use with group by time_bucket_gapfill")
    f.error("SELECT interpolate(max(n), PREV) FROM m", "interpolate should be used with time_bucket_gapfill")
    f.error("SELECT time_bucket_gapfill(ts, '1h') g, interpolate(max(s), PREV) FROM m GROUP BY g",
            "The type of the first parameter of interpolate must be of IntFamily, FloatFamily or DecimalFamily")
    f.error("SELECT time_bucket_gapfill(ts, '1h') g, interpolate(max(n), sideways) FROM m GROUP BY g",
            "the second parameter is invalid")
    return f.write()


def windows():
    f = File("windows", "Group windows (section 12.3).").setup()

    def summary(groups):
        return sorted((dev, Time(rows[0][0]), Time(rows[-1][0]), len(rows), agg("sum", rows, "n")) for dev, rows in groups)

    def check(window, cut):
        found = summary((dev, part) for (dev,), rows in by(["dev"]).items() for part in cut(rows))
        f.query(f"SELECT dev, first(ts), last(ts), count(*), sum(n) FROM m GROUP BY dev, {window} ORDER BY dev, 2, 3", found)

    def state(value):
        def cut(rows):
            parts, last = [], None
            for row in rows:
                now = value(row)
                if now is None and not parts:
                    continue
                if not parts or (now is not None and now != last):
                    parts.append([])
                    last = now
                parts[-1].append(row)
            return parts
        return cut

    def session(gap):
        def cut(rows):
            parts = []
            for row in rows:
                if parts and row[0] - parts[-1][-1][0] <= gap:
                    parts[-1].append(row)
                else:
                    parts.append([row])
            return parts
        return cut

    def count(size, slide):
        return lambda rows: [rows[i:i + size] for i in range(0, len(rows), slide)]

    def event(start, end):
        def cut(rows):
            parts, open_ = [], None
            for row in rows:
                if open_ is None and start(row):
                    open_ = []
                if open_ is not None:
                    open_.append(row)
                    if end(row):
                        parts.append(open_)
                        open_ = None
            return parts
        return cut

    check("state_window(s)", state(lambda r: r[3]))
    check("state_window(b)", state(lambda r: r[4]))
    check("state_window(n)", state(lambda r: r[2]))
    check("state_window(CASE WHEN n > 20 THEN 1 ELSE 0 END)", state(lambda r: 1 if r[2] is not None and r[2] > 20 else 0))
    for text, gap in (("30s", 30_000), ("10m", 600_000), ("1h", 3_600_000), ("1d", 86_400_000), ("1w", 604_800_000)):
        check(f"session_window(ts, '{text}')", session(gap))
    for size, slide in ((1, 1), (4, 4), (7, 7), (100, 100), (5, 2), (3, 1)):
        check(f"count_window({size}" + (f", {slide})" if slide != size else ")"), count(size, slide))
    above = lambda name, limit: lambda r: get(r, name) is not None and get(r, name) > limit
    check("event_window(n > 20, v > 50)", event(above("n", 20), above("v", 50)))
    check("event_window(b, s = 'on')", event(lambda r: r[4] is True, lambda r: r[3] == "on"))
    check("event_window(n > 20, n > 20)", event(above("n", 20), above("n", 20)))

    def tumbling(count, unit, start, end):
        groups = {}
        for (dev,), rows in by(["dev"]).items():
            for row in rows:
                groups.setdefault((dev, start(row[0])), []).append(row)
        f.query(f"SELECT dev, first(ts), last(ts), count(*), sum(n) FROM m GROUP BY dev, time_window(ts, '{count}{unit}') ORDER BY dev, 2",
                [(dev, Time(s), Time(end(s)), len(rows), agg("sum", rows, "n")) for (dev, s), rows in sorted(groups.items())])

    for n, unit in ((10, "m"), (9999, "s"), (5, "h")):
        tumbling(n, unit, lambda t: bucket(t, n, unit), lambda s: after(s, n, unit))
    for n, unit in ((1, "d"), (3, "d"), (1, "w")):
        width = n * UNITS[unit]
        tumbling(n, unit, lambda t: t - t % width, lambda s: s + width)
    for n, unit in ((1, "mon"), (1, "y")):
        tumbling(n, unit, lambda t: bucket(t, n, unit), lambda s: after(s, n, unit))
    for width, slide, text in ((3_600_000, 1_800_000, "'1h', '30m'"), (7_200_000, 3_600_000, "'2h', '1h'"),
                               (10_800_000, 4_200_000, "'3h', '70m'")):
        groups = {}
        for (dev,), rows in by(["dev"]).items():
            for row in rows:
                start = row[0] - row[0] % slide
                while start + width > row[0]:
                    groups.setdefault((dev, start), []).append(row)
                    start -= slide
        f.query(f"SELECT dev, first(ts), last(ts), count(*), sum(n) FROM m GROUP BY dev, time_window(ts, {text}) ORDER BY dev, 2",
                [(dev, Time(s), Time(s + width), len(rows), agg("sum", rows, "n")) for (dev, s), rows in sorted(groups.items())])
    everything = by([])[()]
    f.query("SELECT first(ts), last(ts), count(*), avg(n) FROM m GROUP BY session_window(ts, '30m') ORDER BY 1",
            [(Time(p[0][0]), Time(p[-1][0]), len(p), agg("avg", p, "n")) for p in session(1_800_000)(everything)])
    for name, call in (("state_window", "state_window(s)"), ("session_window", "session_window(ts, '1h')"),
                       ("count_window", "count_window(2)"), ("event_window", "event_window(b, b)"),
                       ("time_window", "time_window(ts, '1h')")):
        f.error(f"SELECT {call} FROM m", f"{name}() can be only used in groupby")
        f.error(f"SELECT count(*) FROM m a JOIN m b ON a.ts = b.ts GROUP BY {call.replace('(s)', '(a.s)').replace('ts,', 'a.ts,').replace('(b, b)', '(a.b, a.b)')}",
                "group window function is only supported for use in single time series table query.")
    f.error("SELECT count(*) FROM m GROUP BY n + 1, state_window(s)", "groupby cols support only single col and group window function")
    f.error("SELECT count(*) FROM m GROUP BY state_window(s), count_window(2)", "groupby cols support only single col and group window function")
    f.error("SELECT count(*) FROM m GROUP BY state_window(v)", "state_window(): if arg is column, type should be int/bool/char/varchar.")
    f.error("SELECT count(*) FROM m GROUP BY count_window(0)", "count_window(): invalid count value")
    f.error("SELECT count(*) FROM m GROUP BY count_window(2, 3)", "count_window(): invalid sliding value")
    f.error("SELECT count(*) FROM m GROUP BY session_window(ts, '1y')", "invalid input interval time.")
    f.error("SELECT count(*) FROM m GROUP BY time_window(ts, '1ms')", "invalid input interval time.")
    f.error("SELECT count(*) FROM m GROUP BY time_window(ts, '1h', '2h')", "invalid input interval time.")
    return f.write()


def fill():
    f = File("fill", "The FILL clause (section 12.4).").setup()
    devices = by(["dev"])
    rng = random.Random(3)
    instants = [devices[("a",)][5][0], BASE, BASE + 86_400_000 * 30] + [BASE + rng.randrange(0, 40_000_000) for _ in range(4)]

    def picked(rows, at, name, mode, limit):
        row = next((r for r in rows if r[0] == at), None)
        if row:
            return get(row, name)
        points = [(r[0], get(r, name)) for r in rows if get(r, name) is not None]
        before = [p for p in points if p[0] < at and (limit is None or at - p[0] <= limit)]
        behind = [p for p in points if p[0] > at and (limit is None or p[0] - at <= limit)]
        a, b = (before[-1] if before else None), (behind[0] if behind else None)
        if mode == "EXACT":
            return None
        if mode == "PREVIOUS":
            return a and a[1]
        if mode == "NEXT":
            return b and b[1]
        if mode == "CLOSER":
            if a and b:
                return a[1] if at - a[0] <= b[0] - at else b[1]
            return (a or b or (None, None))[1]
        raise ValueError(mode)

    for at, mode, limit in itertools.product(instants, ("EXACT", "PREVIOUS", "NEXT", "CLOSER"), (None, 900_000)):
        if mode == "EXACT" and limit:
            continue
        clause = mode if limit is None else f"{mode}, {limit}"
        found = [(Time(at), *(picked(devices[(d,)], at, c, mode, limit) for c in ("v", "n", "s")), d, devices[(d,)][0][6])
                 for d in ("a", "c")]
        f.query(f"SELECT ts, v, n, s, dev, loc FROM m WHERE ts = {at} AND dev IN ('a', 'c') FILL({clause}) ORDER BY dev", found)
    for at in instants[3:]:
        found = []
        for d in ("a", "b", "c"):
            points = [(r[0], r[2]) for r in devices[(d,)] if r[2] is not None]
            before, behind = [p for p in points if p[0] < at], [p for p in points if p[0] > at]
            line = None
            if before and behind:
                (t0, v0), (t1, v1) = before[-1], behind[0]
                line = round(v0 + (v1 - v0) * (at - t0) / (t1 - t0))
            found.append((Time(at), line, None, d))
        f.query(f"SELECT ts, n, s, dev FROM m WHERE dev IN ('a', 'b', 'c') AND ts = {at} FILL(LINEAR) ORDER BY dev", found)
    f.query(f"SELECT ts, n, dev FROM m WHERE dev = 'b' AND ts = '{iso(BASE)}' FILL(CONSTANT, 42)", [(Time(BASE), 42, "b")])
    f.query(f"SELECT ts, n, dev FROM m WHERE dev = 'nobody' AND ts = '{iso(BASE)}' FILL(PREVIOUS)", [])
    text = "the conditions of FILL clause must only be ts col and pTag"
    for condition in ("ts = 1", "dev = 'a'", "ts > 1 AND dev = 'a'", "ts = 1 AND dev = 'a' AND n = 1", "ts = 1 AND loc = 'x'",
                      "ts = 1 OR dev = 'a'"):
        f.error(f"SELECT ts, v FROM m WHERE {condition} FILL(EXACT)", text)
    f.error("SELECT a.ts FROM m a, m b WHERE ts = 1 AND dev = 'a' FILL(EXACT)",
            "FILL is only supported for use in single time series table query.")
    f.error("WITH x AS (SELECT ts FROM m WHERE ts = 1 AND dev = 'a' FILL(EXACT)) SELECT * FROM x",
            "FILL clause is not supported in WITH...AS...")
    f.error("SELECT ts FROM m FILL(EXACT)", "syntax error")
    return f.write()


def zones():
    f = File("zones", "What depends on the zone of the request (section 5).").setup()
    for given, zone in (("Asia/Shanghai", "Asia/Shanghai"), ("8", "Asia/Shanghai"), ("Europe/Berlin", "Europe/Berlin"),
                        ("UTC+8", "Etc/GMT+8"), ("-3", "Etc/GMT+3"), ("UTC", "UTC")):
        f.records.append(f"statement ok\n--#TZ = {given}\nSELECT 1\n")
        local = lambda t: datetime.fromtimestamp(t / 1000, ZoneInfo(zone))
        for count, unit in ((1, "d"), (1, "w"), (1, "mon"), (1, "y"), (1, "h")):
            groups = {}
            for row in ROWS:
                groups.setdefault(bucket(row[0], count, unit, zone), []).append(row)
            f.query(f"SELECT time_bucket(ts, '{count}{unit}')::int8 tb, count(*) FROM m GROUP BY tb ORDER BY tb",
                    [(int(k), len(groups[k])) for k in sorted(groups)])
        for part, value in (("hour", lambda t: local(t).hour), ("day", lambda t: local(t).day),
                            ("dow", lambda t: local(t).isoweekday() % 7), ("doy", lambda t: local(t).timetuple().tm_yday)):
            f.query(f"SELECT extract('{part}', ts) FROM m WHERE dev = 'c' ORDER BY ts",
                    [(value(r[0]),) for r in ROWS if r[5] == "c"])
        midnight = lambda t: int(local(t).replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
        f.query("SELECT date_trunc('day', ts)::int8 FROM m WHERE dev = 'c' ORDER BY ts", [(midnight(r[0]),) for r in ROWS if r[5] == "c"])
        text = lambda t: local(t).strftime("%Y-%m-%d %H:%M:%S") + (f".{t % 1000:03d}".rstrip("0") if t % 1000 else "") + \
            local(t).strftime("%z")[:3] + ":" + local(t).strftime("%z")[3:]
        f.query("SELECT ts::string FROM m WHERE dev = 'c' ORDER BY ts", [(text(r[0]),) for r in ROWS if r[5] == "c"])
        row = ROWS[5]
        written = local(row[0]).strftime("%Y-%m-%d %H:%M:%S.%f")[:23]
        f.query(f"SELECT count(*) FROM m WHERE ts <= '{written}'", [(sum(r[0] <= row[0] for r in ROWS),)])
        f.query(f"SELECT dev FROM m WHERE ts = '{written}'", [(r[5],) for r in ROWS if r[0] == row[0]])
        f.query(f"SELECT count(*) FROM m WHERE ts <= '{iso(row[0])}Z'", [(sum(r[0] <= row[0] for r in ROWS),)])
    return f.write()


def columns():
    """Names, types and lengths of section 7.1."""
    f = File("columns", "Names, types and lengths of result columns (section 7.1).").setup()
    f.statement("CREATE TABLE w (k TIMESTAMP(6) NOT NULL, i2 INT2, i8 INT8, f4 FLOAT4, c CHAR(10), c1 CHAR, nc NCHAR(5), "
                "vc VARCHAR, nv NVARCHAR(7), vb VARBYTES(9), ts2 TIMESTAMP(3)) "
                "TAGS (tag INT4 NOT NULL, name VARCHAR(30)) PRIMARY TAGS (tag)")
    f.records.append("statement ok\n--#COLUMNS = true\nSELECT 1\n")
    wide = 9223372036854775807
    star = ["k TIMESTAMPTZ 8", "i2 INT2 2", "i8 INT8 8", "f4 FLOAT4 4", "c CHAR 10", f"c1 CHAR {wide}", "nc NCHAR 5", "vc VARCHAR 254",
            "nv NVARCHAR 7", "vb VARBYTES 9", "ts2 TIMESTAMP 8", "tag INT4 4", "name VARCHAR 30"]
    # The manual prints these otherwise than the server.
    face = {"FLOAT8": "FLOAT", "TIMESTAMPTZ": "TIMESTAMP"}

    def check(select, expected):
        parts = [e.rsplit(" ", 2) for e in expected]
        rows = [tuple(p[0] for p in parts), tuple(f"{face.get(p[1], p[1])}({p[2]})" for p in parts)]
        f.query(f"SELECT {select} FROM w LIMIT 0", rows)

    check("*", star)
    check("w.*", star)
    check("tag, name AS n, i2", ["tag INT4 4", "n VARCHAR 30", "i2 INT2 2"])
    check("count(*), COUNT(i2), Max(c), min(nv), sum(i2), avg(i8), sum(f4), avg(f4)",
          ["count INT8 8", "count INT8 8", "max CHAR 10", "min NVARCHAR 7", "sum DECIMAL 0", "avg DECIMAL 0", "sum FLOAT8 8", "avg FLOAT8 8"])
    check("first(vc), last(i2), first_row(name), lastts(i2), firstts(c)",
          ["first VARCHAR 254", "last INT2 2", "first_row VARCHAR 30", "lastts TIMESTAMPTZ 8", "firstts TIMESTAMPTZ 8"])
    check("last(*)", [f"last({e.split(' ')[0]}) {' '.join(e.split(' ')[1:])}" for e in star])
    check("i2 + 1, i8 / 2, f4 * 2, -i2, c || vc, i2 > 1",
          ["?column? INT8 8", "?column? DECIMAL 0", "?column? FLOAT8 8", "?column? INT8 8", f"?column? TEXT {wide}", "?column? BOOL 1"])
    check("1, 1.5, 'x', true, NULL", ["?column? INT8 8", "?column? DECIMAL 0", f"?column? TEXT {wide}", "?column? BOOL 1", "?column? UNKNOWN 0"])
    check("i2::int8, i8::varchar(5), c::string, '2024-01-01'::date, k::string",
          ["i2 INT8 8", "i8 VARCHAR 5", f"c TEXT {wide}", "date DATE 8", f"k TEXT {wide}"])
    check("coalesce(i8, 0), abs(f4), upper(c), now(), CASE WHEN i2 > 1 THEN 1 END",
          ["coalesce INT8 8", "abs FLOAT4 4", f"upper TEXT {wide}", "now TIMESTAMPTZ 8", "case INT8 8"])
    check("k - k, k + 1h, interval '1 day'", ["?column? INTERVAL 8", "?column? TIMESTAMPTZ 8", "?column? INTERVAL 8"])
    f.query("SELECT m, max FROM (SELECT max(name) AS m, max(c) FROM w) LIMIT 0", [("m", "max"), ("VARCHAR(30)", "CHAR(10)")])
    f.query("SELECT time_bucket(k, '1h'), count(*) FROM w GROUP BY 1", [("time_bucket", "count"), ("TIMESTAMP(8)", "INT8(8)")])
    f.query("SELECT a.tag, b.tag, a.name FROM w a JOIN w b ON a.tag = b.tag", [("tag", "tag", "name"), ("INT4(4)", "INT4(4)", "VARCHAR(30)")])
    f.query("SELECT i2, i2, *, i2 FROM (SELECT i2 FROM w)", [("i2",) * 4, ("INT2(2)",) * 4])
    f.query("SELECT name FROM w UNION SELECT name FROM w", [("name",), ("VARCHAR(30)",)])
    f.query("SELECT c AS \"X\" FROM w", [("X",), ("CHAR(10)",)])
    f.query("SELECT time_bucket_gapfill(k, '1h') AS g, interpolate(max(i8), PREV) FROM w GROUP BY g",
            [("g", "interpolate"), ("TIMESTAMP(8)", "INT8(8)")])
    return f.write()


if __name__ == "__main__":
    total = sum(make() for make in (plain, aggregates, buckets, windows, fill, zones, columns))
    print(f"{total:4} in all")
