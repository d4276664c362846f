//! `cargo +nightly fuzz run parse` in `crates/parse-prom`: no panic, offsets inside the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use triglot_parse_prom::read::ReadRequest;
use triglot_parse_prom::text::{Entries, Format};
use triglot_parse_prom::write::WriteRequest;

fuzz_target!(|body: &[u8]| {
    for series in WriteRequest::new(body) {
        match series {
            Ok(series) => {
                series.labels().for_each(drop);
                series.samples().for_each(drop);
            }
            Err(error) => assert!(error.offset <= body.len()),
        }
    }
    let _ = ReadRequest::parse(body);
    if let Ok(page) = std::str::from_utf8(body) {
        Entries::new(page, Format::Prometheus).for_each(drop);
        Entries::new(page, Format::OpenMetrics).for_each(drop);
    }
});
