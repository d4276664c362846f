//! Which series pass the predicates over tags: decided on the series index while planning.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryViewArray, BooleanArray, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::{Expr, Operator};
use datafusion::physical_plan::PhysicalExpr;
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, ColumnKind, ColumnType, ShardId, TableDef, hex};

use crate::source::{SeriesSelection, SeriesSource, SidSet};

/// The series that pass all `filters`, each of which mentions only tags.
pub(crate) fn select(
    source: &dyn SeriesSource,
    filters: &[&Expr],
    session: &dyn Session,
) -> Result<SeriesSelection> {
    let table = source.table();
    let (looked_up, evaluated): (Vec<&Expr>, Vec<&Expr>) =
        filters.iter().copied().partition(|f| is_lookup(f, table));
    let evaluated =
        evaluated.into_iter().map(|f| Evaluated::new(f, table, session)).collect::<Result<Vec<_>>>()?;
    let mut shards = Vec::new();
    for shard in source.shards() {
        let mut sids: Option<RoaringBitmap> = None;
        for filter in &looked_up {
            let found = look_up(filter, source, shard);
            sids = Some(match sids {
                Some(sids) => sids & found,
                None => found,
            });
        }
        for filter in &evaluated {
            if sids.as_ref().is_some_and(RoaringBitmap::is_empty) {
                break;
            }
            sids = Some(filter.passing(source, shard, sids.as_ref())?);
        }
        match sids {
            None => shards.push((shard, SidSet::All)),
            Some(sids) if sids.is_empty() => {}
            Some(sids) => shards.push((shard, SidSet::Some(Arc::new(sids)))),
        }
    }
    Ok(SeriesSelection { shards })
}

/// Whether `expr` is made of `tag = 'x'` and `tag IN ('x', …)` with AND and OR alone.
fn is_lookup(expr: &Expr, table: &TableDef) -> bool {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And | Operator::Or, right }) => {
            is_lookup(left, table) && is_lookup(right, table)
        }
        _ => tag_values(expr, table).is_some(),
    }
}

fn look_up(expr: &Expr, source: &dyn SeriesSource, shard: ShardId) -> RoaringBitmap {
    if let Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) = expr {
        let (left, right) = (look_up(left, source, shard), look_up(right, source, shard));
        return if *op == Operator::And { left & right } else { left | right };
    }
    match tag_values(expr, source.table()) {
        Some((tag, values)) if !values.is_empty() => source.series_where(shard, tag, &values),
        _ => RoaringBitmap::new(),
    }
}

/// The tag and the values of `tag = 'x'` or `tag IN ('x', …)`. NULL equals nothing, so it is left
/// out of the values.
fn tag_values<'e>(expr: &'e Expr, table: &TableDef) -> Option<(ColumnId, Vec<&'e str>)> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let (tag, literal) = match (tag_column(left, table), tag_column(right, table)) {
                (Some(tag), None) => (tag, right),
                (None, Some(tag)) => (tag, left),
                _ => return None,
            };
            Some((tag, text(literal)?.into_iter().collect()))
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let tag = tag_column(expr, table)?;
            let values = list.iter().map(text).collect::<Option<Vec<_>>>()?;
            Some((tag, values.into_iter().flatten().collect()))
        }
        _ => None,
    }
}

/// The column of [`super::SeriesTable::with_child_names`]: `Utf8View`, the name of the child table that a
/// row's series is, by which series are looked up as by a tag. Not a column of `SELECT *`.
pub const CHILD_NAME: &str = "__child";

/// What is the same for all rows of a series: a tag, or the child table's name.
pub(crate) fn series_value(table: &TableDef, name: &str) -> Option<(ColumnId, ColumnType)> {
    match table.column(name) {
        Some(column) => (column.kind == ColumnKind::Tag).then_some((column.id, column.ty)),
        None => (name == CHILD_NAME).then_some((ColumnId::CHILD_NAME, ColumnType::TEXT)),
    }
}

