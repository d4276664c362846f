//! Users, roles, GRANT and REVOKE (sheet section 14.2).

use sqlparser::tokenizer::Token;
use triglot_engine::catalog::{Right, Rights};
use triglot_parse_sql::Input;

use super::{Parsed, tables};
use crate::KwError;
use crate::ast::{GrantTarget, Stmt, UserOptions, UserStmt};

/// `CREATE {USER | ROLE} [IF NOT EXISTS] name [WITH] options`
pub(super) fn create(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["CREATE"])?;
    let is_role = p.one_of(&["USER", "ROLE"]) == Some("ROLE");
    let if_not_exists = p.if_not_exists()?;
    let name = user_name(p)?;
    let options = options(p)?;
    Ok(Stmt::User(UserStmt::Create { name, is_role, if_not_exists, options }))
}

/// `ALTER {USER | ROLE} [IF EXISTS] name [WITH] options`
pub(super) fn alter(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["ALTER"])?;
    p.one_of(&["USER", "ROLE"]);
    let if_exists = p.if_exists()?;
    let name = user_name(p)?;
    let options = options(p)?;
    Ok(Stmt::User(UserStmt::Alter { name, if_exists, options }))
}

/// `DROP {USER | ROLE} [IF EXISTS] name, …`
pub(super) fn drop(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["DROP"])?;
    p.one_of(&["USER", "ROLE"]);
    let if_exists = p.if_exists()?;
    Ok(Stmt::User(UserStmt::Drop { names: user_names(p)?, if_exists }))
}

/// `GRANT rights ON … TO …`, `GRANT roles TO … [WITH ADMIN OPTION]`
pub(super) fn grant(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["GRANT"])?;
    let words = words(p)?;
    if p.word("ON") {
        let (rights, on) = (rights(&words)?, target(p)?);
        p.expect_words(&["TO"])?;
        return Ok(Stmt::User(UserStmt::Grant { rights, on, to: user_names(p)? }));
    }
    p.expect_words(&["TO"])?;
    let members = user_names(p)?;
    let may_grant = p.words(&["WITH", "ADMIN", "OPTION"]);
    Ok(Stmt::User(UserStmt::GrantRoles { roles: words, members, may_grant }))
}

/// `REVOKE rights ON … FROM …`, `REVOKE [ADMIN OPTION FOR] roles FROM …`
pub(super) fn revoke(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["REVOKE"])?;
    let option_only = p.words(&["ADMIN", "OPTION", "FOR"]);
    let words = words(p)?;
    if !option_only && p.word("ON") {
        let (rights, on) = (rights(&words)?, target(p)?);
        p.expect_words(&["FROM"])?;
        return Ok(Stmt::User(UserStmt::Revoke { rights, on, from: user_names(p)? }));
    }
    p.expect_words(&["FROM"])?;
    Ok(Stmt::User(UserStmt::RevokeRoles { roles: words, members: user_names(p)?, option_only }))
}

/// Rights or roles: which of them is known behind the list only.
fn words(p: &mut Input<'_>) -> Parsed<Vec<String>> {
    let mut words = vec![p.string_or_word()?];
    // ALL PRIVILEGES
    p.word("PRIVILEGES");
    while p.token(&Token::Comma) {
        words.push(p.string_or_word()?);
    }
    Ok(words.into_iter().map(|word| word.to_lowercase()).collect())
}

fn rights(words: &[String]) -> Parsed<Rights> {
    let mut found = Rights::NONE;
    for word in words {
        found = found.with(match (word.as_str(), Right::from_name(word)) {
            ("all", _) => Rights::ALL,
            (_, Some(right)) => right.into(),
            (_, None) => return Err(KwError::syntax(word).into()),
        });
    }
    Ok(found)
}

fn target(p: &mut Input<'_>) -> Parsed<GrantTarget> {
    if p.word("DATABASE") {
        let mut names = vec![p.name()?];
        while p.token(&Token::Comma) {
            names.push(p.name()?);
        }
        return Ok(GrantTarget::Databases(names));
    }
    p.word("TABLE");
    Ok(GrantTarget::Tables(tables(p)?))
}

fn user_names(p: &mut Input<'_>) -> Parsed<Vec<String>> {
    let mut names = vec![user_name(p)?];
    while p.token(&Token::Comma) {
        names.push(user_name(p)?);
    }
    Ok(names)
}

/// Names of users are lower-cased, in quotes too.
fn user_name(p: &mut Input<'_>) -> Parsed<String> {
    let name = if p.peeks_string() { p.string()? } else { p.name()? };
    Ok(name.to_lowercase())
}

fn options(p: &mut Input<'_>) -> Parsed<UserOptions> {
    p.word("WITH");
    let mut options = UserOptions::default();
    loop {
        if p.word("PASSWORD") {
            options.password = Some(if p.word("NULL") { None } else { Some(p.string()?) });
        } else if p.words(&["VALID", "UNTIL"]) {
            options.valid_until = Some(if p.word("NULL") { None } else { Some(p.string()?) });
        } else {
            match p.one_of(&["LOGIN", "NOLOGIN", "CREATEROLE", "NOCREATEROLE"]) {
                Some("LOGIN") => options.login = Some(true),
                Some("NOLOGIN") => options.login = Some(false),
                Some(word) => options.create_role = Some(word == "CREATEROLE"),
                None => return Ok(options),
            }
        }
    }
}
