//! Rows as they come from FROM and WHERE.

use datafusion::logical_expr::{LogicalPlan, SortExpr};
use triglot_parse_tdengine::ast::{Expr, ExprKind};

use super::errors;
use super::expr::{Place, Resolver, Rows};
use super::scope::{Scope, SourceKind};
use super::stage::Stage;
use crate::TaosError;
use crate::typed::{FunctionEnv, Typed};

/// A key of PARTITION BY or GROUP BY, over the rows of FROM.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// The key.
    pub(super) value: Typed,
    /// The name that PARTITION BY gave it.
    pub(super) alias: Option<String>,
}

/// A select list of scalar expressions, perhaps in slices.
pub(super) struct Plain<'s> {
    scope: &'s Scope,
    keys: Vec<Key>,
}

impl<'s> Plain<'s> {
    /// Over the rows of `scope`, in slices of equal `keys`.
    pub(super) const fn new(scope: &'s Scope, keys: Vec<Key>) -> Self {
        Self { scope, keys }
    }
}

/// The key that a bare name stands for as an alias of PARTITION BY.
pub(super) fn key_by_alias<'k>(keys: &'k [Key], expr: &Expr) -> Option<&'k Key> {
    let ExprKind::Column { table: None, name } = &expr.kind else { return None };
    keys.iter().find(|k| k.alias.as_deref() == Some(name.name.as_str()))
}

impl Resolver for Plain<'_> {
    fn resolve(&mut self, expr: &Expr, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
        if let Some(key) = key_by_alias(&self.keys, expr) {
            return Ok(Some(key.value.clone()));
        }
        Rows::new(self.scope, Place::Clause).resolve(expr, env)
    }
}

impl Stage for Plain<'_> {
    fn column(&mut self, column: &Typed, _env: &FunctionEnv) -> Result<Typed, TaosError> {
        Ok(column.clone())
    }

    fn selection(&mut self, function: &str, _: &Typed, _: &FunctionEnv) -> Result<Typed, TaosError> {
        Err(errors::mixed(function))
    }

    fn finish(&mut self, rows: LogicalPlan, _env: &FunctionEnv) -> Result<LogicalPlan, TaosError> {
        Ok(rows)
    }

    fn slice_keys(&self) -> Vec<Typed> {
        self.keys.iter().map(|k| k.value.clone()).collect()
    }

    /// A single table by time; slices one after another, each by time.
    fn default_order(&self) -> Vec<SortExpr> {
        let Some(source) = self.scope.single() else { return Vec::new() };
        let is_table = source.kind == SourceKind::Table;
        if !is_table && self.keys.is_empty() {
            return Vec::new();
        }
        let keys = self.keys.iter().map(|k| k.value.expr.clone());
        keys.chain(self.scope.order()).map(|k| k.sort(true, true)).collect()
    }
}
