//! `.ci/fuzz parse-prom`: no panic, offsets inside the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use triglot_parse_prom::family::Families;
use triglot_parse_prom::read::ReadRequest;
use triglot_parse_prom::text::{Entries, Entry, Format};
use triglot_parse_prom::write::{WriteRequest, duplicate_label};

fuzz_target!(|body: &[u8]| {
    for series in WriteRequest::new(body) {
        match series {
            Ok(series) => {
                let labels: Vec<_> = series.labels().flatten().collect();
                let _ = duplicate_label(&labels);
                series.samples().for_each(drop);
            }
            Err(error) => assert!(error.offset <= body.len()),
        }
    }
    let _ = ReadRequest::parse(body);
    if let Ok(page) = std::str::from_utf8(body) {
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let mut families = Families::default();
            let mut entries = Entries::new(page, format);
            while let Some(entry) = entries.next() {
                assert!(entries.offset() <= page.len());
                match entry {
                    Ok(Entry::Type { name, kind }) => families.declare(&name, kind),
                    Ok(Entry::Sample(sample)) => {
                        if let Ok(member) = families.member(&sample) {
                            assert!(member.labels(&sample.labels).count() <= sample.labels.len());
                        }
                    }
                    Err(error) => assert!(error.line <= page.split('\n').count()),
                }
            }
        }
    }
});
