//! Expressions: precedence, forms, spans.

use super::print;
use crate::ast::{Item, SetExpr, Span, Statement};

/// The canonical print of an expression.
fn printed(text: &str) -> String {
    let end = u32::try_from(text.len()).expect("short");
    match crate::parse_expression(text, Span { start: 0, end }) {
        Ok(e) => print::expr(&e),
        Err(error) => format!("{:#06x} {error}", error.code()),
    }
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(printed(text), *expected, "{text}");
    }
}

#[test]
fn precedence() {
    check(&[
        ("1+2*3", "(1 + (2 * 3))"),
        ("1*2+3", "((1 * 2) + 3)"),
        ("1-2-3", "((1 - 2) - 3)"),
        ("8/4%3", "((8 / 4) % 3)"),
        ("(1+2)*3", "((1 + 2) * 3)"),
        ("-a*b", "((- a) * b)"),
        ("-a->'k'", "((- a) -> 'k')"),
        ("a->'k'*2", "((a -> 'k') * 2)"),
        ("1+2&3|4", "(((1 + 2) & 3) | 4)"),
        ("1|2&3", "(1 | (2 & 3))"),
        ("a|1=2", "((a | 1) = 2)"),
        ("a=1 and b=2 or c=3", "(((a = 1) AND (b = 2)) OR (c = 3))"),
        ("a=1 or b=2 and c=3", "((a = 1) OR ((b = 2) AND (c = 3)))"),
        ("not a=1 and b", "((NOT (a = 1)) AND b)"),
        ("not not a", "(NOT (NOT a))"),
        ("not a like 'x'", "(NOT (a LIKE 'x'))"),
        ("- - 1", "(- (- 1))"),
        ("+1", "(+ 1)"),
        ("now-1h", "(NOW - 1h)"),
        ("1d+now()", "(1d + now())"),
        ("a between 1 and 2 and b", "((a BETWEEN 1 AND 2) AND b)"),
        ("a+1 between b|1 and c+2 or d", "(((a + 1) BETWEEN (b | 1) AND (c + 2)) OR d)"),
    ]);
}

#[test]
fn comparisons() {
    check(&[
        ("a == 1", "(a = 1)"),
        ("a != 1", "(a <> 1)"),
        ("a <> 1", "(a <> 1)"),
        ("a not like 'b%'", "(a NOT LIKE 'b%')"),
        ("a match '^x'", "(a MATCH '^x')"),
        ("a regexp '^x'", "(a MATCH '^x')"),
        ("a nmatch '^x'", "(a NMATCH '^x')"),
        ("a not match '^x'", "(a NMATCH '^x')"),
        ("a not regexp '^x'", "(a NMATCH '^x')"),
        ("a is null", "(a IS NULL)"),
        ("a is not null", "(a IS NOT NULL)"),
        ("a not between 1 and 2", "(a NOT BETWEEN 1 AND 2)"),
        ("a in (1, 'x', null)", "(a IN (1, 'x', NULL))"),
        ("a not in (1)", "(a NOT IN (1))"),
        ("info contains 'k'", "(info CONTAINS 'k')"),
        ("info->'k' like 'x%'", "((info -> 'k') LIKE 'x%')"),
        ("(a > 1) = true", "((a > 1) = TRUE)"),
        ("a = b = c", "0x2600 syntax error near \"= c\""),
        ("not a = b = c", "0x2600 syntax error near \"= c\""),
        ("a in ()", "0x2600 syntax error near \")\""),
        ("1 + not a", "0x2600 syntax error near \"not a\""),
    ]);
}

#[test]
fn operands() {
    check(&[
        ("'a''b'", "'a''b'"),
        ("\"a\"", "'a'"),
        ("TRUE", "TRUE"),
        ("timestamp '2024-01-01'", "TIMESTAMP '2024-01-01'"),
        ("timestamp", "timestamp"),
        ("timestamp > 1", "(timestamp > 1)"),
        ("`Now`", "`Now`"),
        ("now", "NOW"),
        ("today ()", "today()"),
        ("T.`Col 1`", "t.`Col 1`"),
        ("t.now", "t.now"),
        ("tbname", "tbname"),
        ("18446744073709551615", "18446744073709551615"),
        ("1.5", "1.5e0"),
        ("case when a then 1 end", "CASE WHEN a THEN 1 END"),
        (
            "case a when 1 then 'x' when 2 then 'y' else 'z' end",
            "CASE a WHEN 1 THEN 'x' WHEN 2 THEN 'y' ELSE 'z' END",
        ),
        ("case end", "0x2600 syntax error near \"end\""),
        ("case a end", "0x2600 syntax error near \"end\""),
        ("value + level", "(value + level)"),
        ("left + first", "(left + first)"),
    ]);
}

