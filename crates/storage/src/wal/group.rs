use std::ops::Range;

use super::codec::{self, WalPayload};
use super::error::WalError;
use super::record::{self, ALIGN, END_MARK, HEADER, MAX_RECORD, Stamp};

/// Records that are written with one write. Payloads are encoded straight into the buffer that
/// goes to the disk; reuse the group to keep the buffer.
///
/// A group does not know the log: it may be filled on another thread and handed to
/// [`Wal::commit`](super::Wal::commit).
#[derive(Debug, Default)]
pub struct Group {
    bytes: Vec<u8>,
    /// Where the records are, without padding.
    records: Vec<Range<usize>>,
    first_seq: u64,
    last_seq: u64,
    lz4: bool,
}

/// A buffer that grew beyond this is given back instead of kept for the next group.
const KEEP_BYTES: usize = 16 << 20;

impl Group {
    /// An empty group. With `lz4`, batches are compressed where that makes them smaller.
    pub fn new(lz4: bool) -> Self {
        Self { lz4, ..Self::default() }
    }

    /// Appends a record.
    ///
    /// # Errors
    /// [`WalError::Sequence`] unless `seq` is above the last one, [`WalError::Encode`] for a payload
    /// without an encoding, [`WalError::TooLarge`]. The group is then as before.
    pub fn push(&mut self, seq: u64, payload: &WalPayload) -> Result<(), WalError> {
        let lz4 = self.lz4;
        self.push_with(seq, 0, |out| codec::encode(payload, out, lz4))
    }

    /// Appends a record whose payload `encode` writes, answering its kind.
    pub(super) fn push_with(
        &mut self,
        seq: u64,
        flags: u8,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<u8, codec::CodecError>,
    ) -> Result<(), WalError> {
        if !self.records.is_empty() && seq <= self.last_seq {
            return Err(WalError::Sequence { given: seq, last: self.last_seq });
        }
        let start = self.bytes.len();
        record::begin(&mut self.bytes, seq);
        let kind = match encode(&mut self.bytes) {
            Ok(kind) => kind,
            Err(source) => {
                self.bytes.truncate(start);
                return Err(WalError::Encode { seq, source });
            }
        };
        let end = self.bytes.len();
        // Offsets inside a group stay far from u32 and from what one write takes.
        if end as u64 > MAX_RECORD {
            self.bytes.truncate(start);
            return Err(WalError::TooLarge { bytes: end as u64, limit: MAX_RECORD });
        }
        if let Some(record) = self.bytes.get_mut(start..end) {
            record::close(record, kind, flags);
        }
        self.bytes.resize(end.next_multiple_of(ALIGN as usize), 0);
        if self.records.is_empty() {
            self.first_seq = seq;
        }
        self.records.push(start..end);
        self.last_seq = seq;
        Ok(())
    }

    /// Records in the group.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record in the group.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes that the group takes in the log.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Sequence number of the first record; 0 if there is none.
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// Sequence number of the last record; 0 if there is none.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Forgets the records and keeps the buffer.
    pub fn clear(&mut self) {
        self.records.clear();
        (self.first_seq, self.last_seq) = (0, 0);
        if self.bytes.capacity() > KEEP_BYTES {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
    }

    /// The bytes to write at a place of the segment with this stamp, of which `durable` bytes are
    /// synced: all records and the end mark.
    pub(super) fn sealed(&mut self, stamp: Stamp, durable: u64) -> &[u8] {
        for range in &self.records {
            if let Some(record) = self.bytes.get_mut(range.clone()) {
                debug_assert!(record.len() >= HEADER);
                record::seal(record, stamp, durable);
            }
        }
        let end = self.bytes.len();
        // The mark is not part of the group: a commit that fails may be repeated.
        self.bytes.resize(end + END_MARK, 0);
        &self.bytes
    }

    /// Undoes the end mark of [`Group::sealed`].
    pub(super) fn unsealed(&mut self) {
        self.bytes.truncate(self.bytes.len().saturating_sub(END_MARK));
    }
}
