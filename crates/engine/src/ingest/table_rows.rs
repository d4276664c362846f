//! The rows of one table while a request is being read.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use triglot_model::limits::Limits;
use triglot_model::{ColumnDef, ColumnKind, ColumnType, Precision, ShardId, Sid, TableDef};

use super::column::{ColumnBuilder, Refused};
use super::error::{ColumnShape, IngestError};
use super::series_cache::{KnownSeries, RawKey};
use super::value::{Class, FieldValue};

/// Rows with their series. Those of known series stand by shard, so that they need not be told apart later.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// The keys of the series.
    pub(super) keys: Vec<RawKey>,
    pub(super) series: PartSeries,
    /// For each row the place of its series.
    pub(super) row_series: Vec<u32>,
    pub(super) times: Vec<i64>,
    /// By field; those that are not there have no value.
    pub(super) values: Vec<ColumnBuilder>,
}

impl Part {
    /// The values of a field.
    #[inline]
    fn values_of(&mut self, at: usize, fields: &[PendingField]) -> Option<&mut ColumnBuilder> {
        if self.values.len() <= at {
            let missing = fields.get(self.values.len()..=at)?;
            self.values.extend(missing.iter().map(|field| ColumnBuilder::new(field.class)));
        }
        self.values.get_mut(at)
    }
}

/// The series of a part.
#[derive(Debug)]
pub(super) enum PartSeries {
    /// By their tags: (position in [`TableRows::tags`], value). They may be new, and in any shard.
    Tags(Vec<Vec<(usize, Box<str>)>>),
    /// By id, in one shard.
    Known(ShardId, Vec<Sid>),
}

impl Default for PartSeries {
    fn default() -> Self {
        Self::Tags(Vec::new())
    }
}

/// Where the rows of a series go: into this part of its table, as this one of the part's series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    part: usize,
    series: u32,
}

/// A field that occurs in the request.
#[derive(Debug)]
pub(super) struct PendingField {
    pub(super) name: Box<str>,
    /// The table's type, or that of the first value where the column is new.
    pub(super) ty: ColumnType,
    /// Whether the table has it.
    pub(super) exists: bool,
    class: Class,
}

/// What a table's times are, in its own unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// The unit.
    pub(super) precision: Precision,
    /// The length of a time bucket.
    pub(super) bucket: i64,
    /// Rows before this are past the retention.
    pub(super) horizon: i64,
}

/// All rows of one table.
#[derive(Debug)]
pub(super) struct TableRows {
    pub(super) name: String,
    /// None: the table is to be made.
    pub(super) def: Option<Arc<TableDef>>,
    /// The epochs, by shard, at which cached series hold.
    pub(super) epochs: Vec<u64>,
    /// Names of tags that occur, and whether the table has them.
    pub(super) tags: Vec<(Box<str>, bool)>,
    tag_index: HashMap<Box<str>, usize>,
    pub(super) fields: Vec<PendingField>,
    field_index: HashMap<Box<str>, usize>,
    /// Where the next field is expected: behind the one before, since rows tend to look alike.
    cursor: usize,
    /// First the rows of series by tags, then those of known ones by shard.
    pub(super) parts: Vec<Part>,
    pub(super) span: Span,
    /// The times of the bucket of the row before.
    last_bucket: Range<i64>,
    buckets: HashSet<i64>,
}

impl TableRows {
    pub(super) fn new(name: &str, def: Option<Arc<TableDef>>, epochs: Vec<u64>, span: Span) -> Self {
        Self {
            name: name.to_owned(),
            def,
            epochs,
            tags: Vec::new(),
            tag_index: HashMap::new(),
            fields: Vec::new(),
            field_index: HashMap::new(),
            cursor: 0,
            parts: vec![Part::default()],
            span,
            last_bucket: 0..0,
            buckets: HashSet::new(),
        }
    }

