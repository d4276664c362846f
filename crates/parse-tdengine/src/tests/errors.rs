//! Codes, texts and places of errors, and the limits.

use super::{canonical, check};
use crate::{ParseErrorKind, limits, parse, parse_within};

#[test]
fn syntax_errors_repeat_the_rest() {
    check(&[
        ("selec 1", "0x2600 syntax error near \"selec 1\""),
        ("SELECT 1 FROM T WHER a", "0x2600 syntax error near \"a\""),
        ("select 1 from t where", "0x2601 Incomplete SQL statement"),
        ("select", "0x2601 Incomplete SQL statement"),
        ("select ;", "0x2601 Incomplete SQL statement"),
        ("", "0x2601 Incomplete SQL statement"),
        (" \n-- nothing", "0x2601 Incomplete SQL statement"),
        (";", "0x2601 Incomplete SQL statement"),
        ("select 1; select 2", "0x2600 syntax error near \"select 2\""),
        ("select 1;;", "0x2601 Incomplete SQL statement"),
        ("select 'abc", "0x2600 syntax error near \"'abc\""),
        ("select a from t where b = \"x", "0x2600 syntax error near \"\"x\""),
        ("select 1 as 'x'", "0x2600 syntax error near \"'x'\""),
        ("select 1 'x'", "0x2600 syntax error near \"'x'\""),
        ("select ?", "0x2600 syntax error near \"?\""),
        ("select é", "0x2600 syntax error near \"é\""),
        ("select a from t limit x", "0x2600 syntax error near \"x\""),
        ("select a from t offset 1", "0x2600 syntax error near \"offset 1\""),
        ("select a from t limit 9223372036854775808", "0x2600 syntax error near \"9223372036854775808\""),
        (
            "select 1 from t interval(9223372036854775808s)",
            "0x2600 syntax error near \"9223372036854775808s)\"",
        ),
        // Queries stand in FROM only.
        ("select a from t where b in (select c from u)", "0x2600 syntax error near \"select c from u)\""),
        ("select a from t where b > (select 1)", "0x2600 syntax error near \"select 1)\""),
        ("select ((select 1))", "0x2600 syntax error near \"select 1))\""),
        ("select a from t where exists (select 1)", "0x2600 syntax error near \"exists (select 1)\""),
        ("12", "0x2600 syntax error near \"12\""),
        ("update t set a = 1", "0x2600 syntax error near \"update t set a = 1\""),
    ]);
}

#[test]
fn the_place_is_a_byte_of_the_statement() {
    for (sql, offset) in [("select é, from t", 7), ("select 'é', from t", 13), ("select", 6)] {
        assert_eq!(parse(sql).expect_err("bad").offset, offset, "{sql}");
    }
}

#[test]
fn long_rests_are_cut() {
    let error = parse(&format!("select 1 from t {}", "é".repeat(1000))).expect_err("bad");
    let text = error.to_string();
    assert!(text.len() <= 511 && text.ends_with("é\""), "{text}");
}

#[test]
fn names_have_limits() {
    let name = |length: usize| "n".repeat(length);
    let cases = [
        (format!("use {}", name(64)), None),
        (format!("use {}", name(65)), Some(name(65))),
        (format!("select 1 from {}", name(192)), None),
        (format!("select 1 from {}", name(193)), Some(name(193))),
        (format!("select 1 from {}.t", name(65)), Some(name(65))),
        (format!("select 1 from `{}`", name(193)), Some(name(193))),
        (format!("select {}", name(64)), None),
        (format!("select {}", name(65)), Some(name(65))),
        (format!("select 1 as {}", name(65)), Some(name(65))),
        (format!("create table t (ts timestamp, {} int)", name(65)), Some(name(65))),
        ("select 1 from `a.b`".into(), Some("a.b".into())),
        ("select 1 from ``".into(), Some(String::new())),
        ("select `a.b`, `c d`".into(), None),
        (format!("insert into {} values (1)", name(193)), Some(name(193))),
    ];
    for (sql, bad) in cases {
        let found = parse(&sql).err().map(|error| (error.code(), error.to_string()));
        assert_eq!(found, bad.map(|bad| (0x2617, format!("Invalid identifier name: {bad}"))), "{sql}");
    }
    let long = parse(&format!("use {}", name(100_000))).expect_err("too long").to_string();
    assert_eq!(long, format!("Invalid identifier name: {}", name(limits::NEAR_SYNTAX)));
    let user = |length| canonical(&format!("drop user {}", name(length)));
    assert_eq!(user(23), format!("DROP USER {}", name(23)));
    assert_eq!(user(24), "0x2610 Name or password too long");
}

