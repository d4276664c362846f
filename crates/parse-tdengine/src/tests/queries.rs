//! SELECT: clauses, windows, joins, unions, subqueries (sheet sections 7 to 9).

use super::check;

#[test]
fn clauses() {
    check(&[
        ("select 1", "SELECT 1"),
        ("SELECT 1;", "SELECT 1"),
        ("select * from T", "SELECT * FROM t"),
        ("select *, t.* from db.t", "SELECT *, t.* FROM db.t"),
        ("select all a from t", "SELECT a FROM t"),
        ("select distinct a from t", "SELECT DISTINCT a FROM t"),
        ("select tags t1, t2 from stb", "SELECT TAGS t1, t2 FROM stb"),
        ("select tags * from stb", "SELECT TAGS * FROM stb"),
        ("select distinct tags t1 from stb", "SELECT DISTINCT TAGS t1 FROM stb"),
        ("select tags from t", "SELECT tags FROM t"),
        ("select tags, a from t", "SELECT tags, a FROM t"),
        ("select tags * 2 from t", "SELECT (tags * 2) FROM t"),
        ("select /*+ para_tables_sort() */ a from t", "SELECT a FROM t"),
        ("select a b, c as `D` from t", "SELECT a AS b, c AS `D` FROM t"),
        ("select a from t x where x.a > 1", "SELECT a FROM t AS x WHERE (x.a > 1)"),
        ("select a from `Db`.`t 1` as x", "SELECT a FROM `Db`.`t 1` AS x"),
        (
            "select a from t partition by tbname, b as c, d e",
            "SELECT a FROM t PARTITION BY tbname, b AS c, d AS e",
        ),
        (
            "select a, count(*) from t group by a, b+1 having count(*) > 1",
            "SELECT a, count(*) FROM t GROUP BY a, (b + 1) HAVING (count(*) > 1)",
        ),
        (
            "select a from t order by a desc nulls last, 2 asc, b nulls first",
            "SELECT a FROM t ORDER BY a DESC NULLS LAST, 2, b NULLS FIRST",
        ),
        ("select a from t limit 10", "SELECT a FROM t LIMIT 10 OFFSET 0"),
        ("select a from t limit 10 offset 5", "SELECT a FROM t LIMIT 10 OFFSET 5"),
        ("select a from t limit 5, 10", "SELECT a FROM t LIMIT 10 OFFSET 5"),
        ("select a from t limit -1 offset -2", "SELECT a FROM t LIMIT -1 OFFSET -2"),
        ("select a from t slimit 2 soffset 1 limit 3", "SELECT a FROM t SLIMIT 2 SOFFSET 1 LIMIT 3 OFFSET 0"),
        ("select a from t slimit 1, 2", "SELECT a FROM t SLIMIT 2 SOFFSET 1"),
    ]);
}

#[test]
fn names_that_the_vendor_reserves() {
    check(&[
        (
            "select value, level, type, first, last, user, status from table",
            "SELECT value, level, type, first, last, user, status FROM table",
        ),
        (
            "select interval, session, fill, range from t where interval > 3",
            "SELECT interval, session, fill, range FROM t WHERE (interval > 3)",
        ),
        ("select a interval from t interval(1s)", "SELECT a AS interval FROM t INTERVAL(1s)"),
        (
            "select left, right from left left join right on left.ts = right.ts",
            "SELECT left, right FROM (left LEFT JOIN right ON (left.ts = right.ts))",
        ),
        ("select a from t partition", "SELECT a FROM t AS partition"),
        ("select offset, contains from t offset", "0x2600 syntax error near \"offset\""),
        ("select from, a from t", "0x2600 syntax error near \"from, a from t\""),
    ]);
}

#[test]
fn interval_windows() {
    check(&[
        ("select count(*) from t interval(10s)", "SELECT count(*) FROM t INTERVAL(10s)"),
        ("select count(*) from t interval('10s')", "SELECT count(*) FROM t INTERVAL(10s)"),
        ("select count(*) from t interval(1n, 2d)", "SELECT count(*) FROM t INTERVAL(1n, 2d)"),
        ("select count(*) from t interval(1d, -1h)", "SELECT count(*) FROM t INTERVAL(1d, -1h)"),
        ("select count(*) from t interval(1d, auto)", "SELECT count(*) FROM t INTERVAL(1d, AUTO)"),
        (
            "select count(*) from t interval(1m) sliding(30S)",
            "SELECT count(*) FROM t INTERVAL(1m) SLIDING(30s)",
        ),
        (
            "select count(*) from t interval(1m) watermark 5s fill(prev)",
            "SELECT count(*) FROM t INTERVAL(1m) FILL(PREV)",
        ),
        (
            "select count(*) from t where ts > 1 partition by tbname interval(1m) fill(value, 0, -1.5, null) \
          group by a order by _wstart slimit 1",
            "SELECT count(*) FROM t WHERE (ts > 1) PARTITION BY tbname INTERVAL(1m) FILL(VALUE, 0, -1.5e0, NULL) \
          GROUP BY a ORDER BY _wstart SLIMIT 1 SOFFSET 0",
        ),
        ("select a from t interval()", "0x2600 syntax error near \")\""),
        ("select a from t interval(5)", "0x2600 syntax error near \"5)\""),
        ("select a from t interval(1x)", "0x2600 syntax error near \"1x)\""),
    ]);
}

