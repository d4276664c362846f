//! CAST and CASE (sheet section 10, "Conversion").

use std::sync::Arc;

use arrow::array::{ArrayRef, PrimitiveArray, StringArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::logical_expr::Case;
use datafusion::prelude::{Expr, cast as plain_cast, lit};
use triglot_parse_tdengine::ast::{BinaryOp, TypeName};

use super::convert::{
    as_bytes, as_double, as_integer, as_text, as_time, constant, integer_prefix, is_null, number_prefix,
};
use super::operators::{binary, condition};
use super::{decimals, udf};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

/// Lengths of texts made from values of other types, where none is given.
const TEXT_OF_NUMBER: u32 = 32;

/// `CAST(e AS type)`.
///
/// # Errors
/// 0x2802 for types that cannot be cast to.
pub(crate) fn cast(operand: Typed, to: &TypeName, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let Some(ty) = target(to) else { return Err(wrong_type()) };
    if matches!(operand.ty, TaosType::Json | TaosType::Geometry | TaosType::Blob) && !is_null(&operand) {
        return Err(wrong_type());
    }
    let length = match to {
        TypeName::Varchar(n) | TypeName::Nchar(n) | TypeName::Varbinary(n) => {
            Some(n.map(|n| u32::try_from(n).map_err(|_| wrong_value())).transpose()?)
        }
        _ => None,
    };
    convert(operand, ty, length.flatten(), env)
}

fn wrong_type() -> TaosError {
    TaosError::new(0x2802, "Invalid parameter data type : cast")
}

fn wrong_value() -> TaosError {
    TaosError::new(0x2803, "Invalid parameter value : cast")
}

const fn target(to: &TypeName) -> Option<TaosType> {
    Some(match to {
        TypeName::Timestamp => TaosType::Timestamp,
        TypeName::Bool => TaosType::Bool,
        TypeName::TinyInt { unsigned: true } => TaosType::UTinyInt,
        TypeName::TinyInt { .. } => TaosType::TinyInt,
        TypeName::SmallInt { unsigned: true } => TaosType::USmallInt,
        TypeName::SmallInt { .. } => TaosType::SmallInt,
        TypeName::Int { unsigned: true } => TaosType::UInt,
        TypeName::Int { .. } => TaosType::Int,
        TypeName::BigInt { unsigned: true } => TaosType::UBigInt,
        TypeName::BigInt { .. } => TaosType::BigInt,
        TypeName::Float => TaosType::Float,
        TypeName::Double => TaosType::Double,
        TypeName::Decimal { precision, scale } => {
            if *precision < 1 || *precision > 38 || *scale < 0 || *scale > *precision {
                return None;
            }
            TaosType::Decimal { precision: *precision as u8, scale: *scale as i8 }
        }
        TypeName::Varchar(_) => TaosType::Varchar,
        TypeName::Nchar(_) => TaosType::Nchar,
        TypeName::Varbinary(_) => TaosType::Varbinary,
        TypeName::Geometry(_) | TypeName::Json | TypeName::Blob => return None,
    })
}

/// `operand` as `ty`; `length` is that of CAST, if one was given.
pub(super) fn convert(
    operand: Typed,
    ty: TaosType,
    length: Option<u32>,
    env: &FunctionEnv,
) -> Result<Typed, TaosError> {
    if operand.ty == ty && length.is_none() {
        return Ok(operand);
    }
    if is_null(&operand) {
        let null = ScalarValue::try_from(&ty.arrow(env.precision)).unwrap_or(ScalarValue::Null);
        return Ok(Typed::new(lit(null), ty, length.or(ty.fixed_length()).unwrap_or(0)));
    }
    Ok(match ty {
        TaosType::Varchar | TaosType::Nchar => text(operand, ty, length),
        TaosType::Varbinary => {
            if !operand.ty.is_text() && operand.ty != TaosType::Varbinary {
                return Err(wrong_type());
            }
            let natural = operand.length;
            Typed::new(as_bytes(operand), ty, length.unwrap_or(natural))
        }
        TaosType::Timestamp => Typed::fixed(as_time(operand, env), ty),
        TaosType::Double => Typed::fixed(as_double(operand), ty),
        TaosType::Float => Typed::fixed(plain_cast(as_double(operand), DataType::Float32), ty),
        TaosType::Decimal { precision, scale } => decimals::convert(operand, precision, scale),
        TaosType::Bool => Typed::fixed(truth(operand), ty),
        _ => integer(operand, ty, env),
    })
}

/// BOOL: numbers that are not 0, and the text `true`.
fn truth(operand: Typed) -> Expr {
    if operand.ty.is_text() {
        return udf::bool_of_text("text_to_bool", as_text(operand), |text| {
            let truth = text.trim().to_ascii_lowercase().parse().ok();
            truth.or_else(|| Some(number_prefix(text) != 0.0))
        });
    }
    as_double(operand).not_eq(lit(0.0))
}

/// Whole numbers: fractions are cut off, doubles are cut to the target's range, whole numbers wrap.
fn integer(operand: Typed, ty: TaosType, env: &FunctionEnv) -> Typed {
    let unsigned = matches!(ty, TaosType::UBigInt);
    let output = ty.arrow(env.precision);
    let expr = if operand.ty.is_text() {
        udf::call("text_to_integer", output.clone(), vec![as_text(operand)], move |args| {
            let values = udf::texts(args, 0)?.iter();
            narrowed(
                &output,
                values.map(|v| v.map(|v| integer_prefix(v).clamp(i64::MIN.into(), u64::MAX.into()))),
            )
        })
    } else if matches!(operand.ty, TaosType::Float | TaosType::Double | TaosType::Decimal { .. }) {
        udf::call("double_to_integer", output.clone(), vec![as_double(operand)], move |args| {
            let limits = limits_of(&output);
            let values = udf::doubles(args, 0)?.iter();
            narrowed(&output, values.map(|v| v.map(|v| (v as i128).clamp(limits.0, limits.1))))
        })
    } else if operand.ty == TaosType::UBigInt || (unsigned && operand.ty.is_integer()) {
        let wide = plain_cast(operand.expr, DataType::Decimal128(20, 0));
        udf::call("wide_to_integer", output.clone(), vec![wide], move |args| {
            let values = udf::primitives::<arrow::datatypes::Decimal128Type>(args, 0)?.iter();
            narrowed(&output, values)
        })
    } else {
        udf::call("bigint_to_integer", output.clone(), vec![as_integer(operand)], move |args| {
            narrowed(&output, udf::integers(args, 0)?.iter().map(|v| v.map(i128::from)))
        })
    };
    Typed::fixed(expr, ty)
}

fn limits_of(ty: &DataType) -> (i128, i128) {
    match ty {
        DataType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        DataType::UInt8 => (0, u8::MAX.into()),
        DataType::UInt16 => (0, u16::MAX.into()),
        DataType::UInt32 => (0, u32::MAX.into()),
        DataType::UInt64 => (0, u64::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    }
}

/// The low bits of numbers, as the integer type `ty`.
fn narrowed(ty: &DataType, values: impl Iterator<Item = Option<i128>>) -> DfResult<ArrayRef> {
    fn array<T: ArrowPrimitiveType>(
        values: impl Iterator<Item = Option<i128>>,
        narrow: impl Fn(i128) -> T::Native,
    ) -> ArrayRef {
        let values = values.map(|v| v.map(&narrow));
        Arc::new(values.collect::<PrimitiveArray<T>>())
    }
    Ok(match ty {
        DataType::Int8 => array::<Int8Type>(values, |v| v as i8),
        DataType::Int16 => array::<Int16Type>(values, |v| v as i16),
        DataType::Int32 => array::<Int32Type>(values, |v| v as i32),
        DataType::UInt8 => array::<UInt8Type>(values, |v| v as u8),
        DataType::UInt16 => array::<UInt16Type>(values, |v| v as u16),
        DataType::UInt32 => array::<UInt32Type>(values, |v| v as u32),
        DataType::UInt64 => array::<UInt64Type>(values, |v| v as u64),
        _ => array::<Int64Type>(values, |v| v as i64),
    })
}

/// Texts: cut to the length (bytes of VARCHAR, characters of NCHAR).
fn text(operand: Typed, ty: TaosType, length: Option<u32>) -> Typed {
    let natural = match operand.ty {
        from if from.is_text() || from == TaosType::Varbinary => operand.length,
        TaosType::Bool => 5,
        _ => TEXT_OF_NUMBER,
    };
    let whole = to_text(operand);
    let Some(limit) = length.filter(|limit| *limit > 0) else { return Typed::new(whole, ty, natural) };
    let name = if ty == TaosType::Nchar { "cut_characters" } else { "cut_bytes" };
    let nchar = ty == TaosType::Nchar;
    let expr = udf::call(name, DataType::Utf8, vec![whole, lit(i64::from(limit))], move |args| {
        let rows = udf::texts(args, 0)?.iter().zip(udf::integers(args, 1)?);
        let cut = rows.map(|(text, limit)| {
            let (text, limit) = (text?, usize::try_from(limit?).ok()?);
            let end = if nchar {
                text.char_indices().nth(limit).map_or(text.len(), |(at, _)| at)
            } else {
                text.floor_char_boundary(limit)
            };
            text.get(..end)
        });
        Ok(Arc::new(cut.collect::<StringArray>()))
    });
    Typed::new(expr, ty, limit)
}

/// Any value as text.
pub(super) fn to_text(operand: Typed) -> Expr {
    match operand.ty {
        TaosType::Varchar | TaosType::Nchar | TaosType::Json => as_text(operand),
        TaosType::Bool => udf::call("bool_to_text", DataType::Utf8, vec![operand.expr], |args| {
            let values = udf::booleans(args, 0)?.iter();
            Ok(Arc::new(values.map(|v| v.map(|v| if v { "true" } else { "false" })).collect::<StringArray>()))
        }),
        TaosType::Float => udf::call("float_to_text", DataType::Utf8, vec![operand.expr], |args| {
            let values = udf::primitives::<arrow::datatypes::Float32Type>(args, 0)?.iter();
            Ok(Arc::new(values.map(|v| v.map(|v| v.to_string())).collect::<StringArray>()))
        }),
        TaosType::Double => udf::call("double_to_text", DataType::Utf8, vec![operand.expr], |args| {
            let values = udf::doubles(args, 0)?.iter();
            Ok(Arc::new(values.map(|v| v.map(|v| v.to_string())).collect::<StringArray>()))
        }),
        TaosType::Timestamp => plain_cast(plain_cast(operand.expr, DataType::Int64), DataType::Utf8),
        _ => plain_cast(operand.expr, DataType::Utf8),
    }
}

/// `CASE [v] WHEN … THEN … [ELSE …] END`: of the type of the first THEN that is not NULL.
///
/// # Errors
/// As [`binary`] and [`cast`].
pub(crate) fn case(
    operand: Option<Typed>,
    branches: Vec<(Typed, Typed)>,
    otherwise: Option<Typed>,
    env: &FunctionEnv,
) -> Result<Typed, TaosError> {
    let results = branches.iter().map(|(_, then)| then).chain(otherwise.iter());
    let results: Vec<&Typed> = results.filter(|then| !is_null(then)).collect();
    let (ty, length) = match results.first() {
        Some(first) => {
            let texts = results.iter().filter(|then| then.ty.is_text()).map(|then| then.length);
            let length = if first.ty.is_text() { texts.max().unwrap_or(0) } else { first.length };
            (first.ty, length)
        }
        None => (TaosType::Bool, 1),
    };
    let value = |then: Typed| convert(then, ty, None, env).map(|then| uniform(then, env));
    let mut pairs = Vec::with_capacity(branches.len());
    for (when, then) in branches {
        let when = match &operand {
            Some(operand) => binary(BinaryOp::Eq, operand.clone(), when, env)?,
            None => condition(when)?,
        };
        pairs.push((Box::new(when.expr), Box::new(value(then)?)));
    }
    let otherwise = otherwise.map(value).transpose()?.map(Box::new);
    Ok(Typed::new(Expr::Case(Case::new(None, pairs, otherwise)), ty, length))
}

/// The type that values of several types have together: their own if it is one, BIGINT of integers, DOUBLE of other
/// numbers, else text. `None` without values.
pub(super) fn common_type<'t>(values: impl Iterator<Item = &'t Typed> + Clone) -> Option<TaosType> {
    let first = values.clone().next()?.ty;
    let all = |fits: fn(TaosType) -> bool| values.clone().all(|v| fits(v.ty));
    Some(if values.clone().all(|v| v.ty == first) {
        first
    } else if all(|ty| ty.is_integer() && ty != TaosType::UBigInt) {
        TaosType::BigInt
    } else if all(|ty| ty.is_number() || ty == TaosType::Bool) {
        TaosType::Double
    } else if values.clone().any(|v| v.ty == TaosType::Nchar) {
        TaosType::Nchar
    } else {
        TaosType::Varchar
    })
}

/// In the one Arrow type that functions use for its type.
pub(super) fn uniform(typed: Typed, env: &FunctionEnv) -> Expr {
    let ty = typed.ty.arrow(env.precision);
    match constant(&typed.expr) {
        Some(value) if value.data_type() == ty => typed.expr,
        _ => plain_cast(typed.expr, ty),
    }
}
