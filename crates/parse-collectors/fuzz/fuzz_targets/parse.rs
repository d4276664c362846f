//! `.ci/fuzz parse-collectors`: no panic, offsets inside the datagram.
#![no_main]

use libfuzzer_sys::fuzz_target;
use triglot_parse_collectors::collectd::Packet;
use triglot_parse_collectors::statsd::Metrics;

fuzz_target!(|bytes: &[u8]| {
    for list in Packet::new(bytes) {
        if let Err(error) = list {
            assert!(error.offset < bytes.len());
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        Metrics::new(text).for_each(drop);
    }
});
