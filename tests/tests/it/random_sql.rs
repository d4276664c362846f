//! Random SELECTs in the manner of SQLancer: whatever is asked, the server answers with rows or with a documented error, and a
//! condition parts the rows in three: those where it holds, does not hold, or is NULL.
//!
//! The seed is fixed; `TRIGLOT_SQL_CASES` asks for more cases.

use proptest::prelude::*;
use proptest::strategy::Union;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::http;
use crate::server::Server;

type Sql = BoxedStrategy<String>;

const CASES: u32 = 1_500;
const ROWS: usize = 40;

fn runner(share: u32) -> TestRunner {
    let cases = std::env::var("TRIGLOT_SQL_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(CASES);
    let config = Config { cases: cases / share, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn one_of(texts: &'static [&'static str]) -> Sql {
    proptest::sample::select(texts).prop_map(str::to_owned).boxed()
}

/// A table with every type, and NULL in every column but the time.
fn fill(server: &Server) {
    server.sql(
        "public",
        "create table r (n bigint, u bigint unsigned, x double, ok boolean, s string, tags(h))",
    );
    let rows: Vec<String> = (0..ROWS).map(row).collect();
    server.sql("public", &format!("insert into r (time, h, n, u, x, ok, s) values {}", rows.join(", ")));
}

fn row(k: usize) -> String {
    let cell = |every: usize, text: String| if k % every == every - 1 { "NULL".to_owned() } else { text };
    let cells = [
        (1_700_000_000_000_000_000 + k as i64 * 60_000_000_000).to_string(),
        cell(5, format!("'h{}'", k % 4)),
        cell(7, (k as i64 * 37 % 23 - 11).to_string()),
        cell(6, (k * 13 % 17).to_string()),
        cell(4, format!("{:?}", (k as f64 - 20.0) * 0.75)),
        cell(3, k.is_multiple_of(2).to_string()),
        cell(8, ["'a'", "'B'", "'12'", "'x y'", "''", "'2023-11-14'"][k % 6].to_owned()),
    ];
    format!("({})", cells.join(", "))
}

/// Expressions of any type: most are refused.
fn any_expression() -> Sql {
    let leaf = one_of(&[
        "n",
        "u",
        "x",
        "ok",
        "s",
        "h",
        "time",
        "r.n",
        "NULL",
        "true",
        "false",
        "0",
        "1",
        "-1",
        "(-(-1))",
        "0.5",
        "1e10",
        "1E-3",
        "-1.5e+2",
        "9223372036854775807",
        "18446744073709551615",
        "'a'",
        "''",
        "'12'",
        "(('a')::string)",
        "true::bigint",
        "('1'::bigint)",
        "'2020-01-01'::timestamp",
        "interval '1 day'",
        "interval '1' hour",
        "date '2024-02-29'",
        "now()",
        "(+ 7)",
    ]);
    let types =
        one_of(&["bigint", "bigint unsigned", "double", "boolean", "string", "timestamp", "date", "int"]);
    let operators = one_of(&[
        "+",
        "-",
        "*",
        "/",
        "%",
        "=",
        "<>",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "and",
        "or",
        "||",
        "is distinct from",
        "is not distinct from",
        "like",
        "not like",
        "ilike",
        "~",
        "!~*",
        "&",
        "|",
        "<<",
        "xor",
    ]);
    let postfix = one_of(&["is null", "is not null", "is true", "is not false", "is unknown"]);
    let prefix = one_of(&["not", "-", "+", "- -"]);
    let functions = one_of(&[
        "abs",
        "upper",
        "length",
        "sqrt",
        "round",
        "coalesce",
        "trim",
        "sum",
        "count",
        "min",
        "md5",
        "floor",
        "date_part",
        "nope",
    ]);
    leaf.prop_recursive(4, 24, 3, move |inner| {
        let e = inner.clone();
        Union::new_weighted(vec![
            (
                4,
                (e.clone(), operators.clone(), e.clone())
                    .prop_map(|(a, o, b)| format!("(({a}) {o} ({b}))"))
                    .boxed(),
            ),
            (2, (e.clone(), types.clone()).prop_map(|(a, t)| format!("CAST(({a}) AS {t})")).boxed()),
            (2, (e.clone(), types.clone()).prop_map(|(a, t)| format!("(({a})::{t})")).boxed()),
            (2, (prefix.clone(), e.clone()).prop_map(|(p, a)| format!("({p} ({a}))")).boxed()),
            (1, (e.clone(), postfix.clone()).prop_map(|(a, p)| format!("(({a}) {p})")).boxed()),
            (
                1,
                (e.clone(), e.clone(), e.clone())
                    .prop_map(|(a, b, c)| format!("(({a}) BETWEEN ({b}) AND ({c}))"))
                    .boxed(),
            ),
            (
                1,
                (e.clone(), e.clone(), e.clone())
                    .prop_map(|(a, b, c)| format!("(({a}) NOT IN ({b}, {c}))"))
                    .boxed(),
            ),
            (
                1,
                (e.clone(), e.clone(), e.clone())
                    .prop_map(|(a, b, c)| format!("CASE WHEN {a} THEN {b} ELSE {c} END"))
                    .boxed(),
            ),
            (
                1,
                (e.clone(), e.clone(), e.clone())
                    .prop_map(|(a, b, c)| format!("(CASE {a} WHEN {b} THEN {c} END)"))
                    .boxed(),
            ),
            (1, (functions.clone(), e).prop_map(|(f, a)| format!("{f}({a})")).boxed()),
        ])
    })
    .boxed()
}

/// Statements around such expressions.
fn any_select() -> Sql {
    let e = any_expression();
    prop_oneof![
        e.clone().prop_map(|a| format!("select {a}")),
        e.clone().prop_map(|a| format!("select {a} from r")),
        e.clone().prop_map(|a| format!("select count(*) from r where {a}")),
        (e.clone(), e.clone()).prop_map(|(a, b)| format!("select {a} from r where {b}")),
        (e.clone(), e.clone()).prop_map(|(a, b)| format!("select count(*), min({a}) from r group by {b}")),
        (e.clone(), e.clone()).prop_map(|(a, b)| format!("select n from r where {a} order by {b} limit 3")),
        (e.clone(), e.clone())
            .prop_map(|(a, b)| format!("select count(*) from r group by h having {a} or {b}")),
        (e.clone(), e).prop_map(|(a, b)| format!("select a.n from r as a join r as b on {a} = {b} limit 2")),
    ]
    .boxed()
}

/// Conditions whose parts have matching types: nearly all can be computed.
fn condition() -> Sql {
    let number = one_of(&["n", "u", "x", "0", "1", "-3", "2.5", "NULL", "(-(-1))", "true::bigint"])
        .prop_recursive(3, 8, 2, |e| {
            prop_oneof![
                (e.clone(), one_of(&["+", "-", "*"]), e.clone())
                    .prop_map(|(a, o, b)| format!("({a} {o} {b})")),
                e.clone().prop_map(|a| format!("(- ({a}))")),
                e.clone().prop_map(|a| format!("CAST({a} AS double)")),
                (e.clone(), e.clone()).prop_map(|(a, b)| format!("coalesce({a}, {b})")),
                (e.clone(), e).prop_map(|(a, b)| format!("CASE WHEN ok THEN {a} ELSE {b} END")),
            ]
        });
    let text =
        one_of(&["s", "h", "'a'", "'12'", "''", "NULL", "(('a')::string)"]).prop_recursive(2, 4, 2, |e| {
            prop_oneof![
                (e.clone(), e.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
                e.prop_map(|a| format!("upper({a})")),
            ]
        });
    let compare = || one_of(&["=", "<>", "<", "<=", ">", ">=", "is distinct from"]);
    let time = one_of(&["'2023-11-14T22:20:00'", "'2023-11-14'", "timestamp '2023-11-14T22:30:00'", "NULL"]);
    let (number, text) = (number.boxed(), text.boxed());
    let leaf = prop_oneof![
        (number.clone(), compare(), number.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        (text.clone(), compare(), text.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
        (compare(), time).prop_map(|(o, t)| format!("(time {o} {t})")),
        (number.clone(), number.clone(), number.clone())
            .prop_map(|(a, b, c)| format!("({a} BETWEEN {b} AND {c})")),
        (number.clone(), number.clone()).prop_map(|(a, b)| format!("({a} IN ({b}, 1, NULL))")),
        (text.clone(), one_of(&["'%a%'", "'h_'", "''", "NULL"])).prop_map(|(a, p)| format!("({a} LIKE {p})")),
        (text.clone(), number).prop_map(|(a, b)| format!("({a} = {b})")),
        text.prop_map(|a| format!("({a} IS NULL)")),
        one_of(&["ok", "true", "false", "(NULL)", "(n IS NOT NULL)", "(ok IS NOT TRUE)"]),
    ];
    leaf.prop_recursive(4, 16, 3, |p| {
        prop_oneof![
            (p.clone(), one_of(&["AND", "OR", "=", "<>"]), p.clone())
                .prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            p.clone().prop_map(|a| format!("(NOT {a})")),
            (p.clone(), p.clone(), p).prop_map(|(a, b, c)| format!("(CASE WHEN {a} THEN {b} ELSE {c} END)")),
        ]
    })
    .boxed()
}

/// The code of a refusal; None: rows. Anything else fails the test.
fn answer(server: &Server, sql: &str) -> Result<Result<String, String>, TestCaseError> {
    let reply =
        http::sql(server.port, "public", sql).map_err(|e| TestCaseError::fail(format!("{sql}: {e}")))?;
    let text = reply.text();
    match reply.status {
        200 => Ok(Ok(text)),
        422 => {
            let json: serde_json::Value =
                serde_json::from_str(&text).map_err(|_| TestCaseError::fail(format!("{sql}: {text}")))?;
            let code = json["error_code"].as_str().unwrap_or_default().to_owned();
            prop_assert!(code.starts_with("01") || code == "040007", "{sql}: {text}");
            prop_assert!(!text.contains("internal error") && !text.contains("panic"), "{sql}: {text}");
            Ok(Err(code))
        }
        status => Err(TestCaseError::fail(format!("{sql}: status {status}: {text}"))),
    }
}

#[test]
fn any_select_is_answered_or_refused() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&data.path().join("data"));
    fill(&server);
    let answered = std::cell::Cell::new(0_u32);
    let asked = std::cell::Cell::new(0_u32);
    let result = runner(1).run(&any_select(), |sql| {
        asked.set(asked.get() + 1);
        answered.set(answered.get() + u32::from(answer(&server, &sql)?.is_ok()));
        Ok(())
    });
    result.unwrap();
    let log = std::fs::read_to_string(data.path().join("data.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
    println!("{} of {} random SELECTs gave rows", answered.get(), asked.get());
    assert!(answered.get() * 20 > asked.get(), "only {} of {} gave rows", answered.get(), asked.get());
}

#[test]
fn a_condition_parts_the_rows_in_three() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&data.path().join("data"));
    fill(&server);
    let count = |condition: &str| -> Result<Option<usize>, TestCaseError> {
        let sql = format!("select count(*) from r where {condition}");
        let Ok(text) = answer(&server, &sql)? else { return Ok(None) };
        Ok(Some(text.lines().nth(1).and_then(|l| l.parse().ok()).unwrap()))
    };
    let complete = std::cell::Cell::new(0_u32);
    let result = runner(4).run(&condition(), |p| {
        let parts = [count(&p)?, count(&format!("NOT ({p})"))?, count(&format!("({p}) IS NULL"))?];
        if let [Some(holds), Some(not), Some(null)] = parts {
            complete.set(complete.get() + 1);
            prop_assert_eq!(holds + not + null, ROWS, "{}: {} + {} + {}", p, holds, not, null);
        }
        Ok(())
    });
    result.unwrap();
    println!("{} conditions parted the rows", complete.get());
    assert!(complete.get() > CASES / 8, "only {} conditions could be computed", complete.get());
}
