//! Where the values of an INSERT go: columns and tags by the order in which they are written.

use std::sync::Arc;

use triglot_engine::auth::Action;
use triglot_engine::{Engine, Relation, TableIn, TableName, Value};
use triglot_model::{ColumnDef, ColumnId, ColumnKind, TableDef};

use super::errors;
use super::value::{Target, ValueContext};
use crate::columns::column_options;
use crate::parse::values::{Given, single};
use crate::types::{KwType, TypeSpec};
use crate::{Context, KwError};

/// The table of a statement.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A table of series: rows find theirs by their tags.
    Series(TableIn),
    /// One series of such a table, which other dialects call a child table.
    Child { of: TableIn, name: String },
    /// A relational table.
    Keyed(TableIn),
}

impl Place {
    /// Finds the table that `name` means for a user who wants to do this to its rows.
    pub(super) fn find(
        engine: &Engine,
        context: &Context,
        name: &TableName,
        action: Action,
    ) -> Result<Self, KwError> {
        let database = name.database.as_deref().unwrap_or(&context.session.database_name);
        let relation = engine.relation_for(&context.session, database, &name.table, action);
        Ok(match relation.map_err(|e| errors::of(e, name))? {
            Relation::Super(table) | Relation::Normal(table) if table.def.is_keyed() => Self::Keyed(table),
            Relation::Super(table) | Relation::Normal(table) => Self::Series(table),
            Relation::Child(child) => Self::Child { of: child.of, name: child.name },
        })
    }

    pub(super) fn table(&self) -> &TableIn {
        match self {
            Self::Series(table) | Self::Keyed(table) | Self::Child { of: table, .. } => table,
        }
    }
}

/// A column that rows have values for.
#[derive(Clone, Debug)]
pub(super) struct TargetColumn {
    pub(super) id: ColumnId,
    pub(super) kind: ColumnKind,
    pub(super) target: Target,
    pub(super) not_null: bool,
    /// What it gets where a row gives it nothing or DEFAULT.
    pub(super) default: Filler,
}

/// A column's default.
#[derive(Clone, Debug)]
pub(super) enum Filler {
    /// The same for all rows of the statement.
    Value(Value<'static>),
    /// A number that no other row has.
    UniqueNumber,
    /// A random UUID.
    Uuid,
}

/// The columns of an INSERT.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    /// All columns that rows can have values for: columns, then tags, in the table's order.
    pub(super) columns: Vec<TargetColumn>,
    /// For each value of a row its place among [`Self::columns`].
    pub(super) listed: Vec<usize>,
    /// The columns that the statement does not name.
    pub(super) others: Vec<usize>,
}

impl Targets {
    /// The columns `written`, all of them without a list.
    pub(super) fn new(
        place: &Place,
        written: Option<&[String]>,
        values: &ValueContext,
    ) -> Result<Self, KwError> {
        let def = &place.table().def;
        let columns = columns_of(place, def, values)?;
        let listed = match written {
            None => (0..columns.len()).collect(),
            Some(names) => {
                let mut listed: Vec<usize> = Vec::with_capacity(names.len());
                for name in names {
                    let at = columns.iter().position(|c| c.target.name == *name);
                    let at = at.ok_or_else(|| errors::no_column(name))?;
                    if listed.contains(&at) {
                        let message = format!("multiple assignments to the same column \"{name}\"");
                        return Err(KwError::new("42601", message));
                    }
                    listed.push(at);
                }
                listed
            }
        };
        let others: Vec<usize> = (0..columns.len()).filter(|at| !listed.contains(at)).collect();
        for column in others.iter().filter_map(|at| columns.get(*at)) {
            if column.not_null && matches!(column.default, Filler::Value(Value::Null)) {
                return Err(errors::null_column(&column.target.name));
            }
        }
        Ok(Self { columns, listed, others })
    }

