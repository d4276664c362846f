//! INSERT in every form (sheet section 5).

use super::{canonical, check};
use crate::ast::{InsertSource, RawValue, Statement};

#[test]
fn forms() {
    check(&[
        ("insert into t values (1, 2)", "INSERT INTO t VALUES (1, 2)"),
        ("INSERT INTO D.T VALUES(1,2)(3,4),(5,6);", "INSERT INTO d.t VALUES (1, 2) (3, 4) (5, 6)"),
        ("import into t values (1)", "INSERT INTO t VALUES (1)"),
        ("insert into t (ts, `V`) values (1, 2)", "INSERT INTO t (ts, `V`) VALUES (1, 2)"),
        (
            "insert into a values (1,2) b (ts) values (3) d.c values (4)",
            "INSERT INTO a VALUES (1, 2) b (ts) VALUES (3) d.c VALUES (4)",
        ),
        (
            "insert into c using s tags (1, 'x') values (1, 2)",
            "INSERT INTO c USING s TAGS (1, 'x') VALUES (1, 2)",
        ),
        (
            "insert into c using d.s (a, b) tags (1, null) ttl 5 comment 'y' (ts, v) values (1, 2) c2 using s tags(now) values (3)",
            "INSERT INTO c USING d.s (a, b) TAGS (1, NULL) TTL 5 COMMENT 'y' (ts, v) VALUES (1, 2) c2 USING s TAGS (now) VALUES (3)",
        ),
        (
            "insert into c (ts, v) using s tags (1) values (1, 2)",
            "INSERT INTO c USING s TAGS (1) (ts, v) VALUES (1, 2)",
        ),
        (
            "insert into stb (tbname, ts, v, g) values ('a', 1, 2, 3)",
            "INSERT INTO stb (tbname, ts, v, g) VALUES ('a', 1, 2, 3)",
        ),
        ("insert into t file '/tmp/x.csv' u values (1)", "INSERT INTO t FILE '/tmp/x.csv' u VALUES (1)"),
        ("insert into t select ts, v from u where v > 1", "INSERT INTO t SELECT ts, v FROM u WHERE (v > 1)"),
        ("insert into t (ts, v) select ts, v from u", "INSERT INTO t (ts, v) SELECT ts, v FROM u"),
        ("insert into t (select ts, v from u)", "INSERT INTO t (SELECT ts, v FROM u)"),
        ("insert into t (ts) (select 1) union select 2", "INSERT INTO t (ts) (SELECT 1) UNION SELECT 2"),
        ("insert into values values (1) file values (2)", "INSERT INTO values VALUES (1) file VALUES (2)"),
        (
            "insert /* c */ into t -- x\n values -- y\n ( /* z */ 1 , 2 ) /* , */ (3 --\n,4) -- end",
            "INSERT INTO t VALUES (1, 2) (3, 4)",
        ),
    ]);
}

#[test]
fn values() {
    check(&[
        ("insert into t values (NULL, True, FALSE)", "INSERT INTO t VALUES (NULL, true, false)"),
        (
            "insert into t values (1, -1, +1, 1.5, -.5, 5., 1e3, -1E-3, 0x1F, -0b11)",
            "INSERT INTO t VALUES (1, -1, +1, 1.5, -.5, 5., 1e3, -1E-3, 0x1F, -0b11)",
        ),
        (
            r#"insert into t values ('it''s', "a\"b", '\x01ff', 'NULL', '')"#,
            r#"INSERT INTO t VALUES ('it''s', 'a"b', '\x01ff', 'NULL', '')"#,
        ),
        (
            "insert into t values (now, NOW(), now + 1h, now ( ) - 1d + 2s, today(), today, 1d+now, '2024-01-01' - 1n)",
            "INSERT INTO t VALUES (now, NOW(), now + 1h, now ( ) - 1d + 2s, today(), today, 1d+now, '2024-01-01' - 1n)",
        ),
        ("insert into t values (1700000000000 + 1a)", "INSERT INTO t VALUES (1700000000000 + 1a)"),
    ]);
}

