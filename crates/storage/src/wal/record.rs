//! Framing of records, frozen as format version 1 (M-4). Little endian.
//!
//! ```text
//!  0  len      u32  bytes of header and payload without padding; 0 = end of the log
//!  4  crc      u32  CRC-32C over salt and epoch of the segment, then bytes 0..4 and 8..len
//!  8  kind     u8   what the payload is, see `codec`
//!  9  flags    u8   bit 0: a reader that does not know the kind may skip the record
//! 10  zero     u16
//! 12  tag      u32  from the segment's salt: cheap filter when looking for records after damage
//! 16  seq      u64
//! 24  durable  u64  bytes of this segment that were synced when the record was written
//! 32  payload, then zeros up to a multiple of 8
//! ```
//!
//! `durable` tells a torn tail from damage: disks may keep later sectors of an unsynced write and
//! lose earlier ones, so "a valid record behind a broken one" proves nothing by itself. Broken
//! bytes *below* the `durable` of any valid record had been synced, so they are damage.

/// Bytes before the payload.
pub(super) const HEADER: usize = 32;
/// Records start at multiples of this.
pub(super) const ALIGN: u64 = 8;
/// Zeros behind each group: a length of zero ends the log, whatever an earlier use of the segment
/// left behind it.
pub(super) const END_MARK: usize = 8;
/// Largest record, header included.
pub(super) const MAX_RECORD: u64 = 1 << 30;
/// Flag: a reader that does not know the kind may skip the record (M-5).
pub(super) const SKIPPABLE: u8 = 1;

/// `n` rounded up to where the next record starts.
pub(super) const fn aligned(n: u64) -> u64 {
    n.next_multiple_of(ALIGN)
}

/// What ties records to one use of one segment file. The salt is random, so neither an earlier use
/// of a recycled file nor bytes that a user wrote into a text column can pass for records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    seed: u32,
    tag: u32,
}

impl Stamp {
    pub(super) fn new(epoch: u64, salt: u64) -> Self {
        let seed = crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), &epoch.to_le_bytes());
        // The odd bit keeps the tag apart from zeroed space.
        Self { seed, tag: salt as u32 | 1 }
    }

    fn crc(self, len: &[u8], rest: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c_append(self.seed, len), rest)
    }
}

/// The parsed header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHead {
    pub(super) len: u32,
    crc: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    tag: u32,
    pub(super) seq: u64,
    pub(super) durable: u64,
}

impl RecordHead {
    /// Reads the header at the start of `bytes`; none if they are too few.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            len: u32_at(bytes, 0)?,
            crc: u32_at(bytes, 4)?,
            kind: *bytes.get(8)?,
            flags: *bytes.get(9)?,
            tag: u32_at(bytes, 12)?,
            seq: u64_at(bytes, 16)?,
            durable: u64_at(bytes, 24)?,
        })
    }

    /// Whether length and tag can be those of a record of this segment with `room` bytes left.
    pub(super) fn is_plausible(&self, stamp: Stamp, room: u64) -> bool {
        self.tag == stamp.tag && self.len as usize >= HEADER && u64::from(self.len) <= room
    }

    /// Whether `record` (header and payload) has the right checksum.
    pub(super) fn is_intact(&self, stamp: Stamp, record: &[u8]) -> bool {
        match (record.get(..4), record.get(8..)) {
            (Some(len), Some(rest)) => stamp.crc(len, rest) == self.crc,
            _ => false,
        }
    }

    /// From the start of this record to the start of the next one.
    pub(super) fn span(&self) -> u64 {
        aligned(u64::from(self.len))
    }
}

/// Writes the parts of a header that are known before the segment is. `out` is at the record's start.
pub(super) fn begin(out: &mut Vec<u8>, seq: u64) {
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
}

/// Fills in length, kind and flags of the finished `record`.
pub(super) fn close(record: &mut [u8], kind: u8, flags: u8) {
    let len = u32::try_from(record.len()).unwrap_or(u32::MAX);
    put(record, 0, &len.to_le_bytes());
    put(record, 8, &[kind, flags, 0, 0]);
}

/// Ties the closed `record` to its segment.
pub(super) fn seal(record: &mut [u8], stamp: Stamp, durable: u64) {
    put(record, 12, &stamp.tag.to_le_bytes());
    put(record, 24, &durable.to_le_bytes());
    if let (Some(len), Some(rest)) = (record.get(..4), record.get(8..)) {
        let crc = stamp.crc(len, rest);
        put(record, 4, &crc.to_le_bytes());
    }
}

fn put(record: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(target) = record.get_mut(at..at + bytes.len()) {
        target.copy_from_slice(bytes);
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
