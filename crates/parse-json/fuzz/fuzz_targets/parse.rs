//! `.ci/fuzz parse-json`: no panic, offsets inside the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use triglot_parse_json::Reader;

fuzz_target!(|text: &str| {
    let mut reader = Reader::new(text);
    if let Err(error) = reader.skip().and_then(|()| reader.end()) {
        assert!(error.offset <= text.len());
    }
});
