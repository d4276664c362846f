//! `.ci/fuzz parse-opentsdb`: no panic, progress, offsets inside the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use triglot_parse_opentsdb::{Dialect, json, telnet};

fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = std::str::from_utf8(bytes) else { return };
    for dialect in Dialect::ALL {
        let mut lines = telnet::Lines::new(body, dialect);
        let mut line = telnet::Line::new();
        let mut at = 0;
        while let Some(result) = lines.next_line(&mut line) {
            if let Err(error) = result {
                assert!(error.offset <= body.len());
            }
            assert!(lines.offset() > at);
            at = lines.offset();
        }
    }
    for point in json::Points::new(body) {
        if let Err(error) = point {
            assert!(error.offset <= body.len());
        }
    }
});
