//! `SliceLimit`: LIMIT and OFFSET inside every slice of rows, and of the slices themselves.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::physical_plan::ExecutionPlan;

use super::sorted::{
    ASCENDING, Compile, Exprs, Kernel, MakeKernel, Node, Qualified, Run, SortedExec, SortedOperator,
    SortedPlan, show,
};

/// Gives some of the rows of some of the slices of its input. The columns are those of the input.
///
/// A slice is all rows with the same values of `slices` (NULL equals NULL). Planning sees to input sorted by
/// (`slices`, `order`), which is also the order of the output; so this is also the largest or the newest
/// rows of each group, and with the group's keys and a value as `slices` the first row of each distinct
/// value. The input is not read further once all wanted slices are complete.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SliceLimit {
    /// What splits rows into slices; none: all rows are one.
    pub slices: Vec<Expr>,
    /// The order of the rows of a slice; none: as they come.
    pub order: Vec<Sort>,
    /// Slices to leave out, in the order of their keys, NULLs last.
    pub skip_slices: u64,
    /// Slices to give after these; none: all.
    pub take_slices: Option<u64>,
    /// Rows to leave out at the start of each slice.
    pub skip_rows: u64,
    /// Rows to give after these; none: all.
    pub take_rows: Option<u64>,
}

impl SliceLimit {
    /// `take` rows of each slice after `skip`, in this order.
    pub fn rows(slices: Vec<Expr>, order: Vec<Sort>, skip: u64, take: Option<u64>) -> Self {
        Self { slices, order, skip_slices: 0, take_slices: None, skip_rows: skip, take_rows: take }
    }

    /// The operator over `input`.
    ///
    /// # Errors
    /// Keys that cannot be sorted or are no expressions over the input.
    pub fn over(self, input: LogicalPlan) -> Result<LogicalPlan> {
        Node::plan(input, self)
    }

    fn limits_slices(&self) -> bool {
        self.skip_slices > 0 || self.take_slices.is_some()
    }
}

impl SortedOperator for SliceLimit {
    const NAME: &'static str = "SliceLimit";

    fn expressions(&self) -> Vec<Expr> {
        self.slices.iter().chain(self.order.iter().map(|s| &s.expr)).cloned().collect()
    }

    fn with_expressions(&self, exprs: &mut Exprs) -> Result<Self> {
        let mut other = self.clone();
        other.slices = exprs.like(&self.slices)?;
        for sort in &mut other.order {
            sort.expr = exprs.one()?;
        }
        Ok(other)
    }

    fn columns(&self, input: &DFSchema) -> Result<Vec<Qualified>> {
        Ok(input.iter().map(|(relation, field)| (relation.cloned(), Arc::clone(field))).collect())
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let take = |n: Option<u64>| n.map_or_else(|| "all".to_owned(), |n| n.to_string());
        let order: Vec<String> = self.order.iter().map(ToString::to_string).collect();
        write!(f, "rows={}+{}", self.skip_rows, take(self.take_rows))?;
        if self.limits_slices() {
            write!(f, ", slices={}+{}", self.skip_slices, take(self.take_slices))?;
        }
        write!(f, ", by={}, order=[{}]", show(&self.slices), order.join(", "))
    }

    fn separable(&self) -> &[Expr] {
        if self.limits_slices() { &[] } else { &self.slices }
    }

    fn keeps_columns(&self) -> bool {
        true
    }

    fn physical(
        &self,
        compile: &Compile<'_>,
        node: &Node<Self>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let below = node.input.schema();
        let options =
            |s: &Sort| arrow::compute::SortOptions { descending: !s.asc, nulls_first: s.nulls_first };
        let order = self.order.iter().map(|sort| {
            Ok(PhysicalSortExpr { expr: compile.expr(&sort.expr, below)?, options: options(sort) })
        });
        // As much of the order as columns can say.
        let keys = self.slices.iter().map(|s| (s, ASCENDING));
        let keys = keys.chain(self.order.iter().map(|s| (&s.expr, options(s))));
        let known = keys.map_while(|(expr, options)| Some((node.index_of(expr)?, options)));
        let plan = SortedPlan {
            name: Self::NAME,
            detail: Described(self).to_string(),
            groups: compile.exprs(&self.slices, below)?,
            order: order.collect::<Result<_>>()?,
            together: self.limits_slices(),
            keeps_columns: true,
            orders: vec![known.collect()],
            schema: Arc::clone(node.schema.inner()),
            kernel: Arc::new(MakeSlices(self.clone())),
        };
        Ok(Arc::new(SortedExec::new(plan, input)))
    }
}

/// What EXPLAIN shows, as text.
struct Described<'a>(&'a SliceLimit);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}

#[derive(Debug)]
struct MakeSlices(SliceLimit);

impl MakeKernel for MakeSlices {
    fn kernel(&self, _schema: SchemaRef, _batch_rows: usize) -> Result<Box<dyn Kernel>> {
        let limit = &self.0;
        Ok(Box::new(Slices {
            slices: (
                limit.skip_slices,
                limit.skip_slices.saturating_add(limit.take_slices.unwrap_or(u64::MAX)),
            ),
            rows: (limit.skip_rows, limit.skip_rows.saturating_add(limit.take_rows.unwrap_or(u64::MAX))),
            slice: None,
            row: 0,
            ready: None,
        }))
    }
}

struct Slices {
    /// The first slice wanted and the first after it that is not; the same of rows.
    slices: (u64, u64),
    rows: (u64, u64),
    /// The number of the current slice and of its next row.
    slice: Option<u64>,
    row: u64,
    ready: Option<RecordBatch>,
}

impl Kernel for Slices {
    fn push(&mut self, batch: RecordBatch, runs: &[Run]) -> Result<()> {
        let mut wanted: Vec<u32> = Vec::new();
        for run in runs {
            if run.fresh {
                (self.slice, self.row) = (Some(self.slice.map_or(0, |s| s.saturating_add(1))), 0);
            }
            let slice = self.slice.unwrap_or(0);
            for row in run.rows.clone() {
                if (self.slices.0..self.slices.1).contains(&slice)
                    && (self.rows.0..self.rows.1).contains(&self.row)
                {
                    wanted.push(row as u32);
                }
                self.row = self.row.saturating_add(1);
            }
        }
        self.ready = match wanted.len() {
            0 => None,
            all if all == batch.num_rows() => Some(batch),
            _ => Some(take_record_batch(&batch, &UInt32Array::from(wanted))?),
        };
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        Ok(self.ready.take())
    }

    fn is_done(&self) -> bool {
        let slice = self.slice.unwrap_or(0);
        let next = slice.saturating_add(u64::from(self.row >= self.rows.1));
        next >= self.slices.1 || self.rows.0 >= self.rows.1
    }
}

#[cfg(test)]
mod tests;
