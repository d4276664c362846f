//! Rows of the write APIs of other systems, read back through another dialect than the one that took them, and
//! through Prometheus' remote read.

use prost::Message;
use triglot_parse_prom::encode::{Sample, write_request};
use triglot_parse_prom::read::{LabelMatcher, MatchType, Query, QueryResult, ReadRequest, ReadResponse};

use crate::http::{self, ROOT, Reply};
use crate::server::Server;

/// A server with the database `public`, and root's headers for both ports.
struct Node {
    server: Server,
    _data: tempfile::TempDir,
}

impl Node {
    fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        Self { server: Server::start(&data.path().join("data")), _data: data }
    }

    fn cnosdb(&self, target: &str, body: &[u8]) -> Reply {
        let headers = [("authorization".to_owned(), ROOT.to_owned())];
        http::exchange(self.server.port, "POST", target, &headers, body).unwrap()
    }

    fn taos(&self, target: &str, body: &[u8]) -> Reply {
        let headers = [("authorization".to_owned(), http::basic("root", "taosdata"))];
        http::exchange(self.server.taos_port, "POST", target, &headers, body).unwrap()
    }

    /// Rows of TDengine's answer, as it wrote them.
    fn taos_rows(&self, sql: &str) -> String {
        let text = self.taos("/rest/sql/public", sql.as_bytes()).text();
        // As it stands: a JSON reader might round.
        let data = text.split_once("\"data\":").and_then(|(_, rest)| rest.rsplit_once(",\"rows\":"));
        data.unwrap_or_else(|| panic!("{sql}: {text}")).0.to_owned()
    }

    fn cnosdb_csv(&self, sql: &str) -> String {
        let reply = self.cnosdb("/api/v1/sql?db=public", sql.as_bytes());
        assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
        reply.text()
    }

    fn read(&self, is_taos: bool, queries: Vec<Query>) -> Vec<QueryResult> {
        let body = snap::raw::Encoder::new().compress_vec(&ReadRequest { queries }.encode_to_vec()).unwrap();
        let reply = if is_taos {
            self.taos("/prometheus/v1/remote_read/public", &body)
        } else {
            self.cnosdb("/api/v1/prom/read?db=public", &body)
        };
        assert_eq!(reply.status, if is_taos { 202 } else { 200 }, "{}", reply.text());
        assert_eq!(reply.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(reply.header("content-encoding"), Some("snappy"));
        let plain = snap::raw::Decoder::new().decompress_vec(&reply.body).unwrap();
        ReadResponse::decode(&*plain).unwrap().results
    }
}

