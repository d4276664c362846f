//! Statements about roles and what they may do.

use datafusion::sql::sqlparser::tokenizer::Token;
use triglot_engine::RoleStatement;
use triglot_engine::catalog::{Privilege, SystemRole};

use super::input::{Input, Names};
use crate::ast::Stmt;
use crate::error::SqlError;

pub(super) fn create(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["CREATE", "ROLE"])?;
    let if_not_exists = p.if_not_exists()?;
    let name = p.object_name()?;
    let inherit = if p.word("INHERIT") {
        let found = p.found();
        let role = SystemRole::from_name(&p.name()?);
        Some(role.ok_or_else(|| SqlError::parser(format!("Expected owner or member, found: {found}")))?)
    } else {
        None
    };
    Ok(Stmt::Role(RoleStatement::Create { name, if_not_exists, inherit }))
}

pub(super) fn drop(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["DROP", "ROLE"])?;
    let if_exists = p.if_exists()?;
    Ok(Stmt::Role(RoleStatement::Drop { name: p.object_name()?, if_exists }))
}

pub(super) fn grant(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["GRANT"])?;
    let rights = rights(p)?;
    p.expect_words(&["TO"])?;
    p.word("ROLE");
    Ok(Stmt::Role(RoleStatement::Grant { role: p.object_name()?, rights }))
}

pub(super) fn revoke(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["REVOKE"])?;
    let rights = rights(p)?;
    p.expect_words(&["FROM"])?;
    p.word("ROLE");
    Ok(Stmt::Role(RoleStatement::Revoke { role: p.object_name()?, rights }))
}

/// `priv ON DATABASE d {, …}`
fn rights(p: &mut Input<'_>) -> Result<Vec<(Privilege, String)>, SqlError> {
    let mut rights = Vec::new();
    loop {
        let privilege = if p.word("READ") {
            Privilege::Read
        } else if p.word("WRITE") {
            Privilege::Write
        } else if p.word("ALL") {
            Privilege::Full
        } else {
            return p.expected("READ, WRITE or ALL");
        };
        p.expect_words(&["ON", "DATABASE"])?;
        rights.push((privilege, p.object_name()?));
        if !p.token(&Token::Comma) {
            return Ok(rights);
        }
    }
}
