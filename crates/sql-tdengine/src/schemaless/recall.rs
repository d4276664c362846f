//! Series of former requests, by the bytes that stood for them: a known one needs neither tags nor a name.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use triglot_engine::catalog::CatalogSnapshot;
use triglot_engine::{Engine, KnownSeries, RawKey};
use triglot_model::{DatabaseId, IdentityRule, TableDef};

use super::Options;

/// What the engine remembers of a database's series.
#[derive(Debug)]
pub(super) struct Recall<'a> {
    engine: &'a Engine,
    catalog: Arc<CatalogSnapshot>,
    database: DatabaseId,
    /// Child tables are named by our rule, or by a tag.
    reading: u64,
    /// Whether what is remembered counts; else it is only renewed.
    may_recall: bool,
}

impl<'a> Recall<'a> {
    pub(super) fn new(engine: &'a Engine, database: DatabaseId, options: &Options, may_recall: bool) -> Self {
        let reading =
            BuildHasherDefault::<DefaultHasher>::default().hash_one(("child names", &options.name_tag));
        Self { engine, catalog: engine.catalog(), database, reading, may_recall }
    }

    pub(super) fn key(&self, raw: &[u8]) -> RawKey {
        self.engine.raw_key(self.database, self.reading, raw)
    }

    /// The series and its table.
    pub(super) fn series(&self, key: RawKey) -> Option<(KnownSeries, Arc<TableDef>)> {
        let known = self.may_recall.then(|| self.engine.known_series(key))??;
        let table = self.catalog.table_by_id(known.table())?;
        let is_ours = table.database == self.database && table.identity == IdentityRule::ChildName;
        is_ours.then(|| (known, Arc::clone(table)))
    }
}
