//! KWDB's functions of time series against plain definitions: random rows with gaps and NULLs, random zones.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use futures::TryStreamExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use triglot_engine::auth::Peer;
use triglot_engine::disk::RealDisk;
use triglot_engine::{Engine, EngineOptions, FieldValue, IngestOptions, QueryLanguage, Session};
use triglot_model::Precision;
use triglot_sql_kwdb::{Answer, Context, language, run};

const ZONES: [Tz; 6] = [
    Tz::UTC,
    Tz::Asia__Shanghai,
    Tz::Europe__Berlin,
    Tz::America__St_Johns,
    Tz::Australia__Lord_Howe,
    Tz::Etc__GMTPlus12,
];
const SECOND: i64 = 1_000_000_000;

/// A row of a device: time, a double, an integer.
type Row = (i64, Option<f64>, Option<i64>);
/// Rows of devices, each in the order of time.
type Rows = BTreeMap<String, Vec<Row>>;

struct Node {
    engine: Engine,
    session: Session,
    language: Arc<QueryLanguage>,
    _dir: tempfile::TempDir,
}

impl Node {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(RealDisk::open(dir.path()).unwrap());
        let engine = Engine::open(EngineOptions::new(disk)).await.unwrap();
        let root = engine.auth().verify("root", "", Peer::Loopback).await.unwrap();
        let session = engine.session(root, "cnosdb", "public").unwrap();
        let language = language(&engine).unwrap();
        Self { engine, session, language, _dir: dir }
    }

    async fn write(&self, table: &str, rows: &Rows) {
        let options = IngestOptions { precision: Precision::Nano, default_time: 0, create: true };
        let mut batcher = self.engine.batcher(&self.session, options).unwrap();
        for (device, rows) in rows {
            for (time, v, n) in rows {
                let key = format!("{table},dev={device}");
                batcher
                    .begin(table, key.as_bytes(), [("dev", device.as_str())].into_iter().map(own))
                    .unwrap();
                // Every column must be known, and a row needs a field.
                batcher.field("one", FieldValue::I64(1)).unwrap();
                if let Some(v) = v {
                    batcher.field("v", FieldValue::F64(*v)).unwrap();
                }
                if let Some(n) = n {
                    batcher.field("n", FieldValue::I64(*n)).unwrap();
                }
                batcher.end_row(Some(*time)).unwrap();
            }
        }
        batcher.commit().await.unwrap();
    }

    /// The cells of a query's rows: numbers and times as numbers, texts as they are.
    async fn query(&self, zone: Tz, sql: &str) -> Vec<Vec<String>> {
        let session = self.session.clone().with_language(&self.language);
        let answer = run(&self.engine, &mut Context { session, zone }, sql).await;
        let Answer::Rows(rows) = answer.unwrap_or_else(|e| panic!("{sql}: {e}")) else { panic!("{sql}") };
        let batches: Vec<_> = rows.stream.try_collect().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let mut found = Vec::new();
        for batch in batches {
            for row in 0..batch.num_rows() {
                found.push(batch.columns().iter().map(|c| cell(c, row)).collect());
            }
        }
        found
    }
}

fn own<'a>((key, value): (&'a str, &'a str)) -> (std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>) {
    (key.into(), value.into())
}

fn cell(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".to_owned();
    }
    let one = column.slice(row, 1);
    match column.data_type() {
        DataType::Timestamp(..) | DataType::Int64 => {
            cast(&one, &DataType::Int64).unwrap().as_primitive::<Int64Type>().value(0).to_string()
        }
        DataType::Float64 | DataType::Decimal128(..) => {
            number(cast(&one, &DataType::Float64).unwrap().as_primitive::<Float64Type>().value(0))
        }
        _ => arrow::util::display::array_value_to_string(&one, 0).unwrap(),
    }
}

/// Rounded: sums come in any order.
fn number(value: f64) -> String {
    format!("{:.6}", if value == 0.0 { 0.0 } else { value })
}

fn shown<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |v| v.to_string())
}

