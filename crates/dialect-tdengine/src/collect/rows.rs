//! Rows that an agent has gathered or decoded itself, on their way to the engine.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;
use triglot_sql_tdengine::TaosError;
use triglot_sql_tdengine::schemaless::{Body, Points, Time, Value};

use super::batch::by_halves;
use super::sink::Sink;
use super::stop::Stop;

/// Rows of one write.
const ROWS_OF_WRITE: usize = 2_000;

/// A row: one table, tags, fields, and a time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// The super table; dots become underscores.
    pub(crate) table: String,
    /// Names and texts; none is empty.
    pub(crate) tags: Vec<(Cow<'static, str>, String)>,
    /// At least one.
    pub(crate) fields: Vec<(Cow<'static, str>, Number)>,
    /// Nanoseconds since 1970.
    pub(crate) time_ns: i64,
}

/// A value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// BIGINT
    Int(i64),
    /// DOUBLE
    Float(f64),
}

impl Row {
    /// About the memory that the row takes.
    fn bytes(&self) -> usize {
        let tags: usize = self.tags.iter().map(|(name, value)| name.len() + value.len() + 64).sum();
        self.table.len() + tags + self.fields.len() * 48
    }
}

/// Some rows of several.
#[derive(Clone)]
struct Slice {
    all: Arc<[Row]>,
    range: Range<usize>,
}

/// Writes rows, `at_once` writes at a time; those that cannot be stored are counted and told. Returns when all is done.
pub(crate) async fn store_rows(sink: &Sink, stop: &Stop, rows: Vec<Row>, at_once: usize) {
    let all: Arc<[Row]> = rows.into();
    let begins = (0..all.len()).step_by(ROWS_OF_WRITE);
    stream::iter(begins)
        .for_each_concurrent(at_once.max(1), |begin| {
            let end = (begin + ROWS_OF_WRITE).min(all.len());
            store_range(sink, stop, &all, begin..end)
        })
        .await;
}

async fn store_range(sink: &Sink, stop: &Stop, all: &Arc<[Row]>, range: Range<usize>) {
    let write = |range: Range<usize>| {
        let bytes = all.get(range.clone()).unwrap_or_default().iter().map(Row::bytes).sum();
        let content = Slice { all: Arc::clone(all), range };
        async move { sink.store(stop, Body { content, bytes }, read).await }
    };
    by_halves(range, write, |rows, error| sink.lost("store", rows, error)).await;
}

fn read<'a>(slice: &'a Slice, points: &mut Points<'a>) -> Result<(), TaosError> {
    for row in slice.all.get(slice.range.clone()).unwrap_or_default() {
        let tags =
            row.tags.iter().map(|(name, text)| (Cow::Borrowed(&**name), Value::Nchar(text.as_str().into())));
        let series = points.series(None, &row.table, tags.collect())?;
        let fields = row.fields.iter().map(|(name, number)| {
            let value = match number {
                Number::Int(value) => Value::I64(*value),
                Number::Float(value) => Value::F64(*value),
            };
            (Cow::Borrowed(&**name), value)
        });
        points.row(series, Some(Time { value: row.time_ns, unit_ns: 1 }), fields)?;
    }
    Ok(())
}
