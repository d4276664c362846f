//! The merge as a state machine without I/O: the caller pushes batches where [`Core::advance`] asks
//! for them and takes the batches that it emits.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use triglot_model::RowOp;

use super::MergeError;
use super::build::{Output, RowRef};
use super::fold::{Composer, FoldMode};
use super::key::{At, check_order};
use super::rows::{Aligned, Layout};

/// What the merge wants next.
#[derive(Debug)]
pub(super) enum Step {
    /// Push the next batch of this input (or its end).
    Need(usize),
    /// The next batch of the result.
    Emit(RecordBatch),
    /// All inputs are used up.
    Done,
}

/// One input: the batch being read, and the one behind it where it had to be looked at.
#[derive(Debug, Default)]
struct Input {
    current: Option<Cursor>,
    next: Option<Cursor>,
    finished: bool,
}

#[derive(Debug)]
struct Cursor {
    batch: Arc<Aligned>,
    row: usize,
    /// Position in the pool of the pending output, once a row was used in it.
    slot: Option<u32>,
    /// Whether rows must be looked at one by one: equal neighbours, or deletes that vanish.
    irregular: bool,
}

impl Cursor {
    fn at(&self) -> At<'_> {
        At { batch: &self.batch, row: self.row }
    }

    fn left(&self) -> usize {
        self.batch.len() - self.row
    }

    fn slot(&mut self, out: &mut Output) -> u32 {
        match self.slot {
            Some(slot) => slot,
            None => *self.slot.insert(out.add(&self.batch)),
        }
    }
}

/// A key whose rows are being collected, input by input, because it has more than one.
#[derive(Debug)]
struct Open {
    batch: Arc<Aligned>,
    row: usize,
    /// The input that is collected from next.
    input: usize,
}

/// The state of a merge.
#[derive(Debug)]
pub(super) struct Core {
    layout: Layout,
    schema: SchemaRef,
    mode: FoldMode,
    control: bool,
    batch_rows: usize,
    inputs: Vec<Input>,
    open: Option<Open>,
    composer: Composer,
    out: Output,
}

