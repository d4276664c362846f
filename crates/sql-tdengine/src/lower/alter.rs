//! ALTER TABLE: columns, tags, tags of a child, options (sheet section 4, "Table rules").

use triglot_engine::{Engine, Relation, Statement, TableChange as EngineChange, TableIn};
use triglot_model::{ColumnDef, ColumnId, ColumnKind, ColumnType, GeomEncoding};
use triglot_parse_tdengine::ast::{AlterTable, ColumnSpec, Expr, Ident, TableChange, TableOption};

use super::create::{MAX_ROW_BYTES, new_column};
use super::names::{database_of, engine_name};
use super::{errors, table_options, types};
use crate::insert::value::{of_column, of_expr};
use crate::time::TimeContext;
use crate::{Context, TaosError};

/// Columns of a table, tags included.
const MAX_COLUMNS: usize = 4096;
/// Tags of a table.
const MAX_TAGS: usize = 128;

/// One ALTER on its way.
struct Alter<'s> {
    engine: &'s Engine,
    context: &'s Context,
    database: &'s str,
    name: &'s str,
    sql: &'s str,
}

pub(super) async fn table(
    engine: &Engine,
    context: &Context,
    alter: &AlterTable,
    sql: &str,
) -> Result<(), TaosError> {
    let database = database_of(context, &alter.name)?;
    let name = alter.name.table.name.as_str();
    let relation = engine.relation_to_alter(&context.session, database, name).map_err(errors::lookup)?;
    let run = Alter { engine, context, database, name, sql };
    let (is_super, table) = match &relation {
        Relation::Child(child) => return run.child(&child.of, &alter.change).await,
        Relation::Super(table) => (true, table),
        Relation::Normal(table) if alter.stable => {
            return Err(TaosError::new(0x0362, format!("STable not exist: {}", table.def.name)));
        }
        Relation::Normal(table) => (false, table),
    };
    let changes = match &alter.change {
        TableChange::AddColumn(spec) => add_column(table, spec, is_super)?,
        TableChange::DropColumn(column) => drop_column(table, column, is_super)?,
        TableChange::ModifyColumn(spec) => modify(table, spec, false)?,
        TableChange::RenameColumn(from, to) if !is_super => rename(table, from, to, false)?,
        TableChange::AddTag(spec) if is_super => add_tag(table, spec)?,
        TableChange::DropTag(tag) if is_super => drop_tag(table, tag)?,
        TableChange::ModifyTag(spec) if is_super => modify(table, spec, true)?,
        TableChange::RenameTag(from, to) if is_super => rename(table, from, to, true)?,
        TableChange::Options(options) => set_options(options)?,
        TableChange::RenameColumn(..)
        | TableChange::AddTag(_)
        | TableChange::DropTag(_)
        | TableChange::ModifyTag(_)
        | TableChange::RenameTag(..)
        | TableChange::SetTags(_) => return Err(invalid()),
    };
    for change in changes {
        let statement = Statement::AlterTable { table: engine_name(database, name), change };
        engine.execute(&context.session, statement).await.map_err(errors::lookup)?;
    }
    Ok(())
}

impl Alter<'_> {
    /// A child table has its tags, a comment and a time to live of its own, nothing else.
    async fn child(&self, of: &TableIn, change: &TableChange) -> Result<(), TaosError> {
        let tags = match change {
            TableChange::SetTags(values) => self.tag_values(of, values)?,
            TableChange::Options(options) => child_options(options)?,
            _ => return Err(invalid()),
        };
        let statement = Statement::AlterChild {
            database: Some(self.database.to_owned()),
            name: self.name.to_owned(),
            tags,
        };
        self.engine.execute(&self.context.session, statement).await.map_err(errors::lookup)?;
        Ok(())
    }

    fn tag_values(&self, of: &TableIn, values: &[(Ident, Expr)]) -> Result<TagValues, TaosError> {
        let time = TimeContext {
            precision: of.def.precision(),
            zone: self.context.zone,
            now_ns: self.engine.clock().now_ns(),
        };
        let mut tags: TagValues = Vec::with_capacity(values.len());
        for (ident, given) in values {
            let tag = of.def.tags().find(|t| t.name == ident.name);
            let tag =
                tag.ok_or_else(|| TaosError::new(0x2649, format!("Invalid tag name: {}", ident.name)))?;
            if tags.iter().any(|(id, _)| *id == tag.id) {
                return Err(TaosError::new(0x263C, format!("Duplicated column names: {}", ident.name)));
            }
            let is_time = matches!(tag.ty, ColumnType::Ts(_));
            let value = of_expr(given, self.sql, is_time, &time).and_then(|g| of_column(g, tag, &time));
            let value = value.map_err(|e| e.at(self.sql, given.span.start, &tag.name))?;
            tags.push((tag.id, value.tag_text(tag.ty).map(String::into_boxed_str)));
        }
        Ok(tags)
    }
}

