//! INTERVAL: natural units, offsets, sliding, FILL.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::node::Cell;
use super::reference::{AGGREGATES, ORDERED, Width, aggregates, ordered, window};
use super::rows::Row;
use super::{Asked, From};

const FIXED: [(&str, i64); 6] = [
    ("10s", 10_000),
    ("1m", 60_000),
    ("7m", 420_000),
    ("1h", 3_600_000),
    ("5h", 18_000_000),
    ("1500a", 1_500),
];
const CALENDAR: [(&str, Width); 8] = [
    ("1d", Width::Days(1)),
    ("2d", Width::Days(2)),
    ("1w", Width::Days(7)),
    ("5d", Width::Days(5)),
    ("1n", Width::Months(1)),
    ("2n", Width::Months(2)),
    ("3n", Width::Months(3)),
    ("1y", Width::Months(12)),
];
const ALL: [From; 3] = [From::Child, From::Slices, From::Merged];
const SLICED: [From; 2] = [From::Child, From::Slices];

/// The rows of each window, by (start, end).
fn tumbling(rows: &[Row], of: impl Fn(i64) -> (i64, i64)) -> BTreeMap<(i64, i64), Vec<Row>> {
    let mut found: BTreeMap<(i64, i64), Vec<Row>> = BTreeMap::new();
    for row in rows {
        found.entry(of(row.ts)).or_default().push(row.clone());
    }
    found
}

fn lines(windows: BTreeMap<(i64, i64), Vec<Row>>, values: fn(&[Row]) -> Vec<Cell>) -> Vec<Vec<Cell>> {
    let line = |((start, end), rows): ((i64, i64), Vec<Row>)| {
        let mut line = vec![Cell::Int(start), Cell::Int(end), Cell::Int(end - start)];
        line.extend(values(&rows));
        line
    };
    windows.into_iter().map(line).collect()
}

pub(super) fn intervals(asked: &mut Asked<'_>) {
    let case = asked.case;
    let zone = case.zone;
    let head = "_wstart, _wend, _wduration";
    for salt in 0..2 {
        let (text, ms) = case.pick(&FIXED, salt);
        let (calendar, width) = case.pick(&CALENDAR, salt * 3);
        for (text, width) in [(text, Width::Fixed(ms)), (calendar, width)] {
            let of = move |ts| window(ts, width, 0, zone);
            let clause = format!("interval({text})");
            asked.ask(&ALL, &format!("{head}, {AGGREGATES}"), &clause, "_wstart", |rows| {
                lines(tumbling(rows, of), aggregates)
            });
            asked.ask(&SLICED, &format!("{head}, {ORDERED}"), &clause, "_wstart", |rows| {
                lines(tumbling(rows, of), ordered)
            });
        }
        let offset = ms / 4;
        asked.ask(
            &ALL,
            &format!("{head}, count(*)"),
            &format!("interval({text}, {offset}a)"),
            "_wstart",
            |rows| {
                lines(tumbling(rows, |ts| window(ts, Width::Fixed(ms), offset, zone)), |rows| {
                    vec![Cell::Int(rows.len() as i64)]
                })
            },
        );
        // Where clocks change, an offset within a day could be meant in two ways.
        if let (Width::Days(_), Tz::UTC | Tz::Asia__Kolkata | Tz::Asia__Shanghai) = (width, zone) {
            let clause = format!("interval({calendar}, 2h)");
            asked.ask(&ALL, &format!("{head}, count(*)"), &clause, "_wstart", |rows| {
                lines(tumbling(rows, |ts| window(ts, width, 7_200_000, zone)), |rows| {
                    vec![Cell::Int(rows.len() as i64)]
                })
            });
        }
        let parts = case.pick(&[2_i64, 3, 5, 10], salt);
        if ms % parts == 0 {
            let clause = format!("interval({text}) sliding({}a)", ms / parts);
            asked.ask(&ALL, &format!("{head}, {AGGREGATES}"), &clause, "_wstart", |rows| {
                lines(sliding(rows, ms, ms / parts), aggregates)
            });
        }
    }
}

