//! Any text: accepted exactly when `serde_json` accepts it, with the same tree.

use proptest::prelude::*;
use serde_json::{Map, Value};
use triglot_parse_json::{JsonError, Kind, Reader, Scalar};

/// A tree as `serde_json` would build it; numbers as texts.
fn tree(reader: &mut Reader<'_>) -> Result<Value, JsonError> {
    match reader.kind()? {
        Kind::Scalar => Ok(match reader.scalar()? {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => value.into(),
            Scalar::Number(number) => number.text().parse::<f64>().unwrap().to_string().into(),
            Scalar::Str(text) => text.into(),
        }),
        Kind::Array => {
            let mut elements = Vec::new();
            reader.array(|reader| {
                elements.push(tree(reader)?);
                Ok::<_, JsonError>(())
            })?;
            Ok(elements.into())
        }
        Kind::Object => {
            let mut members = Map::new();
            reader.object(|reader, name| {
                members.insert(name.into_owned(), tree(reader)?);
                Ok::<_, JsonError>(())
            })?;
            Ok(members.into())
        }
    }
}

fn texts_for_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => number.to_string().parse::<f64>().unwrap().to_string().into(),
        Value::Array(elements) => elements.into_iter().map(texts_for_numbers).collect(),
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, texts_for_numbers(value))).collect())
        }
        other => other,
    }
}

fn check(text: &str) {
    let mut reader = Reader::new(text);
    let read = tree(&mut reader).and_then(|tree| reader.end().map(|()| tree));
    match (serde_json::from_str::<Value>(text), read) {
        (Ok(wanted), Ok(found)) => assert_eq!(found, texts_for_numbers(wanted), "{text:?}"),
        (Err(_), Err(error)) => {
            assert!(error.offset <= text.len() && text.is_char_boundary(error.offset), "{text:?} {error:?}");
        }
        // serde_json refuses numbers that are too large for a float; here that is the caller's matter.
        (Err(error), Ok(_)) if error.to_string().contains("number out of range") => {}
        other => panic!("{text:?}: {other:?}"),
    }
}

fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "\\", "\\u00", "\\ud83d", "\\ude00", "1", "0", "-", ".", "e", "E+", "true",
            "nul", "null", " ", "\n", "é", "\u{1}", "1.5", "{\"a\":1}", "[1,2]", "\\n", "1e400",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000i32..1000).prop_map(|v| Value::from(f64::from(v) / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

    #[test]
    fn any_text(text in soup()) {
        check(&text);
    }

    #[test]
    fn floats_are_the_nearest(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
        let text = format!("{value:e}");
        match Reader::new(&text).scalar().unwrap() {
            Scalar::Number(number) => prop_assert_eq!(number.as_f64(), Some(value)),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_value(value in value(), pretty in any::<bool>()) {
        check(&if pretty { format!("{value:#}") } else { value.to_string() });
    }
}
