//! What each production gives (its tree, printed canonically), the texts of errors, and properties over
//! arbitrary text.

mod definitions;
mod errors;
mod expressions;
mod inserts;
mod lexing;
mod print;
mod properties;
mod queries;
mod statements;

/// The canonical print of a statement's tree.
fn canonical(sql: &str) -> String {
    match crate::parse(sql) {
        Ok(statement) => print::statement(&statement, sql),
        Err(error) => format!("{:#06x} {error}", error.code()),
    }
}

/// Checks statements against the canonical print of their trees.
#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        assert_eq!(canonical(sql), *expected, "{sql}");
    }
}
