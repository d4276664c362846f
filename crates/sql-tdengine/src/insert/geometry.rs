//! GEOMETRY: well-known text in, little-endian well-known binary stored.

use std::borrow::Cow;

use triglot_model::GeomEncoding;

use super::value::{Given, Refused, Value};

const BAD: Refused = Refused::Syntax("invalid geometry data");
/// How deep collections may be nested.
const MAX_DEPTH: usize = 16;

/// The value of a geometry column.
pub(super) fn value<'t>(given: Given<'t>, encoding: GeomEncoding) -> Result<Value<'t>, Refused> {
    let Given::Text(text) = given else { return Err(BAD) };
    // Even where text is stored it must be a geometry.
    let binary = well_known_binary(&text).ok_or(BAD)?;
    Ok(match encoding {
        GeomEncoding::Wkb => Value::Bytes(Cow::Owned(binary)),
        GeomEncoding::Wkt => Value::Text(text),
    })
}

/// The binary form of a text such as `POLYGON((1 1, 2 2, 3 1, 1 1))`.
pub(crate) fn well_known_binary(text: &str) -> Option<Vec<u8>> {
    let mut input = Input { rest: text, out: Vec::new() };
    input.geometry(0)?;
    input.rest.trim().is_empty().then_some(input.out)
}

struct Input<'t> {
    rest: &'t str,
    out: Vec<u8>,
}

impl Input<'_> {
    fn geometry(&mut self, depth: usize) -> Option<()> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        self.rest = rest;
        let code = match word.to_ascii_uppercase().as_str() {
            "POINT" => 1,
            "LINESTRING" => 2,
            "POLYGON" => 3,
            "MULTIPOINT" => 4,
            "MULTILINESTRING" => 5,
            "MULTIPOLYGON" => 6,
            "GEOMETRYCOLLECTION" if depth < MAX_DEPTH => 7,
            _ => return None,
        };
        self.head(code);
        match code {
            1 => {
                self.expect('(')?;
                self.position()?;
                self.expect(')')
            }
            2 => self.list(&mut Self::position, 2),
            3 => self.list(&mut Self::ring, 1),
            4 => self.list(&mut Self::member_point, 1),
            5 => self.list(
                &mut |input| {
                    input.head(2);
                    input.list(&mut Self::position, 2)
                },
                1,
            ),
            6 => self.list(
                &mut |input| {
                    input.head(3);
                    input.list(&mut Self::ring, 1)
                },
                1,
            ),
            _ => self.list(&mut |input| input.geometry(depth + 1), 1),
        }
    }

    /// Byte order and kind.
    fn head(&mut self, code: u32) {
        self.out.push(1);
        self.out.extend_from_slice(&code.to_le_bytes());
    }

    /// `(item, …)` behind its count, or `EMPTY`.
    fn list(&mut self, item: &mut dyn FnMut(&mut Self) -> Option<()>, least: u32) -> Option<()> {
        let place = self.out.len();
        self.out.extend_from_slice(&0u32.to_le_bytes());
        if let Some(rest) = self.rest.trim_start().strip_prefix("EMPTY") {
            self.rest = rest;
            return Some(());
        }
        self.expect('(')?;
        let mut count = 0u32;
        loop {
            item(self)?;
            count = count.checked_add(1)?;
            if !self.take(',') {
                break;
            }
        }
        self.expect(')')?;
        self.out.get_mut(place..place + 4)?.copy_from_slice(&count.to_le_bytes());
        (count >= least).then_some(())
    }

    /// A ring: at least four positions, the last one equal to the first.
    fn ring(&mut self) -> Option<()> {
        let start = self.out.len() + 4;
        self.list(&mut Self::position, 4)?;
        let positions = self.out.get(start..)?;
        (positions.first_chunk::<16>() == positions.last_chunk::<16>()).then_some(())
    }

    fn member_point(&mut self) -> Option<()> {
        self.head(1);
        let bracketed = self.take('(');
        self.position()?;
        if bracketed { self.expect(')') } else { Some(()) }
    }

    fn position(&mut self) -> Option<()> {
        for _ in 0..2 {
            let text = self.rest.trim_start();
            let end =
                text.find(|c: char| c.is_whitespace() || matches!(c, ',' | ')' | '(')).unwrap_or(text.len());
            let (number, rest) = text.split_at(end);
            let value: f64 = number.parse().ok().filter(|v: &f64| v.is_finite())?;
            self.out.extend_from_slice(&value.to_le_bytes());
            self.rest = rest;
        }
        Some(())
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

    fn expect(&mut self, wanted: char) -> Option<()> {
        self.take(wanted).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths as the sheet gives them, bytes as the standard does.
    #[test]
    fn points_lines_and_polygons() {
        let point = well_known_binary("POINT(1.0 -2)").unwrap();
        assert_eq!(point.len(), 21);
        assert_eq!(point[..5], [1, 1, 0, 0, 0]);
        assert_eq!(point[5..13], 1f64.to_le_bytes());
        assert_eq!(well_known_binary("linestring (1 1, 2 2, 5 5)").unwrap().len(), 9 + 16 * 3);
        assert_eq!(well_known_binary("POLYGON((3 6, 5 6, 5 8, 3 8, 3 6))").unwrap().len(), 13 + 16 * 5);
        assert_eq!(well_known_binary("MULTIPOINT((1 1), 2 2)").unwrap().len(), 9 + 2 * 21);
        for bad in [
            "POINT(1)",
            "POINT(1 1",
            "POLYGON((1 1, 2 2, 3 3, 4 4))",
            "LINESTRING(1 1)",
            "",
            "POINT(a b)",
            "POINT(1 1) x",
        ] {
            assert_eq!(well_known_binary(bad), None, "{bad}");
        }
    }
}
