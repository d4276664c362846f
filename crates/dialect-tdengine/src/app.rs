//! What the routes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use triglot_engine::query::functions::DuplicateFunction;
use triglot_engine::{Engine, QueryLanguage};
use triglot_http::HttpMetrics;

use crate::config::TdengineConfig;

/// The state behind the routes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TdengineApp {
    /// The database.
    pub engine: Engine,
    /// `[tdengine]`.
    pub config: Arc<TdengineConfig>,
    /// How queries are planned.
    pub language: Arc<QueryLanguage>,
    /// The node's metrics.
    pub metrics: HttpMetrics,
    requests: Arc<AtomicU64>,
}

/// The bits of a request's number below the instance.
const INSTANCE_SHIFT: u32 = 56;

impl TdengineApp {
    /// The state for one listener.
    ///
    /// # Errors
    /// See [`triglot_sql_tdengine::language`].
    pub fn new(
        engine: Engine,
        config: TdengineConfig,
        metrics: HttpMetrics,
    ) -> Result<Self, DuplicateFunction> {
        let language = triglot_sql_tdengine::language(&engine)?;
        Ok(Self { engine, config: Arc::new(config), language, metrics, requests: Arc::default() })
    }

    /// A number for a request that has none: the instance above a counter.
    pub(crate) fn next_request_id(&self) -> i64 {
        let count = self.requests.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let below = count & ((1 << INSTANCE_SHIFT) - 1);
        (u64::from(self.config.instance_id) << INSTANCE_SHIFT | below) as i64
    }
}
