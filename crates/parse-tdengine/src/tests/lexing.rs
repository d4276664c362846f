//! Tokens, texts and numbers (sheet section 2).

use crate::ast::{Duration, Literal, Unit};
use crate::lex::{Lexer, TokenKind, duration, number, unescape};

/// The tokens of a text, each with what it covers.
fn tokens(sql: &str) -> Vec<(TokenKind, &str)> {
    let mut lexer = Lexer::new(sql);
    let mut found = Vec::new();
    loop {
        let token = lexer.next_token();
        if token.kind == TokenKind::End {
            return found;
        }
        found.push((token.kind, &sql[token.span.start as usize..token.span.end as usize]));
    }
}

#[test]
fn words_names_and_operators() {
    use TokenKind::*;
    let cases: &[(&str, &[(TokenKind, &str)])] = &[
        ("a_1 _wstart", &[(Word, "a_1"), (Word, "_wstart")]),
        ("`A b`.c", &[(QuotedName, "`A b`"), (Dot, "."), (Word, "c")]),
        ("t.1", &[(Word, "t"), (Dot, "."), (Integer, "1")]),
        (
            "= == != <> < <= > >=",
            &[
                (Eq, "="),
                (Eq, "=="),
                (NotEq, "!="),
                (NotEq, "<>"),
                (Lt, "<"),
                (LtEq, "<="),
                (Gt, ">"),
                (GtEq, ">="),
            ],
        ),
        (
            "+-*/%&|->",
            &[
                (Plus, "+"),
                (Minus, "-"),
                (Star, "*"),
                (Slash, "/"),
                (Percent, "%"),
                (Ampersand, "&"),
                (Pipe, "|"),
                (Arrow, "->"),
            ],
        ),
        ("(,):;", &[(LeftParen, "("), (Comma, ","), (RightParen, ")"), (Colon, ":"), (Semicolon, ";")]),
    ];
    for (sql, expected) in cases {
        assert_eq!(tokens(sql), *expected, "{sql}");
    }
}

#[test]
fn numbers_and_durations() {
    use TokenKind::*;
    for (sql, kind) in [
        ("123", Integer),
        ("0x1F", Integer),
        ("0XaB", Integer),
        ("0b101", Integer),
        ("1.5", Float),
        (".5", Float),
        ("5.", Float),
        ("1e3", Float),
        ("1.5E-3", Float),
        ("10s", Duration),
        ("1N", Duration),
        ("0b", Duration),
        ("10b", Duration),
        ("1a", Duration),
        ("12abc", Illegal),
        ("1.5h", Illegal),
        ("0x", Illegal),
        ("1e", Illegal),
    ] {
        assert_eq!(tokens(sql), [(kind, sql)], "{sql}");
    }
    assert_eq!(tokens("1d+now"), [(Duration, "1d"), (Plus, "+"), (Word, "now")]);
}

#[test]
fn comments_and_hints_are_blank() {
    let sql = "select /*+ batch_scan() */ -- to the end\n a/**/-- 1";
    assert_eq!(tokens(sql), [(TokenKind::Word, "select"), (TokenKind::Word, "a")]);
}

#[test]
fn what_does_not_end_is_illegal_to_the_end() {
    for sql in ["'abc", "\"abc\\\"", "`abc", "/* abc", "'abc''"] {
        assert_eq!(tokens(sql), [(TokenKind::Illegal, sql)], "{sql}");
    }
    assert_eq!(tokens("é?"), [(TokenKind::Illegal, "é"), (TokenKind::Illegal, "?")]);
}

#[test]
fn escapes_of_texts() {
    for (quoted, meaning) in [
        ("'plain'", "plain"),
        ("''", ""),
        ("'it''s'", "it's"),
        ("\"say \"\"hi\"\"\"", "say \"hi\""),
        ("'say \"\"hi\"\"'", "say \"\"hi\"\""),
        (r"'it\'s'", "it's"),
        (r#""a\"b""#, "a\"b"),
        (r"'a\\b'", r"a\b"),
        (r"'\n\r\t'", "\n\r\t"),
        (r"'100\%'", r"100\%"),
        (r"'a\_b'", r"a\_b"),
        (r"'\x01ff'", r"\x01ff"),
        (r"'\q\0é\é'", "q0éé"),
    ] {
        assert_eq!(unescape(quoted), meaning, "{quoted}");
    }
}

#[test]
fn meanings_of_numbers() {
    let float = |v: f64| Some(Literal::Float(v));
    for (text, expected) in [
        ("12", Some(Literal::Int(12))),
        ("-12", Some(Literal::Int(-12))),
        ("+12", Some(Literal::Int(12))),
        ("0x1F", Some(Literal::Int(31))),
        ("-0x10", Some(Literal::Int(-16))),
        ("0b101", Some(Literal::Int(5))),
        ("9223372036854775807", Some(Literal::Int(i64::MAX))),
        ("9223372036854775808", Some(Literal::UInt(1 << 63))),
        ("-9223372036854775808", Some(Literal::Int(i64::MIN))),
        ("18446744073709551615", Some(Literal::UInt(u64::MAX))),
        ("18446744073709551616", float(18_446_744_073_709_551_616.0)),
        ("-9223372036854775809", float(-9_223_372_036_854_775_809.0)),
        ("0x10000000000000000", float(18_446_744_073_709_551_616.0)),
        ("1.5", float(1.5)),
        (".5", float(0.5)),
        ("5.", float(5.0)),
        ("-1e3", float(-1000.0)),
        ("", None),
        ("-", None),
        (".", None),
        ("0x", None),
        ("0x+1", None),
        ("+-1", None),
        ("inf", None),
        ("1 ", None),
    ] {
        assert_eq!(number(text), expected, "{text}");
    }
    let long = format!("0x{}", "f".repeat(40));
    assert!(matches!(number(&long), Some(Literal::Float(v)) if (v - 16_f64.powi(40)).abs() < 1e33));
}

#[test]
fn meanings_of_durations() {
    let some = |count, unit| Some(Duration { count, unit });
    assert_eq!(duration("10s"), some(10, Unit::Second));
    assert_eq!(duration("1N"), some(1, Unit::Month));
    assert_eq!(duration("-1h"), some(-1, Unit::Hour));
    assert_eq!(duration("3q"), some(3, Unit::Quarter));
    for text in ["s", "", "1x", "1.5s", "9223372036854775808s", "1é"] {
        assert_eq!(duration(text), None, "{text}");
    }
}
