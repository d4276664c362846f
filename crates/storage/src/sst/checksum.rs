//! Checksums of pages and of the file's tail (page indexes and footer). Parquet's own page CRC is
//! optional and not written by the `parquet` crate.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

/// One page (data or dictionary) and its checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageSum {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) crc: u32,
    pub(super) row_group: u32,
    pub(super) column: u32,
}

/// Where the pages of a column chunk lie, in file order: the dictionary page, if any, is what lies
/// before the first data page.
pub(super) fn page_ranges(chunk: Range<u64>, data_pages: impl Iterator<Item = u64>) -> Vec<Range<u64>> {
    let mut starts = vec![chunk.start];
    for start in data_pages {
        if starts.last().is_some_and(|last| *last < start) && start < chunk.end {
            starts.push(start);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([chunk.end]).collect::<Vec<_>>();
    starts.into_iter().zip(ends).map(|(start, end)| start..end).collect()
}

/// The byte range of a column chunk; none if the footer's figures are impossible.
pub(super) fn chunk_range(row_group: &RowGroupMetaData, column: usize) -> Option<Range<u64>> {
    let chunk = row_group.columns().get(column)?;
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let start = u64::try_from(start).ok()?;
    let length = u64::try_from(chunk.compressed_size()).ok()?;
    Some(start..start.checked_add(length)?)
}

/// Encodes the sums of all pages, in file order.
pub(super) fn encode_sums(sums: &[u32]) -> String {
    let bytes: Vec<u8> = sums.iter().flat_map(|crc| crc.to_le_bytes()).collect();
    BASE64.encode(bytes)
}

/// Pairs the encoded sums with the pages that the (verified) footer lists; none if they do not fit.
pub(super) fn decode_sums(encoded: &str, metadata: &ParquetMetaData) -> Option<Vec<PageSum>> {
    let bytes = BASE64.decode(encoded).ok()?;
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let offsets = metadata.offset_index()?;
    let mut words = words.iter();
    let mut sums = Vec::with_capacity(words.len());
    for (group, row_group) in metadata.row_groups().iter().enumerate() {
        for column in 0..row_group.num_columns() {
            let index = offsets.get(group)?.get(column)?;
            let pages = index.page_locations().iter().map(|page| page.offset as u64);
            for range in page_ranges(chunk_range(row_group, column)?, pages) {
                let crc = u32::from_le_bytes(*words.next()?);
                let (row_group, column) = (group as u32, column as u32);
                sums.push(PageSum { start: range.start, end: range.end, crc, row_group, column });
            }
        }
    }
    let ascending = sums.is_sorted_by(|a, b| a.end <= b.start);
    (ascending && words.next().is_none()).then_some(sums)
}

/// The first page in `bytes`, which lie at `start`, that is not what was written. Bytes that do
/// not begin and end at page boundaries are refused likewise.
pub(super) fn find_damage(pages: &[PageSum], start: u64, bytes: &[u8]) -> Option<(u64, Option<PageSum>)> {
    let end = start + bytes.len() as u64;
    let first = pages.partition_point(|page| page.start < start);
    let mut at = start;
    for page in pages.get(first..).unwrap_or_default() {
        if at >= end {
            break;
        }
        let slice = (page.start == at)
            .then(|| bytes.get((page.start - start) as usize..(page.end - start) as usize))
            .flatten();
        match slice {
            Some(slice) if crc32c::crc32c(slice) == page.crc => at = page.end,
            Some(_) => return Some((at, Some(page.clone()))),
            None => return Some((at, None)),
        }
    }
    (at < end).then_some((at, None))
}

const MARK: &[u8] = b"triglot-tail:";
const OFFSET_DIGITS: usize = 16;
const CRC_DIGITS: usize = 8;

/// The value of the tail key before the sum is known.
pub(super) fn tail_placeholder(data_end: u64) -> String {
    format!("triglot-tail:{data_end:016x}:{:08x}", 0)
}

/// Where the mark lies in `tail`: the range of its CRC digits, and the offset it names.
fn find_mark(tail: &[u8]) -> Option<(Range<usize>, u64)> {
    let at = tail.windows(MARK.len()).rposition(|window| window == MARK)? + MARK.len();
    let offset = tail.get(at..at + OFFSET_DIGITS)?;
    let offset = u64::from_str_radix(std::str::from_utf8(offset).ok()?, 16).ok()?;
    let crc = at + OFFSET_DIGITS + 1;
    (crc + CRC_DIGITS <= tail.len()).then_some((crc..crc + CRC_DIGITS, offset))
}

/// The sum of a tail, its own digits counted as zeros.
fn tail_sum(tail: &[u8], digits: &Range<usize>) -> u32 {
    let sum = crc32c::crc32c(&tail[..digits.start]);
    let sum = crc32c::crc32c_append(sum, &[b'0'; CRC_DIGITS]);
    crc32c::crc32c_append(sum, &tail[digits.end..])
}

/// Writes the sum into a tail made with [`tail_placeholder`]. Returns whether the mark was found.
pub(super) fn seal_tail(tail: &mut [u8]) -> bool {
    let Some((digits, _)) = find_mark(tail) else { return false };
    let sum = format!("{:08x}", tail_sum(tail, &digits));
    tail[digits].copy_from_slice(sum.as_bytes());
    true
}

/// The offset of the tail that these last bytes of a file belong to.
pub(super) fn tail_start(last_bytes: &[u8]) -> Option<u64> {
    find_mark(last_bytes).map(|(_, offset)| offset)
}

/// Whether a whole tail is what was written.
pub(super) fn tail_is_intact(tail: &[u8]) -> bool {
    find_mark(tail).is_some_and(|(digits, _)| {
        let written = tail.get(digits.clone()).and_then(|d| std::str::from_utf8(d).ok());
        written.and_then(|d| u32::from_str_radix(d, 16).ok()) == Some(tail_sum(tail, &digits))
    })
}
