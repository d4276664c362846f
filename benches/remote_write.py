#!/usr/bin/env python3
"""Compares the ports' Prometheus remote write with VictoriaMetrics 1.79: the same snappy bodies, the same client.

Bodies are those of a scrape of `--hosts` node exporters: `--metrics` series a host with nine labels, one sample a series a
body, `--samples` samples a body, as vmagent cuts them. They are made before the clock starts. See README.md.
"""

import argparse
import base64
import http.client
import json
import multiprocessing
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

import duck
import measure
import peers
import report

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
START_MS = 1_451_606_400_000
STEP_MS = 10_000


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--triglot", type=pathlib.Path, default=ROOT / "target" / "release" / "triglot")
    p.add_argument("--hosts", type=int, default=100)
    p.add_argument("--metrics", type=int, default=100, help="series of a host")
    p.add_argument("--scrapes", type=int, default=400)
    p.add_argument("--samples", type=int, default=10_000, help="samples of a body")
    p.add_argument("--connections", type=int, default=2)
    p.add_argument("--runs", type=int, default=3, help="loads of each server, interleaved; medians are reported")
    p.add_argument("--only", action="append", default=[], help="only servers with this in the name; repeat")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "benchmarks.md",
                   help="file that gets the section [docs/benchmarks.md]")
    return p.parse_args()


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def series_labels(host, metric):
    """The encoded labels of a series, in the order of their names as Prometheus sends them."""
    labels = {
        "__name__": f"node_metric_{metric:03d}_total",
        "cpu": str(metric % 8),
        "datacenter": f"eu-central-1{'abc'[host % 3]}",
        "device": f"sd{'abcd'[metric % 4]}",
        "instance": f"host-{host:04d}.example.org:9100",
        "job": "node",
        "mode": ("user", "system", "idle", "iowait")[metric % 4],
        "rack": str(host % 50),
        "team": ("LON", "NYC", "SF")[host % 3],
    }
    pairs = (field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in labels.items())
    return b"".join(pairs)


def bodies(args, compress):
    """Snappy blocks of WriteRequests. Values are counters that grow by small steps, as most metrics are."""
    series = [series_labels(host, metric) for host in range(args.hosts) for metric in range(args.metrics)]
    values = [float(i % 997) for i in range(len(series))]
    pack = struct.Struct("<d").pack
    out = []
    for scrape in range(args.scrapes):
        stamp = b"\x10" + varint(START_MS + scrape * STEP_MS)
        length = varint(9 + len(stamp))
        message, count = bytearray(), 0
        for at, labels in enumerate(series):
            values[at] += (at + scrape) % 11
            sample = b"\x12" + length + b"\x09" + pack(values[at]) + stamp
            message += b"\x0a" + varint(len(labels) + len(sample)) + labels + sample
            count += 1
            if count == args.samples:
                out.append((count, compress(bytes(message))))
                message, count = bytearray(), 0
        if count:
            out.append((count, compress(bytes(message))))
    return out


