//! The documented example, the wire by hand, arbitrary bodies.

use proptest::prelude::*;
use triglot_parse_otlp::{
    AnyValue, KeyValue, OtlpError, Status, TracesRequest, Value, parse_json, parse_protobuf,
};

/// After opentelemetry-proto/examples/trace.json.
const EXAMPLE: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my.service"}}]},
 "scopeSpans":[{"scope":{"name":"my.library","version":"1.0.0","attributes":[{"key":"my.scope.attribute","value":{"stringValue":"some scope attribute"}}]},
 "spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","parentSpanId":"EEE19B7EC3C1B173","name":"I'm a server span",
 "startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661000000000,"kind":2,"attributes":[{"key":"my.span.attr","value":{"stringValue":"some value"}}],
 "events":[{"timeUnixNano":"1544712660500000000","name":"e","attributes":[]}],"links":[{"traceId":"","spanId":"01","flags":256}],
 "status":{"code":"STATUS_CODE_ERROR","message":"bad"},"unknown":{"a":[1]}}]}]}]}"#;

#[test]
fn the_documented_example() {
    let request = parse_json(EXAMPLE).unwrap();
    let scope = &request.resource_spans[0].scope_spans[0];
    let span = &scope.spans[0];
    assert_eq!(scope.scope.as_ref().unwrap().version, "1.0.0");
    assert_eq!(
        span.trace_id,
        [0x5b, 0x8e, 0xff, 0xf7, 0x98, 3, 0x81, 3, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c]
    );
    assert_eq!(
        (span.start_time_unix_nano, span.end_time_unix_nano),
        (1_544_712_660_000_000_000, 1_544_712_661_000_000_000)
    );
    assert_eq!(span.kind_name(), "SPAN_KIND_SERVER");
    assert_eq!(span.attributes[0].text(), "some value");
    assert_eq!((span.events[0].time_unix_nano, span.links[0].flags), (1_544_712_660_500_000_000, 256));
    let status = span.status.as_ref().unwrap();
    assert_eq!((status.code_name(), status.message.as_str()), ("STATUS_CODE_ERROR", "bad"));
    assert_eq!(parse_protobuf(&request.to_bytes()).unwrap(), request);
}

#[test]
fn the_wire_by_hand() {
    // One span: name "a" (5), kind 3 (6), start 1 (7, fixed64), flags 1 (16, fixed32).
    let span = b"\x2a\x01a\x30\x03\x39\x01\0\0\0\0\0\0\0\x85\x01\x01\0\0\0";
    let mut body = vec![0x0a, span.len() as u8 + 4, 0x12, span.len() as u8 + 2, 0x12, span.len() as u8];
    body.extend_from_slice(span);
    let request = parse_protobuf(&body).unwrap();
    let read = &request.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(
        (read.name.as_str(), read.kind_name(), read.start_time_unix_nano, read.flags),
        ("a", "SPAN_KIND_CLIENT", 1, 1)
    );
    assert!(matches!(parse_protobuf(&body[..9]), Err(OtlpError::Proto(_))));
    assert_eq!(parse_protobuf(b"").unwrap(), TracesRequest::default());
}

#[test]
fn values_as_text() {
    let read = |value: &str| {
        let body = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{value}}}]}}}}]}}"#
        );
        parse_json(&body).map(|r| r.resource_spans[0].resource.as_ref().unwrap().attributes[0].text())
    };
    for (value, text) in [
        (r#"{"stringValue":"a\"b"}"#, "a\"b"),
        (r#"{"boolValue":true}"#, "true"),
        (r#"{"intValue":"-9223372036854775808"}"#, "-9223372036854775808"),
        (r#"{"intValue":7}"#, "7"),
        (r#"{"doubleValue":1.5}"#, "1.5"),
        (r#"{"doubleValue":"NaN"}"#, "NaN"),
        (r#"{"bytesValue":"AP8="}"#, "00ff"),
        (r#"{"arrayValue":{"values":[{"stringValue":"a\n"},{"intValue":"1"},{}]}}"#, r#"["a\u000a",1,null]"#),
        (r#"{"kvlistValue":{"values":[{"key":"x","value":{"boolValue":false}}]}}"#, r#"{"x":false}"#),
        ("{}", ""),
        ("null", ""),
    ] {
        assert_eq!(read(value), Ok(text.to_owned()), "{value}");
    }
    for wrong in [
        r#"{"intValue":1.5}"#,
        r#"{"boolValue":"true"}"#,
        r#"{"bytesValue":"!"}"#,
        r#"{"stringValue":1}"#,
        "7",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn unknown_numbers_of_enumerations_are_the_first_name() {
    assert_eq!(Status { code: 77, message: String::new() }.code_name(), "STATUS_CODE_UNSET");
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| {
        format!("{}{{}}{}", "{\"arrayValue\":{\"values\":[".repeat(depth), "]}}".repeat(depth))
    };
    let body = |value: String| {
        format!(r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"value":{value}}}]}}}}]}}"#)
    };
    assert!(parse_json(&body(nested(10))).is_ok());
    assert!(matches!(parse_json(&body(nested(1000))), Err(OtlpError::Json(_))));
    let mut value = AnyValue::default();
    for _ in 0..1000 {
        value =
            AnyValue { value: Some(Value::Array(triglot_parse_otlp::ArrayValue { values: vec![value] })) };
    }
    let mut request = parse_json(EXAMPLE).unwrap();
    request.resource_spans[0]
        .resource
        .as_mut()
        .unwrap()
        .attributes
        .push(KeyValue { key: String::new(), value: Some(value) });
    assert!(parse_protobuf(&request.to_bytes()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_body(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = parse_protobuf(&bytes);
    }

    #[test]
    fn any_text(pieces in prop::collection::vec(prop_oneof![
        prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"resourceSpans\":[", "\"scopeSpans\":[", "\"spans\":[", "\"attributes\":[", "\"value\":{",
            "\"intValue\":", "\"doubleValue\":", "\"traceId\":", "\"kind\":", "\"0aF\"", "\"9e99\"", "null", "-1", "\"",
        ]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ], 0..24)) {
        let text = pieces.concat();
        match parse_json(&text) {
            Err(OtlpError::Json(error)) => prop_assert!(error.offset <= text.len()),
            Err(OtlpError::Member { offset, .. }) => prop_assert!(offset <= text.len()),
            Err(OtlpError::Proto(_)) => prop_assert!(false, "JSON is no message"),
            Ok(request) => drop(request.to_bytes()),
        }
    }

    #[test]
    fn damaged_examples(at in 0..EXAMPLE.len(), byte in any::<u8>()) {
        let mut text = EXAMPLE.as_bytes().to_vec();
        text[at] = byte;
        if let Ok(text) = std::str::from_utf8(&text) {
            // What is read is JSON.
            if parse_json(text).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(text).is_ok());
            }
        }
        let mut bytes = parse_json(EXAMPLE).unwrap().to_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = parse_protobuf(&bytes);
    }
}
