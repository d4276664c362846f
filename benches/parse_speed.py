#!/usr/bin/env python3
"""Bytes a second of every parser crate, by their criterion benchmarks, as a section of docs/benchmarks.md. See README.md."""

import argparse
import json
import os
import pathlib
import subprocess

import measure
import report

ROOT = pathlib.Path(__file__).resolve().parent.parent


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--only", action="append", default=[], help="only crates with this in the name; repeat")
    p.add_argument("--target", type=pathlib.Path, default=ROOT / "target" / "parse-bench",
                   help="build directory of their own: the parsers alone need no DataFusion")
    p.add_argument("--out", type=pathlib.Path, default=ROOT / "docs" / "benchmarks.md")
    return p.parse_args()


def crates(only):
    names = sorted(path.parent.name for path in ROOT.glob("crates/parse-*/benches"))
    return [name for name in names if not only or any(part in name for part in only)]


def results(directory):
    """Name, MB/s and elements/s of each benchmark that criterion left in a directory."""
    for path in sorted(directory.glob("**/new/benchmark.json")):
        benchmark = json.loads(path.read_text())
        seconds = json.loads(path.with_name("estimates.json").read_text())["median"]["point_estimate"] / 1e9
        throughput = benchmark["throughput"] or {}
        yield benchmark["full_id"], {unit: n / seconds for unit, n in throughput.items()}


def main():
    args = arguments()
    machine = measure.machine()
    environment = {**os.environ, "CARGO_TARGET_DIR": str(args.target)}
    lines = [
        f"`benches/parse_speed.py` on {machine['date']}, one core of {machine['cpu']}, load {machine['load_at_start'][0]} before: "
        "criterion's median over each crate's own body. Only parsing; nothing is stored.", "",
        "| crate | benchmark | MB/s | million elements/s |", "|---|---|---|---|",
    ]
    for crate in crates(args.only):
        criterion = args.target / "criterion"
        subprocess.run(["rm", "-rf", criterion], check=True)
        subprocess.run(["cargo", "bench", "--locked", "-p", f"triglot-{crate}", "--bench", "parse"],
                       check=True, env=environment, cwd=ROOT)
        for name, rates in results(criterion):
            bytes_, elements = rates.get("Bytes"), rates.get("Elements")
            shown = f"{bytes_ / 1e6:,.0f}" if bytes_ else "–"
            lines.append(f"| {crate} | {name} | {shown} | {f'{elements / 1e6:.1f}' if elements else '–'} |")
    report.write_section(args.out, "Parse speed", "\n".join(lines))
    print(f"written: {args.out}")


if __name__ == "__main__":
    main()
