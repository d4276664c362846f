//! Functions of a row and the rows before it: `DIFF`, `DERIVATIVE`, `CSUM`, `MAVG`, `STATECOUNT`, `STATEDURATION`.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, SortExpr};
use triglot_engine::query::operators::{RowCall, RowFunction, SeriesFunctions};
use triglot_parse_tdengine::ast::{BinaryOp, Call, Expr, ExprKind};

use super::calls::is_numeric;
use super::expr::{self, Place, Resolver, Rows};
use super::kinds::{self, FunctionKind};
use super::plain::{Key, key_by_alias};
use super::scope::{Scope, SourceKind};
use super::stage::Stage;
use super::{constants, errors};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType, functions};

/// A select list with series functions.
pub(super) struct Series<'s> {
    scope: &'s Scope,
    keys: Vec<Key>,
    time: Typed,
    calls: Vec<RowCall>,
    /// Columns of the rows that are needed behind the operator.
    kept: Vec<PlanExpr>,
}

impl<'s> Series<'s> {
    /// Over the rows of `scope`, each slice of `keys` a series.
    ///
    /// # Errors
    /// 0x2647 without a timeline.
    pub(super) fn new(scope: &'s Scope, keys: Vec<Key>, function: &str) -> Result<Self, TaosError> {
        let time = scope.time().cloned().ok_or_else(|| errors::no_timeline(function))?;
        let mut series =
            Self { scope, keys: Vec::new(), time: time.clone(), calls: Vec::new(), kept: Vec::new() };
        keys.iter().for_each(|key| series.keep(&key.value.expr));
        series.keep(&time.expr);
        series.keys = keys;
        Ok(series)
    }

    fn keep(&mut self, expr: &PlanExpr) {
        for column in expr.column_refs() {
            let column = PlanExpr::Column(column.clone());
            if !self.kept.contains(&column) {
                self.kept.push(column);
            }
        }
    }

    fn call(&mut self, call: &Call, env: &FunctionEnv) -> Result<Typed, TaosError> {
        let name = call.name.name.as_str();
        let mut rows = Rows::new(self.scope, Place::Argument);
        let args = call.args.iter().map(|a| expr::lower(&a.expr, env, &mut rows));
        let args = args.collect::<Result<Vec<Typed>, _>>()?;
        let (function, argument, ty) = match name {
            "diff" => diff(&args)?,
            "derivative" => derivative(&args, env)?,
            "csum" => cumulative_sum(&args)?,
            "mavg" => moving_average(&args)?,
            _ => state(name, &args, env)?,
        };
        let known = self.calls.iter().find(|c| c.function == function && c.argument == argument);
        let column = known.map(|c| c.name.clone()).unwrap_or_else(|| {
            let column = format!("__call{}", self.calls.len());
            self.calls.push(RowCall { function, argument, name: column.clone() });
            column
        });
        Ok(Typed::fixed(PlanExpr::Column(Column::new_unqualified(column)), ty))
    }
}

type Lowered = (RowFunction, PlanExpr, TaosType);

fn diff(args: &[Typed]) -> Result<Lowered, TaosError> {
    let (argument, option) = match args {
        [argument] => (argument, 0),
        [argument, option] => (argument, constants::within("diff", option, 0, 3)?),
        _ => return Err(errors::arity("diff")),
    };
    let ty = match argument.ty {
        ty if ty.is_integer() || matches!(ty, TaosType::Bool | TaosType::Timestamp) => TaosType::BigInt,
        TaosType::Float | TaosType::Double => TaosType::Double,
        _ => return Err(errors::argument_type("diff")),
    };
    let function = RowFunction::Diff { ignore_negative: option & 1 != 0, drop_null: option & 2 != 0 };
    Ok((function, argument.expr.clone(), ty))
}

/// Numbers proper: BOOL is none.
fn number<'t>(function: &str, argument: &'t Typed) -> Result<&'t Typed, TaosError> {
    let fits = is_numeric(argument.ty) && !matches!(argument.ty, TaosType::Bool | TaosType::Decimal { .. });
    if fits { Ok(argument) } else { Err(errors::argument_type(function)) }
}

fn derivative(args: &[Typed], env: &FunctionEnv) -> Result<Lowered, TaosError> {
    let [argument, unit, negative] = args else { return Err(errors::arity("derivative")) };
    let argument = number("derivative", argument)?;
    let unit = constants::time_unit("derivative", unit, env.precision)?;
    let ignore_negative = constants::within("derivative", negative, 0, 1)? == 1;
    Ok((RowFunction::Derivative { unit, ignore_negative }, argument.expr.clone(), TaosType::Double))
}

