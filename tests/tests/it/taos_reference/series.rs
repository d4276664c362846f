//! Functions of series: DIFF, DERIVATIVE, IRATE, CSUM, MAVG, TWA, ELAPSED, STATECOUNT, STATEDURATION, INTERP.

use super::node::Cell;
use super::rows::Row;
use super::{Asked, From};

const SERIES: [From; 3] = [From::Child, From::Slices, From::Timeline];
const SLICED: [From; 2] = [From::Child, From::Slices];

fn timed(ts: i64, value: Cell) -> Vec<Cell> {
    vec![Cell::Int(ts), value]
}

/// DIFF: against the latest value that is known. `option` 1: negative ones are NULL; 2: NULLs are left out.
fn diff(rows: &[Row], option: u8) -> Vec<Vec<Cell>> {
    let (mut known, mut out) = (None, Vec::new());
    for (at, row) in rows.iter().enumerate() {
        let difference = row.c.zip(known).map(|(c, before)| c - before);
        let difference = difference.filter(|d| option & 1 == 0 || *d >= 0);
        if at > 0 && (option & 2 == 0 || difference.is_some()) {
            out.push(timed(row.ts, Cell::int(difference)));
        }
        known = row.c.or(known);
    }
    out
}

fn derivative(rows: &[Row], unit: f64, ignore_negative: bool) -> Vec<Vec<Cell>> {
    let rates = rows.iter().zip(rows.iter().skip(1)).map(|(a, b)| {
        let rate = (b.x - a.x) / ((b.ts - a.ts) as f64 / unit);
        (b.ts, rate)
    });
    rates
        .filter(|(_, rate)| !ignore_negative || *rate >= 0.0)
        .map(|(ts, r)| timed(ts, Cell::Float(r)))
        .collect()
}

fn irate(rows: &[Row]) -> Vec<Vec<Cell>> {
    let [.., a, b] = rows else { return if rows.is_empty() { Vec::new() } else { vec![vec![Cell::Null]] } };
    let gain = if b.x < a.x { b.x } else { b.x - a.x };
    vec![vec![Cell::Float(gain / ((b.ts - a.ts) as f64 / 1_000.0))]]
}

fn cumulative(rows: &[Row]) -> Vec<Vec<Cell>> {
    let mut sum = 0;
    let known = rows.iter().filter_map(|r| Some((r.ts, r.c?)));
    known
        .map(|(ts, c)| {
            sum += c;
            timed(ts, Cell::Int(sum))
        })
        .collect()
}

fn moving(rows: &[Row], count: usize) -> Vec<Vec<Cell>> {
    let known: Vec<(i64, f64)> = rows.iter().filter_map(|r| Some((r.ts, r.v?))).collect();
    let mean = |w: &[(i64, f64)]| w.iter().map(|(_, v)| v).sum::<f64>() / count as f64;
    known.windows(count).map(|w| timed(w[count - 1].0, Cell::Float(mean(w)))).collect()
}

/// TWA over lines between points.
fn weighted(rows: &[Row]) -> Vec<Vec<Cell>> {
    let known: Vec<(i64, f64)> = rows.iter().filter_map(|r| Some((r.ts, r.v?))).collect();
    let value = match known.as_slice() {
        [] if rows.is_empty() => return Vec::new(),
        [] => Cell::Null,
        [(_, only)] => Cell::Float(*only),
        [first, .., last] => {
            let pairs = known.iter().zip(known.iter().skip(1));
            let area: f64 = pairs.map(|((t0, a), (t1, b))| (a + b) / 2.0 * (t1 - t0) as f64).sum();
            Cell::Float(area / (last.0 - first.0) as f64)
        }
    };
    vec![vec![value]]
}

/// STATECOUNT and STATEDURATION in milliseconds.
fn states(rows: &[Row], holds: impl Fn(&Row) -> bool) -> Vec<(i64, i64, i64)> {
    let (mut count, mut since) = (0, 0);
    rows.iter()
        .map(|row| {
            if !holds(row) {
                count = 0;
                return (row.ts, -1, -1);
            }
            if count == 0 {
                since = row.ts;
            }
            count += 1;
            (row.ts, count, row.ts - since)
        })
        .collect()
}

