use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::{CatalogProviderList, Session};
use datafusion::common::DFSchema;
use datafusion::common::alias::AliasGenerator;
use datafusion::config::{ConfigOptions, TableOptions};
use datafusion::error::Result;
use datafusion::execution::context::{QueryPlanner, SessionConfig};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{FunctionRegistry, SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::registry::ExtensionTypeRegistryRef;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, ScalarUDF, WindowUDF};
use datafusion::optimizer::OptimizerConfig;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr, execute_stream};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::builder::{SessionContext, Shared};
use crate::plan_cache::PlanCache;
use crate::rules::PlanShape;

/// The most partitions that a client can ask for: each has buffers of its own.
const MAX_TARGET_PARTITIONS: usize = 64;

/// One statement's session: where its names lead, and everything that planning and execution need.
///
/// It implements DataFusion's [`Session`] directly instead of wrapping a `SessionState`, whose function
/// tables are copied for each session and again for each execution.
#[derive(Clone)]
pub struct QuerySession {
    shared: Arc<Shared>,
    id: String,
    context: SessionContext,
    props: ExecutionProps,
    table_options: Option<Box<TableOptions>>,
    /// None: what all sessions share.
    config: Option<Box<SessionConfig>>,
    shape: PlanShape,
}

impl fmt::Debug for QuerySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuerySession")
            .field("id", &self.id)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl QuerySession {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: String,
        context: SessionContext,
        props: ExecutionProps,
    ) -> Self {
        Self { shared, id, context, props, table_options: None, config: None, shape: PlanShape::Any }
    }

    /// This session with queries in at most so many partitions (1 to 64).
    #[must_use]
    pub fn with_target_partitions(mut self, partitions: usize) -> Self {
        let partitions = partitions.clamp(1, MAX_TARGET_PARTITIONS);
        if partitions != self.config().target_partitions() {
            let config = self.config().clone().with_target_partitions(partitions);
            self.props.config_options = Some(Arc::clone(config.options()));
            self.config = Some(Box::new(config));
        }
        self
    }

    /// Where names lead.
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The plans that are kept for queries like ones before.
    pub(crate) fn plans(&self) -> &PlanCache {
        &self.shared.plans
    }

    /// Of how many shapes of queries plans are kept, for all sessions of this one's builder.
    pub fn kept_shapes(&self) -> usize {
        self.shared.plans.len()
    }

    /// Whether identifiers without quotes are lowered.
    pub(crate) fn normalizes_identifiers(&self) -> bool {
        self.shared.config.options().sql_parser.enable_ident_normalization
    }

    pub(crate) fn props(&self) -> &ExecutionProps {
        &self.props
    }

    /// Analyses, optimises and plans `plan`. Reads the series index (predicates over tags), so it may
    /// take milliseconds on large tables: not for the I/O runtime.
    pub async fn physical_plan(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        // EXPLAIN shows the rules of the full lists.
        let mut session = self.clone();
        session.shape = PlanShape::of(plan);
        session.create_physical_plan(plan).await
    }

    /// Plans `plan` and starts it. Nothing runs until the stream is polled.
    pub async fn execute(&self, plan: &LogicalPlan) -> Result<SendableRecordBatchStream> {
        let plan = self.physical_plan(plan).await?;
        execute_stream(plan, self.task_ctx())
    }

    /// Prints what each logical and physical rule costs for `plan`.
    #[cfg(test)]
    pub(crate) fn rule_times(&self, plan: &LogicalPlan) {
        use std::time::Instant;
        let mut session = self.clone();
        session.shape = PlanShape::of(plan);
        let mut totals: HashMap<String, u128> = HashMap::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        const RUNS: u128 = 200;
        for _ in 0..RUNS {
            let mut last = Instant::now();
            let mut note = |what: String| {
                *totals.entry(what).or_default() += last.elapsed().as_nanos();
                last = Instant::now();
            };
            let options = session.options();
            let analyzed =
                session.shared.analyzer.execute_and_check(plan.clone(), &options, |_, _| {}).unwrap();
            note("0 analyzer".to_owned());
            let rules = session.shared.rules.logical(session.shape);
            let optimized =
                rules.optimize(analyzed, &session, |_, r| note(format!("1 {}", r.name()))).unwrap();
            note("1 end".to_owned());
            let mut initial = session.clone();
            initial.shape = PlanShape::None;
            let mut physical =
                runtime.block_on(session.shared.planner.create_physical_plan(&optimized, &initial)).unwrap();
            note("2 initial physical plan".to_owned());
            for rule in session.shared.rules.physical(session.shape) {
                physical = rule.optimize(physical, &options).unwrap();
                note(format!("3 {}", rule.name()));
            }
        }
        let mut totals: Vec<_> = totals.into_iter().collect();
        totals.sort();
        for (rule, nanos) in totals {
            println!("{:8.1} us  {rule}", nanos as f64 / RUNS as f64 / 1000.0);
        }
    }

    fn optimized(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let options = self.options();
        let analyzed = self.shared.analyzer.execute_and_check(plan, &options, |_, _| {})?;
        self.shared.rules.logical(self.shape).optimize(analyzed, self, |_, _| {})
    }
}