#[test]
fn fill_modes() {
    for mode in ["NONE", "NULL", "NULL_F", "PREV", "NEXT", "LINEAR", "NEAR", "VALUE, 1", "VALUE_F, 1, 'x'"] {
        let sql = format!("SELECT a FROM t INTERVAL(1s) FILL({mode})");
        assert_eq!(super::canonical(&sql), sql);
    }
    check(&[
        ("select a from t interval(1s) fill(value)", "0x2600 syntax error near \")\""),
        ("select a from t interval(1s) fill(null, 1)", "0x2600 syntax error near \", 1)\""),
        ("select a from t interval(1s) fill(other)", "0x2600 syntax error near \"other)\""),
        ("select a from t fill(prev) interval(1s) fill(next)", "0x2600 syntax error near \"fill(next)\""),
    ]);
}

#[test]
fn other_windows() {
    check(&[
        ("select count(*) from t session(ts, 10s)", "SELECT count(*) FROM t SESSION(ts, 10s)"),
        ("select count(*) from t state_window(a)", "SELECT count(*) FROM t STATE_WINDOW(a)"),
        (
            "select count(*) from t state_window(case when a > 1 then 1 else 0 end) true_for(1m)",
            "SELECT count(*) FROM t STATE_WINDOW(CASE WHEN (a > 1) THEN 1 ELSE 0 END) TRUE_FOR(1m)",
        ),
        ("select count(*) from t state_window(a, 1)", "SELECT count(*) FROM t STATE_WINDOW(a, 1)"),
        (
            "select count(*) from t state_window(a, 0, 'off')",
            "SELECT count(*) FROM t STATE_WINDOW(a, 0, 'off')",
        ),
        ("select count(*) from t state_window(a, 3)", "0x2600 syntax error near \"3)\""),
        (
            "select count(*) from t event_window start with a > 1 end with b < 2 true_for(-1s)",
            "SELECT count(*) FROM t EVENT_WINDOW START WITH (a > 1) END WITH (b < 2) TRUE_FOR(-1s)",
        ),
        ("select count(*) from t count_window(10)", "SELECT count(*) FROM t COUNT_WINDOW(10)"),
        ("select count(*) from t count_window(10, 2)", "SELECT count(*) FROM t COUNT_WINDOW(10, 2)"),
        (
            "select count(*) from t count_window(10, 2, a, b)",
            "SELECT count(*) FROM t COUNT_WINDOW(10, 2, a, b)",
        ),
        ("select count(*) from t count_window(10, a)", "SELECT count(*) FROM t COUNT_WINDOW(10, a)"),
    ]);
}

#[test]
fn interpolation() {
    check(&[
        (
            "select _irowts, interp(a) from t range('2024-01-01', now) every(1s) fill(linear)",
            "SELECT _irowts, interp(a) FROM t RANGE('2024-01-01', NOW) EVERY(1s) FILL(LINEAR)",
        ),
        (
            "select interp(a) from t partition by tbname range(1, 2) every(500a) fill(value, 1)",
            "SELECT interp(a) FROM t PARTITION BY tbname RANGE(1, 2) EVERY(500a) FILL(VALUE, 1)",
        ),
        (
            "select interp(a) from t range('2024-01-01') fill(prev)",
            "SELECT interp(a) FROM t RANGE('2024-01-01') FILL(PREV)",
        ),
        (
            "select interp(a) from t range(5, 1h) fill(near, 0)",
            "SELECT interp(a) FROM t RANGE(5, 1h) FILL(NEAR, 0)",
        ),
        (
            "select interp(a) from t range(5, 6, 1h) every(1s) fill(next, 0)",
            "SELECT interp(a) FROM t RANGE(5, 6, 1h) EVERY(1s) FILL(NEXT, 0)",
        ),
        ("select interp(a) from t range(1, 2, 3)", "0x2600 syntax error near \"(1, 2, 3)\""),
    ]);
}

