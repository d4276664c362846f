//! Properties: agreement with the oracle on arbitrary and on mutated bodies, the way there and
//! back through the encoder. `PROPTEST_CASES=2000000 cargo test …` for a long run.

use proptest::prelude::*;
use triglot_parse_lp::encode::{Point, Value, encode};
use triglot_parse_lp::{Dialect, FieldValue, Line, LineErrorKind, Parser};

use crate::oracle;

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Everything that must hold for any body.
pub(crate) fn check_body(body: &str) {
    for dialect in Dialect::ALL {
        check_dialect(body, dialect);
    }
}

fn check_dialect(body: &str, dialect: Dialect) {
    let mut parser = Parser::new(body, dialect);
    let mut line = Line::new();
    let (mut points, mut first_error) = (Vec::new(), None);
    let mut keys: Option<Vec<String>> = None;
    let mut at = 0;
    while let Some(result) = parser.next_line(&mut line) {
        match result {
            Ok(point) => {
                let now: Vec<_> = point.fields().iter().map(|f| f.raw_key().to_owned()).collect();
                assert_eq!(point.repeats_field_keys(), keys.as_ref() == Some(&now), "{dialect:?} {body:?}");
                keys = Some(now);
                if first_error.is_none() {
                    points.push(oracle::plain(point));
                }
            }
            Err(error) => {
                assert!(error.offset <= body.len() && body.is_char_boundary(error.offset));
                assert!(
                    (1..=body.lines().count().max(1)).contains(&error.line),
                    "{dialect:?} {body:?} {error:?}"
                );
                let kind = match &error.kind {
                    LineErrorKind::EndOfLine => "end",
                    LineErrorKind::UnexpectedToken(c) => {
                        assert!(body[error.offset..].starts_with(*c));
                        "token"
                    }
                    LineErrorKind::InvalidFieldValue(text) => {
                        assert!(body[error.offset..].starts_with(text));
                        "value"
                    }
                    LineErrorKind::InvalidTimestamp => "timestamp",
                    LineErrorKind::InvalidSyntax => "syntax",
                };
                first_error.get_or_insert((kind, error.offset));
                keys = None;
            }
        }
        assert!(parser.offset() > at, "no progress at {at}: {dialect:?} {body:?}");
        at = parser.offset();
    }
    assert_eq!((points, first_error), oracle::read(body, dialect), "{dialect:?} {body:?}");
    check_known(body, dialect);
}

/// Skipping the tags of known series changes nothing but the tags.
fn check_known(body: &str, dialect: Dialect) {
    let mut seen = std::collections::HashSet::new();
    let mut parser = Parser::new(body, dialect);
    let mut line = Line::new();
    for wanted in Parser::new(body, dialect) {
        let found = parser.next_line_known(&mut line, |key| seen.contains(key)).expect("as many points");
        match (wanted, found) {
            (Ok(wanted), Ok(found)) => {
                let (mut wanted, found_plain) = (oracle::plain(&wanted), oracle::plain(found));
                if found.tags_skipped() {
                    wanted.tags.clear();
                }
                assert_eq!(wanted, found_plain);
                seen.insert(found.series_key_raw());
            }
            (Err(wanted), Err(found)) => assert_eq!(wanted, found),
            other => panic!("{dialect:?} {body:?}: {other:?}"),
        }
    }
    assert!(parser.next_line_known(&mut line, |_| false).is_none());
}

/// Text made of what the grammar cares for.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            ",", "=", " ", "\\", "\"", "\n", "\r\n", "#", "\t", "'", "i", "u", "t", "f=1", "m", "m,t=v f=1i 7\n", "é", "L\"",
            "B\"\\x", "1.5", "-", "+", ".", "e", "inf", "nan", "12345678", "i8", "u16", "f32", "true", "\0", "!", "m,a=b x=",
            " 1642176000000000000\n", "\"a b\"",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

#[derive(Debug, Clone)]
enum Owned {
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Str(String),
    I8(i8),
    U32(u32),
    F32(f32),
    NChar(String),
    Binary(Vec<u8>),
}

#[derive(Debug, Clone)]
struct OwnedPoint {
    measurement: String,
    tags: Vec<(String, String)>,
    fields: Vec<(String, Owned)>,
    timestamp: Option<i64>,
}

fn value() -> impl Strategy<Value = Owned> {
    let common = prop_oneof![
        any::<i64>().prop_map(Owned::I64),
        (-1000..1000i64).prop_map(Owned::I64),
        any::<u64>().prop_map(Owned::U64),
        any::<f64>().prop_map(Owned::F64),
        (-1e6..1e6f64).prop_map(|v| Owned::F64((v * 100.0).round() / 100.0)),
        any::<bool>().prop_map(Owned::Bool),
        "[a-z ,=\\\\\"\n#é]{0,12}".prop_map(Owned::Str),
    ];
    let typed = prop_oneof![
        any::<i8>().prop_map(Owned::I8),
        any::<u32>().prop_map(Owned::U32),
        any::<f32>().prop_map(Owned::F32),
        "[a-z ,=\\\\\"é]{0,12}".prop_map(Owned::NChar),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(Owned::Binary),
    ];
    prop_oneof![7 => common, 1 => typed]
}

