//! `ins_databases`.

use std::sync::Arc;

use triglot_model::DatabaseDef;

use super::columns::Column;
use super::{INFORMATION_TABLES, PERFORMANCE_TABLES, View};
use crate::lower::OptionsOf;
use crate::lower::names::SYSTEM_DATABASES;

impl View<'_> {
    /// How many child and normal tables a database has.
    pub(super) fn table_count(&self, database: &Arc<DatabaseDef>) -> i64 {
        let (supers, normals) = self.tables(database);
        let children: usize = supers.iter().map(|t| self.engine.child_count(t)).sum();
        i64::try_from(children + normals.len()).unwrap_or(i64::MAX)
    }

    pub(super) fn ins_databases(&self) -> Vec<Column> {
        let databases = self.databases();
        let counts: Vec<i64> = databases.iter().map(|d| self.table_count(d)).collect();
        // System databases come first; of most things they have none.
        let system = SYSTEM_DATABASES.len();
        let none = |n: usize| std::iter::repeat_n((), n);
        let text = |name: &'static str, length| {
            let of = databases.iter().map(|d| Some(OptionsOf(d).get(name)));
            (name, length, none(system).map(|()| None).chain(of).collect::<Vec<Option<String>>>())
        };
        let number = |name: &'static str| {
            let of = databases.iter().map(|d| Some(OptionsOf(d).number(name)));
            none(system).map(|()| None).chain(of).collect::<Vec<Option<i64>>>()
        };
        let int = |name: &'static str| {
            Column::int(name, number(name).into_iter().map(|n| n.and_then(|n| i32::try_from(n).ok())))
        };
        let small = |name: &'static str| {
            Column::small(name, number(name).into_iter().map(|n| n.and_then(|n| i16::try_from(n).ok())))
        };
        let tiny = |name: &'static str| {
            Column::tiny(name, number(name).into_iter().map(|n| n.and_then(|n| i8::try_from(n).ok())))
        };
        let texts = |(name, length, values): (&'static str, u32, Vec<Option<String>>)| {
            Column::text(name, length, values)
        };
        let names = SYSTEM_DATABASES.iter().copied().chain(databases.iter().map(|d| d.name.as_str()));
        let created = none(system).map(|()| None).chain(databases.iter().map(|d| OptionsOf(d).created_ms()));
        let system_counts = [INFORMATION_TABLES.len() as i64, PERFORMANCE_TABLES.len() as i64];
        let single = number("single_stable").into_iter().map(|n| n.map(|n| n == 1));
        vec![
            Column::text("name", 64, names.map(Some)),
            Column::time("create_time", created),
            int("vgroups"),
            Column::big("ntables", system_counts.into_iter().chain(counts).map(Some)),
            tiny("replica"),
            texts(text("strict", 4)),
            texts(text("duration", 10)),
            texts(text("keep", 32)),
            int("buffer"),
            int("pagesize"),
            int("pages"),
            int("minrows"),
            int("maxrows"),
            tiny("comp"),
            texts(text("precision", 2)),
            Column::text("status", 10, none(system + databases.len()).map(|()| Some("ready"))),
            texts(text("retentions", 60)),
            Column::boolean("single_stable", single),
            texts(text("cachemodel", 11)),
            int("cachesize"),
            tiny("wal_level"),
            int("wal_fsync_period"),
            int("wal_retention_period"),
            Column::big("wal_retention_size", number("wal_retention_size")),
            small("stt_trigger"),
            small("table_prefix"),
            small("table_suffix"),
            int("tsdb_pagesize"),
            int("keep_time_offset"),
            int("s3_chunkpages"),
            texts(text("s3_keeplocal", 10)),
            tiny("s3_compact"),
            tiny("with_arbitrator"),
            texts(text("encrypt_algorithm", 16)),
            texts(text("compact_interval", 16)),
            texts(text("compact_time_range", 64)),
            texts(text("compact_time_offset", 16)),
        ]
    }
}
