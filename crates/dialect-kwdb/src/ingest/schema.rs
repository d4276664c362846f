//! What a table has, and what it needs so that points go into it: definitions in KWDB's SQL, run like a user's own, so that
//! rights, limits and messages are those of statements.

use std::borrow::Cow;
use std::collections::HashMap;

use triglot_model::{ColumnKind, ColumnType, LengthUnit, TableDef};
use triglot_sql_kwdb::{check_limits, check_ts_column};

use super::value::{Misfit, Value};
use super::{Point, Style};

/// The time column of tables that are made.
const TIME: &str = "k_timestamp";
/// The generated tag, which is the primary tag of tables that are made.
pub(super) const PRIMARY_TAG: &str = "primary_tag";
/// The width of VARCHAR without a declared one.
const DEFAULT_WIDTH: u32 = 254;

/// A table as it is, and as it has to be.
#[derive(Debug)]
pub(super) struct Shape {
    columns: HashMap<String, Known>,
    /// New columns, as they were first seen.
    added: Vec<String>,
    /// Columns that have to become wider, as was first seen.
    widened: Vec<String>,
    exists: bool,
    /// How many columns, time included, and how many tags.
    counts: Counts,
    style: Style,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    columns: usize,
    tags: usize,
}

impl Counts {
    fn add(&mut self, kind: ColumnKind) {
        *(if is_tag(kind) { &mut self.tags } else { &mut self.columns }) += 1;
    }
}

#[derive(Clone, Copy, Debug)]
struct Known {
    kind: ColumnKind,
    ty: ColumnType,
}

/// A definition that the points need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The statement.
    pub(super) sql: String,
    /// The column that it is about, none = the whole table.
    column: Option<String>,
}

impl Change {
    /// Whether a point cannot be written without it.
    pub(super) fn concerns(&self, point: &Point<'_>, shape: &Shape) -> bool {
        let Some(column) = &self.column else { return true };
        let named = point.tags.iter().chain(&point.fields);
        named.into_iter().any(|(name, _)| shape.name_of(name) == *column)
    }
}

impl Shape {
    pub(super) fn of(def: Option<&TableDef>, style: Style) -> Self {
        let mut columns = HashMap::new();
        let mut counts = Counts::default();
        let mut know = |name: &str, kind, ty| {
            counts.add(kind);
            columns.insert(name.to_owned(), Known { kind, ty });
        };
        match def {
            Some(def) => {
                for column in &def.columns {
                    know(&column.name, column.kind, column.ty);
                }
            }
            None => {
                let precision = if style.digits == 3 {
                    triglot_model::Precision::Milli
                } else {
                    triglot_model::Precision::Nano
                };
                know(TIME, ColumnKind::Time, ColumnType::Ts(precision));
                know(PRIMARY_TAG, ColumnKind::Tag, ColumnType::TEXT);
            }
        }
        Self { columns, added: Vec::new(), widened: Vec::new(), exists: def.is_some(), counts, style }
    }

