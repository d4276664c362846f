//! Reading few rows: through decoded blocks that stay in memory.
//!
//! A narrow query wants some hundred rows of some columns, and asks for them again every few seconds.
//! Finding, decompressing and decoding their pages costs a hundred times more than handing out the
//! rows. So columns are decoded a block of rows at a time, blocks are cached, and rows are cut out of
//! them. A block is a range of row numbers; it has the rows of a page wherever values are small.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::concat;
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::SstError;
use super::cache::{BlockCache, BlockKey, FileKey};
use super::plan::Plan;
use super::read::{Decoder, Shaper, SstReader, leaves, undecodable};
use super::{ReadRequest, footer::Footer};
use crate::merge::MergeError;

/// Rows of a block: those of a page.
const BLOCK_ROWS: u64 = 8 << 10;

/// Reads of more blocks (times columns) stream through the file instead: 2 Mi values.
const MAX_BLOCKS: usize = 256;

/// A read of few rows under way.
pub(super) struct BlockRows {
    shaper: Shaper,
    /// Columns that are read, and their values by block.
    columns: Vec<HashMap<u64, ArrayRef>>,
    schema: SchemaRef,
    /// Rows to give, none of which reaches over the end of a block.
    pieces: VecDeque<Range<u64>>,
    batch_rows: usize,
}

impl BlockRows {
    /// The read that `plan` asks for, with its blocks loaded. None: it is too large for that.
    pub(super) async fn open(
        reader: &SstReader,
        blocks: &BlockCache,
        file: FileKey,
        plan: &Plan,
        request: &ReadRequest,
    ) -> Result<Option<Self>, SstError> {
        let footer = reader.footer();
        let leaves = leaves(footer, request);
        let limit = MAX_BLOCKS as u64 / leaves.len().max(1) as u64;
        let Some(wanted) = blocks_of(&plan.rows, limit) else { return Ok(None) };
        let loader = Loader { reader, cache: blocks, file, batch_rows: BLOCK_ROWS as usize };
        let columns = loader.load(&leaves, &wanted).await?;
        let fields = footer.arrow.schema().fields();
        let schema = leaves.iter().filter_map(|leaf| fields.get(*leaf).cloned()).collect::<Vec<Arc<Field>>>();
        Ok(Some(Self {
            shaper: Shaper::new(Arc::clone(footer), plan, request),
            columns,
            schema: Arc::new(Schema::new(schema)),
            pieces: pieces(&plan.rows).collect(),
            batch_rows: request.batch_rows.max(1),
        }))
    }

    /// The next rows.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, SstError> {
        while let Some(batch) = self.cut()? {
            let batch = self.shaper.shape(&batch)?;
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// The next pieces as one batch of the columns as they are stored.
    fn cut(&mut self) -> Result<Option<RecordBatch>, SstError> {
        let (mut taken, mut rows) = (Vec::new(), 0);
        while rows < self.batch_rows
            && let Some(piece) = self.pieces.front_mut()
        {
            let count = (piece.end - piece.start).min((self.batch_rows - rows) as u64);
            taken.push(piece.start..piece.start + count);
            rows += count as usize;
            piece.start += count;
            if piece.is_empty() {
                self.pieces.pop_front();
            }
        }
        if taken.is_empty() {
            return Ok(None);
        }
        let columns =
            self.columns.iter().map(|blocks| self.gather(blocks, &taken)).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map(Some)
            .map_err(|e| undecodable(self.shaper.footer(), e))
    }

    fn gather(&self, blocks: &HashMap<u64, ArrayRef>, pieces: &[Range<u64>]) -> Result<ArrayRef, SstError> {
        let mut slices = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let (start, count) = ((piece.start % BLOCK_ROWS) as usize, (piece.end - piece.start) as usize);
            let block = blocks.get(&(piece.start / BLOCK_ROWS)).filter(|b| start + count <= b.len());
            let block = block.ok_or_else(|| undecodable(self.shaper.footer(), "a block lacks rows"))?;
            slices.push(block.slice(start, count));
        }
        if let [slice] = slices.as_slice() {
            return Ok(Arc::clone(slice));
        }
        let slices: Vec<&dyn Array> = slices.iter().map(AsRef::as_ref).collect();
        Ok(concat(&slices).map_err(MergeError::from)?)
    }
}

/// Gets blocks from the cache, or from the file.
struct Loader<'r> {
    reader: &'r SstReader,
    cache: &'r BlockCache,
    file: FileKey,
    batch_rows: usize,
}

