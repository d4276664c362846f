//! Samples a second of remote write as Prometheus sends it (500 series of 10 labels, 1 and 20 samples each):
//! `cargo bench -p triglot-parse-prom`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use triglot_parse_prom::encode::{Sample, write_request};
use triglot_parse_prom::text::{Entries, Format};
use triglot_parse_prom::write::WriteRequest;

fn body(series: usize, samples: usize) -> Vec<u8> {
    let hosts: Vec<String> = (0..series).map(|at| format!("10.0.{}.{}:9100", at / 250, at % 250)).collect();
    write_request(hosts.iter().map(|host| {
        let mut labels = vec![("__name__", "node_cpu_seconds_total"), ("instance", &**host)];
        labels.extend([
            ("cpu", "7"),
            ("mode", "idle"),
            ("job", "node"),
            ("region", "eu-central-1"),
            ("env", "prod"),
            ("team", "core"),
            ("dc", "fra1"),
            ("rack", "r17"),
        ]);
        let at =
            |n: usize| Sample { timestamp: 1_700_000_000_000 + 15_000 * n as i64, value: n as f64 * 0.37 };
        (labels, (0..samples).map(at).collect())
    }))
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("remote_write");
    for samples in [1, 20] {
        let body = body(500, samples);
        group.throughput(Throughput::Elements(500 * samples as u64));
        group.bench_function(format!("{samples} a series, labels read"), |b| {
            b.iter(|| {
                let (mut sum, mut bytes) = (0.0, 0);
                for series in WriteRequest::new(black_box(&body)) {
                    let series = series.unwrap();
                    bytes += series.labels().map(|l| l.unwrap().1.len()).sum::<usize>();
                    sum += series.samples().map(|s| s.unwrap().value).sum::<f64>();
                }
                (sum, bytes)
            });
        });
        group.bench_function(format!("{samples} a series, series known"), |b| {
            b.iter(|| {
                let (mut sum, mut bytes) = (0.0, 0);
                for series in WriteRequest::new(black_box(&body)) {
                    let series = series.unwrap();
                    bytes += series.labels_raw().unwrap().len();
                    sum += series.samples().map(|s| s.unwrap().value).sum::<f64>();
                }
                (sum, bytes)
            });
        });
    }
    group.finish();

    let page: String = (0..5000)
        .map(|at| format!("node_cpu_seconds_total{{cpu=\"{}\",mode=\"idle\"}} {at}.25\n", at % 8))
        .collect();
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("page", |b| {
        b.iter(|| Entries::new(black_box(&page), Format::Prometheus).filter(Result::is_ok).count())
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
