use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int64Array, IntervalMonthDayNanoArray, ListArray, StringArray, StringViewArray, StructArray,
    Time32SecondArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int32Type, IntervalMonthDayNano, Schema};
use arrow::record_batch::RecordBatch;

use super::*;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> =
        columns.iter().map(|(n, a)| Field::new(*n, a.data_type().clone(), true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, a)| a).collect())
        .unwrap()
}

fn render(format: Format, batches: &[RecordBatch], separate: bool) -> Result<String, FormatError> {
    let mut writer = Writer::new(format, batches[0].schema(), separate);
    let mut out = Vec::new();
    for batch in batches {
        writer.write(batch, &mut out)?;
    }
    writer.finish(&mut out);
    Ok(String::from_utf8(out).unwrap())
}

fn one(format: Format, array: impl arrow::array::Array + 'static) -> Result<String, FormatError> {
    render(format, &[batch(vec![("c", Arc::new(array))])], false)
}

/// Three rows over the types that tables have; the expectations below are written by hand from
/// sheet section 5.
fn sample() -> RecordBatch {
    batch(vec![
        ("time", Arc::new(TimestampNanosecondArray::from(vec![1_667_456_411_000_001_000, 0, 1_500_000_000]))),
        ("name", Arc::new(StringViewArray::from(vec![Some("a,\"b\""), None, Some("")]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ("f", Arc::new(Float64Array::from(vec![Some(1.0), Some(1e16), Some(f64::NAN)]))),
        ("n", Arc::new(Int64Array::from(vec![Some(-7), None, Some(0)]))),
        ("Z", Arc::new(UInt64Array::from(vec![None, Some(u64::MAX), Some(1)]))),
    ])
}

#[test]
fn csv_and_tsv() {
    let csv = "time,name,b,f,n,Z\n\
               2022-11-03T06:20:11.000001000,\"a,\"\"b\"\"\",true,1.0,-7,\n\
               1970-01-01T00:00:00.000000000,,false,1.0e16,,18446744073709551615\n\
               1970-01-01T00:00:01.500000000,,,NaN,0,1\n";
    assert_eq!(render(Format::Csv, &[sample()], false).unwrap(), csv);
    let tsv = "time\tname\tb\tf\tn\tZ\n\
               2022-11-03T06:20:11.000001000\t\"a,\"\"b\"\"\"\ttrue\t1.0\t-7\t\n\
               1970-01-01T00:00:00.000000000\t\tfalse\t1.0e16\t\t18446744073709551615\n\
               1970-01-01T00:00:01.500000000\t\t\tNaN\t0\t1\n";
    assert_eq!(render(Format::Tsv, &[sample()], false).unwrap(), tsv);
}

#[test]
fn json_keys_are_sorted_and_nulls_left_out() {
    let rows = [
        r#"{"b":true,"f":1.0,"n":-7,"name":"a,\"b\"","time":"2022-11-03T06:20:11.000001"}"#,
        r#"{"Z":18446744073709551615,"b":false,"f":1e16,"time":"1970-01-01T00:00:00"}"#,
        r#"{"Z":1,"n":0,"name":"","time":"1970-01-01T00:00:01.500"}"#,
    ];
    assert_eq!(render(Format::Json, &[sample()], false).unwrap(), format!("[{}]", rows.join(",")));
    assert_eq!(render(Format::NdJson, &[sample()], false).unwrap(), rows.map(|r| format!("{r}\n")).concat());
}

#[test]
fn table_is_boxed_without_a_last_newline() {
    let rows = batch(vec![
        ("k", Arc::new(StringArray::from(vec![Some("x"), None, Some("l1\nl2")])) as ArrayRef),
        ("value", Arc::new(Float64Array::from(vec![1.5, 2.0, 3.0]))),
    ]);
    let wanted = "\
+----+-------+
| k  | value |
+----+-------+
| x  | 1.5   |
|    | 2.0   |
| l1 | 3.0   |
| l2 |       |
+----+-------+";
    assert_eq!(render(Format::Table, &[rows], false).unwrap(), wanted);
}

#[test]
fn no_rows() {
    let empty = sample().slice(0, 0);
    let of = |format| render(format, std::slice::from_ref(&empty), false).unwrap();
    assert_eq!(of(Format::Csv), "time,name,b,f,n,Z\n");
    assert_eq!(of(Format::Tsv), "time\tname\tb\tf\tn\tZ\n");
    assert_eq!(of(Format::Json), "");
    assert_eq!(of(Format::NdJson), "");
    let one_column = batch(vec![("a", Arc::new(Int64Array::from(Vec::<i64>::new())))]);
    assert_eq!(render(Format::Table, &[one_column], false).unwrap(), "+---+\n| a |\n+---+\n+---+");
}

#[test]
fn a_lone_null_or_empty_cell_is_two_quotes() {
    assert_eq!(
        one(Format::Csv, StringArray::from(vec![None, Some(""), Some("a")])).unwrap(),
        "c\n\"\"\n\"\"\na\n"
    );
    assert_eq!(one(Format::Tsv, Int64Array::from(vec![None, Some(1)])).unwrap(), "c\n\"\"\n1\n");
    assert_eq!(one(Format::Json, Int64Array::from(vec![None, Some(1)])).unwrap(), r#"[{},{"c":1}]"#);
}

#[test]
fn headers_are_quoted_when_needed() {
    let b = batch(vec![
        ("a,b", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("q\"", Arc::new(Int64Array::from(vec![2]))),
    ]);
    assert_eq!(render(Format::Csv, std::slice::from_ref(&b), false).unwrap(), "\"a,b\",\"q\"\"\"\n1,2\n");
    assert_eq!(render(Format::Json, &[b], false).unwrap(), r#"[{"a,b":1,"q\"":2}]"#);
}

#[test]
fn batches_join_or_stand_alone() {
    let b = |v: i64| batch(vec![("a", Arc::new(Int64Array::from(vec![v])))]);
    let two = [b(1), b(2)];
    assert_eq!(render(Format::Json, &two, false).unwrap(), r#"[{"a":1},{"a":2}]"#);
    assert_eq!(render(Format::Json, &two, true).unwrap(), r#"[{"a":1}][{"a":2}]"#);
    assert_eq!(render(Format::Csv, &two, true).unwrap(), "a\n1\n2\n");
    assert_eq!(
        render(Format::Table, &two, true).unwrap(),
        "+---+\n| a |\n+---+\n| 1 |\n+---++---+\n| a |\n+---+\n| 2 |\n+---+"
    );
}

#[test]
fn strings_are_escaped() {
    let s = StringArray::from(vec!["\u{1}\t\n\r\u{8}\u{c}\\\"é\u{7f}"]);
    assert_eq!(one(Format::NdJson, s).unwrap(), "{\"c\":\"\\u0001\\t\\n\\r\\b\\f\\\\\\\"é\u{7f}\"}\n");
    assert_eq!(
        one(Format::Csv, StringArray::from(vec!["a\r", "b\nc", "d\te"])).unwrap(),
        "c\n\"a\r\"\n\"b\nc\"\nd\te\n"
    );
    assert_eq!(one(Format::Tsv, StringArray::from(vec!["a,b", "d\te"])).unwrap(), "c\na,b\n\"d\te\"\n");
}

#[test]
fn dates_times_and_zones() {
    assert_eq!(one(Format::Csv, Date32Array::from(vec![18_262])).unwrap(), "c\n2020-01-01\n");
    assert_eq!(one(Format::Json, Date32Array::from(vec![18_262])).unwrap(), r#"[{"c":"2020-01-01"}]"#);
    assert_eq!(one(Format::Csv, Time32SecondArray::from(vec![36_000])).unwrap(), "c\n10:00:00\n");
    let zoned = TimestampNanosecondArray::from(vec![1]).with_timezone("+00:00");
    assert_eq!(one(Format::Csv, zoned.clone()).unwrap(), "c\n1970-01-01T00:00:00.000000001+00:00\n");
    assert_eq!(one(Format::Json, zoned).unwrap(), r#"[{"c":"1970-01-01T00:00:00.000000001+00:00"}]"#);
    let millis = TimestampMillisecondArray::from(vec![1]);
    assert_eq!(one(Format::Csv, millis).unwrap(), "c\n1970-01-01T00:00:00.001000000\n");
}

#[test]
fn intervals_nested_and_binary_where_they_are_carried() {
    let interval = || IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(1, 2, 3_000_000_000)]);
    let text = "0 years 1 mons 2 days 0 hours 0 mins 3.000000000 secs";
    assert_eq!(one(Format::Csv, interval()).unwrap(), format!("c\n{text}\n"));
    assert!(one(Format::Json, interval()).unwrap_err().to_string().starts_with("Json error: "));

    let window = || {
        StructArray::from(vec![
            (
                Arc::new(Field::new("start", DataType::Int64, true)),
                Arc::new(Int64Array::from(vec![Some(1)])) as ArrayRef,
            ),
            (Arc::new(Field::new("end", DataType::Int64, true)), Arc::new(Int64Array::from(vec![None]))),
        ])
    };
    assert_eq!(one(Format::Json, window()).unwrap(), r#"[{"c":{"start":1}}]"#);
    assert!(one(Format::Table, window()).unwrap().contains("| {start: 1, end: } |"));
    let refused = one(Format::Csv, window()).unwrap_err().to_string();
    assert!(
        refused.starts_with("Csv error: Nested type ") && refused.ends_with(" is not supported in CSV"),
        "{refused}"
    );

    let list = || ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None])]);
    assert_eq!(one(Format::NdJson, list()).unwrap(), "{\"c\":[1,null]}\n");
    assert!(one(Format::Table, list()).unwrap().contains("| [1, ] |"));
    assert!(one(Format::Tsv, list()).is_err());

    let bytes = || BinaryArray::from(vec![&[0x0a, 0xff][..]]);
    assert!(one(Format::Csv, bytes()).is_err());
    assert!(one(Format::Json, bytes()).is_err());
    assert!(one(Format::Table, bytes()).unwrap().contains("| 0aff |"));

    let decimal = || Decimal128Array::from(vec![-1205]).with_precision_and_scale(10, 2).unwrap();
    assert_eq!(one(Format::Csv, decimal()).unwrap(), "c\n-12.05\n");
    assert!(one(Format::Json, decimal()).is_err());
}

#[test]
fn dictionaries_read_as_their_values() {
    let d: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("a")].into_iter().collect();
    assert_eq!(one(Format::Csv, d).unwrap(), "c\na\n\"\"\na\n");
}
