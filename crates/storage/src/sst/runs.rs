//! The series run index: since rows are sorted by sid, each sid's rows are one run.

use std::collections::VecDeque;
use std::ops::Range;

use arrow::array::UInt32Array;
use roaring::RoaringBitmap;

/// Which rows of a file belong to which series.
///
/// Encoded as, for each sid ascending, two LEB128 numbers: the distance from the sid before (from
/// -1 for the first one), and the count of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunIndex {
    sids: Vec<u32>,
    /// Row behind the run's last one, per sid.
    ends: Vec<u64>,
}

impl RunIndex {
    /// Adds the next rows, which must not be below the last sid. Returns whether they are.
    pub(crate) fn push(&mut self, sids: &[u32]) -> bool {
        for run in sids.chunk_by(|a, b| a == b) {
            let Some(sid) = run.first() else { continue };
            let end = self.rows() + run.len() as u64;
            match (self.sids.last(), self.ends.last_mut()) {
                (Some(last), Some(last_end)) if last == sid => *last_end = end,
                (Some(last), _) if last > sid => return false,
                _ => {
                    self.sids.push(*sid);
                    self.ends.push(end);
                }
            }
        }
        true
    }

    /// All rows.
    pub fn rows(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The sids, ascending.
    pub fn sids(&self) -> &[u32] {
        &self.sids
    }

    /// Heap bytes.
    pub(super) fn memory_size(&self) -> usize {
        self.sids.len() * (size_of::<u32>() + size_of::<u64>())
    }

    fn run(&self, at: usize) -> Range<u64> {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        start..self.ends.get(at).copied().unwrap_or(start)
    }

    /// The rows of these series (none = all), as ascending ranges that do not touch.
    pub fn ranges(&self, series: Option<&RoaringBitmap>) -> Vec<Range<u64>> {
        let Some(series) = series else {
            return if self.sids.is_empty() { Vec::new() } else { std::iter::once(0..self.rows()).collect() };
        };
        let mut ranges = Vec::new();
        if series.len() < self.sids.len() as u64 / 8 {
            for sid in series {
                if let Ok(at) = self.sids.binary_search(&sid) {
                    append(&mut ranges, self.run(at));
                }
            }
        } else {
            for (at, sid) in self.sids.iter().enumerate() {
                if series.contains(*sid) {
                    append(&mut ranges, self.run(at));
                }
            }
        }
        ranges
    }

    /// The positions among [`Self::sids`] of these series (none = all), ascending.
    pub(super) fn places(&self, series: Option<&RoaringBitmap>) -> Vec<u32> {
        let all = 0..self.sids.len() as u32;
        match series {
            None => all.collect(),
            Some(series) if series.len() < self.sids.len() as u64 / 8 => series
                .iter()
                .filter_map(|sid| self.sids.binary_search(&sid).ok())
                .map(|at| at as u32)
                .collect(),
            Some(series) => {
                all.zip(&self.sids).filter(|(_, sid)| series.contains(**sid)).map(|(at, _)| at).collect()
            }
        }
    }

    /// The last row of the series at a position among [`Self::sids`].
    pub(super) fn last_row(&self, place: u32) -> Option<u64> {
        self.ends.get(place as usize)?.checked_sub(1)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.sids.len() * 3);
        let mut before = -1;
        for (at, sid) in self.sids.iter().enumerate() {
            let run = self.run(at);
            put_varint(&mut bytes, (i64::from(*sid) - before) as u64);
            put_varint(&mut bytes, run.end - run.start);
            before = i64::from(*sid);
        }
        bytes
    }

    /// Decodes; none if the bytes are not such an index.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut index = Self::default();
        let mut sid = -1i64;
        while !bytes.is_empty() {
            let (step, count) = (take_varint(&mut bytes)?, take_varint(&mut bytes)?);
            if step == 0 || count == 0 {
                return None;
            }
            sid = sid.checked_add(i64::try_from(step).ok()?)?;
            index.sids.push(u32::try_from(sid).ok()?);
            index.ends.push(index.rows().checked_add(count)?);
        }
        Some(index)
    }
}

/// Appends a range, joined to the last one where they touch. Empty ranges are dropped.
pub(super) fn append(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    if range.is_empty() {
        return;
    }
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// Gives the sids of selected rows, batch by batch, without decoding them.
#[derive(Debug)]
pub(super) struct SidCursor {
    rows: VecDeque<Range<u64>>,
    run: usize,
}

impl SidCursor {
    /// A cursor over ascending ranges of rows.
    pub(super) fn new(rows: Vec<Range<u64>>) -> Self {
        Self { rows: rows.into(), run: 0 }
    }

    /// The sids of the next `count` rows (fewer if the ranges end).
    pub(super) fn take(&mut self, index: &RunIndex, count: usize) -> UInt32Array {
        let mut sids = Vec::with_capacity(count);
        while sids.len() < count
            && let Some(range) = self.rows.front_mut()
        {
            if index.ends.get(self.run).is_some_and(|end| *end <= range.start) {
                self.run += index.ends[self.run..].partition_point(|end| *end <= range.start);
            }
            let (Some(sid), Some(end)) = (index.sids.get(self.run), index.ends.get(self.run)) else { break };
            let rows = (end.min(&range.end) - range.start).min((count - sids.len()) as u64);
            sids.resize(sids.len() + rows as usize, *sid);
            range.start += rows;
            if range.is_empty() {
                self.rows.pop_front();
            }
        }
        sids.into()
    }
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
