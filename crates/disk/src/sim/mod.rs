//! A deterministic disk in memory that behaves like a machine that loses power.

mod node;
mod ops;
mod state;

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use crate::error::DiskOp;
use state::State;

/// A disk in memory for crash tests. Clones share the disk.
///
/// It keeps what the process sees apart from what is durable. [`crash`](SimDisk::crash) takes the
/// power away: of every unsynced write each 512-byte sector may have arrived or not, of every
/// created, renamed or removed name whose directory was not synced either state may be found. The
/// seed decides, so a failure can be repeated. [`restart_clean`](SimDisk::restart_clean) only kills
/// the process.
///
/// The rules are at least as strict as those of ext4 or XFS: `fsync` of a file does not make its
/// name durable; the two halves of a rename between directories are made durable separately, each
/// by `sync_dir` of its directory.
///
/// ```
/// use triglot_disk::{Disk, OpenMode, SimDisk};
/// # fn main() -> Result<(), triglot_disk::DiskError> {
/// let disk = SimDisk::new(7);
/// let file = disk.open("a", OpenMode::CreateNew)?;
/// file.write_at(0, b"hello")?;
/// file.sync_all()?;
/// disk.sync_dir("")?;
/// let disk = disk.crash();
/// assert_eq!(disk.len("a")?, 5);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

impl SimDisk {
    /// An empty disk; `seed` drives every random decision.
    pub fn new(seed: u64) -> Self {
        Self::of(State::new(seed))
    }

    fn of(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// From now on the `n`-th mutating I/O (1 = the next one) does not return: it fails with
    /// [`DiskError::SimulatedCrash`](crate::DiskError::SimulatedCrash), and so does everything after
    /// it, reads too. That last I/O may have happened in part: after [`crash`](SimDisk::crash) it is
    /// an unsynced one like others; after [`restart_clean`](SimDisk::restart_clean) it is there.
    pub fn crash_after(&self, n: u64) {
        let mut state = self.state.lock();
        state.crash_at = Some(state.io_count + n.max(1));
    }

    /// Number of mutating I/Os so far: creations, writes, length changes, preallocations, syncs,
    /// renames, links, removals, new directories, new lock files. Failed ones that were admitted
    /// (disk full) count, injected failures do not.
    pub fn io_count(&self) -> u64 {
        self.state.lock().io_count
    }

    /// Whether the machine is down: `crash_after` struck, or a successor was made.
    pub fn is_crashed(&self) -> bool {
        self.state.lock().crashed
    }

    /// Power loss now. Returns the disk as the machine finds it when it starts again, without locks,
    /// crash points and injected failures (the capacity stays). This disk and its files are dead.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut next = self.state.lock().hand_over();
        next.power_loss();
        Self::of(next)
    }

    /// Kill of the process: everything written is still there for the next one, but what was not
    /// synced stays at risk in a later [`crash`](SimDisk::crash). This disk and its files are dead.
    #[must_use]
    pub fn restart_clean(&self) -> Self {
        let next = self.state.lock().hand_over();
        Self::of(next)
    }

    /// Limits the sum of the lengths of all files; what would go over fails with an error for which
    /// [`is_full`](crate::DiskError::is_full) holds, after writing what fits. `None` lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state.lock().capacity = bytes;
    }

    /// The next `op` fails with `error` and has no effect. Several may be queued.
    pub fn fail_next(&self, op: DiskOp, error: io::Error) {
        self.state.lock().failures.push((op, error));
    }

    /// Sets the time that files written from now on carry.
    pub fn set_time(&self, now: SystemTime) {
        self.state.lock().now = now;
    }
}
