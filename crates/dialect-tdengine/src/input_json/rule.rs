//! `[[input_json.rules]]`: checked once, at the start.

use std::collections::HashMap;

use chrono_tz::Tz;
use triglot_jsonata::{CompileError, Expression};

use super::time::{DEFAULT, FormatError, TimeFormat};
use crate::config::{InputJsonOptions, RuleOptions};

/// The column of the time where a rule does not name it.
const TIME_COLUMN: &str = "ts";
/// The pseudo column of the child's name.
const TBNAME: &str = "tbname";

/// Why a rule cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {}{fault}", if endpoint.is_empty() { format!("number {number}: ") } else { format!("{endpoint:?}: ") })]
pub struct RuleError {
    /// Its place in the list, from 1.
    pub number: usize,
    /// Its endpoint, empty if it has none.
    pub endpoint: String,
    /// What is wrong with it.
    pub fault: RuleFault,
}

/// See [`RuleError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// A key that every rule has.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The endpoint is part of a path.
    #[error("endpoint may have letters, digits, _ and - only")]
    Endpoint,
    /// Two rules of one endpoint.
    #[error("there is another rule with this endpoint")]
    Twice,
    /// A name and the key of a name.
    #[error("{name} and {key} exclude each other")]
    Both {
        /// The key of the fixed name.
        name: &'static str,
        /// The key of the member's name.
        key: &'static str,
    },
    /// Neither a name nor the key of a name.
    #[error("{name} or {key} is missing")]
    Neither {
        /// The key of the fixed name.
        name: &'static str,
        /// The key of the member's name.
        key: &'static str,
    },
    /// A format of times without times.
    #[error("{0} is of no use without time_key")]
    NoTime(&'static str),
    /// `time_format`
    #[error("time_format {text:?} {error}")]
    Format {
        /// The format.
        text: String,
        /// What is wrong with it.
        error: FormatError,
    },
    /// `timezone`
    #[error("{0:?} is not a time zone")]
    Zone(String),
    /// Two fields of one name, or one of the name of another column.
    #[error("fields: {0:?} is there twice")]
    FieldTwice(String),
    /// `transformation`
    #[error("transformation: {0}")]
    Transformation(CompileError),
}

/// The rules of a listener.
#[derive(Debug)]
pub struct Rules(Option<HashMap<String, Rule>>);

impl Rules {
    /// The rules as they are configured. `zone` is that of times without one where the rule names none.
    ///
    /// # Errors
    /// The first rule that cannot be used; also if the plug-in is off.
    pub fn new(options: &InputJsonOptions, zone: Tz) -> Result<Self, RuleError> {
        let mut rules = HashMap::new();
        for (at, of) in options.rules.iter().enumerate() {
            let error = |fault| RuleError { number: at + 1, endpoint: of.endpoint.clone(), fault };
            let rule = Rule::new(of, zone).map_err(error)?;
            if rules.insert(of.endpoint.clone(), rule).is_some() {
                return Err(error(RuleFault::Twice));
            }
        }
        Ok(Self(options.enable.then_some(rules)))
    }

    /// Whether the route is there at all.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The rule of an endpoint.
    pub(super) fn of(&self, endpoint: &str) -> Option<&Rule> {
        self.0.as_ref()?.get(endpoint)
    }
}

/// How the records of one endpoint become rows.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) database: Name,
    pub(super) stable: Name,
    pub(super) child: Name,
    /// None = now.
    pub(super) time: Option<TimeMember>,
    /// The column of the time.
    pub(super) time_column: String,
    pub(super) fields: Vec<Field>,
    /// The members that count, each with a number.
    pub(super) members: HashMap<String, usize>,
    /// Makes records of bodies.
    pub(super) transformation: Option<Expression>,
}

/// Where a name comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Fixed(String),
    /// The member of this number.
    Member(usize),
}

/// Where a time comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeMember {
    pub(super) member: usize,
    pub(super) format: TimeFormat,
    pub(super) zone: Tz,
}

/// A column with a member of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) member: usize,
    pub(super) optional: bool,
}

