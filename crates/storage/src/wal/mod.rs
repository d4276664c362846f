//! The write-ahead log of one shard.
//!
//! Open: [`Wal::open`] gives a [`Replay`], an iterator over the records; [`Replay::finish`] repairs
//! a torn tail and gives the [`Wal`]. Write: [`Wal::append`] (or a [`Group`] filled elsewhere and
//! [`Wal::commit`]) does one write and, in mode [`SyncMode::Always`], one fsync: success = durable
//! (W-1). Free: [`Wal::release`] after a flush is durable in the manifest (M-3). [`repair`] salvages a
//! damaged log offline.
//!
//! - Segments are preallocated files, `segment` has names and header, `record` the framing,
//!   `codec` and `batch` the payloads. All of it is frozen (M-4).
//! - A failed write or fsync poisons the log. A full disk when a *new segment* is needed does not:
//!   nothing of the group has been written then.
//! - After a crash a prefix of the records is found that has all acknowledged ones. What a power
//!   loss can leave behind it is zeroed; what it cannot is reported as damage with file and offset.

mod batch;
mod codec;
mod error;
mod group;
mod narrow;
mod record;
mod recovery;
mod repair;
mod segment;
mod spare;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use triglot_disk::{Disk, DiskError, DiskFile, OpenMode};
use triglot_model::ShardId;

pub use codec::{CodecError, SeriesEntry, TagChanges, WalPayload};
pub use error::WalError;
pub use group::Group;
pub use recovery::{RecoverySummary, Replay, TornTail};
pub use repair::{DamagedPlace, RepairReport, repair};
pub use spare::Spares;

use record::END_MARK;
use segment::{FIRST_RECORD, SegmentHeader, join};

/// When the log is fsynced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// At the end of every append: success means durable (W-1).
    Always,
    /// By [`Wal::sync_if_due`]; a power loss takes at most about this much time of writes.
    Interval(Duration),
    /// At the end of a segment and at [`Wal::close`]; otherwise when the operating system likes.
    Os,
}

/// Settings of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalOptions {
    /// When to fsync.
    pub mode: SyncMode,
    /// Bytes of a segment (at least 16 KiB). A larger group gets a segment of its own size.
    pub segment_bytes: u64,
    /// Released segments kept for reuse, at most.
    pub recycle_max: usize,
    /// Compress batches of 4 KiB and more with LZ4 where that makes them smaller.
    pub lz4: bool,
}

impl Default for WalOptions {
    fn default() -> Self {
        Self { mode: SyncMode::Always, segment_bytes: 64 << 20, recycle_max: 2, lz4: false }
    }
}

const MIN_SEGMENT_BYTES: u64 = 16 << 10;

/// One record to append.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its sequence number, above all earlier ones.
    pub seq: u64,
    /// What it says.
    pub payload: &'a WalPayload,
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The last record.
    pub last_seq: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Whether the records are durable; if not, see [`Wal::unsynced_bytes`].
    pub durable: bool,
}

/// The open log of one shard. One writer; calls block on the disk.
#[derive(Debug)]
pub struct Wal {
    disk: Arc<dyn Disk>,
    dir: String,
    shard: ShardId,
    options: WalOptions,
    closed: VecDeque<Closed>,
    active: Option<Active>,
    last_seq: u64,
    next_epoch: u64,
    spares: Spares,
    poisoned: Option<String>,
    last_sync_ns: Option<i64>,
    group: Group,
}

/// A full segment.
#[derive(Debug)]
struct Closed {
    path: String,
    last_seq: u64,
    bytes: u64,
}

/// The segment being written.
#[derive(Debug)]
struct Active {
    file: Box<dyn DiskFile>,
    path: String,
    header: SegmentHeader,
    /// Where the next record goes.
    end: u64,
    /// Everything before is durable.
    synced: u64,
    capacity: u64,
}

