//! The routes in-process, on an engine in a temporary directory. Expectations are the fact sheet's
//! (`cnosdb.md` sections 1–6, 12, 13).

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use actix_web::{App, test};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tempfile::TempDir;
use triglot_dialect_cnosdb::{CnosDbApp, CnosDbConfig, configure};
use triglot_engine::disk::RealDisk;
use triglot_engine::{Engine, EngineOptions};
use triglot_http::metrics::BuildInfo;
use triglot_http::{Coding, Encoder, HttpMetrics};

/// `root` with the empty password, which counts from loopback.
const ROOT: &str = "Basic cm9vdDo=";

/// The type of actix's test service cannot be named, so it hides in a closure.
type Call = Box<dyn Fn(TestRequest) -> LocalBoxFuture<'static, Reply>>;

struct Server {
    call: Call,
    engine: Engine,
    _dir: Option<TempDir>,
}

struct Reply {
    status: u16,
    body: Vec<u8>,
    content_type: String,
    encoding: String,
    retry_after: String,
}

impl Reply {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// Status and body.
    fn pair(&self) -> (u16, String) {
        (self.status, self.text())
    }

    fn code(&self) -> String {
        let json: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        json["error_code"].as_str().unwrap().to_owned()
    }

    fn message(&self) -> String {
        let json: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        json["error_message"].as_str().unwrap().to_owned()
    }
}

async fn server(config: CnosDbConfig) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let mut server = open(dir.path(), config).await;
    server._dir = Some(dir);
    server
}

async fn open(dir: &std::path::Path, config: CnosDbConfig) -> Server {
    let disk = RealDisk::open(dir).unwrap();
    open_with(EngineOptions::new(Arc::new(disk)), config).await
}

async fn open_with(options: EngineOptions, config: CnosDbConfig) -> Server {
    let engine = Engine::open(options).await.unwrap();
    let metrics = HttpMetrics::new(BuildInfo { version: "0", revision: "test" }).unwrap();
    let app = CnosDbApp::new(engine.clone(), config, metrics, "abc", "today").unwrap();
    let service = Rc::new(test::init_service(App::new().configure(|c| configure(c, app))).await);
    let call: Call = Box::new(move |request| {
        let service = Rc::clone(&service);
        async move {
            let response = test::call_service(&*service, request.to_request()).await;
            let header = |name: &str| {
                response.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
            };
            let (content_type, encoding) = (header("content-type"), header("content-encoding"));
            let retry_after = header("retry-after");
            let status = response.status().as_u16();
            let body = test::read_body(response).await.to_vec();
            Reply { status, content_type, encoding, retry_after, body }
        }
        .boxed_local()
    });
    Server { call, engine, _dir: None }
}

