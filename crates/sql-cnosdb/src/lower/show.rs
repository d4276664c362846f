//! `SHOW …` and `DESCRIBE …`: rows made of the catalog and of the series index.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, StringArray, TimestampNanosecondArray, UInt32Array,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use triglot_engine::query::QueryStream;
use triglot_engine::{Engine, Outcome, Partition, Query, Session, Statement};
use triglot_model::{ColumnDef, ColumnKind, ErrorKind, ExternalTableDef, FileColumn, TableDef};

use super::delete::{field_in, predicate, quote, select};
use super::{database_not_found, named, table_name};
use crate::ast::{KeySelection, QName, Tail};
use crate::codec::type_name;
use crate::error::SqlError;
use crate::options;
use crate::session_values::NODE_ID;
use crate::system::{USAGE_SCHEMA, batch, state_name, system_databases, texts, usage_tables, usage_tags};

/// An answer of named columns.
fn rows(columns: Vec<(&str, ArrayRef)>) -> Result<Outcome, SqlError> {
    let batch = batch(columns).map_err(SqlError::Arrow)?;
    Ok(Outcome::Rows(QueryStream::ready(batch.schema(), vec![batch])))
}

pub(super) fn databases(engine: &Engine, session: &Session) -> Result<Outcome, SqlError> {
    let mut names: Vec<String> = engine.databases(session).iter().map(|d| d.name.clone()).collect();
    names.extend(system_databases(session).into_iter().map(|d| d.name));
    names.sort_unstable();
    rows(vec![("database_name", texts(names))])
}

pub(super) fn tables(
    engine: &Engine,
    session: &Session,
    database: Option<&str>,
) -> Result<Outcome, SqlError> {
    let database = database.unwrap_or(&session.database_name);
    if database == USAGE_SCHEMA {
        return rows(vec![("table_name", texts(usage_tables()))]);
    }
    let tables = engine.tables(session, database).map_err(|e| in_database(database, e))?;
    let external = engine.external_tables(session, database)?;
    let mut names: Vec<&str> =
        tables.iter().map(|t| t.name.as_str()).chain(external.iter().map(|t| t.name.as_str())).collect();
    names.sort_unstable();
    rows(vec![("table_name", texts(names))])
}

fn in_database(name: &str, error: triglot_engine::EngineError) -> SqlError {
    if error.kind() == ErrorKind::DatabaseNotFound { database_not_found(name) } else { error.into() }
}

pub(super) fn queries(engine: &Engine, session: &Session) -> Result<Outcome, SqlError> {
    let queries = engine.queries(session);
    rows(vec![
        ("query_id", texts(queries.iter().map(|q| q.id.to_string()))),
        ("query_type", texts(queries.iter().map(|_| "batch"))),
        ("query_text", texts(queries.iter().map(|q| &q.info.text))),
        ("user_name", texts(queries.iter().map(|q| &q.info.user))),
        ("tenant_name", texts(queries.iter().map(|q| &q.info.tenant))),
        ("database_name", texts(queries.iter().map(|q| &q.info.database))),
        ("state", texts(queries.iter().map(|q| state_name(q.state)))),
        (
            "duration",
            Arc::new(Float64Array::from_iter_values(queries.iter().map(|q| q.elapsed_ns as f64 / 1e9))),
        ),
    ])
}

/// One replica of each part of time: there is one node. The numbers are those of the answer's rows.
pub(super) fn replicas(engine: &Engine, session: &Session) -> Result<Outcome, SqlError> {
    let parts = engine.partitions(session)?;
    let numbers = UInt32Array::from_iter_values((1..).take(parts.len()));
    let times = |time: fn(&Partition) -> i64| -> ArrayRef {
        Arc::new(TimestampNanosecondArray::from_iter_values(parts.iter().map(time)))
    };
    rows(vec![
        ("replica_id", Arc::new(numbers)),
        ("location", texts(parts.iter().map(|_| NODE_ID.to_string()))),
        ("database", texts(parts.iter().map(|p| &p.database))),
        ("start_time", times(|p| p.start_ns)),
        ("end_time", times(|p| p.end_ns)),
    ])
}

pub(super) fn describe_database(engine: &Engine, session: &Session, name: &str) -> Result<Outcome, SqlError> {
    let database = match system_databases(session).into_iter().find(|d| d.name == name) {
        Some(system) => Arc::new(system),
        None => engine.database(session, name).map_err(|e| in_database(name, e))?,
    };
    rows(options::NAMES.map(|option| (option, texts([options::show(&database, option)]))).into())
}

