use super::*;

fn error(text: &str) -> String {
    statement(text).unwrap_err().message
}

#[test]
fn syntax_errors_name_the_token_as_it_is_written() {
    let cases = [
        ("selec 1", "selec"),
        ("CREATE TABEL t (a int)", "TABEL"),
        ("create tabel t", "tabel"),
        ("select 1 from", "EOF"),
        ("select * from t where", "EOF"),
        ("select (1", "EOF"),
        ("select 1)", ")"),
        ("use", "EOF"),
        ("create ts database d retentions 5 foo", "foo"),
        (
            "create table t (ts timestamp not null, a int) tags (b int not null default 5) primary tags (b)",
            "default",
        ),
        ("select a\nfrom t wher b = 1", "b"),
        ("drop database", "EOF"),
        ("show columns t", "t"),
    ];
    for (text, near) in cases {
        assert_eq!(error(text), format!("at or near \"{near}\": syntax error"), "{text}");
    }
}

fn query_text(text: &str) -> String {
    match statement(text) {
        Ok(Stmt::Query(query)) => query.to_string(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn tokens_of_kwdb_become_trees_of_sqlparser() {
    let cases = [
        ("select ts + 1h from t", "SELECT ts + INTERVAL '1 hour' FROM t"),
        (
            "select 10y, 500ms, 1mon, 3us, 7w",
            "SELECT INTERVAL '10 year', INTERVAL '500 millisecond', INTERVAL '1 month', INTERVAL '3 microsecond', INTERVAL '7 week'",
        ),
        ("select 1 h", "SELECT 1 AS h"),
        ("select 7//2", "SELECT 7 // 2"),
        ("select a isnull, b notnull from t", "SELECT a IS NULL, b IS NOT NULL FROM t"),
        ("select isnull(a)", "SELECT isnull(a)"),
        ("select a is nan, b is not nan", "SELECT isnan(a), NOT isnan(b)"),
        (
            "select x from [SHOW TAGS FROM t] where is_primary",
            "SELECT x FROM \"[SHOW TAGS FROM t]\" WHERE is_primary",
        ),
        ("select a from t where b>-1 and c=-2", "SELECT a FROM t WHERE b > -1 AND c = -2"),
        ("select * from (select 1)", "SELECT * FROM (SELECT 1)"),
        ("select a::int8, 'x'::varchar(3)", "SELECT a::INT8, 'x'::VARCHAR(3)"),
        ("select extract('year', ts) from t", "SELECT EXTRACT('year', ts) FROM t"),
        ("table t", "TABLE t"),
        ("values (1), (2)", "VALUES (1), (2)"),
    ];
    for (text, expected) in cases {
        assert_eq!(query_text(text), expected, "{text}");
    }
}

/// Brackets around every operation, as the tree has them.
fn grouped(text: &str) -> String {
    use sqlparser::ast::{Expr, SelectItem, SetExpr};
    fn show(expr: &Expr) -> String {
        match expr {
            Expr::BinaryOp { left, op, right } => format!("({} {op} {})", show(left), show(right)),
            Expr::UnaryOp { op, expr } => format!("({op}{})", show(expr)),
            Expr::IsNull(expr) => format!("({} IS NULL)", show(expr)),
            other => other.to_string(),
        }
    }
    let Ok(Stmt::Query(query)) = statement(&format!("select {text}")) else { panic!("{text}") };
    let SetExpr::Select(select) = query.body.as_ref() else { panic!("{text}") };
    match &select.projection[0] {
        SelectItem::UnnamedExpr(expr) => show(expr),
        other => panic!("{other}"),
    }
}

/// Sheet section 12, from tight to loose.
#[test]
fn operators_bind_by_the_sheets_precedence() {
    let cases = [
        ("-2 ^ 2", "((-2) ^ 2)"),
        ("-a::int8", "(-a::INT8)"),
        ("2 * 3 ^ 2", "(2 * (3 ^ 2))"),
        ("1 + 7 // 2 * 3", "(1 + ((7 // 2) * 3))"),
        ("1 << 2 + 3", "(1 << (2 + 3))"),
        ("a & b << c", "(a & (b << c))"),
        ("a # b & c", "(a # (b & c))"),
        ("a | b # c", "(a | (b # c))"),
        ("a || b | c", "(a || (b | c))"),
        ("a = b ~ c", "(a = (b ~ c))"),
        ("a = b || c", "(a = (b || c))"),
        ("a < b is null", "((a < b) IS NULL)"),
        ("not a = b and c or d", "(((NOT(a = b)) AND c) OR d)"),
    ];
    for (text, expected) in cases {
        assert_eq!(grouped(text), expected, "{text}");
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let operators = format!("select 1{}", " + 1".repeat(MAX_OPERATORS + 1));
    assert!(error(&operators).contains("operators"), "{}", error(&operators));
    for open in ["(", "[", "select (", "case when "] {
        let deep = format!("select {}1", open.repeat(5_000));
        assert!(statement(&deep).is_err());
    }
    assert!(statement(&format!("select {}1{}", "(".repeat(100), ")".repeat(100))).is_err());
    assert!(statement(&"create table t (".repeat(3_000)).is_err());
}

proptest::proptest! {
    /// No text makes the parser panic or run away, and an error names something of the text.
    #[test]
    fn any_text_is_read_or_refused(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..24)) {
        let text = words.join(" ");
        for piece in split(&text) {
            if let Err(refused) = statement(piece.text)
                && let Some(near) = refused.message.strip_prefix("at or near \"")
                && let Some(near) = near.strip_suffix("\": syntax error")
            {
                proptest::prop_assert!(near == "EOF" || text.contains(near), "{near} in {text}");
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in "\\PC{0,60}") {
        for piece in split(&text) {
            let _ = statement(piece.text);
        }
    }
}

const WORDS: &[&str] = &[
    "select",
    "from",
    "where",
    "group",
    "by",
    "order",
    "create",
    "ts",
    "database",
    "table",
    "(",
    ")",
    "t",
    "a",
    "int",
    "varchar(10)",
    "timestamp",
    "not",
    "null",
    "default",
    "tags",
    "primary",
    "1h",
    "10d",
    "[",
    "]",
    "show",
    "columns",
    "alter",
    "add",
    "column",
    "tag",
    "drop",
    "set",
    "cluster",
    "setting",
    "=",
    "'x'",
    "'it''s'",
    "\"Q\"",
    ",",
    ".",
    ";",
    "//",
    "-",
    "*",
    "^",
    "isnull",
    "is",
    "nan",
    "retentions",
    "comment",
    "on",
    "is",
    "use",
    "insert",
    "into",
    "values",
    "update",
    "delete",
    "explain",
    "with",
    "as",
    "union",
    "e'\\''",
    "'open",
    "/*",
    "--",
    "$$",
    "1.5e3",
    "~",
    "::",
    "µs",
    "index",
    "unique",
    "truncate",
    "grants",
    "role",
    "double",
    "precision",
    "interval",
    "'1 day'",
    "case",
    "when",
    "end",
    "extract",
    "year",
    "in",
    "between",
    "like",
];
