//! What the catalog lacks for the rows of a body.

use std::collections::BTreeMap;
use std::sync::Arc;

use triglot_engine::auth::Action;
use triglot_engine::{
    CreateTable, Engine, EngineError, NewColumn, NewIdentity, Relation, Statement, TableChange, TableIn,
};
use triglot_model::{
    ColumnDef, ColumnKind, ColumnType, DatabaseDef, GeomEncoding, IdentityRule, LengthUnit, TableDef,
};

use super::points::{Need, Points, Table};
use super::value::invalid;
use crate::lower::create::{MAX_COLUMNS, MAX_ROW_BYTES, MAX_TAG_BYTES, MAX_TAGS, check_single};
use crate::lower::names::engine_name;
use crate::lower::{errors, types};
use crate::query::columns::of_column;
use crate::{Context, TaosError, TaosType};

/// Something to make.
#[derive(Debug)]
pub(super) struct Change {
    statement: Statement,
    table: String,
}

impl Change {
    pub(super) fn into_parts(self) -> (Statement, String) {
        (self.statement, self.table)
    }
}

/// The tables of a body's rows, and what they lack.
type Compared = (Vec<TableIn>, Vec<Change>);

/// The tables of the rows, and what must be made before they can be written. The tables are complete
/// only if nothing lacks. None: a table of known series is not there any more.
pub(super) fn compare(
    engine: &Engine,
    context: &Context,
    database: &Arc<DatabaseDef>,
    points: &Points<'_>,
) -> Result<Option<Compared>, TaosError> {
    let (mut targets, mut lacking) = (Vec::with_capacity(points.tables.len()), Vec::new());
    for table in &points.tables {
        match engine.relation_for(&context.session, &database.name, &table.name, Action::Insert) {
            Ok(Relation::Super(found)) if found.def.identity == IdentityRule::ChildName => {
                lacking.extend(changes(&found, table)?);
                targets.push(found);
            }
            Ok(Relation::Super(_)) => {
                return Err(TaosError::unsupported("child tables of a table whose tags are its identity"));
            }
            Ok(Relation::Normal(_) | Relation::Child(_)) => {
                return Err(TaosError::new(0x022F, format!("Table is not a supertable: {}", table.name)));
            }
            Err(EngineError::TableNotFound { .. }) if table.is_known => return Ok(None),
            Err(EngineError::TableNotFound { .. }) => {
                check_single(engine, context, database, &table.name)?;
                lacking.push(create(engine, database, table)?);
            }
            Err(error) => return Err(errors::lookup(error)),
        }
    }
    Ok(Some((targets, lacking)))
}

fn create(engine: &Engine, database: &DatabaseDef, table: &Table<'_>) -> Result<Change, TaosError> {
    let (time, ty) = (table.time_name.to_owned(), ColumnType::Ts(database.precision));
    let mut columns = vec![NewColumn { name: time, ty, kind: ColumnKind::Time, declared: None, codec: None }];
    for need in &table.columns.all {
        if table.time_name == need.name {
            return Err(errors_duplicate(&need.name));
        }
        columns.push(column(need, false)?);
    }
    for need in &table.tags.all {
        if columns.iter().any(|c| c.name == need.name) {
            return Err(errors_duplicate(&need.name));
        }
        columns.push(column(need, true)?);
    }
    if table.tags.all.is_empty() {
        let ty = ColumnType::Str { max: Some(1), unit: LengthUnit::Chars };
        let name = "_tag_null".to_owned();
        columns.push(NewColumn { name, ty, kind: ColumnKind::Tag, declared: None, codec: None });
    }
    let shapes = columns.iter().map(|c| (c.kind, c.ty, c.declared.as_deref()));
    check_limits(shapes)?;
    let now_ms = engine.clock().now_ns().div_euclid(1_000_000).to_string();
    let statement = Statement::CreateTable(CreateTable {
        table: engine_name(&database.name, &table.name),
        if_not_exists: true,
        identity: NewIdentity::ChildName,
        columns,
        options: BTreeMap::from([(crate::lower::CREATED.to_owned(), now_ms)]),
    });
    Ok(Change { statement, table: table.name.clone() })
}

