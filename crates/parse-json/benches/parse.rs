//! Bytes a second over documents as log agents send them: `cargo bench -p triglot-parse-json`.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use triglot_parse_json::Reader;

fn parse(criterion: &mut Criterion) {
    let mut body = String::from("[");
    for at in 0..10_000u32 {
        let comma = if at == 0 { "" } else { ",\n" };
        write!(
            body,
            r#"{comma}{{"@timestamp":"2026-01-01T00:00:00.{:03}Z","message":"GET /api/items/{at} 200 \"curl/8\"","host":{{"name":"web{}","cpu":{}.{}}},"tags":["a","b"]}}"#,
            at % 1000, at % 50, at % 100, at % 7
        )
        .unwrap();
    }
    body.push(']');
    let mut group = criterion.benchmark_group("json");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("skip", |b| b.iter(|| Reader::new(black_box(&body)).skip().unwrap()));
    group.bench_function("serde_json tree", |b| {
        b.iter(|| {
            serde_json::from_str::<serde_json::Value>(black_box(&body)).unwrap().as_array().map(Vec::len)
        })
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
