//! The frozen framing of records and checkpoints (M-4), version 1. All integers little-endian.
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 4 | magic: `TGML` record, `TGCK` checkpoint |
//! | 4 | 2 | format version, 1 |
//! | 6 | 2 | kind (the caller's; 0 in checkpoints) |
//! | 8 | 2 | flags (bit 0: skippable; 0 in checkpoints) |
//! | 10 | 8 | number |
//! | 18 | 4 | length of the payload |
//! | 22 | 4 | CRC-32C of bytes 0..22 and the payload |
//! | 26 | … | payload, up to the end of the file |
//!
//! Never change what these bytes mean: a new layout is a new format version.

use bytes::Bytes;
use object_store::PutPayload;
use object_store::path::Path;

use crate::{MetaLogError, Result};

/// Bytes before the payload.
pub const HEADER_LEN: usize = 26;

/// Largest payload in bytes. Metadata states are kept in memory whole; this only stops nonsense.
pub const MAX_PAYLOAD: usize = 1 << 30;

const VERSION: u16 = 1;
const CRC_OFFSET: usize = 22;

/// Properties of a record that every version of triglot understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct RecordFlags(u16);

impl RecordFlags {
    /// A reader that does not know the record's kind must refuse to go on (M-5).
    pub const NONE: Self = Self(0);
    /// A reader that does not know the record's kind may go on without it (M-5).
    pub const SKIPPABLE: Self = Self(1);

    /// Whether a reader that does not know the kind may go on.
    pub const fn is_skippable(self) -> bool {
        self.0 & Self::SKIPPABLE.0 != 0
    }

    /// The bits as stored.
    pub const fn bits(self) -> u16 {
        self.0
    }
}

/// One record of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Position in the log, from 1, without gaps.
    pub number: u64,
    /// What the payload is; the owner of the log defines the numbers and never reuses one.
    pub kind: u16,
    /// See [`RecordFlags`].
    pub flags: RecordFlags,
    /// The content.
    pub payload: Bytes,
}

/// Which of the two kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Record,
    Checkpoint,
}

impl FileKind {
    const fn magic(self) -> [u8; 4] {
        match self {
            Self::Record => *b"TGML",
            Self::Checkpoint => *b"TGCK",
        }
    }
}

/// Frames a record for writing. The payload must not be above [`MAX_PAYLOAD`].
pub(crate) fn encode(file: FileKind, record: &Record) -> PutPayload {
    let len = u32::try_from(record.payload.len()).unwrap_or(u32::MAX);
    let mut header = Vec::with_capacity(HEADER_LEN);
    header.extend_from_slice(&file.magic());
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&record.kind.to_le_bytes());
    header.extend_from_slice(&record.flags.0.to_le_bytes());
    header.extend_from_slice(&record.number.to_le_bytes());
    header.extend_from_slice(&len.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header), &record.payload);
    header.extend_from_slice(&crc.to_le_bytes());
    PutPayload::from_iter([Bytes::from(header), record.payload.clone()])
}

/// Reads a whole file back and checks everything: magic, version, length, CRC, number, flags.
pub(crate) fn decode(file: FileKind, key: &Path, number: u64, data: &Bytes) -> Result<Record> {
    let header = Header { key, data };
    let magic = header.bytes::<4>(0)?;
    if magic != file.magic() {
        let expected = format!("magic '{}'", file.magic().escape_ascii());
        return Err(header.damaged(0, expected, format!("'{}'", magic.escape_ascii())));
    }
    let version = u16::from_le_bytes(header.bytes(4)?);
    if version != VERSION {
        return Err(header.unsupported(4, format!("format version {version}")));
    }
    let kind = u16::from_le_bytes(header.bytes(6)?);
    let flags = u16::from_le_bytes(header.bytes(8)?);
    let stored_number = u64::from_le_bytes(header.bytes(10)?);
    let len = u32::from_le_bytes(header.bytes(18)?);
    let crc = u32::from_le_bytes(header.bytes(CRC_OFFSET)?);
    let payload = data.slice(HEADER_LEN.min(data.len())..);
    if payload.len() as u64 != u64::from(len) {
        let (expected, found) = (format!("{len} bytes of payload"), format!("{} bytes", payload.len()));
        return Err(header.damaged(18, expected, found));
    }
    let covered = data.get(..CRC_OFFSET).unwrap_or_default();
    let computed = crc32c::crc32c_append(crc32c::crc32c(covered), &payload);
    if crc != computed {
        let (expected, found) = (format!("CRC-32C {computed:08x}"), format!("{crc:08x}"));
        return Err(header.damaged(CRC_OFFSET, expected, found));
    }
    // From here on the bytes are what was written, so differences are mix-ups and not bit rot.
    if stored_number != number {
        return Err(header.damaged(10, format!("number {number}"), stored_number.to_string()));
    }
    if flags & !RecordFlags::SKIPPABLE.0 != 0 {
        return Err(header.unsupported(8, format!("flags {flags:#06x}")));
    }
    Ok(Record { number, kind, flags: RecordFlags(flags), payload })
}

struct Header<'a> {
    key: &'a Path,
    data: &'a Bytes,
}

