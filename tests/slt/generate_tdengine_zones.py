#!/usr/bin/env python3
"""Writes slt/tdengine/zones.slt: windows and calendar functions of sessions whose clocks change.

The expectations come from Python's calendar and zoneinfo (fact sheet `tdengine-sql.md`, sections 2, 8 and 10). Boundaries
that fall into an hour that is skipped or repeated are left out: the sheet does not say what they are. Run it as
`python3 tests/slt/generate_tdengine_zones.py` and commit what it writes.
"""
import random
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import generate_tdengine_select as base
from generate_tdengine_select import File, T, fixed_window, groups_of, month_window, utc_of_local

rng = random.Random(20241103)
HOUR = 3_600_000


def utc(*parts):
    return int(datetime(*parts, tzinfo=timezone.utc).timestamp() * 1000)


# Spans around the changes of clocks in 2024, and some years.
SPANS = [
    ("New York", "America/New_York", utc(2024, 3, 7), utc(2024, 3, 14), utc(2024, 10, 31), utc(2024, 11, 6)),
    ("London", "Europe/London", utc(2024, 3, 28), utc(2024, 4, 3), utc(2024, 10, 24), utc(2024, 10, 30)),
    ("Lord Howe", "Australia/Lord_Howe", utc(2024, 4, 4), utc(2024, 4, 9), utc(2024, 10, 3), utc(2024, 10, 9)),
    ("Kolkata", "Asia/Kolkata", utc(2024, 3, 7), utc(2024, 3, 10), utc(2024, 11, 1), utc(2024, 11, 3)),
]


