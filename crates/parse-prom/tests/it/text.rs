use proptest::prelude::*;
use triglot_parse_prom::text::{Entries, Entry, Format, TextErrorKind, TextSample, Timestamp};

/// The page of the format's documentation.
const PAGE: &str = r#"# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045
http_request_duration_seconds_bucket{le="0.05",} 24054
rpc_duration_seconds{quantile="0.01"} NaN
"#;

fn samples(page: &str, format: Format) -> Vec<TextSample<'_>> {
    Entries::new(page, format)
        .filter_map(|entry| match entry.unwrap() {
            Entry::Sample(sample) => Some(sample),
            Entry::Type { .. } => None,
        })
        .collect()
}

#[test]
fn the_documented_page() {
    let first = Entries::new(PAGE, Format::Prometheus).next().unwrap().unwrap();
    assert_eq!(first, Entry::Type { name: "http_requests_total".into(), kind: "counter" });
    let found = samples(PAGE, Format::Prometheus);
    assert_eq!(found.len(), 7);
    assert_eq!((found[0].value, found[0].timestamp), (1027.0, Some(Timestamp::Millis(1_395_066_363_000))));
    assert_eq!(found[1].labels, [("method".into(), "post".into()), ("code".into(), "400".into())]);
    assert_eq!(found[2].labels[0].1, "C:\\DIR\\FILE.TXT");
    assert_eq!(found[2].labels[1].1, "Cannot find file:\n\"FILE.TXT\"");
    assert_eq!((found[3].value, found[3].timestamp, found[3].labels.len()), (12.47, None, 0));
    assert_eq!((found[4].value, found[4].timestamp), (f64::INFINITY, Some(Timestamp::Millis(-3_982_045))));
    assert_eq!(found[5].labels, [("le".into(), "0.05".into())]);
    assert!(found[6].value.is_nan());
}

