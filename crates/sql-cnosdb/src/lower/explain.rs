//! `EXPLAIN` of statements that change rows: the plan that finds the rows, below a node that says what is
//! done to them. The checks are those of the statement; nothing is run.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use triglot_engine::query::QueryStream;
use triglot_engine::{Engine, EngineError, Outcome, Query, Session, Statement};

use super::{delete, insert, update};
use crate::ast::{QName, Stmt};
use crate::error::SqlError;
use crate::system::{batch, texts};

/// What DataFusion's EXPLAIN VERBOSE writes for a rule that changed nothing.
const UNCHANGED: &str = "SAME TEXT AS ABOVE";

/// What is done, to which table, and the rows that it is done with.
struct Write {
    /// In DataFusion's words for the logical plan.
    op: &'static str,
    /// For the physical plan.
    node: &'static str,
    table: QName,
    rows: LogicalPlan,
}

pub(super) async fn write(
    engine: &Engine,
    session: &Session,
    statement: Stmt,
    verbose: bool,
    text: &str,
) -> Result<Outcome, SqlError> {
    let Write { op, node, table, rows } = described(engine, session, statement)?;
    let plan = LogicalPlanBuilder::from(rows).explain(verbose, false).and_then(LogicalPlanBuilder::build);
    let plan = plan.map_err(SqlError::Planning)?;
    let query = Query { text: text.to_owned(), plan, target_partitions: None };
    let Outcome::Rows(rows) = engine.execute(session, Statement::Query(query)).await? else {
        return Ok(Outcome::Done);
    };
    let (mut kinds, mut plans) = (Vec::new(), Vec::new());
    for found in rows.collect().await.map_err(EngineError::from)? {
        let column = |at: usize| -> Result<_, SqlError> {
            let text = cast(found.column(at), &DataType::Utf8).map_err(SqlError::Arrow)?;
            Ok(Arc::clone(&text).as_string::<i32>().clone())
        };
        for (kind, plan) in column(0)?.iter().flatten().zip(column(1)?.iter().flatten()) {
            kinds.push(kind.to_owned());
            if plan == UNCHANGED {
                plans.push(plan.to_owned());
                continue;
            }
            let head = if kind.starts_with("physical") || kind.starts_with("initial_physical") {
                format!("{node}: table={table}")
            } else {
                format!("Dml: op=[{op}] table=[{table}]")
            };
            plans.push(below(&head, plan));
        }
    }
    let columns =
        batch(vec![("plan_type", texts(kinds)), ("plan", texts(plans))]).map_err(SqlError::Arrow)?;
    Ok(Outcome::Rows(QueryStream::ready(columns.schema(), vec![columns])))
}

fn described(engine: &Engine, session: &Session, statement: Stmt) -> Result<Write, SqlError> {
    Ok(match statement {
        Stmt::Insert { table, columns, source } => {
            let rows = insert::rows(engine, session, &table, columns, *source)?;
            Write { op: "Insert Into", node: "InsertExec", table, rows }
        }
        Stmt::Update { table, assignments, filter } => {
            let rows = update::rows(engine, session, &table, assignments, filter)?;
            Write { op: "Update", node: "UpdateExec", table, rows }
        }
        Stmt::Delete { table, filter } => {
            let rows = delete::rows(engine, session, &table, filter)?;
            Write { op: "Delete", node: "DeleteExec", table, rows }
        }
        _ => return Err(SqlError::NotImplemented("EXPLAIN of this statement".to_owned())),
    })
}

/// `plan` as the child of a node.
fn below(head: &str, plan: &str) -> String {
    let mut out = head.to_owned();
    for line in plan.lines() {
        out.extend(["\n  ", line]);
    }
    if plan.ends_with('\n') {
        out.push('\n');
    }
    out
}
