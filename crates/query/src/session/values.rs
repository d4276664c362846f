use std::fmt;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::plan_datafusion_err;
use datafusion::error::Result;
use datafusion::logical_expr::var_provider::VarProvider;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

/// What a session knows about itself: functions without arguments (`current_user()`) and system
/// variables (`@@server_version`), by the names that a dialect gives them.
pub trait SessionValues: fmt::Debug + Send + Sync {
    /// The value of the function of this name, which is in lower case. None: there is no such function.
    fn function(&self, name: &str) -> Option<ScalarValue>;

    /// The value of the system variable of this name, without `@@` and in lower case.
    fn variable(&self, name: &str) -> Option<ScalarValue>;
}

/// A function without arguments that gives one value throughout a session.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Constant {
    name: String,
    value: ScalarValue,
    signature: Signature,
}

impl Constant {
    pub(crate) fn udf(name: &str, value: ScalarValue) -> ScalarUDF {
        // Not immutable: a plan that holds the value must not serve another session.
        let signature = Signature::nullary(Volatility::Stable);
        ScalarUDF::from(Self { name: name.to_owned(), value, signature })
    }
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// A session's system variables as DataFusion asks for them.
#[derive(Debug)]
pub(crate) struct Variables(pub(crate) Arc<dyn SessionValues>);

impl Variables {
    fn get(&self, names: &[String]) -> Option<ScalarValue> {
        let [name] = names else { return None };
        self.0.variable(&name.strip_prefix("@@")?.to_ascii_lowercase())
    }
}

impl VarProvider for Variables {
    fn get_value(&self, names: Vec<String>) -> Result<ScalarValue> {
        self.get(&names).ok_or_else(|| plan_datafusion_err!("there is no variable {}", names.join(".")))
    }

    fn get_type(&self, names: &[String]) -> Option<DataType> {
        Some(self.get(names)?.data_type())
    }
}
