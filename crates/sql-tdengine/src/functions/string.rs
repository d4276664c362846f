//! Functions of texts.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::prelude::{Expr, cast, lit};
use regex::Regex;

use super::args::Args;
use super::convert::{as_integer, constant_integer, is_null};
use super::udf;
use crate::typed::Typed;
use crate::{TaosError, TaosType, like};

/// The call of a function of this family.
pub(super) fn call(name: &str, args: &Args<'_>) -> Result<Option<Typed>, TaosError> {
    Ok(Some(match name {
        "length" | "char_length" | "ascii" => measure(name, args)?,
        "position" => {
            let [part, whole] = args.exactly()?;
            let texts = [args.text(part)?, args.text(whole)?];
            bigint(of_two_texts("position", texts, |part, whole| {
                let at = whole.find(part)?;
                Some(whole.get(..at)?.chars().count() + 1)
            }))
        }
        "find_in_set" => {
            let (item, set, separator) = args.two_or_three()?;
            let separator = separator.map_or_else(|| Ok(lit(",")), |s| args.text(s))?;
            find_in_set(vec![args.text(item)?, args.text(set)?, separator])
        }
        "concat" => concat(args)?,
        "concat_ws" => concat_ws(args)?,
        "lower" | "upper" | "ltrim" | "rtrim" | "trim" => change(name, args)?,
        "replace" => {
            let [text, from, to] = args.exactly()?;
            let ty = text.ty;
            let length = text.length.saturating_mul(to.length.max(1)).min(65_517);
            let texts = vec![args.text(text)?, args.text(from)?, args.text(to)?];
            like_input(ty, length, udf::call("replace", DataType::Utf8, texts, replace))
        }
        "repeat" => repeat(args)?,
        "substr" | "substring" => substring(args)?,
        "substring_index" => substring_index(args)?,
        "char" => characters(args)?,
        "like_in_set" | "regexp_in_set" => pattern_in_set(name, args)?,
        _ => return Ok(None),
    }))
}

fn bigint(expr: Expr) -> Typed {
    Typed::fixed(expr, TaosType::BigInt)
}

/// A text of the kind of a function's argument.
fn like_input(ty: TaosType, length: u32, expr: Expr) -> Typed {
    Typed::new(expr, if ty == TaosType::Nchar { TaosType::Nchar } else { TaosType::Varchar }, length)
}

fn of_two_texts(
    name: &'static str,
    texts: [Expr; 2],
    function: impl Fn(&str, &str) -> Option<usize> + Send + Sync + 'static,
) -> Expr {
    udf::call(name, DataType::Int64, texts.into(), move |args| {
        let rows = udf::texts(args, 0)?.iter().zip(udf::texts(args, 1)?);
        let found = rows.map(|(a, b)| Some(function(a?, b?).map_or(0, |n| i64::try_from(n).unwrap_or(0))));
        Ok(Arc::new(found.collect::<Int64Array>()))
    })
}

/// LENGTH in bytes (an NCHAR has four for each character), CHAR_LENGTH, ASCII.
fn measure(name: &str, args: &Args<'_>) -> Result<Typed, TaosError> {
    let [value] = args.exactly()?;
    let nchar = value.ty == TaosType::Nchar;
    if value.ty == TaosType::Varbinary && name == "length" {
        let bytes = cast(value.expr, DataType::Binary);
        return Ok(bigint(udf::call("bytes_length", DataType::Int64, vec![bytes], |args| {
            let array =
                args.first().ok_or_else(|| datafusion::common::exec_datafusion_err!("no argument"))?;
            Ok(arrow::compute::cast(&arrow::compute::kernels::length::length(array)?, &DataType::Int64)?)
        })));
    }
    let text = args.text(value)?;
    let count = |n: usize| i64::try_from(n).ok();
    Ok(match (name, nchar) {
        ("length", true) => {
            bigint(udf::integer_of_text("nchar_length", text, move |v| count(v.chars().count() * 4)))
        }
        ("length", false) => bigint(udf::integer_of_text("byte_length", text, move |v| count(v.len()))),
        ("ascii", _) => {
            let first = |v: &str| Some(v.bytes().next().map_or(0, i64::from));
            bigint(udf::integer_of_text("ascii", text, first))
        }
        _ => bigint(udf::integer_of_text("char_length", text, move |v| count(v.chars().count()))),
    })
}