#[test]
fn calls() {
    check(&[
        ("COUNT(*)", "count(*)"),
        ("f()", "f()"),
        ("last(t.*)", "last(t.*)"),
        ("top(a, 3)", "top(a, 3)"),
        ("apercentile(a, 50, 't-digest')", "apercentile(a, 50, 't-digest')"),
        ("cast(a as varchar(10))", "CAST(a AS VARCHAR(10))"),
        ("cast(a as bigint unsigned)", "CAST(a AS BIGINT UNSIGNED)"),
        ("cast(a as varchar)", "CAST(a AS VARCHAR)"),
        ("cast(a as decimal(10, 2))", "CAST(a AS DECIMAL(10, 2))"),
        ("position('a' in b)", "position('a', b)"),
        ("position('a', b)", "position('a', b)"),
        ("substring(s from 2 for 3)", "substring(s, 2, 3)"),
        ("substr(s from -2)", "substr(s, (- 2))"),
        ("substr(s, 2)", "substr(s, 2)"),
        ("trim(s)", "trim(s)"),
        ("trim(both from s)", "trim(s)"),
        ("trim(leading from s)", "ltrim(s)"),
        ("trim(leading 'x' from s)", "ltrim(s, 'x')"),
        ("trim(trailing 'x' from s)", "rtrim(s, 'x')"),
        ("trim(both 'x' from s)", "trim(s, 'x')"),
        ("trim('x' from s)", "trim(s, 'x')"),
        ("trim(both)", "trim(both)"),
        ("trim(both 'x')", "0x2600 syntax error near \")\""),
        ("cols(last(ts), c1, c2 as d, c3 e)", "cols(last(ts), c1, c2 AS d, c3 AS e)"),
        ("last(c1 as x)", "0x2600 syntax error near \"as x)\""),
        ("count(distinct a)", "0x2600 syntax error near \"distinct a)\""),
        ("timediff(a, b, 1s)", "timediff(a, b, 1s)"),
        ("if(a > 1, 2, 3)", "if((a > 1), 2, 3)"),
        ("f(", "0x2601 Incomplete SQL statement"),
        ("f(1", "0x2601 Incomplete SQL statement"),
        ("f(1,)", "0x2600 syntax error near \")\""),
    ]);
}

#[test]
fn long_chains_of_logic_are_balanced() {
    assert_eq!(printed("a or b or c or d"), "((a OR b) OR (c OR d))");
    let chain = vec!["tbname = 'x'"; 20_000].join(" or ");
    assert!(printed(&chain).starts_with("((((((((((((((("), "{}", &printed(&chain)[..200]);
}

/// The places of the select items of a statement: what their columns are named after.
fn item_texts(sql: &str) -> Vec<&str> {
    let Ok(Statement::Query(query)) = crate::parse(sql) else { panic!("no query: {sql}") };
    let SetExpr::Select(select) = query.body else { panic!("no select: {sql}") };
    let text = |span: Span| &sql[span.start as usize..span.end as usize];
    let items = select.items.into_iter();
    items
        .map(|item| match item {
            Item::Expr { expr, .. } => text(expr.span),
            Item::Star(span) => text(span),
            Item::TableStar(ident) => text(ident.span),
        })
        .collect()
}

#[test]
fn spans_are_the_source_of_names() {
    let sql = "SELECT Count( * ) , c1+ 1, ( c2 ), -a, info->'k', not b, a is not  null x, t.c, *, t.*, \
               1 between 0 and 2, a in (1 ,2), case when a then b end, cast(a as int) FROM t";
    assert_eq!(
        item_texts(sql),
        [
            "Count( * )",
            "c1+ 1",
            "( c2 )",
            "-a",
            "info->'k'",
            "not b",
            "a is not  null",
            "t.c",
            "*",
            "t",
            "1 between 0 and 2",
            "a in (1 ,2)",
            "case when a then b end",
            "cast(a as int)",
        ]
    );
    assert_eq!(item_texts("select a and b and (c) and d from t"), ["a and b and (c) and d"]);
}
