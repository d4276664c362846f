//! JSON strings.

/// Appends a JSON string with its quotes.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let special = |b: u8| (b < 0x20) | (b == b'"') | (b == b'\\');
    // Nearly all texts need no escape: all bytes are looked at, which the compiler does sixteen at a time.
    if bytes.iter().fold(false, |found, b| found | special(*b)) {
        push_escaped(out, bytes);
    } else {
        out.extend_from_slice(bytes);
    }
    out.push(b'"');
}

fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
        copied = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_demands_is_escaped() {
        let text = "a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{1f}/<>&数\u{2028}";
        let mut out = Vec::new();
        push_string(&mut out, text);
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u001f/<>&数\u{2028}\"");
    }
}
