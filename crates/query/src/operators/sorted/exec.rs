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

use super::stream::kernel_stream;
use super::{MakeKernel, Runs};

/// How rows are put in order: as ORDER BY has it, which then needs no sort of its own.
pub(in crate::operators) const ASCENDING: SortOptions = SortOptions { descending: false, nulls_first: false };

/// What a [`SortedExec`] runs.
#[derive(Clone, Debug)]
pub(in crate::operators) struct SortedPlan {
    /// The operator's name and its parameters in EXPLAIN.
    pub(in crate::operators) name: &'static str,
    pub(in crate::operators) detail: String,
    /// Keys of groups, by which the input is sorted first.
    pub(in crate::operators) groups: Vec<Arc<dyn PhysicalExpr>>,
    /// What the rows of a group are sorted by.
    pub(in crate::operators) order: Vec<PhysicalSortExpr>,
    /// Whether one partition must have all groups.
    pub(in crate::operators) together: bool,
    /// Whether the output begins with all columns of the input.
    pub(in crate::operators) keeps_columns: bool,
    /// Orders of the output, each by columns of it.
    pub(in crate::operators) orders: Vec<Vec<(usize, SortOptions)>>,
    pub(in crate::operators) schema: SchemaRef,
    pub(in crate::operators) kernel: Arc<dyn MakeKernel>,
}

impl SortedPlan {
    /// Sorted by (groups, time).
    pub(in crate::operators) fn by_time(time: Arc<dyn PhysicalExpr>) -> Vec<PhysicalSortExpr> {
        vec![PhysicalSortExpr { expr: time, options: ASCENDING }]
    }

    fn input_order(&self) -> Option<LexOrdering> {
        let groups = self.groups.iter().map(|g| PhysicalSortExpr { expr: Arc::clone(g), options: ASCENDING });
        LexOrdering::new(groups.chain(self.order.iter().cloned()))
    }
}

/// Runs an operator over an input sorted by (groups, time) with one partition for all rows of a group.
#[derive(Debug)]
pub(in crate::operators) struct SortedExec {
    plan: Arc<SortedPlan>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SortedExec {
    pub(in crate::operators) fn new(plan: SortedPlan, input: Arc<dyn ExecutionPlan>) -> Self {
        Self::with(Arc::new(plan), input)
    }

    fn with(plan: Arc<SortedPlan>, input: Arc<dyn ExecutionPlan>) -> Self {
        let schema = &plan.schema;
        let orders = plan.orders.iter().map(|columns| {
            columns.iter().map(|(index, options)| {
                let name = schema.fields().get(*index).map_or("", |f| f.name());
                PhysicalSortExpr { expr: Arc::new(Column::new(name, *index)), options: *options }
            })
        });
        let below = input.properties().output_partitioning();
        // The same columns in the same places: rows stay in their partitions.
        let partitioning = if plan.keeps_columns {
            below.clone()
        } else {
            Partitioning::UnknownPartitioning(below.partition_count())
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(Arc::clone(schema), orders),
            partitioning,
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { plan, input, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for SortedExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Exec: {}", self.plan.name, self.plan.detail)
    }
}

impl ExecutionPlan for SortedExec {
    fn name(&self) -> &str {
        self.plan.name
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![if self.plan.together || self.plan.groups.is_empty() {
            Distribution::SinglePartition
        } else {
            Distribution::KeyPartitioned(self.plan.groups.clone())
        }])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.plan.input_order().map(OrderingRequirements::from)]
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
            return Err(internal_datafusion_err!("{} has one input", self.plan.name));
        };
        Ok(Arc::new(Self::with(Arc::clone(&self.plan), input)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let name = format!("{}[{partition}]", self.plan.name);
        let memory = MemoryConsumer::new(name).register(context.memory_pool());
        let below = self.input.schema();
        let types = self.plan.groups.iter().map(|g| g.data_type(&below)).collect::<Result<Vec<_>>>()?;
        let batch_rows = context.session_config().batch_size().max(1);
        Ok(kernel_stream(
            input,
            self.plan.groups.clone(),
            Runs::new(types)?,
            self.plan.kernel.kernel(Arc::clone(&self.plan.schema), batch_rows)?,
            Arc::clone(&self.plan.schema),
            memory,
            BaselineMetrics::new(&self.metrics, partition),
        ))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
