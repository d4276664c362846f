#!/usr/bin/env python3
"""Compares triglot with InfluxDB 1.6 and VictoriaMetrics 1.79 on the TSBS "cpu-only" load.

Everything runs on this machine, on loopback, in temporary directories; see README.md.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import duck
import measure
import peers
import queries
import report

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
START = 1_451_606_400  # TSBS's default start, 2016-01-01T00:00:00Z
STEP = 10


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--triglot", type=pathlib.Path, help="binary [target/release/triglot, else target/debug/triglot]")
    p.add_argument("--hosts", type=int, default=4000)
    p.add_argument("--rows", type=int, default=2_880_000)
    p.add_argument("--batch", type=int, default=5000)
    p.add_argument("--connections", type=int, default=2)
    p.add_argument("--runs", type=int, default=3, help="loads of each server, interleaved; medians are reported")
    p.add_argument("--parameters", type=int, default=5, help="random parameter sets of each query type")
    p.add_argument("--repeats", type=int, default=3, help="warm runs of each parameter set")
    p.add_argument("--budget", type=float, default=15.0, help="seconds for one query type on one server, about")
    p.add_argument("--skip-peers", action="store_true", help="triglot and DuckDB only")
    p.add_argument("--skip-queries", action="store_true")
    p.add_argument("--only", action="append", default=[], help="only servers or query types with this in the name; repeat")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--work", type=pathlib.Path, help="directory for data, kept [a temporary one, removed]")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "benchmarks.md")
    return p.parse_args()


def binary(given):
    candidates = [given] if given else [ROOT / "target" / kind / "triglot" for kind in ("release", "debug")]
    for path in candidates:
        if path.exists():
            return path.resolve()
    sys.exit(f"no triglot binary at {', '.join(map(str, candidates))}: cargo build --release")


def wanted(only, names):
    """The names that --only leaves; all if it speaks of others."""
    hit = [n for n in names if any(o in n for o in only)]
    return hit or list(names)


def generate(triglot, work, args):
    path = work / f"cpu-{args.hosts}-{args.rows}.lp"
    if not path.exists():
        partial = path.with_suffix(".part")
        subprocess.run(
            [triglot, "bench", "--hosts", str(args.hosts), "--rows", str(args.rows), "--seed", "123", "--file", partial, "--quiet"],
            check=True,
        )
        partial.rename(path)
    return path


def load(server, triglot, data, args):
    """Loads the file; rates, CPU, memory and disk once the server has settled."""
    begin = server.sample()
    out = subprocess.run(
        [triglot, "bench", "--json", "--quiet", "--input", data, "--batch", str(args.batch),
         "--connections", str(args.connections), "--timeout", "600", *server.bench_arguments()],
        check=True, capture_output=True, text=True,
    ).stdout
    result = json.loads(out)
    loaded = server.sample()
    settle = server.settle()
    end = server.sample()
    millions = result["rows"] / 1e6
    return {
        "rows": result["rows"],
        "seconds": result["seconds"],
        "rows_per_second": result["rows_per_second"],
        "latency_ms": result["latency_ms"],
        "cpu_s_per_million_loading": (loaded["cpu"] - begin["cpu"]) / millions,
        "cpu_s_per_million": (end["cpu"] - begin["cpu"]) / millions,
        "settle_seconds": settle,
        "peak_rss_mb": end["peak_rss"] / 1e6,
        "settled_rss_mb": end["rss"] / 1e6,
        "empty_rss_mb": begin["rss"] / 1e6,
        "disk_bytes": end["disk"],
        "disk_bytes_per_row": (end["disk"] - end["wal"]) / result["rows"],
        "wal_mb": end["wal"] / 1e6,
    }


def timed(run, budget, repeats):
    """Milliseconds of warm runs, and the rows; stops when the budget is used up."""
    began = time.perf_counter()
    _, rows = run()  # warms up
    times = []
    while len(times) < repeats and (not times or time.perf_counter() - began < budget):
        took, rows = run()
        times.append(took)
    return times, rows


def run_queries(name, answer, plan, args):
    """Milliseconds by query type, and the answers of each parameter set."""
    out, answers = {}, {}
    for kind, sets in plan.items():
        times, kept = [], []
        for q in sets:
            try:
                some, rows = timed(lambda: answer(q), args.budget / len(sets), args.repeats)
                times += some
                kept.append(rows)
            except Exception as error:  # a query that fails is a result, too
                print(f"  {name} {kind}: {error}", file=sys.stderr)
                out[kind] = {"error": str(error)[:300]}
                break
        else:
            out[kind] = {"median_ms": statistics.median(times), "max_ms": max(times), "runs": len(times)}
        answers[kind] = kept
        shown = out[kind].get("median_ms")
        print(f"  {name:16} {kind:24} {'failed' if shown is None else f'{shown:9.2f} ms'}", flush=True)
    return out, answers


def verify(plan, mine, reference):
    """Compares triglot's rows with DuckDB's, value by value."""
    verdicts = {}
    for kind, sets in plan.items():
        if len(mine.get(kind, [])) < len(sets):
            verdicts[kind] = "failed"
            continue
        problems = (duck.difference(a, b) for a, b in zip(mine[kind], reference[kind]))
        verdicts[kind] = next((p for p in problems if p), "equal")
        if verdicts[kind] != "equal":
            print(f"  DIFFERENT {kind}: {verdicts[kind]}", file=sys.stderr)
    return verdicts


def median_of(runs):
    """Medians of the figures of several loads."""
    first = runs[0]
    pick = lambda get: statistics.median(get(r) for r in runs)
    out = {k: pick(lambda r, k=k: r[k]) for k, v in first.items() if isinstance(v, (int, float))}
    out["latency_ms"] = {k: pick(lambda r, k=k: r["latency_ms"][k]) for k in first["latency_ms"]}
    return out


def main():
    args = arguments()
    triglot = binary(args.triglot)
    kinds = wanted(args.only, queries.KINDS)
    all_servers = {"triglot": lambda d: peers.Triglot(triglot, d)}
    if not args.skip_peers:
        tools = peers.install(ROOT / "target" / "bench-peers")
        all_servers["influxdb"] = lambda d: peers.Influx(tools, d)
        all_servers["victoriametrics"] = lambda d: peers.Victoria(tools, d)
    names = wanted(args.only, all_servers)
    work = args.work or pathlib.Path(tempfile.mkdtemp(prefix="triglot-bench-"))
    work.mkdir(parents=True, exist_ok=True)
    measure.stop_children_at_exit()
    result = {
        "command": " ".join(["benches/compare.py", *sys.argv[1:]]),
        "machine": measure.machine(),
        "versions": {"triglot": subprocess.run([triglot, "--version"], capture_output=True, text=True).stdout.strip(),
                     "triglot binary": str(triglot.relative_to(ROOT) if triglot.is_relative_to(ROOT) else triglot)},
        "options": {k: str(v) if isinstance(v, pathlib.Path) else v for k, v in vars(args).items()},
        "load": {}, "loads": {}, "queries": {}, "verdicts": {},
    }
    try:
        data = generate(triglot, work, args)
        result["line_protocol_bytes"] = data.stat().st_size
        seconds = args.rows // args.hosts * STEP
        plan = queries.plan(kinds, args.hosts, START, seconds, args.parameters, random.Random(args.seed))
        answers = {}
        for run in range(args.runs):
            for name in names:
                directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=work))
                with all_servers[name](directory) as server:
                    result["versions"].setdefault(name, server.version())
                    print(f"loading {name}, run {run + 1} of {args.runs}", flush=True)
                    one = load(server, triglot, data, args)
                    result["loads"].setdefault(name, []).append(one)
                    print(f"  {one['rows_per_second']:,.0f} rows/s, {one['cpu_s_per_million']:.1f} CPU s/Mrow, "
                          f"{one['disk_bytes_per_row']:.2f} B/row", flush=True)
                    if run + 1 == args.runs and not args.skip_queries:
                        result["queries"][name], answers[name] = run_queries(name, server.answer, plan, args)
                shutil.rmtree(directory, ignore_errors=True)
        result["load"] = {name: median_of(runs) for name, runs in result["loads"].items()}
        if not args.skip_queries:
            python = duck.environment(ROOT / "target" / "bench-venv")
            with duck.Duck(python, data, work) as engine:
                result["versions"]["duckdb"] = engine.version
                result["queries"]["duckdb"], reference = run_queries("duckdb", engine.answer, plan, args)
            if "triglot" in answers:
                result["verdicts"] = verify(plan, answers["triglot"], reference)
    finally:
        if not args.work:
            shutil.rmtree(work, ignore_errors=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    report.write(args.out, report.markdown(result))
    print(f"written: {args.out}, {args.out.with_suffix('.json')}")
    wrong = [k for k, v in result["verdicts"].items() if v != "equal"]
    if wrong:
        sys.exit(f"triglot's rows differ from DuckDB's: {', '.join(wrong)}")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