/// ELAPSED and TWA in windows of an INTERVAL look beyond their edges: a window between others counts as a whole, and
/// lines to the points beside it are cut at its edges.
pub(super) fn beyond_edges(asked: &mut Asked<'_>) {
    let case = asked.case;
    for salt in 0..3 {
        let (text, ms) = case.pick(&FIXED, salt * 5);
        let clause = format!("interval({text})");
        asked.ask(&SLICED, "_wstart, elapsed(ts, 1a), twa(x)", &clause, "_wstart", |rows| {
            let windows = tumbling(rows, |ts| window(ts, Width::Fixed(ms), 0, case.zone));
            windows.into_keys().map(|edges| edged(rows, edges)).collect()
        });
    }
}

fn edged(rows: &[Row], (start, end): (i64, i64)) -> Vec<Cell> {
    let point = |r: &Row| (r.ts, r.x);
    let mut line: Vec<(i64, f64)> = rows.iter().filter(|r| start <= r.ts && r.ts < end).map(point).collect();
    let at = |edge: i64, (t0, a): (i64, f64), (t1, b): (i64, f64)| {
        (edge, a + (b - a) * ((edge - t0) as f64 / (t1 - t0) as f64))
    };
    if let Some(before) = rows.iter().rev().find(|r| r.ts < start) {
        line.insert(0, at(start, point(before), line[0]));
    }
    if let Some(after) = rows.iter().find(|r| r.ts >= end) {
        line.push(at(end, line[line.len() - 1], point(after)));
    }
    let length = line[line.len() - 1].0 - line[0].0;
    let pairs = line.iter().zip(line.iter().skip(1));
    let area: f64 = pairs.map(|((t0, a), (t1, b))| (a + b) / 2.0 * (t1 - t0) as f64).sum();
    let mean = if length == 0 { line[0].1 } else { area / length as f64 };
    vec![Cell::Int(start), Cell::Float(length as f64), Cell::Float(mean)]
}

/// Every window of `width` that starts at a multiple of `step` and holds a row.
fn sliding(rows: &[Row], width: i64, step: i64) -> BTreeMap<(i64, i64), Vec<Row>> {
    let mut found: BTreeMap<(i64, i64), Vec<Row>> = BTreeMap::new();
    for row in rows {
        let mut start = row.ts.div_euclid(step) * step;
        while start + width > row.ts {
            found.entry((start, start + width)).or_default().push(row.clone());
            start -= step;
        }
    }
    found
}

pub(super) fn fills(asked: &mut Asked<'_>) {
    let case = asked.case;
    let zone = case.zone;
    let (calendar, days) = case.pick(&CALENDAR, 1);
    let bounds: Vec<(i64, i64)> = case.bounds.iter().flatten().copied().collect();
    for (salt, (low, high)) in bounds.into_iter().enumerate() {
        let few = |ms: i64| (high - low) / ms < 400;
        let fixed = FIXED.iter().filter(|(_, ms)| few(*ms)).map(|(text, ms)| (*text, Width::Fixed(*ms)));
        for (text, width) in fixed.take(2).chain([(calendar, days)]) {
            for (mode, values) in [
                ("null", ""),
                ("prev", ""),
                ("next", ""),
                ("linear", ""),
                ("near", ""),
                ("none", ""),
                ("value", ", 7, 1.5, -2"),
                ("null_f", ""),
                ("value_f", ", 7, 1.5, -2"),
            ] {
                let clause = format!("interval({text}) fill({mode}{values})");
                fill_question(asked, (low, high), &clause, mode, move |ts| window(ts, width, 0, zone), salt);
            }
        }
    }
}