type TagValues = Vec<(ColumnId, Option<Box<str>>)>;
type Changes = Result<Vec<EngineChange>, TaosError>;

fn child_options(options: &[TableOption]) -> Result<TagValues, TaosError> {
    let mut tags = Vec::new();
    for option in options {
        tags.push(match option {
            TableOption::Comment(text) => {
                (ColumnId::CHILD_COMMENT, Some(table_options::comment(text)?.into()))
            }
            TableOption::Ttl(days) => {
                (ColumnId::CHILD_TTL, Some(table_options::ttl(*days)?.to_string().into()))
            }
            _ => return Err(invalid()),
        });
    }
    Ok(tags)
}

fn set_options(options: &[TableOption]) -> Changes {
    let recorded = table_options::recorded(options)?;
    let set = |(key, value)| EngineChange::SetOption { key, value: Some(value) };
    Ok(recorded.into_iter().map(set).collect())
}

fn invalid() -> TaosError {
    TaosError::new(0x2649, "Invalid alter table statement")
}

/// A name that is taken: 0x0369 by a tag, 0x036B by a column of a super table, 0x0525 of a normal one.
fn check_free(table: &TableIn, name: &str, is_super: bool) -> Result<(), TaosError> {
    match table.def.column(name).map(|c| c.kind) {
        None => Ok(()),
        Some(ColumnKind::Tag) => Err(TaosError::new(0x0369, format!("Tag already exists: {name}"))),
        Some(_) if is_super => Err(TaosError::new(0x036B, format!("Column already exists: {name}"))),
        Some(_) => Err(TaosError::new(0x0525, format!("Column already exists: {name}"))),
    }
}

fn column<'t>(table: &'t TableIn, name: &str, is_super: bool) -> Result<&'t ColumnDef, TaosError> {
    let found = table.def.column(name).filter(|c| c.kind != ColumnKind::Tag);
    let code = if is_super { 0x036C } else { 0x0526 };
    found.ok_or_else(|| TaosError::new(code, format!("Column does not exist: {name}")))
}

fn tag<'t>(table: &'t TableIn, name: &str) -> Result<&'t ColumnDef, TaosError> {
    let found = table.def.tags().find(|t| t.name == name);
    found.ok_or_else(|| TaosError::new(0x036A, format!("Tag does not exist: {name}")))
}

fn add_column(table: &TableIn, spec: &ColumnSpec, is_super: bool) -> Changes {
    check_free(table, &spec.name.name, is_super)?;
    if table.def.columns.len() >= MAX_COLUMNS {
        return Err(TaosError::new(0x2640, "Too many columns"));
    }
    if spec.key {
        return Err(key_stays());
    }
    let new = new_column(spec, table.def.columns.len(), false, &table.database)?;
    let bytes = |ty, declared: &Option<String>| types::row_bytes(ty, declared.as_deref());
    let before: u64 = table
        .def
        .columns
        .iter()
        .filter(|c| c.kind != ColumnKind::Tag)
        .map(|c| bytes(c.ty, &c.declared))
        .sum();
    if before + bytes(new.ty, &new.declared) > MAX_ROW_BYTES {
        return Err(TaosError::new(0x263E, "Row length exceeds max length"));
    }
    Ok(vec![EngineChange::AddColumn(new)])
}

