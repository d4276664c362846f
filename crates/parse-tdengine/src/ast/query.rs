use super::{Duration, Expr, Ident, Span, TableName};

/// A query: selects joined by unions, their order and limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The select or union. The clauses below belong to the whole.
    pub body: SetExpr,
    /// `ORDER BY`
    pub order_by: Vec<OrderItem>,
    /// `SLIMIT n [SOFFSET m]`
    pub slimit: Option<Limit>,
    /// `LIMIT n [OFFSET m]`
    pub limit: Option<Limit>,
}

/// A select, or two queries joined by `UNION [ALL]`.
#[derive(Clone, Debug, PartialEq)]
pub enum SetExpr {
    /// `SELECT …`
    Select(Box<Select>),
    /// `(query)`
    Query(Box<Query>),
    /// `a UNION [ALL] b`, associated to the left.
    Union {
        /// `UNION ALL` keeps duplicates.
        all: bool,
        /// First part.
        left: Box<SetExpr>,
        /// Second part.
        right: Box<SetExpr>,
    },
}

/// One `SELECT` up to `HAVING`.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// `SELECT DISTINCT`
    pub distinct: bool,
    /// `SELECT TAGS`: one row per child table.
    pub tags: bool,
    /// What is selected.
    pub items: Vec<Item>,
    /// `FROM`; absent, one row without columns.
    pub from: Option<Source>,
    /// `WHERE`
    pub filter: Option<Expr>,
    /// `PARTITION BY`
    pub partition_by: Vec<Partition>,
    /// `RANGE(…)`
    pub range: Option<Range>,
    /// `EVERY(d)`
    pub every: Option<Duration>,
    /// `FILL(…)`, whether it stood in the window clause or after `RANGE`/`EVERY`.
    pub fill: Option<Fill>,
    /// The window clause.
    pub window: Option<Window>,
    /// `GROUP BY`
    pub group_by: Vec<Expr>,
    /// `HAVING`
    pub having: Option<Expr>,
}

/// An item of the select list.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `*`
    Star(Span),
    /// `t.*`
    TableStar(Ident),
    /// `e [[AS] alias]`
    Expr {
        /// The expression; its span gives the default name.
        expr: Expr,
        /// The alias.
        alias: Option<Ident>,
    },
}

/// `e [[AS] a]` of `PARTITION BY`.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// The key.
    pub expr: Expr,
    /// Its alias.
    pub alias: Option<Ident>,
}

/// What stands after `FROM`.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// `[db.]t [a]`
    Table {
        /// The table.
        name: TableName,
        /// Its alias.
        alias: Option<Ident>,
    },
    /// `(query) [a]`
    Query {
        /// The query.
        query: Box<Query>,
        /// Its alias.
        alias: Option<Ident>,
    },
    /// `a JOIN b`; `a, b` is an inner join without condition.
    Join(Box<Join>),
}

/// A join.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Its kind.
    pub kind: JoinKind,
    /// Left side.
    pub left: Source,
    /// Right side.
    pub right: Source,
    /// `ON e`
    pub on: Option<Expr>,
    /// `WINDOW_OFFSET(a, b)`; only of window joins.
    pub window: Option<WindowJoin>,
    /// `JLIMIT n`
    pub limit: Option<i64>,
    /// From the first word of the join to its end.
    pub span: Span,
}

/// The bounds of a window join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowJoin {
    /// Lower offset.
    pub start: Duration,
    /// Upper offset.
    pub end: Duration,
}

/// Kinds of joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// `[INNER] JOIN`, `a, b`
    Inner,
    /// `LEFT [OUTER] JOIN`
    Left,
    /// `RIGHT [OUTER] JOIN`
    Right,
    /// `FULL [OUTER] JOIN`
    Full,
    /// `LEFT SEMI JOIN`
    LeftSemi,
    /// `RIGHT SEMI JOIN`
    RightSemi,
    /// `LEFT ANTI JOIN`
    LeftAnti,
    /// `RIGHT ANTI JOIN`
    RightAnti,
    /// `LEFT ASOF JOIN`
    LeftAsof,
    /// `RIGHT ASOF JOIN`
    RightAsof,
    /// `LEFT WINDOW JOIN`
    LeftWindow,
    /// `RIGHT WINDOW JOIN`
    RightWindow,
}

