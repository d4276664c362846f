//! Bytes a second of bulk bodies, documents flattened: `cargo bench -p triglot-parse-logs`.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use triglot_parse_logs::LogErrorKind;
use triglot_parse_logs::bulk::Bulk;
use triglot_parse_logs::document::flatten;

fn parse(criterion: &mut Criterion) {
    let mut body = String::new();
    for at in 0..10_000u32 {
        writeln!(body, r#"{{"create":{{"_index":"filebeat-8.4.0"}}}}"#).unwrap();
        writeln!(
            body,
            r#"{{"@timestamp":"2026-01-01T00:00:00.{:03}Z","message":"10.0.{}.{} - - GET /api/items/{at} HTTP/1.1 200 {}","host":{{"name":"web{}","cpu":{}.{}}},"log":{{"offset":{at},"file":{{"path":"/var/log/nginx/access.log"}}}},"ecs":{{"version":"8.0.0"}}}}"#,
            at % 1000, at % 250, at % 199, at * 7 % 4096, at % 50, at % 100, at % 7
        )
        .unwrap();
    }
    let mut group = criterion.benchmark_group("bulk");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("flattened", |b| {
        b.iter(|| {
            let mut bytes = 0;
            for item in Bulk::new(black_box(&body)) {
                flatten(item.unwrap().document, |field| {
                    bytes += field.path.len() + field.value.into_text().len();
                    Ok::<_, LogErrorKind>(())
                })
                .unwrap();
            }
            bytes
        });
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