impl Server {
    async fn send(
        &self,
        method: Method,
        uri: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Reply {
        let peer: SocketAddr = "127.0.0.1:50000".parse().unwrap();
        let mut request = TestRequest::with_uri(uri).method(method).peer_addr(peer).set_payload(body.into());
        for header in headers {
            request = request.insert_header(*header);
        }
        (self.call)(request).await
    }

    async fn sql_as(&self, accept: &str, query: &str, sql: &str) -> Reply {
        let uri = format!("/api/v1/sql?{query}");
        self.send(Method::POST, &uri, &[("authorization", ROOT), ("accept", accept)], sql).await
    }

    async fn sql(&self, sql: &str) -> Reply {
        self.sql_as("application/csv", "", sql).await
    }

    /// Runs a statement that must succeed and gives its body.
    async fn ok(&self, sql: &str) -> String {
        let reply = self.sql(sql).await;
        assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
        reply.text()
    }

    async fn write(&self, query: &str, lines: &str) -> Reply {
        self.send(Method::POST, &format!("/api/v1/write?{query}"), &[("authorization", ROOT)], lines).await
    }
}

#[actix_web::test]
async fn routes_without_credentials() {
    let s = server(CnosDbConfig::default()).await;
    let ping = s.send(Method::GET, "/api/v1/ping", &[], "").await;
    assert_eq!(
        ping.pair(),
        (200, r#"{"version":"2.4.3, revision: abc, build_time: today","status":"healthy"}"#.into())
    );
    assert_eq!(s.send(Method::HEAD, "/api/v1/ping", &[], "").await.status, 200);
    assert_eq!(s.send(Method::GET, "/nothing", &[], "").await.pair(), (404, String::new()));
    // Wrong method before missing credentials.
    assert_eq!(s.send(Method::GET, "/api/v1/sql", &[], "").await.pair(), (405, String::new()));
    assert_eq!(s.send(Method::PUT, "/api/v1/write", &[], "").await.pair(), (405, String::new()));
    let metrics = s.send(Method::POST, "/metrics", &[], "").await;
    assert!(metrics.text().contains("triglot_tables 0"), "{}", metrics.text());
}

#[actix_web::test]
async fn checks_come_in_the_vendors_order() {
    let config = CnosDbConfig { query_sql_limit: 64, ..CnosDbConfig::default() };
    let s = server(config).await;
    let sql = |uri: &'static str, headers: Vec<(&'static str, &'static str)>, body: String| {
        let s = &s;
        async move { s.send(Method::POST, uri, &headers, body).await }
    };
    let (bad_query, bad_user) = ("/api/v1/sql?chunked=x", ("authorization", "Basic bm9ib2R5Og=="));
    let too_long = sql(bad_query, vec![("content-length", "65")], " ".repeat(65)).await;
    assert_eq!(too_long.pair(), (413, String::new()));
    let missing = sql(bad_query, vec![], String::new()).await;
    assert_eq!(
        missing.pair(),
        (400, r#"{"error_code":"000000","error_message":"Missing request header \"authorization\""}"#.into())
    );
    assert_eq!(
        sql(bad_query, vec![("authorization", "x"), ("content-encoding", "x")], String::new()).await.status,
        500
    );
    let encoding =
        sql("/api/v1/sql", vec![("authorization", "x"), ("content-encoding", "x")], String::new()).await;
    assert_eq!(
        (encoding.status, encoding.message()),
        (400, "Invalid header: content encoding not support: x".into())
    );
    let undecodable =
        sql("/api/v1/sql", vec![("authorization", "x"), ("content-encoding", "gzip")], "select".into()).await;
    assert_eq!((undecodable.status, undecodable.code()), (400, "040013".into()));
    let malformed =
        sql("/api/v1/sql", vec![("authorization", "Bearer t0k"), ("accept", "x")], String::new()).await;
    assert_eq!((malformed.status, malformed.code()), (400, "040006".into()));
    assert!(malformed.message().ends_with("Bearer t0k"));
    let unknown = sql("/api/v1/sql", vec![bad_user, ("accept", "x")], String::new()).await;
    assert_eq!((unknown.status, unknown.code()), (401, "010016".into()));
    assert_eq!(
        unknown.message(),
        "Auth error: Access denied for user 'nobody' (using xxx) username or password invalid"
    );
    let accept = sql(
        "/api/v1/sql",
        vec![("authorization", ROOT), ("accept", "x"), ("accept-encoding", "x")],
        String::new(),
    )
    .await;
    assert_eq!(
        (accept.status, accept.message()),
        (400, "Invalid header: Invalid header: accept type not support: x".into())
    );
    let encoding =
        sql("/api/v1/sql", vec![("authorization", ROOT), ("accept-encoding", "x")], String::new()).await;
    assert_eq!((encoding.status, encoding.code()), (400, "040005".into()));
    let tenant = sql("/api/v1/sql?tenant=t", vec![("authorization", ROOT)], String::new()).await;
    assert_eq!((tenant.status, tenant.message()), (422, "Auth error: The tenant t not found".into()));
}

#[actix_web::test]
async fn the_vendors_login_face() {
    let config = CnosDbConfig { auth_enabled: false, auth_error_status: 422, ..CnosDbConfig::default() };
    let s = server(config).await;
    // root:wrong from loopback
    let wrong = ("authorization", "Basic cm9vdDp3cm9uZw==");
    assert_eq!(s.send(Method::POST, "/api/v1/sql", &[wrong], "select 1").await.status, 200);
    let nobody =
        s.send(Method::POST, "/api/v1/sql", &[("authorization", "Basic bm9ib2R5Og==")], "select 1").await;
    assert_eq!((nobody.status, nobody.message()), (422, "Auth error: The user nobody not found".into()));
}

#[actix_web::test]
async fn no_statement_and_two_statements() {
    let s = server(CnosDbConfig::default()).await;
    for sql in ["", " \n", ";", "-- c", "/* c */;"] {
        assert_eq!(s.sql(sql).await.pair(), (200, String::new()), "{sql:?}");
    }
    let two = s.sql("select 1; select 2").await;
    assert_eq!((two.status, two.code()), (422, "010013".into()));
    assert_eq!(two.message(), "Multi-statement not allow, found num:2, sql:select 1; select 2");
    let syntax = s.sql("selekt 1").await;
    assert_eq!((syntax.status, syntax.code()), (422, "010009".into()));
    assert_eq!(syntax.content_type, "application/json");
    assert_eq!(s.ok("select 1 as a;;").await, "a\n1\n");
}

#[actix_web::test]
async fn line_protocol_is_stored_and_merged() {
    let s = server(CnosDbConfig::default()).await;
    assert_eq!(s.write("", "").await.pair(), (200, String::new()));
    assert_eq!(s.write("", "# only a comment\n").await.pair(), (200, String::new()));
    let lines = "m,t=a f=1,i=2i 1000000001\nm,t=a u=3u,b=t,s=\"x y\" 1000000001\nm,t= f=2 2\nm f=3 3\n";
    assert_eq!(s.write("", lines).await.pair(), (200, String::new()));
    assert_eq!(
        s.ok("select * from m order by time").await,
        "time,t,b,f,i,s,u\n\
         1970-01-01T00:00:00.000000002,,,2.0,,,\n\
         1970-01-01T00:00:00.000000003,,,3.0,,,\n\
         1970-01-01T00:00:01.000000001,a,true,1.0,2,x y,3\n"
    );
    let json = s.sql_as("application/json", "", "select * from m where t = 'a'").await;
    assert_eq!(
        json.text(),
        r#"[{"b":true,"f":1.0,"i":2,"s":"x y","t":"a","time":"1970-01-01T00:00:01.000000001","u":3}]"#
    );
    assert_eq!(json.content_type, "application/json");
    assert_eq!(s.ok("show series from m order by key").await, "key\nm\n\"m,t=\"\n\"m,t=a\"\n");
    assert_eq!(s.ok("show tag values from m with key = t order by value").await, "key,value\nt,\nt,a\n");
    let series = s.sql("show series from m where f = 1").await;
    assert_eq!(
        (series.code(), series.message()),
        (
            "010046".into(),
            "Semantic error: SHOW SERIES does not support where clause contains field f".into()
        )
    );
}

#[actix_web::test]
async fn line_protocol_that_is_refused_stores_nothing() {
    let s = server(CnosDbConfig::default()).await;
    let bad = s.write("", "m f=1 1\nm f=abc 2\n").await;
    assert_eq!((bad.status, bad.code()), (422, "040004".into()));
    assert_eq!(bad.message(), "Error parsing message: invalid field value: 'abc'");
    assert_eq!(s.sql("select * from m").await.code(), "030019");

    let missing = s.write("db=nope", "m f=1 1").await;
    assert_eq!((missing.status, missing.message()), (422, "Database not found: \"nope\"".into()));

    assert_eq!(s.write("", "m f=1 1").await.status, 200);
    let clash = s.write("", "m f=1i 1").await;
    assert_eq!(
        (clash.status, clash.code(), clash.message()),
        (
            422,
            "050014".into(),
            "Apply engine failed: DataSchemaError: Column 'f' type error, found I64 expected F64".into()
        )
    );
    assert_eq!(s.write("", "n a=1i 1\nn a=2 2").await.message(), "line to batch error: Expected i64 column");
    assert_eq!(
        s.write("", "n time=1i 1").await.message(),
        "line to batch error: Expected i64 type as time column"
    );
    assert_eq!(s.write("precision=ms", "m f=1 9223372036854775807").await.message(), "timestamp overflow");
    let utf8 = s.send(Method::POST, "/api/v1/write", &[("authorization", ROOT)], vec![b'm', 0xff]).await;
    assert_eq!((utf8.status, utf8.code()), (422, "040015".into()));
}

#[actix_web::test]
async fn strict_databases_take_known_columns_only() {
    let s = server(CnosDbConfig::default()).await;
    s.ok("create database d with strict_write 'true' precision 'ms'").await;
    assert_eq!(s.write("db=d", "m f=1 1").await.status, 422);
    let reply = s.sql_as("text/csv", "db=d", "create table m (f double, tags(t))").await;
    assert_eq!(reply.pair(), (200, String::new()));
    assert_eq!(s.write("db=d&precision=us", "m,t=a f=1 1999").await.status, 200);
    assert_eq!(s.write("db=d", "m,t=a g=1 1").await.status, 422);
    let rows = s.sql_as("text/csv", "db=d", "select * from m").await;
    assert_eq!(rows.text(), "time,t,f\n1970-01-01T00:00:00.001000000,a,1.0\n");
}

#[actix_web::test]
async fn databases_are_described_as_they_were_made() {
    let s = server(CnosDbConfig::default()).await;
    let cpus = std::thread::available_parallelism().unwrap();
    let header = "ttl,shard,vnode_duration,replica,precision,max_memcache_size,memcache_partitions,\
                  wal_max_file_size,wal_sync,strict_write,max_cache_readers\n";
    s.ok("create database d").await;
    assert_eq!(
        s.ok("describe database d").await,
        format!("{header}INF,1,1year,1,NS,128 MiB,{cpus},128 MiB,false,false,32\n")
    );
    s.ok("create database e with ttl '100d' shard 2 vnode_duration '2y1M' precision 'us' max_memcache_size '300M'").await;
    assert_eq!(
        s.ok("desc database e").await,
        format!(
            "{header}3months 8days 16h 19m 12s,2,2years 1month,1,US,286.102294921875 MiB,{cpus},128 MiB,false,false,32\n"
        )
    );
    s.ok("alter database e set ttl 'INF'").await;
    assert!(s.ok("desc database e").await.contains("\nINF,2,"));
    assert_eq!(s.sql("create database d").await.message(), "Database \"d\" already exists");
    assert_eq!(s.ok("create database if not exists d").await, "");
    assert_eq!(s.sql("drop database public").await.message(), "Database \"public\" forbid drop");
    let missing = s.sql("describe database nope").await;
    assert_eq!((missing.code(), missing.message()), ("030017".into(), "Database not found: \"nope\"".into()));
    assert_eq!(s.ok("show databases").await, "database_name\ncluster_schema\nd\ne\npublic\nusage_schema\n");
}

#[actix_web::test]
async fn dropped_databases_hide_and_come_back() {
    let s = server(CnosDbConfig::default()).await;
    s.ok("create database d").await;
    assert_eq!(s.write("db=d", "m f=1 1").await.status, 200);
    s.ok("drop database d after '7d'").await;
    assert_eq!(s.write("db=d", "m f=1 2").await.code(), "030017");
    assert_eq!(s.sql_as("text/csv", "db=d", "select * from m").await.code(), "030019");
    s.ok("recover database d").await;
    assert_eq!(s.sql_as("text/csv", "db=d", "select f from m").await.text(), "f\n1.0\n");
    s.ok("drop database d").await;
    assert_eq!(s.sql("drop database d").await.code(), "030017");
    assert_eq!(s.ok("drop database if exists d").await, "");
}

#[actix_web::test]
async fn tables_are_created_altered_and_dropped() {
    let s = server(CnosDbConfig::default()).await;
    s.ok("create table t (a bigint codec(delta), b double, tags(x, \"Y\"))").await;
    assert_eq!(
        s.ok("describe table t").await,
        "column_name,data_type,column_type,compression_codec\n\
         time,TIMESTAMP(NANOSECOND),TIME,DEFAULT\n\
         x,STRING,TAG,DEFAULT\n\
         Y,STRING,TAG,DEFAULT\n\
         a,BIGINT,FIELD,DELTA\n\
         b,DOUBLE,FIELD,DEFAULT\n"
    );
    for (sql, code, message) in [
        ("create table t (a double)", "030020", "Table t already exists."),
        (
            "create table u (a double, a double)",
            "010027",
            "Semantic error: Field or Tag have the same name a",
        ),
        ("create table u (time double)", "010027", "Semantic error: Field or Tag have the same name time"),
        (
            "create table u (a double codec(snappy))",
            "010042",
            "Semantic error: Unsupported encoding type Snappy for DOUBLE",
        ),
        (
            "alter table t add field c double codec(snappy)",
            "010042",
            "Semantic error: Unsupported encoding type Snappy for F64",
        ),
        ("alter table t add field a double", "010028", "Semantic error:  column a already exists in table t"),
        ("alter table t drop c", "010029", "Semantic error: Column c not exists in table t"),
        ("alter table t drop x", "010030", "Semantic error: Can't drop tag column x."),
        ("alter table t drop time", "010033", "Semantic error: There must be at least one tag column. "),
        (
            "alter table t alter x set codec(zstd)",
            "010034",
            "Semantic error: Tag does not support compression",
        ),
        (
            "alter table t rename column time to z",
            "010005",
            "This feature is not implemented: rename time column",
        ),
        (
            "alter table t rename column a to b",
            "010028",
            "Semantic error:  column b already exists in table t",
        ),
        ("drop table nope", "030019", "Table not found: \"nope\""),
        ("select * from nope", "030019", "Table not found: \"cnosdb.public.nope\""),
        ("create table nope.t (a double)", "030017", "Database not found: \"nope\""),
        ("use public", "010005", "This feature is not implemented: USE public"),
        ("kill query 77", "010011", "Query not found: QueryId(77)"),
    ] {
        let reply = s.sql(sql).await;
        assert_eq!(
            (reply.status, reply.code(), reply.message()),
            (422, code.into(), message.into()),
            "{sql}"
        );
    }
    s.ok("insert into t (time, x, a, b) values (1, 'p', 1, 1.5)").await;
    s.ok("alter table t add tag z").await;
    s.ok("alter table t add field c string").await;
    s.ok("alter table t rename column a to n").await;
    assert_eq!(s.ok("select * from t").await, "time,x,Y,n,b,z,c\n1970-01-01T00:00:00.000000001,p,,1,1.5,,\n");
    // A column that is dropped and added again is empty.
    s.ok("alter table t drop n").await;
    s.ok("alter table t add field n bigint").await;
    assert_eq!(s.ok("select n, b from t").await, "n,b\n,1.5\n");
    s.ok("alter table t drop n").await;
    s.ok("alter table t drop c").await;
    assert_eq!(s.sql("alter table t drop b").await.code(), "010032");
    assert_eq!(s.ok("show tables").await, "table_name\nt\n");
    assert_eq!(s.ok("drop table t").await, "");
    assert_eq!(s.ok("drop table if exists t").await, "");
    assert_eq!(s.ok("show tables").await, "table_name\n");
}

#[actix_web::test]
async fn inserts_cast_count_and_merge() {
    let s = server(CnosDbConfig::default()).await;
    s.ok("create table t (i bigint, u bigint unsigned, d double, b boolean, s string, tags(h))").await;
    assert_eq!(
        s.ok("insert into t values (1, 'a', 1, 2, 1.5, true, 'x'), (2, 'a', -1, 3, 2.5, false, NULL)").await,
        "rows\n2\n"
    );
    let json = s
        .sql_as(
            "application/json",
            "",
            "insert into t (time, h, i) values ('1970-01-01T00:00:00.000000001Z', 'a', '7')",
        )
        .await;
    assert_eq!(json.text(), r#"[{"rows":1}]"#);
    // Same tags and time overwrite only the given fields; zone-less text is UTC, a zone counts.
    s.ok("insert into t (time, h, s) values ('1970-01-01T08:00:00.000000002+08:00', 'a', 12)").await;
    assert_eq!(
        s.ok("select * from t order by time").await,
        "time,h,i,u,d,b,s\n\
         1970-01-01T00:00:00.000000001,a,7,2,1.5,true,x\n\
         1970-01-01T00:00:00.000000002,a,-1,3,2.5,false,12\n"
    );
    for (sql, code, message) in [
        (
            "insert into t (time, u) values (1, -1234)",
            "010002",
            "Arrow: Cast error: Can't cast value -1234 to type UInt64",
        ),
        (
            "insert into t (time, x) values (1, 1)",
            "010044",
            "Semantic error: Insert column 'x' does not exist in target table, expect time,h,i,u,d,b,s",
        ),
        (
            "insert into t (time, i) values (1)",
            "010045",
            "Semantic error: Insert columns and Source columns not match",
        ),
        (
            "insert into t values (1, 'a')",
            "010045",
            "Semantic error: Insert columns and Source columns not match",
        ),
        ("insert into t (time, h) values (1, 'a')", "050034", "Fields can't be empty"),
        ("insert into t (time, h, i) values (1, 'a', NULL)", "050034", "Fields can't be empty"),
        ("insert into nope values (1)", "030019", "Table not found: \"cnosdb.public.nope\""),
    ] {
        let reply = s.sql(sql).await;
        assert_eq!(
            (reply.status, reply.code(), reply.message()),
            (422, code.into(), message.into()),
            "{sql}"
        );
    }
    let mixed = s.sql("insert into t (time, h, d) values (1, 'a', 1.5), (2, 'a', 2)").await;
    assert_eq!(mixed.code(), "010001");
    assert!(mixed.message().contains("Inconsistent data type across values list at row 1 column 2"));
    // A missing or NULL time is the epoch.
    s.ok("insert into t (h, i) values ('e', 1)").await;
    s.ok("insert into t (time, h, i) values (NULL, 'n', 1)").await;
    assert_eq!(
        s.ok("select time, h from t where h in ('e', 'n') order by h").await,
        "time,h\n1970-01-01T00:00:00.000000000,e\n1970-01-01T00:00:00.000000000,n\n"
    );
    // Expressions go through the planner, queries too.
    assert_eq!(s.ok("insert into t (time, h, i) values (1 + 2, 'x' || 'y', 3)").await, "rows\n1\n");
    s.ok("create table c (i bigint, tags(h))").await;
    assert_eq!(s.ok("insert into c (time, h, i) select time, h, i from t where h = 'xy'").await, "rows\n1\n");
    assert_eq!(s.ok("insert into c (h, i) select h, i from t where h = 'e'").await, "rows\n1\n");
    assert_eq!(
        s.ok("select * from c order by time").await,
        "time,h,i\n1970-01-01T00:00:00.000000000,e,1\n1970-01-01T00:00:00.000000003,xy,3\n"
    );
    // Quotes and statements survive the scanner.
    s.ok("insert into t (time, h, s) values (9, 'q', 'it''s; -- \"x\"')").await;
    assert_eq!(s.ok("select s from t where h = 'q'").await, "s\n\"it's; -- \"\"x\"\"\"\n");
}

#[actix_web::test]
async fn rows_past_the_ttl_are_refused() {
    let s = server(CnosDbConfig::default()).await;
    s.ok("create database d with ttl '1d'").await;
    let expired = s.write("db=d", "m f=1 1").await;
    assert_eq!(
        (expired.status, expired.code(), expired.message()),
        (422, "030034".into(), "Operation not support: create expired bucket".into())
    );
    assert_eq!(s.write("db=d", "m f=1").await.status, 200);
    let expired = s.sql_as("text/csv", "db=d", "insert into m (time, f) values (1, 1.0)").await;
    assert_eq!((expired.status, expired.code()), (422, "030034".into()));
}

#[actix_web::test]
async fn deletes_go_by_time_and_tags() {
    let s = server(CnosDbConfig::default()).await;
    let lines: String = (0..10).map(|i| format!("m,h={} f={i} {i}\n", i % 2)).collect();
    assert_eq!(s.write("", &lines).await.status, 200);
    assert_eq!(s.ok("delete from m where time < '1970-01-01T00:00:00.000000004' and h = '0'").await, "");
    let kept = s.ok("select f from m where time < '1970-01-01T00:00:00.000000006Z' order by f").await;
    assert_eq!(kept, "f\n1.0\n3.0\n4.0\n5.0\n");
    assert_eq!(s.ok("delete from m where time > '1970-01-01T00:00:00.000000007'").await, "");
    assert_eq!(s.ok("select count(*) as c from m").await, "c\n6\n");
    for (sql, message) in [
        (
            "delete from m where f = 1",
            "This feature is not implemented: Filtering on the field column on the tskv table in delete statement",
        ),
        (
            "delete from m where h = h || 'a'",
            "This feature is not implemented: operator || in delete statement",
        ),
    ] {
        let reply = s.sql(sql).await;
        assert_eq!((reply.code(), reply.message()), ("010005".into(), message.into()), "{sql}");
    }
    assert_eq!(s.ok("delete from m").await, "");
    assert_eq!(s.ok("select * from m").await, "time,h,f\n");
    assert_eq!(s.ok("show tables").await, "table_name\nm\n");
}

#[actix_web::test]
async fn codings_both_ways() {
    let s = server(CnosDbConfig::default()).await;
    let codings = [
        ("gzip", Coding::Gzip),
        ("deflate", Coding::DeflateRaw),
        ("br", Coding::Brotli),
        ("zstd", Coding::Zstd),
        ("snappy", Coding::SnappyFramed),
        ("lz4", Coding::Lz4Frame),
        ("identity", Coding::Identity),
    ];
    for (at, (name, coding)) in codings.into_iter().enumerate() {
        let mut encoder = Encoder::new(coding).unwrap();
        let mut body = encoder.push(format!("m f={at} {at}\n").into_bytes()).unwrap().to_vec();
        body.extend_from_slice(&encoder.finish().unwrap());
        let headers = [("authorization", ROOT), ("content-encoding", name)];
        assert_eq!(
            s.send(Method::POST, "/api/v1/write", &headers, body).await.pair(),
            (200, String::new()),
            "{name}"
        );

        let headers = [("authorization", ROOT), ("accept-encoding", name)];
        let sql = format!("select f from m where f = {at}.0");
        let reply = s.send(Method::POST, "/api/v1/sql", &headers, sql).await;
        assert_eq!((reply.status, reply.encoding.as_str()), (200, name));
        let plain = coding.decode(reply.body.into(), 1 << 20).unwrap();
        assert_eq!(plain, format!("f\n{at}.0\n"), "{name}");

        let ddl = s.send(Method::POST, "/api/v1/sql", &headers, format!("create database c{at}")).await;
        assert_eq!(coding.decode(ddl.body.into(), 1 << 20).unwrap(), "", "{name}");
    }
}

#[actix_web::test]
async fn long_results_stream_and_chunked_ones_are_members() {
    let s = server(CnosDbConfig::default()).await;
    let lines: String = (0..40_000).map(|i| format!("m,h=h{} f={i},s=\"some text\" {i}\n", i % 10)).collect();
    assert_eq!(s.write("", &lines).await.status, 200);
    let csv = s.ok("select time, h, f, s from m order by time").await;
    assert_eq!(csv.lines().count(), 40_001);
    assert_eq!(csv.lines().last().unwrap(), "1970-01-01T00:00:00.000039999,h9,39999.0,some text");
    let json = s.sql_as("application/json", "", "select f from m").await;
    let parsed: Vec<serde_json::Value> = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(parsed.len(), 40_000);
    let chunked = s.sql_as("application/json", "chunked=true", "select f from m").await;
    let arrays = serde_json::Deserializer::from_slice(&chunked.body).into_iter::<Vec<serde_json::Value>>();
    let sizes: Vec<usize> = arrays.map(|a| a.unwrap().len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 40_000);
    assert!(sizes.len() > 1, "several batches make several arrays");
    let empty = s.sql_as("application/csv", "chunked=true", "select f from m where f < 0").await;
    assert_eq!(empty.pair(), (200, "f\n".into()));
}

#[actix_web::test]
async fn a_late_failure_is_appended_to_chunked_results() {
    let s = server(CnosDbConfig::default()).await;
    assert_eq!(s.write("", "m f=1 1").await.status, 200);
    let plain = s.sql_as("application/json", "", "select interval '1 day' as i from m").await;
    assert_eq!((plain.status, plain.code()), (422, "040007".into()));
    assert!(plain.message().starts_with("Fetch result: Json error: "));
    let chunked = s.sql_as("application/json", "chunked=true", "select interval '1 day' as i from m").await;
    assert_eq!(chunked.status, 200);
    assert!(
        chunked.text().starts_with(r#"{"error_code": "040007", "error_message": "Fetch result: "#),
        "{}",
        chunked.text()
    );
}

#[actix_web::test]
async fn users_log_in_and_need_privileges() {
    let s = server(CnosDbConfig::default()).await;
    s.ok("create user u with password='p', granted_admin=false").await;
    assert_eq!(s.sql("create user u").await.message(), "The user u already exists");
    assert_eq!(s.sql("drop user root").await.code(), "010074");
    // u:p is known but belongs to no tenant.
    let member = s.send(Method::POST, "/api/v1/sql", &[("authorization", "Basic dTpw")], "select 1").await;
    assert_eq!(
        (member.status, member.message()),
        (422, "Auth error: The member u of tenant cnosdb not found".into())
    );
    let wrong = s.send(Method::POST, "/api/v1/sql", &[("authorization", "Basic dTp4")], "select 1").await;
    assert_eq!(wrong.status, 401);
    s.ok("alter user u set granted_admin=true").await;
    let admin =
        s.send(Method::POST, "/api/v1/sql", &[("authorization", "Basic dTpw")], "select 1 as a").await;
    assert_eq!(admin.pair(), (200, "a\n1\n".into()));
    s.ok("drop user u").await;
    assert_eq!(s.sql("drop user u").await.message(), "The user u not found");
}

#[actix_web::test]
async fn explain_and_queries() {
    let s = server(CnosDbConfig::default()).await;
    assert_eq!(s.write("", "m,h=a f=1 1").await.status, 200);
    for sql in ["explain select * from m", "explain analyze select * from m", "explain verbose select 1"] {
        let plan = s.ok(sql).await;
        assert!(plan.starts_with("plan_type,plan\n"), "{sql}: {plan}");
    }
    let header = "query_id,query_type,query_text,user_name,tenant_name,database_name,state,duration\n";
    assert_eq!(s.ok("show queries").await, header);
    assert_eq!(s.engine.metrics().running_queries, 0);
}

#[actix_web::test]
async fn data_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..2 {
        let s = open(dir.path(), CnosDbConfig::default()).await;
        if round == 0 {
            s.ok("create database d with precision 'ms' strict_write 'true'").await;
            assert_eq!(s.write("", "m,h=a f=1 1\nm,h=b f=2 2").await.status, 200);
        } else {
            assert_eq!(s.ok("select h, f from m order by h").await, "h,f\na,1.0\nb,2.0\n");
            assert!(s.ok("desc database d").await.contains(",MS,"));
        }
        s.engine.shutdown().await.unwrap();
    }
}

/// What a client may send again unchanged is 503 with `Retry-After` and the vendor's body on every route.
async fn all_routes_say_try_again(s: &Server, message: &str) {
    let line = "m,t=a f=1 1";
    let routes = [
        ("/api/v1/write", line),
        ("/write", line),
        ("/api/v1/sql", "insert into m (time, t, f) values (1, 'a', 1)"),
    ];
    for (route, body) in routes {
        let reply = s.send(Method::POST, route, &[("authorization", ROOT)], body).await;
        assert_eq!((reply.status, reply.code().as_str()), (503, "050014"), "{route}: {}", reply.text());
        assert!(reply.message().contains(message), "{route}: {}", reply.text());
        assert_eq!((reply.retry_after.as_str(), reply.content_type.as_str()), ("1", "application/json"));
    }
}

#[actix_web::test]
async fn a_busy_storage_is_503() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = EngineOptions::new(Arc::new(RealDisk::open(dir.path()).unwrap()));
    // The first rows fill the share, nothing is flushed, and writes do not wait.
    options.memory.memtables = 100;
    options.storage.background_interval = std::time::Duration::from_secs(86_400);
    options.storage.max_stall = std::time::Duration::from_millis(1);
    let s = open_with(options, CnosDbConfig::default()).await;
    assert_eq!(s.write("", "m,t=a f=1 1").await.status, 200);
    all_routes_say_try_again(&s, "server is busy: writes are stalled").await;
    // What is there can still be read.
    assert_eq!(s.ok("select f from m").await, "f\n1.0\n");
    s.engine.flush().await.unwrap();
    assert_eq!(s.write("", "m,t=a f=2 2").await.status, 200);
}

#[actix_web::test]
async fn a_stopping_storage_is_503() {
    let s = server(CnosDbConfig::default()).await;
    assert_eq!(s.write("", "m,t=a f=1 1").await.status, 200);
    s.engine.shutdown().await.unwrap();
    all_routes_say_try_again(&s, "storage is shutting down").await;
    let query = s.sql("select f from m").await;
    assert_eq!((query.status, query.code().as_str(), query.retry_after.as_str()), (503, "050014", "1"));
}
