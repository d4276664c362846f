//! Columns of geometries take no other text.

use arrow::array::{ArrayRef, AsArray};
use triglot_functions::geometry::{GeometryKind, validate_wkt};
use triglot_model::{ColumnDef, ColumnType, GeomEncoding, TableDef};

use super::IngestError;

/// Refuses texts that are not the well-known text of a geometry of the column's kind.
pub(super) fn check_geometry(
    def: &TableDef,
    column: &ColumnDef,
    values: &ArrayRef,
) -> Result<(), IngestError> {
    if column.ty != ColumnType::Geom(GeomEncoding::Wkt) {
        return Ok(());
    }
    let kind = declared_kind(column);
    for text in values.as_string_opt::<i32>().into_iter().flatten().flatten() {
        validate_wkt(text, kind).map_err(|error| IngestError::Geometry {
            table: def.name.clone(),
            column: column.name.clone(),
            reason: error.to_string(),
        })?;
    }
    Ok(())
}

/// The kind that the declaration restricts the column to: the first word between brackets, in all
/// dialects that can restrict it (`Geometry(POINT, 0)`).
fn declared_kind(column: &ColumnDef) -> Option<GeometryKind> {
    let (_, inside) = column.declared.as_deref()?.split_once('(')?;
    GeometryKind::from_name(inside.split([',', ')']).next()?.trim())
}
