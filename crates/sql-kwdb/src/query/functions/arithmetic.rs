//! Arithmetic on numbers as KWDB has it: 64-bit integers that never wrap, exact decimals, errors on division by zero.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::cast as cast_array;
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, cast,
};
use datafusion::scalar::ScalarValue;

use crate::query::errors::coded;

/// The digits behind the point of quotients and means of integers. Results of this scale are shown without their
/// trailing zeros.
pub const COMPUTED_SCALE: i8 = 16;

/// The type of quotients and means of integers.
pub(crate) const COMPUTED: DataType = DataType::Decimal128(38, COMPUTED_SCALE);

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::query) enum Op {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `//`: the quotient's floor.
    FloorDivide,
    /// `%`, with the sign of the dividend.
    Modulo,
    /// `^`
    Power,
}

/// An operator over two numbers of one type: `Int64`, `Float64` or `Decimal128`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in crate::query) struct Arithmetic {
    op: Op,
    result: DataType,
    signature: Signature,
}

impl Arithmetic {
    /// `a op b`; `left` and `right` are their types, of which at least one is not NULL's.
    pub(in crate::query) fn call(op: Op, a: Expr, b: Expr, left: &DataType, right: &DataType) -> Expr {
        let any = |test: fn(&DataType) -> bool| test(left) || test(right);
        let to = |ty: &DataType, e: Expr| if e_is(&e, ty) { e } else { cast(e, ty.clone()) };
        if any(DataType::is_floating) {
            let (a, b) = (to(&DataType::Float64, a), to(&DataType::Float64, b));
            let native = match op {
                Op::Add => Operator::Plus,
                Op::Subtract => Operator::Minus,
                Op::Multiply => Operator::Multiply,
                _ => return Self::udf(op, DataType::Float64).call(vec![a, b]),
            };
            return Expr::BinaryExpr(BinaryExpr::new(Box::new(a), native, Box::new(b)));
        }
        if any(is_decimal) || op == Op::Divide {
            return decimals(op, a, b, left, right);
        }
        let (a, b) = (to(&DataType::Int64, a), to(&DataType::Int64, b));
        Self::udf(op, DataType::Int64).call(vec![a, b])
    }

    fn udf(op: Op, result: DataType) -> ScalarUDF {
        Self { op, result, signature: Signature::any(2, Volatility::Immutable) }.into()
    }
}

/// The mean of integers or decimals: `sum / count`.
pub(in crate::query) fn mean(sum: Expr, count: Expr) -> Expr {
    let divide = Arithmetic::udf(Op::Divide, COMPUTED);
    divide.call(vec![sum, cast(count, DataType::Decimal128(20, 0))])
}

fn is_decimal(ty: &DataType) -> bool {
    matches!(ty, DataType::Decimal128(..))
}

fn e_is(expr: &Expr, ty: &DataType) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.data_type() == *ty)
}

fn decimals(op: Op, a: Expr, b: Expr, left: &DataType, right: &DataType) -> Expr {
    let (scale_a, scale_b) = (scale_of(left), scale_of(right));
    let widest = scale_a.max(scale_b);
    let scale = match op {
        Op::Multiply if scale_a + scale_b <= COMPUTED_SCALE => scale_a + scale_b,
        Op::Multiply | Op::Divide | Op::Power => widest.max(COMPUTED_SCALE),
        Op::FloorDivide => 0,
        Op::Add | Op::Subtract | Op::Modulo => widest,
    };
    let operand = |e: Expr, ty: &DataType| match ty {
        DataType::Decimal128(..) => e,
        _ => cast(e, DataType::Decimal128(20, 0)),
    };
    Arithmetic::udf(op, DataType::Decimal128(38, scale)).call(vec![operand(a, left), operand(b, right)])
}

