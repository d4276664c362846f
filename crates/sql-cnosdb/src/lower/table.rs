//! Table statements. The rules are checked here first, because their texts are the dialect's; the
//! catalog checks them again when it applies the change.

use std::collections::{BTreeMap, BTreeSet};

use triglot_engine::{CreateTable, Engine, NewColumn, NewIdentity, Outcome, Session, Statement, TableChange};
use triglot_model::{ColumnDef, ColumnKind, ColumnType, ErrorKind, TableDef};

use super::{database_not_found, named, table_name};
use crate::ast::{FieldDef, QName, TableAlteration};
use crate::codec::{Codec, FieldType};
use crate::error::SqlError;

/// The name of the time column.
const TIME: &str = "time";

pub(super) async fn create(
    engine: &Engine,
    session: &Session,
    name: &QName,
    if_not_exists: bool,
    fields: &[FieldDef],
    tags: &[String],
) -> Result<Outcome, SqlError> {
    let mut taken = BTreeSet::from([TIME]);
    for column in tags.iter().chain(fields.iter().map(|f| &f.name)) {
        if !taken.insert(column) {
            return Err(SqlError::semantic(
                "010027",
                format_args!("Field or Tag have the same name {column}"),
            ));
        }
    }
    if let Some(f) = fields.iter().find(|f| f.codec.is_some_and(|c| !c.fits(f.ty))) {
        return Err(unsupported(f.codec, f.ty.sql_name()));
    }
    let database_name = name.database.as_deref().unwrap_or(&session.database_name);
    let database = engine.database(session, database_name).map_err(|e| match e.kind() {
        ErrorKind::DatabaseNotFound => database_not_found(database_name),
        _ => e.into(),
    })?;
    let time = NewColumn {
        name: TIME.to_owned(),
        ty: ColumnType::Ts(database.precision),
        kind: ColumnKind::Time,
        declared: None,
        codec: None,
    };
    let columns = std::iter::once(time).chain(tags.iter().map(|t| tag(t))).chain(fields.iter().map(field));
    let statement = CreateTable {
        table: table_name(name),
        if_not_exists,
        identity: NewIdentity::AllTags,
        columns: columns.collect(),
        options: BTreeMap::new(),
    };
    match engine.execute(session, Statement::CreateTable(statement)).await {
        Err(e) if e.kind() == ErrorKind::TableExists => {
            Err(SqlError::Coded { code: "030020", text: format!("Table {} already exists.", name.table) })
        }
        Err(e) => Err(named(session, name, false, e)),
        Ok(done) => Ok(done),
    }
}

fn tag(name: &str) -> NewColumn {
    NewColumn {
        name: name.to_owned(),
        ty: ColumnType::TEXT,
        kind: ColumnKind::Tag,
        declared: None,
        codec: None,
    }
}

fn field(f: &FieldDef) -> NewColumn {
    NewColumn {
        name: f.name.clone(),
        ty: f.ty.column_type(),
        kind: ColumnKind::Field,
        declared: f.ty.declared(),
        codec: f.codec.map(|c| c.name().to_owned()),
    }
}

/// 010042; CREATE TABLE names the SQL type, ALTER TABLE the internal one.
fn unsupported(codec: Option<Codec>, ty: &str) -> SqlError {
    let codec = codec.map_or("Default", Codec::error_name);
    SqlError::semantic("010042", format_args!("Unsupported encoding type {codec} for {ty}"))
}

pub(super) async fn alter(
    engine: &Engine,
    session: &Session,
    name: &QName,
    change: TableAlteration,
) -> Result<Outcome, SqlError> {
    let target = table_name(name);
    let def = engine.table(session, &target).map_err(|e| named(session, name, true, e))?;
    let change = check_change(&def, change)?;
    let statement = Statement::AlterTable { table: target, change };
    engine.execute(session, statement).await.map_err(|e| named(session, name, true, e))
}

fn check_change(def: &TableDef, change: TableAlteration) -> Result<TableChange, SqlError> {
    match change {
        TableAlteration::AddField(f) => {
            absent(def, &f.name)?;
            if f.codec.is_some_and(|c| !c.fits(f.ty)) {
                return Err(unsupported(f.codec, f.ty.internal_name()));
            }
            Ok(TableChange::AddColumn(field(&f)))
        }
        TableAlteration::AddTag(name) => {
            absent(def, &name)?;
            Ok(TableChange::AddColumn(tag(&name)))
        }
        TableAlteration::Drop(name) => {
            let column = present(def, &name)?;
            match column.kind {
                ColumnKind::Tag => {
                    return Err(SqlError::semantic("010030", format_args!("Can't drop tag column {name}.")));
                }
                ColumnKind::Time | ColumnKind::CompositeKey => {
                    return Err(SqlError::semantic("010033", "There must be at least one tag column. "));
                }
                ColumnKind::Field => {}
            }
            if def.columns.iter().filter(|c| c.kind == ColumnKind::Field).count() == 1 {
                return Err(SqlError::semantic("010032", "There must be at least one field column."));
            }
            Ok(TableChange::DropColumn(name))
        }
        TableAlteration::SetCodec(name, codec) => {
            let column = present(def, &name)?;
            match column.kind {
                ColumnKind::Tag => {
                    return Err(SqlError::semantic("010034", "Tag does not support compression"));
                }
                ColumnKind::Time => {
                    return Err(SqlError::semantic("010035", "Column time does not support modification"));
                }
                ColumnKind::Field | ColumnKind::CompositeKey => {}
            }
            if let Some(ty) = FieldType::of(column.ty).filter(|ty| !codec.fits(*ty)) {
                return Err(unsupported(Some(codec), ty.internal_name()));
            }
            Ok(TableChange::SetCodec { column: name, codec: Some(codec.name().to_owned()) })
        }
        TableAlteration::Rename(from, to) => {
            if present(def, &from)?.kind == ColumnKind::Time {
                return Err(SqlError::NotImplemented("rename time column".to_owned()));
            }
            absent(def, &to)?;
            Ok(TableChange::RenameColumn { from, to })
        }
    }
}

fn present<'d>(def: &'d TableDef, name: &str) -> Result<&'d ColumnDef, SqlError> {
    def.column(name).ok_or_else(|| {
        SqlError::semantic("010029", format_args!("Column {name} not exists in table {}", def.name))
    })
}

fn absent(def: &TableDef, name: &str) -> Result<(), SqlError> {
    match def.column(name) {
        None => Ok(()),
        Some(_) => Err(SqlError::semantic(
            "010028",
            format_args!(" column {name} already exists in table {}", def.name),
        )),
    }
}

pub(super) async fn drop(
    engine: &Engine,
    session: &Session,
    name: &QName,
    if_exists: bool,
) -> Result<Outcome, SqlError> {
    let statement = Statement::DropTable { table: table_name(name), if_exists };
    match engine.execute(session, statement).await {
        // Here, unlike elsewhere, the name is shown as it was given.
        Err(e) if e.kind() == ErrorKind::TableNotFound => {
            Err(SqlError::Coded { code: "030019", text: format!("Table not found: \"{name}\"") })
        }
        Err(e) => Err(named(session, name, false, e)),
        Ok(done) => Ok(done),
    }
}
