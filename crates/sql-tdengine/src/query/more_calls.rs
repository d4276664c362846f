//! Aggregates that need more than one argument, the time of rows, or the windows beside theirs.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::functions_aggregate::approx_distinct::approx_distinct_udaf;
use datafusion::functions_aggregate::expr_fn::approx_percentile_cont;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::{AggregateUDF, Expr, cast, lit, when};
use triglot_functions::{folds, mode};
use triglot_model::Precision;

use super::calls::{Collect, as_double, is_numeric, simple};
use super::window::WindowKey;
use super::{constants, errors};
use crate::functions::udf;
use crate::typed::Typed;
use crate::{TaosError, TaosType};

/// The rows that an aggregate is over.
pub(super) struct Over {
    /// Their time.
    pub(super) time: Option<Typed>,
    /// Whether they are those of several child tables.
    pub(super) is_super: bool,
    /// The unit of times.
    pub(super) precision: Precision,
    /// The window that they lie in.
    pub(super) window: Option<WindowKey>,
}

/// The printed length of texts that aggregates make.
const TEXT_LENGTH: u32 = 128;

/// The aggregate `name` of `arguments`.
///
/// # Errors
/// 0x2801, 0x2802, 0x2803 for wrong arguments, 0x265F for what needs a single table, 0x2647 for what needs a time.
pub(super) fn of_many(
    name: &str,
    arguments: &[Typed],
    over: &Over,
    into: &mut dyn Collect,
) -> Result<Typed, TaosError> {
    match name {
        "elapsed" => elapsed(arguments, over, into),
        "twa" => time_weighted(arguments, over, into),
        "irate" => instant_rate(arguments, over, into),
        "percentile" => percentile(arguments, over, into),
        "apercentile" => approximate_percentile(arguments, into),
        "leastsquares" => least_squares(arguments, over, into),
        "hyperloglog" => {
            let [value] = arguments else { return Err(errors::arity(name)) };
            // DataFusion has no estimate of floats.
            let counted = match value.ty {
                TaosType::Float | TaosType::Double => cast(value.expr.clone(), DataType::Utf8),
                _ => value.expr.clone(),
            };
            let estimate = into.collect(simple(approx_distinct_udaf(), vec![counted]));
            Ok(Typed::fixed(cast(estimate, DataType::Int64), TaosType::BigInt))
        }
        "mode" => {
            let [value] = arguments else { return Err(errors::arity(name)) };
            let most = simple(Arc::new(mode::mode()), vec![value.expr.clone()]);
            Ok(Typed { expr: into.collect(most), ..value.clone() })
        }
        _ => Err(errors::arity(name)),
    }
}

/// A number proper: BOOL is none.
fn number<'t>(function: &str, value: &'t Typed) -> Result<&'t Typed, TaosError> {
    let fits = is_numeric(value.ty) && value.ty != TaosType::Bool;
    if fits { Ok(value) } else { Err(errors::argument_type(function)) }
}

/// A function of the rows' time and a number.
fn of_points(
    function: &str,
    fold: AggregateUDF,
    value: &Typed,
    over: &Over,
    into: &mut dyn Collect,
) -> Result<Expr, TaosError> {
    let time = over.time.as_ref().ok_or_else(|| errors::no_timeline(function))?;
    let value = number(function, value)?;
    Ok(into.collect(simple(Arc::new(fold), vec![time.expr.clone(), as_double(value)])))
}

/// From the first to the last time of a group. Windows of an INTERVAL between others count as a whole, the first one
/// from its first time, the last one up to its last.
fn elapsed(arguments: &[Typed], over: &Over, into: &mut dyn Collect) -> Result<Typed, TaosError> {
    let (time, unit) = match arguments {
        [time] => (time, 1),
        [time, unit] => (time, constants::time_unit("elapsed", unit, over.precision)?),
        _ => return Err(errors::arity("elapsed")),
    };
    if over.time.as_ref().is_none_or(|t| t.expr != time.expr) {
        return Err(errors::argument_type("elapsed"));
    }
    let ends = over.window.as_ref().and_then(|w| Some((w.column(), w.end_of_start.as_ref()?)));
    let Some((window, end_of_start)) = ends else {
        let fold = Arc::new(folds::elapsed(unit));
        return Ok(Typed::fixed(into.collect(simple(fold, vec![time.expr.clone()])), TaosType::Double));
    };
    let first = into.collect(simple(min_udaf(), vec![time.expr.clone()]));
    let last = into.collect(simple(max_udaf(), vec![time.expr.clone()]));
    let has = |neighbour: Expr| neighbour.is_not_null();
    let (before, after) = (into.beside(window.clone(), false), into.beside(window.clone(), true));
    let start = when(has(before), window.clone()).otherwise(first).map_err(errors::planner)?;
    let end = when(has(after), end_of_start.of(window)).otherwise(last).map_err(errors::planner)?;
    let units = cast(end, DataType::Int64) - cast(start, DataType::Int64);
    Ok(Typed::fixed(cast(units, DataType::Float64) / lit(unit as f64), TaosType::Double))
}

