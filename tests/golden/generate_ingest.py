"""Writes the golden files of the write APIs of other systems: `python3 tests/golden/generate_ingest.py` from the root.

Messages are built here by hand after the published .proto files, and names of child tables by hashlib."""
import struct, hashlib, json

from wire import case, field, query, read, save, series, snappy, varint, write

ROOT = ["authorization: root"]
def sql(title, text, cols, rows, db="d"):
    meta = json.dumps(cols, separators=(",", ":")); data = json.dumps(rows, separators=(",", ":"), ensure_ascii=False)
    case(title, "5.4", f"POST /rest/sql/{db}", ROOT, text, 200, '{"code":0,"column_meta":%s,"data":%s,"rows":%d}' % (meta, data, len(rows)))
def child(text): return "t_" + hashlib.md5(text).hexdigest()
ok = '{"code":0,"column_meta":[["affected_rows","INT",4]],"data":[[0]],"rows":1}'
def database(name="d", precision="ns"):
    case("a database", "set-up", "POST /rest/sql", ROOT, f"create database {name} precision '{precision}' keep 36500", 200, ok)
def influx(title, body, status=204, answer=None, query="db=d", source="5.1"):
    case(title, source, f"POST /influxdb/v1/write?{query}", ROOT, body, status, answer)
def bad(text): return '{"code":"internal error","message":"%s"}' % text

# --- line protocol -------------------------------------------------------------------------------
database()
influx("a database that is not there", "m f=1 1", 500, bad("[0x388] Database not exist"), "db=nodb")
influx("no database", "m f=1", 400, '{"code":"not found","message":"db required","op":"get db query","err":"db required","line":0}', "precision=ns")
influx("ttl is a number", "m f=1", 400, '{"code":"illegal param","message":"ttl must be numeric","op":"parse ttl","err":"ttl must be numeric","line":0}', "db=d&ttl=x")
influx("req_id is checked before everything", "m f=1", 400, '{"code":"illegal param","message":"req_id must be numeric","op":"parse req_id","err":"req_id must be numeric","line":0}', "req_id=x&ttl=x")
case("without credentials", "5.1", "POST /influxdb/v1/write?db=d", [], "m f=1", 401, '{"code":"forbidden","message":"no auth info input"}')
case("a wrong password", "5.1", "POST /influxdb/v1/write?db=d&u=root&p=wrong", [], "m f=1", 500, bad("[0x357] Authentication failure"))
case("credentials as parameters", "5.1", "POST /influxdb/v1/write?db=d&u=root&p=taosdata", [], "p f=1 1", 204)
influx("comments and blank lines", "# a\n\n")
influx("a point of the vendor's vector", "measurement,host=host1 field1=2i,field2=2.0 1577836800000000000")
sql("… its child table has the vendor's name", "select tbname, host, field1, field2, `_ts` from measurement",
    [["tbname","VARCHAR",192],["host","NCHAR",8],["field1","BIGINT",8],["field2","DOUBLE",8],["_ts","TIMESTAMP",8]],
    [["t_1e2f01eda79dc691cf0e7e3f3730d43b","host1",2,2,"2020-01-01T00:00:00.000000000Z"]])
influx("every type, and a name with a dot and upper case",
  'St.A,t1=3,T2="x" c1=1i8,c2=-2i16,c3=3i32,c4=4i64,c5=5i,c6=1u8,c7=2u16,c8=3u32,c9=4u64,d1=1.5f32,d2=2.5f64,d3=7,b=T,v="abc",n=L"ü",x=B"\\x0aff" 1')
sql("… as values", 'select c1,c2,c3,c4,c5,c6,c7,c8,c9,d1,d2,d3,b,v,n,x,t1,`T2` from `St_A`',
    [["c1","TINYINT",1],["c2","SMALLINT",2],["c3","INT",4],["c4","BIGINT",8],["c5","BIGINT",8],["c6","TINYINT UNSIGNED",1],["c7","SMALLINT UNSIGNED",2],["c8","INT UNSIGNED",4],["c9","BIGINT UNSIGNED",8],["d1","FLOAT",4],["d2","DOUBLE",8],["d3","DOUBLE",8],["b","BOOL",1],["v","VARCHAR",4],["n","NCHAR",4],["x","VARBINARY",4],["t1","NCHAR",2],["T2","NCHAR",4]],
    [[1,-2,3,4,5,1,2,3,4,1.5,2.5,7,True,"abc","ü","0aff","3","\"x\""]])
influx("nothing is lost when columns and tags are added and widened", 'measurement,host=host1,zone=z2 field3="12345678" 1577836800000000001\nmeasurement,host=a-host-with-a-long-name field1=3i 1577836800000000002')
sql("… older rows read NULL", "select host, zone, field1, field2, field3 from measurement order by `_ts`",
    [["host","NCHAR",32],["zone","NCHAR",4],["field1","BIGINT",8],["field2","DOUBLE",8],["field3","VARCHAR",16]],
    [["host1",None,2,2,None],["host1","z2",None,None,"12345678"],["a-host-with-a-long-name",None,3,None,None]])