/// Tags as their column's type is read, from the texts of the series index ([`SeriesSource::tag_batch`]).
///
/// # Errors
/// The values are no text.
pub fn typed_tags(texts: &ArrayRef, ty: ColumnType) -> Result<ArrayRef> {
    typed(texts, &ty.read_arrow())
}

/// Tags as the type that their column has. The series index keeps them as text: numbers in decimal,
/// `true` and `false`, instants as counts of their unit, octets in hex. Text that is none of these for
/// the type, which other dialects may have written, reads as NULL.
pub(crate) fn typed(values: &ArrayRef, ty: &DataType) -> Result<ArrayRef> {
    Ok(match ty {
        ty if values.data_type() == ty => Arc::clone(values),
        DataType::Timestamp(..) => cast(&cast(values, &DataType::Int64)?, ty)?,
        DataType::BinaryView => {
            let Some(texts) = values.as_string_view_opt() else {
                return internal_err!("tags are no text");
            };
            Arc::new(texts.iter().map(|text| text.and_then(hex::decode)).collect::<BinaryViewArray>())
        }
        ty => cast(values, ty)?,
    })
}

/// The tag or child name, where it is text.
fn tag_column(expr: &Expr, table: &TableDef) -> Option<ColumnId> {
    let Expr::Column(column) = expr else { return None };
    let (id, ty) = series_value(table, &column.name)?;
    (ty.arrow() == DataType::Utf8).then_some(id)
}

/// The text of a string literal; the inner None is NULL.
fn text(expr: &Expr) -> Option<Option<&str>> {
    let Expr::Literal(value, _) = expr else { return None };
    match value {
        ScalarValue::Utf8(v) | ScalarValue::Utf8View(v) | ScalarValue::LargeUtf8(v) => Some(v.as_deref()),
        ScalarValue::Null => Some(None),
        _ => None,
    }
}

/// A predicate that is computed over the tags of the series.
struct Evaluated {
    predicate: Arc<dyn PhysicalExpr>,
    tags: Vec<ColumnId>,
    schema: Arc<Schema>,
}

impl Evaluated {
    fn new(filter: &Expr, table: &TableDef, session: &dyn Session) -> Result<Self> {
        let (mut tags, mut fields): (Vec<ColumnId>, Vec<Field>) = (Vec::new(), Vec::new());
        for column in filter.column_refs() {
            let Some((id, ty)) = series_value(table, &column.name) else { continue };
            if !tags.contains(&id) {
                tags.push(id);
                fields.push(Field::new(&column.name, ty.read_arrow(), true));
            }
        }
        let schema = Arc::new(Schema::new(fields));
        // The scan's filters may still carry the alias under which the query knows the table.
        let filter = unnormalize_col(filter.clone());
        let predicate = session.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
        Ok(Self { predicate, tags, schema })
    }

    /// The series among `sids` (all, if none) for which the predicate is true; NULL is not true.
    fn passing(
        &self,
        source: &dyn SeriesSource,
        shard: ShardId,
        sids: Option<&RoaringBitmap>,
    ) -> Result<RoaringBitmap> {
        let batch = source.tag_batch(shard, &self.tags, sids)?;
        let Some(sids) = batch.columns().first().and_then(|c| c.as_primitive_opt::<UInt32Type>()) else {
            return internal_err!("tag batch without series ids");
        };
        let values = batch.columns().iter().skip(1).zip(self.schema.fields());
        let tags = RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            values.map(|(values, field)| typed(values, field.data_type())).collect::<Result<_>>()?,
            &RecordBatchOptions::new().with_row_count(Some(batch.num_rows())),
        )?;
        let verdict = self.predicate.evaluate(&tags)?.into_array(tags.num_rows())?;
        let Some(verdict) = verdict.as_boolean_opt() else {
            return internal_err!("predicate over tags is not boolean: {}", self.predicate);
        };
        Ok(passing_sids(sids, verdict))
    }
}

fn passing_sids(sids: &UInt32Array, verdict: &BooleanArray) -> RoaringBitmap {
    let mut passing = RoaringBitmap::new();
    for (sid, pass) in sids.values().iter().zip(verdict.iter()) {
        if pass == Some(true) {
            passing.insert(*sid);
        }
    }
    passing
}
