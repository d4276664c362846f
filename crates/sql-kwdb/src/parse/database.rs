//! Databases (sheet section 9).

use std::fmt;

use sqlparser::tokenizer::Token;
use triglot_parse_sql::Input;

use super::Parsed;
use crate::KwError;
use crate::ast::{DatabaseStmt, Duration, DurationUnit, Stmt};

pub(super) fn create(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["CREATE"])?;
    let is_ts = p.word("TS");
    p.expect_words(&["DATABASE"])?;
    let if_not_exists = p.if_not_exists()?;
    let name = p.name()?;
    let (mut retentions, mut partition, mut comment) = (None, None, None);
    loop {
        if is_ts && p.word("RETENTIONS") {
            p.token(&Token::Eq);
            retentions = Some(duration(p)?);
        } else if is_ts && p.words(&["PARTITION", "INTERVAL"]) {
            p.token(&Token::Eq);
            partition = Some(duration(p)?);
        } else if let Some(text) = comment_clause(p)? {
            comment = Some(text);
        } else if !is_ts && p.word("ENCODING") {
            p.token(&Token::Eq);
            encoding(&p.string()?)?;
        } else {
            break;
        }
    }
    Ok(Stmt::Database(DatabaseStmt::Create { name, if_not_exists, is_ts, retentions, partition, comment }))
}

fn encoding(name: &str) -> Parsed<()> {
    if name.eq_ignore_ascii_case("utf8") || name.eq_ignore_ascii_case("utf-8") {
        return Ok(());
    }
    Err(KwError::new("0A000", format!("unsupported encoding: {name}")).into())
}

pub(super) fn alter(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["ALTER"])?;
    p.word("TS");
    p.expect_words(&["DATABASE"])?;
    let name = p.name()?;
    let statement = if p.words(&["RENAME", "TO"]) {
        DatabaseStmt::Rename { name, to: p.name()? }
    } else {
        p.expect_words(&["SET"])?;
        if p.words(&["PARTITION", "INTERVAL"]) {
            p.token(&Token::Eq);
            DatabaseStmt::SetPartition { name, to: duration(p)? }
        } else {
            p.expect_words(&["RETENTIONS"])?;
            p.token(&Token::Eq);
            DatabaseStmt::SetRetentions { name, to: duration(p)? }
        }
    };
    Ok(Stmt::Database(statement))
}

pub(super) fn drop(p: &mut Input<'_>) -> Parsed<Stmt> {
    p.expect_words(&["DROP", "DATABASE"])?;
    let if_exists = p.if_exists()?;
    let name = p.name()?;
    let restrict = p.one_of(&["CASCADE", "RESTRICT"]) == Some("RESTRICT");
    Ok(Stmt::Database(DatabaseStmt::Drop { name, if_exists, restrict }))
}

/// `COMMENT [=] 'text'`
pub(super) fn comment_clause(p: &mut Input<'_>) -> Parsed<Option<String>> {
    if !p.word("COMMENT") {
        return Ok(None);
    }
    p.token(&Token::Eq);
    Ok(Some(p.string()?))
}

/// `10d`, `10 day`, `10 days`
pub(super) fn duration(p: &mut Input<'_>) -> Parsed<Duration> {
    let count = p.number()?;
    let Some(unit) = UNITS.iter().find(|(words, _)| p.one_of(words).is_some()) else {
        return p.expected("a unit of time");
    };
    Ok(Duration { count, unit: unit.1 })
}

const UNITS: [(&[&str], DurationUnit); 7] = [
    (&["S", "SECOND", "SECONDS"], DurationUnit::Second),
    (&["M", "MINUTE", "MINUTES"], DurationUnit::Minute),
    (&["H", "HOUR", "HOURS"], DurationUnit::Hour),
    (&["D", "DAY", "DAYS"], DurationUnit::Day),
    (&["W", "WEEK", "WEEKS"], DurationUnit::Week),
    (&["MON", "MONTH", "MONTHS"], DurationUnit::Month),
    (&["Y", "YEAR", "YEARS"], DurationUnit::Year),
];

impl Duration {
    /// How many seconds it is: a month has 30 days, a year 365. None: more than 64 bits.
    pub(crate) fn seconds(self) -> Option<u64> {
        const DAY: u64 = 86_400;
        self.count.checked_mul(match self.unit {
            DurationUnit::Second => 1,
            DurationUnit::Minute => 60,
            DurationUnit::Hour => 3_600,
            DurationUnit::Day => DAY,
            DurationUnit::Week => 7 * DAY,
            DurationUnit::Month => 30 * DAY,
            DurationUnit::Year => 365 * DAY,
        })
    }
}

impl fmt::Display for DurationUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "d",
            Self::Week => "w",
            Self::Month => "mon",
            Self::Year => "y",
        })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit)
    }
}