fn errors_duplicate(name: &str) -> TaosError {
    TaosError::new(0x263C, format!("Duplicated column names: {name}"))
}

/// What an existing table lacks: tags and columns, and widths of those that it has.
fn changes(found: &TableIn, table: &Table<'_>) -> Result<Vec<Change>, TaosError> {
    let def = &found.def;
    let mut made = Vec::new();
    let needs = table.columns.all.iter().map(|need| (need, false));
    for (need, is_tag) in needs.chain(table.tags.all.iter().map(|need| (need, true))) {
        match def.column(&need.name) {
            None => made.push(TableChange::AddColumn(column(need, is_tag)?)),
            Some(existing) => made.extend(widened(existing, need, is_tag)?),
        }
    }
    if !made.is_empty() {
        check_changed(def, &made)?;
    }
    let change = |change| Change {
        statement: Statement::AlterTable { table: engine_name(&found.database.name, &def.name), change },
        table: def.name.clone(),
    };
    Ok(made.into_iter().map(change).collect())
}

fn widened(existing: &ColumnDef, need: &Need<'_>, is_tag: bool) -> Result<Option<TableChange>, TaosError> {
    let right_kind = match existing.kind {
        ColumnKind::Tag => is_tag,
        ColumnKind::Field | ColumnKind::CompositeKey => !is_tag,
        ColumnKind::Time => false,
    };
    let (ty, length) = of_column(existing);
    if !right_kind || ty != need.ty {
        let what = if right_kind { "type" } else { "kind" };
        return Err(invalid(format!("{what} of {}: {} is given, the table has {ty}", need.name, need.ty)));
    }
    if ty.fixed_length().is_some() || need.longest <= length as usize {
        return Ok(None);
    }
    let (ty, declared) = stored(need, is_tag)?;
    Ok(Some(TableChange::WidenColumn { column: existing.name.clone(), ty, declared }))
}

fn check_changed(def: &TableDef, changes: &[TableChange]) -> Result<(), TaosError> {
    let mut shapes: Vec<_> =
        def.columns.iter().map(|c| (&*c.name, c.kind, c.ty, c.declared.as_deref())).collect();
    for change in changes {
        match change {
            TableChange::AddColumn(new) => {
                if shapes.iter().any(|(name, ..)| *name == new.name) {
                    return Err(errors_duplicate(&new.name));
                }
                shapes.push((&new.name, new.kind, new.ty, new.declared.as_deref()));
            }
            TableChange::WidenColumn { column, ty, declared } => {
                for shape in shapes.iter_mut().filter(|(name, ..)| name == column) {
                    (shape.2, shape.3) = (*ty, declared.as_deref());
                }
            }
            _ => {}
        }
    }
    check_limits(shapes.into_iter().map(|(_, kind, ty, declared)| (kind, ty, declared)))
}

/// Numbers of columns and bytes of a row, as CREATE TABLE checks them.
fn check_limits<'c>(
    columns: impl Iterator<Item = (ColumnKind, ColumnType, Option<&'c str>)>,
) -> Result<(), TaosError> {
    let (mut all, mut tags, mut row_bytes, mut tag_bytes) = (0, 0, 0, 0);
    for (kind, ty, declared) in columns {
        all += 1;
        let bytes = types::row_bytes(ty, declared);
        if kind == ColumnKind::Tag {
            tags += 1;
            tag_bytes += if ty == ColumnType::Json { 0 } else { bytes };
        } else {
            row_bytes += bytes;
        }
    }
    if all > MAX_COLUMNS {
        return Err(TaosError::new(0x2640, "Too many columns"));
    }
    if tags > MAX_TAGS {
        return Err(TaosError::new(0x2643, "Invalid number of tag columns"));
    }
    if row_bytes > MAX_ROW_BYTES {
        return Err(TaosError::new(0x263E, "Row length exceeds max length"));
    }
    if tag_bytes > MAX_TAG_BYTES {
        return Err(TaosError::new(0x263D, "Tags length exceeds max length"));
    }
    Ok(())
}

