//! Faults and their places, by example.

use triglot_parse_json::{DEPTH, JsonErrorKind, Reader, Scalar};

fn skip(text: &str) -> Result<(), (usize, JsonErrorKind)> {
    let mut reader = Reader::new(text);
    reader.skip().and_then(|()| reader.end()).map_err(|e| (e.offset, e.kind))
}

#[test]
fn faults_have_kind_and_place() {
    use JsonErrorKind::*;
    for (text, at, kind) in [
        ("", 0, Expected("a value")),
        ("  ", 2, Expected("a value")),
        ("[1 2]", 3, Expected("`,` or `]`")),
        ("[1,]", 3, Expected("a value")),
        ("[,1]", 1, Expected("a scalar value")),
        ("{\"a\" 1}", 5, Expected("`:`")),
        ("{a:1}", 1, Expected("the name of a member")),
        ("{\"a\":1,}", 7, Expected("a value")),
        ("[tru]", 1, Expected("a scalar value")),
        ("01", 0, Number),
        ("[1.]", 1, Number),
        ("[-]", 1, Number),
        ("1e+", 0, Number),
        (" \"abc", 1, Unterminated),
        ("\"a\nb\"", 2, Control),
        ("\"a\\x\"", 2, Escape),
        ("\"\\ud800\"", 1, Escape),
        ("\"\\udc00\\ud800\"", 1, Escape),
        ("\"\\u+123\"", 1, Escape),
        ("1 1", 2, Trailing),
    ] {
        assert_eq!(skip(text), Err((at, kind)), "{text:?}");
    }
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(skip(&nested(DEPTH)), Ok(()));
    assert_eq!(skip(&nested(DEPTH + 1)), Err((DEPTH, JsonErrorKind::Depth)));
    // Side by side is not inside.
    assert_eq!(skip(&format!("[{}]", vec!["[]"; 1000].join(","))), Ok(()));
}

#[test]
fn numbers_are_exact_or_absent() {
    let number = |text: &'static str| match Reader::new(text).scalar().unwrap() {
        Scalar::Number(number) => number,
        other => panic!("{other:?}"),
    };
    assert_eq!(number("9223372036854775807").as_i64(), Some(i64::MAX));
    assert_eq!(number("9223372036854775808").as_i64(), None);
    assert_eq!(number("18446744073709551615").as_u64(), Some(u64::MAX));
    assert_eq!(number("1.0").as_i64(), None);
    assert_eq!(number("1e999").as_f64(), None);
    assert_eq!(number("-0").as_f64().map(f64::is_sign_negative), Some(true));
    // Where serde_json without float_roundtrip is one unit off.
    assert_eq!(number("5.761206275507148e299").as_f64(), Some(5.761206275507148e299));
}

#[test]
fn texts_without_escapes_are_borrowed() {
    use std::borrow::Cow;
    assert!(matches!(Reader::new("\"añb\"").text(), Ok(Cow::Borrowed("añb"))));
    assert_eq!(
        Reader::new(r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#).text().unwrap(),
        "\"\\/\u{8}\u{c}\n\r\té😀"
    );
}
