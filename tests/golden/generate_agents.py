"""Writes the golden files of agents that no registry here has: `python3 tests/golden/generate_agents.py` from the root.

Their requests are those that their manuals and sources describe (ecosystem.md section 3), from the first one after their start on; what they
wrote is read back through all three dialects."""
import json

from wire import case, field, save, snappy, varint

ROOT = ["authorization: root"]

class Time(str):
    "An instant without zone, to nanoseconds."

def read_back(title, table, columns, rows, by="time", home="cnosdb", db="public"):
    "The same rows through all three dialects: CnosDB's as CSV, the others' as JSON."
    def ask(dialect, quote):
        names = ", ".join(quote + c + quote for c in columns)
        text = f"select {names} from {quote}{table}{quote} order by {quote}{by}{quote}"
        path = {"cnosdb": f"/api/v1/sql?db={db}", "tdengine": f"/rest/sql/{db}", "kwdb": f"/restapi/query?db={db}"}[dialect]
        return f"POST {path}", ROOT + ([f"@to {dialect}"] if dialect != home else []), text
    def cell(value):
        if value is None: return ""
        if isinstance(value, bool): return str(value).lower()
        text = repr(value) if isinstance(value, float) else str(value)
        return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\n') else text
    lines = [",".join(columns)] + [",".join(cell(v) for v in row) for row in rows]
    request, headers, text = ask("cnosdb", '"')
    case(f"… {title}, by CnosDB's SQL", "ecosystem 3", request, headers, text, 200, "\n".join(lines) + "\n")
    def plain(value, dialect):
        # KWDB's times have no zeros at their end.
        if isinstance(value, Time): return (value.rstrip("0").rstrip(".") if dialect == "kwdb" else value) + "Z"
        # Neither writes the fraction of a whole number.
        return int(value) if isinstance(value, float) and value.is_integer() else value
    for dialect, name, quote in [("tdengine", "TDengine", "`"), ("kwdb", "KWDB", '"')]:
        data = json.dumps([[plain(v, dialect) for v in row] for row in rows], separators=(",", ":"), ensure_ascii=False)
        request, headers, text = ask(dialect, quote)
        case(f"… {title}, by {name}'s", "ecosystem 3", request, headers, text, 200, f'"data":{data},"rows":{len(rows)}}}', ["@contains"])

def agent(title, request, headers, body, status, answer=None, marks=(), wanted=()):
    case(title, "ecosystem 3", request, headers + list(marks), body, status, answer, wanted_headers=wanted)

def at(second, fraction="000000000"): return Time(f"2024-01-01T00:00:{second:02}.{fraction}")
NS = 1704067200000000000
PRODUCT = ["x-elastic-product: Elasticsearch"]
ITEM = '{"%s":{"_index":"%s","status":201}}'
def bulk_answer(op, table, n): return '{"took":<number>,"errors":false,"items":[' + ",".join([ITEM % (op, table)] * n) + "]}"
def ndjson(*lines): return "".join(json.dumps(l, separators=(",", ":"), ensure_ascii=False) + "\n" for l in lines)

# --- Telegraf: line protocol by outputs.http -----------------------------------------------------
TELEGRAF = ["user-agent: Telegraf/1.29.5 Go/1.21.6", "content-type: text/plain; charset=utf-8", "accept-encoding: gzip"]
lines = f'cpu,cpu=cpu0,host=web\\ 1 usage_idle=97.5,usage_user=1.25 {NS}\ndisk,device=sda1,fstype=ext4,host=web\\ 1,mode=rw,path=/ free=17592186044416i,used_percent=12.5 {NS}\nsystem,host=web\\ 1 uptime_format="1 day, 2:03",load1=0.30000000000000004 {NS + 10**9}\n'
def telegraf_rows(db="public", home="cnosdb"):
    read_back("its processors", "cpu", ["time", "cpu", "host", "usage_idle", "usage_user"], [[at(0), "cpu0", "web 1", 97.5, 1.25]], home=home, db=db)
    read_back("its disks", "disk", ["time", "device", "fstype", "host", "mode", "path", "free", "used_percent"], [[at(0), "sda1", "ext4", "web 1", "rw", "/", 17592186044416, 12.5]], home=home, db=db)
    read_back("its system", "system", ["time", "host", "load1", "uptime_format"], [[at(1), "web 1", 0.30000000000000004, "1 day, 2:03"]], home=home, db=db)
