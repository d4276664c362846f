//! A physical plan whose scan is filled in anew for each query of its shape.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::{split_conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, LogicalPlan, Operator, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_plan::execution_plan::{ReplaceChildrenOptions, replace_children_if_necessary};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties};
use triglot_model::{ColumnId, TableDef};

use super::shape::ShapedQuery;
use crate::rules::PlanShape;
use crate::table::{PreparedScan, Pushdown, classify, series_value};
use crate::{QuerySession, SeriesScanExec, SeriesTable};

/// Operators that keep nothing of one run for the next one once their children are replaced.
const STATELESS: &[&str] = &[
    "AggregateExec",
    "AssignWindows",
    "BoundedWindowAggExec",
    "CoalesceBatchesExec",
    "CooperativeExec",
    "FilterExec",
    "GlobalLimitExec",
    "Interp",
    "LocalLimitExec",
    "ProjectionExec",
    "SeriesFunctions",
    "SliceLimit",
    "SortExec",
    "SortExec(TopK)",
    "WindowAggExec",
];

/// A plan over one partition of one table. It pins no rows.
#[derive(Debug)]
pub(super) struct Template {
    /// The operators, over a [`Blank`].
    plan: Arc<dyn ExecutionPlan>,
    scan: ScanForm,
}

/// What a scan must be like to fit.
#[derive(Debug)]
struct ScanForm {
    projection: Option<Vec<usize>>,
    limit: Option<usize>,
    last_only: bool,
    ordered: bool,
    properties: Arc<PlanProperties>,
}

impl Template {
    /// The template of a query's plan. None where another query of the shape could need other operators,
    /// or where the scan decides more than the filters that were taken out of the query.
    pub(super) fn new(
        logical: &LogicalPlan,
        physical: &Arc<dyn ExecutionPlan>,
        shaped: &ShapedQuery,
        session: &QuerySession,
    ) -> Result<Option<Self>> {
        if !PlanShape::is_chain(logical) || !is_constant(logical) {
            return Ok(None);
        }
        let Some(scan) = scan_below(physical) else { return Ok(None) };
        let form = ScanForm {
            projection: scan.plan().projection.clone(),
            limit: scan.limit(),
            last_only: scan.is_last_only(),
            ordered: scan.is_ordered(),
            properties: Arc::clone(ExecutionPlan::properties(scan)),
        };
        let decided = &scan.plan().filters;
        let Some(own) = form.scan(shaped, session)? else { return Ok(None) };
        let same = own.plan().time == scan.plan().time
            && own.plan().selection == scan.plan().selection
            && own.is_ordered() == form.ordered
            && own.partitions() == form.properties.partitioning.partition_count();
        if !same || !explained(decided, shaped, session)? {
            return Ok(None);
        }
        let blank = Arc::new(Blank(Arc::clone(&form.properties)));
        Ok(Some(Self { plan: with_leaf(Arc::clone(physical), blank)?, scan: form }))
    }

    /// Whether its scan comes by time.
    pub(super) fn is_ordered(&self) -> bool {
        self.scan.ordered
    }

    /// What `shaped` reads. The template fits if the scan is of one partition and has its order.
    pub(super) fn scan(&self, shaped: &ShapedQuery, session: &QuerySession) -> Result<Option<PreparedScan>> {
        self.scan.scan(shaped, session)
    }

    /// Whether the operators suit `scan`.
    pub(super) fn fits(&self, scan: &PreparedScan) -> bool {
        scan.partitions() == 1 && scan.is_ordered() == self.scan.ordered
    }

    /// The plan over `scan`, which must fit.
    pub(super) fn bind(&self, scan: PreparedScan) -> Result<Arc<dyn ExecutionPlan>> {
        let properties = Arc::clone(&self.scan.properties);
        let scan = SeriesScanExec::with_properties(scan, self.scan.limit, properties);
        with_leaf(Arc::clone(&self.plan), Arc::new(scan))
    }
}

impl ScanForm {
    fn scan(&self, shaped: &ShapedQuery, session: &QuerySession) -> Result<Option<PreparedScan>> {
        let last_only;
        let table: &SeriesTable = if self.last_only {
            last_only = shaped.table.with_last_only();
            &last_only
        } else {
            &shaped.table
        };
        table.decided_scan(session, self.projection.as_ref(), &shaped.filters, self.limit)
    }
}

/// The scan at the end of a chain of operators that are known to keep no state.
fn scan_below(plan: &Arc<dyn ExecutionPlan>) -> Option<&SeriesScanExec> {
    if let Some(scan) = plan.downcast_ref::<SeriesScanExec>() {
        return (ExecutionPlan::properties(scan).partitioning.partition_count() == 1).then_some(scan);
    }
    match plan.children().as_slice() {
        [child] if STATELESS.contains(&plan.name()) => scan_below(child),
        _ => None,
    }
}

