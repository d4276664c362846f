//! ALTER TABLE (sheet 10.3).

use sqlparser::tokenizer::Token;
use triglot_parse_sql::Input;

use super::database::duration;
use super::{Parsed, create, table_name, types};
use crate::ast::{AlterAction, AlterTable, Constraint, Stmt};

const TAG: [&str; 2] = ["TAG", "ATTRIBUTE"];

pub(super) fn table(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["ALTER", "TABLE"])?;
    let if_exists = p.if_exists()?;
    let table = table_name(p.qualified_name()?)?;
    let mut actions = vec![action(p)?];
    while p.token(&Token::Comma) {
        actions.push(action(p)?);
    }
    Ok(Stmt::AlterTable(AlterTable { table, if_exists, actions }))
}

fn action(p: &mut Input<'_>) -> Parsed<AlterAction> {
    match p.one_of(&["ADD", "DROP", "ALTER", "RENAME", "SET"]) {
        Some("ADD") => add(p),
        Some("DROP") => drop(p),
        Some("ALTER") => alter(p),
        Some("RENAME") => rename(p),
        Some(_) => set(p),
        None => p.expected("ADD, DROP, ALTER, RENAME or SET"),
    }
}

fn add(p: &mut Input<'_>) -> Parsed<AlterAction> {
    if p.one_of(&TAG).is_some() {
        let if_not_exists = p.if_not_exists()?;
        return Ok(AlterAction::AddTag { tag: create::tag(p)?, if_not_exists });
    }
    if p.word("CONSTRAINT") {
        p.name()?;
        return rest_of_constraint(p);
    }
    let is_constraint = (p.peeks("PRIMARY") || p.peeks("FOREIGN")) && p.peeks_at(1, "KEY");
    if is_constraint || p.peeks("CHECK") || p.peeks("UNIQUE") {
        return rest_of_constraint(p);
    }
    p.word("COLUMN");
    let if_not_exists = p.if_not_exists()?;
    Ok(AlterAction::AddColumn { column: Box::new(create::column(p)?), if_not_exists })
}

/// A constraint that is to be added to an existing table: no table takes it, so only its kind is told.
fn rest_of_constraint(p: &mut Input<'_>) -> Parsed<AlterAction> {
    let constraint = match p.one_of(&["PRIMARY", "UNIQUE", "CHECK", "FOREIGN"]) {
        Some("PRIMARY") => {
            p.expect_words(&["KEY"])?;
            Constraint::PrimaryKey(p.names()?)
        }
        Some("UNIQUE") => Constraint::Unique(p.names()?),
        Some("CHECK") => {
            p.expect_token(&Token::LParen)?;
            let condition = p.expr()?;
            p.expect_token(&Token::RParen)?;
            Constraint::Check(condition)
        }
        Some(_) => {
            p.expect_words(&["KEY"])?;
            p.names()?;
            p.expect_words(&["REFERENCES"])?;
            p.qualified_name()?;
            if p.peeks_token(&Token::LParen) {
                p.names()?;
            }
            Constraint::References
        }
        None => return p.expected("PRIMARY KEY, UNIQUE, CHECK or FOREIGN KEY"),
    };
    Ok(AlterAction::Constraint(constraint))
}

fn drop(p: &mut Input<'_>) -> Parsed<AlterAction> {
    if p.one_of(&TAG).is_some() {
        let if_exists = p.if_exists()?;
        return Ok(AlterAction::DropTag { name: p.name()?, if_exists });
    }
    p.word("COLUMN");
    let if_exists = p.if_exists()?;
    let name = p.name()?;
    p.one_of(&["CASCADE", "RESTRICT"]);
    Ok(AlterAction::DropColumn { name, if_exists })
}

fn alter(p: &mut Input<'_>) -> Parsed<AlterAction> {
    let is_tag = p.one_of(&TAG).is_some();
    if !is_tag {
        p.word("COLUMN");
    }
    let name = p.name()?;
    if p.words(&["SET", "DATA", "TYPE"]) || p.word("TYPE") {
        let ty = types::spec(p)?.spec;
        return Ok(if is_tag {
            AlterAction::SetTagType { name, ty }
        } else {
            AlterAction::SetColumnType { name, ty }
        });
    }
    if is_tag {
        return p.expected("TYPE");
    }
    if p.words(&["SET", "DEFAULT"]) {
        return Ok(AlterAction::SetDefault { name, default: Some(Box::new(create::default_value(p)?)) });
    }
    if p.words(&["DROP", "DEFAULT"]) {
        return Ok(AlterAction::SetDefault { name, default: None });
    }
    let not_null = p.word("SET");
    if !not_null {
        p.expect_words(&["DROP"])?;
    }
    p.expect_words(&["NOT", "NULL"])?;
    Ok(AlterAction::SetNotNull { name, not_null })
}

fn rename(p: &mut Input<'_>) -> Parsed<AlterAction> {
    if p.word("TO") {
        return Ok(AlterAction::Rename { to: table_name(p.qualified_name()?)? });
    }
    let is_tag = p.one_of(&TAG).is_some();
    if !is_tag {
        p.word("COLUMN");
    }
    let from = p.name()?;
    p.expect_words(&["TO"])?;
    let to = p.name()?;
    Ok(if is_tag { AlterAction::RenameTag { from, to } } else { AlterAction::RenameColumn { from, to } })
}

fn set(p: &mut Input<'_>) -> Parsed<AlterAction> {
    if p.words(&["PARTITION", "INTERVAL"]) {
        p.token(&Token::Eq);
        return Ok(AlterAction::NoOp(format!("PARTITION INTERVAL {}", duration(p)?)));
    }
    if p.word("ACTIVETIME") {
        p.token(&Token::Eq);
        return Ok(AlterAction::NoOp(format!("ACTIVETIME {}", duration(p)?)));
    }
    p.expect_words(&["RETENTIONS"])?;
    p.token(&Token::Eq);
    Ok(AlterAction::SetRetentions(duration(p)?))
}