fn query(start: i64, end: i64, matchers: &[(MatchType, &str, &str)]) -> Query {
    let matcher = |(kind, name, value): &(MatchType, &str, &str)| LabelMatcher {
        r#type: *kind as i32,
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    Query {
        start_timestamp_ms: start,
        end_timestamp_ms: end,
        matchers: matchers.iter().map(matcher).collect(),
    }
}

/// Series as `labels: value@ms …`, sorted.
fn shown(result: &QueryResult) -> Vec<String> {
    let mut lines: Vec<String> = result
        .timeseries
        .iter()
        .map(|series| {
            let labels: Vec<String> =
                series.labels.iter().map(|l| format!("{}={}", l.name, l.value)).collect();
            let samples: Vec<String> =
                series.samples.iter().map(|s| format!("{}@{}", s.value, s.timestamp)).collect();
            format!("{}: {}", labels.join(","), samples.join(" "))
        })
        .collect();
    lines.sort();
    lines
}

const NODE: [(&str, &str); 3] = [("__name__", "up"), ("instance", "a:1"), ("job", "node")];

fn two_series() -> Vec<u8> {
    let sample = |timestamp, value| Sample { timestamp, value };
    let body = write_request([
        (NODE.to_vec(), vec![sample(1000, 1.0), sample(2000, 0.5)]),
        (vec![("__name__", "up"), ("job", "it's")], vec![sample(1000, 0.30000000000000004)]),
    ]);
    snap::raw::Encoder::new().compress_vec(&body).unwrap()
}

/// What both ports must answer about [`two_series`].
fn check_reads(node: &Node, is_taos: bool) {
    use MatchType::*;
    let up = (Equal, "__name__", "up");
    let all = [
        "__name__=up,instance=a:1,job=node: 1@1000 0.5@2000",
        "__name__=up,job=it's: 0.30000000000000004@1000",
    ];
    for (asked, wanted) in [
        (query(0, 5000, &[up]), &all[..]),
        (query(1000, 1000, &[up, (Equal, "job", "it's")]), &all[1..]),
        // Closed at both ends.
        (query(2000, 2000, &[up]), &["__name__=up,instance=a:1,job=node: 0.5@2000"][..]),
        (query(2001, 9000, &[up]), &[][..]),
        // A label that a series lacks is the empty text.
        (query(0, 5000, &[up, (Equal, "instance", "")]), &all[1..]),
        (query(0, 5000, &[up, (NotEqual, "instance", "")]), &all[..1]),
        (query(0, 5000, &[up, (NotEqual, "nosuch", "x")]), &all[..]),
        (query(0, 5000, &[up, (Equal, "nosuch", "x")]), &[][..]),
        // Anchored.
        (query(0, 5000, &[up, (Regex, "job", "no.*")]), &all[..1]),
        (query(0, 5000, &[up, (Regex, "job", "od")]), &[][..]),
        (query(0, 5000, &[up, (NotRegex, "job", "no.*")]), &all[1..]),
        (query(0, 5000, &[(Equal, "__name__", "nosuch")]), &[][..]),
        (query(0, 5000, &[(Regex, "__name__", "u.")]), &all[..]),
        // Whatever its name is.
        (query(0, 5000, &[(Equal, "job", "node")]), &all[..1]),
    ] {
        let results = node.read(is_taos, vec![asked.clone()]);
        assert_eq!(results.len(), 1);
        assert_eq!(shown(&results[0]), wanted, "taos {is_taos}: {asked:?}");
    }
    let three = node.read(is_taos, vec![query(0, 1, &[up]), query(0, 5000, &[up]), query(0, 1, &[up])]);
    let counts: Vec<usize> = three.iter().map(|result| result.timeseries.len()).collect();
    assert_eq!(counts, [0, 2, 0], "one result a query");
}

#[test]
fn prometheus_reads_what_it_wrote() {
    let node = Node::start();
    assert_eq!(node.read(true, vec![query(0, 1, &[])])[0].timeseries.len(), 0, "nothing is written yet");
    for _ in 0..2 {
        assert_eq!(node.taos("/prometheus/v1/remote_write/public", &two_series()).status, 202);
        assert_eq!(node.cnosdb("/api/v1/prom/write?db=public", &two_series()).status, 200);
    }
    check_reads(&node, true);
    check_reads(&node, false);
    // Each through the other's SQL.
    assert_eq!(
        node.taos_rows("select job, `value` from up order by `time`, job"),
        r#"[["it's",0.30000000000000004],["node",1],["node",0.5]]"#
    );
    assert_eq!(node.cnosdb_csv("select v from metrics order by ts, v"), "v\n0.30000000000000004\n1.0\n0.5\n");
}

/// Remote write 2.0 is another message, which read as version 1 has no series. The protocol's answer is 415: Prometheus then sends
/// version 1.
#[test]
fn another_version_of_remote_write_is_told_apart() {
    let node = Node::start();
    let post = |port: u16, target: &str, password: &str, kind: &str| {
        let headers = [
            ("authorization".to_owned(), http::basic("root", password)),
            ("content-type".to_owned(), kind.to_owned()),
            ("content-encoding".to_owned(), "snappy".to_owned()),
        ];
        http::exchange(port, "POST", target, &headers, &two_series()).unwrap().status
    };
    let (cnosdb, taos) = (node.server.port, node.server.taos_port);
    for (kind, of_cnosdb, of_taos) in [
        ("application/x-protobuf;proto=io.prometheus.write.v2.Request", 415, 415),
        ("application/x-protobuf; proto=\"io.prometheus.write.v2.Request\"", 415, 415),
        ("application/x-protobuf;proto=prometheus.WriteRequest", 200, 202),
        ("application/x-protobuf", 200, 202),
    ] {
        assert_eq!(post(cnosdb, "/api/v1/prom/write?db=public", "", kind), of_cnosdb, "{kind}");
        assert_eq!(post(taos, "/prometheus/v1/remote_write/public", "taosdata", kind), of_taos, "{kind}");
    }
}

#[test]
fn what_a_table_has_no_place_for_is_counted() {
    let node = Node::start();
    // A series with a sample, an exemplar and two native histograms.
    let mut body = write_request([(NODE.to_vec(), vec![Sample { timestamp: 1, value: 1.0 }])]);
    let length = body.len() - 2 + 6;
    body[1] = u8::try_from(length).unwrap();
    body.extend_from_slice(b"\x1a\x00\x22\x00\x22\x00");
    let body = snap::raw::Encoder::new().compress_vec(&body).unwrap();
    assert_eq!(node.cnosdb("/api/v1/prom/write?db=public", &body).status, 200);
    assert_eq!(node.taos("/prometheus/v1/remote_write/public", &body).status, 202);
    let metrics = http::exchange(node.server.port, "GET", "/metrics", &[], b"").unwrap().text();
    for line in [
        "triglot_rows_refused_total{api=\"prom_write\",dialect=\"cnosdb\"} 3",
        "triglot_rows_refused_total{api=\"prometheus\",dialect=\"tdengine\"} 3",
        "triglot_rows_written_total{api=\"prom_write\",dialect=\"cnosdb\"} 1",
        "triglot_rows_written_total{api=\"prometheus\",dialect=\"tdengine\"} 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn schemaless_rows_are_rows_of_every_dialect() {
    let node = Node::start();
    let lines = b"weather,city=ulm temp=20.5,wet=t,note=\"fine, \\\"really\\\"\",n=7i 1000\nweather,city=ulm temp=21 2000";
    assert_eq!(node.taos("/influxdb/v1/write?db=public", lines).status, 204);
    let puts =
        br#"[{"metric":"rain","timestamp":1346846400,"value":0.30000000000000004,"tags":{"city":"ulm"}}]"#;
    assert_eq!(node.taos("/opentsdb/v1/put/json/public", puts).status, 204);
    assert_eq!(
        node.cnosdb_csv("select _ts, city, n, note, temp, wet from weather order by _ts"),
        "_ts,city,n,note,temp,wet\n1970-01-01T00:00:00.000001000,ulm,7,\"fine, \"\"really\"\"\",20.5,true\n1970-01-01T00:00:00.000002000,ulm,,,21.0,\n"
    );
    assert_eq!(node.cnosdb_csv("select _value, city from rain"), "_value,city\n0.30000000000000004,ulm\n");

    let put = br#"{"metric":"wind","timestamp":1000,"value":3.5,"tags":{"city":"ulm"}}"#;
    assert_eq!(node.cnosdb("/api/v1/opentsdb/put?db=public", put).status, 200);
    let log = b"{\"time\":1000,\"msg\":\"hi\",\"n\":{\"a\":1}}";
    assert_eq!(node.cnosdb("/api/v1/es/_bulk?db=public&table=lines&log_type=ndjson", log).status, 200);
    assert_eq!(node.taos_rows("select `value`, city from wind"), r#"[[3.5,"ulm"]]"#);
    assert_eq!(node.taos_rows("select msg, `n.a` from `lines`"), r#"[["hi",1]]"#);
}

/// Writers that meet a table for the first time at once make it once, and none loses a row.
#[test]
fn many_writers_make_one_schema() {
    let node = Node::start();
    let port = node.server.taos_port;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            std::thread::spawn(move || {
                let headers = [("authorization".to_owned(), http::basic("root", "taosdata"))];
                for round in 0..5 {
                    let body = format!(
                        "shared,writer=w{writer},tag{round}={} f{writer}=1,f{round}x=\"{}\" {}",
                        "v".repeat(1 << round),
                        "x".repeat(3 << round),
                        writer * 1000 + round + 1
                    );
                    let reply = http::exchange(
                        port,
                        "POST",
                        "/influxdb/v1/write?db=public",
                        &headers,
                        body.as_bytes(),
                    );
                    let reply = reply.unwrap();
                    assert_eq!(reply.status, 204, "{}", reply.text());
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(node.taos_rows("select count(*) from shared"), "[[40]]");
    assert_eq!(node.taos_rows("select count(*) from (select distinct tbname from shared)"), "[[40]]");
    assert_eq!(node.taos_rows("select sum(length(f4x)) from shared"), format!("[[{}]]", 8 * (3 << 4)));
}