influx("another type than the table's", "measurement,host=host1 field1=2 5", 500, bad("[0x3002] Invalid data format: type of field1: DOUBLE is given, the table has BIGINT"))
influx("two types in one body", "q,a=1 f=1 1\nq,a=1 f=1i 2", 500, bad("[0x3004] Not the same type like before: f is DOUBLE and BIGINT"))
influx("a key twice", "q,a=1 f=1,f=2 1", 500, bad("[0x263c] Duplicated column names: f"))
influx("a line that is none", "q,a=1 f=1 1\nq,a=1 f= 2", 500, bad("[0x3002] Invalid data format: line 2: invalid field value: ''"))
sql("… nothing of those bodies was written", "select count(*) from information_schema.ins_stables where db_name = 'd' and stable_name = 'q'", [["count(*)","BIGINT",8]], [[0]])
influx("a point without tags", "notags f=1 1")
sql("… has a tag without value", "select `_tag_null`, f from notags", [["_tag_null","NCHAR",1],["f","DOUBLE",8]], [[None, 1]])
influx("the child table's name by a tag, and days to live", "named,id=the.child,k=v f=1 1", query="db=d&table_name_key=id&ttl=7")
sql("… it is no tag", "select tbname, k, f from named", [["tbname","VARCHAR",192],["k","NCHAR",2],["f","DOUBLE",8]], [["the_child","v",1]])
sql("… it lives seven days", "select `ttl` from information_schema.ins_tables where table_name = 'the_child'", [["ttl","INT",4]], [[7]])
for precision, value in [("s","1577836800"),("m","26297280"),("h","438288"),("ms","1577836800000"),("us","1577836800000000"),("u","1577836800000000"),("nonsense","1577836800000000000")]:
    influx(f"times in {precision}", f"times,unit={precision} f=1 {value}", query=f"db=d&precision={precision}")
sql("… are one instant", "select distinct `_ts` from times", [["_ts","TIMESTAMP",8]], [["2020-01-01T00:00:00.000000000Z"]])
database("m", "ms")
influx("times are cut to the database's precision", "t f=1 1577836800000999999", query="db=M")
sql("… and the database's name is folded", "select `_ts` from t", [["_ts","TIMESTAMP",8]], [["2020-01-01T00:00:00.000Z"]], "m")
influx("a time beyond the precision", "t f=1 9223372036854775807", 500, bad("[0x60b] Timestamp data out of range"), "db=d&precision=h")
influx("the same body twice changes nothing", "again,a=1 f=1 1"); influx("… once more", "again,a=1 f=1 1")
sql("… one row", "select count(*) from again", [["count(*)","BIGINT",8]], [[1]])
influx("a measurement of 193 bytes", "n" * 193 + " f=1", 500, bad("[0x2617] Invalid identifier name: " + "n" * 193))
influx("a key of 65 bytes", "q " + "k" * 65 + "=1", 500, bad("[0x3002] Invalid data format: Invalid key or key is too long than 64: " + "k" * 65))
influx("129 tags", "q," + ",".join(f"t{i}=1" for i in range(129)) + " f=1", 500, bad("[0x2643] Invalid number of tag columns"))
save("tests/golden/tdengine/schemaless_influx.http")

# --- OpenTSDB ------------------------------------------------------------------------------------
database()
def put(form, title, body, status=204, answer=None, path="d", source="5.2"):
    case(title, source, f"POST /opentsdb/v1/put/{form}/{path}", ROOT, body, status, answer)
put("telnet", "lines", "put sys.cpu 1346846400 18.5 host=web01  dc=lga\r\n\nsys.cpu 1346846400001 20 host=web02")
tags = [("host","web01"),("dc","lga")]
one = child(b"sys_cpu," + b",".join(f"{k}={v}".encode() for k, v in sorted(tags)))
sql("… are rows", "select tbname, host, dc, `_value`, `_ts` from sys_cpu order by `_ts`",
  [["tbname","VARCHAR",192],["host","NCHAR",8],["dc","NCHAR",4],["_value","DOUBLE",8],["_ts","TIMESTAMP",8]],
  [[one,"web01","lga",18.5,"2012-09-05T12:00:00.000000000Z"],[child(b"sys_cpu,host=web02"),"web02",None,20,"2012-09-05T12:00:00.001000000Z"]])
