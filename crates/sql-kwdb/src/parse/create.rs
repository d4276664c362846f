//! CREATE TABLE (sheet 10.1), of time-series and of relational tables.

use sqlparser::ast as sql;
use sqlparser::tokenizer::Token;
use triglot_parse_sql::Input;

use super::database::{comment_clause, duration};
use super::{Parsed, table_name, types};
use crate::ast::{ColumnSpec, Constraint, CreateTable, Stmt, TagSpec};

pub(super) fn table(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["CREATE"])?;
    let mut no_ops = Vec::new();
    if p.word("SPARSE") {
        no_ops.push("SPARSE".to_owned());
    }
    let is_temporary = p.one_of(&["TEMPORARY", "TEMP"]).is_some();
    p.expect_words(&["TABLE"])?;
    let if_not_exists = p.if_not_exists()?;
    let table = table_name(p.qualified_name()?)?;
    p.expect_token(&Token::LParen)?;
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    loop {
        match table_constraint(p)? {
            Some(constraint) => constraints.push(constraint),
            None => columns.push(column(p)?),
        }
        if !p.token(&Token::Comma) {
            break;
        }
    }
    p.expect_token(&Token::RParen)?;
    let tags = if p.one_of(&["TAGS", "ATTRIBUTES", "TAG", "ATTRIBUTE"]).is_some() {
        p.expect_token(&Token::LParen)?;
        let mut tags = vec![tag(p)?];
        while p.token(&Token::Comma) {
            tags.push(tag(p)?);
        }
        p.expect_token(&Token::RParen)?;
        Some(tags)
    } else {
        None
    };
    let mut primary_tags = Vec::new();
    if tags.is_some() && p.word("PRIMARY") {
        if p.one_of(&["TAGS", "ATTRIBUTES", "TAG", "ATTRIBUTE"]).is_none() {
            return p.expected("TAGS");
        }
        primary_tags = p.names()?;
    }
    let mut create = CreateTable {
        table,
        if_not_exists,
        columns,
        constraints,
        tags,
        primary_tags,
        retentions: None,
        comment: None,
        no_ops,
        is_temporary,
    };
    table_options(p, &mut create)?;
    Ok(Stmt::CreateTable(Box::new(create)))
}

/// RETENTIONS, COMMENT, WITH HASH, and what older grammars have; in any order.
fn table_options(p: &mut Input<'_>, create: &mut CreateTable) -> Parsed<()> {
    loop {
        if p.word("RETENTIONS") {
            p.token(&Token::Eq);
            create.retentions = Some(duration(p)?);
        } else if let Some(comment) = comment_clause(p)? {
            create.comment = Some(comment);
        } else if p.words(&["WITH", "HASH"]) {
            p.expect_token(&Token::LParen)?;
            let n = p.number()?;
            p.expect_token(&Token::RParen)?;
            create.no_ops.push(format!("WITH HASH({n})"));
        } else if p.word("ACTIVETIME") {
            create.no_ops.push(format!("ACTIVETIME {}", duration(p)?));
        } else if p.words(&["DICT", "ENCODING"]) {
            create.no_ops.push("DICT ENCODING".to_owned());
        } else if p.words(&["PARTITION", "INTERVAL"]) {
            create.no_ops.push(format!("PARTITION INTERVAL {}", duration(p)?));
        } else {
            return Ok(());
        }
    }
}

/// A constraint of the table among its columns.
fn table_constraint(p: &mut Input<'_>) -> Parsed<Option<Constraint>> {
    if p.peeks("CONSTRAINT") {
        p.word("CONSTRAINT");
        p.name()?;
        return match constraint(p)? {
            Some(found) => Ok(Some(found)),
            None => p.expected("PRIMARY KEY, UNIQUE, CHECK or FOREIGN KEY"),
        };
    }
    let begins = (p.peeks("PRIMARY") && p.peeks_at(1, "KEY"))
        || (p.peeks("FOREIGN") && p.peeks_at(1, "KEY"))
        || p.peeks("CHECK")
        || (p.peeks("UNIQUE") && is_followed_by_bracket(p));
    if begins { constraint(p) } else { Ok(None) }
}

fn is_followed_by_bracket(p: &mut Input<'_>) -> bool {
    p.parser().peek_nth_token_ref(1).token == Token::LParen
}

