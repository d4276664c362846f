//! Statements that an operator does not want, or not so many of.

use regex::Regex;
use tokio::sync::OwnedSemaphorePermit;

use super::gate::{Closed, GateOptions, Gates};
use crate::error::AdapterError;

/// A pattern that is none.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{pattern:?} is not a regular expression: {reason}")]
pub struct PatternError {
    pattern: String,
    reason: String,
}

/// Regular expressions, unanchored as in Go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patterns(Vec<Regex>);

impl Patterns {
    pub(crate) fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let one = |pattern: &String| {
            Regex::new(pattern).map_err(|error| PatternError {
                pattern: pattern.clone(),
                reason: error.to_string().lines().last().unwrap_or_default().to_owned(),
            })
        };
        Ok(Self(patterns.iter().map(one).collect::<Result<_, _>>()?))
    }

    fn matches(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.is_match(text))
    }

    /// `rejectQuerySqlRegex`: refuses statements, but inserts never.
    pub(crate) fn check(&self, sql: &str) -> Result<(), AdapterError> {
        if !starts_with(sql, "insert") && self.matches(sql) { Err(AdapterError::Rejected) } else { Ok(()) }
    }
}

/// Whether the statement's first characters are this word, in any case.
pub(crate) fn starts_with(sql: &str, word: &str) -> bool {
    sql.trim_start().get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

/// `request.*`: so many queries of one user at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LimiterOptions {
    /// What holds for users that are not named; none = nobody is limited.
    pub default: Option<GateOptions>,
    /// By user.
    pub users: Vec<(String, GateOptions)>,
    /// Statements that are not limited: white space at the ends and case do not count.
    pub excluded: Vec<String>,
    /// Patterns of such statements.
    pub excluded_patterns: Vec<String>,
}

/// The limiter of SELECT statements.
#[derive(Debug)]
pub(crate) struct Limiter {
    options: LimiterOptions,
    excluded_patterns: Patterns,
    gates: Gates,
}

impl Limiter {
    pub(crate) fn new(options: LimiterOptions) -> Result<Self, PatternError> {
        let excluded_patterns = Patterns::new(&options.excluded_patterns)?;
        Ok(Self { options, excluded_patterns, gates: Gates::default() })
    }

    /// Waits for the statement's turn.
    pub(crate) async fn enter(
        &self,
        user: &str,
        sql: &str,
    ) -> Result<Option<OwnedSemaphorePermit>, AdapterError> {
        let Some(default) = self.options.default else { return Ok(None) };
        if !starts_with(sql, "select") || self.is_excluded(sql) {
            return Ok(None);
        }
        let of_user = self.options.users.iter().find(|(name, _)| name == user);
        let options = of_user.map_or(default, |(_, options)| *options);
        self.gates.enter(user, options).await.map_err(|closed| {
            AdapterError::Overload(match closed {
                Closed::Full => format!("[0xfffe] too many queries of user {user} are waiting"),
                Closed::TimedOut => {
                    format!(
                        "[0xfffe] a query of user {user} waited longer than {} s",
                        options.wait_timeout.as_secs()
                    )
                }
            })
        })
    }

    fn is_excluded(&self, sql: &str) -> bool {
        let is_it = |excluded: &String| excluded.trim().eq_ignore_ascii_case(sql.trim());
        self.options.excluded.iter().any(is_it) || self.excluded_patterns.matches(sql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn inserts_are_never_rejected() {
        let patterns = Patterns::new(&["(?i)drop".to_owned(), "^select .* from secret".to_owned()]).unwrap();
        for (sql, refused) in [
            ("DROP DATABASE d", true),
            ("select a from secret", true),
            ("  INSERT INTO drops VALUES (now)", false),
            ("inser drop", true),
            ("select a from t", false),
        ] {
            assert_eq!(patterns.check(sql).is_err(), refused, "{sql}");
        }
        let error = Patterns::new(&["(".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("\"(\" is not a regular expression: "), "{error}");
    }

    #[actix_web::test]
    async fn only_selects_are_limited_and_some_of_them_not() {
        let gate = |limit| GateOptions { limit, wait_timeout: Duration::from_millis(1), max_waiting: 0 };
        let limiter = Limiter::new(LimiterOptions {
            default: Some(gate(1)),
            users: vec![("b".to_owned(), gate(0))],
            excluded: vec!["select server_version()".to_owned()],
            excluded_patterns: vec!["(?i)from information_schema".to_owned()],
        })
        .unwrap();
        let _held = limiter.enter("a", "select 1").await.unwrap().unwrap();
        let refused = limiter.enter("a", "SELECT 2").await.unwrap_err().to_string();
        assert!(refused.starts_with("[0xfffe] "), "{refused}");
        for free in
            ["insert into t values (now)", " Select Server_Version() ", "select 1 from information_schema.x"]
        {
            assert!(limiter.enter("a", free).await.unwrap().is_none(), "{free}");
        }
        assert!(limiter.enter("b", "select 1").await.unwrap().is_none());
    }
}
