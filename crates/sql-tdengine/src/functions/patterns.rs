//! Patterns of TO_CHAR and TO_TIMESTAMP (after PostgreSQL's).

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use chrono_tz::Tz;
use triglot_model::Precision;

use crate::time_text::local_seconds;

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// `AM`, `PM`, `A.M.`, `P.M.`
    HalfDay {
        dotted: bool,
    },
    /// `YYYY`, `YYY`, `YY`, `Y`: so many of the last digits
    Year(usize),
    /// `MONTH`, `DAY`: the whole name, padded to nine
    MonthName,
    DayName,
    /// `MON`, `DY`: three letters
    ShortMonth,
    ShortDay,
    /// `MM`, `DD`, `DDD`, `D` (Sunday 1)
    Month,
    DayOfMonth,
    DayOfYear,
    DayOfWeek,
    /// `HH24`, `HH12` and `HH`
    Hour24,
    Hour12,
    /// `MI`, `SS`
    Minute,
    Second,
    /// `MS`, `US`, `NS`: so many digits of a second
    Fraction(usize),
    /// `TZH`: hours ahead of UTC with a sign
    ZoneHours,
}

/// The words of patterns; longer ones first.
const FIELDS: &[(&str, Field)] = &[
    ("A.M.", Field::HalfDay { dotted: true }),
    ("P.M.", Field::HalfDay { dotted: true }),
    ("MONTH", Field::MonthName),
    ("YYYY", Field::Year(4)),
    ("HH24", Field::Hour24),
    ("HH12", Field::Hour12),
    ("YYY", Field::Year(3)),
    ("DAY", Field::DayName),
    ("DDD", Field::DayOfYear),
    ("MON", Field::ShortMonth),
    ("TZH", Field::ZoneHours),
    ("AM", Field::HalfDay { dotted: false }),
    ("PM", Field::HalfDay { dotted: false }),
    ("YY", Field::Year(2)),
    ("MM", Field::Month),
    ("DD", Field::DayOfMonth),
    ("DY", Field::ShortDay),
    ("HH", Field::Hour12),
    ("MI", Field::Minute),
    ("SS", Field::Second),
    ("MS", Field::Fraction(3)),
    ("US", Field::Fraction(6)),
    ("NS", Field::Fraction(9)),
    ("Y", Field::Year(1)),
    ("D", Field::DayOfWeek),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// What stands at the beginning of a pattern, and the rest.
enum Piece<'a> {
    Field(Field, &'a str),
    Text(&'a str),
}

fn next_piece(pattern: &str) -> Option<(Piece<'_>, &str)> {
    if let Some(quoted) = pattern.strip_prefix('"') {
        let (text, rest) = quoted.split_once('"').unwrap_or((quoted, ""));
        return Some((Piece::Text(text), rest));
    }
    for (word, field) in FIELDS {
        let (written, rest) = pattern.split_at_checked(word.len()).unwrap_or_default();
        if !written.is_empty() && written.eq_ignore_ascii_case(word) {
            return Some((Piece::Field(*field, written), rest));
        }
    }
    let first = pattern.chars().next()?;
    let (text, rest) = pattern.split_at_checked(first.len_utf8())?;
    Some((Piece::Text(text), rest))
}

/// A local time as the pattern says; `ahead` is how far the clocks are ahead of UTC, in seconds.
pub(super) fn format_time(time: NaiveDateTime, ahead: i32, pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((piece, after)) = next_piece(rest) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Field(field, written) => out.push_str(&format_field(time, ahead, field, written)),
        }
        rest = after;
    }
    out
}

fn format_field(time: NaiveDateTime, ahead: i32, field: Field, written: &str) -> String {
    let name = |names: &'static [&'static str], at: u32| names.get(at as usize).copied().unwrap_or_default();
    let short = |name: &'static str| name.get(..3).unwrap_or(name);
    let hour12 = (time.hour() + 11) % 12 + 1;
    match field {
        Field::HalfDay { dotted } => {
            let text = match (time.hour() < 12, dotted) {
                (true, false) => "AM",
                (true, true) => "A.M.",
                (false, false) => "PM",
                (false, true) => "P.M.",
            };
            cased(text, written)
        }
        Field::Year(digits) => {
            let year = format!("{:04}", time.year());
            year.get(year.len().saturating_sub(digits)..).unwrap_or(&year).to_owned()
        }
        Field::MonthName => format!("{:<9}", cased(name(&MONTHS, time.month0()), written)),
        Field::DayName => {
            format!("{:<9}", cased(name(&DAYS, time.weekday().num_days_from_sunday()), written))
        }
        Field::ShortMonth => cased(short(name(&MONTHS, time.month0())), written),
        Field::ShortDay => cased(short(name(&DAYS, time.weekday().num_days_from_sunday())), written),
        Field::Month => format!("{:02}", time.month()),
        Field::DayOfMonth => format!("{:02}", time.day()),
        Field::DayOfYear => format!("{:03}", time.ordinal()),
        Field::DayOfWeek => time.weekday().number_from_sunday().to_string(),
        Field::Hour24 => format!("{:02}", time.hour()),
        Field::Hour12 => format!("{hour12:02}"),
        Field::Minute => format!("{:02}", time.minute()),
        Field::Second => format!("{:02}", time.second()),
        Field::Fraction(digits) => {
            let all = format!("{:09}", time.nanosecond() % 1_000_000_000);
            all.get(..digits).unwrap_or(&all).to_owned()
        }
        Field::ZoneHours => format!("{}{:02}", if ahead < 0 { '-' } else { '+' }, ahead.abs() / 3600),
    }
}

