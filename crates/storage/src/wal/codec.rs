//! Payloads of records, frozen as version 1 each (M-4): golden bytes are in `tests/golden.rs`.
//! Little endian; texts are `len u32` and UTF-8. Each payload starts with its own format version,
//! so that a kind can get a second one.
//!
//! | kind | payload after `version u8` |
//! |---|---|
//! | 1 batch | see [`batch`](super::batch) |
//! | 2 series-create | table u32, n u32, n × (sid u32, child u8 [text], tags u32 × (column u32, text)) |
//! | 3 set-tags | table u32, n u32, n × (sid u32, tags u32 × (column u32, set u8 [text])) |
//! | 4 tombstone | table u32, start i64, end i64, series u8 [len u32, roaring bitmap] |
//! | 5 drop-table | table u32 |
//! | 6 series-remove | table u32, n u32, n × sid u32 |

use arrow::array::RecordBatch;
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, Sid, TableId};

use super::batch;
use crate::TimeRange;

pub(super) const BATCH: u8 = 1;
pub(super) const SERIES_CREATE: u8 = 2;
pub(super) const SET_TAGS: u8 = 3;
pub(super) const TOMBSTONE: u8 = 4;
pub(super) const DROP_TABLE: u8 = 5;
pub(super) const SERIES_REMOVE: u8 = 6;

/// Version of every payload so far.
pub(super) const V1: u8 = 1;

/// What a WAL record says.
#[derive(Clone, Debug, PartialEq)]
pub enum WalPayload {
    /// Rows in the physical schema, in order of arrival.
    Batch {
        /// The table.
        table: TableId,
        /// Version of the table's schema that the batch follows.
        schema_version: u32,
        /// `__sid`, `__time`, optional `__op` and `__set`, stored columns.
        batch: RecordBatch,
    },
    /// New series; precedes their first rows (W-3).
    SeriesCreate {
        /// The table.
        table: TableId,
        /// The series.
        entries: Vec<SeriesEntry>,
    },
    /// Changed tags of series; `None` removes the tag (NULL).
    SetTags {
        /// The table.
        table: TableId,
        /// Series and their changed tags.
        entries: Vec<(Sid, TagChanges)>,
    },
    /// Rows older than this record are deleted.
    Tombstone {
        /// The table.
        table: TableId,
        /// The times deleted, in the table's precision.
        time: TimeRange,
        /// The series deleted; `None` = all.
        series: Option<RoaringBitmap>,
    },
    /// The table is gone with all its rows and series.
    DropTable {
        /// The table.
        table: TableId,
    },
    /// Series are gone from the index (their rows: see [`WalPayload::Tombstone`]).
    SeriesRemove {
        /// The table.
        table: TableId,
        /// The series.
        sids: Vec<Sid>,
    },
}

/// Changed tags of one series; `None` removes the tag (NULL).
pub type TagChanges = Vec<(ColumnId, Option<Box<str>>)>;

/// One new series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesEntry {
    /// Its number in (table, shard).
    pub sid: Sid,
    /// The child table's name, where that is the identity.
    pub child: Option<Box<str>>,
    /// Its tags; an absent one is NULL.
    pub tags: Vec<(ColumnId, Box<str>)>,
}

impl WalPayload {
    /// The table that the record is about.
    pub const fn table(&self) -> TableId {
        match self {
            Self::Batch { table, .. }
            | Self::SeriesCreate { table, .. }
            | Self::SetTags { table, .. }
            | Self::Tombstone { table, .. }
            | Self::DropTable { table }
            | Self::SeriesRemove { table, .. } => *table,
        }
    }
}

/// Why a payload cannot be encoded or decoded.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CodecError {
    /// The bytes are not a payload of this kind.
    #[error("bad payload at byte {at}: {reason}")]
    Bad {
        /// Where in the payload.
        at: usize,
        /// What is wrong.
        reason: String,
    },
    /// A format version that this build does not know (M-5).
    #[error("payload format version {0} was written by a newer version of triglot")]
    Version(u8),
    /// A record kind that this build does not know (M-5).
    #[error("unknown record kind {0}")]
    Kind(u8),
    /// The payload has no encoding.
    #[error("cannot be encoded: {0}")]
    Unencodable(String),
}

