//! Sorting memtable parts by (sid, time[, composite key]), stable by arrival.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat, take_record_batch};
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, Rows, SortField};
use triglot_model::ColumnId;

use super::MergeError;
use super::build::Output;
use super::rows::{Aligned, Layout, composite_rows, sids, times};
use crate::physical::{OP, SET, column_name};

/// Sorts the rows of one part (or of several concatenated in sequence order); rows of equal keys
/// stay in arrival order. An already sorted part is returned as it is.
pub fn sort_part(batch: &RecordBatch, ck: Option<ColumnId>) -> Result<RecordBatch, MergeError> {
    let keys = Keys {
        sids: Cow::Borrowed(sids(batch)?.values()),
        times: Cow::Borrowed(times(batch)?.values()),
        ck: ck.map(|ck| composite_rows(batch, ck)).transpose()?,
    };
    match keys.order()? {
        None => Ok(batch.clone()),
        Some(order) => Ok(take_record_batch(batch, &UInt32Array::from(order))?),
    }
}

/// Like [`sort_parts_in_batches`], into one batch.
pub fn sort_parts(parts: &[RecordBatch], ck: Option<ColumnId>) -> Result<RecordBatch, MergeError> {
    let mut sorted = sort_parts_in_batches(parts, ck, usize::MAX)?;
    let schema = sorted.schema();
    sorted.next().unwrap_or_else(|| Ok(RecordBatch::new_empty(schema)))
}

/// Sorts the rows of many parts, given in sequence order, into batches of `batch_rows`.
///
/// Parts may have different columns (missing ones read as NULL, the widest type wins) and may or
/// may not have control columns; the result has them if any part has. The parts are not
/// concatenated: rows are gathered from them batch by batch, so the extra memory is 16 bytes a row
/// and one batch.
pub fn sort_parts_in_batches(
    parts: &[RecordBatch],
    ck: Option<ColumnId>,
    batch_rows: usize,
) -> Result<SortedParts, MergeError> {
    let layout = Layout::union(parts, None)?;
    let order = Keys::of_parts(parts, ck)?.order()?;
    let control = parts.iter().any(|p| p.column_by_name(OP).is_some() || p.column_by_name(SET).is_some());
    let parts: Vec<Arc<Aligned>> =
        parts.iter().map(|p| layout.align(p).map(Arc::new)).collect::<Result<_, _>>()?;
    let mut starts = Vec::with_capacity(parts.len() + 1);
    let mut rows = 0;
    for part in &parts {
        starts.push(rows);
        rows += part.len();
    }
    starts.push(rows);
    Ok(SortedParts {
        schema: layout.schema(control),
        locator: Locator::new(starts),
        layout,
        control,
        parts,
        order,
        rows,
        at: 0,
        batch_rows: batch_rows.max(1),
    })
}

/// The rows of [`sort_parts_in_batches`], batch by batch.
#[derive(Debug)]
pub struct SortedParts {
    layout: Layout,
    schema: SchemaRef,
    control: bool,
    parts: Vec<Arc<Aligned>>,
    /// Row numbers over all parts in sorted order; none = they are sorted already.
    order: Option<Vec<u32>>,
    locator: Locator,
    rows: usize,
    at: usize,
    batch_rows: usize,
}

impl SortedParts {
    /// The schema of all batches.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Rows of all batches together.
    pub fn rows(&self) -> usize {
        self.rows
    }

    fn build(&self, from: usize, to: usize) -> Result<RecordBatch, MergeError> {
        let mut out = Output::default();
        for part in &self.parts {
            out.add(part);
        }
        match &self.order {
            Some(order) => {
                for row in &order[from..to] {
                    let (part, row) = self.locator.find(*row as usize);
                    out.push_run(part as u32, row, 1);
                }
            }
            None => {
                let mut at = from;
                while at < to {
                    let (part, row) = self.locator.find(at);
                    let rows = (self.parts[part].len() - row).min(to - at);
                    out.push_run(part as u32, row, rows);
                    at += rows;
                }
            }
        }
        out.build(&self.layout, &self.schema, self.control)
    }
}

impl Iterator for SortedParts {
    type Item = Result<RecordBatch, MergeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.rows {
            return None;
        }
        let from = self.at;
        self.at = from.saturating_add(self.batch_rows).min(self.rows);
        Some(self.build(from, self.at))
    }
}

/// Finds the part that a row number over all parts lies in: a coarse table, then a short walk.
#[derive(Debug)]
struct Locator {
    starts: Vec<usize>,
    blocks: Vec<u32>,
}

impl Locator {
    const BLOCK_BITS: u32 = 8;