/// The place of an item in a list of texts, from 1; 0 if it is not there.
fn find_in_set(texts: Vec<Expr>) -> Typed {
    bigint(udf::call("find_in_set", DataType::Int64, texts, |args| {
        let (items, sets, separators) = (udf::texts(args, 0)?, udf::texts(args, 1)?, udf::texts(args, 2)?);
        let rows = items.iter().zip(sets).zip(separators);
        let places = rows.map(|((item, set), separator)| {
            let (item, set, separator) = (item?, set?, separator?);
            let found = if separator.is_empty() {
                (set == item).then_some(0)
            } else {
                set.split(separator).position(|other| other == item)
            };
            Some(found.map_or(0, |place| i64::try_from(place + 1).unwrap_or(0)))
        });
        Ok(Arc::new(places.collect::<Int64Array>()))
    }))
}

/// LIKE_IN_SET, REGEXP_IN_SET`(s, patterns [, separator])`: the place of the first pattern that the text has the form
/// of, from 1; 0 if there is none. What is no regular expression fits nothing.
fn pattern_in_set(name: &str, args: &Args<'_>) -> Result<Typed, TaosError> {
    let (text, set, separator) = args.two_or_three()?;
    let separator = separator.map_or_else(|| Ok(lit(",")), |s| args.text(s))?;
    let texts = vec![args.text(text)?, args.text(set)?, separator];
    let is_regex = name == "regexp_in_set";
    let name = if is_regex { "regexp_in_set" } else { "like_in_set" };
    Ok(bigint(udf::call(name, DataType::Int64, texts, move |args| {
        let (texts, sets, separators) = (udf::texts(args, 0)?, udf::texts(args, 1)?, udf::texts(args, 2)?);
        let mut compiled: HashMap<&str, Option<Regex>> = HashMap::new();
        let rows = texts.iter().zip(sets).zip(separators);
        let places = rows.map(|((text, set), separator)| {
            let (text, set, separator) = (text?, set?, separator?);
            let mut patterns = set.split(separator).filter(|_| !separator.is_empty());
            let found = patterns.position(|pattern| {
                if !is_regex {
                    return like::matches(pattern, text);
                }
                let regex = compiled.entry(pattern).or_insert_with(|| Regex::new(pattern).ok());
                regex.as_ref().is_some_and(|regex| regex.is_match(text))
            });
            Some(found.map_or(0, |place| i64::try_from(place + 1).unwrap_or(0)))
        });
        Ok(Arc::new(places.collect::<Int64Array>()))
    })))
}

/// The type of a text made of others.
fn joined_type(values: &[Typed]) -> TaosType {
    if values.iter().any(|v| v.ty == TaosType::Nchar) { TaosType::Nchar } else { TaosType::Varchar }
}

fn concat(args: &Args<'_>) -> Result<Typed, TaosError> {
    let values = args.between(2, 8)?;
    let (ty, length) = (joined_type(&values), values.iter().map(|v| v.length).sum());
    let texts = values.into_iter().map(|v| args.text(v)).collect::<Result<Vec<_>, _>>()?;
    Ok(Typed::new(udf::call("concat", DataType::Utf8, texts, |args| join_rows(args, false)), ty, length))
}

fn concat_ws(args: &Args<'_>) -> Result<Typed, TaosError> {
    let values = args.between(3, 9)?;
    let separators = u32::try_from(values.len()).unwrap_or(0).saturating_sub(2);
    let separator = values.first().map_or(0, |v| v.length).saturating_mul(separators);
    let parts: u32 = values.iter().skip(1).map(|v| v.length).sum();
    let ty = joined_type(&values);
    let texts = values.into_iter().map(|v| args.text(v)).collect::<Result<Vec<_>, _>>()?;
    let expr = udf::call("concat_ws", DataType::Utf8, texts, |args| join_rows(args, true));
    Ok(Typed::new(expr, ty, separator.saturating_add(parts)))
}

