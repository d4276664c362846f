use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, ScalarValue, internal_datafusion_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Expr, Operator, TableProviderFilterPushDown, TableType, binary_expr, ident, lit,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExecBuilder;
use triglot_model::{ColumnId, ColumnKind, Precision, ShardId, Sid, TableDef};
use triglot_storage::TimeRange;

use super::exec::{ExactRows, PreparedScan, ScanPlan, SeriesScanExec, Work};
use super::filter::{Pushdown, answers, classify};
use super::shape::{Output, Shape, TagCache};
use super::tags::{self, CHILD_NAME};
use super::units::{self, Unit};
use crate::source::{SeriesSelection, SeriesSource, SidSet};

/// The name of the hidden column of [`SeriesTable::with_series_column`].
pub const SERIES_COLUMN: &str = "__sid";

/// A table of series as DataFusion sees it: time, tags and fields in the order of
/// [`triglot_model::TableDef::read_schema`], as of one snapshot.
///
/// It decides bounds on time and predicates over tags by itself and exactly; all others stay above.
#[derive(Clone, Debug)]
pub struct SeriesTable {
    source: Arc<dyn SeriesSource>,
    schema: SchemaRef,
    last_only: bool,
    /// Only rows of this series.
    only: Option<(ShardId, Sid)>,
}

impl SeriesTable {
    /// A table that reads from `source`.
    pub fn new(source: Arc<dyn SeriesSource>) -> Self {
        let schema = source.table().read_schema();
        Self { source, schema, last_only: false, only: None }
    }

    /// The same table with one more column at the end, [`CHILD_NAME`]: the name of the child table that
    /// the row's series is. A filter `= 'x'` or `IN` over it looks series up, others are decided once a
    /// series. NULL where the source names no series.
    #[must_use]
    pub fn with_child_names(&self) -> Self {
        let mut fields: Vec<Arc<Field>> = self.schema.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(CHILD_NAME, DataType::Utf8View, true)));
        Self { schema: Arc::new(Schema::new(fields)), ..self.clone() }
    }

    /// Takes [`Self::with_child_names`] back.
    #[must_use]
    pub fn without_child_names(&self) -> Self {
        let fields = self.schema.fields().iter().filter(|f| f.name() != CHILD_NAME);
        let schema = Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()));
        Self { schema, ..self.clone() }
    }

    /// The series whose rows these are, if it is one only.
    pub(crate) fn only(&self) -> Option<(ShardId, Sid)> {
        self.only
    }

    /// The rows of one series: a child table.
    #[must_use]
    pub fn of_series(&self, shard: ShardId, sid: Sid) -> Self {
        Self { only: Some((shard, sid)), ..self.clone() }
    }

    /// The same table without its tags: what a child table's own columns are.
    #[must_use]
    pub fn without_tags(&self) -> Self {
        let table = self.source.table();
        let is_tag = |f: &Field| table.column(f.name()).is_some_and(|c| c.kind == ColumnKind::Tag);
        let fields: Vec<Arc<Field>> = self.schema.fields().iter().filter(|f| !is_tag(f)).cloned().collect();
        Self { schema: Arc::new(Schema::new(fields)), ..self.clone() }
    }

    /// The same table without its time: what is seen of tables whose rows have none.
    #[must_use]
    pub fn without_time(&self) -> Self {
        let time = self.source.table().time_column().map(|c| c.name.as_str());
        let fields = self.schema.fields().iter().filter(|f| Some(f.name().as_str()) != time);
        let schema = Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()));
        Self { schema, ..self.clone() }
    }

    /// The same table with one more column at the end: [`SERIES_COLUMN`], `UInt64`, equal for two rows
    /// exactly if they belong to one series. For operators that partition by series.
    #[must_use]
    pub fn with_series_column(&self) -> Self {
        let mut fields: Vec<Arc<Field>> = self.schema.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(SERIES_COLUMN, DataType::UInt64, false)));
        Self { schema: Arc::new(Schema::new(fields)), ..self.clone() }
    }

    /// The same table, of which scans give only the newest row of each series. Correct only below
    /// operators that look at nothing else and where no filter but one over tags is applied.
    #[must_use]
    pub(crate) fn with_last_only(&self) -> Self {
        Self { last_only: true, ..self.clone() }
    }

    /// Whether scans give only the newest row of each series.
    pub fn is_last_only(&self) -> bool {
        self.last_only
    }

    /// What the table reads from.
    pub fn source(&self) -> &Arc<dyn SeriesSource> {
        &self.source
    }

    /// The columns to read for `projection`.
    fn shape(&self, projection: Option<&Vec<usize>>) -> Result<Shape> {
        let table = self.source.table();
        let schema = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => Arc::clone(&self.schema),
        };
        let (mut outputs, mut tags, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        for field in schema.fields() {
            let column = table.column(field.name());
            outputs.push(match column.map(|c| (c.kind, c.id)) {
                Some((ColumnKind::Time, _)) => Output::Time,
                Some((ColumnKind::Tag, id)) => Output::Tag(place(&mut tags, id)),
                Some((ColumnKind::Field | ColumnKind::CompositeKey, id)) => {
                    Output::Stored(place(&mut stored, id))
                }
                None if field.name() == SERIES_COLUMN => Output::Series,
                None if field.name() == CHILD_NAME => Output::Tag(place(&mut tags, ColumnId::CHILD_NAME)),
                None => return Err(internal_datafusion_err!("no column {} to scan", field.name())),
            });
        }
        Ok(Shape { schema, outputs, tags, stored, precision: table.precision() })
    }

    fn chunk_work(
        &self,
        time: TimeRange,
        selection: &SeriesSelection,
        limit: Option<usize>,
        session: &dyn Session,
    ) -> (Work, Option<ExactRows>, u64) {
        let units =
            if time.is_empty() { Vec::new() } else { units::units_of(self.source.as_ref(), time, selection) };
        let exact = exact_rows(&units, time);
        let estimate = units.iter().map(|u| u.rows).sum();
        // A small limit is reached sooner by one reader than by several that must be stopped.
        let few = limit.is_some_and(|limit| limit <= session.config().batch_size());
        let target = if few { 1 } else { session.config().target_partitions() };
        (Work::Chunks(units::partition(self.source.as_ref(), units, target)), exact, estimate)
    }
}

