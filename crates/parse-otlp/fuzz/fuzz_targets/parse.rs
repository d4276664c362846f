//! `.ci/fuzz parse-otlp`: no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use triglot_parse_otlp::{parse_json, parse_protobuf};

fuzz_target!(|body: &[u8]| {
    if let Ok(request) = parse_protobuf(body) {
        assert_eq!(format!("{:?}", parse_protobuf(&request.to_bytes()).unwrap()), format!("{request:?}"));
    }
    if let Ok(text) = std::str::from_utf8(body) {
        let _ = parse_json(text);
    }
});
