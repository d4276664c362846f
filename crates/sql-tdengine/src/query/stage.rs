//! What the select list makes of rows, as the rest of lowering sees it.

use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::SortExpr;

use triglot_parse_tdengine::ast::{Call, Expr};

use super::errors;
use super::expr::Resolver;
use crate::TaosError;
use crate::typed::{FunctionEnv, Typed};

/// Resolves the names of the select list, HAVING and ORDER BY, collects what they call for, and then makes
/// the plan in which the expressions that it gave are columns.
pub(super) trait Stage: Resolver {
    /// A column of FROM that `*` stands for.
    ///
    /// # Errors
    /// Rows are grouped and the column is no key.
    fn column(&mut self, column: &Typed, env: &FunctionEnv) -> Result<Typed, TaosError>;

    /// One of the columns that `first(*)` and `last(a, b)` stand for: the function's value of `argument`.
    ///
    /// # Errors
    /// There are no groups here.
    fn selection(&mut self, function: &str, argument: &Typed, env: &FunctionEnv) -> Result<Typed, TaosError>;

    /// `COLS(selection, value)`: the value in the row that the call selects.
    ///
    /// # Errors
    /// There are no groups here; those of the expressions.
    fn in_row_of(&mut self, selection: &Call, value: &Expr, env: &FunctionEnv) -> Result<Typed, TaosError> {
        let _ = (value, env);
        Err(errors::mixed(&selection.name.name))
    }

    /// The plan over the rows of FROM and WHERE, without HAVING.
    ///
    /// # Errors
    /// What was selected does not go together.
    fn finish(&mut self, rows: LogicalPlan, env: &FunctionEnv) -> Result<LogicalPlan, TaosError>;

    /// What splits the rows of the plan into slices, each of which `LIMIT` cuts; empty without slices.
    /// Complete after [`Self::finish`].
    fn slice_keys(&self) -> Vec<Typed>;

    /// The order of rows where no ORDER BY says otherwise; empty if there is none.
    fn default_order(&self) -> Vec<SortExpr>;
}
