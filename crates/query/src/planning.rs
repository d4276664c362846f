//! From a query's syntax tree to a logical plan, resolving only the tables that it names.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::catalog::{TableFunctionArgs, TableProvider};
use datafusion::common::{DFSchema, TableReference, plan_datafusion_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::var_provider::{VarType, is_system_variables};
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::{ColumnDef, Query, Statement};
use parking_lot::Mutex;

use crate::plan_size::{check_size, check_tables};
use crate::session::Constant;
use crate::{QueryError, QuerySession, SessionContext};

/// A table's full name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    /// The tenant (SQL: catalog).
    pub tenant: String,
    /// The database (SQL: schema).
    pub database: String,
    /// The table.
    pub table: String,
}

/// Finds the tables that queries name. The engine implements it over the catalog and the storage
/// snapshots, and checks the right to read there.
pub trait TableResolver: Debug + Send + Sync {
    /// The table, pinned to one snapshot; None if there is none. It is called once for each table
    /// of a query, so that all references to it see the same rows. It must not block.
    fn resolve(&self, name: &TableName) -> Result<Option<Arc<dyn TableProvider>>, QueryError>;
}

/// The logical plan of a query.
pub fn plan_query(query: Query, session: &QuerySession) -> Result<LogicalPlan, QueryError> {
    plan_statement(Statement::Query(Box::new(query)), session)
}

/// The logical plan of any statement that DataFusion plans by itself (queries, EXPLAIN).
pub fn plan_statement(statement: Statement, session: &QuerySession) -> Result<LogicalPlan, QueryError> {
    check_tables(&statement)?;
    let names = Names::new(session);
    let planner = SqlToRel::new_with_options(&names, names.parser_options());
    let plan = planner.sql_statement_to_plan(statement)?;
    check_size(&plan)?;
    Ok(plan)
}

/// The name that `reference` means in a session.
pub(crate) fn full_name(context: &SessionContext, reference: &TableReference) -> TableName {
    TableName {
        tenant: reference.catalog().unwrap_or(&context.tenant).to_owned(),
        database: reference.schema().unwrap_or(&context.database).to_owned(),
        table: reference.table().to_owned(),
    }
}

/// The schema that column definitions (`name type [NOT NULL]`) declare.
pub fn declared_columns(columns: Vec<ColumnDef>, session: &QuerySession) -> Result<Schema, QueryError> {
    let names = Names::new(session);
    let planner = SqlToRel::new_with_options(&names, names.parser_options());
    Ok(planner.build_schema(columns)?)
}

/// What the SQL planner asks while it plans one statement.
struct Names<'s> {
    session: &'s QuerySession,
    /// The tables so far: one provider, hence one snapshot, for each.
    tables: Mutex<HashMap<TableName, Arc<dyn TableSource>>>,
}

impl<'s> Names<'s> {
    fn new(session: &'s QuerySession) -> Self {
        Self { session, tables: Mutex::new(HashMap::new()) }
    }

    fn parser_options(&self) -> ParserOptions {
        let options = &self.options().sql_parser;
        ParserOptions {
            parse_float_as_decimal: options.parse_float_as_decimal,
            enable_ident_normalization: options.enable_ident_normalization,
            enable_options_value_normalization: options.enable_options_value_normalization,
            support_varchar_with_length: options.support_varchar_with_length,
            map_string_types_to_utf8view: options.map_string_types_to_utf8view,
            collect_spans: options.collect_spans,
            default_null_ordering: options.default_null_ordering.as_str().into(),
        }
    }
}

impl ContextProvider for Names<'_> {
    fn get_table_source(&self, reference: TableReference) -> Result<Arc<dyn TableSource>> {
        let name = full_name(self.session.context(), &reference);
        if let Some(known) = self.tables.lock().get(&name) {
            return Ok(Arc::clone(known));
        }
        let Some(table) = self.session.context().resolver.resolve(&name)? else {
            let TableName { tenant, database, table } = name;
            return Err(QueryError::TableNotFound { tenant, database, table }.into());
        };
        let source = provider_as_source(table);
        self.tables.lock().insert(name, Arc::clone(&source));
        Ok(source)
    }

    fn get_table_function_source(&self, name: &str, args: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
        let Some(function) = self.session.shared().functions.tables.get(name) else {
            return Err(plan_datafusion_err!("table function '{name}' not found"));
        };
        let context = SimplifyContext::builder()
            .with_config_options(Arc::clone(self.session.shared().config.options()))
            .with_query_execution_start_time(self.session.props().query_execution_start_time)
            .build();
        let (simplifier, schema) = (ExprSimplifier::new(context), DFSchema::empty());
        let args = args
            .into_iter()
            .map(|arg| simplifier.coerce(arg, &schema).and_then(|e| simplifier.simplify(e)))
            .collect::<Result<Vec<_>>>()?;
        let table = function.create_table_provider_with_args(TableFunctionArgs::new(&args, self.session))?;
        Ok(provider_as_source(table))
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.session.shared().expr_planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let values = self.session.context().values.as_ref();
        match values.and_then(|values| values.function(name)) {
            Some(value) => Some(Arc::new(Constant::udf(name, value))),
            None => self.session.shared().functions.scalars.get(name).cloned(),
        }
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.session.shared().functions.higher_order.get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.session.shared().functions.aggregates.get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.session.shared().functions.windows.get(name).cloned()
    }

    fn get_variable_type(&self, names: &[String]) -> Option<DataType> {
        let kind = if is_system_variables(names) { VarType::System } else { VarType::UserDefined };
        self.session.props().var_providers.as_ref()?.get(&kind)?.get_type(names)
    }

    fn options(&self) -> &ConfigOptions {
        self.session.shared().config.options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.session.shared().functions.scalars.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.session.shared().functions.higher_order.keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.session.shared().functions.aggregates.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.session.shared().functions.windows.keys().cloned().collect()
    }
}