def post(port, path, headers, blocks, results):
    """Sends blocks over one connection; the milliseconds of each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    times = []
    for block in blocks:
        began = time.perf_counter()
        connection.request("POST", path, block, headers)
        response = connection.getresponse()
        text = response.read()
        if response.status >= 300:
            results.put(f"HTTP {response.status}: {text[:300]!r}")
            return
        times.append((time.perf_counter() - began) * 1000)
    results.put(times)


class Triglot(peers.Triglot):
    """With the defaults: memtables are flushed after a minute or at 128 MiB."""

    def environment(self):
        settings = super().environment()
        del settings["TRIGLOT_STORAGE__FLUSH_INTERVAL"], settings["TRIGLOT_STORAGE__COMPACTION_COLD"]
        return settings

    def settle(self):
        time.sleep(65)
        return 65 + peers.Server.settle(self)


class TriglotCnosdb(Triglot):
    """Port 8902: a table for each metric."""

    path = "/api/v1/prom/write?db=public"

    def count(self):
        tables = json.loads(self.request("POST", "/api/v1/sql?db=public", b"SHOW TABLES", self.headers))
        names = [t["table_name"] for t in tables]
        union = " + ".join(f'(SELECT count(*) FROM "{name}")' for name in names)
        sql = f"SELECT {union} AS n".encode()
        return json.loads(self.request("POST", "/api/v1/sql?db=public", sql, self.headers))[0]["n"]


class TriglotTdengine(Triglot):
    """Port 6041: one super table, the labels as a JSON tag."""

    path = "/prometheus/v1/remote_write/bench"

    def __init__(self, binary, directory):
        super().__init__(binary, directory)
        self.headers = {"Authorization": "Basic " + base64.b64encode(b"root:taosdata").decode()}

    def environment(self):
        settings = super().environment()
        settings["TRIGLOT_TDENGINE__LISTEN"] = settings["TRIGLOT_CNOSDB__LISTEN"]
        settings["TRIGLOT_TDENGINE__ENABLED"] = "true"
        settings["TRIGLOT_CNOSDB__ENABLED"] = "false"
        return settings

    def wait_ready(self):
        super().wait_ready()
        # The samples are of 2016.
        self.request("POST", "/rest/sql", b"create database bench keep 36500", self.headers)

    def count(self):
        answer = self.request("POST", "/rest/sql/bench", b"select count(*) from metrics", self.headers)
        return json.loads(answer)["data"][0][0]


class Victoria(peers.Victoria):
    path = "/api/v1/write"
    headers = {}

    def count(self):
        self.request("GET", "/internal/force_flush")
        end = START_MS // 1000 + 10_000_000
        query = f'sum(count_over_time({{job="node"}}[{end - START_MS // 1000 + 1}s]))'
        answer = self.request("GET", f"/api/v1/query?nocache=1&time={end}&query=" + urllib.parse.quote(query))
        return int(json.loads(answer)["data"]["result"][0]["value"][1])


def load(server, blocks, connections):
    samples = sum(count for count, _ in blocks)
    begin = server.sample()
    results = multiprocessing.Queue()
    headers = {
        **server.headers,
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    deal = lambda at: [block for _, block in blocks[at::connections]]
    senders = [multiprocessing.Process(target=post, args=(server.port, server.path, headers, deal(at), results))
               for at in range(connections)]
    began = time.perf_counter()
    for sender in senders:
        sender.start()
    answers = [results.get() for _ in senders]
    seconds = time.perf_counter() - began
    for sender in senders:
        sender.join()
    for answer in answers:
        if isinstance(answer, str):
            sys.exit(answer)
    loaded = server.sample()
    server.settle()
    end = server.sample()
    times = sorted(t for answer in answers for t in answer)
    # The kept connection has been idle for too long.
    server.connection = None
    stored = server.count()
    if stored != samples:
        sys.exit(f"{type(server).__name__} has {stored} samples of {samples}")
    return {
        "samples_per_second": samples / seconds,
        "cpu_loading": (loaded["cpu"] - begin["cpu"]) / samples * 1e6,
        "cpu": (end["cpu"] - begin["cpu"]) / samples * 1e6,
        "p99_ms": times[int(len(times) * 0.99)],
        "disk_bytes": (end["disk"] - end["wal"]) / samples,
        "peak_rss_mb": end["peak_rss"] / 1e6,
    }


def markdown(args, medians, facts):
    reference = medians.get("victoriametrics")
    lines = [
        f"`{facts['command']}` on {facts['machine']['date']}, {facts['machine']['cores']} cores of {facts['machine']['cpu']}, "
        f"load {facts['machine']['load_at_start'][0]} before. {facts['samples']:,} samples of {args.hosts * args.metrics:,} series with nine labels in "
        f"{facts['bodies']:,} snappy bodies ({facts['megabytes']:.0f} MB), {args.connections} connections, medians of {args.runs} interleaved runs. Every sample is "
        "counted at the end. triglot acknowledges after fdatasync, VictoriaMetrics before it writes.", "",
        "| server | samples/s | against VictoriaMetrics | CPU s per million, loading | until settled | p99 ms of a body | bytes a sample | peak MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, m in medians.items():
        ratio = f"{m['samples_per_second'] / reference['samples_per_second']:.2f} ×" if reference else "–"
        lines.append(f"| {name} | {m['samples_per_second']:,.0f} | {ratio} | {m['cpu_loading']:.2f} | {m['cpu']:.2f} | "
                     f"{m['p99_ms']:.0f} | {m['disk_bytes']:.2f} | {m['peak_rss_mb']:.0f} |")
    return "\n".join(lines) + "\n"


def main():
    args = arguments()
    tools = peers.install(ROOT / "target" / "bench-peers")
    python = duck.environment(ROOT / "target" / "bench-venv")
    try:
        import pyarrow
    except ImportError:
        # Again with the interpreter that has it.
        os.execv(python, [str(python), *sys.argv])

    compress = lambda message: pyarrow.compress(message, codec="snappy", asbytes=True)
    measure.stop_children_at_exit()
    machine = measure.machine()
    blocks = bodies(args, compress)
    servers = {
        "triglot, port 8902": lambda d: TriglotCnosdb(args.triglot.resolve(), d),
        "triglot, port 6041": lambda d: TriglotTdengine(args.triglot.resolve(), d),
        "victoriametrics": lambda d: Victoria(tools, d),
    }
    names = [n for n in servers if not args.only or any(o in n for o in args.only)]
    loads = {name: [] for name in names}
    work = pathlib.Path(tempfile.mkdtemp(prefix="triglot-rw-"))
    try:
        for run in range(args.runs):
            for name in names:
                directory = pathlib.Path(tempfile.mkdtemp(prefix="server-", dir=work))
                with servers[name](directory) as server:
                    one = load(server, blocks, args.connections)
                loads[name].append(one)
                print(f"{name}, run {run + 1}: {one['samples_per_second']:,.0f} samples/s, "
                      f"{one['cpu_loading']:.2f} CPU s per million, {one['disk_bytes']:.2f} B a sample", flush=True)
                shutil.rmtree(directory, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    medians = {n: {k: statistics.median(r[k] for r in runs) for k in runs[0]} for n, runs in loads.items()}
    facts = {
        "command": " ".join(["benches/remote_write.py", *sys.argv[1:]]),
        "machine": machine,
        "samples": sum(count for count, _ in blocks),
        "bodies": len(blocks),
        "megabytes": sum(len(block) for _, block in blocks) / 1e6,
    }
    report.write_section(args.out, "Prometheus remote write", markdown(args, medians, facts))
    print(f"written: {args.out}")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
