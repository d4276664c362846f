//! Errors of planning and running in KWDB's words (sheet section 14.4).

use std::sync::LazyLock;

use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use regex::Regex;
use triglot_engine::query::QueryError;
use triglot_model::ErrorKind;

use super::syntax::shown;
use crate::KwError;

/// An error with its SQLSTATE on its way through DataFusion.
pub(super) fn coded(sqlstate: &'static str, message: impl Into<String>) -> DataFusionError {
    QueryError::Dialect { kind: ErrorKind::Plan, code: sqlstate, message: message.into() }.into()
}

/// The word for a type in messages about operators and functions.
pub(super) fn type_word(ty: &DataType) -> &'static str {
    match ty {
        DataType::Boolean => "bool",
        DataType::Int16 | DataType::Int8 | DataType::UInt8 => "int2",
        DataType::Int32 | DataType::UInt16 => "int4",
        ty if ty.is_integer() => "int",
        DataType::Float32 => "float4",
        DataType::Float64 => "float",
        DataType::Decimal128(..) | DataType::Decimal256(..) => "decimal",
        DataType::Timestamp(..) => "timestamptz",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time64(_) | DataType::Time32(_) => "time",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes",
        DataType::Null => "unknown",
        DataType::List(_) | DataType::LargeList(_) => "array",
        _ => "string",
    }
}

/// A query that failed, as KWDB words it; `None`: it has no words of its own.
pub(crate) fn of(error: &QueryError) -> Option<KwError> {
    match error {
        QueryError::Dialect { code, message, .. } => Some(KwError::new(code, message.clone())),
        QueryError::TableNotFound { table, .. } => {
            Some(KwError::new("42P01", format!("relation \"{table}\" does not exist")))
        }
        QueryError::DataFusion { kind, message } => {
            let worded = of_datafusion(message);
            worded.or_else(|| kind.is_public().then(|| KwError::new("42000", plain(message))))
        }
        _ => None,
    }
}

/// A pattern of DataFusion's, and what KWDB says: `$1` and so on are its groups.
struct Saying {
    pattern: Regex,
    sqlstate: &'static str,
    text: &'static str,
}

