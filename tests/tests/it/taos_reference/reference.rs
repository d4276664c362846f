//! What several definitions use.

use chrono::{Datelike, Duration, NaiveDate, TimeZone};
use chrono_tz::Tz;

use super::node::Cell;
use super::rows::Row;

/// Aggregates that do not depend on the order of rows, and their values.
pub(super) const AGGREGATES: &str = "count(*), count(c), sum(c), avg(v), min(v), max(c), spread(v), sum(x)";

pub(super) fn aggregates(rows: &[Row]) -> Vec<Cell> {
    let (c, v) = (ints(rows), floats(rows));
    let least = v.iter().copied().reduce(f64::min);
    let most = v.iter().copied().reduce(f64::max);
    let average = (!v.is_empty()).then(|| v.iter().sum::<f64>() / v.len() as f64);
    vec![
        Cell::Int(rows.len() as i64),
        Cell::Int(c.len() as i64),
        Cell::int((!c.is_empty()).then(|| c.iter().sum())),
        Cell::float(average),
        Cell::float(least),
        Cell::int(c.iter().copied().max()),
        Cell::float(least.zip(most).map(|(a, b)| b - a)),
        Cell::float((!rows.is_empty()).then(|| rows.iter().map(|r| r.x).sum())),
    ]
}

/// Aggregates of rows in the order of time.
pub(super) const ORDERED: &str = "first(c), last(v), first(ts), last(s)";

pub(super) fn ordered(rows: &[Row]) -> Vec<Cell> {
    vec![
        Cell::int(rows.iter().find_map(|r| r.c)),
        Cell::float(rows.iter().rev().find_map(|r| r.v)),
        Cell::int(rows.first().map(|r| r.ts)),
        Cell::text(rows.iter().rev().find_map(|r| r.s)),
    ]
}

pub(super) fn ints(rows: &[Row]) -> Vec<i64> {
    rows.iter().filter_map(|r| r.c).collect()
}

pub(super) fn floats(rows: &[Row]) -> Vec<f64> {
    rows.iter().filter_map(|r| r.v).collect()
}

/// The width of an INTERVAL.
#[derive(Clone, Copy, Debug)]
pub(super) enum Width {
    /// Milliseconds, from the epoch.
    Fixed(i64),
    /// Days on the zone's calendar, from 1970-01-01.
    Days(i64),
    /// Months on the zone's calendar, from January 1970.
    Months(i64),
}

/// The window that `ts` lies in: its first instant, and the one of the next window.
pub(super) fn window(ts: i64, width: Width, offset: i64, zone: Tz) -> (i64, i64) {
    match width {
        Width::Fixed(width) => {
            let start = (ts - offset).div_euclid(width) * width + offset;
            (start, start + width)
        }
        Width::Days(days) => {
            let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
            let number = local_date(ts - offset, zone).signed_duration_since(epoch).num_days();
            let start = epoch + Duration::days(number.div_euclid(days) * days);
            (midnight(start, zone) + offset, midnight(start + Duration::days(days), zone) + offset)
        }
        Width::Months(months) => {
            let date = local_date(ts, zone);
            let number = i64::from(date.year() - 1970) * 12 + i64::from(date.month0());
            let first = |number: i64| {
                let year = 1970 + number.div_euclid(12) as i32;
                NaiveDate::from_ymd_opt(year, number.rem_euclid(12) as u32 + 1, 1).unwrap()
            };
            let start = number.div_euclid(months) * months;
            (midnight(first(start), zone), midnight(first(start + months), zone))
        }
    }
}

fn local_date(ts: i64, zone: Tz) -> NaiveDate {
    zone.timestamp_millis_opt(ts).unwrap().date_naive()
}

fn midnight(date: NaiveDate, zone: Tz) -> i64 {
    zone.from_local_datetime(&date.and_hms_opt(0, 0, 0).unwrap()).earliest().unwrap().timestamp_millis()
}
