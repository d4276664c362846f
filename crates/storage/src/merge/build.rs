//! Putting an output batch together from rows of several aligned batches.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryBuilder, RecordBatch, UInt8Array};
use arrow::compute::{concat, interleave};
use arrow::datatypes::SchemaRef;
use triglot_model::RowOp;

use super::MergeError;
use super::rows::{Aligned, Layout};
use super::set::{merge_bits, put_bit, set_bit};

/// From this mean run length on, copying whole runs beats gathering single rows.
const COPY_RUN: usize = 32;

/// A row of a batch in the pool of an [`Output`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowRef {
    pub(super) slot: u32,
    pub(super) row: u32,
}

#[derive(Debug)]
struct Run {
    slot: usize,
    start: usize,
    len: usize,
}

/// A value of a folded row that does not come from the row's base row.
#[derive(Debug)]
struct Patch {
    column: usize,
    row: usize,
    from: RowRef,
}

/// Control values of a folded row.
#[derive(Debug)]
struct Control {
    row: usize,
    op: RowOp,
    set: Option<Vec<u8>>,
}

/// The rows of the next output batch, as references.
#[derive(Debug, Default)]
pub(super) struct Output {
    pool: Vec<Arc<Aligned>>,
    runs: Vec<Run>,
    rows: usize,
    patches: Vec<Patch>,
    control: Vec<Control>,
}

impl Output {
    /// Rows so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Takes a batch into the pool and returns its slot.
    pub(super) fn add(&mut self, batch: &Arc<Aligned>) -> u32 {
        self.pool.push(Arc::clone(batch));
        (self.pool.len() - 1) as u32
    }

    /// Appends `len` rows of a pooled batch as they are.
    pub(super) fn push_run(&mut self, slot: u32, start: usize, len: usize) {
        let slot = slot as usize;
        self.rows += len;
        match self.runs.last_mut() {
            Some(run) if run.slot == slot && run.start + run.len == start => run.len += len,
            _ => self.runs.push(Run { slot, start, len }),
        }
    }

    /// Appends one row: the first of `chain`, with the later ones merged over it.
    pub(super) fn push_folded(&mut self, layout: &Layout, op: RowOp, chain: &[RowRef]) {
        let Some((base, over)) = chain.split_first() else {
            return;
        };
        let row = self.rows;
        self.push_run(base.slot, base.row as usize, 1);
        // Columns that no batch here has may be written as explicit NULLs too: those bits add up.
        let mut set = Vec::new();
        if op == RowOp::Merge {
            for row in chain {
                merge_bits(&mut set, self.batch(row).set(row.row as usize).unwrap_or_default());
            }
        }
        for column in 0..layout.columns().len() {
            let bit = layout.bit(column);
            let newest = over.iter().rev().find(|r| self.batch(r).writes(r.row as usize, column, bit));
            let source = *newest.unwrap_or(base);
            if op == RowOp::Merge {
                let batch = self.batch(&source);
                let null = batch.columns[column].is_null(source.row as usize);
                let explicit = null && batch.set(source.row as usize).is_some_and(|s| set_bit(s, bit));
                put_bit(&mut set, bit, explicit);
            }
            if source != *base {
                self.patches.push(Patch { column, row, from: source });
            }
        }
        self.control.push(Control { row, op, set: set.iter().any(|byte| *byte != 0).then_some(set) });
    }

    fn batch(&self, row: &RowRef) -> &Aligned {
        &self.pool[row.slot as usize]
    }

    /// Builds the batch and becomes empty. `schema` is the layout's, with or without control columns.
    pub(super) fn build(
        &mut self,
        layout: &Layout,
        schema: &SchemaRef,
        control: bool,
    ) -> Result<RecordBatch, MergeError> {
        self.patches.sort_by_key(|p| p.column);
        let gather = Gather::new(&self.runs, self.rows);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        let sids: Vec<&dyn Array> = self.pool.iter().map(|b| &b.sids as &dyn Array).collect();
        arrays.push(gather.copy(&sids)?);
        let times: Vec<&dyn Array> = self.pool.iter().map(|b| &b.times as &dyn Array).collect();
        arrays.push(gather.copy(&times)?);
        if control {
            arrays.push(self.build_ops());
            arrays.push(self.build_sets());
        }
        let mut patches = self.patches.as_slice();
        for column in 0..layout.columns().len() {
            let values: Vec<&dyn Array> = self.pool.iter().map(|b| b.columns[column].as_ref()).collect();
            let mine = patches.iter().take_while(|p| p.column == column).count();
            let (now, later) = patches.split_at(mine);
            patches = later;
            arrays.push(if now.is_empty() { gather.copy(&values)? } else { gather.patched(&values, now)? });
        }
        let batch = RecordBatch::try_new(Arc::clone(schema), arrays)?;
        *self = Self::default();
        Ok(batch)
    }

    fn build_ops(&self) -> ArrayRef {
        let mut codes = Vec::with_capacity(self.rows);
        for run in &self.runs {
            match &self.pool[run.slot].ops {
                Some(ops) => codes.extend_from_slice(&ops.values()[run.start..run.start + run.len]),
                None => codes.resize(codes.len() + run.len, RowOp::Merge.code()),
            }
        }
        for control in &self.control {
            codes[control.row] = control.op.code();
        }
        Arc::new(UInt8Array::from(codes))
    }

    fn build_sets(&self) -> ArrayRef {
        let mut sets = BinaryBuilder::with_capacity(self.rows, 0);
        let mut folded = self.control.iter().peekable();
        let mut at = 0;
        for run in &self.runs {
            let batch = &self.pool[run.slot];
            for row in run.start..run.start + run.len {
                match folded.next_if(|c| c.row == at) {
                    Some(control) => sets.append_option(control.set.as_deref()),
                    None => sets.append_option(batch.set(row)),
                }
                at += 1;
            }
        }
        Arc::new(sets.finish())
    }
}

/// How rows are copied: as a slice, in runs, or one by one.
struct Gather<'a> {
    runs: &'a [Run],
    rows: usize,
    indices: std::cell::OnceCell<Vec<(usize, usize)>>,
}

impl<'a> Gather<'a> {
    fn new(runs: &'a [Run], rows: usize) -> Self {
        Self { runs, rows, indices: std::cell::OnceCell::new() }
    }

    fn copy(&self, values: &[&dyn Array]) -> Result<ArrayRef, MergeError> {
        if let [run] = self.runs {
            return Ok(values[run.slot].slice(run.start, run.len));
        }
        if self.runs.len() * COPY_RUN <= self.rows {
            let slices: Vec<ArrayRef> =
                self.runs.iter().map(|r| values[r.slot].slice(r.start, r.len)).collect();
            let slices: Vec<&dyn Array> = slices.iter().map(AsRef::as_ref).collect();
            return Ok(concat(&slices)?);
        }
        Ok(interleave(values, self.indices())?)
    }

    fn patched(&self, values: &[&dyn Array], patches: &[Patch]) -> Result<ArrayRef, MergeError> {
        let mut indices = self.indices().to_vec();
        for patch in patches {
            indices[patch.row] = (patch.from.slot as usize, patch.from.row as usize);
        }
        Ok(interleave(values, &indices)?)
    }

    fn indices(&self) -> &[(usize, usize)] {
        self.indices.get_or_init(|| {
            let mut indices = Vec::with_capacity(self.rows);
            for run in self.runs {
                indices.extend((run.start..run.start + run.len).map(|row| (run.slot, row)));
            }
            indices
        })
    }
}
