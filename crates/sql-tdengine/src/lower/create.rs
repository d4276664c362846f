//! CREATE TABLE in its forms.

use triglot_engine::auth::Action;
use triglot_engine::{
    CreateTable as EngineCreate, Engine, NewChild, NewColumn, NewIdentity, Relation, Statement,
};
use triglot_model::{ColumnKind, ColumnType, DatabaseDef, IdentityRule};
use triglot_parse_tdengine::ast::{ColumnSpec, CreateChild, CreateTable, TypeName};

use super::names::{SYSTEM_DATABASES, database_of, engine_name};
use super::options::{CREATED, OptionsOf};
use super::{errors, table_options, types};
use crate::insert::target::tags_of;
use crate::insert::value::{of_column, of_expr};
use crate::time::TimeContext;
use crate::{Context, TaosError};

/// Limits of a table (sheet section 2).
pub(crate) const MAX_COLUMNS: usize = 4096;
pub(crate) const MAX_TAGS: usize = 128;
pub(crate) const MAX_ROW_BYTES: u64 = 65_531;
pub(crate) const MAX_TAG_BYTES: u64 = 16_384;

/// `CREATE [S]TABLE t (…) [TAGS (…)]`.
pub(super) async fn table(engine: &Engine, context: &Context, create: &CreateTable) -> Result<(), TaosError> {
    let name = create.name.table.name.as_str();
    let database_name = database_of(context, &create.name)?;
    if SYSTEM_DATABASES.contains(&database_name) {
        return Err(TaosError::new(0x2644, "Permission denied or target object not exist"));
    }
    let database = engine.database(&context.session, database_name).map_err(errors::lookup)?;
    let columns = columns_of(create, &database)?;
    let is_super = !create.tags.is_empty();
    if create.stable && !is_super {
        return Err(TaosError::new(0x2643, "Invalid number of tag columns"));
    }
    if is_super {
        check_single(engine, context, &database, name)?;
    }
    let mut options = table_options::recorded(&create.options)?;
    options.insert(CREATED.to_owned(), engine.clock().now_ns().div_euclid(1_000_000).to_string());
    let statement = Statement::CreateTable(EngineCreate {
        table: engine_name(database_name, name),
        if_not_exists: create.if_not_exists,
        identity: if is_super { NewIdentity::ChildName } else { NewIdentity::AllTags },
        columns,
        options,
    });
    let exists = if is_super { errors::super_table_exists } else { errors::table_exists };
    match engine.execute(&context.session, statement).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let other_kind = matches!(
                (engine.relation(&context.session, database_name, name), is_super),
                (Ok(Relation::Super(_)), false) | (Ok(Relation::Normal(_) | Relation::Child(_)), true)
            );
            Err(errors::creation(error, if other_kind { errors::table_exists } else { exists }, name))
        }
    }
}

/// 0x03C5: the database takes one super table only, and has it.
pub(crate) fn check_single(
    engine: &Engine,
    context: &Context,
    database: &DatabaseDef,
    name: &str,
) -> Result<(), TaosError> {
    if !OptionsOf(database).is_single_stable() {
        return Ok(());
    }
    let tables = engine.tables(&context.session, &database.name).map_err(errors::lookup)?;
    if tables.iter().any(|t| t.identity == IdentityRule::ChildName && t.name != name) {
        return Err(TaosError::new(0x03C5, "Database is single stable mode"));
    }
    Ok(())
}

/// All columns as the engine takes them, after the rules of the vendor.
fn columns_of(create: &CreateTable, database: &DatabaseDef) -> Result<Vec<NewColumn>, TaosError> {
    let (columns, tags) = (&create.columns, &create.tags);
    let first = columns.first().map(|c| &c.ty);
    if first != Some(&TypeName::Timestamp) {
        return Err(TaosError::new(0x2641, "First column must be timestamp"));
    }
    if columns.len() < 2 {
        return Err(TaosError::new(0x263F, "Illegal number of columns"));
    }
    if columns.len() + tags.len() > MAX_COLUMNS {
        return Err(TaosError::new(0x2640, "Too many columns"));
    }
    if tags.len() > MAX_TAGS {
        return Err(TaosError::new(0x2643, "Invalid number of tag columns"));
    }
    if tags.len() > 1 && tags.iter().any(|t| t.ty == TypeName::Json) {
        return Err(TaosError::new(0x2633, "Only one tag if there is a json tag"));
    }
    if columns.iter().filter(|c| c.ty == TypeName::Blob).count() > 1 {
        return Err(TaosError::new(0x2605, "Invalid value type: only one BLOB column"));
    }
    let mut made: Vec<NewColumn> = Vec::with_capacity(columns.len() + tags.len());
    let (mut row_bytes, mut tag_bytes) = (0, 0);
    let all = columns.iter().map(|c| (c, false)).chain(tags.iter().map(|t| (t, true)));
    for (place, (spec, is_tag)) in all.enumerate() {
        if made.iter().any(|c| c.name == spec.name.name) {
            return Err(TaosError::new(0x263C, format!("Duplicated column names: {}", spec.name.name)));
        }
        let column = new_column(spec, place, is_tag, database)?;
        let bytes = types::row_bytes(column.ty, column.declared.as_deref());
        *(if is_tag { &mut tag_bytes } else { &mut row_bytes }) += bytes;
        made.push(column);
    }
    if row_bytes > MAX_ROW_BYTES {
        return Err(TaosError::new(0x263E, "Row length exceeds max length"));
    }
    if tag_bytes > MAX_TAG_BYTES && !tags.iter().any(|t| t.ty == TypeName::Json) {
        return Err(TaosError::new(0x263D, "Tags length exceeds max length"));
    }
    Ok(made)
}

