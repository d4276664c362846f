//! Arithmetic of DECIMAL, exact to the result's digits: Arrow's own division keeps four digits more than the
//! dividend has.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type, i256};
use datafusion::common::Result as DfResult;
use datafusion::prelude::{Expr, cast};
use triglot_engine::query::QueryError;
use triglot_model::ErrorKind;
use triglot_parse_tdengine::ast::BinaryOp;

use super::convert::{as_double, as_text, numeric_prefix};
use super::udf;
use crate::TaosType;
use crate::insert::value::decimal_of_text;
use crate::typed::Typed;

/// What DECIMAL cannot give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecimalFault {
    /// 0x013D
    #[error("Decimal value overflow")]
    Overflow,
    /// 0x013E
    #[error("Division by zero error")]
    DivisionByZero,
}

impl From<DecimalFault> for datafusion::error::DataFusionError {
    /// It comes as the source of [`QueryError::Refused`], see [`QueryError::source_as`].
    fn from(fault: DecimalFault) -> Self {
        QueryError::refused(ErrorKind::ValueOutOfRange, fault).into()
    }
}

/// Digits in all and behind the point of an exact operand; `None` for others.
pub(super) const fn digits(ty: TaosType) -> Option<(i32, i32)> {
    Some(match ty {
        TaosType::Decimal { precision, scale } => (precision as i32, scale as i32),
        TaosType::Bool | TaosType::TinyInt | TaosType::UTinyInt => (3, 0),
        TaosType::SmallInt | TaosType::USmallInt => (5, 0),
        TaosType::Int | TaosType::UInt => (10, 0),
        TaosType::BigInt => (19, 0),
        TaosType::UBigInt => (20, 0),
        _ => return None,
    })
}

/// The DECIMAL that arithmetic gives, if one operand is one and the other is exact.
pub(super) fn result_type(op: BinaryOp, left: TaosType, right: TaosType) -> Option<TaosType> {
    let is_decimal = |ty| matches!(ty, TaosType::Decimal { .. });
    if !is_decimal(left) && !is_decimal(right) {
        return None;
    }
    let ((p1, s1), (p2, s2)) = (digits(left)?, digits(right)?);
    let (precision, scale) = match op {
        BinaryOp::Add | BinaryOp::Sub => ((p1 - s1).max(p2 - s2) + s1.max(s2) + 1, s1.max(s2)),
        BinaryOp::Mul => (p1 + p2 + 1, s1 + s2),
        BinaryOp::Div => {
            let scale = (s1 + p2 + 1).max(6);
            (p1 - s1 + s2 + scale, scale)
        }
        _ => ((p1 - s1).min(p2 - s2) + s1.max(s2), s1.max(s2)),
    };
    let over = (precision - 38).max(0);
    let scale = (scale - over).max(scale.min(6));
    Some(TaosType::Decimal {
        precision: u8::try_from(precision.clamp(1, 38)).unwrap_or(38),
        scale: i8::try_from(scale).unwrap_or(0),
    })
}

/// An exact value as `Decimal128`, and its digits behind the point.
fn exact(typed: Typed) -> (Expr, i32) {
    let (ty, scale) = match (typed.ty, digits(typed.ty)) {
        (TaosType::Decimal { precision, scale }, _) => (DataType::Decimal128(precision, scale), scale),
        (_, digits) => {
            let precision = digits.and_then(|d| u8::try_from(d.0).ok()).unwrap_or(20);
            (DataType::Decimal128(precision, 0), 0)
        }
    };
    let value = match typed.ty {
        TaosType::Decimal { .. } | TaosType::UBigInt => typed.expr,
        _ => cast(typed.expr, DataType::Int64),
    };
    (cast(value, ty), i32::from(scale))
}

