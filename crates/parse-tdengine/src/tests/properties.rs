//! Over arbitrary text: no panic, errors that lie in the text, linear time, and prints that parse again.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::print;
use crate::{ParseError, parse};

/// One statement of each kind, to mutate.
const SEEDS: &[&str] = &[
    "select /*+ hint() */ distinct a, -b+1*2 as x, count(*), t.*, cast(c as varchar(5)), info->'k' from d.t x \
     where ts between now - 1h and now and not (a in (1, 2) or b like 'x\\%%') partition by tbname p \
     interval(1m, 5s) sliding(30s) fill(value, 0, null) group by a having max(b) > 1 \
     order by x desc nulls last slimit 2 soffset 1 limit 5 offset 6",
    "select case a when 1 then 'x' else null end, position('a' in b), trim(both 'x' from c), substr(d from 1 for 2) \
     from (select * from a union all (select 2)) y event_window start with a > 1 end with b < 2 true_for(5s)",
    "select interp(a, 1) from t range('2024-01-01', now, 5s) every(1s) fill(prev, 0)",
    "select 1 from a left window join b on a.x = b.x window_offset(-1s, 2s) jlimit 3, c join (d join e on 1) on 2",
    "select count(*) from t state_window(a, 1, 'x')",
    "select count(*) from t count_window(5, 2, a)",
    "select count(*) from t session(ts, 5s)",
    "insert into a using s (g) tags ('x', 1.5, null) ttl 5 (ts, v) values (now+1h, -1e3)(1700000000000, true) \
     d.b values ('2024-01-01 00:00:00' - 1d, \"a\\\"b\") c file '/x'",
    "insert into t (ts, v) select * from u",
    "create table if not exists s (ts timestamp, v decimal(5, 2) primary key encode 'x') tags (g nchar(8)) ttl 5",
    "create table a using s tags (1) b using s (x) tags (now - 1d) comment 'y'",
    "create database d precision 'us' keep 1d,2d,3d retentions -:7d,1m:21d buffer 1.5",
    "alter table t set tag a = 1, b = 'x'",
    "alter table t modify column c varchar(20)",
    "alter database d keep 5",
    "drop table if exists a, b.c",
    "show child d.tables like 'x%'",
    "show table tags a, b from s from d",
    "create user u pass 'p' host 'a', 'b' sysinfo 1",
    "grant read, write on d.t with g > 1 to u",
    "create or replace view v as select 1",
    "explain analyze verbose true select 1",
    "delete from t where ts > 1",
    "create stream s into t as select 1",
];

/// Pieces of statements, to make soups of.
const PIECES: &[&str] = &[
    "select",
    "from",
    "where",
    "insert",
    "into",
    "values",
    "using",
    "tags",
    "create",
    "table",
    "stable",
    "if",
    "not",
    "exists",
    "drop",
    "alter",
    "show",
    "a",
    "b.c",
    "`x y`",
    "'text'",
    "'",
    "\"",
    "`",
    "(",
    ")",
    "((",
    "))",
    ",",
    ".",
    ";",
    "+",
    "-",
    "*",
    "/",
    "%",
    "->",
    "=",
    "<>",
    "1",
    "1.5",
    "10s",
    "0x1F",
    "now",
    "now()",
    "null",
    "case",
    "when",
    "then",
    "end",
    "cast(",
    "as",
    "int",
    "join",
    "left",
    "window",
    "on",
    "union",
    "all",
    "order by",
    "limit",
    "group by",
    "partition by",
    "interval(",
    "fill(",
    "state_window(",
    "event_window start with",
    "in",
    "between",
    "and",
    "or",
    "is",
    "like",
    "/*",
    "*/",
    "--",
    "\n",
    "é",
    "\\",
    "database",
    "keep",
    "user",
    "grant",
    "file",
    "ttl",
];