fn scale_of(ty: &DataType) -> i8 {
    match ty {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    }
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        match self.op {
            Op::Add => "add",
            Op::Subtract => "subtract",
            Op::Multiply => "multiply",
            Op::Divide => "divide",
            Op::FloorDivide => "floor_divide",
            Op::Modulo => "modulo",
            Op::Power => "raise",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [a, b] = args.args.as_slice() else { return exec_err!("{} takes two numbers", self.name()) };
        let is_scalar = matches!((a, b), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { args.number_rows };
        let (a, b) = (a.to_array(rows)?, b.to_array(rows)?);
        let result = match &self.result {
            DataType::Int64 => self.integers(&a, &b)?,
            DataType::Decimal128(_, scale) => self.decimals(&a, &b, *scale)?,
            _ => self.floats(&a, &b)?,
        };
        if is_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

fn out_of_range() -> DataFusionError {
    coded("22003", "integer out of range")
}

fn by_zero() -> DataFusionError {
    coded("22012", "division by zero")
}

fn zero_modulus() -> DataFusionError {
    coded("22012", "zero modulus")
}

/// `f` over the rows where both are known.
fn zip<A: ArrowPrimitiveType, R: ArrowPrimitiveType>(
    a: &PrimitiveArray<A>,
    b: &PrimitiveArray<A>,
    f: impl Fn(A::Native, A::Native) -> Result<R::Native>,
) -> Result<PrimitiveArray<R>> {
    a.iter()
        .zip(b.iter())
        .map(|pair| match pair {
            (Some(a), Some(b)) => f(a, b).map(Some),
            _ => Ok(None),
        })
        .collect()
}

impl Arithmetic {
    fn integers(&self, a: &ArrayRef, b: &ArrayRef) -> Result<ArrayRef> {
        let (a, b) = (cast_array(a, &DataType::Int64)?, cast_array(b, &DataType::Int64)?);
        let checked = |result: std::result::Result<ArrayRef, _>| result.map_err(|_| out_of_range());
        let (x, y) = (a.as_primitive::<Int64Type>(), b.as_primitive::<Int64Type>());
        match self.op {
            Op::Add => checked(numeric::add(&a, &b)),
            Op::Subtract => checked(numeric::sub(&a, &b)),
            Op::Multiply => checked(numeric::mul(&a, &b)),
            Op::Divide | Op::FloorDivide => Ok(Arc::new(zip::<_, Int64Type>(x, y, |a, b| {
                if b == 0 {
                    return Err(by_zero());
                }
                let quotient = a.checked_div(b).ok_or_else(out_of_range)?;
                Ok(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
            })?)),
            Op::Modulo => Ok(Arc::new(zip::<_, Int64Type>(x, y, |a, b| {
                if b == 0 { Err(zero_modulus()) } else { Ok(a.wrapping_rem(b)) }
            })?)),
            Op::Power => Ok(Arc::new(zip::<_, Int64Type>(x, y, |a, b| {
                let exponent = u32::try_from(b).map_err(|_| out_of_range())?;
                a.checked_pow(exponent).ok_or_else(out_of_range)
            })?)),
        }
    }

    fn floats(&self, a: &ArrayRef, b: &ArrayRef) -> Result<ArrayRef> {
        let (a, b) = (cast_array(a, &DataType::Float64)?, cast_array(b, &DataType::Float64)?);
        let (a, b) = (a.as_primitive::<Float64Type>(), b.as_primitive::<Float64Type>());
        let op = self.op;
        Ok(Arc::new(zip::<_, Float64Type>(a, b, |a, b| match op {
            Op::Add => Ok(a + b),
            Op::Subtract => Ok(a - b),
            Op::Multiply => Ok(a * b),
            Op::Power => Ok(a.powf(b)),
            Op::Modulo if b == 0.0 => Err(zero_modulus()),
            Op::Divide | Op::FloorDivide if b == 0.0 => Err(by_zero()),
            Op::Modulo => Ok(a % b),
            Op::Divide => Ok(a / b),
            Op::FloorDivide => Ok((a / b).floor()),
        })?))
    }

    fn decimals(&self, a: &ArrayRef, b: &ArrayRef, scale: i8) -> Result<ArrayRef> {
        let (scale_a, scale_b) = (scale_of(a.data_type()), scale_of(b.data_type()));
        let digits = |array: &ArrayRef| match array.data_type() {
            DataType::Decimal128(..) => Ok(Arc::clone(array)),
            _ => cast_array(array, &DataType::Decimal128(38, 0)),
        };
        let (a, b) = (digits(a)?, digits(b)?);
        let (a, b) = (a.as_primitive::<Decimal128Type>(), b.as_primitive::<Decimal128Type>());
        let op = self.op;
        let result = zip::<_, Decimal128Type>(a, b, |a, b| {
            exact(op, (a, scale_a), (b, scale_b), scale)?
                .ok_or_else(|| coded("22003", "decimal out of range"))
        })?;
        Ok(Arc::new(result.with_precision_and_scale(38, scale)?))
    }
}

/// Ten to a power.
fn ten(power: i32) -> Option<i128> {
    10_i128.checked_pow(u32::try_from(power).ok()?)
}

/// A decimal's digits at another scale, halves away from zero.
fn rescale(digits: i128, from: i32, to: i32) -> Option<i128> {
    if to >= from {
        return digits.checked_mul(ten(to - from)?);
    }
    rounded(digits, ten(from - to)?)
}

/// `a / b`, halves away from zero.
fn rounded(a: i128, b: i128) -> Option<i128> {
    let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
    let up = rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs() && rest != 0;
    if !up {
        return Some(quotient);
    }
    quotient.checked_add(if (a < 0) == (b < 0) { 1 } else { -1 })
}

/// `None`: more digits than 38.
fn exact(op: Op, (a, scale_a): (i128, i8), (b, scale_b): (i128, i8), scale: i8) -> Result<Option<i128>> {
    let (sa, sb, s) = (i32::from(scale_a), i32::from(scale_b), i32::from(scale));
    if b == 0 && matches!(op, Op::Divide | Op::FloorDivide) {
        return Err(by_zero());
    }
    if b == 0 && op == Op::Modulo {
        return Err(zero_modulus());
    }
    let both = || {
        let widest = sa.max(sb);
        rescale(a, sa, widest).zip(rescale(b, sb, widest))
    };
    let within = |digits: i128| (digits.unsigned_abs() < 10_u128.pow(38)).then_some(digits);
    Ok(match op {
        Op::Add => rescale(a, sa, s).zip(rescale(b, sb, s)).and_then(|(a, b)| a.checked_add(b)),
        Op::Subtract => rescale(a, sa, s).zip(rescale(b, sb, s)).and_then(|(a, b)| a.checked_sub(b)),
        Op::Multiply => match a.checked_mul(b) {
            Some(product) => rescale(product, sa + sb, s),
            // Too many digits behind the point to multiply at once.
            None => rescale(a, sa, s.min(sa)).and_then(|a| {
                let wide = s.min(sa) + sb;
                a.checked_mul(b).and_then(|product| rescale(product, wide, s))
            }),
        },
        // Long division, digit by digit behind the point: dividends of 38 digits need no wider type.
        Op::Divide => quotient(a, b, s - sa + sb),
        Op::FloorDivide => both().and_then(|(a, b)| {
            let quotient = a.checked_div(b)?;
            Some(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
        }),
        Op::Modulo => both().map(|(a, b)| a % b).and_then(|rest| rescale(rest, sa.max(sb), s)),
        Op::Power => power(a as f64 / 10_f64.powi(sa), b as f64 / 10_f64.powi(sb), s),
    }
    .and_then(within))
}

fn power(a: f64, b: f64, scale: i32) -> Option<i128> {
    let digits = (a.powf(b) * 10_f64.powi(scale)).round();
    (digits.abs() < 1e38).then_some(digits as i128)
}

/// `a * 10^digits / b`, halves away from zero.
fn quotient(a: i128, b: i128, digits: i32) -> Option<i128> {
    if digits < 0 {
        return rounded(a, b.checked_mul(ten(-digits)?)?);
    }
    let (mut value, mut rest) = (a.checked_div(b)?, a.checked_rem(b)?);
    for _ in 0..digits {
        rest = rest.checked_mul(10)?;
        value = value.checked_mul(10)?.checked_add(rest / b)?;
        rest %= b;
    }
    let up = rest != 0 && rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs();
    let away = if (a < 0) == (b < 0) { 1 } else { -1 };
    if up { value.checked_add(away) } else { Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        let divide = |a, b| exact(Op::Divide, (a, 0), (b, 0), COMPUTED_SCALE).unwrap();
        let unit = 10_i128.pow(16);
        assert_eq!(divide(1, 2), Some(unit / 2));
        assert_eq!(divide(1, 3), Some(3_333_333_333_333_333));
        assert_eq!(divide(2, 3), Some(6_666_666_666_666_667));
        assert_eq!(divide(-2, 3), Some(-6_666_666_666_666_667));
        assert_eq!(divide(i128::from(i64::MIN), 1), Some(i128::from(i64::MIN) * unit));
        assert_eq!(exact(Op::Multiply, (15, 1), (25, 1), 2).unwrap(), Some(375));
        assert_eq!(exact(Op::Modulo, (-75, 1), (2, 0), 1).unwrap(), Some(-15));
        assert_eq!(exact(Op::FloorDivide, (-75, 1), (2, 0), 0).unwrap(), Some(-4));
        assert_eq!(exact(Op::Multiply, (10_i128.pow(37), 0), (10, 0), 0).unwrap(), None);
        assert!(exact(Op::Divide, (1, 0), (0, 0), 16).is_err());
    }
}
