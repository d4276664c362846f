//! Random rows of a super table.

use chrono_tz::Tz;
use proptest::prelude::*;

/// How many child tables; the last one often has no rows.
pub(super) const CHILDREN: usize = 3;

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// A row. `c`, `v` and `s` may be NULL; `w`, `x` and `k` never are. Fractions are quarters, so that sums are exact.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) ts: i64,
    pub(super) c: Option<i64>,
    pub(super) v: Option<f64>,
    pub(super) w: i64,
    pub(super) x: f64,
    pub(super) s: Option<&'static str>,
    pub(super) k: i64,
}

impl Row {
    /// As INSERT has it.
    pub(super) fn values(&self) -> String {
        let number = |v: Option<String>| v.unwrap_or_else(|| "NULL".to_owned());
        let (c, v) = (number(self.c.map(|c| c.to_string())), number(self.v.map(|v| v.to_string())));
        let s = number(self.s.map(|s| format!("'{s}'")));
        format!("({}, {c}, {v}, {}, {}, {s}, {})", self.ts, self.w, self.x, self.k)
    }
}

/// A super table with its rows, and how it is asked.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// The super table's name.
    pub(super) table: String,
    rows: Vec<Vec<Row>>,
    /// The session's zone.
    pub(super) zone: Tz,
    /// Bounds of time, the upper one exclusive; None: all rows.
    pub(super) bounds: Vec<Option<(i64, i64)>>,
    /// A number to choose parameters by.
    pub(super) choice: usize,
}

impl Case {
    /// A child table's name.
    pub(super) fn name(&self, child: usize) -> String {
        format!("{}_{child}", self.table)
    }

    /// The rows of a child, or of all, within bounds, by time.
    pub(super) fn rows_of(&self, child: Option<usize>, bounds: Option<(i64, i64)>) -> Vec<Row> {
        let wanted = self.rows.iter().enumerate().filter(|(at, _)| child.is_none_or(|c| c == *at));
        let inside = |r: &&Row| bounds.is_none_or(|(low, high)| low <= r.ts && r.ts < high);
        let mut rows: Vec<Row> = wanted.flat_map(|(_, rows)| rows.iter().filter(inside).cloned()).collect();
        rows.sort_by_key(|r| r.ts);
        rows
    }

    /// One of `choices`, another one in the next case.
    pub(super) fn pick<T: Copy>(&self, choices: &[T], salt: usize) -> T {
        choices[(self.choice + salt * 7) % choices.len()]
    }
}

/// Zones whose clocks change, and instants near the changes (milliseconds).
const PLACES: [(Tz, i64); 6] = [
    (Tz::UTC, 1_704_067_200_000),
    (Tz::Europe__Berlin, 1_711_846_800_000), // 2024-03-31 01:00 UTC: forward
    (Tz::America__New_York, 1_730_613_600_000), // 2024-11-03 06:00 UTC: back
    (Tz::Asia__Kolkata, 1_709_164_800_000),  // half an hour beside the hour; a leap day
    (Tz::Australia__Lord_Howe, 1_712_415_600_000), // 2024-04-06 15:00 UTC: back by half an hour
    (Tz::Asia__Shanghai, 0),                 // times before 1970
];

fn row() -> impl Strategy<Value = (usize, Row)> {
    let gap = prop::sample::select(vec![
        0,
        1,
        SECOND,
        7 * SECOND,
        60 * SECOND,
        1_020 * SECOND,
        HOUR,
        5 * HOUR,
        DAY,
        19 * DAY,
    ]);
    let texts = prop::sample::select(vec!["", "a", "b", "ab"]);
    (
        prop::sample::select(vec![0, 0, 0, 1, 1]),
        gap,
        prop::option::weighted(0.75, -5_i64..20),
        prop::option::weighted(0.75, -20_i64..40),
        (0_i64..12, -20_i64..40, 0_i64..3),
        prop::option::weighted(0.7, texts),
    )
        .prop_map(|(child, ts, c, v, (w, x, k), s)| {
            (child, Row { ts, c, v: v.map(|v| v as f64 / 4.0), w, x: x as f64 / 4.0, s, k })
        })
}

/// The case of this number.
pub(super) fn case(number: u32) -> impl Strategy<Value = Case> {
    let long_before = prop::sample::select(vec![0, HOUR, DAY, 2 * DAY + 7 * HOUR + 11]);
    (prop::collection::vec(row(), 1..45), long_before, 0_usize..100, 0_usize..PLACES.len()).prop_map(
        move |(steps, before, choice, place)| {
            let place = (place + number as usize) % PLACES.len();
            let (zone, near) = PLACES[place];
            let mut now = near - before;
            let mut rows = vec![Vec::<Row>::new(); CHILDREN];
            for (child, step) in steps {
                now += step.ts;
                // A time that several children have, once for each child.
                if rows[child].last().is_none_or(|last| last.ts < now) {
                    rows[child].push(Row { ts: now, ..step });
                }
            }
            let (first, last) = (near - before, now + 1);
            let middle = first + (last - first) / 3;
            let bounds =
                vec![None, Some((middle, last)), Some((first, middle)), Some((last + HOUR, last + DAY))];
            Case { table: format!("t{number}"), rows, zone, bounds, choice: choice + number as usize }
        },
    )
}