put("telnet", "an account for clients that need one", "put sys.cpu 1346846402 1 host=web01", 200, '{"success":1,"failed":0,"errors":[]}', "d?details", "ecosystem 1")
put("telnet", "a time of nine digits", "put sys.cpu 134684640 1 host=web01", 500, '{"code":500,"message":"[0x3002] Invalid data format: line 1: invalid timestamp"}')
put("telnet", "no tags", "put sys.cpu 1346846400 1", 500, '{"code":500,"message":"[0x3002] Invalid data format: line 1: missing tags"}')
put("telnet", "no value of any type", "put sys.cpu 1346846400 1x host=a", 500, '{"code":500,"message":"[0x3002] Invalid data format: line 1: invalid value"}')
put("telnet", "a database that is not there", "put sys.cpu 1346846400 1 host=a", 500, '{"code":500,"message":"[0x388] Database not exist"}', "nodb")
put("telnet", "an empty body", "", 204)
case("without credentials", "5.2", "POST /opentsdb/v1/put/json/d", [], "[]", 401, '{"code":401,"message":"no auth info input"}')
put("json", "ttl is a number", "[]", 400, '{"code":400,"message":"illegal param, ttl must be numeric"}', "d?ttl=x")
put("json", "an empty list", "[]"); put("json", "an empty body", "")
put("json", "points with typed values", json.dumps([
  {"metric":"j.m","timestamp":1346846400,"value":18,"tags":{"host":"web01","n":9,"up":True}},
  {"metric":"j.m","timestamp":{"value":1346846400001,"type":"ms"},"value":{"value":19.5,"type":"double"},"tags":{"host":"web01","n":9,"up":True}},
  {"metric":"j.i","timestamp":{"value":1346846400000000001,"type":"ns"},"value":{"value":-128,"type":"tinyint"},"tags":{"host":{"value":"ü","type":"nchar"}}},
  {"metric":"j.s","timestamp":1346846400000,"value":"text","tags":{"id":{"value":5,"type":"bigint"}}}]))
name = child(b"j_m,host=web01,n=" + struct.pack("<d", 9.0) + b",up=" + struct.pack("<Q", 1))
sql("… numbers are DOUBLE, in names their eight bytes", "select tbname, host, n, up, `_value` from j_m order by `_ts`",
  [["tbname","VARCHAR",192],["host","VARCHAR",8],["n","DOUBLE",8],["up","BOOL",1],["_value","DOUBLE",8]], [[name,"web01",9,True,18],[name,"web01",9,True,19.5]])
sql("… TINYINT, NCHAR", "select `_value`, host, `_ts` from j_i", [["_value","TINYINT",1],["host","NCHAR",4],["_ts","TIMESTAMP",8]], [[-128,"ü","2012-09-05T12:00:00.000000001Z"]])
sql("… VARCHAR, BIGINT", "select `_value`, id from j_s", [["_value","VARCHAR",8],["id","BIGINT",8]], [["text",5]])
def jbad(text): return '{"code":500,"message":"[0x3002] Invalid data format: %s"}' % text
put("json", "one object, numbers to the last digit", '{"metric":"j.d","timestamp":1346846400,"value":0.30000000000000004,"tags":{"a":"b"}}')
sql("… as written", "select `_value` from j_d", [["_value","DOUBLE",8]], [[0.30000000000000004]])
put("json", "a member too many", '{"metric":"m","timestamp":1346846400,"value":1,"tags":{"a":"b"},"x":1}', 500, jbad('unexpected member \\"x\\", point 0'))
put("json", "no tags", '[{"metric":"m","timestamp":1346846400,"value":1,"tags":{}}]', 500, jbad("tags must be an object with members, point 0"))
put("json", "a value out of its type's range", '[{"metric":"m","timestamp":1346846400,"value":{"value":128,"type":"i8"},"tags":{"a":"b"}}]', 500, jbad("a value does not suit its type i8, point 0"))
put("json", "no JSON", '[{"metric":', 500, jbad("point 0, offset 11: a value is expected"))
save("tests/golden/tdengine/schemaless_opentsdb.http")

# --- Prometheus at TDengine's port ---------------------------------------------------------------
database("d", "ms")
def prom(title, hexes, status=202, answer=None, path="remote_write/d", marks=("@hex",), wanted=(), out_marks=(), source="6"):
    case(title, source, f"POST /prometheus/v1/{path}", ROOT + list(marks), hexes, status, answer, out_marks, wanted)
prom("no series, and the database need not be there", write(), path="remote_write/nodb")
nan = struct.unpack("<d", struct.pack("<Q", 0x7ff0000000000002))[0]
samples = write(([("k2","v2"),("k1","v1")], [(1577836800000, 1.5), (1577836801000, float("inf")), (1577836802000, nan)]),
                ([("__name__","up"),("job",'a"b')], [(1577836800000, 1.0)]))
prom("samples", samples); prom("the same once more", samples)
sql("… are in one super table, infinite ones NULL", "select tbname, labels->'k1', v, ts from metrics where labels->'k1' = 'v1' order by ts",
  [["tbname","VARCHAR",192],["labels->'k1'","JSON",4095],["v","DOUBLE",8],["ts","TIMESTAMP",8]],
  [["t_38afbaaeb3ee3f52623389a3af60f647","v1",1.5,"2020-01-01T00:00:00.000Z"],["t_38afbaaeb3ee3f52623389a3af60f647","v1",None,"2020-01-01T00:00:01.000Z"],["t_38afbaaeb3ee3f52623389a3af60f647","v1",None,"2020-01-01T00:00:02.000Z"]])
