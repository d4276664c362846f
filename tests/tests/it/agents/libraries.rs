//! Client libraries of PyPI and npm that send metrics over HTTP, as their users call them; `tests/clients` has the programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::agents::everywhere;
use crate::agents::packages::{METRIC_LIBRARIES, METRIC_MODULES, modules};
use crate::clients::{run, skip, venv};
use crate::read_back::{Door, lines};
use crate::server::Server;

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// Runs a client of `metric_clients.py`; false (only on a developer's machine): it cannot be had.
pub(super) fn python(client: &str, port: u16) -> bool {
    if skip("python3") {
        return false;
    }
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(python) = PYTHON.get_or_init(|| venv("agents-venv", &METRIC_LIBRARIES)) else { return false };
    let mut command = Command::new(python);
    command.arg(program("metric_clients.py")).args([client, &port.to_string()]);
    assert_eq!(run(&mut command), "ok\n");
    true
}

fn start() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    (dir, server)
}

#[test]
#[ignore = "needs agents: cargo clients"]
fn influxdb_of_python() {
    let (_dir, server) = start();
    if !python("influxdb", server.taos_port) {
        return;
    }
    let row = |n: u32| {
        format!(
            "2024-01-01T00:00:0{n}.000000000Z | h {n} | a,b=c | {n}.5 | {} | {} | say \"hi\", é",
            4 + n,
            n.is_multiple_of(2)
        )
    };
    let sql = "select \"_ts\", \"host\", \"region\", \"load\", \"cores\", \"on\", \"note\" from \"flux_cpu\" order by \"_ts\"";
    assert_eq!(everywhere(&server, "public", sql), [0, 1, 2, 3].map(row));
    assert_eq!(
        everywhere(&server, "public", "select \"_ts\", \"p\", \"v\" from \"coarse\" order by \"p\""),
        ["2024-01-01T00:00:00.000000000Z | h | 1.5", "2024-01-01T00:00:00.000000000Z | m | 1.5"]
    );
}

#[test]
#[ignore = "needs agents: cargo clients"]
fn opentsdb_client_over_http() {
    let (_dir, server) = start();
    if !python("opentsdb_client", server.taos_port) {
        return;
    }
    let row =
        |n: u32| format!("2024-01-01T00:0{}:{:02}.000000000Z | c{} | ulm | {n}.25", n / 60, n % 60, n % 3);
    let sql = "select \"_ts\", \"core\", \"site\", \"_value\" from \"tsdb_load\" order by \"_ts\"";
    assert_eq!(everywhere(&server, "public", sql), (0..120).map(row).collect::<Vec<_>>());
}

#[test]
#[ignore = "needs agents: cargo clients"]
fn prometheus_remote_writer() {
    let (_dir, server) = start();
    if !python("remote_writer_tdengine", server.taos_port) {
        return;
    }
    assert!(python("remote_writer_cnosdb", server.port));
    let wanted = [
        "2024-01-01T00:00:00.000000000Z | other | NULL | -2.0",
        "2024-01-01T00:00:00.000000000Z | py | it's \"é\" | 1.5",
        "2024-01-01T00:00:00.001000000Z | py | it's \"é\" | 0.30000000000000004",
    ];
    let sql =
        "select \"time\", \"job\", \"text\", \"value\" from \"written_total\" order by \"time\", \"job\"";
    assert_eq!(everywhere(&server, "public", sql), wanted);
    // One JSON tag in the vendor's table of all metrics.
    let sql = "select \"ts\", \"labels\", \"v\" from \"metrics\" order by \"ts\", \"v\"";
    let labels = |job: &str, text: &str| format!(r#"{{"__name__":"written_total","job":"{job}"{text}}}"#);
    let (other, py) = (labels("other", ""), labels("py", r#","text":"it's \"é\"""#));
    assert_eq!(
        everywhere(&server, "public", sql),
        [
            format!("2024-01-01T00:00:00.000000000Z | {other} | -2.0"),
            format!("2024-01-01T00:00:00.000000000Z | {py} | 1.5"),
            format!("2024-01-01T00:00:00.001000000Z | {py} | 0.30000000000000004"),
        ]
    );
}

#[test]
#[ignore = "needs agents: cargo clients"]
fn influx_and_prometheus_remote_write_of_npm() {
    if skip("node") || skip("npm") {
        return;
    }
    let (_dir, server) = start();
    let mut command = Command::new("node");
    command.env("NODE_PATH", modules("agents-npm", &METRIC_MODULES)).arg(program("metric_clients.js"));
    command.args([server.taos_port.to_string(), server.port.to_string()]);
    assert_eq!(run(&mut command), "ok\n");
    let row = |n: u32| {
        format!(
            "2024-01-01T00:00:00.00{n}000000Z | h {n} | {n}.25 | {n} | {} | say \"hi\", é",
            n.is_multiple_of(2)
        )
    };
    for (table, time) in [("flux_taos", "_ts"), ("flux_cnosdb", "time")] {
        let sql = format!(
            "select \"{time}\", \"host\", \"load\", \"cores\", \"on\", \"note\" from \"{table}\" order by \"{time}\""
        );
        assert_eq!(everywhere(&server, "public", &sql), [0, 1, 2].map(row), "{table}");
    }
    let wanted = ["2024-01-01T00:00:00.000000000Z | js | 1.5", "2024-01-01T00:00:00.001000000Z | js | 2.0"];
    let sql = "select \"time\", \"job\", \"value\" from \"pushed_total\" order by \"time\"";
    assert_eq!(everywhere(&server, "public", sql), wanted);
    let [_, taos, _] = Door::all(&server);
    let sql = "select ts, v from metrics where labels->'job' = 'js' order by ts";
    assert_eq!(lines(&taos.rows("public", sql)), wanted.map(|line| line.replace(" js |", "")));
}
