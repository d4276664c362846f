//! Functions whose result may be far larger than their arguments, held to a size.
//!
//! `repeat('a', 9223372036854775807)` asks for more memory than there is, and a failed allocation ends the process. The
//! memory pool does not see what functions allocate, so these few are asked for the size of their result first.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// Bytes that one call may give for one batch of rows, at most.
const MAX_RESULT_BYTES: i128 = 128 << 20;

/// Puts the limit around those of `functions` that need it.
pub(crate) fn bound(functions: &mut HashMap<String, Arc<ScalarUDF>>) {
    for function in functions.values_mut() {
        let Some(growth) = Growth::of(function.name()) else { continue };
        let inner = Arc::clone(function);
        *function = Arc::new(ScalarUDF::from(Bounded { inner, growth }));
    }
}

/// How the size of a result follows from the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Growth {
    /// The first argument as often as the second says.
    Times,
    /// As many items of the third argument, or small ones, as the second says.
    Items,
    /// Numbers from the first argument to the second by the third.
    Range,
}

impl Growth {
    fn of(name: &str) -> Option<Self> {
        match name {
            "repeat" | "array_repeat" => Some(Self::Times),
            "lpad" | "rpad" | "array_resize" => Some(Self::Items),
            "range" | "generate_series" => Some(Self::Range),
            _ => None,
        }
    }

    /// Bytes of the result, about; None where it does not depend on numbers.
    fn bytes(self, args: &[ColumnarValue], rows: usize) -> Result<Option<i128>> {
        let mut total = 0_i128;
        match (self, args) {
            (Self::Times, [value, count, ..]) => {
                let (size, count) = (Sizes::of(value, rows), Numbers::of(count)?);
                for row in 0..rows {
                    total = total.saturating_add(size.get(row) * count.get(row).max(0));
                }
            }
            (Self::Items, [_, count, rest @ ..]) => {
                let count = Numbers::of(count)?;
                let size = rest.first().map(|fill| Sizes::of(fill, rows));
                for row in 0..rows {
                    let item = size.as_ref().map_or(1, |s| s.get(row)).max(1);
                    total = total.saturating_add(item * count.get(row).max(0));
                }
            }
            (Self::Range, args) if args.iter().all(|a| a.data_type().is_integer()) => {
                let numbers = args.iter().map(Numbers::of).collect::<Result<Vec<_>>>()?;
                for row in 0..rows {
                    let at = |n: usize| numbers.get(n).map(|v| v.get(row));
                    let (start, stop) = if numbers.len() > 1 { (at(0), at(1)) } else { (Some(0), at(0)) };
                    let length = stop.unwrap_or(0) - start.unwrap_or(0);
                    total = total.saturating_add(8 * (length / at(2).unwrap_or(1).max(1)).abs());
                }
            }
            _ => return Ok(None),
        }
        Ok(Some(total))
    }
}

/// Whole numbers by row; NULL counts as 0.
enum Numbers {
    Same(i128),
    Rows(ArrayRef),
}

impl Numbers {
    fn of(value: &ColumnarValue) -> Result<Self> {
        if value.data_type().is_null() {
            return Ok(Self::Same(0));
        }
        let array = match value {
            ColumnarValue::Array(array) => Arc::clone(array),
            ColumnarValue::Scalar(scalar) => scalar.to_array()?,
        };
        let numbers = Self::Rows(arrow::compute::cast(&array, &DataType::Int64)?);
        Ok(match value {
            ColumnarValue::Array(_) => numbers,
            ColumnarValue::Scalar(_) => Self::Same(numbers.get(0)),
        })
    }

    fn get(&self, row: usize) -> i128 {
        match self {
            Self::Same(number) => *number,
            Self::Rows(array) => {
                let array = array.as_primitive::<Int64Type>();
                if row < array.len() && array.is_valid(row) { array.value(row).into() } else { 0 }
            }
        }
    }
}

/// Bytes of values by row: exact for text, an average for other types.
enum Sizes {
    Same(i128),
    Text(ArrayRef),
}

impl Sizes {
    fn of(value: &ColumnarValue, rows: usize) -> Self {
        match value {
            ColumnarValue::Array(a) => match a.data_type() {
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text(Arc::clone(a)),
                _ => Self::Same((a.get_array_memory_size() / rows.max(1)) as i128),
            },
            ColumnarValue::Scalar(scalar) => {
                Self::Same(scalar.try_as_str().flatten().map_or_else(|| scalar.size(), str::len) as i128)
            }
        }
    }

    fn get(&self, row: usize) -> i128 {
        let array = match self {
            Self::Same(size) => return *size,
            Self::Text(array) => array,
        };
        if row >= array.len() || array.is_null(row) {
            return 0;
        }
        let length = match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().value(row).len(),
            DataType::LargeUtf8 => array.as_string::<i64>().value(row).len(),
            _ => array.as_string_view().value(row).len(),
        };
        length as i128
    }
}

/// A function that refuses results over [`MAX_RESULT_BYTES`].
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.inner().return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        self.inner.inner().with_updated_config(config)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // A call of constants is computed once for all rows.
        let constant = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        match self.growth.bytes(&args.args, rows)? {
            Some(bytes) if bytes > MAX_RESULT_BYTES => Err(exec_datafusion_err!(
                "{} would give about {bytes} bytes, at most {MAX_RESULT_BYTES} are allowed",
                self.name()
            )),
            _ => self.inner.invoke_with_args(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use datafusion::common::ScalarValue;

    use super::*;

    fn number(n: i64) -> ColumnarValue {
        ColumnarValue::Scalar(ScalarValue::Int64(Some(n)))
    }

    #[test]
    fn sizes_follow_from_the_arguments() {
        let text = |s: &str| ColumnarValue::Scalar(ScalarValue::from(s));
        let bytes = |g: Growth, args: &[ColumnarValue], rows| g.bytes(args, rows).unwrap().unwrap();
        assert_eq!(bytes(Growth::Times, &[text("abc"), number(5)], 1), 15);
        assert_eq!(bytes(Growth::Times, &[text("abc"), number(-5)], 1), 0);
        assert_eq!(bytes(Growth::Items, &[text("abc"), number(10), text("xy")], 2), 40);
        assert_eq!(bytes(Growth::Range, &[number(1), number(101), number(2)], 1), 400);
        assert_eq!(bytes(Growth::Range, &[number(i64::MIN), number(i64::MAX)], 1), 8 * i128::from(u64::MAX));
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("abc")]));
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![2, i64::MAX, 3]));
        let args = [ColumnarValue::Array(texts), ColumnarValue::Array(counts)];
        assert_eq!(bytes(Growth::Times, &args, 3), 2 + 9);
    }
}
