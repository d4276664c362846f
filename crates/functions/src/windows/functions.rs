use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int64Type, TimeUnit};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::spec::unit_ns;
use super::{END, START, TimeWindows, WindowError};

/// `window_start(time)`: the last start at or before `time`, in the type of `time`; NULL for NULL.
/// `windows` are in the unit of `time`.
pub fn window_start(windows: TimeWindows) -> ScalarUDF {
    WindowFunction { windows, part: Part::Start, signature: one_time() }.into()
}

/// `window_starts(time)`: the starts of all windows that hold `time`, ascending, as a list; NULL for
/// NULL, empty in a gap. `windows` are in the unit of `time`.
pub fn window_starts(windows: TimeWindows) -> ScalarUDF {
    WindowFunction { windows, part: Part::Starts, signature: one_time() }.into()
}

/// `window_of_start(start)`: the window `{start, end}` that starts there and is `width` long, in the
/// unit of `start`; NULL for NULL.
pub fn window_of_start(width: i64) -> ScalarUDF {
    WindowOfStart { width, signature: one_time() }.into()
}

/// `window_edge(instant)`: the start of the first or last window that a bound on time lets in, as a
/// timestamp of type `time`. `instant` is a nanosecond timestamp and `windows` are in nanoseconds.
pub fn window_edge(windows: TimeWindows, edge: Edge, time: DataType) -> ScalarUDF {
    let signature = Signature::exact(vec![nanoseconds()], Volatility::Immutable);
    WindowEdge { windows, edge, time, signature }.into()
}

/// Which end of a range of time a bound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// `time >= instant`: the first window with an instant at or after it.
    First,
    /// `time > instant`: the first window with an instant after it.
    FirstAfter,
    /// `time <= instant`: the last window that starts at or before it.
    Last,
    /// `time < instant`: the last window that starts before it.
    LastBefore,
}

impl Edge {
    /// Whether it is a lower bound.
    pub const fn is_first(&self) -> bool {
        matches!(self, Self::First | Self::FirstAfter)
    }

    /// The start for a bound in nanoseconds.
    fn start(self, windows: TimeWindows, bound: i64) -> Result<i64, WindowError> {
        let out = WindowError::OutOfRange { time: bound };
        match self {
            Self::First => windows.first_start(bound),
            Self::FirstAfter => windows.first_start(bound.checked_add(1).ok_or(out)?),
            Self::Last => windows.last_start(bound),
            Self::LastBefore => windows.last_start(bound.checked_sub(1).ok_or(out)?),
        }
    }
}

fn one_time() -> Signature {
    Signature::any(1, Volatility::Immutable)
}

fn nanoseconds() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, None)
}

