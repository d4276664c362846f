//! Numbers and durations.

use super::{TokenKind, is_word_byte, word_end};
use crate::ast::{Duration, Literal, Unit};

/// The kind and the end of the number or duration that starts at `start` with a digit, or a dot before a digit.
pub(crate) fn token_end(bytes: &[u8], start: usize) -> (TokenKind, usize) {
    let (kind, end) = scan(bytes, start);
    if bytes.get(end).copied().is_some_and(is_word_byte) {
        (TokenKind::Illegal, word_end(bytes, end))
    } else {
        (kind, end)
    }
}

/// The longest number from `start`; `token_end` looks at what follows.
fn scan(bytes: &[u8], start: usize) -> (TokenKind, usize) {
    let at = |pos: usize| bytes.get(pos).copied().unwrap_or(0);
    let digits = |pos: usize| end_of(bytes, pos, |byte| byte.is_ascii_digit());
    if at(start) == b'0' {
        let hex = end_of(bytes, start + 2, |byte| byte.is_ascii_hexdigit());
        if at(start + 1).eq_ignore_ascii_case(&b'x') && hex > start + 2 {
            return (TokenKind::Integer, hex);
        }
        let binary = end_of(bytes, start + 2, |byte| matches!(byte, b'0' | b'1'));
        if at(start + 1).eq_ignore_ascii_case(&b'b') && binary > start + 2 {
            return (TokenKind::Integer, binary);
        }
    }
    let mut end = digits(start);
    let mut kind = TokenKind::Integer;
    if unit_of(at(end)).is_some() && !is_word_byte(at(end + 1)) {
        return (TokenKind::Duration, end + 1);
    }
    if at(end) == b'.' {
        kind = TokenKind::Float;
        end = digits(end + 1);
    }
    if at(end).eq_ignore_ascii_case(&b'e') {
        let sign = usize::from(matches!(at(end + 1), b'+' | b'-'));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            return (TokenKind::Float, exponent);
        }
    }
    (kind, end)
}

fn end_of(bytes: &[u8], start: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().position(|&byte| !belongs(byte)).unwrap_or(rest.len())
}

/// The unit that a letter means, in either case.
const fn unit_of(letter: u8) -> Option<Unit> {
    Some(match letter.to_ascii_lowercase() {
        b'b' => Unit::Nanosecond,
        b'u' => Unit::Microsecond,
        b'a' => Unit::Millisecond,
        b's' => Unit::Second,
        b'm' => Unit::Minute,
        b'h' => Unit::Hour,
        b'd' => Unit::Day,
        b'w' => Unit::Week,
        b'n' => Unit::Month,
        b'q' => Unit::Quarter,
        b'y' => Unit::Year,
        _ => return None,
    })
}

/// The meaning of a duration such as `10s`, perhaps with a sign; `None` if `text` is none, or its count needs
/// more than 64 bits.
pub fn duration(text: &str) -> Option<Duration> {
    let (last, letter) = text.char_indices().next_back()?;
    let unit = u8::try_from(letter).ok().and_then(unit_of)?;
    Some(Duration { count: text.get(..last)?.parse().ok()?, unit })
}

/// The meaning of a number in any base, perhaps with a sign: an integer that fits 64 bits, else a double;
/// `None` if `text` is none.
pub fn number(text: &str) -> Option<Literal> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, digits.get(2..)?),
        Some("0b" | "0B") => (2, digits.get(2..)?),
        _ => (10, digits),
    };
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    let float = match u128::from_str_radix(digits, radix) {
        Ok(value) => {
            let signed = i128::try_from(value).map(|value| if negative { -value } else { value });
            if let Some(int) = signed.ok().and_then(|value| i64::try_from(value).ok()) {
                return Some(Literal::Int(int));
            }
            match u64::try_from(value) {
                Ok(uint) if !negative => return Some(Literal::UInt(uint)),
                _ => value as f64,
            }
        }
        Err(_) if radix == 10 => digits.parse().ok()?,
        Err(_) => digits.chars().try_fold(0.0, |value, digit| {
            Some(value * f64::from(radix) + f64::from(digit.to_digit(radix)?))
        })?,
    };
    Some(Literal::Float(if negative { -float } else { float }))
}
