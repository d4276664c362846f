//! `HISTOGRAM`: one text for each bin.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::Expr;
use triglot_functions::folds::{self, Bins};

use super::calls::{as_double, is_numeric, simple};
use super::{constants, errors};
use crate::functions::{json, udf};
use crate::typed::Typed;
use crate::{TaosError, TaosType};

/// The most bins.
const MAX_BINS: f64 = 1000.0;
/// The printed length of a bin's text.
const TEXT_LENGTH: u32 = 512;

/// The aggregate that gives a list of bins, and whether counts are shares.
///
/// # Errors
/// 0x2801 to 0x2803 for wrong arguments, 0x011B for bins that are no JSON.
pub(super) fn aggregate(arguments: &[Typed]) -> Result<(Expr, bool), TaosError> {
    let [value, kind, bins, normalize] = arguments else { return Err(errors::arity("histogram")) };
    if !is_numeric(value.ty) || value.ty == TaosType::Bool {
        return Err(errors::argument_type("histogram"));
    }
    let wrong = || errors::argument_value("histogram");
    let kind = constants::text(kind).ok_or_else(wrong)?.to_ascii_lowercase();
    let text = constants::text(bins).ok_or_else(wrong)?.trim();
    let (open, close) = if kind == "user_input" { ('[', ']') } else { ('{', '}') };
    if !text.starts_with(open) || !text.ends_with(close) {
        return Err(errors::json_format());
    }
    let bins = self::bins(&kind, text).ok_or_else(wrong)?;
    let normalized = constants::within("histogram", normalize, 0, 1)? == 1;
    Ok((simple(Arc::new(folds::histogram(bins, normalized)), vec![as_double(value)]), normalized))
}

fn bins(kind: &str, text: &str) -> Option<Bins> {
    if kind == "user_input" {
        let list = text.strip_prefix('[')?.strip_suffix(']')?;
        let edges: Vec<f64> = list.split(',').map(|e| e.trim().parse().ok()).collect::<Option<_>>()?;
        let ascend = edges.iter().zip(edges.iter().skip(1)).all(|(a, b)| a < b);
        return (edges.len() > 1 && ascend && edges.len() as f64 <= MAX_BINS + 1.0)
            .then(|| Bins::between(&edges));
    }
    let number = |key| json::number(json::member(text, key)?);
    let infinite = json::boolean(json::member(text, "infinity")?)?;
    let (start, count) = (number("start")?, number("count")?);
    if !(1.0..=MAX_BINS).contains(&count) || count.fract() != 0.0 {
        return None;
    }
    match kind {
        "linear_bin" => {
            let width = number("width").filter(|w| *w > 0.0)?;
            Some(Bins::linear(start, width, count as u32, infinite))
        }
        "log_bin" => {
            let factor = number("factor").filter(|f| *f > 1.0 && start > 0.0)?;
            Some(Bins::logarithmic(start, factor, count as u32, infinite))
        }
        _ => None,
    }
}

/// The text of a bin, which is a structure.
pub(super) fn text(bin: Expr, normalized: bool) -> Typed {
    let parts = ["lower", "upper", "count"].map(|name| get_field(bin.clone(), name)).to_vec();
    let name = if normalized { "bin_share_text" } else { "bin_text" };
    let text = udf::call(name, DataType::Utf8, parts, move |args| {
        let numbers = args.iter().map(|a| cast(a, &DataType::Float64)).collect::<Result<Vec<_>, _>>()?;
        let [lower, upper, count] = numbers.as_slice() else {
            return Err(exec_datafusion_err!("a bin has three members"));
        };
        let of = |array: &ArrayRef, at: usize| {
            let numbers = array.as_primitive_opt::<Float64Type>()?;
            numbers.is_valid(at).then(|| numbers.value(at))
        };
        let texts = (0..lower.len()).map(|at| {
            let (lower, upper, count) = (of(lower, at)?, of(upper, at)?, of(count, at)?);
            let count = if normalized { format!("{count:.6}") } else { format!("{count}") };
            Some(format!("{{\"lower_bin\":{lower}, \"upper_bin\":{upper}, \"count\":{count}}}"))
        });
        Ok(Arc::new(texts.collect::<StringArray>()) as ArrayRef)
    });
    Typed::new(text, TaosType::Varchar, TEXT_LENGTH)
}
