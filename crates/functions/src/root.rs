//! The square root, where a dialect's differs from DataFusion's.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::args::argument;

/// `sqrt(double) -> double`: NaN for negative numbers, as IEEE 754 has it; DataFusion's fails for them.
pub fn sqrt() -> ScalarUDF {
    ScalarUDF::from(Sqrt { signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sqrt {
    signature: Signature,
}

impl ScalarUDFImpl for Sqrt {
    fn name(&self) -> &str {
        "sqrt"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = argument(&args.args, 0)?.to_array(args.number_rows)?;
        let roots = array.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::sqrt);
        Ok(ColumnarValue::Array(Arc::new(roots)))
    }
}