fn random_rows(rng: &mut StdRng) -> Rows {
    // Around the changes of clocks of 2024, and before 1970.
    let starts = [1_711_800_000, 1_730_000_000, 1_712_300_000, -86_400_000];
    let mut rows = Rows::new();
    for device in ["a", "b", "c"].iter().take(rng.random_range(1..=3)) {
        let mut time = starts[rng.random_range(0..starts.len())] * SECOND;
        let steps = [1, 600, 1_800, 3_600, 20_000, 86_400, 400_000];
        let of_device = rows.entry((*device).to_owned()).or_default();
        for _ in 0..rng.random_range(1..30) {
            time += steps[rng.random_range(0..steps.len())] * SECOND + rng.random_range(0..SECOND);
            let v = rng.random_bool(0.7).then(|| f64::from(rng.random_range(-20..20)) / 4.0);
            let n = rng.random_bool(0.6).then(|| rng.random_range(0..4));
            of_device.push((time, v, n));
        }
    }
    rows
}

#[derive(Clone, Copy, Debug)]
enum Width {
    Seconds(i64),
    Days(i64),
    Months(i64),
}

const WIDTHS: [(&str, Width); 10] = [
    ("90s", Width::Seconds(90)),
    ("9999s", Width::Seconds(9_999)),
    ("1h", Width::Seconds(3_600)),
    ("7h", Width::Seconds(25_200)),
    ("1d", Width::Days(1)),
    ("3 days", Width::Days(3)),
    ("1w", Width::Days(7)),
    ("1mon", Width::Months(1)),
    ("5mon", Width::Months(5)),
    ("1y", Width::Months(12)),
];

fn year_one() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(1, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap()
}

/// The first instant at which a zone's clocks show `local`, or, where they skip it, the first after.
fn instant(local: NaiveDateTime, zone: Tz) -> i64 {
    (0..=180)
        .find_map(|minutes| zone.from_local_datetime(&(local + TimeDelta::minutes(minutes))).earliest())
        .unwrap()
        .timestamp()
        * SECOND
}

/// The bucket `[start, end)` that holds a time.
fn bucket(time: i64, width: Width, zone: Tz) -> (i64, i64) {
    let utc = DateTime::<Utc>::from_timestamp_nanos(time);
    let ahead = zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc();
    let local = utc.naive_utc() + TimeDelta::seconds(ahead.into());
    match width {
        Width::Seconds(seconds) => {
            let origin = i128::from(year_one().and_utc().timestamp());
            let width = i128::from(seconds) * i128::from(SECOND);
            let since = i128::from(time) - origin * i128::from(SECOND);
            let start = time - i64::try_from(since.rem_euclid(width)).unwrap();
            (start, start + seconds * SECOND)
        }
        Width::Days(days) => {
            let number = (local - year_one()).num_days().div_euclid(days) * days;
            let at = |day: i64| instant(year_one() + TimeDelta::days(day), zone);
            (at(number), at(number + days))
        }
        Width::Months(months) => {
            let number = i64::from(local.year() - 1) * 12 + i64::from(local.month0());
            let number = number.div_euclid(months) * months;
            let at = |month: i64| {
                let months = Months::new(u32::try_from(month).unwrap());
                instant(year_one().checked_add_months(months).unwrap(), zone)
            };
            (at(number), at(number + months))
        }
    }
}

fn groups(rows: &[Row], width: Width, zone: Tz) -> BTreeMap<i64, Vec<Row>> {
    let mut found: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for row in rows {
        found.entry(bucket(row.0, width, zone).0).or_default().push(*row);
    }
    found
}

fn sum(rows: &[Row]) -> Option<f64> {
    let known: Vec<f64> = rows.iter().filter_map(|r| r.2).map(|n| n as f64).collect();
    (!known.is_empty()).then(|| known.iter().sum())
}

