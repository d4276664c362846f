use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::DateTime;
use datafusion::catalog::{CatalogProviderList, MemoryCatalogProviderList};
use datafusion::config::{ConfigOptions, TableOptions};
use datafusion::error::Result;
use datafusion::execution::context::SessionConfig;
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::registry::{ExtensionTypeRegistryRef, MemoryExtensionTypeRegistry};
use datafusion::logical_expr::var_provider::VarType;
use datafusion::optimizer::{Analyzer, AnalyzerRule, OptimizerRule};
use datafusion::physical_planner::ExtensionPlanner;

use super::query_session::{Planner, QuerySession};
use super::values::{SessionValues, Variables};
use crate::functions::Functions;
use crate::plan_cache::PlanCache;
use crate::planning::TableResolver;
use crate::rules::RuleLists;

/// A step after a query's plan is made, before it is optimised.
pub type FinishPlan = fn(LogicalPlan) -> Result<LogicalPlan>;

/// What all sessions of one dialect have in common.
#[derive(Clone)]
pub struct SessionOptions {
    /// Memory and spill space, shared with the other dialects ([`crate::query_memory`]).
    pub runtime: Arc<RuntimeEnv>,
    /// Partitions that a large query runs in, at most: the number of CPUs.
    pub target_partitions: usize,
    /// Rows of a batch.
    pub batch_rows: usize,
    /// Whether identifiers without quotes are lowered.
    pub normalize_identifiers: bool,
    /// Whether numbers with a point are decimals instead of doubles.
    pub decimal_literals: bool,
    /// The functions; see [`SessionOptions::default_functions`].
    pub functions: Arc<Functions>,
    /// Planners of operators and literals, asked before DataFusion's.
    pub expr_planners: Vec<Arc<dyn ExprPlanner>>,
    /// Analyzer rules (implicit casts), run before DataFusion's.
    pub analyzer_rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>>,
    /// Logical rules, run after DataFusion's.
    pub optimizer_rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>,
    /// What is done to the plan of a query whose rows a client sees (names of its columns).
    pub finish: Option<FinishPlan>,
    /// Planners of operators of our own.
    pub extension_planners: Vec<Arc<dyn ExtensionPlanner + Send + Sync>>,
}

impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions")
            .field("target_partitions", &self.target_partitions)
            .field("batch_rows", &self.batch_rows)
            .field("normalize_identifiers", &self.normalize_identifiers)
            .finish_non_exhaustive()
    }
}

impl SessionOptions {
    /// Options with DataFusion's functions, batches of 8,192 rows and lowered identifiers.
    pub fn new(runtime: Arc<RuntimeEnv>, target_partitions: usize) -> Self {
        Self {
            runtime,
            target_partitions,
            batch_rows: 8192,
            normalize_identifiers: true,
            decimal_literals: false,
            functions: Arc::new(Self::default_functions()),
            expr_planners: Vec::new(),
            analyzer_rules: Vec::new(),
            optimizer_rules: Vec::new(),
            finish: None,
            extension_planners: Vec::new(),
        }
    }

    /// DataFusion's functions, to which a dialect adds its own.
    pub fn default_functions() -> Functions {
        Functions::datafusion(&ConfigOptions::default())
    }

    fn config(&self) -> SessionConfig {
        let mut config = SessionConfig::new()
            .with_batch_size(self.batch_rows)
            .with_target_partitions(self.target_partitions.max(1))
            .with_information_schema(false)
            .with_create_default_catalog_and_schema(false)
            .with_collect_statistics(false);
        let options = config.options_mut();
        options.sql_parser.enable_ident_normalization = self.normalize_identifiers;
        options.sql_parser.parse_float_as_decimal = self.decimal_literals;
        // A scan chooses its partitions by its size; a small one must stay in one partition, where
        // no exchange is needed. So operators do not deal rows out any further by themselves.
        options.optimizer.enable_round_robin_repartition = false;
        // One partition holds all rows of each group, so grouping needs no exchange above it.
        options.optimizer.subset_repartition_threshold = 1;
        options.optimizer.repartition_file_scans = false;
        options.optimizer.enable_dynamic_filter_pushdown = false;
        // A directory of files stands for all files below it.
        options.execution.listing_table_ignore_subdirectory = false;
        // Each partition of a sort sets this aside before its first row, and fails if it cannot. With
        // DataFusion's fixed 10 MiB a small pool is used up by that alone, and nothing would spill.
        if let MemoryLimit::Finite(bytes) = self.runtime.memory_pool.memory_limit() {
            let share = bytes / (16 * self.target_partitions.max(1));
            options.execution.sort_spill_reservation_bytes = share.clamp(64 << 10, 10 << 20);
        }
        config
    }
}

