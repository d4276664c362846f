use std::ops::Range;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::partition;
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::error::Result;

/// Rows of one batch that belong to one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::operators) struct Run {
    pub(in crate::operators) rows: Range<usize>,
    /// Whether the group begins here; else it goes on from the batch before.
    pub(in crate::operators) fresh: bool,
}

/// Finds where groups begin in consecutive batches.
pub(in crate::operators) struct Runs {
    converter: Option<RowConverter>,
    last: Option<OwnedRow>,
    started: bool,
}

impl Runs {
    /// For groups by columns of these types; without columns all rows are one group.
    pub(in crate::operators) fn new(
        types: impl IntoIterator<Item = arrow::datatypes::DataType>,
    ) -> Result<Self> {
        let fields: Vec<SortField> = types.into_iter().map(SortField::new).collect();
        let converter = if fields.is_empty() { None } else { Some(RowConverter::new(fields)?) };
        Ok(Self { converter, last: None, started: false })
    }

    /// The groups of a batch, whose keys these are.
    pub(in crate::operators) fn of(&mut self, batch: &RecordBatch, keys: &[ArrayRef]) -> Result<Vec<Run>> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(Vec::new());
        }
        let Some(converter) = &mut self.converter else {
            let fresh = !std::mem::replace(&mut self.started, true);
            return Ok(vec![Run { rows: 0..rows, fresh }]);
        };
        let row = |at: usize| -> Result<OwnedRow> {
            let keys: Vec<ArrayRef> = keys.iter().map(|k| k.slice(at, 1)).collect();
            Ok(converter.convert_columns(&keys)?.row(0).owned())
        };
        let (first, last) = (row(0)?, row(rows - 1)?);
        let goes_on = self.last.as_ref() == Some(&first);
        self.last = Some(last);
        let runs = partition(keys)?.ranges().into_iter();
        Ok(runs.map(|rows| Run { fresh: !(goes_on && rows.start == 0), rows }).collect())
    }
}
