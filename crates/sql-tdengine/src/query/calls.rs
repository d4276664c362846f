//! Aggregates and selections as expressions over DataFusion's aggregates.

use arrow::datatypes::DataType;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_aggregate::stddev::{stddev_pop_udaf, stddev_udaf};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::functions_aggregate::variance::{var_pop_udaf, var_samp_udaf};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{AggregateUDF, Expr, SortExpr, cast, lit};
use std::sync::Arc;

use super::errors;
use crate::typed::Typed;
use crate::{TaosError, TaosType};

/// Takes in an aggregate and gives the column in which its value will be.
pub(super) trait Collect {
    /// The column of `aggregate`, of the given nullability; equal aggregates share one.
    fn collect(&mut self, aggregate: Expr) -> Expr;
}

/// A call of a DataFusion aggregate.
pub(super) fn aggregate(
    function: Arc<AggregateUDF>,
    args: Vec<Expr>,
    filter: Option<Expr>,
    order: Vec<SortExpr>,
) -> Expr {
    let filter = filter.map(Box::new);
    Expr::AggregateFunction(AggregateFunction::new_udf(function, args, false, filter, order, None))
}

/// A call with nothing but arguments.
pub(super) fn simple(function: Arc<AggregateUDF>, args: Vec<Expr>) -> Expr {
    aggregate(function, args, None, Vec::new())
}

/// Whether arithmetic applies: numbers, and BOOL as 0 and 1.
pub(super) const fn is_numeric(ty: TaosType) -> bool {
    is_integer(ty)
        || matches!(ty, TaosType::Float | TaosType::Double | TaosType::Decimal { .. } | TaosType::Bool)
}

pub(super) const fn is_integer(ty: TaosType) -> bool {
    matches!(ty, TaosType::TinyInt | TaosType::SmallInt | TaosType::Int | TaosType::BigInt) || is_unsigned(ty)
}

pub(super) const fn is_unsigned(ty: TaosType) -> bool {
    matches!(ty, TaosType::UTinyInt | TaosType::USmallInt | TaosType::UInt | TaosType::UBigInt)
}

pub(super) const fn is_text(ty: TaosType) -> bool {
    matches!(ty, TaosType::Varchar | TaosType::Nchar)
}

/// `value` as DOUBLE; times count in their unit.
pub(super) fn as_double(value: &Typed) -> Expr {
    match value.ty {
        TaosType::Timestamp | TaosType::Bool => {
            cast(cast(value.expr.clone(), DataType::Int64), DataType::Float64)
        }
        _ => cast(value.expr.clone(), DataType::Float64),
    }
}

/// `COUNT(*)`.
pub(super) fn count_rows(into: &mut dyn Collect) -> Typed {
    Typed::fixed(into.collect(simple(count_udaf(), vec![lit(1_i64)])), TaosType::BigInt)
}

/// An aggregate of one argument that DataFusion knows. `None`: it is none of these.
///
/// # Errors
/// 0x2802.
pub(super) fn of_one(
    name: &str,
    argument: &Typed,
    into: &mut dyn Collect,
) -> Result<Option<Typed>, TaosError> {
    let double = |into: &mut dyn Collect, function| {
        Typed::fixed(into.collect(simple(function, vec![as_double(argument)])), TaosType::Double)
    };
    let wrong_type = || errors::argument_type(name);
    if name == "count" {
        let counted = simple(count_udaf(), vec![argument.expr.clone()]);
        return Ok(Some(Typed::fixed(into.collect(counted), TaosType::BigInt)));
    }
    if name == "spread" && (is_numeric(argument.ty) || argument.ty == TaosType::Timestamp) {
        return Ok(Some(spread(argument, into)));
    }
    let function = match name {
        "sum" => return sum(argument, into).map(Some),
        "avg" => return avg(argument, into).map(Some),
        "stddev" | "stddev_pop" => stddev_pop_udaf(),
        "stddev_samp" => stddev_udaf(),
        "var_pop" | "variance" => var_pop_udaf(),
        "var_samp" => var_samp_udaf(),
        "spread" => return Err(wrong_type()),
        _ => return Ok(None),
    };
    if !is_numeric(argument.ty) {
        return Err(wrong_type());
    }
    Ok(Some(double(into, function)))
}

