//! Aggregates and selections as expressions over DataFusion's aggregates.

use arrow::datatypes::DataType;
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::functions_aggregate::stddev::{stddev_pop_udaf, stddev_udaf};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::functions_aggregate::variance::{var_pop_udaf, var_samp_udaf};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{AggregateUDF, Expr, cast, lit};
use std::sync::Arc;
use triglot_functions::selection;

use super::errors;
use crate::typed::Typed;
use crate::{TaosError, TaosType};

/// Takes in an aggregate and gives the column in which its value will be.
pub(super) trait Collect {
    /// The column of `aggregate`, of the given nullability; equal aggregates share one.
    fn collect(&mut self, aggregate: Expr) -> Expr;

    /// The column of what `value`, computed of columns given before, is in the window after this one, or before it;
    /// NULLs are passed over, and it is NULL where there is no such window.
    fn beside(&mut self, value: Expr, after: bool) -> Expr;
}

/// A call of an aggregate with nothing but arguments.
pub(super) fn simple(function: Arc<AggregateUDF>, args: Vec<Expr>) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(function, args, false, None, Vec::new(), None))
}

/// Whether arithmetic applies: numbers, and BOOL as 0 and 1.
pub(super) const fn is_numeric(ty: TaosType) -> bool {
    ty.is_number() || matches!(ty, TaosType::Bool)
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
        ty if ty.is_unsigned() => Typed::fixed(into.collect(of(DataType::UInt64)), TaosType::UBigInt),
        ty if ty.is_integer() || ty == TaosType::Bool => {
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
    /// What orders rows.
    order: Vec<Expr>,
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
    /// The selection function `name` of `argument`, in rows in this order.
    ///
    /// # Errors
    /// 0x2802 for types without an order, 0x2647 without a time to choose by.
    pub(super) fn new(name: &str, argument: Typed, order: Vec<Expr>) -> Result<Self, TaosError> {
        let pick = match name {
            "first" => Pick::First,
            "last" => Pick::Last,
            "last_row" => Pick::LastRow,
            "min" => Pick::Min,
            "max" => Pick::Max,
            _ => return Err(errors::no_function(name)),
        };
        let has_order =
            is_numeric(argument.ty) || argument.ty.is_text() || argument.ty == TaosType::Timestamp;
        if matches!(pick, Pick::Min | Pick::Max) && !has_order {
            return Err(errors::argument_type(name));
        }
        if matches!(pick, Pick::First | Pick::Last | Pick::LastRow) && order.is_empty() {
            return Err(errors::no_timeline(name));
        }
        Ok(Self { pick, argument, order })
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

    fn of_row(&self, other: Expr) -> Expr {
        let value = self.argument.expr.clone();
        let by_nothing = [lit(0_i64)];
        let order = if self.order.is_empty() { &by_nothing } else { self.order.as_slice() };
        // The time column is never NULL, and the newest rows alone need to be read for their times.
        let is_time = order.first() == Some(&value);
        match self.pick {
            Pick::First if is_time => selection::first_row(other, order),
            Pick::First => selection::beside_first(other, value, order),
            Pick::Last if is_time => selection::last_row(other, order),
            Pick::Last => selection::beside_last(other, value, order),
            Pick::LastRow => selection::last_row(other, order),
            Pick::Min => selection::beside_smallest(other, value, order),
            Pick::Max => selection::beside_largest(other, value, order),
        }
    }

    /// Whether rows whose argument is NULL are passed over, so that a group may have no row for it.
    pub(super) const fn skips_nulls(&self) -> bool {
        matches!(self.pick, Pick::First | Pick::Last)
    }
}