impl Rule {
    fn new(of: &RuleOptions, zone: Tz) -> Result<Self, RuleFault> {
        if of.endpoint.is_empty() {
            return Err(RuleFault::Missing("endpoint"));
        }
        if !of.endpoint.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) {
            return Err(RuleFault::Endpoint);
        }
        let mut members = HashMap::new();
        let mut numbered = |key: &str| {
            let next = members.len();
            *members.entry(key.to_owned()).or_insert(next)
        };
        let mut name = |name: &'static str, fixed: &str, key: &'static str, member: &str| match (
            fixed.is_empty(),
            member.is_empty(),
        ) {
            (false, true) => Ok(Name::Fixed(fixed.to_owned())),
            (true, false) => Ok(Name::Member(numbered(member))),
            (false, false) => Err(RuleFault::Both { name, key }),
            (true, true) => Err(RuleFault::Neither { name, key }),
        };
        let database = name("db", &of.db, "db_key", &of.db_key)?;
        let stable = name("super_table", &of.super_table, "super_table_key", &of.super_table_key)?;
        let child = name("sub_table", &of.sub_table, "sub_table_key", &of.sub_table_key)?;
        let time = match of.time_key.as_str() {
            "" if !of.time_format.is_empty() => return Err(RuleFault::NoTime("time_format")),
            "" if !of.timezone.is_empty() => return Err(RuleFault::NoTime("timezone")),
            "" => None,
            key => Some(TimeMember {
                member: numbered(key),
                format: format(&of.time_format)?,
                zone: match of.timezone.as_str() {
                    "" => zone,
                    name => name.parse().map_err(|_| RuleFault::Zone(name.to_owned()))?,
                },
            }),
        };
        let time_column = match of.time_field_name.as_str() {
            "" => TIME_COLUMN.to_owned(),
            name => name.to_owned(),
        };
        let mut fields: Vec<Field> = Vec::with_capacity(of.fields.len());
        for field in &of.fields {
            if field.key.is_empty() {
                return Err(RuleFault::Missing("fields.key"));
            }
            let is_taken = field.key == TBNAME || field.key == time_column;
            if is_taken || fields.iter().any(|other| other.name == field.key) {
                return Err(RuleFault::FieldTwice(field.key.clone()));
            }
            let member = numbered(&field.key);
            fields.push(Field { name: field.key.clone(), member, optional: field.optional });
        }
        if fields.is_empty() {
            return Err(RuleFault::Missing("fields"));
        }
        let transformation = match of.transformation.trim() {
            "" => None,
            text => Some(Expression::compile(text).map_err(RuleFault::Transformation)?),
        };
        Ok(Self { database, stable, child, time, time_column, fields, members, transformation })
    }
}

fn format(text: &str) -> Result<TimeFormat, RuleFault> {
    let text = if text.is_empty() { DEFAULT } else { text };
    TimeFormat::new(text).map_err(|error| RuleFault::Format { text: text.to_owned(), error })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::FieldOptions;

    /// A rule that takes everything from members.
    pub(in super::super) fn options() -> RuleOptions {
        let field = |key: &str, optional| FieldOptions { key: key.to_owned(), optional };
        RuleOptions {
            endpoint: "e".to_owned(),
            db_key: "db".to_owned(),
            super_table_key: "stb".to_owned(),
            sub_table_key: "tb".to_owned(),
            time_key: "time".to_owned(),
            timezone: "Asia/Shanghai".to_owned(),
            fields: vec![field("a", false), field("b", true)],
            ..RuleOptions::default()
        }
    }

    fn fault(change: impl Fn(&mut RuleOptions)) -> String {
        let mut rule = options();
        change(&mut rule);
        let rules = InputJsonOptions { enable: true, rules: vec![options(), rule] };
        let mut rules_alone = rules.clone();
        rules_alone.rules.remove(0);
        match Rules::new(&rules_alone, Tz::UTC) {
            Err(error) => error.to_string(),
            Ok(_) => Rules::new(&rules, Tz::UTC).unwrap_err().to_string(),
        }
    }

    #[test]
    fn faults_name_rule_and_key() {
        for (found, wanted) in [
            (fault(|_| {}), "rule \"e\": there is another rule with this endpoint"),
            (fault(|r| r.endpoint.clear()), "rule number 1: endpoint is missing"),
            (fault(|r| r.endpoint = "a/b".into()), "may have letters, digits, _ and - only"),
            (fault(|r| r.endpoint = "ü".into()), "may have letters, digits, _ and - only"),
            (fault(|r| r.db = "d".into()), "db and db_key exclude each other"),
            (fault(|r| r.db_key.clear()), "db or db_key is missing"),
            (fault(|r| r.super_table = "d".into()), "super_table and super_table_key exclude each other"),
            (fault(|r| r.super_table_key.clear()), "super_table or super_table_key is missing"),
            (fault(|r| r.sub_table = "d".into()), "sub_table and sub_table_key exclude each other"),
            (fault(|r| r.sub_table_key.clear()), "sub_table or sub_table_key is missing"),
            (fault(|r| r.time_key.clear()), "timezone is of no use without time_key"),
            (fault(|r| r.timezone = "Mars/Base".into()), "\"Mars/Base\" is not a time zone"),
            (
                fault(|r| r.time_format = "iso".into()),
                "time_format \"iso\" is neither the name of a format nor",
            ),
            (
                fault(|r| r.transformation = "a.(".into()),
                "rule \"e\": transformation: offset 3: an expression is expected",
            ),
            (fault(|r| r.transformation = "a.%".into()), "the parent operator % is not supported"),
            (fault(|r| r.fields.clear()), "fields is missing"),
            (fault(|r| r.fields[1].key.clear()), "fields.key is missing"),
            (fault(|r| r.fields[1].key = "a".into()), "fields: \"a\" is there twice"),
            (fault(|r| r.fields[1].key = "ts".into()), "fields: \"ts\" is there twice"),
            (fault(|r| r.fields[1].key = "tbname".into()), "fields: \"tbname\" is there twice"),
        ] {
            assert!(found.contains(wanted), "{found:?}, not {wanted:?}");
        }
    }

    #[test]
    fn rules_count_only_if_the_plug_in_is_on() {
        let off = InputJsonOptions { enable: false, rules: vec![options()] };
        let rules = Rules::new(&off, Tz::UTC).unwrap();
        assert!(!rules.is_on() && rules.of("e").is_none());
        let on = Rules::new(&InputJsonOptions { enable: true, ..off }, Tz::UTC).unwrap();
        assert!(on.is_on() && on.of("e").is_some() && on.of("x").is_none());
    }
}
