//! Records as INSERT statements.

use triglot_parse_json::Scalar;

use super::record::{Member, Record};
use super::rule::Rule;
use super::time;
use crate::rest::sql::MAX_SQL;

const HEAD: &str = "insert into ";

/// The statements, each with its number of rows. Records are sorted by table, child, fields and time; a row that is
/// too long for any statement has one of its own, which the engine refuses.
pub(super) fn statements(rule: &Rule, mut records: Vec<Record<'_>>) -> Vec<(String, u64)> {
    records.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut out: Vec<(String, u64)> = Vec::new();
    let mut before: Option<&Record<'_>> = None;
    let mut row = String::new();
    for record in &records {
        row.clear();
        push_row(&mut row, record);
        let continues = before.is_some_and(|b| target(b) == target(record));
        match out.last_mut() {
            Some((sql, rows)) if continues && sql.len() + row.len() <= MAX_SQL => {
                sql.push_str(&row);
                *rows += 1;
            }
            last => {
                let mut into = String::new();
                push_target(&mut into, rule, record);
                match last {
                    Some((sql, rows)) if sql.len() + into.len() + row.len() < MAX_SQL => {
                        sql.push(' ');
                        sql.push_str(&into);
                        sql.push_str(&row);
                        *rows += 1;
                    }
                    _ => out.push((format!("{HEAD}{into}{row}"), 1)),
                }
            }
        }
        before = Some(record);
    }
    out
}

type Key<'r> = (&'r str, &'r str, &'r str, &'r [u32], chrono::DateTime<chrono::Utc>);

fn key<'r>(of: &'r Record<'_>) -> Key<'r> {
    (&of.database, &of.stable, &of.child, &of.fields, of.time)
}

/// What stands before `values`.
fn target<'r>(of: &'r Record<'_>) -> (&'r str, &'r str, &'r [u32]) {
    (&of.database, &of.stable, &of.fields)
}

fn push_target(out: &mut String, rule: &Rule, record: &Record<'_>) {
    push_name(out, &record.database);
    out.push('.');
    push_name(out, &record.stable);
    out.push_str("(`tbname`,");
    push_name(out, &rule.time_column);
    for number in &record.fields {
        let Some(field) = rule.fields.get(*number as usize) else { continue };
        out.push(',');
        push_name(out, &field.name);
    }
    out.push_str(")values");
}

fn push_row(out: &mut String, record: &Record<'_>) {
    out.push('(');
    push_text(out, &record.child);
    out.push_str(",'");
    out.push_str(&time::written(record.time));
    out.push('\'');
    for value in &record.values {
        out.push(',');
        match value {
            Member::Scalar(Scalar::Str(text)) => push_text(out, text),
            Member::Scalar(Scalar::Number(number)) => out.push_str(number.text()),
            Member::Scalar(Scalar::Bool(value)) => out.push_str(if *value { "true" } else { "false" }),
            Member::Scalar(Scalar::Null) => out.push_str("null"),
            Member::Nested(json) => push_text(out, &compact(json)),
        }
    }
    out.push(')');
}

fn push_name(out: &mut String, name: &str) {
    out.push('`');
    out.push_str(&name.replace('`', "``"));
    out.push('`');
}

fn push_text(out: &mut String, text: &str) {
    out.push('\'');
    for c in text.chars() {
        if matches!(c, '\\' | '\'') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
}

/// JSON without the white space between its parts.
fn compact(json: &str) -> String {
    let (mut out, mut in_text, mut escaped) = (String::with_capacity(json.len()), false, false);
    for c in json.chars() {
        if in_text {
            in_text = escaped || c != '"';
            escaped = c == '\\' && !escaped;
        } else if matches!(c, ' ' | '\n' | '\r' | '\t') {
            continue;
        } else {
            in_text = c == '"';
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::record::read;
    use super::super::rule::Rules;
    use super::super::rule::tests::options;
    use super::*;
    use crate::config::InputJsonOptions;

    fn written(body: &str) -> Vec<(String, u64)> {
        let options = InputJsonOptions { enable: true, rules: vec![options()] };
        let rules = Rules::new(&options, chrono_tz::Tz::UTC).unwrap();
        let rule = rules.of("e").unwrap();
        statements(rule, read(rule, body, false, chrono::DateTime::UNIX_EPOCH).unwrap())
    }

    fn object(stable: &str, child: &str, second: u32, rest: &str) -> String {
        format!(
            r#"{{"db":"d","stb":"{stable}","tb":"{child}","time":"2024-01-01 08:00:{second:02}",{rest}}}"#
        )
    }

    #[test]
    fn rows_are_sorted_and_share_what_they_can() {
        let body = [
            object("s", "t2", 1, r#""a":1"#),
            object("s", "t1", 2, r#""a":true,"b":null"#),
            object("s", "t1", 1, r#""a":-1.5e3,"b":"it's \\ \"x\"""#),
            object("s", "t1", 3, r#""a":{"k" : [1, "a b\\\" "]}"#),
            object("r", "t9", 0, r#""a":1"#),
        ];
        let found = written(&format!("[{}]", body.join(",")));
        let wanted = "insert into `d`.`r`(`tbname`,`ts`,`a`)values('t9','2024-01-01T00:00:00Z',1) \
            `d`.`s`(`tbname`,`ts`,`a`)values('t1','2024-01-01T00:00:03Z','{\"k\":[1,\"a b\\\\\\\\\\\\\" \"]}') \
            `d`.`s`(`tbname`,`ts`,`a`,`b`)values('t1','2024-01-01T00:00:01Z',-1.5e3,'it\\'s \\\\ \"x\"')\
            ('t1','2024-01-01T00:00:02Z',true,null) \
            `d`.`s`(`tbname`,`ts`,`a`)values('t2','2024-01-01T00:00:01Z',1)";
        assert_eq!(found, [(wanted.to_owned(), 5)]);
    }

    #[test]
    fn statements_are_at_most_a_mebibyte() {
        let long = "x".repeat(100_000);
        let body: Vec<String> = (0..25).map(|n| object("s", "t", n, &format!(r#""a":"{long}""#))).collect();
        let found = written(&format!("[{}]", body.join(",")));
        assert_eq!(found.iter().map(|(_, rows)| *rows).collect::<Vec<_>>(), [10, 10, 5]);
        assert!(found.iter().all(|(sql, _)| sql.len() <= MAX_SQL && sql.starts_with("insert into `d`.`s`(")));
    }

    #[test]
    fn names_are_quoted() {
        let mut out = String::new();
        push_name(&mut out, "a`b");
        assert_eq!(out, "`a``b`");
    }
}
