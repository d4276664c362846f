//! Statements about relational tables (sheet section 14.1): keyed tables of the engine, whose first column is the hidden
//! row id.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use datafusion::logical_expr::lit;
use sqlparser::ast as sql;
use triglot_engine::{
    CreateTable as EngineCreate, Engine, EngineError, NewColumn, NewIdentity, Session, Statement,
    TableChange, TableName, Update, UpdateChanges,
};
use triglot_model::{
    ColumnId, ColumnKind, ColumnType, KEYED_OPTION, KeyedDef, Precision, TableDef, UniqueKey,
};

use super::dml::errors;
use super::dml::value::{Target, ValueContext, scalar};
use super::{defaults, names};
use crate::KwError;
use crate::ast::{AlterAction, AlterTable, ColumnSpec, Constraint, CreateTable};
use crate::columns::{self, ColumnOptions};
use crate::parse::values::single;
use crate::types::{KwType, TypeSpec};

/// The hidden column's name, if no column has it.
const ROW_ID: &str = "rowid";
/// The name of the primary key's constraint.
const PRIMARY: &str = "primary";
const MAX_COLUMNS: usize = 4_095;

/// CREATE TABLE in a relational database, whose name is free.
pub(super) async fn create(engine: &Engine, session: &Session, create: CreateTable) -> Result<(), KwError> {
    if create.is_temporary {
        return Err(KwError::unsupported("a temporary table"));
    }
    if create.columns.is_empty() || create.columns.len() > MAX_COLUMNS {
        return Err(KwError::new("42601", format!("a table has 1 to {MAX_COLUMNS} columns")));
    }
    let mut table = NewTable::new(&create);
    for column in &create.columns {
        table.add(column)?;
    }
    for constraint in &create.constraints {
        table.constrain(constraint, None)?;
    }
    let mut options = table.options();
    options.extend(create.comment.map(|text| (columns::table::COMMENT.to_owned(), text)));
    let statement = Statement::CreateTable(EngineCreate {
        table: create.table,
        if_not_exists: create.if_not_exists,
        identity: NewIdentity::AllTags,
        columns: table.columns,
        options,
    });
    engine.execute(session, statement).await?;
    Ok(())
}

/// A table while its definition is read.
struct NewTable {
    columns: Vec<NewColumn>,
    /// Of each column, the row id's included.
    options_of: Vec<ColumnOptions>,
    primary: Option<Vec<ColumnId>>,
    unique: Vec<UniqueKey>,
    table: String,
}

impl NewTable {
    fn new(create: &CreateTable) -> Self {
        let taken: HashSet<&str> = create.columns.iter().map(|c| c.name.as_str()).collect();
        let mut name = ROW_ID.to_owned();
        while taken.contains(name.as_str()) {
            name.push('_');
        }
        let row_id = NewColumn {
            name,
            ty: ColumnType::Ts(Precision::Nano),
            kind: ColumnKind::Time,
            declared: None,
            codec: None,
        };
        Self {
            columns: vec![row_id],
            options_of: vec![ColumnOptions::default()],
            primary: None,
            unique: Vec::new(),
            table: create.table.table.clone(),
        }
    }

    fn add(&mut self, spec: &ColumnSpec) -> Result<(), KwError> {
        if self.columns.iter().skip(1).any(|c| c.name == spec.name) {
            return Err(KwError::new("42701", format!("duplicate column name: \"{}\"", spec.name)));
        }
        let (column, options) = column(spec)?;
        let id = self.next_id();
        self.columns.push(column);
        self.options_of.push(options);
        for constraint in &spec.constraints {
            self.constrain(constraint, Some(id))?;
        }
        Ok(())
    }

    fn next_id(&self) -> ColumnId {
        // Ids are given in the order of the columns, from 0.
        ColumnId(u32::try_from(self.columns.len()).unwrap_or(u32::MAX))
    }

    /// A constraint behind the column `of`, or of the table.
    fn constrain(&mut self, constraint: &Constraint, of: Option<ColumnId>) -> Result<(), KwError> {
        match constraint {
            Constraint::PrimaryKey(names) => {
                let columns = self.ids(names, of)?;
                if self.primary.is_some() {
                    let message =
                        format!("multiple primary keys for table \"{}\" are not allowed", self.table);
                    return Err(KwError::new("42P16", message));
                }
                self.primary = Some(columns);
            }
            Constraint::Unique(names) => {
                let columns = self.ids(names, of)?;
                let named = columns.iter().map(|id| self.name(*id)).collect::<Vec<_>>().join("_");
                let name = format!("{}_{named}_key", self.table);
                self.unique.push(UniqueKey { name, columns });
            }
            Constraint::Check(_) => return Err(KwError::unsupported("a check constraint")),
            Constraint::References => return Err(KwError::unsupported("a foreign key")),
            Constraint::Computed => return Err(KwError::unsupported("a computed column")),
        }
        Ok(())
    }

