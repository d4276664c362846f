//! The writer of a shard: one thread that turns queued requests into WAL groups, applies them, and
//! answers. It is a plain thread because all it does is CPU work and blocking file calls.
//!
//! Order within a group: series are resolved, records encoded, one write + one fsync (W-1), then the
//! rows become visible (W-2), then the senders are told.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use roaring::RoaringBitmap;
use tokio::sync::{mpsc, oneshot};
use triglot_model::{Pressure, ShardId, Sid, TableDef, TableId};

use super::Shard;
use super::rows::{Schemas, physical_batch};
use super::state::TableState;
use crate::budget::Reservation;
use crate::error::StorageError;
use crate::memtable::{MemPart, split_by_bucket};
use crate::merge::MergeError;
use crate::series::{SeriesIndex, SeriesKey};
use crate::wal::{Group, SeriesEntry, Wal, WalError, WalPayload};
use crate::write::{BatchSeries, SeriesRef, TagChange, WriteAck, WriteBatch};
use crate::{TableMeta, TimeRange, Tombstone};

/// Requests in one group, at most.
const GROUP_REQUESTS: usize = 256;
/// Row bytes in one group, roughly at most: bounds what one fsync waits for.
const GROUP_BYTES: u64 = 4 << 20;
/// Under memory pressure memtables are flushed at this part of their usual size at once; smaller
/// ones wait for the next tick, so that pressure does not make many tiny files.
const PRESSED_FLUSH_PART: u64 = 8;

type Reply<T> = oneshot::Sender<Result<T, StorageError>>;

/// What a shard's writer can be asked.
#[derive(Debug)]
pub(crate) enum Command {
    /// Rows of one request, and what was taken from the budget for them.
    Write { batches: Vec<WriteBatch>, reserved: Reservation, reply: Reply<Vec<WriteAck>> },
    /// Deletes rows of a table.
    Delete { table: TableMeta, time: TimeRange, series: Option<RoaringBitmap>, reply: Reply<()> },
    /// Changes tags of series.
    SetTags { table: TableMeta, changes: Vec<TagChange>, reply: Reply<()> },
    /// Removes series with all their rows.
    RemoveSeries { table: TableMeta, sids: Vec<Sid>, reply: Reply<()> },
    /// Forgets a table.
    DropTable { table: TableId, reply: Reply<()> },
    /// The WAL up to here is in files.
    Release { seq: u64 },
    /// Time for an interval fsync.
    SyncIfDue,
    /// Ends the thread after all that was queued before.
    Stop { reply: Reply<()> },
}

/// What is left to do for a request once its group is durable.
enum Apply {
    Rows { table: TableMeta, seq: u64, batch: RecordBatch },
    Tombstone { table: TableId, tombstone: Tombstone },
    SetTags { table: TableId, changes: Vec<TagChange> },
    RemoveSeries { table: TableId, tombstone: Tombstone, sids: Vec<Sid> },
}

/// What is to be answered once its group is durable.
enum Answer {
    Write { acks: Vec<WriteAck>, reserved: Reservation, reply: Reply<Vec<WriteAck>> },
    Unit(Reply<()>),
}

/// One group on its way.
struct Turn {
    log: Group,
    apply: Vec<Apply>,
    answers: Vec<Answer>,
    /// Series whose create records are in it.
    created: Vec<(TableId, Sid)>,
    /// A record that cannot be encoded refuses the whole group: its request may be half in it.
    failed: Option<WalError>,
}

/// Runs until [`Command::Stop`] or until all senders are gone.
pub(crate) fn run(shard: Arc<Shard>, wal: Wal, next_seq: u64, mut queue: mpsc::Receiver<Command>) {
    let log = wal.new_group();
    let mut writer = Writer { shard, wal, next_seq, unlogged: Vec::new(), log, schemas: Schemas::default() };
    while let Some(first) = queue.blocking_recv() {
        if !writer.turn(first, &mut queue) {
            break;
        }
    }
    if let Err(error) = writer.wal.sync() {
        tracing::error!(shard = %writer.shard.id, %error, "last WAL sync failed");
    }
}

