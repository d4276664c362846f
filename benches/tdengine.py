#!/usr/bin/env python3
"""TDengine's dialect against CnosDB's, on one server in one run.

    cargo build --release
    python3 benches/tdengine.py                       # about 4 minutes
    python3 benches/tdengine.py --rows 400000 --out /tmp/t.md

1. The same TSBS rows as SQL text (`INSERT INTO host_1 VALUES (…) host_2 VALUES (…) …`, statements of up to 1 MB) and as
   line protocol, each sent by the same client on the same number of connections into a server of its own.
2. The TSBS query types in TDengine's SQL and in CnosDB's on the same table; the rows must agree.
3. 10,000 child tables made by `INSERT … USING`, and listed.
"""

import argparse
import base64
import collections
import http.client
import itertools
import json
import pathlib
import queue
import random
import shutil
import statistics
import tempfile
import threading
import time

import compare
import measure
import peers
import queries

ROOT = pathlib.Path(__file__).resolve().parent.parent
CNOSDB = {"Authorization": "Basic " + base64.b64encode(b"root:").decode(), "Accept": "application/json"}
TDENGINE = {"Authorization": "Basic " + base64.b64encode(b"root:taosdata").decode()}
STATEMENT = 1_000_000
CHILDREN = 10_000


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--triglot", type=pathlib.Path, help="binary [target/release/triglot, else target/debug/triglot]")
    p.add_argument("--hosts", type=int, default=4000)
    p.add_argument("--rows", type=int, default=2_880_000)
    p.add_argument("--batch", type=int, default=5000, help="rows of a line-protocol request")
    p.add_argument("--connections", type=int, default=2)
    p.add_argument("--runs", type=int, default=3, help="loads of each kind, interleaved")
    p.add_argument("--parameters", type=int, default=5)
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--work", type=pathlib.Path, help="directory for data, kept [a temporary one, removed]")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "benchmarks-tdengine.md")
    return p.parse_args()


class Server(peers.Triglot):
    """Both dialects on ports of their own."""

    def __init__(self, binary, directory):
        super().__init__(binary, directory)
        self.taos = peers.free_port()

    def environment(self):
        return {**super().environment(), "TRIGLOT_TDENGINE__ENABLED": "true",
                "TRIGLOT_TDENGINE__LISTEN": f"127.0.0.1:{self.taos}"}


class Client:
    """One kept connection."""

    def __init__(self, port, headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        self.headers = headers

    def post(self, path, body):
        self.connection.request("POST", path, body, self.headers)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"HTTP {response.status}: {answer[:300]}")
        return answer

    def sql(self, text, database=None):
        """TDengine's errors are told in the body."""
        answer = self.post("/rest/sql" + (f"/{database}" if database else ""), text.encode())
        if not answer.startswith(b'{"code":0,'):
            raise RuntimeError(f"{answer[:300]} for {text[:200]}")
        return answer


def tags_and_rows(data):
    """(host, its tag values, timestamp in ms, field values) of each line; the generator writes no escapes."""
    with open(data) as lines:
        for line in lines:
            series, fields, stamp = line.rstrip("\n").split(" ")
            tags = [pair.split("=")[1] for pair in series.split(",")[1:]]
            yield tags, int(stamp) // 1_000_000, ",".join(pair.split("=")[1].rstrip("i") for pair in fields.split(","))


def statements(data):
    """SQL texts in the order of the rows: each names the child tables that come next."""
    text, rows = ["INSERT INTO"], 0
    size = len(text[0])
    for tags, stamp, values in tags_and_rows(data):
        part = f" {tags[0]} VALUES ({stamp},{values})"
        if size + len(part) > STATEMENT:
            yield "".join(text), rows
            text, rows, size = ["INSERT INTO"], 0, len("INSERT INTO")
        text.append(part)
        rows, size = rows + 1, size + len(part)
    yield "".join(text), rows


def batches(data, rows):
    with open(data, "rb") as lines:
        while batch := list(itertools.islice(lines, rows)):
            yield b"".join(batch), len(batch)


def send(requests, connections, connect, post):
    """Seconds and milliseconds of each request; bodies are made before the clock starts."""
    waiting, times, failures = queue.SimpleQueue(), [], []
    for body in requests:
        waiting.put(body)

    def work():
        client = connect()
        try:
            while True:
                body = waiting.get_nowait()
                began = time.perf_counter()
                post(client, body)
                times.append((time.perf_counter() - began) * 1000)
        except queue.Empty:
            pass
        except Exception as error:  # told by the caller
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - began, times


