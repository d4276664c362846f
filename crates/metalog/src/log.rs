//! Opening, appending, checkpoints.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, PutMode, PutOptions};
use tokio::sync::Mutex;

use crate::format::{self, FileKind, MAX_PAYLOAD, Record, RecordFlags};
use crate::{MetaLogError, Result, layout};

/// How often `open` starts again because another owner wrote a checkpoint and cleaned up meanwhile.
const OPEN_ATTEMPTS: usize = 5;

/// Checkpoints that are kept, with all records since the oldest of them: if the newest file is
/// damaged, the state can still be rebuilt.
const KEPT_CHECKPOINTS: usize = 2;

/// Choices of a [`MetaLog`].
#[derive(Debug, Clone)]
pub struct MetaLogOptions {
    /// Records that are read at the same time by `open`. Matters on remote stores.
    pub read_concurrency: usize,
}

impl Default for MetaLogOptions {
    fn default() -> Self {
        Self { read_concurrency: 16 }
    }
}

/// The state after record `number`, as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last record that the state contains; 0 if it was made before the first.
    pub number: u64,
    /// The content.
    pub payload: Bytes,
}

/// What [`MetaLog::open`] found: apply the records to the checkpoint's state, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replay {
    /// The newest checkpoint, if one was ever made.
    pub checkpoint: Option<Checkpoint>,
    /// All records after it, in order, without gaps. A kind that the caller does not know: refuse
    /// to go on unless the record is skippable (M-5).
    pub records: Vec<Record>,
}

impl Replay {
    /// Number of the last record, 0 if there is none.
    pub fn last_number(&self) -> u64 {
        let base = self.checkpoint.as_ref().map_or(0, |c| c.number);
        self.records.last().map_or(base, |r| r.number)
    }
}

/// A log of numbered records with one writer at a time.
#[derive(Debug)]
pub struct MetaLog {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Held while a file is written, so that numbers are given in order and record N is durable
    /// before N+1 is tried. Meant to be held across `.await`: that is its purpose.
    turn: Mutex<()>,
    last: AtomicU64,
}

impl MetaLog {
    /// Reads the log at `prefix`; an absent one is empty.
    ///
    /// # Errors
    /// Damage of any kind ([`MetaLogError::is_damage`]) in the newest checkpoint or a record after
    /// it, a gap, a stranger among the files, or a failure of the store.
    pub async fn open(
        store: Arc<dyn ObjectStore>,
        prefix: Path,
        options: MetaLogOptions,
    ) -> Result<(Self, Replay)> {
        let mut attempt = 1;
        let replay = loop {
            let checkpoints = layout::list(&*store, &prefix, FileKind::Checkpoint).await?.pure()?;
            match load(&*store, &prefix, &options, &checkpoints).await {
                Ok(replay) => break replay,
                Err(error) => {
                    // Another owner's checkpoint may have removed records between listing and reading.
                    let now = layout::list(&*store, &prefix, FileKind::Checkpoint).await?.pure()?;
                    if now == checkpoints || attempt == OPEN_ATTEMPTS {
                        return Err(error);
                    }
                    attempt += 1;
                }
            }
        };
        let last = AtomicU64::new(replay.last_number());
        Ok((Self { store, prefix, turn: Mutex::new(()), last }, replay))
    }

