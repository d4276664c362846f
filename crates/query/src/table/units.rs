//! How the work of one scan is dealt out to partitions.

use std::cmp::Reverse;
use std::sync::Arc;

use roaring::RoaringBitmap;
use triglot_model::ShardId;
use triglot_storage::TimeRange;

use crate::source::{SeriesChunk, SeriesSelection, SeriesSource, SidSet};

/// A partition is worth its exchange from about this many rows on: 128 Ki rows take about 4 ms to
/// decode on one core.
const ROWS_PER_PARTITION: u64 = 128 * 1024;

/// Some series of one chunk: what one reader reads.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// The chunk.
    pub(crate) chunk: Arc<dyn SeriesChunk>,
    /// Its wanted series.
    pub(crate) series: SidSet,
    /// Rows, roughly.
    pub(crate) rows: u64,
}

/// One unit for each chunk.
pub(crate) fn units_of(source: &dyn SeriesSource, time: TimeRange, selection: &SeriesSelection) -> Vec<Unit> {
    let totals: Vec<(ShardId, u64)> =
        selection.shards.iter().map(|(s, _)| (*s, source.series_count(*s))).collect();
    let mut units: Vec<Unit> = source
        .chunks(time, selection)
        .into_iter()
        .filter_map(|chunk| {
            let series = selection.of(chunk.shard())?.clone();
            let total = totals.iter().find(|(s, _)| *s == chunk.shard()).map_or(1, |(_, n)| *n);
            let rows = estimate(chunk.as_ref(), time, &series, total);
            Some(Unit { chunk, series, rows })
        })
        .collect();
    units.sort_by_key(|u| (u.chunk.time_range().start, u.chunk.shard()));
    units
}

/// Scales the chunk's rows by the wanted parts of its time and of the shard's series.
fn estimate(chunk: &dyn SeriesChunk, time: TimeRange, series: &SidSet, total_series: u64) -> u64 {
    let mut rows = chunk.rows_estimate() as f64;
    let all = chunk.time_range();
    let wanted = all.intersect(&time);
    let (span, part) = (span(&all), span(&wanted));
    if span > 0.0 {
        rows *= (part / span).clamp(0.0, 1.0);
    }
    if let SidSet::Some(sids) = series {
        rows *= (sids.len() as f64 / total_series.max(1) as f64).min(1.0);
    }
    rows.ceil().max(1.0) as u64
}

fn span(range: &TimeRange) -> f64 {
    range.end as f64 - range.start as f64
}

/// Deals `units` out to at most `target` partitions of about equal work, splitting large units by
/// ranges of series. Few rows stay in one partition. Within a partition units keep their order.
pub(crate) fn partition(source: &dyn SeriesSource, units: Vec<Unit>, target: usize) -> Vec<Vec<Unit>> {
    let total: u64 = units.iter().map(|u| u.rows).sum();
    let count = usize::try_from(total / ROWS_PER_PARTITION).unwrap_or(usize::MAX).clamp(1, target.max(1));
    if count == 1 {
        return vec![units];
    }
    let share = total.div_ceil(count as u64);
    let mut pieces: Vec<Unit> = units.into_iter().flat_map(|u| split(source, u, share)).collect();
    // Longest first to the partition with the least work.
    pieces.sort_by_key(|u| Reverse(u.rows));
    let mut partitions: Vec<(u64, Vec<Unit>)> = (0..count).map(|_| (0, Vec::new())).collect();
    for piece in pieces {
        if let Some(least) = partitions.iter_mut().min_by_key(|(rows, _)| *rows) {
            least.0 += piece.rows;
            least.1.push(piece);
        }
    }
    partitions
        .into_iter()
        .map(|(_, mut units)| {
            units.sort_by_key(|u| (u.chunk.time_range().start, u.chunk.shard()));
            units
        })
        .filter(|units| !units.is_empty())
        .collect()
}

/// Cuts a unit into pieces of at most about `share` rows, by ranges of series.
fn split(source: &dyn SeriesSource, unit: Unit, share: u64) -> Vec<Unit> {
    let pieces = unit.rows.div_ceil(share.max(1));
    if pieces <= 1 {
        return vec![unit];
    }
    let sids = match &unit.series {
        SidSet::All => Arc::new(source.all_series(unit.chunk.shard())),
        SidSet::Some(sids) => Arc::clone(sids),
    };
    let pieces = pieces.min(sids.len());
    if pieces <= 1 {
        return vec![unit];
    }
    let per_piece = sids.len().div_ceil(pieces);
    let mut rest = sids.iter();
    let mut out = Vec::new();
    loop {
        let part: RoaringBitmap =
            rest.by_ref().take(usize::try_from(per_piece).unwrap_or(usize::MAX)).collect();
        if part.is_empty() {
            return out;
        }
        let rows = (unit.rows / pieces).max(1);
        out.push(Unit { chunk: Arc::clone(&unit.chunk), series: SidSet::Some(Arc::new(part)), rows });
    }
}