def make_tables(client, data, hosts):
    """The database, the super table and a child for each host. Making children is measured apart."""
    client.sql("CREATE DATABASE bench KEEP 36500")
    fields = ", ".join(f"{f} BIGINT" for f in queries.FIELDS)
    tags = ["hostname", "region", "datacenter", "rack", "os", "arch", "team", "service", "service_version",
            "service_environment"]
    client.sql(f"CREATE STABLE cpu (ts TIMESTAMP, {fields}) TAGS ({', '.join(f'{t} VARCHAR(32)' for t in tags)})", "bench")
    children = []
    for values, _, _ in itertools.islice(tags_and_rows(data), hosts):
        quoted = ",".join(f"'{v}'" for v in values)
        children.append(f"{values[0]} USING cpu TAGS ({quoted})")
    for first in range(0, len(children), 1000):
        client.sql("CREATE TABLE " + " ".join(children[first:first + 1000]), "bench")


def load(server, kind, data, args):
    """Loads the file one way; rows/s and CPU until the server has settled."""
    if kind == "line protocol":
        work = list(batches(data, args.batch))
        connect = lambda: Client(server.port, CNOSDB)
        post = lambda client, body: client.post("/api/v1/write?db=public", body)
    else:
        work = [(text.encode(), rows) for text, rows in statements(data)]
        connect = lambda: Client(server.taos, TDENGINE)
        post = lambda client, body: client.post("/rest/sql/bench", body)
        make_tables(connect(), data, args.hosts)
    begin = server.sample()
    seconds, times = send([body for body, _ in work], args.connections, connect, post)
    loaded = server.sample()
    rows = sum(rows for _, rows in work)
    return {"rows_per_second": rows / seconds, "cpu_s_per_million": (loaded["cpu"] - begin["cpu"]) / rows * 1e6,
            "bytes": sum(len(body) for body, _ in work) / rows, "p99_ms": sorted(times)[len(times) * 99 // 100]}


def in_tdengine(query):
    """The query in TDengine's SQL, from the parts of CnosDB's form."""
    where = query.sql.split(" WHERE ", 1)[1].split(" GROUP BY ")[0] if " WHERE " in query.sql else ""
    kind = query.kind
    if kind.startswith(("single-groupby", "cpu-max-all")):
        width = "1m" if kind.startswith("single") else "1h"
        items = query.sql.split(" AS bucket, ", 1)[1].split(" FROM ")[0]
        return f"SELECT _wstart AS bucket, {items} FROM cpu WHERE {where} INTERVAL({width}) ORDER BY bucket"
    if kind.startswith("double-groupby"):
        items = query.sql.split(" AS bucket, hostname, ", 1)[1].split(" FROM ")[0]
        return (f"SELECT _wstart AS bucket, hostname, {items} FROM cpu WHERE {where} PARTITION BY hostname "
                f"INTERVAL(1h) ORDER BY bucket, hostname")
    if kind.startswith("high-cpu"):
        return f"SELECT * FROM cpu WHERE {where}"
    if kind == "lastpoint":
        return "SELECT hostname, LAST_ROW(*) FROM cpu PARTITION BY hostname ORDER BY hostname"
    return (f"SELECT _wstart AS bucket, max(usage_user) AS max_usage_user FROM cpu WHERE {where} INTERVAL(1m) "
            f"ORDER BY bucket DESC LIMIT 5")


def times_of(ask, repeats):
    ask()
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        body = ask()
        found.append((time.perf_counter() - began) * 1000)
    return found, json.loads(body)


def compare_queries(server, args):
    """Medians of both forms by query type, and whether they gave as many rows with the same numbers."""
    seconds = args.rows // args.hosts * compare.STEP
    plan = queries.plan(queries.KINDS, args.hosts, compare.START, seconds, args.parameters, random.Random(args.seed))
    taos, cnos = Client(server.taos, TDENGINE), Client(server.port, CNOSDB)
    out = {}
    for kind, sets in plan.items():
        mine, theirs, equal = [], [], True
        try:
            for q in sets:
                text = in_tdengine(q).encode()
                some, rows = times_of(lambda: cnos.post("/api/v1/sql?db=public", q.sql.encode()), args.repeats)
                theirs += some
                some, answer = times_of(lambda: taos.post("/rest/sql/public", text), args.repeats)
                mine += some
                if answer["code"] != 0:
                    raise RuntimeError(answer["desc"])
                equal &= numbers(answer["data"]) == numbers([list(row.values()) for row in rows])
            out[kind] = (statistics.median(mine), statistics.median(theirs), "equal" if equal else "DIFFERENT")
        except Exception as error:
            out[kind] = (None, None, str(error)[:100])
        print(f"  {kind:24} {out[kind]}", flush=True)
    return out


def numbers(rows):
    """How often each combination of numbers stands in a row: the dialects write times differently."""
    return collections.Counter(tuple(sorted(round(v, 6) for v in row if isinstance(v, (int, float)))) for row in rows)


def children(server):
    """Seconds to make 10,000 children by INSERT, milliseconds to list 100 of them."""
    client = Client(server.taos, TDENGINE)
    client.sql("CREATE DATABASE many")
    client.sql("CREATE STABLE m (ts TIMESTAMP, v INT) TAGS (g INT)", "many")
    began = time.perf_counter()
    for first in range(0, CHILDREN, 1000):
        parts = (f"c{n} USING m TAGS ({n}) VALUES (NOW, {n})" for n in range(first, first + 1000))
        client.sql("INSERT INTO " + " ".join(parts), "many")
    made = time.perf_counter() - began
    listed, _ = times_of(lambda: client.sql(
        "SELECT table_name FROM information_schema.ins_tables WHERE db_name = 'many' LIMIT 100"), 10)
    return {"made_s": made, "listed_ms": statistics.median(listed)}


def markdown(result):
    lines = ["# TDengine's dialect against CnosDB's", "", "Made by a program, do not edit. Again with:", "", "```sh",
             "python3 benches/tdengine.py", "```", "",
             "{date}, {cores} cores of {cpu}, {memory_gib} GiB, load average at the start {load_at_start}.".format(**result["machine"]),
             result["options"] + ".", "", "## The same rows as SQL and as line protocol", "",
             "| | rows/s | CPU s per million rows, while loading | bytes a row | p99 request, ms |", "|---|---|---|---|---|"]
    for kind, runs in result["loads"].items():
        middle = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
        lines.append(f"| {kind} | {middle['rows_per_second']:,.0f} | {middle['cpu_s_per_million']:.2f} | "
                     f"{middle['bytes']:.0f} | {middle['p99_ms']:.0f} |")
    lines += ["", "## Queries, warm, median ms", "", "| type | TDengine's SQL | CnosDB's SQL | ratio | numbers |", "|---|---|---|---|---|"]
    for kind, (mine, theirs, verdict) in result["queries"].items():
        figures = f"{mine:.2f} | {theirs:.2f} | {mine / theirs:.2f}×" if mine else "– | – | –"
        lines.append(f"| {kind} | {figures} | {verdict} |")
    made = result["children"]
    lines += ["", f"{CHILDREN:,} child tables made by INSERT … USING: {made['made_s']:.2f} s; 100 of them listed in "
              f"{made['listed_ms']:.1f} ms.", ""]
    return "\n".join(lines)


def main():
    args = arguments()
    triglot = compare.binary(args.triglot)
    work = args.work or pathlib.Path(tempfile.mkdtemp(prefix="triglot-bench-"))
    work.mkdir(parents=True, exist_ok=True)
    measure.stop_children_at_exit()
    result = {"machine": measure.machine(), "loads": collections.defaultdict(list), "queries": {}}
    result["options"] = (f"{args.hosts:,} hosts, {args.rows:,} rows, {args.connections} connections, medians of "
                         f"{args.runs} interleaved loads; binary {triglot.relative_to(ROOT) if triglot.is_relative_to(ROOT) else triglot}")
    try:
        data = compare.generate(triglot, work, args)
        for run in range(args.runs):
            for kind in ("SQL", "line protocol"):
                directory = pathlib.Path(tempfile.mkdtemp(dir=work))
                with Server(triglot, directory) as server:
                    one = load(server, kind, data, args)
                    result["loads"][kind].append(one)
                    print(f"{kind}: {one['rows_per_second']:,.0f} rows/s, {one['cpu_s_per_million']:.2f} CPU s/Mrow", flush=True)
                    if run + 1 == args.runs and kind == "line protocol":
                        server.settle()
                        result["queries"] = compare_queries(server, args)
                        result["children"] = children(server)
                        print(result["children"])
                shutil.rmtree(directory, ignore_errors=True)
    finally:
        if not args.work:
            shutil.rmtree(work, ignore_errors=True)
    args.out.write_text(markdown(result))
    print(f"written: {args.out}")


if __name__ == "__main__":
    main()