for title, marks, coding in [("Telegraf's outputs.http", [], []), ("… in chunks and with gzip", ["@chunked"], ["content-encoding: gzip"])]:
    agent(title, "POST /api/v1/write?db=public", TELEGRAF + ROOT + coding, lines, 200, "", marks)
telegraf_rows()
save("tests/golden/cnosdb/agents_telegraf.http")

# --- Vector --------------------------------------------------------------------------------------
VECTOR = ROOT + ["user-agent: Vector/0.36.0 (x86_64-unknown-linux-gnu a5e48bb 2024-02-13)", "content-type: application/x-ndjson", "accept: */*", "accept-encoding: zstd,gzip,deflate,br"]
ADDRESS = "/api/v1/es/_bulk?table=vector&time_column=date&tag_columns=node_id,operator_system"
docs = ndjson({"index": {"_index": "vector-2024.01.01", "_type": "_doc"}}, {"date": "2024-01-01T00:00:00.000000001Z", "msg": "first", "node_id": "1001", "operator_system": "linux", "source_type": "file"},
              {"index": {"_index": "vector-2024.01.01", "_type": "_doc"}}, {"date": "2024-01-01T00:00:01Z", "msg": "zweite „Zeile“", "node_id": "1002", "operator_system": "mac, \"x\"", "n": {"deep": 1.5}})
for title, coding in [("Vector's elasticsearch sink, whose path stands behind the parameters", []), ("… again with gzip", ["content-encoding: gzip"])]:
    agent(title, f"POST {ADDRESS}/_bulk?timeout=60s", VECTOR + coding, docs, 200, bulk_answer("index", "vector", 2), wanted=PRODUCT)
read_back("its rows, once", "vector", ["time", "node_id", "operator_system", "msg", "n.deep", "source_type"],
          [[at(0, "000000001"), "1001", "linux", "first", None, "file"], [at(1), "1002", 'mac, "x"', "zweite „Zeile“", 1.5, None]])
agent("one bad document refuses all of them, and Vector is told", f"POST {ADDRESS}/_bulk?timeout=60s", VECTOR,
      ndjson({"index": {}}, {"date": "2024-01-01T00:00:02Z", "msg": "good", "node_id": "1", "operator_system": "x"}, {"index": {}}, {"date": "soon", "msg": "bad", "node_id": "1", "operator_system": "x"}),
      422, '{"error_code":"040016","error_message":"Error parsing log message: invalid time format"}', wanted=PRODUCT)
agent("… nothing of it is there", "POST /api/v1/sql", ROOT, "select count(*) as n from vector", 200, "n\n2\n")
agent("Vector's health check", "GET /api/v1/es/_cluster/health", ROOT + VECTOR[1:2], "", 200, "", wanted=PRODUCT)
save("tests/golden/cnosdb/agents_vector.http")