def make_rows(low, high, most):
    rows, ts = [], low
    while ts < high:
        rows.append({"ts": ts, "v": rng.choice([None, *range(1, 50)])})
        ts += rng.randrange(HOUR // 4, most * HOUR)
    return rows


class Zones(File):
    def __init__(self):
        super().__init__("zones.slt", "Sessions whose clocks change: windows, FILL, calendar arithmetic and functions.")

    def setup(self):
        self.statement("create database d precision 'ms' keep 36500d")
        self.statement("--#DATABASE = d\ncreate table years (ts timestamp, v int)")

    def insert(self, table, rows):
        values = " ".join(f"({r['ts']}, {base.literal(r['v'])})" for r in rows)
        self.statement(f"insert into {table} values {values}", len(rows))


def summary(rows):
    known = [r["v"] for r in rows if r["v"] is not None]
    return [len(rows), sum(known) if known else None]


def windows(f, table, rows, zone):
    for width, offset in (("1d", None), ("1d", "6h"), ("2d", None), ("1w", None), ("1w", "1d"), ("12h", None), ("1h", "30m")):
        found = groups_of(rows, lambda r: fixed_window(r["ts"], width, offset, zone))
        clause = f"interval({width}, {offset})" if offset else f"interval({width})"
        f.query(f"select _wstart, _wend, _wduration, count(*), sum(v) from {table} {clause}",
                [[T(w[0]), T(w[1]), w[1] - w[0]] + summary(of) for w, of in sorted(found.items())])
    found = groups_of(rows, lambda r: month_window(r["ts"], 1, zone))
    f.query(f"select _wstart, _wend, count(*), sum(v) from {table} interval(1n)",
            [[T(w[0]), T(w[1])] + summary(of) for w, of in sorted(found.items())])


def fills(f, table, rows, zone):
    """Each local day between the bounds has a window, however many hours it has."""
    some = [r for i, r in enumerate(rows) if fixed_window(r["ts"], "1d", None, zone)[0] // 86_400_000 % 3]
    low, high = rows[0]["ts"], rows[-1]["ts"]
    f.statement(f"create table {table}_some (ts timestamp, v int)")
    f.insert(f"{table}_some", some)
    real = {w[0]: summary(of) for w, of in groups_of(some, lambda r: fixed_window(r["ts"], "1d", None, zone)).items()}
    starts, at = [], fixed_window(low, "1d", None, zone)
    while at[0] <= high:
        starts.append(at[0])
        at = fixed_window(at[1], "1d", None, zone)
    for mode, made in (("null", [None, None]), ("value, 0, -1", [0, -1])):
        f.query(f"select _wstart, count(*), sum(v) from {table}_some where ts >= {low} and ts <= {high} "
                f"interval(1d) fill({mode})", [[T(s)] + real.get(s, made) for s in starts])
    f.query(f"select _wstart, _wduration from {table}_some where ts >= {low} and ts <= {high} interval(1d) fill(prev)",
            [[T(s), fixed_window(s, "1d", None, zone)[1] - s] for s in starts])


def local(ts, zone):
    return datetime.fromtimestamp(ts / 1000, ZoneInfo(zone))


def months_later(ts, months, zone):
    at = local(ts, zone).replace(tzinfo=None)
    index = at.year * 12 + at.month - 1 + months
    year, month = divmod(index, 12)
    last = (datetime(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    moved = at.replace(year=year, month=month + 1, day=min(at.day, last))
    return utc_of_local((moved - datetime(1970, 1, 1)) // timedelta(milliseconds=1), zone)


def functions(f, table, rows, zone):
    some = rows[::4]
    only = " or ".join(f"ts = {r['ts']}" for r in some)
    day = lambda ts: fixed_window(ts, "1d", None, zone)[0]
    week = lambda ts: fixed_window(ts, "1w", None, zone)[0]
    f.query(f"select ts, timetruncate(ts, 1d), timetruncate(ts, 1w), timetruncate(ts, 1d, 0), timetruncate(ts, 1n) "
            f"from {table} where {only}",
            [[T(r["ts"]), T(day(r["ts"])), T(week(r["ts"])), T(r["ts"] - r["ts"] % 86_400_000),
              T(month_window(r["ts"], 1, zone)[0])] for r in some])
    f.query(f"select ts + 1n, ts - 1n, ts + 1y, ts + 1d from {table} where {only}",
            [[T(months_later(r["ts"], 1, zone)), T(months_later(r["ts"], -1, zone)), T(months_later(r["ts"], 12, zone)),
              T(r["ts"] + 86_400_000)] for r in some])
    stamp = lambda ts: local(ts, zone)
    f.query(f"select to_iso8601(ts), weekday(ts), dayofweek(ts), weekofyear(ts), date(ts) from {table} where {only}",
            [[stamp(r["ts"]).strftime("%Y-%m-%dT%H:%M:%S") + f".{r['ts'] % 1000:03d}" + stamp(r["ts"]).strftime("%z"),
              stamp(r["ts"]).weekday(), stamp(r["ts"]).isoweekday() % 7 + 1, stamp(r["ts"]).isocalendar()[1],
              stamp(r["ts"]).strftime("%Y-%m-%d")] for r in some])
    f.query(f"select to_char(ts, 'YYYY-MM-DD\"T\"HH24:MI:SS') from {table} where {only}",
            [[stamp(r["ts"]).strftime("%Y-%m-%dT%H:%M:%S")] for r in some])
    # Texts without a zone are the session's, here away from the hours that are skipped or repeated.
    for r in some[:6]:
        at = stamp(r["ts"])
        noon = at.replace(hour=12, minute=34, second=56, microsecond=0, tzinfo=None)
        after = utc_of_local((noon - datetime(1970, 1, 1)) // timedelta(milliseconds=1), zone)
        f.query(f"select count(*) from {table} where ts >= '{noon:%Y-%m-%d %H:%M:%S}'",
                [[sum(1 for other in rows if other["ts"] >= after)]])
        f.query(f"select to_unixtimestamp('{noon:%Y-%m-%dT%H:%M:%S}')", [[after]])


def years(f, zone):
    rows = make_rows(utc(2019, 1, 1), utc(2025, 6, 1), 24 * 70)
    f.insert("years", rows)
    for name in (zone, "UTC"):
        f.in_zone(name)
        for text, months in (("1y", 12), ("2y", 24), ("3n", 3), ("5n", 5)):
            found = groups_of(rows, lambda r: month_window(r["ts"], months, name))
            f.query(f"select _wstart, _wend, _wduration, count(*), sum(v) from years interval({text})",
                    [[T(w[0]), T(w[1]), w[1] - w[0]] + summary(of) for w, of in sorted(found.items())])


def main():
    f = Zones()
    for name, zone, *spans in SPANS:
        table = name.lower().replace(" ", "_")
        rows = make_rows(spans[0], spans[1], 9) + make_rows(spans[2], spans[3], 9)
        f.in_zone(zone)
        f.statement(f"create table {table} (ts timestamp, v int)")
        f.insert(table, rows)
        windows(f, table, rows, zone)
        fills(f, table, [r for r in rows if r["ts"] < spans[1]], zone)
        functions(f, table, rows, zone)
    years(f, "America/New_York")
    f.write()


if __name__ == "__main__":
    main()
