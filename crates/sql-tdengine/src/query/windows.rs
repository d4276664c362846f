//! Window clauses: which windows there are, and the errors of their parameters.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan};
use triglot_engine::query::operators::{AssignWindows, NullState, WINDOW, WINDOW_START, WindowKind};
use triglot_functions::buckets::{Buckets, Width, bucket_next, bucket_start};
use triglot_parse_tdengine::ast::{CountWindow, Duration, Expr, Interval, StateExtend, Unit, Window};

use super::bounds::TimeBounds;
use super::constants::fixed_units;
use super::errors;
use super::expr::{self, Place, Rows};
use super::plain::Key;
use super::scope::{Scope, SourceKind};
use super::window::{StateRule, WindowEnd, WindowKey};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType, functions};

/// A window clause over the rows of a block.
pub(super) struct Windows<'a> {
    /// The names of the rows.
    pub(super) scope: &'a Scope,
    /// The slices that windows split further.
    pub(super) keys: &'a [Key],
    /// The times that WHERE lets in.
    pub(super) bounds: TimeBounds,
    /// What functions depend on.
    pub(super) env: &'a FunctionEnv,
}

impl Windows<'_> {
    /// The rows with what tells their windows apart.
    ///
    /// # Errors
    /// 0x2615, 0x2628 to 0x2632, 0x2650, 0x2687, 0x2688.
    pub(super) fn assign(
        &self,
        window: &Window,
        rows: LogicalPlan,
    ) -> Result<(LogicalPlan, WindowKey), TaosError> {
        let time = self.scope.time().cloned().ok_or_else(errors::window_without_time)?;
        let mut rule = None;
        let (kind, true_for) = match window {
            Window::Interval(interval) => return self.interval(*interval, &time, rows),
            Window::Session { column, gap } => (self.session(column, *gap, &time)?, None),
            Window::State { expr, extend, zeroth, true_for } => {
                let value = self.state(expr)?;
                let nulls = match extend {
                    StateExtend::None => NullState::Skip,
                    StateExtend::Forward => NullState::Continue,
                    StateExtend::Backward => NullState::Precede,
                };
                let kind = WindowKind::State { value: value.expr.clone(), nulls };
                let zeroth = zeroth.as_ref().map(|e| self.lower(e)).transpose()?;
                rule = Some(StateRule { extend: *extend, without: zeroth.map(|zeroth| (value, zeroth)) });
                (kind, *true_for)
            }
            Window::Event { start, end, true_for } => {
                let (start, end) = (self.condition(start)?, self.condition(end)?);
                (WindowKind::Event { start, end }, *true_for)
            }
            Window::Count(count) => (self.count(count)?, None),
        };
        let shortest = true_for.map(|d| self.true_for(d)).transpose()?;
        let operator = AssignWindows { groups: self.groups(), time: time.expr, kind };
        let rows = operator.over(rows).map_err(errors::planner)?;
        let value = PlanExpr::Column(Column::new_unqualified(WINDOW));
        Ok((rows, WindowKey { value, end_of_start: None, starts: None, shortest, state: rule }))
    }

    fn groups(&self) -> Vec<PlanExpr> {
        self.keys.iter().map(|k| k.value.expr.clone()).collect()
    }

    fn interval(
        &self,
        interval: Interval,
        time: &Typed,
        rows: LogicalPlan,
    ) -> Result<(LogicalPlan, WindowKey), TaosError> {
        let grid = Grid::new(interval, self.bounds, self.env)?;
        let Some(width) = grid.sliding else {
            let value = bucket_start(grid.starts).call(vec![time.expr.clone()]);
            let end = WindowEnd::Function(Arc::new(bucket_next(grid.starts)));
            return Ok((rows, WindowKey::of_interval(value, end, grid.starts)));
        };
        let kind = WindowKind::Sliding { buckets: grid.starts, width };
        let operator = AssignWindows { groups: self.groups(), time: time.expr.clone(), kind };
        let rows = operator.over(rows).map_err(errors::planner)?;
        let value = PlanExpr::Column(Column::new_unqualified(WINDOW_START));
        let ty = arrow::datatypes::DataType::Timestamp(self.env.precision.arrow(), None);
        let end = WindowEnd::After(width, ty);
        Ok((rows, WindowKey::of_interval(value, end, grid.starts)))
    }

    fn session(&self, column: &Expr, gap: Duration, time: &Typed) -> Result<WindowKind, TaosError> {
        let given = self.lower(column)?;
        if given.expr != time.expr {
            return Err(TaosError::new(0x262C, "Only support SESSION on primary timestamp column"));
        }
        let gap = fixed_units(gap, self.env.precision).filter(|gap| *gap > 0);
        let gap = gap.ok_or_else(|| {
            TaosError::new(0x262B, "SESSION gap should be fixed time window, and greater than 0")
        })?;
        Ok(WindowKind::Session { gap })
    }

    fn state(&self, expr: &Expr) -> Result<Typed, TaosError> {
        let state = self.lower(expr)?;
        if self.scope.is_of_child(&state) {
            return Err(TaosError::new(0x2629, "Not support STATE_WINDOW on tag column"));
        }
        if !state.ty.is_integer() && !state.ty.is_text() && state.ty != TaosType::Bool {
            return Err(TaosError::new(0x2628, "Only support STATE_WINDOW on integer/bool/varchar column"));
        }
        Ok(state)
    }

    fn count(&self, count: &CountWindow) -> Result<WindowKind, TaosError> {
        let by_child = self.keys.iter().any(|k| self.scope.is_child_name(&k.value));
        let is_super = self.scope.single().is_some_and(|s| s.kind == SourceKind::Super);
        if is_super && !by_child {
            return Err(errors::single_table("COUNT_WINDOW"));
        }
        let slide = count.sliding.unwrap_or(count.rows);
        if !(2..=i64::from(i32::MAX)).contains(&count.rows) || !(1..=count.rows).contains(&slide) {
            return Err(errors::syntax(&count.rows.to_string()));
        }
        let required = count.columns.iter().map(|c| self.scope.column(None, c).map(|c| c.expr));
        Ok(WindowKind::Count {
            rows: count.rows.unsigned_abs(),
            slide: slide.unsigned_abs(),
            required: required.collect::<Result<_, _>>()?,
        })
    }

    fn true_for(&self, duration: Duration) -> Result<i64, TaosError> {
        if duration.count < 0 {
            return Err(TaosError::new(0x2687, "TRUE_FOR duration cannot be negative"));
        }
        let units = fixed_units(duration, self.env.precision);
        units.ok_or_else(|| TaosError::new(0x2688, "Cannot use 'year' or 'month' as TRUE_FOR duration"))
    }

    fn condition(&self, expr: &Expr) -> Result<PlanExpr, TaosError> {
        Ok(functions::condition(self.lower(expr)?)?.expr)
    }

    fn lower(&self, expr: &Expr) -> Result<Typed, TaosError> {
        expr::lower(expr, self.env, &mut Rows::new(self.scope, Place::Clause))
    }
}

