//! Local time as plain counts: instants count from the epoch in UTC, local times from 1970-01-01 00:00
//! on a zone's clocks, both in seconds.

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// Within this many seconds of a change of a zone's offset lies no other one.
const NO_SECOND_CHANGE: i64 = 36 * 3600;

/// How far a zone's clocks are ahead of UTC, seconds. Beyond the years that zones are defined for it is
/// the one at their end.
pub(super) fn offset_at(zone: Tz, instant: i64) -> i64 {
    let (first, last) = (DateTime::<chrono::Utc>::MIN_UTC, DateTime::<chrono::Utc>::MAX_UTC);
    // Days off the ends, where local times could not be represented.
    let instant = instant.clamp(first.timestamp() + 172_800, last.timestamp() - 172_800);
    let utc = DateTime::from_timestamp(instant, 0).unwrap_or(first).naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}

/// The first instant at which the zone's clocks show `local` or, where they skip it, a later time.
pub(super) fn instant_of(zone: Tz, local: i64) -> i64 {
    let before = offset_at(zone, local.saturating_sub(NO_SECOND_CHANGE));
    let after = offset_at(zone, local.saturating_add(NO_SECOND_CHANGE));
    let early = local.saturating_sub(before);
    if before == after || offset_at(zone, early) == before {
        return early;
    }
    let late = local.saturating_sub(after);
    if offset_at(zone, late) == after {
        return late;
    }
    // Skipped: `late` lies before the change and `early` after it.
    let (mut old, mut new) = (late, early);
    while new - old > 1 {
        let middle = old + (new - old) / 2;
        if offset_at(zone, middle) == before { old = middle } else { new = middle }
    }
    new
}

/// Months from 1970-01 to the month of a day, which counts from 1970-01-01 (proleptic Gregorian).
pub(super) const fn month_of(day: i64) -> i64 {
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years from 0000-03-01 in eras of 400.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    (era * 400 + year) * 12 + month_from_march + 2 - 1970 * 12
}

/// The first day of a month, both counted from 1970-01.
pub(super) const fn first_day(month: i64) -> i64 {
    let from_march = month + 1970 * 12 - 2;
    let (year, month) = (from_march.div_euclid(12), from_march.rem_euclid(12));
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * month + 2) / 5;
    era * 146_097 + day_of_era - 719_468
}