/// Appends the encoded payload to `out` and answers its kind.
pub(super) fn encode(payload: &WalPayload, out: &mut Vec<u8>, lz4: bool) -> Result<u8, CodecError> {
    match payload {
        WalPayload::Batch { table, schema_version, batch } => {
            batch::encode(*table, *schema_version, batch, out, lz4)?;
            Ok(BATCH)
        }
        WalPayload::SeriesCreate { table, entries } => {
            put_table(out, *table);
            put_len(out, entries.len())?;
            entries.iter().try_for_each(|entry| put_series(out, entry))?;
            Ok(SERIES_CREATE)
        }
        WalPayload::SetTags { table, entries } => {
            put_table(out, *table);
            put_len(out, entries.len())?;
            for (sid, tags) in entries {
                put_u32(out, sid.0);
                put_len(out, tags.len())?;
                for (column, value) in tags {
                    put_u32(out, column.0);
                    put_optional_text(out, value.as_deref())?;
                }
            }
            Ok(SET_TAGS)
        }
        WalPayload::Tombstone { table, time, series } => {
            put_table(out, *table);
            out.extend_from_slice(&time.start.to_le_bytes());
            out.extend_from_slice(&time.end.to_le_bytes());
            out.push(u8::from(series.is_some()));
            if let Some(series) = series {
                put_len(out, series.serialized_size())?;
                series.serialize_into(out).map_err(|e| CodecError::Unencodable(e.to_string()))?;
            }
            Ok(TOMBSTONE)
        }
        WalPayload::DropTable { table } => {
            put_table(out, *table);
            Ok(DROP_TABLE)
        }
        WalPayload::SeriesRemove { table, sids } => {
            put_table(out, *table);
            put_len(out, sids.len())?;
            sids.iter().for_each(|sid| put_u32(out, sid.0));
            Ok(SERIES_REMOVE)
        }
    }
}

/// Decodes a payload of `kind`. Any bytes are safe to give; all of them must be used.
pub(super) fn decode(kind: u8, bytes: &[u8]) -> Result<WalPayload, CodecError> {
    if !is_known(kind) {
        return Err(CodecError::Kind(kind));
    }
    let mut input = Input::new(bytes);
    match input.u8()? {
        V1 => {}
        version => return Err(CodecError::Version(version)),
    }
    let payload = match kind {
        BATCH => batch::decode(&mut input)?,
        SERIES_CREATE => {
            WalPayload::SeriesCreate { table: input.table()?, entries: input.list(9, Input::series)? }
        }
        SET_TAGS => WalPayload::SetTags {
            table: input.table()?,
            entries: input.list(8, |input| {
                let sid = Sid(input.u32()?);
                let tags = input.list(5, |input| Ok((ColumnId(input.u32()?), input.optional_text()?)))?;
                Ok((sid, tags))
            })?,
        },
        TOMBSTONE => WalPayload::Tombstone {
            table: input.table()?,
            time: TimeRange { start: input.i64()?, end: input.i64()? },
            series: if input.flag()? { Some(input.bitmap()?) } else { None },
        },
        DROP_TABLE => WalPayload::DropTable { table: input.table()? },
        _ => WalPayload::SeriesRemove {
            table: input.table()?,
            sids: input.list(4, |input| Ok(Sid(input.u32()?)))?,
        },
    };
    input.finish()?;
    Ok(payload)
}

/// Whether this build can decode records of `kind`.
pub(super) const fn is_known(kind: u8) -> bool {
    matches!(kind, BATCH | SERIES_CREATE | SET_TAGS | TOMBSTONE | DROP_TABLE | SERIES_REMOVE)
}

