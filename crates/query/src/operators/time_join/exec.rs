use std::fmt;
use std::sync::Arc;

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

use super::super::sorted::ASCENDING;
use super::TimeMatch;
use super::stream::join_stream;

/// What a [`TimeJoinExec`] runs.
#[derive(Clone, Debug)]
pub(super) struct JoinPlan {
    /// The parameters in EXPLAIN.
    pub(super) detail: String,
    pub(super) left_keys: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) right_keys: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) left_time: Arc<dyn PhysicalExpr>,
    pub(super) right_time: Arc<dyn PhysicalExpr>,
    /// Columns of the output by which it is sorted.
    pub(super) order: Vec<usize>,
    pub(super) matching: TimeMatch,
    pub(super) limit: usize,
    pub(super) outer: bool,
    pub(super) left_row: bool,
    pub(super) schema: SchemaRef,
}

/// Runs a [`super::TimeJoin`]: both inputs sorted by (keys, time), each in one partition.
#[derive(Debug)]
pub(super) struct TimeJoinExec {
    plan: Arc<JoinPlan>,
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl TimeJoinExec {
    pub(super) fn new(plan: JoinPlan, left: Arc<dyn ExecutionPlan>, right: Arc<dyn ExecutionPlan>) -> Self {
        Self::with(Arc::new(plan), left, right)
    }

    fn with(plan: Arc<JoinPlan>, left: Arc<dyn ExecutionPlan>, right: Arc<dyn ExecutionPlan>) -> Self {
        let order = plan.order.iter().map(|index| {
            let name = plan.schema.fields().get(*index).map_or("", |f| f.name());
            PhysicalSortExpr { expr: Arc::new(Column::new(name, *index)), options: ASCENDING }
        });
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(Arc::clone(&plan.schema), [order]),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Self { plan, left, right, properties: Arc::new(properties), metrics }
    }
}

fn order(keys: &[Arc<dyn PhysicalExpr>], time: &Arc<dyn PhysicalExpr>) -> Option<OrderingRequirements> {
    let sort = |expr: &Arc<dyn PhysicalExpr>| PhysicalSortExpr { expr: Arc::clone(expr), options: ASCENDING };
    LexOrdering::new(keys.iter().chain([time]).map(sort)).map(OrderingRequirements::from)
}

impl DisplayAs for TimeJoinExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeJoinExec: {}", self.plan.detail)
    }
}

impl ExecutionPlan for TimeJoinExec {
    fn name(&self) -> &str {
        "TimeJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition, Distribution::SinglePartition])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let plan = &self.plan;
        vec![order(&plan.left_keys, &plan.left_time), order(&plan.right_keys, &plan.right_time)]
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
        let Ok([left, right]) = <[Arc<dyn ExecutionPlan>; 2]>::try_from(children) else {
            return Err(internal_datafusion_err!("TimeJoinExec has two inputs"));
        };
        Ok(Arc::new(Self::with(Arc::clone(&self.plan), left, right)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let left = self.left.execute(partition, Arc::clone(&context))?;
        let right = self.right.execute(partition, Arc::clone(&context))?;
        let memory = MemoryConsumer::new("TimeJoin").register(context.memory_pool());
        let batch_rows = context.session_config().batch_size().max(1);
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        join_stream(Arc::clone(&self.plan), left, right, batch_rows, memory, metrics)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