struct Writer {
    shard: Arc<Shard>,
    wal: Wal,
    next_seq: u64,
    /// Series that are in the index but whose create record is not durable yet: normally empty
    /// between groups, not so after a failed one. They go first into the next group (W-3).
    unlogged: Vec<(TableId, Sid)>,
    /// The buffer of the group before, for the next one.
    log: Group,
    schemas: Schemas,
}

impl Turn {
    fn log(&mut self, seq: u64, payload: &WalPayload) {
        if let Err(error) = self.log.push(seq, payload) {
            self.failed.get_or_insert(error);
        }
    }
}

impl Writer {
    /// Handles `first` and what has queued up behind it as one group. False = stop.
    fn turn(&mut self, first: Command, queue: &mut mpsc::Receiver<Command>) -> bool {
        let mut group = self.new_turn();
        let mut bytes = 0;
        let mut stop = None;
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(command) = next {
            taken += 1;
            match command {
                Command::Stop { reply } => {
                    stop = Some(reply);
                    break;
                }
                Command::DropTable { table, reply } => {
                    self.schemas.forget(table);
                    self.shard.forget_table(table);
                    let _ = reply.send(Ok(()));
                }
                Command::Release { seq } => {
                    if let Err(error) = self.wal.release(seq) {
                        tracing::warn!(shard = %self.shard.id, %error, "WAL segments were not recycled");
                    }
                }
                Command::SyncIfDue => {
                    if let Err(error) = self.wal.sync_if_due(self.shard.clock.now_ns()) {
                        tracing::error!(shard = %self.shard.id, %error, "interval WAL sync failed");
                    }
                }
                // What is checked and resolved behind it depends on it, so it is applied first.
                alone @ (Command::SetTags { .. } | Command::RemoveSeries { .. }) => {
                    group = self.finish_and_renew(group);
                    self.prepare(alone, &mut group);
                    group = self.finish_and_renew(group);
                }
                other => {
                    if let Command::Write { reserved, .. } = &other {
                        bytes += reserved.bytes();
                    }
                    self.prepare(other, &mut group);
                }
            }
            if taken >= GROUP_REQUESTS || bytes >= GROUP_BYTES {
                break;
            }
            next = queue.try_recv().ok();
        }
        self.finish(group);
        match stop {
            Some(reply) => {
                let _ = reply.send(self.wal.sync().map_err(StorageError::from));
                false
            }
            None => true,
        }
    }

    fn new_turn(&mut self) -> Turn {
        Turn {
            log: std::mem::take(&mut self.log),
            apply: Vec::new(),
            answers: Vec::new(),
            created: Vec::new(),
            failed: None,
        }
    }

    fn finish_and_renew(&mut self, group: Turn) -> Turn {
        self.finish(group);
        self.new_turn()
    }

    fn prepare(&mut self, command: Command, group: &mut Turn) {
        match command {
            Command::Write { batches, reserved, reply } => match self.prepare_write(batches, group) {
                Ok(acks) => group.answers.push(Answer::Write { acks, reserved, reply }),
                Err(error) => {
                    drop(reserved);
                    let _ = reply.send(Err(error));
                }
            },
            Command::Delete { table, time, series, reply } => {
                let seq = self.take_seq();
                let id = table.def.id;
                let payload = WalPayload::Tombstone { table: id, time, series: series.clone() };
                group.log(seq, &payload);
                let tombstone = Tombstone { seq, time, series };
                group.apply.push(Apply::Tombstone { table: id, tombstone });
                group.answers.push(Answer::Unit(reply));
            }
            Command::SetTags { table, changes, reply } => match self.prepare_set_tags(&table, changes, group)
            {
                Ok(()) => group.answers.push(Answer::Unit(reply)),
                Err(error) => {
                    let _ = reply.send(Err(error));
                }
            },
            Command::RemoveSeries { table, sids, reply } => {
                self.prepare_remove_series(&table, sids, group);
                group.answers.push(Answer::Unit(reply));
            }
            Command::DropTable { .. }
            | Command::Release { .. }
            | Command::SyncIfDue
            | Command::Stop { .. } => {}
        }
    }

