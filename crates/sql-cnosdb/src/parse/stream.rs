//! Statements about streams. They are read, so that what is wrong with them is told, and refused.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::input::{Input, Names};
use crate::error::SqlError;

/// What a stream table must say of its source (sheet section 12).
const OPTIONS: [&str; 3] = ["db", "table", "event_time_column"];
/// The only engine.
const ENGINE: &str = "tskv";

/// The refusal of `CREATE STREAM TABLE`.
pub(super) fn create(p: &mut Input<'_>) -> Result<SqlError, SqlError> {
    p.expect_words(&["CREATE", "STREAM", "TABLE"])?;
    p.if_not_exists()?;
    let table = p.table_name()?;
    if p.peeks_token(&Token::LParen) {
        p.column_definitions()?;
    }
    p.expect_words(&["WITH"])?;
    let options = p.key_values()?;
    p.expect_words(&["ENGINE"])?;
    p.expect_token(&Token::Eq)?;
    let engine = p.name()?;
    p.end()?;
    if engine != ENGINE {
        return Ok(SqlError::Coded { code: "010059", text: format!("Unsupported stream type: {engine}") });
    }
    if let Some(missing) = OPTIONS.iter().find(|name| !options.iter().any(|(key, _)| key == *name)) {
        let text = format!("Missing option [{missing}] of table {}", table.table);
        return Ok(SqlError::Coded { code: "010066", text });
    }
    Ok(SqlError::NotImplemented(format!("stream table {}", table.table)))
}

/// The refusal of `SHOW STREAMS [VERBOSE]`, in the vendor's words, who reads and refuses it, too.
pub(super) fn show(p: &mut Input<'_>) -> Result<SqlError, SqlError> {
    p.expect_words(&["SHOW", "STREAMS"])?;
    p.word("VERBOSE");
    p.end()?;
    Ok(SqlError::NotImplemented("ShowStreams Planner.".to_owned()))
}

/// The refusal of `DROP STREAM`: a stream table is dropped like any other.
pub(super) fn drop(p: &mut Input<'_>) -> Result<SqlError, SqlError> {
    p.expect_words(&["DROP", "STREAM"])?;
    p.if_exists()?;
    p.table_name()?;
    p.end()?;
    Ok(SqlError::NotImplemented("DropStream Planner.".to_owned()))
}
