//! Arguments of calls: their number and types, with the codes of what is wrong with them.

use datafusion::prelude::Expr;

use super::convert::{as_text, constant_integer, constant_text, is_null};
use crate::typed::Typed;
use crate::{TaosError, TaosType};

/// The arguments of a call of `function`.
#[derive(Debug)]
pub(super) struct Args<'a> {
    function: &'a str,
    values: Vec<Typed>,
}

impl<'a> Args<'a> {
    pub(super) const fn new(function: &'a str, values: Vec<Typed>) -> Self {
        Self { function, values }
    }

    /// 0x2801: a wrong number of arguments.
    pub(super) fn wrong_number(&self) -> TaosError {
        TaosError::new(0x2801, format!("Invalid number of parameters : {}", self.function))
    }

    /// 0x2802: an argument of a wrong type.
    pub(super) fn wrong_type(&self) -> TaosError {
        TaosError::new(0x2802, format!("Invalid parameter data type : {}", self.function))
    }

    /// 0x2803: a constant out of range, or no constant.
    pub(super) fn wrong_value(&self) -> TaosError {
        TaosError::new(0x2803, format!("Invalid parameter value : {}", self.function))
    }

    /// Exactly `N` arguments.
    pub(super) fn exactly<const N: usize>(&self) -> Result<[Typed; N], TaosError> {
        self.values.clone().try_into().map_err(|_| self.wrong_number())
    }

    /// The only argument.
    pub(super) fn one(&self) -> Result<Typed, TaosError> {
        let [value] = self.exactly()?;
        Ok(value)
    }

    /// At least `n` arguments.
    pub(super) fn at_least(&self, n: usize) -> Result<Vec<Typed>, TaosError> {
        self.between(n, usize::MAX)
    }

    /// From `low` to `high` arguments.
    pub(super) fn between(&self, low: usize, high: usize) -> Result<Vec<Typed>, TaosError> {
        if (low..=high).contains(&self.values.len()) {
            Ok(self.values.clone())
        } else {
            Err(self.wrong_number())
        }
    }

    /// One, and perhaps another.
    pub(super) fn one_or_two(&self) -> Result<(Typed, Option<Typed>), TaosError> {
        let mut values = self.between(1, 2)?.into_iter();
        let first = values.next().ok_or_else(|| self.wrong_number())?;
        Ok((first, values.next()))
    }

    /// Two, and perhaps a third.
    pub(super) fn two_or_three(&self) -> Result<(Typed, Typed, Option<Typed>), TaosError> {
        let mut values = self.between(2, 3)?.into_iter();
        match (values.next(), values.next()) {
            (Some(first), Some(second)) => Ok((first, second, values.next())),
            _ => Err(self.wrong_number()),
        }
    }

    /// A number.
    pub(super) fn number(&self, value: Typed) -> Result<Typed, TaosError> {
        let fits = value.ty.is_number() && value.duration.is_none() || is_null(&value);
        if !fits {
            return Err(self.wrong_type());
        }
        Ok(if is_null(&value) { super::operators::null_double() } else { value })
    }

    /// A text.
    pub(super) fn text(&self, value: Typed) -> Result<Expr, TaosError> {
        if is_null(&value) {
            return Ok(super::operators::null_text().expr);
        }
        if value.ty.is_text() { Ok(as_text(value)) } else { Err(self.wrong_type()) }
    }

    /// A time, a count of the precision's units or a text of a time.
    pub(super) fn time(&self, value: Typed) -> Result<Typed, TaosError> {
        let ty = value.ty;
        let fits = ty == TaosType::Timestamp || ty.is_integer() || ty.is_text() || is_null(&value);
        if fits && value.duration.is_none() { Ok(value) } else { Err(self.wrong_type()) }
    }

    /// A constant whole number from `low` to `high`.
    pub(super) fn integer_within(&self, value: &Typed, low: i64, high: i64) -> Result<i64, TaosError> {
        let value = constant_integer(value).filter(|value| (low..=high).contains(value));
        value.ok_or_else(|| self.wrong_value())
    }

    /// A constant text.
    pub(super) fn constant_text(&self, value: &Typed) -> Result<String, TaosError> {
        constant_text(value).map(str::to_owned).ok_or_else(|| self.wrong_value())
    }
}