/// BIGINT of integers, however small; DECIMAL of 38 digits; else DOUBLE.
fn sum(argument: &Typed, into: &mut dyn Collect) -> Result<Typed, TaosError> {
    let of = |ty: DataType| simple(sum_udaf(), vec![cast(argument.expr.clone(), ty)]);
    Ok(match argument.ty {
        TaosType::Decimal { scale, .. } => {
            let ty = TaosType::Decimal { precision: 38, scale };
            Typed::fixed(into.collect(of(DataType::Decimal128(38, scale))), ty)
        }
        ty if is_unsigned(ty) => Typed::fixed(into.collect(of(DataType::UInt64)), TaosType::UBigInt),
        ty if is_integer(ty) || ty == TaosType::Bool => {
            Typed::fixed(into.collect(of(DataType::Int64)), TaosType::BigInt)
        }
        ty if is_numeric(ty) => Typed::fixed(into.collect(of(DataType::Float64)), TaosType::Double),
        _ => return Err(errors::argument_type("sum")),
    })
}

fn avg(argument: &Typed, into: &mut dyn Collect) -> Result<Typed, TaosError> {
    match argument.ty {
        TaosType::Decimal { precision, scale } => {
            let average = into.collect(simple(avg_udaf(), vec![argument.expr.clone()]));
            let ty = TaosType::Decimal { precision: (precision + 4).min(38), scale: (scale + 4).min(38) };
            Ok(Typed::fixed(average, ty))
        }
        ty if is_numeric(ty) => {
            Ok(Typed::fixed(into.collect(simple(avg_udaf(), vec![as_double(argument)])), TaosType::Double))
        }
        _ => Err(errors::argument_type("avg")),
    }
}

/// Largest minus smallest value.
fn spread(argument: &Typed, into: &mut dyn Collect) -> Typed {
    let most = into.collect(simple(max_udaf(), vec![as_double(argument)]));
    let least = into.collect(simple(min_udaf(), vec![as_double(argument)]));
    Typed::fixed(most - least, TaosType::Double)
}

/// A function that takes its value from one row of a group.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// Which row.
    pick: Pick,
    argument: Typed,
    time: Option<Expr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pick {
    First,
    Last,
    LastRow,
    Min,
    Max,
}

impl Selection {
    /// The selection function `name` of `argument`, in rows whose time is `time`.
    ///
    /// # Errors
    /// 0x2802 for types without an order, 0x2647 without a time to choose by.
    pub(super) fn new(name: &str, argument: Typed, time: Option<&Typed>) -> Result<Self, TaosError> {
        let pick = match name {
            "first" => Pick::First,
            "last" => Pick::Last,
            "last_row" => Pick::LastRow,
            "min" => Pick::Min,
            "max" => Pick::Max,
            _ => return Err(errors::no_function(name)),
        };
        let has_order = is_numeric(argument.ty) || is_text(argument.ty) || argument.ty == TaosType::Timestamp;
        if matches!(pick, Pick::Min | Pick::Max) && !has_order {
            return Err(errors::argument_type(name));
        }
        if matches!(pick, Pick::First | Pick::Last | Pick::LastRow) && time.is_none() {
            return Err(errors::no_timeline(name));
        }
        Ok(Self { pick, argument, time: time.map(|t| t.expr.clone()) })
    }

    /// The function's own value.
    pub(super) fn value(&self, into: &mut dyn Collect) -> Typed {
        let argument = &self.argument;
        let expr = match self.pick {
            Pick::Min => simple(min_udaf(), vec![argument.expr.clone()]),
            Pick::Max => simple(max_udaf(), vec![argument.expr.clone()]),
            Pick::First | Pick::Last | Pick::LastRow => self.of_row(argument.expr.clone()),
        };
        Typed { expr: into.collect(expr), ..argument.clone() }
    }

    /// The value that `other` has in the row that the function takes its value from.
    pub(super) fn companion(&self, other: &Typed, into: &mut dyn Collect) -> Typed {
        Typed { expr: into.collect(self.of_row(other.expr.clone())), ..other.clone() }
    }

    fn of_row(&self, value: Expr) -> Expr {
        let by_time = self.time.iter().map(|t| t.clone().sort(true, true));
        let given = || Some(self.argument.expr.clone().is_not_null());
        // The time column is never NULL: without a filter the newest rows alone need to be read.
        let known = || if self.time.as_ref() == Some(&self.argument.expr) { None } else { given() };
        match self.pick {
            Pick::First => aggregate(first_value_udaf(), vec![value], known(), by_time.collect()),
            Pick::Last => aggregate(last_value_udaf(), vec![value], known(), by_time.collect()),
            Pick::LastRow => aggregate(last_value_udaf(), vec![value], None, by_time.collect()),
            Pick::Min | Pick::Max => {
                let by_value = self.argument.expr.clone().sort(self.pick == Pick::Min, false);
                let order = std::iter::once(by_value).chain(by_time).collect();
                aggregate(first_value_udaf(), vec![value], given(), order)
            }
        }
    }

    /// Whether rows whose argument is NULL are passed over, so that a group may have no row for it.
    pub(super) const fn skips_nulls(&self) -> bool {
        matches!(self.pick, Pick::First | Pick::Last)
    }
}