/// Who asks, and how names are resolved.
#[derive(Clone, Debug)]
pub struct SessionContext {
    /// The tenant: the catalog of unqualified names.
    pub tenant: String,
    /// The database of unqualified names.
    pub database: String,
    /// Finds tables.
    pub resolver: Arc<dyn TableResolver>,
    /// The instant that `now()` gives, nanoseconds since the epoch.
    pub now_ns: i64,
    /// Functions and variables that tell about the session, if the dialect has any.
    pub values: Option<Arc<dyn SessionValues>>,
}

/// Makes sessions: the only place that does. What they share is made once, so one more session costs
/// about a microsecond.
#[derive(Debug)]
pub struct SessionBuilder {
    shared: Arc<Shared>,
    sessions: AtomicU64,
}

/// What all sessions of a builder share.
pub(crate) struct Shared {
    pub(crate) config: SessionConfig,
    pub(crate) functions: Arc<Functions>,
    pub(crate) expr_planners: Vec<Arc<dyn ExprPlanner>>,
    pub(crate) analyzer: Analyzer,
    pub(crate) rules: RuleLists,
    pub(crate) finish: Option<FinishPlan>,
    pub(crate) planner: Arc<Planner>,
    pub(crate) runtime: Arc<RuntimeEnv>,
    pub(crate) table_options: TableOptions,
    pub(crate) extension_types: ExtensionTypeRegistryRef,
    pub(crate) no_catalogs: Arc<dyn CatalogProviderList>,
    pub(crate) plans: PlanCache,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl SessionBuilder {
    /// A builder for one dialect's sessions.
    pub fn new(options: SessionOptions) -> Self {
        let config = options.config();
        let mut expr_planners = options.expr_planners.clone();
        expr_planners.extend(options.functions.expr_planners.iter().cloned());
        let mut analyzer_rules = options.analyzer_rules.clone();
        analyzer_rules.extend(Analyzer::new().rules);
        let shared = Shared {
            table_options: TableOptions::default_from_session_config(config.options()),
            config,
            expr_planners,
            analyzer: Analyzer::with_rules(analyzer_rules),
            rules: RuleLists::new(&options.optimizer_rules),
            finish: options.finish,
            planner: Arc::new(Planner::new(options.extension_planners.clone())),
            runtime: options.runtime,
            functions: options.functions,
            extension_types: Arc::new(MemoryExtensionTypeRegistry::default()),
            no_catalogs: Arc::new(MemoryCatalogProviderList::new()),
            plans: PlanCache::default(),
        };
        Self { shared: Arc::new(shared), sessions: AtomicU64::new(0) }
    }

    /// A session for one statement.
    pub fn build(&self, context: SessionContext) -> QuerySession {
        let id = self.sessions.fetch_add(1, Ordering::Relaxed);
        let mut props = ExecutionProps::new();
        props.query_execution_start_time = Some(DateTime::from_timestamp_nanos(context.now_ns));
        props.config_options = Some(Arc::clone(self.shared.config.options()));
        if let Some(values) = &context.values {
            props.add_var_provider(VarType::System, Arc::new(Variables(Arc::clone(values))));
        }
        QuerySession::new(Arc::clone(&self.shared), id.to_string(), context, props)
    }
}