sql("… four rows", "select count(*) from metrics", [["count(*)","BIGINT",8]], [[4]])
prom("a database that is not there is 500 with empty body", write(([("a","b")], [(1, 1.0)])), 500, path="remote_write/nodb")
prom("no snappy", "ff", 400, "snappy: ", marks=("@hex",), out_marks=("@contains",))
prom("no protocol buffers", snappy(b"\x0a\x05\x0a").hex(), 400, "protobuf: offset 0: the message is cut off")
prom("a bomb", "808080800400", 413, "decoded body exceeds the limit of 67108864 bytes")
case("without credentials", "6", "POST /prometheus/v1/remote_write/d", ["@hex"], write(), 401, "")
case("a wrong password", "6", "POST /prometheus/v1/remote_write/d", ["authorization: Basic cm9vdDp3cm9uZw==", "@hex"], write(), 401, "[0x357] Authentication failure")
prom("ttl is a number", write(), 400, "ttl must be numeric", path="remote_write/d?ttl=x")
save("tests/golden/tdengine/schemaless_prometheus.http")

# --- CnosDB's port -------------------------------------------------------------------------------
C = ["authorization: Basic cm9vdDo="]
def cn(title, source, path, body, status=200, answer=None, headers=(), marks=(), wanted=(), out_marks=()):
    case(title, source, f"POST {path}", C + list(headers) + list(marks), body, status, answer, out_marks, wanted)
def csv(title, text, answer, source): cn(title, source, "/api/v1/sql", text, 200, answer + "\n")
def err(code, text): return '{"error_code":"%s","error_message":"%s"}' % (code, text)
cn("lines", "7", "/api/v1/opentsdb/write?precision=ms", "sys.cpu 1346846400000 18.5 host=web01 dc=lga\nsys.cpu 1346846400001 -2 host=web02,dc=lga\n")
csv("… are there", 'select * from "sys.cpu" order by time', "time,dc,host,value\n2012-09-05T12:00:00.000000000,lga,web01,18.5\n2012-09-05T12:00:00.001000000,lga,web02,-2.0", "7")
cn("an empty body", "7", "/api/v1/opentsdb/write", "")
cn("no tags", "7", "/api/v1/opentsdb/write", "m 1 2", 400, err("040010", "Error parsing message: line 1: missing tags"))
cn("no number", "7", "/api/v1/opentsdb/write", "m 1 x a=b", 400, err("040010", "Error parsing message: line 1: invalid value \\\"x\\\""))
cn("a body that fails in its second line stores nothing", "7", "/api/v1/opentsdb/write", "half 1 2 a=b\nhalf", 400, err("040010", "Error parsing message: line 2: missing timestamp"))
cn("… not even the table", "7", "/api/v1/sql", "select * from half", 422, "030019", out_marks=("@contains",))
cn("a database that is not there", "6", "/api/v1/opentsdb/write?db=nodb", "m 1 2 a=b", 422, err("030017", "Database not found: \\\"nodb\\\""))
cn("points", "7", "/api/v1/opentsdb/put", '[{"metric":"j","timestamp":1,"value":0.30000000000000004,"tags":{"a":"b"}},{"metric":"j","timestamp":2,"value":7,"tags":{}}]')
cn("one point", "7", "/api/v1/opentsdb/put", '{"metric":"j","timestamp":3,"value":1e3,"tags":{"a":"c"}}')
csv("… are there", "select * from j order by time", "time,a,value\n1970-01-01T00:00:00.000000001,b,0.30000000000000004\n1970-01-01T00:00:00.000000002,,7.0\n1970-01-01T00:00:00.000000003,c,1000.0", "7")
for what, body in [("metric must be a text", '{"metric":1,"timestamp":1,"value":1,"tags":{}}'), ("missing field `tags`", '{"metric":"j","timestamp":1,"value":1}'),
                   ("value must be a number", '{"metric":"j","timestamp":1,"value":"1","tags":{}}'), ("timestamp must be an integer", '{"metric":"j","timestamp":1.5,"value":1,"tags":{}}'),
                   ("tag a must be a text", '{"metric":"j","timestamp":1,"value":1,"tags":{"a":1}}')]:
    cn(what, "7", "/api/v1/opentsdb/put", body, 400, err("040011", f"Error parsing message: point 0: {what}"))
case("without credentials", "2", "POST /api/v1/opentsdb/put", [], "[]", 400, err("000000", "Missing request header \\\"authorization\\\""))
save("tests/golden/cnosdb/opentsdb.http")

up = [("__name__","up"),("instance","a:1"),("job","node")]
cn("samples", "10", "/api/v1/prom/write", write((up, [(1577836800000, 1.0), (1577836815000, 0.5)]), ([("__name__","up"),("job","other")], [(1577836800000, float("nan"))])), marks=("@hex",))
cn("the same once more", "10", "/api/v1/prom/write", write((up, [(1577836800000, 1.0), (1577836815000, 0.5)])), marks=("@hex",))
csv("… are there, the metric's name is a tag", "select * from up order by time, job", "time,__name__,instance,job,value\n2020-01-01T00:00:00.000000000,up,a:1,node,1.0\n2020-01-01T00:00:00.000000000,up,,other,NaN\n2020-01-01T00:00:15.000000000,up,a:1,node,0.5", "10")
cn("series without a name", "10", "/api/v1/prom/write", write(([("a","b")], [(1, 2.0)])), marks=("@hex",))
csv("… have a table of their own", "select * from prom_metric_not_specified", "time,a,value\n1970-01-01T00:00:00.001000000,b,2.0", "10")
cn("no snappy", "10", "/api/v1/prom/write", "ff", 422, '"error_code":"010055"', marks=("@hex",), out_marks=("@contains",))
cn("no message of remote write", "10", "/api/v1/prom/write", snappy(b"\x0a\x05\x0a").hex(), 422, err("010057", "remote write: offset 0: the message is cut off"), marks=("@hex",))
cn("no message of remote read", "10", "/api/v1/prom/read", snappy(b"\x0a\x05\x0a").hex(), 422, '"error_code":"010056"', marks=("@hex",), out_marks=("@contains",))
cn("a name that must not match", "10", "/api/v1/prom/read", read(query(0, 1, (1, "__name__", "up"))), 422, err("010056", "remote read: __name__ must be matched by = or =~"), marks=("@hex",))
save("tests/golden/cnosdb/prometheus.http")

