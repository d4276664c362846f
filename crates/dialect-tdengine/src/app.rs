//! What the routes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use triglot_engine::{Engine, QueryLanguage};
use triglot_http::HttpMetrics;

use crate::admin::record::Desk;
use crate::admin::{LogLevel, OneAtATime, RecordFiles, Recorder};
use crate::config::TdengineConfig;
use crate::error::SetupError;
use crate::input_json::Rules;
use crate::limits::{Gates, Limiter, MemoryGuard, Patterns};

/// The state behind the routes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TdengineApp(Arc<State>);

/// See [`TdengineApp`].
#[derive(Debug)]
pub struct State {
    pub(crate) engine: Engine,
    pub(crate) config: TdengineConfig,
    /// How queries are planned.
    pub(crate) language: Arc<QueryLanguage>,
    pub(crate) metrics: HttpMetrics,
    pub(crate) memory: MemoryGuard,
    /// `pool.*`
    pub(crate) pool: Gates,
    /// `request.*`
    pub(crate) limiter: Limiter,
    /// `rejectQuerySqlRegex`
    pub(crate) rejected: Patterns,
    /// `input_json.*`
    pub(crate) input_json: Arc<Rules>,
    pub(crate) log_level: LogLevel,
    pub(crate) config_requests: OneAtATime,
    pub(crate) records: Option<Arc<dyn RecordFiles>>,
    pub(crate) record_sql: Desk,
    pub(crate) record_stmt: Desk,
    requests: AtomicU64,
}

impl std::ops::Deref for TdengineApp {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

/// What the program around the dialect gives it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The node's metrics.
    pub metrics: HttpMetrics,
    /// Sets the level of log lines.
    pub log_level: LogLevel,
    /// Where recordings go; none = they are refused.
    pub records: Option<Arc<dyn RecordFiles>>,
}

/// The bits of a request's number below the instance.
const INSTANCE_SHIFT: u32 = 56;

impl TdengineApp {
    /// The state for one listener.
    ///
    /// # Errors
    /// A pattern of the configuration is none, or a rule of `[input_json]` cannot be used.
    pub fn new(
        engine: Engine,
        config: TdengineConfig,
        surroundings: Surroundings,
    ) -> Result<Self, SetupError> {
        let recorder = || Desk::new(Recorder::new(Arc::clone(engine.clock())));
        Ok(Self(Arc::new(State {
            language: triglot_sql_tdengine::language(&engine)?,
            metrics: surroundings.metrics,
            memory: MemoryGuard::new(config.memory),
            pool: Gates::default(),
            limiter: Limiter::new(config.limiter.clone())?,
            rejected: Patterns::new(&config.rejected)?,
            input_json: Arc::new(Rules::new(&config.input_json, config.zone)?),
            log_level: surroundings.log_level,
            config_requests: OneAtATime::default(),
            records: surroundings.records,
            record_sql: recorder(),
            record_stmt: recorder(),
            requests: AtomicU64::new(0),
            config,
            engine,
        })))
    }

    /// A number for a request that has none: the instance above a counter.
    pub(crate) fn next_request_id(&self) -> i64 {
        let count = self.requests.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let below = count & ((1 << INSTANCE_SHIFT) - 1);
        (u64::from(self.config.instance_id) << INSTANCE_SHIFT | below) as i64
    }
}
