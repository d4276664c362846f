//! Input that is wrong, huge or hostile: a documented answer, in bounded time and memory, and the server lives on.

use std::time::{Duration, Instant};

use crate::http::{self, Reply};
use crate::server::Server;

/// Far more than any of these takes on a busy machine; a server that computes on would run for hours.
const PATIENCE: Duration = Duration::from_secs(50);

fn start() -> (tempfile::TempDir, Server) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&data.path().join("data"));
    server.sql(
        "public",
        "create table t (i bigint, f double, b boolean, s string, u bigint unsigned, tags(h))",
    );
    server.sql(
        "public",
        "insert into t (time, h, i, f, b, s, u) values ('2024-01-01T00:00:00', 'a', 1, 1.5, true, 'x', 7), \
         ('2024-01-01T00:01:00', 'b', 2, -2.5, false, 'y', 8)",
    );
    (data, server)
}

fn ask(server: &Server, sql: &str) -> Reply {
    let begin = Instant::now();
    let reply = http::sql(server.port, "public", sql);
    let start: String = sql.chars().take(100).collect();
    assert!(begin.elapsed() < PATIENCE, "{start}: {:?}", begin.elapsed());
    reply.unwrap_or_else(|e| panic!("{start}: {e}"))
}

/// Asks, and wants this code and text.
fn refused(server: &Server, sql: &str, code: &str, text: &str) {
    let reply = ask(server, sql);
    let start: String = sql.chars().take(100).collect();
    let body: String = reply.text().chars().take(400).collect();
    assert_eq!(reply.status, 422, "{start}: {body}");
    assert!(body.starts_with(&format!("{{\"error_code\":\"{code}\"")), "{start}: {body}");
    assert!(reply.text().contains(text), "{start}: {body}");
}

/// Asks, and wants either rows or a refusal with a code of the query layer.
fn answered(server: &Server, sql: &str) {
    let reply = ask(server, sql);
    let start: String = sql.chars().take(100).collect();
    let body: String = reply.text().chars().take(400).collect();
    let documented = reply.status == 200 || reply.status == 422 && body.contains("\"error_code\":\"01");
    assert!(documented && !body.contains("internal error"), "{start}: {} {body}", reply.status);
}

