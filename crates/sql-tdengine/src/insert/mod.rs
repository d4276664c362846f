//! INSERT (sheet section 5): raw values become Arrow columns, all child tables of a super table one batch.
//! The whole text is read and converted before anything is written.

mod file;
pub(crate) mod geometry;
mod json;
pub(crate) mod rows;
mod select;
pub(crate) mod target;
pub(crate) mod value;

use std::collections::HashMap;

use triglot_engine::{Engine, Outcome, SeriesRows, Statement};
use triglot_model::TableId;
use triglot_parse_tdengine::ast::{Insert, InsertSource, RawValue, Row};
use triglot_parse_tdengine::parse_lines;

use self::rows::TableRows;
use crate::time::TimeContext;
use crate::{Answer, Context, TaosError};

/// Runs an INSERT and answers how many rows it wrote.
pub(crate) async fn run(
    engine: &Engine,
    context: &Context,
    insert: &Insert,
    sql: &str,
) -> Result<Answer, TaosError> {
    if let [target] = insert.targets.as_slice()
        && let InsertSource::Query(query) = &target.source
    {
        return select::run(engine, context, target, query, sql).await;
    }
    let files = file::read(engine, insert).await?;
    let (engine_there, context_there) = (engine.clone(), context.clone());
    let (insert, sql) = (insert.clone(), sql.to_owned());
    let rows = engine.compute(move || rows(&engine_there, &context_there, &insert, &files, &sql)).await??;
    write(engine, context, rows).await
}

/// The rows of an INSERT of values: everything is read and checked, nothing written. `files` are the texts of the
/// files that it names, one after another.
pub(crate) fn rows(
    engine: &Engine,
    context: &Context,
    insert: &Insert,
    files: &[String],
    sql: &str,
) -> Result<Vec<SeriesRows>, TaosError> {
    let mut statement = Rows::new(engine, context, sql);
    let mut files = files.iter();
    for target in &insert.targets {
        match &target.source {
            InsertSource::Values { values, rows } => {
                statement.add(target, &Lines { values, rows, text: sql })?
            }
            InsertSource::File(_) => {
                let text = files.next().map_or("", String::as_str);
                let (values, rows) = parse_lines(text)?;
                statement.add(target, &Lines { values: &values, rows: &rows, text })?;
            }
            InsertSource::Query(_) => return Err(TaosError::unsupported("several tables and a query")),
        }
    }
    Ok(statement.finish())
}

/// Writes rows, database by database.
pub(crate) async fn write(
    engine: &Engine,
    context: &Context,
    mut tables: Vec<SeriesRows>,
) -> Result<Answer, TaosError> {
    if tables.is_empty() {
        return Err(TaosError::new(0x0216, "syntax error near '' (no any data points)"));
    }
    let mut written = 0;
    while let Some(first) = tables.first().map(|t| t.table.database.id) {
        let (of_first, others) = tables.into_iter().partition(|t| t.table.database.id == first);
        tables = others;
        match engine.execute(&context.session, Statement::InsertRows(of_first)).await? {
            Outcome::Affected(rows) => written += rows,
            Outcome::Done | Outcome::Rows(_) => {}
        }
    }
    Ok(Answer::Affected(written))
}

/// Rows as they were written.
struct Lines<'v> {
    values: &'v [RawValue],
    rows: &'v [Row],
    /// What they stand in.
    text: &'v str,
}

/// The rows of a statement that is being read.
struct Rows<'s> {
    engine: &'s Engine,
    context: &'s Context,
    sql: &'s str,
    now_ns: i64,
    tables: Vec<TableRows>,
    by_id: HashMap<TableId, usize>,
    /// Super tables that were looked up, by database and name.
    supers: HashMap<(String, String), usize>,
}

impl<'s> Rows<'s> {
    fn new(engine: &'s Engine, context: &'s Context, sql: &'s str) -> Self {
        Self {
            engine,
            context,
            sql,
            now_ns: engine.clock().now_ns(),
            tables: Vec::new(),
            by_id: HashMap::new(),
            supers: HashMap::new(),
        }
    }

    fn time(&self, rows: &TableRows) -> TimeContext {
        let precision = rows.table.def.precision();
        TimeContext { precision, zone: self.context.zone, now_ns: self.now_ns }
    }

    /// The place of the rows of a table.
    fn place(&mut self, table: &triglot_engine::TableIn) -> usize {
        *self.by_id.entry(table.def.id).or_insert_with(|| {
            self.tables.push(TableRows::new(table.clone()));
            self.tables.len() - 1
        })
    }

    fn finish(self) -> Vec<SeriesRows> {
        self.tables.into_iter().filter_map(TableRows::finish).collect()
    }
}
