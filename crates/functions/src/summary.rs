//! Summaries: aggregates whose result is a structure for other functions to read.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::datatypes::{DataType, Fields, Float64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use triglot_model::{ErrorKind, Refusal};

use crate::args::{argument, time_scalar, times};

/// A function of one summary.
pub(crate) trait Reading: Debug + Copy + Eq + Hash + Send + Sync + 'static {
    /// The summary's name in errors.
    const SUMMARY: &'static str;

    /// The function's name.
    fn name(self) -> &'static str;

    /// The type of the times in the summary; None if the type is not that of such a summary.
    fn time_type(summary: &DataType) -> Option<DataType>;

    /// The result's type, from that of the times.
    fn result(self, time: DataType) -> DataType;

    /// The result for each summary; NULL for NULL.
    fn read(self, summaries: &StructArray) -> Result<ArrayRef>;
}

/// The function of a reading.
pub(crate) fn reader<R: Reading>(reading: R) -> ScalarUDF {
    ScalarUDF::from(Reader { reading, signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Reader<R: Reading> {
    reading: R,
    signature: Signature,
}

impl<R: Reading> ScalarUDFImpl for Reader<R> {
    fn name(&self) -> &str {
        self.reading.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let summary = argument(types, 0)?;
        match R::time_type(summary) {
            Some(time) => Ok(self.reading.result(time)),
            None => Err(wrong_input(R::SUMMARY, summary)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = argument(&args.args, 0)?.to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(self.reading.read(structs(&array)?)?))
    }
}

/// The refusal of an argument that is not the summary that the function reads.
pub(crate) fn wrong_input(expected: &str, got: &DataType) -> DataFusionError {
    let refusal = Refusal::new(ErrorKind::WrongInput, format!("Expected {expected}, got {got}"));
    DataFusionError::External(Box::new(refusal))
}

/// The array as structures.
pub(crate) fn structs(array: &ArrayRef) -> Result<&StructArray> {
    match array.as_struct_opt() {
        Some(structs) => Ok(structs),
        None => exec_err!("expected structures, got {}", array.data_type()),
    }
}

/// The member of that name.
pub(crate) fn member<'a>(structs: &'a StructArray, name: &str) -> Result<&'a ArrayRef> {
    structs.column_by_name(name).ok_or_else(|| exec_datafusion_err!("the structure has no member {name}"))
}

/// One structure of these members.
pub(crate) fn structure(fields: &Fields, members: Vec<ScalarValue>) -> Result<ScalarValue> {
    let arrays = members.iter().map(ScalarValue::to_array).collect::<Result<Vec<_>>>()?;
    Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields.clone(), arrays, None)?)))
}

/// A value at a time.
pub(crate) type Point = (i64, f64);

/// The members of a point: `ts`, `val`.
pub(crate) fn point_fields(time: &DataType) -> Fields {
    use arrow::datatypes::Field;
    Fields::from(vec![Field::new("ts", time.clone(), true), Field::new("val", DataType::Float64, true)])
}

/// A point as a structure.
pub(crate) fn point_scalar(time: &DataType, point: Point) -> Result<ScalarValue> {
    structure(
        &point_fields(time),
        vec![time_scalar(time, Some(point.0))?, ScalarValue::Float64(Some(point.1))],
    )
}

/// The points in a member of each structure.
pub(crate) fn points<'a>(
    summaries: &'a StructArray,
    name: &str,
) -> Result<impl Iterator<Item = Option<Point>> + 'a> {
    let points = structs(member(summaries, name)?)?;
    let (times, values) =
        (times(member(points, "ts")?)?, member(points, "val")?.as_primitive::<Float64Type>());
    Ok((0..summaries.len()).map(move |row| {
        let known = summaries.is_valid(row) && times.is_valid(row) && values.is_valid(row);
        known.then(|| (times.value(row), values.value(row)))
    }))
}

/// Calls `take(time, values of the other arguments)` for each row with a time.
pub(crate) fn each_double(values: &[ArrayRef], mut take: impl FnMut(i64, f64, Option<f64>)) -> Result<()> {
    let times = times(argument(values, 0)?)?;
    let first = argument(values, 1)?.as_primitive::<Float64Type>();
    let second = values.get(2).map(|v| v.as_primitive::<Float64Type>());
    for row in 0..times.len() {
        if times.is_valid(row) && first.is_valid(row) {
            let other = second.filter(|s| s.is_valid(row)).map(|s| s.value(row));
            take(times.value(row), first.value(row), other);
        }
    }
    Ok(())
}