impl From<WindowError> for DataFusionError {
    fn from(error: WindowError) -> Self {
        Self::Execution(error.to_string())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Start,
    Starts,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WindowFunction {
    windows: TimeWindows,
    part: Part,
    signature: Signature,
}

impl ScalarUDFImpl for WindowFunction {
    fn name(&self) -> &str {
        match self.part {
            Part::Start => "window_start",
            Part::Starts => "window_starts",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        let time = time_type(args)?;
        Ok(match self.part {
            Part::Start => time,
            Part::Starts => DataType::List(item(time)),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (times, ty) = times(&args)?;
        let windows = self.windows;
        let array = match self.part {
            Part::Start => {
                let starts: Int64Array = times.try_unary(|t| windows.last_start(t))?;
                cast(&starts, &ty)?
            }
            Part::Starts => starts_of(windows, &times, &ty)?,
        };
        Ok(ColumnarValue::Array(array))
    }

    /// Starts never go back where time does not.
    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(match (self.part, inputs.first()) {
            (Part::Start, Some(time)) => time.sort_properties,
            _ => SortProperties::Unordered,
        })
    }
}

fn item(time: DataType) -> Arc<Field> {
    Arc::new(Field::new_list_field(time, true))
}

fn starts_of(windows: TimeWindows, times: &Int64Array, ty: &DataType) -> Result<ArrayRef> {
    let (mut values, mut lengths) = (Vec::new(), Vec::with_capacity(times.len()));
    for time in times {
        let before = values.len();
        if let Some(time) = time {
            values.extend(windows.starts(time)?);
        }
        lengths.push(values.len() - before);
    }
    if i32::try_from(values.len()).is_err() {
        return exec_err!("{} windows in one batch of rows", values.len());
    }
    let values = cast(&Int64Array::from(values), ty)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(item(ty.clone()), offsets, values, times.nulls().cloned())?))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WindowOfStart {
    width: i64,
    signature: Signature,
}

/// The type of a window over times of this type.
fn window_fields(time: &DataType) -> Fields {
    [START, END].into_iter().map(|name| Field::new(name, time.clone(), true)).collect()
}

impl ScalarUDFImpl for WindowOfStart {
    fn name(&self) -> &str {
        "window_of_start"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(window_fields(&time_type(args)?)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let (starts, ty) = times(&args)?;
        let end = |s: i64| s.checked_add(self.width).ok_or(WindowError::OutOfRange { time: s });
        let ends: Int64Array = starts.try_unary(end)?;
        let nulls = starts.nulls().cloned();
        let columns = vec![cast(&starts, &ty)?, cast(&ends, &ty)?];
        Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(window_fields(&ty), columns, nulls)?)))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WindowEdge {
    windows: TimeWindows,
    edge: Edge,
    time: DataType,
    signature: Signature,
}

impl ScalarUDFImpl for WindowEdge {
    fn name(&self) -> &str {
        match self.edge {
            Edge::First => "first_window",
            Edge::FirstAfter => "first_window_after",
            Edge::Last => "last_window",
            Edge::LastBefore => "last_window_before",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(self.time.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::Timestamp(unit, _) = self.time else { return plan_err!("no time: {}", self.time) };
        let (bounds, _) = times(&args)?;
        let windows = self.windows;
        let starts: Int64Array = bounds.try_unary(|bound| {
            self.edge.start(windows, bound).map(|start| start.div_euclid(unit_ns(unit)))
        })?;
        Ok(ColumnarValue::Array(cast(&starts, &self.time)?))
    }
}

/// The type of the only argument, which is a time.
fn time_type(args: &[DataType]) -> Result<DataType> {
    match args {
        [time @ DataType::Timestamp(..)] => Ok(time.clone()),
        other => plan_err!("expected one timestamp, found {other:?}"),
    }
}

/// The argument as numbers in its own unit, and its type.
fn times(args: &ScalarFunctionArgs) -> Result<(Int64Array, DataType)> {
    let [time] = args.args.as_slice() else { return exec_err!("expected one timestamp") };
    let array = time.to_array(args.number_rows)?;
    let ty = time_type(&[array.data_type().clone()])?;
    let numbers = cast(&array, &DataType::Int64)?;
    Ok((numbers.as_primitive::<Int64Type>().clone(), ty))
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampMillisecondArray;
    use datafusion::config::ConfigOptions;

    use super::*;

    fn call(function: &ScalarUDF, times: Vec<Option<i64>>) -> ArrayRef {
        let array: ArrayRef = Arc::new(TimestampMillisecondArray::from(times));
        let ty = function.return_type(&[array.data_type().clone()]).unwrap();
        let args = ScalarFunctionArgs {
            number_rows: array.len(),
            arg_fields: vec![Arc::new(Field::new("t", array.data_type().clone(), true))],
            args: vec![ColumnarValue::Array(array)],
            return_field: Arc::new(Field::new("w", ty, true)),
            config_options: Arc::new(ConfigOptions::default()),
        };
        let rows = args.number_rows;
        function.invoke_with_args(args).unwrap().into_array(rows).unwrap()
    }

    fn millis(array: &ArrayRef) -> Vec<Option<i64>> {
        assert_eq!(array.data_type(), &DataType::Timestamp(TimeUnit::Millisecond, None));
        cast(array, &DataType::Int64).unwrap().as_primitive::<Int64Type>().iter().collect()
    }

    #[test]
    fn functions_keep_the_type_and_null() {
        let windows = TimeWindows::new(10, 5, 0).unwrap();
        let times = vec![Some(7), None, Some(-1)];
        assert_eq!(millis(&call(&window_start(windows), times.clone())), [Some(5), None, Some(-5)]);

        let lists = call(&window_starts(windows), times);
        let lists = lists.as_list::<i32>();
        assert_eq!(millis(&lists.value(0)), [Some(0), Some(5)]);
        assert!(lists.is_null(1));
        assert_eq!(millis(&lists.value(2)), [Some(-10), Some(-5)]);

        let window = call(&window_of_start(10), vec![Some(5), None]);
        let window = window.as_struct();
        assert_eq!(millis(window.column(0)), [Some(5), None]);
        assert_eq!(millis(window.column(1)), [Some(15), None]);
        assert!(window.is_null(1) && window.is_valid(0));
    }
}
