"""The fifteen query types of TSBS devops, in SQL, InfluxQL and MetricsQL.

`{table}`-free on purpose: every dialect gets the text that its users would write. High-cpu and
lastpoint are approximations in MetricsQL (values at steps, one hour of look-back), and
groupby-orderby-limit asks it for the last five minutes, since PromQL cannot say "the last five buckets".
"""

import dataclasses
import datetime

FIELDS = ["usage_user", "usage_system", "usage_idle", "usage_nice", "usage_iowait",
          "usage_irq", "usage_softirq", "usage_steal", "usage_guest", "usage_guest_nice"]
KINDS = ["single-groupby-1-1-1", "single-groupby-1-1-12", "single-groupby-1-8-1", "single-groupby-5-1-1",
         "single-groupby-5-1-12", "single-groupby-5-8-1", "cpu-max-all-1", "cpu-max-all-8", "double-groupby-1",
         "double-groupby-5", "double-groupby-all", "high-cpu-1", "high-cpu-all", "lastpoint", "groupby-orderby-limit"]
APPROXIMATE = {"high-cpu-1", "high-cpu-all", "lastpoint", "groupby-orderby-limit"}
HOUR = 3600
ORIGIN = "TIMESTAMP '1970-01-01T00:00:00'"


@dataclasses.dataclass
class Query:
    kind: str
    sql: str
    duckdb: str
    influxql: str
    metricsql: tuple  # expression, start, end, step (none = at one instant)


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


