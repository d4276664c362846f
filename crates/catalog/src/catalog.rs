//! The catalog itself: the published snapshot and the one writer behind it.

use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::path::Path;
use parking_lot::RwLock;
use tokio::sync::Mutex;
use triglot_metalog::{MetaLog, MetaLogError, MetaLogOptions, RecordFlags, Replay};
use triglot_model::limits::Limits;
use triglot_model::{Clock, Precision, RewriteRule};

use crate::entity::{DEFAULT_DATABASE, PasswordHash, ROOT_USER, SYSTEM_TENANT};
use crate::error::CatalogError;
use crate::fold::unfold;
use crate::op::{CatalogOp, NewDatabase, NewUser, OpResult};
use crate::plan::Draft;
use crate::record;
use crate::snapshot::CatalogSnapshot;

/// Where the log lies in the object store.
const PREFIX: &str = "catalog";
/// A checkpoint is due after so many records …
const CHECKPOINT_RECORDS: u64 = 256;
/// … but only when the records since the last one are at least this part of its size (a checkpoint
/// writes everything: with 100,000 tables it costs as much as very many small records) …
const CHECKPOINT_SIZE_RATIO: u64 = 4;
/// … and in any case after so many, which bounds the files that a start has to read.
const CHECKPOINT_MAX_RECORDS: u64 = 4096;
/// How often an `apply` starts again because another process wrote to the log.
const CONFLICT_ATTEMPTS: usize = 8;

/// What the first open of an empty root makes besides the tenant `cnosdb` and its database `public`.
#[derive(Clone, Debug, Default)]
pub struct Bootstrap {
    /// The password of `root`, none = the empty one (which `triglot-auth` lets in from loopback
    /// only). Either way `root` is marked as having to change it.
    pub root_password_hash: Option<PasswordHash>,
}

/// Tenants, databases, tables, users, roles and settings of a node, durable in a metadata log.
/// Clones share the catalog.
#[derive(Clone, Debug)]
pub struct Catalog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    /// Held only to copy or replace the `Arc`.
    published: RwLock<Arc<CatalogSnapshot>>,
    /// One change at a time; held across `.await`, readers never take it.
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    log: MetaLog,
    /// A write failed in a way that leaves open whether the record exists, or another process wrote
    /// one: the log has to be read again before the next change is judged.
    stale: bool,
    since_checkpoint: Written,
    checkpoint_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Written {
    records: u64,
    bytes: u64,
}