fn fill_question(
    asked: &mut Asked<'_>,
    (low, high): (i64, i64),
    clause: &str,
    mode: &str,
    of: impl Fn(i64) -> (i64, i64) + Copy,
    salt: usize,
) {
    let case = asked.case;
    let items = "_wstart, sum(w), max(x), count(*)";
    let condition = format!("where ts >= {low} and ts < {high}");
    let rows = |child| filled(&case.rows_of(child, Some((low, high))), (low, high - 1), mode, of);
    let sql = format!("select {items} from {} {condition} {clause}", case.name(0));
    let mut add = |sql, expected| asked.questions.push(super::Question { sql, expected, ordered: true });
    add(sql, rows(Some(0)));
    if salt == 0 {
        add(format!("select {items} from {} {condition} {clause}", case.table), rows(None));
        // Slices without rows are none, whatever is filled.
        let slices =
            (0..super::CHILDREN).filter(|child| !case.rows_of(Some(*child), Some((low, high))).is_empty());
        let expected = slices.flat_map(|child| {
            let name = Cell::Text(case.name(child));
            let named = move |row: Vec<Cell>| std::iter::once(name.clone()).chain(row).collect::<Vec<_>>();
            rows(Some(child)).into_iter().map(named)
        });
        let sql = format!(
            "select tbname, {items} from {} {condition} partition by tbname {clause} order by tbname, _wstart",
            case.table
        );
        add(sql, expected.collect());
    }
}

/// All windows from the one of `low` to the one of `high`.
fn filled(
    rows: &[Row],
    (low, high): (i64, i64),
    mode: &str,
    of: impl Fn(i64) -> (i64, i64),
) -> Vec<Vec<Cell>> {
    let values = |rows: &[Row]| {
        let most = rows.iter().map(|r| r.x).reduce(f64::max).unwrap_or(0.0);
        (rows.iter().map(|r| r.w).sum::<i64>(), most, rows.len() as i64)
    };
    let present: BTreeMap<i64, (i64, f64, i64)> =
        tumbling(rows, &of).into_iter().map(|((start, _), rows)| (start, values(&rows))).collect();
    let forced = mode.ends_with("_f");
    if present.is_empty() && !forced {
        return Vec::new();
    }
    let line = |start: i64, (w, x, n): (i64, f64, i64)| {
        vec![Cell::Int(start), Cell::Int(w), Cell::Float(x), Cell::Int(n)]
    };
    let (mut out, mut start) = (Vec::new(), of(low).0);
    while start <= high {
        let before = present.range(..start).next_back().map(|(at, v)| (*at, *v));
        let after = present.range(start..).next().map(|(at, v)| (*at, *v));
        let null = vec![Cell::Int(start), Cell::Null, Cell::Null, Cell::Null];
        let or_null =
            |value: Option<(i64, (i64, f64, i64))>| value.map_or(null.clone(), |(_, v)| line(start, v));
        match present.get(&start) {
            Some(found) => out.push(line(start, *found)),
            None => match mode {
                "none" => {}
                "null" | "null_f" => out.push(null),
                "prev" => out.push(or_null(before)),
                "next" => out.push(or_null(after)),
                "near" => out.push(or_null(match (before, after) {
                    (Some(before), Some(after)) => {
                        Some(if start - before.0 <= after.0 - start { before } else { after })
                    }
                    (before, after) => before.or(after),
                })),
                "linear" => out.push(match (before, after) {
                    (Some((t0, a)), Some((t1, b))) => {
                        let share = (start - t0) as f64 / (t1 - t0) as f64;
                        let between = |a: f64, b: f64| a + (b - a) * share;
                        let whole = |a: i64, b: i64| between(a as f64, b as f64).trunc() as i64;
                        line(start, (whole(a.0, b.0), between(a.1, b.1), whole(a.2, b.2)))
                    }
                    _ => null,
                }),
                _ => out.push(line(start, (7, 1.5, -2))),
            },
        }
        start = of(start).1;
    }
    out
}
