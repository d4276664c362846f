//! The names that a select block can use: its sources, their columns and pseudo columns.

use std::rc::Rc;

use datafusion::logical_expr::{Expr, lit};
use triglot_parse_tdengine::ast::Ident;

use super::bounds::{TimeBounds, timestamp};
use super::errors;
use crate::typed::{FunctionEnv, Request, Typed};
use crate::{TaosError, TaosType};

/// The part that a column plays in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The primary timestamp.
    Time,
    /// The second part of a composite key: it orders the rows of one time.
    Key,
    /// A value.
    Value,
    /// A tag of the child table that a row belongs to.
    Tag,
}

/// A column of a source.
#[derive(Clone, Debug)]
pub(super) struct SourceColumn {
    /// The name in SQL.
    pub(super) name: String,
    /// Its value over the source's plan.
    pub(super) value: Typed,
    /// Its part.
    pub(super) role: Role,
}

/// What a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SourceKind {
    /// A super table: the rows of many children.
    Super,
    /// A child table or a normal table: rows in the order of time.
    Table,
    /// A subquery or a view.
    Query,
    /// A table of `information_schema` or `performance_schema`.
    System,
}

/// One item of FROM.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Its alias, or the table's name.
    pub(super) name: Option<String>,
    /// What it is.
    pub(super) kind: SourceKind,
    /// Its columns in the order of `*`.
    pub(super) columns: Vec<SourceColumn>,
    /// The child table's name.
    pub(super) child: Option<Typed>,
}

impl Source {
    /// The primary timestamp.
    pub(super) fn time(&self) -> Option<&Typed> {
        self.columns.iter().find(|c| c.role == Role::Time).map(|c| &c.value)
    }

    /// Whether its rows are those of tables, whose list can be asked.
    pub(super) fn has_children(&self) -> bool {
        matches!(self.kind, SourceKind::Super | SourceKind::Table)
    }

    fn column(&self, name: &str) -> Result<Option<&SourceColumn>, TaosError> {
        let mut found = self.columns.iter().filter(|c| c.name == name);
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(errors::ambiguous(name)),
            (first, _) => Ok(first),
        }
    }
}

/// All sources of a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// In the order of FROM.
    pub(super) sources: Vec<Source>,
    /// `a, b`: that timestamps be equal must be said in WHERE.
    pub(super) waits_for_condition: bool,
    /// Whether rows are those of a window join, whose aggregates are over the matches of each kept row.
    pub(super) row_of_window_join: bool,
    /// `_qstart` and `_qend`, once WHERE is known.
    pub(super) bounds: Option<QueryBounds>,
}

/// The bounds of time of one request.
#[derive(Clone, Debug)]
pub(super) struct QueryBounds {
    start: Typed,
    end: Typed,
    request: Rc<Request>,
}

impl QueryBounds {
    /// They get into the plan.
    fn read(&self) -> &Self {
        self.request.read();
        self
    }
}

/// Columns that are the same for the whole query: the bounds of time.
pub(super) const QUERY_COLUMNS: [&str; 2] = ["_qstart", "_qend"];

/// Columns that windows give.
pub(super) const WINDOW_COLUMNS: [&str; 3] = ["_wstart", "_wend", "_wduration"];

impl Scope {
    /// The primary timestamp: that of the first source.
    pub(super) fn time(&self) -> Option<&Typed> {
        self.sources.first().and_then(Source::time)
    }

    /// What orders rows: their time, and the second part of a composite key; empty without a time.
    pub(super) fn order(&self) -> Vec<Expr> {
        let source = self.sources.first();
        let of = |role| source.and_then(|s| s.columns.iter().find(move |c| c.role == role));
        let Some(time) = of(Role::Time) else { return Vec::new() };
        [Some(time), of(Role::Key)].into_iter().flatten().map(|c| c.value.expr.clone()).collect()
    }

    /// The only source, unless it is a join.
    pub(super) fn single(&self) -> Option<&Source> {
        match self.sources.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Whether rows of several child tables come together.
    pub(super) fn is_super(&self) -> bool {
        self.single().is_some_and(|s| s.kind == SourceKind::Super)
    }

    /// The source of this name or alias.
    ///
    /// # Errors
    /// 0x2603.
    pub(super) fn source(&self, name: &str) -> Result<&Source, TaosError> {
        let found = self.sources.iter().find(|s| s.name.as_deref() == Some(name));
        found.ok_or_else(|| errors::no_table(name))
    }

    /// The column that `[table.]name` means, pseudo columns of rows included.
    ///
    /// # Errors
    /// 0x2602 no such column, 0x2603 no such table, 0x2604 several columns, 0x2646 and 0x264C pseudo columns
    /// of a source without them.
    pub(super) fn column(&self, table: Option<&Ident>, name: &Ident) -> Result<Typed, TaosError> {
        let sources: &[Source] = match table {
            Some(table) => std::slice::from_ref(self.source(&table.name)?),
            None => &self.sources,
        };
        let mut found = None;
        for source in sources {
            if let Some(column) = source.column(&name.name)? {
                if found.is_some() {
                    return Err(errors::ambiguous(&name.name));
                }
                found = Some(column.value.clone());
            }
        }
        match found {
            Some(value) => Ok(value),
            None => match (&self.bounds, name.name.as_str()) {
                (Some(bounds), "_qstart") => Ok(bounds.read().start.clone()),
                (Some(bounds), "_qend") => Ok(bounds.read().end.clone()),
                _ => Self::pseudo_column(sources, &name.name),
            },
        }
    }

    /// Tells the bounds of time, in units of `env.precision`; open ones are the ends of what a timestamp can hold.
    pub(super) fn set_bounds(&mut self, bounds: TimeBounds, env: &FunctionEnv) {
        let at = |time: i64| Typed::fixed(lit(timestamp(env.precision, time)), TaosType::Timestamp);
        let (start, end) = (bounds.start.unwrap_or(i64::MIN), bounds.end.unwrap_or(i64::MAX));
        self.bounds = Some(QueryBounds { start: at(start), end: at(end), request: Rc::clone(&env.request) });
    }

    fn pseudo_column(sources: &[Source], name: &str) -> Result<Typed, TaosError> {
        let Some(first) = sources.first() else { return Err(errors::no_column(name)) };
        match name {
            "tbname" if sources.len() > 1 => Err(errors::ambiguous(name)),
            "tbname" => first.child.clone().ok_or_else(errors::child_name),
            "_c0" | "_rowts" => first.time().cloned().ok_or_else(errors::row_time),
            _ if WINDOW_COLUMNS.contains(&name) => Err(errors::window_column()),
            _ => Err(errors::no_column(name)),
        }
    }

    /// Whether `value` is a tag, or the child's name, of some source.
    pub(super) fn is_of_child(&self, value: &Typed) -> bool {
        self.sources.iter().any(|s| {
            s.child.as_ref().is_some_and(|c| c.expr == value.expr)
                || s.columns.iter().any(|c| c.role == Role::Tag && c.value.expr == value.expr)
        })
    }

    /// Whether `value` is a child table's name.
    pub(super) fn is_child_name(&self, value: &Typed) -> bool {
        self.sources.iter().any(|s| s.child.as_ref().is_some_and(|c| c.expr == value.expr))
    }
}
