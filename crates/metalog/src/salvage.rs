//! Repair: reads what can be read, and moves the rest aside if told to.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{CopyMode, CopyOptions, Error as StoreError, ObjectStore, ObjectStoreExt};

use crate::format::{FileKind, Record};
use crate::log::{Checkpoint, Replay};
use crate::{MetaLogError, Result, layout};

/// A file that the salvaged log does not contain.
#[derive(Debug)]
pub struct LostFile {
    /// The file.
    pub key: Path,
    /// Why: its damage, or what damage or gap before it makes it unusable.
    pub reason: String,
    /// Where it was moved to, if it was.
    pub moved_to: Option<Path>,
}

/// What [`salvage`] could read and what it could not.
#[derive(Debug, Default)]
pub struct SalvageReport {
    /// The state up to the first damage: what `open` will answer once the lost files are aside.
    pub replay: Replay,
    /// Everything else, checkpoints first, then records in order.
    pub lost: Vec<LostFile>,
}

impl SalvageReport {
    /// Nothing is damaged.
    pub fn is_intact(&self) -> bool {
        self.lost.is_empty()
    }
}

/// Reads the log at `prefix` in order up to the first damage and reports what is lost.
///
/// Starts from the newest checkpoint that is whole. A record after a damaged or missing one is
/// lost too, because it was made on top of it. Nothing is changed unless `apply`: then every lost
/// file is moved to `<prefix>/damaged/`, after which the log opens. Nobody else may have the log
/// open. Running it again after an interruption goes on where it stopped.
///
/// # Errors
/// Only failures of the store; damage is in the report.
pub async fn salvage(store: &dyn ObjectStore, prefix: &Path, apply: bool) -> Result<SalvageReport> {
    let mut report = SalvageReport::default();
    find_checkpoint(store, prefix, &mut report).await?;
    find_records(store, prefix, &mut report).await?;
    if apply {
        // Backwards: the first damage stays in place to the end, so that a repair that was
        // interrupted tells the true reason when it is run again.
        for lost in report.lost.iter_mut().rev() {
            lost.moved_to = Some(move_aside(store, prefix, &lost.key).await?);
        }
    }
    Ok(report)
}

impl SalvageReport {
    fn lose(&mut self, key: Path, reason: String) {
        self.lost.push(LostFile { key, reason, moved_to: None });
    }
}

async fn find_checkpoint(store: &dyn ObjectStore, prefix: &Path, report: &mut SalvageReport) -> Result<()> {
    let listing = layout::list(store, prefix, FileKind::Checkpoint).await?;
    for key in listing.strangers {
        report.lose(key, "its name is not one of a checkpoint".to_owned());
    }
    for number in listing.numbers.into_iter().rev() {
        match read(store, prefix, FileKind::Checkpoint, number).await? {
            Ok(found) => {
                let payload: Bytes = found.payload;
                report.replay.checkpoint = Some(Checkpoint { number, payload });
                break;
            }
            Err(reason) => report.lose(layout::key(prefix, FileKind::Checkpoint, number), reason),
        }
    }
    Ok(())
}

async fn find_records(store: &dyn ObjectStore, prefix: &Path, report: &mut SalvageReport) -> Result<()> {
    let listing = layout::list(store, prefix, FileKind::Record).await?;
    for key in listing.strangers {
        report.lose(key, "its name is not one of a record".to_owned());
    }
    let base = report.replay.last_number();
    let mut broken: Option<String> = None;
    for number in listing.numbers.into_iter().filter(|n| *n > base) {
        let key = layout::key(prefix, FileKind::Record, number);
        let expected = report.replay.last_number().saturating_add(1);
        if broken.is_none() && number != expected {
            broken = Some(format!("record {expected} before it is missing"));
        }
        if let Some(reason) = &broken {
            report.lose(key, reason.clone());
            continue;
        }
        match read(store, prefix, FileKind::Record, number).await? {
            Ok(record) => report.replay.records.push(record),
            Err(reason) => {
                report.lose(key, reason);
                broken = Some(format!("record {number} before it is damaged"));
            }
        }
    }
    Ok(())
}

/// The outer error is the store's, the inner one says what is wrong with the file.
async fn read(
    store: &dyn ObjectStore,
    prefix: &Path,
    file: FileKind,
    number: u64,
) -> Result<std::result::Result<Record, String>> {
    match layout::read(store, prefix, file, number).await {
        Ok(record) => Ok(Ok(record)),
        Err(error) if error.is_damage() => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// Moves a file below `damaged/` without overwriting what an earlier repair put there.
async fn move_aside(store: &dyn ObjectStore, prefix: &Path, key: &Path) -> Result<Path> {
    let mut n = 0;
    loop {
        let target = layout::damaged_key(prefix, key, n);
        let only_new = CopyOptions::new().with_mode(CopyMode::Create);
        match store.copy_opts(key, &target, only_new).await {
            Ok(()) => {
                store.delete(key).await.map_err(MetaLogError::store("remove", key))?;
                return Ok(target);
            }
            Err(StoreError::AlreadyExists { .. }) => n += 1,
            Err(e) => return Err(MetaLogError::store("copy aside", key)(e)),
        }
    }
}
