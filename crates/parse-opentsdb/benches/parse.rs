//! Bytes a second over 10,000 points: `cargo bench -p triglot-parse-opentsdb`.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use triglot_parse_opentsdb::{Dialect, json, telnet};

fn parse(criterion: &mut Criterion) {
    let (mut lines, mut points) = (String::new(), String::from("["));
    for at in 0..10_000u64 {
        let (host, value) = (at % 100, at * 7919 % 100_003);
        let time = 1_346_846_400 + at / 100;
        writeln!(
            lines,
            "put sys.cpu.user {time} {}.{} host=web{host} cpu={} dc=lga",
            value / 100,
            value % 100,
            at % 8
        )
        .unwrap();
        let comma = if at == 0 { "" } else { "," };
        write!(points, r#"{comma}{{"metric":"sys.cpu.user","timestamp":{time},"value":{}.{},"tags":{{"host":"web{host}","cpu":"{}","dc":"lga"}}}}"#, value / 100, value % 100, at % 8).unwrap();
    }
    points.push(']');
    let mut group = criterion.benchmark_group("opentsdb");
    group.throughput(Throughput::Bytes(lines.len() as u64));
    group.bench_function("telnet", |b| {
        b.iter(|| {
            let mut reader = telnet::Lines::new(black_box(&lines), Dialect::TdEngine);
            let (mut line, mut sum) = (telnet::Line::new(), 0.0);
            while let Some(result) = reader.next_line(&mut line) {
                sum += result.unwrap().number().unwrap();
            }
            sum
        });
    });
    group.throughput(Throughput::Bytes(points.len() as u64));
    group.bench_function("json", |b| {
        b.iter(|| json::Points::new(black_box(&points)).map(|p| p.unwrap().tags.len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
