//! Configuration to a running engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use triglot_engine::auth::AuthOptions;
use triglot_engine::{Engine, EngineOptions, FileAccess, QueryOptions};

use triglot_disk::{Disk, RealDisk};

use crate::Failure;
use crate::config::Config;

/// Where queries spill to, below the data directory.
const SPILL: &str = "spill";
/// Files that every user may name, below the data directory.
const EXTERNAL: &str = "external";

/// Opens the engine: catalog, then WAL replay.
pub(super) async fn open(config: &Config) -> Result<Engine, Failure> {
    let root = Path::new(&config.server.data_dir);
    let failed = |e: &dyn std::fmt::Display| Failure::doing(root.display(), e);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(root).map_err(|e| failed(&e))?);
    let spill_dir = (config.query.max_spill_bytes.0 > 0).then(|| root.join(SPILL));
    if let Some(dir) = &spill_dir {
        std::fs::create_dir_all(dir).map_err(|e| Failure::io(dir, e))?;
    }
    let options = options(config, disk, spill_dir.clone());
    let engine = Engine::open(options).await.map_err(|e| failed(&e))?;
    if let Some(dir) = spill_dir {
        // Only now that the directory is locked: it may have been somebody's until a moment ago.
        sweep(&dir);
    }
    Ok(engine)
}

fn options(config: &Config, disk: Arc<dyn Disk>, spill_dir: Option<PathBuf>) -> EngineOptions {
    let password = &config.auth.root_password;
    EngineOptions {
        spill_dir,
        memory: config.memory_shares(),
        storage: config.storage_options(),
        query: QueryOptions {
            threads: config.query_threads(),
            max_concurrent: config.query.max_concurrent,
            time_limit: config.query.timeout.limit(),
            max_spill_bytes: config.query.max_spill_bytes.0,
        },
        auth: AuthOptions {
            allow_default_credentials: config.auth.allow_default_credentials,
            ..AuthOptions::default()
        },
        root_password: (!password.is_empty()).then(|| password.clone()),
        limits: config.limits(),
        files: file_access(config),
        ..EngineOptions::new(disk)
    }
}

/// Which files SQL may name: `external` in the data directory, and what the configuration adds.
fn file_access(config: &Config) -> FileAccess {
    let data_dir = &config.server.data_dir;
    let root = std::path::absolute(data_dir).unwrap_or_else(|_| PathBuf::from(data_dir));
    let added = config.storage.external_dirs.iter().map(PathBuf::from);
    FileAccess { dirs: std::iter::once(root.join(EXTERNAL)).chain(added).collect(), private: Some(root) }
}

/// Removes what queries of a killed process left.
fn sweep(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        if let Err(error) = removed {
            tracing::warn!(path = %path.display(), %error, "old spill files stay");
        }
    }
}
