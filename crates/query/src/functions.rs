//! The functions that queries may call. The registry is built once per dialect and shared by all of
//! its sessions; a dialect adds its functions, or its own names for shared ones, as a [`FunctionPack`].

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::catalog::TableFunction;
use datafusion::common::{Result, plan_datafusion_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, WindowUDF};
use triglot_model::ErrorKind;

use crate::bounded::bound;

/// Functions that a dialect adds. Each comes with the name under which the dialect knows it (lower
/// case), which may differ from the function's own, neutral name.
#[derive(Clone, Debug, Default)]
pub struct FunctionPack {
    /// Scalar functions by dialect name.
    pub scalars: Vec<(String, Arc<ScalarUDF>)>,
    /// Aggregates by dialect name.
    pub aggregates: Vec<(String, Arc<AggregateUDF>)>,
    /// Window functions by dialect name.
    pub windows: Vec<(String, Arc<WindowUDF>)>,
    /// Names of DataFusion's that this dialect redefines. Any other clash is an error.
    pub replaces: HashSet<String>,
}

/// Two functions of one kind claim one name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("function {name} is registered twice")]
pub struct DuplicateFunction {
    /// The name.
    pub name: String,
}

impl DuplicateFunction {
    /// A fault of the program, found when the server starts.
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }
}

/// All functions of one dialect.
#[derive(Clone, Debug)]
pub struct Functions {
    pub(crate) scalars: HashMap<String, Arc<ScalarUDF>>,
    pub(crate) higher_order: HashMap<String, Arc<HigherOrderUDF>>,
    pub(crate) aggregates: HashMap<String, Arc<AggregateUDF>>,
    pub(crate) windows: HashMap<String, Arc<WindowUDF>>,
    pub(crate) tables: HashMap<String, Arc<TableFunction>>,
    pub(crate) expr_planners: Vec<Arc<dyn ExprPlanner>>,
}

impl Functions {
    /// DataFusion's own functions under their names and aliases. Those whose result may be far larger than their
    /// arguments (`repeat`) refuse to fill the memory.
    pub fn datafusion(config: &ConfigOptions) -> Self {
        // Built through DataFusion's state once, so that functions which depend on the
        // configuration (`now()` and its time zone) are made the way DataFusion makes them.
        let state =
            SessionStateBuilder::new_with_default_features().with_config(config.clone().into()).build();
        let mut scalars = state.scalar_functions().clone();
        bound(&mut scalars);
        Self {
            scalars,
            higher_order: state.higher_order_functions().clone(),
            aggregates: state.aggregate_functions().clone(),
            windows: state.window_functions().clone(),
            tables: state.table_functions().clone(),
            expr_planners: state.expr_planners().to_vec(),
        }
    }

    /// These functions with `now()` giving an instant in `zone` (such as `+00:00`, which is then shown
    /// with it) instead of one without a zone.
    #[must_use]
    pub fn with_now_in(mut self, zone: &str) -> Self {
        let mut config = ConfigOptions::default();
        config.execution.time_zone = Some(zone.to_owned());
        for name in ["now", "current_timestamp"] {
            if let Some(now) = self.scalars.get(name).and_then(|f| f.inner().with_updated_config(&config)) {
                self.scalars.insert(name.to_owned(), Arc::new(now));
            }
        }
        self
    }

    /// These functions and those of `pack`.
    pub fn with(mut self, pack: FunctionPack) -> Result<Self, DuplicateFunction> {
        add(&mut self.scalars, pack.scalars, &pack.replaces)?;
        add(&mut self.aggregates, pack.aggregates, &pack.replaces)?;
        add(&mut self.windows, pack.windows, &pack.replaces)?;
        Ok(self)
    }
}

fn add<F>(
    known: &mut HashMap<String, Arc<F>>,
    new: Vec<(String, Arc<F>)>,
    replaces: &HashSet<String>,
) -> Result<(), DuplicateFunction> {
    let mut added = HashSet::new();
    for (name, function) in new {
        if !added.insert(name.clone()) || (known.contains_key(&name) && !replaces.contains(&name)) {
            return Err(DuplicateFunction { name });
        }
        known.insert(name, function);
    }
    Ok(())
}

impl FunctionRegistry for Functions {
    fn udfs(&self) -> HashSet<String> {
        self.scalars.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> HashSet<String> {
        self.higher_order.keys().cloned().collect()
    }

    fn udafs(&self) -> HashSet<String> {
        self.aggregates.keys().cloned().collect()
    }

    fn udwfs(&self) -> HashSet<String> {
        self.windows.keys().cloned().collect()
    }

    fn udf(&self, name: &str) -> Result<Arc<ScalarUDF>> {
        found(&self.scalars, name)
    }

    fn higher_order_function(&self, name: &str) -> Result<Arc<HigherOrderUDF>> {
        found(&self.higher_order, name)
    }

    fn udaf(&self, name: &str) -> Result<Arc<AggregateUDF>> {
        found(&self.aggregates, name)
    }

    fn udwf(&self, name: &str) -> Result<Arc<WindowUDF>> {
        found(&self.windows, name)
    }

    fn expr_planners(&self) -> Vec<Arc<dyn ExprPlanner>> {
        self.expr_planners.clone()
    }
}

fn found<F>(functions: &HashMap<String, Arc<F>>, name: &str) -> Result<Arc<F>> {
    functions
        .get(name)
        .cloned()
        .ok_or_else(|| plan_datafusion_err!("There is no function named \"{name}\" in the registry"))
}
