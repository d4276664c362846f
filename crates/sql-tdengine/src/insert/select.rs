//! INSERT … SELECT: the columns of a query, by position, cast to the table's.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray};
use arrow::compute::{CastOptions, cast_with_options, concat};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use triglot_engine::auth::Action;
use triglot_engine::query::QueryError;
use triglot_engine::storage::merge::put_bit;
use triglot_engine::{
    Engine, NewChild, Outcome, Query as EngineQuery, Relation, RowsOf, SeriesRows, Statement,
};
use triglot_model::{ColumnDef, ColumnId, ColumnKind, ColumnType, LengthUnit, RewriteRule};
use triglot_parse_tdengine::ast::{InsertTarget, Query};

use super::write;
use crate::lower::errors;
use crate::lower::names::{database_of, engine_name};
use crate::{Answer, Context, TaosError, query};

/// Runs `INSERT INTO t [(c …)] query`: all rows are read before the first is written.
pub(super) async fn run(
    engine: &Engine,
    context: &Context,
    target: &InsertTarget,
    source: &Query,
    sql: &str,
) -> Result<Answer, TaosError> {
    let database = database_of(context, &target.table)?;
    let name = target.table.table.name.as_str();
    let relation =
        engine.relation_for(&context.session, database, name, Action::Insert).map_err(errors::lookup)?;
    let places = places(&relation, target)?;
    let planned = query::plan(engine, context, source, sql)?;
    if planned.columns.len() != places.len() {
        return Err(TaosError::new(0x263F, "Illegal number of columns"));
    }
    let run = EngineQuery { text: sql.to_owned(), plan: planned.plan, target_partitions: None };
    let Outcome::Rows(stream) = engine.execute(&context.session, Statement::Query(run)).await? else {
        return Ok(Answer::Affected(0));
    };
    let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(|e: QueryError| TaosError::from(e))?;
    if batches.iter().all(|b| b.num_rows() == 0) {
        return Ok(Answer::Affected(0));
    }
    let rows = Collected::of(&batches, &places)?.into_rows(&relation, database, name)?;
    write(engine, context, vec![rows]).await
}

/// A column of the source's meaning.
enum Place {
    Name,
    Column(ColumnDef),
}

fn places(relation: &Relation, target: &InsertTarget) -> Result<Vec<Place>, TaosError> {
    let def = &relation.table().def;
    let is_super = matches!(relation, Relation::Super(_));
    let mut places = Vec::new();
    match &target.columns {
        None if is_super => {}
        None => {
            let own = def.columns.iter().filter(|c| c.kind != ColumnKind::Tag);
            places.extend(own.cloned().map(Place::Column));
        }
        Some(columns) => {
            for ident in columns {
                let column = def.column(&ident.name).filter(|c| is_super || c.kind != ColumnKind::Tag);
                places.push(match column {
                    Some(column) => Place::Column(column.clone()),
                    None if is_super && ident.name == "tbname" => Place::Name,
                    None => return Err(errors::no_column(&ident.name)),
                });
            }
        }
    }
    if is_super && !matches!(places.first(), Some(Place::Name)) {
        let text = "Invalid operation: INSERT INTO a super table needs tbname as the first of its columns";
        return Err(TaosError::new(0x0200, text));
    }
    let is_time = |p: &Place| matches!(p, Place::Column(c) if c.kind == ColumnKind::Time);
    if !places.iter().any(is_time) {
        return Err(TaosError::new(0x0200, "Invalid operation: primary timestamp column is not specified"));
    }
    Ok(places)
}

/// The rows of the source in the table's types.
struct Collected {
    times: Vec<i64>,
    names: Option<StringArray>,
    columns: Vec<(ColumnId, ArrayRef)>,
    tags: Vec<(ColumnId, StringArray)>,
}

impl Collected {
    fn of(batches: &[RecordBatch], places: &[Place]) -> Result<Self, TaosError> {
        let mut all = Self { times: Vec::new(), names: None, columns: Vec::new(), tags: Vec::new() };
        for (at, place) in places.iter().enumerate() {
            let parts: Vec<&dyn Array> =
                batches.iter().filter_map(|b| b.columns().get(at)).map(AsRef::as_ref).collect();
            let values = concat(&parts).map_err(|e| TaosError::new(0x2700, e.to_string()))?;
            match place {
                Place::Name => all.names = Some(texts(&values)?),
                Place::Column(column) => match column.kind {
                    ColumnKind::Time => all.times = times(&values, column)?,
                    ColumnKind::Tag => all.tags.push((column.id, texts(&values)?)),
                    ColumnKind::Field | ColumnKind::CompositeKey => {
                        let values = cast(&values, &column.ty.arrow())?;
                        check_lengths(&values, column)?;
                        all.columns.push((column.id, values));
                    }
                },
            }
        }
        Ok(all)
    }

