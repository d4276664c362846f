//! `/metrics`: the vendor's names and labels (sheet section 11) over requests whose sizes are known.

use crate::http::{self, ROOT};
use crate::server::Server;

/// The value of a sample; its labels are given as they must be.
fn sample(text: &str, name: &str, labels: &str) -> Option<f64> {
    let begin = format!("{name}{{{labels}}} ");
    text.lines().find_map(|line| line.strip_prefix(&begin)).map(|value| value.parse().unwrap())
}

#[test]
fn requests_are_counted_under_the_vendors_names() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start_with(&dir.path().join("data"), &[("CNOSDB_GLOBAL_NODE_ID", "7")]);
    let port = server.port;
    let post = |path: &str, body: &str| {
        let headers = [("authorization".to_owned(), ROOT.to_owned())];
        http::exchange(port, "POST", path, &headers, body.as_bytes()).unwrap()
    };
    // 11 bytes, twice; "f\n1.0\n" is 6 bytes; a database that does not exist is no label.
    assert_eq!(post("/api/v1/write", "m,t=a f=1 1").status, 200);
    assert_eq!(post("/api/v1/write?db=public", "m,t=a f=1 1").status, 200);
    assert_eq!(post("/write", "m,t=a f=1 1").status, 200);
    assert_eq!(post("/api/v1/sql", "select f from m").text(), "f\n1.0\n");
    assert_eq!(post("/api/v1/sql?db=nope", "select * from m").status, 422);
    assert_eq!(http::exchange(port, "POST", "/api/v1/sql?tenant=t1", &[], b"select 1").unwrap().status, 400);

    let text = http::exchange(port, "GET", "/metrics", &[], b"").unwrap().text();
    let labels = |api: &str, database: &str| {
        format!(
            "api=\"{api}\",database=\"{database}\",host=\"127.0.0.1:{port}\",tenant=\"cnosdb\",user=\"root\",node_id=\"7\""
        )
    };
    let (write, influx, sql) =
        (labels("write", "public"), labels("influx_write", "public"), labels("sql", "public"));
    for (name, labels, wanted) in [
        ("http_writes", &write, 2.0),
        ("http_writes", &influx, 1.0),
        ("http_queries", &sql, 1.0),
        ("http_queries", &labels("sql", ""), 1.0),
        ("http_data_in", &write, 22.0),
        ("http_data_out", &sql, 6.0),
        ("http_flow", &sql, 21.0),
        ("http_query_duration_seconds_count", &sql, 1.0),
        ("http_write_duration_seconds_count", &write, 2.0),
        ("http_response_time_seconds_count", &write, 2.0),
        ("write_parse_lp_duration_seconds_count", &write, 2.0),
    ] {
        assert_eq!(sample(&text, name, labels), Some(wanted), "{name}{{{labels}}} in\n{text}");
    }
    assert!(!text.contains("tenant=\"t1\"") && !text.contains("nope"), "{text}");
    let all = format!("{sql},le=\"+Inf\"");
    assert_eq!(sample(&text, "http_query_duration_seconds_bucket", &all), Some(1.0));
    // Each family is declared once, before its samples.
    for family in ["http_queries counter", "http_flow counter", "http_response_time_seconds histogram"] {
        assert_eq!(text.matches(&format!("# TYPE {family}\n")).count(), 1, "{family}");
    }
}
