"""cnos-connector, unchanged: DB-API, its own methods, SQLAlchemy and pandas. Argument: the port."""

import sys
import warnings

warnings.simplefilter("ignore")  # old names in the connector's dialect

import pandas
from cnosdb_connector import connect
from sqlalchemy import create_engine, inspect, text

port = int(sys.argv[1])


def same(got, wanted):
    assert got == wanted, f"{got!r} instead of {wanted!r}"


connection = connect(url=f"http://127.0.0.1:{port}/", user="root", password="")
connection.create_database_with_ttl("bench", "100000d")
same([d["database_name"] for d in connection.list_database() if d["database_name"] == "bench"], ["bench"])
connection.switch_database("bench")

# The three lines of the connector's manual.
lines = [f"test_insert,ta=a1,tb=b1 fa={2 * n - 1},fb={2 * n} {n}" for n in (1, 2, 3)]
connection.write_lines(lines)
rows = connection.execute("SELECT * FROM test_insert ORDER BY time;")
same(rows[2], {"fa": 5.0, "fb": 6.0, "ta": "a1", "tb": "b1", "time": "1970-01-01T00:00:00.000000003"})
same(connection.list_table(), [{"table_name": "test_insert"}])

cursor = connection.cursor()
cursor.execute("SELECT fa, ta FROM test_insert WHERE fa > %(least)s AND ta = %(tag)s ORDER BY fa", {"least": 1, "tag": "a1"})
same(cursor.description, [["fa", "float"], ["ta", "str"]])
same(cursor.rowcount, 2)
same(cursor.fetchone(), [3.0, "a1"])
same(cursor.fetchall(), [[5.0, "a1"]])
same(cursor.fetchone(), None)

# The manual's INSERT; write_dataframe quotes every value.
connection.execute("create table df(a double, b bigint, s string, u bigint unsigned, o boolean, tags(t))")
frame = pandas.DataFrame({
    "time": ["2024-01-01T00:00:00", "2024-01-01T00:00:01"],
    "a": [1.5, -2.5], "b": [-1, 2], "s": ["x y", "z"], "u": [7, 8], "o": [True, False], "t": ["p", "q"],
})
columns = ["time", "a", "b", "s", "u", "o", "t"]
connection.write_dataframe(frame, "df", columns)
back = pandas.read_sql("select time, a, b, s, u, o, t from df order by time", connection)
same(back[columns].to_dict("records"), frame.to_dict("records"))
connection.write_dataframe(frame, "df", columns[1:])  # without time: the client's clock
same(connection.execute("select count(*) as n from df"), [{"n": 4}])
same(connection.execute("select nonsense from"), {})  # the connector logs errors and gives nothing

engine = create_engine(f"cnosdb://root:@127.0.0.1:{port}/api/v1/sql?tenant=cnosdb&db=bench&pretty=true")
with engine.connect() as connected:
    query = text("select fa, ta from test_insert where fb > :least order by fa")
    same([tuple(r) for r in connected.execute(query, {"least": 2})], [(3.0, "a1"), (5.0, "a1")])
    same(pandas.read_sql(text("select avg(fa) as mean from test_insert"), connected)["mean"].tolist(), [3.0])
same(sorted(inspect(engine).get_table_names()), ["df", "test_insert"])
types = {c["name"]: (c["col_type"], str(c["type"])) for c in inspect(engine).get_columns("df")}
same(types["a"], ("FIELD", "FLOAT"))
same(types["t"], ("TAG", "VARCHAR"))
same(types["time"], ("TIME", "TIMESTAMP"))

connection.drop_table("df")
connection.drop_database("bench")
print("ok")
