//! `triglot repair`: looks for damage in a stopped server's data directory and, if told to, sets it aside
//! so that the server starts again.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use object_store::path::Path as Key;
use triglot_disk::{Disk, DiskStore, DiskStoreOptions, RealDisk};
use triglot_storage::wal::{self, RepairReport};

use crate::Failure;
use crate::cli::ConfigSource;

/// The lock that the engine holds (M-6).
const LOCK: &str = "LOCK";

/// Looks for damage in a data directory; changes nothing without --apply
#[derive(Clone, Debug, Args)]
#[command(after_help = "The server must be stopped. What is put aside stays below damaged/ directories.

Examples:
  triglot repair --data-dir ./data
  triglot repair --data-dir ./data --apply")]
pub(crate) struct RepairArgs {
    #[command(flatten)]
    source: ConfigSource,
    /// Put damaged files aside
    #[arg(long)]
    apply: bool,
}

/// Runs the command.
pub(crate) fn run(args: &RepairArgs) -> Result<(), Failure> {
    let config = args.source.load()?;
    let root = Path::new(&config.server.data_dir);
    if !root.is_dir() {
        return Err(Failure::Message(format!("{} is not a directory", root.display())));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let damage = runtime.block_on(repair(root, args.apply))?;
    match (damage, args.apply) {
        (0, _) => println!("no damage found"),
        (n, true) => println!("{n} damaged places were repaired; what could not be read is lost"),
        (n, false) => {
            return Err(Failure::Message(format!(
                "{n} damaged places; run again with --apply to repair them"
            )));
        }
    }
    Ok(())
}

async fn repair(root: &Path, apply: bool) -> Result<usize, Failure> {
    let failed = |e: triglot_disk::DiskError| Failure::doing(root.display(), e);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(root).map_err(failed)?);
    let _lock = disk.lock(LOCK).map_err(|e| Failure::doing("is the server still running?", e))?;
    let store = DiskStore::open(Arc::clone(&disk), DiskStoreOptions::default()).map_err(failed)?;
    let mut damage = logs(&store, &Key::from("catalog"), apply).await?;
    for shard in children(root, "shards")? {
        damage += logs(&store, &Key::from(format!("shards/{shard}/manifest")), apply).await?;
    }
    for shard in children(root, "wal")? {
        let dir = format!("wal/{shard}");
        let report = wal::repair(&disk, &dir, None, apply).map_err(|e| Failure::doing(&dir, e))?;
        damage += tell_wal(&dir, &report);
    }
    Ok(damage)
}

/// Names of the directories in `dir`.
fn children(root: &Path, dir: &str) -> Result<Vec<String>, Failure> {
    let path = root.join(dir);
    let mut names = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(&path).map_err(|e| Failure::io(&path, e))? {
            let entry = entry.map_err(|e| Failure::io(&path, e))?;
            if entry.path().is_dir() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
    }
    names.sort();
    Ok(names)
}

/// A metadata log: what follows damage was made on top of it and is lost with it.
async fn logs(store: &DiskStore, prefix: &Key, apply: bool) -> Result<usize, Failure> {
    let report =
        triglot_metalog::salvage(store, prefix, apply).await.map_err(|e| Failure::doing(prefix, e))?;
    let records = report.replay.records.len();
    println!(
        "{prefix}: readable up to record {} ({records} records behind the checkpoint)",
        report.replay.last_number()
    );
    for lost in &report.lost {
        let moved = lost.moved_to.as_ref().map(|to| format!(", moved to {to}")).unwrap_or_default();
        println!("  lost: {}: {}{moved}", lost.key, lost.reason);
    }
    Ok(report.lost.len())
}

fn tell_wal(dir: &str, report: &RepairReport) -> usize {
    println!("{dir}: {} segments, {} readable records", report.segments, report.records);
    for place in &report.damage {
        let next = match place.before_seq {
            Some(seq) => format!(
                "record {seq} is the next readable one, {} follow it",
                place.salvaged_after.saturating_sub(1)
            ),
            None => "nothing readable follows".to_owned(),
        };
        println!(
            "  lost: {} at byte {} ({} bytes, behind record {}): {}; {next}",
            place.file, place.offset, place.bytes, place.after_seq, place.reason
        );
    }
    for kept in &report.kept {
        println!("  the original is kept as {kept}");
    }
    report.damage.len()
}
