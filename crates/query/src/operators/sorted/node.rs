use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DFSchema, DFSchemaRef, TableReference, internal_datafusion_err, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::normalize_col;
use datafusion::logical_expr::{Expr, ExprSchemable, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::Compile;

/// A column and the table that it belongs to, if any.
pub(in crate::operators) type Qualified = (Option<TableReference>, FieldRef);

/// An operator over one input sorted by (groups, time).
pub(in crate::operators) trait SortedOperator:
    Clone + fmt::Debug + Eq + Hash + Send + Sync + 'static
{
    /// The name in EXPLAIN.
    const NAME: &'static str;

    /// All expressions, always in the same order.
    fn expressions(&self) -> Vec<Expr>;

    /// The operator with other expressions in the same order.
    fn with_expressions(&self, exprs: &mut Exprs) -> Result<Self>;

    /// The columns over an input; refuses what cannot run.
    fn columns(&self, input: &DFSchema) -> Result<Vec<Qualified>>;

    /// What EXPLAIN shows behind the name.
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Keys of groups that the operator treats apart, so that all rows of a group may as well be left
    /// out below as above it.
    fn separable(&self) -> &[Expr];

    /// Whether the columns begin with all those of the input.
    fn keeps_columns(&self) -> bool {
        false
    }

    /// The plan that runs.
    fn physical(
        &self,
        compile: &Compile<'_>,
        node: &Node<Self>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>>;
}

/// The logical node of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::operators) struct Node<O: SortedOperator> {
    pub(in crate::operators) input: Arc<LogicalPlan>,
    pub(in crate::operators) operator: O,
    pub(in crate::operators) schema: DFSchemaRef,
}

impl<O: SortedOperator> Node<O> {
    pub(in crate::operators) fn try_new(input: Arc<LogicalPlan>, operator: O) -> Result<Self> {
        let below = input.schema();
        let columns = operator.columns(below)?;
        let schema = Arc::new(DFSchema::new_with_metadata(columns, below.metadata().clone())?);
        Ok(Self { input, operator, schema })
    }

    /// The operator over `input` as a plan.
    pub(in crate::operators) fn plan(input: LogicalPlan, operator: O) -> Result<LogicalPlan> {
        let exprs = operator.expressions().into_iter().map(|e| normalize_col(e, &input));
        let exprs: Vec<Expr> = exprs.collect::<Result<_>>()?;
        let operator = operator.with_expressions(&mut Exprs(exprs.into_iter()))?;
        let node = Self::try_new(Arc::new(input), operator)?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }
}

impl<O: SortedOperator> PartialOrd for Node<O> {
    /// Plans have no order but equality.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl<O: SortedOperator> UserDefinedLogicalNodeCore for Node<O> {
    fn name(&self) -> &str {
        O::NAME
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.operator.expressions()
    }

    /// All but the keys of groups: a condition on these leaves out whole groups.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let keys = self.operator.separable().iter().filter_map(|key| match key {
            Expr::Column(column) if self.schema.maybe_index_of_column(column).is_some() => Some(column),
            _ => None,
        });
        let keys: Vec<_> = keys.collect();
        let is_key = |relation: Option<&TableReference>, field: &FieldRef| {
            keys.iter().any(|k| k.name == *field.name() && k.relation.as_ref() == relation)
        };
        let others = self.schema.iter().filter(|(relation, field)| !is_key(*relation, field));
        others.map(|(_, field)| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", O::NAME)?;
        self.operator.describe(f)
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([input]) = <[LogicalPlan; 1]>::try_from(inputs) else {
            return internal_err!("{} has one input", O::NAME);
        };
        let mut exprs = Exprs(exprs.into_iter());
        let operator = self.operator.with_expressions(&mut exprs)?;
        exprs.end()?;
        Self::try_new(Arc::new(input), operator)
    }

    fn necessary_children_exprs(&self, outputs: &[usize]) -> Option<Vec<Vec<usize>>> {
        let kept = if self.operator.keeps_columns() { self.input.schema().fields().len() } else { 0 };
        Some(vec![outputs.iter().copied().filter(|index| *index < kept).collect()])
    }
}

/// Expressions on their way back into an operator.
pub(in crate::operators) struct Exprs(pub(in crate::operators) std::vec::IntoIter<Expr>);

impl Exprs {
    /// The next one.
    pub(in crate::operators) fn one(&mut self) -> Result<Expr> {
        self.0.next().ok_or_else(|| internal_datafusion_err!("an operator lacks an expression"))
    }

    /// As many as there are in `like`.
    pub(in crate::operators) fn like<T>(&mut self, like: &[T]) -> Result<Vec<Expr>> {
        like.iter().map(|_| self.one()).collect()
    }

    pub(in crate::operators) fn end(mut self) -> Result<()> {
        match self.0.next() {
            Some(extra) => internal_err!("an operator has no place for {extra}"),
            None => Ok(()),
        }
    }
}

/// The column that `expr` makes.
pub(in crate::operators) fn field_of(expr: &Expr, input: &DFSchema) -> Result<Qualified> {
    expr.to_field(input)
}

/// A column of our own.
pub(in crate::operators) fn qualified(name: &str, ty: DataType, nullable: bool) -> Qualified {
    (None, Arc::new(Field::new(name, ty, nullable)))
}

/// Expressions as EXPLAIN shows them.
pub(in crate::operators) fn show(exprs: &[Expr]) -> String {
    let exprs: Vec<String> = exprs.iter().map(ToString::to_string).collect();
    format!("[{}]", exprs.join(", "))
}

impl<O: SortedOperator> Node<O> {
    /// The place of `expr` among the columns, if it is one of them.
    pub(in crate::operators) fn index_of(&self, expr: &Expr) -> Option<usize> {
        match expr {
            Expr::Column(column) => self.schema.maybe_index_of_column(column),
            _ => None,
        }
    }
}
