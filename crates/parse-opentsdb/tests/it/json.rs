//! Rules of JSON puts.

use triglot_parse_opentsdb::json::{Point, Points, Typed, Value};

fn read(body: &str) -> Result<Vec<Point<'_>>, String> {
    Points::new(body).collect::<Result<_, _>>().map_err(|e| format!("{}@{}: {}", e.index, e.offset, e.kind))
}

#[test]
fn one_object_or_an_array() {
    let point = r#"{"metric":"m","timestamp":1346846400,"value":18,"tags":{"host":"web01"}}"#;
    let one = read(point).unwrap();
    assert_eq!(one[0].metric(), Some("m"));
    assert_eq!(one[0].timestamp, Value::I64(1_346_846_400));
    assert_eq!(one[0].value, Value::I64(18));
    assert_eq!(one[0].tags, [("host".into(), Value::Str("web01".into()))]);
    assert_eq!(read(&format!(" [ {point} , {point}\n] ")).unwrap(), [one[0].clone(), one[0].clone()]);
    assert_eq!(read("[]"), Ok(vec![]));
}

#[test]
fn values_of_every_type_are_kept_apart() {
    let body = r#"{"metric":"m","timestamp":{"value":1,"type":"s"},"value":{"type":"binary","value":"x"},
        "tags":{"a":1,"b":1.0,"c":true,"d":null,"e":[1,{}],"f":{"x":1},"g":18446744073709551615,"h":"\u0041"}}"#;
    let point = read(body).unwrap().remove(0);
    assert_eq!(point.timestamp, Value::Typed(Box::new(Typed { value: Value::I64(1), ty: "s".into() })));
    assert_eq!(
        point.value,
        Value::Typed(Box::new(Typed { value: Value::Str("x".into()), ty: "binary".into() }))
    );
    let values: Vec<_> = point.tags.iter().map(|(_, value)| value.clone()).collect();
    assert_eq!(
        values,
        [
            Value::I64(1),
            Value::F64(1.0),
            Value::Bool(true),
            Value::Null,
            Value::Other,
            Value::Other,
            Value::U64(u64::MAX),
            Value::Str("A".into())
        ]
    );
}

#[test]
fn members_that_lack_or_are_too_many_are_told() {
    let point = read(r#"{"metric":7,"extra":{"a":[]},"more":1}"#).unwrap().remove(0);
    assert_eq!((point.metric(), &point.name), (None, &Value::I64(7)));
    assert_eq!((point.timestamp, point.value, point.has_tags), (Value::Missing, Value::Missing, false));
    assert_eq!(point.unknown.as_deref(), Some("extra"));
    assert!(read(r#"{"value":1,"value":2}"#).unwrap_err().contains("duplicate member \"value\""));
    assert!(read(r#"{"tags":{},"tags":{}}"#).unwrap_err().contains("duplicate member \"tags\""));
    assert!(read(r#"{"tags":7}"#).unwrap_err().contains("an object is expected"));
    let twice = read(r#"{"tags":{"a":1,"b":1,"a":2}}"#).unwrap().remove(0);
    assert_eq!(twice.duplicate_tag(), Some("a"));
}

#[test]
fn numbers_may_be_texts() {
    let number = |value: &str| read(&format!(r#"{{"value":{value}}}"#)).unwrap()[0].value.as_number();
    assert_eq!(number("18"), Some(18.0));
    assert_eq!(number("\"18.5\""), Some(18.5));
    assert_eq!(number("\"NaN\""), None);
    assert_eq!(number("true"), None);
}

#[test]
fn faults_are_told_with_point_and_place() {
    assert_eq!(read("").unwrap_err(), "0@0: an object or an array of objects is expected");
    assert_eq!(read("7").unwrap_err(), "0@0: an object or an array of objects is expected");
    assert_eq!(read("[7]").unwrap_err(), "0@1: an object is expected");
    assert_eq!(read("[{},]").unwrap_err(), "1@4: a value is expected");
    assert_eq!(read("[{} {}]").unwrap_err(), "1@4: `,` or `]` is expected");
    assert_eq!(read("[{}").unwrap_err(), "1@3: `,` or `]` is expected");
    assert_eq!(read("{} x").unwrap_err(), "0@3: text behind the value");
    let body = "[{},\n{\"value\":\n 1x}]";
    assert_eq!(read(body).unwrap_err(), format!("1@{}: `,` or `}}` is expected", body.find('x').unwrap()));
    // Deep nesting is refused, not followed.
    assert!(read(&format!("{{\"value\":{}", "[".repeat(100_000))).unwrap_err().contains("deeply"));
}
