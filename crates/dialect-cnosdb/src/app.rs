//! What the routes share.

use std::sync::Arc;

use triglot_engine::query::functions::DuplicateFunction;
use triglot_engine::{Engine, QueryLanguage};
use triglot_http::HttpMetrics;

use crate::config::CnosDbConfig;
use crate::metrics::RequestUsage;

/// The state behind the routes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CnosDbApp {
    /// The database.
    pub engine: Engine,
    /// `[cnosdb]`.
    pub config: Arc<CnosDbConfig>,
    /// How queries are planned.
    pub language: Arc<QueryLanguage>,
    /// The node's metrics.
    pub metrics: HttpMetrics,
    /// What `/api/v1/ping` shows as `version`.
    pub version: Arc<str>,
}

impl CnosDbApp {
    /// The state for one listener. `revision` and `build_time` are shown by `/api/v1/ping`.
    ///
    /// # Errors
    /// See [`triglot_sql_cnosdb::language`].
    pub fn new(
        engine: Engine,
        config: CnosDbConfig,
        metrics: HttpMetrics,
        revision: &str,
        build_time: &str,
    ) -> Result<Self, DuplicateFunction> {
        let config = Arc::new(config);
        let usage = RequestUsage { metrics: metrics.clone(), config: Arc::clone(&config) };
        let language = triglot_sql_cnosdb::language(&engine, Arc::new(usage))?;
        let version = format!("2.4.3, revision: {revision}, build_time: {build_time}");
        Ok(Self { engine, config, language, metrics, version: version.into() })
    }
}
