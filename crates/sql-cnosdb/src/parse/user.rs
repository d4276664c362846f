//! Statements about users. Key-pair login, forced password changes and prepared hashes are refused
//! rather than accepted without effect.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::input::Input;
use crate::ast::{Stmt, UserOptions};
use crate::error::SqlError;

pub(super) fn create(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["CREATE", "USER"])?;
    let if_not_exists = p.if_not_exists()?;
    let name = p.object_name()?;
    let options = if p.word("WITH") { options(p)? } else { UserOptions::default() };
    Ok(Stmt::CreateUser { name, if_not_exists, options })
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
    Ok(Stmt::AlterUser { name, options: options(p)? })
}

pub(super) fn drop(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    p.expect_words(&["DROP", "USER"])?;
    let if_exists = p.if_exists()?;
    Ok(Stmt::DropUser { name: p.object_name()?, if_exists })
}

fn options(p: &mut Input<'_>) -> Result<UserOptions, SqlError> {
    let mut options = UserOptions::default();
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
            "password" => options.password = Some(value),
            "comment" => options.comment = Some(value),
            "granted_admin" => options.granted_admin = Some(flag(&name, &value)?),
            // `false` is what every user is born with here.
            "must_change_password" if !flag(&name, &value)? => {}
            _ => return Err(SqlError::NotImplemented(format!("user option {name}"))),
        }
        if !p.token(&Token::Comma) {
            return Ok(options);
        }
    }
}

fn flag(name: &str, value: &str) -> Result<bool, SqlError> {
    value
        .to_ascii_lowercase()
        .parse()
        .map_err(|_| SqlError::parser(format!("Expected: true or false for option {name}, found: {value}")))
}
