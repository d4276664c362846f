use super::{Ident, Query, Span, TableName};

/// `INSERT INTO …`: literal rows for any number of tables, or a query for one.
///
/// Literal rows are kept raw, not as expressions: a statement of 1 MB holds a hundred thousand of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    /// The tables; one if its source is a query.
    pub targets: Vec<InsertTarget>,
}

/// `tb [USING …] [(c …)] VALUES …`.
#[derive(Clone, Debug, PartialEq)]
pub struct InsertTarget {
    /// The table, or the super table whose column list holds `tbname`.
    pub table: TableName,
    /// `USING s … TAGS (…)`
    pub using: Option<UsingClause>,
    /// The column list.
    pub columns: Option<Vec<Ident>>,
    /// Where the rows come from.
    pub source: InsertSource,
}

/// `USING s [(t …)] TAGS (v …)`.
#[derive(Clone, Debug, PartialEq)]
pub struct UsingClause {
    /// The super table.
    pub table: TableName,
    /// Names of the tags that values are given for; absent, all.
    pub tag_names: Option<Vec<Ident>>,
    /// Their values.
    pub tags: Vec<RawValue>,
    /// `TTL n`, in days.
    pub ttl: Option<i64>,
    /// `COMMENT 's'`
    pub comment: Option<String>,
}

/// Where the rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum InsertSource {
    /// `VALUES (…) …`: values of all rows one after another, and the rows.
    Values {
        /// Values, row by row.
        values: Vec<RawValue>,
        /// Which values make a row.
        rows: Vec<Row>,
    },
    /// `FILE 'path'`
    File(String),
    /// A query.
    Query(Box<Query>),
}

/// One row: values `first..first + len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Index of its first value.
    pub first: u32,
    /// How many values it has.
    pub len: u32,
    /// Where it stands, for errors.
    pub span: Span,
}

/// A value as it stands in the text: only its kind was decided. Its meaning depends on the column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawValue {
    /// `NULL`
    Null(Span),
    /// `TRUE`, `FALSE`
    Bool(bool, Span),
    /// A number with its sign, in any base.
    Number(Span),
    /// Quoted text; the span holds the quotes. Escapes are resolved by `lex::unescape`.
    Text(Span),
    /// Time arithmetic, `now`, `today()`, `now + 1h`, `'2024-01-01' - 1d`: the whole expression.
    Time(Span),
}

impl RawValue {
    /// Where it stands.
    pub const fn span(&self) -> Span {
        match self {
            Self::Null(span)
            | Self::Bool(_, span)
            | Self::Number(span)
            | Self::Text(span)
            | Self::Time(span) => *span,
        }
    }
}
