//! Members of JSON objects as the parts of a row.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use triglot_parse_json::{JsonError, Kind, Reader, Scalar};

use super::rule::{Name, Rule};
use super::time::TimeError;

/// Why a body is not a list of records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordError {
    /// No JSON, or neither an array nor (behind a transformation) an object.
    #[error("invalid JSON: {0}")]
    Json(#[from] JsonError),
    #[error("record {index} is not an object")]
    NoObject { index: usize },
    #[error("record {index}: {member:?} is there twice")]
    Twice { index: usize, member: String },
    #[error("record {index}: {member:?} is missing")]
    Missing { index: usize, member: String },
    #[error("record {index}: {member:?} is not a text")]
    NoText { index: usize, member: String },
    #[error("record {index}: {member:?} {error}")]
    Time { index: usize, member: String, error: TimeError },
}

/// A row to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) database: Cow<'a, str>,
    pub(super) stable: Cow<'a, str>,
    pub(super) child: Cow<'a, str>,
    pub(super) time: DateTime<Utc>,
    /// The numbers of the rule's fields that are there, ascending.
    pub(super) fields: Vec<u32>,
    /// Their values.
    pub(super) values: Vec<Member<'a>>,
}

/// A member's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Member<'a> {
    Scalar(Scalar<'a>),
    /// An array or an object as it is written.
    Nested(&'a str),
}

/// Reads a body. A single object counts as a list of one if `single`.
///
/// Rows without a time get `now`, each a nanosecond behind the one before, so that they do not hide each
/// other where the database tells nanoseconds apart.
pub(super) fn read<'a>(
    rule: &'a Rule,
    body: &'a str,
    single: bool,
    now: DateTime<Utc>,
) -> Result<Vec<Record<'a>>, RecordError> {
    let mut reader = Reader::new(body);
    let mut records = Vec::new();
    let mut members: Vec<Option<Member<'a>>> = vec![None; rule.members.len()];
    let mut one = |reader: &mut Reader<'a>| -> Result<(), RecordError> {
        let index = records.len();
        if reader.kind()? != Kind::Object {
            return Err(RecordError::NoObject { index });
        }
        members.fill(None);
        object(rule, body, reader, &mut members, index)?;
        let at = now + TimeDelta::nanoseconds(index as i64);
        records.push(record(rule, &members, index, at)?);
        Ok(())
    };
    if single && reader.kind()? == Kind::Object { one(&mut reader) } else { reader.array(one) }?;
    reader.end()?;
    Ok(records)
}

/// Takes what the rule names from an object.
fn object<'a>(
    rule: &Rule,
    body: &'a str,
    reader: &mut Reader<'a>,
    members: &mut [Option<Member<'a>>],
    index: usize,
) -> Result<(), RecordError> {
    reader.object(|reader, name| {
        let slot = rule.members.get(&*name).and_then(|at| members.get_mut(*at));
        let Some(slot) = slot else { return Ok(reader.skip()?) };
        if slot.is_some() {
            return Err(RecordError::Twice { index, member: name.into_owned() });
        }
        *slot = Some(match reader.kind()? {
            Kind::Scalar => Member::Scalar(reader.scalar()?),
            Kind::Array | Kind::Object => {
                let start = reader.offset();
                reader.skip()?;
                Member::Nested(body.get(start..reader.offset()).unwrap_or_default())
            }
        });
        Ok(())
    })
}

fn record<'a>(
    rule: &'a Rule,
    members: &[Option<Member<'a>>],
    index: usize,
    now: DateTime<Utc>,
) -> Result<Record<'a>, RecordError> {
    let called = |number: usize| {
        let found = rule.members.iter().find(|(_, at)| **at == number);
        found.map(|(name, _)| name.clone()).unwrap_or_default()
    };
    let required = |number: usize| {
        let found = members.get(number).and_then(Option::as_ref);
        found.ok_or_else(|| RecordError::Missing { index, member: called(number) })
    };
    let name = |of: &'a Name| match of {
        Name::Fixed(name) => Ok(Cow::Borrowed(name.as_str())),
        Name::Member(number) => match required(*number)? {
            Member::Scalar(Scalar::Str(text)) => Ok(text.clone()),
            _ => Err(RecordError::NoText { index, member: called(*number) }),
        },
    };
    let time = match &rule.time {
        None => now,
        Some(of) => {
            let error = |error| RecordError::Time { index, member: called(of.member), error };
            match required(of.member)? {
                Member::Scalar(value) => of.format.read(value, of.zone, now).map_err(error)?,
                Member::Nested(_) => return Err(error(TimeError::NoText)),
            }
        }
    };
    let (database, stable, child) = (name(&rule.database)?, name(&rule.stable)?, name(&rule.child)?);
    let (mut fields, mut values) = (Vec::new(), Vec::new());
    for (number, field) in (0..).zip(&rule.fields) {
        match members.get(field.member).and_then(Option::as_ref) {
            Some(value) => {
                fields.push(number);
                values.push(value.clone());
            }
            None if field.optional => {}
            None => return Err(RecordError::Missing { index, member: field.name.clone() }),
        }
    }
    Ok(Record { database, stable, child, time, fields, values })
}

