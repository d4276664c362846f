//! SESSION, STATE_WINDOW, EVENT_WINDOW, COUNT_WINDOW.

use super::node::Cell;
use super::reference::{AGGREGATES, aggregates};
use super::rows::Row;
use super::{Asked, From};

const SLICED: [From; 2] = [From::Child, From::Slices];
const ALL: [From; 3] = [From::Child, From::Slices, From::Merged];

fn line(rows: &[Row]) -> Vec<Cell> {
    let (first, last) = (rows[0].ts, rows[rows.len() - 1].ts);
    let mut line = vec![Cell::Int(first), Cell::Int(last), Cell::Int(last - first)];
    line.extend(aggregates(rows));
    line
}

/// Windows of at least `shortest` milliseconds.
fn lines(windows: Vec<Vec<Row>>, shortest: i64) -> Vec<Vec<Cell>> {
    let long = windows.into_iter().filter(|w| w[w.len() - 1].ts - w[0].ts >= shortest);
    long.map(|w| line(&w)).collect()
}

/// A new window where `breaks` is true of two rows that follow one another.
fn split(rows: &[Row], breaks: impl Fn(&Row, &Row) -> bool) -> Vec<Vec<Row>> {
    let mut windows: Vec<Vec<Row>> = Vec::new();
    for row in rows {
        match windows.last_mut() {
            Some(open) if !breaks(&open[open.len() - 1], row) => open.push(row.clone()),
            _ => windows.push(vec![row.clone()]),
        }
    }
    windows
}

/// From a row where `start` holds to the first one from there on where `end` does.
fn events(rows: &[Row], start: impl Fn(&Row) -> bool, end: impl Fn(&Row) -> bool) -> Vec<Vec<Row>> {
    let (mut windows, mut open) = (Vec::new(), Vec::new());
    for row in rows {
        if open.is_empty() && !start(row) {
            continue;
        }
        open.push(row.clone());
        if end(row) {
            windows.push(std::mem::take(&mut open));
        }
    }
    windows
}

/// `count` rows from each `slide`th row on; the last ones may be fewer.
fn counts(rows: &[Row], count: usize, slide: usize) -> Vec<Vec<Row>> {
    let starts = (0..rows.len()).step_by(slide);
    starts.map(|start| rows[start..rows.len().min(start + count)].to_vec()).collect()
}

pub(super) fn questions(asked: &mut Asked<'_>) {
    let case = asked.case;
    let items = &format!("_wstart, _wend, _wduration, {AGGREGATES}");
    for (gap, ms) in [("1s", 1_000), ("60s", 60_000), ("2h", 7_200_000), ("1d", 86_400_000)] {
        asked.ask(&ALL, items, &format!("session(ts, {gap})"), "_wstart", |rows| {
            lines(split(rows, |a, b| b.ts - a.ts > ms), 0)
        });
    }
    for (true_for, shortest) in [("", 0), (" true_for(1s)", 1_000), (" true_for(2h)", 7_200_000)] {
        asked.ask(&SLICED, items, &format!("state_window(k){true_for}"), "_wstart", |rows| {
            lines(split(rows, |a, b| a.k != b.k), shortest)
        });
        let state = "state_window(case when w > 5 then 'high' else 'low' end)";
        asked.ask(&SLICED, items, &format!("{state}{true_for}"), "_wstart", |rows| {
            lines(split(rows, |a, b| (a.w > 5) != (b.w > 5)), shortest)
        });
        let (low, high) = case.pick(&[(3, 8), (8, 3), (5, 5), (0, 11)], shortest as usize % 5);
        let clause = format!("event_window start with w >= {low} end with w <= {high}{true_for}");
        asked.ask(&SLICED, items, &clause, "_wstart", |rows| {
            lines(events(rows, |r| r.w >= low, |r| r.w <= high), shortest)
        });
        let clause = format!("event_window start with c > 3 end with c is null or v < 2{true_for}");
        asked.ask(&SLICED, items, &clause, "_wstart", |rows| {
            let (start, end) =
                (|r: &Row| r.c > Some(3), |r: &Row| r.c.is_none() || r.v.is_some_and(|v| v < 2.0));
            lines(events(rows, start, end), shortest)
        });
    }
    for (count, slide) in [(2, 2), (3, 1), (5, 2), (7, 7), (100, 3)] {
        let clause = if count == slide {
            format!("count_window({count})")
        } else {
            format!("count_window({count}, {slide})")
        };
        asked.ask_unordered(&SLICED, items, &clause, "_wstart", |rows| lines(counts(rows, count, slide), 0));
    }
    let clause = "count_window(3, 2, c, s)";
    asked.ask_unordered(&SLICED, items, clause, "_wstart", |rows| {
        let known: Vec<Row> = rows.iter().filter(|r| r.c.is_some() && r.s.is_some()).cloned().collect();
        lines(counts(&known, 3, 2), 0)
    });
}