    /// Resolves series and encodes rows. All batches of the request are checked before any of it
    /// goes into the group, so a refused request leaves nothing behind but unused series.
    fn prepare_write(
        &mut self,
        batches: Vec<WriteBatch>,
        group: &mut Turn,
    ) -> Result<Vec<WriteAck>, StorageError> {
        let mut acks = Vec::with_capacity(batches.len());
        let mut rows = Vec::with_capacity(batches.len());
        for mut batch in batches {
            batch.check()?;
            let ack = self.resolve_series(&mut batch)?;
            let schema = self.schemas.of(&batch);
            acks.push(ack);
            rows.push(physical_batch(batch, schema, acks.last().map_or(&[], |ack| &ack.sids))?);
        }
        self.log_new_series(group);
        for (table, batch) in rows {
            if batch.num_rows() == 0 {
                continue;
            }
            let seq = self.take_seq();
            let payload = WalPayload::Batch {
                table: table.def.id,
                schema_version: table.def.version,
                batch: batch.clone(),
            };
            group.log(seq, &payload);
            group.apply.push(Apply::Rows { table, seq, batch });
        }
        Ok(acks)
    }

    fn resolve_series(&mut self, batch: &mut WriteBatch) -> Result<WriteAck, StorageError> {
        let id = batch.table.def.id;
        let index = self.shard.series_of(&batch.table)?;
        let series = match &mut batch.series {
            BatchSeries::Known(sids) => {
                let sids = std::mem::take(sids);
                return known_series(batch, sids, &index.read(), self.shard.id);
            }
            BatchSeries::Mixed(series) => series,
        };
        let mut index = index.write();
        // A stale batch must not create series before it is refused.
        let stale = index.epoch() != batch.series_epoch;
        if stale && series.iter().any(|s| matches!(s, SeriesRef::Known(_))) {
            return Err(StorageError::StaleSeries { table: id, shard: self.shard.id });
        }
        let next = index.next_sid();
        let resolved: Result<Vec<Sid>, StorageError> = series
            .iter()
            .map(|series| match series {
                SeriesRef::Known(sid) if sid.0 >= next => Err(unknown_series(id)),
                SeriesRef::Known(sid) => Ok(*sid),
                SeriesRef::Key(key) => self.series_of_key(&batch.table.def, &mut index, key),
            })
            .collect();
        if index.next_sid() > next {
            self.shard.series_budget.settle(&mut index);
        }
        Ok(WriteAck { sids: resolved?, series_epoch: index.epoch() })
    }

    /// The series of a key, made if there is none.
    fn series_of_key(
        &mut self,
        table: &TableDef,
        index: &mut SeriesIndex,
        key: &SeriesKey,
    ) -> Result<Sid, StorageError> {
        if let Some(sid) = index.lookup(key) {
            return Ok(sid);
        }
        let shard = &self.shard;
        if !shard.routes.leads_to(shard.id, table, key)? {
            return Err(StorageError::StaleSeries { table: table.id, shard: shard.id });
        }
        shard.series_budget.admit(index, key)?;
        let created = index.get_or_create(key);
        if let Ok((sid, true)) = &created {
            self.unlogged.push((table.id, *sid));
        } else {
            shard.series_budget.settle(index);
        }
        Ok(created?.0)
    }

    fn prepare_set_tags(
        &mut self,
        table: &TableMeta,
        changes: Vec<TagChange>,
        group: &mut Turn,
    ) -> Result<(), StorageError> {
        // Only checked here: the index applies the change after the WAL has it.
        let index = self.shard.series_of(table)?;
        index.read().check_tags(changes.iter().map(|c| (c.sid, c.tags.as_slice())))?;
        // A create record of one of these series may still be unlogged after a failed group.
        self.log_new_series(group);
        let entries = changes.iter().map(|c| (c.sid, c.tags.clone())).collect();
        let payload = WalPayload::SetTags { table: table.def.id, entries };
        let seq = self.take_seq();
        group.log(seq, &payload);
        group.apply.push(Apply::SetTags { table: table.def.id, changes });
        Ok(())
    }

