//! The newest row of each series of a file: what the last-value cache is made of.
//!
//! The rows of a series are one run, sorted by time, so the newest is the last one of the run, and the
//! run index says where it is. A file never changes: these rows are decoded once for each column and
//! kept among the decoded blocks, in their budget. What is newer than the file, or deletes from it,
//! is the reader's business ([`crate::newest`]).

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field, Schema};

use super::blocks::BlockRows;
use super::cache::BlockKey;
use super::plan::Plan;
use super::read::{Decoder, Shaper, SstReader, leaves, undecodable};
use super::runs::append;
use super::{ReadRequest, SstError};
use crate::merge::MergeError;

/// The number under which the newest rows of a column are cached: no block has it.
const TAIL: u64 = u64::MAX;
/// The newest rows of all series are decoded when at least one in so many is wanted; fewer are cut
/// out of blocks.
const FEW: usize = 8;

impl SstReader {
    /// The newest row of each series that `request` wants, of all times, by ascending series. Right only
    /// for a file without duplicate keys; deleted rows are given like others.
    pub(crate) async fn newest(&self, request: &ReadRequest) -> Result<RecordBatch, SstError> {
        let footer = self.footer();
        let places = footer.runs.places(request.series.as_ref());
        if places.is_empty() {
            return Ok(RecordBatch::new_empty(request.schema()));
        }
        let plan = Plan::of_rows(footer, last_rows(self, places.iter().copied()));
        let leaves = leaves(footer, request);
        let mut columns = self.cached_tails(&leaves);
        if columns.iter().any(Option::is_none) && places.len() < footer.runs.sids().len() / FEW {
            let (blocks, file) = self.block_cache();
            if let Some(rows) = BlockRows::open(self, blocks, file, &plan, request).await? {
                return collect(rows, request);
            }
        }
        self.load_tails(&leaves, &mut columns).await?;
        let rows = UInt32Array::from(places);
        let whole = rows.len() == footer.runs.sids().len();
        let fields = footer.arrow.schema().fields();
        let (mut schema, mut arrays) = (Vec::with_capacity(leaves.len()), Vec::with_capacity(leaves.len()));
        for (leaf, column) in leaves.iter().zip(columns) {
            let (Some(field), Some(column)) = (fields.get(*leaf), column) else {
                return Err(undecodable(footer, "a column is missing"));
            };
            schema.push(Arc::clone(field));
            arrays.push(if whole { column } else { take(&column, &rows, None).map_err(MergeError::from)? });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let schema = Arc::new(Schema::new(schema as Vec<Arc<Field>>));
        let stored = RecordBatch::try_new_with_options(schema, arrays, &options)
            .map_err(|e| undecodable(footer, e))?;
        Shaper::new(Arc::clone(footer), &plan, request).shape(&stored)
    }

    fn cached_tails(&self, leaves: &[usize]) -> Vec<Option<ArrayRef>> {
        let (blocks, file) = self.block_cache();
        let keys: Vec<BlockKey> =
            leaves.iter().map(|leaf| BlockKey { file, column: *leaf, block: TAIL }).collect();
        blocks.get(&keys)
    }

    /// Fills the gaps of `columns`, one for each of `leaves`.
    async fn load_tails(&self, leaves: &[usize], columns: &mut [Option<ArrayRef>]) -> Result<(), SstError> {
        let footer = self.footer();
        let missing: Vec<usize> =
            leaves.iter().zip(&*columns).filter(|(_, c)| c.is_none()).map(|(leaf, _)| *leaf).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let series = footer.runs.sids().len();
        let plan = Plan::of_rows(footer, last_rows(self, 0..series as u32));
        let mut decoder = Decoder::new(self, &plan, &missing, series)?;
        let mut batches = Vec::new();
        while let Some(batch) = decoder.next().await? {
            batches.push(batch);
        }
        let Some(first) = batches.first() else { return Err(undecodable(footer, "it has no rows")) };
        let all = concat_batches(&first.schema(), &batches).map_err(MergeError::from)?;
        if all.num_rows() != series || all.num_columns() != missing.len() {
            return Err(undecodable(footer, "pages hold fewer rows than the footer"));
        }
        let (blocks, file) = self.block_cache();
        let mut decoded = Vec::with_capacity(missing.len());
        for (leaf, array) in missing.iter().zip(all.columns()) {
            let array = without_pages(array);
            if let Some(gap) = leaves.iter().position(|l| l == leaf).and_then(|at| columns.get_mut(at)) {
                *gap = Some(Arc::clone(&array));
            }
            decoded.push((BlockKey { file, column: *leaf, block: TAIL }, array));
        }
        blocks.put(&decoded);
        Ok(())
    }
}

/// The last rows of the runs at `places`, ascending.
fn last_rows(reader: &SstReader, places: impl Iterator<Item = u32>) -> Vec<Range<u64>> {
    let mut rows = Vec::new();
    for place in places {
        if let Some(row) = reader.runs().last_row(place) {
            append(&mut rows, row..row + 1);
        }
    }
    rows
}

fn collect(mut rows: BlockRows, request: &ReadRequest) -> Result<RecordBatch, SstError> {
    let mut batches = Vec::new();
    while let Some(batch) = rows.next()? {
        batches.push(batch);
    }
    Ok(concat_batches(&request.schema(), &batches).map_err(MergeError::from)?)
}

/// A column that holds its own values only: views of text refer to whole pages.
fn without_pages(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        _ => Arc::clone(array),
    }
}