impl Core {
    /// A merge of `inputs` inputs, oldest first. `control`: whether a partial result has control
    /// columns (a final one never has).
    pub(super) fn new(
        layout: Layout,
        inputs: usize,
        mode: FoldMode,
        control: bool,
        batch_rows: usize,
    ) -> Self {
        let control = control && mode == FoldMode::Partial;
        Self {
            schema: layout.schema(control),
            layout,
            mode,
            control,
            batch_rows: batch_rows.max(1),
            inputs: std::iter::repeat_with(Input::default).take(inputs).collect(),
            open: None,
            composer: Composer::default(),
            out: Output::default(),
        }
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Gives the next batch of an input, or its end. Call it when asked to, or up front.
    pub(super) fn push(&mut self, input: usize, batch: Option<&RecordBatch>) -> Result<(), MergeError> {
        let state = &mut self.inputs[input];
        let Some(batch) = batch else {
            state.finished = true;
            return Ok(());
        };
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let aligned = self.layout.align(batch)?;
        if self.mode == FoldMode::Partial && !self.control && has_operations(&aligned) {
            return Err(MergeError::UnexpectedControl);
        }
        let order = check_order(&aligned);
        if let Some(row) = order.descent {
            return Err(MergeError::Unsorted { input, row });
        }
        let irregular = order.duplicates || (self.mode == FoldMode::Final && aligned.has_deletes());
        let cursor = Cursor { batch: Arc::new(aligned), row: 0, slot: None, irregular };
        if let Some(current) = &state.current {
            let last = At { batch: &current.batch, row: current.batch.len() - 1 };
            if last.compare(cursor.at()) == Ordering::Greater {
                return Err(MergeError::Unsorted { input, row: 0 });
            }
            state.next = Some(cursor);
        } else {
            state.current = Some(cursor);
        }
        Ok(())
    }

    /// Works until a batch is full or an input is wanted.
    pub(super) fn advance(&mut self) -> Result<Step, MergeError> {
        loop {
            if self.open.is_some() {
                if let Some(input) = self.collect() {
                    return Ok(Step::Need(input));
                }
                continue;
            }
            if self.out.rows() >= self.batch_rows {
                return self.emit();
            }
            if let Some(input) = self.inputs.iter().position(|i| i.current.is_none() && !i.finished) {
                return Ok(Step::Need(input));
            }
            let Some((first, second)) = self.lowest() else {
                return if self.out.rows() > 0 { self.emit() } else { Ok(Step::Done) };
            };
            match self.take_run(first, second) {
                Progress::Made => {}
                Progress::Need(input) => return Ok(Step::Need(input)),
                Progress::Full => return self.emit(),
            }
        }
    }

    /// The input with the lowest head, and the one with the next lowest (equal keys: oldest first).
    fn lowest(&self) -> Option<(usize, Option<usize>)> {
        let mut first: Option<(usize, At<'_>)> = None;
        let mut second: Option<(usize, At<'_>)> = None;
        for (input, state) in self.inputs.iter().enumerate() {
            let Some(cursor) = &state.current else {
                continue;
            };
            let head = cursor.at();
            if first.as_ref().is_none_or(|(_, low)| head.compare(*low) == Ordering::Less) {
                second = first.replace((input, head));
            } else if second.as_ref().is_none_or(|(_, low)| head.compare(*low) == Ordering::Less) {
                second = Some((input, head));
            }
        }
        first.map(|(input, _)| (input, second.map(|(input, _)| input)))
    }

    /// Takes the rows of `first` that are below every other input, or opens the key if it has
    /// several rows.
    fn take_run(&mut self, first: usize, second: Option<usize>) -> Progress {
        let bound = second.and_then(|s| self.inputs[s].current.as_ref()).map(Cursor::at);
        let state = &self.inputs[first];
        let Some(cursor) = &state.current else {
            return Progress::Made;
        };
        let run = match bound {
            None => cursor.left(),
            Some(bound) => cursor.at().gallop_below(bound),
        };
        if run == 0 {
            return self.open(first);
        }
        // A key may go on in the next batch, so the last row is not taken before that is known.
        let mut continues = false;
        if run == cursor.left() {
            match &state.next {
                Some(next) => {
                    let last = At { batch: &cursor.batch, row: cursor.batch.len() - 1 };
                    continues = last.compare(next.at()) == Ordering::Equal;
                }
                None if state.finished => {}
                None => return Progress::Need(first),
            }
        }
        if cursor.irregular {
            return self.take_one(first, continues);
        }
        let take = if continues { run - 1 } else { run };
        if take == 0 {
            return self.open(first);
        }
        // A long run goes out as a slice of its own instead of being copied behind other rows.
        if take >= self.batch_rows && self.out.rows() > 0 {
            return Progress::Full;
        }
        self.take(first, take.min(self.batch_rows - self.out.rows()));
        Progress::Made
    }

    /// Takes the head row of an input whose batch needs a look at every row.
    fn take_one(&mut self, input: usize, continues: bool) -> Progress {
        let Some(cursor) = &self.inputs[input].current else {
            return Progress::Made;
        };
        let repeated = if cursor.left() == 1 {
            continues
        } else {
            cursor.at().compare(At { batch: &cursor.batch, row: cursor.row + 1 }) == Ordering::Equal
        };
        if repeated {
            return self.open(input);
        }
        if self.mode == FoldMode::Final && cursor.batch.op(cursor.row) == RowOp::Delete {
            self.skip(input, 1);
        } else {
            self.take(input, 1);
        }
        Progress::Made
    }

    fn take(&mut self, input: usize, rows: usize) {
        if let Some(cursor) = &mut self.inputs[input].current {
            let slot = cursor.slot(&mut self.out);
            self.out.push_run(slot, cursor.row, rows);
        }
        self.skip(input, rows);
    }

    fn skip(&mut self, input: usize, rows: usize) {
        let state = &mut self.inputs[input];
        if let Some(cursor) = &mut state.current {
            cursor.row += rows;
            if cursor.left() == 0 {
                state.current = state.next.take();
            }
        }
    }

    fn open(&mut self, input: usize) -> Progress {
        if let Some(cursor) = &self.inputs[input].current {
            self.open = Some(Open { batch: Arc::clone(&cursor.batch), row: cursor.row, input: 0 });
        }
        Progress::Made
    }

    /// Collects the rows of the open key, oldest input first, and folds them. Returns the input
    /// whose next batch must be seen first, if any.
    fn collect(&mut self) -> Option<usize> {
        let mut open = self.open.take()?;
        while open.input < self.inputs.len() {
            let state = &mut self.inputs[open.input];
            match &mut state.current {
                Some(cursor) => {
                    if cursor.at().compare(At { batch: &open.batch, row: open.row }) != Ordering::Equal {
                        open.input += 1;
                        continue;
                    }
                    let row = RowRef { slot: cursor.slot(&mut self.out), row: cursor.row as u32 };
                    self.composer.apply(cursor.batch.op(cursor.row), row);
                    self.skip(open.input, 1);
                }
                None if state.finished => open.input += 1,
                None => {
                    let input = open.input;
                    self.open = Some(open);
                    return Some(input);
                }
            }
        }
        self.composer.finish(self.mode, &self.layout, &mut self.out);
        None
    }

    fn emit(&mut self) -> Result<Step, MergeError> {
        let batch = self.out.build(&self.layout, &self.schema, self.control)?;
        for input in &mut self.inputs {
            for cursor in [&mut input.current, &mut input.next].into_iter().flatten() {
                cursor.slot = None;
            }
        }
        Ok(Step::Emit(batch))
    }
}

/// What one step of [`Core::advance`] came to.
enum Progress {
    Made,
    Need(usize),
    /// The pending output should go out first.
    Full,
}

fn has_operations(batch: &Aligned) -> bool {
    batch.sets.is_some()
        || batch.ops.as_ref().is_some_and(|ops| ops.values().iter().any(|code| *code != RowOp::Merge.code()))
}
