//! `INTERP`: values at regular points in time.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, SortExpr, lit, not};
use triglot_engine::query::operators::{FillMode as Filling, Interp, InterpColumn, Points, Within};
use triglot_parse_tdengine::ast::{Call, Expr, ExprKind, FillMode, Select};

use super::bounds::timestamp;

use super::expr::{self, Place, Resolver, Rows};
use super::fill::filling;
use super::kinds::{self, FunctionKind};
use super::plain::{Key, key_by_alias};
use super::scope::Scope;
use super::stage::Stage;
use super::{constants, errors};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

const POINT: &str = "_irowts";
const IS_FILLED: &str = "_isfilled";
const ORIGIN: &str = "_irowts_origin";

/// A select list of `INTERP` calls.
pub(super) struct Interpolated<'s> {
    scope: &'s Scope,
    select: &'s Select,
    keys: Vec<Key>,
    time: Typed,
    points: Points,
    columns: Vec<(InterpColumn, TaosType)>,
}

impl<'s> Interpolated<'s> {
    /// Over the rows of `scope`, each slice of `keys` a series.
    ///
    /// # Errors
    /// 0x2647 without a timeline, 0x265D for a wrong RANGE or EVERY.
    pub(super) fn new(
        scope: &'s Scope,
        select: &'s Select,
        keys: Vec<Key>,
        env: &FunctionEnv,
    ) -> Result<Self, TaosError> {
        let time = scope.time().cloned().ok_or_else(|| errors::no_timeline("interp"))?;
        let points = points(select, env)?;
        Ok(Self { scope, select, keys, time, points, columns: Vec::new() })
    }

    fn call(&mut self, call: &Call, env: &FunctionEnv) -> Result<Typed, TaosError> {
        let mut rows = Rows::new(self.scope, Place::Argument);
        let args = call.args.iter().map(|a| expr::lower(&a.expr, env, &mut rows));
        let args = args.collect::<Result<Vec<Typed>, _>>()?;
        let (value, skip_nulls) = match args.as_slice() {
            [value] => (value, false),
            [value, ignore] => (value, constants::within("interp", ignore, 0, 1)? == 1),
            _ => return Err(errors::arity("interp")),
        };
        let known = self.columns.iter().find(|(c, _)| c.input == value.expr && c.skip_nulls == skip_nulls);
        let name = match known {
            Some((column, _)) => column.name.clone(),
            None => {
                let name = format!("__interp{}", self.columns.len());
                let column = self.interpolated(value, skip_nulls, &name, env)?;
                self.columns.push((column, value.ty));
                name
            }
        };
        Ok(Typed { expr: PlanExpr::Column(Column::new_unqualified(name)), ..value.clone() })
    }

    fn interpolated(
        &self,
        value: &Typed,
        skip_nulls: bool,
        name: &str,
        env: &FunctionEnv,
    ) -> Result<InterpColumn, TaosError> {
        let fill = self.select.fill.as_ref();
        let given = |at: usize| {
            let expr = fill.and_then(|f| f.values.get(at)).ok_or_else(errors::fill_count)?;
            let scope = Scope::default();
            let constant = expr::lower(expr, env, &mut Rows::new(&scope, Place::Clause))?;
            constants::converted(&constant, value.ty, env).ok_or_else(errors::fill_count)
        };
        let mode = fill.map_or(FillMode::None, |f| f.mode);
        let mode = filling(mode, value.ty, || given(self.columns.len()))?
            .ok_or_else(|| errors::argument_type("interp"))?;
        let within = match self.select.range.as_ref().and_then(|r| r.within) {
            None => None,
            Some(distance) => {
                let distance = constants::fixed_units(distance, env.precision).filter(|d| *d > 0);
                let distance = distance.ok_or_else(errors::range_clause)?;
                if !matches!(mode, Filling::Previous | Filling::Next | Filling::Near) {
                    return Err(errors::range_clause());
                }
                Some(Within { distance, otherwise: given(self.columns.len())? })
            }
        };
        Ok(InterpColumn { input: value.expr.clone(), mode, skip_nulls, within, name: name.to_owned() })
    }

    /// The column of a key behind the operator.
    fn output(key: &Key) -> Typed {
        let expr = match &key.value.expr {
            column @ PlanExpr::Column(_) => column.clone(),
            other => PlanExpr::Column(Column::new_unqualified(other.schema_name().to_string())),
        };
        Typed { expr, ..key.value.clone() }
    }

    fn key(&self, expr: &Expr, env: &FunctionEnv) -> Option<Typed> {
        if let Some(key) = key_by_alias(&self.keys, expr) {
            return Some(Self::output(key));
        }
        let value = expr::lower(expr, env, &mut Rows::new(self.scope, Place::Clause)).ok()?;
        self.keys.iter().find(|k| k.value.expr == value.expr).map(Self::output)
    }
}

