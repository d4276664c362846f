use std::io::{Read, Write};
use std::net::TcpStream;

use crate::server::{Server, free_port, text, triglot};

#[test]
fn rows_survive_a_stop_and_start_lines_tell_what_is_insecure() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut server = Server::start(&data);
    let lines = server.start_lines(7);
    assert_eq!(lines[0], format!("triglot {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(lines[1], format!("data directory {}", data.display()));
    assert_eq!(lines[2], format!("cnosdb on http://127.0.0.1:{}", server.port));
    assert!(lines[3].starts_with("tdengine on http://127.0.0.1:"), "{lines:?}");
    assert!(lines[4].starts_with("kwdb on https://127.0.0.1:"), "{lines:?}");
    let certificates = data.join("certs").display().to_string();
    assert!(
        lines[5].starts_with("kwdb's certificates are in ") && lines[5].contains(&certificates),
        "{lines:?}"
    );
    assert!(lines[6].starts_with("warning: user root has the vendors' default password"), "{lines:?}");
    assert_eq!(server.get("/health/live").unwrap().0, 200);
    assert_eq!(server.post_as("", "/api/v1/write?db=public", "m,t=a f=1 1\nm,t=b f=2 2\n").0, 200);
    assert_eq!(server.stop(), Some(0));

    let mut again = Server::start(&data);
    assert_eq!(again.sql("SELECT t, f FROM m ORDER BY time"), "t,f\na,1.0\nb,2.0\n");
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn acknowledged_rows_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    assert_eq!(server.post_as("", "/api/v1/write?db=public", "m f=1 1\nm f=2 2\n").0, 200);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let again = Server::start(dir.path());
    assert_eq!(again.sql("SELECT f FROM m ORDER BY time"), "f\n1.0\n2.0\n");
}

#[test]
fn a_public_listener_needs_a_password_or_permission() {
    let dir = tempfile::tempdir().unwrap();
    let listen = format!("cnosdb.listen=0.0.0.0:{}", free_port());
    let refused = triglot(&[
        "serve",
        "--set",
        &listen,
        "--set",
        "tdengine.enabled=false",
        "--set",
        "kwdb.enabled=false",
    ])
    .arg("--data-dir")
    .arg(dir.path())
    .output()
    .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("TRIGLOT_ROOT_PASSWORD") && said.contains("default password"), "{said}");

    let mut server = Server::start_on("0.0.0.0", dir.path(), &[("TRIGLOT_ROOT_PASSWORD", "geheim")]);
    assert_eq!(server.post_as("geheim", "/api/v1/sql", "SELECT 1").0, 200);
    assert_eq!(server.post_as("", "/api/v1/sql", "SELECT 1").0, 401);
    let lines = server.start_lines(7);
    assert!(lines.iter().any(|l| l.contains("reachable from other machines")), "{lines:?}");
    assert!(!lines.iter().any(|l| l.contains("geheim") || l.contains("default password")), "{lines:?}");
}

#[test]
fn a_second_process_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _server = Server::start(dir.path());
    let second =
        triglot(&["serve", "--set", "cnosdb.listen=127.0.0.1:0", "--set", "tdengine.listen=127.0.0.1:0"])
            .args(["--set", "kwdb.listen=127.0.0.1:0"])
            .arg("--data-dir")
            .arg(dir.path())
            .output()
            .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("LOCK"), "{}", text(&second.stderr));
}

#[test]
fn a_running_request_ends_before_the_server_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(dir.path());
    // A write whose body is not complete when the signal comes. An idle connection must not hold the stop up.
    let idle = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let mut writer = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let body = "m f=1 1\n";
    let head = "POST /api/v1/write?db=public HTTP/1.1\r\nhost: x\r\nauthorization: Basic cm9vdDo=\r\n";
    write!(writer, "{head}content-length: {}\r\nexpect: 100-continue\r\n\r\n", body.len()).unwrap();
    // The server asks for the body as soon as the request runs.
    let mut continues = [0; 12];
    writer.read_exact(&mut continues).unwrap();
    assert_eq!(&continues, b"HTTP/1.1 100");
    server.signal("TERM");
    while server.get("/health/ready").is_some_and(|(status, _)| status == 200) {}
    writer.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    writer.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    drop(idle);
    let again = Server::start(dir.path());
    assert_eq!(again.sql("SELECT f FROM m"), "f\n1.0\n");
}

#[test]
fn https_with_the_given_certificate() {
    let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tls/");
    let (certificate, key) = (format!("{tls}cert.pem"), format!("{tls}key.pem"));
    let dir = tempfile::tempdir().unwrap();
    let environment = [
        ("TRIGLOT_SERVER__TLS_CERTIFICATE", certificate.as_str()),
        ("TRIGLOT_SERVER__TLS_KEY", key.as_str()),
    ];
    let mut server = Server::start_on("127.0.0.1", dir.path(), &environment);
    assert_eq!(server.sql("SELECT 1 AS one"), "one\n1\n");
    // The tools verify it; without being told to trust it they refuse.
    let bench = |more: &[&str]| {
        let arguments = ["bench", "--url", &server.url, "--rows", "10", "--quiet"];
        triglot(&[&arguments[..], more].concat()).output().unwrap()
    };
    assert!(bench(&["--cacert", &certificate]).status.success());
    assert_eq!(bench(&[]).status.code(), Some(1));
    let lines = server.start_lines(3);
    assert_eq!(lines[2], format!("cnosdb on https://127.0.0.1:{}", server.port));
}
