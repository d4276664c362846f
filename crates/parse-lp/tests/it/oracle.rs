//! A second reader, written for clearness from the same sheets: one character at a time, numbers
//! by the standard library, no memory of earlier points. The properties compare the two.

use triglot_parse_lp::{Dialect, FieldValue, Line};

/// A point as text, so that NaN equals NaN and both readers print alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) timestamp: Option<i64>,
}

pub(crate) fn plain(line: &Line<'_>) -> Plain {
    Plain {
        table: line.raw_measurement().to_owned(),
        key: line.series_key_raw().to_owned(),
        tags: line.tags().iter().map(|t| (t.raw_key().to_owned(), t.raw_value().to_owned())).collect(),
        fields: line.fields().iter().map(|f| (f.raw_key().to_owned(), print(f.value()))).collect(),
        timestamp: line.timestamp(),
    }
}

fn print(value: FieldValue<'_>) -> String {
    match value {
        FieldValue::Str(text) => format!("Str {:?}", text.raw()),
        FieldValue::NChar(text) => format!("NChar {:?}", text.raw()),
        FieldValue::Geometry(text) => format!("Geometry {:?}", text.raw()),
        FieldValue::Binary(_) => "Binary".to_owned(),
        FieldValue::F64(v) if v.is_nan() => "F64(NaN)".to_owned(),
        other => format!("{other:?}"),
    }
}

/// The points of a body, or at the first bad one the kind and offset of its error.
pub(crate) fn read(body: &str, dialect: Dialect) -> (Vec<Plain>, Option<(&'static str, usize)>) {
    let mut reader = Reader { b: body.as_bytes(), body, i: 0, dialect };
    let mut points = Vec::new();
    loop {
        match reader.point() {
            Ok(Some(point)) => points.push(point),
            Ok(None) => return (points, None),
            Err(error) => return (points, Some(error)),
        }
    }
}

type Out<T> = Result<T, (&'static str, usize)>;

struct Reader<'a> {
    b: &'a [u8],
    body: &'a str,
    i: usize,
    dialect: Dialect,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.b.get(self.i).copied()
    }

    fn white(&self) -> bool {
        self.peek().is_some_and(|c| c.is_ascii_whitespace())
    }

    fn point(&mut self) -> Out<Option<Plain>> {
        while self.white() || self.peek() == Some(b'#') {
            if self.peek() == Some(b'#') {
                while !matches!(self.peek(), None | Some(b'\n' | b'\r')) {
                    self.i += 1;
                }
            } else {
                self.i += 1;
            }
        }
        if self.peek().is_none() {
            return Ok(None);
        }
        let start = self.i;
        let table = self.name(false, false)?;
        let mut tags = Vec::new();
        while self.peek() == Some(b',') {
            self.i += 1;
            let key = self.key()?;
            let at = self.i;
            let value = self.name(true, true)?;
            if self.peek() == Some(b'=') {
                return Err(("token", self.i));
            }
            if value.is_empty() && self.dialect == Dialect::Influx {
                return Err(("syntax", at));
            }
            tags.push((key, value));
        }
        let key = self.body[start..self.i].to_owned();
        self.blanks();
        let mut fields = Vec::new();
        loop {
            let key = self.key()?;
            fields.push((key, self.value()?));
            if self.peek() != Some(b',') {
                break;
            }
            self.i += 1;
        }
        self.blanks();
        let mut timestamp = None;
        if self.peek().is_some() && !self.white() {
            let from = self.i;
            while self.peek().is_some() && !self.white() {
                self.i += 1;
            }
            timestamp = Some(self.body[from..self.i].parse().map_err(|_| ("timestamp", self.i))?);
        }
        if self.dialect != Dialect::CnosDb {
            while self.white() && self.peek() != Some(b'\n') {
                self.i += 1;
            }
            if !matches!(self.peek(), None | Some(b'\n')) {
                return Err(("token", self.i));
            }
        }
        Ok(Some(Plain { table, key, tags, fields, timestamp }))
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.i += 1;
        }
    }

    fn key(&mut self) -> Out<String> {
        let key = self.name(true, false)?;
        if self.peek() != Some(b'=') {
            return Err(("token", self.i));
        }
        self.i += 1;
        Ok(key)
    }

    fn name(&mut self, equals: bool, may_be_empty: bool) -> Out<String> {
        let start = self.i;
        loop {
            match self.peek() {
                None | Some(b'\n' | b'\r') => return Err(("end", start)),
                Some(b',' | b' ') => break,
                Some(b'=') if equals => break,
                Some(b'\\') => {
                    self.i += 1;
                    let next = self.peek();
                    let pair = match self.dialect {
                        Dialect::CnosDb => match next {
                            None => return Err(("end", start)),
                            Some(c) if b", \\\"'".contains(&c) || (equals && c == b'=') => true,
                            Some(_) => return Err(("token", self.i)),
                        },
                        _ => next.is_some_and(|c| b", =".contains(&c)),
                    };
                    self.i += usize::from(pair);
                }
                Some(_) => self.i += 1,
            }
        }
        if self.i == start && !may_be_empty {
            return Err(("token", start));
        }
        Ok(self.body[start..self.i].to_owned())
    }

    fn value(&mut self) -> Out<String> {
        let start = self.i;
        match self.peek() {
            None | Some(b'\n' | b'\r') => return Err(("end", start)),
            Some(b'"') => return self.string(start).map(|text| format!("Str {text:?}")),
            _ => {}
        }
        let typed = self.dialect == Dialect::TdEngine && self.b.get(start + 1) == Some(&b'"');
        if typed && matches!(self.peek(), Some(b'L' | b'G' | b'B')) {
            self.i += 1;
            let text = self.string(start)?;
            return match self.b[start] {
                b'L' => Ok(format!("NChar {text:?}")),
                b'G' => Ok(format!("Geometry {text:?}")),
                _ => match text.strip_prefix("\\x") {
                    Some(hex) if hex.len() % 2 == 1 || !hex.chars().all(|c| c.is_ascii_hexdigit()) => {
                        Err(("value", start))
                    }
                    _ => Ok("Binary".to_owned()),
                },
            };
        }
        while self.peek().is_some() && self.peek() != Some(b',') && !self.white() {
            self.i += 1;
        }
        let token = &self.body[start..self.i];
        scalar(token, self.dialect).ok_or(("value", start))
    }

    fn string(&mut self, start: usize) -> Out<String> {
        self.i += 1;
        let from = self.i;
        let one_line = !matches!(self.dialect, Dialect::CnosDb | Dialect::Influx);
        loop {
            match self.peek() {
                None => return Err(("end", start)),
                Some(b'\n' | b'\r') if one_line => return Err(("end", start)),
                Some(b'"') => break,
                Some(b'\\') if matches!(self.b.get(self.i + 1), Some(b'"' | b'\\')) => self.i += 2,
                Some(_) => self.i += 1,
            }
        }
        let text = self.body[from..self.i].to_owned();
        self.i += 1;
        if self.peek().is_some() && self.peek() != Some(b',') && !self.white() {
            return Err(("token", self.i));
        }
        Ok(text)
    }
}

