//! One target of an INSERT: a child table, one that is made, a normal table, or a super table with
//! `tbname` among its columns.

use std::borrow::Cow;
use std::sync::Arc;

use triglot_engine::auth::Action;
use triglot_engine::{NewChild, Relation, RowsOf, TableIn};
use triglot_model::{ColumnDef, ColumnKind};
use triglot_parse_tdengine::ast::{Ident, InsertTarget, RawValue, Row, TableName, UsingClause};
use triglot_parse_tdengine::{ParseError, ParseErrorKind};

use super::rows::{Listed, TableRows};
use super::value::{Given, Value, fault, of_column, of_raw};
use super::{Lines, Rows};
use crate::TaosError;
use crate::lower::errors;
use crate::lower::names::{database_of, engine_name};

/// What each place of a row is.
struct Places {
    /// By place of the row.
    of: Vec<Part>,
    listed: Listed,
}

#[derive(Clone, Copy)]
enum Part {
    /// The child table's name.
    Name,
    /// The time.
    Time,
    /// The column at this place of the table.
    Column(usize),
    /// The tag at this place of the table.
    Tag(usize),
}

impl Rows<'_> {
    /// Reads one target.
    pub(super) fn add(&mut self, target: &InsertTarget, lines: &Lines<'_>) -> Result<(), TaosError> {
        let names_children = target.columns.iter().flatten().any(|c| c.name == "tbname");
        if names_children {
            return self.add_by_name(target, lines);
        }
        let (at, series) = match &target.using {
            Some(using) => self.ensured_child(&target.table, using)?,
            None => self.existing(&target.table)?,
        };
        let Some(table) = self.tables.get_mut(at) else { return Ok(()) };
        let places = Places::new(table, target.columns.as_deref(), false, self.sql)?;
        let time = self.time_of(at);
        let Some(table) = self.tables.get_mut(at) else { return Ok(()) };
        for row in lines.rows {
            let given = row_values(lines.values, row);
            add_row(table, &places, given, row, lines.text, &time, &mut |_, _| Ok(series))?;
        }
        Ok(())
    }

    fn time_of(&self, at: usize) -> crate::time::TimeContext {
        match self.tables.get(at) {
            Some(table) => self.time(table),
            None => crate::time::TimeContext {
                precision: triglot_model::Precision::Milli,
                zone: self.context.zone,
                now_ns: self.now_ns,
            },
        }
    }

    /// The rows of a child or normal table that must be there.
    fn existing(&mut self, name: &TableName) -> Result<(usize, u32), TaosError> {
        let database = database_of(self.context, name)?;
        let found =
            self.engine.relation_for(&self.context.session, database, &name.table.name, Action::Insert);
        match found.map_err(errors::lookup)? {
            Relation::Super(_) => Err(TaosError::new(
                0x0200,
                "Invalid operation: INSERT INTO a super table needs tbname among its columns",
            )),
            Relation::Normal(table) => {
                let at = self.place(&table);
                self.series_at(at, &name.table.name, || Ok(RowsOf::Table))
            }
            Relation::Child(child) => {
                let at = self.place(&child.of);
                self.series_at(at, &child.name, || Ok(RowsOf::Child(child.name.clone())))
            }
        }
    }

    /// The rows of a child table that is made if it is not there.
    fn ensured_child(&mut self, name: &TableName, using: &UsingClause) -> Result<(usize, u32), TaosError> {
        let at = self.super_table(&using.table)?;
        let database = database_of(self.context, name)?;
        let Some(table) = self.tables.get(at) else { return Err(errors::no_table(&using.table.table.name)) };
        if table.table.database.name != database {
            return Err(TaosError::new(0x2618, "Corresponding super table not in this db"));
        }
        let def = Arc::clone(&table.table.def);
        let time = self.time(table);
        let of = || -> Result<RowsOf, TaosError> {
            let tags = tags_of(&def, using.tag_names.as_deref(), using.tags.len())?;
            let mut kept = Vec::with_capacity(tags.len());
            for (tag, raw) in tags.into_iter().zip(&using.tags) {
                let text = raw_tag(tag, raw, self.sql, &time)?;
                kept.extend(text.map(|text| (tag.id, text.into_boxed_str())));
            }
            Ok(RowsOf::Ensure(Box::new(NewChild {
                table: engine_name(database, &def.name),
                name: name.table.name.clone(),
                tags: kept,
                ttl: using.ttl.and_then(|ttl| u32::try_from(ttl).ok()),
                comment: using.comment.clone(),
                if_not_exists: true,
            })))
        };
        let of = of()?;
        self.series_at(at, &name.table.name, || Ok(of))
    }

    /// `INSERT INTO stb (tbname, ts, …)`.
    fn add_by_name(&mut self, target: &InsertTarget, lines: &Lines<'_>) -> Result<(), TaosError> {
        if target.using.is_some() {
            return Err(TaosError::new(0x0200, "Invalid operation: tbname together with USING"));
        }
        let at = self.super_table(&target.table)?;
        let database = database_of(self.context, &target.table)?.to_owned();
        let time = self.time_of(at);
        let Some(table) = self.tables.get_mut(at) else { return Ok(()) };
        let places = Places::new(table, target.columns.as_deref(), true, self.sql)?;
        let def = Arc::clone(&table.table.def);
        for row in lines.rows {
            let given = row_values(lines.values, row);
            let mut series = |table: &mut TableRows, name: &str| {
                table.series(name, || {
                    let mut tags = Vec::new();
                    for (part, raw) in places.of.iter().zip(given) {
                        let Part::Tag(place) = part else { continue };
                        let Some(tag) = def.columns.get(*place) else { continue };
                        let text = raw_tag(tag, raw, lines.text, &time)?;
                        tags.extend(text.map(|text| (tag.id, text.into_boxed_str())));
                    }
                    Ok(RowsOf::Ensure(Box::new(NewChild {
                        table: engine_name(&database, &def.name),
                        name: name.to_owned(),
                        tags,
                        ttl: None,
                        comment: None,
                        if_not_exists: true,
                    })))
                })
            };
            add_row(table, &places, given, row, lines.text, &time, &mut series)?;
        }
        Ok(())
    }

    /// The rows of a super table, looked up once.
    fn super_table(&mut self, name: &TableName) -> Result<usize, TaosError> {
        let database = database_of(self.context, name)?;
        let key = (database.to_owned(), name.table.name.clone());
        if let Some(at) = self.supers.get(&key) {
            return Ok(*at);
        }
        let found =
            self.engine.relation_for(&self.context.session, database, &name.table.name, Action::Insert);
        let table: TableIn = match found.map_err(errors::lookup)? {
            Relation::Super(table) => table,
            Relation::Child(_) | Relation::Normal(_) => {
                return Err(TaosError::new(
                    0x022F,
                    format!("Table is not a supertable: {}", name.table.name),
                ));
            }
        };
        if table.def.identity != triglot_model::IdentityRule::ChildName {
            return Err(TaosError::unsupported("child tables of a table whose tags are its identity"));
        }
        let at = self.place(&table);
        self.supers.insert(key, at);
        Ok(at)
    }

    fn series_at(
        &mut self,
        at: usize,
        name: &str,
        of: impl FnOnce() -> Result<RowsOf, TaosError>,
    ) -> Result<(usize, u32), TaosError> {
        let Some(table) = self.tables.get_mut(at) else { return Err(errors::no_table(name)) };
        Ok((at, table.series(name, of)?))
    }
}