pub(super) fn questions(asked: &mut Asked<'_>) {
    for option in [0_u8, 1, 2, 3] {
        asked.ask(&SERIES, &format!("ts, diff(c, {option})"), "", "ts", |rows| diff(rows, option));
    }
    asked.ask(&SERIES, "ts, diff(c)", "", "ts", |rows| diff(rows, 0));
    for (unit, ms) in [("1s", 1_000.0), ("1m", 60_000.0), ("1h", 3_600_000.0)] {
        asked.ask(&SERIES, &format!("ts, derivative(x, {unit}, 0)"), "", "ts", |rows| {
            derivative(rows, ms, false)
        });
        asked.ask(&SERIES, &format!("ts, derivative(x, {unit}, 1)"), "", "ts", |rows| {
            derivative(rows, ms, true)
        });
    }
    asked.ask(&SERIES, "ts, csum(c)", "", "ts", cumulative);
    for count in [1, 2, 5] {
        asked.ask(&SERIES, &format!("ts, mavg(v, {count})"), "", "ts", |rows| moving(rows, count));
    }
    asked.ask(&SERIES, "twa(v)", "", "1", weighted);
    asked.ask(&SERIES, "irate(x)", "", "1", irate);
    for (unit, ms) in [("", 1.0), (", 1s", 1_000.0), (", 1h", 3_600_000.0)] {
        asked.ask(
            &[From::Child, From::Slices, From::Merged],
            &format!("elapsed(ts{unit})"),
            "",
            "1",
            |rows| {
                let ends = rows.first().zip(rows.last());
                ends.map(|(a, b)| vec![Cell::Float((b.ts - a.ts) as f64 / ms)]).into_iter().collect()
            },
        );
    }
    type Condition = (&'static str, fn(i64, i64) -> bool);
    let conditions: [Condition; 6] = [
        ("GT", |a, b| a > b),
        ("lt", |a, b| a < b),
        ("Le", |a, b| a <= b),
        ("ge", |a, b| a >= b),
        ("ne", |a, b| a != b),
        ("eq", |a, b| a == b),
    ];
    for (salt, (op, holds)) in conditions.into_iter().enumerate() {
        let bound = asked.case.pick(&[3_i64, 5, 8], salt);
        let states = move |rows: &[Row]| states(rows, |r| holds(r.w, bound));
        asked.ask(&SERIES, &format!("ts, statecount(w, '{op}', {bound})"), "", "ts", |rows| {
            states(rows).into_iter().map(|(ts, count, _)| timed(ts, Cell::Int(count))).collect()
        });
        for (unit, ms) in [("", 1), (", 1s", 1_000), (", 1h", 3_600_000)] {
            let items = format!("ts, stateduration(w, '{op}', {bound}{unit})");
            asked.ask(&SERIES, &items, "", "ts", |rows| {
                let length = |length: i64| if length < 0 { -1 } else { length / ms };
                states(rows).into_iter().map(|(ts, _, d)| timed(ts, Cell::Int(length(d)))).collect()
            });
        }
    }
    interpolations(asked);
}

fn interpolations(asked: &mut Asked<'_>) {
    let case = asked.case;
    let all = case.rows_of(Some(0), None);
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return };
    let step = ((last.ts - first.ts) / 17).max(1) + 1;
    let range = (first.ts - 2 * step - 1, last.ts + 2 * step);
    for mode in ["prev", "next", "linear", "near", "null", "value"] {
        let values = if mode == "value" { ", 2.5" } else { "" };
        let clause = format!("range({}, {}) every({step}a) fill({mode}{values})", range.0, range.1);
        let points = |rows: &[Row], value: fn(&Row) -> Option<f64>| {
            if rows.is_empty() {
                return Vec::new();
            }
            let known: Vec<(i64, f64)> = rows.iter().filter_map(|r| Some((r.ts, value(r)?))).collect();
            let points = (range.0..=range.1).step_by(step as usize);
            points.filter_map(|at| interpolated(&known, at, mode)).collect::<Vec<_>>()
        };
        let items = "_irowts, _isfilled, interp(x)";
        asked.ask(&SLICED, items, &clause, "_irowts", |rows| points(rows, |r| Some(r.x)));
        let items = "_irowts, _isfilled, interp(v, 1)";
        asked.ask(&SLICED, items, &clause, "_irowts", |rows| points(rows, |r| r.v));
    }
}

/// The value at a point, none where the mode has no neighbour to take it from.
fn interpolated(known: &[(i64, f64)], at: i64, mode: &str) -> Option<Vec<Cell>> {
    let line = |filled: bool, value: Cell| Some(vec![Cell::Int(at), Cell::Bool(filled), value]);
    if let Some((_, value)) = known.iter().find(|(ts, _)| *ts == at) {
        return line(false, Cell::Float(*value));
    }
    let before = known.iter().rev().find(|(ts, _)| *ts < at);
    let after = known.iter().find(|(ts, _)| *ts > at);
    let value = match mode {
        "prev" => before?.1,
        "next" => after?.1,
        "near" => match (before, after) {
            (Some(a), Some(b)) => {
                if at - a.0 <= b.0 - at {
                    a.1
                } else {
                    b.1
                }
            }
            (one, other) => one.or(other)?.1,
        },
        "linear" => {
            let ((t0, a), (t1, b)) = (before?, after?);
            a + (b - a) * ((at - t0) as f64 / (t1 - t0) as f64)
        }
        "null" => return line(true, Cell::Null),
        _ => 2.5,
    };
    line(true, Cell::Float(value))
}
