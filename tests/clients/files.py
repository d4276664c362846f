"""polars and DuckDB read CSV answers and an exported Parquet file. Arguments: the port, the Parquet file."""

import io
import sys
import urllib.request

import duckdb
import polars

port, exported = int(sys.argv[1]), sys.argv[2]


def csv(sql):
    headers = {"Authorization": "Basic cm9vdDo=", "Accept": "text/csv"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/sql", sql.encode(), headers)
    return urllib.request.urlopen(request, timeout=120).read()


def same(got, wanted):
    assert got == wanted, f"{got!r} instead of {wanted!r}"


answer = csv("select time, host, f, i, s from readings order by i")
frame = polars.read_csv(io.BytesIO(answer), try_parse_dates=True)
same(frame["i"].sum(), 4_950)
same(frame["f"].sum(), 4_950 * 0.5)
same(frame["host"].n_unique(), 4)
same(frame["s"][3], 'say "3", twice\nor more')
same(str(frame["time"][1]), "2024-01-01 00:00:01")
with open(exported + ".csv", "wb") as file:
    file.write(answer)
same(
    duckdb.sql(f"select count(*), sum(f), min(time)::text, max(s) from read_csv('{exported}.csv')").fetchall(),
    [(100, 2475.0, "2024-01-01 00:00:00", 'say "99", twice\nor more')],
)

parquet = polars.read_parquet(exported)
same((parquet.height, parquet["i"].sum(), parquet["f"].sum()), (100, 4_950, 2475.0))
same(
    duckdb.sql(f"select host, count(*), sum(i) from read_parquet('{exported}') group by host order by host").fetchall(),
    [(f"h{h}", 25, sum(range(h, 100, 4))) for h in range(4)],
)
print("ok")
