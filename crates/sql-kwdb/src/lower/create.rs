//! CREATE TABLE of time-series tables: the rules of sheet 10.1, in their order.

use std::collections::{BTreeMap, HashSet};

use triglot_engine::{CreateTable as EngineCreate, Engine, NewColumn, NewIdentity, Session, Statement};
use triglot_model::{ColumnId, ColumnKind, RETENTION_OPTION};

use super::names::{self, Database};
use super::{database, defaults};
use crate::KwError;
use crate::ast::{ColumnSpec, Constraint, CreateTable, TagSpec};
use crate::columns::{self, ColumnOptions};
use crate::types::{KwType, MAX_PRIMARY_TAG_WIDTH, PRIMARY_TAG_WIDTH, TypeSpec};

const MAX_COLUMNS: usize = 4_096;
const MAX_TAGS: usize = 128;
const MAX_PRIMARY_TAGS: usize = 4;

/// 42P16: a definition that breaks a rule without a code of its own.
const INVALID_TABLE: &str = "42P16";

pub(super) async fn run(engine: &Engine, session: &Session, create: CreateTable) -> Result<(), KwError> {
    let database = names::database_of(engine, session, &create.table)?;
    if engine.table(session, &create.table).is_ok() {
        return if create.if_not_exists { Ok(()) } else { Err(exists(&create.table.table)) };
    }
    match (&create.tags, database.is_relational()) {
        (Some(_), true) => Err(KwError::new(
            "42809",
            format!("can not create timeseries table in relational database \"{}\"", database.name()),
        )),
        (None, false) => Err(KwError::new(
            "42809",
            format!("can not create relational table in timeseries database \"{}\"", database.name()),
        )),
        (None, true) => {
            database::ensure(engine, session, &database).await?;
            super::relational::create(engine, session, create).await
        }
        (Some(_), false) => time_series(engine, session, &database, create).await,
    }
}

pub(super) fn exists(table: &str) -> KwError {
    KwError::new("42P07", format!("relation \"{table}\" already exists"))
}

async fn time_series(
    engine: &Engine,
    session: &Session,
    database: &Database,
    create: CreateTable,
) -> Result<(), KwError> {
    let name = create.table.table.clone();
    names::check_ts_table(&name)?;
    check_features(&create)?;
    let tags = create.tags.as_deref().unwrap_or_default();
    let primary = primary_tags(&create.primary_tags, tags)?;
    check_counts(&create.columns, tags)?;
    let mut names = HashSet::new();
    let (mut columns, mut options) = (Vec::new(), BTreeMap::new());
    for (at, column) in create.columns.iter().enumerate() {
        if !names.insert(column.name.as_str()) {
            return Err(KwError::new("42701", format!("duplicate column name: \"{}\"", column.name)));
        }
        let made = if at == 0 { time_column(column)? } else { self::column(column)? };
        add(&mut columns, &mut options, made);
    }
    for tag in tags {
        if !names.insert(tag.name.as_str()) {
            return Err(KwError::new("42701", format!("duplicate tag name: \"{}\"", tag.name)));
        }
        let made = self::tag(tag, primary.contains(&tag.name))?;
        add(&mut columns, &mut options, made);
    }
    table_options(&mut options, database, &create)?;
    let statement = Statement::CreateTable(EngineCreate {
        table: create.table,
        if_not_exists: create.if_not_exists,
        identity: NewIdentity::PrimaryTags(primary),
        columns,
        options,
    });
    engine.execute(session, statement).await?;
    Ok(())
}

/// A column with what is kept beside it.
pub(super) struct Made {
    pub(super) column: NewColumn,
    pub(super) options: ColumnOptions,
}

fn add(columns: &mut Vec<NewColumn>, options: &mut BTreeMap<String, String>, made: Made) {
    // Ids are given in the order of the columns, from 0.
    let id = ColumnId(u32::try_from(columns.len()).unwrap_or(u32::MAX));
    options.extend(columns::entries(id, &made.options));
    columns.push(made.column);
}

/// What only relational tables have.
fn check_features(create: &CreateTable) -> Result<(), KwError> {
    if create.is_temporary {
        return Err(KwError::unsupported("temporary timeseries table"));
    }
    let of_columns = create.columns.iter().flat_map(|column| &column.constraints);
    if let Some(constraint) = create.constraints.iter().chain(of_columns).next() {
        return Err(refused(constraint));
    }
    if let Some(serial) = create.columns.iter().find(|column| column.is_serial) {
        return Err(KwError::new(
            "0A000",
            format!("column {}: serial is not supported in timeseries table", serial.name),
        ));
    }
    Ok(())
}

/// A constraint of a time-series table.
pub(super) fn refused(constraint: &Constraint) -> KwError {
    let what = match constraint {
        Constraint::PrimaryKey(_) => "primary key",
        Constraint::Unique(_) => "unique constraint",
        Constraint::Check(_) => "check constraint",
        Constraint::References => "foreign key",
        Constraint::Computed => "computed column",
    };
    KwError::new("0A000", format!("{what} is not supported in timeseries table"))
}