    /// The name by which the table has, or will have, what a point calls `name`.
    pub(super) fn name_of<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.style.folds && !self.columns.contains_key(name) {
            let lower = name.to_lowercase();
            if self.columns.contains_key(&lower) {
                return Cow::Owned(lower);
            }
        }
        Cow::Borrowed(name)
    }

    /// Notes down what a point needs.
    ///
    /// # Errors
    /// The server's text: the point does not go into the table, and nothing was noted down.
    pub(super) fn learn(&mut self, point: &Point<'_>) -> Result<(), String> {
        let (mut added, mut widened) = (Vec::new(), Vec::new());
        let mut counts = self.counts;
        let tags = point.tags.iter().map(|named| (named, ColumnKind::Tag));
        let fields = point.fields.iter().map(|named| (named, ColumnKind::Field));
        for ((name, value), kind) in fields.chain(tags) {
            let name = self.name_of(name);
            let Some(known) = self.columns.get(&*name) else {
                let clash = added.iter().any(|(other, _): &(String, Known)| *other == name);
                if clash {
                    return Err(format!("pq: multiple assignments to the same column \"{name}\""));
                }
                // Here, and not by the definition that would make it: that one is of other points, too.
                counts.add(kind);
                let what = if is_tag(kind) { "ts tag" } else { "ts column" };
                check_ts_column(what, &name)
                    .and_then(|()| check_limits(counts.columns, counts.tags))
                    .map_err(|error| format!("pq: {}", error.message))?;
                let known = Known { kind, ty: self.new_type(&name, value)? };
                added.push((name.into_owned(), known));
                continue;
            };
            if is_tag(known.kind) != is_tag(kind) || known.kind == ColumnKind::Time {
                let (is, wanted) = (word(known.kind), word(kind));
                return Err(format!("pq: \"{name}\" is a {is}, not a {wanted}"));
            }
            match misfit(&name, value, *known) {
                None => {}
                Some(Misfit::TooLong(length)) => {
                    widened.push((name.into_owned(), self.wider(*known, length, value)?));
                }
                Some(Misfit::Never(text)) => return Err(format!("pq: {text}")),
            }
        }
        self.counts = counts;
        for (name, known) in added {
            self.columns.insert(name.clone(), known);
            self.added.push(name);
        }
        for (name, ty) in widened {
            if let Some(known) = self.columns.get_mut(&name) {
                known.ty = ty;
            }
            if !self.added.contains(&name) && !self.widened.contains(&name) {
                self.widened.push(name);
            }
        }
        Ok(())
    }

    /// The type of a column that is made for a value.
    fn new_type(&self, name: &str, value: &Value<'_>) -> Result<ColumnType, String> {
        let ty = match value {
            Value::Bool(_) => ColumnType::Bool,
            Value::I64(_) | Value::U64(_) => ColumnType::I64,
            Value::F64(_) => ColumnType::F64,
            Value::Text(text) => {
                let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
                ColumnType::Str { max: Some(length.max(DEFAULT_WIDTH)), unit: LengthUnit::Bytes }
            }
        };
        match value.cell(name, ty) {
            Err(Misfit::Never(text)) => Err(format!("pq: {text}")),
            _ => Ok(ty),
        }
    }

    /// The type that takes a longer text.
    fn wider(&self, known: Known, length: u32, value: &Value<'_>) -> Result<ColumnType, String> {
        match known.ty {
            ColumnType::Str { unit, .. } => Ok(ColumnType::Str { max: Some(length), unit }),
            _ => Err(format!("pq: value of {length} bytes is too long: {value:?}")),
        }
    }

    /// The definitions that make the table as it has to be, in the order in which they are run.
    pub(super) fn changes(&self, table: &str) -> Vec<Change> {
        let table = quoted(table);
        if !self.exists {
            return vec![Change { sql: self.create(&table), column: None }];
        }
        let mut changes = Vec::new();
        for name in &self.added {
            let Some(known) = self.columns.get(name) else { continue };
            let what = if is_tag(known.kind) { "TAG" } else { "COLUMN" };
            let sql = format!("ALTER TABLE {table} ADD {what} {} {}", quoted(name), type_text(known.ty));
            changes.push(Change { sql, column: Some(name.clone()) });
        }
        for name in &self.widened {
            let Some(known) = self.columns.get(name) else { continue };
            let what = if is_tag(known.kind) { "TAG" } else { "COLUMN" };
            let sql =
                format!("ALTER TABLE {table} ALTER {what} {} TYPE {}", quoted(name), type_text(known.ty));
            changes.push(Change { sql, column: Some(name.clone()) });
        }
        changes
    }

    fn create(&self, table: &str) -> String {
        let of = |kind: fn(ColumnKind) -> bool| {
            self.added.iter().filter_map(move |name| {
                let known = self.columns.get(name)?;
                kind(known.kind).then(|| format!(", {} {}", quoted(name), type_text(known.ty)))
            })
        };
        let not_null = if self.style.is_not_null { " NOT NULL" } else { "" };
        let fields: String = of(|kind| !is_tag(kind)).map(|field| field + not_null).collect();
        let tags: String = of(is_tag).collect();
        format!(
            "CREATE TABLE {table} ({TIME} timestamptz({}) NOT NULL{fields}) \
             TAGS ({PRIMARY_TAG} varchar NOT NULL{tags}) PRIMARY TAGS ({PRIMARY_TAG})",
            self.style.digits
        )
    }
}