/// The chain over another leaf, with state and metrics of its own.
fn with_leaf(plan: Arc<dyn ExecutionPlan>, leaf: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let child = plan.children().first().map(|child| Arc::clone(child));
    match child {
        Some(child) => {
            let child = with_leaf(child, leaf)?;
            // A sort keeps a threshold of its own, which only a reset replaces.
            let is_sort = plan.downcast_ref::<SortExec>().is_some();
            let plan = replace_children_if_necessary(plan, vec![child])?;
            if is_sort && plan.fetch().is_some() { plan.reset_state() } else { Ok(plan) }
        }
        None => Ok(leaf),
    }
}

/// Whether the plan is the same whenever and by whomever it is made.
fn is_constant(plan: &LogicalPlan) -> bool {
    let mut constant = true;
    let walked = plan.apply(|node| {
        node.apply_expressions(|expr| {
            constant &= !expr.exists(|e| {
                Ok(match e {
                    Expr::ScalarFunction(f) => f.func.signature().volatility != Volatility::Immutable,
                    Expr::AggregateFunction(f) => f.func.signature().volatility != Volatility::Immutable,
                    Expr::ScalarVariable(..) | Expr::Placeholder(_) | Expr::OuterReferenceColumn(..) => true,
                    _ => false,
                })
            })?;
            Ok(TreeNodeRecursion::Continue)
        })
    });
    constant && walked.is_ok()
}

/// Whether each filter that the scan decides is one of those taken out of the query, so that no literal
/// which stayed in the query's shape picks rows in the scan.
fn explained(decided: &[Expr], shaped: &ShapedQuery, session: &QuerySession) -> Result<bool> {
    let (taken, table) = (&shaped.filters, shaped.table.source().table());
    let mut known: Vec<Meaning> = taken.iter().filter_map(|f| meaning(f, table)).collect();
    for filter in taken {
        if let Expr::Between(Between { expr, negated: false, low, high }) = filter {
            for (op, bound) in [(Operator::GtEq, low), (Operator::LtEq, high)] {
                let half = Expr::BinaryExpr(BinaryExpr::new(expr.clone(), op, bound.clone()));
                known.extend(meaning(&half, table));
            }
        }
    }
    let mut others: Vec<&Expr> = decided.iter().flat_map(split_conjunction).collect();
    others.retain(|filter| !meaning(filter, table).is_some_and(|m| known.contains(&m)));
    if others.is_empty() {
        return Ok(true);
    }
    let simplified = simplified(shaped, session)?;
    Ok(others.into_iter().all(|filter| simplified.contains(&unnormalize_col(filter.clone()))))
}

/// The conjuncts that were taken out in the form that the optimizer gives them.
fn simplified(shaped: &ShapedQuery, session: &QuerySession) -> Result<Vec<Expr>> {
    let schema = DFSchema::try_from(shaped.table.schema())?;
    let context = SimplifyContext::builder()
        .with_schema(Arc::new(schema.clone()))
        .with_config_options(Arc::clone(session.config().options()))
        .build();
    let simplifier = ExprSimplifier::new(context);
    let mut found = Vec::with_capacity(shaped.filters.len());
    for filter in &shaped.filters {
        let filter = simplifier.coerce(unnormalize_col(filter.clone()), &schema)?;
        found.extend(split_conjunction_owned(simplifier.simplify(filter)?));
    }
    Ok(found)
}

/// What a filter says, whatever its form.
#[derive(PartialEq)]
enum Meaning {
    Time(triglot_storage::TimeRange),
    Tag(ColumnId, BTreeSet<String>),
}

fn meaning(filter: &Expr, table: &TableDef) -> Option<Meaning> {
    match classify(filter, table) {
        Pushdown::Time { range, exact: true } => Some(Meaning::Time(range)),
        Pushdown::Tags => {
            let (tag, values) = tag_values(filter, table)?;
            Some(Meaning::Tag(tag, values))
        }
        _ => None,
    }
}

/// The values of `tag = 'x'`, of `tag IN (…)`, and of several of them joined by OR.
fn tag_values(filter: &Expr, table: &TableDef) -> Option<(ColumnId, BTreeSet<String>)> {
    let tag = |e: &Expr| match e {
        Expr::Column(c) => series_value(table, &c.name).map(|(id, _)| id),
        _ => None,
    };
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let ((tag, mut values), (other, more)) = (tag_values(left, table)?, tag_values(right, table)?);
            values.extend(more);
            (tag == other).then_some((tag, values))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            Some((tag(left)?, BTreeSet::from([text(right)?])))
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            Some((tag(expr)?, list.iter().map(text).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(
            ScalarValue::Utf8(Some(v)) | ScalarValue::Utf8View(Some(v)) | ScalarValue::LargeUtf8(Some(v)),
            _,
        ) => Some(v.clone()),
        _ => None,
    }
}

/// Stands in for the scan while a template waits.
#[derive(Debug)]
struct Blank(Arc<PlanProperties>);

impl DisplayAs for Blank {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blank")
    }
}

impl ExecutionPlan for Blank {
    fn name(&self) -> &str {
        "Blank"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.0
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("a template was run without a scan")
    }
}
