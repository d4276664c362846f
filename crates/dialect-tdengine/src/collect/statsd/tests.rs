//! The aggregator by examples, and against plain lists of values.

use std::collections::BTreeMap;

use proptest::prelude::*;
use triglot_parse_collectors::statsd::Metrics;

use super::aggregate::{Aggregator, Deletes, NotGathered};
use crate::collect::rows::{Number, Row};

const ROOM: usize = 1 << 20;

fn add(aggregator: &mut Aggregator, lines: &str) {
    for metric in Metrics::new(lines) {
        aggregator.add(&metric.unwrap()).unwrap();
    }
}

/// Rows as `table{tag=text,…} field=value …`, sorted.
fn shown(rows: &[Row]) -> Vec<String> {
    let mut all: Vec<String> = rows
        .iter()
        .map(|row| {
            let tags: Vec<String> = row.tags.iter().map(|(name, text)| format!("{name}={text}")).collect();
            let fields = row.fields.iter().map(|(name, number)| match number {
                Number::Int(value) => format!(" {name}={value}i"),
                Number::Float(value) => format!(" {name}={value}"),
            });
            format!("{}{{{}}}{}", row.table, tags.join(","), fields.collect::<String>())
        })
        .collect();
    all.sort();
    all
}

fn gathered(lines: &str) -> Vec<String> {
    let mut aggregator = Aggregator::new(Deletes::default(), ROOM);
    add(&mut aggregator, lines);
    shown(&aggregator.rows(0))
}

#[test]
fn values_are_gathered_by_their_type() {
    let counters = "a.b:1|c\na.b:2|c|@0.1\na.b:-4|c\na.b:1.9|c";
    assert_eq!(gathered(counters), ["a_b{metric_type=counter} value=18i"]);
    assert_eq!(gathered("g:5|g\ng:+2.5|g\ng:-1|g"), ["g{metric_type=gauge} value=6.5"]);
    assert_eq!(gathered("g:+2|g"), ["g{metric_type=gauge} value=2"]);
    assert_eq!(gathered("g:-2|g\ng:7|g"), ["g{metric_type=gauge} value=7"]);
    assert_eq!(gathered("s:a|s\ns:b|s\ns:a|s"), ["s{metric_type=set} value=2i"]);
    // Telegraf's own test: 1, 11, 1, 1, 1.
    assert_eq!(
        gathered("t:1|ms\nt:11|ms\nt:1|ms\nt:1|ms\nt:1|ms"),
        ["t{metric_type=timing} mean=3 stddev=4 sum=15 upper=11 lower=1 count=5i"]
    );
    assert_eq!(
        gathered("t:4|h|@0.5\nt:1|d"),
        [
            "t{metric_type=distribution} mean=1 stddev=0 sum=1 upper=1 lower=1 count=1i",
            "t{metric_type=histogram} mean=4 stddev=0 sum=8 upper=4 lower=4 count=2i",
        ]
    );
}

#[test]
fn tags_tell_series_apart() {
    assert_eq!(
        gathered("m,b=2,a=1:1|c\nm:1|c|#a:1,b:2\nm:1|c|#a:1,b:2,b:3\nm,flag:1|c|#f"),
        [
            "m{a=1,b=2,metric_type=counter} value=2i",
            "m{a=1,b=3,metric_type=counter} value=1i",
            "m{f=true,flag=true,metric_type=counter} value=1i",
        ]
    );
    // How a value was gathered is not the sender's to say.
    assert_eq!(gathered("m:1|c|#metric_type:x"), ["m{metric_type=counter} value=1i"]);
}

#[test]
fn what_is_not_forgotten_goes_on() {
    let kept = Deletes { counters: false, gauges: false, sets: false, timings: false };
    for (deletes, second) in [
        (Deletes::default(), vec!["c{metric_type=counter} value=1i"]),
        (
            kept,
            vec![
                "c{metric_type=counter} value=3i",
                "g{metric_type=gauge} value=1",
                "s{metric_type=set} value=1i",
                "t{metric_type=timing} mean=1 stddev=0 sum=1 upper=1 lower=1 count=1i",
            ],
        ),
    ] {
        let mut aggregator = Aggregator::new(deletes, ROOM);
        add(&mut aggregator, "c:2|c\ng:1|g\ns:a|s\nt:1|ms");
        assert_eq!(aggregator.rows(0).len(), 4);
        add(&mut aggregator, "c:1|c");
        assert_eq!(shown(&aggregator.rows(0)), second);
    }
}

