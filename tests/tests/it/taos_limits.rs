//! Limits of TDengine's listener that need several connections: the pool, the query limiter, routes of which one request
//! runs at a time; and long answers, which are compressed off the connection's thread.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::http::{self, Reply};
use crate::server::Server;

const PATIENCE: Duration = Duration::from_secs(50);
/// Rows and length of the texts of [`LONG`]'s table.
const ROWS: usize = 400;
const LENGTH: usize = 1_000;
/// The answer is longer than all buffers between a server and a client who does not read.
const COPIES: usize = 100;

fn root() -> (String, String) {
    ("authorization".to_owned(), http::basic("root", "taosdata"))
}

fn ask(port: u16, target: &str, sql: &str) -> Reply {
    http::exchange(port, "POST", target, &[root()], sql.as_bytes()).unwrap()
}

/// A server with a table whose rows are long.
fn start(environment: &[(&str, &str)]) -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(&dir.path().join("data"), environment);
    let text = "x".repeat(LENGTH);
    let rows: String = (0..ROWS).map(|n| format!("({}, '{n}{text}')", 1_704_067_200_000 + n)).collect();
    for statement in [
        "create database d keep 36500d".to_owned(),
        format!("create table d.t (ts timestamp, s varchar({}))", LENGTH + 8),
        format!("insert into d.t values {rows}"),
    ] {
        let answer = ask(server.taos_port, "/rest/sql", &statement).text();
        assert!(answer.starts_with(r#"{"code":0,"#), "{answer}");
    }
    (dir, server)
}

fn long() -> String {
    format!("select {} from d.t order by ts", vec!["s"; COPIES].join(", "))
}

/// A client who sends a request and reads no more than the beginning of the answer: what the request has of the
/// server's limits it keeps until the connection is dropped.
fn held(port: u16, sql: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (name, value) = root();
    write!(
        stream,
        "POST /rest/sql HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nContent-Length: {}\r\n\r\n{sql}",
        sql.len()
    )
    .unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    stream
}

/// Two more requests while one is held: one waits until its time is up, the other may not even wait. Which of them is
/// which is chance.
fn two_refused(server: &Server, sql: &'static str) -> [(u16, String); 2] {
    let port = server.taos_port;
    let refused = move || {
        let reply = ask(port, "/rest/sql", sql);
        assert_eq!(reply.header("retry-after"), Some("1"));
        (reply.status, reply.text().split(",\"timing\":").next().unwrap().to_owned())
    };
    let other = std::thread::spawn(refused);
    let mut both = [refused(), other.join().unwrap()];
    both.sort();
    both
}

/// Waits until a place is free again.
fn answered(server: &Server, sql: &str) {
    let begin = Instant::now();
    loop {
        let reply = ask(server.taos_port, "/rest/sql", sql);
        if reply.status == 200 {
            return;
        }
        assert!(begin.elapsed() < PATIENCE, "{}", reply.text());
    }
}

#[test]
fn a_full_pool_is_503() {
    let limits = [
        ("TAOS_ADAPTER_POOL_MAX_CONNECT", "1"),
        ("TAOS_ADAPTER_POOL_WAIT_TIMEOUT", "2"),
        ("TAOS_ADAPTER_POOL_MAX_WAIT", "1"),
    ];
    let (_dir, server) = start(&limits);
    let held = held(server.taos_port, &long());
    let body = |text: &str| (503, format!("{{\"code\":65535,\"desc\":\"{text}\""));
    let wanted = [body("exceeded connection pool max wait"), body("get connection timeout")];
    assert_eq!(two_refused(&server, "show databases"), wanted);
    drop(held);
    answered(&server, "show databases");
}

#[test]
fn a_full_limiter_is_503_for_queries_only() {
    let limits = [
        ("TAOS_ADAPTER_REQUEST_QUERY_LIMIT_ENABLE", "true"),
        ("TAOS_ADAPTER_REQUEST_DEFAULT_QUERY_LIMIT", "1"),
        ("TAOS_ADAPTER_REQUEST_DEFAULT_QUERY_WAIT_TIMEOUT", "2"),
        ("TAOS_ADAPTER_REQUEST_DEFAULT_QUERY_MAX_WAIT", "1"),
    ];
    let (_dir, server) = start(&limits);
    let held = held(server.taos_port, &long());
    let [waited, full] = two_refused(&server, "select 1");
    for (status, body) in [&waited, &full] {
        assert_eq!(*status, 503);
        assert!(body.starts_with("{\"code\":65535,\"desc\":\"[0xfffe] "), "{body}");
    }
    assert_ne!(waited, full);
    assert_eq!(ask(server.taos_port, "/rest/sql", "show databases").status, 200);
    drop(held);
    answered(&server, "select 1");
}

#[test]
fn operators_apis_run_one_request_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    for (method, api) in [("PUT", "/config"), ("POST", "/record_sql"), ("POST", "/record_stmt")] {
        // Its body is announced and does not come.
        let begun = || {
            let mut waiting = TcpStream::connect(("127.0.0.1", server.taos_port)).unwrap();
            let (name, value) = root();
            let head = format!("{method} {api} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n");
            write!(waiting, "{head}Content-Length: 9\r\n\r\n{{").unwrap();
            waiting.set_nonblocking(true).unwrap();
            waiting
        };
        let mut waiting = begun();
        let begin = Instant::now();
        let refused = loop {
            // A GET of a recording changes nothing, and a broken body neither.
            let reply = http::exchange(server.taos_port, method, api, &[root()], b"{").unwrap();
            if reply.status == 429 {
                break reply.text();
            }
            assert!(begin.elapsed() < PATIENCE, "{api}: {}", reply.text());
            // It came while one of ours was running, and is the refused one.
            if waiting.peek(&mut [0]).is_ok() {
                waiting = begun();
            }
        };
        let wanted = format!(
            "{{\"code\":65535,\"desc\":\"API '{api}' does not allow concurrent execution\",\"timing\":"
        );
        assert!(refused.starts_with(&wanted), "{refused}");
    }
}

#[test]
fn long_answers_are_compressed_whole() {
    let (_dir, server) = start(&[]);
    let plain = ask(server.taos_port, "/rest/sql", &long());
    let headers = [root(), ("accept-encoding".to_owned(), "gzip".to_owned())];
    let packed = http::exchange(server.taos_port, "POST", "/rest/sql", &headers, long().as_bytes()).unwrap();
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.header("vary"), Some("Accept-Encoding"));
    assert!(packed.header("content-length").is_none());
    assert!(packed.body.len() < plain.body.len() / 10, "{} bytes", packed.body.len());
    let mut text = Vec::new();
    // One member: some clients read no more than the first.
    let mut decoder = flate2::bufread::GzDecoder::new(packed.body.as_slice());
    decoder.read_to_end(&mut text).unwrap();
    assert!(decoder.into_inner().is_empty());
    assert!(text == plain.body, "{} bytes instead of {}", text.len(), plain.body.len());
    assert!(plain.text().ends_with(&format!("],\"rows\":{ROWS}}}")));
}
