//! Composition of row operations on one key.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::UInt8Type;
use triglot_model::{ColumnId, RowOp};

use super::MergeError;
use super::build::{Output, RowRef};
use super::core::{Core, Step};
use super::key::check_order;
use super::rows::Layout;
use crate::physical::{OP, SET, column_id};

/// What is known about data older than the rows being folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FoldMode {
    /// Older rows of the same keys may exist elsewhere: operations stay with the rows, and a key
    /// keeps two rows (`InsertIfAbsent`, then `Merge`) where one cannot say the same.
    Partial,
    /// Nothing older exists: deletes and operations vanish, one row a key, no control columns.
    Final,
}

/// Folds the rows of equal keys of one sorted batch (several rows of a key in arrival order).
///
/// With [`FoldMode::Partial`] a batch without equal keys is returned as it is. With
/// [`FoldMode::Final`] the result has no control columns. Fails if the batch breaks the physical
/// schema or is not sorted.
pub fn fold(batch: &RecordBatch, ck: Option<ColumnId>, mode: FoldMode) -> Result<RecordBatch, MergeError> {
    let columns = batch
        .schema_ref()
        .fields()
        .iter()
        .filter_map(|f| column_id(f.name()).map(|id| (id, f.data_type().clone())))
        .collect();
    let layout = Layout::new(columns, ck)?;
    let aligned = layout.align(batch)?;
    let order = check_order(&aligned);
    if let Some(row) = order.descent {
        return Err(MergeError::Unsorted { input: 0, row });
    }
    if !order.duplicates {
        return match mode {
            FoldMode::Partial => Ok(batch.clone()),
            FoldMode::Final => without_control(batch),
        };
    }
    let control = batch.column_by_name(OP).is_some() || batch.column_by_name(SET).is_some();
    let mut core = Core::new(layout, 1, mode, control, usize::MAX);
    core.push(0, Some(batch))?;
    core.push(0, None)?;
    match core.advance()? {
        Step::Emit(folded) => Ok(folded),
        Step::Need(_) | Step::Done => Ok(RecordBatch::new_empty(core.schema())),
    }
}

/// Drops deleted rows and the control columns of a batch without equal keys.
fn without_control(batch: &RecordBatch) -> Result<RecordBatch, MergeError> {
    let keep: Vec<usize> = batch
        .schema_ref()
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, f)| f.name() != OP && f.name() != SET)
        .map(|(at, _)| at)
        .collect();
    let plain = batch.project(&keep)?;
    let Some(ops) = batch.column_by_name(OP).and_then(|ops| ops.as_primitive_opt::<UInt8Type>()) else {
        return Ok(plain);
    };
    let codes = ops.values();
    if !codes.contains(&RowOp::Delete.code()) {
        return Ok(plain);
    }
    let alive = BooleanBuffer::collect_bool(ops.len(), |row| codes[row] != RowOp::Delete.code());
    Ok(filter_record_batch(&plain, &BooleanArray::new(alive, None))?)
}

/// The operations on one key, oldest first, composed into at most two.
#[derive(Debug, Default)]
pub(super) struct Composer {
    /// An `InsertIfAbsent` that comes first; older data decides whether it counts.
    insert: Option<RowRef>,
    /// What follows it: `Merge`, `Replace` or `Delete`.
    then: Option<RowOp>,
    /// The rows of `then`: the base row, then the rows merged over it.
    chain: Vec<RowRef>,
}

impl Composer {
    /// Adds the next newer row.
    pub(super) fn apply(&mut self, op: RowOp, row: RowRef) {
        match (op, self.then) {
            (RowOp::Replace | RowOp::Delete, _) => {
                self.insert = None;
                self.restart(op, row);
            }
            (RowOp::Merge, Some(RowOp::Merge | RowOp::Replace)) => self.chain.push(row),
            (RowOp::Merge, None) => self.restart(RowOp::Merge, row),
            // Behind a delete the row stands alone, whatever is older.
            (RowOp::Merge | RowOp::InsertIfAbsent, Some(RowOp::Delete)) => self.restart(RowOp::Replace, row),
            (RowOp::InsertIfAbsent, None) if self.insert.is_none() => self.insert = Some(row),
            // Some row exists by now, so it stays. (`then` never is `InsertIfAbsent`.)
            (RowOp::InsertIfAbsent, _) | (RowOp::Merge, Some(RowOp::InsertIfAbsent)) => {}
        }
    }

    fn restart(&mut self, op: RowOp, row: RowRef) {
        self.then = Some(op);
        self.chain.clear();
        self.chain.push(row);
    }

    /// Writes the composed rows to `out` and becomes empty.
    pub(super) fn finish(&mut self, mode: FoldMode, layout: &Layout, out: &mut Output) {
        let insert = self.insert.take();
        let then = self.then.take();
        match mode {
            FoldMode::Partial => {
                if let Some(row) = insert {
                    out.push_folded(layout, RowOp::InsertIfAbsent, &[row]);
                }
                if let Some(op) = then {
                    out.push_folded(layout, op, &self.chain);
                }
            }
            FoldMode::Final => match (insert, then) {
                (_, Some(RowOp::Delete)) | (None, None) => {}
                (Some(row), None) => out.push_folded(layout, RowOp::Replace, &[row]),
                (Some(row), Some(_)) => {
                    self.chain.insert(0, row);
                    out.push_folded(layout, RowOp::Replace, &self.chain);
                }
                (None, Some(_)) => out.push_folded(layout, RowOp::Replace, &self.chain),
            },
        }
        self.chain.clear();
    }
}
