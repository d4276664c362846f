"""docs/benchmarks.md from the figures."""

import queries

PEERS = ["influxdb", "victoriametrics", "duckdb"]


def markdown(result):
    m, o = result["machine"], result["options"]
    lines = [
        "# Benchmarks",
        "",
        "Made by a program, do not edit. Again with:",
        "",
        "```sh",
        result["command"],
        "```",
        "",
        f"{m['date']}, {m['cores']} cores of {m['cpu']}, {m['memory_gib']} GiB, Linux {m['kernel']}, load average at the start "
        f"{', '.join(map(str, m['load_at_start']))}. {o['hosts']:,} hosts, {o['rows']:,} rows of TSBS \"cpu-only\" "
        f"({result['line_protocol_bytes'] / o['rows']:.0f} B of line protocol a row), batches of {o['batch']:,} on "
        f"{o['connections']} connections over HTTP on loopback, medians of {o['runs']} interleaved loads. "
        "Ratios are the finding; absolute figures belong to this machine.",
        "",
        *(f"- {name}: {version}" for name, version in result["versions"].items()),
        "",
        "triglot and InfluxDB fsync their log before they answer; VictoriaMetrics does not.",
        "",
    ]
    lines += load_table(result["load"])
    lines += query_table(result["queries"], result["verdicts"])
    return "\n".join(lines) + "\n"


def ratio(mine, other):
    """How many times better triglot is where less is better."""
    return f"{other / mine:.2f}×" if mine and other else "–"


LOAD_ROWS = [
    ("rows/s", lambda l: l["rows_per_second"], "{:,.0f}", True),
    ("CPU s per million rows, settling included", lambda l: l["cpu_s_per_million"], "{:.2f}", False),
    ("CPU s per million rows, while loading", lambda l: l["cpu_s_per_million_loading"], "{:.2f}", False),
    ("median batch, ms", lambda l: l["latency_ms"]["p50"], "{:.1f}", False),
    ("p99 batch, ms", lambda l: l["latency_ms"]["p99"], "{:.1f}", False),
    ("slowest batch, ms", lambda l: l["latency_ms"]["max"], "{:.1f}", False),
    ("peak memory, MB", lambda l: l["peak_rss_mb"], "{:.0f}", False),
    ("settled memory, MB", lambda l: l["settled_rss_mb"], "{:.0f}", False),
    ("empty server, MB", lambda l: l["empty_rss_mb"], "{:.0f}", False),
    ("disk without log, B/row settled", lambda l: l["disk_bytes_per_row"], "{:.2f}", False),
    ("log kept for reuse, MB", lambda l: l["wal_mb"], "{:.0f}", False),
    ("seconds to settle", lambda l: l["settle_seconds"], "{:.0f}", False),
]


def load_table(load):
    if not load:
        return []
    names = list(load)
    others = [n for n in names if n != "triglot"] if "triglot" in names else []
    head = ["", *names, *(f"against {n}" for n in others)]
    lines = ["## Ingest", "", row(head), row(["---"] * len(head))]
    for title, get, form, more_is_better in LOAD_ROWS:
        cells = [title, *(form.format(get(load[n])) for n in names)]
        for n in others:
            mine, other = get(load["triglot"]), get(load[n])
            cells.append(ratio(other, mine) if more_is_better else ratio(mine, other))
        lines.append(row(cells))
    return [*lines, "", "Ratios above 1 are in triglot's favour.", ""]


def query_table(asked, verdicts):
    if not asked:
        return []
    names = list(asked)
    others = [n for n in PEERS if n in names] if "triglot" in names else []
    head = ["type", *names, *(f"against {n}" for n in others), "rows as DuckDB's"]
    lines = ["## Queries, one client, warm, median ms", "", row(head), row(["---"] * len(head))]
    ms = lambda name, kind: asked[name].get(kind, {}).get("median_ms")
    for kind in [k for k in queries.KINDS if any(k in asked[n] for n in names)]:
        cells = [kind]
        for n in names:
            approximate = " ≈" if n == "victoriametrics" and kind in queries.APPROXIMATE else ""
            cells.append("failed" if ms(n, kind) is None else f"{ms(n, kind):.2f}{approximate}")
        cells += [ratio(ms("triglot", kind), ms(n, kind)) for n in others]
        lines.append(row([*cells, verdicts.get(kind, "–")]))
    notes = ("Ratios above 1: triglot is so many times faster. Servers are asked over HTTP, until the last "
             "byte of their JSON is here; DuckDB in a process of its own, until the rows are Arrow columns in memory (no text, no socket). ≈: MetricsQL's nearest, not the same rows.")
    return [*lines, "", notes, ""]


def row(cells):
    return "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"


# Behind this line of docs/benchmarks.md stand the sections of other programs.
OTHERS = "<!-- Sections of other programs follow. -->\n"


def write(path, markdown):
    """Writes the comparison and leaves the sections of other programs."""
    _, _, others = (path.read_text() if path.exists() else "").partition(OTHERS)
    path.write_text(f"{markdown.rstrip()}\n\n{OTHERS}{others}")


def write_section(path, title, markdown):
    """Writes the section `## title` of another program, in the place of the one before."""
    own, _, others = (path.read_text() if path.exists() else "").partition(OTHERS)
    sections = [s for s in ("\n" + others).split("\n## ") if s.strip()]
    kept = [f"## {s.strip()}" for s in sections if s.split("\n", 1)[0] != title]
    text = "\n\n".join([*kept, f"## {title}\n\n{markdown.strip()}"])
    path.write_text(f"{own.rstrip()}\n\n{OTHERS}\n{text}\n")
