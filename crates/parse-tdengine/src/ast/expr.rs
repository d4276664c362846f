use super::{Duration, Ident, Span};

/// An expression and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands, parentheses around it included.
    pub span: Span,
}

/// The forms of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Literal(Literal),
    /// `c` or `t.c`; pseudo columns (`tbname`, `_c0`, `_wstart` …) too.
    Column {
        /// The table's name or alias.
        table: Option<Ident>,
        /// The column.
        name: Ident,
    },
    /// `*` as the argument of a function.
    Star {
        /// `t.*`
        table: Option<Ident>,
    },
    /// `-e`, `+e`, `NOT e`.
    Unary {
        /// The operator.
        op: UnaryOp,
        /// Its operand.
        expr: Box<Expr>,
    },
    /// `a op b`.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `e IS [NOT] NULL`.
    IsNull {
        /// What is tested.
        expr: Box<Expr>,
        /// `IS NOT NULL`.
        negated: bool,
    },
    /// `e [NOT] BETWEEN a AND b`.
    Between {
        /// What is tested.
        expr: Box<Expr>,
        /// `NOT BETWEEN`.
        negated: bool,
        /// Lower bound.
        low: Box<Expr>,
        /// Upper bound.
        high: Box<Expr>,
    },
    /// `e [NOT] IN (…)`. Queries stand in FROM only (sheet section 7).
    InList {
        /// What is tested.
        expr: Box<Expr>,
        /// `NOT IN`.
        negated: bool,
        /// The list.
        list: Vec<Expr>,
    },
    /// `CASE [v] WHEN … THEN … [ELSE …] END`.
    Case {
        /// `v`
        operand: Option<Box<Expr>>,
        /// `WHEN a THEN b`
        branches: Vec<(Expr, Expr)>,
        /// `ELSE e`
        otherwise: Option<Box<Expr>>,
    },
    /// `CAST(e AS type)`.
    Cast {
        /// What is cast.
        expr: Box<Expr>,
        /// To which type.
        to: super::TypeName,
    },
    /// `f(…)`.
    Call(Call),
}

/// A call of a function. Special forms keep their words as arguments' keywords:
/// `POSITION(a IN b)`, `SUBSTRING(s FROM p FOR n)` and `TRIM(BOTH x FROM s)` come as plain calls
/// `position(a, b)`, `substring(s, p, n)` and `trim(s, x)` / `ltrim(s, x)` / `rtrim(s, x)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its name, lower case.
    pub name: Ident,
    /// `f(DISTINCT …)` is refused by the parser; nothing else stands before the arguments.
    pub args: Vec<Arg>,
}

/// An argument of a call; only `COLS` takes aliases.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// Its value.
    pub expr: Expr,
    /// `e AS a`.
    pub alias: Option<Ident>,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `NULL`
    Null,
    /// `TRUE`, `FALSE`
    Bool(bool),
    /// An integer that fits `i64`, in any base.
    Int(i64),
    /// An integer above `i64::MAX`.
    UInt(u64),
    /// Any other number.
    Float(f64),
    /// Quoted text, unescaped.
    Text(String),
    /// `TIMESTAMP '…'`
    Timestamp(String),
    /// `10s`
    Duration(Duration),
    /// `NOW` without parentheses.
    Now,
    /// `TODAY` without parentheses.
    Today,
}

/// Operators before one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`
    Minus,
    /// `+`
    Plus,
    /// `NOT`
    Not,
}

/// Operators between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `&`
    BitAnd,
    /// `|`
    BitOr,
    /// `=`, `==`
    Eq,
    /// `!=`, `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
    /// `LIKE`
    Like,
    /// `NOT LIKE`
    NotLike,
    /// `MATCH`, `REGEXP`
    Match,
    /// `NMATCH`, `NOT MATCH`, `NOT REGEXP`
    NotMatch,
    /// `AND`
    And,
    /// `OR`
    Or,
    /// `->`
    Arrow,
    /// `CONTAINS`
    Contains,
}
