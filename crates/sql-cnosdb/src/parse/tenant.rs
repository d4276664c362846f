//! Statements about tenants and their members.

use datafusion::sql::sqlparser::tokenizer::Token;
use triglot_engine::catalog::OptionChanges;
use triglot_engine::{Quota, TenantStatement};

use super::database::duration;
use super::input::{Input, Names};
use super::limiter::limiter;
use crate::ast::Stmt;
use crate::error::SqlError;

/// Keys of a tenant's options.
pub(crate) const COMMENT: &str = "comment";
pub(crate) const DROP_AFTER: &str = "drop_after";
const LIMITER: &str = "_limiter";

pub(super) fn create(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["CREATE", "TENANT"])?;
    let if_not_exists = p.if_not_exists()?;
    let name = p.object_name()?;
    let mut changes = OptionChanges::new();
    if p.word("WITH") {
        loop {
            changes.extend(option(p)?);
            if !p.token(&Token::Comma) {
                break;
            }
        }
    }
    let options = changes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    Ok(Stmt::Tenant(TenantStatement::Create { name, if_not_exists, options }))
}

pub(super) fn alter(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["ALTER", "TENANT"])?;
    let name = p.object_name()?;
    let word = p.any_word().unwrap_or_default();
    let about_member = matches!(word.as_str(), "ADD" | "SET" | "REMOVE") && p.word("USER");
    let statement = match word.as_str() {
        "ADD" if about_member => {
            let (tenant, (user, role)) = (name, user_as_role(p)?);
            TenantStatement::AddMember { tenant, user, role }
        }
        "SET" if about_member => {
            let (tenant, (user, role)) = (name, user_as_role(p)?);
            TenantStatement::SetMember { tenant, user, role }
        }
        "REMOVE" if about_member => TenantStatement::RemoveMember { tenant: name, user: p.object_name()? },
        "SET" => {
            let options = option(p)?;
            if p.token(&Token::Comma) {
                return Err(SqlError::parser(
                    "Cannot set multiple options (comment, drop_after, _limiter) at the same time",
                ));
            }
            TenantStatement::Alter { name, options }
        }
        "UNSET" => TenantStatement::Alter { name, options: unset(p)? },
        _ => return p.expected("SET, UNSET, ADD USER, SET USER or REMOVE USER"),
    };
    Ok(Stmt::Tenant(statement))
}

pub(super) fn drop(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["DROP", "TENANT"])?;
    let if_exists = p.if_exists()?;
    let name = p.object_name()?;
    let after_ns = if p.word("AFTER") { Some(duration(&p.string()?)?.ns_or_for_ever()) } else { None };
    Ok(Stmt::Tenant(TenantStatement::Drop { name, if_exists, after_ns }))
}

pub(super) fn recover(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["RECOVER", "TENANT"])?;
    let if_exists = p.if_exists()?;
    Ok(Stmt::Tenant(TenantStatement::Recover { name: p.object_name()?, if_exists }))
}

/// `u AS r`
fn user_as_role(p: &mut Input<'_>) -> Result<(String, String), SqlError> {
    let user = p.object_name()?;
    p.expect_words(&["AS"])?;
    Ok((user, p.object_name()?))
}

/// One option with its value.
fn option(p: &mut Input<'_>) -> Result<OptionChanges, SqlError> {
    let name = option_name(p)?;
    if name == LIMITER {
        p.token(&Token::Eq);
        return Ok(limiter(p)?.changes());
    }
    p.expect_token(&Token::Eq)?;
    let text = p.string_or_word()?;
    if name == DROP_AFTER {
        duration(&text)?;
    }
    Ok([(name, Some(text))].into())
}

fn unset(p: &mut Input<'_>) -> Result<OptionChanges, SqlError> {
    let name = option_name(p)?;
    Ok(if name == LIMITER { Quota::default().changes() } else { [(name, None)].into() })
}

fn option_name(p: &mut Input<'_>) -> Result<String, SqlError> {
    let name = p.name()?.to_ascii_lowercase();
    if [COMMENT, DROP_AFTER, LIMITER].contains(&name.as_str()) {
        return Ok(name);
    }
    Err(SqlError::parser(format!("Expected option [comment | drop_after | _limiter], found [{name}]")))
}