    fn new(starts: Vec<usize>) -> Self {
        let rows = starts.last().copied().unwrap_or(0);
        let mut blocks = Vec::with_capacity((rows >> Self::BLOCK_BITS) + 1);
        let mut part = 0;
        for block in 0..=rows >> Self::BLOCK_BITS {
            while starts.get(part + 1).is_some_and(|end| *end <= block << Self::BLOCK_BITS) {
                part += 1;
            }
            blocks.push(part as u32);
        }
        Self { starts, blocks }
    }

    fn find(&self, row: usize) -> (usize, usize) {
        let mut part = self.blocks[row >> Self::BLOCK_BITS] as usize;
        while self.starts[part + 1] <= row {
            part += 1;
        }
        (part, row - self.starts[part])
    }
}

/// The keys of all rows to sort.
struct Keys<'a> {
    sids: Cow<'a, [u32]>,
    times: Cow<'a, [i64]>,
    ck: Option<Rows>,
}

impl Keys<'_> {
    fn of_parts(parts: &[RecordBatch], ck: Option<ColumnId>) -> Result<Self, MergeError> {
        let rows = parts.iter().map(RecordBatch::num_rows).sum();
        let mut all_sids = Vec::with_capacity(rows);
        let mut all_times = Vec::with_capacity(rows);
        for part in parts {
            all_sids.extend_from_slice(sids(part)?.values());
            all_times.extend_from_slice(times(part)?.values());
        }
        let ck = match ck {
            Some(ck) if !parts.is_empty() => Some(ck_of_parts(parts, ck)?),
            _ => None,
        };
        Ok(Self { sids: Cow::Owned(all_sids), times: Cow::Owned(all_times), ck })
    }

    /// The sorted order as row numbers; none if the rows are in order already.
    fn order(&self) -> Result<Option<Vec<u32>>, MergeError> {
        let rows = self.sids.len();
        if u32::try_from(rows).is_err() {
            return Err(MergeError::TooManyRows { rows });
        }
        if (1..rows).all(|row| self.compare(row - 1, row) != Ordering::Greater) {
            return Ok(None);
        }
        let mut order = self.by_sid();
        for run in order.chunk_by_mut(|a, b| self.sids[*a as usize] == self.sids[*b as usize]) {
            let sorted = run
                .windows(2)
                .all(|w| self.compare_within(w[0] as usize, w[1] as usize) != Ordering::Greater);
            if !sorted {
                run.sort_by(|a, b| self.compare_within(*a as usize, *b as usize));
            }
        }
        Ok(Some(order))
    }

    /// Row numbers by sid, stable: counting sort, unless the sids are too spread out for counters.
    fn by_sid(&self) -> Vec<u32> {
        let low = self.sids.iter().min().copied().unwrap_or(0);
        let high = self.sids.iter().max().copied().unwrap_or(0);
        let spread = (high - low) as usize;
        let rows = self.sids.len();
        if spread > rows.saturating_mul(4).max(1 << 16) {
            let mut order: Vec<u32> = (0..rows as u32).collect();
            order.sort_by_key(|row| self.sids[*row as usize]);
            return order;
        }
        let mut next = vec![0u32; spread + 2];
        for sid in self.sids.iter() {
            next[(sid - low) as usize + 1] += 1;
        }
        for slot in 1..next.len() {
            next[slot] += next[slot - 1];
        }
        let mut order = vec![0u32; rows];
        for (row, sid) in self.sids.iter().enumerate() {
            let slot = &mut next[(sid - low) as usize];
            order[*slot as usize] = row as u32;
            *slot += 1;
        }
        order
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        self.sids[a].cmp(&self.sids[b]).then_with(|| self.compare_within(a, b))
    }

    fn compare_within(&self, a: usize, b: usize) -> Ordering {
        self.times[a].cmp(&self.times[b]).then_with(|| match &self.ck {
            Some(ck) => ck.row(a).cmp(&ck.row(b)),
            None => Ordering::Equal,
        })
    }
}

/// The composite key of all parts, in the widest of its types.
fn ck_of_parts(parts: &[RecordBatch], ck: ColumnId) -> Result<Rows, MergeError> {
    let layout = Layout::union(parts, Some(ck))?;
    let name = column_name(ck);
    let Some((_, ty)) = layout.columns().iter().find(|(id, _)| *id == ck) else {
        return Err(MergeError::Column { column: name, problem: "is missing" });
    };
    let mut arrays = Vec::with_capacity(parts.len());
    for part in parts {
        let array = part
            .column_by_name(&name)
            .ok_or_else(|| MergeError::Column { column: name.clone(), problem: "is missing" })?;
        arrays.push(cast(array, ty)?);
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    let all = concat(&arrays)?;
    let converter = RowConverter::new(vec![SortField::new(ty.clone())])?;
    Ok(converter.convert_columns(&[all])?)
}
