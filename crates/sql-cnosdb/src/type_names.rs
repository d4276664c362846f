//! `arrow_typeof` with the type names of CnosDB's Arrow, which prints types as Rust's debugger does.

use std::fmt::Write;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use triglot_engine::query::functions::FunctionPack;

/// The functions of this module, in place of DataFusion's.
pub(crate) fn pack() -> FunctionPack {
    let function = arrow_typeof();
    FunctionPack {
        replaces: [function.name().to_owned()].into(),
        scalars: vec![(function.name().to_owned(), Arc::new(function))],
        ..FunctionPack::default()
    }
}

/// `arrow_typeof(x)`: the name of its argument's type, text, never NULL.
fn arrow_typeof() -> ScalarUDF {
    ScalarUDF::from(ArrowTypeof { signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrowTypeof {
    signature: Signature,
}

impl ScalarUDFImpl for ArrowTypeof {
    fn name(&self) -> &str {
        "arrow_typeof"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut name = String::new();
        if let Some(arg) = args.args.first() {
            type_name(&arg.data_type(), &mut name);
        }
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(Some(name))))
    }
}

/// Arrow 42's debug text of a type. The text views in which triglot reads strings are strings there.
fn type_name(data_type: &DataType, out: &mut String) {
    match data_type {
        DataType::Utf8 | DataType::Utf8View => out.push_str("Utf8"),
        DataType::Binary | DataType::BinaryView => out.push_str("Binary"),
        DataType::Timestamp(unit, zone) => {
            push(out, format_args!("Timestamp({}, {zone:?})", unit_name(*unit)))
        }
        DataType::Time32(unit) => push(out, format_args!("Time32({})", unit_name(*unit))),
        DataType::Time64(unit) => push(out, format_args!("Time64({})", unit_name(*unit))),
        DataType::Duration(unit) => push(out, format_args!("Duration({})", unit_name(*unit))),
        DataType::Interval(unit) => push(out, format_args!("Interval({unit:?})")),
        DataType::Decimal128(precision, scale) => push(out, format_args!("Decimal128({precision}, {scale})")),
        DataType::Decimal256(precision, scale) => push(out, format_args!("Decimal256({precision}, {scale})")),
        DataType::Dictionary(key, value) => {
            out.push_str("Dictionary(");
            type_name(key, out);
            out.push_str(", ");
            type_name(value, out);
            out.push(')');
        }
        DataType::List(item) => {
            out.push_str("List(");
            field_name(item, out);
            out.push(')');
        }
        DataType::Struct(fields) => {
            out.push_str("Struct([");
            for (at, field) in fields.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                field_name(field, out);
            }
            out.push_str("])");
        }
        other => push(out, format_args!("{other}")),
    }
}

fn field_name(field: &Field, out: &mut String) {
    push(out, format_args!("Field {{ name: {:?}, data_type: ", field.name()));
    type_name(field.data_type(), out);
    push(
        out,
        format_args!(
            ", nullable: {}, dict_id: 0, dict_is_ordered: false, metadata: {{}} }}",
            field.is_nullable()
        ),
    );
}

const fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "Second",
        TimeUnit::Millisecond => "Millisecond",
        TimeUnit::Microsecond => "Microsecond",
        TimeUnit::Nanosecond => "Nanosecond",
    }
}

/// Writing to a string does not fail.
fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::IntervalUnit;

    use super::*;

    fn name(data_type: &DataType) -> String {
        let mut out = String::new();
        type_name(data_type, &mut out);
        out
    }

    /// As DataFusion 27 prints them.
    #[test]
    fn types_have_the_names_of_arrow_42() {
        for (data_type, wanted) in [
            (DataType::Int64, "Int64"),
            (DataType::Utf8View, "Utf8"),
            (DataType::Date32, "Date32"),
            (DataType::Timestamp(TimeUnit::Nanosecond, None), "Timestamp(Nanosecond, None)"),
            (
                DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into())),
                "Timestamp(Nanosecond, Some(\"+00:00\"))",
            ),
            (DataType::Interval(IntervalUnit::MonthDayNano), "Interval(MonthDayNano)"),
            (DataType::Time64(TimeUnit::Nanosecond), "Time64(Nanosecond)"),
            (DataType::Decimal128(10, 2), "Decimal128(10, 2)"),
            (
                DataType::List(Arc::new(Field::new("item", DataType::Int64, true))),
                "List(Field { name: \"item\", data_type: Int64, nullable: true, dict_id: 0, \
                 dict_is_ordered: false, metadata: {} })",
            ),
        ] {
            assert_eq!(name(&data_type), wanted);
        }
    }
}