    /// The log's place in the store.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Number of the last record that this owner has read or written.
    pub fn last_number(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// Writes the next record and returns its number; then it is durable.
    ///
    /// # Errors
    /// - [`MetaLogError::Conflict`]: another owner was faster; this state is stale (M-7).
    /// - [`MetaLogError::TooLarge`]: nothing was written.
    /// - [`MetaLogError::Store`]: the record may or may not exist. The log stays usable: the next
    ///   append takes the same number, and is told `Conflict` if this one did come through.
    pub async fn append(&self, kind: u16, flags: RecordFlags, payload: Bytes) -> Result<u64> {
        self.check_size(&payload)?;
        let _turn = self.turn.lock().await;
        let number = self.last_number().saturating_add(1);
        let key = layout::key(&self.prefix, FileKind::Record, number);
        let record = Record { number, kind, flags, payload };
        let bytes = format::encode(FileKind::Record, &record);
        match self.store.put_opts(&key, bytes, PutOptions::from(PutMode::Create)).await {
            Ok(_) => {}
            Err(StoreError::AlreadyExists { .. }) => return Err(self.conflict(number)),
            Err(e) => return Err(MetaLogError::store("create", &key)(e)),
        }
        self.check_not_overtaken(number).await?;
        self.last.store(number, Ordering::Release);
        Ok(number)
    }

    /// Writes the state after [`last_number`](MetaLog::last_number), then removes what is no longer
    /// needed: all but the newest two checkpoints, and the records up to the older of those two. A
    /// checkpoint that exists already is not written again. Returns its number. If the removal
    /// fails, the next checkpoint does it.
    ///
    /// The caller must not append between making `payload` and this call.
    ///
    /// # Errors
    /// As [`append`](MetaLog::append).
    pub async fn checkpoint(&self, payload: Bytes) -> Result<u64> {
        self.check_size(&payload)?;
        let _turn = self.turn.lock().await;
        let number = self.last_number();
        let existing = layout::list(&*self.store, &self.prefix, FileKind::Checkpoint).await?.pure()?;
        if existing.last().is_some_and(|newest| *newest > number) {
            return Err(self.conflict(number));
        }
        let key = layout::key(&self.prefix, FileKind::Checkpoint, number);
        let state = Record { number, kind: 0, flags: RecordFlags::NONE, payload };
        let bytes = format::encode(FileKind::Checkpoint, &state);
        match self.store.put_opts(&key, bytes, PutOptions::from(PutMode::Create)).await {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(e) => return Err(MetaLogError::store("create", &key)(e)),
        }
        if let Err(error) = self.clean_up().await {
            tracing::warn!(log = %self.prefix, %error, "old metadata files could not be removed");
        }
        Ok(number)
    }

    /// M-2: only files that the two newest durable checkpoints make superfluous.
    async fn clean_up(&self) -> Result<()> {
        let checkpoints = layout::list(&*self.store, &self.prefix, FileKind::Checkpoint).await?.numbers;
        let Some(oldest_kept) = checkpoints.iter().rev().nth(KEPT_CHECKPOINTS - 1).copied() else {
            return Ok(());
        };
        let records = layout::list(&*self.store, &self.prefix, FileKind::Record).await?.numbers;
        let old_checkpoints = checkpoints.range(..oldest_kept).map(|n| (FileKind::Checkpoint, *n));
        let old_records = records.range(..=oldest_kept).map(|n| (FileKind::Record, *n));
        let doomed: Vec<_> = old_checkpoints
            .chain(old_records)
            .map(|(file, n)| Ok(layout::key(&self.prefix, file, n)))
            .collect();
        let mut results = self.store.delete_stream(stream::iter(doomed).boxed());
        while let Some(result) = results.next().await {
            match result {
                // Gone already: another owner's clean-up.
                Ok(_) | Err(StoreError::NotFound { .. }) => {}
                Err(e) => return Err(MetaLogError::store("remove a file of", &self.prefix)(e)),
            }
        }
        Ok(())
    }

    /// M-7: create-if-absent alone does not fence an owner that fell far behind, because the record
    /// it wants to create may have been written and then removed after a checkpoint. Such a
    /// checkpoint is there before the removal, so it is seen now.
    async fn check_not_overtaken(&self, number: u64) -> Result<()> {
        let checkpoints = layout::list(&*self.store, &self.prefix, FileKind::Checkpoint).await?.numbers;
        if checkpoints.last().is_none_or(|newest| *newest < number) {
            return Ok(());
        }
        // The file just made is below a checkpoint, so no reader looks at it; removing it is tidiness.
        let key = layout::key(&self.prefix, FileKind::Record, number);
        let mut removal = self.store.delete_stream(stream::iter([Ok(key)]).boxed());
        if let Some(Err(error)) = removal.next().await {
            tracing::warn!(log = %self.prefix, number, %error, "a superseded record could not be removed");
        }
        Err(self.conflict(number))
    }

    fn check_size(&self, payload: &Bytes) -> Result<()> {
        if payload.len() <= MAX_PAYLOAD {
            return Ok(());
        }
        let (len, max) = (payload.len() as u64, MAX_PAYLOAD as u64);
        Err(MetaLogError::TooLarge { prefix: self.prefix.clone(), len, max })
    }

    fn conflict(&self, number: u64) -> MetaLogError {
        MetaLogError::Conflict { prefix: self.prefix.clone(), number }
    }
}

async fn load(
    store: &dyn ObjectStore,
    prefix: &Path,
    options: &MetaLogOptions,
    checkpoints: &BTreeSet<u64>,
) -> Result<Replay> {
    let checkpoint = match checkpoints.last() {
        Some(newest) => Some(newest_checkpoint(store, prefix, *newest, checkpoints).await?),
        None => None,
    };
    let base = checkpoint.as_ref().map_or(0, |c| c.number);
    let numbers = layout::list(store, prefix, FileKind::Record).await?.pure()?;
    let mut expected = base;
    let mut wanted = Vec::new();
    for found in numbers.into_iter().filter(|n| *n > base) {
        expected += 1;
        if found != expected {
            return Err(MetaLogError::Gap { prefix: prefix.clone(), expected, found });
        }
        wanted.push(found);
    }
    let records = stream::iter(wanted)
        .map(|number| layout::read(store, prefix, FileKind::Record, number))
        .buffered(options.read_concurrency.max(1))
        .try_collect()
        .await?;
    Ok(Replay { checkpoint, records })
}

async fn newest_checkpoint(
    store: &dyn ObjectStore,
    prefix: &Path,
    number: u64,
    all: &BTreeSet<u64>,
) -> Result<Checkpoint> {
    match layout::read(store, prefix, FileKind::Checkpoint, number).await {
        Ok(found) => Ok(Checkpoint { number, payload: found.payload }),
        Err(error) => Err(error.with_hint(match all.range(..number).next_back() {
            Some(older) => {
                let older = layout::key(prefix, FileKind::Checkpoint, *older);
                format!("; `triglot repair` can go back to the older checkpoint '{older}' and the records after it")
            }
            None => "; there is no older checkpoint, `triglot repair` shows what can be read".to_owned(),
        })),
    }
}
