//! Functions whose results depend on the session's zone. The planner sees them without one; [`super::super::rewrite`]
//! gives it to them, and only then can they run.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, TimeUnit};
use chrono_tz::Tz;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use triglot_functions::time_text::parse_time;
use triglot_model::Precision;

use super::clock::{self, Part};
use super::{casts, render};
use crate::Zone;
use crate::query::errors::coded;
use crate::types::TypeSpec;

/// Which of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::query) enum Zoned {
    /// `cast_to(value, 'TYPE')`.
    CastTo,
    /// `extract('part', time)`: a double.
    Extract,
    /// `date_trunc('unit', time)`: the start of the unit.
    DateTrunc,
    /// `timezone('zone', time)`: what that zone's clocks show, as an instant of UTC.
    Timezone,
    /// `experimental_strftime(time, 'format')`.
    Strftime,
    /// A text as an instant of this type.
    Instant(DataType),
}

impl Zoned {
    /// Those that a statement may call, and `cast_to`.
    pub(super) const CALLED: [Self; 5] =
        [Self::CastTo, Self::Extract, Self::DateTrunc, Self::Timezone, Self::Strftime];

    /// The function as the planner sees it, or with the zone in which it runs.
    pub(super) fn udf(self, zone: Option<Tz>) -> ScalarUDF {
        let any = match self {
            Self::Instant(_) => 1,
            _ => 2,
        };
        ZonedFunction { function: self, zone, signature: Signature::any(any, Volatility::Immutable) }.into()
    }

    const fn function_name(&self) -> &'static str {
        match self {
            Self::CastTo => "cast_to",
            Self::Extract => "extract",
            Self::DateTrunc => "date_trunc",
            Self::Timezone => "timezone",
            Self::Strftime => "experimental_strftime",
            Self::Instant(_) => "instant",
        }
    }
}

/// `text` as an instant of the type `ty`.
pub(in crate::query) fn instant_call(text: Expr, ty: DataType) -> Expr {
    Zoned::Instant(ty).udf(None).call(vec![text])
}

/// The call with a zone, if it is one of these functions without.
pub(in crate::query) fn in_zone(expr: &Expr, zone: Tz) -> Option<Expr> {
    let Expr::ScalarFunction(call) = expr else { return None };
    let found = call.func.inner().downcast_ref::<ZonedFunction>()?;
    if found.zone.is_some() {
        return None;
    }
    Some(found.function.clone().udf(Some(zone)).call(call.args.clone()))
}