fn point() -> impl Strategy<Value = OwnedPoint> {
    let name = || "[a-zA-Z_.é#'\"!][a-z0-9 ,=\\\\\"'é]{0,9}";
    let tags = prop::collection::vec((name(), "[a-z0-9 ,=\\\\\"']{0,9}"), 0..4);
    let fields = prop::collection::vec((name(), value()), 1..5);
    let timestamp = prop_oneof![any::<Option<i64>>(), (0..2_000_000_000_000_000_000i64).prop_map(Some)];
    (name(), tags, fields, timestamp).prop_map(|(measurement, tags, fields, timestamp)| OwnedPoint {
        measurement,
        tags,
        fields,
        timestamp,
    })
}

fn write(out: &mut String, point: &OwnedPoint, dialect: Dialect) -> bool {
    let tags: Vec<_> = point.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let fields: Vec<_> = point.fields.iter().map(|(k, v)| (k.as_str(), lend(v))).collect();
    let point =
        Point { measurement: &point.measurement, tags: &tags, fields: &fields, timestamp: point.timestamp };
    encode(out, &point, dialect).is_ok()
}

fn lend(value: &Owned) -> Value<'_> {
    match value {
        Owned::I64(v) => Value::I64(*v),
        Owned::U64(v) => Value::U64(*v),
        Owned::F64(v) => Value::F64(*v),
        Owned::Bool(v) => Value::Bool(*v),
        Owned::Str(v) => Value::Str(v),
        Owned::I8(v) => Value::I8(*v),
        Owned::U32(v) => Value::U32(*v),
        Owned::F32(v) => Value::F32(*v),
        Owned::NChar(v) => Value::NChar(v),
        Owned::Binary(v) => Value::Binary(v),
    }
}

fn same(wanted: &Owned, found: FieldValue<'_>) -> bool {
    match (wanted, found) {
        (Owned::I64(a), FieldValue::I64(b)) => *a == b,
        (Owned::U64(a), FieldValue::U64(b)) => *a == b,
        (Owned::F64(a), FieldValue::F64(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (Owned::Bool(a), FieldValue::Bool(b)) => *a == b,
        (Owned::Str(a), FieldValue::Str(b)) | (Owned::NChar(a), FieldValue::NChar(b)) => *a == b.to_cow(),
        (Owned::I8(a), FieldValue::I8(b)) => *a == b,
        (Owned::U32(a), FieldValue::U32(b)) => *a == b,
        (Owned::F32(a), FieldValue::F32(b)) => a.to_bits() == b.to_bits(),
        (Owned::Binary(a), FieldValue::Binary(b)) => *a == b.to_bytes(),
        _ => false,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_body_is_read_as_the_oracle_reads_it(body in soup()) {
        check_body(&body);
    }

    /// Few keys are compared, many are looked up.
    #[test]
    fn the_first_repeated_key_is_found(keys in prop::collection::vec("[a-z]{1,2}", 1..40)) {
        let tags: String = keys.iter().map(|key| format!(",{key}=x")).collect();
        let fields: Vec<String> = keys.iter().map(|key| format!("{key}=1")).collect();
        let body = format!("m{tags} {}", fields.join(","));
        let line = Parser::new(&body, Dialect::Kwdb).next().unwrap().unwrap();
        let wanted = (0..keys.len()).find(|at| keys[..*at].contains(&keys[*at])).map(|at| keys[at].clone());
        prop_assert_eq!(line.duplicate_tag().map(|tag| tag.key().into_owned()), wanted.clone());
        prop_assert_eq!(line.duplicate_field().map(|field| field.key().into_owned()), wanted);
    }

    #[test]
    fn arbitrary_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check_body(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn what_is_written_is_read_back(points in prop::collection::vec(point(), 1..4), dialect in 0..5usize) {
        let dialect = Dialect::ALL[dialect];
        let mut body = String::new();
        let written: Vec<_> = points.iter().filter(|p| write(&mut body, p, dialect)).collect();
        let read: Vec<_> = Parser::new(&body, dialect).map(|r| r.unwrap()).collect();
        prop_assert_eq!(written.len(), read.len(), "{}", body);
        for (wanted, found) in written.iter().zip(&read) {
            prop_assert_eq!(&wanted.measurement, &found.measurement());
            prop_assert_eq!(wanted.timestamp, found.timestamp());
            prop_assert_eq!(wanted.tags.len(), found.tags().len());
            for ((key, value), tag) in wanted.tags.iter().zip(found.tags()) {
                prop_assert_eq!((key.as_str(), value.as_str()), (&*tag.key(), &*tag.value()));
            }
            prop_assert_eq!(wanted.fields.len(), found.fields().len());
            for ((key, value), field) in wanted.fields.iter().zip(found.fields()) {
                prop_assert_eq!(key.as_str(), &*field.key());
                prop_assert!(same(value, field.value()), "{:?} {:?}", value, field);
            }
        }
    }

    #[test]
    fn mutated_bodies_are_read_as_the_oracle_reads_them(
        points in prop::collection::vec(point(), 1..4),
        dialect in 0..5usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, prop::sample::select(b",= \\\"\n\r#1i.-tx\t".to_vec())), 1..4),
    ) {
        let mut body = String::new();
        points.iter().for_each(|p| { write(&mut body, p, Dialect::ALL[dialect]); });
        let mut bytes = body.into_bytes();
        for (place, edit, byte) in edits {
            let at = if bytes.is_empty() { 0 } else { place.index(bytes.len()) };
            match edit {
                0 => bytes.insert(at, byte),
                1 if !bytes.is_empty() => bytes[at] = byte,
                _ if !bytes.is_empty() => { bytes.remove(at); }
                _ => {}
            }
        }
        check_body(&String::from_utf8_lossy(&bytes));
    }
}
