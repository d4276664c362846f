//! ALTER TABLE of time-series tables (sheet 10.3).

use std::sync::Arc;

use triglot_engine::{Engine, EngineError, Session, Statement, TableChange, TableName};
use triglot_model::{ColumnDef, ColumnKind, ErrorKind, RETENTION_OPTION, TableDef};

use super::create::{self, Made};
use super::{database, defaults, names};
use crate::KwError;
use crate::ast::{AlterAction, AlterTable, ColumnSpec, TagSpec};
use crate::columns::{self, is_primary_tag};
use crate::types::{KwType, TypeSpec};

pub(super) async fn run(engine: &Engine, session: &Session, alter: AlterTable) -> Result<(), KwError> {
    let def = match names::table(engine, session, &alter.table) {
        Err(error) if alter.if_exists && error.sqlstate == "42P01" => return Ok(()),
        found => found?,
    };
    if columns::is_relational_table(&def) {
        return super::relational::alter(engine, session, &def, alter).await;
    }
    let mut actions = alter.actions.into_iter();
    let (Some(action), None) = (actions.next(), actions.next()) else {
        let message = "alter timeseries table with multiple commands is not supported";
        return Err(KwError::new("0A000", message));
    };
    let target = Target { engine, session, name: alter.table, def };
    target.run(action).await
}

/// The table that is changed.
struct Target<'a> {
    engine: &'a Engine,
    session: &'a Session,
    name: TableName,
    def: Arc<TableDef>,
}

