//! DECIMAL arithmetic and casts: exact, or an error.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Datum, Decimal128Array};
use arrow::compute::kernels::numeric::{add, div, mul, rem, sub};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type};
use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Result as DfResult, exec_datafusion_err};
use datafusion::prelude::Expr;
use triglot_engine::query::QueryError;
use triglot_model::ErrorKind;
use triglot_parse_tdengine::ast::BinaryOp;

use super::convert::numeric_prefix;
use super::udf;
use crate::insert::value::decimal_of_text;

/// What DECIMAL arithmetic fails on. [`crate::TaosError`] finds it in the query's error again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecimalFault {
    /// 0x013D: the result needs more digits than its type has.
    #[error("Decimal value overflow")]
    Overflow,
    /// 0x013E: `x / 0` or `x % 0`.
    #[error("Division by zero error")]
    DivisionByZero,
}

impl From<DecimalFault> for DataFusionError {
    fn from(fault: DecimalFault) -> Self {
        QueryError::refused(ErrorKind::ValueOutOfRange, fault).into()
    }
}

/// Arrow's kernels know no other failures of numbers whose types were checked.
fn fault(error: ArrowError) -> DataFusionError {
    match error {
        ArrowError::DivideByZero => DecimalFault::DivisionByZero.into(),
        _ => DecimalFault::Overflow.into(),
    }
}

type Kernel = fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError>;

/// `left op right` of two decimals as the decimal type `output`.
pub(super) fn arithmetic(op: BinaryOp, left: Expr, right: Expr, output: DataType) -> Expr {
    let (name, kernel): (_, Kernel) = match op {
        BinaryOp::Add => ("decimal_sum", add),
        BinaryOp::Sub => ("decimal_difference", sub),
        BinaryOp::Mul => ("decimal_product", mul),
        BinaryOp::Div => ("decimal_quotient", div),
        _ => ("decimal_remainder", rem),
    };
    udf::call(name, output.clone(), vec![left, right], move |args| {
        let [left, right] = args else { return Err(exec_datafusion_err!("two decimals are expected")) };
        fitted(&kernel(left, right).map_err(fault)?, &output)
    })
}

/// A number of any type as the decimal type `output`.
pub(super) fn of_number(number: Expr, output: DataType) -> Expr {
    udf::call("number_to_decimal", output.clone(), vec![number], move |args| {
        let [number] = args else { return Err(exec_datafusion_err!("one number is expected")) };
        fitted(number, &output)
    })
}

/// The number that a text begins with, exactly, as the decimal type `output`.
pub(super) fn of_text(text: Expr, output: DataType) -> Expr {
    udf::call("text_to_decimal", output.clone(), vec![text], move |args| {
        let DataType::Decimal128(precision, scale) = output else {
            return Err(exec_datafusion_err!("{output} is no decimal"));
        };
        let read = |text: &str| {
            let units = decimal_of_text(numeric_prefix(text), precision, scale);
            units.ok_or(DataFusionError::from(DecimalFault::Overflow))
        };
        let units = udf::texts(args, 0)?.iter().map(|text| text.map(read).transpose());
        let units = units.collect::<DfResult<Decimal128Array>>()?;
        Ok(Arc::new(units.with_precision_and_scale(precision, scale)?))
    })
}

/// `computed` in the decimal type `output`, all of whose values have to fit.
fn fitted(computed: &ArrayRef, output: &DataType) -> DfResult<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let fitted = cast_with_options(computed, output, &strict).map_err(fault)?;
    // A cast to the type that it is already of looks at no value.
    if let (DataType::Decimal128(precision, _), Some(decimals)) =
        (output, fitted.as_primitive_opt::<Decimal128Type>())
        && decimals.null_count() < decimals.len()
    {
        decimals.validate_decimal_precision(*precision).map_err(fault)?;
    }
    Ok(fitted)
}
