//! Functions of columns as DataFusion expressions.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, PrimitiveArray, StringArray,
};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::prelude::Expr;

type Kernel = dyn Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync;

/// A function that computes a column from columns. What it depends on are its name and its arguments: two of the
/// same name and output are the same function.
struct Computed {
    name: &'static str,
    output: DataType,
    signature: Signature,
    kernel: Arc<Kernel>,
}

/// The call of a function: `kernel` gets the arguments as arrays of one length, of the types that `args` have.
pub(crate) fn call(
    name: &'static str,
    output: DataType,
    args: Vec<Expr>,
    kernel: impl Fn(&[ArrayRef]) -> Result<ArrayRef> + Send + Sync + 'static,
) -> Expr {
    let signature = Signature::any(args.len(), Volatility::Immutable);
    let function = Computed { name, output, signature, kernel: Arc::new(kernel) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), args))
}

impl fmt::Debug for Computed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computed").field("name", &self.name).field("output", &self.output).finish()
    }
}

impl PartialEq for Computed {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.output == other.output
    }
}

impl Eq for Computed {}

impl Hash for Computed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.output.hash(state);
    }
}

impl ScalarUDFImpl for Computed {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.output.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let result = (self.kernel)(&arrays)?;
        if constant {
            return ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(result))
    }
}

fn argument(args: &[ArrayRef], at: usize) -> Result<&ArrayRef> {
    args.get(at).ok_or_else(|| exec_datafusion_err!("argument {at} is missing"))
}

fn wrong(array: &dyn Array) -> datafusion::common::DataFusionError {
    exec_datafusion_err!("an argument is of the unexpected type {}", array.data_type())
}

/// The argument at `at` as an array of this primitive type.
pub(super) fn primitives<T: ArrowPrimitiveType>(args: &[ArrayRef], at: usize) -> Result<&PrimitiveArray<T>> {
    let array = argument(args, at)?;
    array.as_primitive_opt::<T>().ok_or_else(|| wrong(array))
}

/// Doubles.
pub(super) fn doubles(args: &[ArrayRef], at: usize) -> Result<&Float64Array> {
    primitives::<Float64Type>(args, at)
}

/// BIGINTs.
pub(super) fn integers(args: &[ArrayRef], at: usize) -> Result<&Int64Array> {
    primitives::<Int64Type>(args, at)
}

/// Texts (`Utf8`).
pub(super) fn texts(args: &[ArrayRef], at: usize) -> Result<&StringArray> {
    let array = argument(args, at)?;
    array.as_string_opt::<i32>().ok_or_else(|| wrong(array))
}

/// BOOLs.
pub(super) fn booleans(args: &[ArrayRef], at: usize) -> Result<&BooleanArray> {
    let array = argument(args, at)?;
    array.as_boolean_opt().ok_or_else(|| wrong(array))
}

/// A function of one double.
pub(super) fn of_double(
    name: &'static str,
    arg: Expr,
    function: impl Fn(f64) -> Option<f64> + Send + Sync + 'static,
) -> Expr {
    call(name, DataType::Float64, vec![arg], move |args| {
        Ok(Arc::new(doubles(args, 0)?.iter().map(|v| function(v?)).collect::<Float64Array>()))
    })
}

/// A function of two doubles.
pub(super) fn of_doubles(
    name: &'static str,
    args: [Expr; 2],
    function: impl Fn(f64, f64) -> Option<f64> + Send + Sync + 'static,
) -> Expr {
    call(name, DataType::Float64, args.into(), move |args| {
        let pairs = doubles(args, 0)?.iter().zip(doubles(args, 1)?);
        Ok(Arc::new(pairs.map(|(a, b)| function(a?, b?)).collect::<Float64Array>()))
    })
}

/// A text of one text.
pub(super) fn of_text(
    name: &'static str,
    arg: Expr,
    function: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Expr {
    call(name, DataType::Utf8, vec![arg], move |args| {
        Ok(Arc::new(texts(args, 0)?.iter().map(|v| function(v?)).collect::<StringArray>()))
    })
}

/// A BIGINT of one text.
pub(super) fn integer_of_text(
    name: &'static str,
    arg: Expr,
    function: impl Fn(&str) -> Option<i64> + Send + Sync + 'static,
) -> Expr {
    call(name, DataType::Int64, vec![arg], move |args| {
        Ok(Arc::new(texts(args, 0)?.iter().map(|v| function(v?)).collect::<Int64Array>()))
    })
}

/// A double of one text.
pub(super) fn double_of_text(
    name: &'static str,
    arg: Expr,
    function: impl Fn(&str) -> Option<f64> + Send + Sync + 'static,
) -> Expr {
    call(name, DataType::Float64, vec![arg], move |args| {
        Ok(Arc::new(texts(args, 0)?.iter().map(|v| function(v?)).collect::<Float64Array>()))
    })
}

/// A BOOL of one text.
pub(super) fn bool_of_text(
    name: &'static str,
    arg: Expr,
    function: impl Fn(&str) -> Option<bool> + Send + Sync + 'static,
) -> Expr {
    call(name, DataType::Boolean, vec![arg], move |args| {
        Ok(Arc::new(texts(args, 0)?.iter().map(|v| function(v?)).collect::<BooleanArray>()))
    })
}

/// A number from 0 to 1, another one for each row.
pub(super) fn random() -> Expr {
    let function = Random { signature: Signature::nullary(Volatility::Volatile) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), Vec::new()))
}

/// A number from 0 to 1 made of a seed: SplitMix64 (Steele, Lea, Flood 2014).
pub(super) const fn uniform(seed: u64) -> f64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Random {
    signature: Signature,
}

impl ScalarUDFImpl for Random {
    fn name(&self) -> &str {
        "rand"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let first = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8);
        let seeds = (0..args.number_rows as u64).map(|row| first.wrapping_add(row));
        Ok(ColumnarValue::Array(Arc::new(seeds.map(|seed| Some(uniform(seed))).collect::<Float64Array>())))
    }
}