/// `TWA`: in windows of an INTERVAL the lines to the neighbouring windows' points are cut at the window's edges.
fn time_weighted(arguments: &[Typed], over: &Over, into: &mut dyn Collect) -> Result<Typed, TaosError> {
    let [value] = arguments else { return Err(errors::arity("twa")) };
    let weight = of_points("twa", folds::time_weight(), value, over, into)?;
    let ends = over.window.as_ref().and_then(|w| Some((w.column(), w.end_of_start.as_ref()?)));
    let mean = match ends {
        None => folds::time_weighted_mean().call(vec![weight]),
        Some((window, end_of_start)) => {
            let (before, after) = (into.beside(weight.clone(), false), into.beside(weight.clone(), true));
            let end = end_of_start.of(window.clone());
            folds::time_weighted_mean_between().call(vec![weight, before, after, window, end])
        }
    };
    Ok(Typed::fixed(mean, TaosType::Double))
}

fn instant_rate(arguments: &[Typed], over: &Over, into: &mut dyn Collect) -> Result<Typed, TaosError> {
    let [value] = arguments else { return Err(errors::arity("irate")) };
    let fold = folds::instant_rate(over.precision.per_second());
    Ok(Typed::fixed(of_points("irate", fold, value, over, into)?, TaosType::Double))
}

fn percentile(arguments: &[Typed], over: &Over, into: &mut dyn Collect) -> Result<Typed, TaosError> {
    let [value, ranks @ ..] = arguments else { return Err(errors::arity("percentile")) };
    if over.is_super {
        return Err(errors::single_table("percentile"));
    }
    if ranks.is_empty() || ranks.len() > 10 {
        return Err(errors::arity("percentile"));
    }
    let value = as_double(number("percentile", value)?);
    let ranks: Option<Vec<f64>> =
        ranks.iter().map(|r| constants::number(r).filter(|p| (0.0..=100.0).contains(p))).collect();
    let ranks = ranks.ok_or_else(|| errors::argument_value("percentile"))?;
    if let [rank] = ranks.as_slice() {
        let fold = Arc::new(folds::percentile(*rank));
        return Ok(Typed::fixed(into.collect(simple(fold, vec![value])), TaosType::Double));
    }
    let several = into.collect(simple(Arc::new(folds::percentiles(&ranks)), vec![value]));
    let text = udf::call("percentiles_text", DataType::Utf8, vec![several], |args| {
        let lists = args.first().and_then(|a| a.as_list_opt::<i32>());
        let lists = lists.ok_or_else(|| exec_datafusion_err!("percentiles are no lists"))?;
        let texts = lists.iter().map(|list| {
            let list = list?;
            let numbers = list.as_primitive_opt::<Float64Type>()?;
            let shown: Vec<String> = numbers.iter().flatten().map(|v| format!("{v:.6}")).collect();
            Some(format!("[{}]", shown.join(", ")))
        });
        Ok(Arc::new(texts.collect::<StringArray>()) as ArrayRef)
    });
    Ok(Typed::new(text, TaosType::Varchar, TEXT_LENGTH))
}

fn approximate_percentile(arguments: &[Typed], into: &mut dyn Collect) -> Result<Typed, TaosError> {
    let (value, rank) = match arguments {
        [value, rank] => (value, rank),
        [value, rank, algorithm] => {
            let known = constants::text(algorithm).ok_or_else(|| errors::argument_type("apercentile"))?;
            if !matches!(known.to_ascii_lowercase().as_str(), "default" | "t-digest") {
                return Err(errors::algorithm());
            }
            (value, rank)
        }
        _ => return Err(errors::arity("apercentile")),
    };
    let value = as_double(number("apercentile", value)?);
    let rank = constants::number(rank).filter(|p| (0.0..=100.0).contains(p));
    let rank = rank.ok_or_else(|| errors::argument_value("apercentile"))?;
    let estimate = approx_percentile_cont(value.sort(true, false), lit(rank / 100.0), None);
    Ok(Typed::fixed(into.collect(estimate), TaosType::Double))
}

fn least_squares(arguments: &[Typed], over: &Over, into: &mut dyn Collect) -> Result<Typed, TaosError> {
    let [value, start, step] = arguments else { return Err(errors::arity("leastsquares")) };
    let constant = |t: &Typed| constants::number(t).ok_or_else(|| errors::argument_value("leastsquares"));
    let fold = folds::least_squares(constant(start)?, constant(step)?);
    let line = of_points("leastsquares", fold, value, over, into)?;
    let parts = vec![get_field(line.clone(), "slope"), get_field(line, "intercept")];
    let text = udf::call("least_squares_text", DataType::Utf8, parts, |args| {
        let numbers = |at: usize| args.get(at).and_then(|a| a.as_primitive_opt::<Float64Type>());
        let (Some(slopes), Some(intercepts)) = (numbers(0), numbers(1)) else {
            return Err(exec_datafusion_err!("a line without slope and intercept"));
        };
        let texts = (0..slopes.len()).map(|at| {
            let known = slopes.is_valid(at) && intercepts.is_valid(at);
            known.then(|| format!("{{slop:{:.6}, intercept:{:.6}}}", slopes.value(at), intercepts.value(at)))
        });
        Ok(Arc::new(texts.collect::<StringArray>()) as ArrayRef)
    });
    Ok(Typed::new(text, TaosType::Varchar, TEXT_LENGTH))
}