/// The primary tags; all tags without a clause that names them, as in the manual's samples.
fn primary_tags(named: &[String], tags: &[TagSpec]) -> Result<Vec<String>, KwError> {
    let primary: Vec<String> =
        if named.is_empty() { tags.iter().map(|tag| tag.name.clone()).collect() } else { named.to_vec() };
    if primary.len() > MAX_PRIMARY_TAGS {
        let message = format!("the max number of primary tags is {MAX_PRIMARY_TAGS}");
        return Err(KwError::new("42601", message));
    }
    let mut seen = HashSet::new();
    for name in &primary {
        if !tags.iter().any(|tag| tag.name == *name) {
            return Err(KwError::new("42601", format!("primary tag {name} is not a tag")));
        }
        if !seen.insert(name) {
            return Err(KwError::new("42701", format!("duplicate tag name: \"{name}\"")));
        }
    }
    // Where all are primary for want of a clause, a nullable one is told so below, by name.
    let nullable = tags.iter().find(|tag| primary.contains(&tag.name) && is_nullable(tag, named.is_empty()));
    match nullable {
        Some(tag) => {
            let message = format!("tag {} can not be a nullable tag as primary tag", tag.name);
            Err(KwError::new(INVALID_TABLE, message))
        }
        None => Ok(primary),
    }
}

/// Whether a primary tag says that it may be NULL. The manual's samples without PRIMARY TAGS leave NOT NULL out.
fn is_nullable(tag: &TagSpec, is_implied: bool) -> bool {
    if is_implied { tag.nullable == Some(true) } else { tag.nullable != Some(false) }
}

fn check_counts(columns: &[ColumnSpec], tags: &[TagSpec]) -> Result<(), KwError> {
    if columns.len() < 2 {
        return Err(KwError::new(INVALID_TABLE, "ts table must have at least 2 columns"));
    }
    check_limits(columns.len(), tags.len())
}

/// Refuses more columns (time included) or tags than a time-series table can have.
///
/// # Errors
/// SQLSTATE 54011.
pub fn check_limits(columns: usize, tags: usize) -> Result<(), KwError> {
    if columns > MAX_COLUMNS {
        let message = format!("the number of columns {columns} exceeds the maximum {MAX_COLUMNS}");
        return Err(KwError::new("54011", message));
    }
    if tags > MAX_TAGS {
        let message = format!("the number of tags {tags} exceeds the maximum {MAX_TAGS}");
        return Err(KwError::new("54011", message));
    }
    Ok(())
}

/// The first column. It is a TIMESTAMPTZ even if it is declared without a zone.
fn time_column(column: &ColumnSpec) -> Result<Made, KwError> {
    names::check_ts_column("ts column", &column.name)?;
    if !column.ty.ty.is_timestamp() {
        let message =
            format!("column {}: the 1st column's type in timeseries table must be TimestampTZ", column.name);
        return Err(KwError::new("42804", message));
    }
    if column.nullable != Some(false) {
        let message = format!("the 1st TimestampTZ column {} must be not null", column.name);
        return Err(KwError::new(INVALID_TABLE, message));
    }
    let spec = TypeSpec { ty: KwType::TimestampTz, ..column.ty };
    made(&column.name, with_default_width(&column.name, spec)?, ColumnKind::Time, options_of(column)?)
}

/// A column that is not the first.
pub(super) fn column(column: &ColumnSpec) -> Result<Made, KwError> {
    names::check_ts_column("ts column", &column.name)?;
    let spec = ts_type(column)?;
    made(&column.name, spec, ColumnKind::Field, options_of(column)?)
}

/// The type of a column as a time-series table has it.
fn ts_type(column: &ColumnSpec) -> Result<TypeSpec, KwError> {
    let spec = bytes_as_varbytes(column.ty);
    if !is_column_type(spec.ty) {
        let message = format!(
            "column {}: unsupported column type {} in timeseries table",
            column.name,
            lower_name(spec.ty)
        );
        return Err(KwError::new("42809", message));
    }
    with_default_width(&column.name, spec)
}

/// The new type of an existing column or tag.
pub(super) fn new_type(name: &str, is_tag: bool, spec: TypeSpec) -> Result<TypeSpec, KwError> {
    let spec = bytes_as_varbytes(spec);
    if !is_column_type(spec.ty) || (is_tag && !is_tag_type(spec.ty)) {
        let (what, kind) = if is_tag { ("tag", "tag") } else { ("column", "column") };
        let message =
            format!("{what} {name}: unsupported {kind} type {} in timeseries table", lower_name(spec.ty));
        return Err(KwError::new("42809", message));
    }
    with_default_width(name, spec)
}

