//! TDengine's SELECT as DataFusion plans (sheet `tdengine-sql.md` sections 7 to 10).
//!
//! A block is lowered in the order of its clauses: FROM gives a plan and the [`scope`] of its names, WHERE
//! filters it, a [`stage`] stands for what the select list does to rows (nothing, groups and windows, series
//! functions, interpolation), then come HAVING, ORDER BY, slices and limits, and the projection. The stage
//! decides what columns and calls mean; [`expr`] walks the trees, `crate::functions` gives nodes their types.

mod block;
mod bounds;
mod calls;
mod children;
pub(crate) mod columns;
mod constants;
mod errors;
mod explain;
mod expr;
mod fill;
mod grouped;
mod histogram;
mod interp;
mod items;
mod join;
mod kept;
mod kinds;
mod more_calls;
mod names;
mod nearest;
mod order;
mod picked;
mod plain;
mod scope;
mod select;
mod series;
mod slices;
mod source;
mod stage;
mod union;
mod window;
mod windows;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use triglot_engine::{Engine, Session};
use triglot_model::Precision;
use triglot_parse_tdengine::ast::{Query, SetExpr, Span};

use self::block::Block;
use self::explain::{ExplainTable, QUERY_PLAN};
pub(crate) use self::kept::{Ready, prepare};
use self::source::Tables;
use crate::typed::{FunctionEnv, Request};
use crate::{ColumnMeta, Context, TaosError, TaosType};

/// A query that is ready to run.
#[derive(Debug)]
pub(crate) struct Planned {
    /// Its columns are those of `columns`, in order, under other names.
    pub(crate) plan: LogicalPlan,
    /// What the client is told of the columns.
    pub(crate) columns: Vec<ColumnMeta>,
    /// The unit of timestamps.
    pub(crate) precision: Precision,
}

/// The plan of a query; `text` is the statement that the query's spans point into.
///
/// # Errors
/// The vendor's codes of names, types and clauses that do not go together (sheet section 14).
pub(crate) fn plan(
    engine: &Engine,
    context: &Context,
    query: &Query,
    text: &str,
) -> Result<Planned, TaosError> {
    let planner = Planner::new(engine, context, text);
    let block = planner.query(query)?;
    Ok(block.into_planned())
}

/// The plan of `EXPLAIN [ANALYZE] [VERBOSE true] query`: one column `QUERY_PLAN`, one row for each step.
///
/// # Errors
/// As [`plan`].
pub(crate) fn explain(
    engine: &Engine,
    context: &Context,
    analyze: bool,
    verbose: bool,
    query: &Query,
    text: &str,
) -> Result<Planned, TaosError> {
    let planned = plan(engine, context, query, text)?;
    let explained = LogicalPlanBuilder::from(planned.plan).explain(verbose, analyze);
    let explained = explained.and_then(LogicalPlanBuilder::build).map_err(errors::planner)?;
    let table = provider_as_source(Arc::new(ExplainTable::new(explained)));
    let plan = LogicalPlanBuilder::scan("explain", table, None).and_then(LogicalPlanBuilder::build);
    let column = ColumnMeta { name: QUERY_PLAN.to_owned(), ty: TaosType::Varchar, length: columns::MAX_TEXT };
    Ok(Planned { plan: plan.map_err(errors::planner)?, columns: vec![column], precision: planned.precision })
}

/// What lowering one statement needs, and what it has looked up.
struct Planner<'a> {
    engine: &'a Engine,
    context: &'a Context,
    /// The statement.
    text: &'a str,
    /// One snapshot for each table of the statement.
    tables: Tables,
    /// How many views this is within.
    depth: u32,
    /// How many aliases were made up.
    aliases: Cell<u32>,
    request: Rc<Request>,
    /// Constants that are not part of the plan to be kept.
    constants: Vec<Span>,
}

impl<'a> Planner<'a> {
    fn new(engine: &'a Engine, context: &'a Context, text: &'a str) -> Self {
        let (tables, aliases) = (Tables::default(), Cell::new(0));
        let Session { principal, database_name, .. } = &context.session;
        let database = context.has_database.then(|| database_name.clone());
        let user = format!("{}@{}", principal.name, context.client);
        let request = Rc::new(Request::new(engine.clock().now_ns(), database, user));
        Self { engine, context, text, tables, depth: 0, aliases, request, constants: Vec::new() }
    }

    /// What functions depend on, in a block whose tables are of this precision.
    fn env(&self, precision: Precision) -> FunctionEnv {
        FunctionEnv { zone: self.context.zone, precision, request: Rc::clone(&self.request) }
    }

    /// A query at any depth.
    fn query(&self, query: &Query) -> Result<Block, TaosError> {
        match &query.body {
            SetExpr::Select(select) => self.select(select, query),
            SetExpr::Query(inner) => self.query(inner)?.with_tail(query, self),
            SetExpr::Union { .. } => self.union(&query.body)?.with_tail(query, self),
        }
    }
}
