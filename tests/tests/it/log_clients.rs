//! Clients of logs and traces that people have: `opensearch-py`, `elasticsearch`, `python-logging-loki`, npm's `pino-loki`, the
//! exporters of OpenTelemetry for Python and Node with the Jaeger query API behind them. Their programs are in
//! `tests/clients`; what they wrote is read back through all three dialects.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::agents::everywhere;
use crate::agents::packages::modules;
use crate::clients::{run, skip, venv};
use crate::server::Server;

/// Versions that the tests were written with.
const PACKAGES: [&str; 6] = [
    "opensearch-py==3.2.0",
    "elasticsearch==9.5.1",
    "python-logging-loki==0.3.1",
    "opentelemetry-sdk==1.45.2",
    "opentelemetry-exporter-otlp-proto-http==1.45.2",
    "requests==2.32.3",
];
/// The client of Elasticsearch 8, which says so in its media types.
const OLDER: [&str; 1] = ["elasticsearch==8.19.0"];
const MODULES: [&str; 5] = [
    "pino@9.14.0",
    "pino-loki@3.0.0",
    "@opentelemetry/exporter-trace-otlp-proto@0.223.1",
    "@opentelemetry/sdk-trace-node@2.12.0",
    "@opentelemetry/resources@2.12.1",
];

fn program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

fn start() -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    (dir, server)
}

/// Runs a client of `log_clients.py`; false (only on a developer's machine): it cannot be had.
fn python(environment: &str, packages: &[&str], client: &str, server: &Server) -> bool {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    if skip("python3") {
        return false;
    }
    let made = {
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        venv(environment, packages)
    };
    let Some(python) = made else { return false };
    let mut command = Command::new(python);
    command.arg(program("log_clients.py")).args([client, &server.port.to_string()]);
    assert_eq!(run(&mut command), "ok\n");
    true
}

/// Runs a client of `log_clients.js`; false (only on a developer's machine): there is no Node.
fn node(client: &str, server: &Server) -> bool {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    if skip("node") || skip("npm") {
        return false;
    }
    let directory = DIRECTORY.get_or_init(|| modules("log-npm", &MODULES));
    let mut command = Command::new("node");
    command.env("NODE_PATH", directory).arg(program("log_clients.js"));
    assert_eq!(run(command.args([client, &server.port.to_string()])), "ok\n");
    true
}

#[test]
fn opensearch_py() {
    let (_dir, server) = start();
    if !python("log-venv", &PACKAGES, "opensearch", &server) {
        return;
    }
    let sql = "select \"time\", \"host\", \"level\", \"message\", \"took\", \"ok\", \"tags.0\", \"tags.1\" from \"shop\" order by \"time\"";
    assert_eq!(
        everywhere(&server, "public", sql),
        [
            "2024-01-01T00:00:00.000000000Z | h 1 | info | started | 0.30000000000000004 | true | a | b",
            // Another record of the same instant.
            "2024-01-01T00:00:00.000000001Z | h 1 | info | say \"hi\", ü | NULL | NULL | NULL | NULL",
            "2024-01-01T00:00:01.000000002Z | h 2 | 5 | stopped | -1e100 | false | NULL | NULL",
        ]
    );
}

/// Its documents' index names the table: it can add no parameters.
fn check_elasticsearch(environment: &str, packages: &[&str]) {
    let (_dir, server) = start();
    if !python(environment, packages, "elasticsearch", &server) {
        return;
    }
    let sql = "select \"time\", \"message\", \"n\", \"deep.x\" from \"shop-logs\" order by \"time\"";
    assert_eq!(
        everywhere(&server, "public", sql),
        [
            "2024-01-01T00:00:00.000000000Z | one | 1.0 | true",
            "2024-01-01T00:00:00.000000001Z | two | NULL | NULL",
        ]
    );
    // Of documents without a time each request makes new rows, and none of one request replaces another.
    let sql = "select \"message\" from \"undated\" order by \"message\"";
    assert_eq!(everywhere(&server, "public", sql), ["one", "one", "two", "two"]);
}

#[test]
fn elasticsearch_9() {
    check_elasticsearch("log-venv", &PACKAGES);
}