    fn into_rows(self, relation: &Relation, database: &str, name: &str) -> Result<SeriesRows, TaosError> {
        let rows = self.times.len();
        let (mut series, mut row_series) = (Vec::new(), vec![0; rows]);
        match (relation, &self.names) {
            (Relation::Super(table), Some(names)) => {
                let mut known = std::collections::HashMap::new();
                for (row, slot) in row_series.iter_mut().enumerate() {
                    let child = names.is_valid(row).then(|| names.value(row)).filter(|n| !n.is_empty());
                    let child =
                        child.ok_or_else(|| TaosError::new(0x264C, "Invalid tbname pseudo column"))?;
                    *slot = *known.entry(child).or_insert_with(|| {
                        let tag = |(id, values): &(ColumnId, StringArray)| {
                            values.is_valid(row).then(|| (*id, values.value(row).into()))
                        };
                        series.push(RowsOf::Ensure(Box::new(NewChild {
                            table: engine_name(database, &table.def.name),
                            name: child.to_owned(),
                            tags: self.tags.iter().filter_map(tag).collect(),
                            ttl: None,
                            comment: None,
                            if_not_exists: true,
                        })));
                        u32::try_from(series.len() - 1).unwrap_or(u32::MAX)
                    });
                }
            }
            (Relation::Child(_), _) => series.push(RowsOf::Child(name.to_owned())),
            (Relation::Normal(_) | Relation::Super(_), _) => series.push(RowsOf::Table),
        }
        let has_nulls = self.columns.iter().any(|(_, values)| values.null_count() > 0);
        let set = has_nulls.then(|| {
            let mut bitmap = Vec::new();
            self.columns.iter().for_each(|(id, _)| put_bit(&mut bitmap, id.0 as usize, true));
            BinaryArray::from_iter_values(std::iter::repeat_n(bitmap, rows))
        });
        let table = relation.table().clone();
        let (keys, times, columns) = (Vec::new(), self.times, self.columns);
        Ok(SeriesRows { table, series, keys, row_series, times, columns, set, rewrite: RewriteRule::Merge })
    }
}

fn cast(values: &ArrayRef, to: &DataType) -> Result<ArrayRef, TaosError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(values, to, &options)
        .map_err(|error| TaosError::new(0x2605, format!("Invalid value type: {error}")))
}

fn texts(values: &ArrayRef) -> Result<StringArray, TaosError> {
    let values = match values.data_type() {
        DataType::Timestamp(..) => cast(values, &DataType::Int64)?,
        _ => Arc::clone(values),
    };
    Ok(cast(&values, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// Times in the table's unit; integers count in it already.
fn times(values: &ArrayRef, column: &ColumnDef) -> Result<Vec<i64>, TaosError> {
    if values.null_count() > 0 {
        return Err(TaosError::new(0x0216, "syntax error near '' (primary timestamp should not be null)"));
    }
    let values = match values.data_type() {
        DataType::Int64 => Arc::clone(values),
        DataType::Timestamp(..) => cast(&cast(values, &column.ty.arrow())?, &DataType::Int64)?,
        _ => cast(values, &DataType::Int64)?,
    };
    Ok(values.as_primitive::<Int64Type>().values().to_vec())
}

fn check_lengths(values: &ArrayRef, column: &ColumnDef) -> Result<(), TaosError> {
    let too_long = || TaosError::new(0x2653, format!("Value too long for column/tag: {}", column.name));
    match column.ty {
        ColumnType::Str { max: Some(max), unit } => {
            let length = |text: &str| match unit {
                LengthUnit::Bytes => text.len(),
                LengthUnit::Chars => text.chars().count(),
            };
            let texts = values.as_string::<i32>();
            if texts.iter().flatten().any(|t| length(t) > max as usize) { Err(too_long()) } else { Ok(()) }
        }
        ColumnType::Bytes { max: Some(max) } => {
            let bytes = values.as_binary::<i32>();
            if bytes.iter().flatten().any(|b| b.len() > max as usize) { Err(too_long()) } else { Ok(()) }
        }
        _ => Ok(()),
    }
}
