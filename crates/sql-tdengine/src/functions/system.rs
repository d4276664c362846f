//! What the server and the session are.

use datafusion::common::ScalarValue;
use datafusion::prelude::lit;

use super::args::Args;
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

/// The version that is reported, as clients compare it.
pub(crate) const VERSION: &str = "3.3.6.0";

/// The call of a function of this family.
pub(super) fn call(name: &str, args: &Args<'_>, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
    let text = |value: &str| {
        Typed::new(lit(value), TaosType::Varchar, u32::try_from(value.len()).unwrap_or(u32::MAX))
    };
    let value = match name {
        "server_version" | "client_version" => text(VERSION),
        "server_status" => Typed::fixed(lit(1_i32), TaosType::Int),
        "current_user" | "user" => text(env.request.user()),
        "database" => match env.request.database() {
            Some(database) => text(database),
            None => Typed::new(lit(ScalarValue::Utf8(None)), TaosType::Varchar, 65),
        },
        _ => return Ok(None),
    };
    let [] = args.exactly()?;
    Ok(Some(value))
}