pub(super) fn describe_table(engine: &Engine, session: &Session, name: &QName) -> Result<Outcome, SqlError> {
    let database = name.database.as_deref().unwrap_or(&session.database_name);
    if database == USAGE_SCHEMA
        && let Some(tags) = usage_tags(&name.table)
    {
        return describe_usage(tags);
    }
    if let Some(external) = engine.external_table(session, &table_name(name)) {
        return describe_external(&external);
    }
    let def = engine.table(session, &table_name(name)).map_err(|e| {
        // Unlike a SELECT, DESCRIBE tells a missing database from a missing table.
        match engine.database(session, database) {
            Err(missing) if name.tenant.is_none() => in_database(database, missing),
            _ => named(session, name, false, e),
        }
    })?;
    let kind = |c: &ColumnDef| match c.kind {
        ColumnKind::Time => "TIME",
        ColumnKind::Tag => "TAG",
        ColumnKind::Field | ColumnKind::CompositeKey => "FIELD",
    };
    let columns = &def.columns;
    rows(vec![
        ("column_name", texts(columns.iter().map(|c| &c.name))),
        ("data_type", texts(columns.iter().map(|c| type_name(c.ty, c.declared.as_deref())))),
        ("column_type", texts(columns.iter().map(kind))),
        ("compression_codec", texts(columns.iter().map(|c| c.codec.as_deref().unwrap_or("DEFAULT")))),
    ])
}

/// A table of `usage_schema`: time, tags, value.
fn describe_usage(tags: &[&str]) -> Result<Outcome, SqlError> {
    let mut columns = vec![("time", "TIMESTAMP(NANOSECOND)", "TIME")];
    columns.extend(tags.iter().map(|tag| (*tag, "STRING", "TAG")));
    columns.push(("value", "BIGINT UNSIGNED", "FIELD"));
    rows(vec![
        ("column_name", texts(columns.iter().map(|c| c.0))),
        ("data_type", texts(columns.iter().map(|c| c.1))),
        ("column_type", texts(columns.iter().map(|c| c.2))),
        ("compression_codec", texts(columns.iter().map(|_| "DEFAULT"))),
    ])
}

/// Columns of files have Arrow's types, are all fields and have no codec.
fn describe_external(def: &ExternalTableDef) -> Result<Outcome, SqlError> {
    let columns: Vec<&FileColumn> = def.all_columns().collect();
    rows(vec![
        ("column_name", texts(columns.iter().map(|c| &c.name))),
        ("data_type", texts(columns.iter().map(|c| format!("{:?}", c.ty.arrow())))),
        ("column_type", texts(columns.iter().map(|_| "FIELD"))),
        ("compression_codec", texts(columns.iter().map(|_| ""))),
    ])
}

/// The tags of the series that the WHERE of a tail lets through: a column per tag by name. Without
/// time in it the series index alone answers, and lists series without rows; with time, series count
/// that have rows then.
async fn selected(
    engine: &Engine,
    session: &Session,
    name: &QName,
    def: &TableDef,
    tail: &mut Tail,
) -> Result<Vec<RecordBatch>, SqlError> {
    let text = format!("SHOW SERIES FROM {name}");
    let Some(written) = tail.filter.take() else {
        let rows = engine.series(session, &table_name(name), None, text).await?;
        return Ok(rows.collect().await.map_err(triglot_engine::EngineError::from)?);
    };
    let filter = predicate(engine, session, name, written.as_ref().clone())?;
    if let Some(field) = field_in(def, &filter) {
        return Err(SqlError::semantic(
            "010046",
            format_args!("SHOW SERIES does not support where clause contains field {field}"),
        ));
    }
    let times = |name: &str| def.column(name).is_some_and(|c| c.kind == ColumnKind::Time);
    if !filter.column_refs().iter().any(|c| times(&c.name)) {
        let rows = engine.series(session, &table_name(name), Some(filter), text).await?;
        return Ok(rows.collect().await.map_err(triglot_engine::EngineError::from)?);
    }
    let tags: Vec<String> = def.tags().map(|t| quote(&t.name)).collect();
    // A table without tags has one series.
    let list =
        if tags.is_empty() { "DISTINCT 1".to_owned() } else { format!("DISTINCT {}", tags.join(", ")) };
    let plan = engine.plan(session, *select(&list, name, Some(*written))?)?;
    let query = Query { text, plan, target_partitions: None };
    match engine.execute(session, Statement::Query(query)).await? {
        Outcome::Rows(rows) => Ok(rows.collect().await.map_err(triglot_engine::EngineError::from)?),
        Outcome::Done | Outcome::Affected(_) => Ok(Vec::new()),
    }
}