#[test]
fn joins() {
    check(&[
        ("select a.x from a, b where a.ts = b.ts", "SELECT a.x FROM (a JOIN b) WHERE (a.ts = b.ts)"),
        (
            "select 1 from a x inner join b as y on x.ts = y.ts",
            "SELECT 1 FROM (a AS x JOIN b AS y ON (x.ts = y.ts))",
        ),
        (
            "select 1 from a join b on a.ts = b.ts join c on a.ts = c.ts",
            "SELECT 1 FROM ((a JOIN b ON (a.ts = b.ts)) JOIN c ON (a.ts = c.ts))",
        ),
        (
            "select 1 from a left outer join b on a.ts = b.ts",
            "SELECT 1 FROM (a LEFT JOIN b ON (a.ts = b.ts))",
        ),
        ("select 1 from a right join b on a.ts = b.ts", "SELECT 1 FROM (a RIGHT JOIN b ON (a.ts = b.ts))"),
        ("select 1 from a full join b on a.ts = b.ts", "SELECT 1 FROM (a FULL JOIN b ON (a.ts = b.ts))"),
        (
            "select 1 from a left semi join b on a.ts = b.ts",
            "SELECT 1 FROM (a LEFT SEMI JOIN b ON (a.ts = b.ts))",
        ),
        (
            "select 1 from a right anti join b on a.ts = b.ts",
            "SELECT 1 FROM (a RIGHT ANTI JOIN b ON (a.ts = b.ts))",
        ),
        (
            "select 1 from a left asof join b on a.ts >= b.ts jlimit 5",
            "SELECT 1 FROM (a LEFT ASOF JOIN b ON (a.ts >= b.ts) JLIMIT 5)",
        ),
        ("select 1 from a left asof join b", "SELECT 1 FROM (a LEFT ASOF JOIN b)"),
        (
            "select 1 from a left window join b on a.x = b.x window_offset(-1s, 2s) jlimit 3 where a.x > 1",
            "SELECT 1 FROM (a LEFT WINDOW JOIN b ON (a.x = b.x) WINDOW_OFFSET(-1s, 2s) JLIMIT 3) WHERE (a.x > 1)",
        ),
        ("select 1 from a right window join b", "0x2601 Incomplete SQL statement"),
        ("select 1 from a join b jlimit 1", "0x2600 syntax error near \"jlimit 1\""),
        ("select 1 from a inner b", "0x2600 syntax error near \"b\""),
        ("select 1 from a join", "0x2601 Incomplete SQL statement"),
    ]);
}

#[test]
fn subqueries_and_unions() {
    check(&[
        ("select a from (select a from t) where a > 1", "SELECT a FROM (SELECT a FROM t) WHERE (a > 1)"),
        (
            "select a from (select a from t order by ts limit 1) as x interval(1s)",
            "SELECT a FROM (SELECT a FROM t ORDER BY ts LIMIT 1 OFFSET 0) AS x INTERVAL(1s)",
        ),
        ("select 1 union select 2 union all select 3", "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3"),
        (
            "(select 1) union all (select 2 limit 1) order by 1 limit 2",
            "(SELECT 1) UNION ALL (SELECT 2 LIMIT 1 OFFSET 0) ORDER BY 1 LIMIT 2 OFFSET 0",
        ),
        ("select a from (select 1 union select 2) x", "SELECT a FROM (SELECT 1 UNION SELECT 2) AS x"),
        ("select a from ((select 1) union (select 2)) x", "SELECT a FROM ((SELECT 1) UNION (SELECT 2)) AS x"),
        ("select a from ((select 1))", "SELECT a FROM ((SELECT 1))"),
        ("select a from (a join b on a.ts = b.ts)", "SELECT a FROM (a JOIN b ON (a.ts = b.ts))"),
        (
            "select a from ((select 1) x join b on x.ts = b.ts) where 1",
            "SELECT a FROM ((SELECT 1) AS x JOIN b ON (x.ts = b.ts)) WHERE 1",
        ),
        ("select a from ((a join b on 1) join c on 2)", "SELECT a FROM ((a JOIN b ON 1) JOIN c ON 2)"),
        ("select a from (t)", "SELECT a FROM t"),
        ("select a from ()", "0x2600 syntax error near \")\""),
        ("explain select 1", "EXPLAIN VERBOSE false SELECT 1"),
        (
            "explain analyze verbose true select 1 union select 2",
            "EXPLAIN ANALYZE VERBOSE true SELECT 1 UNION SELECT 2",
        ),
        ("explain verbose false ratio 0.5 select 1", "EXPLAIN VERBOSE false SELECT 1"),
    ]);
}
