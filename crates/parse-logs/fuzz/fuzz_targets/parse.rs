//! `cargo +nightly fuzz run parse` in `crates/parse-logs`: no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use triglot_parse_logs::bulk::Bulk;
use triglot_parse_logs::document::flatten;
use triglot_parse_logs::loki::{PushRequest, json, labels};
use triglot_parse_logs::{LogError, LogErrorKind};

fuzz_target!(|body: &[u8]| {
    let _ = PushRequest::parse(body);
    let Ok(body) = std::str::from_utf8(body) else { return };
    for item in Bulk::new(body).flatten() {
        let _ = flatten(item.document, |_| Ok::<_, LogErrorKind>(()));
    }
    let _ = json(body, |_| Ok::<_, LogError>(()));
    let _ = labels(body);
});