#[cfg(test)]
mod tests {
    use super::super::rule::Rules;
    use super::super::rule::tests::options;
    use super::*;
    use crate::config::{InputJsonOptions, RuleOptions};

    fn try_read(change: impl Fn(&mut RuleOptions), body: &str) -> Result<Vec<String>, String> {
        let mut rule = options();
        change(&mut rule);
        let options = InputJsonOptions { enable: true, rules: vec![rule] };
        let rules = Rules::new(&options, chrono_tz::Tz::UTC).unwrap();
        let rule = rules.of("e").unwrap();
        let records = read(rule, body, false, DateTime::UNIX_EPOCH).map_err(|e| e.to_string())?;
        Ok(records
            .iter()
            .map(|r| {
                let time = super::super::time::written(r.time);
                format!("{} {} {} {time} {:?} {:?}", r.database, r.stable, r.child, r.fields, r.values)
            })
            .collect())
    }

    const ONE: &str = r#"{"db":"d","stb":"s","tb":"t","time":"2024-01-01 08:00:00","a":1.50}"#;

    #[test]
    fn members_become_parts_of_rows() {
        let records = try_read(|_| {}, &format!("[{ONE}]")).unwrap();
        assert_eq!(records, ["d s t 2024-01-01T00:00:00Z [0] [Scalar(Number(Number(\"1.50\")))]"]);
        let body = r#"[{"b":{"x": [1]},"x":[[]],"a":null,"tb":"\u00fc","stb":"s","db":"d","time":"2024-01-01 08:00:00"}]"#;
        let records = try_read(|_| {}, body).unwrap();
        let wanted = "d s ü 2024-01-01T00:00:00Z [0, 1] [Scalar(Null), Nested(\"{\\\"x\\\": [1]}\")]";
        assert_eq!(records, [wanted]);
        assert_eq!(try_read(|_| {}, "[]").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn one_member_may_serve_twice() {
        let twice = |r: &mut RuleOptions| "tb".clone_into(&mut r.fields[0].key);
        let records = try_read(twice, &format!("[{ONE}]")).unwrap();
        assert_eq!(records, ["d s t 2024-01-01T00:00:00Z [0] [Scalar(Str(\"t\"))]"]);
    }

    #[test]
    fn rows_without_times_are_a_nanosecond_apart() {
        let now = |r: &mut RuleOptions| {
            r.time_key.clear();
            r.timezone.clear();
        };
        let records = try_read(now, &format!("[{ONE},{ONE}]")).unwrap();
        assert!(records[0].contains("1970-01-01T00:00:00Z"), "{records:?}");
        assert!(records[1].contains("1970-01-01T00:00:00.000000001Z"), "{records:?}");
    }

    #[test]
    fn faults_name_record_and_member() {
        let deep = format!("[{{\"x\":{}{}}}]", "[".repeat(200), "]".repeat(200));
        for (body, wanted) in [
            ("", "invalid JSON: offset 0: an array is expected"),
            ("{}", "invalid JSON: offset 0: an array is expected"),
            ("[1]", "record 0 is not an object"),
            ("[[]]", "record 0 is not an object"),
            ("[{}]", "record 0: \"time\" is missing"),
            ("[] x", "invalid JSON: offset 3: text behind the value"),
            ("[{\"a\":NaN}]", "invalid JSON: offset 6: a scalar value is expected"),
            ("[{\"a\":1,\"a\":1}]", "record 0: \"a\" is there twice"),
            (deep.as_str(), "nested too deeply"),
        ] {
            let error = try_read(|_| {}, body).unwrap_err();
            assert!(error.contains(wanted), "{body}: {error}");
        }
        for (from, to, wanted) in [
            ("\"a\":1.50", "\"b\":1", "record 1: \"a\" is missing"),
            ("\"db\":\"d\"", "\"db\":1", "record 1: \"db\" is not a text"),
            ("\"tb\":\"t\"", "\"tb\":null", "record 1: \"tb\" is not a text"),
            ("\"stb\":\"s\",", "", "record 1: \"stb\" is missing"),
            ("2024-01-01 08", "2024-01-01x08", "record 1: \"time\" does not have the form of timeFormat"),
            ("\"2024-01-01 08:00:00\"", "[]", "record 1: \"time\" is not a text"),
        ] {
            let error = try_read(|_| {}, &format!("[{ONE},{}]", ONE.replace(from, to))).unwrap_err();
            assert_eq!(error, wanted);
        }
    }
}