/// In the letter case in which the pattern's word stands: `MONTH`, `Month`, `month`.
fn cased(text: &str, written: &str) -> String {
    let mut letters = written.chars().filter(char::is_ascii_alphabetic);
    let (first, second) = (letters.next(), letters.next());
    match (first.is_some_and(char_is_upper), second.is_some_and(char_is_upper)) {
        (true, true) => text.to_uppercase(),
        (true, false) => text.to_owned(),
        _ => text.to_lowercase(),
    }
}

const fn char_is_upper(c: char) -> bool {
    c.is_ascii_uppercase()
}

/// What a text says about a time.
#[derive(Debug)]
struct Scanned {
    year: i32,
    month: u32,
    day: u32,
    day_of_year: Option<u32>,
    hour: u32,
    half: Option<bool>,
    minute: u32,
    second: u32,
    nanosecond: i64,
    zone_hours: Option<i64>,
}

/// The time that a text means by a pattern; what the pattern does not name is that of 1970-01-01. `None` if the text
/// does not follow the pattern.
pub(super) fn scan_time(text: &str, pattern: &str, zone: Tz, precision: Precision) -> Option<i64> {
    let mut found = Scanned {
        year: 1970,
        month: 1,
        day: 1,
        day_of_year: None,
        hour: 0,
        half: None,
        minute: 0,
        second: 0,
        nanosecond: 0,
        zone_hours: None,
    };
    let (mut text, mut rest) = (text, pattern);
    while let Some((piece, after)) = next_piece(rest) {
        text = match piece {
            Piece::Text(blank) if blank.trim().is_empty() => text.trim_start(),
            Piece::Text(expected) => text.strip_prefix(expected)?,
            Piece::Field(field, _) => scan_field(text.trim_start(), field, &mut found)?,
        };
        rest = after;
        if text.is_empty() {
            break;
        }
    }
    found.count(zone, precision)
}

impl Scanned {
    fn count(&self, zone: Tz, precision: Precision) -> Option<i64> {
        let date = match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(self.year, day)?,
            None => NaiveDate::from_ymd_opt(self.year, self.month, self.day)?,
        };
        let hour = match self.half {
            Some(afternoon) if (1..=12).contains(&self.hour) => {
                self.hour % 12 + if afternoon { 12 } else { 0 }
            }
            Some(_) => return None,
            None => self.hour,
        };
        let local = date.and_hms_opt(hour, self.minute, self.second)?;
        let seconds = match self.zone_hours {
            Some(hours) => local.and_utc().timestamp() - hours * 3600,
            None => local_seconds(local, zone)?,
        };
        seconds.checked_mul(precision.per_second())?.checked_add(precision.from_ns(self.nanosecond))
    }
}