impl Catalog {
    /// Opens the catalog in `store` with the default [`Bootstrap`].
    ///
    /// # Errors
    /// See [`Catalog::open_with`].
    pub async fn open(
        store: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, CatalogError> {
        Self::open_with(store, clock, limits, Bootstrap::default()).await
    }

    /// Opens the catalog in `store` (keys under `catalog/`); an empty one is made as `bootstrap`
    /// says. `store` must be durable when a put returns (`triglot_disk::DiskStore` on local disks).
    ///
    /// # Errors
    /// [`CatalogError::Log`] if the log is damaged or cannot be read, [`CatalogError::Corrupt`] if a
    /// record holds something this version does not know (M-5).
    pub async fn open_with(
        store: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        limits: Limits,
        bootstrap: Bootstrap,
    ) -> Result<Self, CatalogError> {
        let (mut writer, mut state) = load(&store).await?;
        if writer.log.last_number() == 0 {
            state = writer.bootstrap(state, &limits, clock.now_ns(), bootstrap).await?;
        }
        let published = RwLock::new(Arc::new(state));
        let inner = Inner { store, clock, limits, published, writer: Mutex::new(writer) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The present state. Costs one reference count; never waits for a change under way.
    pub fn snapshot(&self) -> Arc<CatalogSnapshot> {
        Arc::clone(&self.inner.published.read())
    }

    /// Makes the changes, all or none, in order: validated against the present state, written as one
    /// durable record, then published. Ops that change nothing write nothing. Goes on to its end
    /// even if the future is dropped.
    ///
    /// # Errors
    /// The first op's that the rules refuse, with nothing changed. [`CatalogError::Log`]: the write
    /// failed; whether the change happened shows in the snapshot after the next `apply`, or after
    /// reopening.
    pub async fn apply(&self, ops: Vec<CatalogOp>) -> Result<Vec<OpResult>, CatalogError> {
        let inner = Arc::clone(&self.inner);
        // A task of its own: a caller that goes away (a closed connection) between write and publish
        // would leave the state behind the log.
        tokio::spawn(async move { inner.commit(&ops).await }).await.unwrap_or(Err(CatalogError::Stopped))
    }

    /// Writes a checkpoint if there are records since the last one; call it on shutdown. Otherwise
    /// they are written by `apply` when due.
    ///
    /// # Errors
    /// [`CatalogError::Log`] if it cannot be written. Nothing is lost then: the records are there.
    pub async fn checkpoint(&self) -> Result<(), CatalogError> {
        let mut writer = self.inner.writer.lock().await;
        if writer.stale {
            self.inner.reload(&mut writer).await?;
        }
        if writer.since_checkpoint.records == 0 {
            return Ok(());
        }
        writer.checkpoint(self.snapshot()).await
    }
}

impl Inner {
    async fn commit(&self, ops: &[CatalogOp]) -> Result<Vec<OpResult>, CatalogError> {
        let mut writer = self.writer.lock().await;
        let mut attempt = 1;
        loop {
            if writer.stale {
                self.reload(&mut writer).await?;
            }
            let base = Arc::clone(&self.published.read());
            let mut draft = Draft::new(&base, &self.limits, self.clock.now_ns());
            let results = ops.iter().map(|op| draft.run(op)).collect::<Result<Vec<_>, _>>()?;
            if draft.events.is_empty() {
                return Ok(results);
            }
            match writer.append(draft).await {
                Ok(state) => {
                    *self.published.write() = Arc::new(state);
                }
                Err(CatalogError::Log(error))
                    if matches!(*error, MetaLogError::Conflict { .. }) && attempt < CONFLICT_ATTEMPTS =>
                {
                    attempt += 1;
                    continue;
                }
                Err(error) => return Err(error),
            }
            if writer.checkpoint_due() {
                let state = Arc::clone(&self.published.read());
                if let Err(error) = writer.checkpoint(state).await {
                    // The records are durable; the next change tries again.
                    tracing::warn!(%error, "the catalog could not write a checkpoint");
                }
            }
            return Ok(results);
        }
    }

    async fn reload(&self, writer: &mut Writer) -> Result<(), CatalogError> {
        let (fresh, state) = load(&self.store).await?;
        tracing::info!(version = state.version(), "the catalog was read again after a failed write");
        *writer = fresh;
        *self.published.write() = Arc::new(state);
        Ok(())
    }
}

impl Writer {
    /// Writes what the draft did as one record; its state, with the record's number, is then true.
    async fn append(&mut self, draft: Draft<'_>) -> Result<CatalogSnapshot, CatalogError> {
        let Draft { mut state, events, .. } = draft;
        let payload = record::encode_events(events)
            .map_err(|reason| CatalogError::Corrupt { number: state.version, reason })?;
        let bytes = payload.len() as u64;
        match self.log.append(record::EVENTS_V1, RecordFlags::NONE, payload).await {
            Ok(number) => {
                state.version = number;
                self.since_checkpoint.records += 1;
                self.since_checkpoint.bytes += bytes;
                Ok(state)
            }
            Err(error) => {
                self.stale = true;
                Err(error.into())
            }
        }
    }

    fn checkpoint_due(&self) -> bool {
        let Written { records, bytes } = self.since_checkpoint;
        records >= CHECKPOINT_MAX_RECORDS
            || (records >= CHECKPOINT_RECORDS && bytes >= self.checkpoint_bytes / CHECKPOINT_SIZE_RATIO)
    }

    async fn checkpoint(&mut self, state: Arc<CatalogSnapshot>) -> Result<(), CatalogError> {
        let number = state.version;
        let encode = move || record::encode_checkpoint(state.next, unfold(&state));
        let encoded = tokio::task::spawn_blocking(encode).await.map_err(|_| CatalogError::Stopped)?;
        let payload = encoded.map_err(|reason| CatalogError::Corrupt { number, reason })?;
        let bytes = payload.len() as u64;
        self.log.checkpoint(payload).await?;
        self.since_checkpoint = Written::default();
        self.checkpoint_bytes = bytes;
        Ok(())
    }

    async fn bootstrap(
        &mut self,
        empty: CatalogSnapshot,
        limits: &Limits,
        now_ns: i64,
        bootstrap: Bootstrap,
    ) -> Result<CatalogSnapshot, CatalogError> {
        let mut draft = Draft::new(&empty, limits, now_ns);
        let text = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into();
        let options = text("comment", "system tenant");
        draft.run(&CatalogOp::CreateTenant { name: SYSTEM_TENANT.to_owned(), options })?;
        let tenant = draft.state.tenant(SYSTEM_TENANT).map(|t| t.id);
        if let Some(tenant) = tenant {
            draft.run(&CatalogOp::CreateDatabase(NewDatabase {
                tenant,
                name: DEFAULT_DATABASE.to_owned(),
                precision: Precision::Nano,
                retention_ns: None,
                partition_ns: None,
                rewrite: RewriteRule::Merge,
                options: Default::default(),
            }))?;
        }
        draft.run(&CatalogOp::CreateUser(NewUser {
            name: ROOT_USER.to_owned(),
            password: bootstrap.root_password_hash,
            is_admin: true,
            must_change_password: true,
            options: text("comment", "system admin"),
        }))?;
        self.append(draft).await
    }
}

/// Reads the whole log.
async fn load(store: &Arc<dyn ObjectStore>) -> Result<(Writer, CatalogSnapshot), CatalogError> {
    let (log, replay) =
        MetaLog::open(Arc::clone(store), Path::from(PREFIX), MetaLogOptions::default()).await?;
    let checkpoint_bytes = replay.checkpoint.as_ref().map_or(0, |c| c.payload.len() as u64);
    let since_checkpoint = Written {
        records: replay.records.len() as u64,
        bytes: replay.records.iter().map(|r| r.payload.len() as u64).sum(),
    };
    // A large catalog takes a second of parsing: not on the runtime's threads.
    let rebuilt = tokio::task::spawn_blocking(move || rebuild(replay)).await;
    let state = rebuilt.map_err(|_| CatalogError::Stopped)??;
    Ok((Writer { log, stale: false, since_checkpoint, checkpoint_bytes }, state))
}

fn rebuild(replay: Replay) -> Result<CatalogSnapshot, CatalogError> {
    let mut state = CatalogSnapshot::default();
    if let Some(checkpoint) = replay.checkpoint {
        state = from_checkpoint(&checkpoint.payload)
            .map_err(|reason| CatalogError::Corrupt { number: checkpoint.number, reason })?;
        state.version = checkpoint.number;
    }
    for found in replay.records {
        // M-5: what is unknown stops the start, unless its writer said that it may be skipped.
        if found.kind != record::EVENTS_V1 && found.flags.is_skippable() {
            state.version = found.number;
            continue;
        }
        take_over(&mut state, found.kind, &found.payload)
            .map_err(|reason| CatalogError::Corrupt { number: found.number, reason })?;
        state.version = found.number;
    }
    Ok(state)
}

fn from_checkpoint(payload: &Bytes) -> record::Result<CatalogSnapshot> {
    let (next, events) = record::decode_checkpoint(payload)?;
    let mut state = CatalogSnapshot::default();
    for event in events {
        state.fold(event).map_err(|misfit| misfit.to_string())?;
    }
    // The counters are at or above what the entities imply: dropped ones used ids too.
    state.next = next;
    Ok(state)
}

fn take_over(state: &mut CatalogSnapshot, kind: u16, payload: &Bytes) -> record::Result<()> {
    for event in record::decode_events(kind, payload)? {
        state.fold(event).map_err(|misfit| misfit.to_string())?;
    }
    Ok(())
}
