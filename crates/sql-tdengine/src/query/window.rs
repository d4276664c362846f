//! Window clauses as keys of groups.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, ScalarUDF, cast, lit};
use triglot_functions::buckets::Buckets;
use triglot_parse_tdengine::ast::StateExtend;

use crate::typed::Typed;

/// What splits the rows of a group into windows.
#[derive(Clone, Debug)]
pub(super) struct WindowKey {
    /// Over the rows: equal for the rows of one window, and growing with time.
    pub(super) value: Expr,
    /// Set if `value` is the window's start: how its end follows from it. Else a window begins and ends with its
    /// rows.
    pub(super) end_of_start: Option<WindowEnd>,
    /// Where windows start, if they are an INTERVAL's.
    pub(super) starts: Option<Buckets>,
    /// `TRUE_FOR`: shorter windows are left out.
    pub(super) shortest: Option<i64>,
    /// Of a STATE_WINDOW: where its windows begin and end, and which are left out.
    pub(super) state: Option<StateRule>,
}

/// What the arguments of STATE_WINDOW behind the state say.
#[derive(Clone, Debug)]
pub(super) struct StateRule {
    /// Whether windows reach to their neighbours.
    pub(super) extend: StateExtend,
    /// The state over the rows, and the one whose windows are left out.
    pub(super) without: Option<(Typed, Typed)>,
}

/// How the end of a window follows from its start.
#[derive(Clone, Debug)]
pub(super) enum WindowEnd {
    /// A function of the start.
    Function(Arc<ScalarUDF>),
    /// So many units later; times have this type.
    After(i64, DataType),
}

/// The column that tells windows without rows, behind FILL.
pub(super) const IS_FILLED: &str = "__is_filled";

/// The name of a window's key behind the aggregate.
const KEY: &str = "__window";

impl WindowKey {
    /// Windows of an INTERVAL.
    pub(super) const fn of_interval(value: Expr, end: WindowEnd, starts: Buckets) -> Self {
        Self { value, end_of_start: Some(end), starts: Some(starts), shortest: None, state: None }
    }

    /// The key over the rows, named.
    pub(super) fn key(&self) -> Expr {
        self.value.clone().alias(KEY)
    }

    /// The key behind the aggregate.
    pub(super) fn column(&self) -> Expr {
        Expr::Column(Column::new_unqualified(KEY))
    }
}

impl WindowEnd {
    /// The end of the window that starts at `start`.
    pub(super) fn of(&self, start: Expr) -> Expr {
        match self {
            Self::Function(function) => function.call(vec![start]),
            Self::After(width, ty) => cast(cast(start, DataType::Int64) + lit(*width), ty.clone()),
        }
    }
}
