//! INSERT of literals: rows are read out of the text, checked and converted one by one; nothing is written before all
//! of them are good (sheet section 11.1).

use triglot_engine::auth::Action;
use triglot_engine::{Engine, InsertKeyed, OnDuplicate, Outcome, SeriesRows, Statement, TableName, Value};
use triglot_model::RewriteRule;

use super::conflict::on_duplicate;
use super::rows::{Columns, SeriesBuilder};
use super::target::{Place, Targets};
use super::value::ValueContext;
use super::{dedup_rule, errors};
use crate::ast::OnConflict;
use crate::parse::values::{Given, ValuesInsert, values_insert};
use crate::{Answer, Context, KwError};

/// Texts that are longer are read on threads that may be busy for long.
const INLINE_BYTES: usize = 64 * 1024;

/// Rows ready to be written, and how many were given.
#[derive(Debug)]
pub(super) enum Ready {
    Series(Option<SeriesRows>, u64),
    Keyed(InsertKeyed),
}

/// Runs an INSERT or UPSERT of literals; none if the text is anything else, errors included.
///
/// # Errors
/// Those of section 11.1.
pub(crate) async fn literals(
    engine: &Engine,
    context: &Context,
    sql: &str,
) -> Option<Result<Answer, KwError>> {
    let head = values_insert(sql)?;
    let name = head.table.clone();
    let ready = if sql.len() > INLINE_BYTES {
        let (there, by, text) = (engine.clone(), context.clone(), sql.to_owned());
        match engine.compute(move || values_insert(&text).and_then(|head| read(&there, &by, head))).await {
            Ok(ready) => ready,
            Err(error) => return Some(Err(error.into())),
        }
    } else {
        read(engine, context, head)
    };
    Some(match ready? {
        Ok(ready) => write(engine, context, &name, ready).await,
        Err(error) => Err(error),
    })
}

/// Reads and converts all rows. A value that is refused ends the converting, not the reading: if the text is no INSERT
/// of literals, the parser has the first word.
fn read(engine: &Engine, context: &Context, mut head: ValuesInsert<'_>) -> Option<Result<Ready, KwError>> {
    let values = ValueContext::new(engine, context);
    let mut rows = Rows::new(engine, context, &head.table, head.columns.as_deref(), values);
    let mut row = Vec::new();
    loop {
        let more = head.next_row(&mut row)?;
        if let Ok(good) = &mut rows
            && let Err(error) = good.push(&mut row)
        {
            rows = Err(error);
        }
        if !more {
            break;
        }
    }
    let is_upsert = head.is_upsert;
    let conflict = head.tail()?;
    Some(rows.and_then(|rows| rows.finish(is_upsert, conflict.as_ref())))
}

/// Writes rows and counts those that were given, or, of relational tables, those that were inserted or changed.
pub(super) async fn write(
    engine: &Engine,
    context: &Context,
    name: &TableName,
    ready: Ready,
) -> Result<Answer, KwError> {
    let (statement, given) = match ready {
        Ready::Series(None, rows) => return Ok(Answer::Affected(rows)),
        Ready::Series(Some(rows), given) => (Statement::InsertRows(vec![rows]), Some(given)),
        Ready::Keyed(insert) => (Statement::InsertKeyed(insert), None),
    };
    let outcome = engine.execute(&context.session, statement).await;
    match outcome.map_err(|e| errors::of(e, name))? {
        Outcome::Affected(rows) => Ok(Answer::Affected(given.unwrap_or(rows))),
        Outcome::Done | Outcome::Rows(_) => Ok(Answer::Affected(given.unwrap_or(0))),
    }
}

/// Rows of one INSERT while they are read.
pub(super) struct Rows<'s> {
    engine: &'s Engine,
    values: ValueContext,
    place: Place,
    pub(super) targets: Targets,
    rewrite: RewriteRule,
    into: Sink,
    count: usize,
}

/// What the rows become.
enum Sink {
    Series(SeriesBuilder),
    Keyed(Columns),
}

