//! Rows of one catalog table while a statement is read: all its child tables in one batch.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::BinaryArray;
use triglot_engine::storage::merge::put_bit;
use triglot_engine::{RawKey, RowsOf, SeriesRows, TableIn, TypedColumn};
use triglot_model::{ColumnDef, ColumnId, ColumnKind, Precision, RewriteRule};

use super::value::Value;
use crate::TaosError;

/// The latest storable times by unit (sheet section 2, limits).
const fn latest(precision: Precision) -> i64 {
    match precision {
        Precision::Milli => 31_556_995_200_000,
        Precision::Micro => 31_556_995_200_000_000,
        Precision::Nano => 9_214_646_400_000_000_000,
    }
}

/// The columns that one target of the statement writes, besides time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed {
    /// The number of its bitmap among [`TableRows::bitmaps`].
    bitmap: u32,
}

/// The rows of one table.
#[derive(Debug)]
pub(crate) struct TableRows {
    pub(crate) table: TableIn,
    series: Vec<RowsOf>,
    keys: Vec<Option<RawKey>>,
    by_name: HashMap<String, u32>,
    row_series: Vec<u32>,
    times: Vec<i64>,
    /// By place in the table; made with the first value.
    columns: Vec<Option<TypedColumn>>,
    /// Which columns were listed, once for each list, and by row which list it was.
    bitmaps: Vec<Vec<u8>>,
    row_bitmaps: Vec<u32>,
    explicit_nulls: bool,
}

impl TableRows {
    pub(crate) fn new(table: TableIn) -> Self {
        let columns = table.def.columns.iter().map(|_| None).collect();
        Self {
            table,
            series: Vec::new(),
            keys: Vec::new(),
            by_name: HashMap::new(),
            row_series: Vec::new(),
            times: Vec::new(),
            columns,
            bitmaps: Vec::new(),
            row_bitmaps: Vec::new(),
            explicit_nulls: false,
        }
    }

    /// The number of the series of this name, noted down with `of` if it is new.
    pub(crate) fn series(
        &mut self,
        name: &str,
        of: impl FnOnce() -> Result<RowsOf, TaosError>,
    ) -> Result<u32, TaosError> {
        if let Some(known) = self.by_name.get(name) {
            return Ok(*known);
        }
        let number = self.add_series(of()?, None)?;
        self.by_name.insert(name.to_owned(), number);
        Ok(number)
    }

    /// The number of a series that was not added before; it is remembered under `key`.
    pub(crate) fn add_series(&mut self, of: RowsOf, key: Option<RawKey>) -> Result<u32, TaosError> {
        let number = u32::try_from(self.series.len()).map_err(|_| too_much())?;
        self.series.push(of);
        self.keys.push(key);
        Ok(number)
    }

    /// A list of columns.
    pub(crate) fn list(&mut self, places: &[usize]) -> Listed {
        let mut bitmap = Vec::new();
        for column in places.iter().filter_map(|place| self.table.def.columns.get(*place)) {
            put_bit(&mut bitmap, column.id.0 as usize, true);
        }
        let known = self.bitmaps.iter().position(|b| *b == bitmap);
        let number = known.unwrap_or_else(|| {
            self.bitmaps.push(bitmap);
            self.bitmaps.len() - 1
        });
        Listed { bitmap: u32::try_from(number).unwrap_or(u32::MAX) }
    }

    /// The column at a place of the table.
    pub(crate) fn column(&self, place: usize) -> Option<&ColumnDef> {
        self.table.def.columns.get(place)
    }

    /// Gives the row that is being read a value.
    pub(crate) fn push(&mut self, place: usize, value: &Value<'_>) -> Result<(), TaosError> {
        let row = self.times.len();
        let Some(column) = self.table.def.columns.get(place) else { return Err(misfit()) };
        if *value == Value::Null {
            if column.kind == ColumnKind::CompositeKey {
                return Err(TaosError::new(0x2675, "Primary key column should not be null"));
            }
            self.explicit_nulls = true;
        }
        let Some(slot) = self.columns.get_mut(place) else { return Err(misfit()) };
        let values = match slot {
            Some(values) => values,
            None => slot.insert(TypedColumn::new(column.ty).map_err(|_| misfit())?),
        };
        if values.push(row, value) { Ok(()) } else { Err(misfit()) }
    }

    /// Ends the row.
    pub(crate) fn end_row(&mut self, series: u32, time: i64, listed: &Listed) -> Result<(), TaosError> {
        if time > latest(self.table.def.precision()) {
            return Err(TaosError::new(0x060B, "Timestamp data out of range"));
        }
        self.times.push(time);
        self.row_series.push(series);
        self.row_bitmaps.push(listed.bitmap);
        Ok(())
    }

    /// What the engine writes; none without rows.
    pub(crate) fn finish(self) -> Option<SeriesRows> {
        let rows = self.times.len();
        if rows == 0 {
            return None;
        }
        let set = self.explicit_nulls.then(|| {
            let bitmap = |of: &u32| self.bitmaps.get(*of as usize).map_or(&[] as &[u8], Vec::as_slice);
            BinaryArray::from_iter_values(self.row_bitmaps.iter().map(bitmap))
        });
        let def = Arc::clone(&self.table.def);
        let columns = self.columns.into_iter().zip(&def.columns);
        let columns: Vec<(ColumnId, _)> =
            columns.filter_map(|(values, column)| Some((column.id, values?.finish(rows)))).collect();
        Some(SeriesRows {
            table: self.table,
            series: self.series,
            keys: self.keys,
            row_series: self.row_series,
            times: self.times,
            columns,
            set,
            rewrite: RewriteRule::Merge,
        })
    }
}

fn misfit() -> TaosError {
    TaosError::new(0x2700, "a value does not suit its column")
}

fn too_much() -> TaosError {
    TaosError::new(0x0224, "Value out of range: too many tables")
}
