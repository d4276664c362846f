//! KWDB's SHOW of tables that the other dialects made, and the other way round.

use serde_json::{Value, json};

use crate::http;
use crate::server::Server;

/// What an endpoint of KWDB's answers in a database.
fn kwdb(server: &Server, endpoint: &str, database: &str, sql: &str) -> Value {
    let headers = [("authorization".to_owned(), http::basic("root", ""))];
    let target = format!("/restapi/{endpoint}?db={database}");
    let reply = http::exchange(server.kwdb_port, "POST", &target, &headers, sql.as_bytes()).unwrap();
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(answer["code"], 0, "{sql}: {answer}");
    answer
}

/// The rows of a query.
fn rows(server: &Server, database: &str, sql: &str) -> Value {
    kwdb(server, "query", database, sql)["data"].clone()
}

fn taos(server: &Server, sql: &str) -> Value {
    let headers = [("authorization".to_owned(), http::basic("root", "taosdata"))];
    let reply = http::exchange(server.taos_port, "POST", "/rest/sql", &headers, sql.as_bytes()).unwrap();
    let answer: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(answer["code"], 0, "{sql}: {answer}");
    answer["data"].clone()
}

const COLUMNS: &str = "select column_name, data_type, is_nullable, is_tag from [show columns from t]";

#[test]
fn tables_of_cnosdb_are_shown_in_kwdbs_types() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.sql(
        "public",
        "CREATE TABLE t (f DOUBLE, n BIGINT UNSIGNED, i BIGINT, ok BOOLEAN, s STRING, TAGS(station))",
    );
    server.sql("public", "INSERT t (time, f, n, station) VALUES (1, 1.5, 18446744073709551615, 'a')");
    assert_eq!(rows(&server, "public", "show tables"), json!([["t", "TIME SERIES TABLE"]]));
    // Texts without a length are as wide as VARCHAR is at most; 64 bits without a sign fit DECIMAL only.
    let expected = json!([
        ["time", "TIMESTAMPTZ(9)", false, false],
        ["f", "FLOAT8", true, false],
        ["n", "DECIMAL(20,0)", true, false],
        ["i", "INT8", true, false],
        ["ok", "BOOL", true, false],
        ["s", "VARCHAR(65534)", true, false],
        ["station", "VARCHAR(65534)", true, true],
    ]);
    assert_eq!(rows(&server, "public", COLUMNS), expected);
    assert_eq!(
        rows(&server, "public", "show tags from t"),
        json!([["station", "VARCHAR(65534)", false, true]])
    );
    assert_eq!(rows(&server, "public", "show tag values from t"), json!([["a"]]));
}

#[test]
fn tables_of_tdengine_are_shown_and_changed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    taos(&server, "create database power precision 'us'");
    taos(
        &server,
        "create table power.t (ts timestamp, c float, t tinyint, u int unsigned, b binary(20), n nchar(8)) \
         tags (g int, loc binary(16))",
    );
    taos(&server, "insert into power.d1 using power.t tags (1, 'bj') values (now, 1.5, 3, 7, 'b', 'n')");
    let expected = json!([
        ["ts", "TIMESTAMPTZ(6)", false, false],
        ["c", "FLOAT4", true, false],
        ["t", "INT2", true, false],
        ["u", "INT8", true, false],
        ["b", "VARCHAR(20)", true, false],
        ["n", "NVARCHAR(8)", true, false],
        ["g", "INT4", true, true],
        ["loc", "VARCHAR(16)", true, true],
    ]);
    assert_eq!(rows(&server, "power", COLUMNS), expected);
    assert_eq!(rows(&server, "power", "show tag values from t"), json!([[1, "bj"]]));
    // A child table has the columns of its super table.
    taos(&server, "insert into power.d2 using power.t tags (2, null) values (now, 2.5, 4, 8, 'c', 'm')");
    assert_eq!(rows(&server, "power", "show tag values from d2"), json!([[2, null]]));
    assert_eq!(rows(&server, "power", &COLUMNS.replace("from t", "from d2")), expected);
    kwdb(
        &server,
        "ddl",
        "power",
        "alter table t add column x varchar(9); alter table t rename column x to y",
    );
    let fields = taos(&server, "describe power.t");
    let is_there = fields.as_array().unwrap().iter().any(|f| f[0] == "y" && f[1] == "VARCHAR" && f[2] == 9);
    assert!(is_there, "{fields}");
}

#[test]
fn tables_of_kwdb_are_described_by_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    kwdb(
        &server,
        "ddl",
        "defaultdb",
        "create ts database d; \
         create table d.t (ts timestamp(6) not null, a int2, s nvarchar(9), f float8 default 1.5) \
         tags (g int not null, loc varchar(20)) primary tags (g)",
    );
    let fields = taos(&server, "describe d.t");
    let of = |field: &Value| json!([field[0], field[1], field[2], field[3]]);
    let found: Vec<Value> = fields.as_array().unwrap().iter().map(of).collect();
    let expected = json!([
        ["ts", "TIMESTAMP", 8, ""],
        ["a", "SMALLINT", 2, ""],
        ["s", "NCHAR", 9, ""],
        ["f", "DOUBLE", 8, ""],
        ["g", "INT", 4, "TAG"],
        ["loc", "VARCHAR", 20, "TAG"],
    ]);
    assert_eq!(json!(found), expected);
    let described = server.sql("d", "DESCRIBE TABLE t");
    let names: Vec<&str> = described.lines().skip(1).filter_map(|l| l.split(',').next()).collect();
    assert_eq!(names, ["ts", "a", "s", "f", "g", "loc"], "{described}");
}
