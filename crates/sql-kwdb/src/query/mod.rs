//! SELECT (sheet section 12): sqlparser's trees planned by DataFusion, with KWDB's functions, types, names
//! and windows.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use sqlparser::ast as sql;
use triglot_engine::query::functions::DuplicateFunction;
use triglot_engine::query::operators::OperatorPlanner;
use triglot_engine::{Engine, LanguageOptions, Outcome, Query, QueryLanguage, Statement};

use crate::types::{ColumnMeta, KwType};
use crate::{Answer, Context, KwError, Rows};

pub(crate) fn language(engine: &Engine) -> Result<Arc<QueryLanguage>, DuplicateFunction> {
    Ok(engine.language(LanguageOptions {
        extension_planners: vec![Arc::new(OperatorPlanner)],
        system_tables: Some(Arc::new(crate::system::KwTables)),
        ..LanguageOptions::default()
    }))
}

/// Plans and runs a query.
pub(crate) async fn run(
    engine: &Engine,
    context: &Context,
    query: sql::Query,
    text: &str,
) -> Result<Answer, KwError> {
    let plan = engine.plan(&context.session, query)?;
    let columns = plan.schema().fields().iter().map(|field| ColumnMeta {
        name: field.name().clone(),
        ty: of_arrow(field.data_type()),
        length: 8,
    });
    let columns: Arc<[ColumnMeta]> = columns.collect();
    let query = Query { text: text.to_owned(), plan, target_partitions: None };
    match engine.execute(&context.session, Statement::Query(query)).await? {
        Outcome::Rows(stream) => Ok(Answer::Rows(Rows { columns, stream })),
        Outcome::Affected(rows) => Ok(Answer::Affected(rows)),
        Outcome::Done => Ok(Answer::Done),
    }
}

fn of_arrow(ty: &DataType) -> KwType {
    match ty {
        DataType::Boolean => KwType::Bool,
        DataType::Int64 => KwType::Int8,
        DataType::Float64 => KwType::Float8,
        _ => KwType::Text,
    }
}