#[rustfmt::skip]
const SAYINGS: &[(&str, &str, &str)] = &[
    (r#"Schema error: No field named (\S+?)\.(?:\s|$)"#, "42703", r#"column "$1" does not exist"#),
    (r#"column "([^"]+)" must appear in the GROUP BY"#, "42803",
        r#"column "$1" must appear in the GROUP BY clause or be used in an aggregate function"#),
    (r#"HAVING clause references: (.*) must appear in the GROUP BY"#, "42803",
        r#"column "$1" must appear in the GROUP BY clause or be used in an aggregate function"#),
    (r#"Ambiguous reference to unqualified field (\S+)"#, "42702", r#"column reference "$1" is ambiguous"#),
    (r#"Schema contains qualified field name \S+ and unqualified field name (\S+) which"#, "42702",
        r#"column reference "$1" is ambiguous"#),
    (r"Aggregate functions are not allowed in the WHERE", "42803", "aggregate functions are not allowed in WHERE"),
    (r"Invalid function '([^']+)'", "42883", "unknown function: $1()"),
    (r"Divide by zero", "22012", "division by zero"),
    (r"more than one row returned by a subquery|returned more than one row", "21000",
        "more than one row returned by a subquery used as an expression"),
    (r"(?s)Cannot create filter with non-boolean predicate .* returning (\S+)", "42804",
        "argument of WHERE must be type bool, not type $1"),
    (r"Correlated scalar subquery must be aggregated", "0A000",
        "correlated sub-queries without an aggregate are not supported"),
    (r"(?i)overflow", "22003", "integer out of range"),
    (r"window functions? .*not allowed in", "42P20", "window functions are not allowed here"),
];

static KNOWN: LazyLock<Vec<Saying>> = LazyLock::new(|| {
    let saying = |(pattern, sqlstate, text): &(&str, &'static str, &'static str)| {
        Some(Saying { pattern: Regex::new(pattern).ok()?, sqlstate, text })
    };
    SAYINGS.iter().filter_map(saying).collect()
});

fn of_datafusion(message: &str) -> Option<KwError> {
    if let Some(error) = signature(message) {
        return Some(error);
    }
    for saying in KNOWN.iter() {
        let Some(found) = saying.pattern.captures(message) else { continue };
        let given = found.get(1).map_or("", |m| m.as_str());
        let name = match saying.sqlstate {
            "42703" => plain_name(given),
            "42702" | "42803" => last_part(&plain_name(given)),
            "42804" => word_of_debug(given).to_owned(),
            _ => given.to_owned(),
        };
        return Some(KwError::new(saying.sqlstate, saying.text.replace("$1", &name)));
    }
    None
}

/// DataFusion's text without the words for its kinds of errors.
fn plain(message: &str) -> &str {
    const KINDS: [&str; 4] = [
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "This feature is not implemented: ",
    ];
    KINDS.iter().fold(message, |rest, kind| rest.strip_prefix(kind).unwrap_or(rest))
}

/// A call with arguments that no form of the function takes.
fn signature(message: &str) -> Option<KwError> {
    static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"No function matches the given name and argument types '([A-Za-z0-9_]+)\((.*?)\)'\.").ok()
    });
    let found = CALL.as_ref()?.captures(message)?;
    let (name, types) = (found.get(1)?.as_str(), found.get(2)?.as_str());
    let types: Vec<String> = split_types(types).iter().map(|t| upper_word(t)).collect();
    let message = format!("unknown signature: {name}({})", types.join(", "));
    Some(KwError::new("42883", message))
}

/// Cuts at the commas that stand outside of brackets.
fn split_types(types: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, c) in types.char_indices() {
        match c {
            '(' | '<' => depth += 1,
            ')' | '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(types.get(start..at).map(str::trim));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(types.get(start..).map(str::trim).filter(|last| !last.is_empty()));
    parts
}

/// The word for Arrow's name of a type.
fn word_of_debug(name: &str) -> &'static str {
    let head = name.split(['(', ' ']).next().unwrap_or_default();
    match head {
        "Boolean" => "bool",
        "Int8" | "Int16" => "int2",
        "Int32" => "int4",
        "Int64" | "UInt64" | "UInt32" => "int",
        "Float32" => "float4",
        "Float64" => "float",
        "Decimal128" => "decimal",
        "Timestamp" => "timestamptz",
        "Date32" => "date",
        "Interval" => "interval",
        "Binary" | "BinaryView" => "bytes",
        "Null" => "unknown",
        _ => "string",
    }
}

/// The name of a type in signatures.
fn upper_word(name: &str) -> String {
    match word_of_debug(name) {
        "int" => "INT8".to_owned(),
        "float" => "FLOAT8".to_owned(),
        word => word.to_uppercase(),
    }
}

/// A column's name without quotes and without what is not shown of it.
fn plain_name(quoted: &str) -> String {
    shown(&quoted.replace('"', "")).to_owned()
}

/// A column's name without its table.
fn last_part(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datafusion_s_words_become_kwdb_s() {
        for (message, sqlstate, text) in [
            ("Schema error: No field named v. Valid fields are t.a.", "42703", "column \"v\" does not exist"),
            (
                "Schema error: No field named t.\"V\". Did you mean 't.v'?",
                "42703",
                "column \"t.V\" does not exist",
            ),
            (
                "Error during planning: Invalid function 'f'.\nDid you mean 'g'?",
                "42883",
                "unknown function: f()",
            ),
            (
                "Error during planning: Column in SELECT must be in GROUP BY or an aggregate function: While expanding \
                 wildcard, column \"t.v\" must appear in the GROUP BY clause or must be part of …",
                "42803",
                "column \"v\" must appear in the GROUP BY clause or be used in an aggregate function",
            ),
            (
                "No function matches the given name and argument types 'abs(Utf8, Decimal128(3, 2))'. You …",
                "42883",
                "unknown signature: abs(STRING, DECIMAL)",
            ),
            ("Arrow error: Divide by zero error", "22012", "division by zero"),
        ] {
            assert_eq!(of_datafusion(message), Some(KwError::new(sqlstate, text)), "{message}");
        }
    }
}
