use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, Float64Array, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use geo::{Area, Distance, Euclidean, Geometry, HasDimensions, Relate};

use super::text::{geometry, parse};

/// Functions over geometries as text. Each is NULL if an argument is NULL, and fails with
/// `Invalid WKT format: …` on a text that is not a geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GeometryFunction {
    /// `(a, b) -> double`: the shortest distance, 0 if they meet; NULL if one is empty.
    Distance,
    /// `(a) -> double`: the area; 0 for points and lines.
    Area,
    /// `(a, b) -> boolean`: no point of b is outside a, and their interiors meet.
    Contains,
    /// `(a, b) -> boolean`: b contains a.
    Within,
    /// `(a, b) -> boolean`: they have a point in common.
    Intersects,
    /// `(a, b) -> boolean`: they have no point in common.
    Disjoint,
    /// `(a, b) -> boolean`: the same set of points.
    Equals,
    /// `(a) -> binary`: well-known binary, little endian.
    AsBinary,
    /// `(a, b) -> boolean`: they have a point in common, their interiors have none.
    Touches,
    /// `(a, b) -> boolean`: no point of b is outside a.
    Covers,
    /// `(a, b) -> boolean`: every point of b is in the interior of a.
    ContainsProperly,
}

impl GeometryFunction {
    /// Those that every dialect with geometries has.
    pub const COMMON: [Self; 8] = [
        Self::Distance,
        Self::Area,
        Self::Contains,
        Self::Within,
        Self::Intersects,
        Self::Disjoint,
        Self::Equals,
        Self::AsBinary,
    ];

    /// The name in SQL/MM and OGC's simple features, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Distance => "st_distance",
            Self::Area => "st_area",
            Self::Contains => "st_contains",
            Self::Within => "st_within",
            Self::Intersects => "st_intersects",
            Self::Disjoint => "st_disjoint",
            Self::Equals => "st_equals",
            Self::AsBinary => "st_asbinary",
            Self::Touches => "st_touches",
            Self::Covers => "st_covers",
            Self::ContainsProperly => "st_containsproperly",
        }
    }

    /// The function.
    pub fn udf(self) -> ScalarUDF {
        let arguments = match self {
            Self::Area | Self::AsBinary => 1,
            _ => 2,
        };
        ScalarUDF::from(OfText {
            function: self,
            signature: Signature::string(arguments, Volatility::Immutable),
        })
    }

    const fn return_type(self) -> DataType {
        match self {
            Self::Distance | Self::Area => DataType::Float64,
            Self::AsBinary => DataType::Binary,
            _ => DataType::Boolean,
        }
    }

    /// The predicate of two geometries. geo asserts what only holds for valid polygons (rings that do not
    /// cross themselves), so a failed assertion is an invalid geometry.
    fn test(self, a: &Geometry<f64>, b: &Geometry<f64>) -> Result<bool> {
        let Ok(matrix) = catch_unwind(AssertUnwindSafe(|| a.relate(b))) else {
            return exec_err!("{} got an invalid geometry, such as a ring that crosses itself", self.name());
        };
        Ok(match self {
            Self::Contains => matrix.is_contains(),
            Self::Within => matrix.is_within(),
            Self::Disjoint => matrix.is_disjoint(),
            Self::Equals => matrix.is_equal_topo(),
            Self::Touches => matrix.is_touches(),
            Self::Covers => matrix.is_covers(),
            Self::ContainsProperly => matrix.is_contains_properly(),
            _ => matrix.is_intersects(),
        })
    }

    /// The distance of two geometries that are not empty; geo asserts there too.
    fn distance(self, a: &Geometry<f64>, b: &Geometry<f64>) -> Result<f64> {
        match catch_unwind(AssertUnwindSafe(|| Euclidean.distance(a, b))) {
            Ok(distance) => Ok(distance),
            Err(_) => exec_err!("{} got an invalid geometry, such as a line of one point", self.name()),
        }
    }

    fn run(self, args: &[ColumnarValue], rows: usize) -> Result<ArrayRef> {
        match (self, args) {
            (Self::AsBinary, [text]) => as_binary(text, rows),
            (Self::Area, [text]) => {
                let shapes = Shapes::read(text)?;
                let areas = (0..rows).map(|row| shapes.at(row).map(Area::unsigned_area));
                Ok(Arc::new(Float64Array::from_iter(areas)))
            }
            (_, [a, b]) => {
                let (a, b) = (Shapes::read(a)?, Shapes::read(b)?);
                let pairs = (0..rows).map(|row| Some((a.at(row)?, b.at(row)?)));
                Ok(match self {
                    Self::Distance => {
                        let solid = pairs.map(|pair| pair.filter(|(a, b)| !a.is_empty() && !b.is_empty()));
                        let measured = solid.map(|pair| pair.map(|(a, b)| self.distance(a, b)).transpose());
                        Arc::new(measured.collect::<Result<Float64Array>>()?)
                    }
                    _ => {
                        let tested = pairs.map(|pair| pair.map(|(a, b)| self.test(a, b)).transpose());
                        Arc::new(tested.collect::<Result<BooleanArray>>()?)
                    }
                })
            }
            _ => exec_err!("{} got {} arguments", self.name(), args.len()),
        }
    }
}

