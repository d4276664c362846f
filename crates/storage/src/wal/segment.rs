//! Segment files: names, headers, reading and looking for records behind damage.
//!
//! `<first_seq:020>.wal` = header (offset 0), its copy (offset 4096), records from offset 8192 on.
//! Header, frozen as version 1 (M-4), little endian:
//!
//! ```text
//!  0  magic "TRIGWAL\0" | version u16 = 1 | shard u16 | zero u32
//! 16  epoch u64      counts uses of segments, growing
//! 24  salt u64       random: part of every record's checksum
//! 32  first_seq u64  at least this has the first record
//! 40  prev_seq u64   last record before this segment
//! 48  crc32c u32 over bytes 0..48
//! ```

use std::hash::{BuildHasher, RandomState};

use triglot_disk::{Disk, DiskFile, OpenMode};
use triglot_model::ShardId;

use super::error::WalError;
use super::record::{ALIGN, HEADER, RecordHead, Stamp, u32_at, u64_at};

/// Where the first record of every segment is.
pub(super) const FIRST_RECORD: u64 = 8192;
/// Where the copy of the header is: another block, so that one bad block does not take both.
pub(super) const HEADER_COPY: u64 = 4096;
/// Bytes of an encoded header.
pub(super) const SEGMENT_HEADER: usize = 52;

const MAGIC: &[u8; 8] = b"TRIGWAL\0";
const VERSION: u16 = 1;
/// Bytes read at once.
const WINDOW: usize = 1 << 20;

/// File name of the segment whose records start at `first_seq`.
pub(super) fn name(first_seq: u64) -> String {
    format!("{first_seq:020}.wal")
}

/// `first_seq` of a segment's file name; none for other files.
pub(super) fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal")?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// Key of `name` in `dir`.
pub(super) fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") }
}

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) shard: ShardId,
    pub(super) epoch: u64,
    pub(super) salt: u64,
    pub(super) first_seq: u64,
    pub(super) prev_seq: u64,
}

impl SegmentHeader {
    /// A header for a new use of a file.
    pub(super) fn new(shard: ShardId, epoch: u64, first_seq: u64, prev_seq: u64) -> Self {
        Self { shard, epoch, salt: RandomState::new().hash_one(epoch), first_seq, prev_seq }
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp::new(self.epoch, self.salt)
    }

    pub(super) fn encode(&self) -> [u8; SEGMENT_HEADER] {
        let mut out = Vec::with_capacity(SEGMENT_HEADER);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.shard.0.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for n in [self.epoch, self.salt, self.first_seq, self.prev_seq] {
            out.extend_from_slice(&n.to_le_bytes());
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        let mut header = [0; SEGMENT_HEADER];
        header.copy_from_slice(&out);
        header
    }

    /// The header in `bytes`; the error says what is wrong, and the version if that is.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let covered = bytes.get(..48).ok_or(HeaderError::Damaged("is cut short"))?;
        if covered.get(..8) != Some(MAGIC) {
            return Err(HeaderError::Damaged("does not start with the magic bytes"));
        }
        if u32_at(bytes, 48) != Some(crc32c::crc32c(covered)) {
            return Err(HeaderError::Damaged("has a wrong checksum"));
        }
        let u16_at =
            |at: usize| covered.get(at..).and_then(|b| b.first_chunk()).copied().map(u16::from_le_bytes);
        match u16_at(8) {
            Some(VERSION) => {}
            version => return Err(HeaderError::Version(version.unwrap_or(0))),
        }
        let field = |at| u64_at(covered, at).ok_or(HeaderError::Damaged("is cut short"));
        Ok(Self {
            shard: ShardId(u16_at(10).unwrap_or(u16::MAX)),
            epoch: field(16)?,
            salt: field(24)?,
            first_seq: field(32)?,
            prev_seq: field(40)?,
        })
    }

    /// The bytes from the start of the file to the first record, end mark included.
    pub(super) fn preamble(&self) -> Vec<u8> {
        let header = self.encode();
        let mut out = Vec::with_capacity(FIRST_RECORD as usize + 64);
        out.extend_from_slice(&header);
        out.resize(HEADER_COPY as usize, 0);
        out.extend_from_slice(&header);
        out.resize(FIRST_RECORD as usize + HEADER, 0);
        out
    }
}

/// Why a header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    Damaged(&'static str),
    Version(u16),
}

impl HeaderError {
    pub(super) fn into_wal(self, file: &str) -> WalError {
        match self {
            Self::Damaged(what) => {
                WalError::Corrupt { file: file.to_owned(), offset: 0, reason: format!("the header {what}") }
            }
            Self::Version(version) => WalError::UnknownVersion { file: file.to_owned(), version },
        }
    }
}

/// What is at a place where a record may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Record(RecordHead),
    /// A zero length or the end of the file.
    End,
    /// Neither.
    Bad(&'static str),
}

/// Reads a segment through a window of about 1 MiB (more for larger records).
#[derive(Debug)]
pub(super) struct SegmentReader {
    file: Box<dyn DiskFile>,
    path: String,
    len: u64,
    stamp: Stamp,
    window: Vec<u8>,
    start: u64,
}

