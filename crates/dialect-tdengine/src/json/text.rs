//! Strings.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A string of a result: only what JSON demands is escaped.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text.as_bytes());
    out.push(b'"');
}

/// The inside of a string. Bytes that need no escape are copied in runs.
fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\') {
        let (plain, behind) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((special, behind)) = behind.split_first() else { return };
        push_special(out, *special);
        rest = behind;
    }
    out.extend_from_slice(rest);
}

fn push_special(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            let digit = |n: u8| HEX.get(usize::from(n & 15)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
        }
    }
}

/// A string of a small reply: `<`, `>`, `&` and the two line separators of Unicode are escaped, too, as
/// Go's library does.
pub(crate) fn push_escaped_html(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        let (plain, behind) = rest.split_at(at);
        push_escaped(out, plain.as_bytes());
        let mut chars = behind.chars();
        let special = chars.next().map_or(0, u32::from);
        out.extend_from_slice(format!("\\u{special:04x}").as_bytes());
        rest = chars.as_str();
    }
    push_escaped(out, rest.as_bytes());
    out.push(b'"');
}

/// Lower-case hexadecimal digits as a string.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let digit = |n: u8| HEX.get(usize::from(n & 15)).copied().unwrap_or(b'0');
    out.extend(bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]));
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(push: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn results_escape_what_json_demands_only() {
        let text = "a\"b\\c\n\r\t\u{1}\u{1f}/<>&数\u{2028}";
        assert_eq!(written(|o| push_string(o, text)), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f/<>&数\u{2028}\"");
        assert_eq!(serde_json::from_str::<String>(&written(|o| push_string(o, text))).unwrap(), text);
    }

    #[test]
    fn small_replies_escape_markup_too() {
        let text = "near \"<a> & b\u{2029}\"";
        let wanted = r#""near \"\u003ca\u003e \u0026 b\u2029\"""#;
        assert_eq!(written(|o| push_escaped_html(o, text)), wanted);
    }

    #[test]
    fn bytes_are_lower_case_hex() {
        assert_eq!(written(|o| push_hex(o, &[0, 0x9f, 0xAB])), "\"009fab\"");
    }
}
