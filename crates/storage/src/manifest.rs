//! The manifest of one shard: which files, series snapshots and tombstones make up its tables.
//!
//! A change is one numbered record in a [`MetaLog`], so a commit is atomic (M-3: it comes before the
//! WAL is released). Records are the frozen `…V1` structures in JSON; nothing else is serialised here.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use triglot_metalog::{MetaLog, MetaLogOptions, RecordFlags};
use triglot_model::{ShardId, TableId};

use crate::error::StorageError;
use crate::sst::{FileMeta, FileMetaV1};
use crate::{TimeRange, Tombstone};

/// Record kind of an edit.
const EDIT_V1: u16 = 1;
/// A checkpoint is written after this many edits, which bounds how many files an open reads.
const EDITS_PER_CHECKPOINT: u64 = 64;

/// One atomic change.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EditV1 {
    /// WAL records up to this sequence number are in files; 0 = unchanged.
    pub(crate) flushed_seq: u64,
    /// The next file gets at least this id.
    pub(crate) next_file: u64,
    /// Tables that get their first file or snapshot.
    pub(crate) tables: Vec<TableV1>,
    /// New files.
    pub(crate) add: Vec<FileMetaV1>,
    /// Files that are gone: (table, file id).
    pub(crate) remove: Vec<(u32, u64)>,
    /// Series snapshots; a full one replaces all earlier ones of its table.
    pub(crate) series: Vec<SeriesPartV1>,
    /// New tombstones.
    pub(crate) tombstones: Vec<TombstoneV1>,
    /// Tombstones that no file needs any more: (table, sequence number).
    pub(crate) tombstones_gone: Vec<(u32, u64)>,
    /// Tables that are gone with all they had.
    pub(crate) dropped: Vec<u32>,
}

/// A table's settings that are fixed with its first file.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct TableV1 {
    pub(crate) table: u32,
    /// Bucket length in the table's precision.
    pub(crate) bucket: i64,
}

/// One file of series snapshots.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SeriesPartV1 {
    pub(crate) table: u32,
    /// Its id within the shard, in the same numbers as data files.
    pub(crate) file: u64,
    /// Whether it replaces all earlier parts.
    pub(crate) full: bool,
    /// Series below this id are in this part or an earlier one.
    pub(crate) watermark: u32,
}

/// A deletion that files may still need.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TombstoneV1 {
    pub(crate) table: u32,
    seq: u64,
    start: i64,
    end: i64,
    /// Serialised roaring bitmap of series ids, as hex; none = all.
    series: Option<String>,
}

impl TombstoneV1 {
    pub(crate) fn new(table: TableId, tombstone: &Tombstone) -> Self {
        let series = tombstone.series.as_ref().map(|bitmap| {
            let mut bytes = Vec::with_capacity(bitmap.serialized_size());
            // Writing to a Vec cannot fail.
            let _ = bitmap.serialize_into(&mut bytes);
            bytes.iter().map(|b| format!("{b:02x}")).collect()
        });
        Self {
            table: table.0,
            seq: tombstone.seq,
            start: tombstone.time.start,
            end: tombstone.time.end,
            series,
        }
    }

    fn decode(&self) -> Result<Tombstone, String> {
        let series = match &self.series {
            None => None,
            Some(hex) => {
                let bytes: Result<Vec<u8>, _> = (0..hex.len() / 2)
                    .map(|i| hex.get(2 * i..2 * i + 2).map_or(Ok(0), |h| u8::from_str_radix(h, 16)))
                    .collect();
                let bytes = bytes.map_err(|e| format!("tombstone {}: {e}", self.seq))?;
                let bitmap = roaring::RoaringBitmap::deserialize_from(bytes.as_slice())
                    .map_err(|e| format!("tombstone {}: {e}", self.seq))?;
                Some(bitmap)
            }
        };
        Ok(Tombstone { seq: self.seq, time: TimeRange { start: self.start, end: self.end }, series })
    }
}

/// All of the manifest at one moment: the checkpoint's payload.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointV1 {
    edit: EditV1,
}

/// One table in the manifest.
#[derive(Debug, Default, Clone)]
pub(crate) struct ManifestTable {
    /// Bucket length in the table's precision.
    pub(crate) bucket: i64,
    /// Its files by id.
    pub(crate) files: BTreeMap<u64, FileMeta>,
    /// Its series snapshots, oldest first.
    pub(crate) series: Vec<SeriesPartV1>,
    /// Its tombstones by sequence number.
    pub(crate) tombstones: BTreeMap<u64, Tombstone>,
}

/// What the manifest says.
#[derive(Debug, Default, Clone)]
pub(crate) struct ManifestState {
    /// WAL records up to here are in files.
    pub(crate) flushed_seq: u64,
    /// The next file's id.
    pub(crate) next_file: u64,
    /// The tables that have files, series snapshots or tombstones.
    pub(crate) tables: BTreeMap<TableId, ManifestTable>,
}