    fn name(&self, id: ColumnId) -> &str {
        self.columns.get(id.0 as usize).map_or("", |c| c.name.as_str())
    }

    fn ids(&self, names: &[String], of: Option<ColumnId>) -> Result<Vec<ColumnId>, KwError> {
        if names.is_empty() {
            return of.map(|id| vec![id]).ok_or_else(|| KwError::syntax("KEY"));
        }
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let at = self.columns.iter().skip(1).position(|c| c.name == *name).map(|at| at + 1);
            let id = at.and_then(|at| u32::try_from(at).ok()).map(ColumnId);
            let id = id.ok_or_else(|| errors::no_column(name))?;
            if found.contains(&id) {
                let message = format!("index \"{PRIMARY}\" contains duplicate column \"{name}\"");
                return Err(KwError::new("42701", message));
            }
            found.push(id);
        }
        Ok(found)
    }

    /// The options of the table: its keys, and what its columns were declared with.
    fn options(&mut self) -> BTreeMap<String, String> {
        let primary = self.primary.take();
        for id in primary.iter().flatten() {
            if let Some(options) = self.options_of.get_mut(id.0 as usize) {
                options.not_null = true;
            }
        }
        let required = (0..).zip(&self.options_of).filter(|(_, o)| o.not_null).map(|(id, _)| ColumnId(id));
        let primary = primary.map(|columns| UniqueKey { name: PRIMARY.to_owned(), columns });
        let keyed = KeyedDef {
            required: required.collect(),
            unique: primary.into_iter().chain(self.unique.drain(..)).collect(),
        };
        let mut options = BTreeMap::from([(KEYED_OPTION.to_owned(), keyed.to_option())]);
        for (id, of) in (0..).zip(&self.options_of) {
            options.extend(columns::entries(ColumnId(id), of));
        }
        options
    }
}

/// A column and what is kept beside it.
fn column(spec: &ColumnSpec) -> Result<(NewColumn, ColumnOptions), KwError> {
    let refused = || KwError::unsupported(&format!("column {}: type {}", spec.name, spec.ty));
    if matches!(spec.ty.ty, KwType::Time | KwType::Interval | KwType::Unknown) {
        return Err(refused());
    }
    let mut ty = spec.ty;
    if ty.ty.is_timestamp() && ty.width.is_none() {
        // PostgreSQL's default.
        ty.width = Some(6);
    }
    if spec.is_serial && ty.ty != KwType::Int8 {
        return Err(KwError::unsupported(&format!("column {}: SERIAL narrower than INT8", spec.name)));
    }
    let stored = ty.column_type().ok_or_else(refused)?;
    let default = match &spec.default {
        _ if spec.is_serial => Some("unique_rowid()".to_owned()),
        None => None,
        Some(expr) => default_text(&spec.name, ty.ty, expr)?,
    };
    let options = ColumnOptions {
        not_null: spec.nullable == Some(false) || spec.is_serial,
        default,
        comment: spec.comment.clone(),
    };
    let column = NewColumn {
        name: spec.name.clone(),
        ty: stored,
        kind: ColumnKind::Field,
        declared: Some(ty.to_string()),
        codec: None,
    };
    Ok((column, options))
}

/// A default: a constant, `now()`, or one of the calls that make something new for each row.
fn default_text(name: &str, ty: KwType, expr: &sql::Expr) -> Result<Option<String>, KwError> {
    if let sql::Expr::Function(call) = expr {
        match call.name.to_string().to_ascii_lowercase().as_str() {
            "unique_rowid" if ty == KwType::Int8 => return Ok(Some("unique_rowid()".to_owned())),
            "gen_random_uuid" | "uuid_v4" if ty == KwType::Uuid => {
                return Ok(Some("gen_random_uuid()".to_owned()));
            }
            _ => {}
        }
    }
    defaults::text(name, ty, expr)
}

/// ALTER TABLE of a relational table; actions take effect one after the other.
pub(super) async fn alter(
    engine: &Engine,
    session: &Session,
    def: &Arc<TableDef>,
    alter: AlterTable,
) -> Result<(), KwError> {
    let mut target = Altered { engine, session, name: alter.table, def: Arc::clone(def) };
    for action in alter.actions {
        target.run(action).await?;
        target.def = names::table(engine, session, &target.name)?;
    }
    Ok(())
}

/// The table that is changed.
struct Altered<'a> {
    engine: &'a Engine,
    session: &'a Session,
    name: TableName,
    def: Arc<TableDef>,
}

