use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use triglot_auth::AuthOptions;
use triglot_disk::Disk;
use triglot_model::limits::Limits;
use triglot_model::{Clock, MemoryShares, SystemClock};
use triglot_storage::StorageOptions;

use crate::FileAccess;

/// How the engine is opened.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Where everything is kept.
    pub disk: Arc<dyn Disk>,
    /// Where queries spill to; none = they fail instead when memory runs out.
    pub spill_dir: Option<PathBuf>,
    /// How memory is split.
    pub memory: MemoryShares,
    /// Storage; its memory figures are taken from [`Self::memory`].
    pub storage: StorageOptions,
    /// Queries.
    pub query: QueryOptions,
    /// Credentials.
    pub auth: AuthOptions,
    /// Password that user root gets when the directory is made, or is changed to at every start.
    pub root_password: Option<String>,
    /// Limits on tables and rows.
    pub limits: Limits,
    /// Which files SQL may name.
    pub files: FileAccess,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Limits and resources of queries.
#[derive(Debug, Clone)]
pub struct QueryOptions {
    /// Threads that queries and background work run on.
    pub threads: usize,
    /// Queries that may run at a time.
    pub max_concurrent: usize,
    /// How long a query may take.
    pub time_limit: Option<Duration>,
    /// Bytes that all queries together may spill.
    pub max_spill_bytes: u64,
}

impl Default for QueryOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            threads,
            max_concurrent: 64,
            time_limit: Some(Duration::from_secs(300)),
            max_spill_bytes: 20 << 30,
        }
    }
}

impl EngineOptions {
    /// Defaults over `disk`, with 1 GiB of memory.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            spill_dir: None,
            memory: MemoryShares::of(1 << 30),
            storage: StorageOptions::default(),
            query: QueryOptions::default(),
            auth: AuthOptions::default(),
            root_password: None,
            limits: Limits::default(),
            files: FileAccess::default(),
            clock: Arc::new(SystemClock),
        }
    }
}