#[async_trait]
impl Session for QuerySession {
    fn session_id(&self) -> &str {
        &self.id
    }

    fn config(&self) -> &SessionConfig {
        self.config.as_deref().unwrap_or(&self.shared.config)
    }

    fn catalog_list(&self) -> Arc<dyn CatalogProviderList> {
        Arc::clone(&self.shared.no_catalogs)
    }

    fn query_planner(&self) -> Arc<dyn QueryPlanner + Send + Sync> {
        Arc::clone(&self.shared.planner) as Arc<dyn QueryPlanner + Send + Sync>
    }

    fn optimize(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        match plan {
            // The plan that EXPLAIN shows is the plan that would run; the steps in between are not kept.
            LogicalPlan::Explain(explain) => {
                let mut explain = explain.clone();
                let mut session = self.clone();
                session.shape = PlanShape::of(&explain.plan);
                explain.plan = Arc::new(session.optimized(explain.plan.as_ref().clone())?);
                explain.logical_optimization_succeeded = true;
                Ok(LogicalPlan::Explain(explain))
            }
            plan => self.optimized(plan.clone()),
        }
    }

    fn physical_optimizers(&self) -> &[Arc<dyn PhysicalOptimizerRule + Send + Sync>] {
        self.shared.rules.physical(self.shape)
    }

    async fn create_physical_plan(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        let optimized = self.optimize(plan)?;
        self.shared.planner.create_physical_plan(&optimized, self).await
    }

    fn create_physical_expr(&self, expr: Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(schema.clone()))
            .with_config_options(Arc::clone(self.config().options()))
            .with_query_execution_start_time(self.props.query_execution_start_time)
            .build();
        let expr = ExprSimplifier::new(context).coerce(expr, schema)?;
        create_physical_expr(&expr, schema, &self.props, &PhysicalPlanningContext::default())
    }

    fn scalar_functions(&self) -> &HashMap<String, Arc<ScalarUDF>> {
        &self.shared.functions.scalars
    }

    fn higher_order_functions(&self) -> &HashMap<String, Arc<HigherOrderUDF>> {
        &self.shared.functions.higher_order
    }

    fn aggregate_functions(&self) -> &HashMap<String, Arc<AggregateUDF>> {
        &self.shared.functions.aggregates
    }

    fn window_functions(&self) -> &HashMap<String, Arc<WindowUDF>> {
        &self.shared.functions.windows
    }

    fn extension_type_registry(&self) -> &ExtensionTypeRegistryRef {
        &self.shared.extension_types
    }

    fn runtime_env(&self) -> &Arc<RuntimeEnv> {
        &self.shared.runtime
    }

    fn execution_props(&self) -> &ExecutionProps {
        &self.props
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn table_options(&self) -> &TableOptions {
        self.table_options.as_deref().unwrap_or(&self.shared.table_options)
    }

    fn table_options_mut(&mut self) -> &mut TableOptions {
        let shared = &self.shared;
        self.table_options.get_or_insert_with(|| Box::new(shared.table_options.clone()))
    }

    /// The operators' view of the session. It carries no function tables: those serve to decode plans
    /// from bytes, which triglot does not do.
    fn task_ctx(&self) -> Arc<TaskContext> {
        Arc::new(TaskContext::new(
            None,
            self.id.clone(),
            self.config().clone(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            Arc::clone(&self.shared.runtime),
        ))
    }
}

impl OptimizerConfig for QuerySession {
    fn query_execution_start_time(&self) -> Option<DateTime<Utc>> {
        self.props.query_execution_start_time
    }

    fn alias_generator(&self) -> &Arc<AliasGenerator> {
        &self.props.alias_generator
    }

    fn options(&self) -> Arc<ConfigOptions> {
        Arc::clone(self.config().options())
    }

    fn function_registry(&self) -> Option<&dyn FunctionRegistry> {
        Some(self.shared.functions.as_ref())
    }
}

/// DataFusion's planner with our operators' planners.
pub(crate) struct Planner(DefaultPhysicalPlanner);

impl Planner {
    pub(super) fn new(extensions: Vec<Arc<dyn ExtensionPlanner + Send + Sync>>) -> Self {
        Self(DefaultPhysicalPlanner::with_extension_planners(extensions))
    }
}

impl fmt::Debug for Planner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Planner")
    }
}

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.create_physical_plan(plan, session).await
    }
}
