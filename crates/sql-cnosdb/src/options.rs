//! The options of a database: how they are kept, and how DESCRIBE DATABASE shows them.
//!
//! What the engine acts on (precision, retention, partition) is in the definition itself; the rest
//! is kept as text in [`DatabaseDef::options`] under the names below and only echoed, except
//! `strict_write`, which `/api/v1/write` obeys. A database that another dialect made has none of
//! them and shows CnosDB's defaults.

use std::collections::BTreeMap;

use triglot_model::{DatabaseDef, Precision};

use crate::ast::DatabaseOptions;
use crate::duration::CnosDuration;
use crate::size::show_size;

/// Names in the order of DESCRIBE DATABASE.
pub const NAMES: [&str; 11] = [
    "ttl",
    "shard",
    "vnode_duration",
    "replica",
    "precision",
    "max_memcache_size",
    "memcache_partitions",
    "wal_max_file_size",
    "wal_sync",
    "strict_write",
    "max_cache_readers",
];

const MIB: u64 = 1 << 20;

/// What is kept as text of the options that were written.
pub(crate) fn as_text(options: &DatabaseOptions) -> BTreeMap<String, String> {
    let number = |n: Option<u64>| n.map(|n| n.to_string());
    let flag = |b: Option<bool>| b.map(|b| b.to_string());
    let texts = [
        ("shard", number(options.shard)),
        ("replica", number(options.replica)),
        // Kept as well, because `INF` and "not said" are the same to the engine.
        ("vnode_duration", options.vnode_duration.map(|d| d.to_string())),
        ("max_memcache_size", options.max_memcache_size.map(show_size)),
        ("memcache_partitions", number(options.memcache_partitions)),
        ("wal_max_file_size", options.wal_max_file_size.map(show_size)),
        ("wal_sync", flag(options.wal_sync)),
        ("strict_write", flag(options.strict_write)),
        ("max_cache_readers", number(options.max_cache_readers)),
    ];
    texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect()
}

/// The value of one of [`NAMES`] as DESCRIBE shows it.
pub fn show(database: &DatabaseDef, name: &str) -> String {
    if let Some(text) = database.options.get(name) {
        return text.clone();
    }
    match name {
        "ttl" => CnosDuration { ns: database.retention_ns }.to_string(),
        "vnode_duration" => match database.partition_ns {
            Some(ns) => CnosDuration { ns: Some(ns) }.to_string(),
            None => CnosDuration::YEAR.to_string(),
        },
        "shard" | "replica" => "1".to_owned(),
        "precision" => match database.precision {
            Precision::Milli => "MS",
            Precision::Micro => "US",
            Precision::Nano => "NS",
        }
        .to_owned(),
        // Database public is born with more.
        "max_memcache_size" if database.name == "public" => show_size(512 * MIB),
        "max_memcache_size" | "wal_max_file_size" => show_size(128 * MIB),
        "memcache_partitions" => std::thread::available_parallelism().map_or(1, usize::from).to_string(),
        "wal_sync" | "strict_write" => "false".to_owned(),
        "max_cache_readers" => "32".to_owned(),
        _ => String::new(),
    }
}

/// Whether line protocol may not add tables and columns to this database.
pub fn strict_write(database: &DatabaseDef) -> bool {
    database.options.get("strict_write").is_some_and(|v| v == "true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use triglot_model::{DatabaseId, RewriteRule, TenantId};

    fn database(name: &str, options: BTreeMap<String, String>) -> DatabaseDef {
        DatabaseDef {
            id: DatabaseId(1),
            tenant: TenantId(1),
            name: name.to_owned(),
            precision: Precision::Nano,
            retention_ns: None,
            partition_ns: None,
            rewrite: RewriteRule::Merge,
            options,
            drop_at_ns: None,
        }
    }

    #[test]
    fn defaults_are_the_sheets() {
        let d = database("d", BTreeMap::new());
        let cpus = std::thread::available_parallelism().unwrap().to_string();
        let wanted = ["INF", "1", "1year", "1", "NS", "128 MiB", &cpus, "128 MiB", "false", "false", "32"];
        assert_eq!(NAMES.map(|n| show(&d, n)), wanted);
        assert_eq!(show(&database("public", BTreeMap::new()), "max_memcache_size"), "512 MiB");
    }

    #[test]
    fn what_was_written_is_shown() {
        let options = DatabaseOptions {
            shard: Some(2),
            vnode_duration: Some(CnosDuration::INF),
            max_memcache_size: Some(300_000_000),
            strict_write: Some(true),
            ..DatabaseOptions::default()
        };
        let d = database("d", as_text(&options));
        assert_eq!(show(&d, "shard"), "2");
        assert_eq!(show(&d, "vnode_duration"), "INF");
        assert_eq!(show(&d, "max_memcache_size"), "286.102294921875 MiB");
        assert!(strict_write(&d));
    }
}
