#!/usr/bin/env python3
"""How fast a long result streams over loopback: rows, formats and codings against time, CPU and memory.

    cargo build --release
    python3 benches/stream.py                         # 5 million rows
    python3 benches/stream.py --rows 500000 --binary target/debug/triglot --formats csv

The server runs on a free port and a temporary directory; `curl -o /dev/null` reads. On a busy machine judge by
MB per CPU second of the server: what curl and the kernel take on the other side is not the server's.
"""

import argparse
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import measure

ROOT = pathlib.Path(__file__).resolve().parent.parent
AUTHORIZATION = {"Authorization": "Basic cm9vdDo="}
HOSTS = 100
# 2024-01-01, a row of each host every 10 s.
START, STEP = 1704067200 * 10**9, 10 * 10**9
LINES = 50_000
ACCEPT = {"csv": "text/csv", "tsv": "text/tsv", "json": "application/json", "nd-json": "application/nd-json"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/triglot")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--formats", nargs="+", choices=sorted(ACCEPT), default=["csv", "json"])
    parser.add_argument("--codings", nargs="+", default=["identity"], help="names for Accept-Encoding")
    parser.add_argument("--runs", type=int, default=3, help="the best one by time is shown")
    parser.add_argument("--sql", default="select * from stream")
    return parser.parse_args()


def request(port, path, body):
    call = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, AUTHORIZATION)
    # A proxy of the environment is not for loopback.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(call, timeout=300) as answer:
        return answer.read()


def start(binary, directory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRIGLOT_")}
    environment |= {"TRIGLOT_CNOSDB__LISTEN": f"127.0.0.1:{port}", "TRIGLOT_STORAGE__FLUSH_INTERVAL": "5s"}
    environment["TRIGLOT_TDENGINE__ENABLED"] = "false"
    environment["TRIGLOT_KWDB__ENABLED"] = "false"
    command = [binary, "serve", "--log-level", "warn", "--data-dir", directory]
    with open(os.path.join(directory, "..", "server.log"), "wb") as log:
        server = measure.remember(subprocess.Popen(command, env=environment, stderr=log))
    while True:
        if server.poll() is not None:
            sys.exit(f"the server stopped with {server.returncode}")
        try:
            request(port, "/api/v1/sql", b"select 1")
            return server, port
        except OSError:
            time.sleep(0.05)


def load(port, rows):
    """Values with two decimals, with full precision and whole ones; host by host in turn."""
    chance = random.Random(42)
    values = [
        f"a={chance.uniform(0, 100):.2f},b={chance.random()!r},c={chance.randrange(101)},n={chance.randrange(10**6)}i"
        for _ in range(1009)
    ]
    for first in range(0, rows, LINES):
        lines = (
            f"stream,host=host_{row % HOSTS},region=eu-central-1 {values[row % 1009]} {START + row // HOSTS * STEP}"
            for row in range(first, min(first + LINES, rows))
        )
        request(port, "/api/v1/write", "\n".join(lines).encode())


def stream(port, pid, sql, accept, coding, directory):
    """One answer: bytes, seconds, CPU seconds and peak memory of the server."""
    # The kernel begins a new peak.
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = measure.sample(pid, directory)
    command = ["curl", "-sS", "--fail", "--noproxy", "*", "-u", "root:", "-o", os.devnull, "-w", "%{size_download} %{time_total}"]
    command += ["-H", f"Accept: {accept}", "-H", f"Accept-Encoding: {coding}", "-d", sql]
    out = subprocess.run([*command, f"http://127.0.0.1:{port}/api/v1/sql"], check=True, capture_output=True, text=True)
    size, seconds = out.stdout.split()
    after = measure.sample(pid, directory)
    peak = after["peak_rss"] - before["rss"]
    return {"bytes": int(size), "seconds": float(seconds), "cpu": after["cpu"] - before["cpu"], "peak": peak}


def main():
    options = arguments()
    measure.stop_children_at_exit()
    with tempfile.TemporaryDirectory(prefix="triglot-stream-") as scratch:
        directory = os.path.join(scratch, "data")
        os.mkdir(directory)
        server, port = start(options.binary, directory)
        began = time.monotonic()
        load(port, options.rows)
        loaded = time.monotonic() - began
        measure.wait_until_idle(server.pid, directory)
        about = measure.machine()
        print(f"{options.rows} rows, loaded in {loaded:.0f} s; {about['cpu']}, {about['cores']} cores, load {about['load_at_start']}")
        print("| format | coding | MB sent | s | MB/s | server CPU s | MB per CPU s | peak RSS over idle, MB |")
        print("|---|---|---|---|---|---|---|---|")
        for form in options.formats:
            for coding in options.codings:
                runs = [stream(port, server.pid, options.sql, ACCEPT[form], coding, directory) for _ in range(options.runs)]
                best, peak = min(runs, key=lambda r: r["seconds"]), max(r["peak"] for r in runs)
                cpu = min(r["cpu"] for r in runs)
                size = best["bytes"] / 1e6
                print(
                    f"| {form} | {coding} | {size:.0f} | {best['seconds']:.2f} | {size / best['seconds']:.0f} | {cpu:.2f} "
                    f"| {size / max(cpu, 0.01):.0f} | {peak / 1e6:.0f} |"
                )
        server.terminate()
        server.wait(60)


if __name__ == "__main__":
    main()