impl Places {
    /// What the listed columns are; without a list all columns but tags.
    fn new(
        table: &mut TableRows,
        columns: Option<&[Ident]>,
        by_name: bool,
        sql: &str,
    ) -> Result<Self, TaosError> {
        let def = Arc::clone(&table.table.def);
        let mut of = Vec::new();
        match columns {
            None => {
                for (place, column) in def.columns.iter().enumerate() {
                    match column.kind {
                        ColumnKind::Time => of.push(Part::Time),
                        ColumnKind::Field | ColumnKind::CompositeKey => of.push(Part::Column(place)),
                        ColumnKind::Tag => {}
                    }
                }
            }
            Some(columns) => {
                for (at, ident) in columns.iter().enumerate() {
                    if columns.iter().take(at).any(|c| c.name == ident.name) {
                        return Err(fault(sql, ident.span.start, "duplicated column names"));
                    }
                    of.push(part_of(&def.columns, ident, by_name)?);
                }
            }
        }
        if !of.iter().any(|p| matches!(p, Part::Time)) {
            return Err(TaosError::new(
                0x0200,
                "Invalid operation: primary timestamp column is not specified",
            ));
        }
        let listed = |p: &Part| if let Part::Column(place) = p { Some(*place) } else { None };
        let columns: Vec<usize> = of.iter().filter_map(listed).collect();
        if let Some(key) = def.columns.iter().position(|c| c.kind == ColumnKind::CompositeKey)
            && !columns.contains(&key)
        {
            return Err(TaosError::new(0x2676, "Primary key column should not be none"));
        }
        Ok(Self { of, listed: table.list(&columns) })
    }
}

