"""taospy's `taosrest` 2.8 unchanged: connection, cursor, pandas, SQLAlchemy with reflection."""

import datetime
import sys
import types

# The SQLAlchemy dialect of `taosrest` wants the package `taos`, whose __init__ loads the vendor's C library.
import importlib.util

spec = importlib.util.find_spec("taosrest")
root = spec.submodule_search_locations[0].rsplit("/", 1)[0]
taos = types.ModuleType("taos")
taos.__path__ = [root + "/taos"]
sys.modules["taos"] = taos

import taosrest

url = f"http://127.0.0.1:{sys.argv[1]}"


def refused(action, code=None):
    try:
        action()
    except Exception as error:
        assert code is None or error.errno == code, (error.errno, code, error)
        return error
    raise AssertionError("was accepted")


# Connection
connection = taosrest.connect(url=url, user="root", password="taosdata", timeout=30)
assert connection.server_info == "3.3.6.0", connection.server_info
assert connection.execute("create database if not exists power precision 'us'") == 0
assert connection.execute("create database power2") == 0
assert refused(lambda: connection.execute("create database power2"), 0x0381)
assert (
    connection.execute(
        "create stable power.meters (ts timestamp, current float, voltage int, phase double, note varchar(20)) "
        "tags (location binary(64), groupid int)"
    )
    == 0
)
assert (
    connection.execute(
        "insert into power.d1001 using power.meters tags ('California.SanFrancisco', 2) values "
        "('2018-10-03T14:38:05.000+00:00', 10.3, 219, 0.31, 'é\"x') ('2018-10-03T14:38:15.000123+00:00', 12.6, 218, 0.33, null)",
        req_id=5,
    )
    == 2
)
result = connection.query("select * from power.meters order by ts")
assert [f["name"] for f in result.fields] == ["ts", "current", "voltage", "phase", "note", "location", "groupid"]
assert [(f["type"], f["bytes"]) for f in result.fields] == [
    ("TIMESTAMP", 8), ("FLOAT", 4), ("INT", 4), ("DOUBLE", 8), ("VARCHAR", 20), ("VARCHAR", 64), ("INT", 4),
], result.fields
assert result.rows == 2
first, second = result.data
local = lambda *parts: datetime.datetime(*parts, tzinfo=datetime.timezone.utc).astimezone().replace(tzinfo=None)
assert first == [local(2018, 10, 3, 14, 38, 5), 10.3, 219, 0.31, 'é"x', "California.SanFrancisco", 2], first
assert second[0] == local(2018, 10, 3, 14, 38, 15, 123) and second[4] is None, second

# A zone of one's own, and none at all
shanghai = taosrest.connect(url=url, database="power", timezone="Asia/Shanghai")
row = shanghai.query("select ts from meters order by ts").data[0][0]
assert row.isoformat() == "2018-10-03T22:38:05+08:00", row
plain = taosrest.connect(url=url, database="power", convert_timestamp=False)
assert plain.query("select ts from d1001 order by ts").data == [
    ["2018-10-03T14:38:05.000000Z"], ["2018-10-03T14:38:15.000123Z"],
]

# Cursor
cursor = plain.cursor()
cursor.execute("select voltage, location from meters order by ts")
assert cursor.rowcount == 2 and cursor.description == [["voltage", "INT", 4], ["location", "VARCHAR", 64]]
assert cursor.fetchone() == [219, "California.SanFrancisco"]
assert cursor.fetchall() == [[218, "California.SanFrancisco"]] and cursor.fetchone() is None
cursor.execute("insert into d1001 values ('2018-10-03 14:38:16.8', 12.3, 221, 0.31, 'x')")
assert cursor.affected_rows == 1
cursor.execute("select count(*), avg(voltage) from meters where voltage > 1000")
assert cursor.rowcount in (0, 1)
assert cursor.istype(0, "bigint")

# Errors keep the vendor's codes
for statement, code in [
    ("selec 1", 0x2600),
    ("select * from nope", 0x2603),
    ("select nope from meters", 0x2602),
    ("drop database nope", 0x0388),
]:
    refused(lambda: plain.execute(statement), code)
assert "401" in str(refused(lambda: taosrest.connect(url=url, password="x").execute("select 1")))
refused(lambda: connection.query("select * from meters"), 0x2616)

# The blank REST client
client = taosrest.RestClient(url, database="power", convert_timestamp=False)
assert client.sql("select groupid from meters limit 1") == {
    "code": 0, "column_meta": [["groupid", "INT", 4]], "data": [[2]], "rows": 1,
}

# pandas over SQLAlchemy, reflection
import pandas
import sqlalchemy
import taosrest.sqlalchemy
from sqlalchemy.dialects import registry

registry.register("taosrest", "taosrest.sqlalchemy", "TaosRestDialect")
engine = sqlalchemy.create_engine(f"taosrest://root:taosdata@127.0.0.1:{sys.argv[1]}")
with engine.connect() as session:
    frame = pandas.read_sql(sqlalchemy.text("select ts, current, location from power.meters order by ts"), session)
    assert list(frame.columns) == ["ts", "current", "location"] and len(frame) == 3, frame
    assert str(frame.dtypes["ts"]).startswith("datetime64") and frame["current"][1] == 12.6, frame.dtypes
inspector = sqlalchemy.inspect(engine)
assert {"power", "power2"} <= set(inspector.get_schema_names()), inspector.get_schema_names()
assert not {"information_schema", "performance_schema"} & set(inspector.get_schema_names())
connection.execute("create table power.plain (ts timestamp, v int)")
assert sorted(inspector.get_table_names("power")) == ["meters", "plain"], inspector.get_table_names("power")
assert inspector.get_view_names("power") == []
columns = inspector.get_columns("meters", "power")
assert [c["name"] for c in columns] == ["ts", "current", "voltage", "phase", "note", "location", "groupid"], columns
assert isinstance(columns[4]["type"], sqlalchemy.String) or columns[4]["type"] is sqlalchemy.String, columns
assert inspector.get_pk_constraint("meters", "power")["constrained_columns"] == ["ts"]
assert sqlalchemy.inspect(engine).has_table("meters", schema="power")

print("ok")
