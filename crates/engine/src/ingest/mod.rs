//! Ingest: rows in, schema on write, columnar batches out.
//!
//! A [`Batcher`] takes the rows of one request one value at a time and keeps them as columns.
//! Nothing is stored, and no table or column made, before [`Batcher::commit`].

mod absent;
mod apart;
mod column;
mod commit;
mod error;
mod geometry;
mod insert;
mod overwrite;
mod rows;
mod series_cache;
mod split;
mod table_rows;
mod typed;
mod value;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use triglot_auth::{Action, Object, Principal, allow};
use triglot_catalog::CatalogSnapshot;
use triglot_model::{DatabaseDef, Precision, TableDef, TableId, TimestampOverflow};

pub(crate) use apart::RecentTimes;
pub use apart::Record;
pub(crate) use commit::{series_key, store};
pub use error::{ColumnShape, IngestError};
pub(crate) use insert::{cast, check_values, insert as insert_batches};
pub(crate) use overwrite::overwrite;
pub(crate) use rows::write_series_rows;
pub use rows::{RowsOf, SeriesRows};
pub(crate) use series_cache::SeriesCache;
pub use series_cache::{KnownSeries, RawKey, RecallRoom, Recalled};
pub(crate) use split::{Assembled, Resolved};
pub use typed::{TypedColumn, Value};
pub use value::FieldValue;

use crate::Engine;
use apart::Apart;
use series_cache::PassThrough;
use table_rows::{Place, Span, TableRows};

/// The reading of raw keys by a [`Batcher`]: table and tags as they stand.
const TAGS_ALONE: u64 = 0;

/// How the rows of a request are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestOptions {
    /// The unit of the given timestamps.
    pub precision: Precision,
    /// The time of rows without one, in `precision` units.
    pub default_time: i64,
    /// Whether tables and columns that do not exist are made.
    pub create: bool,
}

/// The rows of one request on their way into storage.
#[derive(Debug)]
pub struct Batcher {
    engine: Engine,
    catalog: Arc<CatalogSnapshot>,
    database: Arc<DatabaseDef>,
    options: IngestOptions,
    tables: Vec<TableRows>,
    by_name: HashMap<String, usize>,
    by_id: HashMap<TableId, usize, PassThrough>,
    /// Series of this request: table and place in it.
    seen: HashMap<RawKey, (usize, Place), PassThrough>,
    /// The row that is being read: table and series.
    current: Option<(usize, Place)>,
    /// The series of the row before.
    last: Option<(usize, Place)>,
    apart: Apart,
    rows: u64,
    /// Whose rights are looked up for each table; none = he may write everywhere in the database.
    writer: Option<Principal>,
}

/// What a commit stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Rows.
    pub rows: u64,
}

impl Batcher {
    pub(crate) fn new(
        engine: Engine,
        catalog: Arc<CatalogSnapshot>,
        database: Arc<DatabaseDef>,
        options: IngestOptions,
        writer: Option<Principal>,
    ) -> Self {
        let apart = Apart::new(Arc::clone(engine.recent_times()));
        Self {
            engine,
            catalog,
            database,
            options,
            tables: Vec::new(),
            by_name: HashMap::new(),
            by_id: HashMap::default(),
            seen: HashMap::default(),
            current: None,
            last: None,
            apart,
            rows: 0,
            writer,
        }
    }

    /// Rows that are complete.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Begins a row of the series that `raw_key` stands for, if it is known: written before in this
    /// request or lately in another. `raw_key` is whatever bytes determine table and tags in the
    /// sender's format (line protocol: `measurement,tag=value…` as it stands).
    #[inline]
    pub fn begin_known(&mut self, raw_key: &[u8]) -> bool {
        let key = self.engine.series_cache().key(self.database.id, TAGS_ALONE, raw_key);
        self.begin_key(key)
    }