impl SegmentReader {
    /// Opens the segment at `path`, whose header is known.
    pub(super) fn open(disk: &dyn Disk, path: &str, stamp: Stamp) -> Result<Self, WalError> {
        let file = disk.open(path, OpenMode::Read)?;
        let len = file.len()?;
        Ok(Self { file, path: path.to_owned(), len, stamp, window: Vec::new(), start: 0 })
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Length of the file.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// `n` bytes at `offset`; none if the file ends before.
    pub(super) fn bytes(&mut self, offset: u64, n: u64) -> Result<Option<&[u8]>, WalError> {
        if offset.checked_add(n).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        let have = self.start + self.window.len() as u64;
        if offset < self.start || offset + n > have {
            let want = n.max(WINDOW as u64).min(self.len - offset);
            self.window.resize(usize::try_from(want).unwrap_or(usize::MAX), 0);
            self.start = offset;
            let got = self.file.read_at(offset, &mut self.window)?;
            self.window.truncate(got);
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        Ok(from
            .checked_add(usize::try_from(n).unwrap_or(usize::MAX))
            .and_then(|to| self.window.get(from..to)))
    }

    /// What is at `offset`.
    pub(super) fn step(&mut self, offset: u64) -> Result<Step, WalError> {
        let room = self.len.saturating_sub(offset);
        match self.bytes(offset, 4)?.and_then(|b| u32_at(b, 0)) {
            None | Some(0) => return Ok(Step::End),
            Some(_) => {}
        }
        let Some(head) = self.bytes(offset, HEADER as u64)?.and_then(RecordHead::parse) else {
            return Ok(Step::Bad("a record's header runs past the end of the file"));
        };
        let stamp = self.stamp;
        if !head.is_plausible(stamp, room) {
            return Ok(Step::Bad("no record of this segment starts here"));
        }
        let intact = self.bytes(offset, u64::from(head.len))?.is_some_and(|r| head.is_intact(stamp, r));
        Ok(if intact { Step::Record(head) } else { Step::Bad("a record has a wrong checksum") })
    }

    /// The payload of the record that [`SegmentReader::step`] found at `offset`.
    pub(super) fn payload(&mut self, offset: u64, head: &RecordHead) -> Result<&[u8], WalError> {
        let record = self.bytes(offset, u64::from(head.len))?;
        Ok(record.and_then(|r| r.get(HEADER..)).unwrap_or_default())
    }

    /// The first intact record of this segment at or behind `from`, found by looking everywhere.
    pub(super) fn find_record(&mut self, from: u64) -> Result<Option<(u64, RecordHead)>, WalError> {
        let (stamp, len) = (self.stamp, self.len);
        let mut offset = from.next_multiple_of(ALIGN);
        loop {
            // Look at the window as a whole: a call per offset would dominate the scan of zeros.
            let n = (len.saturating_sub(offset)).min(WINDOW as u64);
            if n < HEADER as u64 {
                return Ok(None);
            }
            let Some(bytes) = self.bytes(offset, n)? else {
                return Ok(None);
            };
            let candidate = (0..bytes.len() - HEADER + 1).step_by(ALIGN as usize).find(|at| {
                let at = *at;
                let head = bytes.get(at..).and_then(RecordHead::parse);
                head.is_some_and(|h| h.is_plausible(stamp, len - offset - at as u64))
            });
            let Some(at) = candidate else {
                // The next window overlaps by what is too short for a header.
                offset += (n - HEADER as u64 + 1).next_multiple_of(ALIGN);
                continue;
            };
            offset += at as u64;
            match self.step(offset)? {
                Step::Record(head) => return Ok(Some((offset, head))),
                Step::End | Step::Bad(_) => offset += ALIGN,
            }
        }
    }
}

/// Reads the header at `offset` of `file`.
pub(super) fn read_header(
    file: &dyn DiskFile,
    offset: u64,
) -> Result<Result<SegmentHeader, HeaderError>, WalError> {
    let mut bytes = [0; SEGMENT_HEADER];
    let n = file.read_at(offset, &mut bytes)?;
    Ok(SegmentHeader::decode(bytes.get(..n).unwrap_or_default()))
}

/// Writes zeros over everything from `from` to the end of the file that is not zero. Not synced.
pub(super) fn zero_from(file: &dyn DiskFile, from: u64) -> Result<(), WalError> {
    let len = file.len()?;
    let mut bytes = vec![0; WINDOW];
    let zeros = vec![0; WINDOW];
    let mut at = from;
    while at < len {
        let n = file.read_at(at, &mut bytes)?;
        let read = bytes.get(..n).unwrap_or_default();
        if n == 0 {
            break;
        }
        if read.iter().any(|b| *b != 0) {
            file.write_at(at, zeros.get(..n).unwrap_or_default())?;
        }
        at += n as u64;
    }
    Ok(())
}

/// What is behind the last good record of the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Nothing of this use of the file.
    Clean,
    /// The rest of writes that were never synced.
    Torn {
        /// From the last good record to the last byte known to belong to them.
        bytes: u64,
    },
    /// A record further on says that this place had been synced.
    Damaged {
        /// Where that record is.
        next: u64,
    },
}

/// Judges what is at `offset`, where reading stopped with `step` (see `record` on `durable`).
pub(super) fn judge_tail(reader: &mut SegmentReader, offset: u64, step: Step) -> Result<Tail, WalError> {
    let (mut at, mut end, mut first) = (offset, offset, None);
    while let Some((found, head)) = reader.find_record(at)? {
        first = first.or(Some(found));
        if head.durable > offset {
            return Ok(Tail::Damaged { next: first.unwrap_or(found) });
        }
        end = found + head.span();
        at = end;
    }
    Ok(match step {
        Step::End if end == offset => Tail::Clean,
        _ => Tail::Torn { bytes: (end - offset).max(ALIGN) },
    })
}