fn cumulative_sum(args: &[Typed]) -> Result<Lowered, TaosError> {
    let [argument] = args else { return Err(errors::arity("csum")) };
    let ty = match number("csum", argument)?.ty {
        ty if ty.is_unsigned() => TaosType::UBigInt,
        ty if ty.is_integer() => TaosType::BigInt,
        _ => TaosType::Double,
    };
    Ok((RowFunction::CumulativeSum, argument.expr.clone(), ty))
}

fn moving_average(args: &[Typed]) -> Result<Lowered, TaosError> {
    let [argument, rows] = args else { return Err(errors::arity("mavg")) };
    let argument = number("mavg", argument)?;
    let rows = constants::within("mavg", rows, 1, 1000)?;
    let rows = usize::try_from(rows).map_err(|_| errors::argument_value("mavg"))?;
    Ok((RowFunction::MovingAverage { rows }, argument.expr.clone(), TaosType::Double))
}

/// `STATECOUNT(c, op, v)` and `STATEDURATION(c, op, v [, unit])`.
fn state(name: &str, args: &[Typed], env: &FunctionEnv) -> Result<Lowered, TaosError> {
    let (argument, op, value, unit) = match (name, args) {
        (_, [argument, op, value]) => (argument, op, value, None),
        ("stateduration", [argument, op, value, unit]) => (argument, op, value, Some(unit)),
        _ => return Err(errors::arity(name)),
    };
    let argument = number(name, argument)?.clone();
    let op = constants::text(op).ok_or_else(|| errors::argument_value(name))?;
    let op = match op.to_ascii_uppercase().as_str() {
        "LT" => BinaryOp::Lt,
        "GT" => BinaryOp::Gt,
        "LE" => BinaryOp::LtEq,
        "GE" => BinaryOp::GtEq,
        "NE" => BinaryOp::NotEq,
        "EQ" => BinaryOp::Eq,
        _ => return Err(errors::argument_value(name)),
    };
    if constants::number(value).is_none() {
        return Err(errors::argument_value(name));
    }
    let condition = functions::binary(op, argument, value.clone(), env)?.expr;
    let function = match (name, unit) {
        ("statecount", _) => RowFunction::StateCount,
        (_, None) => RowFunction::StateDuration { unit: 1 },
        (_, Some(unit)) => {
            RowFunction::StateDuration { unit: constants::time_unit(name, unit, env.precision)? }
        }
    };
    Ok((function, condition, TaosType::BigInt))
}

impl Resolver for Series<'_> {
    fn resolve(&mut self, expr: &Expr, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
        if let ExprKind::Call(call) = &expr.kind {
            return match kinds::of(&call.name.name) {
                FunctionKind::Series => self.call(call, env).map(Some),
                FunctionKind::Scalar => Ok(None),
                _ => Err(errors::mixed(&call.name.name)),
            };
        }
        let value = match key_by_alias(&self.keys, expr) {
            Some(key) => Some(key.value.clone()),
            None => Rows::new(self.scope, Place::Clause).resolve(expr, env)?,
        };
        if let Some(value) = &value {
            self.keep(&value.expr);
        }
        Ok(value)
    }
}

impl Stage for Series<'_> {
    fn column(&mut self, column: &Typed, _env: &FunctionEnv) -> Result<Typed, TaosError> {
        self.keep(&column.expr);
        Ok(column.clone())
    }

    fn selection(&mut self, function: &str, _: &Typed, _: &FunctionEnv) -> Result<Typed, TaosError> {
        Err(errors::mixed(function))
    }

    fn finish(&mut self, rows: LogicalPlan, _env: &FunctionEnv) -> Result<LogicalPlan, TaosError> {
        let operator = SeriesFunctions {
            groups: self.keys.iter().map(|k| k.value.expr.clone()).collect(),
            time: self.time.expr.clone(),
            calls: self.calls.clone(),
            passthrough: self.kept.clone(),
            unique_times: self.scope.single().is_none_or(|s| s.kind != SourceKind::Table),
        };
        operator.over(rows).map_err(errors::planner)
    }

    fn slice_keys(&self) -> Vec<Typed> {
        self.keys.iter().map(|k| k.value.clone()).collect()
    }

    fn default_order(&self) -> Vec<SortExpr> {
        let keys = self.keys.iter().map(|k| &k.value.expr).chain([&self.time.expr]);
        keys.map(|e| e.clone().sort(true, true)).collect()
    }
}
