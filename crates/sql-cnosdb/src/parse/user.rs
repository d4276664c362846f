//! Statements about users. Key-pair login and prepared hashes are refused rather than accepted
//! without effect.

use datafusion::sql::sqlparser::tokenizer::Token;
use triglot_engine::catalog::{NewUser, UserChanges};
use triglot_engine::{ClearPassword, UserStatement};

use super::input::{Input, Names};
use crate::ast::Stmt;
use crate::error::SqlError;

pub(super) fn create(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["CREATE", "USER"])?;
    let if_not_exists = p.if_not_exists()?;
    let name = p.object_name()?;
    let (changes, password) = if p.word("WITH") { options(p)? } else { Default::default() };
    let new = NewUser {
        name,
        password: None,
        is_admin: changes.is_admin.unwrap_or(false),
        must_change_password: changes.must_change_password.unwrap_or(false),
        options: changes.options.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(),
    };
    Ok(Stmt::User(UserStatement::Create { new, password, if_not_exists }))
}

pub(super) fn alter(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["ALTER", "USER"])?;
    let name = p.object_name()?;
    if p.word("RENAME") {
        p.expect_words(&["TO"])?;
        p.object_name()?;
        p.end()?;
        return Err(SqlError::Coded {
            code: "030034",
            text: "Operation not support: rename user".to_owned(),
        });
    }
    p.expect_words(&["SET"])?;
    let (changes, password) = options(p)?;
    Ok(Stmt::User(UserStatement::Alter { name, changes, password }))
}

pub(super) fn drop(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["DROP", "USER"])?;
    let if_exists = p.if_exists()?;
    Ok(Stmt::User(UserStatement::Drop { name: p.object_name()?, if_exists }))
}

fn options(p: &mut Input<'_>) -> Result<(UserChanges, Option<ClearPassword>), SqlError> {
    let (mut changes, mut password) = (UserChanges::default(), None);
    loop {
        let name = p.name()?.to_ascii_lowercase();
        let known = [
            "password",
            "must_change_password",
            "rsa_public_key",
            "comment",
            "granted_admin",
            "hash_password",
        ];
        if !known.contains(&name.as_str()) {
            return Err(SqlError::parser(format!(
                "Expected option [password | rsa_public_key | comment | granted_admin], found [{name}]"
            )));
        }
        p.expect_token(&Token::Eq)?;
        let value = p.string_or_word()?;
        match name.as_str() {
            "password" => password = Some(ClearPassword(value)),
            "granted_admin" => changes.is_admin = Some(flag(&name, &value)?),
            "must_change_password" => changes.must_change_password = Some(flag(&name, &value)?),
            "comment" => {
                changes.options.insert(name, Some(value));
            }
            _ => return Err(SqlError::NotImplemented(format!("user option {name}"))),
        }
        if !p.token(&Token::Comma) {
            return Ok((changes, password));
        }
    }
}

fn flag(name: &str, value: &str) -> Result<bool, SqlError> {
    value
        .to_ascii_lowercase()
        .parse()
        .map_err(|_| SqlError::parser(format!("Expected: true or false for option {name}, found: {value}")))
}