impl Target<'_> {
    async fn run(&self, action: AlterAction) -> Result<(), KwError> {
        match action {
            AlterAction::AddColumn { column, if_not_exists } => self.add_column(&column, if_not_exists).await,
            AlterAction::AddTag { tag, if_not_exists } => self.add_tag(&tag, if_not_exists).await,
            AlterAction::DropColumn { name, if_exists } => self.drop_column(name, if_exists).await,
            AlterAction::DropTag { name, if_exists } => self.drop_tag(name, if_exists).await,
            AlterAction::SetColumnType { name, ty } => self.set_type(&name, false, ty).await,
            AlterAction::SetTagType { name, ty } => self.set_type(&name, true, ty).await,
            AlterAction::SetDefault { name, default } => {
                let column = self.column(&name)?;
                let ty = TypeSpec::of_column(column).ty;
                let value = match &default {
                    Some(default) => defaults::text(&name, ty, default)?,
                    None => None,
                };
                self.change(TableChange::SetOption { key: columns::default_key(column.id), value }).await
            }
            AlterAction::SetNotNull { name, .. } => {
                self.column(&name)?;
                let table = &self.def.name;
                let message = format!("can not modify an existing column on ts table \"{table}\"");
                Err(KwError::new("0A000", message))
            }
            AlterAction::Rename { to } => self.rename(to).await,
            AlterAction::RenameColumn { from, to } => self.rename_column(from, to, false).await,
            AlterAction::RenameTag { from, to } => self.rename_column(from, to, true).await,
            AlterAction::SetRetentions(to) => {
                let value = Some(database::retention_option(database::retention_seconds(to)?));
                self.change(TableChange::SetOption { key: RETENTION_OPTION.to_owned(), value }).await
            }
            AlterAction::NoOp(text) => {
                let key = columns::table::OTHERS.to_owned();
                self.change(TableChange::SetOption { key, value: Some(text) }).await
            }
            AlterAction::Constraint(constraint) => Err(create::refused(&constraint)),
        }
    }

    async fn add_column(&self, spec: &ColumnSpec, if_not_exists: bool) -> Result<(), KwError> {
        if self.is_taken(&spec.name, if_not_exists)? {
            return Ok(());
        }
        if let Some(constraint) = spec.constraints.first() {
            return Err(create::refused(constraint));
        }
        if spec.nullable == Some(false) {
            let message = format!(
                "column {}: adding a not null column is not supported in timeseries table",
                spec.name
            );
            return Err(KwError::new("0A000", message));
        }
        self.add(create::column(spec)?).await
    }

    async fn add_tag(&self, spec: &TagSpec, if_not_exists: bool) -> Result<(), KwError> {
        if self.is_taken(&spec.name, if_not_exists)? {
            return Ok(());
        }
        if spec.nullable == Some(false) {
            let message =
                format!("tag {}: adding a not null tag is not supported in timeseries table", spec.name);
            return Err(KwError::new("0A000", message));
        }
        self.add(create::tag(spec, false)?).await
    }

    /// Whether there is nothing to do since the name is taken.
    fn is_taken(&self, name: &str, if_not_exists: bool) -> Result<bool, KwError> {
        match self.def.column(name) {
            None => Ok(false),
            Some(_) if if_not_exists => Ok(true),
            Some(_) => Err(KwError::new("42701", format!("column/tag named \"{name}\" already exists"))),
        }
    }

    /// The column first; what is kept beside it needs its id.
    async fn add(&self, made: Made) -> Result<(), KwError> {
        let name = made.column.name.clone();
        self.change(TableChange::AddColumn(made.column)).await?;
        let now = names::table(self.engine, self.session, &self.name)?;
        let Some(column) = now.column(&name) else { return Ok(()) };
        for (key, value) in columns::entries(column.id, &made.options) {
            self.change(TableChange::SetOption { key, value: Some(value) }).await?;
        }
        Ok(())
    }

    async fn drop_column(&self, name: String, if_exists: bool) -> Result<(), KwError> {
        let Some(column) = self.def.column(&name) else {
            return if if_exists { Ok(()) } else { Err(no_column(&name)) };
        };
        match column.kind {
            ColumnKind::Tag => {
                let message =
                    format!("\"{name}\" is a tag, not a column, try use \"drop tag\" clause in DDL");
                Err(KwError::new("42809", message))
            }
            ColumnKind::Time => {
                Err(KwError::new("0A000", format!("cannot drop the first timestamp column {name}")))
            }
            ColumnKind::Field | ColumnKind::CompositeKey if self.def.stored_columns().count() == 1 => {
                let message = format!(
                    "cannot drop the only data column besides the timestamp column on table {}",
                    self.def.name
                );
                Err(KwError::new("0A000", message))
            }
            ColumnKind::Field | ColumnKind::CompositeKey => self.change(TableChange::DropColumn(name)).await,
        }
    }

    async fn drop_tag(&self, name: String, if_exists: bool) -> Result<(), KwError> {
        let Some(column) = self.def.column(&name).filter(|c| c.kind == ColumnKind::Tag) else {
            return if if_exists { Ok(()) } else { Err(no_tag(&name)) };
        };
        if is_primary_tag(&self.def, column) {
            return Err(KwError::new("0A000", format!("tag \"{name}\" is a primary tag")));
        }
        self.change(TableChange::DropColumn(name)).await
    }

    async fn set_type(&self, name: &str, is_tag: bool, ty: TypeSpec) -> Result<(), KwError> {
        let column = if is_tag { self.tag(name)? } else { self.column(name)? };
        if is_tag && is_primary_tag(&self.def, column) {
            let message = format!("can not alter the type of primary tag: {name}");
            return Err(KwError::new("0A000", message));
        }
        if column.kind == ColumnKind::Time {
            let message = format!("cannot alter the type of the first timestamp column {name}");
            return Err(KwError::new("0A000", message));
        }
        let from = TypeSpec::of_column(column);
        let to = create::new_type(name, is_tag, ty)?;
        if from == to {
            return Ok(());
        }
        let cannot = || KwError::new("42804", format!("column: \"{name}\": cannot convert {from} to {to}"));
        let stored = to.column_type().ok_or_else(cannot)?;
        if is_lossless_later(from.ty, to.ty) {
            let message =
                format!("column: \"{name}\": conversion of {from} to {to} is not supported by this server");
            return Err(KwError::new("0A000", message));
        }
        if !column.ty.widens_to(stored) || !is_allowed(from.ty, to.ty) {
            return Err(cannot());
        }
        let (column, declared) = (name.to_owned(), Some(to.to_string()));
        self.change(TableChange::WidenColumn { column, ty: stored, declared }).await
    }

    async fn rename(&self, to: TableName) -> Result<(), KwError> {
        let here = self.name.database.as_deref().unwrap_or(&self.session.database_name);
        if to.database.as_deref().is_some_and(|database| database != here) {
            return Err(KwError::unsupported("renaming a table into another database"));
        }
        names::check_ts_table(&to.table)?;
        let taken = TableName { database: Some(here.to_owned()), ..to.clone() };
        if self.engine.table(self.session, &taken).is_ok() {
            return Err(create::exists(&to.table));
        }
        self.change(TableChange::Rename(to.table)).await
    }

    async fn rename_column(&self, from: String, to: String, is_tag: bool) -> Result<(), KwError> {
        let column = if is_tag { self.tag(&from)? } else { self.column(&from)? };
        if is_primary_tag(&self.def, column) {
            return Err(KwError::new("0A000", format!("can not rename primary tag name: {from}")));
        }
        if column.kind == ColumnKind::Time {
            let message = format!("renaming the first timestamp column {from}");
            return Err(KwError::unsupported(&message));
        }
        names::check_ts_column(if is_tag { "ts tag" } else { "ts column" }, &to)?;
        if self.def.column(&to).is_some() {
            return Err(KwError::new("42701", format!("column/tag name \"{to}\" already exists")));
        }
        self.change(TableChange::RenameColumn { from, to }).await
    }

    /// A column that is no tag.
    fn column(&self, name: &str) -> Result<&ColumnDef, KwError> {
        let found = self.def.column(name).ok_or_else(|| no_column(name))?;
        if found.kind == ColumnKind::Tag {
            let message = format!("\"{name}\" is a tag, not a column");
            return Err(KwError::new("42809", message));
        }
        Ok(found)
    }

    fn tag(&self, name: &str) -> Result<&ColumnDef, KwError> {
        self.def.column(name).filter(|c| c.kind == ColumnKind::Tag).ok_or_else(|| no_tag(name))
    }

    async fn change(&self, change: TableChange) -> Result<(), KwError> {
        let statement = Statement::AlterTable { table: self.name.clone(), change };
        self.engine.execute(self.session, statement).await.map(|_| ()).map_err(|error| self.named(error))
    }

    fn named(&self, error: EngineError) -> KwError {
        match error.kind() {
            ErrorKind::TableNotFound => names::no_relation(&self.name),
            _ => error.into(),
        }
    }
}

fn no_column(name: &str) -> KwError {
    KwError::new("42703", format!("column \"{name}\" does not exist"))
}

fn no_tag(name: &str) -> KwError {
    KwError::new("42704", format!("tag \"{name}\" does not exist"))
}

/// Conversions of KWDB that files written before cannot be read with: their values would have to be rewritten.
fn is_lossless_later(from: KwType, to: KwType) -> bool {
    let is_number = |ty: KwType| ty.is_integer() || matches!(ty, KwType::Float4 | KwType::Float8);
    let from_float = matches!(from, KwType::Float4 | KwType::Float8);
    (from_float && to == KwType::Varchar) || (from == KwType::Varchar && is_number(to))
}

/// The pairs of sheet 10.3 beside those.
fn is_allowed(from: KwType, to: KwType) -> bool {
    if from.is_text() && to.is_text() {
        return true;
    }
    match from {
        KwType::Int2 | KwType::Int4 | KwType::Int8 => to.is_integer() || to == KwType::Varchar,
        KwType::Float4 => to == KwType::Float8,
        KwType::Varbytes => to == KwType::Varbytes,
        _ => false,
    }
}