#[test]
fn faults_have_the_place_and_the_reason() {
    let rows = "insert into t values ";
    for (tail, expected) in [
        ("", "0x0216 syntax error near '' (no any data points)"),
        ("1", "0x0216 syntax error near '1' (no any data points)"),
        ("(", "0x0216 syntax error near '' (invalid data or symbol)"),
        ("()", "0x0216 syntax error near ')' (value expected)"),
        ("(1,)", "0x0216 syntax error near ')' (value expected)"),
        ("(1,,2)", "0x0216 syntax error near ',2)' (value expected)"),
        ("(1", "0x0216 syntax error near '' (, or ) expected)"),
        ("(1 2)", "0x0216 syntax error near '2)' (, or ) expected)"),
        ("(1), x values", "0x0216 syntax error near 'x values' (( is expected)"),
        ("(abc)", "0x0216 syntax error near 'abc)' (invalid data or symbol)"),
        ("('abc)", "0x0216 syntax error near ''abc)' (invalid data or symbol)"),
        ("(12abc)", "0x0216 syntax error near '12abc)' (invalid data or symbol)"),
        ("(- 1)", "0x0216 syntax error near '- 1)' (invalid data or symbol)"),
        ("(-1s)", "0x0216 syntax error near '-1s)' (invalid data or symbol)"),
        ("(.)", "0x0216 syntax error near '.)' (invalid data or symbol)"),
        ("(-.)", "0x0216 syntax error near '-.)' (invalid data or symbol)"),
        ("(?)", "0x0216 syntax error near '?)' (invalid data or symbol)"),
        ("(now + x)", "0x0216 syntax error near 'x)' (invalid data or symbol)"),
        ("(now +)", "0x0216 syntax error near ')' (invalid data or symbol)"),
        ("(null + 1s)", "0x0216 syntax error near '+ 1s)' (, or ) expected)"),
        ("(1) 5", "0x0216 syntax error near '5' (invalid data or symbol)"),
        ("(1) t2 (2)", "0x2600 syntax error near \"2)\""),
        ("(1) t2", "0x0216 syntax error near '' (keyword VALUES or FILE is expected)"),
        ("(1); (2)", "0x2600 syntax error near \"(2)\""),
        ("(1 /* x", "0x0216 syntax error near '/* x' (invalid data or symbol)"),
    ] {
        assert_eq!(canonical(&format!("{rows}{tail}")), expected, "{tail}");
    }
    check(&[
        ("insert t values (1)", "0x2600 syntax error near \"t values (1)\""),
        ("insert into", "0x2601 Incomplete SQL statement"),
        ("insert into 5 values (1)", "0x2600 syntax error near \"5 values (1)\""),
        ("insert into t (a, b)", "0x0216 syntax error near '' (keyword VALUES or FILE is expected)"),
        (
            "insert into t using s values (1)",
            "0x0216 syntax error near 'values (1)' (keyword TAGS is expected)",
        ),
        ("insert into t using s tags values (1)", "0x0216 syntax error near 'values (1)' (( is expected)"),
        (
            "insert into t using s tags (1) select 1",
            "0x0216 syntax error near 'select 1' (keyword VALUES or FILE is expected)",
        ),
        ("insert into t file x", "0x2600 syntax error near \"x\""),
    ]);
}

#[test]
fn texts_of_faults_repeat_63_bytes() {
    let long = "x".repeat(200);
    let expected = format!("0x0216 syntax error near '{}' (invalid data or symbol)", "x".repeat(63));
    assert_eq!(canonical(&format!("insert into t values ({long})")), expected);
    // No character is cut in the middle: 63 bytes hold 31 of two bytes.
    let error = crate::parse(&format!("insert into t values ({})", "é".repeat(100))).expect_err("bad");
    assert!(error.to_string().contains(&format!("'{}'", "é".repeat(31))));
    assert_eq!(error.offset, 22);
}

#[test]
fn rows_know_their_values_and_places() {
    let sql = "insert into t values (1,'a') ,(2,null)";
    let Ok(Statement::Insert(insert)) = crate::parse(sql) else { panic!("no insert") };
    let InsertSource::Values { values, rows } = &insert.targets[0].source else { panic!("no values") };
    assert_eq!(rows.iter().map(|r| (r.first, r.len)).collect::<Vec<_>>(), [(0, 2), (2, 2)]);
    let text = |span: crate::ast::Span| &sql[span.start as usize..span.end as usize];
    assert_eq!(rows.iter().map(|r| text(r.span)).collect::<Vec<_>>(), ["(1,'a')", "(2,null)"]);
    assert_eq!(values.iter().map(|v| text(v.span())).collect::<Vec<_>>(), ["1", "'a'", "2", "null"]);
    assert!(matches!(values[3], RawValue::Null(_)));
}

#[test]
fn lines_of_a_file_are_rows() {
    let text = "'2021-07-13 14:07:34.630', '10.2',219 , null\r\n\n  now + 1s,\t\"a,b\",-1.5e3,true\n1,2";
    let (values, rows) = crate::parse_lines(text).expect("rows");
    let shown = |row: &crate::ast::Row| -> Vec<&str> {
        let values = &values[row.first as usize..(row.first + row.len) as usize];
        values.iter().map(|v| &text[v.span().start as usize..v.span().end as usize]).collect()
    };
    assert_eq!(
        rows.iter().map(shown).collect::<Vec<_>>(),
        [
            vec!["'2021-07-13 14:07:34.630'", "'10.2'", "219", "null"],
            vec!["now + 1s", "\"a,b\"", "-1.5e3", "true"],
            vec!["1", "2"],
        ]
    );
    assert_eq!(crate::parse_lines(" \n\n").map(|(_, rows)| rows.len()), Ok(0));
    for (text, offset) in [("1,,2", 2), ("1,2\n3,", 6), ("1 2", 2), ("1,'a", 2), ("1)", 1), ("a,b\nabc", 0)] {
        let error = crate::parse_lines(text).expect_err(text);
        assert_eq!((error.code(), error.offset), (0x0216, offset), "{text}");
    }
}
