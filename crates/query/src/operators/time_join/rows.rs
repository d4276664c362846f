use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::compute::SortOptions;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::PhysicalExpr;
use futures::StreamExt;

use super::super::sorted::{ASCENDING, evaluate, integers};

/// Compares keys of both inputs in the order in which these are sorted.
pub(super) struct Keys(Option<RowConverter>);

impl Keys {
    pub(super) fn new(types: impl IntoIterator<Item = arrow::datatypes::DataType>) -> Result<Self> {
        let SortOptions { descending, nulls_first } = ASCENDING;
        let options = SortOptions { descending, nulls_first };
        let fields: Vec<SortField> =
            types.into_iter().map(|ty| SortField::new_with_options(ty, options)).collect();
        Ok(Self(if fields.is_empty() { None } else { Some(RowConverter::new(fields)?) }))
    }
}

/// A batch of one input with its times and keys.
pub(super) struct Keyed {
    pub(super) batch: RecordBatch,
    pub(super) times: Int64Array,
    keys: Option<Rows>,
    nulls: Option<NullBuffer>,
}

impl Keyed {
    pub(super) fn new(
        batch: RecordBatch,
        time: &Arc<dyn PhysicalExpr>,
        keys: &[Arc<dyn PhysicalExpr>],
        converter: &mut Keys,
    ) -> Result<Self> {
        let times = integers(&evaluate(time, &batch)?)?;
        let columns: Vec<ArrayRef> = keys.iter().map(|k| evaluate(k, &batch)).collect::<Result<_>>()?;
        let nulls =
            columns.iter().fold(None, |all, c| NullBuffer::union(all.as_ref(), c.logical_nulls().as_ref()));
        let keys = match &mut converter.0 {
            Some(converter) => Some(converter.convert_columns(&columns)?),
            None => None,
        };
        Ok(Self { batch, times, keys, nulls })
    }

    /// The key of a row as bytes that compare like keys.
    pub(super) fn key(&self, row: usize) -> &[u8] {
        self.keys.as_ref().map_or(&[], |keys| keys.row(row).data())
    }

    /// Whether a part of the key is NULL.
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|n| n.is_null(row))
    }

    fn bytes(&self) -> usize {
        self.batch.get_array_memory_size() + self.keys.as_ref().map_or(0, Rows::size)
    }
}

/// A row of the right input: the number of its batch, its place there.
pub(super) type Place = (u64, usize);

/// The right input, read as far as the left one needs it, and the batches that matches may still lie in.
pub(super) struct RightRows {
    input: Option<SendableRecordBatchStream>,
    pub(super) batches: VecDeque<Keyed>,
    /// The number of the first of `batches`.
    pub(super) first: u64,
    /// The next row to look at.
    next: Place,
}

impl RightRows {
    pub(super) fn new(input: SendableRecordBatchStream) -> Self {
        Self { input: Some(input), batches: VecDeque::new(), first: 0, next: (0, 0) }
    }

    pub(super) fn batch(&self, number: u64) -> Option<&Keyed> {
        self.batches.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Reads on until there is a next row; false at the end.
    pub(super) async fn fill(
        &mut self,
        read: &mut (dyn FnMut(RecordBatch) -> Result<Keyed> + Send),
    ) -> Result<bool> {
        loop {
            match self.batch(self.next.0) {
                Some(batch) if self.next.1 < batch.times.len() => return Ok(true),
                Some(_) => self.next = (self.next.0 + 1, 0),
                None => {
                    let Some(input) = &mut self.input else { return Ok(false) };
                    match input.next().await {
                        Some(batch) => self.batches.push_back(read(batch?)?),
                        None => self.input = None,
                    }
                }
            }
        }
    }

    /// The next row, which [`Self::fill`] found: how its key compares to `key`, its time and its place.
    pub(super) fn peek(&self, key: &[u8]) -> Option<(Ordering, i64, Place)> {
        let batch = self.batch(self.next.0)?;
        let time = *batch.times.values().get(self.next.1)?;
        Some((batch.key(self.next.1).cmp(key), time, self.next))
    }

    pub(super) fn advance(&mut self) {
        self.next.1 += 1;
    }

    /// Whether the next row lies in a batch that was read.
    pub(super) fn is_filled(&self) -> bool {
        self.batch(self.next.0).is_some_and(|batch| self.next.1 < batch.times.len())
    }

    /// Forgets batches before the next row and before `oldest`.
    pub(super) fn forget(&mut self, oldest: Option<Place>) {
        let keep = oldest.map_or(self.next.0, |oldest| oldest.0.min(self.next.0));
        while self.first < keep && self.batches.pop_front().is_some() {
            self.first += 1;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.batches.iter().map(Keyed::bytes).sum()
    }
}
