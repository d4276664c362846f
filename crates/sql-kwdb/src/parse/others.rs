//! Statements of a line: DROP TABLE, TRUNCATE, COMMENT ON, indexes, SET, and what this server has not.

use sqlparser::tokenizer::Token;
use triglot_parse_sql::{Input, fold};

use super::{Fault, Parsed, table_name, tables};
use crate::KwError;
use crate::ast::{CommentOn, SettingValue, Stmt};

pub(super) fn drop_table(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["DROP", "TABLE"])?;
    let if_exists = p.if_exists()?;
    let tables = tables(p)?;
    p.one_of(&["CASCADE", "RESTRICT"]);
    Ok(Stmt::DropTable { tables, if_exists })
}

pub(super) fn truncate(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["TRUNCATE"])?;
    p.word("TABLE");
    let tables = tables(p)?;
    p.one_of(&["CASCADE", "RESTRICT"]);
    Ok(Stmt::Truncate(tables))
}

pub(super) fn comment(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["COMMENT", "ON"])?;
    let on = match p.one_of(&["DATABASE", "TABLE", "COLUMN", "TAG"]) {
        Some("DATABASE") => CommentOn::Database(p.name()?),
        Some("TABLE") => CommentOn::Table(table_name(p.qualified_name()?)?),
        Some(_) => {
            let mut name = p.qualified_name()?;
            let Some(column) = name.0.pop().and_then(|part| part.as_ident().cloned()).map(fold) else {
                return p.expected("a column");
            };
            if name.0.is_empty() {
                let message = format!("column name \"{column}\" must be qualified with a table");
                return Err(KwError::new("42601", message).into());
            }
            CommentOn::Column(table_name(name)?, column)
        }
        None => return p.expected("DATABASE, TABLE or COLUMN"),
    };
    p.expect_words(&["IS"])?;
    let text = if p.word("NULL") { None } else { Some(p.string()?) };
    Ok(Stmt::Comment { on, text })
}

/// `CREATE [UNIQUE] INDEX [CONCURRENTLY] [IF NOT EXISTS] [name] ON t (column [ASC | DESC], …)`
pub(super) fn create_index(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["CREATE"])?;
    let unique = p.word("UNIQUE");
    p.expect_words(&["INDEX"])?;
    p.word("CONCURRENTLY");
    p.if_not_exists()?;
    if !p.peeks("ON") {
        p.name()?;
    }
    p.expect_words(&["ON"])?;
    let table = table_name(p.qualified_name()?)?;
    p.expect_token(&Token::LParen)?;
    let mut columns = Vec::new();
    loop {
        columns.push(p.name()?);
        p.one_of(&["ASC", "DESC"]);
        if !p.token(&Token::Comma) {
            break;
        }
    }
    p.expect_token(&Token::RParen)?;
    Ok(Stmt::CreateIndex { table, columns, unique })
}

/// `DROP INDEX [IF EXISTS] [t@]name [CASCADE | RESTRICT]`
pub(super) fn drop_index(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["DROP", "INDEX"])?;
    p.word("CONCURRENTLY");
    let if_exists = p.if_exists()?;
    let mut name = p.qualified_name()?.to_string();
    if p.token(&Token::AtSign) {
        name = p.name()?;
    }
    p.one_of(&["CASCADE", "RESTRICT"]);
    Ok(Stmt::DropIndex { if_exists, name })
}

/// `SET CLUSTER SETTING name {= | TO} value`, `SET [SESSION] name {= | TO} value`
pub(super) fn set(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["SET"])?;
    if p.words(&["CLUSTER", "SETTING"]) {
        let name = dotted(p)?;
        is(p)?;
        let value = if p.word("DEFAULT") { None } else { Some(setting_value(p)?) };
        return Ok(Stmt::SetClusterSetting { name, value });
    }
    p.word("SESSION");
    if p.words(&["TIME", "ZONE"]) {
        return Ok(Stmt::SetSession { name: "timezone".to_owned(), value: session_value(p)? });
    }
    let name = dotted(p)?;
    is(p)?;
    Ok(Stmt::SetSession { name, value: session_value(p)? })
}

fn is(p: &mut Input<'_>) -> Parsed<()> {
    if p.token(&Token::Eq) { Ok(()) } else { Ok(p.expect_words(&["TO"])?) }
}

/// A name of words with points between them.
pub(super) fn dotted(p: &mut Input<'_>) -> Parsed<String> {
    let mut name = p.name()?;
    while p.token(&Token::Period) {
        name = format!("{name}.{}", p.name()?);
    }
    Ok(name)
}

fn setting_value(p: &mut Input<'_>) -> Parsed<SettingValue> {
    if p.peeks_string() {
        return Ok(SettingValue::Text(p.string()?));
    }
    let negative = p.token(&Token::Minus);
    if let Token::Number(digits, _) = &p.peek().token {
        let digits = digits.clone();
        p.any_token();
        return Ok(SettingValue::Number(if negative { format!("-{digits}") } else { digits }));
    }
    match p.any_word().as_deref() {
        Some("TRUE") if !negative => Ok(SettingValue::Bool(true)),
        Some("FALSE") if !negative => Ok(SettingValue::Bool(false)),
        Some(word) if !negative => Ok(SettingValue::Word(word.to_ascii_lowercase())),
        _ => p.expected("a value"),
    }
}

/// One value, or several with commas between them, as text.
fn session_value(p: &mut Input<'_>) -> Parsed<String> {
    let mut text = String::new();
    loop {
        match setting_value(p)? {
            SettingValue::Text(value) | SettingValue::Number(value) | SettingValue::Word(value) => {
                text.push_str(&value);
            }
            SettingValue::Bool(value) => text.push_str(if value { "true" } else { "false" }),
        }
        if !p.token(&Token::Comma) {
            return Ok(text);
        }
        text.push_str(", ");
    }
}

/// What no branch reads: a statement of KWDB's that this server has not, or none at all.
pub(super) fn unknown(p: &mut Input<'_>, word: &str) -> Parsed<Stmt> {
    const KNOWN: [&str; 24] = [
        "BEGIN",
        "START",
        "COMMIT",
        "END",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "PREPARE",
        "EXECUTE",
        "DEALLOCATE",
        "IMPORT",
        "EXPORT",
        "BACKUP",
        "RESTORE",
        "ANALYZE",
        "CANCEL",
        "PAUSE",
        "RESUME",
        "CALL",
        "CREATE",
        "ALTER",
        "DROP",
        "RESET",
        "COPY",
    ];
    let is_definition = matches!(word, "CREATE" | "ALTER" | "DROP");
    let second = p.leading_words()[1].clone();
    if !KNOWN.contains(&word) || (is_definition && !OBJECTS.contains(&second.as_str())) {
        if is_definition {
            p.any_word();
        }
        return p.expected::<_, Fault>("a statement");
    }
    let name = if is_definition { format!("{word} {second}") } else { word.to_owned() };
    Err(KwError::unsupported(&name).into())
}

/// Kinds of objects that KWDB has and this server has not.
const OBJECTS: [&str; 17] = [
    "VIEW",
    "SEQUENCE",
    "SCHEMA",
    "PROCEDURE",
    "FUNCTION",
    "TRIGGER",
    "STREAM",
    "SCHEDULE",
    "STATISTICS",
    "TYPE",
    "CHANGEFEED",
    "PIPE",
    "AUDIT",
    "PARTITION",
    "RANGE",
    "SERVICE",
    "MATERIALIZED",
];