    /// Rows that are complete.
    pub(super) fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.times.len()).sum()
    }

    /// Adds a series by its tags.
    pub(super) fn add_series(&mut self, key: RawKey, tags: Vec<(usize, Box<str>)>) -> Option<Place> {
        let Part { keys, series: PartSeries::Tags(all), .. } = self.parts.first_mut()? else { return None };
        let series = u32::try_from(all.len()).ok()?;
        all.push(tags);
        keys.push(key);
        Some(Place { part: 0, series })
    }

    /// Adds a series that is known, if it is there as it was.
    #[inline]
    pub(super) fn add_known(&mut self, key: RawKey, known: KnownSeries) -> Option<Place> {
        let shard = usize::from(known.shard.0);
        if self.epochs.get(shard) != Some(&known.epoch) {
            return None;
        }
        let part = 1 + shard;
        while self.parts.len() <= part {
            // No more parts than there are epochs: one for each shard.
            let shard = ShardId(u16::try_from(self.parts.len() - 1).ok()?);
            let series = PartSeries::Known(shard, Vec::new());
            self.parts.push(Part { series, ..Part::default() });
        }
        let Part { keys, series: PartSeries::Known(_, sids), .. } = self.parts.get_mut(part)? else {
            return None;
        };
        let series = u32::try_from(sids.len()).ok()?;
        sids.push(known.sid);
        keys.push(key);
        Some(Place { part, series })
    }

    /// The key of a series.
    pub(super) fn key(&self, place: Place) -> Option<RawKey> {
        self.parts.get(place.part)?.keys.get(place.series as usize).copied()
    }

    /// The position of a tag, noted down if it is new to the request.
    pub(super) fn tag(&mut self, name: &str, create: bool, limits: &Limits) -> Result<usize, IngestError> {
        if let Some(at) = self.tag_index.get(name) {
            return Ok(*at);
        }
        self.check_columns(limits)?;
        let exists = match self.known_column(name) {
            Some(column) if column.kind == ColumnKind::Tag => true,
            Some(column) => return Err(self.conflict(name, ColumnShape::Tag, shape(column), false)),
            None => match self.field_index.get(name).and_then(|at| self.fields.get(*at)) {
                Some(field) => {
                    return Err(self.conflict(name, ColumnShape::Tag, ColumnShape::Field(field.ty), true));
                }
                None if !create => return Err(self.missing(name)),
                None => false,
            },
        };
        let at = self.tags.len();
        self.tags.push((name.into(), exists));
        self.tag_index.insert(name.into(), at);
        Ok(at)
    }

    /// Gives the row that is being read a value. The first of several values for one field stays.
    #[inline]
    pub(super) fn field(
        &mut self,
        place: Place,
        name: &str,
        value: FieldValue<'_>,
        create: bool,
        limits: &Limits,
    ) -> Result<(), IngestError> {
        let at = match self.fields.get(self.cursor) {
            Some(expected) if *expected.name == *name => self.cursor,
            _ => match self.field_index.get(name) {
                Some(at) => *at,
                None => self.add_field(name, &value, create, limits)?,
            },
        };
        self.cursor = at + 1;
        let (Some(field), Some(part)) = (self.fields.get(at), self.parts.get_mut(place.part)) else {
            return Err(IngestError::NoRow);
        };
        let row = part.times.len();
        let (ty, exists) = (field.ty, field.exists);
        let Some(values) = part.values_of(at, &self.fields) else { return Err(IngestError::NoRow) };
        if values.len() > row {
            return Ok(());
        }
        let bytes = match value {
            FieldValue::Str(s) => s.len(),
            FieldValue::Bytes(b) => b.len(),
            _ => 0,
        };
        if bytes > limits.max_value_bytes {
            return Err(self.too_long(name, limits.max_value_bytes));
        }
        values.push(row, value, ty).map_err(|refused| match refused {
            Refused::Class => {
                let found = ColumnShape::Field(value.column_type());
                self.conflict(name, found, ColumnShape::Field(ty), !exists)
            }
            Refused::Range => {
                IngestError::OutOfRange { table: self.name.clone(), column: name.to_owned(), ty }
            }
            Refused::Length { max } => self.too_long(name, max as usize),
            Refused::TooMuch => self.too_long(name, i32::MAX as usize),
        })
    }

    #[cold]
    fn add_field(
        &mut self,
        name: &str,
        value: &FieldValue<'_>,
        create: bool,
        limits: &Limits,
    ) -> Result<usize, IngestError> {
        self.check_columns(limits)?;
        let found = ColumnShape::Field(value.column_type());
        let (ty, exists) = match self.known_column(name) {
            Some(column) if matches!(column.kind, ColumnKind::Field | ColumnKind::CompositeKey) => {
                (column.ty, true)
            }
            Some(column) => return Err(self.conflict(name, found, shape(column), false)),
            None if self.def.is_none() && name == self.time_name() => {
                return Err(self.conflict(name, found, ColumnShape::Time, true));
            }
            None if self.tag_index.contains_key(name) => {
                return Err(self.conflict(name, found, ColumnShape::Tag, true));
            }
            None if !create => return Err(self.missing(name)),
            None => (value.column_type(), false),
        };
        // Types that only typed inserts can write clash with every value.
        let class = Class::of(ty).filter(|class| *class == value.class());
        let Some(class) = class else {
            return Err(self.conflict(name, found, ColumnShape::Field(ty), false));
        };
        let at = self.fields.len();
        self.fields.push(PendingField { name: name.into(), ty, exists, class });
        self.field_index.insert(name.into(), at);
        Ok(at)
    }

    /// Refuses one more column than tables have, so that no row costs more than it can ever be worth.
    fn check_columns(&self, limits: &Limits) -> Result<(), IngestError> {
        let limit = limits.max_columns;
        if self.tags.len() + self.fields.len() < limit {
            return Ok(());
        }
        Err(IngestError::Limit { table: self.name.clone(), what: "columns", limit })
    }

    /// Ends the row that is being read.
    #[inline]
    pub(super) fn end_row(&mut self, place: Place, time: i64, limits: &Limits) -> Result<(), IngestError> {
        if !self.last_bucket.contains(&time) {
            self.enter_bucket(time, limits)?;
        }
        let Some(part) = self.parts.get_mut(place.part) else { return Err(IngestError::NoRow) };
        let row = part.times.len();
        // The cursor moved if there was a field at all.
        if self.cursor == 0 || !part.values.iter().any(|values| values.len() > row) {
            return Err(IngestError::NoField { table: self.name.clone() });
        }
        self.cursor = 0;
        part.times.push(time);
        part.row_series.push(place.series);
        Ok(())
    }

    /// Takes note of the bucket of a row that is not in that of the row before.
    #[cold]
    fn enter_bucket(&mut self, time: i64, limits: &Limits) -> Result<(), IngestError> {
        let length = self.span.bucket.max(1);
        let bucket = time.div_euclid(length);
        let start = bucket.saturating_mul(length);
        self.last_bucket = start..bucket.saturating_add(1).saturating_mul(length);
        self.buckets.insert(bucket);
        if self.buckets.len() > limits.max_buckets_per_request {
            let limit = limits.max_buckets_per_request;
            return Err(IngestError::Limit { table: self.name.clone(), what: "time buckets", limit });
        }
        Ok(())
    }

    /// Forgets the row that is being read.
    pub(super) fn abandon_row(&mut self, place: Place) {
        self.cursor = 0;
        let Some(Part { times, values, .. }) = self.parts.get_mut(place.part) else { return };
        values.iter_mut().for_each(|values| values.truncate(times.len()));
    }

    /// The name of the time column of tables that are made on the fly.
    pub(super) fn time_name(&self) -> &str {
        self.def.as_ref().and_then(|d| d.time_column()).map_or("time", |c| &c.name)
    }

    fn known_column(&self, name: &str) -> Option<&ColumnDef> {
        self.def.as_ref().and_then(|d| d.column(name))
    }

    fn conflict(
        &self,
        column: &str,
        found: ColumnShape,
        expected: ColumnShape,
        within_request: bool,
    ) -> IngestError {
        let (table, column) = (self.name.clone(), column.to_owned());
        IngestError::TypeConflict { table, column, found, expected, within_request }
    }

    fn missing(&self, column: &str) -> IngestError {
        if self.def.is_none() {
            return IngestError::TableNotFound { table: self.name.clone() };
        }
        IngestError::ColumnNotFound { table: self.name.clone(), column: column.to_owned() }
    }

    fn too_long(&self, column: &str, max: usize) -> IngestError {
        IngestError::TooLong { table: self.name.clone(), column: column.to_owned(), max }
    }
}

fn shape(column: &ColumnDef) -> ColumnShape {
    match column.kind {
        ColumnKind::Time => ColumnShape::Time,
        ColumnKind::Tag => ColumnShape::Tag,
        ColumnKind::Field | ColumnKind::CompositeKey => ColumnShape::Field(column.ty),
    }
}
