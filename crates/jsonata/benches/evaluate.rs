//! Bytes a second of input: `cargo bench -p triglot-jsonata`.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use triglot_jsonata::Expression;

fn evaluate(criterion: &mut Criterion) {
    let mut body = String::from("{\"time\":\"2026-01-01 00:00:00\",\"devices\":{");
    for at in 0..10_000 {
        let comma = if at == 0 { "" } else { "," };
        write!(body, r#"{comma}"d{at}":{{"current":{at}.5,"voltage":220,"phase":0.31}}"#).unwrap();
    }
    body.push_str("}}");
    let mut group = criterion.benchmark_group("jsonata");
    group.throughput(Throughput::Bytes(body.len() as u64));
    for (name, text) in [
        ("as it is", "$"),
        ("path", "$sum(devices.*.voltage)"),
        (
            "records",
            "($t := time; $each(devices, function($d, $k) { {'time': $t, 'id': $k, 'current': $d.current} }))",
        ),
    ] {
        let expression = Expression::compile(text).unwrap();
        group.bench_function(name, |b| b.iter(|| expression.evaluate(black_box(&body), 0).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