fn scalar(token: &str, dialect: Dialect) -> Option<String> {
    if ["t", "T", "true", "True", "TRUE"].contains(&token) {
        return Some("Bool(true)".to_owned());
    }
    if ["f", "F", "false", "False", "FALSE"].contains(&token) {
        return Some("Bool(false)".to_owned());
    }
    let found = number(token, dialect);
    if found.is_none() && dialect == Dialect::KwdbTelegraf && !token.is_empty() && !token.contains('"') {
        return Some(format!("Str {token:?}"));
    }
    found
}

fn number(token: &str, dialect: Dialect) -> Option<String> {
    macro_rules! int {
        ($suffix:literal, $type:ty, $name:literal, $signed:literal) => {
            if let Some(digits) = token.strip_suffix($suffix) {
                if !$signed && digits.starts_with('+') {
                    return None;
                }
                return digits.parse::<$type>().ok().map(|v| format!("{}({v})", $name));
            }
        };
    }
    int!("i", i64, "I64", true);
    int!("u", u64, "U64", false);
    if dialect == Dialect::TdEngine {
        int!("i8", i8, "I8", true);
        int!("i16", i16, "I16", true);
        int!("i32", i32, "I32", true);
        int!("i64", i64, "I64", true);
        int!("u8", u8, "U8", false);
        int!("u16", u16, "U16", false);
        int!("u32", u32, "U32", false);
        int!("u64", u64, "U64", false);
        match token.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str() {
            "nan" if token.len() <= 4 => return Some("F64(NaN)".to_owned()),
            "inf" if token.len() <= 4 => {
                return Some(format!("F64({}inf)", if token.starts_with('-') { "-" } else { "" }));
            }
            _ => {}
        }
        if let Some(digits) = token.strip_suffix("f32") {
            return float::<f32>(digits, dialect).filter(|v| v.is_finite()).map(|v| format!("F32({v:?})"));
        }
    }
    let digits =
        if dialect == Dialect::TdEngine { token.strip_suffix("f64").unwrap_or(token) } else { token };
    float::<f64>(digits, dialect).filter(|v| v.is_finite()).map(|v| format!("F64({v:?})"))
}

fn float<T: std::str::FromStr>(text: &str, dialect: Dialect) -> Option<T> {
    if text.chars().any(|c| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E')) {
        return None; // `inf`, `nan` and their kin
    }
    let bare_dot = text.starts_with('.') && dialect == Dialect::CnosDb;
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let open_dot = mantissa.ends_with('.') && matches!(dialect, Dialect::Kwdb | Dialect::KwdbTelegraf);
    if bare_dot || open_dot { None } else { text.parse().ok() }
}
