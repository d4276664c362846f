//! INSERT, UPSERT, UPDATE and DELETE from tokens: what [`super::values`] does not read by itself.

use sqlparser::ast as sql;
use sqlparser::tokenizer::Token;
use triglot_parse_sql::{Input, fold};

use super::{Parsed, table_name};
use crate::KwError;
use crate::ast::{ConflictAction, Delete, Insert, OnConflict, Stmt, Update};

pub(super) fn insert(p: &mut Input<'_>) -> Parsed<Stmt> {
    let is_upsert = p.word("UPSERT");
    if !is_upsert {
        p.expect_words(&["INSERT"])?;
        if p.words(&["WITHOUT", "SCHEMA"]) {
            return Err(KwError::unsupported("INSERT WITHOUT SCHEMA").into());
        }
    }
    p.expect_words(&["INTO"])?;
    let table = table_name(p.qualified_name()?)?;
    let columns = if p.peeks_token(&Token::LParen) && !begins_query(p, 1) { Some(p.names()?) } else { None };
    if p.words(&["DEFAULT", "VALUES"]) {
        return Err(KwError::unsupported("INSERT … DEFAULT VALUES").into());
    }
    let source = p.query()?;
    let conflict = if p.words(&["ON", "CONFLICT"]) { Some(on_conflict(p)?) } else { None };
    no_returning(p)?;
    Ok(Stmt::Insert(Box::new(Insert { is_upsert, table, columns, source, conflict })))
}

/// Whether the token behind `n` others begins a query.
fn begins_query(p: &Input<'_>, n: usize) -> bool {
    ["SELECT", "WITH", "VALUES", "TABLE"].iter().any(|word| p.peeks_at(n, word))
}

fn on_conflict(p: &mut Input<'_>) -> Parsed<OnConflict> {
    let key = if p.peeks_token(&Token::LParen) { p.names()? } else { Vec::new() };
    p.expect_words(&["DO"])?;
    let action = if p.word("NOTHING") {
        ConflictAction::Nothing
    } else {
        p.expect_words(&["UPDATE", "SET"])?;
        let mut changes = Vec::new();
        for (column, value) in assignments(p)? {
            match excluded(value) {
                Some(from) => changes.push((column, from)),
                None => {
                    let what = "ON CONFLICT DO UPDATE SET with other values than EXCLUDED.column";
                    return Err(KwError::unsupported(what).into());
                }
            }
        }
        if p.peeks("WHERE") {
            return Err(KwError::unsupported("ON CONFLICT DO UPDATE … WHERE").into());
        }
        ConflictAction::Update(changes)
    };
    Ok(OnConflict { key, action })
}

/// The column of `EXCLUDED.column`.
fn excluded(value: sql::Expr) -> Option<String> {
    let sql::Expr::CompoundIdentifier(parts) = value else { return None };
    let mut parts = parts.into_iter().map(fold);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(table), Some(column), None) if table == "excluded" => Some(column),
        _ => None,
    }
}

fn no_returning(p: &mut Input<'_>) -> Parsed<()> {
    if p.words(&["RETURNING", "NOTHING"]) || !p.peeks("RETURNING") {
        return Ok(());
    }
    Err(KwError::unsupported("RETURNING").into())
}

/// `column = expression, …`
fn assignments(p: &mut Input<'_>) -> Parsed<Vec<(String, sql::Expr)>> {
    let mut found = Vec::new();
    loop {
        if p.peeks_token(&Token::LParen) {
            return Err(KwError::unsupported("SET (columns) = (values)").into());
        }
        let column = p.name()?;
        p.expect_token(&Token::Eq)?;
        found.push((column, *p.expr()?));
        if !p.token(&Token::Comma) {
            return Ok(found);
        }
    }
}

pub(super) fn update(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["UPDATE"])?;
    let table = table_name(p.qualified_name()?)?;
    p.expect_words(&["SET"])?;
    let assignments = assignments(p)?;
    let filter = filter(p)?;
    Ok(Stmt::Update(Box::new(Update { table, assignments, filter })))
}

pub(super) fn delete(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["DELETE", "FROM"])?;
    let table = table_name(p.qualified_name()?)?;
    let filter = filter(p)?;
    Ok(Stmt::Delete(Box::new(Delete { table, filter })))
}

/// `[WHERE …]` and nothing else that PostgreSQL has there.
fn filter(p: &mut Input<'_>) -> Parsed<Option<sql::Expr>> {
    for word in ["FROM", "USING"] {
        if p.peeks(word) {
            return Err(KwError::unsupported(&format!("{word} of other tables here")).into());
        }
    }
    let filter = if p.word("WHERE") { Some(*p.expr()?) } else { None };
    if p.peeks("ORDER") || p.peeks("LIMIT") {
        return Err(KwError::unsupported("ORDER BY and LIMIT here").into());
    }
    no_returning(p)?;
    Ok(filter)
}