fn put_table(out: &mut Vec<u8>, table: TableId) {
    out.push(V1);
    put_u32(out, table.0);
}

fn put_series(out: &mut Vec<u8>, entry: &SeriesEntry) -> Result<(), CodecError> {
    put_u32(out, entry.sid.0);
    put_optional_text(out, entry.child.as_deref())?;
    put_len(out, entry.tags.len())?;
    for (column, value) in &entry.tags {
        put_u32(out, column.0);
        put_text(out, value)?;
    }
    Ok(())
}

fn put_u32(out: &mut Vec<u8>, n: u32) {
    out.extend_from_slice(&n.to_le_bytes());
}

fn put_len(out: &mut Vec<u8>, n: usize) -> Result<(), CodecError> {
    let n = u32::try_from(n).map_err(|_| CodecError::Unencodable(format!("{n} entries")))?;
    put_u32(out, n);
    Ok(())
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Result<(), CodecError> {
    put_len(out, text.len())?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn put_optional_text(out: &mut Vec<u8>, text: Option<&str>) -> Result<(), CodecError> {
    out.push(u8::from(text.is_some()));
    text.map_or(Ok(()), |text| put_text(out, text))
}

/// A payload being read.
#[derive(Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn bad(&self, reason: impl Into<String>) -> CodecError {
        CodecError::Bad { at: self.at, reason: reason.into() }
    }

    pub(super) fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], CodecError> {
        let taken = self.at.checked_add(n).and_then(|end| self.bytes.get(self.at..end));
        let taken = taken
            .ok_or_else(|| self.bad(format!("{n} more bytes are wanted, {} are there", self.remaining())))?;
        self.at += n;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let bytes = self.take(N)?;
        bytes.first_chunk().copied().ok_or_else(|| self.bad("too short"))
    }

    pub(super) fn u8(&mut self) -> Result<u8, CodecError> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, CodecError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, CodecError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, CodecError> {
        self.array().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Result<i64, CodecError> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn table(&mut self) -> Result<TableId, CodecError> {
        self.u32().map(TableId)
    }

    fn flag(&mut self) -> Result<bool, CodecError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.bad(format!("{other} is neither 0 nor 1"))),
        }
    }

    fn text(&mut self) -> Result<Box<str>, CodecError> {
        let len = self.u32()? as usize;
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map(Box::from).map_err(|e| self.bad(e.to_string()))
    }

    fn optional_text(&mut self) -> Result<Option<Box<str>>, CodecError> {
        if self.flag()? { self.text().map(Some) } else { Ok(None) }
    }

    /// `n u32` and as many items of at least `min_bytes` each, so that a hostile `n` allocates
    /// nothing.
    fn list<T>(
        &mut self,
        min_bytes: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, CodecError>,
    ) -> Result<Vec<T>, CodecError> {
        let n = self.u32()? as usize;
        if n > self.remaining() / min_bytes {
            return Err(self.bad(format!("{n} entries do not fit into {} bytes", self.remaining())));
        }
        let mut items = Vec::with_capacity(n);
        for _ in 0..n {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn series(&mut self) -> Result<SeriesEntry, CodecError> {
        Ok(SeriesEntry {
            sid: Sid(self.u32()?),
            child: self.optional_text()?,
            tags: self.list(8, |input| Ok((ColumnId(input.u32()?), input.text()?)))?,
        })
    }

    fn bitmap(&mut self) -> Result<RoaringBitmap, CodecError> {
        let len = self.u32()? as usize;
        let mut bytes = self.take(len)?;
        let bitmap =
            RoaringBitmap::deserialize_from(&mut bytes).map_err(|e| self.bad(format!("bitmap: {e}")))?;
        if bytes.is_empty() { Ok(bitmap) } else { Err(self.bad("bytes behind the bitmap")) }
    }

    fn finish(&self) -> Result<(), CodecError> {
        match self.remaining() {
            0 => Ok(()),
            n => Err(self.bad(format!("{n} bytes too many"))),
        }
    }
}
