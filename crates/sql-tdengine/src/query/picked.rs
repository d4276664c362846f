//! Some rows of each group: `TOP`, `BOTTOM`, `TAIL`, `UNIQUE`, `SAMPLE`.

use datafusion::functions::math::expr_fn::random;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, SortExpr};
use triglot_engine::query::operators::SliceLimit;
use triglot_parse_tdengine::ast::{Call, Expr, ExprKind};

use super::calls::is_numeric;
use super::expr::{self, Place, Resolver, Rows};
use super::kinds::{self, FunctionKind};
use super::plain::{Key, key_by_alias};
use super::scope::Scope;
use super::stage::Stage;
use super::window::WindowKey;
use super::{constants, errors};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

/// A select list with one function that picks rows.
pub(super) struct Picked<'s> {
    scope: &'s Scope,
    keys: Vec<Key>,
    window: Option<WindowKey>,
    call: &'s Call,
    argument: Typed,
    pick: Pick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pick {
    Extreme { largest: bool, rows: u64 },
    Tail { rows: u64, skip: u64 },
    Unique,
    Sample { rows: u64 },
}

impl<'s> Picked<'s> {
    /// The rows that `call` picks of each group of `keys` and of each window.
    ///
    /// # Errors
    /// 0x2801 to 0x2803 for wrong arguments, 0x2647 without a timeline, 0x2659 where it cannot stand in a window.
    pub(super) fn new(
        scope: &'s Scope,
        keys: Vec<Key>,
        window: Option<WindowKey>,
        call: &'s Call,
        env: &FunctionEnv,
    ) -> Result<Self, TaosError> {
        let name = call.name.name.as_str();
        let mut rows = Rows::new(scope, Place::Argument);
        let args = call.args.iter().map(|a| expr::lower(&a.expr, env, &mut rows));
        let args = args.collect::<Result<Vec<Typed>, _>>()?;
        let count = |typed: &Typed, high: i64| constants::within(name, typed, 1, high).map(|n| n as u64);
        let (argument, pick) = match (name, args.as_slice()) {
            ("top" | "bottom", [argument, k]) => {
                if !is_numeric(argument.ty) || argument.ty == TaosType::Bool {
                    return Err(errors::argument_type(name));
                }
                (argument, Pick::Extreme { largest: name == "top", rows: count(k, 100)? })
            }
            ("tail", [argument, k]) => (argument, Pick::Tail { rows: count(k, 100)?, skip: 0 }),
            ("tail", [argument, k, skip]) => {
                let skip = constants::within(name, skip, 0, 100)? as u64;
                (argument, Pick::Tail { rows: count(k, 100)?, skip })
            }
            ("unique", [argument]) => (argument, Pick::Unique),
            ("sample", [argument, k]) => (argument, Pick::Sample { rows: count(k, 1000)? }),
            _ => return Err(errors::arity(name)),
        };
        let argument = argument.clone();
        if scope.time().is_none() && matches!(pick, Pick::Tail { .. } | Pick::Unique) {
            return Err(errors::no_timeline(name));
        }
        let is_computed = window.as_ref().is_some_and(|w| w.end_of_start.is_none());
        if is_computed || (window.is_some() && matches!(pick, Pick::Tail { .. } | Pick::Unique)) {
            return Err(errors::not_in_window(name));
        }
        Ok(Self { scope, keys, window, call, argument, pick })
    }

    fn window_column(&self, name: &str) -> Option<Typed> {
        let window = self.window.as_ref()?;
        let end = window.end_of_start.as_ref()?.of(window.value.clone());
        Some(match name {
            "_wstart" => Typed::fixed(window.value.clone(), TaosType::Timestamp),
            "_wend" => Typed::fixed(end, TaosType::Timestamp),
            "_wduration" => {
                let count =
                    |e: PlanExpr| datafusion::logical_expr::cast(e, arrow::datatypes::DataType::Int64);
                Typed::fixed(count(end) - count(window.value.clone()), TaosType::BigInt)
            }
            _ => return None,
        })
    }

    /// The keys of groups and windows.
    fn slices(&self) -> Vec<PlanExpr> {
        let keys = self.keys.iter().map(|k| k.value.expr.clone());
        keys.chain(self.window.as_ref().map(|w| w.value.clone())).collect()
    }

    fn by_time(&self, ascending: bool) -> Vec<SortExpr> {
        self.scope.order().into_iter().map(|key| key.sort(ascending, true)).collect()
    }
}

impl Resolver for Picked<'_> {
    fn resolve(&mut self, expr: &Expr, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
        match &expr.kind {
            ExprKind::Call(call) if kinds::of(&call.name.name) == FunctionKind::Scalar => Ok(None),
            // The same function of the same arguments is the same value.
            ExprKind::Call(call) if is_same(call, self.call) => Ok(Some(self.argument.clone())),
            ExprKind::Call(call) => Err(errors::mixed(&call.name.name)),
            ExprKind::Column { table: None, name } if self.window_column(&name.name).is_some() => {
                Ok(self.window_column(&name.name))
            }
            _ => match key_by_alias(&self.keys, expr) {
                Some(key) => Ok(Some(key.value.clone())),
                None => Rows::new(self.scope, Place::Clause).resolve(expr, env),
            },
        }
    }
}

/// Whether two calls differ in nothing but their places.
fn is_same(a: &Call, b: &Call) -> bool {
    a.args.iter().map(|a| a.expr.span).eq(b.args.iter().map(|b| b.expr.span)) && a.name.name == b.name.name
}

impl Stage for Picked<'_> {
    fn column(&mut self, column: &Typed, _env: &FunctionEnv) -> Result<Typed, TaosError> {
        Ok(column.clone())
    }

    fn selection(&mut self, function: &str, _: &Typed, _: &FunctionEnv) -> Result<Typed, TaosError> {
        Err(errors::mixed(function))
    }

    fn finish(&mut self, rows: LogicalPlan, _env: &FunctionEnv) -> Result<LogicalPlan, TaosError> {
        let known = |rows: LogicalPlan| {
            let known = LogicalPlanBuilder::from(rows).filter(self.argument.expr.clone().is_not_null());
            known.and_then(LogicalPlanBuilder::build).map_err(errors::planner)
        };
        let mut slices = self.slices();
        let (rows, order, skip, take) = match self.pick {
            Pick::Extreme { largest, rows: k } => {
                let mut order = vec![self.argument.expr.clone().sort(!largest, false)];
                order.extend(self.by_time(true));
                (known(rows)?, order, 0, k)
            }
            Pick::Tail { rows: k, skip } => (rows, self.by_time(false), skip, k),
            Pick::Unique => {
                slices.push(self.argument.expr.clone());
                (rows, self.by_time(true), 0, 1)
            }
            Pick::Sample { rows: k } => (known(rows)?, vec![random().sort(true, true)], 0, k),
        };
        SliceLimit::rows(slices, order, skip, Some(take)).over(rows).map_err(errors::planner)
    }

    fn slice_keys(&self) -> Vec<Typed> {
        self.keys.iter().map(|k| k.value.clone()).collect()
    }

    /// In the order of time, `TAIL` newest first.
    fn default_order(&self) -> Vec<SortExpr> {
        let keys = self.slices().into_iter().map(|k| k.sort(true, true));
        keys.chain(self.by_time(!matches!(self.pick, Pick::Tail { .. }))).collect()
    }
}