fn drop_column(table: &TableIn, ident: &Ident, is_super: bool) -> Changes {
    match column(table, &ident.name, is_super)?.kind {
        ColumnKind::Time => Err(TaosError::new(0x264A, "Primary timestamp column cannot be dropped")),
        ColumnKind::CompositeKey => Err(key_stays()),
        _ if table.def.columns.iter().filter(|c| c.kind == ColumnKind::Field).count() == 1 => {
            Err(TaosError::new(0x2651, "No columns can be dropped"))
        }
        _ => Ok(vec![EngineChange::DropColumn(ident.name.clone())]),
    }
}

fn add_tag(table: &TableIn, spec: &ColumnSpec) -> Changes {
    check_free(table, &spec.name.name, true)?;
    refuse_json(table)?;
    let new = new_column(spec, table.def.columns.len(), true, &table.database)?;
    if new.ty == ColumnType::Json {
        return Err(only_json_tag());
    }
    if table.def.tags().count() >= MAX_TAGS {
        return Err(TaosError::new(0x2643, "Invalid number of tag columns"));
    }
    Ok(vec![EngineChange::AddColumn(new)])
}

fn drop_tag(table: &TableIn, ident: &Ident) -> Changes {
    tag(table, &ident.name)?;
    refuse_json(table)?;
    if table.def.tags().count() == 1 {
        return Err(TaosError::new(0x2651, "No columns can be dropped"));
    }
    Ok(vec![EngineChange::DropColumn(ident.name.clone())])
}

/// The tag of a table with a JSON tag stays the only one, and what it is.
fn refuse_json(table: &TableIn) -> Result<(), TaosError> {
    if table.def.tags().any(|t| t.ty == ColumnType::Json) { Err(only_json_tag()) } else { Ok(()) }
}

fn only_json_tag() -> TaosError {
    TaosError::new(0x2633, "Only one tag if there is a json tag")
}

/// 0x2674: a composite key is neither added nor changed nor dropped.
fn key_stays() -> TaosError {
    TaosError::new(0x2674, "Primary key column can not be added, modified, and dropped")
}

fn rename(table: &TableIn, from: &Ident, to: &Ident, is_tag: bool) -> Changes {
    if is_tag {
        tag(table, &from.name)?;
    } else {
        column(table, &from.name, false)?;
    }
    check_free(table, &to.name, is_tag)?;
    Ok(vec![EngineChange::RenameColumn { from: from.name.clone(), to: to.name.clone() }])
}

/// Only longer texts and octets.
fn modify(table: &TableIn, spec: &ColumnSpec, is_tag: bool) -> Changes {
    let is_super = table.def.tags().next().is_some();
    let old = if is_tag { tag(table, &spec.name.name)? } else { column(table, &spec.name.name, is_super)? };
    if is_tag {
        refuse_json(table)?;
    }
    if old.kind == ColumnKind::CompositeKey {
        return Err(key_stays());
    }
    let (ty, declared) = types::stored(spec, is_tag, table.database.precision)?;
    let length = |ty: ColumnType, declared: Option<&str>| match ty {
        ColumnType::Str { max: Some(max), .. } | ColumnType::Bytes { max: Some(max) } => Some(u64::from(max)),
        ColumnType::Geom(GeomEncoding::Wkb) => Some(types::row_bytes(ty, declared)),
        _ => None,
    };
    let same_kind = match (old.ty, ty) {
        (ColumnType::Str { unit: a, .. }, ColumnType::Str { unit: b, .. }) => a == b,
        (ColumnType::Bytes { .. }, ColumnType::Bytes { .. }) => old.declared == declared,
        (ColumnType::Geom(a), ColumnType::Geom(b)) => a == b,
        _ => false,
    };
    let (before, after) = (length(old.ty, old.declared.as_deref()), length(ty, declared.as_deref()));
    match before.zip(after) {
        Some((before, after)) if same_kind && after > before => {
            Ok(vec![EngineChange::WidenColumn { column: old.name.clone(), ty, declared }])
        }
        _ => Err(TaosError::new(
            0x264B,
            "Only varbinary/binary/nchar/geometry column length could be modified, and the length can only be increased, not decreased",
        )),
    }
}