fn part_of(columns: &[ColumnDef], ident: &Ident, by_name: bool) -> Result<Part, TaosError> {
    if by_name && ident.name == "tbname" {
        return Ok(Part::Name);
    }
    let place = columns.iter().position(|c| c.name == ident.name);
    let found = place.and_then(|place| Some((place, columns.get(place)?)));
    match found.map(|(place, column)| (place, column.kind)) {
        Some((_, ColumnKind::Time)) => Ok(Part::Time),
        Some((place, ColumnKind::Field | ColumnKind::CompositeKey)) => Ok(Part::Column(place)),
        Some((place, ColumnKind::Tag)) if by_name => Ok(Part::Tag(place)),
        _ => Err(errors::no_column(&ident.name)),
    }
}

fn row_values<'v>(values: &'v [RawValue], row: &Row) -> &'v [RawValue] {
    let first = row.first as usize;
    values.get(first..first.saturating_add(row.len as usize)).unwrap_or_default()
}

/// Reads one row; `series` gives the number of its child table.
fn add_row<'t>(
    table: &mut TableRows,
    places: &Places,
    given: &[RawValue],
    row: &Row,
    sql: &'t str,
    time: &crate::time::TimeContext,
    series: &mut dyn FnMut(&mut TableRows, &str) -> Result<u32, TaosError>,
) -> Result<(), TaosError> {
    if given.len() != places.of.len() {
        return Err(TaosError::new(0x263F, "Illegal number of columns"));
    }
    let mut instant = None;
    let mut name: Cow<'t, str> = Cow::Borrowed("");
    for (part, raw) in places.of.iter().zip(given) {
        let offset = raw.span().start;
        match part {
            Part::Tag(_) => {}
            Part::Name => name = child_name(raw, sql, time)?,
            Part::Time => {
                let Some(column) = table.table.def.time_column() else { continue };
                let value = of_raw(raw, sql, true, time).and_then(|g| of_column(g, column, time));
                match value.map_err(|e| e.at(sql, offset, &column.name))? {
                    Value::Int(value) => instant = Some(value),
                    _ => return Err(fault(sql, offset, "primary timestamp should not be null")),
                }
            }
            Part::Column(place) => {
                let Some(column) = table.column(*place) else { continue };
                let is_time = matches!(column.ty, triglot_model::ColumnType::Ts(_));
                let value = of_raw(raw, sql, is_time, time).and_then(|g| of_column(g, column, time));
                let value = value.map_err(|e| e.at(sql, offset, &column.name))?;
                table.push(*place, &value)?;
            }
        }
    }
    let Some(instant) = instant else { return Err(fault(sql, row.span.start, "invalid timestamp")) };
    let series = series(table, &name)?;
    table.end_row(series, instant, &places.listed)
}

/// The name of a child table given as a value.
fn child_name<'t>(
    raw: &RawValue,
    sql: &'t str,
    time: &crate::time::TimeContext,
) -> Result<Cow<'t, str>, TaosError> {
    let offset = raw.span().start;
    match of_raw(raw, sql, false, time).map_err(|e| e.at(sql, offset, "tbname"))? {
        Given::Text(name) if name.is_empty() => Err(fault(sql, offset, "tbname is empty")),
        Given::Text(name) if name.contains('.') => Err(fault(sql, offset, "tbname can not contain '.'")),
        Given::Text(name) if name.len() > 192 => {
            Err(ParseError::new(ParseErrorKind::InvalidName(name.into_owned()), sql, offset).into())
        }
        Given::Text(name) => Ok(name),
        _ => Err(fault(sql, offset, "not supported tbname")),
    }
}

/// The tags that `given` values are for.
pub(crate) fn tags_of<'d>(
    def: &'d triglot_model::TableDef,
    names: Option<&[Ident]>,
    given: usize,
) -> Result<Vec<&'d ColumnDef>, TaosError> {
    let mut tags: Vec<&ColumnDef> = Vec::new();
    match names {
        None => tags.extend(def.tags()),
        Some(names) => {
            for ident in names {
                let tag = def.tags().find(|t| t.name == ident.name);
                let tag =
                    tag.ok_or_else(|| TaosError::new(0x260E, format!("Invalid tag name: {}", ident.name)))?;
                if tags.iter().any(|t| t.id == tag.id) {
                    return Err(TaosError::new(0x260D, "Tags number not matched"));
                }
                tags.push(tag);
            }
        }
    }
    if tags.len() == given { Ok(tags) } else { Err(TaosError::new(0x260D, "Tags number not matched")) }
}

fn raw_tag(
    tag: &ColumnDef,
    raw: &RawValue,
    sql: &str,
    time: &crate::time::TimeContext,
) -> Result<Option<String>, TaosError> {
    let is_time = matches!(tag.ty, triglot_model::ColumnType::Ts(_));
    let value = of_raw(raw, sql, is_time, time).and_then(|g| of_column(g, tag, time));
    let value = value.map_err(|e| e.at(sql, raw.span().start, &tag.name))?;
    Ok(value.tag_text(tag.ty))
}
