//! Bytes a second over TSBS cpu-only lines, 10,000 lines a body: `cargo bench -p triglot-parse-lp`.

use std::collections::HashSet;
use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use triglot_parse_lp::{Dialect, Line, Parser};

const FIELDS: [&str; 10] = [
    "usage_user",
    "usage_system",
    "usage_idle",
    "usage_nice",
    "usage_iowait",
    "usage_irq",
    "usage_softirq",
    "usage_steal",
    "usage_guest",
    "usage_guest_nice",
];
const REGIONS: [&str; 4] = ["eu-central-1", "us-west-2", "ap-southeast-1", "sa-east-1"];

/// A small generator of our own, so that the numbers differ from line to line as they do in life.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn body(lines: usize, float: bool) -> String {
    let mut random = Random(42);
    let mut body = String::new();
    let hosts: Vec<String> = (0..100)
        .map(|host| {
            let region = REGIONS[random.below(4) as usize];
            format!(
                "cpu,hostname=host_{host},region={region},datacenter={region}a,rack={},os=Ubuntu15.10,arch=x86,team=SF,\
                 service={},service_version={},service_environment=test",
                random.below(100), random.below(20), random.below(2),
            )
        })
        .collect();
    for line in 0..lines {
        body.push_str(&hosts[line % hosts.len()]);
        for (at, field) in FIELDS.iter().enumerate() {
            let separator = if at == 0 { ' ' } else { ',' };
            let value = random.below(101);
            if float {
                write!(body, "{separator}{field}={value}.{}", random.below(1_000_000)).unwrap();
            } else {
                write!(body, "{separator}{field}={value}i").unwrap();
            }
        }
        writeln!(body, " {}", 1_451_606_400_000_000_000u64 + (line / hosts.len()) as u64 * 10_000_000_000)
            .unwrap();
    }
    body
}

fn count(body: &str, dialect: Dialect) -> usize {
    let mut parser = Parser::new(body, dialect);
    let mut line = Line::new();
    let mut fields = 0;
    while let Some(result) = parser.next_line(&mut line) {
        fields += black_box(result.unwrap()).fields().len();
    }
    fields
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tsbs_cpu");
    for (kind, float) in [("integers", false), ("floats", true)] {
        let body = body(10_000, float);
        group.throughput(Throughput::Bytes(body.len() as u64));
        for (name, dialect) in [("cnosdb", Dialect::CnosDb), ("influx", Dialect::Influx)] {
            group.bench_function(format!("{kind}/{name}"), |b| b.iter(|| count(black_box(&body), dialect)));
        }
        // The upper bound of an ingester that knows its series: the look-up itself is one comparison.
        let keys: HashSet<String> = Parser::new(&body, Dialect::CnosDb)
            .map(|line| line.unwrap().series_key_raw().to_owned())
            .collect();
        assert_eq!(keys.len(), 100);
        group.bench_function(format!("{kind}/cnosdb, series known"), |b| {
            b.iter(|| {
                let mut parser = Parser::new(black_box(&body), Dialect::CnosDb);
                let mut line = Line::new();
                let mut fields = 0;
                while let Some(result) = parser.next_line_known(&mut line, |key| black_box(key).len() > 100) {
                    fields += black_box(result.unwrap()).fields().len();
                }
                fields
            })
        });
        group.bench_function(format!("{kind}/utf-8 check"), |b| {
            b.iter(|| std::str::from_utf8(black_box(body.as_bytes())).unwrap().len())
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