/// Texts joined row by row: NULL makes the whole NULL, or with a separator (the first argument) is left out.
fn join_rows(args: &[ArrayRef], separated: bool) -> DfResult<ArrayRef> {
    let columns = (0..args.len()).map(|at| udf::texts(args, at)).collect::<DfResult<Vec<_>>>()?;
    let rows = columns.first().map_or(0, |c| c.len());
    let mut out = StringBuilder::with_capacity(rows, rows * 16);
    for row in 0..rows {
        let mut values = columns.iter().map(|c| c.is_valid(row).then(|| c.value(row)));
        if separated {
            match values.next().flatten() {
                Some(separator) => out.append_value(values.flatten().collect::<Vec<_>>().join(separator)),
                None => out.append_null(),
            }
        } else {
            match values.collect::<Option<Vec<_>>>() {
                Some(parts) => out.append_value(parts.concat()),
                None => out.append_null(),
            }
        }
    }
    Ok(Arc::new(out.finish()))
}

/// LOWER, UPPER, and TRIM of blanks or of a given text at one or both ends.
fn change(name: &str, args: &Args<'_>) -> Result<Typed, TaosError> {
    let most = if matches!(name, "lower" | "upper") { 1 } else { 2 };
    let mut values = args.between(1, most)?.into_iter();
    let value = values.next().ok_or_else(|| args.wrong_number())?;
    let (ty, length) = (value.ty, value.length);
    let text = args.text(value)?;
    let expr = match (name, values.next()) {
        ("lower", _) => udf::of_text("lower", text, |v| Some(v.to_lowercase())),
        ("upper", _) => udf::of_text("upper", text, |v| Some(v.to_uppercase())),
        (_, None) => match name {
            "ltrim" => udf::of_text("ltrim", text, |v| Some(v.trim_start_matches(' ').to_owned())),
            "rtrim" => udf::of_text("rtrim", text, |v| Some(v.trim_end_matches(' ').to_owned())),
            _ => udf::of_text("trim", text, |v| Some(v.trim_matches(' ').to_owned())),
        },
        (_, Some(removed)) => {
            let (name, start, end) = match name {
                "ltrim" => ("trim_start_text", true, false),
                "rtrim" => ("trim_end_text", false, true),
                _ => ("trim_text", true, true),
            };
            udf::call(name, DataType::Utf8, vec![text, args.text(removed)?], move |args| {
                let rows = udf::texts(args, 0)?.iter().zip(udf::texts(args, 1)?);
                let trimmed = rows.map(|(text, removed)| {
                    let (mut text, removed) = (text?, removed?);
                    if removed.is_empty() {
                        return Some(text);
                    }
                    if start {
                        text = text.trim_start_matches(removed);
                    }
                    if end {
                        text = text.trim_end_matches(removed);
                    }
                    Some(text)
                });
                Ok(Arc::new(trimmed.collect::<StringArray>()))
            })
        }
    };
    Ok(like_input(ty, length, expr))
}

fn replace(args: &[ArrayRef]) -> DfResult<ArrayRef> {
    let rows = udf::texts(args, 0)?.iter().zip(udf::texts(args, 1)?).zip(udf::texts(args, 2)?);
    let replaced = rows.map(|((text, from), to)| {
        let (text, from, to) = (text?, from?, to?);
        Some(if from.is_empty() { text.to_owned() } else { text.replace(from, to) })
    });
    Ok(Arc::new(replaced.collect::<StringArray>()))
}

/// The most bytes that REPEAT makes of one value: what a VARCHAR may hold.
const LONGEST: usize = 65_517;

fn repeat(args: &Args<'_>) -> Result<Typed, TaosError> {
    let [text, times] = args.exactly()?;
    let ty = text.ty;
    let known = constant_integer(&times).map(|n| u32::try_from(n.max(0)).unwrap_or(u32::MAX));
    let most = u32::try_from(LONGEST).unwrap_or(u32::MAX);
    let length = known.map_or(most, |n| text.length.saturating_mul(n).min(most));
    let inputs = vec![args.text(text)?, as_integer(args.number(times)?)];
    let expr = udf::call("repeat", DataType::Utf8, inputs, |args| {
        let rows = udf::texts(args, 0)?.iter().zip(udf::integers(args, 1)?);
        let repeated = rows.map(|(text, times)| {
            let (text, times) = (text?, usize::try_from(times?.max(0)).ok()?);
            Some(text.repeat(times.min(LONGEST / text.len().max(1))))
        });
        Ok(Arc::new(repeated.collect::<StringArray>()))
    });
    Ok(like_input(ty, length, expr))
}