impl Wal {
    /// Starts recovery of the log in `dir`, which is made if absent. Records up to `released` are in
    /// data files (the manifest's `flushed_seq`): they are skipped and need not be there.
    ///
    /// # Errors
    /// Disk errors. Damage is found while the [`Replay`] runs.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &str,
        shard: ShardId,
        released: u64,
        options: &WalOptions,
    ) -> Result<Replay, WalError> {
        let segment_bytes = options.segment_bytes.max(MIN_SEGMENT_BYTES);
        Replay::start(disk, dir, shard, released, WalOptions { segment_bytes, ..options.clone() })
    }

    /// Appends the records with one write, and one fsync in mode [`SyncMode::Always`].
    ///
    /// # Errors
    /// See [`Wal::commit`].
    pub fn append(&mut self, records: &[Record<'_>]) -> Result<Appended, WalError> {
        let mut group = std::mem::take(&mut self.group);
        let pushed = records.iter().try_for_each(|r| group.push(r.seq, r.payload));
        let appended = pushed.and_then(|()| self.commit(&mut group));
        group.clear();
        self.group = group;
        appended
    }

    /// An empty group with this log's compression setting, for [`Wal::commit`].
    pub fn new_group(&self) -> Group {
        Group::new(self.options.lz4)
    }

    /// Appends a group with one write, and one fsync in mode [`SyncMode::Always`]. The group is left
    /// as it was; clear it for reuse.
    ///
    /// # Errors
    /// [`WalError::Sequence`]; [`WalError::Disk`] if the disk is full or no new segment can be made:
    /// the group is not in the log, neither now nor after a restart, and the log stays usable;
    /// [`WalError::Failed`] and afterwards [`WalError::Poisoned`]: the group may or may not be found
    /// after a restart, and must not be acknowledged.
    pub fn commit(&mut self, group: &mut Group) -> Result<Appended, WalError> {
        self.check_usable()?;
        if group.is_empty() {
            return Ok(Appended { last_seq: self.last_seq, bytes: 0, durable: self.unsynced_bytes() == 0 });
        }
        if group.first_seq() <= self.last_seq {
            return Err(WalError::Sequence { given: group.first_seq(), last: self.last_seq });
        }
        let bytes = group.bytes() as u64;
        if !self.active.as_ref().is_some_and(|a| a.fits(bytes)) {
            self.roll_over(group.first_seq(), bytes)?;
        }
        self.write(group)?;
        self.last_seq = group.last_seq();
        if self.options.mode == SyncMode::Always {
            self.sync()?;
        }
        Ok(Appended { last_seq: self.last_seq, bytes, durable: self.unsynced_bytes() == 0 })
    }

    /// Makes everything appended durable, in any mode.
    ///
    /// # Errors
    /// [`WalError::Failed`], [`WalError::Poisoned`].
    pub fn sync(&mut self) -> Result<(), WalError> {
        self.check_usable()?;
        let synced = match &mut self.active {
            Some(active) if active.synced < active.end => active.file.sync_data().map(|()| {
                active.synced = active.end;
            }),
            _ => Ok(()),
        };
        synced.map_err(|e| self.poison("fsync", e))
    }

    /// In mode [`SyncMode::Interval`]: makes everything durable if that is due at `now_ns` of the
    /// process's clock; answers whether it was. Other modes do nothing.
    ///
    /// # Errors
    /// As [`Wal::sync`].
    pub fn sync_if_due(&mut self, now_ns: i64) -> Result<bool, WalError> {
        let SyncMode::Interval(interval) = self.options.mode else {
            return Ok(false);
        };
        let interval = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX);
        // A clock that went back counts as due: waiting for it could take for ever.
        let due = self.last_sync_ns.is_none_or(|last| !(0..interval).contains(&now_ns.saturating_sub(last)));
        if !due {
            return Ok(false);
        }
        self.sync()?;
        self.last_sync_ns = Some(now_ns);
        Ok(true)
    }

    /// Frees segments whose records are all ≤ `seq`: they are renamed to spares, or removed if
    /// enough wait. The segment being written stays. Call it after `seq` is durable in the manifest
    /// (M-3).
    ///
    /// # Errors
    /// Disk errors; what was not freed is freed by the next call or the next start.
    pub fn release(&mut self, seq: u64) -> Result<(), WalError> {
        let mut spares = Vec::new();
        let mut changed = false;
        while let Some(closed) = self.closed.front().filter(|c| c.last_seq <= seq) {
            if self.spares.wants(closed.bytes)
                && self.spares.ready() + spares.len() < self.options.recycle_max
            {
                let path = self.spares.new_path();
                self.disk.rename(&closed.path, &path)?;
                spares.push(path);
            } else {
                self.disk.remove_file(&closed.path)?;
            }
            self.closed.pop_front();
            changed = true;
        }
        if changed {
            // Before they can be reused: otherwise the old name could come back with new content.
            self.disk.sync_dir(&self.dir)?;
            spares.into_iter().for_each(|path| self.spares.put(path));
        }
        Ok(())
    }

    /// Makes a spare segment if one is wanted, see [`Spares::prepare`].
    ///
    /// # Errors
    /// Disk errors; the log is not affected.
    pub fn prepare_spare(&self) -> Result<bool, WalError> {
        self.spares.prepare()
    }

    /// A handle with which another thread makes spares, so that [`Wal::append`] never waits for one.
    pub fn spares(&self) -> Spares {
        self.spares.clone()
    }

    /// The last record; `released` of [`Wal::open`] if there was none.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Bytes appended that a power loss may take.
    pub fn unsynced_bytes(&self) -> u64 {
        self.active.as_ref().map_or(0, |a| a.end - a.synced)
    }

    /// Bytes of all segment files that hold records, spares apart.
    pub fn bytes(&self) -> u64 {
        self.closed.iter().map(|c| c.bytes).sum::<u64>() + self.active.as_ref().map_or(0, |a| a.capacity)
    }

    /// Number of segment files that hold records, spares apart.
    pub fn segments(&self) -> usize {
        self.closed.len() + usize::from(self.active.is_some())
    }

    /// Whether an earlier failure stopped the log.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.is_some()
    }

    /// Makes everything durable and ends.
    ///
    /// # Errors
    /// As [`Wal::sync`].
    pub fn close(mut self) -> Result<(), WalError> {
        self.sync()
    }

    fn write(&mut self, group: &mut Group) -> Result<(), WalError> {
        let Some(active) = &mut self.active else {
            return Err(WalError::ReplayFailed);
        };
        let bytes = group.bytes() as u64;
        let written = active.file.write_at(active.end, group.sealed(active.header.stamp(), active.synced));
        group.unsealed();
        match written {
            Ok(()) => {
                active.end += bytes;
                self.spares.note_room(active.capacity.saturating_sub(active.end));
                Ok(())
            }
            // Blocks are preallocated, so only a copy-on-write or thin disk gets here. A part of the
            // group may be there: it must not be found after a restart, nor be taken for the
            // continuation of a later group.
            Err(e) if e.is_full() => match active.erase(bytes) {
                Ok(()) => Err(WalError::Disk(e)),
                Err(_) => Err(self.poison("write", e)),
            },
            Err(e) => Err(self.poison("write", e)),
        }
    }

    /// Closes the active segment and starts one for a group of `bytes` bytes.
    fn roll_over(&mut self, first_seq: u64, bytes: u64) -> Result<(), WalError> {
        // The new header says that everything before it is durable.
        self.sync()?;
        let size = (FIRST_RECORD + bytes + END_MARK as u64).next_multiple_of(4096);
        let spare = self.spares.take(self.options.segment_bytes.max(size))?;
        let header = SegmentHeader::new(self.shard, self.next_epoch, first_seq, self.last_seq);
        let file = match prepare_file(&*self.disk, &spare, &header) {
            Ok(file) => file,
            Err(e) => {
                self.disk.remove_file(&spare).ok();
                // Nobody relies on a byte of this file, so even a failed fsync did no harm.
                return Err(WalError::Disk(e));
            }
        };
        let capacity = file.len()?;
        let path = join(&self.dir, &segment::name(first_seq));
        let moved = self.disk.rename(&spare, &path).and_then(|()| self.disk.sync_dir(&self.dir));
        // Whether the name is there is unknown: neither segment could be trusted.
        moved.map_err(|e| self.poison("rename of a new segment", e))?;
        let active = Active { file, path, header, end: FIRST_RECORD, synced: FIRST_RECORD, capacity };
        self.next_epoch += 1;
        if let Some(old) = self.active.replace(active)
            && old.header.first_seq != first_seq
        {
            self.closed.push_back(Closed { path: old.path, last_seq: self.last_seq, bytes: old.capacity });
        }
        Ok(())
    }

    fn check_usable(&self) -> Result<(), WalError> {
        match &self.poisoned {
            None => Ok(()),
            Some(reason) => Err(WalError::Poisoned { reason: reason.clone() }),
        }
    }

    fn poison(&mut self, action: &'static str, source: DiskError) -> WalError {
        self.poisoned = Some(format!("{action} failed: {source}"));
        WalError::Failed { action, source }
    }
}

impl Active {
    fn fits(&self, bytes: u64) -> bool {
        self.end + bytes + END_MARK as u64 <= self.capacity
    }

    /// Overwrites what a failed write of `bytes` bytes may have left.
    fn erase(&self, bytes: u64) -> Result<(), DiskError> {
        let zeros = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX) + END_MARK];
        self.file.write_at(self.end, &zeros)?;
        self.file.sync_data()
    }
}

/// Writes the header into a spare file and makes it durable.
fn prepare_file(disk: &dyn Disk, path: &str, header: &SegmentHeader) -> Result<Box<dyn DiskFile>, DiskError> {
    let file = disk.open(path, OpenMode::ReadWrite)?;
    file.write_at(0, &header.preamble())?;
    file.sync_data()?;
    Ok(file)
}