#[test]
fn elasticsearch_8() {
    check_elasticsearch("log-venv-8", &OLDER);
}

#[test]
fn python_logging_loki() {
    let (_dir, server) = start();
    if !python("log-venv", &PACKAGES, "loki", &server) {
        return;
    }
    for table in ["app_logs", "loki"] {
        let sql = format!(
            "select \"application\", \"logger\", \"severity\", \"service\", \"msg\" from \"{table}\" order by \"time\""
        );
        assert_eq!(
            everywhere(&server, "public", &sql),
            [
                "shop | app.orders | error | pay | no money",
                "shop | app.orders | info | NULL | two\nlines, \"quoted\", ü",
                "shop | app.orders | warning | NULL | again",
                "shop | app.orders | warning | NULL | again",
            ],
            "{table}"
        );
    }
}

#[test]
fn pino_loki_of_npm() {
    let (_dir, server) = start();
    if !node("loki", &server) {
        return;
    }
    for table in ["app_logs", "loki"] {
        let sql = format!(
            "select \"time\", \"application\", \"hostname\", \"level\", \"unit\", \"trace\", \"msg\" from \"{table}\" order by \"time\""
        );
        assert_eq!(
            everywhere(&server, "public", &sql),
            [
                "2024-01-01T00:00:00.000000000Z | shop | vm | info | a | NULL | {\"level\":30,\"time\":1704067200000,\"unit\":\"a\",\"n\":1,\"msg\":\"one\"}",
                "2024-01-01T00:00:00.000000001Z | shop | vm | info | a | t1 | {\"level\":30,\"time\":1704067200000,\"unit\":\"a\",\"meta\":{\"trace\":\"t1\"},\"msg\":\"two\"}",
                "2024-01-01T00:00:01.000000000Z | shop | vm | error | NULL | NULL | {\"level\":50,\"time\":1704067201000,\"msg\":\"three\"}",
            ],
            "{table}"
        );
    }
}

/// Both exporters send the same two spans, which the SQL of all dialects and Jaeger's API give back.
fn check_spans(server: &Server) {
    let span = |name: &str| format!("\"ResourceSpans/ScopeSpans/Span/{name}\"");
    let sql = format!(
        "select \"time\", \"ResourceSpans/Resource/attributes/service.name\", \"ResourceSpans/ScopeSpans/InstrumentationScope/name\", {}, {}, {}, {}, {}, {}, {} \
         from \"spans\" order by \"time\"",
        span("trace_id"),
        span("span_id"),
        span("parent_span_id"),
        span("name"),
        span("kind"),
        span("duration_nano"),
        span("Status/code")
    );
    assert_eq!(
        everywhere(server, "public", &sql),
        [
            "2024-01-01T00:00:00.000000000Z | shop | lib | 5b8aa5a2d2c872e8321cf37308d69df2 | 051581bf3cb55c13 |  | GET /cart | SPAN_KIND_SERVER | 1500000000.0 | STATUS_CODE_UNSET",
            "2024-01-01T00:00:00.250000000Z | shop | lib | 5b8aa5a2d2c872e8321cf37308d69df2 | 5fb397be34d26b51 | 051581bf3cb55c13 | charge | SPAN_KIND_CLIENT | 500000000.0 | STATUS_CODE_ERROR",
        ]
    );
    let sql = format!(
        "select {}, {}, {}, {}, {}, {} from \"spans\" order by \"time\"",
        span("attributes/http.method"),
        span("attributes/n"),
        span("Event_0/name"),
        span("Event_0/attributes/k"),
        span("Link_0/span_id"),
        span("Status/message")
    );
    assert_eq!(
        everywhere(server, "public", &sql),
        ["GET | 3 | cached | 1 | NULL | ", "NULL | NULL | NULL | NULL | 051581bf3cb55c13 | no money"]
    );
}

#[test]
fn opentelemetry_of_python_and_jaeger() {
    let (_dir, server) = start();
    if python("log-venv", &PACKAGES, "traces", &server) {
        check_spans(&server);
    }
}

#[test]
fn opentelemetry_of_npm() {
    let (_dir, server) = start();
    if node("traces", &server) {
        check_spans(&server);
    }
}