    /// Looks up many series at once, in the order of the keys: a fraction of what one look-up after the other
    /// takes. For formats that name each series once a request; see [`Batcher::begin_recalled`]. `room` is used again
    /// by the next one: some hundred keys at a time stay in the processor's caches.
    pub fn recall<'k, 'r>(
        &self,
        raw_keys: impl Iterator<Item = &'k [u8]>,
        room: &'r mut RecallRoom,
    ) -> &'r [Option<Recalled>] {
        let cache = self.engine.series_cache();
        cache.get_all(raw_keys.map(|raw| cache.key(self.database.id, TAGS_ALONE, raw)), room)
    }

    /// Begins a row of a series of [`Batcher::recall`], if what was recalled still holds. Call it once for a
    /// series, and [`Batcher::begin_again`] for its further rows.
    #[inline]
    pub fn begin_recalled(&mut self, recalled: Recalled) -> bool {
        self.abandon_row();
        self.current = self.add_known(recalled.key, recalled.series);
        self.current.is_some()
    }

    /// Begins another row of the series of the row before; false if there is none.
    #[inline]
    pub fn begin_again(&mut self) -> bool {
        self.abandon_row();
        self.current = self.last;
        self.current.is_some()
    }

    #[inline]
    fn begin_key(&mut self, key: RawKey) -> bool {
        self.abandon_row();
        self.current = match self.seen.get(&key) {
            Some(found) => Some(*found),
            None => self.recall_one(key),
        };
        self.current.is_some()
    }

    /// Forgets a row that was begun and not ended: it was refused half-way.
    #[inline]
    fn abandon_row(&mut self) {
        if let Some((table, place)) = self.current.take()
            && let Some(rows) = self.tables.get_mut(table)
        {
            rows.abandon_row(place);
        }
    }

    /// Begins a row of the series with these tags of this table. The first of several values for
    /// one tag stays. An empty value is a value.
    ///
    /// # Errors
    /// A tag whose name is a field's or the time column's; a table or tag that does not exist and
    /// is not to be made.
    pub fn begin<'t>(
        &mut self,
        table: &str,
        raw_key: &[u8],
        tags: impl IntoIterator<Item = (Cow<'t, str>, Cow<'t, str>)>,
    ) -> Result<(), IngestError> {
        let key = self.engine.series_cache().key(self.database.id, TAGS_ALONE, raw_key);
        if self.begin_key(key) {
            return Ok(());
        }
        let at = self.table_by_name(table)?;
        let limits = self.engine.limits();
        let create = self.options.create;
        let Some(rows) = self.tables.get_mut(at) else { return Err(IngestError::NoRow) };
        let mut values: Vec<(usize, Box<str>)> = Vec::new();
        for (name, value) in tags {
            if name == rows.time_name() {
                let (table, column) = (rows.name.clone(), name.into_owned());
                let (found, expected) = (ColumnShape::Tag, ColumnShape::Time);
                return Err(IngestError::TypeConflict {
                    table,
                    column,
                    found,
                    expected,
                    within_request: true,
                });
            }
            if value.len() > limits.max_tag_bytes {
                let (table, column) = (rows.name.clone(), name.into_owned());
                return Err(IngestError::TooLong { table, column, max: limits.max_tag_bytes });
            }
            let tag = rows.tag(&name, create, limits)?;
            if values.iter().all(|(other, _)| *other != tag) {
                values.push((tag, value.into()));
            }
        }
        // By id if it is there: rows of a series stay in their order whichever way it is written.
        let place = match find_series(&self.engine, &self.database, rows, &values) {
            Some(known) => {
                self.engine.series_cache().put(key, known);
                rows.add_known(key, known)
            }
            None => None,
        };
        let place = place.or_else(|| rows.add_series(key, values)).ok_or(IngestError::NoRow)?;
        self.seen.insert(key, (at, place));
        self.current = Some((at, place));
        Ok(())
    }

    /// Gives the row a value. The first of several values for one field stays.
    ///
    /// # Errors
    /// A value that does not suit the column; a column that does not exist and is not to be made.
    #[inline]
    pub fn field(&mut self, name: &str, value: FieldValue<'_>) -> Result<(), IngestError> {
        let Some((table, place)) = self.current else { return Err(IngestError::NoRow) };
        let Some(rows) = self.tables.get_mut(table) else { return Err(IngestError::NoRow) };
        rows.field(place, name, value, self.options.create, self.engine.limits())
    }

    /// Ends the row.
    ///
    /// # Errors
    /// A row without fields, a time that does not fit or is past the retention. The row is then
    /// forgotten, and the next may begin.
    #[inline]
    pub fn end_row(&mut self, time: Option<i64>) -> Result<(), IngestError> {
        self.end(time, None)
    }

    /// Ends the row of a record that no other one may replace, as those of logs: if another record of its series that
    /// ended in this way has its time, in this or lately in another request, it gets the next instant that is free, in the
    /// table's precision. The same request once more gives the same instants, if rows have times.
    ///
    /// # Errors
    /// As [`Self::end_row`]; the instants up to the last possible one are taken.
    pub fn end_row_apart(&mut self, time: Option<i64>, record: Record<'_>) -> Result<(), IngestError> {
        self.end(time, Some(record))
    }

    fn end(&mut self, time: Option<i64>, record: Option<Record<'_>>) -> Result<(), IngestError> {
        let Some((table, place)) = self.current else { return Err(IngestError::NoRow) };
        let ended = self.end_row_of(table, place, time, record);
        if ended.is_err()
            && let Some(rows) = self.tables.get_mut(table)
        {
            rows.abandon_row(place);
        }
        self.last = self.current.take();
        ended
    }

    fn end_row_of(
        &mut self,
        table: usize,
        place: Place,
        time: Option<i64>,
        record: Option<Record<'_>>,
    ) -> Result<(), IngestError> {
        let Some(rows) = self.tables.get_mut(table) else { return Err(IngestError::NoRow) };
        let given = time.unwrap_or(self.options.default_time);
        let precision = rows.span.precision;
        let mut time = self.options.precision.convert(given, precision)?;
        if let Some(record) = record {
            let none_left = TimestampOverflow { value: time, from: precision, to: precision };
            let key = rows.key(place).ok_or(IngestError::NoRow)?;
            time = self.apart.take(key, time, record).ok_or(IngestError::Timestamp(none_left))?;
        }
        if time < rows.span.horizon {
            return Err(IngestError::Expired { table: rows.name.clone(), time });
        }
        rows.end_row(place, time, self.engine.limits())?;
        self.rows += 1;
        Ok(())
    }

    /// A series from the cache, if what the cache says still holds.
    fn recall_one(&mut self, key: RawKey) -> Option<(usize, Place)> {
        let known = self.engine.series_cache().get(key)?;
        let found = self.add_known(key, known)?;
        self.seen.insert(key, found);
        Some(found)
    }

    /// Adds a series that is known, if it is there as it was.
    #[inline]
    fn add_known(&mut self, key: RawKey, known: KnownSeries) -> Option<(usize, Place)> {
        let table = match self.by_id.get(&known.table) {
            Some(at) => *at,
            None => {
                let def = Arc::clone(self.catalog.table_by_id(known.table)?);
                if def.database != self.database.id || self.check_writer(Some(&def)).is_err() {
                    return None;
                }
                self.add_table(Some(def), "")
            }
        };
        Some((table, self.tables.get_mut(table)?.add_known(key, known)?))
    }

    fn table_by_name(&mut self, name: &str) -> Result<usize, IngestError> {
        match self.by_name.get(name) {
            Some(at) => Ok(*at),
            None => {
                let def = self.catalog.table(self.database.id, name).cloned();
                if def.is_none() && !self.options.create {
                    return Err(IngestError::TableNotFound { table: name.to_owned() });
                }
                self.check_writer(def.as_deref())?;
                Ok(self.add_table(def, name))
            }
        }
    }

    /// Whether rows may be added to a table, or (none) a new one be made.
    fn check_writer(&self, table: Option<&TableDef>) -> Result<(), IngestError> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let (action, object) = match table {
            Some(def) => (Action::Insert, Object::Table(self.database.id, def.id)),
            None => (Action::Create, Object::Database(self.database.id)),
        };
        Ok(allow(&self.catalog, writer, action, object)?)
    }

    fn add_table(&mut self, def: Option<Arc<TableDef>>, name: &str) -> usize {
        let at = self.tables.len();
        let name = def.as_ref().map_or(name, |d| &d.name).to_owned();
        let epochs = match &def {
            Some(def) => {
                self.by_id.insert(def.id, at);
                self.engine.series_epochs(def.id)
            }
            None => Vec::new(),
        };
        // What a table is made with here is its database's.
        let (precision, retention) = match &def {
            Some(def) => (def.precision(), def.retention_ns(&self.database)),
            None => (self.database.precision, self.database.retention_ns),
        };
        let now = precision.from_ns(self.engine.clock().now_ns());
        let span = Span {
            precision,
            bucket: precision.from_ns(self.database.bucket_ns()),
            horizon: retention.map_or(i64::MIN, |ns| now.saturating_sub(precision.from_ns(ns))),
        };
        self.tables.push(TableRows::new(&name, def, epochs, span));
        self.by_name.insert(name, at);
        at
    }
}

/// A series by its tags (positions in the table's list, and values), if the table has it.
fn find_series(
    engine: &Engine,
    database: &DatabaseDef,
    rows: &TableRows,
    values: &[(usize, Box<str>)],
) -> Option<KnownSeries> {
    let def = rows.def.as_ref()?;
    let tag = |(at, value): &(usize, Box<str>)| {
        let (name, _) = rows.tags.get(*at)?;
        Some((def.column(name)?.id, value.clone()))
    };
    // With a tag that the table lacks it is a new one.
    let tags: Option<Vec<_>> = values.iter().map(tag).collect();
    let key = series_key(def, tags?).ok()?;
    let located = engine.storage().locate_series(&engine.table_meta(def, database), &[key]).ok()?;
    let (shard, sid) = *located.first()?;
    let epoch = *rows.epochs.get(usize::from(shard.0))?;
    Some(KnownSeries { table: def.id, shard, sid: sid?, epoch })
}