/// The place of `id` in `ids`, where it is put if it is not there.
fn place(ids: &mut Vec<ColumnId>, id: ColumnId) -> usize {
    ids.iter().position(|i| *i == id).unwrap_or_else(|| {
        ids.push(id);
        ids.len() - 1
    })
}

/// The rows of all chunks, if all know theirs.
fn exact_rows(units: &[Unit], time: TimeRange) -> Option<ExactRows> {
    let count = units.iter().map(|u| u.chunk.exact_rows(time, &u.series)).sum::<Option<u64>>()?;
    let time = units.iter().map(|u| u.chunk.time_range()).reduce(|a, b| a.union(&b));
    Some(ExactRows { count, time })
}

/// What the filters of a scan come to.
struct Parts<'f> {
    time: TimeRange,
    tags: Vec<&'f Expr>,
    /// Filters that the scan cannot decide after all.
    residual: Vec<&'f Expr>,
    /// Whether some filter is never true.
    nothing: bool,
}

/// A range without instants.
const NOTHING: TimeRange = TimeRange { start: 1, end: 0 };

impl<'f> Parts<'f> {
    /// The optimizer may simplify filters after it was told that the scan decides them; so each one is
    /// judged again, and a constant one stands for all or no rows.
    fn of(filters: &'f [Expr], table: &TableDef) -> Self {
        let mut parts = Self { time: TimeRange::ALL, tags: Vec::new(), residual: Vec::new(), nothing: false };
        for filter in filters {
            match (classify(filter, table), filter) {
                (Pushdown::Time { range, exact }, _) => {
                    parts.time = parts.time.intersect(&range);
                    if !exact {
                        parts.residual.push(filter);
                    }
                }
                (Pushdown::Tags, _) => parts.tags.push(filter),
                (Pushdown::No, Expr::Literal(ScalarValue::Boolean(Some(true)), _)) => {}
                (Pushdown::No, Expr::Literal(value, _)) if value.is_null() => parts.nothing = true,
                (Pushdown::No, Expr::Literal(ScalarValue::Boolean(Some(false)), _)) => parts.nothing = true,
                (Pushdown::No, _) => parts.residual.push(filter),
            }
        }
        parts
    }
}