/// `value` as a DECIMAL of `precision` digits, `scale` of them behind the point, rounded half away from zero: of texts
/// the number that they begin with, of doubles their shortest text.
pub(super) fn convert(value: Typed, precision: u8, scale: i8) -> Typed {
    let output = DataType::Decimal128(precision, scale);
    let array =
        move |values: &mut dyn Iterator<Item = Option<Result<i128, DecimalFault>>>| -> DfResult<ArrayRef> {
            let array = values.map(Option::transpose).collect::<Result<Decimal128Array, DecimalFault>>()?;
            Ok(Arc::new(array.with_precision_and_scale(precision, scale)?))
        };
    let of_text = move |text: &str| {
        decimal_of_text(numeric_prefix(text), precision, scale).ok_or(DecimalFault::Overflow)
    };
    let expr = if digits(value.ty).is_some() {
        let (exact, from) = exact(value);
        udf::call("decimal_to_decimal", output, vec![exact], move |args| {
            let values = udf::primitives::<Decimal128Type>(args, 0)?.iter();
            let rescaled = |v| {
                let value = scaled(i256::from_i128(v), i32::from(scale) - from)?;
                within(value, precision)
            };
            array(&mut values.map(|v| v.map(rescaled)))
        })
    } else if value.ty.is_text() {
        udf::call("text_to_decimal", output, vec![as_text(value)], move |args| {
            array(&mut udf::texts(args, 0)?.iter().map(|v| v.map(of_text)))
        })
    } else {
        udf::call("double_to_decimal", output, vec![as_double(value)], move |args| {
            array(&mut udf::doubles(args, 0)?.iter().map(|v| v.map(|v| of_text(&v.to_string()))))
        })
    };
    Typed::fixed(expr, TaosType::Decimal { precision, scale })
}

/// `left op right` as a DECIMAL of `precision` digits, `scale` of them behind the point; both sides are exact.
pub(super) fn arithmetic(op: BinaryOp, left: Typed, right: Typed, (precision, scale): (u8, i8)) -> Typed {
    let ((left, left_scale), (right, right_scale)) = (exact(left), exact(right));
    let output = DataType::Decimal128(precision, scale);
    let name = match op {
        BinaryOp::Add => "decimal_sum",
        BinaryOp::Sub => "decimal_difference",
        BinaryOp::Mul => "decimal_product",
        BinaryOp::Div => "decimal_quotient",
        _ => "decimal_remainder",
    };
    let computation = Computation { op, left_scale, right_scale, scale: i32::from(scale) };
    let expr = udf::call(name, output, vec![left, right], move |args| {
        let (left, right) =
            (udf::primitives::<Decimal128Type>(args, 0)?, udf::primitives::<Decimal128Type>(args, 1)?);
        let values = left.iter().zip(right).map(|(left, right)| match (left, right) {
            (Some(left), Some(right)) => computation.of(left, right, precision).map(Some),
            _ => Ok(None),
        });
        let array = values.collect::<Result<Decimal128Array, DecimalFault>>()?;
        let array: DfResult<ArrayRef> = Ok(Arc::new(array.with_precision_and_scale(precision, scale)?));
        array
    });
    Typed::fixed(expr, TaosType::Decimal { precision, scale })
}

/// An operator with the digits behind the point of its operands and its result.
#[derive(Clone, Copy, Debug)]
struct Computation {
    op: BinaryOp,
    left_scale: i32,
    right_scale: i32,
    scale: i32,
}

impl Computation {
    /// The result in units of its last digit, rounded half away from zero.
    fn of(self, left: i128, right: i128, precision: u8) -> Result<i128, DecimalFault> {
        let (left, right) = (i256::from_i128(left), i256::from_i128(right));
        let common = self.left_scale.max(self.right_scale);
        let aligned = || {
            let left = scaled(left, common - self.left_scale)?;
            Ok((left, scaled(right, common - self.right_scale)?))
        };
        let exact = match self.op {
            BinaryOp::Add | BinaryOp::Sub => {
                let (left, right) = aligned()?;
                let sum =
                    if self.op == BinaryOp::Add { left.checked_add(right) } else { left.checked_sub(right) };
                scaled(sum.ok_or(DecimalFault::Overflow)?, self.scale - common)?
            }
            BinaryOp::Mul => {
                let product = left.checked_mul(right).ok_or(DecimalFault::Overflow)?;
                scaled(product, self.scale - self.left_scale - self.right_scale)?
            }
            BinaryOp::Div => {
                let shift = self.scale + self.right_scale - self.left_scale;
                quotient(scaled(left, shift.max(0))?, scaled(right, (-shift).max(0))?)?
            }
            _ => {
                let (left, right) = aligned()?;
                let rest = left.checked_rem(right).ok_or(DecimalFault::DivisionByZero)?;
                scaled(rest, self.scale - common)?
            }
        };
        within(exact, precision)
    }
}

