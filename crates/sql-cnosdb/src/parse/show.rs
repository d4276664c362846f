//! `SHOW …` and `KILL`.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::input::{Input, Names};
use super::limits;
use crate::ast::{KeySelection, QName, Stmt, Tail};
use crate::error::SqlError;

/// `SHOW x` without anything behind it.
pub(super) fn bare(p: &mut Input<'_>, statement: Stmt) -> Result<Stmt, SqlError> {
    p.any_word();
    p.any_word();
    Ok(statement)
}

pub(super) fn tables(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["SHOW", "TABLES"])?;
    Ok(Stmt::ShowTables(on_database(p)?))
}

pub(super) fn series(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["SHOW", "SERIES"])?;
    let table = on_table(p)?;
    Ok(Stmt::ShowSeries { table, tail: tail(p, &["key"])? })
}

pub(super) fn tag_values(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["SHOW", "TAG", "VALUES"])?;
    let table = on_table(p)?;
    p.expect_words(&["WITH", "KEY"])?;
    let keys = if p.token(&Token::Eq) {
        KeySelection::In(vec![p.name()?])
    } else if p.token(&Token::Neq) {
        KeySelection::NotIn(vec![p.name()?])
    } else if p.word("IN") {
        KeySelection::In(p.names()?)
    } else if p.word("NOT") {
        p.expect_words(&["IN"])?;
        KeySelection::NotIn(p.names()?)
    } else {
        return p.expected("=, !=, <>, IN or NOT IN");
    };
    Ok(Stmt::ShowTagValues { table, keys, tail: tail(p, &["key", "value"])? })
}

pub(super) fn kill(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["KILL"])?;
    p.word("QUERY");
    Ok(Stmt::Kill(p.number()?))
}

fn on_database(p: &mut Input<'_>) -> Result<Option<String>, SqlError> {
    if p.word("ON") { p.object_name().map(Some) } else { Ok(None) }
}

/// `[ON database] FROM table`
fn on_table(p: &mut Input<'_>) -> Result<QName, SqlError> {
    let database = on_database(p)?;
    p.expect_words(&["FROM"])?;
    let mut table = p.table_name()?;
    if database.is_some() {
        table.database = database;
    }
    Ok(table)
}

/// `[WHERE …] [ORDER BY …] [LIMIT n [OFFSET n]]`; ordering is by output columns only.
fn tail(p: &mut Input<'_>, columns: &[&str]) -> Result<Tail, SqlError> {
    let mut tail = Tail::default();
    if p.word("WHERE") {
        tail.filter = Some(p.expr()?);
    }
    if p.word("ORDER") {
        p.expect_words(&["BY"])?;
        loop {
            let name = p.name()?;
            if !columns.contains(&name.as_str()) {
                return Err(SqlError::parser(format!(
                    "Expected: ORDER BY over {}, found: {name}",
                    columns.join(", ")
                )));
            }
            let descending = p.word("DESC");
            if !descending {
                p.word("ASC");
            }
            tail.order.push((name, descending));
            if !p.token(&Token::Comma) {
                break;
            }
        }
    }
    if p.word("LIMIT") {
        tail.limit = Some(limits::limit(&*p.expr()?)?);
    }
    if p.word("OFFSET") {
        tail.offset = limits::offset(&*p.expr()?)?;
    }
    Ok(tail)
}