fn column(need: &Need<'_>, is_tag: bool) -> Result<NewColumn, TaosError> {
    let (ty, declared) = stored(need, is_tag)?;
    let kind = if is_tag { ColumnKind::Tag } else { ColumnKind::Field };
    Ok(NewColumn { name: need.name.clone().into_owned(), ty, kind, declared, codec: None })
}

/// The stored type of a column that is made or widened for its longest value.
fn stored(need: &Need<'_>, is_tag: bool) -> Result<(ColumnType, Option<String>), TaosError> {
    let width = || width(need, is_tag);
    let plain = |ty| Ok((ty, None));
    match need.ty {
        TaosType::Bool => plain(ColumnType::Bool),
        TaosType::TinyInt => plain(ColumnType::I8),
        TaosType::SmallInt => plain(ColumnType::I16),
        TaosType::Int => plain(ColumnType::I32),
        TaosType::BigInt => plain(ColumnType::I64),
        TaosType::UTinyInt => plain(ColumnType::U8),
        TaosType::USmallInt => plain(ColumnType::U16),
        TaosType::UInt => plain(ColumnType::U32),
        TaosType::UBigInt => plain(ColumnType::U64),
        TaosType::Float => plain(ColumnType::F32),
        TaosType::Double => plain(ColumnType::F64),
        TaosType::Varchar => plain(ColumnType::Str { max: Some(width()?), unit: LengthUnit::Bytes }),
        TaosType::Nchar => plain(ColumnType::Str { max: Some(width()?), unit: LengthUnit::Chars }),
        TaosType::Varbinary => plain(ColumnType::Bytes { max: Some(width()?) }),
        TaosType::Geometry => {
            Ok((ColumnType::Geom(GeomEncoding::Wkb), Some(format!("GEOMETRY({})", width()?))))
        }
        TaosType::Json if is_tag => plain(ColumnType::Json),
        TaosType::Json | TaosType::Decimal { .. } | TaosType::Timestamp | TaosType::Blob => {
            Err(invalid(format!("{} is of type {}", need.name, need.ty)))
        }
    }
}

/// The smallest power of two above the longest value; from 1024 on the length itself.
fn width(need: &Need<'_>, is_tag: bool) -> Result<u32, TaosError> {
    let most = types::max_length(need.ty, is_tag) as usize;
    if need.longest > most {
        return Err(TaosError::new(0x2653, format!("Value too long for column/tag: {}", need.name)));
    }
    let wide = if need.longest >= 1024 { need.longest } else { (need.longest + 1).next_power_of_two() };
    Ok(u32::try_from(wide.min(most)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_powers_of_two_up_to_a_thousand() {
        let of = |longest, ty, is_tag| {
            width(&Need { name: "c".into(), ty, longest, last_row: 0 }, is_tag).map_err(|e| e.code)
        };
        for (longest, wide) in [(0, 1), (1, 2), (5, 8), (8, 16), (1023, 1024), (1024, 1024), (1500, 1500)] {
            assert_eq!(of(longest, TaosType::Varchar, false), Ok(wide), "{longest}");
        }
        assert_eq!(of(65_517, TaosType::Varchar, false), Ok(65_517));
        assert_eq!(of(65_518, TaosType::Varchar, false), Err(0x2653));
        assert_eq!(of(4_096, TaosType::Nchar, true), Err(0x2653));
        assert_eq!(of(16_380, TaosType::Nchar, false), Err(0x2653));
    }
}
