//! Series of former requests, by the bytes that stood for them: a known one needs neither tags nor a name.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use triglot_engine::catalog::CatalogSnapshot;
use triglot_engine::{Engine, KnownSeries, RawKey, RecallRoom, Recalled};
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
    pub(super) may_recall: bool,
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

    pub(super) fn series(&self, key: RawKey) -> Option<KnownSeries> {
        self.may_recall.then(|| self.engine.known_series(key)).flatten()
    }

    /// Those of many keys, in their order.
    pub(super) fn all<'k, 'r>(
        &self,
        raw_keys: impl Iterator<Item = &'k [u8]>,
        room: &'r mut RecallRoom,
    ) -> &'r [Option<Recalled>] {
        self.engine.all_known_series(raw_keys.map(|raw| self.key(raw)), room)
    }

    /// The table of a series, if it is one whose child tables are named here.
    pub(super) fn table(&self, series: KnownSeries) -> Option<&TableDef> {
        let table = self.catalog.table_by_id(series.table())?;
        let is_ours = table.database == self.database && table.identity == IdentityRule::ChildName;
        is_ours.then_some(&**table)
    }
}