impl SeriesTable {
    /// A scan for `filters`, none if it cannot decide all of them.
    pub(crate) fn decided_scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<PreparedScan>> {
        let parts = Parts::of(filters, self.source.table());
        if !parts.residual.is_empty() {
            return Ok(None);
        }
        self.prepare_scan(session, projection, parts, filters, limit).map(Some)
    }

    fn prepare_scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        parts: Parts<'_>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<PreparedScan> {
        let time = if parts.nothing { NOTHING } else { parts.time };
        let mut selection = tags::select(self.source.as_ref(), &parts.tags, session)?;
        if let Some((shard, sid)) = self.only {
            selection.narrow_to(shard, sid);
        }
        let shape = self.shape(projection)?;
        let (work, exact_rows, estimated_rows) = if self.last_only {
            let shards: Vec<ShardId> = selection.shards.iter().map(|(shard, _)| *shard).collect();
            let rows = selection.shards.iter().map(|(shard, sids)| match sids {
                SidSet::All => self.source.series_count(*shard),
                SidSet::Some(sids) => sids.len(),
            });
            (Work::LastRows(shards), None, rows.sum())
        } else {
            self.chunk_work(time, &selection, limit, session)
        };
        let plan = ScanPlan {
            source: Arc::clone(&self.source),
            shape,
            time,
            selection,
            tags: TagCache::default(),
            projection: projection.cloned(),
            filters: filters.to_vec(),
            exact_rows,
            estimated_rows,
        };
        Ok(PreparedScan::new(plan, work))
    }

    /// A scan with a filter on top for what the scan cannot decide.
    async fn scan_filtered(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        parts: Parts<'_>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut decided: Vec<Expr> = parts.tags.into_iter().cloned().collect();
        if parts.nothing {
            decided.push(lit(false));
        }
        let time = self.source.table().time_column().map(|c| c.name.clone()).unwrap_or_default();
        for (op, bound) in [(Operator::GtEq, parts.time.start), (Operator::LtEq, parts.time.end)] {
            let unit = self.source.table().precision();
            decided.push(binary_expr(ident(&time), op, lit(timestamp(unit, bound))));
        }
        let input = self.scan(session, None, &decided, None).await?;
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let residual = parts.residual.into_iter().cloned().map(unnormalize_col);
        let predicate = conjunction(residual).unwrap_or_else(|| lit(true));
        let predicate = session.create_physical_expr(predicate, &schema)?;
        let filter = FilterExecBuilder::new(predicate, input).with_batch_size(session.config().batch_size());
        Ok(Arc::new(filter.apply_projection(projection.cloned())?.build()?))
    }
}

pub(super) fn timestamp(unit: Precision, value: i64) -> ScalarValue {
    match unit {
        Precision::Milli => ScalarValue::TimestampMillisecond(Some(value), None),
        Precision::Micro => ScalarValue::TimestampMicrosecond(Some(value), None),
        Precision::Nano => ScalarValue::TimestampNanosecond(Some(value), None),
    }
}

#[async_trait]
impl TableProvider for SeriesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(answers(filters, self.source.table(), |_| true))
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let parts = Parts::of(filters, self.source.table());
        if !parts.residual.is_empty() {
            return self.scan_filtered(session, projection, parts).await;
        }
        let scan = self.prepare_scan(session, projection, parts, filters, limit)?;
        Ok(Arc::new(SeriesScanExec::new(scan, limit)))
    }
}
