//! Batches of which one record is wrong, batches that are sent again, and what `/metrics` says of both.

use super::{
    ALL, Api, C_BULK, C_LINES, C_LOKI, C_LOKI_PROTO, C_NDJSON, C_PROM, C_PUT, C_SPANS, C_SPANS_JSON,
    C_TELNET, K_JSON, K_LINES, K_TELEGRAF, K_TELNET, Node, STORED, T_JSON, T_LINES, T_PROM, T_TELNET, wire,
};
use crate::read_back::{Dialect, Door, lines, sample};

fn in_table(api: Api, table: &str) -> Api {
    let target = api.target.replace(&api.target[api.target.find("table=").unwrap_or(api.target.len())..], "");
    let target = match (api.counted_as, api.target.rsplit_once("log_type=")) {
        ("es_bulk", Some((_, log_type))) => format!("{target}table={table}&log_type={log_type}"),
        ("es_bulk", None) => format!("{target}table={table}"),
        _ => api.target.to_owned(),
    };
    Api { target: target.leak(), ..api }
}

/// A batch good, wrong, good, or wrong for another reason, and how many rows of it are refused.
struct Batch {
    api: Api,
    body: Vec<u8>,
    wanted: &'static str,
    refused: u64,
}

fn batch(api: Api, body: impl Into<Vec<u8>>, wanted: &'static str, refused: u64) -> Batch {
    Batch { api, body: body.into(), wanted, refused }
}

