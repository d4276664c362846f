//! Values of certain rows of a group, as calls of DataFusion's ordered `first_value` and `last_value`: these keep
//! all groups at once, and the rule that reads only newest rows knows them. `order` is what orders rows: their time,
//! and what orders rows of one time if something does.

use std::sync::Arc;

use datafusion::functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment, Sort};
use datafusion::logical_expr::{AggregateUDF, Expr};

/// The value of the earliest row where it is not NULL; NULL if there is none.
pub fn first_known(value: Expr, order: &[Expr]) -> Expr {
    call(first_value_udaf(), value, by(order, false), None, true)
}

/// The value of the latest row where it is not NULL; NULL if there is none.
pub fn last_known(value: Expr, order: &[Expr]) -> Expr {
    call(last_value_udaf(), value, by(order, true), None, true)
}

/// The value of the earliest row, NULL or not.
pub fn first_row(value: Expr, order: &[Expr]) -> Expr {
    call(first_value_udaf(), value, by(order, false), None, false)
}

/// The value of the latest row, NULL or not.
pub fn last_row(value: Expr, order: &[Expr]) -> Expr {
    call(last_value_udaf(), value, by(order, true), None, false)
}

/// What `companion` is in the earliest row where `value` is not NULL.
pub fn beside_first(companion: Expr, value: Expr, order: &[Expr]) -> Expr {
    let known = Box::new(value.is_not_null());
    call(first_value_udaf(), companion, by(order, false), Some(known), false)
}

/// What `companion` is in the latest row where `value` is not NULL.
pub fn beside_last(companion: Expr, value: Expr, order: &[Expr]) -> Expr {
    let known = Box::new(value.is_not_null());
    call(last_value_udaf(), companion, by(order, true), Some(known), false)
}

/// What `companion` is in the row with the largest `value`, of several the earliest; NULL if there is none.
pub fn beside_largest(companion: Expr, value: Expr, order: &[Expr]) -> Expr {
    beside_extreme(companion, value, order, false)
}

/// What `companion` is in the row with the smallest `value`, of several the earliest; NULL if there is none.
pub fn beside_smallest(companion: Expr, value: Expr, order: &[Expr]) -> Expr {
    beside_extreme(companion, value, order, true)
}

fn beside_extreme(companion: Expr, value: Expr, order: &[Expr], smallest: bool) -> Expr {
    let known = Box::new(value.clone().is_not_null());
    let mut sort = vec![value.sort(smallest, false)];
    sort.extend(by(order, false));
    call(first_value_udaf(), companion, sort, Some(known), false)
}

fn by(order: &[Expr], nulls_first: bool) -> Vec<Sort> {
    order.iter().map(|key| key.clone().sort(true, nulls_first)).collect()
}

fn call(
    function: Arc<AggregateUDF>,
    value: Expr,
    order: Vec<Sort>,
    filter: Option<Box<Expr>>,
    ignore_nulls: bool,
) -> Expr {
    let nulls = ignore_nulls.then_some(NullTreatment::IgnoreNulls);
    Expr::AggregateFunction(AggregateFunction::new_udf(function, vec![value], false, filter, order, nulls))
}
