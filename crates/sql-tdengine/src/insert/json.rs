//! JSON tags: an object of scalars (sheet section 3, "JSON tag").

use super::value::Refused;

/// The longest tag in bytes.
const MAX_TAG: usize = 4095;
/// The longest key in bytes.
const MAX_KEY: usize = 256;

/// The canonical text of a JSON tag: of keys that occur twice the first stays, NULL members too. None: NULL
/// (empty text, `null`, an object without members).
pub(super) fn checked(text: &str) -> Result<Option<String>, Refused> {
    let text = text.trim();
    if text.len() > MAX_TAG {
        return Err(Refused::TooLong);
    }
    if text.is_empty() || text.eq_ignore_ascii_case("null") {
        return Ok(None);
    }
    let mut input = Input { rest: text };
    let object = input.object()?;
    if !input.rest.trim().is_empty() {
        return Err(Refused::Json);
    }
    Ok(object)
}

struct Input<'t> {
    rest: &'t str,
}

impl<'t> Input<'t> {
    fn object(&mut self) -> Result<Option<String>, Refused> {
        self.expect('{')?;
        let mut keys: Vec<&str> = Vec::new();
        let mut out = String::from("{");
        if self.take('}') {
            return Ok(None);
        }
        loop {
            let key = self.string()?;
            let inner = key.get(1..key.len().saturating_sub(1)).unwrap_or_default();
            let printable = inner.bytes().all(|b| (0x20..0x7F).contains(&b));
            if inner.len() > MAX_KEY || !printable {
                return Err(Refused::Json);
            }
            self.expect(':')?;
            let value = self.scalar()?;
            // Empty keys are left out, as the vendor does.
            if !inner.is_empty() && !keys.contains(&inner) {
                keys.push(inner);
                if out.len() > 1 {
                    out.push(',');
                }
                out.extend([key, ":", value]);
            }
            if self.take('}') {
                out.push('}');
                return Ok((!keys.is_empty()).then_some(out));
            }
            self.expect(',')?;
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.trim_start().strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), Refused> {
        if self.take(wanted) { Ok(()) } else { Err(Refused::Json) }
    }

    /// A string with its quotes.
    fn string(&mut self) -> Result<&'t str, Refused> {
        let text = self.rest.trim_start();
        let mut escaped = false;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'"' if at == 0 => {}
                _ if at == 0 => return Err(Refused::Json),
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    let (string, rest) = text.split_at(at + 1);
                    self.rest = rest;
                    return Ok(string);
                }
                0..0x20 => return Err(Refused::Json),
                _ => {}
            }
        }
        Err(Refused::Json)
    }

    /// A string, number, boolean or null as it stands.
    fn scalar(&mut self) -> Result<&'t str, Refused> {
        let text = self.rest.trim_start();
        match text.chars().next() {
            Some('"') => self.string(),
            Some('{' | '[') => Err(Refused::JsonType),
            _ => {
                let end = text.find([',', '}']).ok_or(Refused::Json)?;
                let (word, rest) = text.split_at(end);
                self.rest = rest;
                let word = word.trim_end();
                let is_number = word.starts_with(|c: char| c == '-' || c.is_ascii_digit())
                    && word.parse::<f64>().is_ok_and(f64::is_finite);
                if is_number || matches!(word, "true" | "false" | "null") {
                    Ok(word)
                } else {
                    Err(Refused::Json)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_scalars_only() {
        assert_eq!(
            checked(r#"{"a": 1, "b": "x,}", "a": 2, "c":null}"#),
            Ok(Some(r#"{"a":1,"b":"x,}","c":null}"#.into()))
        );
        for null in ["", "null", "{}", " NULL "] {
            assert_eq!(checked(null), Ok(None));
        }
        for bad in [
            "[1]",
            "1",
            "{",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1"#,
            r#"{"a":1}x"#,
            r#"{"ä":1}"#,
            r#"{"a":inf}"#,
        ] {
            assert_eq!(checked(bad), Err(Refused::Json), "{bad}");
        }
        assert_eq!(checked(r#"{"a":[1]}"#), Err(Refused::JsonType));
        assert_eq!(checked(r#"{"a":{"b":1}}"#), Err(Refused::JsonType));
        assert_eq!(checked(&format!("{{\"a\":\"{}\"}}", "x".repeat(5000))), Err(Refused::TooLong));
    }
}
