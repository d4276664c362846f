//! Statements about vnodes and replicas. A single node has neither: they are read and refused.

use super::input::Input;
use crate::error::SqlError;

/// The refusal (010005) of a statement of words and numbers; what else stands in it is no such
/// statement.
pub(super) fn refuse(p: &mut Input<'_>) -> Result<SqlError, SqlError> {
    let mut text: Vec<String> = Vec::new();
    while p.end().is_err() {
        match p.any_word() {
            Some(word) => text.push(word),
            None => text.push(p.number()?.to_string()),
        }
    }
    Ok(SqlError::NotImplemented(format!("{} on a single node", text.join(" "))))
}