    /// Two records: the rows go by a tombstone, the series by its own record. A crash between them
    /// leaves series without rows, and the request was not answered.
    fn prepare_remove_series(&mut self, table: &TableMeta, sids: Vec<Sid>, group: &mut Turn) {
        // A create record that is still unlogged must not come after the removal.
        self.log_new_series(group);
        let id = table.def.id;
        let series: RoaringBitmap = sids.iter().map(|sid| sid.0).collect();
        let seq = self.take_seq();
        let time = TimeRange::ALL;
        group.log(seq, &WalPayload::Tombstone { table: id, time, series: Some(series.clone()) });
        let tombstone = Tombstone { seq, time, series: Some(series) };
        let seq = self.take_seq();
        group.log(seq, &WalPayload::SeriesRemove { table: id, sids: sids.clone() });
        group.apply.push(Apply::RemoveSeries { table: id, tombstone, sids });
    }

    /// W-3: create records of all series that the log does not have yet.
    fn log_new_series(&mut self, group: &mut Turn) {
        if self.unlogged.is_empty() {
            return;
        }
        self.unlogged.sort_unstable();
        let unlogged = std::mem::take(&mut self.unlogged);
        for of_table in unlogged.chunk_by(|a, b| a.0 == b.0) {
            let Some((table, _)) = of_table.first() else { continue };
            let entries: Vec<SeriesEntry> =
                self.shard.series_entries(*table, of_table.iter().map(|(_, sid)| *sid));
            let seq = self.take_seq();
            let payload = WalPayload::SeriesCreate { table: *table, entries };
            group.log(seq, &payload);
        }
        group.created.extend(unlogged);
    }

    /// Makes the group durable, applies it and answers.
    fn finish(&mut self, mut group: Turn) {
        let last_seq = group.log.last_seq();
        let logged = match group.failed.take() {
            Some(error) => Err(error),
            None if group.log.is_empty() => Ok(()),
            None => self.wal.commit(&mut group.log).map(|_| ()),
        };
        let nothing_logged = group.log.is_empty();
        group.log.clear();
        self.log = group.log;
        if let Err(error) = logged {
            tracing::error!(shard = %self.shard.id, %error, "WAL append failed, the group is refused");
            self.unlogged.extend(group.created);
            let error = Arc::new(error);
            self.answer_all(group.answers, |shard| Err(StorageError::refused(shard, &error)));
            return;
        }
        if nothing_logged {
            self.answer_all(group.answers, |_| Ok(()));
            return;
        }
        let applied = self.shard.apply(group.apply, last_seq);
        self.answer_all(group.answers, |shard| match &applied {
            Ok(()) => Ok(()),
            Err(reason) => Err(StorageError::Background { shard, reason: reason.clone() }),
        });
    }

    fn answer_all(&self, answers: Vec<Answer>, result: impl Fn(ShardId) -> Result<(), StorageError>) {
        for answer in answers {
            match answer {
                Answer::Unit(reply) => {
                    let _ = reply.send(result(self.shard.id));
                }
                Answer::Write { acks, reserved, reply } => {
                    // Applied rows were added to the budget by their real size.
                    drop(reserved);
                    let _ = reply.send(result(self.shard.id).map(|()| acks));
                }
            }
        }
    }

    fn take_seq(&mut self) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }
}

fn known_series(
    batch: &WriteBatch,
    sids: Vec<Sid>,
    index: &SeriesIndex,
    shard: ShardId,
) -> Result<WriteAck, StorageError> {
    let table = batch.table.def.id;
    if index.epoch() != batch.series_epoch {
        return Err(StorageError::StaleSeries { table, shard });
    }
    if sids.iter().any(|sid| sid.0 >= index.next_sid()) {
        return Err(unknown_series(table));
    }
    Ok(WriteAck { sids, series_epoch: index.epoch() })
}