/// The windows of an INTERVAL clause.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// Where they start.
    pub(super) starts: Buckets,
    /// Their width, if they slide: else a window ends where the next one starts.
    pub(super) sliding: Option<i64>,
}

impl Grid {
    /// # Errors
    /// 0x2615 a width below one unit of time, 0x262D to 0x262F the offset's, 0x2630 to 0x2632 those of SLIDING.
    pub(super) fn new(interval: Interval, bounds: TimeBounds, env: &FunctionEnv) -> Result<Self, TaosError> {
        let width = interval.width;
        let months = width.unit.months().map(|m| m.checked_mul(width.count));
        let (bucket, in_units) = match months {
            Some(months) => (Width::Months(positive(months)?), None),
            None => {
                let units = positive(fixed_units(width, env.precision))?;
                (Width::Fixed(units), Some(units))
            }
        };
        let sliding = interval.sliding.map(|s| slide(s, in_units, env)).transpose()?;
        let sliding = sliding.filter(|slide| Some(*slide) != in_units);
        let base = sliding.map_or(bucket, Width::Fixed);
        // Days and weeks follow the clocks of the session; what is given in hours does not.
        let has_days = |d: Duration| matches!(d.unit, Unit::Day | Unit::Week) || d.unit.months().is_some();
        let local = has_days(interval.sliding.filter(|_| sliding.is_some()).unwrap_or(width));
        let zone = if local { env.zone } else { chrono_tz::Tz::UTC };
        let make = |offset: i64, months: i64| {
            let buckets = Buckets::new(base, offset, zone, env.precision.arrow());
            buckets
                .ok()
                .and_then(|b| b.with_offset_months(months).ok())
                .ok_or_else(errors::interval_too_small)
        };
        let starts = match interval.offset {
            Some(given) => {
                let (units, months) = offset(given, width, env)?;
                make(units, months)?
            }
            None if interval.auto_offset => match bounds.start {
                Some(first) => {
                    env.request.read();
                    let plain = make(0, 0)?;
                    let start = plain.start_of(first).map_err(|_| errors::range_required())?;
                    make(first - start, 0)?
                }
                None => make(0, 0)?,
            },
            None => make(0, 0)?,
        };
        Ok(Self { starts, sliding: sliding.and(in_units) })
    }
}

