use std::fmt;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::internal_datafusion_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalSortExpr};
use datafusion::physical_plan::distribution_requirements::InputDistributionRequirements;
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};

use super::segment::Steps;
use super::stream::fill_stream;
use super::{FillMode, Nulls};

/// A column of values, by its place in the input.
#[derive(Clone, Debug)]
pub(super) struct FillInput {
    pub(super) column: usize,
    pub(super) mode: FillMode,
    pub(super) nulls: Nulls,
}

/// The columns of the output, by their places in the input.
#[derive(Clone, Debug)]
pub(super) struct GapFillColumns {
    pub(super) groups: Vec<usize>,
    pub(super) time: usize,
    pub(super) fills: Vec<FillInput>,
    /// Whether the grid comes also without rows.
    pub(super) forced: bool,
    /// Whether a last column tells added rows.
    pub(super) is_filled: bool,
}

/// Runs a [`super::GapFill`]: input sorted by (groups, time), one partition for all rows of a group.
#[derive(Debug)]
pub struct GapFillExec {
    input: Arc<dyn ExecutionPlan>,
    columns: Arc<GapFillColumns>,
    steps: Steps,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl GapFillExec {
    pub(super) fn try_new(
        input: Arc<dyn ExecutionPlan>,
        columns: GapFillColumns,
        steps: Steps,
        schema: SchemaRef,
    ) -> Result<Self> {
        Self::with(input, Arc::new(columns), steps, schema)
    }

    fn with(
        input: Arc<dyn ExecutionPlan>,
        columns: Arc<GapFillColumns>,
        steps: Steps,
        schema: SchemaRef,
    ) -> Result<Self> {
        let keys = columns.groups.len() + 1;
        // Groups and time are the first columns of the output.
        let order = ordering(&schema, 0..keys)?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(Arc::clone(&schema), [order]),
            Partitioning::UnknownPartitioning(input.properties().output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            input,
            columns,
            steps,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    fn key_columns(&self) -> impl Iterator<Item = usize> {
        self.columns.groups.iter().copied().chain([self.columns.time])
    }
}

fn column(schema: &SchemaRef, index: usize) -> Arc<dyn PhysicalExpr> {
    let name = schema.fields().get(index).map_or("", |f| f.name());
    Arc::new(Column::new(name, index))
}

fn ordering(schema: &SchemaRef, columns: impl Iterator<Item = usize>) -> Result<LexOrdering> {
    // As ORDER BY has it, which then needs no sort of its own.
    let options = SortOptions { descending: false, nulls_first: false };
    let keys = columns.map(|index| PhysicalSortExpr { expr: column(schema, index), options });
    LexOrdering::new(keys).ok_or_else(|| internal_datafusion_err!("GapFill without a time"))
}

impl DisplayAs for GapFillExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.input.schema();
        let name = |index: usize| schema.fields().get(index).map_or("?", |f| f.name()).to_owned();
        let Steps { first, last, stride } = self.steps;
        let end = |end: Option<i64>| end.map_or("own".to_owned(), |end| end.to_string());
        let (time, first, last) = (name(self.columns.time), end(first), end(last));
        write!(f, "GapFillExec: time={time}, from={first}, to={last}, stride={stride}")?;
        let groups: Vec<String> = self.columns.groups.iter().map(|i| name(*i)).collect();
        let fills: Vec<String> =
            self.columns.fills.iter().map(|c| format!("{} {}", c.mode, name(c.column))).collect();
        write!(f, ", groups=[{}], fill=[{}]", groups.join(", "), fills.join(", "))
    }
}

impl ExecutionPlan for GapFillExec {
    fn name(&self) -> &str {
        "GapFillExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let below = self.input.schema();
        let groups: Vec<_> = self.columns.groups.iter().map(|i| column(&below, *i)).collect();
        InputDistributionRequirements::new(vec![if groups.is_empty() {
            Distribution::SinglePartition
        } else {
            Distribution::KeyPartitioned(groups)
        }])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![ordering(&self.input.schema(), self.key_columns()).ok().map(OrderingRequirements::from)]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.into_iter().next() else {
            return Err(internal_datafusion_err!("GapFillExec has one input"));
        };
        let (columns, schema) = (Arc::clone(&self.columns), Arc::clone(&self.schema));
        Ok(Arc::new(Self::with(input, columns, self.steps, schema)?))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let memory = MemoryConsumer::new(format!("GapFill[{partition}]")).register(context.memory_pool());
        fill_stream(
            input,
            Arc::clone(&self.columns),
            self.steps,
            Arc::clone(&self.schema),
            context.session_config().batch_size(),
            memory,
            BaselineMetrics::new(&self.metrics, partition),
        )
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
