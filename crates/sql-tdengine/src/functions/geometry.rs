//! Geometries: well-known binary in columns, well-known text in SQL.

use std::sync::Arc;

use arrow::array::StringArray;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::prelude::{Expr, cast, lit};
use triglot_functions::geometry::{GeometryFunction, from_wkb};

use super::args::Args;
use super::convert::{as_double, is_null};
use super::udf;
use crate::typed::Typed;
use crate::{TaosError, TaosType};

/// The call of a function of this family.
pub(super) fn call(name: &str, args: &Args<'_>) -> Result<Option<Typed>, TaosError> {
    Ok(Some(match name {
        "st_geomfromtext" => {
            let [text] = args.exactly()?;
            geometry(GeometryFunction::AsBinary.udf(), vec![args.text(text)?])
        }
        "st_makepoint" => {
            let [x, y] = args.exactly()?;
            let inputs = vec![as_double(args.number(x)?), as_double(args.number(y)?)];
            let text = udf::call("point_text", DataType::Utf8, inputs, |args| {
                let pairs = udf::doubles(args, 0)?.iter().zip(udf::doubles(args, 1)?);
                let points = pairs.map(|(x, y)| {
                    let (x, y) = (x?, y?);
                    (x.is_finite() && y.is_finite()).then(|| format!("POINT ({x} {y})"))
                });
                Ok(Arc::new(points.collect::<StringArray>()))
            });
            geometry(GeometryFunction::AsBinary.udf(), vec![text])
        }
        "st_astext" => {
            let [value] = args.exactly()?;
            Typed::new(text(args, value)?, TaosType::Varchar, 65_517)
        }
        _ => {
            let Some(function) = predicate(name) else { return Ok(None) };
            let [a, b] = args.exactly()?;
            let inputs = vec![text(args, a)?, text(args, b)?];
            let call = ScalarFunction::new_udf(Arc::new(function.udf()), inputs);
            Typed::fixed(Expr::ScalarFunction(call), TaosType::Bool)
        }
    }))
}

fn predicate(name: &str) -> Option<GeometryFunction> {
    Some(match name {
        "st_intersects" => GeometryFunction::Intersects,
        "st_equals" => GeometryFunction::Equals,
        "st_contains" => GeometryFunction::Contains,
        "st_containsproperly" => GeometryFunction::ContainsProperly,
        "st_covers" => GeometryFunction::Covers,
        "st_touches" => GeometryFunction::Touches,
        _ => return None,
    })
}

fn geometry(function: datafusion::logical_expr::ScalarUDF, inputs: Vec<Expr>) -> Typed {
    let call = ScalarFunction::new_udf(Arc::new(function), inputs);
    Typed::new(Expr::ScalarFunction(call), TaosType::Geometry, 65_517)
}

/// A geometry as well-known text.
fn text(args: &Args<'_>, value: Typed) -> Result<Expr, TaosError> {
    if is_null(&value) {
        return Ok(lit(ScalarValue::Utf8(None)));
    }
    if value.ty != TaosType::Geometry {
        return Err(args.wrong_type());
    }
    let call = ScalarFunction::new_udf(Arc::new(from_wkb()), vec![cast(value.expr, DataType::Binary)]);
    Ok(Expr::ScalarFunction(call))
}