/// A value of no more than `precision` digits.
fn within(value: i256, precision: u8) -> Result<i128, DecimalFault> {
    let limit = 10_i128.pow(u32::from(precision.min(38)));
    let value = value.to_i128().filter(|v| *v > -limit && *v < limit);
    value.ok_or(DecimalFault::Overflow)
}

/// `value · 10^digits`, rounded half away from zero.
fn scaled(value: i256, digits: i32) -> Result<i256, DecimalFault> {
    let ten = i256::from_i128(10);
    let power = ten.checked_pow(digits.unsigned_abs()).ok_or(DecimalFault::Overflow)?;
    if digits >= 0 { value.checked_mul(power).ok_or(DecimalFault::Overflow) } else { quotient(value, power) }
}

/// `left / right`, rounded half away from zero.
fn quotient(left: i256, right: i256) -> Result<i256, DecimalFault> {
    let whole = left.checked_div(right).ok_or(DecimalFault::DivisionByZero)?;
    let rest = left.checked_rem(right).ok_or(DecimalFault::DivisionByZero)?;
    // Half of the divisor or more is left; the doubled rest may not fit.
    let away = rest.wrapping_abs() >= right.wrapping_abs().wrapping_sub(rest.wrapping_abs());
    let unit = if left.is_negative() == right.is_negative() { i256::ONE } else { i256::MINUS_ONE };
    if away { whole.checked_add(unit).ok_or(DecimalFault::Overflow) } else { Ok(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(op: BinaryOp, left: (i128, i32), right: (i128, i32), scale: i32) -> Result<i128, DecimalFault> {
        let computation = Computation { op, left_scale: left.1, right_scale: right.1, scale };
        computation.of(left.0, right.0, 38)
    }

    #[test]
    fn results_are_rounded_half_away_from_zero() {
        // 1 / 8 = 0.125, 2 / 3 = 0.666…
        assert_eq!(of(BinaryOp::Div, (1, 0), (8, 0), 2), Ok(13));
        assert_eq!(of(BinaryOp::Div, (-1, 0), (8, 0), 2), Ok(-13));
        assert_eq!(of(BinaryOp::Div, (2, 0), (-3, 0), 4), Ok(-6667));
        // 1.00 / 0.0004 = 2500
        assert_eq!(of(BinaryOp::Div, (100, 2), (4, 4), 0), Ok(2500));
        // 0.05 · 0.05 = 0.0025
        assert_eq!(of(BinaryOp::Mul, (5, 2), (5, 2), 3), Ok(3));
        assert_eq!(of(BinaryOp::Sub, (5, 1), (55, 2), 2), Ok(-5));
        // -7.5 % 2 = -1.5
        assert_eq!(of(BinaryOp::Rem, (-75, 1), (2, 0), 1), Ok(-15));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let largest = 10_i128.pow(38) - 1;
        assert_eq!(of(BinaryOp::Add, (largest, 0), (1, 0), 0), Err(DecimalFault::Overflow));
        assert_eq!(of(BinaryOp::Mul, (largest, 0), (largest, 0), 0), Err(DecimalFault::Overflow));
        assert_eq!(of(BinaryOp::Mul, (largest, 38), (largest, 38), 38), Ok(largest - 1));
        assert_eq!(of(BinaryOp::Div, (1, 0), (0, 5), 6), Err(DecimalFault::DivisionByZero));
        assert_eq!(of(BinaryOp::Rem, (1, 0), (0, 0), 0), Err(DecimalFault::DivisionByZero));
        assert_eq!(of(BinaryOp::Div, (largest, 0), (largest, 38), 6), Err(DecimalFault::Overflow));
    }
}
