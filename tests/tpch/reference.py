"""TPC-H for tests/it/tpch.rs: makes the data and asks DuckDB.

reference.py OUT QUERIES: writes OUT/ext/<table>.parquet (as generated), OUT/own/<table>.parquet (with a
column `time`, the row's number) and OUT/answers.json ({"q1": [[cell, …], …], …}, cells as text or null).
"""
import json
import pathlib
import subprocess
import sys
import sysconfig

import duckdb

TABLES = "customer lineitem nation orders part partsupp region supplier".split()

out, queries = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
generator = pathlib.Path(sysconfig.get_path("scripts"), "tpchgen-cli")
subprocess.run([generator, "parquet", "-s", "0.1", "--output-dir", out / "ext", "--quiet"], check=True)
(out / "own").mkdir()
db = duckdb.connect()
for table in TABLES:
    db.execute(f"CREATE VIEW {table} AS FROM '{out}/ext/{table}.parquet'")
    db.execute(f"COPY (SELECT row_number() OVER () AS time, * FROM {table}) TO '{out}/own/{table}.parquet'")
answers = {}
for part in queries.read_text().split("-- q")[1:]:
    number, _, text = part.partition("\n")
    rows = db.execute(text.strip().rstrip(";")).fetchall()
    answers[f"q{number}"] = [[None if cell is None else str(cell) for cell in row] for row in rows]
(out / "answers.json").write_text(json.dumps(answers))