#[test]
fn statements_have_a_length() {
    let sql = format!("select 1 {}", " ".repeat(limits::STATEMENT_BYTES - 9));
    assert!(parse(&sql).is_ok());
    let error = parse(&format!("{sql} ")).expect_err("too long");
    assert_eq!((error.code(), error.to_string()), (0x0219, "SQL statement too long".to_owned()));
    assert!(parse_within(&format!("{sql} "), usize::MAX).is_ok());
    assert_eq!(parse_within("select 1", 7).map_err(|error| error.kind), Err(ParseErrorKind::TooLong));
}

/// The code of a text made of `n` copies each of a prefix and a suffix around a middle.
fn nested(prefix: &str, middle: &str, suffix: &str, n: usize) -> Option<ParseErrorKind> {
    parse(&format!("{}{middle}{}", prefix.repeat(n), suffix.repeat(n))).err().map(|error| error.kind)
}

#[test]
fn depth_is_limited_everywhere() {
    let deep = 20_000;
    for (prefix, middle, suffix) in [("select 1 from (", "select 1", ")"), ("(", "select 1", ")")] {
        assert_eq!(nested(prefix, middle, suffix, 50), None, "{prefix}");
        assert_eq!(nested(prefix, middle, suffix, deep), Some(ParseErrorKind::TooDeep), "{prefix}");
    }
    let inside = |start: &str, prefix: &str, middle: &str, suffix: &str| {
        let text = |n: usize| format!("{start}{}{middle}{}", prefix.repeat(n), suffix.repeat(n));
        assert!(parse(&text(25)).is_ok(), "{prefix} {:?}", parse(&text(25)));
        let kind = parse(&text(deep)).map_err(|error| error.kind);
        assert_eq!(kind.err(), Some(ParseErrorKind::TooDeep), "{prefix}");
    };
    inside("select ", "(", "1", ")");
    inside("select ", "f(", "1", ")");
    inside("select ", "- ", "1", "");
    inside("select ", "not ", "1", "");
    inside("select ", "cast(", "1", " as int)");
    inside("select ", "case when 1 then ", "1", " end");
    inside("select ", "1 in (", "1", ")");
    inside("select 1 from ", "(select 1 from ", "t", ")");
    inside("select 1 from ", "(", "t", ")");
    inside("select 1 from ", "(", "select 1", ")");
    inside("select ", "1", "", "+1");
    inside("select a", "", "", "->'k'");
    inside("select 1 from t", "", "", " join t");
    inside("select 1 from t", "", "", ", t");
    inside("select 1", "", "", " union select 1");
}

#[test]
fn depth_of_one_kind_adds_to_that_of_another() {
    // 20 conditions, each of a chain of 20 sums: 400 levels of one tree.
    let chain = "+1".repeat(20);
    let sql =
        |n: usize| format!("select {}1{}", "case when ".repeat(n), format!("{chain} then 1 end").repeat(n));
    assert!(parse(&sql(4)).is_ok());
    assert_eq!(parse(&sql(20)).map_err(|error| error.kind).err(), Some(ParseErrorKind::TooDeep));
    assert!(parse(&format!("select {}1", "1+".repeat(100))).is_ok());
}

#[test]
fn lists_that_are_looked_at_as_a_whole_are_limited() {
    let list = |n: usize| vec!["a"; n].join(",");
    for (before, after, most) in [
        ("select a from t order by ", "", limits::KEYS),
        ("select a from t group by ", "", limits::KEYS),
        ("select a from t partition by ", "", limits::KEYS),
        ("select f(", ")", limits::ARGUMENTS),
        ("select cols(", ")", limits::ARGUMENTS),
    ] {
        let sized = |n: usize| format!("{before}{}{after}", list(n));
        assert!(parse(&sized(most)).is_ok(), "{before}");
        let error = parse(&sized(most + 1)).expect_err(before);
        assert_eq!(error.kind, ParseErrorKind::TooDeep, "{before}");
        assert_eq!(error.to_string(), format!("syntax error near \"a{after}\""));
    }
    assert!(parse(&format!("select {} from t where a in ({})", list(50_000), list(50_000))).is_ok());
}

#[test]
fn patterns_of_like_have_a_length() {
    let pattern = |n: usize| format!("'{}'", "%".repeat(n));
    for before in ["select a from t where a like ", "select a from t where a not like ", "show tables like "]
    {
        assert!(parse(&format!("{before}{}", pattern(limits::LIKE_PATTERN))).is_ok(), "{before}");
        let long = pattern(limits::LIKE_PATTERN + 1);
        let error = parse(&format!("{before}{long}")).expect_err(before);
        assert_eq!(error.to_string(), format!("syntax error near \"{long}\""));
    }
}
