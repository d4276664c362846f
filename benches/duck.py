"""DuckDB over the same rows, in a process of its own: the reference for triglot's answers."""

import json
import math
import pathlib
import subprocess
import sys
import time
import venv

import measure

FIELDS = 10
TAGS = ["hostname", "region", "datacenter", "rack", "os", "arch", "team", "service", "service_version",
        "service_environment"]


def environment(directory):
    """A virtual environment with duckdb and pyarrow; its Python."""
    python = directory / "bin" / "python"
    if not python.exists():
        venv.create(directory, with_pip=True)
    have = subprocess.run([python, "-c", "import duckdb, pyarrow"], capture_output=True)
    if have.returncode != 0:
        subprocess.run([python, "-m", "pip", "-q", "install", "duckdb", "pyarrow"], check=True)
    return python


class Duck:
    """The child process; requests and answers are lines of JSON."""

    def __init__(self, python, data, work):
        self.arguments = [str(python), __file__, str(data), str(work)]

    def __enter__(self):
        self.process = measure.remember(
            subprocess.Popen(self.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        self.version = self.read()["version"]
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("DuckDB's process ended")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def answer(self, query):
        self.process.stdin.write(json.dumps(query.duckdb) + "\n")
        self.process.stdin.flush()
        answer = self.read()
        return answer["ms"], answer["rows"]


def difference(mine, reference):
    """The first difference between two lists of rows (as objects), in words; none if they are equal.
    Rows are compared as sets of rows, doubles to nine digits: sums are taken in another order."""
    if len(mine) != len(reference):
        return f"{len(mine)} rows, DuckDB has {len(reference)}"
    key = lambda row: (str(row.get("bucket", "")), str(row.get("time", "")), str(row.get("hostname", "")))
    for a, b in zip(sorted(mine, key=key), sorted(reference, key=key)):
        if a.keys() != b.keys():
            return f"columns {sorted(a)}, DuckDB has {sorted(b)}"
        for name in a:
            if not same(a[name], b[name]):
                return f"{key(b)} {name}: {a[name]!r}, DuckDB has {b[name]!r}"
    return None


def same(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return a == b


def load(db, data):
    """Splits line protocol at its commas; the generator writes no escapes."""
    columns = ", ".join(f"'c{n}': 'VARCHAR'" for n in range(20))
    tags = [f"substr(c{n + 1}, {len(tag) + 2}) AS {tag}" for n, tag in enumerate(TAGS[:-1])]
    tags.append(f"substr(split_part(c10, ' ', 1), {len(TAGS[-1]) + 2}) AS {TAGS[-1]}")
    fields = ["split_part(c10, ' ', 2)", *(f"c{n}" for n in range(11, 19)), "split_part(c19, ' ', 1)"]
    import queries
    ints = [f"CAST(rtrim(split_part({f}, '=', 2), 'i') AS BIGINT) AS {name}" for f, name in zip(fields, queries.FIELDS)]
    db.execute(
        f"CREATE TABLE cpu AS SELECT make_timestamp(CAST(split_part(c19, ' ', 2) AS BIGINT) // 1000) AS time, "
        f"{', '.join(tags)}, {', '.join(ints)} "
        f"FROM read_csv('{data}', delim=',', header=false, quote='', escape='', columns={{{columns}}}, auto_detect=false) "
        "ORDER BY hostname, time")


def plain(value):
    if hasattr(value, "isoformat"):
        text = value.isoformat()
        # As triglot writes it: whole seconds, three or six digits.
        return text[:-3] if text.endswith("000") and "." in text else text
    return value


def child(data, work):
    import duckdb
    db = duckdb.connect()
    db.execute(f"SET temp_directory = '{pathlib.Path(work) / 'duckdb'}'")
    load(db, data)
    print(json.dumps({"version": "DuckDB " + duckdb.__version__}), flush=True)
    for line in sys.stdin:
        try:
            text = json.loads(line)
            # Until the columns are in memory: Python's own objects are not DuckDB's time.
            began = time.perf_counter()
            table = db.execute(text).to_arrow_table()
            took = (time.perf_counter() - began) * 1000
            rows = [{n: plain(v) for n, v in row.items() if v is not None} for row in table.to_pylist()]
            answer = {"ms": took, "rows": rows}
        except duckdb.Error as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    child(*sys.argv[1:])