fn cnosdb_batches() -> Vec<Batch> {
    let point =
        |value: &str| format!(r#"{{"metric":"bad","timestamp":1,"value":{value},"tags":{{"h":"a"}}}}"#);
    let series = |time: i64| -> Vec<u8> { wire::prom(&[(&[("__name__", "bad")], &[(1.0, 1), (2.0, time)])]) };
    let span = |begin: u64| wire::Span { begin, ..wire::SPAN };
    let table: &[(&str, &str)] = &[("content-type", "application/x-protobuf"), ("table", "bad")];
    vec![
        batch(C_LINES, "bad,h=a f=1 1\nbad,h=a f=x 2\nbad,h=a f=3 3", "422 040004", 2),
        // Two types for one column, and a row that storage does not take: all three rows were read.
        batch(C_LINES, "bad,h=a f=1 1\nbad,h=a f=1i 2\nbad,h=a f=3 3", "422 050014", 2),
        batch(C_TELNET, "bad 1 1 h=a\nbad 2 x h=a\nbad 3 3 h=a", "400 040010", 2),
        batch(C_PUT, format!("[{},{},{}]", point("1"), point("\"x\""), point("3")), "400 040011", 2),
        batch(C_PROM, wire::block(&[series(2), series(i64::MAX), series(3)].concat()), "422 050014", 4),
        batch(
            in_table(C_BULK, "bad"),
            "{\"index\":{}}\n{\"time\":1,\"a\":1}\n{\"update\":{}}\n{\"time\":2,\"a\":2}\n{\"index\":{}}\n{\"time\":3,\"a\":3}",
            "422 040016",
            2,
        ),
        batch(
            in_table(C_NDJSON, "bad"),
            "{\"time\":1,\"a\":1}\n{\"time\":2,\"a\":null}\n{\"time\":3,\"a\":3}",
            "422 040016",
            2,
        ),
        batch(
            in_table(C_LOKI, "bad"),
            r#"{"streams":[{"stream":{"app":"x"},"values":[["1","a"]]},{"stream":{"app":"x"},"values":[["2x","b"]]},{"stream":{"app":"x"},"values":[["3","c"]]}]}"#,
            "422 040016",
            2,
        ),
        batch(
            in_table(C_LOKI_PROTO, "bad"),
            wire::block(
                &[wire::loki("{a=\"x\"}", &[(1, 0, b"a")]), wire::loki("{a", &[(2, 0, b"b")])].concat(),
            ),
            "422 040016",
            2,
        ),
        batch(
            Api { headers: table, ..C_SPANS },
            wire::otlp(&[span(1), span(u64::MAX), span(3)]),
            "422 040016",
            2,
        ),
    ]
}

fn tdengine_batches() -> Vec<Batch> {
    let point = |value: &str| {
        format!(r#"{{"metric":"bad","timestamp":1700000000,"value":{value},"tags":{{"h":"a"}}}}"#)
    };
    let labels: &[(&str, &str)] = &[("__name__", "bad")];
    vec![
        batch(T_LINES, "bad,h=a f=1 1\nbad,h=a f=x 2\nbad,h=a f=3 3", "500 [0x3002]", 2),
        batch(T_LINES, "bad,h=a f=1 1\nbad,h=a f=1i 2\nbad,h=a f=3 3", "500 [0x3004]", 2),
        batch(T_TELNET, "bad 1700000000 1 h=a\nbad 170000000 2 h=a\nbad 1700000001 3 h=a", "500 [0x3002]", 2),
        batch(T_JSON, format!("[{},{},{}]", point("1"), point("null"), point("3")), "500 [0x3002]", 2),
        batch(
            T_PROM,
            wire::block(&wire::prom(&[
                (labels, &[(1.0, 1), (2.0, 2)]),
                (&[("a", "b"), ("a", "c")], &[(3.0, 3)]),
            ])),
            "400 label a stands twice",
            3,
        ),
        batch(
            T_PROM,
            wire::block(&wire::prom(&[(labels, &[(1.0, 1), (2.0, i64::MAX), (3.0, 3)])])),
            "400 ",
            2,
        ),
    ]
}

fn refused_total(node: &Node, api: &Api) -> u64 {
    let dialect = match api.dialect {
        Dialect::Cnosdb => "cnosdb",
        Dialect::Tdengine => "tdengine",
        Dialect::Kwdb => "kwdb",
    };
    let name = format!("triglot_rows_refused_total{{api=\"{}\",dialect=\"{dialect}\"}}", api.counted_as);
    sample(&node.server, &name)
}

/// Of a request with a wrong record nothing is stored; the records up to the wrong one are counted as refused.
#[test]
fn one_wrong_record_refuses_a_request_of_cnosdb_and_tdengine() {
    let node = Node::start();
    for Batch { api, body, wanted, refused } in cnosdb_batches().into_iter().chain(tdengine_batches()) {
        let before = refused_total(&node, &api);
        node.expect(&api, &body, wanted);
        assert_eq!(refused_total(&node, &api) - before, refused, "{}: {wanted}", api.target);
    }
    let tables = Door::cnosdb(&node.server).rows("public", "show tables");
    assert_eq!(tables, Vec::<Vec<_>>::new(), "tables of refused requests");
    // Rows that only the table refuses: all of them were read.
    node.expect(&C_LINES, b"typed,h=a f=1 1", STORED);
    node.expect(&T_LINES, b"typed_t,h=a f=1 1", STORED);
    for (api, body, wanted) in [
        (C_LINES, "typed,h=a f=2 2\ntyped,h=a f=3i 3", "422 050014"),
        (T_LINES, "typed_t,h=a f=2i 2\ntyped_t,h=a f=3i 3", "500 [0x3002]"),
    ] {
        let before = refused_total(&node, &api);
        node.expect(&api, body.as_bytes(), wanted);
        assert_eq!(refused_total(&node, &api) - before, 2, "{}", api.target);
    }
    assert_eq!(lines(&Door::cnosdb(&node.server).rows("public", "select f from typed")), ["1.0"]);
    assert_eq!(lines(&Door::tdengine(&node.server).rows("public", "select f from typed_t")), ["1.0"]);
    node.lives();
}

/// Lines are statements of their own there: a wrong one keeps no other out. JSON is refused as a whole.
#[test]
fn one_wrong_line_keeps_no_other_out_of_kwdb() {
    let node = Node::start();
    for (api, body) in [
        (K_LINES, "mixed,h=a f=1 1700000001\nmixed,h=a f=x 1700000002\nmixed,h=a f=3 1700000003"),
        // A text for the float that the telegraf lines before have made.
        (K_TELEGRAF, "mixed_g,h=a f=1 1700000001\nmixed_g f 1700000002\nmixed_g,h=a f=3 1700000003"),
        (K_TELNET, "mixed_t 1700000001 1 h=a\nmixed_t 1700000002 x h=a\nmixed_t 1700000003 3 h=a"),
    ] {
        let before = refused_total(&node, &api);
        let reply = node.send(&api, body.as_bytes());
        let answer: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((&answer["code"], &answer["rows"]), (&(-1).into(), &2.into()), "{answer}");
        let said: Vec<&str> = answer["desc"].as_str().unwrap().split_terminator(';').collect();
        assert_eq!((said.len(), said[0], said[2]), (3, "success", "success"), "{answer}");
        assert!(said[1].starts_with("wrong "), "{answer}");
        assert_eq!(refused_total(&node, &api) - before, 1, "{}", api.target);
    }
    for (table, column) in [("mixed", "f"), ("mixed_g", "f"), ("mixed_t", "value")] {
        let sql = format!("select {column} from {table} order by k_timestamp");
        assert_eq!(lines(&Door::kwdb(&node.server).rows("plant", &sql)), ["1.0", "3.0"], "{table}");
    }
    let point = |value: &str| {
        format!(r#"{{"metric":"bad","timestamp":1700000000,"value":{value},"tags":{{"h":"a"}}}}"#)
    };
    let body = format!("[{},{},{}]", point("1"), point("null"), point("3"));
    let before = refused_total(&node, &K_JSON);
    node.expect(&K_JSON, body.as_bytes(), "400 -1 timestamp or value column is nil");
    assert_eq!(refused_total(&node, &K_JSON) - before, 2);
    node.lives();
}

/// A table is made for all lines of a request together, but not for one that no table can hold.
#[test]
fn a_line_beyond_limits_keeps_no_other_out() {
    let node = Node::start();
    let tags: String = (0..128).map(|n| format!(",t{n}=v")).collect();
    let fields: String = (0..4_096).map(|n| format!(",f{n}=1")).collect();
    let long = "x".repeat(129);
    for (table, wrong, said) in [
        ("wide", format!("wide{tags} f=2"), "pq: the number of tags 129 exceeds the maximum 128"),
        ("deep", format!("deep,h=a f=2{fields}"), "pq: the number of columns 4097 exceeds the maximum 4096"),
        ("long", format!("long,h=a {long}=2"), "pq: ts column name \"xxx"),
        ("odd", "odd,h=a \u{e9}=2".to_owned(), "pq: invalid name: \u{e9}"),
    ] {
        let body = format!("{table},h=a f=1 1700000001\n{wrong} 1700000002\n{table},h=a f=3 1700000003");
        let answer: serde_json::Value =
            serde_json::from_slice(&node.send(&K_LINES, body.as_bytes()).body).unwrap();
        assert_eq!((&answer["code"], &answer["rows"]), (&(-1).into(), &2.into()), "{answer}");
        let desc = answer["desc"].as_str().unwrap();
        assert!(desc.starts_with(&format!("success;{said}")) && desc.ends_with(";success;"), "{desc}");
        let sql = format!("select f from {table} order by k_timestamp");
        assert_eq!(lines(&Door::kwdb(&node.server).rows("plant", &sql)), ["1.0", "3.0"], "{table}");
    }
    node.lives();
}

/// What is refused before any record is looked at is counted as requests are, not as rows.
#[test]
fn requests_without_rights_or_a_body_count_no_rows() {
    let node = Node::start();
    for api in &ALL {
        let stranger = node.door(api.dialect).with_user("root", "wrong-password");
        let reply = stranger.send("POST", api.target, api.headers, &(api.good)());
        assert!(
            reply.status == 401 || api.dialect == Dialect::Tdengine && reply.status == 500,
            "{api:?}: {}",
            reply.status
        );
    }
    assert!(!node.metrics().contains("triglot_rows_refused_total{"), "{}", node.metrics());
}

/// What tables have no place for is left out, told by nothing but the counter: exemplars, native histograms, metadata.
#[test]
fn metadata_exemplars_and_histograms_are_counted() {
    let node = Node::start();
    let metadata =
        wire::bytes(3, &[wire::int(1, 1), wire::bytes(2, b"bad"), wire::bytes(4, b"help")].concat());
    let series = wire::bytes(
        1,
        &[wire::label(b"__name__", b"full"), wire::sample(1.0, 1), wire::bytes(3, b""), wire::bytes(4, b"")]
            .concat(),
    );
    let bodies =
        [wire::block(&metadata), wire::block(&[metadata.clone(), series.clone(), metadata.clone()].concat())];
    for api in [C_PROM, T_PROM] {
        for (body, refused) in bodies.iter().zip([1, 4]) {
            let before = refused_total(&node, &api);
            node.expect(&api, body, STORED);
            assert_eq!(refused_total(&node, &api) - before, refused, "{}", api.target);
        }
    }
    node.lives();
}

/// Where rows of a good body are found: table and columns, of which the first is the time; the rows as text.
struct Stored {
    api: Api,
    body: Vec<u8>,
    database: &'static str,
    table: &'static str,
    columns: &'static [&'static str],
    rows: &'static [&'static str],
}

const AT_1: &str = "2023-11-14T22:13:20.000000001Z";

fn bodies() -> Vec<Stored> {
    let stored = |api: Api, table, columns, rows, body: &[u8]| {
        let database = if api.dialect == Dialect::Kwdb { "plant" } else { "public" };
        Stored { api, body: body.to_vec(), database, table, columns, rows }
    };
    let lines = |table: &str| {
        format!(
            "{table},h=a,r=x f=0.30000000000000004,i=-7i,b=t,s=\"t, \\\"x\\\"\" 1700000000000000001\n{table},h=b f=2 1700000000000000002\n"
        )
    };
    let line_rows: &[&str] = &[
        "2023-11-14T22:13:20.000000001Z | a | x | 0.30000000000000004 | -7 | true | t, \"x\"",
        "2023-11-14T22:13:20.000000002Z | b | NULL | 2.0 | NULL | NULL | NULL",
    ];
    let put = |metric: &str, time: &str, value: &str, h: &str| {
        format!(r#"{{"metric":"{metric}","timestamp":{time},"value":{value},"tags":{{"h":"{h}"}}}}"#)
    };
    let put_rows: &[&str] =
        &["2023-11-14T22:13:20.000000000Z | a | -0.1", "2023-11-14T22:13:21.000000000Z | b | 1e20"];
    let puts = |metric: &str, unit: &str| {
        let one = put(metric, &format!("1700000000{unit}"), "-0.1", "a");
        format!("[{one},{}]", put(metric, &format!("1700000001{unit}"), "1e20", "b")).into_bytes()
    };
    let telnet = |metric: &str, unit: &str| {
        format!("{metric} 1700000000{unit} -0.1 h=a\n{metric} 1700000001{unit} 1e20 h=b\n").into_bytes()
    };
    let labels: &[(&str, &str)] = &[("__name__", "r_prom"), ("h", "a")];
    let prom = wire::block(&wire::prom(&[(labels, &[(0.1, 1_700_000_000_000), (-0.0, 1_700_000_000_001)])]));
    let prom_rows: &[&str] =
        &["2023-11-14T22:13:20.000000000Z | 0.1", "2023-11-14T22:13:20.001000000Z | -0.0"];
    let document = r#"{"time":1700000000000000001,"h":"a","msg":"x","n":{"k":0.1},"ok":true}"#;
    let document_columns: &[&str] = &["time", "h", "msg", "n.k", "ok"];
    let document_rows: &[&str] = &["2023-11-14T22:13:20.000000001Z | a | x | 0.1 | true"];
    let span_columns: &[&str] = &[
        "time",
        "ResourceSpans/ScopeSpans/Span/name",
        "ResourceSpans/ScopeSpans/Span/trace_id",
        "ResourceSpans/ScopeSpans/Span/duration_nano",
        "ResourceSpans/ScopeSpans/Span/attributes/k",
    ];
    let spans: &[(&str, &str)] = &[("content-type", "application/x-protobuf"), ("table", "r_spans")];
    let spans_json: &[(&str, &str)] = &[("content-type", "application/json"), ("table", "r_spansj")];
    let loki_rows: &[&str] =
        &["2023-11-14T22:13:20.000000001Z | a | one", "2023-11-14T22:13:20.000000002Z | a | two"];
    let line_columns: &[&str] = &["time", "h", "r", "f", "i", "b", "s"];
    assert!(line_rows[0].starts_with(AT_1));
    vec![
        stored(C_LINES, "r_write", line_columns, line_rows, lines("r_write").as_bytes()),
        stored(C_TELNET, "r_tsdb", &["time", "h", "value"], put_rows, &telnet("r_tsdb", "000000000")),
        stored(C_PUT, "r_put", &["time", "h", "value"], put_rows, &puts("r_put", "000000000")),
        stored(C_PROM, "r_prom", &["time", "value"], prom_rows, &prom),
        stored(in_table(C_NDJSON, "r_nd&tag_columns=h"), "r_nd", document_columns, document_rows, document.as_bytes()),
        stored(
            in_table(C_BULK, "r_bulk"),
            "r_bulk",
            document_columns,
            document_rows,
            format!("{{\"create\":{{\"_id\":\"1\"}}}}\n{document}\n").as_bytes(),
        ),
        // Two lines of one stream and one time: the second takes the next nanosecond, each time.
        stored(
            in_table(C_LOKI, "r_loki"),
            "r_loki",
            &["time", "app", "msg"],
            loki_rows,
            br#"{"streams":[{"stream":{"app":"a"},"values":[["1700000000000000001","one"],["1700000000000000001","two"]]}]}"#,
        ),
        stored(
            in_table(C_LOKI_PROTO, "r_lokip"),
            "r_lokip",
            &["time", "app", "msg"],
            loki_rows,
            &wire::block(&wire::loki("{app=\"a\"}", &[(1_700_000_000, 1, b"one"), (1_700_000_000, 1, b"two")])),
        ),
        stored(
            Api { headers: spans, ..C_SPANS },
            "r_spans",
            span_columns,
            &["2023-11-14T22:13:20.000000000Z | n | 01010101010101010101010101010101 | 5.0 | v"],
            &wire::otlp(&[wire::SPAN]),
        ),
        stored(
            Api { headers: spans_json, ..C_SPANS_JSON },
            "r_spansj",
            span_columns,
            &["2023-11-14T22:13:20.000000000Z | n | 0a | 5.0 | true"],
            br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0A","spanId":"02","name":"n","startTimeUnixNano":"1700000000000000000",
            "endTimeUnixNano":1700000000000000005,"attributes":[{"key":"k","value":{"boolValue":true}}]}]}]}]}"#,
        ),
        stored(T_LINES, "r_influx", &["_ts", "h", "r", "f", "i", "b", "s"], line_rows, lines("r_influx").as_bytes()),
        stored(T_TELNET, "r_telnet", &["_ts", "h", "_value"], put_rows, &telnet("r_telnet", "")),
        stored(T_JSON, "r_json", &["_ts", "h", "_value"], put_rows, &puts("r_json", "")),
        stored(T_PROM, "metrics", &["ts", "v"], prom_rows, &prom),
        stored(K_LINES, "r_klines", &["k_timestamp", "h", "r", "f", "i", "b", "s"], line_rows, lines("r_klines").as_bytes()),
        stored(K_TELEGRAF, "r_kgraf", &["k_timestamp", "h", "r", "f", "i", "b", "s"], line_rows, lines("r_kgraf").as_bytes()),
        stored(K_TELNET, "r_ktelnet", &["k_timestamp", "h", "value"], put_rows, &telnet("r_ktelnet", "")),
        stored(K_JSON, "r_kjson", &["k_timestamp", "h", "value"], put_rows, &puts("r_kjson", "")),
    ]
}

/// Every body's rows are what they should be, through every dialect.
fn check_rows(node: &Node, when: &str) {
    for Stored { database, table, columns, rows, .. } in bodies() {
        for (door, quote) in Door::all(&node.server).iter().zip(["\"", "`", "\""]) {
            let quoted: Vec<String> = columns.iter().map(|name| format!("{quote}{name}{quote}")).collect();
            let sql =
                format!("select {} from {quote}{table}{quote} order by {}", quoted.join(", "), quoted[0]);
            assert_eq!(lines(&door.rows(database, &sql)), rows, "{when}: {door:?}: {sql}");
        }
    }
}

/// A client that got no answer sends again, perhaps to a server that was killed meanwhile.
#[test]
fn bodies_that_are_sent_again_change_nothing() {
    let mut node = Node::start();
    let send =
        |node: &Node| bodies().iter().for_each(|stored| node.expect(&stored.api, &stored.body, STORED));
    send(&node);
    check_rows(&node, "once");
    send(&node);
    check_rows(&node, "twice");
    node.restart();
    check_rows(&node, "after a kill");
    send(&node);
    check_rows(&node, "after a kill, again");
    node.lives();
}
