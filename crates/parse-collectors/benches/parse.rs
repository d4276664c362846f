//! Values a second: `cargo bench -p triglot-parse-collectors`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use triglot_parse_collectors::collectd::Packet;
use triglot_parse_collectors::statsd::Metrics;

fn parse(criterion: &mut Criterion) {
    let part = |kind: u16, payload: &[u8]| {
        [&kind.to_be_bytes()[..], &(payload.len() as u16 + 4).to_be_bytes(), payload].concat()
    };
    let mut packet =
        [part(0, b"web1.example\0"), part(8, &(1u64 << 60).to_be_bytes()), part(2, b"cpu\0")].concat();
    let mut lines = String::new();
    for at in 0..24u8 {
        packet.extend(part(3, &[b'0' + at % 8, 0]));
        packet.extend([part(4, b"cpu\0"), part(5, b"idle\0")].concat());
        packet.extend(part(6, &[&[0, 1, 2][..], &u64::from(at).to_be_bytes()].concat()));
        lines.push_str(&format!("api.requests.{at}:{at}|c|@0.1|#env:prod\n"));
    }
    let mut group = criterion.benchmark_group("collectors");
    group.throughput(Throughput::Elements(24));
    group.bench_function("collectd", |b| {
        b.iter(|| Packet::new(black_box(&packet)).map(|l| l.unwrap().values.len()).sum::<usize>())
    });
    group.bench_function("statsd", |b| {
        b.iter(|| Metrics::new(black_box(&lines)).map(|m| m.unwrap().rate).sum::<f64>())
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