bulk = '{"create":{}}\n{"date":"2020-01-01T00:00:00Z","node_id":"1","os":7,"msg":"hi","n":{"a":[1,{"b":true}]}}\n\n  {"index":{"_index":"i","_id":"x"}}\n{"date":1577836800000000001,"node_id":"2","msg":"ho"}\n'
cn("pairs of action and document, the address with a path behind", "8", "/api/v1/es/_bulk?table=t&time_column=date&tag_columns=node_id,os/_bulk?timeout=60s", bulk, 200,
   '{"took":<number>,"errors":false,"items":[{"create":{"_index":"t","status":201}},{"index":{"_index":"t","_id":"x","status":201}}]}', wanted=("x-elastic-product: Elasticsearch",))
csv("… are rows", "select * from t order by time", "time,node_id,os,msg,n.a.0,n.a.1.b\n2020-01-01T00:00:00.000000000,1,7,hi,1.0,true\n2020-01-01T00:00:00.000000001,2,,ho,,", "8")
cn("the table by _index", "ecosystem 2.3", "/_bulk", '{"index":{"_index":"byname"}}\n{"time":5,"a":1}', 200, '{"took":<number>,"errors":false,"items":[{"index":{"_index":"byname","status":201}}]}')
csv("… is there", "select * from byname", "time,a\n1970-01-01T00:00:00.000000005,1.0", "ecosystem 2.3")
pair = "Error parsing log message: invalid log syntax: parse_json_to_eslog, es log must be a pair of command and fields"
for title, body in [("an action without document", '{"create":{}}'), ("delete", '{"delete":{"_id":"1"}}'), ("update", '{"update":{}}\n{}'), ("an unknown action", '{"upsert":{}}\n{}')]:
    cn(title, "8", "/api/v1/es/_bulk?table=t", body, 422, err("040016", pair), wanted=("x-elastic-product: Elasticsearch",))
cn("no table", "8", "/api/v1/es/_bulk", '{"create":{}}\n{"a":1}', 422, err("040016", "Error parsing log message: table param is None"))
cn("no table for lines", "8", "/api/v1/es/_bulk?log_type=ndjson", '{"a":1}', 422, err("040016", "Error parsing log message: table param is None"))
cn("an unknown type", "8", "/api/v1/es/_bulk?table=t&log_type=syslog", "x", 422, err("040016", "Error parsing log message: invalid log type: syslog"))
cn("null", "8", "/api/v1/es/_bulk?table=t", '{"create":{}}\n{"a":null}', 422, err("040016", "Error parsing log message: unsupported field type: null"))
cn("a time that is none", "8", "/api/v1/es/_bulk?table=t", '{"create":{}}\n{"time":"yesterday","a":1}', 422, err("040016", "Error parsing log message: invalid time format"))
cn("an empty body", "8", "/api/v1/es/_bulk?table=t", "", 200, '{"took":<number>,"errors":false,"items":[]}')
cn("another type than the table's", "6", "/api/v1/es/_bulk?table=t&time_column=date", '{"create":{}}\n{"date":1,"msg":1}', 422, '"error_code":"050014"', out_marks=("@contains",))
cn("lines", "8", "/api/v1/es/_bulk?table=nd&log_type=NDJSON&time_column=date", '{"date":1,"a":0.30000000000000004}\n{"date":2,"a":-1}\n', 200, "")
csv("… are rows", "select * from nd order by time", "time,a\n1970-01-01T00:00:00.000000001,0.30000000000000004\n1970-01-01T00:00:00.000000002,-1.0", "8")
cn("no lines", "8", "/api/v1/es/_bulk?table=nd&log_type=ndjson", "\n", 422, '"error_code":"040016"', out_marks=("@contains",))
push = '{"streams":[{"stream":{"app":"x","env":"prod"},"values":[["1577836800000000000","one"],["1577836800000000000","two"]]},{"stream":{"app":"y"},"values":[["1577836800000000000","three",{"trace_id":"0242"}]]}]}'
cn("Loki's JSON; the Python handler wants 204", "ecosystem 2.5", "/api/v1/es/_bulk?table=lk&log_type=loki", push, 204)
cn("… once more", "ecosystem 2.5", "/api/v1/es/_bulk?table=lk&log_type=loki", push, 204)
csv("… labels are tags, and lines of one time are kept apart", "select * from lk order by time, app", "time,app,env,msg,trace_id\n2020-01-01T00:00:00.000000000,x,prod,one,\n2020-01-01T00:00:00.000000000,y,,three,0242\n2020-01-01T00:00:00.000000001,x,prod,two,", "ecosystem 2.5")
cn("Loki's own path", "ecosystem 2.7", "/loki/api/v1/push", push, 204)
csv("… has a table", "select count(*) as n from loki", "n\n3", "ecosystem 2.7")
entry = field(2, field(1, b"\x08" + varint(1577836800) + b"\x10" + varint(5)) + field(2, b"line"))
proto = snappy(field(1, field(1, b'{app="x", job="j"}') + entry)).hex()
cn("Promtail's protocol buffers", "8", "/api/v1/es/_bulk?table=pt&log_type=loki", proto, 200, "", headers=("content-type: application/x-protobuf",), marks=("@hex",))
csv("… with the labels' text as the vendor has it", "select * from pt", 'time,app,job,lables,msg\n2020-01-01T00:00:00.000000005,x,j,"{app=""x"", job=""j""}",line', "8")
cn("no block of snappy", "8", "/api/v1/es/_bulk?table=pt&log_type=loki", "ff", 422, err("040016", "Error parsing log message: invalid log type: loki"), headers=("content-type: application/x-protobuf",), marks=("@hex",))
for method, path, status, answer in [("GET", "/api/v1/es", 200, '{"version":{"number":"8.4.0"}}'), ("GET", "/api/v1/es/", 200, '{"version":{"number":"8.4.0"}}'),
    ("GET", "/api/v1/es/_license", 200, '{"license":{"uid":"","license_type":"oss","status":"active","expiry_date_in_millis":4000000000000}}'),
    ("PUT", "/api/v1/es/_ilm/policy/filebeat", 200, ""), ("HEAD", "/api/v1/es/_index_template/x", 200, ""), ("GET", "/api/v1/es/_nodes/http", 200, ""), ("POST", "/api/v1/es/_ingest/pipeline/p", 200, ""), ("HEAD", "/api/v1/es", 200, "")]:
    case(f"{method} {path} before anything is sent", "1", f"{method} {path}", [], "", status, answer, wanted_headers=("x-elastic-product: Elasticsearch",))
