//! What the routes share.

use std::sync::Arc;

use triglot_engine::Engine;
use triglot_http::HttpMetrics;

use crate::config::CnosDbConfig;

/// The state behind the routes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CnosDbApp {
    /// The database.
    pub engine: Engine,
    /// `[cnosdb]`.
    pub config: Arc<CnosDbConfig>,
    /// The node's metrics.
    pub metrics: HttpMetrics,
    /// What `/api/v1/ping` shows as `version`.
    pub version: Arc<str>,
}

impl CnosDbApp {
    /// The state for one listener. `revision` and `build_time` are shown by `/api/v1/ping`.
    pub fn new(
        engine: Engine,
        config: CnosDbConfig,
        metrics: HttpMetrics,
        revision: &str,
        build_time: &str,
    ) -> Self {
        let version = format!("2.4.3, revision: {revision}, build_time: {build_time}");
        Self { engine, config: Arc::new(config), metrics, version: version.into() }
    }
}
