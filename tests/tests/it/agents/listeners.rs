//! PyPI's clients of listeners: `potsdb` and `opentsdb-client` over the telnet port, `statsd` over UDP.

use crate::agents::await_rows;
use crate::agents::libraries::python;
use crate::server::{Server, free_port};

#[test]
#[ignore = "needs agents: cargo clients"]
fn potsdb_and_opentsdb_client_write_lines() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let settings = [
        ("TRIGLOT_OPENTSDB_TELNET__ENABLED", "true"),
        ("TRIGLOT_OPENTSDB_TELNET__LISTEN", listen.as_str()),
        ("TRIGLOT_OPENTSDB_TELNET__DBS", "public"),
    ];
    let server = Server::start_with(&dir.path().join("data"), &settings);
    if !python("potsdb", port) {
        return;
    }
    assert!(python("opentsdb_client_telnet", port));
    let row =
        |n: u32, value: f64| format!("2024-01-01T00:00:{n:02}.000000000Z | c{} | ulm | {value:?}", n % 3);
    let pots: Vec<String> = (0..20).map(|n| row(n, f64::from(n) / 4.0)).collect();
    let tsdb: Vec<String> = (0..20).map(|n| row(n, f64::from(n) + 0.25)).collect();
    for (table, wanted) in [("pots_load", pots), ("tsdb_telnet", tsdb)] {
        let sql = format!("select \"_ts\", \"core\", \"site\", \"_value\" from \"{table}\"");
        await_rows(&server, "public", &sql, &wanted, &[]);
    }
}

#[test]
#[ignore = "needs agents: cargo clients"]
fn statsd_is_summed_up() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let settings = [
        ("TRIGLOT_STATSD__ENABLED", "true"),
        ("TRIGLOT_STATSD__LISTEN", listen.as_str()),
        ("TRIGLOT_STATSD__DB", "public"),
        // All that the client sends falls into one interval: it takes milliseconds.
        ("TRIGLOT_STATSD__GATHER_INTERVAL", "5s"),
    ];
    let server = Server::start_with(&dir.path().join("data"), &settings);
    if !python("statsd", port) {
        return;
    }
    for (table, fields, wanted) in [
        // 5 × 2 - 1; 70 - 3; ann and bob.
        ("app_hits", "\"value\"", "counter | 9"),
        ("app_piped", "\"value\"", "counter | 2"),
        ("app_depth", "\"value\"", "gauge | 67.0"),
        ("app_users", "\"value\"", "set | 2"),
        // 10, 20, 30, 40.
        (
            "app_took",
            "\"count\", \"lower\", \"upper\", \"mean\", \"sum\"",
            "timing | 4 | 10.0 | 40.0 | 25.0 | 100.0",
        ),
    ] {
        let sql = format!("select \"metric_type\", {fields} from \"{table}\"");
        await_rows(&server, "public", &sql, &[wanted.to_owned()], &[]);
    }
}
