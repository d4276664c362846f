//! Never a panic, progress, offsets inside the body; what was written is read.

use proptest::prelude::*;
use triglot_parse_opentsdb::Dialect;
use triglot_parse_opentsdb::json::{Points, Value};
use triglot_parse_opentsdb::telnet::{Line, Lines};

fn soup(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(pieces).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

const WORDS: &[&str] =
    &["put ", "m ", "1 ", "2.5 ", "a=b", " ", "\t", "\n", "\r\n", "=", ",", "é=ü ", "\u{a0}", "put\n"];
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"metric\":",
    "\"timestamp\":1",
    "\"value\":",
    "\"tags\":{",
    "\"a\":\"b\"",
    "1e999",
    "\"\\ud800\"",
    "null",
    " ",
    "\n",
    "{\"value\":1,\"type\":\"s\"}",
];

fn word() -> impl Strategy<Value = String> {
    "[a-zäß0-9_.\"'-]{1,12}"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn any_lines(body in soup(WORDS)) {
        for dialect in Dialect::ALL {
            let mut lines = Lines::new(&body, dialect);
            let mut line = Line::new();
            let mut at = 0;
            while let Some(result) = lines.next_line(&mut line) {
                match result {
                    Ok(line) => {
                        prop_assert!(!line.metric().is_empty() && !line.tags().is_empty());
                        prop_assert!(body[line.offset()..].starts_with(line.metric()));
                    }
                    Err(error) => {
                        prop_assert!(body.is_char_boundary(error.offset), "{error:?}");
                        prop_assert!(error.offset <= lines.offset());
                    }
                }
                prop_assert!(lines.offset() > at);
                at = lines.offset();
            }
        }
    }

    #[test]
    fn any_json(body in soup(TOKENS)) {
        let good: Result<serde_json::Value, _> = serde_json::from_str(&body);
        let results: Vec<_> = Points::new(&body).collect();
        if let Some(Err(error)) = results.last() {
            prop_assert!(error.offset <= body.len());
        }
        // What is read as a whole is JSON.
        if results.iter().all(Result::is_ok) {
            prop_assert!(good.is_ok(), "{body:?}");
        }
    }

    #[test]
    fn lines_round_trip(metric in word(), time in any::<i64>(), value in word(), tags in prop::collection::vec((word(), word()), 1..6)) {
        // KWDB takes `put` before a number for a metric.
        prop_assume!(metric != "put" && metric.parse::<i64>().is_err());
        let tags: Vec<_> = tags.iter().map(|(k, v)| (k.replace('=', ""), v.clone())).filter(|(k, _)| !k.is_empty()).collect();
        prop_assume!(!tags.is_empty());
        let mut text = format!("put {metric} {time} {value}");
        tags.iter().for_each(|(key, value)| text.push_str(&format!(" {key}={value}")));
        for dialect in [Dialect::OpenTsdb, Dialect::TdEngine, Dialect::Kwdb] {
            let line = Lines::new(&text, dialect).next().unwrap().unwrap();
            prop_assert_eq!((line.metric(), line.timestamp(), line.value()), (&*metric, time, &*value));
            prop_assert!(line.tags().iter().zip(&tags).all(|(a, b)| a.0 == b.0 && a.1 == b.1));
            prop_assert_eq!(line.tags().len(), tags.len());
        }
    }

    #[test]
    fn points_round_trip(metric in any::<String>(), time in any::<i64>(), value in -1e300..1e300f64, tags in prop::collection::vec((any::<String>(), any::<String>()), 0..6)) {
        let mut object = serde_json::Map::new();
        tags.iter().for_each(|(key, value)| drop(object.insert(key.clone(), value.clone().into())));
        let text = serde_json::json!([{"metric": metric, "timestamp": time, "value": value, "tags": object}]).to_string();
        let point = Points::new(&text).next().unwrap().unwrap();
        prop_assert_eq!(point.metric(), Some(&*metric));
        prop_assert_eq!(&point.timestamp, &Value::I64(time));
        prop_assert_eq!(point.value.as_number(), Some(value));
        prop_assert_eq!(point.tags.len(), object.len());
        for (key, value) in &point.tags {
            prop_assert_eq!(value, &Value::Str(object[&**key].as_str().unwrap().into()));
        }
    }
}
