//! Texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;

use super::{Result, Row, Value, arg, number, text};
use crate::MAX_TEXT;
use crate::error::EvalError;
use crate::eval::Evaluator;
use crate::json;
use crate::value::{Function, Object};

pub(super) const FUNCTIONS: &[Row] = &[
    ("string", "x-b?:s", to_text),
    ("length", "s-:n", |_, given| {
        Ok(text(given, 0).map_or(Value::Undefined, |t| Value::Number(t.chars().count() as f64)))
    }),
    ("substring", "s-nn?:s", substring),
    ("substringBefore", "s-s:s", |_, given| part(given, |t, at, _| t.get(..at))),
    ("substringAfter", "s-s:s", |_, given| part(given, |t, at, length| t.get(at + length..))),
    ("uppercase", "s-:s", |_, given| changed(given, str::to_uppercase)),
    ("lowercase", "s-:s", |_, given| changed(given, str::to_lowercase)),
    ("trim", "s-:s", |_, given| {
        changed(given, |t| {
            let is_blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
            t.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
        })
    }),
    ("pad", "s-ns?:s", pad),
    ("contains", "s-(sf):b", contains),
    ("split", "s-(sf)n?:a<s>", split),
    ("join", "a<s>s?:s", join),
    ("match", "s-f<s:o>n?:a<o>", find),
    ("replace", "s-(sf)(sf)n?:s", replace),
    ("base64encode", "s-:s", |_, given| changed(given, |t| STANDARD.encode(t))),
    ("base64decode", "s-:s", |_, given| {
        let Some(given) = text(given, 0) else { return Ok(Value::Undefined) };
        let bytes = STANDARD.decode(given).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        bytes.map(|t| Value::text(&t)).ok_or_else(|| EvalError::new("D3137", "malformed base 64"))
    }),
    ("encodeUrlComponent", "s-:s", |_, given| changed(given, encode_url)),
    ("decodeUrlComponent", "s-:s", |_, given| {
        let Some(given) = text(given, 0) else { return Ok(Value::Undefined) };
        decode_url(given).ok_or_else(|| EvalError::new("D3140", "malformed URL")).map(|t| Value::text(&t))
    }),
];

fn changed<'e>(given: &[Value<'e>], change: impl FnOnce(&str) -> String) -> Result<Value<'e>> {
    Ok(text(given, 0).map_or(Value::Undefined, |t| Value::text(&change(t))))
}

/// Text of a value where it is joined to others; nothing of what is not there.
pub(crate) fn text_of(value: &Value<'_>) -> Result<String> {
    Ok(match value {
        Value::Undefined => String::new(),
        Value::Str(text) => text.to_string(),
        Value::Number(number) if !number.is_finite() => {
            return Err(EvalError::new("D3001", "a number is out of range"));
        }
        other => {
            let mut out = String::new();
            json::write(&mut out, &rounded(other));
            out
        }
    })
}

/// With numbers of 15 digits, as texts show them. Exact numbers of the input stay as they are.
fn rounded<'e>(value: &Value<'e>) -> Value<'e> {
    match value {
        Value::Number(number) => Value::Number(format!("{number:.14e}").parse().unwrap_or(*number)),
        Value::Array(array) => Value::array(array.items.iter().map(rounded).collect()),
        Value::Object(object) => {
            let mut out = Object::default();
            for (name, value) in object.iter() {
                out.insert(name.clone(), rounded(value));
            }
            Value::object(out)
        }
        other => other.clone(),
    }
}

fn to_text<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    if let Value::Bool(true) = arg(given, 1) {
        return Err(EvalError::new("D3010", "pretty texts are not supported"));
    }
    match arg(given, 0) {
        Value::Undefined => Ok(Value::Undefined),
        Value::Function(_) => Ok(Value::text("")),
        value => text_of(value).map(|text| Value::text(&text)),
    }
}

fn substring<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let Some(source) = text(given, 0) else { return Ok(Value::Undefined) };
    let length = source.chars().count() as f64;
    let start = number(given, 1).unwrap_or(0.0);
    let start = if start < 0.0 { (length + start).max(0.0) } else { start };
    let end = match number(given, 2) {
        Some(count) if count <= 0.0 => return Ok(Value::text("")),
        Some(count) => start + count,
        None => length,
    };
    let (start, end) = (start.trunc() as usize, end.min(length).trunc() as usize);
    let part: String = source.chars().skip(start).take(end.saturating_sub(start)).collect();
    Ok(Value::text(&part))
}