save("tests/golden/cnosdb/logs.http")

cn("items as the vendor's strings", "8", "/api/v1/es/_bulk?table=t", '{"index":{}}\n{"a":1}', 200, '{"took":<number>,"errors":false,"items":["{\\"create\\":{\\"status\\":201}}"]}')
save("tests/golden/cnosdb/logs_vendor.http", ["TRIGLOT_CNOSDB__BULK_ITEMS=string"])

# Records of one time: none replaces another, in the unit of the database.
cn("a database of milliseconds", "ecosystem 2.5", "/api/v1/sql", "CREATE DATABASE ms WITH PRECISION 'ms'", 200)
def nd(title, body, status=200, table="r"):
    cn(title, "ecosystem 2.5", f"/api/v1/es/_bulk?db=ms&table={table}&log_type=ndjson&tag_columns=h", body, status, "" if status == 200 else '"error_code":"040016"', out_marks=() if status == 200 else ("@contains",))
def of(title, wanted, table="r"):
    cn(title, "ecosystem 2.5", "/api/v1/sql?db=ms", f"select time, h, m from {table} order by time, h", 200, "time,h,m\n" + "".join(line + "\n" for line in wanted))
first = '{"time":1577836800000000000,"h":"a","m":"one"}\n{"time":1577836800000400000,"h":"a","m":"two"}\n{"time":1577836800000000000,"h":"b","m":"three"}\n{"time":1577836800000000000,"h":"a","m":"one"}'
a = ["2020-01-01T00:00:00.000000000,a,one", "2020-01-01T00:00:00.000000000,b,three", "2020-01-01T00:00:00.001000000,a,two", "2020-01-01T00:00:00.002000000,a,one"]
nd("records of one millisecond", first)
of("… are rows of their own", a)
nd("the same again", first)
of("… changes nothing", a)
nd("another request's record of the time", '{"time":1577836800000000000,"h":"a","m":"four"}')
of("… is a row of its own", a + ["2020-01-01T00:00:00.003000000,a,four"])
nd("a request that is refused", '{"time":1577836801000000000,"h":"a","m":"lost"}\n{"time":1577836801000000000,"h":"a","m":null}', 422)
nd("… takes no time", '{"time":1577836801000000000,"h":"a","m":"five"}')
of("… from others", a + ["2020-01-01T00:00:00.003000000,a,four", "2020-01-01T00:00:01.000000000,a,five"])
nd("records without a time", '{"h":"a","m":"x"}\n{"h":"a","m":"y"}\n{"h":"a","m":"z"}', table="now")
nd("… and of the next milliseconds", '{"h":"a","m":"u"}\n{"h":"a","m":"v"}', table="now")
cn("… are all there", "ecosystem 2.5", "/api/v1/sql?db=ms", "select m from now order by m", 200, "m\nu\nv\nx\ny\nz\n")
save("tests/golden/cnosdb/logs_apart.http")

