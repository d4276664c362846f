//! DESCRIBE.

use triglot_engine::{Engine, Relation};
use triglot_model::ColumnKind;
use triglot_parse_tdengine::ast::TableName;

use super::columns::Column;
use super::{View, answer};
use crate::lower::errors;
use crate::lower::names::{SYSTEM_DATABASES, database_of};
use crate::lower::{encoding, view_columns};
use crate::{Answer, ColumnMeta, Context, TaosError};

/// One described column.
#[derive(Default)]
struct Described {
    field: String,
    ty: String,
    length: u32,
    note: &'static str,
    encode: String,
    compress: String,
    level: String,
}

/// Answers `DESCRIBE [db.]t`: columns, then tags.
pub(crate) async fn run(
    engine: &Engine,
    context: &Context,
    name: &TableName,
    sql: &str,
) -> Result<Answer, TaosError> {
    let database = database_of(context, name)?;
    let table = name.table.name.as_str();
    let rows = if SYSTEM_DATABASES.contains(&database) {
        let columns = View::new(engine, &context.session).table(table)?;
        let columns = columns.ok_or_else(|| errors::no_table(table))?;
        columns.into_iter().map(|c| plain(c.meta)).collect()
    } else {
        match engine.relation(&context.session, database, table) {
            Ok(relation) => of_relation(&relation),
            Err(error) => match view_columns(engine, context, database, table)? {
                Some(columns) => columns.into_iter().map(plain).collect(),
                None => return Err(errors::lookup(error)),
            },
        }
    };
    let columns = vec![
        Column::text("field", 64, rows.iter().map(|r| Some(r.field.as_str()))),
        Column::text("type", 20, rows.iter().map(|r| Some(r.ty.as_str()))),
        Column::int("length", rows.iter().map(|r| i32::try_from(r.length).ok())),
        Column::text("note", 16, rows.iter().map(|r| Some(r.note))),
        Column::text("encode", 12, rows.iter().map(|r| Some(r.encode.as_str()))),
        Column::text("compress", 12, rows.iter().map(|r| Some(r.compress.as_str()))),
        Column::text("level", 12, rows.iter().map(|r| Some(r.level.as_str()))),
    ];
    answer(engine, context, sql, columns).await
}

fn plain(meta: ColumnMeta) -> Described {
    Described { ty: meta.ty.to_string(), field: meta.name, length: meta.length, ..Described::default() }
}

fn of_relation(relation: &Relation) -> Vec<Described> {
    let def = &relation.table().def;
    let (tags, own): (Vec<_>, Vec<_>) = def.columns.iter().partition(|c| c.kind == ColumnKind::Tag);
    let describe = |column: &triglot_model::ColumnDef| {
        let (ty, length) = crate::query::columns::of_column(column);
        let note = match column.kind {
            ColumnKind::CompositeKey => "COMPOSITE KEY",
            ColumnKind::Tag => "TAG",
            ColumnKind::Time | ColumnKind::Field => "",
        };
        let words = encoding(column);
        let (encode, compress, level) = words.map(|e| (e.encode, e.compress, e.level)).unwrap_or_default();
        Described { field: column.name.clone(), ty: ty.to_string(), length, note, encode, compress, level }
    };
    own.into_iter().chain(tags).map(describe).collect()
}