#[test]
fn openmetrics_counts_seconds_has_exemplars_and_an_end() {
    let page = "# TYPE foo histogram\nfoo_bucket{le=\"1.0\"} 11 1520879607.789 # {trace_id=\"x # y\"} 0.67 1.5\n# EOF\nrubbish {\n";
    let mut entries = Entries::new(page, Format::OpenMetrics);
    let found: Vec<_> = entries.by_ref().map(Result::unwrap).collect();
    let [Entry::Type { .. }, Entry::Sample(sample)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((sample.value, sample.timestamp), (11.0, Some(Timestamp::Nanos(1_520_879_607_789_000_000))));
    let exemplar = sample.exemplar.as_ref().unwrap();
    assert_eq!(exemplar.labels, [("trace_id".into(), "x # y".into())]);
    assert_eq!((exemplar.value, exemplar.timestamp), (0.67, Some(Timestamp::Nanos(1_500_000_000))));
    assert!(entries.is_complete());
    assert_eq!(&page[entries.offset()..], "rubbish {\n");
    let mut cut = Entries::new(&page[..page.len() - 20], Format::OpenMetrics);
    cut.by_ref().for_each(drop);
    assert!(!cut.is_complete(), "its end is missing");
}

#[test]
fn seconds_are_read_to_the_last_digit() {
    for (text, nanos) in [
        ("0", Some(0)),
        ("-0.5", Some(-500_000_000)),
        ("1520879607", Some(1_520_879_607_000_000_000)),
        ("1520879607.123456789", Some(1_520_879_607_123_456_789)),
        ("1520879607.1234567899", Some(1_520_879_607_123_456_789)),
        ("-1.000000001", Some(-1_000_000_001)),
        ("1.5e9", Some(1_500_000_000_000_000_000)),
        (".5", Some(500_000_000)),
        ("9223372036.854775807", Some(i64::MAX)),
        ("9223372036.854775808", None),
        ("9223372037", None),
        ("1e30", None),
        ("NaN", None),
        ("1.2.3", None),
        ("--1", None),
    ] {
        let page = format!("m 1 {text}");
        let found = Entries::new(&page, Format::OpenMetrics).next().unwrap();
        let wanted = match nanos {
            Some(nanos) => Ok(Some(Timestamp::Nanos(nanos))),
            None => Err(TextErrorKind::Timestamp),
        };
        let found = found.map_err(|e| e.kind).map(|entry| match entry {
            Entry::Sample(sample) => sample.timestamp,
            Entry::Type { .. } => panic!("{text}"),
        });
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn quoted_names_may_be_any_text() {
    let page = r#"# TYPE "http.server.duration" gauge
{"http.server.duration","net.peer"="a\"b",plain="x"} 1.5
{ code="200" , "ünï" } 2 7
"#;
    let declared = Entries::new(page, Format::Prometheus).next().unwrap().unwrap();
    assert_eq!(declared, Entry::Type { name: "http.server.duration".into(), kind: "gauge" });
    let found = samples(page, Format::Prometheus);
    assert_eq!(found[0].name, "http.server.duration");
    assert_eq!(found[0].labels, [("net.peer".into(), "a\"b".into()), ("plain".into(), "x".into())]);
    assert_eq!((&*found[1].name, found[1].timestamp), ("ünï", Some(Timestamp::Millis(7))));
    assert_eq!(found[1].labels, [("code".into(), "200".into())]);
}

#[test]
fn ten_thousand_labels_are_read() {
    let labels: Vec<String> = (0..10_000).map(|n| format!("l{n}=\"{n}\"")).collect();
    let page = format!("m{{{}}} 1\n", labels.join(","));
    let found = samples(&page, Format::OpenMetrics);
    assert_eq!(found[0].labels.len(), 10_000);
    assert_eq!(found[0].labels[9_999], ("l9999".into(), "9999".into()));
}

#[test]
fn faulty_lines_are_told_and_passed() {
    let page = "7up 1\nm{a} 1\nm{a=\"b\"\nm x\nm 1 x\nm 1 2 3\nm{a=\"b\" c=\"d\"} 1\n\
        {a=\"b\"} 1\nm{\"n\"} 1\n{\"\"} 1\nm{7=\"x\"} 1\nm{=\"x\"} 1\nm{\"\"=\"x\"} 1\nm +-5\nm 1 2 # {a=\"b\"} 1\nm 1\n";
    let found: Vec<_> =
        Entries::new(page, Format::Prometheus).map(|e| e.err().map(|e| (e.line, e.kind))).collect();
    use TextErrorKind::*;
    let kinds = [
        Name, Labels, Labels, Value, Timestamp, Trailing, Labels, Name, Name, Name, Labels, Labels, Labels,
        Value, Trailing,
    ];
    let mut wanted: Vec<_> = kinds.into_iter().zip(1..).map(|(kind, line)| Some((line, kind))).collect();
    wanted.push(None);
    assert_eq!(found, wanted);
    for faulty in ["m 1 # x", "m 1 # {a=\"b\"}", "m 1 # {a=\"b\"} 1 2 3", "m 1 # {\"n\"} 1", "m 1 #"] {
        let found = Entries::new(faulty, Format::OpenMetrics).next().unwrap();
        assert_eq!(found.map_err(|e| e.kind), Err(Exemplar), "{faulty}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn any_page(pieces in prop::collection::vec(prop_oneof![
        prop::sample::select(vec!["m", "{", "}", "a=", "\"", "\\", "\\n", ",", " ", "1.5", "NaN", "-", "#", " TYPE a b", " EOF", "\n", "é"]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ], 0..24)) {
        let page = pieces.concat();
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let lines = page.split('\n').count();
            let mut entries = Entries::new(&page, format);
            prop_assert!(entries.by_ref().count() <= lines);
            prop_assert!(entries.offset() <= page.len() && entries.line() <= lines);
        }
    }

    #[test]
    fn samples_round_trip(label in any::<String>(), value in any::<f64>(), time in any::<Option<i64>>()) {
        let escaped = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let time_text = time.map_or_else(String::new, |t| t.to_string());
        let page = format!("m{{l=\"{escaped}\"}} {value:e} {time_text}\n");
        let found = samples(&page, Format::Prometheus);
        prop_assert_eq!(&found[0].labels[0].1, &label);
        prop_assert!(found[0].value == value || value.is_nan());
        prop_assert_eq!(found[0].timestamp, time.map(Timestamp::Millis));
    }
}