impl<'s> Rows<'s> {
    pub(super) fn new(
        engine: &'s Engine,
        context: &Context,
        table: &TableName,
        columns: Option<&[String]>,
        values: ValueContext,
    ) -> Result<Self, KwError> {
        let place = Place::find(engine, context, table, Action::Insert)?;
        let targets = Targets::new(&place, columns, &values)?;
        let (into, rewrite) = match &place {
            Place::Keyed(_) => (Sink::Keyed(Columns::new(&targets)), RewriteRule::Reject),
            Place::Series(_) | Place::Child { .. } => {
                if targets.time().is_none() {
                    let time = place.table().def.time_column().map_or("", |c| c.name.as_str());
                    return Err(errors::null_column(time));
                }
                let horizon = horizon(&place, values.now_ns);
                (Sink::Series(SeriesBuilder::new(&targets, horizon)), dedup_rule(engine)?)
            }
        };
        Ok(Self { engine, values, place, targets, rewrite, into, count: 0 })
    }

    /// Refuses the next row if it has another number of values.
    pub(super) fn check_width(&self, values: usize) -> Result<(), KwError> {
        self.targets.check_width(self.count + 1, values)
    }

    /// Refuses a query of another number of columns, even if it gave no row.
    pub(super) fn check_columns(&self, columns: usize) -> Result<(), KwError> {
        self.targets.check_width(1, columns)
    }

    /// The refusal of an expression as value number `at` of a row; tables of series take constants only.
    pub(super) fn refuses_expression(&self, at: usize, expr: &sqlparser::ast::Expr) -> Option<KwError> {
        if matches!(self.into, Sink::Keyed(_)) {
            return None;
        }
        let column = self.targets.listed.get(at).and_then(|at| self.targets.columns.get(*at))?;
        Some(match expr {
            sqlparser::ast::Expr::Identifier(name) => {
                column.target.unsupported(&format!("relation \"{}\"", name.value))
            }
            other => column.target.unsupported(&other.to_string()),
        })
    }

    /// Converts a row; `row` is empty afterwards.
    pub(super) fn push(&mut self, row: &mut Vec<Given<'_>>) -> Result<(), KwError> {
        self.targets.check_width(self.count + 1, row.len())?;
        let mut converted: Vec<(usize, Value<'_>)> = Vec::with_capacity(self.targets.columns.len());
        for (given, at) in row.drain(..).zip(&self.targets.listed) {
            let Some(column) = self.targets.columns.get(*at) else { continue };
            converted.push((*at, column.value(self.engine, given, &self.values)?));
        }
        for at in &self.targets.others {
            let Some(column) = self.targets.columns.get(*at) else { continue };
            converted.push((*at, column.default_value(self.engine)));
        }
        match &mut self.into {
            Sink::Series(builder) => builder.push(&self.targets, &converted)?,
            Sink::Keyed(columns) => {
                for (at, value) in &converted {
                    columns.push(&self.targets, *at, self.count, value)?;
                }
            }
        }
        self.count += 1;
        Ok(())
    }

    pub(super) fn finish(self, is_upsert: bool, conflict: Option<&OnConflict>) -> Result<Ready, KwError> {
        match self.into {
            Sink::Series(builder) => {
                if is_upsert {
                    return Err(KwError::new("0A000", "upsert is not supported in timeseries table"));
                }
                if conflict.is_some() {
                    return Err(KwError::new("0A000", "on conflict is not supported in timeseries table"));
                }
                let rows = builder.rows();
                Ok(Ready::Series(builder.finish(&self.place, &self.targets, self.rewrite), rows))
            }
            Sink::Keyed(columns) => {
                let on_duplicate: OnDuplicate =
                    on_duplicate(&self.place.table().def, &self.targets, is_upsert, conflict)?;
                let table = self.place.table().clone();
                let columns = columns.finish(&self.targets, self.count);
                Ok(Ready::Keyed(InsertKeyed { table, rows: self.count, columns, on_duplicate }))
            }
        }
    }
}

/// The time before which rows are past the table's retention.
fn horizon(place: &Place, now_ns: i64) -> i64 {
    let table = place.table();
    let precision = table.def.precision();
    match table.def.retention_ns(&table.database) {
        Some(ns) => precision.from_ns(now_ns.saturating_sub(ns)),
        None => i64::MIN,
    }
}
