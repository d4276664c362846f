//! SHOW (sheet section 13).

use sqlparser::tokenizer::Token;
use triglot_parse_sql::Input;

use super::others::dotted;
use super::{Parsed, table_name, tables};
use crate::ast::{GrantsOn, Show};

pub(super) fn show(p: &mut Input<'_>) -> Parsed<Show> {
    p.expect_words(&["SHOW"])?;
    if p.words(&["TAG", "VALUES"]) || p.words(&["ATTRIBUTE", "VALUES"]) {
        p.expect_words(&["FROM"])?;
        return Ok(Show::TagValues(table_name(p.qualified_name()?)?));
    }
    if p.words(&["CLUSTER", "SETTING"]) {
        return Ok(Show::ClusterSetting(dotted(p)?));
    }
    if p.words(&["CLUSTER", "SETTINGS"]) || p.words(&["ALL", "CLUSTER", "SETTINGS"]) {
        return Ok(Show::ClusterSettings);
    }
    if p.words(&["TIME", "ZONE"]) {
        return Ok(Show::Session("timezone".to_owned()));
    }
    const WORDS: [&str; 21] = [
        "DATABASES",
        "TABLES",
        "COLUMNS",
        "TAGS",
        "ATTRIBUTES",
        "CREATE",
        "RETENTIONS",
        "INDEXES",
        "INDEX",
        "KEYS",
        "CONSTRAINTS",
        "CONSTRAINT",
        "SCHEMAS",
        "SESSIONS",
        "QUERIES",
        "JOBS",
        "USERS",
        "ROLES",
        "GRANTS",
        "ALL",
        "CLUSTER",
    ];
    let Some(word) = p.one_of(&WORDS) else {
        p.word("SESSION");
        return Ok(Show::Session(dotted(p)?));
    };
    Ok(match word {
        "DATABASES" => Show::Databases { with_comment: with_comment(p)? },
        "TABLES" => {
            let database = if p.word("FROM") { Some(database(p)?) } else { None };
            Show::Tables { database, with_comment: with_comment(p)? }
        }
        "COLUMNS" => {
            p.expect_words(&["FROM"])?;
            let table = table_name(p.qualified_name()?)?;
            Show::Columns { table, with_comment: with_comment(p)? }
        }
        "TAGS" | "ATTRIBUTES" => {
            p.expect_words(&["FROM"])?;
            Show::Tags(table_name(p.qualified_name()?)?)
        }
        "CREATE" => create(p)?,
        "RETENTIONS" => {
            p.expect_words(&["ON", "TABLE"])?;
            Show::Retentions(table_name(p.qualified_name()?)?)
        }
        "INDEXES" | "INDEX" | "KEYS" => {
            p.expect_words(&["FROM"])?;
            Show::Indexes(table_name(p.qualified_name()?)?)
        }
        "CONSTRAINTS" | "CONSTRAINT" => {
            p.expect_words(&["FROM"])?;
            Show::Constraints(table_name(p.qualified_name()?)?)
        }
        "SCHEMAS" => Show::Schemas(if p.word("FROM") { Some(p.name()?) } else { None }),
        "SESSIONS" => Show::Sessions,
        "QUERIES" => Show::Queries,
        "JOBS" => Show::Jobs,
        "USERS" => Show::Users,
        "ROLES" => Show::Roles,
        "GRANTS" => Show::Grants(grants(p)?),
        "CLUSTER" => match p.one_of(&["SESSIONS", "QUERIES"]) {
            Some("SESSIONS") => Show::Sessions,
            Some(_) => Show::Queries,
            None => return p.expected("SETTING, SESSIONS or QUERIES"),
        },
        _ => Show::Session("all".to_owned()),
    })
}

/// `db[.public]`
fn database(p: &mut Input<'_>) -> Parsed<String> {
    let name = p.name()?;
    if p.token(&Token::Period) {
        p.expect_words(&["PUBLIC"])?;
    }
    Ok(name)
}

fn with_comment(p: &mut Input<'_>) -> Parsed<bool> {
    if !p.word("WITH") {
        return Ok(false);
    }
    p.expect_words(&["COMMENT"])?;
    Ok(true)
}

fn create(p: &mut Input<'_>) -> Parsed<Show> {
    if p.word("DATABASE") {
        return Ok(Show::CreateDatabase(p.name()?));
    }
    // A table may be called so.
    let followed = !matches!(p.parser().peek_nth_token_ref(1).token, Token::EOF | Token::Period);
    if followed {
        p.one_of(&["TABLE", "VIEW"]);
    }
    let name = p.qualified_name()?;
    let written = name.to_string();
    Ok(Show::Create { table: table_name(name)?, written })
}

fn grants(p: &mut Input<'_>) -> Parsed<GrantsOn> {
    if !p.word("ON") {
        return Ok(GrantsOn::Everything);
    }
    if p.word("ROLE") {
        let named = matches!(p.peek().token, Token::Word(_));
        return Ok(GrantsOn::Roles(if named { names(p)? } else { Vec::new() }));
    }
    if p.word("DATABASE") {
        return Ok(GrantsOn::Databases(names(p)?));
    }
    p.word("TABLE");
    Ok(GrantsOn::Tables(tables(p)?))
}

fn names(p: &mut Input<'_>) -> Parsed<Vec<String>> {
    let mut names = vec![p.name()?];
    while p.token(&Token::Comma) {
        names.push(p.name()?);
    }
    Ok(names)
}
