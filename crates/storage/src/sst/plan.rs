//! Which rows of a file a read has to decode.

use std::ops::Range;

use parquet::arrow::arrow_reader::RowSelector;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;

use super::footer::{Footer, group_time};
use super::runs::append;
use super::{ReadRequest, SstError};
use crate::TimeRange;

/// The rows to decode.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Row groups with any of them, ascending.
    pub(super) groups: Vec<usize>,
    /// Which rows of these row groups; none = all.
    pub(super) selection: Option<Vec<RowSelector>>,
    /// The rows, numbered within the file.
    pub(super) rows: Vec<Range<u64>>,
    /// Whether decoded rows can lie outside the request's times.
    pub(super) check_time: bool,
}

impl Plan {
    /// Rows of the wanted series (exact), without pages that are outside the wanted times.
    pub(super) fn new(footer: &Footer, request: &ReadRequest) -> Result<Self, SstError> {
        if !request.time.overlaps(&footer.time) {
            return Ok(Self::default());
        }
        let check_time = !request.time.covers(&footer.time);
        let mut wanted = footer.runs.ranges(request.series.as_ref());
        if check_time {
            wanted = intersect(&wanted, &pages_in(footer, &request.time)?);
        }
        Ok(Self { check_time, ..Self::of_rows(footer, wanted) })
    }

    /// These rows of the file, ascending.
    pub(super) fn of_rows(footer: &Footer, wanted: Vec<Range<u64>>) -> Self {
        let mut plan = Self::default();
        let mut selectors = Vec::new();
        let mut all = true;
        let mut left = wanted.iter().peekable();
        let mut start = 0;
        for (group, metadata) in footer.metadata().row_groups().iter().enumerate() {
            let rows = u64::try_from(metadata.num_rows()).unwrap_or(0);
            let end = start + rows;
            let mut at = start;
            let before = selectors.len();
            while let Some(range) = left.peek() {
                let clipped = range.start.max(start)..range.end.min(end);
                if !clipped.is_empty() {
                    if clipped.start > at {
                        selectors.push(RowSelector::skip((clipped.start - at) as usize));
                    }
                    selectors.push(RowSelector::select((clipped.end - clipped.start) as usize));
                    at = clipped.end;
                }
                if range.end > end {
                    break;
                }
                left.next();
            }
            if selectors.len() > before {
                plan.groups.push(group);
                if at < end {
                    selectors.push(RowSelector::skip((end - at) as usize));
                }
                all &= selectors.len() == before + 1;
            }
            start = end;
        }
        plan.selection = (!all).then_some(selectors);
        plan.rows = wanted;
        plan
    }
}

/// The rows of all pages whose times overlap `time`.
fn pages_in(footer: &Footer, time: &TimeRange) -> Result<Vec<Range<u64>>, SstError> {
    let metadata = footer.metadata();
    let mut ranges = Vec::new();
    let mut start = 0;
    for (group, row_group) in metadata.row_groups().iter().enumerate() {
        let end = start + u64::try_from(row_group.num_rows()).unwrap_or(0);
        match group_time(metadata, group, footer.time_column) {
            Some(range) if !range.overlaps(time) => {}
            Some(range) if !time.covers(&range) => {
                group_pages(metadata, group, footer.time_column, start..end, time, &mut ranges).ok_or_else(
                    || {
                        let place = format!("column __time of row group {group}");
                        SstError::damaged(&footer.path, place, "the page index does not fit the rows")
                    },
                )?;
            }
            _ => append(&mut ranges, start..end),
        }
        start = end;
    }
    Ok(ranges)
}

fn group_pages(
    metadata: &ParquetMetaData,
    group: usize,
    column: usize,
    rows: Range<u64>,
    time: &TimeRange,
    ranges: &mut Vec<Range<u64>>,
) -> Option<()> {
    let locations = metadata.offset_index()?.get(group)?.get(column)?.page_locations();
    let index = metadata.column_index().and_then(|index| index.get(group)?.get(column));
    let Some(ColumnIndexMetaData::INT64(index)) = index else {
        append(ranges, rows);
        return Some(());
    };
    if index.min_values().len() != locations.len() {
        return None;
    }
    for (page, location) in locations.iter().enumerate() {
        let first = rows.start + u64::try_from(location.first_row_index).ok()?;
        let end = match locations.get(page + 1) {
            Some(next) => rows.start + u64::try_from(next.first_row_index).ok()?,
            None => rows.end,
        };
        if first > end || end > rows.end {
            return None;
        }
        let overlaps = match (index.min_value(page), index.max_value(page)) {
            (Some(min), Some(max)) => time.overlaps(&TimeRange { start: *min, end: *max }),
            _ => true,
        };
        if overlaps {
            append(ranges, first..end);
        }
    }
    Some(())
}

/// The rows in both lists of ascending ranges.
fn intersect(a: &[Range<u64>], b: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut both = Vec::new();
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        append(&mut both, x.start.max(y.start)..x.end.min(y.end));
        if x.end <= y.end {
            a.next();
        } else {
            b.next();
        }
    }
    both
}
