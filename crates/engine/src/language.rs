//! How one dialect's queries are planned.

use std::fmt;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::optimizer::{AnalyzerRule, OptimizerRule};
use datafusion::physical_planner::ExtensionPlanner;
use triglot_query::functions::Functions;
use triglot_query::{FinishPlan, QueryError, SessionBuilder, SessionOptions, SessionValues, TableName};

use crate::{Engine, Session};

/// What a dialect adds to DataFusion's SQL. Make it once with [`Engine::language`] and give it to the
/// dialect's sessions ([`Session::with_language`]).
pub struct QueryLanguage {
    sessions: SessionBuilder,
    system_tables: Option<Arc<dyn SystemTables>>,
    session_values: Option<ValuesOfSession>,
}

impl fmt::Debug for QueryLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryLanguage").field("system_tables", &self.system_tables).finish_non_exhaustive()
    }
}

impl QueryLanguage {
    pub(crate) fn new(shared: SessionOptions, options: LanguageOptions) -> Self {
        let LanguageOptions {
            functions,
            normalize_identifiers,
            decimal_literals,
            expr_planners,
            analyzer_rules,
            optimizer_rules,
            finish,
            extension_planners,
            system_tables,
            session_values,
        } = options;
        let sessions = SessionBuilder::new(SessionOptions {
            functions,
            normalize_identifiers,
            decimal_literals,
            expr_planners,
            analyzer_rules,
            optimizer_rules,
            finish,
            extension_planners,
            ..shared
        });
        Self { sessions, system_tables, session_values }
    }

    pub(crate) fn sessions(&self) -> &SessionBuilder {
        &self.sessions
    }

    pub(crate) fn session_values(
        &self,
        engine: &Engine,
        session: &Session,
    ) -> Option<Arc<dyn SessionValues>> {
        self.session_values.map(|values| values(engine, session))
    }

    pub(crate) fn system_tables(&self) -> Option<&dyn SystemTables> {
        self.system_tables.as_deref()
    }
}

/// Parts of a [`QueryLanguage`]; the default is plain DataFusion.
#[derive(Clone)]
pub struct LanguageOptions {
    /// Functions by the dialect's names.
    pub functions: Arc<Functions>,
    /// Whether identifiers without quotes are lowered.
    pub normalize_identifiers: bool,
    /// Whether numbers with a point are decimals instead of doubles.
    pub decimal_literals: bool,
    /// Planners of operators and literals, asked before DataFusion's.
    pub expr_planners: Vec<Arc<dyn ExprPlanner>>,
    /// Analyzer rules (implicit casts), run before DataFusion's.
    pub analyzer_rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>>,
    /// Logical rules, run after DataFusion's.
    pub optimizer_rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>,
    /// What is done to the plan of a query whose rows a client sees (names of its columns).
    pub finish: Option<FinishPlan>,
    /// Planners of operators that the rules bring in.
    pub extension_planners: Vec<Arc<dyn ExtensionPlanner + Send + Sync>>,
    /// Tables that exist only in the dialect (`information_schema` and the like).
    pub system_tables: Option<Arc<dyn SystemTables>>,
    /// Functions and variables that tell about the session.
    pub session_values: Option<ValuesOfSession>,
}

/// Makes the values of one session; called for each statement.
pub type ValuesOfSession = fn(&Engine, &Session) -> Arc<dyn SessionValues>;

impl Default for LanguageOptions {
    fn default() -> Self {
        Self {
            functions: Arc::new(SessionOptions::default_functions()),
            normalize_identifiers: true,
            decimal_literals: false,
            expr_planners: Vec::new(),
            analyzer_rules: Vec::new(),
            optimizer_rules: Vec::new(),
            finish: None,
            extension_planners: Vec::new(),
            system_tables: None,
            session_values: None,
        }
    }
}

impl fmt::Debug for LanguageOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LanguageOptions")
            .field("normalize_identifiers", &self.normalize_identifiers)
            .field("system_tables", &self.system_tables)
            .finish_non_exhaustive()
    }
}

/// Tables that a dialect computes from the catalog and the server's state.
pub trait SystemTables: fmt::Debug + Send + Sync {
    /// The table as `session` may see it, asked before the catalog's tables. None: not one of these.
    /// It must not block.
    ///
    /// # Errors
    /// The table exists but the user may not see it.
    fn resolve(
        &self,
        engine: &Engine,
        session: &Session,
        name: &TableName,
    ) -> Result<Option<Arc<dyn TableProvider>>, QueryError>;
}

impl Engine {
    /// A dialect's query language over this engine's memory and threads.
    pub fn language(&self, options: LanguageOptions) -> Arc<QueryLanguage> {
        Arc::new(QueryLanguage::new(self.0.session_options.clone(), options))
    }
}