#[test]
fn counters_do_not_wrap_and_memory_is_bounded() {
    let first = |lines: &'static str| Metrics::new(lines).next().unwrap().unwrap();
    let mut aggregator = Aggregator::new(Deletes::default(), ROOM);
    assert_eq!(aggregator.add(&first("c:9223372036854775807|c")), Ok(()));
    assert_eq!(aggregator.add(&first("c:1|c")), Err(NotGathered::Overflow));
    assert_eq!(aggregator.add(&first("d:1e300|c")), Err(NotGathered::Overflow));
    assert_eq!(shown(&aggregator.rows(0)), ["c{metric_type=counter} value=9223372036854775807i"]);

    let mut aggregator = Aggregator::new(Deletes::default(), 2_000);
    let names: Vec<String> = (0..100).map(|n| format!("m{n}:1|c\ns:{n}|s")).collect();
    let results: Vec<_> =
        names.iter().flat_map(|lines| Metrics::new(lines)).map(|m| aggregator.add(&m.unwrap())).collect();
    let full = results.iter().filter(|r| **r == Err(NotGathered::Full)).count();
    assert!(full > 150 && results[..2] == [Ok(()), Ok(())], "{full}");
    let (rows, taken) = (aggregator.rows(0), results.len() - full);
    // Each counter that was taken is a row, and the texts of the set are one.
    let texts = rows.iter().find(|row| row.table == "s").unwrap().fields[0].1;
    assert_eq!(texts, Number::Int((taken - (rows.len() - 1)) as i64));
    add(&mut aggregator, "again:1|c");
    assert_eq!(aggregator.rows(0).len(), 1, "what was written makes room");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Against lists of everything that was sent.
    #[test]
    fn rows_are_those_of_a_plain_model(
        sent in prop::collection::vec((0usize..5, 0usize..2, 0usize..3, -1000i32..1000, 0usize..3), 1..120),
    ) {
        let (types, names, tags) = (["c", "g", "s", "ms", "h"], ["a.x", "b"], ["", ",t=1", ",t=2"]);
        let rates = [1u32, 2, 10];
        let mut aggregator = Aggregator::new(Deletes::default(), ROOM);
        let mut model: BTreeMap<(usize, usize, usize), Vec<(i32, u32)>> = BTreeMap::new();
        for (ty, name, tag, value, rate) in sent {
            let rate = if types[ty] == "g" || types[ty] == "s" { 1 } else { rates[rate] };
            let line = format!("{}{}:{value}|{}|@{}", names[name], tags[tag], types[ty], 1.0 / f64::from(rate));
            add(&mut aggregator, &line);
            model.entry((ty, name, tag)).or_default().push((value, rate));
        }
        let rows = aggregator.rows(7);
        prop_assert_eq!(rows.len(), model.len());
        for ((ty, name, tag), values) in model {
            let kind = ["counter", "gauge", "set", "timing", "histogram"][ty];
            let row = rows.iter().find(|row| {
                row.table == names[name].replace('.', "_")
                    && row.tags.iter().any(|(n, v)| n == "metric_type" && v == kind)
                    && row.tags.iter().find(|(n, _)| n == "t").map_or("", |(_, v)| v) == tags[tag].trim_start_matches(",t=")
            }).unwrap();
            prop_assert_eq!(row.time_ns, 7);
            let field = |name: &str| match row.fields.iter().find(|(n, _)| n == name).unwrap().1 {
                Number::Int(value) => value as f64,
                Number::Float(value) => value,
            };
            let all: Vec<f64> = values.iter().flat_map(|(v, rate)| vec![f64::from(*v); *rate as usize]).collect();
            let sum: f64 = all.iter().sum();
            match types[ty] {
                "c" => prop_assert_eq!(field("value"), sum),
                // A minus sign makes a change of it.
                "g" => prop_assert_eq!(field("value"), values.iter().fold(0.0, |now, (v, _)| {
                    if *v < 0 { now + f64::from(*v) } else { f64::from(*v) }
                })),
                "s" => {
                    let texts: std::collections::BTreeSet<_> = values.iter().map(|(v, _)| v).collect();
                    prop_assert_eq!(field("value"), texts.len() as f64);
                }
                _ => {
                    let (count, mean) = (all.len() as f64, sum / all.len() as f64);
                    let variance = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
                    prop_assert_eq!(field("count"), count);
                    prop_assert!((field("sum") - sum).abs() < 1e-6);
                    prop_assert!((field("mean") - mean).abs() < 1e-9);
                    prop_assert!((field("stddev") - variance.sqrt()).abs() < 1e-6);
                    prop_assert_eq!(field("upper"), all.iter().copied().fold(f64::MIN, f64::max));
                    prop_assert_eq!(field("lower"), all.iter().copied().fold(f64::MAX, f64::min));
                }
            }
        }
    }
}
