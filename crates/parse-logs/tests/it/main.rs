//! Bodies as agents send them, faults, and arbitrary text.

use proptest::prelude::*;
use prost::Message;
use triglot_parse_json::JsonErrorKind;
use triglot_parse_logs::bulk::{Bulk, Item, Op};
use triglot_parse_logs::document::flatten;
use triglot_parse_logs::loki::{
    Entry, ProtoEntry, ProtoStream, PushRequest, Stream, Timestamp, json, labels,
};
use triglot_parse_logs::ndjson::Lines;
use triglot_parse_logs::{LogError, LogErrorKind};

fn fields(text: &str) -> Result<Vec<(String, String)>, LogErrorKind> {
    let mut found = Vec::new();
    flatten(text, |field| {
        found.push((field.path.to_owned(), field.value.into_text().into_owned()));
        Ok::<_, LogErrorKind>(())
    })?;
    Ok(found)
}

#[test]
fn bulk_bodies_of_agents() {
    let body = "\n{ \"index\" : { \"_index\" : \"test\", \"_id\" : 1, \"routing\":[1] } }\r\n  { \"a\" : 1 }\n\n{\"delete\":{\"_id\":\"2\"}}\n{\"create\":{}}\n{}\n";
    let items: Vec<_> = Bulk::new(body).map(Result::unwrap).collect();
    assert_eq!(
        items,
        [
            Item {
                op: Op::Index,
                index: Some("test".into()),
                id: Some("1".into()),
                document: "{ \"a\" : 1 }",
                line: 2
            },
            Item { op: Op::Delete, index: None, id: Some("2".into()), document: "", line: 5 },
            Item { op: Op::Create, index: None, id: None, document: "{}", line: 6 },
        ]
    );
    assert_eq!(Op::Create.name(), "create");
}

#[test]
fn faulty_actions_end_the_body() {
    let error = |body: &str| Bulk::new(body).last().unwrap().unwrap_err();
    assert_eq!(error("{\"index\":{}}"), LogError { line: 1, kind: LogErrorKind::NoDocument });
    assert_eq!(error("{}\n{}").kind, LogErrorKind::NoAction);
    assert_eq!(error("{\"index\":{},\"create\":{}}\n{}").kind, LogErrorKind::NoAction);
    assert_eq!(error("{\"upsert\":{}}\n{}").kind, LogErrorKind::UnknownAction("upsert".into()));
    let wanted = LogErrorKind::Json { offset: 10, kind: JsonErrorKind::Expected("an object") };
    assert_eq!(error("{}\n").line, 1);
    assert_eq!(error("{\"index\": 7}\n{}").kind, wanted);
}

#[test]
fn documents_are_flat() {
    let found =
        fields(r#"{"a":{"b":{"c":1e3}},"children":[{"name":"x"},{"name":null}],"e":{},"f":[],"g.h":true}"#)
            .unwrap();
    let wanted = [("a.b.c", "1e3"), ("children.0.name", "x"), ("children.1.name", "null"), ("g.h", "true")];
    assert_eq!(found, wanted.map(|(path, value)| (path.to_owned(), value.to_owned())));
    assert!(fields("[1]").is_err() && fields("{} {}").is_err() && fields("").is_err());
    let deep = format!("{}1{}", "{\"a\":".repeat(1000), "}".repeat(1000));
    assert!(matches!(fields(&deep), Err(LogErrorKind::Json { kind: JsonErrorKind::Depth, .. })));
}

/// As `python-logging-loki` and the documentation of Loki have it.
const PUSH: &str = r#"{"streams": [{"stream": {"app": "x", "n": 1}, "values": [["1570818238000000000", "fizz\nbuzz"],
    ["1570818238000000001", "b", {"trace_id": "0242"}]]}, {"values": [], "stream": {}}]}"#;

