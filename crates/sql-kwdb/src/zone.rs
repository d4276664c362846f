//! Time zones as the parameter `tz` and settings name them (sheet section 5).

use chrono_tz::Tz;

/// A request's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The zone.
    pub tz: Tz,
    /// Whether it was given by name: times then show its abbreviation instead of the offset once more.
    pub is_named: bool,
}

impl Zone {
    /// Of requests that name none.
    pub const UTC: Self = Self { tz: Tz::UTC, is_named: false };

    /// Reads the parameter.
    ///
    /// # Errors
    /// The text to be told: as given, or for a number out of range in the server's inner form.
    pub fn of(given: &str) -> Result<Self, String> {
        // `+` in a URL reads as a blank.
        let text = given.strip_prefix('\'').unwrap_or(given);
        let text = text.strip_suffix('\'').unwrap_or(text);
        let (is_blank, text) = match text.strip_prefix(' ') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if let Ok(hours) = text.parse::<i64>() {
            return east(hours)
                .ok_or_else(|| format!("fixed offset:{} ({hours})", hours.saturating_mul(3600)));
        }
        let posix = if is_blank { format!("+{text}") } else { text.to_owned() };
        if let Some(hours) = posix_hours(&posix) {
            return hours.checked_neg().and_then(east).ok_or_else(|| given.to_owned());
        }
        let names = [text.to_owned(), text.to_uppercase(), title_case(text)];
        let found = names.iter().find_map(|name| name.parse::<Tz>().ok());
        found.map(|tz| Self { tz, is_named: true }).ok_or_else(|| given.to_owned())
    }
}

/// Whole hours east of UTC. The names of such zones have the sign reversed.
fn east(hours: i64) -> Option<Zone> {
    if !(-12..=14).contains(&hours) {
        return None;
    }
    let tz = if hours == 0 { Tz::UTC } else { format!("Etc/GMT{:+}", -hours).parse().ok()? };
    Some(Zone { tz, is_named: false })
}

/// `UTC+8`, `GMT-3`, `+08:00`: the number as it is written, which counts to the west.
fn posix_hours(text: &str) -> Option<i64> {
    let upper = text.to_uppercase();
    let rest = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")).unwrap_or(&upper);
    let (sign, digits) = match rest.as_bytes().first()? {
        b'+' | b' ' => (1, rest.get(1..)?),
        b'-' => (-1, rest.get(1..)?),
        _ => return None,
    };
    let hours = match digits.split_once(':') {
        Some((hours, "00")) => hours,
        Some(_) => return None,
        None => digits,
    };
    let is_number = (1..=2).contains(&hours.len()) && hours.bytes().all(|b| b.is_ascii_digit());
    if is_number { hours.parse::<i64>().ok().map(|h| sign * h) } else { None }
}

/// `asia/hong_kong` → `Asia/Hong_Kong`.
fn title_case(text: &str) -> String {
    let mut begins = true;
    text.chars()
        .map(|c| {
            let shown = if begins { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            begins = !c.is_ascii_alphanumeric();
            shown
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_to_the_east_and_posix_forms_to_the_west() {
        let hours = |tz| Ok(Zone { tz, is_named: false });
        for (given, wanted) in [
            ("8", Tz::Etc__GMTMinus8),
            ("'8'", Tz::Etc__GMTMinus8),
            ("+8", Tz::Etc__GMTMinus8),
            (" 8", Tz::Etc__GMTMinus8),
            ("-5", Tz::Etc__GMTPlus5),
            ("0", Tz::UTC),
            ("14", Tz::Etc__GMTMinus14),
            ("-12", Tz::Etc__GMTPlus12),
            ("UTC+8", Tz::Etc__GMTPlus8),
            ("UTC 8", Tz::Etc__GMTPlus8),
            ("utc-8", Tz::Etc__GMTMinus8),
            ("GMT-3", Tz::Etc__GMTMinus3),
            ("+08:00", Tz::Etc__GMTPlus8),
            (" 08:00", Tz::Etc__GMTPlus8),
            ("-03:00", Tz::Etc__GMTMinus3),
        ] {
            assert_eq!(Zone::of(given), hours(wanted), "{given}");
        }
    }

    #[test]
    fn names_may_be_in_any_case() {
        for (given, tz) in [
            ("Asia/Shanghai", Tz::Asia__Shanghai),
            ("asia/shanghai", Tz::Asia__Shanghai),
            ("'ASIA/HONG_KONG'", Tz::Asia__Hong_Kong),
            ("UTC", Tz::UTC),
            ("utc", Tz::UTC),
            ("GMT", Tz::GMT),
        ] {
            assert_eq!(Zone::of(given), Ok(Zone { tz, is_named: true }), "{given}");
        }
    }

    #[test]
    fn what_is_no_zone_is_told_as_given() {
        for given in ["", "Mars/Base", "UTC+08:30", "UTC+99", "8.5", "''", "UTC+", "+"] {
            assert_eq!(Zone::of(given), Err(given.to_owned()));
        }
        assert_eq!(Zone::of("15"), Err("fixed offset:54000 (15)".to_owned()));
        assert_eq!(Zone::of("-13"), Err("fixed offset:-46800 (-13)".to_owned()));
    }
}