# --- Promtail ------------------------------------------------------------------------------------
def timestamp(ns): return field(1, b"\x08" + varint(ns // 10**9) + (b"\x10" + varint(ns % 10**9) if ns % 10**9 else b""))
def entry(ns, line): return field(2, timestamp(ns) + field(2, line.encode()))
def push(*streams): return snappy(b"".join(field(1, field(1, labels.encode()) + b"".join(entries) + b"\x18\x00") for labels, entries in streams)).hex()
PROMTAIL = ROOT + ["user-agent: promtail/2.9.4", "content-type: application/x-protobuf"]
LABELS = '{filename="/var/log/syslog", job="varlogs"}'
def promtail_rows(table):
    read_back("its lines, once, with those of one time apart", table, ["time", "filename", "job", "lables", "msg"],
        [[at(0, "000000005"), "/var/log/syslog", "varlogs", LABELS, "started"], [at(0, "000000006"), "/var/log/syslog", "varlogs", LABELS, 'stopped, "really"'],
         [at(0, "000000007"), None, "other", '{job="other"}', "y"], [at(1), "/var/log/syslog", "varlogs", LABELS, "ü"]])
def one_by_one(path, status):
    # Rows are ordered by time alone, so the other stream's is another time.
    body = push((LABELS, [entry(NS + 5, "started"), entry(NS + 5, "stopped, \"really\""), entry(NS + 10**9, "ü")]), ('{job="other"}', [entry(NS + 7, "y")]))
    for title in ["Promtail's push", "… sent again, as after an answer that was lost"]:
        agent(f"{title} to {path}", f"POST {path}", PROMTAIL, body, status, "" if status == 200 else None, ["@hex"])
one_by_one("/api/v1/es/_bulk?table=promtail&log_type=loki", 200)
promtail_rows("promtail")
agent("another batch has a line of the same stream and time", "POST /api/v1/es/_bulk?table=promtail&log_type=loki", PROMTAIL, push((LABELS, [entry(NS + 5, "late")])), 200, "", ["@hex"])
agent("… it replaces none", "POST /api/v1/sql", ROOT, "select time, msg from promtail where job = 'varlogs' order by time", 200,
      'time,msg\n2024-01-01T00:00:00.000000005,started\n2024-01-01T00:00:00.000000006,"stopped, ""really"""\n2024-01-01T00:00:00.000000007,late\n2024-01-01T00:00:01.000000000,ü\n')
one_by_one("/loki/api/v1/push", 204)
promtail_rows("loki")
save("tests/golden/cnosdb/agents_promtail.http")

# --- Logstash ------------------------------------------------------------------------------------
LOGSTASH = ROOT + ["user-agent: Logstash/8.12.1 (OS=Linux-6.1.0-18-amd64-amd64; JVM=Eclipse Adoptium-17.0.9) logstash-output-elasticsearch/11.22.2", "x-elastic-product-origin: logstash-output-elasticsearch", "content-type: application/json", "connection: Keep-Alive", "accept-encoding: gzip,deflate"]
VERSION = '{"version":{"number":"8.4.0"}}'
LICENSE = '{"license":{"uid":"","license_type":"oss","status":"active","expiry_date_in_millis":4000000000000}}'
agent("Logstash asks whether it is there", "HEAD /api/v1/es/", LOGSTASH, "", 200, "", wanted=PRODUCT)
agent("… its version", "GET /api/v1/es/", LOGSTASH, "", 200, VERSION, wanted=PRODUCT)
agent("… its licence", "GET /api/v1/es/_license", LOGSTASH, "", 200, LICENSE, wanted=PRODUCT)
agent("… for its template", "HEAD /api/v1/es/_index_template/ecs-logstash", LOGSTASH, "", 200, "", wanted=PRODUCT)
agent("… puts it", "PUT /api/v1/es/_index_template/ecs-logstash", LOGSTASH, '{"index_patterns":["ecs-logstash-*"],"priority":200}', 200, "", wanted=PRODUCT)
events = ndjson({"create": {"_index": "ecs-logstash"}}, {"@timestamp": "2024-01-01T00:00:00.123Z", "@version": "1", "event": {"original": "hello"}, "host": {"name": "vm"}, "message": "hello", "tags": ["a", "b"]},
                {"create": {"_index": "ecs-logstash"}}, {"@timestamp": "2024-01-01T00:00:00.123Z", "@version": "1", "event": {"original": "again"}, "host": {"name": "vm"}, "message": "again"})
for title, coding in [("its events, two of one millisecond", []), ("… sent again, with gzip", ["content-encoding: gzip"])]:
    agent(title, "POST /api/v1/es/_bulk?table=logstash&time_column=@timestamp&filter_path=errors,items.*.error,items.*.status", LOGSTASH + coding, events, 200, bulk_answer("create", "logstash", 2), wanted=PRODUCT)
read_back("its rows, once and both of them", "logstash", ["time", "@version", "event.original", "host.name", "message", "tags.0", "tags.1"],
          [[at(0, "123000000"), "1", "hello", "vm", "hello", "a", "b"], [at(0, "123000001"), "1", "again", "vm", "again", None, None]])
save("tests/golden/cnosdb/agents_logstash.http")

# --- Filebeat ------------------------------------------------------------------------------------
BEAT = ROOT + ["user-agent: Elastic-filebeat/8.12.1 (linux; amd64; 6332f90bcae58df7f4bf7ba5ee8f0ae67b4b6d9d; 2024-02-01 18:26:58 +0000 UTC)", "accept: application/json", "x-elastic-product-origin: beats", "accept-encoding: gzip"]
JSON = ["content-type: application/json; charset=UTF-8"]
agent("Filebeat asks for the version", "GET /api/v1/es/", BEAT, "", 200, VERSION, wanted=PRODUCT)
agent("… for the licence", "GET /api/v1/es/_license?human=false", BEAT, "", 200, LICENSE, wanted=PRODUCT)
agent("… puts its policy", "PUT /api/v1/es/_ilm/policy/filebeat", BEAT + JSON, '{"policy":{"phases":{"hot":{"actions":{"rollover":{"max_age":"30d","max_size":"50gb"}}}}}}', 200, "", wanted=PRODUCT)
agent("… asks for its template", "HEAD /api/v1/es/_index_template/filebeat-8.12.1", BEAT, "", 200, "", wanted=PRODUCT)
agent("… puts it", "PUT /api/v1/es/_index_template/filebeat-8.12.1", BEAT + JSON, '{"index_patterns":["filebeat-8.12.1"],"data_stream":{}}', 200, "", wanted=PRODUCT)
events = ndjson({"create": {"_index": "filebeat-8.12.1"}}, {"@timestamp": "2024-01-01T00:00:00.000Z", "agent": {"type": "filebeat", "version": "8.12.1"}, "log": {"offset": 0, "file": {"path": "/var/log/a.log"}}, "message": "one"},
                {"create": {"_index": "filebeat-8.12.1"}}, {"@timestamp": "2024-01-01T00:00:00.000Z", "agent": {"type": "filebeat", "version": "8.12.1"}, "log": {"offset": 4, "file": {"path": "/var/log/a.log"}}, "message": "two"})
for title in ["its events", "… sent again"]:
    agent(title, "POST /api/v1/es/_bulk?table=filebeat&time_column=@timestamp&tag_columns=agent.type", BEAT + JSON, events, 200, bulk_answer("create", "filebeat", 2), wanted=PRODUCT)
read_back("its rows, once and both of them", "filebeat", ["time", "agent.type", "agent.version", "log.file.path", "log.offset", "message"],
          [[at(0), "filebeat", "8.12.1", "/var/log/a.log", 0.0, "one"], [at(0, "000000001"), "filebeat", "8.12.1", "/var/log/a.log", 4.0, "two"]])
agent("without a table the index is one", "POST /api/v1/es/_bulk?time_column=@timestamp", BEAT + JSON, events, 200, bulk_answer("create", "filebeat-8.12.1", 2), wanted=PRODUCT)
agent("… it has the rows", "POST /api/v1/sql", ROOT, 'select count(*) as n from "filebeat-8.12.1"', 200, "n\n2\n")
named = ndjson({"index": {"_index": "named", "_id": "a"}}, {"@timestamp": "2024-01-01T00:00:00.000Z", "message": "one"}, {"index": {"_index": "named", "_id": "b"}}, {"@timestamp": "2024-01-01T00:00:00.000Z", "message": "two"},
               {"index": {"_index": "named", "_id": "a"}}, {"@timestamp": "2024-01-01T00:00:00.000Z", "message": "three"})
case("documents with ids", "8", "POST /api/v1/es/_bulk?time_column=@timestamp", BEAT + JSON, named, 200, '"errors":false', ["@contains"])
agent("… those of one id and time are one", "POST /api/v1/sql", ROOT, "select * from named order by time", 200, "time,message\n2024-01-01T00:00:00.000000000,three\n2024-01-01T00:00:00.000000001,two\n")
save("tests/golden/cnosdb/agents_filebeat.http")

# --- fluent-bit ----------------------------------------------------------------------------------
FLUENT = ROOT + ["user-agent: Fluent-Bit", "content-type: application/json"]
for title, coding in [("fluent-bit's http output", []), ("… sent again, with gzip", ["content-encoding: gzip"])]:
    agent(title, "POST /api/v1/es/_bulk?table=fluent&log_type=ndjson&time_column=date", FLUENT + coding,
          ndjson({"date": "2024-01-01T00:00:00.123456Z", "log": "started", "stream": "stdout", "kubernetes": {"pod_name": "p"}}, {"date": "2024-01-01T00:00:00.123456Z", "log": "two\nlines", "stream": "stderr"}), 200, "", wanted=PRODUCT)
read_back("its rows, once and both of them", "fluent", ["time", "kubernetes.pod_name", "log", "stream"], [[at(0, "123456000"), "p", "started", "stdout"], [at(0, "123456001"), None, "two\nlines", "stderr"]])
save("tests/golden/cnosdb/agents_fluent_bit.http")

# --- TDengine's port: EMQX, Node-RED, Grafana ----------------------------------------------------
def taos(n): return '{"code":0,"column_meta":[["affected_rows","INT",4]],"data":[[%d]],"rows":1}' % n
EMQX = ["user-agent: EMQX/5.5.0", "content-type: application/json"] + ROOT
agent("a database for devices", "POST /rest/sql", EMQX, "create database if not exists mqtt precision 'ns' keep 36500", 200, taos(0))
agent("… a table", "POST /rest/sql/mqtt", EMQX, "CREATE STABLE IF NOT EXISTS sensor (ts TIMESTAMP, temp DOUBLE, payload NCHAR(64)) TAGS (client_id BINARY(32))", 200, taos(0))
for title in ["EMQX's rule writes a message", "… and tries again"]:
    agent(title, "POST /rest/sql/mqtt", EMQX, "INSERT INTO t_c1 USING sensor TAGS ('emqx_c1') VALUES (1704067200000000000, 21.5, 'say \\'hi\\', ü')", 200, taos(1))
NODE_RED = ["user-agent: got (https://github.com/sindresorhus/got)", "accept-encoding: gzip, deflate, br", "content-type: application/json"] + ROOT
agent("Node-RED's http request node", "POST /rest/sql/mqtt", NODE_RED, "insert into t_c2 using sensor tags ('node-red') values (1704067201000000000, 22.25, null)", 200, taos(1))
read_back("their rows", "sensor", ["ts", "client_id", "temp", "payload"], [[at(0), "emqx_c1", 21.5, "say 'hi', ü"], [at(1), "node-red", 22.25, None]], by="ts", home="tdengine", db="mqtt")
GRAFANA = ["user-agent: Go-http-client/1.1", "accept-encoding: gzip"] + ROOT
case("Grafana's plug-in tests its data source", "ecosystem 3", "POST /rest/sql", GRAFANA, "show databases", 200, '"column_meta":[["name","VARCHAR",64]]\n["mqtt"]', ["@contains"])
agent("… asks for a panel: times read as RFC 3339", "POST /rest/sql", GRAFANA,
      "select _wstart as ts, avg(temp) from mqtt.sensor where ts >= '2024-01-01T00:00:00Z' and ts < '2024-01-01T00:00:02Z' interval(1s) fill(null)", 200,
      '{"code":0,"column_meta":[["ts","TIMESTAMP",8],["avg(temp)","DOUBLE",8]],"data":[["2024-01-01T00:00:00.000000000Z",21.5],["2024-01-01T00:00:01.000000000Z",22.25]],"rows":2}')
save("tests/golden/tdengine/agents_sql.http")

# --- KWDB's port: EMQX, Telegraf -----------------------------------------------------------------
def kw(rows=None): return '{"code":0,"desc":%s,"time":<number>.<number>%s}' % ('["success"]' if rows is None else "null", "" if rows is None else f',"rows":{rows}')
agent("a database for devices", "POST /restapi/ddl", EMQX, "CREATE TS DATABASE mqtt", 200, kw())
agent("… a table", "POST /restapi/ddl?db=mqtt", EMQX, "CREATE TABLE sensor (ts timestamp(9) NOT NULL, temp float8, payload varchar(64)) TAGS (client_id varchar(32) NOT NULL) PRIMARY TAGS (client_id)", 200, kw())
for title in ["EMQX's rule writes a message", "… and tries again"]:
    case(title, "ecosystem 3", "POST /restapi/insert?db=mqtt", EMQX, "INSERT INTO sensor (ts, temp, payload, client_id) VALUES ('2024-01-01 00:00:00', 21.5, 'say ''hi'', ü', 'emqx_c1')", 200, '{"code":0,', ["@contains"])
read_back("its rows", "sensor", ["ts", "client_id", "temp", "payload"], [[at(0), "emqx_c1", 21.5, "say 'hi', ü"]], by="ts", home="kwdb", db="mqtt")
agent("a table for Telegraf", "POST /restapi/ddl?db=mqtt", EMQX, "CREATE TABLE cpu (ts timestamp(9) NOT NULL, usage_idle float8, n float8) TAGS (host varchar(32) NOT NULL) PRIMARY TAGS (host)", 200, kw())
for title, marks, coding in [("Telegraf's outputs.http", [], []), ("… in chunks and with gzip", ["@chunked"], ["content-encoding: gzip"])]:
    agent(title, "POST /restapi/telegraf?db=mqtt", TELEGRAF + ROOT + coding, f"cpu,host=web\\ 1 usage_idle=97.5,n=1.25 {NS}\n", 200, kw(1), marks)
read_back("its row", "cpu", ["ts", "host", "usage_idle", "n"], [[at(0), "web 1", 97.5, 1.25]], by="ts", home="kwdb", db="mqtt")
save("tests/golden/kwdb/agents_sql.http")
