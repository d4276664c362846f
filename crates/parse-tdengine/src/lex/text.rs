//! Texts in quotes.

use std::borrow::Cow;

/// One past the closing quote of the text that starts with a quote at `start`; `None` if it does not end.
/// A doubled quote and a quote after a backslash belong to the text.
pub(crate) fn end(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = *bytes.get(start)?;
    let mut pos = start + 1;
    loop {
        pos += memchr::memchr2(quote, b'\\', bytes.get(pos..)?)?;
        let next = bytes.get(pos + 1).copied();
        if bytes.get(pos) == Some(&b'\\') || next == Some(quote) {
            pos += 2;
        } else {
            return Some(pos + 1);
        }
    }
}

/// The text that a quoted text (quotes included) means: a doubled quote is one, `\'` `\"` `\\` `\n` `\r` `\t` are
/// what they are elsewhere, `\%`, `\_` and `\x` stay two characters (patterns and binary texts read them),
/// before any other character the backslash is dropped.
pub fn unescape(quoted: &str) -> Cow<'_, str> {
    let Some(quote) = quoted.chars().next() else { return Cow::Borrowed(quoted) };
    let inner = quoted.get(quote.len_utf8()..).unwrap_or_default();
    let inner = inner.strip_suffix(quote).unwrap_or(inner);
    let special = |c: char| c == '\\' || c == quote;
    let Some(mut at) = inner.find(special) else { return Cow::Borrowed(inner) };
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut tail = tail.chars();
        match (tail.next(), tail.clone().next()) {
            (Some('\\'), Some(escaped)) => {
                tail.next();
                push_escaped(&mut out, escaped);
            }
            (Some(first), second) => {
                out.push(first);
                if second == Some(first) {
                    tail.next();
                }
            }
            (None, _) => {}
        }
        rest = tail.as_str();
        match rest.find(special) {
            Some(next) => at = next,
            None => {
                out.push_str(rest);
                return Cow::Owned(out);
            }
        }
    }
}

fn push_escaped(out: &mut String, escaped: char) {
    match escaped {
        'n' => out.push('\n'),
        'r' => out.push('\r'),
        't' => out.push('\t'),
        '%' | '_' | 'x' => {
            out.push('\\');
            out.push(escaped);
        }
        other => out.push(other),
    }
}