#[test]
fn loki_pushes_in_json() {
    let mut streams = Vec::new();
    json(PUSH, |stream| {
        streams.push(stream);
        Ok::<_, LogError>(())
    })
    .unwrap();
    let entry = |time_ns, line: &'static str, metadata| Entry { time_ns, line: line.into(), metadata };
    assert_eq!(
        streams,
        [
            Stream {
                labels: vec![("app".into(), "x".into()), ("n".into(), "1".into())],
                entries: vec![
                    entry(1_570_818_238_000_000_000, "fizz\nbuzz", vec![]),
                    entry(1_570_818_238_000_000_001, "b", vec![("trace_id".into(), "0242".into())]),
                ],
            },
            Stream::default(),
        ]
    );
    let fault = |body: &str| json(body, |_| Ok::<_, LogError>(())).unwrap_err();
    assert_eq!(
        fault(r#"{"streams":[{},{"values":[["x","y"]]}]}"#),
        LogError { line: 2, kind: LogErrorKind::Time("x".into()) }
    );
    assert_eq!(fault(r#"{"streams":[{"values":[["1"]]}]}"#).kind, LogErrorKind::Time(String::new()));
    let own = json(PUSH, |_| Err(LogError { line: 77, kind: LogErrorKind::NoAction })).unwrap_err();
    assert_eq!(own.line, 77);
}

#[test]
fn loki_pushes_in_protocol_buffers() {
    // By hand after push.proto: one stream {a="b"}, one entry at 1 s 2 ns, line "hi".
    let body = b"\x0a\x15\x0a\x07{a=\"b\"}\x12\x0a\x0a\x04\x08\x01\x10\x02\x12\x02hi";
    let entry = ProtoEntry { timestamp: Some(Timestamp { seconds: 1, nanos: 2 }), line: "hi".into() };
    let stream = ProtoStream { labels: "{a=\"b\"}".into(), entries: vec![entry] };
    assert_eq!(PushRequest::parse(body), Ok(PushRequest { streams: vec![stream] }));
    assert!(PushRequest::parse(&body[..9]).is_err());
    assert_eq!(Timestamp { seconds: 1, nanos: 2 }.as_ns(), Some(1_000_000_002));
    assert_eq!(Timestamp { seconds: i64::MAX, nanos: 0 }.as_ns(), None);
}

#[test]
fn labels_as_text() {
    let wanted = vec![("filename", "/var/log/x".into()), ("job", "a \"b\"\n".into())];
    assert_eq!(labels(r#"{filename="/var/log/x", job="a \"b\"\n"}"#), Ok(wanted));
    assert_eq!(labels("{}"), Ok(vec![]));
    for wrong in ["", "{", "a=\"b\"", "{a}", "{a=b}", "{a=\"b\" c=\"d\"}"] {
        assert_eq!(labels(wrong), Err(LogErrorKind::Labels), "{wrong}");
    }
}

#[test]
fn lines_are_trimmed_and_counted() {
    let found: Vec<_> = Lines::new(" a \r\n\n\t\nb").collect();
    assert_eq!(found, [(1, "a"), (4, "b")]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn any_body(pieces in prop::collection::vec(prop_oneof![
        prop::sample::select(vec!["{\"index\":{}}", "{\"streams\":[", "{\"values\":[[", "\"1\"", "\n", "{", "}", "[", "]", ",", "a=", "\"", "\\"]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ], 0..20)) {
        let body = pieces.concat();
        let lines = body.split('\n').count();
        for item in Bulk::new(&body) {
            match item {
                Ok(item) => drop(fields(item.document)),
                Err(error) => prop_assert!((1..=lines).contains(&error.line)),
            }
        }
        let _ = json(&body, |_| Ok::<_, LogError>(()));
        let _ = labels(&body);
        let _ = PushRequest::parse(body.as_bytes());
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let _ = PushRequest::parse(&bytes);
        let entry = ProtoEntry { timestamp: Some(Timestamp { seconds: 1, nanos: 2 }), line: "line".to_owned() };
        let stream = ProtoStream { labels: "{a=\"b\"}".to_owned(), entries: vec![entry] };
        let mut message = PushRequest { streams: vec![stream] }.encode_to_vec();
        let at = at.index(message.len());
        message[at] = byte;
        if let Ok(push) = PushRequest::parse(&message) {
            let _: Vec<_> = push.streams.iter().map(|stream| labels(&stream.labels).is_ok()).collect();
            // Seconds and nanoseconds of any size: a time or none.
            let times = push.streams.iter().flat_map(|stream| &stream.entries).filter_map(|entry| entry.timestamp);
            times.for_each(|time| {
                let _ = time.as_ns();
            });
        }
    }

    #[test]
    fn labels_round_trip(pairs in prop::collection::vec(("[a-z_]{1,8}", "[ -~é]{0,12}"), 0..5)) {
        let quoted: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))).collect();
        let text = format!("{{{}}}", quoted.join(", "));
        let read = labels(&text).unwrap();
        prop_assert!(read.iter().zip(&pairs).all(|(a, b)| a.0 == b.0 && a.1 == b.1) && read.len() == pairs.len());
    }
}
