//! Expressions with TDengine's types: what lowering hands to functions and operators and gets back.

use std::cell::Cell;
use std::rc::Rc;

use chrono_tz::Tz;
use datafusion::prelude::Expr;
use triglot_model::Precision;
use triglot_parse_tdengine::ast::Duration;

use crate::TaosType;

/// An expression, its TDengine type and the length that `column_meta` prints for it.
///
/// The Arrow type of `expr` follows from `ty`: integers, floats and BOOL as themselves, DECIMAL as
/// `Decimal128`, TIMESTAMP as `Timestamp` in [`FunctionEnv::precision`] without zone, VARCHAR, NCHAR and JSON as
/// `Utf8` or `Utf8View`, VARBINARY, GEOMETRY and BLOB as `Binary` or `BinaryView`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Typed {
    /// The expression.
    pub(crate) expr: Expr,
    /// Its type.
    pub(crate) ty: TaosType,
    /// The printed length: bytes of fixed types, declared or computed length of the others
    /// (characters for NCHAR).
    pub(crate) length: u32,
    /// Set for a literal like `1d`. `expr` is then what it counts as in arithmetic with integers, a BIGINT:
    /// units of the precision for fixed units, the bare count for calendar units.
    pub(crate) duration: Option<Duration>,
}

impl Typed {
    /// An expression of a type whose length is declared.
    pub(crate) const fn new(expr: Expr, ty: TaosType, length: u32) -> Self {
        Self { expr, ty, length, duration: None }
    }

    /// An expression of a type whose length is fixed (0 for the others).
    pub(crate) fn fixed(expr: Expr, ty: TaosType) -> Self {
        Self::new(expr, ty, ty.fixed_length().unwrap_or(0))
    }
}

/// What functions and operators depend on beside their arguments. Lowering writes what they need of it
/// into the plan as constants, so that plans are pure and can be kept and sent.
#[derive(Clone, Debug)]
pub(crate) struct FunctionEnv {
    /// The session's zone: of texts without one, of day boundaries, of texts made from times.
    pub(crate) zone: Tz,
    /// The precision of the database asked; milliseconds if the query has no table.
    pub(crate) precision: Precision,
    /// What is this request's alone.
    pub(crate) request: Rc<Request>,
}

/// What one request has to itself. A plan for which some of it was read is not kept for other requests.
#[derive(Debug)]
pub(crate) struct Request {
    now_ns: i64,
    database: Option<String>,
    user: String,
    was_read: Cell<bool>,
}

impl Request {
    /// `now_ns`: nanoseconds since the epoch; `user`: `name@host`.
    pub(crate) const fn new(now_ns: i64, database: Option<String>, user: String) -> Self {
        Self { now_ns, database, user, was_read: Cell::new(false) }
    }

    /// The statement's `NOW`, in nanoseconds since the epoch.
    pub(crate) fn now_ns(&self) -> i64 {
        self.read();
        self.now_ns
    }

    /// `DATABASE()`: the database of the request.
    pub(crate) fn database(&self) -> Option<&str> {
        self.read();
        self.database.as_deref()
    }

    /// `CURRENT_USER()`: `user@host`.
    pub(crate) fn user(&self) -> &str {
        self.read();
        &self.user
    }

    /// Says that the plan holds something of this request.
    pub(crate) fn read(&self) {
        self.was_read.set(true);
    }

    /// Whether the plan holds something of this request.
    pub(crate) fn was_read(&self) -> bool {
        self.was_read.get()
    }

    /// Does `work`, what it reads not counted.
    pub(crate) fn uncounted<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.was_read.get();
        let done = work();
        self.was_read.set(before);
        done
    }
}
