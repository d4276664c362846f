//! `FILL` of an INTERVAL: rows for the windows that have none.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{
    Expr as PlanExpr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, SortExpr, lit,
};
use std::sync::Arc;
use triglot_engine::query::operators::{
    FillColumn, FillMode as Filling, GapFill, Grid, Nulls, Rounding, Stride,
};
use triglot_functions::buckets::{Buckets, Width};
use triglot_parse_tdengine::ast::{self, Fill, FillMode};

use super::bounds::{TimeBounds, timestamp};
use super::expr::{self, Place, Rows};
use super::scope::Scope;
use super::window::{IS_FILLED, WindowKey};
use super::{constants, errors};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

/// More windows than this are refused.
const MAX_WINDOWS: i128 = 10_000_000;

/// What `FILL` puts into a column of a type; `None` for a line through what is no number.
///
/// # Errors
/// Those of `constant`, the value of `VALUE`.
pub(super) fn filling(
    mode: FillMode,
    ty: TaosType,
    constant: impl FnOnce() -> Result<ScalarValue, TaosError>,
) -> Result<Option<Filling>, TaosError> {
    Ok(Some(match mode {
        FillMode::None | FillMode::Null | FillMode::NullForced => Filling::Null,
        FillMode::Prev => Filling::Previous,
        FillMode::Next => Filling::Next,
        FillMode::Near => Filling::Near,
        FillMode::Linear if ty.is_number() => Filling::Linear(Rounding::TowardsZero),
        FillMode::Linear => return Ok(None),
        FillMode::Value | FillMode::ValueForced => {
            let constant = constant()?;
            if constant.is_null() { Filling::Null } else { Filling::Value(constant) }
        }
    }))
}

/// A FILL clause, checked against the query's times.
#[derive(Clone, Debug)]
pub(super) struct Filler {
    grid: Grid,
    mode: FillMode,
    values: Vec<Typed>,
}

impl Filler {
    /// `None` for `FILL(NONE)`.
    ///
    /// # Errors
    /// 0x263B without a lower and an upper bound on time, or with too many windows between them; those of
    /// expressions.
    pub(super) fn new(
        fill: &Fill,
        starts: Buckets,
        bounds: TimeBounds,
        env: &FunctionEnv,
    ) -> Result<Option<Self>, TaosError> {
        if fill.mode == FillMode::None {
            return Ok(None);
        }
        // The grid is between them.
        env.request.read();
        let (Some(first), Some(last)) = (bounds.start, bounds.end) else {
            return Err(errors::range_required());
        };
        let narrowest = match starts.width() {
            Width::Fixed(width) => i128::from(width),
            Width::Months(months) => {
                let day =
                    constants::fixed_units(ast::Duration { count: 28, unit: ast::Unit::Day }, env.precision);
                i128::from(day.unwrap_or(i64::MAX)) * i128::from(months)
            }
        };
        if (i128::from(last) - i128::from(first)) / narrowest > MAX_WINDOWS {
            return Err(errors::range_required());
        }
        let scope = Scope::default();
        let values = fill.values.iter().map(|v| expr::lower(v, env, &mut Rows::new(&scope, Place::Clause)));
        let at = |time: i64| lit(timestamp(env.precision, time));
        let grid = Grid { first: Some(at(first)), last: Some(at(last)), stride: Stride::Buckets(starts) };
        Ok(Some(Self { grid, mode: fill.mode, values: values.collect::<Result<_, _>>()? }))
    }

    /// `plan`, whose slices have `keys`, with all windows, and the values of the select list over it. What they
    /// compute of more than keys and windows is filled; so is what `sort` sorts by.
    ///
    /// # Errors
    /// 0x2605 if there are not as many values as columns to fill.
    pub(super) fn fill(
        &self,
        plan: LogicalPlan,
        keys: &[Typed],
        window: &WindowKey,
        selected: &mut [Typed],
        sort: &mut [SortExpr],
        env: &FunctionEnv,
    ) -> Result<LogicalPlan, TaosError> {
        let mut fixed: Vec<PlanExpr> = keys.iter().map(|k| k.expr.clone()).collect();
        fixed.push(window.column());
        let marker = PlanExpr::Column(Column::new_unqualified(IS_FILLED));
        let is_fixed = |e: &PlanExpr| {
            e.column_refs().into_iter().all(|c| {
                let column = PlanExpr::Column(c.clone());
                fixed.contains(&column) || column == marker
            })
        };
        let to_fill: Vec<usize> =
            selected.iter().enumerate().filter(|(_, v)| !is_fixed(&v.expr)).map(|(at, _)| at).collect();
        if matches!(self.mode, FillMode::Value | FillMode::ValueForced) && self.values.len() != to_fill.len()
        {
            return Err(errors::fill_count());
        }
        let (mut below, mut fills) = (fixed.clone(), Vec::new());
        for (number, at) in to_fill.into_iter().enumerate() {
            let Some(value) = selected.get_mut(at) else { continue };
            let name = format!("__fill{number}");
            let column = PlanExpr::Column(Column::new_unqualified(&name));
            below.push(value.expr.clone().alias(&name));
            for key in sort.iter_mut().filter(|s| s.expr == value.expr) {
                key.expr = column.clone();
            }
            let mode = self.mode_of(value, number, env)?;
            fills.push(FillColumn { input: column.clone(), mode, nulls: Nulls::Kept, name: (None, name) });
            value.expr = column;
        }
        // What is only sorted by is filled as if it were selected, but no VALUE is given for it.
        for key in sort.iter_mut().filter(|s| !is_fixed(&s.expr)) {
            if fills.iter().any(|f| f.input == key.expr) {
                continue;
            }
            let name = format!("__fill{}", fills.len());
            let column = PlanExpr::Column(Column::new_unqualified(&name));
            let ty = key.expr.get_type(plan.schema()).map_err(errors::planner)?;
            below.push(std::mem::replace(&mut key.expr, column.clone()).alias(&name));
            let mode = match self.mode {
                FillMode::Linear if ty.is_numeric() => Filling::Linear(Rounding::TowardsZero),
                FillMode::Prev | FillMode::Next | FillMode::Near => {
                    filling(self.mode, TaosType::Double, || Ok(ScalarValue::Null))?.unwrap_or(Filling::Null)
                }
                _ => Filling::Null,
            };
            fills.push(FillColumn { input: column, mode, nulls: Nulls::Kept, name: (None, name) });
        }
        let node = LogicalPlanBuilder::from(plan)
            .project(below)
            .and_then(LogicalPlanBuilder::build)
            .and_then(|input| {
                let groups = keys.iter().map(|k| k.expr.clone()).collect();
                let node =
                    GapFill::try_new(Arc::new(input), groups, window.column(), self.grid.clone(), fills)?;
                let forced = matches!(self.mode, FillMode::NullForced | FillMode::ValueForced);
                if forced { node.forced() } else { node }.with_is_filled(IS_FILLED)
            });
        Ok(node.map_err(errors::planner)?.into_plan())
    }

    fn mode_of(&self, value: &Typed, number: usize, env: &FunctionEnv) -> Result<Filling, TaosError> {
        let constant = || {
            let given = self.values.get(number).ok_or_else(errors::fill_count)?;
            constants::converted(given, value.ty, env).ok_or_else(invalid_value)
        };
        Ok(filling(self.mode, value.ty, constant)?.unwrap_or(Filling::Null))
    }
}

fn invalid_value() -> TaosError {
    TaosError::new(0x2605, "Invalid value type in FILL")
}
