//! FIRST, LAST, LAST_ROW, TOP, BOTTOM, TAIL, UNIQUE, MODE.

use std::collections::BTreeMap;

use super::node::Cell;
use super::rows::Row;
use super::{Asked, From};

const SLICED: [From; 2] = [From::Child, From::Slices];
const ALL: [From; 3] = [From::Child, From::Slices, From::Merged];

/// One row, if there are rows.
fn one(rows: &[Row], values: impl Fn() -> Vec<Cell>) -> Vec<Vec<Cell>> {
    if rows.is_empty() { Vec::new() } else { vec![values()] }
}

pub(super) fn questions(asked: &mut Asked<'_>) {
    asked.ask(&SLICED, "first(c), first(v), first(s), first(ts)", "", "1", |rows| {
        one(rows, || {
            let s = rows.iter().find_map(|r| r.s);
            let (c, v) = (rows.iter().find_map(|r| r.c), rows.iter().find_map(|r| r.v));
            vec![Cell::int(c), Cell::float(v), Cell::text(s), Cell::int(rows.first().map(|r| r.ts))]
        })
    });
    asked.ask(&SLICED, "last(c), last(v), last(s), last(ts)", "", "1", |rows| {
        one(rows, || {
            let (c, v) = (rows.iter().rev().find_map(|r| r.c), rows.iter().rev().find_map(|r| r.v));
            let s = rows.iter().rev().find_map(|r| r.s);
            vec![Cell::int(c), Cell::float(v), Cell::text(s), Cell::int(rows.last().map(|r| r.ts))]
        })
    });
    asked.ask(&SLICED, "last_row(ts), last_row(c), last_row(v), last_row(s)", "", "1", |rows| {
        let last = rows.last();
        let line = last.map(|r| vec![Cell::Int(r.ts), Cell::int(r.c), Cell::float(r.v), Cell::text(r.s)]);
        line.into_iter().collect()
    });
    // The first of all values alone is no row where there is none.
    asked.ask(&[From::Child], "ts, first(c), w", "", "1", |rows| {
        let first = rows.iter().find(|r| r.c.is_some());
        first.map(|r| vec![Cell::Int(r.ts), Cell::int(r.c), Cell::Int(r.w)]).into_iter().collect()
    });
    for count in [1, 3, 100] {
        // Which of equal values is arbitrary: the values are compared.
        for (name, sign) in [("top", -1), ("bottom", 1)] {
            asked.ask_unordered(&ALL, &format!("{name}(c, {count})"), "", "1", |rows| {
                let mut values: Vec<i64> = rows.iter().filter_map(|r| r.c).collect();
                values.sort_by_key(|c| sign * c);
                values.into_iter().take(count).map(|c| vec![Cell::Int(c)]).collect()
            });
        }
        for offset in [0, 2] {
            asked.ask_unordered(&SLICED, &format!("ts, tail(c, {count}, {offset})"), "", "ts", |rows| {
                let tail = rows.iter().rev().skip(offset).take(count);
                tail.map(|r| vec![Cell::Int(r.ts), Cell::int(r.c)]).collect()
            });
        }
    }
    asked.ask_unordered(&SLICED, "ts, unique(s), w", "", "ts", |rows| {
        let mut seen = Vec::new();
        let mut out = Vec::new();
        for row in rows {
            if !seen.contains(&row.s) {
                seen.push(row.s);
                out.push(vec![Cell::Int(row.ts), Cell::text(row.s), Cell::Int(row.w)]);
            }
        }
        out
    });
    asked.ask_unordered(&ALL, "unique(c)", "", "1", |rows| {
        let values: std::collections::BTreeSet<Option<i64>> = rows.iter().map(|r| r.c).collect();
        values.into_iter().map(|c| vec![Cell::int(c)]).collect()
    });
    modes(asked);
}

/// MODE gives any of the most frequent values: where there is one, it.
fn modes(asked: &mut Asked<'_>) {
    let before = asked.questions.len();
    asked.ask(&[From::Child, From::Merged], "mode(k)", "", "1", |rows| {
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        rows.iter().for_each(|r| *counts.entry(r.k).or_default() += 1);
        let most = counts.values().max().copied().unwrap_or(0);
        let winners: Vec<i64> = counts.into_iter().filter(|(_, n)| *n == most).map(|(k, _)| k).collect();
        match winners.as_slice() {
            [] => Vec::new(),
            [only] => vec![vec![Cell::Int(*only)]],
            _ => vec![vec![Cell::Text("any".to_owned())]],
        }
    });
    let any = vec![vec![Cell::Text("any".to_owned())]];
    let kept = asked.questions.split_off(before);
    asked.questions.extend(kept.into_iter().filter(|q| q.expected != any));
}