/// One column; `place`: among all, 0 = time.
pub(super) fn new_column(
    spec: &ColumnSpec,
    place: usize,
    is_tag: bool,
    database: &DatabaseDef,
) -> Result<NewColumn, TaosError> {
    let (ty, declared) = types::stored(spec, is_tag, database.precision)?;
    let codec = if is_tag { None } else { types::codec(spec, ty)? };
    let kind = match (place, is_tag) {
        (_, true) if spec.key => return Err(TaosError::new(0x2671, "Tag can not be primary key")),
        (_, true) => ColumnKind::Tag,
        (0, false) => ColumnKind::Time,
        (_, false) if spec.key => composite_key(place, ty)?,
        (_, false) => ColumnKind::Field,
    };
    Ok(NewColumn { name: spec.name.name.clone(), ty, kind, declared, codec })
}

fn composite_key(place: usize, ty: ColumnType) -> Result<ColumnKind, TaosError> {
    if place != 1 {
        return Err(TaosError::new(0x2672, "Primary key column must be second column"));
    }
    let suits = matches!(
        ty,
        ColumnType::I32 | ColumnType::U32 | ColumnType::I64 | ColumnType::U64 | ColumnType::Str { .. }
    );
    if suits {
        Ok(ColumnKind::CompositeKey)
    } else {
        let text = "Primary key column must be of type int, uint, bigint, ubigint, and varchar";
        Err(TaosError::new(0x2673, text))
    }
}

/// `CREATE TABLE c USING s TAGS (…) …`, all or none.
pub(super) async fn children(
    engine: &Engine,
    context: &Context,
    children: &[CreateChild],
    sql: &str,
) -> Result<(), TaosError> {
    let mut new = Vec::with_capacity(children.len());
    for child in children {
        new.push(new_child(engine, context, child, sql)?);
    }
    let name = children.first().map_or("", |c| c.name.table.name.as_str());
    let made = engine.execute(&context.session, Statement::CreateChildren(new)).await;
    made.map(|_| ()).map_err(|error| errors::creation(error, errors::table_exists, name))
}

fn new_child(
    engine: &Engine,
    context: &Context,
    child: &CreateChild,
    sql: &str,
) -> Result<NewChild, TaosError> {
    let database = database_of(context, &child.name)?;
    let of = match &child.using.database {
        Some(of) => of.name.as_str(),
        None => database,
    };
    if of != database {
        return Err(TaosError::new(0x2618, "Corresponding super table not in this db"));
    }
    let super_name = &child.using.table.name;
    let relation =
        engine.relation_for(&context.session, of, super_name, Action::Insert).map_err(errors::lookup)?;
    let Relation::Super(table) = relation else {
        return Err(TaosError::new(0x022F, format!("Table is not a supertable: {super_name}")));
    };
    let def = &table.def;
    let time =
        TimeContext { precision: def.precision(), zone: context.zone, now_ns: engine.clock().now_ns() };
    let named = tags_of(def, child.tag_names.as_deref(), child.tags.len())?;
    let mut tags = Vec::with_capacity(named.len());
    for (tag, given) in named.into_iter().zip(&child.tags) {
        let is_time = matches!(tag.ty, ColumnType::Ts(_));
        let value = of_expr(given, sql, is_time, &time).and_then(|g| of_column(g, tag, &time));
        let value = value.map_err(|e| e.at(sql, given.span.start, &tag.name))?;
        tags.extend(value.tag_text(tag.ty).map(|text| (tag.id, text.into_boxed_str())));
    }
    let (ttl, comment) = table_options::of_child(&child.options)?;
    Ok(NewChild {
        table: engine_name(of, super_name),
        name: child.name.table.name.clone(),
        tags,
        ttl,
        comment,
        if_not_exists: child.if_not_exists,
    })
}