/// What is before or behind the second text; all of the first if it is not in there.
fn part<'e>(
    given: &[Value<'e>],
    cut: impl for<'t> FnOnce(&'t str, usize, usize) -> Option<&'t str>,
) -> Result<Value<'e>> {
    let Some(source) = text(given, 0) else { return Ok(Value::Undefined) };
    let wanted = text(given, 1).unwrap_or_default();
    let cut = source.find(wanted).and_then(|at| cut(source, at, wanted.len()));
    Ok(Value::text(cut.unwrap_or(source)))
}

fn pad<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let Some(source) = text(given, 0) else { return Ok(Value::Undefined) };
    let width = number(given, 1).unwrap_or(0.0).trunc();
    let with = text(given, 2).filter(|t| !t.is_empty()).unwrap_or(" ");
    if width.abs() > MAX_TEXT as f64 / 4.0 {
        return Err(EvalError::Limit("text"));
    }
    let missing = (width.abs() as usize).saturating_sub(source.chars().count());
    ev.step(missing)?;
    let padding: String = with.chars().cycle().take(missing).collect();
    Ok(Value::text(&if width < 0.0 { padding + source } else { source.to_owned() + &padding }))
}

/// What is looked for in a text.
enum Pattern<'v> {
    Text(&'v str),
    Regex(&'v Regex),
}

fn pattern<'v>(value: &'v Value<'_>) -> Result<Option<Pattern<'v>>> {
    match value {
        Value::Str(text) => Ok(Some(Pattern::Text(text))),
        Value::Function(function) => match &**function {
            Function::Regex(regex) => Ok(Some(Pattern::Regex(regex))),
            _ => Err(EvalError::new("T1010", "functions that match texts are not supported")),
        },
        _ => Ok(None),
    }
}

fn contains<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let (Some(source), Some(pattern)) = (text(given, 0), pattern(arg(given, 1))?) else {
        return Ok(Value::Undefined);
    };
    Ok(Value::Bool(match pattern {
        Pattern::Text(text) => source.contains(text),
        Pattern::Regex(regex) => regex.is_match(source),
    }))
}

/// The most that a function is to find.
fn limit(given: &[Value<'_>], at: usize, code: &'static str) -> Result<usize> {
    match number(given, at) {
        None => Ok(usize::MAX),
        Some(count) if count < 0.0 => Err(EvalError::new(code, "a limit is negative")),
        Some(count) => Ok(count.ceil() as usize),
    }
}

fn split<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    // Here a fraction does not count, while it does where matches are.
    let limit = match number(given, 2) {
        Some(count) if count >= 0.0 => count as usize,
        _ => limit(given, 2, "D3020")?,
    };
    let (Some(source), Some(pattern)) = (text(given, 0), pattern(arg(given, 1))?) else {
        return Ok(Value::Undefined);
    };
    ev.step(source.len())?;
    let parts: Vec<Value<'e>> = match pattern {
        Pattern::Text("") => {
            source.chars().take(limit).map(|c| Value::text(c.encode_utf8(&mut [0; 4]))).collect()
        }
        Pattern::Text(text) => source.split(text).take(limit).map(Value::text).collect(),
        Pattern::Regex(regex) => regex.split(source).take(limit).map(Value::text).collect(),
    };
    Ok(Value::array(parts))
}

fn join<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    if arg(given, 0).is_undefined() {
        return Ok(Value::Undefined);
    }
    let parts: Vec<&str> = arg(given, 0)
        .items()
        .iter()
        .filter_map(|item| if let Value::Str(text) = item { Some(&**text) } else { None })
        .collect();
    let between = text(given, 1).unwrap_or_default();
    let length: usize = parts.iter().map(|part| part.len() + between.len()).sum();
    if length > MAX_TEXT { Err(EvalError::Limit("text")) } else { Ok(Value::text(&parts.join(between))) }
}