impl ManifestState {
    fn apply(&mut self, edit: &EditV1) -> Result<(), String> {
        self.flushed_seq = self.flushed_seq.max(edit.flushed_seq);
        self.next_file = self.next_file.max(edit.next_file);
        for t in &edit.tables {
            let table = self.tables.entry(TableId(t.table)).or_default();
            if table.bucket == 0 {
                table.bucket = t.bucket;
            }
        }
        for (table, file) in &edit.remove {
            let known = self.tables.get_mut(&TableId(*table)).and_then(|t| t.files.remove(file));
            if known.is_none() {
                return Err(format!("removes file {file} of table {table}, which is not listed"));
            }
        }
        for file in &edit.add {
            let meta = FileMeta::from(file.clone());
            self.next_file = self.next_file.max(meta.file_id + 1);
            self.tables.entry(meta.table).or_default().files.insert(meta.file_id, meta);
        }
        for part in &edit.series {
            self.next_file = self.next_file.max(part.file + 1);
            let table = self.tables.entry(TableId(part.table)).or_default();
            if part.full {
                table.series.clear();
            }
            table.series.push(part.clone());
        }
        for t in &edit.tombstones {
            let table = self.tables.entry(TableId(t.table)).or_default();
            table.tombstones.insert(t.seq, t.decode()?);
        }
        for (table, seq) in &edit.tombstones_gone {
            if let Some(t) = self.tables.get_mut(&TableId(*table)) {
                t.tombstones.remove(seq);
            }
        }
        for table in &edit.dropped {
            self.tables.remove(&TableId(*table));
        }
        Ok(())
    }

    /// The edit that makes this state out of nothing.
    fn as_edit(&self) -> EditV1 {
        let mut edit =
            EditV1 { flushed_seq: self.flushed_seq, next_file: self.next_file, ..EditV1::default() };
        for (id, table) in &self.tables {
            edit.tables.push(TableV1 { table: id.0, bucket: table.bucket });
            edit.add.extend(table.files.values().map(|f| FileMetaV1::from(f.clone())));
            edit.series.extend(table.series.iter().cloned());
            edit.tombstones.extend(table.tombstones.values().map(|t| TombstoneV1::new(*id, t)));
        }
        edit
    }
}

/// The durable manifest of one shard. Only its owner commits; a second owner of the same directory
/// loses the race for the next number and is fenced (M-7).
#[derive(Debug)]
pub(crate) struct Manifest {
    shard: ShardId,
    log: MetaLog,
    state: ManifestState,
    edits_since_checkpoint: u64,
}

impl Manifest {
    /// Reads checkpoint and log.
    pub(crate) async fn open(store: Arc<dyn ObjectStore>, shard: ShardId) -> Result<Self, StorageError> {
        let prefix = Path::from(format!("shards/{shard}/manifest"));
        let failed = |source| StorageError::Manifest { shard, source };
        let (log, replay) = MetaLog::open(store, prefix, MetaLogOptions::default()).await.map_err(failed)?;
        let mut state = ManifestState::default();
        let bad = |number: u64, reason: String| StorageError::ManifestRecord { shard, number, reason };
        if let Some(checkpoint) = &replay.checkpoint {
            let decoded: CheckpointV1 = serde_json::from_slice(&checkpoint.payload)
                .map_err(|e| bad(checkpoint.number, e.to_string()))?;
            state.apply(&decoded.edit).map_err(|e| bad(checkpoint.number, e))?;
        }
        for record in &replay.records {
            if record.kind != EDIT_V1 {
                if record.flags.is_skippable() {
                    continue;
                }
                // M-5: what this version does not understand it must not ignore.
                return Err(bad(record.number, format!("unknown record kind {}", record.kind)));
            }
            let edit: EditV1 =
                serde_json::from_slice(&record.payload).map_err(|e| bad(record.number, e.to_string()))?;
            state.apply(&edit).map_err(|e| bad(record.number, e))?;
        }
        let edits_since_checkpoint = replay.records.len() as u64;
        Ok(Self { shard, log, state, edits_since_checkpoint })
    }

    /// What is committed.
    pub(crate) fn state(&self) -> &ManifestState {
        &self.state
    }

    /// Makes `edit` durable, then part of [`Self::state`].
    pub(crate) async fn commit(&mut self, edit: EditV1) -> Result<(), StorageError> {
        let shard = self.shard;
        let failed = |source| StorageError::Manifest { shard, source };
        let payload = encode(&edit, shard)?;
        let number = self.log.append(EDIT_V1, RecordFlags::NONE, payload).await.map_err(failed)?;
        self.state.apply(&edit).map_err(|reason| StorageError::ManifestRecord { shard, number, reason })?;
        self.edits_since_checkpoint += 1;
        if self.edits_since_checkpoint >= EDITS_PER_CHECKPOINT {
            // The edit is durable whatever becomes of this; the next commit tries again.
            match self.checkpoint().await {
                Ok(()) => self.edits_since_checkpoint = 0,
                Err(error) => tracing::warn!(%shard, %error, "manifest checkpoint failed"),
            }
        }
        Ok(())
    }

    async fn checkpoint(&self) -> Result<(), StorageError> {
        let shard = self.shard;
        let checkpoint = encode(&CheckpointV1 { edit: self.state.as_edit() }, shard)?;
        self.log.checkpoint(checkpoint).await.map_err(|source| StorageError::Manifest { shard, source })?;
        Ok(())
    }
}

fn encode<T: Serialize>(value: &T, shard: ShardId) -> Result<Bytes, StorageError> {
    serde_json::to_vec(value).map(Bytes::from).map_err(|e| StorageError::ManifestRecord {
        shard,
        number: 0,
        reason: format!("cannot be encoded: {e}"),
    })
}