/// The type that an expression is cast to.
pub(in crate::query) fn cast_target(expr: &Expr) -> Option<TypeSpec> {
    let Expr::ScalarFunction(call) = expr else { return None };
    let found = call.func.inner().downcast_ref::<ZonedFunction>()?;
    if found.function != Zoned::CastTo {
        return None;
    }
    let Expr::Literal(target, _) = call.args.get(1)? else { return None };
    casts::target(target.try_as_str().flatten()?)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ZonedFunction {
    function: Zoned,
    zone: Option<Tz>,
    signature: Signature,
}

impl ZonedFunction {
    fn zone(&self) -> Tz {
        self.zone.unwrap_or(Tz::UTC)
    }
}

/// The type of a time among the arguments: texts are read as instants of microseconds.
fn time_type(ty: &DataType) -> DataType {
    match ty {
        DataType::Timestamp(..) => ty.clone(),
        _ => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

impl ScalarUDFImpl for ZonedFunction {
    fn name(&self) -> &str {
        self.function.function_name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        exec_err!("the type of {} depends on its arguments", self.name())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let ty = |at: usize| args.arg_fields.get(at).map_or(DataType::Null, |f| f.data_type().clone());
        let text = |at: usize| {
            args.scalar_arguments.get(at).copied().flatten().and_then(|v| v.try_as_str().flatten())
        };
        let signature = || {
            let types: Vec<String> =
                args.arg_fields.iter().map(|f| render::type_name(f.data_type())).collect();
            coded("42883", format!("unknown signature: {}({})", self.name(), types.join(", ")))
        };
        let is_time = |ty: &DataType| {
            matches!(ty, DataType::Timestamp(..) | DataType::Date32 | DataType::Null) || is_text(ty)
        };
        let result = match &self.function {
            Zoned::CastTo => {
                let Some(target) = text(1).and_then(casts::target) else {
                    let name = text(1).unwrap_or_default().to_lowercase();
                    return Err(coded("42704", format!("type \"{name}\" does not exist")));
                };
                casts::result_type(target, &ty(0), text(0))?
            }
            Zoned::Extract if is_time(&ty(1)) || matches!(ty(1), DataType::Interval(_)) => DataType::Float64,
            Zoned::DateTrunc | Zoned::Timezone if is_time(&ty(1)) => time_type(&ty(1)),
            Zoned::Strftime if is_time(&ty(0)) => DataType::Utf8,
            Zoned::Instant(ty) => ty.clone(),
            _ => return Err(signature()),
        };
        Ok(Arc::new(Field::new(self.name(), result, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|a| a.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let result = self.run(&arrays, args.return_field.data_type())?;
        if is_scalar {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

impl ZonedFunction {
    fn run(&self, args: &[ArrayRef], result: &DataType) -> Result<ArrayRef> {
        let Some(first) = args.first() else { return exec_err!("{} without arguments", self.name()) };
        let zone = self.zone();
        if let Zoned::Instant(ty) = &self.function {
            return instants(first, ty, zone);
        }
        let Some(second) = args.get(1) else { return exec_err!("{} takes two arguments", self.name()) };
        match &self.function {
            Zoned::CastTo => {
                let target = one_text(second).as_deref().and_then(casts::target);
                let Some(target) = target else { return exec_err!("a cast to no type") };
                casts::to(first, target, result, zone)
            }
            Zoned::Extract => {
                let Some(part) = one_text(first) else {
                    return Ok(Arc::new(Float64Array::new_null(second.len())));
                };
                clock::extract(Part::of(&part)?, second, zone)
            }
            Zoned::DateTrunc => {
                let Some(part) = one_text(first) else {
                    return Ok(arrow::array::new_null_array(result, second.len()));
                };
                per_instant(second, result, zone, |ns, unit| {
                    clock::truncate(Part::of(&part)?, ns, unit, zone)
                })
            }
            Zoned::Timezone => {
                let Some(name) = one_text(first) else {
                    return Ok(arrow::array::new_null_array(result, second.len()));
                };
                let Ok(Zone { tz: there, .. }) = Zone::of(&name) else {
                    return Err(coded(
                        "22023",
                        format!("invalid value for parameter \"timezone\": \"{name}\""),
                    ));
                };
                per_instant(second, result, zone, |time, unit| Ok(clock::shifted(time, unit, there)))
            }
            Zoned::Strftime => {
                let format = one_text(second).unwrap_or_default();
                let times = instants(first, &time_type(first.data_type()), zone)?;
                let unit = unit_of(times.data_type());
                let times = cast(&times, &DataType::Int64)?;
                let texts: Result<StringArray> = times
                    .as_primitive::<Int64Type>()
                    .iter()
                    .map(|time| time.map(|t| clock::formatted(t, unit, &format, zone)).transpose())
                    .collect();
                Ok(Arc::new(texts?))
            }
            Zoned::Instant(_) => exec_err!("unreachable"),
        }
    }
}

fn one_text(array: &ArrayRef) -> Option<String> {
    let text = ScalarValue::try_from_array(array, 0).ok()?;
    text.try_as_str().flatten().map(str::to_owned)
}

fn per_instant(
    times: &ArrayRef,
    ty: &DataType,
    zone: Tz,
    f: impl Fn(i64, Precision) -> Result<i64>,
) -> Result<ArrayRef> {
    let times = instants(times, ty, zone)?;
    let unit = unit_of(ty);
    let times = cast(&times, &DataType::Int64)?;
    let moved: Int64Array = times.as_primitive::<Int64Type>().try_unary(|time| f(time, unit))?;
    Ok(cast(&(Arc::new(moved) as ArrayRef), ty)?)
}

/// The unit of a timestamp's type.
pub(super) fn unit_of(ty: &DataType) -> Precision {
    match ty {
        DataType::Timestamp(TimeUnit::Microsecond, _) => Precision::Micro,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Precision::Nano,
        _ => Precision::Milli,
    }
}

pub(super) fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Values as instants of the type `ty`: texts are read in the zone.
///
/// # Errors
/// 22007: a text that is no time.
pub(in crate::query) fn instants(values: &ArrayRef, ty: &DataType, zone: Tz) -> Result<ArrayRef> {
    if !is_text(values.data_type()) {
        return Ok(cast(values, ty)?);
    }
    let texts = cast(values, &DataType::Utf8)?;
    let unit = unit_of(ty);
    let read = |text: &str| {
        parse_time(text, zone, unit)
            .ok_or_else(|| coded("22007", format!("parsing as type timestamp: could not parse \"{text}\"")))
    };
    let times: Result<Int64Array> =
        texts.as_string::<i32>().iter().map(|text| text.map(read).transpose()).collect();
    Ok(cast(&(Arc::new(times?) as ArrayRef), ty)?)
}