/// `RANGE(t1 [, t2] [, d])`.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// First point.
    pub start: Expr,
    /// Last point; absent, the range is one point.
    pub end: Option<Expr>,
    /// How far a neighbour may be.
    pub within: Option<Duration>,
}

/// A window clause.
#[derive(Clone, Debug, PartialEq)]
pub enum Window {
    /// `INTERVAL(…) [SLIDING(…)]`
    Interval(Interval),
    /// `SESSION(ts, d)`
    Session {
        /// Must be the primary timestamp.
        column: Expr,
        /// The largest gap.
        gap: Duration,
    },
    /// `STATE_WINDOW(e [, extend [, zeroth]]) [TRUE_FOR(d)]`
    State {
        /// The state.
        expr: Expr,
        /// What happens to rows without a state.
        extend: StateExtend,
        /// A state whose windows are left out.
        zeroth: Option<Box<Expr>>,
        /// Shorter windows are left out.
        true_for: Option<Duration>,
    },
    /// `EVENT_WINDOW START WITH e END WITH e [TRUE_FOR(d)]`
    Event {
        /// Opens a window.
        start: Expr,
        /// Closes it.
        end: Expr,
        /// Shorter windows are left out.
        true_for: Option<Duration>,
    },
    /// `COUNT_WINDOW(n [, s] [, c …])`
    Count(CountWindow),
}

/// `INTERVAL(d [, off | , AUTO]) [SLIDING(s)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The width.
    pub width: Duration,
    /// The offset.
    pub offset: Option<Duration>,
    /// `AUTO`: the offset is derived from the lower bound of time.
    pub auto_offset: bool,
    /// `SLIDING(s)`
    pub sliding: Option<Duration>,
}

/// The `extend` argument of `STATE_WINDOW`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StateExtend {
    /// 0: windows end with their last row.
    #[default]
    None,
    /// 1: until the next window starts.
    Forward,
    /// 2: from where the previous window ended.
    Backward,
}

/// `COUNT_WINDOW(n [, s] [, c …])`.
#[derive(Clone, Debug, PartialEq)]
pub struct CountWindow {
    /// Rows in a window.
    pub rows: i64,
    /// Rows from one window's start to the next one's.
    pub sliding: Option<i64>,
    /// Only rows where these are not NULL count.
    pub columns: Vec<Ident>,
}

/// `FILL(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fill {
    /// The mode.
    pub mode: FillMode,
    /// The values of `VALUE`, `VALUE_F`, and of `PREV`, `NEXT`, `NEAR` within a distance.
    pub values: Vec<Expr>,
    /// The whole clause.
    pub span: Span,
}

/// Modes of `FILL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FillMode {
    /// `NONE`
    None,
    /// `NULL`
    Null,
    /// `NULL_F`
    NullForced,
    /// `PREV`
    Prev,
    /// `NEXT`
    Next,
    /// `LINEAR`
    Linear,
    /// `NEAR`
    Near,
    /// `VALUE`
    Value,
    /// `VALUE_F`
    ValueForced,
}

/// An item of `ORDER BY`.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderItem {
    /// Expression, position or alias.
    pub expr: Expr,
    /// `DESC`
    pub descending: bool,
    /// `NULLS FIRST` / `NULLS LAST`; absent, NULL is the smallest value.
    pub nulls_first: Option<bool>,
}

/// `LIMIT n [OFFSET m]`, `LIMIT m, n`. Signs are kept: negative ones are refused later, with a code of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub count: i64,
    /// How many are skipped before.
    pub offset: i64,
}