class Maker:
    def __init__(self, hosts, start, seconds, random):
        self.hosts, self.start, self.end, self.random = hosts, start, start + seconds, random

    def window(self, hours):
        """A random span of whole steps, cut to the data there is."""
        length = min(hours * HOUR, self.end - self.start)
        begin = self.start + self.random.randrange(0, self.end - self.start - length + 1, 10)
        return begin, begin + length

    def names(self, count):
        return [f"host_{n}" for n in self.random.sample(range(self.hosts), min(count, self.hosts))]

    def make(self, kind):
        parts = kind.split("-")
        if kind.startswith("single-groupby"):
            return self.grouped(kind, FIELDS[:int(parts[2])], int(parts[3]), int(parts[4]), 60)
        if kind.startswith("cpu-max-all"):
            return self.grouped(kind, FIELDS, int(parts[3]), 8, HOUR)
        if kind.startswith("double-groupby"):
            return self.double(kind, FIELDS if parts[2] == "all" else FIELDS[:int(parts[2])])
        if kind.startswith("high-cpu"):
            return self.high(kind, parts[2])
        return self.lastpoint(kind) if kind == "lastpoint" else self.limited(kind)

    def grouped(self, kind, fields, hosts, hours, bucket):
        begin, end = self.window(hours)
        names = self.names(hosts)
        listed = ", ".join(f"'{n}'" for n in names)
        unit = "minute" if bucket == 60 else "hour"
        maxima = ", ".join(f"max({f}) AS max_{f}" for f in fields)
        where = f"hostname IN ({listed}) AND time >= '{iso(begin)}' AND time < '{iso(end)}'"
        sql = (f"SELECT date_bin(INTERVAL '1 {unit}', time, {ORIGIN}) AS bucket, {maxima} FROM cpu "
               f"WHERE {where} GROUP BY bucket ORDER BY bucket")
        duck = (f"SELECT time_bucket(INTERVAL '1 {unit}', time) AS bucket, {maxima} FROM cpu "
                f"WHERE {where} GROUP BY bucket ORDER BY bucket")
        hosts_or = " OR ".join(f"hostname = '{n}'" for n in names)
        influx = (f"SELECT {', '.join(f'max({f})' for f in fields)} FROM cpu WHERE ({hosts_or}) "
                  f"AND time >= '{iso(begin)}Z' AND time < '{iso(end)}Z' GROUP BY time({bucket}s)")
        series = self.series(fields, f'hostname=~"{"|".join(names)}"')
        metrics = (f"max(max_over_time({series}[{bucket}s])) by (__name__)", begin, end - 1, f"{bucket}s")
        return Query(kind, sql, duck, influx, metrics)

    def double(self, kind, fields):
        begin, end = self.window(12)
        means = ", ".join(f"avg({f}) AS mean_{f}" for f in fields)
        where = f"time >= '{iso(begin)}' AND time < '{iso(end)}'"
        sql = (f"SELECT date_bin(INTERVAL '1 hour', time, {ORIGIN}) AS bucket, hostname, {means} FROM cpu "
               f"WHERE {where} GROUP BY bucket, hostname ORDER BY bucket, hostname")
        duck = (f"SELECT time_bucket(INTERVAL '1 hour', time) AS bucket, hostname, {means} FROM cpu "
                f"WHERE {where} GROUP BY bucket, hostname ORDER BY bucket, hostname")
        influx = (f"SELECT {', '.join(f'mean({f})' for f in fields)} FROM cpu WHERE time >= '{iso(begin)}Z' "
                  f"AND time < '{iso(end)}Z' GROUP BY time(1h), hostname")
        metrics = (f"avg(avg_over_time({self.series(fields)}[1h])) by (__name__, hostname)", begin, end - 1, "1h")
        return Query(kind, sql, duck, influx, metrics)

    def high(self, kind, hosts):
        begin, end = self.window(12)
        names = [] if hosts == "all" else self.names(int(hosts))
        only = f" AND hostname IN ({', '.join(repr(n) for n in names)})" if names else ""
        sql = f"SELECT * FROM cpu WHERE usage_user > 90 AND time >= '{iso(begin)}' AND time < '{iso(end)}'{only}"
        either = " OR ".join(f"hostname = '{n}'" for n in names)
        influx_only = f" AND ({either})" if names else ""
        influx = (f"SELECT * FROM cpu WHERE usage_user > 90.0 AND time >= '{iso(begin)}Z' "
                  f"AND time < '{iso(end)}Z'{influx_only}")
        matchers = [f'hostname=~"{"|".join(names)}"'] if names else []
        # Only the field asked about: PromQL cannot fetch the other nine of the same row.
        metrics = (f"{self.series(FIELDS[:1], *matchers)} > 90", begin, end - 1, "10s")
        return Query(kind, sql, sql, influx, metrics)

    def lastpoint(self, kind):
        sql = "SELECT DISTINCT ON (hostname) * FROM cpu ORDER BY hostname, time DESC"
        influx = "SELECT * FROM cpu GROUP BY hostname ORDER BY time DESC LIMIT 1"
        metrics = (f"last_over_time({self.series(FIELDS)}[1h])", None, self.end, None)
        return Query(kind, sql, sql, influx, metrics)

    def limited(self, kind):
        # Not before there are five buckets.
        last = self.random.randrange(self.start + min(600, (self.end - self.start) // 2), self.end, 10)
        text = "SELECT {} AS bucket, max(usage_user) AS max_usage_user FROM cpu WHERE time < '{}' GROUP BY bucket ORDER BY bucket DESC LIMIT 5"
        sql = text.format(f"date_bin(INTERVAL '1 minute', time, {ORIGIN})", iso(last))
        duck = text.format("time_bucket(INTERVAL '1 minute', time)", iso(last))
        influx = (f"SELECT max(usage_user) FROM cpu WHERE time < '{iso(last)}Z' GROUP BY time(1m) "
                  f"ORDER BY time DESC LIMIT 5")
        metrics = (f"max(max_over_time({self.series(FIELDS[:1])}[1m]))", last - 240, last, "60s")
        return Query(kind, sql, duck, influx, metrics)

    @staticmethod
    def series(fields, *matchers):
        if len(fields) == 1:
            return f"cpu_{fields[0]}{{{','.join(matchers)}}}" if matchers else f"cpu_{fields[0]}"
        names = "|".join(f"cpu_{f}" for f in fields)
        return "{" + ",".join([f'__name__=~"{names}"', *matchers]) + "}"


def plan(kinds, hosts, start, seconds, sets, random):
    """Parameter sets of each type. lastpoint has no parameters."""
    maker = Maker(hosts, start, seconds, random)
    return {kind: [maker.make(kind) for _ in range(1 if kind == "lastpoint" else sets)] for kind in kinds}