/// Reads a field into `found`; gives the text behind it.
fn scan_field<'a>(text: &'a str, field: Field, found: &mut Scanned) -> Option<&'a str> {
    let number = |most: usize| {
        let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = text.split_at_checked(digits)?;
        Some((digits.parse::<u32>().ok()?, rest, digits.len()))
    };
    let within = |most: usize, low: u32, high: u32| {
        let (value, rest, _) = number(most)?;
        (low..=high).contains(&value).then_some((value, rest))
    };
    let rest;
    match field {
        Field::HalfDay { dotted } => {
            let (word, after) = text.split_at_checked(if dotted { 4 } else { 2 })?;
            found.half = Some(match word.to_ascii_lowercase().as_str() {
                "am" | "a.m." => false,
                "pm" | "p.m." => true,
                _ => return None,
            });
            rest = after;
        }
        Field::Year(digits) => {
            let (value, after, length) = number(digits)?;
            let value = i32::try_from(value).ok()?;
            // Two digits mean 1970 to 2069, as in PostgreSQL; three or one are of this millennium.
            found.year = match length {
                4.. => value,
                2 if value >= 70 => 1900 + value,
                _ => 2000 + value,
            };
            rest = after;
        }
        Field::MonthName | Field::ShortMonth => {
            let (at, after) = scan_name(text, &MONTHS, field == Field::ShortMonth)?;
            (found.month, rest) = (at + 1, after);
        }
        Field::DayName | Field::ShortDay => {
            (_, rest) = scan_name(text, &DAYS, field == Field::ShortDay)?;
        }
        Field::Month => (found.month, rest) = within(2, 1, 12)?,
        Field::DayOfMonth => (found.day, rest) = within(2, 1, 31)?,
        Field::DayOfYear => {
            let (value, after) = within(3, 1, 366)?;
            (found.day_of_year, rest) = (Some(value), after);
        }
        Field::DayOfWeek => (_, rest) = within(1, 1, 7)?,
        Field::Hour24 => (found.hour, rest) = within(2, 0, 23)?,
        Field::Hour12 => {
            (found.hour, rest) = within(2, 1, 12)?;
            found.half = found.half.or(Some(false));
        }
        Field::Minute => (found.minute, rest) = within(2, 0, 59)?,
        Field::Second => (found.second, rest) = within(2, 0, 59)?,
        Field::Fraction(digits) => {
            let (value, after, length) = number(digits)?;
            let power = u32::try_from(9 - length.min(9)).ok()?;
            found.nanosecond += i64::from(value) * 10_i64.pow(power);
            rest = after;
        }
        Field::ZoneHours => {
            let (sign, digits) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
                (_, Some(digits)) => (-1, digits),
                (Some(digits), _) => (1, digits),
                _ => (1, text),
            };
            let (hours, after) = digits.split_at_checked(2)?;
            let hours: i64 = hours.parse().ok().filter(|hours| (0..=14).contains(hours))?;
            found.zone_hours = Some(sign * hours);
            rest = after;
        }
    }
    Some(rest)
}

/// Which of the names the text begins with.
fn scan_name<'a>(text: &'a str, names: &[&str], short: bool) -> Option<(u32, &'a str)> {
    names.iter().zip(0..).find_map(|(name, at)| {
        let name = if short { name.get(..3)? } else { name };
        let (word, rest) = text.split_at_checked(name.len())?;
        word.eq_ignore_ascii_case(name).then_some((at, rest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> NaiveDateTime {
        text.parse().expect("a time")
    }

    #[test]
    fn patterns_write() {
        let t = time("2024-02-03T13:04:05.678901234");
        for (pattern, expected) in [
            ("YYYY-MM-DD HH24:MI:SS", "2024-02-03 13:04:05"),
            ("yyy yy y", "024 24 4"),
            ("HH12:MI AM|HH pm|a.m.", "01:04 PM|01 pm|p.m."),
            ("MONTH|Month|month|MON|Mon|mon", "FEBRUARY |February |february |FEB|Feb|feb"),
            ("DAY|Day|day|DY|Dy|dy|D|DDD", "SATURDAY |Saturday |saturday |SAT|Sat|sat|7|034"),
            ("MS.US.NS", "678.678901.678901234"),
            ("TZH", "-03"),
            ("\"at YYYY\" YYYY", "at YYYY 2024"),
            ("é-DD", "é-03"),
            ("", ""),
        ] {
            assert_eq!(format_time(t, -3 * 3600, pattern), expected, "{pattern}");
        }
        assert_eq!(format_time(time("2024-02-03T00:00:00"), 0, "HH12 AM"), "12 AM");
    }

    #[test]
    fn patterns_read() {
        // 2024-02-03 13:04:05 UTC is 1706965445.
        for (text, pattern, expected) in [
            ("2024-02-03 13:04:05", "YYYY-MM-DD HH24:MI:SS", Some(1_706_965_445_000)),
            ("2024-02-03 01:04:05 PM", "yyyy-mm-dd hh12:mi:ss am", Some(1_706_965_445_000)),
            ("3 feb 24 13:04:05.678", "DD MON YY HH24:MI:SS.MS", Some(1_706_965_445_678)),
            ("2024-034 13:04:05", "YYYY-DDD HH24:MI:SS", Some(1_706_965_445_000)),
            ("2024-02-03 15:04:05+02", "YYYY-MM-DD HH24:MI:SSTZH", Some(1_706_965_445_000)),
            ("1970-01-01", "YYYY-MM-DD", Some(0)),
            ("2024-13-01", "YYYY-MM-DD", None),
            ("2024-02-30", "YYYY-MM-DD", None),
            ("abc", "YYYY", None),
        ] {
            assert_eq!(scan_time(text, pattern, Tz::UTC, Precision::Milli), expected, "{text}");
        }
    }
}
