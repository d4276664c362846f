//! Limits of statements (sheet section 2) and of what the parser's stack can bear.

/// The longest statement that [`parse`](crate::parse) takes: 1 MiB, the vendor's default (code 0x0219).
pub const STATEMENT_BYTES: usize = 1024 * 1024;

/// The longest statement at all: 64 MiB, the vendor's maximum.
pub const MAX_STATEMENT_BYTES: usize = 64 * 1024 * 1024;

/// How deep parentheses, calls, CASE and subqueries may nest, and how tall the tree of an expression may grow:
/// `1+1+…` is one level for each sum. Chains of AND and of OR become balanced trees, so their length does not
/// matter. Deeper text is a syntax error at the place where it gets too deep.
pub const DEPTH: u32 = 128;

/// How many tables one FROM may join.
pub const SOURCES: usize = 128;

/// How many selects one UNION may have.
pub const UNION_PARTS: usize = 100;

/// How many columns a result may have, `*` expanded (code 0x2640): as a table.
pub const RESULT_COLUMNS: usize = 4096;

/// How many keys PARTITION BY, GROUP BY and ORDER BY may have each: sorting and grouping look at all of them together.
pub const KEYS: usize = 1024;

/// How many arguments a call may have.
pub const ARGUMENTS: usize = 4096;

/// Bytes of a database's name (code 0x2617, as the names below).
pub const DATABASE_NAME: usize = 64;

/// Bytes of the name of a table, a view, or a table's alias.
pub const TABLE_NAME: usize = 192;

/// Bytes of the name of a column, a tag, a function, or of an alias.
pub const COLUMN_NAME: usize = 64;

/// Bytes of a user's name (code 0x2610).
pub const USER_NAME: usize = 23;

/// Bytes of a pattern of LIKE that the statement holds (code 0x2600).
pub const LIKE_PATTERN: usize = 100;

/// Bytes of a regular expression of MATCH.
pub const REGEX_PATTERN: usize = 128;

/// How much of the statement an error text of code 0x2600 repeats: what fits the vendor's buffer.
pub(crate) const NEAR_SYNTAX: usize = 491;

/// How much of the statement an error text of code 0x0216 repeats, as the vendor.
pub(crate) const NEAR_INSERT: usize = 63;