    /// Refuses a row, counted from 1, of another number of values.
    pub(super) fn check_width(&self, row: usize, values: usize) -> Result<(), KwError> {
        let targets = self.listed.len();
        let what = match values.cmp(&targets) {
            std::cmp::Ordering::Equal => return Ok(()),
            std::cmp::Ordering::Greater => "more expressions than target columns",
            std::cmp::Ordering::Less => "more target columns than expressions",
        };
        let message = format!("insert (row {row}) has {what}, {values} expressions for {targets} targets");
        Err(KwError::new("42601", message))
    }

    /// The place of the time column among the values of a row.
    pub(super) fn time(&self) -> Option<usize> {
        let is_time = |at: &usize| self.columns.get(*at).is_some_and(|c| c.kind == ColumnKind::Time);
        self.listed.iter().position(is_time)
    }
}

impl TargetColumn {
    /// A given value of this column.
    pub(super) fn value<'t>(
        &self,
        engine: &Engine,
        given: Given<'t>,
        values: &ValueContext,
    ) -> Result<Value<'t>, KwError> {
        let value = match given {
            Given::Default => self.default_value(engine),
            given => self.target.convert(given, values)?,
        };
        if self.not_null && value == Value::Null {
            return Err(errors::null_column(&self.target.name));
        }
        Ok(value)
    }

    /// What the column gets by default.
    pub(super) fn default_value<'t>(&self, engine: &Engine) -> Value<'t> {
        match &self.default {
            Filler::Value(value) => value.clone(),
            Filler::UniqueNumber => Value::Int(engine.unique_number()),
            Filler::Uuid => Value::Text(random_uuid().into()),
        }
    }
}

fn columns_of(
    place: &Place,
    def: &Arc<TableDef>,
    values: &ValueContext,
) -> Result<Vec<TargetColumn>, KwError> {
    let is_tag = |c: &&ColumnDef| c.kind == ColumnKind::Tag;
    let is_shown = |c: &&ColumnDef| match place {
        Place::Keyed(_) => c.kind != ColumnKind::Time,
        Place::Child { .. } => c.kind != ColumnKind::Tag,
        Place::Series(_) => true,
    };
    let ordered = def.columns.iter().filter(|c| !is_tag(c)).chain(def.tags());
    ordered.filter(is_shown).map(|column| target_column(def, column, values)).collect()
}

/// A column with its type and what it was declared with.
pub(super) fn target_column(
    def: &TableDef,
    column: &ColumnDef,
    values: &ValueContext,
) -> Result<TargetColumn, KwError> {
    let options = column_options(def, column);
    let mut spec = TypeSpec::of_column(column);
    if column.kind == ColumnKind::Time && spec.ty == KwType::Timestamp {
        spec.ty = KwType::TimestampTz;
    }
    if spec.ty.is_timestamp() && spec.width.is_none() {
        spec.width = TypeSpec::of_stored(column.ty).width;
    }
    let target = Target { name: column.name.clone(), ty: column.ty, spec };
    let default = match options.default.as_deref() {
        None => Filler::Value(Value::Null),
        Some("unique_rowid()") => Filler::UniqueNumber,
        Some("gen_random_uuid()") => Filler::Uuid,
        Some(text) => {
            let unreadable =
                || KwError::new("42P10", format!("the default of column \"{}\" is no constant", column.name));
            let given = single(text).ok_or_else(unreadable)?;
            Filler::Value(owned(target.convert(given, values)?))
        }
    };
    let is_key = column.kind == ColumnKind::CompositeKey;
    Ok(TargetColumn {
        id: column.id,
        kind: column.kind,
        target,
        not_null: options.not_null || is_key,
        default,
    })
}

/// The same value on its own.
pub(super) fn owned(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Null => Value::Null,
        Value::Bool(v) => Value::Bool(v),
        Value::Int(v) => Value::Int(v),
        Value::UInt(v) => Value::UInt(v),
        Value::Float(v) => Value::Float(v),
        Value::Decimal(v) => Value::Decimal(v),
        Value::Text(v) => Value::Text(v.into_owned().into()),
        Value::Bytes(v) => Value::Bytes(v.into_owned().into()),
    }
}

/// A UUID of version 4.
fn random_uuid() -> String {
    let n = (rand::random::<u128>() & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
    let digits = format!("{n:032x}");
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