fn misfit(name: &str, value: &Value<'_>, known: Known) -> Option<Misfit> {
    if is_tag(known.kind) { value.tag(name, known.ty).err() } else { value.cell(name, known.ty).err() }
}

fn is_tag(kind: ColumnKind) -> bool {
    kind == ColumnKind::Tag
}

fn word(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Tag => "tag",
        ColumnKind::Time => "timestamp column",
        ColumnKind::Field | ColumnKind::CompositeKey => "column",
    }
}

/// Of the types that columns are made with and widened to.
fn type_text(ty: ColumnType) -> String {
    match ty {
        ColumnType::Bool => "bool".to_owned(),
        ColumnType::I64 => "int8".to_owned(),
        ColumnType::F64 => "float8".to_owned(),
        ColumnType::Str { max: Some(n), unit: LengthUnit::Chars } => format!("nvarchar({n})"),
        ColumnType::Str { max: Some(n), .. } => format!("varchar({n})"),
        _ => "varchar".to_owned(),
    }
}

/// A name as SQL writes it, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::super::time::Instant;
    use super::*;

    const STYLE: Style = Style { digits: 9, is_not_null: false, folds: false };

    fn point<'a>(tags: &[(&'a str, &'a str)], fields: &[(&'a str, Value<'a>)]) -> Point<'a> {
        Point {
            table: Cow::Borrowed("m"),
            tags: tags.iter().map(|(k, v)| (Cow::Borrowed(*k), Value::Text(Cow::Borrowed(*v)))).collect(),
            fields: fields.iter().map(|(k, v)| (Cow::Borrowed(*k), v.clone())).collect(),
            time: Instant::Now,
            primary_tag: "".into(),
        }
    }

    #[test]
    fn a_table_is_made_as_the_sheet_says() {
        let mut shape = Shape::of(None, STYLE);
        shape.learn(&point(&[("host", "a")], &[("F\"1", Value::F64(1.0)), ("n", Value::I64(1))])).unwrap();
        shape
            .learn(&point(&[("rack", "b")], &[("b", Value::Bool(true)), ("s", Value::Text("x".into()))]))
            .unwrap();
        let changes = shape.changes("m");
        assert_eq!(changes.len(), 1);
        assert_eq!(
            changes[0].sql,
            "CREATE TABLE \"m\" (k_timestamp timestamptz(9) NOT NULL, \"F\"\"1\" float8, \"n\" int8, \"b\" bool, \
             \"s\" varchar(254)) TAGS (primary_tag varchar NOT NULL, \"host\" varchar(254), \"rack\" varchar(254)) \
             PRIMARY TAGS (primary_tag)"
        );
        let opentsdb = Style { digits: 3, is_not_null: true, folds: false };
        let mut shape = Shape::of(None, opentsdb);
        shape.learn(&point(&[], &[("value", Value::F64(1.0))])).unwrap();
        assert!(shape.changes("m")[0].sql.contains("timestamptz(3) NOT NULL, \"value\" float8 NOT NULL)"));
    }

    #[test]
    fn a_point_that_does_not_fit_leaves_nothing_behind() {
        let mut shape = Shape::of(None, STYLE);
        shape.learn(&point(&[], &[("f", Value::F64(1.0))])).unwrap();
        let clash = point(&[], &[("new", Value::I64(1)), ("f", Value::Text("x".into()))]);
        assert_eq!(
            shape.learn(&clash),
            Err("pq: could not resolve \"x\" as FLOAT8 type (column f)".to_owned())
        );
        assert!(!shape.changes("m")[0].sql.contains("new"));
        let as_tag = point(&[("f", "x")], &[("g", Value::I64(1))]);
        assert_eq!(shape.learn(&as_tag), Err("pq: \"f\" is a column, not a tag".to_owned()));
    }

    #[test]
    fn longer_texts_make_wider_columns() {
        let mut shape = Shape::of(None, STYLE);
        let long = "x".repeat(300);
        shape.learn(&point(&[("t", "a")], &[("s", Value::Text("x".into()))])).unwrap();
        shape.learn(&point(&[("t", &long)], &[("s", Value::Text(long.as_str().into()))])).unwrap();
        let sql = &shape.changes("m")[0].sql;
        assert!(sql.contains("\"s\" varchar(300)") && sql.contains("\"t\" varchar(300)"), "{sql}");
    }
}