/// The tag columns of a series batch, in table order.
fn tag_columns<'d>(def: &'d TableDef, batch: &RecordBatch) -> Result<Vec<(&'d str, StringArray)>, SqlError> {
    let mut columns = Vec::new();
    for tag in def.tags() {
        if let Some(column) = batch.column_by_name(&tag.name) {
            let text = cast(column, &DataType::Utf8).map_err(SqlError::Arrow)?;
            columns.push((tag.name.as_str(), text.as_string::<i32>().clone()));
        }
    }
    Ok(columns)
}

pub(super) async fn series(
    engine: &Engine,
    session: &Session,
    name: &QName,
    mut tail: Tail,
) -> Result<Outcome, SqlError> {
    let def = engine.table(session, &table_name(name)).map_err(|e| named(session, name, true, e))?;
    let mut keys = BTreeSet::new();
    for batch in selected(engine, session, name, &def, &mut tail).await? {
        let tags = tag_columns(&def, &batch)?;
        for row in 0..batch.num_rows() {
            let mut key = def.name.clone();
            for (tag, values) in &tags {
                if values.is_valid(row) {
                    key.extend([",", tag, "=", values.value(row)]);
                }
            }
            keys.insert(vec![key]);
        }
    }
    let [keys] = tail_columns(keys.into_iter().collect(), &["key"], &tail);
    rows(vec![("key", keys)])
}

pub(super) async fn tag_values(
    engine: &Engine,
    session: &Session,
    name: &QName,
    keys: &KeySelection,
    mut tail: Tail,
) -> Result<Outcome, SqlError> {
    let def = engine.table(session, &table_name(name)).map_err(|e| named(session, name, true, e))?;
    let wanted = |tag: &str| match keys {
        KeySelection::In(names) => names.iter().any(|n| n == tag),
        KeySelection::NotIn(names) => !names.iter().any(|n| n == tag),
    };
    let mut found = BTreeSet::new();
    for batch in selected(engine, session, name, &def, &mut tail).await? {
        for (tag, values) in tag_columns(&def, &batch)?.iter().filter(|(tag, _)| wanted(tag)) {
            for value in values.iter().flatten().collect::<BTreeSet<_>>() {
                found.insert(vec![(*tag).to_owned(), value.to_owned()]);
            }
        }
    }
    let [keys, values] = tail_columns(found.into_iter().collect(), &["key", "value"], &tail);
    rows(vec![("key", keys), ("value", values)])
}

/// Sorts, cuts and turns rows of text into columns. The rows come sorted ascending.
fn tail_columns<const N: usize>(mut rows: Vec<Vec<String>>, names: &[&str; N], tail: &Tail) -> [ArrayRef; N] {
    rows.sort_by(|a, b| {
        let compare = |(name, descending): &(String, bool)| {
            let at = names.iter().position(|n| n == name).unwrap_or(0);
            let order = a.get(at).cmp(&b.get(at));
            if *descending { order.reverse() } else { order }
        };
        tail.order.iter().map(compare).find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    let offset = usize::try_from(tail.offset).unwrap_or(usize::MAX);
    let limit = tail.limit.map_or(usize::MAX, |l| usize::try_from(l).unwrap_or(usize::MAX));
    let kept: Vec<&Vec<String>> = rows.iter().skip(offset).take(limit).collect();
    std::array::from_fn(|at| texts(kept.iter().map(|row| row.get(at).map_or("", String::as_str))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_sort_skip_and_cut() {
        let input = || -> Vec<Vec<String>> {
            [["a", "1"], ["a", "2"], ["b", "1"]].iter().map(|r| r.map(str::to_owned).to_vec()).collect()
        };
        let run = |order: &[(&str, bool)], limit, offset| {
            let order = order.iter().map(|(n, d)| ((*n).to_owned(), *d)).collect();
            let [k, v] =
                tail_columns(input(), &["key", "value"], &Tail { filter: None, order, limit, offset });
            let text = |a: &ArrayRef| a.as_string::<i32>().iter().flatten().collect::<String>();
            (text(&k), text(&v))
        };
        assert_eq!(run(&[], None, 0), ("aab".into(), "121".into()));
        assert_eq!(run(&[("key", true), ("value", false)], None, 0), ("baa".into(), "112".into()));
        assert_eq!(run(&[("value", true)], Some(1), 1), ("a".into(), "1".into()));
        assert_eq!(run(&[], Some(5), 9), (String::new(), String::new()));
    }
}