impl Loader<'_> {
    /// The blocks of each of `leaves`.
    async fn load(&self, leaves: &[usize], blocks: &[u64]) -> Result<Vec<HashMap<u64, ArrayRef>>, SstError> {
        let mut columns = vec![HashMap::with_capacity(blocks.len()); leaves.len()];
        let keys: Vec<(usize, BlockKey)> = leaves
            .iter()
            .enumerate()
            .flat_map(|(at, leaf)| {
                blocks.iter().map(move |b| (at, BlockKey { file: self.file, column: *leaf, block: *b }))
            })
            .collect();
        let found = self.cache.get(&keys.iter().map(|(_, key)| *key).collect::<Vec<_>>());
        let mut missing: Vec<BlockKey> = Vec::new();
        for ((at, key), block) in keys.iter().zip(found) {
            match (block, columns.get_mut(*at)) {
                (Some(block), Some(column)) => {
                    column.insert(key.block, block);
                }
                _ => missing.push(*key),
            }
        }
        if missing.is_empty() {
            return Ok(columns);
        }
        let decoded = self.decode(&missing).await?;
        self.cache.put(&decoded);
        for (key, block) in decoded {
            if let Some(column) =
                leaves.iter().position(|l| *l == key.column).and_then(|at| columns.get_mut(at))
            {
                column.insert(key.block, block);
            }
        }
        Ok(columns)
    }

    /// Reads the missing blocks of all columns that miss one.
    async fn decode(&self, missing: &[BlockKey]) -> Result<Vec<(BlockKey, ArrayRef)>, SstError> {
        let footer = self.reader.footer();
        let mut leaves: Vec<usize> = missing.iter().map(|key| key.column).collect();
        leaves.sort_unstable();
        leaves.dedup();
        let mut blocks: Vec<u64> = missing.iter().map(|key| key.block).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let rows: Vec<Range<u64>> = blocks.iter().map(|block| block_rows(*block, footer)).collect();
        let plan = Plan::of_rows(footer, rows.clone());
        let mut decoder = Decoder::new(self.reader, &plan, &leaves, self.batch_rows)?;
        let mut decoded = Vec::with_capacity(blocks.len() * leaves.len());
        let mut cutter = Cutter::default();
        for (block, rows) in blocks.iter().zip(rows) {
            let count = (rows.end - rows.start) as usize;
            while cutter.rows < count {
                let batch = decoder.next().await?;
                cutter
                    .push(batch.ok_or_else(|| undecodable(footer, "pages hold fewer rows than the footer"))?);
            }
            let columns = cutter.take(count)?;
            let keys = leaves.iter().map(|leaf| BlockKey { file: self.file, column: *leaf, block: *block });
            decoded.extend(keys.zip(columns));
        }
        Ok(decoded)
    }
}

/// Cuts decoded batches, which end where row groups end, into blocks.
#[derive(Default)]
struct Cutter {
    batches: VecDeque<RecordBatch>,
    rows: usize,
}

impl Cutter {
    fn push(&mut self, batch: RecordBatch) {
        self.rows += batch.num_rows();
        self.batches.push_back(batch);
    }

    /// The columns of the next `count` rows, which are there. They share memory with nothing else,
    /// so that a cached block holds no more than its own.
    fn take(&mut self, count: usize) -> Result<Vec<ArrayRef>, SstError> {
        self.rows -= count;
        if self.batches.front().is_some_and(|b| b.num_rows() == count) {
            return Ok(self.batches.pop_front().map(|b| b.columns().to_vec()).unwrap_or_default());
        }
        let (mut parts, mut left) = (Vec::new(), count);
        while left > 0
            && let Some(batch) = self.batches.pop_front()
        {
            let part = batch.num_rows().min(left);
            if part < batch.num_rows() {
                self.batches.push_front(batch.slice(part, batch.num_rows() - part));
            }
            parts.push(batch.slice(0, part));
            left -= part;
        }
        let width = parts.first().map_or(0, RecordBatch::num_columns);
        let column = |at: usize| {
            let parts: Vec<&dyn Array> = parts.iter().map(|p| p.column(at).as_ref()).collect();
            concat(&parts)
        };
        Ok((0..width).map(column).collect::<Result<_, _>>().map_err(MergeError::from)?)
    }
}

/// The rows of a block.
fn block_rows(block: u64, footer: &Footer) -> Range<u64> {
    let start = block * BLOCK_ROWS;
    start..(start + BLOCK_ROWS).min(footer.runs.rows())
}

/// The blocks that `rows` (ascending) lie in; None if they are more than `limit`.
fn blocks_of(rows: &[Range<u64>], limit: u64) -> Option<Vec<u64>> {
    let mut blocks: Vec<u64> = Vec::new();
    for range in rows.iter().filter(|r| !r.is_empty()) {
        let (first, last) = (range.start / BLOCK_ROWS, (range.end - 1) / BLOCK_ROWS);
        let first = blocks.last().map_or(first, |before| first.max(before + 1));
        if last.saturating_sub(first) > limit {
            return None;
        }
        blocks.extend(first..=last);
        if blocks.len() as u64 > limit {
            return None;
        }
    }
    Some(blocks)
}

/// `rows`, cut where blocks end.
fn pieces(rows: &[Range<u64>]) -> impl Iterator<Item = Range<u64>> + '_ {
    rows.iter().filter(|r| !r.is_empty()).flat_map(|range| {
        let blocks = range.start / BLOCK_ROWS..=(range.end - 1) / BLOCK_ROWS;
        blocks.map(|b| (b * BLOCK_ROWS).max(range.start)..((b + 1) * BLOCK_ROWS).min(range.end))
    })
}