fn positive(count: Option<i64>) -> Result<i64, TaosError> {
    count.filter(|n| *n > 0).ok_or_else(errors::interval_too_small)
}

/// SLIDING in units of time.
fn slide(slide: Duration, width: Option<i64>, env: &FunctionEnv) -> Result<i64, TaosError> {
    let calendar = || TaosError::new(0x2630, "Does not support sliding when interval is natural month/year");
    let Some(width) = width else { return Err(calendar()) };
    if slide.unit.months().is_some() {
        return Err(calendar());
    }
    let units = positive(fixed_units(slide, env.precision))?;
    if units > width {
        return Err(TaosError::new(0x2631, "sliding value no larger than the interval value"));
    }
    if i128::from(units) * 100 < i128::from(width) {
        return Err(TaosError::new(0x2632, "sliding value can not less than 1% of interval value"));
    }
    Ok(units)
}

/// The offset of an interval of `width`: units of time, and months.
fn offset(offset: Duration, width: Duration, env: &FunctionEnv) -> Result<(i64, i64), TaosError> {
    if offset.count < 0 {
        return Err(TaosError::new(0x262D, "Interval offset cannot be negative"));
    }
    let wrong_unit = || TaosError::new(0x262E, "Cannot use 'year' as offset when interval is 'month'");
    let too_long = || TaosError::new(0x262F, "Interval offset should be shorter than interval");
    match (offset.unit.months(), width.unit.months()) {
        (Some(_), None) => Err(wrong_unit()),
        (Some(unit), Some(of_width)) => {
            if offset.unit > width.unit {
                return Err(wrong_unit());
            }
            let (offset, width) = (unit.saturating_mul(offset.count), of_width.saturating_mul(width.count));
            if offset >= width { Err(too_long()) } else { Ok((0, offset)) }
        }
        (None, of_width) => {
            let units = fixed_units(offset, env.precision).ok_or_else(errors::interval_too_small)?;
            let longest = match of_width {
                // The shortest month has 28 days.
                Some(months) => fixed_units(
                    Duration {
                        count: months.saturating_mul(width.count).saturating_mul(28),
                        unit: Unit::Day,
                    },
                    env.precision,
                ),
                None => fixed_units(width, env.precision),
            };
            if longest.is_some_and(|longest| units >= longest) { Err(too_long()) } else { Ok((units, 0)) }
        }
    }
}
