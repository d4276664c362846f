use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array, UInt64Array, new_null_array};
use arrow::compute::{interleave, take};
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_plan::metrics::{BaselineMetrics, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use super::exec::JoinPlan;
use super::rows::{Keyed, Keys, Place, RightRows};
use super::{Comparison, TimeMatch};

/// The rows of `left` with their matches in `right`.
pub(super) fn join_stream(
    plan: Arc<JoinPlan>,
    left: SendableRecordBatchStream,
    right: SendableRecordBatchStream,
    batch_rows: usize,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
) -> Result<SendableRecordBatchStream> {
    let below = left.schema();
    let types = plan.left_keys.iter().map(|k| k.data_type(&below)).collect::<Result<Vec<_>>>()?;
    let schema = Arc::clone(&plan.schema);
    let state = Joining {
        keys: Keys::new(types)?,
        left: Some(left),
        right: RightRows::new(right),
        near: VecDeque::new(),
        near_key: Vec::new(),
        current: None,
        row: 0,
        number: 0,
        pairs: Vec::new(),
        batch_rows,
        plan,
        memory,
        metrics,
    };
    let rows =
        stream::try_unfold(
            state,
            |mut state| async move { Ok(state.next().await?.map(|batch| (batch, state))) },
        );
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

/// A row of the left batch and, if it has one, a match.
type Pair = (u32, Option<Place>);

struct Joining {
    plan: Arc<JoinPlan>,
    keys: Keys,
    left: Option<SendableRecordBatchStream>,
    right: RightRows,
    /// Rows of the right input with the key `near_key` that may match: times ascend.
    near: VecDeque<(i64, Place)>,
    near_key: Vec<u8>,
    /// The batch of the left input that is being joined, its next row, and how many rows were before it.
    current: Option<Keyed>,
    row: usize,
    number: u64,
    pairs: Vec<Pair>,
    batch_rows: usize,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
}

impl Joining {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.pairs.len() >= self.batch_rows {
                return self.give().map(Some);
            }
            let Some(current) = &self.current else {
                let Some(left) = &mut self.left else { return Ok(None) };
                match left.next().await {
                    Some(batch) => {
                        let plan = &self.plan;
                        let keyed = Keyed::new(batch?, &plan.left_time, &plan.left_keys, &mut self.keys)?;
                        (self.current, self.row) = (Some(keyed), 0);
                    }
                    None => self.left = None,
                }
                continue;
            };
            if self.row < current.times.len() {
                self.match_row().await?;
                self.row += 1;
                continue;
            }
            if !self.pairs.is_empty() {
                return self.give().map(Some);
            }
            self.number += current.times.len() as u64;
            self.current = None;
            self.right.forget(self.near.front().map(|near| near.1));
            self.memory.try_resize(self.right.bytes())?;
        }
    }

    /// Adds the pairs of the current row.
    async fn match_row(&mut self) -> Result<()> {
        let Some(current) = &self.current else { return Ok(()) };
        let before = self.pairs.len();
        let row = self.row as u32;
        if !current.is_null(self.row) {
            let (key, time) = (current.key(self.row).to_vec(), current.times.value(self.row));
            self.find(&key, time).await?;
            self.pairs.extend(self.near.iter().take(self.plan.limit).map(|near| (row, Some(near.1))));
        }
        if self.pairs.len() == before && self.plan.outer {
            self.pairs.push((row, None));
        }
        Ok(())
    }

    /// Makes `near` the matches of a row, the wanted ones first.
    async fn find(&mut self, key: &[u8], time: i64) -> Result<()> {
        if self.near_key != key {
            self.near.clear();
            self.near_key = key.to_vec();
        }
        // Rows before `from` match no more, rows after `to` not yet.
        let (from, to) = match self.plan.matching {
            TimeMatch::Nearest(Comparison::GtEq) => (i64::MIN, time),
            TimeMatch::Nearest(Comparison::Gt) => match time.checked_sub(1) {
                Some(before) => (i64::MIN, before),
                None => return Ok(()),
            },
            TimeMatch::Nearest(Comparison::Eq) => (time, time),
            TimeMatch::Nearest(Comparison::LtEq) => (time, i64::MAX),
            TimeMatch::Nearest(Comparison::Lt) => match time.checked_add(1) {
                Some(after) => (after, i64::MAX),
                None => {
                    self.near.clear();
                    return Ok(());
                }
            },
            TimeMatch::Between { from, to } => (time.saturating_add(from), time.saturating_add(to)),
        };
        while self.near.front().is_some_and(|near| near.0 < from) {
            self.near.pop_front();
        }
        let (ahead, behind) = match self.plan.matching {
            TimeMatch::Nearest(Comparison::LtEq | Comparison::Lt) => (self.plan.limit, usize::MAX),
            TimeMatch::Nearest(Comparison::GtEq | Comparison::Gt) => (usize::MAX, self.plan.limit),
            _ => (usize::MAX, usize::MAX),
        };
        while self.near.len() < ahead {
            if !self.right.is_filled() && !self.fill().await? {
                break;
            }
            match self.right.peek(key) {
                Some((Ordering::Less, _, _)) => {}
                Some((Ordering::Equal, at, place)) if at <= to => {
                    if at >= from {
                        self.near.push_back((at, place));
                    }
                    if self.near.len() > behind {
                        self.near.pop_front();
                    }
                }
                _ => break,
            }
            self.right.advance();
        }
        Ok(())
    }

    async fn fill(&mut self) -> Result<bool> {
        let (plan, keys) = (&self.plan, &mut self.keys);
        let mut read = |batch| Keyed::new(batch, &plan.right_time, &plan.right_keys, keys);
        // Matches that wait to be given out are still needed.
        let waiting = self.pairs.iter().filter_map(|pair| pair.1).min();
        self.right.forget(self.near.front().map(|near| near.1).into_iter().chain(waiting).min());
        let found = self.right.fill(&mut read).await?;
        self.memory.try_resize(self.right.bytes())?;
        Ok(found)
    }

    /// The pairs found, at most as many as a batch may have.
    fn give(&mut self) -> Result<RecordBatch> {
        let _timer = self.metrics.elapsed_compute().timer();
        let rest = self.pairs.split_off(self.batch_rows.min(self.pairs.len()));
        let pairs = std::mem::replace(&mut self.pairs, rest);
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.plan.schema.fields().len());
        if let Some(current) = &self.current {
            let rows = UInt32Array::from_iter_values(pairs.iter().map(|p| p.0));
            for column in current.batch.columns() {
                columns.push(take(column, &rows, None)?);
            }
        }
        let own = columns.len();
        let others = self.plan.schema.fields().len() - own - usize::from(self.plan.left_row);
        // The first source is a row of NULLs.
        let places = pairs.iter().map(|(_, place)| {
            let Some((batch, row)) = place else { return Ok((0, 0)) };
            match batch.checked_sub(self.right.first) {
                Some(kept) => Ok((kept as usize + 1, *row)),
                None => internal_err!("a match was forgotten before it was given out"),
            }
        });
        let places = places.collect::<Result<Vec<(usize, usize)>>>()?;
        for index in 0..others {
            let null = new_null_array(self.plan.schema.field(own + index).data_type(), 1);
            let sources = self.right.batches.iter().map(|b| b.batch.column(index).as_ref());
            let sources: Vec<&dyn Array> = std::iter::once(null.as_ref()).chain(sources).collect();
            columns.push(interleave(&sources, &places)?);
        }
        if self.plan.left_row {
            let numbers = pairs.iter().map(|p| self.number + u64::from(p.0));
            columns.push(Arc::new(UInt64Array::from_iter_values(numbers)));
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.plan.schema), columns)?;
        Ok(batch.record_output(&self.metrics))
    }
}
