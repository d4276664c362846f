"""Real input for tests/it/real_input.rs.

reference.py lines OUT: the CSV files of vega_datasets as line protocol, OUT/vega.lp.
reference.py answers OUT CPU QUERIES: DuckDB's answers over the same CSV files and over CPU (TSBS lines, as
benches/duck.py reads them), OUT/answers.json: {"name": [[cell, …], …], …}, cells as text or null.
"""
import csv
import datetime
import json
import pathlib
import sys

import vega_datasets

FILES = pathlib.Path(vega_datasets.__file__).parent / "_data"
UTC = datetime.timezone.utc

# Table: (file, constant tags, tag columns, column and format of the time). All else is fields.
TABLES = [
    ("temps", "seattle-temps", {"city": "seattle"}, [], ("date", "%Y/%m/%d %H:%M")),
    ("temps", "sf-temps", {"city": "san francisco"}, [], ("date", "%Y/%m/%d %H:%M:%S")),
    ("daily", "seattle-weather", {}, ["weather"], ("date", "%Y/%m/%d")),
    ("stocks", "stocks", {}, ["symbol"], ("date", "%b %d %Y")),
    ("power", "iowa-electricity", {}, ["source"], ("year", "%Y-%m-%d")),
    ("employment", "us-employment", {}, [], ("month", "%Y-%m-%d")),
]
INTEGERS = {"net_generation"}


def escaped(text):
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def lines():
    for table, file, constant, tags, (column, form) in TABLES:
        with open(FILES / f"{file}.csv", newline="") as source:
            for row in csv.DictReader(source):
                time = datetime.datetime.strptime(row.pop(column), form).replace(tzinfo=UTC)
                key = {**constant, **{tag: row.pop(tag) for tag in tags}}
                key = "".join(f",{escaped(k)}={escaped(v)}" for k, v in key.items())
                fields = ",".join(f"{escaped(k)}={v}{'i' if k in INTEGERS else ''}" for k, v in row.items())
                yield f"{table}{key} {fields} {int(time.timestamp()) * 1_000_000_000}\n"


def load(db, cpu):
    benches = pathlib.Path(__file__).parents[2] / "benches"
    sys.path.insert(0, str(benches))
    import duck
    duck.load(db, cpu)
    made = {}
    for table, file, constant, _, (column, form) in TABLES:
        constants = "".join(f", '{value}' AS {name}" for name, value in constant.items())
        # All numbers as they stand, times as text: the format is ours to say.
        rows = (f"SELECT * EXCLUDE ({column}), strptime({column}, '{form}') AS time{constants} "
                f"FROM read_csv('{FILES}/{file}.csv', header = true, types = {{'{column}': 'VARCHAR'}})")
        made.setdefault(table, []).append(rows)
    for table, parts in made.items():
        db.execute(f"CREATE TABLE {table} AS " + " UNION ALL BY NAME ".join(parts))


def cell(value):
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000"
    # date_trunc of days and above gives a date.
    if isinstance(value, datetime.date):
        return value.strftime("%Y-%m-%dT00:00:00.000000000")
    return None if value is None else str(value)


def answers(cpu, queries):
    import duckdb
    db = duckdb.connect()
    load(db, cpu)
    found = {}
    _comment, _, text = queries.read_text().partition("\n\n")
    for part in f"\n{text}".split("\n-- ")[1:]:
        name, _, text = part.partition("\n")
        found[name] = [[cell(value) for value in row] for row in db.execute(text.strip().rstrip(";")).fetchall()]
    return found


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[2])
    if sys.argv[1] == "lines":
        (out / "vega.lp").write_text("".join(lines()))
    else:
        found = answers(pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4]))
        (out / "answers.json").write_text(json.dumps(found))
