use std::fmt;
use std::str::FromStr;

use geo::{CoordsIter, Geometry};
use wkt::Wkt;

/// Brackets that a text may nest: enough for collections in collections. The parser recurses.
const MAX_NESTING: usize = 64;

/// The kinds of geometry that a column may be restricted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GeometryKind {
    /// One position.
    Point,
    /// A chain of positions.
    LineString,
    /// An area with holes.
    Polygon,
    /// Several points.
    MultiPoint,
    /// Several chains.
    MultiLineString,
    /// Several areas.
    MultiPolygon,
    /// Any of the others together.
    GeometryCollection,
}

impl GeometryKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Point,
        Self::LineString,
        Self::Polygon,
        Self::MultiPoint,
        Self::MultiLineString,
        Self::MultiPolygon,
        Self::GeometryCollection,
    ];

    /// The word in well-known text, in capitals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Point => "POINT",
            Self::LineString => "LINESTRING",
            Self::Polygon => "POLYGON",
            Self::MultiPoint => "MULTIPOINT",
            Self::MultiLineString => "MULTILINESTRING",
            Self::MultiPolygon => "MULTIPOLYGON",
            Self::GeometryCollection => "GEOMETRYCOLLECTION",
        }
    }

    /// The kind with this name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    const fn of(wkt: &Wkt<f64>) -> Self {
        match wkt {
            Wkt::Point(_) => Self::Point,
            Wkt::LineString(_) => Self::LineString,
            Wkt::Polygon(_) => Self::Polygon,
            Wkt::MultiPoint(_) => Self::MultiPoint,
            Wkt::MultiLineString(_) => Self::MultiLineString,
            Wkt::MultiPolygon(_) => Self::MultiPolygon,
            Wkt::GeometryCollection(_) => Self::GeometryCollection,
        }
    }
}

impl fmt::Display for GeometryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text is not the geometry that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WktError {
    /// Not well-known text.
    #[error("Invalid WKT format: {reason}")]
    Malformed {
        /// The parser's words.
        reason: String,
    },
    /// A coordinate is not a finite number.
    #[error("Invalid WKT format: coordinates must be finite")]
    NotFinite,
    /// Deeper than collections make sense.
    #[error("Invalid WKT format: more than {limit} brackets are open")]
    TooDeep {
        /// How deep it may be.
        limit: usize,
    },
    /// A geometry, but of another kind.
    #[error("expected {expected}, got {found}")]
    OtherKind {
        /// What the column takes.
        expected: GeometryKind,
        /// What the text says.
        found: GeometryKind,
    },
}

/// Checks that `text` is the well-known text of a geometry, and of kind `kind` if that is given.
///
/// # Errors
/// It is malformed, or of another kind.
pub fn validate_wkt(text: &str, kind: Option<GeometryKind>) -> Result<(), WktError> {
    let wkt = parse(text)?;
    let found = GeometryKind::of(&wkt);
    if let Some(expected) = kind.filter(|k| *k != found) {
        return Err(WktError::OtherKind { expected, found });
    }
    geometry(wkt).map(|_| ())
}

/// The geometry as it stands in the text.
pub(super) fn parse(text: &str) -> Result<Wkt<f64>, WktError> {
    check_ends(text)?;
    Wkt::from_str(text).map_err(|reason| WktError::Malformed { reason: reason.to_owned() })
}

/// What the parser does not check: how deep brackets nest, and that nothing follows the geometry.
fn check_ends(text: &str) -> Result<(), WktError> {
    let behind = || Err(WktError::Malformed { reason: "text behind the geometry".to_owned() });
    let (head, body) = text.split_at(text.find('(').unwrap_or(text.len()));
    let is_empty = head.split_whitespace().next_back().is_some_and(|w| w.eq_ignore_ascii_case("empty"));
    if is_empty != body.is_empty() || text.contains('\0') {
        return behind();
    }
    let (mut open, mut closed) = (0_usize, false);
    for byte in body.bytes() {
        match byte {
            _ if closed && !byte.is_ascii_whitespace() => return behind(),
            b'(' => open += 1,
            b')' => {
                open = open.saturating_sub(1);
                closed = open == 0;
            }
            _ => {}
        }
        if open > MAX_NESTING {
            return Err(WktError::TooDeep { limit: MAX_NESTING });
        }
    }
    Ok(())
}

/// The geometry for computing; an empty point becomes an empty collection of points.
pub(super) fn geometry(wkt: Wkt<f64>) -> Result<Geometry<f64>, WktError> {
    let is_point = matches!(wkt, Wkt::Point(_));
    let geometry = match Geometry::try_from(wkt) {
        Ok(geometry) => geometry,
        // The only text that geo has no shape for.
        Err(_) if is_point => Geometry::MultiPoint(geo::MultiPoint::new(Vec::new())),
        Err(error) => return Err(WktError::Malformed { reason: error.to_string() }),
    };
    if geometry.coords_iter().any(|c| !c.x.is_finite() || !c.y.is_finite()) {
        return Err(WktError::NotFinite);
    }
    Ok(geometry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_kind_are_accepted() {
        for (kind, text) in [
            (GeometryKind::Point, "POINT(1 -2.5)"),
            (GeometryKind::Point, "point (1e3 2)"),
            (GeometryKind::Point, "POINT EMPTY"),
            (GeometryKind::Point, "POINT Z (1 2 3)"),
            (GeometryKind::LineString, "LINESTRING(0 0, 1 1, 2 0)"),
            (GeometryKind::Polygon, "POLYGON((0 0,4 0,4 4,0 4,0 0),(1 1,2 1,2 2,1 1))"),
            (GeometryKind::MultiPoint, "MULTIPOINT((0 0), (1 1))"),
            (GeometryKind::MultiPoint, "MULTIPOINT(0 0, 1 1)"),
            (GeometryKind::MultiLineString, "MULTILINESTRING((0 0,1 1),(2 2,3 3))"),
            (GeometryKind::MultiPolygon, "MULTIPOLYGON(((0 0,1 0,1 1,0 0)))"),
            (GeometryKind::GeometryCollection, "GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))"),
        ] {
            assert_eq!(validate_wkt(text, Some(kind)), Ok(()), "{text}");
            assert_eq!(validate_wkt(text, None), Ok(()), "{text}");
        }
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in [
            "",
            "POINT",
            "POINT()",
            "POINT(1)",
            "POINT(1 2",
            "POINT(a b)",
            "CIRCLE(0 0, 1)",
            "1 2",
            "POINT(1 2) POINT(3 4)",
            "POINT EMPTY 1",
            "POINT EMPTY (1 2)",
            "POINT(1 2)\0",
        ] {
            assert!(validate_wkt(text, None).is_err(), "{text}");
        }
        for text in ["POINT(NaN 1)", "LINESTRING(0 0, inf 1)", "POINT(1e999 0)"] {
            assert!(validate_wkt(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn another_kind_is_named() {
        let error = validate_wkt("LINESTRING(0 0, 1 1)", Some(GeometryKind::Point));
        assert_eq!(
            error,
            Err(WktError::OtherKind { expected: GeometryKind::Point, found: GeometryKind::LineString })
        );
        assert_eq!(GeometryKind::from_name("multiPolygon"), Some(GeometryKind::MultiPolygon));
        assert_eq!(GeometryKind::from_name("circle"), None);
    }

    #[test]
    fn deep_texts_do_not_exhaust_the_stack() {
        let deep = "GEOMETRYCOLLECTION(".repeat(100_000);
        assert_eq!(validate_wkt(&deep, None), Err(WktError::TooDeep { limit: MAX_NESTING }));
    }
}
