//! From samples to rows, as telegraf's parser of Prometheus' formats (metric version 1) and so taosAdapter does it: a table
//! for each family of metrics, a row for each metric and time, all values DOUBLE.
//!
//! | family | columns |
//! |---|---|
//! | counter, gauge, info | `counter`, `gauge`, `info` |
//! | untyped and unknown | `value` |
//! | histogram | the bounds of its buckets (`0.1`, `+Inf`), `sum`, `count` |
//! | summary | its quantiles (`0.99`), `sum`, `count` |
//! | state set | its states: 1 or 0 |
//!
//! Where OpenMetrics says since when something is counted, that is the column `created`. Tags are the labels and `url`; a
//! label of that name is the tag `exported_url`. An empty label is none, as everywhere in Prometheus.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use triglot_parse_prom::family::{Kind, Member, Part};
use triglot_parse_prom::text::{Entry, Labels, TextSample, Timestamp};
use triglot_sql_tdengine::TaosError;
use triglot_sql_tdengine::schemaless::{Points, Time, Value};

use super::page::Page;
use crate::json;
use crate::schemaless::influx::invalid;

/// The tag with the target's address.
const URL: &str = "url";
/// What a label of that name is called, by Prometheus' rule for labels that meet those of the server.
const EXPORTED_URL: &str = "exported_url";

/// Some lines of a page.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub(super) page: Arc<Page>,
    /// Bytes of the page; whole lines.
    pub(super) range: Range<usize>,
}

/// What rows have that is not in the page.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) url: Arc<str>,
    /// When the page was asked for.
    pub(super) now_ns: i64,
    pub(super) ignores_timestamps: bool,
}

/// Reads lines into rows. Samples side by side that are parts of one metric make one row; parts that stand apart make
/// several of the same time, which the table merges by column.
pub(super) fn read_rows<'a>(
    lines: &'a Lines,
    reading: &Reading,
    points: &mut Points<'a>,
) -> Result<(), TaosError> {
    let mut row: Option<Row<'a>> = None;
    for entry in lines.page.entries(lines.range.clone()) {
        let Entry::Sample(sample) = entry.map_err(invalid)? else { continue };
        let member = lines.page.families().member(&sample).map_err(invalid)?;
        let (time, column) = (reading.time(&sample), column(&member));
        let value = Value::F64(sample.value);
        if let Some(row) = &mut row
            && row.is_of(&member, &sample.labels, time)
            && row.values.iter().all(|(name, _)| *name != column)
        {
            row.values.push((column, value));
            continue;
        }
        let next = Row {
            family: member.family.to_owned(),
            labels: labels(&member, &sample.labels).cloned().collect(),
            time,
            values: vec![(column, value)],
        };
        if let Some(done) = row.replace(next) {
            done.put(&reading.url, points)?;
        }
    }
    row.map_or(Ok(()), |last| last.put(&reading.url, points))
}

impl Reading {
    /// The time of the sample, else that of the page. 0 is "now" wherever rows come without a schema.
    fn time(&self, sample: &TextSample<'_>) -> Time {
        let told = sample.timestamp.filter(|_| !self.ignores_timestamps);
        match told {
            Some(Timestamp::Millis(value)) if value != 0 => Time { value, unit_ns: 1_000_000 },
            Some(Timestamp::Nanos(value)) if value != 0 => Time { value, unit_ns: 1 },
            _ => Time { value: self.now_ns, unit_ns: 1 },
        }
    }
}

/// The values of one metric at one time.
struct Row<'a> {
    family: String,
    labels: Labels<'a>,
    time: Time,
    values: Vec<(Cow<'static, str>, Value<'a>)>,
}

impl<'a> Row<'a> {
    fn is_of(&self, member: &Member<'_>, of_sample: &Labels<'a>, time: Time) -> bool {
        self.family == member.family && self.time == time && labels(member, of_sample).eq(self.labels.iter())
    }

    fn put(self, url: &str, points: &mut Points<'a>) -> Result<(), TaosError> {
        let mut tags = Vec::with_capacity(self.labels.len() + 1);
        for (name, value) in self.labels {
            let name = if name == URL { Cow::Borrowed(EXPORTED_URL) } else { name };
            tags.push((name, Value::Nchar(value)));
        }
        tags.push((Cow::Borrowed(URL), Value::Nchar(Cow::Owned(url.to_owned()))));
        let series = points.series(None, &self.family, tags)?;
        points.row(series, Some(self.time), self.values)
    }
}

fn labels<'l, 'a>(
    member: &Member<'l>,
    of_sample: &'l Labels<'a>,
) -> impl Iterator<Item = &'l (Cow<'a, str>, Cow<'a, str>)> {
    member.labels(of_sample).filter(|(_, value)| !value.is_empty())
}

/// The column of a sample.
fn column(member: &Member<'_>) -> Cow<'static, str> {
    let name = match member.part {
        Part::Bucket(bound) | Part::Quantile(bound) => return Cow::Owned(json::go_text(bound)),
        Part::State(state) => return Cow::Owned(state.to_owned()),
        Part::Sum => "sum",
        Part::Count => "count",
        Part::Created => "created",
        Part::Value => match member.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Info => "info",
            _ => "value",
        },
    };
    Cow::Borrowed(name)
}