/// The function over well-known text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OfText {
    function: GeometryFunction,
    signature: Signature,
}

impl ScalarUDFImpl for OfText {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.function.return_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Array(self.function.run(&args.args, args.number_rows)?))
    }
}

/// The geometries of one argument. A constant is parsed once for all rows.
enum Shapes {
    Constant(Option<Geometry<f64>>),
    Rows(Vec<Option<Geometry<f64>>>),
}

impl Shapes {
    fn read(argument: &ColumnarValue) -> Result<Self> {
        Ok(match argument {
            ColumnarValue::Scalar(value) => Self::Constant(shape(text(value)?)?),
            ColumnarValue::Array(array) => Self::Rows(texts(array)?.map(shape).collect::<Result<_>>()?),
        })
    }

    fn at(&self, row: usize) -> Option<&Geometry<f64>> {
        match self {
            Self::Constant(shape) => shape.as_ref(),
            Self::Rows(shapes) => shapes.get(row)?.as_ref(),
        }
    }
}

fn shape(text: Option<&str>) -> Result<Option<Geometry<f64>>> {
    let Some(text) = text else { return Ok(None) };
    let shape = parse(text).and_then(geometry).map_err(|e| exec_datafusion_err!("{e}"))?;
    Ok(Some(shape))
}

fn text(value: &ScalarValue) -> Result<Option<&str>> {
    match value {
        ScalarValue::Null => Ok(None),
        other => match other.try_as_str() {
            Some(text) => Ok(text),
            None => exec_err!("expected text, got {}", other.data_type()),
        },
    }
}

fn texts(array: &ArrayRef) -> Result<Box<dyn Iterator<Item = Option<&str>> + '_>> {
    Ok(match array.data_type() {
        DataType::Utf8 => Box::new(array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => Box::new(array.as_string::<i64>().iter()),
        DataType::Utf8View => Box::new(array.as_string_view().iter()),
        other => return exec_err!("expected text, got {other}"),
    })
}

fn as_binary(argument: &ColumnarValue, rows: usize) -> Result<ArrayRef> {
    let array = argument.to_array(rows)?;
    let mut out = BinaryBuilder::with_capacity(rows, 0);
    let mut bytes = Vec::new();
    for text in texts(&array)? {
        let Some(text) = text else {
            out.append_null();
            continue;
        };
        let wkt = parse(text).map_err(|e| exec_datafusion_err!("{e}"))?;
        bytes.clear();
        wkb::writer::write_geometry(&mut bytes, &wkt, &wkb::writer::WriteOptions::default())
            .map_err(|e| exec_datafusion_err!("{e}"))?;
        out.append_value(&bytes);
    }
    Ok(Arc::new(out.finish()))
}

/// `st_geomfromwkb(binary) -> text`: the well-known text of well-known binary. NULL for NULL; fails with
/// `Invalid WKB format: …` on other bytes.
pub fn from_wkb() -> ScalarUDF {
    ScalarUDF::from(FromWkb { signature: Signature::exact(vec![DataType::Binary], Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FromWkb {
    signature: Signature,
}

impl ScalarUDFImpl for FromWkb {
    fn name(&self) -> &str {
        "st_geomfromwkb"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [argument] = args.args.as_slice() else { return exec_err!("{} takes one argument", self.name()) };
        let array = argument.to_array(args.number_rows)?;
        let Some(binary) = array.as_binary_opt::<i32>() else {
            return exec_err!("expected binary, got {}", array.data_type());
        };
        let mut out = StringBuilder::with_capacity(binary.len(), 0);
        let mut text = String::new();
        for bytes in binary {
            let Some(bytes) = bytes else {
                out.append_null();
                continue;
            };
            let invalid = |e: &dyn std::fmt::Display| exec_datafusion_err!("Invalid WKB format: {e}");
            let shape = wkb::reader::read_wkb(bytes).map_err(|e| invalid(&e))?;
            text.clear();
            wkt::to_wkt::write_geometry(&mut text, &shape).map_err(|e| invalid(&e))?;
            out.append_value(&text);
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rings over few points of a grid cross and touch themselves in every way.
    #[test]
    fn no_geometry_panics() {
        let mut seed = 7_u64;
        let mut coordinate = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from((seed >> 33) as u32 % 4)
        };
        let mut ring = |n: usize| geo::LineString::from_iter((0..n).map(|_| (coordinate(), coordinate())));
        let shapes: Vec<Geometry<f64>> = (0..60)
            .map(|i| match i % 3 {
                0 => Geometry::LineString(ring(1 + i % 5)),
                1 => Geometry::Polygon(geo::Polygon::new(ring(3 + i % 6), vec![])),
                _ => Geometry::Polygon(geo::Polygon::new(ring(4), vec![ring(3), ring(5)])),
            })
            .collect();
        for (a, b) in shapes.iter().flat_map(|a| shapes.iter().map(move |b| (a, b))) {
            let meets = GeometryFunction::Intersects.test(a, b);
            if let (Ok(meets), Ok(apart)) = (meets, GeometryFunction::Disjoint.test(a, b)) {
                assert_ne!(meets, apart);
            }
            assert!(GeometryFunction::Distance.distance(a, b).unwrap_or(0.0) >= 0.0);
        }
    }
}
