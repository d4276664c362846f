use std::fmt;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use triglot_model::ShardId;
use triglot_storage::TimeRange;

use super::provider::timestamp;
use super::shape::{Output, Shape, TagCache};
use super::stream::{Open, ScanStream};
use super::units::Unit;
use crate::source::{ChunkScan, SeriesSelection, SeriesSource};

/// What all partitions of a scan share.
#[derive(Debug)]
pub(crate) struct ScanPlan {
    pub(crate) source: Arc<dyn SeriesSource>,
    pub(crate) shape: Shape,
    pub(crate) time: TimeRange,
    pub(crate) selection: SeriesSelection,
    pub(crate) tags: TagCache,
    /// The place of each output column in the table, none = all columns.
    pub(crate) projection: Option<Vec<usize>>,
    /// The filters that the scan decides, as the optimizer gave them.
    pub(crate) filters: Vec<Expr>,
    /// The rows of the scan if known without reading, and their times.
    pub(crate) exact_rows: Option<ExactRows>,
    pub(crate) estimated_rows: u64,
}

/// What is known of all rows of a scan without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExactRows {
    pub(crate) count: u64,
    /// Earliest and latest; None if there is no row.
    pub(crate) time: Option<TimeRange>,
}

/// The work of a scan.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    /// Chunks (or series ranges of them), by partition.
    Chunks(Vec<Vec<Unit>>),
    /// The newest row of each series of these shards, in one partition.
    LastRows(Vec<ShardId>),
}

/// A scan, but for its properties.
#[derive(Debug)]
pub(crate) struct PreparedScan {
    plan: ScanPlan,
    work: Work,
    ordered: bool,
}

impl PreparedScan {
    pub(crate) fn new(plan: ScanPlan, work: Work) -> Self {
        let ordered = is_time_ordered(&plan, &work);
        Self { plan, work, ordered }
    }

    /// Whether the rows come by time.
    pub(crate) fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// Partitions to read.
    pub(crate) fn partitions(&self) -> usize {
        match &self.work {
            Work::Chunks(partitions) => partitions.len().max(1),
            Work::LastRows(_) => 1,
        }
    }

    pub(crate) fn plan(&self) -> &ScanPlan {
        &self.plan
    }
}

