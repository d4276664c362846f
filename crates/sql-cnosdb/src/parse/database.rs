//! Statements about databases, and their options.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::input::{Input, Names};
use crate::ast::{DatabaseOptions, Stmt};
use crate::duration::CnosDuration;
use crate::error::SqlError;
use crate::size::parse_size;

const OPTIONS: [&str; 11] = [
    "TTL",
    "SHARD",
    "VNODE_DURATION",
    "REPLICA",
    "PRECISION",
    "MAX_MEMCACHE_SIZE",
    "MEMCACHE_PARTITIONS",
    "WAL_MAX_FILE_SIZE",
    "WAL_SYNC",
    "STRICT_WRITE",
    "MAX_CACHE_READERS",
];

pub(super) fn create(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["CREATE", "DATABASE"])?;
    let if_not_exists = p.if_not_exists()?;
    let name = p.object_name()?;
    let mut options = DatabaseOptions::default();
    if p.word("WITH") {
        while let Some(option) = next_option(p) {
            p.token(&Token::Eq);
            set_option(p, &mut options, option)?;
        }
    }
    Ok(Stmt::CreateDatabase { name, if_not_exists, options })
}

pub(super) fn alter(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["ALTER", "DATABASE"])?;
    let name = p.object_name()?;
    p.expect_words(&["SET"])?;
    let Some(option) = next_option(p) else {
        return p.expected("database option");
    };
    if !matches!(option, "TTL" | "SHARD" | "VNODE_DURATION" | "REPLICA") {
        return Err(SqlError::parser(
            "database config is unmodifiable, only can modify database option: TTL, SHARD, VNODE_DURATION, REPLICA",
        ));
    }
    p.token(&Token::Eq);
    let mut options = DatabaseOptions::default();
    set_option(p, &mut options, option)?;
    Ok(Stmt::AlterDatabase { name, options })
}

pub(super) fn drop(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["DROP", "DATABASE"])?;
    let if_exists = p.if_exists()?;
    let name = p.object_name()?;
    let after = if p.word("AFTER") { Some(duration(&p.string()?)?) } else { None };
    Ok(Stmt::DropDatabase { name, if_exists, after })
}

pub(super) fn recover(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["RECOVER", "DATABASE"])?;
    let if_exists = p.if_exists()?;
    Ok(Stmt::RecoverDatabase { name: p.object_name()?, if_exists })
}

pub(super) fn compact(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["COMPACT", "DATABASE"])?;
    Ok(Stmt::CompactDatabase(p.object_name()?))
}

fn next_option(p: &mut Input<'_>) -> Option<&'static str> {
    OPTIONS.into_iter().find(|option| p.word(option))
}

fn set_option(p: &mut Input<'_>, options: &mut DatabaseOptions, option: &str) -> Result<(), SqlError> {
    match option {
        "TTL" => options.ttl = Some(duration(&p.string()?)?),
        "VNODE_DURATION" => options.vnode_duration = Some(duration(&p.string()?)?),
        "PRECISION" => {
            let text = p.string()?;
            let precision = text.parse().map_err(|()| {
                SqlError::parser(format!("{text} is not a valid precision, use like 'ms', 'us', 'ns'"))
            })?;
            options.precision = Some(precision);
        }
        "MAX_MEMCACHE_SIZE" => options.max_memcache_size = Some(size(&p.string()?)?),
        "WAL_MAX_FILE_SIZE" => options.wal_max_file_size = Some(size(&p.string()?)?),
        "WAL_SYNC" => options.wal_sync = Some(boolean(&p.string()?)?),
        "STRICT_WRITE" => options.strict_write = Some(boolean(&p.string()?)?),
        "SHARD" => options.shard = Some(positive(p, "shard")?),
        "REPLICA" => options.replica = Some(positive(p, "replica")?),
        "MEMCACHE_PARTITIONS" => options.memcache_partitions = Some(positive(p, "memcache partitions")?),
        _ => options.max_cache_readers = Some(positive(p, "max cache readers")?),
    }
    Ok(())
}

pub(super) fn duration(text: &str) -> Result<CnosDuration, SqlError> {
    CnosDuration::parse(text)
        .ok_or_else(|| SqlError::parser(format!("{text} is not a valid duration or duration overflow")))
}

fn size(text: &str) -> Result<u64, SqlError> {
    parse_size(text).ok_or_else(|| SqlError::parser(format!("{text} is not a valid size")))
}

fn boolean(text: &str) -> Result<bool, SqlError> {
    text.to_ascii_lowercase().parse().map_err(|_| SqlError::parser(format!("{text} is not a valid bool")))
}

fn positive(p: &mut Input<'_>, what: &str) -> Result<u64, SqlError> {
    match p.number()? {
        0 => Err(SqlError::parser(format!("{what} number should be greater than 0"))),
        n => Ok(n),
    }
}
