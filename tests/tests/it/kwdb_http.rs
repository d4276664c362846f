//! KWDB's listener from outside: a program with threads and tokens over TLS, limits, and bodies that are no requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use crate::clients::{python, run, skip};
use crate::http;
use crate::server::Server;

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn root() -> Vec<(String, String)> {
    headers(&[("authorization", http::ROOT)])
}

/// Posts as root to a route; status and body.
fn post(server: &Server, target: &str, body: &[u8]) -> (u16, String) {
    let reply = http::exchange(server.kwdb_port, "POST", target, &root(), body).unwrap();
    (reply.status, reply.text())
}

#[test]
fn a_python_program_with_threads_and_tokens_works_over_tls() {
    if skip("python3") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start_with(&data, &[("TRIGLOT_KWDB__INSECURE", "false")]);
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/kwdb_client.py");
    let mut command = Command::new(python());
    command.arg(script).arg(server.kwdb_port.to_string()).arg(data.join("certs/ca.crt"));
    assert_eq!(run(&mut command), "ok\n");
    // Tokens are told nobody, not even the log.
    let log = std::fs::read_to_string(data.with_extension("log")).unwrap();
    let is_token = |word: &str| word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(!log.split(|c: char| !c.is_ascii_alphanumeric()).any(is_token), "{log}");
}

#[test]
fn connections_beyond_the_limit_are_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(&dir.path().join("data"), &[("TRIGLOT_KWDB__MAX_CONNECTIONS", "2")]);
    // Two connections that are kept alive: each has sent a request and got its answer.
    let held: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", server.kwdb_port)).unwrap();
            write!(stream, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut byte = [0; 15];
            stream.read_exact(&mut byte).unwrap();
            assert_eq!(&byte, b"HTTP/1.1 200 OK");
            stream
        })
        .collect();
    let (status, body) = post(&server, "/restapi/query", b"select 1 as a");
    assert_eq!(status, 503);
    assert_eq!(body, r#"{"code":-1,"desc":"too many connections: the limit is 2"}"#);
    drop(held);
    // The server learns of closed connections when it looks at them.
    let begin = std::time::Instant::now();
    while post(&server, "/restapi/query", b"select 1 as a").0 != 200 {
        assert!(begin.elapsed().as_secs() < 30, "the places stay taken");
        std::thread::yield_now();
    }
}

#[test]
fn answers_are_cut_between_rows_and_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let limit = 30_000;
    let server = Server::start_with(
        &dir.path().join("data"),
        &[("TRIGLOT_KWDB__RESPONSE_LIMIT", &format!("{limit}B"))],
    );
    let lines: String =
        (0..5_000).map(|n| format!("m,t=a v={n}i {}\n", 1_704_067_200_000_000_000_u64 + n)).collect();
    let written = http::exchange(
        server.port,
        "POST",
        "/api/v1/write?db=public",
        &headers(&[("authorization", http::ROOT)]),
        lines.as_bytes(),
    );
    assert_eq!(written.unwrap().status, 200);
    let (status, body) = post(&server, "/restapi/query?db=public", b"select v, t from m order by v");
    assert_eq!(status, 200);
    assert!(body.len() <= limit && body.len() > limit - 300, "{} bytes", body.len());
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let rows = answer["data"].as_array().unwrap();
    assert_eq!(answer["rows"].as_u64().unwrap() as usize, rows.len());
    assert!(rows.iter().enumerate().all(|(n, row)| row[0] == n as u64), "rows are whole and in order");
    assert_eq!(answer["notice"], format!("the result was cut: an answer has at most {limit} bytes"));
    let (_, body) = post(&server, "/restapi/query?db=public", b"select v, t from m order by v limit 3");
    assert!(!body.contains("notice"), "{body}");
}

#[test]
fn bodies_that_are_no_requests_get_the_documented_answer() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let before = server.resident_bytes();
    // 100 MB: told by its length, and in chunks.
    let huge = vec![b'x'; 100 << 20];
    for target in ["/restapi/ddl", "/restapi/insert", "/restapi/query", "/restapi/influxdb"] {
        let (status, body) = post(&server, target, &huge);
        assert_eq!(status, 413, "{target}: {body}");
        assert!(body.contains("exceeds the limit of 67108864 bytes"), "{body}");
    }
    assert!(server.peak_bytes() < before + (150 << 20), "bodies that are refused are not kept");
    for target in ["/restapi/ddl", "/restapi/query", "/restapi/telegraf", "/restapi/opentsdbjson"] {
        let (status, body) = post(&server, target, b"select \xff\xfe");
        assert_eq!(status, 400, "{target}: {body}");
        assert!(body.contains("invalid request body"), "{body}");
    }
    // Thousands of statements, each refused or failing on its own.
    let many = "drop table nowhere;".repeat(3_000);
    let (status, body) = post(&server, "/restapi/ddl", many.as_bytes());
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, answer["code"].as_i64()), (200, Some(-1)));
    assert_eq!(answer["desc"].as_array().unwrap().len(), 3_000);
    let deep = format!("select {}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let (status, body) = post(&server, "/restapi/query", deep.as_bytes());
    assert!(status == 400 || status == 500, "{status} {body}");
    // Headers that are broken in every way.
    let long = format!("Basic {}", "A".repeat(5_000));
    for value in ["Basic", "Basic ", "Basic  ", "\u{1}", "Basic =", "Basic ====", "Basic a:b", &long] {
        let reply = http::exchange(
            server.kwdb_port,
            "POST",
            "/restapi/query",
            &headers(&[("authorization", value)]),
            b"select 1",
        );
        let status = reply.unwrap().status;
        assert!(status == 401 || status == 400, "{value:?}: {status}");
    }
    assert_eq!(post(&server, "/restapi/query", b"select 1 as a").0, 200);
}
