//! Rows of a table of series on their way from values to Arrow columns.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use arrow::error::ArrowError;
use triglot_engine::{RowsOf, SeriesRows, TypedColumn, Value};
use triglot_model::{ColumnId, ColumnKind, RewriteRule};

use super::target::{Place, TargetColumn, Targets};
use crate::KwError;

/// Columns of values, made as they get their first one; those that never get one are left out.
#[derive(Debug)]
pub(super) struct Columns(Vec<Option<TypedColumn>>);

impl Columns {
    pub(super) fn new(targets: &Targets) -> Self {
        Self(targets.columns.iter().map(|_| None).collect())
    }

    /// Gives `row` a value in the column at this place.
    pub(super) fn push(
        &mut self,
        targets: &Targets,
        at: usize,
        row: usize,
        value: &Value<'_>,
    ) -> Result<(), KwError> {
        let misfit = || KwError::new("XX000", "a value does not suit its column");
        let column = targets.columns.get(at).ok_or_else(misfit)?;
        let slot = self.0.get_mut(at).ok_or_else(misfit)?;
        let values = match slot {
            Some(values) => values,
            None if *value == Value::Null => return Ok(()),
            None => {
                let made = TypedColumn::new(column.target.ty);
                slot.insert(made.map_err(|e: ArrowError| KwError::new("XX000", e.to_string()))?)
            }
        };
        if values.push(row, value) { Ok(()) } else { Err(misfit()) }
    }

    /// The columns with `rows` rows.
    pub(super) fn finish(self, targets: &Targets, rows: usize) -> Vec<(ColumnId, ArrayRef)> {
        let columns = self.0.into_iter().zip(&targets.columns);
        columns.filter_map(|(values, column)| Some((column.id, values?.finish(rows)))).collect()
    }
}

/// Rows of one table.
#[derive(Debug)]
pub(super) struct SeriesBuilder {
    columns: Columns,
    times: Vec<i64>,
    row_series: Vec<u32>,
    series: Vec<RowsOf>,
    /// Series by their tags, each with its length before it.
    known: HashMap<Vec<u8>, u32>,
    /// The tags of the row before, and its series.
    last: Option<(Vec<u8>, u32)>,
    key: Vec<u8>,
    /// Rows before this are past the retention: they are taken and not kept.
    horizon: i64,
    expired: u64,
}

impl SeriesBuilder {
    pub(super) fn new(targets: &Targets, horizon: i64) -> Self {
        Self {
            columns: Columns::new(targets),
            times: Vec::new(),
            row_series: Vec::new(),
            series: Vec::new(),
            known: HashMap::new(),
            last: None,
            key: Vec::new(),
            horizon,
            expired: 0,
        }
    }

    /// Adds a row: a value for each of its columns by their places in `targets`.
    pub(super) fn push(&mut self, targets: &Targets, row: &[(usize, Value<'_>)]) -> Result<(), KwError> {
        let is_time = |at: usize| targets.columns.get(at).is_some_and(|c| c.kind == ColumnKind::Time);
        let time = row.iter().find(|(at, _)| is_time(*at)).map(|(_, value)| value);
        let Some(Value::Int(time)) = time else {
            return Err(KwError::new("XX000", "a row without a time"));
        };
        if *time < self.horizon {
            self.expired += 1;
            return Ok(());
        }
        let series = self.series_of(targets, row)?;
        let at_row = self.times.len();
        for (at, value) in row {
            match targets.columns.get(*at).map(|c| c.kind) {
                Some(ColumnKind::Field | ColumnKind::CompositeKey) => {
                    self.columns.push(targets, *at, at_row, value)?;
                }
                Some(ColumnKind::Time | ColumnKind::Tag) | None => {}
            }
        }
        self.times.push(*time);
        self.row_series.push(series);
        Ok(())
    }

    /// The number of the series that the row's tags mean.
    fn series_of(&mut self, targets: &Targets, row: &[(usize, Value<'_>)]) -> Result<u32, KwError> {
        self.key.clear();
        for (column, value) in tags_of(targets, row) {
            match value {
                Value::Text(text) => push_tag(&mut self.key, column, text.as_bytes()),
                other => {
                    if let Some(text) = other.clone().tag_text(column.target.ty) {
                        push_tag(&mut self.key, column, text.as_bytes());
                    }
                }
            }
        }
        if let Some((key, series)) = &self.last
            && *key == self.key
        {
            return Ok(*series);
        }
        let series = match self.known.get(&self.key) {
            Some(known) => *known,
            None => {
                let many = |_| KwError::new("54000", "too many devices in one statement");
                let series = u32::try_from(self.series.len()).map_err(many)?;
                let tags = tags_of(targets, row).filter_map(|(column, value)| {
                    let text = value.clone().tag_text(column.target.ty)?;
                    Some((column.id, text.into_boxed_str()))
                });
                self.series.push(RowsOf::Tags(tags.collect()));
                self.known.insert(self.key.clone(), series);
                series
            }
        };
        self.last = Some((self.key.clone(), series));
        Ok(series)
    }

    /// How many rows were given.
    pub(super) fn rows(&self) -> u64 {
        self.times.len() as u64 + self.expired
    }

    /// What the engine writes; none if nothing is left to write.
    pub(super) fn finish(self, place: &Place, targets: &Targets, rewrite: RewriteRule) -> Option<SeriesRows> {
        if self.times.is_empty() {
            return None;
        }
        let series = match place {
            Place::Child { name, .. } => vec![RowsOf::Child(name.clone())],
            Place::Series(_) | Place::Keyed(_) => self.series,
        };
        Some(SeriesRows {
            table: place.table().clone(),
            series,
            keys: Vec::new(),
            row_series: self.row_series,
            columns: self.columns.finish(targets, self.times.len()),
            times: self.times,
            set: None,
            rewrite,
        })
    }
}

/// The tags of a row.
fn tags_of<'r, 't>(
    targets: &'r Targets,
    row: &'r [(usize, Value<'t>)],
) -> impl Iterator<Item = (&'r TargetColumn, &'r Value<'t>)> {
    row.iter().filter_map(|(at, value)| {
        let column = targets.columns.get(*at).filter(|c| c.kind == ColumnKind::Tag)?;
        Some((column, value))
    })
}

/// One tag of the key by which rows of one device are found: its column, its length, its text.
fn push_tag(key: &mut Vec<u8>, column: &TargetColumn, text: &[u8]) {
    key.extend_from_slice(&column.id.0.to_le_bytes());
    key.extend_from_slice(&(text.len() as u64).to_le_bytes());
    key.extend_from_slice(text);
}
