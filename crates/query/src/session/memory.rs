use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::execution::cache::cache_manager::CacheManagerConfig;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};

use crate::QueryError;

/// The memory and the spill space of all running queries together.
#[derive(Clone, Debug)]
pub struct MemoryOptions {
    /// Bytes that operators may hold; above it they spill or fail with
    /// [`triglot_model::ErrorKind::OutOfMemory`].
    pub memory_bytes: u64,
    /// Where operators spill; none = they fail instead of spilling.
    pub spill_dir: Option<PathBuf>,
    /// Bytes of spill files, at most.
    pub max_spill_bytes: u64,
}

/// How many consumers an out-of-memory message names.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// Footers of external Parquet files that are kept between queries.
const PARQUET_METADATA_BYTES: usize = 8 << 20;

/// The runtime that all sessions of a node share, whatever their dialect: one pool, in which operators
/// that can spill get equal shares of what the others leave.
pub fn query_memory(options: &MemoryOptions) -> Result<Arc<RuntimeEnv>, QueryError> {
    let bytes = usize::try_from(options.memory_bytes).unwrap_or(usize::MAX);
    let pool = TrackConsumersPool::new(FairSpillPool::new(bytes), NAMED_CONSUMERS);
    let mode = match &options.spill_dir {
        Some(dir) => DiskManagerMode::Directories(vec![dir.clone()]),
        None => DiskManagerMode::Disabled,
    };
    let disk =
        DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(options.max_spill_bytes);
    // Lists of files are not kept: DataFusion would not see new files for ever.
    let caches = CacheManagerConfig::default()
        .with_list_files_cache_limit(0)
        .with_file_statistics_cache_limit(0)
        .with_metadata_cache_limit(PARQUET_METADATA_BYTES);
    Ok(RuntimeEnvBuilder::new()
        .with_cache_manager(caches)
        .with_memory_pool(Arc::new(pool))
        .with_disk_manager_builder(disk)
        .build_arc()?)
}