/// A tag.
pub(super) fn tag(tag: &TagSpec, is_primary: bool) -> Result<Made, KwError> {
    names::check_ts_column("ts tag", &tag.name)?;
    let mut spec = bytes_as_varbytes(tag.ty);
    if !is_tag_type(spec.ty) {
        let message =
            format!("tag {}: unsupported tag type {} in timeseries table", tag.name, lower_name(spec.ty));
        return Err(KwError::new("42809", message));
    }
    if is_primary {
        spec = primary_type(&tag.name, spec)?;
    }
    let options = ColumnOptions {
        not_null: is_primary || tag.nullable == Some(false),
        default: None,
        comment: tag.comment.clone(),
    };
    made(&tag.name, with_default_width(&tag.name, spec)?, ColumnKind::Tag, options)
}

fn primary_type(name: &str, spec: TypeSpec) -> Result<TypeSpec, KwError> {
    if matches!(spec.ty, KwType::Float4 | KwType::Float8 | KwType::Varbytes) {
        let message = format!("data type {} is not supported for primary tag {name}", lower_name(spec.ty));
        return Err(KwError::new("42809", message));
    }
    if spec.ty != KwType::Varchar {
        return Ok(spec);
    }
    let width = spec.width.unwrap_or(PRIMARY_TAG_WIDTH);
    if width > MAX_PRIMARY_TAG_WIDTH {
        let message = format!(
            "tag {name}: {width} exceeded the maximum width limit of the type varchar({width}) as primary tag"
        );
        return Err(KwError::new("22023", message));
    }
    Ok(TypeSpec::sized(KwType::Varchar, width))
}

/// Fills in the width that a type has without a declared one, and refuses what is too wide.
fn with_default_width(name: &str, spec: TypeSpec) -> Result<TypeSpec, KwError> {
    const MILLISECONDS: u32 = 3;
    if spec.ty.is_timestamp() {
        return Ok(TypeSpec { width: Some(spec.width.unwrap_or(MILLISECONDS)), ..spec });
    }
    let Some(widths) = spec.ty.ts_widths() else { return Ok(spec) };
    let width = spec.width.unwrap_or(widths.default);
    if width > widths.max {
        let message = format!(
            "column {name}: {width} exceeded the maximum width limit of the type {}({width})",
            lower_name(spec.ty)
        );
        return Err(KwError::new("22023", message));
    }
    Ok(TypeSpec::sized(spec.ty, width))
}

/// BYTES is another name of VARBYTES in time-series tables.
fn bytes_as_varbytes(spec: TypeSpec) -> TypeSpec {
    if spec.ty == KwType::Bytes { TypeSpec { ty: KwType::Varbytes, ..spec } } else { spec }
}

fn is_column_type(ty: KwType) -> bool {
    is_tag_type(ty) || ty.is_timestamp() || matches!(ty, KwType::Nvarchar | KwType::Geometry)
}

fn is_tag_type(ty: KwType) -> bool {
    use KwType::{Bool, Char, Float4, Float8, Int2, Int4, Int8, Nchar, Varbytes, Varchar};
    matches!(ty, Bool | Int2 | Int4 | Int8 | Float4 | Float8 | Char | Varchar | Varbytes | Nchar)
}

/// The type's name in messages.
fn lower_name(ty: KwType) -> String {
    if ty == KwType::Text { "string".to_owned() } else { ty.name().to_ascii_lowercase() }
}

fn options_of(column: &ColumnSpec) -> Result<ColumnOptions, KwError> {
    let default = match &column.default {
        Some(default) => defaults::text(&column.name, column.ty.ty, default)?,
        None => None,
    };
    Ok(ColumnOptions { not_null: column.nullable == Some(false), default, comment: column.comment.clone() })
}

fn made(name: &str, spec: TypeSpec, kind: ColumnKind, options: ColumnOptions) -> Result<Made, KwError> {
    let Some(ty) = spec.column_type() else {
        let message =
            format!("column {name}: unsupported column type {} in timeseries table", lower_name(spec.ty));
        return Err(KwError::new("42809", message));
    };
    let column = NewColumn { name: name.to_owned(), ty, kind, declared: Some(spec.to_string()), codec: None };
    Ok(Made { column, options })
}

/// A table takes over its database's retention when it is made.
fn table_options(
    options: &mut BTreeMap<String, String>,
    database: &Database,
    create: &CreateTable,
) -> Result<(), KwError> {
    let seconds = match (create.retentions, database) {
        (Some(own), _) => database::retention_seconds(own)?,
        (None, Database::Stored(def)) => columns::retention_seconds(def),
        (None, Database::Empty(_)) => 0,
    };
    options.insert(RETENTION_OPTION.to_owned(), database::retention_option(seconds));
    options.extend(create.comment.clone().map(|text| (columns::table::COMMENT.to_owned(), text)));
    if !create.no_ops.is_empty() {
        options.insert(columns::table::OTHERS.to_owned(), create.no_ops.join(", "));
    }
    Ok(())
}
