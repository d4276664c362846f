//! Sizes (`"128MiB"`), durations (`"30s"`) and the memory figure (`"60%"`) as configuration values.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnitError {
    /// Not a number with a known unit.
    #[error("{text:?} is not a {what}; write it like {example}")]
    Form { text: String, what: &'static str, example: &'static str },
    /// More than 64 bits can hold.
    #[error("{0:?} is too large")]
    Overflow(String),
}

/// A number of bytes. Text: a whole number with `B`, `KiB`/`K`, `MiB`/`M`, `GiB`/`G`, `TiB`/`T`
/// (powers of 1024) or `kB`, `MB`, `GB`, `TB` (powers of 1000); a bare number is bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteSize(pub(crate) u64);

const SIZES: [(&str, u64); 14] = [
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("K", 1 << 10),
    ("MiB", 1 << 20),
    ("M", 1 << 20),
    ("GiB", 1 << 30),
    ("G", 1 << 30),
    ("TiB", 1 << 40),
    ("T", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let scaled = scaled(text, &SIZES, "size", "\"128MiB\"")?;
        Ok(Self(scaled))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |unit: u64| self.0 >= unit && self.0.is_multiple_of(unit);
        match self.0 {
            n if exact(1 << 40) => write!(f, "{}TiB", n >> 40),
            n if exact(1 << 30) => write!(f, "{}GiB", n >> 30),
            n if exact(1 << 20) => write!(f, "{}MiB", n >> 20),
            n if exact(1 << 10) => write!(f, "{}KiB", n >> 10),
            n => write!(f, "{n}B"),
        }
    }
}

/// A length of time. Text: a whole number with `ms`, `s`, `m`, `h` or `d`. A bare number other than
/// 0 is refused, since nobody can tell its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

const MILLIS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Span {
    /// So many seconds.
    pub(crate) const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }

    /// The duration, none for 0 (which stands for "no limit").
    pub(crate) fn limit(self) -> Option<Duration> {
        (!self.0.is_zero()).then_some(self.0)
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        if text.trim() == "0" {
            return Ok(Self(Duration::ZERO));
        }
        scaled(text, &MILLIS, "duration", "\"30s\"").map(|ms| Self(Duration::from_millis(ms)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let exact = |unit: u128| ms > 0 && ms.is_multiple_of(unit);
        match ms {
            ms if exact(86_400_000) => write!(f, "{}d", ms / 86_400_000),
            ms if exact(3_600_000) => write!(f, "{}h", ms / 3_600_000),
            ms if exact(60_000) => write!(f, "{}m", ms / 60_000),
            ms if ms.is_multiple_of(1_000) => write!(f, "{}s", ms / 1_000),
            ms => write!(f, "{ms}ms"),
        }
    }
}

/// Memory as a size or as a share of what the machine (or its control group) has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemorySize {
    /// Percent, 1 to 100.
    Share(u8),
    /// Bytes.
    Bytes(ByteSize),
}

impl FromStr for MemorySize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let Some(percent) = text.trim().strip_suffix('%') else {
            return text.parse().map(Self::Bytes);
        };
        match percent.trim().parse() {
            Ok(share @ 1..=100) => Ok(Self::Share(share)),
            _ => Err(UnitError::Form {
                text: text.to_owned(),
                what: "share of memory",
                example: "\"60%\" or \"8GiB\"",
            }),
        }
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(percent) => write!(f, "{percent}%"),
            Self::Bytes(size) => size.fmt(f),
        }
    }
}

fn scaled(
    text: &str,
    units: &[(&str, u64)],
    what: &'static str,
    example: &'static str,
) -> Result<u64, UnitError> {
    let form = || UnitError::Form { text: text.to_owned(), what, example };
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    if number.is_empty() {
        return Err(form());
    }
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(form)?;
    let number: u64 = number.parse().map_err(|_| UnitError::Overflow(text.to_owned()))?;
    number.checked_mul(*factor).ok_or_else(|| UnitError::Overflow(text.to_owned()))
}

/// Serde by `Display` and `FromStr`; whole numbers in the file are read like their text.
macro_rules! serde_as_text {
    ($type:ty, $expecting:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct TextVisitor;
                impl Visitor<'_> for TextVisitor {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }
                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }
                }
                deserializer.deserialize_any(TextVisitor)
            }
        }
    };
}

serde_as_text!(ByteSize, "a size like \"128MiB\"");
serde_as_text!(Span, "a duration like \"30s\"");
serde_as_text!(MemorySize, "a size like \"8GiB\" or a share like \"60%\"");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        for (text, bytes, shown) in [
            ("128MiB", 134_217_728, "128MiB"),
            ("1 GiB", 1_073_741_824, "1GiB"),
            ("4096", 4096, "4KiB"),
            ("10MB", 10_000_000, "10000000B"),
            ("0", 0, "0B"),
            ("1000B", 1000, "1000B"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size.0, bytes, "{text}");
            assert_eq!(size.to_string(), shown);
            assert_eq!(shown.parse::<ByteSize>().unwrap(), size);
        }
        for bad in ["", "MiB", "-1", "1.5GiB", "5 parsecs", "99999999999999999999", "17000000TiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_read_and_shown() {
        for (text, ms, shown) in [
            ("30s", 30_000, "30s"),
            ("90s", 90_000, "90s"),
            ("60s", 60_000, "1m"),
            ("250ms", 250, "250ms"),
            ("0", 0, "0s"),
            ("7d", 604_800_000, "7d"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.0.as_millis(), ms, "{text}");
            assert_eq!(span.to_string(), shown);
            assert_eq!(shown.parse::<Span>().unwrap(), span);
        }
        for bad in ["", "30", "s", "1w", "-5s"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn memory_is_a_share_or_a_size() {
        assert_eq!("60%".parse(), Ok(MemorySize::Share(60)));
        assert_eq!("2GiB".parse(), Ok(MemorySize::Bytes(ByteSize(2 << 30))));
        for bad in ["0%", "101%", "x%", "%"] {
            assert!(bad.parse::<MemorySize>().is_err(), "{bad}");
        }
    }
}
