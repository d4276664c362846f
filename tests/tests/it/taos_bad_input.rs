//! TDengine's SQL that is wrong, huge or hostile: the documented code, in bounded time, nothing of it carried out, and the
//! server lives on.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http;
use crate::server::Server;

/// Far more than any of these takes on a busy machine; what is quadratic in the statement's length takes minutes.
const PATIENCE: Duration = Duration::from_secs(50);
/// Just below the longest statement.
const LENGTH: usize = 1_000_000;

fn ask(server: &Server, sql: &str) -> Value {
    let headers = [("authorization".to_owned(), http::basic("root", "taosdata"))];
    let begin = Instant::now();
    let reply = http::exchange(server.taos_port, "POST", "/rest/sql/d", &headers, sql.as_bytes()).unwrap();
    let start: String = sql.chars().take(60).collect();
    assert!(begin.elapsed() < PATIENCE, "{start}: {:?}", begin.elapsed());
    serde_json::from_slice(&reply.body).unwrap_or_else(|e| panic!("{start}: {e}: {}", reply.text()))
}

fn start() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    for sql in [
        "create database d keep 36500d",
        "create table t (ts timestamp, v int, s varchar(20))",
        "create stable s (ts timestamp, v int) tags (g int)",
    ] {
        assert_eq!(ask(&server, sql)["code"], 0, "{sql}");
    }
    (dir, server)
}

/// Nothing was written, no table made, nothing panicked.
fn is_untouched(server: &Server, dir: &tempfile::TempDir) {
    assert_eq!(ask(server, "select count(*) from t")["data"][0][0], 0);
    assert_eq!(ask(server, "show tables")["data"], serde_json::json!([["t"]]));
    let log = std::fs::read_to_string(dir.path().join("data.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

/// `head`, then as many of `item(0)`, `item(1)` … as fit, then `tail`.
fn filled(head: &str, separator: &str, tail: &str, item: impl Fn(usize) -> String) -> String {
    let mut sql = head.to_owned();
    for n in 0.. {
        let item = item(n);
        if sql.len() + separator.len() + item.len() + tail.len() > LENGTH {
            break;
        }
        if n > 0 {
            sql.push_str(separator);
        }
        sql.push_str(&item);
    }
    sql + tail
}

#[test]
fn a_megabyte_of_nonsense_is_refused() {
    let (dir, server) = start();
    let same = |unit: &str| unit.repeat(LENGTH / unit.len());
    for (code, sql) in [
        (0x2600, same("x")),
        (0x2600, same("x ")),
        (0x2600, same("(")),
        (0x2601, same(";")),
        (0x2600, same("\u{0}")),
        (0x2600, same("涛思")),
        (0x2600, format!("select {}", same("("))),
        (0x2600, format!("select {}1", same("not "))),
        (0x2600, format!("select {}1", same("- "))),
        (0x2600, format!("select '{}", same("x"))),
        (0x2600, format!("select '{}", same("\\'"))),
        (0x2600, format!("select 1 /*{}", same("*"))),
        (0x2600, format!("select {}", same("case when "))),
        (0x2600, format!("select * from {}", same("(select * from "))),
        (0x2601, format!("select 1 {}", same(" ")) + "+"),
        (0x2617, format!("select `{}`", same("x"))),
        (0x2600, format!("select * from t where s like '{}'", same("%"))),
        (0x267b, format!("select * from t where s match '{}'", same("(a*)*"))),
        (0x0216, format!("insert into t values {}", same("(now,1,'a' "))),
        (0x0216, format!("insert into t values (now, '{}', 'a')", same("9"))),
        (0x2653, format!("insert into t values (now, 1, '{}')", same("x"))),
    ] {
        let start: String = sql.chars().take(40).collect();
        let answer = ask(&server, &sql);
        assert_eq!(answer["code"], code, "{start}: {answer}");
    }
    is_untouched(&server, &dir);
}

#[test]
fn lists_of_a_megabyte_are_refused_whole() {
    let (dir, server) = start();
    for (code, sql) in [
        (0x2640, filled("select ", ",", "", |_| "1".to_owned())),
        (0x2640, filled("select ", ",", " from t", |n| format!("v as c{n}"))),
        (0x2640, filled("select ", ",", " from t", |_| "*".to_owned())),
        (0x2640, filled("create table x (ts timestamp,", ",", ")", |n| format!("c{n} int"))),
        (0x2600, filled("select v from t order by ", ",", "", |n| format!("v+{n}"))),
        (0x2600, filled("select count(*) from t group by ", ",", "", |n| format!("v+{n}"))),
        (0x2600, filled("select count(*) from t partition by ", ",", "", |n| format!("v+{n}"))),
        (0x2600, filled("select greatest(", ",", ") from t", |_| "v".to_owned())),
        (0x2602, filled("insert into t (", ",", ") values (1)", |n| format!("c{n}"))),
        // The last row, the last table, the last tag spoils all before it.
        (
            0x263f,
            filled("insert into t values ", "", "(1,2)", |n| format!("({},1,'a')", 1_704_067_200_000 + n)),
        ),
        (
            0x2603,
            filled("insert into ", " ", " nope values (now,1)", |n| {
                format!("c{n} using s tags (1) values (now,1)")
            }),
        ),
        (0x260d, filled("create table ", " ", " x using s tags (1,2)", |n| format!("c{n} using s tags (1)"))),
        (0x2603, filled("drop table t", "", ",nope", |n| format!(",if exists x{n}"))),
        (0x2649, filled("alter table t set tag ", ",", "", |n| format!("t{n}=1"))),
    ] {
        let start: String = sql.chars().take(40).collect();
        let answer = ask(&server, &sql);
        assert_eq!(answer["code"], code, "{start}: {answer}");
    }
    // As long, and as good as any other statement.
    for sql in [
        filled("select * from t where v in (", ",", ")", |n| n.to_string()),
        filled("select * from t where ", " or ", "", |n| format!("v={n}")),
        filled("select * from s where tbname in (", ",", ")", |n| format!("'c{n}'")),
    ] {
        let start: String = sql.chars().take(40).collect();
        let answer = ask(&server, &sql);
        assert_eq!((&answer["code"], &answer["rows"]), (&0.into(), &0.into()), "{start}: {answer}");
    }
    is_untouched(&server, &dir);
}