fn unknown_series(table: TableId) -> StorageError {
    StorageError::BadBatch { table, reason: "names a series that does not exist".to_owned() }
}

impl Shard {
    /// Applies a durable group and makes it visible.
    fn apply(&self, actions: Vec<Apply>, last_seq: u64) -> Result<(), String> {
        let now = self.clock.now_ns();
        let mut state = self.state.write();
        let mut result = Ok(());
        for action in actions {
            let done = match action {
                // Dropped between its turn and now: it must not come back.
                Apply::Rows { table, .. } if state.dropped.contains(&table.def.id) => Ok(()),
                Apply::Rows { table, seq, batch } => {
                    let entry = state
                        .tables
                        .entry(table.def.id)
                        .or_insert_with(|| TableState::new(table.def.identity.clone(), table.bucket));
                    self.apply_rows(entry, seq, batch).map(|grown| {
                        state.active_bytes = state.active_bytes.saturating_add_signed(grown);
                        state.oldest_unflushed_ns.get_or_insert(now);
                    })
                }
                Apply::Tombstone { table, tombstone } => match state.tables.get_mut(&table) {
                    Some(entry) => entry.delete(tombstone).map(|freed| {
                        state.active_bytes = state.active_bytes.saturating_sub(freed);
                        state.oldest_unflushed_ns.get_or_insert(now);
                        self.budget.release(freed);
                    }),
                    None => Ok(()),
                },
                Apply::RemoveSeries { table, tombstone, sids } => match state.tables.get_mut(&table) {
                    Some(entry) => entry.remove_series(tombstone, &sids, &self.series_budget).map(|freed| {
                        state.active_bytes = state.active_bytes.saturating_sub(freed);
                        state.oldest_unflushed_ns.get_or_insert(now);
                        self.budget.release(freed);
                    }),
                    None => Ok(()),
                },
                Apply::SetTags { table, changes } => {
                    state.oldest_unflushed_ns.get_or_insert(now);
                    if let Some(entry) = state.tables.get(&table) {
                        let mut index = entry.series.write();
                        for change in &changes {
                            if let Err(error) = index.set_tags(change.sid, &change.tags) {
                                result = Err(error.to_string());
                            }
                        }
                        self.series_budget.settle(&mut index);
                    }
                    Ok(())
                }
            };
            if let Err(error) = done {
                result = Err(error.to_string());
            }
        }
        state.visible_seq = last_seq;
        let pressed = self.budget.pressure() >= Pressure::Flush
            && state.active_bytes >= self.options.flush_bytes / PRESSED_FLUSH_PART;
        if pressed || state.active_bytes >= self.options.flush_bytes {
            self.wake_flusher.notify_one();
        }
        result
    }

    /// Adds the rows of one record to their chunks. Returns by how many bytes memory in use grew; it shrinks where
    /// small parts were joined.
    pub(super) fn apply_rows(
        &self,
        table: &mut TableState,
        seq: u64,
        batch: RecordBatch,
    ) -> Result<i64, MergeError> {
        let (mut added, mut freed) = (0, 0);
        for (start, rows) in split_by_bucket(batch, table.bucket)? {
            let part = MemPart::new(seq, rows)?;
            added += part.bytes;
            freed += table.push(start, part);
        }
        self.budget.add(added);
        if freed > 0 {
            self.budget.release(freed);
        }
        Ok(added.cast_signed() - freed.cast_signed())
    }

    /// The create records of series that are in the index.
    fn series_entries(&self, table: TableId, sids: impl Iterator<Item = Sid>) -> Vec<SeriesEntry> {
        let state = self.state.read();
        let Some(entry) = state.tables.get(&table) else {
            return Vec::new();
        };
        let index = entry.series.read();
        sids.filter_map(|sid| {
            let SeriesKey { child, tags } = index.key_of(sid)?;
            Some(SeriesEntry { sid, child, tags })
        })
        .collect()
    }
}