/// What must hold for any text.
fn survives(sql: &str) -> Result<(), TestCaseError> {
    match parse(sql) {
        Ok(statement) => {
            let text = print::statement(&statement, sql);
            if !text.starts_with("unsupported") && !text.starts_with("SHOW rows") {
                let again = parse(&text).map(|again| print::statement(&again, &text));
                prop_assert_eq!(again, Ok(text), "{}", sql);
            }
        }
        Err(error) => place_is_sound(sql, &error)?,
    }
    Ok(())
}

fn place_is_sound(sql: &str, error: &ParseError) -> Result<(), TestCaseError> {
    let offset = error.offset as usize;
    prop_assert!(offset <= sql.len() && sql.is_char_boundary(offset), "{} of {}", offset, sql);
    prop_assert!(error.to_string().len() < 70 + 511.max(sql.len()));
    Ok(())
}

#[test]
fn seeds_are_statements() {
    for sql in SEEDS {
        assert!(parse(sql).is_ok(), "{sql}: {:?}", parse(sql));
        survives(sql).expect("seeds survive");
    }
}

#[test]
fn every_beginning_of_a_seed_survives() {
    for sql in SEEDS {
        for end in (0..sql.len()).filter(|&end| sql.is_char_boundary(end)) {
            survives(&sql[..end]).expect("beginnings survive");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn random_characters(sql in "\\PC{0,200}") {
        survives(&sql)?;
    }

    #[test]
    fn random_bytes_made_text(bytes in vec(any::<u8>(), 0..300)) {
        survives(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn soups(pieces in vec(select(PIECES), 0..60), start in select(vec!["select ", "insert into t values ", ""])) {
        survives(&format!("{start}{}", pieces.join(" ")))?;
    }

    #[test]
    fn mutations(seed in select(SEEDS), changes in vec((any::<Index>(), select(PIECES), 0_usize..12), 1..4)) {
        let mut sql = seed.to_owned();
        for (index, piece, removed) in changes {
            let places: Vec<usize> = (0..=sql.len()).filter(|&at| sql.is_char_boundary(at)).collect();
            let start = *index.get(&places);
            let end = places.iter().copied().find(|&at| at >= start + removed).unwrap_or(sql.len());
            sql.replace_range(start..end, piece);
        }
        survives(&sql)?;
    }
}

/// How long it takes; the best of three.
fn time(sql: &str) -> Duration {
    let once = || {
        let start = Instant::now();
        let _ = parse(sql);
        start.elapsed()
    };
    once().min(once()).min(once())
}

#[test]
fn nonsense_takes_linear_time() {
    let units = [
        "a",
        "1",
        "(",
        ")",
        "'",
        "\"",
        "`",
        "''",
        "\\'",
        "/*",
        "/**/",
        "--\n",
        "- ",
        "not ",
        "a,",
        "1,",
        "a.",
        "f(",
        "1+",
        "a or ",
        "a and b or ",
        "a->",
        "(select ",
        "(a join ",
        "t, ",
        "case ",
        "case when a then ",
        "x in (",
        " ",
        "\n",
        "é",
        ".",
        "0x",
        "1e",
        "10s",
        "a between ",
        "tags ",
        "t.* ",
        "left ",
        "interval ",
        "interval(",
    ];
    let starts = [
        "",
        "select ",
        "select 1 from ",
        "select 1 from t where ",
        "insert into t values ",
        "insert into t values (",
        "insert into t values (1)",
        "insert into t using s tags (",
        "create table ",
        "create table t (",
        "show ",
        "grant ",
        "create database d ",
        "drop table ",
        "select * from t where a in (",
        "create stream ",
    ];
    for start in starts {
        for unit in units {
            let sized = |bytes: usize| format!("{start}{}", unit.repeat(bytes / unit.len()));
            let (small, large) = (time(&sized(10_000)), time(&sized(100_000)));
            // Quadratic time would be a hundred times as long.
            assert!(
                large < small * 40 + Duration::from_millis(20),
                "{start}{unit}…: {small:?} for 10 kB, {large:?} for 100 kB"
            );
        }
    }
}