impl Header<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Result<[u8; N]> {
        match self.data.get(at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => Ok(*bytes),
            None => {
                let found = format!("end of file after {} bytes", self.data.len());
                Err(self.damaged(self.data.len(), format!("{HEADER_LEN} bytes of header"), found))
            }
        }
    }

    fn damaged(&self, offset: usize, expected: String, found: String) -> MetaLogError {
        let (key, offset) = (self.key.clone(), offset as u64);
        MetaLogError::Damaged { key, offset, expected, found, hint: String::new() }
    }

    fn unsupported(&self, offset: usize, what: String) -> MetaLogError {
        MetaLogError::Unsupported { key: self.key.clone(), offset: offset as u64, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(payload: &PutPayload) -> Bytes {
        payload.iter().flat_map(|b| b.iter().copied()).collect::<Vec<_>>().into()
    }

    fn unhex(text: &str) -> Bytes {
        let digit = |c: u8| u8::try_from((c as char).to_digit(16).unwrap()).unwrap();
        text.as_bytes().chunks(2).map(|p| digit(p[0]) << 4 | digit(p[1])).collect::<Vec<_>>().into()
    }

    fn record(number: u64, kind: u16, flags: RecordFlags, payload: &'static [u8]) -> Record {
        Record { number, kind, flags, payload: Bytes::from_static(payload) }
    }

    /// The bytes come from an independent implementation of the table above (Python, bitwise CRC
    /// with the reflected Castagnoli polynomial, which answers e3069283 for "123456789").
    #[test]
    fn m4_golden_bytes() {
        let cases = [
            (
                FileKind::Record,
                record(0x1122_3344_5566_7788, 0x0203, RecordFlags::SKIPPABLE, b"hello"),
                "54474d4c010003020100887766554433221105000000606dc25668656c6c6f",
            ),
            (
                FileKind::Record,
                record(1, 7, RecordFlags::NONE, b""),
                "54474d4c010007000000010000000000000000000000f590101e",
            ),
            (
                FileKind::Checkpoint,
                record(42, 0, RecordFlags::NONE, b"state"),
                "5447434b0100000000002a0000000000000005000000a0587c0a7374617465",
            ),
        ];
        for (file, record, hex) in cases {
            assert_eq!(flat(&encode(file, &record)), unhex(hex));
            assert_eq!(decode(file, &Path::from("k"), record.number, &unhex(hex)).unwrap(), record);
        }
    }

    #[test]
    fn every_flipped_bit_and_every_length_is_noticed() {
        let good = flat(&encode(FileKind::Record, &record(9, 3, RecordFlags::NONE, b"payload")));
        let key = Path::from("log/9");
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.to_vec();
                bad[at] ^= 1 << bit;
                let error = decode(FileKind::Record, &key, 9, &bad.into()).unwrap_err();
                assert!(error.is_damage() && error.to_string().contains("log/9"), "{error}");
            }
            assert!(decode(FileKind::Record, &key, 9, &good.slice(..at)).is_err(), "cut at {at}");
        }
        let longer = [good.as_ref(), b"x"].concat();
        assert!(decode(FileKind::Record, &key, 9, &longer.into()).is_err());
    }

    #[test]
    fn messages_name_place_and_expectation() {
        let good = flat(&encode(FileKind::Record, &record(9, 3, RecordFlags::NONE, b"payload")));
        let key = Path::from("log/9");
        let message = |file, number, data: Bytes| decode(file, &key, number, &data).unwrap_err().to_string();
        let damaged = "damaged metadata file 'log/9' at offset";
        assert_eq!(
            message(FileKind::Record, 10, good.clone()),
            format!("{damaged} 10: expected number 10, found 9")
        );
        assert_eq!(
            message(FileKind::Checkpoint, 9, good.clone()),
            format!("{damaged} 0: expected magic 'TGCK', found 'TGML'")
        );
        assert_eq!(
            message(FileKind::Record, 9, good.slice(..12)),
            format!("{damaged} 12: expected 26 bytes of header, found end of file after 12 bytes")
        );
        assert_eq!(
            message(FileKind::Record, 9, good.slice(..30)),
            format!("{damaged} 18: expected 7 bytes of payload, found 4 bytes")
        );
        assert_eq!(
            message(FileKind::Record, 9, Bytes::new()),
            format!("{damaged} 0: expected 26 bytes of header, found end of file after 0 bytes")
        );
    }

    #[test]
    fn newer_flags_and_versions_are_refused_as_such() {
        let future = record(1, 1, RecordFlags(0x8000), b"");
        let error = decode(FileKind::Record, &Path::from("k"), 1, &flat(&encode(FileKind::Record, &future)));
        assert!(matches!(error, Err(MetaLogError::Unsupported { offset: 8, .. })), "{error:?}");
        let mut version_2 = flat(&encode(FileKind::Record, &record(1, 1, RecordFlags::NONE, b""))).to_vec();
        version_2[4] = 2;
        let error = decode(FileKind::Record, &Path::from("k"), 1, &version_2.into());
        assert!(matches!(error, Err(MetaLogError::Unsupported { offset: 4, .. })), "{error:?}");
    }
}