/// Reads rows of one table from storage: an opaque leaf, inside which versions are merged,
/// tombstones applied and tags attached. DataFusion must never split it by bytes, since that would
/// part the versions of one key; it is divided by chunks and by series only.
#[derive(Debug)]
pub struct SeriesScanExec {
    plan: Arc<ScanPlan>,
    work: Work,
    ordered: bool,
    limit: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SeriesScanExec {
    pub(crate) fn new(prepared: PreparedScan, limit: Option<usize>) -> Self {
        let properties = PlanProperties::new(
            equivalences(&prepared.plan.shape, prepared.ordered),
            Partitioning::UnknownPartitioning(prepared.partitions()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self::with_properties(prepared, limit, Arc::new(properties))
    }

    /// A scan in the place of another one with the same output, order and number of partitions, whose
    /// properties it takes over: operators above need not be planned again.
    pub(crate) fn with_properties(
        prepared: PreparedScan,
        limit: Option<usize>,
        properties: Arc<PlanProperties>,
    ) -> Self {
        let PreparedScan { plan, work, ordered } = prepared;
        let metrics = ExecutionPlanMetricsSet::new();
        Self { plan: Arc::new(plan), work, ordered, limit, properties, metrics }
    }

    /// What the scan reads.
    pub(crate) fn plan(&self) -> &ScanPlan {
        &self.plan
    }

    /// Whether the rows come by time.
    pub(crate) fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// How many rows it gives, at most.
    pub(crate) fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// Whether the scan gives only the newest row of each series.
    pub fn is_last_only(&self) -> bool {
        matches!(self.work, Work::LastRows(_))
    }

    /// Gives count(time), min(time) and max(time) of rows that are known exactly.
    fn describe_time(&self, rows: ExactRows, statistics: &mut Statistics) {
        let shape = &self.plan.shape;
        for (output, column) in shape.outputs.iter().zip(&mut statistics.column_statistics) {
            if *output == Output::Time {
                column.null_count = Precision::Exact(0);
                if let Some(time) = rows.time {
                    column.min_value = Precision::Exact(timestamp(shape.precision, time.start));
                    column.max_value = Precision::Exact(timestamp(shape.precision, time.end));
                }
            }
        }
    }

    /// The readers of `partition`, not yet opened.
    fn readers(&self, partition: usize, batch_rows: usize) -> Result<Vec<(ShardId, Open)>> {
        let request = |series| ChunkScan {
            columns: self.plan.shape.stored.clone(),
            time: self.plan.time,
            series,
            ordered: self.ordered,
            batch_rows,
            limit: self.limit,
        };
        match &self.work {
            Work::Chunks(partitions) => {
                let Some(units) = partitions.get(partition) else {
                    if partition == 0 {
                        return Ok(Vec::new());
                    }
                    return internal_err!("scan has no partition {partition}");
                };
                Ok(units
                    .iter()
                    .map(|unit| {
                        let (chunk, request) = (Arc::clone(&unit.chunk), request(unit.series.clone()));
                        let open: Open = Box::new(move || chunk.scan(request));
                        (unit.chunk.shard(), open)
                    })
                    .collect())
            }
            Work::LastRows(shards) => Ok(shards
                .iter()
                .filter_map(|shard| {
                    let series = self.plan.selection.of(*shard)?.clone();
                    let (source, shard) = (Arc::clone(&self.plan.source), *shard);
                    let columns = self.plan.shape.stored.clone();
                    let open: Open = Box::new(move || source.last_rows(shard, columns, &series, batch_rows));
                    Some((shard, open))
                })
                .collect()),
        }
    }
}

/// The rows of one series come by time when the chunks that hold them follow one another.
fn is_time_ordered(plan: &ScanPlan, work: &Work) -> bool {
    let series: u64 = plan
        .selection
        .shards
        .iter()
        .map(|(shard, sids)| sids.bitmap().map_or_else(|| plan.source.series_count(*shard), |b| b.len()))
        .sum();
    match work {
        Work::Chunks(partitions) => {
            series == 1
                && partitions.len() == 1
                && partitions
                    .iter()
                    .flatten()
                    .zip(partitions.iter().flatten().skip(1))
                    .all(|(earlier, later)| earlier.chunk.time_range().end < later.chunk.time_range().start)
        }
        Work::LastRows(_) => false,
    }
}

fn equivalences(shape: &Shape, ordered: bool) -> EquivalenceProperties {
    let time = shape.outputs.iter().position(|o| *o == Output::Time);
    let schema = Arc::clone(&shape.schema);
    match time.filter(|_| ordered) {
        Some(index) => {
            let name = schema.field(index).name().clone();
            let time = PhysicalSortExpr {
                expr: Arc::new(Column::new(&name, index)),
                options: SortOptions { descending: false, nulls_first: false },
            };
            EquivalenceProperties::new_with_orderings(schema, [[time]])
        }
        None => EquivalenceProperties::new(schema),
    }
}

impl DisplayAs for SeriesScanExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.plan;
        let columns: Vec<&str> = plan.shape.schema.fields().iter().map(|c| c.name().as_str()).collect();
        write!(f, "SeriesScanExec: table={}, projection=[{}]", plan.source.table().name, columns.join(", "))?;
        write!(f, ", time={}", display_range(plan.time, plan.shape.precision))?;
        let total: u64 = plan.source.shards().into_iter().map(|s| plan.source.series_count(s)).sum();
        let wanted: u64 = plan
            .selection
            .shards
            .iter()
            .map(|(s, sids)| sids.bitmap().map_or_else(|| plan.source.series_count(*s), |b| b.len()))
            .sum();
        write!(f, ", series={wanted}/{total}")?;
        match &self.work {
            Work::Chunks(partitions) => {
                let mut chunks: Vec<&Unit> = partitions.iter().flatten().collect();
                chunks.sort_by_key(|u| Arc::as_ptr(&u.chunk).cast::<()>());
                chunks.dedup_by_key(|u| Arc::as_ptr(&u.chunk).cast::<()>());
                let files: usize = chunks.iter().map(|u| u.chunk.files()).sum();
                let merge = chunks.iter().filter(|u| u.chunk.needs_merge()).count();
                write!(f, ", chunks={}, files={files}, needs_merge={merge}", chunks.len())?;
                if partitions.len() > 1 {
                    write!(f, ", partitions={}", partitions.len())?;
                }
            }
            Work::LastRows(_) => f.write_str(", last_only")?,
        }
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        Ok(())
    }
}

fn display_range(range: TimeRange, precision: triglot_model::Precision) -> String {
    let instant = |value: i64| {
        let ns = i128::from(value) * i128::from(precision.ns());
        let (seconds, rest) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
        i64::try_from(seconds)
            .ok()
            .zip(u32::try_from(rest).ok())
            .and_then(|(s, n)| chrono::DateTime::from_timestamp(s, n))
            .map_or_else(|| value.to_string(), |t| t.format("%Y-%m-%dT%H:%M:%S%.f").to_string())
    };
    let start = if range.start == i64::MIN { "-".to_owned() } else { instant(range.start) };
    let end = if range.end == i64::MAX { "-".to_owned() } else { instant(range.end) };
    format!("[{start}, {end}]")
}

impl ExecutionPlan for SeriesScanExec {
    fn name(&self) -> &str {
        "SeriesScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let batch_rows = context.session_config().batch_size();
        let readers = self.readers(partition, batch_rows)?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let bytes = MetricBuilder::new(&self.metrics).counter("bytes_read", partition);
        Ok(Box::pin(ScanStream::new(Arc::clone(&self.plan), readers.into(), self.limit, metrics, bytes)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _input: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        let whole = args.partition().is_none() || self.properties.partitioning.partition_count() == 1;
        statistics.num_rows = match (&self.work, self.plan.exact_rows) {
            (Work::Chunks(_), Some(rows)) if whole => {
                self.describe_time(rows, &mut statistics);
                Precision::Exact(rows.count as usize)
            }
            (Work::Chunks(partitions), _) => {
                let rows = |units: &Vec<Unit>| units.iter().map(|u| u.rows).sum::<u64>();
                let rows = match args.partition() {
                    Some(p) if !whole => partitions.get(p).map_or(0, rows),
                    _ => self.plan.estimated_rows,
                };
                Precision::Inexact(rows as usize)
            }
            (Work::LastRows(_), _) => Precision::Inexact(self.plan.estimated_rows as usize),
        };
        Ok(Arc::new(match self.limit {
            Some(limit) => statistics.with_fetch(Some(limit), 0, 1)?,
            None => statistics,
        }))
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(Self {
            plan: Arc::clone(&self.plan),
            work: self.work.clone(),
            ordered: self.ordered,
            limit,
            properties: Arc::clone(&self.properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }

    fn fetch(&self) -> Option<usize> {
        self.limit
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let limit = self.limit;
        Ok(self.with_fetch(limit).unwrap_or(self))
    }
}

/// The scan's output schema, for tests and operators that look for a scan.
impl SeriesScanExec {
    /// The columns that the scan gives.
    pub fn output_schema(&self) -> SchemaRef {
        Arc::clone(&self.plan.shape.schema)
    }
}
