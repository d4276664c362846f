//! Limits that need several requests at a time.

use std::time::{Duration, Instant};

use crate::http::{self, ROOT};
use crate::server::Server;

/// Runs until it is stopped.
const ENDLESS: &str = "select count(*) from generate_series(1, 1000000000000) as t(v) where v % 7 = 3";

fn running_queries(port: u16) -> String {
    let text = http::exchange(port, "GET", "/metrics", &[], b"").unwrap().text();
    text.lines().find_map(|l| l.strip_prefix("triglot_running_queries ")).unwrap().to_owned()
}

/// Sheet section 3: 010012 is the limit of concurrent queries.
#[test]
fn one_query_too_many_is_refused_and_its_place_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let limits = [("TRIGLOT_QUERY__MAX_CONCURRENT", "1"), ("TRIGLOT_QUERY__TIMEOUT", "8s")];
    let server = Server::start_with(&dir.path().join("data"), &limits);
    let port = server.port;
    let long = std::thread::spawn(move || http::sql(port, "public", ENDLESS).unwrap());
    let begin = Instant::now();
    while running_queries(port) != "1" {
        assert!(begin.elapsed() < Duration::from_secs(60), "the query never ran");
        std::thread::sleep(Duration::from_millis(5));
    }
    let refused = http::sql(port, "public", "select 1").unwrap();
    assert_eq!(refused.status, 422);
    let json: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(json["error_code"], "010012", "{}", refused.text());
    // Statements that are no queries still run.
    assert_eq!(http::sql(port, "public", "create database d").unwrap().status, 200);
    let stopped = long.join().unwrap();
    assert_eq!(stopped.status, 422, "{}", stopped.text());
    assert_eq!(server.sql("public", "select 1 as a"), "a\n1\n");
}

/// A client that goes away in the middle of an answer ends the query.
#[test]
fn a_client_that_leaves_ends_its_query() {
    use std::io::{Read, Write};
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let sql = "select v from generate_series(1, 1000000000000) as t(v)";
    let head = format!(
        "POST /api/v1/sql HTTP/1.1\r\nHost: x\r\nAuthorization: {ROOT}\r\nContent-Length: {}\r\n\r\n{sql}",
        sql.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut some = vec![0; 1 << 20];
    stream.read_exact(&mut some).unwrap();
    assert!(some.starts_with(b"HTTP/1.1 200"));
    assert_eq!(running_queries(server.port), "1");
    drop(stream);
    let begin = Instant::now();
    while running_queries(server.port) != "0" {
        assert!(begin.elapsed() < Duration::from_secs(60), "the query runs on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An answer that is long and fails on its way must not look whole.
#[test]
fn a_late_failure_breaks_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let sql = "select v, 1 / (v - 900000) as q from generate_series(1, 1000000) as t(v)";
    let answer = http::sql(server.port, "public", sql);
    assert!(answer.is_err(), "{} bytes with status 200", answer.unwrap().body.len());
    assert_eq!(server.sql("public", "select 1 as a"), "a\n1\n");
}
