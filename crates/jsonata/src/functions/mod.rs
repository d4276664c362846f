//! The function library. Each function has its signature, which has checked the arguments before it is called.

mod lists;
mod numbers;
mod objects;
mod texts;
mod times;

use std::collections::HashMap;
use std::sync::LazyLock;

pub(crate) use lists::merge_sort;
pub(crate) use objects::lookup;
pub(crate) use texts::{first_match, text_of};

use crate::error::EvalError;
use crate::eval::Evaluator;
use crate::signature::Signature;
use crate::value::Value;

type Result<T> = std::result::Result<T, EvalError>;

/// A function of the library.
#[derive(Debug)]
pub(crate) struct Native {
    pub(crate) call: Call,
    /// How many arguments it gets from functions over lists.
    pub(crate) arity: usize,
    signature: Signature,
}

/// What a function does with checked arguments.
pub(crate) type Call = for<'e> fn(&mut Evaluator<'e>, &[Value<'e>]) -> Result<Value<'e>>;

impl Native {
    pub(crate) fn signature(&self) -> &Signature {
        &self.signature
    }
}

/// Name, signature, function.
type Row = (&'static str, &'static str, Call);

static NATIVES: LazyLock<HashMap<&'static str, Native>> = LazyLock::new(|| {
    let rows = [lists::FUNCTIONS, numbers::FUNCTIONS, objects::FUNCTIONS, texts::FUNCTIONS, times::FUNCTIONS];
    let native = |(name, signature, call): &Row| {
        let signature = Signature::new(signature)?;
        // Functions of JavaScript that take the context count one argument; folds need two.
        let arity = if matches!(*name, "append" | "power") { 2 } else { signature.arity().min(1) };
        Some((*name, Native { call: *call, arity, signature }))
    };
    rows.into_iter().flatten().filter_map(native).collect()
});

/// Functions of JSONata that are not here.
const LEFT_OUT: [&str; 8] =
    ["eval", "formatNumber", "formatInteger", "parseInteger", "random", "shuffle", "encodeUrl", "decodeUrl"];

/// Whether a name is that of a function of JSONata that is not here.
pub(crate) fn is_left_out(name: &str) -> bool {
    LEFT_OUT.contains(&name)
}

/// A function by its name.
pub(crate) fn native(name: &str) -> Option<&'static Native> {
    NATIVES.get(name)
}

/// An argument; missing ones are undefined.
fn arg<'a, 'e>(given: &'a [Value<'e>], at: usize) -> &'a Value<'e> {
    given.get(at).unwrap_or(&Value::Undefined)
}

/// A text argument.
fn text<'a>(given: &'a [Value<'_>], at: usize) -> Option<&'a str> {
    match given.get(at)? {
        Value::Str(text) => Some(text),
        _ => None,
    }
}

fn number(given: &[Value<'_>], at: usize) -> Option<f64> {
    given.get(at)?.as_number()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_is_one() {
        for rows in
            [lists::FUNCTIONS, numbers::FUNCTIONS, objects::FUNCTIONS, texts::FUNCTIONS, times::FUNCTIONS]
        {
            for (name, signature, _) in rows {
                assert!(Signature::new(signature).is_some(), "{name} {signature}");
                assert!(native(name).is_some() && !is_left_out(name), "{name}");
            }
        }
    }
}