/// `SUBSTR(s, p [, n])`: characters from the p-th on, from the end if p is negative; nothing for p = 0.
fn substring(args: &Args<'_>) -> Result<Typed, TaosError> {
    let (text, from, count) = args.two_or_three()?;
    let (ty, length) = (text.ty, text.length);
    let count = count.map_or_else(|| Ok(lit(i64::MAX)), |n| args.number(n).map(as_integer))?;
    let inputs = vec![args.text(text)?, as_integer(args.number(from)?), count];
    let expr = udf::call("substring", DataType::Utf8, inputs, |args| {
        let rows = udf::texts(args, 0)?.iter().zip(udf::integers(args, 1)?).zip(udf::integers(args, 2)?);
        let parts = rows.map(|((text, from), count)| {
            let (text, from, count) = (text?, from?, count?);
            let characters = || text.chars().count();
            let skipped = match from {
                0 => return Some(String::new()),
                1.. => usize::try_from(from - 1).ok()?,
                _ => match characters().checked_sub(usize::try_from(from.unsigned_abs()).ok()?) {
                    Some(skipped) => skipped,
                    None => return Some(String::new()),
                },
            };
            let count = usize::try_from(count.max(0)).ok()?;
            Some(text.chars().skip(skipped).take(count).collect())
        });
        Ok(Arc::new(parts.collect::<StringArray>()))
    });
    Ok(like_input(ty, length, expr))
}

/// `SUBSTRING_INDEX(s, d, n)`: what stands before the n-th delimiter, behind the n-th from the end if n is negative.
fn substring_index(args: &Args<'_>) -> Result<Typed, TaosError> {
    let [text, delimiter, count] = args.exactly()?;
    let (ty, length) = (text.ty, text.length);
    let inputs = vec![args.text(text)?, args.text(delimiter)?, as_integer(args.number(count)?)];
    let expr = udf::call("substring_index", DataType::Utf8, inputs, |args| {
        let rows = udf::texts(args, 0)?.iter().zip(udf::texts(args, 1)?).zip(udf::integers(args, 2)?);
        let parts = rows.map(|((text, delimiter), count)| {
            let (text, delimiter, count) = (text?, delimiter?, count?);
            if delimiter.is_empty() || count == 0 {
                return Some("");
            }
            let nth = usize::try_from(count.unsigned_abs() - 1).ok()?;
            Some(if count > 0 {
                text.match_indices(delimiter).nth(nth).and_then(|(at, _)| text.get(..at)).unwrap_or(text)
            } else {
                let found = text.rmatch_indices(delimiter).nth(nth);
                found.and_then(|(at, _)| text.get(at + delimiter.len()..)).unwrap_or(text)
            })
        });
        Ok(Arc::new(parts.collect::<StringArray>()))
    });
    Ok(like_input(ty, length, expr))
}

/// `CHAR(n, …)`: the bytes of the numbers, NULL left out. What is no UTF-8 becomes U+FFFD.
fn characters(args: &Args<'_>) -> Result<Typed, TaosError> {
    let values = args.at_least(1)?;
    let length = u32::try_from(values.len() * 4).unwrap_or(u32::MAX);
    let numbers = values.into_iter().map(|v| {
        if is_null(&v) {
            return Ok(lit(ScalarValue::Int64(None)));
        }
        if v.ty.is_text() { Ok(as_integer(v)) } else { args.number(v).map(as_integer) }
    });
    let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
    let expr = udf::call("char", DataType::Utf8, numbers, |args| {
        let columns = (0..args.len()).map(|at| udf::integers(args, at)).collect::<DfResult<Vec<_>>>()?;
        let rows = columns.first().map_or(0, |c| c.len());
        let texts = (0..rows).map(|row| {
            let numbers = columns.iter().filter(|c| c.is_valid(row)).map(|c| c.value(row));
            let bytes = numbers.flat_map(|n| {
                let bytes = (n as u32).to_be_bytes();
                let zeros = bytes.iter().take_while(|b| **b == 0).count().min(3);
                bytes.into_iter().skip(zeros)
            });
            Some(String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned())
        });
        Ok(Arc::new(texts.collect::<StringArray>()))
    });
    Ok(Typed::new(expr, TaosType::Varchar, length))
}