impl Altered<'_> {
    async fn run(&mut self, action: AlterAction) -> Result<(), KwError> {
        match action {
            AlterAction::AddColumn { column, if_not_exists } => self.add(&column, if_not_exists).await,
            AlterAction::DropColumn { name, if_exists } => match self.id_of(&name) {
                Err(_) if if_exists => Ok(()),
                Err(error) => Err(error),
                Ok(_) => self.change(TableChange::DropColumn(name)).await,
            },
            AlterAction::RenameColumn { from, to } => {
                self.id_of(&from)?;
                if self.def.column(&to).is_some() {
                    return Err(exists(&to, &self.def.name));
                }
                self.change(TableChange::RenameColumn { from, to }).await
            }
            AlterAction::Rename { to } => {
                if to.database.as_ref().is_some_and(|d| Some(d) != self.name.database.as_ref()) {
                    return Err(KwError::unsupported("RENAME TO another database"));
                }
                self.change(TableChange::Rename(to.table.clone())).await?;
                self.name.table = to.table;
                Ok(())
            }
            AlterAction::SetDefault { name, default } => {
                let column = self.id_of(&name)?;
                let ty = self.def.column_by_id(column).map_or(KwType::Unknown, |c| TypeSpec::of_column(c).ty);
                let value = match &default {
                    Some(expr) => default_text(&name, ty, expr)?,
                    None => None,
                };
                self.change(TableChange::SetOption { key: columns::default_key(column), value }).await
            }
            AlterAction::SetColumnType { .. } => {
                Err(KwError::unsupported("ALTER COLUMN TYPE of a relational table"))
            }
            AlterAction::SetNotNull { .. } => Err(KwError::unsupported("SET NOT NULL of an existing column")),
            AlterAction::Constraint(_) => Err(KwError::unsupported("ADD CONSTRAINT to an existing table")),
            AlterAction::AddTag { .. }
            | AlterAction::DropTag { .. }
            | AlterAction::SetTagType { .. }
            | AlterAction::RenameTag { .. }
            | AlterAction::SetRetentions(_)
            | AlterAction::NoOp(_) => {
                let message = format!("\"{}\" is not a timeseries table", self.def.name);
                Err(KwError::new("42809", message))
            }
        }
    }

    /// The id of a column that is shown.
    fn id_of(&self, name: &str) -> Result<ColumnId, KwError> {
        let column = self.def.column(name).filter(|c| c.kind != ColumnKind::Time);
        column.map(|c| c.id).ok_or_else(|| errors::no_column(name))
    }

    /// Rows that are there get the default, like those that come.
    async fn add(&self, spec: &ColumnSpec, if_not_exists: bool) -> Result<(), KwError> {
        if self.def.column(&spec.name).is_some() {
            return if if_not_exists { Ok(()) } else { Err(exists(&spec.name, &self.def.name)) };
        }
        let (column, options) = column(spec)?;
        if !spec.constraints.is_empty() || spec.is_serial {
            return Err(KwError::unsupported("ADD COLUMN with a constraint or SERIAL"));
        }
        if options.not_null {
            return Err(KwError::unsupported("ADD COLUMN … NOT NULL"));
        }
        let target = Target { name: spec.name.clone(), ty: column.ty, spec: TypeSpec::of_stored(column.ty) };
        let values = ValueContext {
            zone: chrono_tz::Tz::UTC,
            now_ns: self.engine.clock().now_ns(),
            max_bytes: self.engine.limits().max_value_bytes,
        };
        let default = match options.default.as_deref() {
            Some(text) => {
                let given =
                    single(text).ok_or_else(|| KwError::unsupported("ADD COLUMN with this default"))?;
                scalar(&target.convert(given, &values)?, column.ty)
            }
            None => None,
        };
        let name = column.name.clone();
        self.change(TableChange::AddColumn(column)).await?;
        let now = names::table(self.engine, self.session, &self.name)?;
        let Some(made) = now.column(&name) else { return Ok(()) };
        for (key, value) in columns::entries(made.id, &options) {
            self.change(TableChange::SetOption { key, value: Some(value) }).await?;
        }
        if let Some(default) = default {
            let changes = UpdateChanges::Fields(vec![(name, lit(default))]);
            let update = Update { table: self.name.clone(), changes, filter: None };
            let done = self.engine.execute(self.session, Statement::Update(update)).await;
            done.map_err(|e| errors::of(e, &self.name))?;
        }
        Ok(())
    }

    async fn change(&self, change: TableChange) -> Result<(), KwError> {
        let statement = Statement::AlterTable { table: self.name.clone(), change };
        match self.engine.execute(self.session, statement).await {
            Ok(_) => Ok(()),
            Err(error @ EngineError::KeyColumn { .. }) => Err(errors::of(error, &self.name)),
            Err(error) => Err(error.into()),
        }
    }
}

fn exists(column: &str, table: &str) -> KwError {
    KwError::new("42701", format!("column \"{column}\" of relation \"{table}\" already exists"))
}

/// TRUNCATE of a relational table.
pub(super) async fn truncate(engine: &Engine, session: &Session, table: TableName) -> Result<(), KwError> {
    let statement = Statement::Delete { table: table.clone(), filter: None };
    let emptied = engine.execute(session, statement).await;
    emptied.map(|_| ()).map_err(|e| errors::of(e, &table))
}
