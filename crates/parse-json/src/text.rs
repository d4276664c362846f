//! Texts in quotes.

use std::borrow::Cow;

use crate::error::{JsonError, JsonErrorKind};

/// Bytes that end a run of plain text: quote, backslash, controls.
const STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        stops[byte] = true;
        byte += 1;
    }
    stops[b'"' as usize] = true;
    stops[b'\\' as usize] = true;
    stops
};

/// Reads the text whose first byte behind the quote is at `begin`: its meaning, and where it ends
/// (behind the closing quote).
pub(crate) fn read(source: &str, begin: usize) -> Result<(Cow<'_, str>, usize), JsonError> {
    let stop = run(source, begin);
    if source.as_bytes().get(stop) == Some(&b'"') {
        return Ok((Cow::Borrowed(source.get(begin..stop).unwrap_or_default()), stop + 1));
    }
    let mut text = String::new();
    let mut at = begin;
    loop {
        let stop = run(source, at);
        text.push_str(source.get(at..stop).unwrap_or_default());
        at = stop;
        match source.as_bytes().get(at) {
            Some(b'"') => return Ok((Cow::Owned(text), at + 1)),
            Some(b'\\') => at = escape(source, at, &mut text)?,
            Some(_) => return Err(JsonError { offset: at, kind: JsonErrorKind::Control }),
            None => return Err(JsonError { offset: begin - 1, kind: JsonErrorKind::Unterminated }),
        }
    }
}

/// Where the run of plain bytes from `at` ends.
fn run(source: &str, at: usize) -> usize {
    let rest = source.as_bytes().get(at..).unwrap_or_default();
    let stops = |byte: &u8| STOPS.get(usize::from(*byte)).copied().unwrap_or(true);
    at + rest.iter().position(stops).unwrap_or(rest.len())
}

/// Reads the escape at `at` (a backslash) into `text`, gives where it ends.
fn escape(source: &str, at: usize, text: &mut String) -> Result<usize, JsonError> {
    let fault = JsonError { offset: at, kind: JsonErrorKind::Escape };
    let plain = match source.as_bytes().get(at + 1) {
        Some(b'u') => {
            let (c, end) = unicode(source, at).ok_or(fault)?;
            text.push(c);
            return Ok(end);
        }
        Some(c @ (b'"' | b'\\' | b'/')) => char::from(*c),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        _ => return Err(fault),
    };
    text.push(plain);
    Ok(at + 2)
}

/// `\uXXXX`, or two of them that are a surrogate pair.
fn unicode(source: &str, at: usize) -> Option<(char, usize)> {
    let first = hex4(source, at)?;
    if !(0xd800..0xe000).contains(&first) {
        return Some((char::from_u32(first)?, at + 6));
    }
    let second = hex4(source, at + 6)?;
    let paired = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
    let code = 0x1_0000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
    if paired { Some((char::from_u32(code)?, at + 12)) } else { None }
}

fn hex4(source: &str, at: usize) -> Option<u32> {
    let digits = source.get(at..at + 6)?.strip_prefix("\\u")?;
    // The standard library takes a sign.
    if digits.bytes().all(|b| b.is_ascii_hexdigit()) { u32::from_str_radix(digits, 16).ok() } else { None }
}
