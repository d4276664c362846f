//! `.ci/fuzz parse-logs`: no panic, lines inside the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use triglot_parse_logs::bulk::Bulk;
use triglot_parse_logs::document::flatten;
use triglot_parse_logs::loki::{PushRequest, json, labels};
use triglot_parse_logs::{LogError, LogErrorKind};

fuzz_target!(|body: &[u8]| {
    if let Ok(push) = PushRequest::parse(body) {
        for stream in &push.streams {
            let _ = labels(&stream.labels);
            stream.entries.iter().for_each(|entry| drop(entry.timestamp.map(|time| time.as_ns())));
        }
    }
    let Ok(body) = std::str::from_utf8(body) else { return };
    for item in Bulk::new(body) {
        match item {
            Ok(item) => drop(flatten(item.document, |_| Ok::<_, LogErrorKind>(()))),
            Err(error) => assert!(error.line <= body.split('\n').count()),
        }
    }
    let _ = json(body, |_| Ok::<_, LogError>(()));
    let _ = labels(body);
});
