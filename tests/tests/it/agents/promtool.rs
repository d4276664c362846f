//! `promtool check metrics` on the server's own page of metrics, after each dialect took some requests.

use std::io::Write;
use std::process::Stdio;

use crate::agents::packages::{PROMETHEUS, unpack};
use crate::http;
use crate::read_back::Door;
use crate::server::Server;

/// Counters of the vendor, whose names do not end in `_total`.
const CNOSDB_NAMES: [&str; 5] = ["http_data_in", "http_data_out", "http_flow", "http_queries", "http_writes"];

#[test]
#[ignore = "needs agents: cargo clients"]
fn promtool_finds_no_fault_with_our_metrics() {
    let Some(packages) = unpack(&PROMETHEUS) else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    for door in Door::all(&server) {
        door.rows("public", "select 1 as a");
    }
    let put = br#"[{"metric":"m","timestamp":1700000000,"value":1,"tags":{"a":"b"}}]"#;
    assert_eq!(Door::tdengine(&server).post("/opentsdb/v1/put/json/public", put).status, 204);
    assert_eq!(Door::cnosdb(&server).post("/api/v1/write?db=public", b"broken").status, 422);
    for port in [server.port, server.taos_port] {
        let page = http::exchange(port, "GET", "/metrics", &[], b"").unwrap();
        assert_eq!(page.status, 200);
        let mut command = packages.program("usr/bin/promtool");
        command.args(["check", "metrics"]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&page.body).unwrap();
        let said = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        // CnosDB's own names stay as they are.
        let is_ours = |line: &&str| !CNOSDB_NAMES.iter().any(|name| line.starts_with(&format!("{name} ")));
        let faults: Vec<&str> = text.lines().filter(is_ours).collect();
        // 3: there are remarks; 1: it cannot be read.
        assert!(faults.is_empty() && [Some(0), Some(3)].contains(&said.status.code()), "port {port}: {text}");
    }
}
