//! `.ci/fuzz parse-lp`: no panic, progress, offsets inside the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use triglot_parse_lp::{Dialect, Line, Parser};

fuzz_target!(|bytes: &[u8]| {
    for dialect in Dialect::ALL {
        let Ok(mut parser) = Parser::from_bytes(bytes, dialect) else { return };
        let mut line = Line::new();
        let mut at = 0;
        while let Some(result) = parser.next_line(&mut line) {
            match result {
                Ok(point) => {
                    let _ = (point.measurement(), point.duplicate_tag(), point.duplicate_field());
                    point.tags().iter().for_each(|tag| drop((tag.key(), tag.value())));
                }
                Err(error) => {
                    assert!(error.offset <= bytes.len());
                    let _ = error.to_string();
                }
            }
            assert!(parser.offset() > at);
            at = parser.offset();
        }
    }
});