/// Runs `check` on random rows in tables of their own.
async fn each(seeds: u64, check: impl AsyncFn(&Node, &str, &Rows, &mut StdRng)) {
    let node = Node::start().await;
    for seed in 0..seeds {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut rows = random_rows(&mut rng);
        // The first row makes all columns known.
        if let Some(first) = rows.values_mut().next().and_then(|of_device| of_device.first_mut()) {
            (first.1, first.2) = (Some(1.25), Some(2));
        }
        let table = format!("t{seed}");
        node.write(&table, &rows).await;
        check(&node, &table, &rows, &mut rng).await;
    }
    node.engine.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn kwdb_buckets_and_the_first_and_last_of_them() {
    each(40, async |node, table, rows, rng| {
        let zone = ZONES[rng.random_range(0..ZONES.len())];
        let (text, width) = WIDTHS[rng.random_range(0..WIDTHS.len())];
        let sql = format!(
            "SELECT dev, time_bucket(time, '{text}') tb, count(*), sum(n), first(v), last(v), first_row(n), \
             last_row(n), firstts(v), lastts(v), last_row_ts(v) FROM {table} GROUP BY dev, tb ORDER BY dev, tb"
        );
        let mut expected = Vec::new();
        for (device, rows) in rows {
            for (start, rows) in groups(rows, width, zone) {
                let known: Vec<(i64, f64)> = rows.iter().filter_map(|r| Some((r.0, r.1?))).collect();
                expected.push(vec![
                    device.clone(),
                    start.to_string(),
                    rows.len().to_string(),
                    shown(sum(&rows).map(number)),
                    shown(known.first().map(|k| number(k.1))),
                    shown(known.last().map(|k| number(k.1))),
                    shown(rows[0].2),
                    shown(rows[rows.len() - 1].2),
                    shown(known.first().map(|k| k.0)),
                    shown(known.last().map(|k| k.0)),
                    rows[rows.len() - 1].0.to_string(),
                ]);
            }
        }
        assert_eq!(node.query(zone, &sql).await, expected, "{sql} in {zone}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kwdb_gaps_are_filled_between_the_first_and_the_last_bucket_of_a_device() {
    each(40, async |node, table, rows, rng| {
        let zone = ZONES[rng.random_range(0..ZONES.len())];
        // Not more than some ten thousand buckets.
        let (text, width) = WIDTHS[rng.random_range(2..WIDTHS.len())];
        let sql = format!(
            "SELECT dev, time_bucket_gapfill(time, '{text}') tb, max(n), interpolate(max(n), PREV), \
             interpolate(max(n), NEXT), interpolate(sum(n), 5), interpolate(max(v), NULL), \
             interpolate(sum(n), LINEAR) FROM {table} GROUP BY dev, tb ORDER BY dev, tb"
        );
        let mut expected = Vec::new();
        for (device, rows) in rows {
            let real = groups(rows, width, zone);
            let (first, last) = (*real.keys().next().unwrap(), *real.keys().last().unwrap());
            let mut at = first;
            while at <= last {
                let here = real.get(&at);
                let max = |rows: &Vec<Row>| rows.iter().filter_map(|r| r.2).max();
                let (before, after) =
                    (real.range(..=at).next_back().unwrap(), real.range(at..).next().unwrap());
                let line = match here {
                    Some(rows) => sum(rows),
                    None => sum(before.1)
                        .zip(sum(after.1))
                        .map(|(a, b)| a + (b - a) * (at - before.0) as f64 / (after.0 - before.0) as f64),
                };
                let largest = |rows: &Vec<Row>| rows.iter().filter_map(|r| r.1).reduce(f64::max);
                expected.push(vec![
                    device.clone(),
                    at.to_string(),
                    shown(here.and_then(max)),
                    shown(max(before.1)),
                    shown(max(after.1)),
                    shown(here.map_or(Some(5.0), |rows| sum(rows)).map(number)),
                    shown(here.and_then(largest).map(number)),
                    shown(line.map(number)),
                ]);
                at = bucket(at, width, zone).1;
            }
        }
        assert_eq!(node.query(zone, &sql).await, expected, "{sql} in {zone}");
    })
    .await;
}

/// The windows of a device as runs of its rows.
fn cut(rows: &[Row], kind: usize, size: i64) -> Vec<Vec<Row>> {
    let mut parts: Vec<Vec<Row>> = Vec::new();
    match kind {
        0 => {
            let mut last = None;
            for row in rows {
                match (row.2, parts.last_mut()) {
                    (None, None) => {}
                    (None, Some(part)) => part.push(*row),
                    (now, Some(part)) if now == last => part.push(*row),
                    (now, _) => {
                        parts.push(vec![*row]);
                        last = now;
                    }
                }
            }
        }
        1 => {
            for row in rows {
                let joins = parts.last().and_then(|p| p.last()).is_some_and(|l| row.0 - l.0 <= size * SECOND);
                if joins { parts.last_mut().unwrap().push(*row) } else { parts.push(vec![*row]) }
            }
        }
        2 => parts.extend(rows.chunks(usize::try_from(size).unwrap()).map(<[Row]>::to_vec)),
        _ => {
            let mut open: Option<Vec<Row>> = None;
            for row in rows {
                if open.is_none() && row.1.is_some_and(|v| v > 0.0) {
                    open = Some(Vec::new());
                }
                if let Some(part) = &mut open {
                    part.push(*row);
                    if row.2 == Some(size % 4) {
                        parts.extend(open.take());
                    }
                }
            }
        }
    }
    parts
}

#[tokio::test(flavor = "multi_thread")]
async fn kwdb_group_windows_are_runs_of_rows() {
    each(40, async |node, table, rows, rng| {
        for kind in 0..4 {
            let size = [1_i64, 2, 5, 3_600, 90_000][rng.random_range(0..5)];
            let call = match kind {
                0 => "state_window(n)".to_owned(),
                1 => format!("session_window(time, '{size}s')"),
                2 => format!("count_window({size})"),
                _ => format!("event_window(v > 0, n = {})", size % 4),
            };
            let sql = format!(
                "SELECT dev, first(time), last(time), count(*), sum(n) FROM {table} GROUP BY dev, {call} \
                 ORDER BY dev, 2"
            );
            let mut expected = Vec::new();
            for (device, rows) in rows {
                for part in cut(rows, kind, size) {
                    expected.push(vec![
                        device.clone(),
                        part[0].0.to_string(),
                        part[part.len() - 1].0.to_string(),
                        part.len().to_string(),
                        shown(sum(&part).map(number)),
                    ]);
                }
            }
            assert_eq!(node.query(Tz::UTC, &sql).await, expected, "{sql}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kwdb_time_weighted_means_and_differences() {
    each(30, async |node, table, rows, _| {
        let sql =
            format!("SELECT dev, twa(time, v), elapsed(time, 1s) FROM {table} GROUP BY dev ORDER BY dev");
        let mut expected = Vec::new();
        for (device, rows) in rows {
            let known: Vec<(f64, f64)> =
                rows.iter().filter_map(|r| Some(((r.0 - rows[0].0) as f64 / SECOND as f64, r.1?))).collect();
            let area: f64 = known.windows(2).map(|w| (w[0].1 + w[1].1) / 2.0 * (w[1].0 - w[0].0)).sum();
            let mean = match known.as_slice() {
                [] => None,
                [one] => Some(one.1),
                [first, .., last] => Some(area / (last.0 - first.0)),
            };
            let span = (rows[rows.len() - 1].0 - rows[0].0) as f64 / SECOND as f64;
            expected.push(vec![device.clone(), shown(mean.map(number)), number(span)]);
        }
        assert_eq!(node.query(Tz::UTC, &sql).await, expected, "{sql}");

        let sql = format!(
            "SELECT dev, time, diff(n) OVER (PARTITION BY dev ORDER BY time) FROM {table} ORDER BY dev, time"
        );
        let mut expected = Vec::new();
        for (device, rows) in rows {
            for pair in rows.windows(2) {
                let difference = pair[1].2.zip(pair[0].2).map(|(b, a)| b - a);
                expected.push(vec![device.clone(), pair[1].0.to_string(), shown(difference)]);
            }
        }
        assert_eq!(node.query(Tz::UTC, &sql).await, expected, "{sql}");
    })
    .await;
}