/// A place where a regular expression matches, as an object.
fn matched<'e>(source: &str, found: &regex::Captures<'_>) -> Value<'e> {
    let (whole, at) = found.get(0).map_or(("", 0), |m| (m.as_str(), m.start()));
    let at = source.get(..at).unwrap_or_default().chars().count();
    let groups = found.iter().skip(1).map(|g| Value::text(g.map_or("", |g| g.as_str()))).collect();
    let mut out = Object::default();
    out.insert("match".into(), Value::text(whole));
    out.insert("index".into(), Value::Number(at as f64));
    out.insert("groups".into(), Value::array(groups));
    Value::object(out)
}

/// A regular expression that is called as a function.
pub(crate) fn first_match<'e>(regex: &Regex, given: Option<&Value<'e>>) -> Value<'e> {
    let Some(Value::Str(source)) = given else { return Value::Undefined };
    regex.captures(source).map_or(Value::Undefined, |found| matched(source, &found))
}

fn find<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let limit = limit(given, 2, "D3040")?;
    let (Some(source), Some(Pattern::Regex(regex))) = (text(given, 0), pattern(arg(given, 1))?) else {
        return Ok(Value::Undefined);
    };
    let mut out = Vec::new();
    for found in regex.captures_iter(source).take(limit) {
        // Each place is counted from the begin.
        ev.step(source.len() / 64 + 1)?;
        out.push(matched(source, &found));
    }
    Ok(Value::sequence(out))
}

fn replace<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let limit = limit(given, 3, "D3011")?;
    let (Some(source), Some(pattern)) = (text(given, 0), pattern(arg(given, 1))?) else {
        return Ok(Value::Undefined);
    };
    let by = arg(given, 2);
    ev.step(source.len())?;
    let regex = match pattern {
        Pattern::Text("") => return Err(EvalError::new("D3010", "the text to be replaced is empty")),
        Pattern::Text(wanted) => match by {
            Value::Str(by) => {
                let growth = source.matches(wanted).take(limit).count().saturating_mul(by.len());
                if growth.saturating_add(source.len()) > MAX_TEXT {
                    return Err(EvalError::Limit("text"));
                }
                return Ok(Value::text(&source.replacen(wanted, by, limit)));
            }
            _ => return Err(EvalError::new("D3012", "a text is replaced by texts only")),
        },
        Pattern::Regex(regex) => regex,
    };
    let (mut out, mut end) = (String::new(), 0);
    for found in regex.captures_iter(source).take(limit) {
        let Some(whole) = found.get(0) else { continue };
        if whole.is_empty() {
            return Err(EvalError::new("D1004", "a regular expression matches nothing"));
        }
        out.push_str(source.get(end..whole.start()).unwrap_or_default());
        match by {
            Value::Str(template) => push_template(&mut out, template, &found),
            function => {
                match ev.call(function, vec![matched(source, &found)], &Value::Undefined)?.collapsed() {
                    Value::Str(text) => out.push_str(&text),
                    _ => return Err(EvalError::new("D3012", "a match is replaced by texts only")),
                }
            }
        }
        end = whole.end();
        if out.len() > MAX_TEXT {
            return Err(EvalError::Limit("text"));
        }
    }
    out.push_str(source.get(end..).unwrap_or_default());
    Ok(Value::text(&out))
}

/// `$1` is a group, `$0` the match, `$$` a dollar.
fn push_template(out: &mut String, template: &str, found: &regex::Captures<'_>) {
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        let (plain, behind) = rest.split_at(at);
        out.push_str(plain);
        rest = behind.get(1..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        // As many digits as there are groups for, at least one.
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let group = |length: usize| rest.get(..length)?.parse::<usize>().ok();
        let fits = (1..=digits).rev().find(|n| *n == 1 || group(*n).is_some_and(|g| g < found.len()));
        match fits {
            Some(length) => {
                let group = group(length).and_then(|group| found.get(group));
                out.push_str(group.map_or("", |g| g.as_str()));
                rest = rest.get(length..).unwrap_or_default();
            }
            None => out.push('$'),
        }
    }
    out.push_str(rest);
}

fn encode_url(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decode_url(text: &str) -> Option<String> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(behind.get(..2)?).ok()?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = behind.get(2..)?;
    }
    String::from_utf8(out).ok()
}