def anyv(text): return field(2, field(1, text.encode()))
def attr(k, v): return field(1, k.encode()) + anyv(v)
def fixed64(n, v): return varint(n << 3 | 1) + struct.pack("<Q", v)
status = field(15, b"\x18\x01")
span = (field(1, bytes.fromhex("5b8aa5a2d2c872e8321cf37308d69df2")) + field(2, bytes.fromhex("051581bf3cb55c13")) + field(5, b"GET /")
        + b"\x30\x02" + fixed64(7, 1577836800000000000) + fixed64(8, 1577836800001500000) + field(9, attr("http.method", "GET"))
        + field(11, fixed64(1, 1577836800000000007) + field(2, b"e")) + status)
body = field(1, field(1, field(1, attr("service.name", "shop")) + field(1, attr("host", "h1"))) + field(2, field(1, field(1, b"lib") + field(2, b"1.0")) + field(2, span)))
P = ["table: tr", "content-type: application/x-protobuf"]
cn("a span", "9.1", "/api/v1/traces", body.hex(), 200, "", headers=P, marks=("@hex",))
cn("the same once more", "9.1", "/api/v1/traces", body.hex(), 200, "", headers=P, marks=("@hex",))
S = "ResourceSpans/ScopeSpans/Span/"
csv("… its tags", f'select time, "ResourceSpans/Resource/attributes/service.name" as service, "ResourceSpans/ScopeSpans/InstrumentationScope/name" as lib, "ResourceSpans/ScopeSpans/InstrumentationScope/version" as version, "{S}Status/code" as code, "{S}name" as name, "{S}parent_span_id" as parent, "{S}span_id" as span, "{S}trace_id" as trace from tr',
    "time,service,lib,version,code,name,parent,span,trace\n2020-01-01T00:00:00.000000000,shop,lib,1.0,STATUS_CODE_OK,GET /,,051581bf3cb55c13,5b8aa5a2d2c872e8321cf37308d69df2", "9.1")
csv("… its fields", f'select "{S}kind" as kind, "{S}duration_nano" as duration, "{S}flags" as flags, "{S}attributes/http.method" as method, "{S}Event_0/name" as event, "{S}Event_0/time_unix_nano" as at, "ResourceSpans/Resource/attributes/host" as host from tr',
    "kind,duration,flags,method,event,at,host\nSPAN_KIND_SERVER,1500000.0,0.0,GET,e,1.5778368e18,h1", "9.1")
otlp = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01","spanId":"02","name":"j","kind":3,"startTimeUnixNano":"1577836800000000000","endTimeUnixNano":"1577836800000000001"}]}]}]}'
cn("JSON", "ecosystem 2.7", "/api/v1/traces", otlp, 200, "", headers=["table: tj", "content-type: application/json"])
csv("… is there", f'select "{S}trace_id" as trace, "{S}kind" as kind from tj', "trace,kind\n01,SPAN_KIND_CLIENT", "ecosystem 2.7")
cn("no table", "9.1", "/api/v1/traces", "", 422, err("040016", "Error parsing log message: table param is None"), headers=P[1:])
cn("another content type", "9.1", "/api/v1/traces", "x", 422, err("040016", "Error parsing log message: invalid log type: unsupported"), headers=["table: tr", "content-type: text/plain"])
cn("no message", "9.1", "/api/v1/traces", "0aff", 422, '"error_code":"040016"', headers=P, marks=("@hex",), out_marks=("@contains",))
cn("an empty message", "9.1", "/api/v1/traces", "", 200, "", headers=P)
save("tests/golden/cnosdb/traces.http")

# --- Jaeger --------------------------------------------------------------------------------------
cn("a span", "9.1", "/api/v1/traces", body.hex(), 200, "", headers=P, marks=("@hex",))
failed = '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"pay"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8aa5a2d2c872e8321cf37308d69df2","spanId":"02","parentSpanId":"051581bf3cb55c13","name":"charge","kind":3,"startTimeUnixNano":"1577836800000500000","endTimeUnixNano":"1577836800001000000","links":[{"traceId":"0a","spanId":"0b"}],"status":{"code":2,"message":"no money"}}]}]}]}'
cn("another", "9.1", "/api/v1/traces", failed, 200, "", headers=["table: tr", "content-type: application/json"])
def jg(title, path, status, answer, headers=("table: tr",), out_marks=()):
    case(title, "9.2", f"GET {path}", C + list(headers), "", status, answer, out_marks)
