//! Indexes of tags: recorded and listed. Every tag is indexed here anyway, so they change no result and no speed.

use triglot_engine::{Engine, Relation, Statement, TableChange};
use triglot_model::{ColumnId, TableDef};
use triglot_parse_tdengine::ast::{Ident, TableName};

use super::errors;
use super::names::{database_of, engine_name};
use crate::{Context, TaosError};

/// Keys of a catalog table's options begin with this, the index's name follows. The value is `id of the tag` `milliseconds
/// since the epoch`.
const INDEX: &str = "tdengine.index.";

/// An index of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    /// Its name.
    pub(crate) name: String,
    /// The tag.
    pub(crate) tag: String,
    /// When it was made, in milliseconds since the epoch.
    pub(crate) created_ms: Option<i64>,
}

/// The indexes of a table, by name; those whose tag is gone are none.
pub(crate) fn of_table(def: &TableDef) -> Vec<Index> {
    let recorded = def.options.iter().filter_map(|(key, value)| Some((key.strip_prefix(INDEX)?, value)));
    let indexes = recorded.filter_map(|(name, value)| {
        let (id, created) = value.split_once(' ')?;
        let id = ColumnId(id.parse().ok()?);
        let tag = def.tags().find(|t| t.id == id)?;
        Some(Index { name: name.to_owned(), tag: tag.name.clone(), created_ms: created.parse().ok() })
    });
    indexes.collect()
}

/// The table of the database that has an index of this name.
fn owner(
    engine: &Engine,
    context: &Context,
    database: &str,
    name: &str,
) -> Result<Option<String>, TaosError> {
    let database = engine.database(&context.session, database).map_err(errors::lookup)?;
    let catalog = engine.catalog();
    let mut tables = catalog.tables(database.id);
    let owner = tables.find(|t| of_table(t).iter().any(|index| index.name == name));
    Ok(owner.map(|t| t.name.clone()))
}

/// # Errors
/// 0x0483 a name that is taken, 0x0200 for what is no super table, 0x260E for what is no tag of it, 0x0100 for
/// several tags.
pub(super) async fn create(
    engine: &Engine,
    context: &Context,
    name: &TableName,
    if_not_exists: bool,
    table: &TableName,
    columns: &[Ident],
) -> Result<(), TaosError> {
    let database = database_of(context, table)?;
    if name.database.as_ref().is_some_and(|d| d.name != database) {
        return Err(TaosError::new(0x2618, "Corresponding super table not in this db"));
    }
    let name = &name.table.name;
    let relation = engine.relation_to_alter(&context.session, database, &table.table.name);
    let Relation::Super(of) = relation.map_err(errors::lookup)? else {
        return Err(TaosError::new(0x0200, "Invalid operation: an index is of a super table's tag"));
    };
    let [column] = columns else { return Err(TaosError::unsupported("an index of several tags")) };
    let Some(tag) = of.def.tags().find(|t| t.name == column.name) else {
        return Err(TaosError::new(0x260E, format!("Invalid tag name: {}", column.name)));
    };
    if owner(engine, context, database, name)?.is_some() {
        return if if_not_exists { Ok(()) } else { Err(TaosError::new(0x0483, "index already exists")) };
    }
    let now_ms = engine.clock().now_ns().div_euclid(1_000_000);
    let value = Some(format!("{} {now_ms}", tag.id.0));
    let change = TableChange::SetOption { key: format!("{INDEX}{name}"), value };
    change_table(engine, context, database, &of.def.name, change).await
}

/// # Errors
/// 0x0484 where there is no such index.
pub(super) async fn drop(
    engine: &Engine,
    context: &Context,
    name: &TableName,
    if_exists: bool,
) -> Result<(), TaosError> {
    let database = database_of(context, name)?;
    let name = &name.table.name;
    let Some(table) = owner(engine, context, database, name)? else {
        return if if_exists { Ok(()) } else { Err(TaosError::new(0x0484, "index not exist")) };
    };
    let change = TableChange::SetOption { key: format!("{INDEX}{name}"), value: None };
    change_table(engine, context, database, &table, change).await
}

async fn change_table(
    engine: &Engine,
    context: &Context,
    database: &str,
    table: &str,
    change: TableChange,
) -> Result<(), TaosError> {
    let statement = Statement::AlterTable { table: engine_name(database, table), change };
    engine.execute(&context.session, statement).await.map_err(errors::lookup)?;
    Ok(())
}