fn lives(server: &Server, data: &tempfile::TempDir) {
    assert_eq!(server.sql("public", "select i as n from t order by n"), "n\n1\n2\n");
    let log = std::fs::read_to_string(data.path().join("data.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

fn list(n: usize, item: impl Fn(usize) -> String) -> String {
    (0..n).map(item).collect::<Vec<_>>().join(",")
}

#[test]
fn deep_nesting_is_refused() {
    let (data, server) = start();
    const N: usize = 10_000;
    let nested = |open: &str, close: &str| format!("select {}1{}", open.repeat(N), close.repeat(N));
    for (open, close) in
        [("(", ")"), ("abs(", ")"), ("struct(", ")"), ("(1,", ")"), ("1 = any(", ")"), ("[", "]")]
    {
        refused(&server, &nested(open, close), "010009", "sql parser error: ");
    }
    for (before, after) in
        [("- ", ""), ("+ ", ""), ("not ", ""), ("case when true then ", " end"), ("interval ", "")]
    {
        refused(&server, &nested(before, after), "010009", "sql parser error: ");
    }
    for chain in ["+1", "::bigint", "[1]", " is null", " like 'a'", " and 1", " union all select 1"] {
        refused(&server, &format!("select 1{}", chain.repeat(N)), "010009", "sql parser error: ");
    }
    for call in ["position(", "substring(", "overlay(", "convert(", "ceil(", "trim("] {
        refused(&server, &format!("select {}", call.repeat(40)), "010009", "sql parser error: ");
    }
    assert_eq!(server.sql("public", "select ceil(floor(ceil(floor(ceil(1.5))))) as n"), "n\n2.0\n");
    for sql in [
        format!("select {}", "(".repeat(N)),
        format!("select * from {}t{}", "(select * from ".repeat(N), ")".repeat(N)),
        format!("select * from {}t{}", "(".repeat(N), ")".repeat(N)),
        format!("select {}true{}", "exists (select 1 where ".repeat(N), ")".repeat(N)),
        format!("select {}", vec!["a"; N].join(".")),
        format!("select cast(1 as {}int{})", "array<".repeat(N), ">".repeat(N)),
        format!("select 1 {}", "/*".repeat(N)),
        format!("delete from t where {}1=1{}", "(".repeat(N), ")".repeat(N)),
        format!("delete from t where 1{} = 1", " + 1".repeat(501)),
        format!("show series from t where {}1=1{}", "(".repeat(N), ")".repeat(N)),
        format!("insert into t (time, i) values ({}1{}, 1)", "(".repeat(N), ")".repeat(N)),
        format!("{}select 1", "explain ".repeat(N)),
    ] {
        refused(&server, &sql, "010009", "sql parser error: ");
    }
    lives(&server, &data);
}

/// What is just let through must not exhaust the stack, wherever it is planned.
#[test]
fn the_longest_chains_are_computed() {
    let (data, server) = start();
    assert_eq!(server.sql("public", &format!("select 1{} as n", "+1".repeat(1_998))), "n\n1999\n");
    assert!(
        server
            .sql("public", &format!("select i{} from t order by i", "+1".repeat(1_998)))
            .ends_with("\n1999\n2000\n")
    );
    let or = vec!["i=1"; 999].join(" or ");
    assert_eq!(server.sql("public", &format!("select count(*) as n from t where {or}")), "n\n1\n");
    assert_eq!(server.sql("public", &format!("select 1{} as n", "::bigint".repeat(1_999))), "n\n1\n");
    answered(&server, &format!("select i{} from t", " is null".repeat(1_999)));
    answered(&server, &format!("insert into t (time, i) values ('2000-01-01', 1{})", "+1".repeat(1_900)));
    let or = vec!["time < '2010-01-01'"; 120].join(" or ");
    server.sql("public", &format!("delete from t where {or}"));
    lives(&server, &data);
}

#[test]
fn many_of_anything_takes_bounded_time() {
    let (data, server) = start();
    for sql in [
        format!("select count(*) from t where i in ({})", list(50_000, |k| k.to_string())),
        format!("select count(*) from t where h in ({})", list(50_000, |k| format!("'{k}'"))),
        format!("select i in ({}) from t", list(10_000, |k| k.to_string())),
        format!("select {}", list(2_000, |k| format!("{k} as c{k}"))),
        format!("select {} from t", list(1_500, |k| format!("i + {k}"))),
        format!("select count(*) from (values {}) as v", list(20_000, |k| format!("({k})"))),
        format!("select i from t order by {}", list(2_000, |_| "i".to_owned())),
        format!("select count(*) from t group by {}", list(500, |k| format!("i + {k}"))),
        format!("select concat({})", list(5_000, |_| "'a'".to_owned())),
        format!(
            "select case i {} end from t",
            (0..3_000).map(|k| format!("when {k} then {k} ")).collect::<String>()
        ),
        format!("select \"{}\" from t", "a".repeat(1_000_000)),
        format!("select length('{}') as n", "a".repeat(10_000_000)),
        format!(
            "insert into t ({}) values ({})",
            list(5_000, |k| format!("c{k}")),
            list(5_000, |_| "1".to_owned())
        ),
        "a".repeat(10_000_000),
    ] {
        answered(&server, &sql);
    }
    for many in ["(", ",", ";", " "] {
        refused(&server, &format!("select {}", many.repeat(10_000_000)), "010009", "tokens");
    }
    let joins = list(1_000, |k| format!("t as t{k}"));
    refused(&server, &format!("select count(*) from {joins}"), "010001", "more than 256 tables");
    let joins = list(200, |k| format!("t as t{k}"));
    refused(&server, &format!("select count(*) from {joins}"), "010001", "more than 128 joins");
    let doubling = list(24, |k| match k {
        0 => "c0 as (select 1 as a)".to_owned(),
        k => format!("c{k} as (select x.a from c{0} as x, c{0} as y)", k - 1),
    });
    refused(&server, &format!("with {doubling} select count(*) from c23"), "010001", "more than 256 tables");
    let unions = list(24, |k| match k {
        0 => "c0 as (select 1 as a)".to_owned(),
        k => format!("c{k} as (select a from c{0} union all select a from c{0})", k - 1),
    });
    refused(&server, &format!("with {unions} select count(*) from c23"), "010001", "more than 256 tables");
    let unions = " union all select 1".repeat(1_000);
    refused(&server, &format!("select 1{unions}"), "010001", "more than 2000 operators");
    lives(&server, &data);
}

#[test]
fn limits_and_offsets_at_the_edge() {
    let (data, server) = start();
    const MAX: &str = "9223372036854775807";
    for (tail, rows) in [
        (format!("limit {MAX}"), 2),
        (format!("offset {MAX}"), 0),
        (format!("limit {MAX} offset {MAX}"), 0),
        (format!("limit {MAX} offset 1"), 1),
    ] {
        for sql in [format!("select i from t {tail}"), format!("select i from t order by i {tail}")] {
            assert_eq!(server.sql("public", &sql).lines().count(), rows + 1, "{sql}");
        }
    }
    for tail in
        ["limit 18446744073709551615", "limit 99999999999999999999", "limit -1", "limit 1e400", "limit 'a'"]
    {
        let reply = ask(&server, &format!("select i from t {tail}"));
        assert_eq!(reply.status, 422, "{tail}: {}", reply.text());
        assert!(reply.text().starts_with("{\"error_code\":\"010"), "{tail}: {}", reply.text());
    }
    lives(&server, &data);
}

#[test]
fn values_out_of_range_are_refused_or_wrap_as_documented() {
    let (data, server) = start();
    for sql in [
        "select cast(1e30 as bigint)",
        "select cast('NaN'::double as bigint)",
        "select cast(-1 as bigint unsigned)",
        "select cast('x' as bigint)",
        "select i / 0 from t",
        "select i % 0 from t",
        "select 1 / 0",
        "select (-9223372036854775807 - 1) / -1",
        "select abs(-9223372036854775807 - 1)",
        "select date '99999-01-01'",
        "select timestamp '300000-01-01T00:00:00'",
        "select timestamp '1600-01-01T00:00:00'",
        "select interval '99999999999999 years'",
        "select timestamp '2024-01-01T00:00:00' + interval '9999999 years'",
        "select time + interval '999999999 days' from t",
        "select date_trunc('x', time) from t",
        "select date_bin(interval '0 seconds', time, timestamp '1970-01-01T00:00:00') from t",
        "select factorial(1000)",
        "select chr(-1)",
        "select chr(1114112)",
        "select split_part('a', ',', 0)",
        "select 'a' ~ '((('",
        "select 'a' ~ 'a{1000000}{1000}'",
        "select h ~ '(' from t",
        "select cast(1 as decimal(100, 2))",
        "select cast(1e20 as decimal(10, 2))",
        "select approx_percentile_cont(f, 2) from t",
        "select nope(1)",
        "select nope(distinct i) from t",
        "select nope(i) over () from t",
        "select * from nope(1)",
        "select i from t where i = $1",
        "select @@nope",
        "select nope.* from t",
        "select (select 1, 2)",
        "select 1 union select 1, 2",
        "select i from t order by 99",
        "select sum(sum(i)) from t",
        "select i from t where sum(i) > 1",
        "with a as (select * from b), b as (select * from a) select * from a",
    ] {
        let reply = ask(&server, sql);
        let text = reply.text();
        assert_eq!(reply.status, 422, "{sql}: {text}");
        assert!(
            text.starts_with("{\"error_code\":\"010") || text.starts_with("{\"error_code\":\"0300"),
            "{sql}: {text}"
        );
        assert!(!text.contains("internal error"), "{sql}: {text}");
    }
    for sql in [
        "select left('abc', -9223372036854775807 - 1)",
        "select right('abc', -9223372036854775807 - 1)",
        "select substr('abc', -9223372036854775807 - 1)",
        "select substr('abc', 9223372036854775807, 9223372036854775807)",
        "select 1 << 64, 1 << -1, 1 >> 9223372036854775807",
        "select gcd(-9223372036854775807 - 1, 0)",
        "select lcm(9223372036854775807, 9223372036854775806)",
        "select ntile(0) over () from t",
        "select nth_value(i, 0) over () from t",
        "select lag(i, 9223372036854775807) over (order by time) from t",
        "select lag(i, -9223372036854775807 - 1) over (order by time) from t",
        "select sum(i) over (order by time rows between 18446744073709551615 preceding and 18446744073709551615 following) from t",
        "select sum(i) over (order by i range between 9223372036854775807 preceding and 9223372036854775807 following) from t",
        "select round(1.5, 2147483648)",
        "select log(0, 0)",
        "select overlay('abc' placing 'x' from 9223372036854775807 for 9223372036854775807)",
        "select to_char(time, '%Q%Q') from t",
        "select from_unixtime(9223372036854775807)",
        "select cast(time as timestamp(99)) from t",
        "select i from t tablesample (10 percent)",
        "select levenshtein(repeat('a', 3000), repeat('b', 3000))",
    ] {
        answered(&server, sql);
    }
    lives(&server, &data);
}

#[test]
fn functions_do_not_fill_the_memory() {
    let (data, server) = start();
    for sql in [
        "select repeat('a', 9223372036854775807)",
        "select length(repeat('a', 1000000000))",
        "select length(repeat(repeat(repeat('aaaaaaaaaa', 10000), 10000), 10000))",
        "select lpad('a', 2147483647)",
        "select rpad('a', 2000000000, 'bc')",
        "select array_length(range(1, 1000000000))",
        "select array_length(generate_series(1, 9223372036854775807))",
        "select array_length(array_repeat('a', 1000000000))",
        "select array_length(array_resize(make_array(1), 1000000000))",
        "select repeat(h, i * 1000000000) from t",
    ] {
        refused(&server, sql, "010001", "bytes, at most 134217728 are allowed");
    }
    assert_eq!(
        server.sql("public", "select length(repeat('ab', 1000000)) as n, lpad('a', 3, 'x') as p"),
        "n,p\n2000000,xxa\n"
    );
    lives(&server, &data);
}

#[test]
fn bytes_that_are_no_text() {
    let (data, server) = start();
    let post = |body: &[u8]| {
        let headers = [("authorization".to_owned(), http::ROOT.to_owned())];
        http::exchange(server.port, "POST", "/api/v1/sql", &headers, body).unwrap()
    };
    // Invalid bytes are replaced (sheet section 4).
    let reply = post(b"select 'a\xff\xfe' as s");
    assert_eq!((reply.status, reply.text()), (200, "s\na\u{fffd}\u{fffd}\n".to_owned()));
    let reply = post(b"select 'a\0b' as s");
    assert_eq!((reply.status, reply.body.as_slice()), (200, b"s\na\0b\n".as_slice()));
    for body in
        [b"select 1\0".as_slice(), b"\0", b"\xff\xff\xff", b"select \xc3\x28", b"\x1b[2J", b"select 'abc"]
    {
        let reply = post(body);
        assert_eq!(reply.status, 422, "{body:?}: {}", reply.text());
        assert!(reply.text().starts_with("{\"error_code\":\"010"), "{body:?}: {}", reply.text());
    }
    lives(&server, &data);
}

/// A query keeps the rows of its snapshot: dropping the table meanwhile neither fails nor shortens it.
#[test]
fn a_table_dropped_under_a_running_query() {
    let (data, server) = start();
    server.sql("public", "create table d (v bigint, tags(h))");
    const ROWS: usize = 300;
    let rows = list(ROWS, |k| format!("({}, 'h', {k})", k + 1));
    server.sql("public", &format!("insert into d (time, h, v) values {rows}"));
    let port = server.port;
    let query = std::thread::spawn(move || {
        http::sql(
            port,
            "public",
            "select count(*) as n from d as a, d as b, d as c where a.v + b.v + c.v >= 0",
        )
        .unwrap()
    });
    // As soon as the query is listed it has its snapshot.
    let begin = Instant::now();
    while !query.is_finished() && !server.sql("public", "show queries").contains("from d as a") {
        assert!(begin.elapsed() < PATIENCE);
    }
    server.sql("public", "drop table d");
    let reply = query.join().unwrap();
    assert_eq!((reply.status, reply.text()), (200, format!("n\n{}\n", ROWS.pow(3))));
    refused(&server, "select * from d", "030019", "Table not found");
    lives(&server, &data);
}