fn constraint(p: &mut Input<'_>) -> Parsed<Option<Constraint>> {
    if p.words(&["PRIMARY", "KEY"]) {
        return Ok(Some(Constraint::PrimaryKey(bracketed_names(p)?)));
    }
    if p.word("UNIQUE") {
        return Ok(Some(Constraint::Unique(bracketed_names(p)?)));
    }
    if p.word("CHECK") {
        p.expect_token(&Token::LParen)?;
        let condition = p.expr()?;
        p.expect_token(&Token::RParen)?;
        return Ok(Some(Constraint::Check(condition)));
    }
    if p.words(&["FOREIGN", "KEY"]) {
        p.names()?;
        p.expect_words(&["REFERENCES"])?;
        references(p)?;
        return Ok(Some(Constraint::References));
    }
    if p.word("REFERENCES") {
        references(p)?;
        return Ok(Some(Constraint::References));
    }
    if p.peeks("AS") {
        p.word("AS");
        p.expect_token(&Token::LParen)?;
        p.expr()?;
        p.expect_token(&Token::RParen)?;
        p.expect_words(&["STORED"])?;
        return Ok(Some(Constraint::Computed));
    }
    Ok(None)
}

/// Names between brackets, each with a direction that says nothing; or none.
fn bracketed_names(p: &mut Input<'_>) -> Parsed<Vec<String>> {
    let mut names = Vec::new();
    if !p.token(&Token::LParen) {
        return Ok(names);
    }
    loop {
        names.push(p.name()?);
        p.one_of(&["ASC", "DESC"]);
        if !p.token(&Token::Comma) {
            break;
        }
    }
    p.expect_token(&Token::RParen)?;
    Ok(names)
}

/// `t [(columns)] [ON DELETE …] [ON UPDATE …]`
fn references(p: &mut Input<'_>) -> Parsed<()> {
    p.qualified_name()?;
    bracketed_names(p)?;
    while p.word("ON") {
        if p.one_of(&["DELETE", "UPDATE"]).is_none() {
            return p.expected("DELETE or UPDATE");
        }
        let known = p.words(&["NO", "ACTION"])
            || p.words(&["SET", "NULL"])
            || p.words(&["SET", "DEFAULT"])
            || p.one_of(&["CASCADE", "RESTRICT"]).is_some();
        if !known {
            return p.expected("CASCADE, RESTRICT, SET NULL, SET DEFAULT or NO ACTION");
        }
    }
    Ok(())
}

/// `name type {option}`
pub(super) fn column(p: &mut Input<'_>) -> Parsed<ColumnSpec> {
    let name = p.name()?;
    let written = types::spec(p)?;
    let mut column = ColumnSpec {
        name,
        ty: written.spec,
        is_serial: written.is_serial,
        nullable: None,
        default: None,
        comment: None,
        constraints: Vec::new(),
    };
    loop {
        if p.words(&["NOT", "NULL"]) {
            column.nullable = Some(false);
        } else if p.word("NULL") {
            column.nullable = Some(true);
        } else if p.word("DEFAULT") {
            column.default = Some(default_value(p)?);
        } else if let Some(comment) = comment_clause(p)? {
            column.comment = Some(comment);
        } else if p.one_of(&["ENCODE", "COMPRESS", "LEVEL"]).is_some() {
            // Storage decides by itself.
            p.string_or_word()?;
        } else if p.words(&["DICT", "ENCODING"]) {
            // Accepted and without effect.
        } else if p.peeks("CONSTRAINT") {
            p.word("CONSTRAINT");
            p.name()?;
        } else if let Some(constraint) = constraint(p)? {
            column.constraints.push(constraint);
        } else {
            return Ok(column);
        }
    }
}

/// `name type [NOT NULL | NULL] [COMMENT string]`
pub(super) fn tag(p: &mut Input<'_>) -> Parsed<TagSpec> {
    let name = p.name()?;
    let ty = types::spec(p)?.spec;
    let (mut nullable, mut comment) = (None, None);
    loop {
        if p.words(&["NOT", "NULL"]) {
            nullable = Some(false);
        } else if p.word("NULL") {
            nullable = Some(true);
        } else if let Some(text) = comment_clause(p)? {
            comment = Some(text);
        } else {
            return Ok(TagSpec { name, ty, nullable, comment });
        }
    }
}

/// The expression behind DEFAULT. `DEFAULT 5 NOT NULL` must not be read as one expression, so operators that are words end
/// it.
pub(super) fn default_value(p: &mut Input<'_>) -> Parsed<sql::Expr> {
    const ABOVE_WORDS: u8 = 65;
    Ok(p.parser().parse_subexpr(ABOVE_WORDS)?)
}