/// The points of RANGE and EVERY; without RANGE from the first to the last row, without both each second.
///
/// # Errors
/// 0x265D for a range without EVERY, calendar units, and steps below one unit of time.
fn points(select: &Select, env: &FunctionEnv) -> Result<Points, TaosError> {
    let step = select.every.map(|d| constants::fixed_units(d, env.precision).filter(|n| *n > 0));
    let step = step.map(|step| step.ok_or_else(errors::range_clause)).transpose()?;
    let Some(range) = &select.range else {
        return Ok(Points { ends: None, step: step.unwrap_or_else(|| env.precision.per_second()) });
    };
    let first = constants::instant(&range.start, env)?;
    let last = range.end.as_ref().map(|e| constants::instant(e, env)).transpose()?;
    let step = match (step, last) {
        (Some(step), _) => step,
        (None, None) => 1,
        (None, Some(_)) => return Err(errors::range_clause()),
    };
    let at = |time: i64| lit(timestamp(env.precision, time));
    Ok(Points { ends: Some([at(first), at(last.unwrap_or(first))]), step })
}

impl Resolver for Interpolated<'_> {
    fn resolve(&mut self, expr: &Expr, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
        let column =
            |name: &str, ty| Ok(Some(Typed::fixed(PlanExpr::Column(Column::new_unqualified(name)), ty)));
        match &expr.kind {
            ExprKind::Literal(_) => Ok(None),
            ExprKind::Call(call) => match kinds::of(&call.name.name) {
                FunctionKind::Interp => self.call(call, env).map(Some),
                FunctionKind::Scalar => Ok(self.key(expr, env)),
                _ => Err(errors::mixed("interp")),
            },
            ExprKind::Column { table: None, name } if name.name == POINT => {
                column(POINT, TaosType::Timestamp)
            }
            ExprKind::Column { table: None, name } if name.name == IS_FILLED => {
                column(IS_FILLED, TaosType::Bool)
            }
            ExprKind::Column { table: None, name } if name.name == ORIGIN => {
                column(ORIGIN, TaosType::Timestamp)
            }
            ExprKind::Column { table, name } => match self.key(expr, env) {
                Some(key) => Ok(Some(key)),
                None => {
                    self.scope.column(table.as_ref(), name)?;
                    Err(errors::mixed("interp"))
                }
            },
            _ => Ok(self.key(expr, env)),
        }
    }
}

impl Stage for Interpolated<'_> {
    fn column(&mut self, _: &Typed, _: &FunctionEnv) -> Result<Typed, TaosError> {
        Err(errors::mixed("interp"))
    }

    fn selection(&mut self, function: &str, _: &Typed, _: &FunctionEnv) -> Result<Typed, TaosError> {
        Err(errors::mixed(function))
    }

    fn finish(&mut self, rows: LogicalPlan, _env: &FunctionEnv) -> Result<LogicalPlan, TaosError> {
        let fill = self.select.fill.as_ref();
        let has_distance = self.select.range.as_ref().is_some_and(|r| r.within.is_some());
        let takes_values =
            matches!(fill.map(|f| f.mode), Some(FillMode::Value | FillMode::ValueForced)) || has_distance;
        if takes_values && fill.is_some_and(|f| f.values.len() != self.columns.len()) {
            return Err(errors::fill_count());
        }
        let operator = Interp {
            groups: self.keys.iter().map(|k| k.value.expr.clone()).collect(),
            time: self.time.expr.clone(),
            points: self.points.clone(),
            columns: self.columns.iter().map(|(c, _)| c.clone()).collect(),
            time_name: POINT.to_owned(),
            is_filled: Some(IS_FILLED.to_owned()),
            origin: Some(ORIGIN.to_owned()),
        };
        let points = operator.over(rows).map_err(errors::planner)?;
        if fill.is_some_and(|f| f.mode != FillMode::None) {
            return Ok(points);
        }
        let is_filled = PlanExpr::Column(Column::new_unqualified(IS_FILLED));
        let real = LogicalPlanBuilder::from(points).filter(not(is_filled));
        real.and_then(LogicalPlanBuilder::build).map_err(errors::planner)
    }

    fn slice_keys(&self) -> Vec<Typed> {
        self.keys.iter().map(Self::output).collect()
    }

    fn default_order(&self) -> Vec<SortExpr> {
        let point = PlanExpr::Column(Column::new_unqualified(POINT));
        let keys = self.keys.iter().map(|k| Self::output(k).expr);
        keys.chain([point]).map(|k| k.sort(true, true)).collect()
    }
}
