use proptest::prelude::*;
use triglot_parse_prom::text::{Entries, Entry, Format, TextErrorKind, TextSample};

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
    assert_eq!(first, Entry::Type { name: "http_requests_total", kind: "counter" });
    let found = samples(PAGE, Format::Prometheus);
    assert_eq!(found.len(), 7);
    assert_eq!((found[0].value, found[0].timestamp), (1027.0, Some(1_395_066_363_000)));
    assert_eq!(found[1].labels, [("method", "post".into()), ("code", "400".into())]);
    assert_eq!(found[2].labels[0].1, "C:\\DIR\\FILE.TXT");
    assert_eq!(found[2].labels[1].1, "Cannot find file:\n\"FILE.TXT\"");
    assert_eq!((found[3].value, found[3].timestamp, found[3].labels.len()), (12.47, None, 0));
    assert_eq!((found[4].value, found[4].timestamp), (f64::INFINITY, Some(-3_982_045)));
    assert_eq!(found[5].labels, [("le", "0.05".into())]);
    assert!(found[6].value.is_nan());
}

#[test]
fn openmetrics_counts_seconds_has_exemplars_and_an_end() {
    let page = "# TYPE foo histogram\nfoo_bucket{le=\"1.0\"} 11 1520879607.789 # {trace_id=\"x\"} 0.67\n# EOF\nrubbish {\n";
    let found = samples(page, Format::OpenMetrics);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].value, found[0].timestamp), (11.0, Some(1_520_879_607_789)));
}

#[test]
fn faulty_lines_are_told_and_passed() {
    let page = "7up 1\nm{a} 1\nm{a=\"b\"\nm x\nm 1 x\nm 1 2 3\nm{a=\"b\" c=\"d\"} 1\nm 1\n";
    let found: Vec<_> =
        Entries::new(page, Format::Prometheus).map(|e| e.err().map(|e| (e.line, e.kind))).collect();
    use TextErrorKind::*;
    let kinds = [Name, Labels, Labels, Value, Timestamp, Trailing, Labels];
    let mut wanted: Vec<_> = kinds.into_iter().zip(1..).map(|(kind, line)| Some((line, kind))).collect();
    wanted.push(None);
    assert_eq!(found, wanted);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn any_page(pieces in prop::collection::vec(prop_oneof![
        prop::sample::select(vec!["m", "{", "}", "a=", "\"", "\\", "\\n", ",", " ", "1.5", "NaN", "-", "#", " TYPE a b", "\n", "é"]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ], 0..24)) {
        let page = pieces.concat();
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let lines = page.split('\n').count();
            prop_assert!(Entries::new(&page, format).count() <= lines);
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
        prop_assert_eq!(found[0].timestamp, time);
    }
}