def env(data, total): return '{"data":%s,"total":%d,"limit":0,"offset":0,"errors":null}' % (data, total)
jg("services", "/api/services", 200, env('["pay","shop"]', 2))
jg("operations of a service", "/api/services/shop/operations", 200, env('["GET /"]', 1))
jg("operations with their kinds", "/api/operations?service=pay", 200, env('[{"name":"charge","spanKind":"client"}]', 1))
jg("… of another kind", "/api/operations?service=pay&spanKind=SPAN_KIND_SERVER", 200, env('[]', 0))
jg("operations of nothing", "/api/operations", 422, err("040007", "Fetch result: service is empty"))
jg("no table", "/api/services", 422, err("040016", "Error parsing log message: table param is None"), ())
T = "5b8aa5a2d2c872e8321cf37308d69df2"
def tag(k, v, ty="String"): return '{"key":"%s","type":"%s","value":%s}' % (k, ty, json.dumps(v))
def jspan(sid, parent, op, refs, start, duration, kind, logs, proc):
    tags = ",".join([tag("span.kind", kind)] + [tag(f"dropped_{x}_count", 0, "Int64") for x in ("attributes", "events", "links")] + [tag("trace_state", "")])
    return '{"traceID":"%s","spanID":"%s","parentSpanID":"%s","flags":0,"operationName":"%s","references":[%s],"startTime":%d,"duration":%d,"tags":[%s],"logs":[%s],"processID":"p%d","process":null,"warnings":[]}' % (T, sid, parent, op, refs, start, duration, tags, logs, proc)
def proc(service, tags): return '{"serviceName":"%s","tags":[%s]}' % (service, ",".join(tags))
R_ = "ResourceSpans/Resource/attributes/"
log = '{"timestamp":1577836800000000000,"fields":[%s,%s]}' % (tag("dropped_attributes_count", 0, "Int64"), tag("name", "e"))
first = jspan("051581bf3cb55c13", "", "GET /", "", 1577836800000000, 1500, "server", log, 0)
second = lambda p: jspan("02", "051581bf3cb55c13", "charge", '{"refType":"ChildOf","traceID":"0a","spanID":"0b"}', 1577836800000500, 500, "client", "", p)
pshop = proc("shop", [tag("otel.status_code", "STATUS_CODE_OK"), tag("otel.status_description", ""), tag("otel.library.name", "lib"), tag("otel.library.version", "1.0"), tag(R_ + "service.name", "shop"), tag(R_ + "host", "h1"), tag(S + "attributes/http.method", "GET")])
ppay = proc("pay", [tag("otel.status_code", "STATUS_CODE_ERROR"), tag("error", True, "Bool"), tag("otel.status_description", "no money"), tag("otel.library.name", ""), tag("otel.library.version", ""), tag(R_ + "service.name", "pay")])
whole = '{"traceID":"%s","spans":[%s,%s],"processes":{"p0":%s,"p1":%s},"warnings":[]}' % (T, first, second(1), pshop, ppay)
one = '{"traceID":"%s","spans":[%s],"processes":{"p0":%s},"warnings":[]}' % (T, second(0), ppay)
jg("a trace", f"/api/traces/{T}", 200, env(f"[{whole}]", 0))
jg("a trace that is not there", "/api/traces/77", 200, env('[{"traceID":"","spans":[],"processes":{},"warnings":[]}]', 0))
jg("by ids", f"/api/traces?traceID={T},77", 200, env(f"[{whole}]", 0))
for title, q in [("by service", "service=pay"), ("by operation", "operation=charge"), ("by time", "start=1577836800000001"), ("by its end", "service=pay&end=1577836800001000"), ("by duration", "maxDuration=1ms"), ("… and another", "minDuration=100us&maxDuration=0.5ms"), ("by a tag", "tag=ResourceSpans/Resource/attributes/service.name:pay"), ("by tags, names short", "tags=%7B%22service.name%22:%22pay%22%7D&limit=1")]:
    jg(title, "/api/traces?" + q, 200, env(f"[{one}]", 0))
for title, q in [("no hit", "service=x"), ("a long one", "minDuration=1h"), ("a limit of 0", "limit=0"), ("the end of nothing", "end=1577836800000999&service=pay")]:
    jg(title, "/api/traces?" + q, 200, env("[]", 0))
jg("a tag that is not there", "/api/traces?tag=nosuch:1", 422, '"error_code":"010079"', out_marks=("@contains",))
jg("a duration that is none", "/api/traces?minDuration=1", 422, err("040007", "Fetch result: invalid minDuration: 1"))
save("tests/golden/cnosdb/jaeger.http")

case("seconds into a bucket", "ecosystem 2.7", "POST /api/v2/write?org=o&bucket=public/autogen&precision=s", ["authorization: Token root:"], "v2,t=a f=1 1577836800", 204)
case("… by Basic", "ecosystem 2.7", "POST /api/v2/write?bucket=public&precision=us", C, "v2,t=a f=2 1577836800000001", 204)
csv("… are there", "select * from v2 order by time", "time,t,f\n2020-01-01T00:00:00.000000000,a,1.0\n2020-01-01T00:00:00.000001000,a,2.0", "ecosystem 2.7")
case("seconds beyond 64 bits", "6", "POST /api/v2/write?precision=s", C, "v2 f=1 9223372036854775807", 422, '"error_code":"050014"', ["@contains"])
case("a wrong password", "2", "POST /api/v2/write", ["authorization: Token root:wrong"], "v2 f=1 1", 401, '"error_code":"010016"', ["@contains"])
case("no credentials", "2", "POST /api/v2/write", [], "v2 f=1 1", 400, err("000000", "Missing request header \\\"authorization\\\""))
save("tests/golden/cnosdb/influx2.http")
