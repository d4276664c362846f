//! What the routes share.

use std::sync::Arc;

use triglot_engine::query::functions::DuplicateFunction;
use triglot_engine::{Engine, QueryLanguage};
use triglot_http::HttpMetrics;

use crate::auth::Sessions;
use crate::config::KwdbConfig;
use crate::connections::Connections;
use crate::face::Face;

/// The state behind the routes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KwdbApp(Arc<State>);

/// See [`KwdbApp`].
#[derive(Debug)]
pub struct State {
    pub(crate) engine: Engine,
    pub(crate) config: KwdbConfig,
    /// How queries are planned.
    pub(crate) language: Arc<QueryLanguage>,
    pub(crate) metrics: HttpMetrics,
    pub(crate) sessions: Sessions,
    pub(crate) face: Face,
    /// Whose turn it is to define what lines need: requests that need the same would only be in each other's way.
    pub(crate) definitions: tokio::sync::Mutex<()>,
    connections: Connections,
}

impl std::ops::Deref for KwdbApp {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl KwdbApp {
    /// The state for one listener.
    ///
    /// # Errors
    /// Two functions claim one name: a fault of the program.
    pub fn new(engine: Engine, config: KwdbConfig, metrics: HttpMetrics) -> Result<Self, DuplicateFunction> {
        Ok(Self(Arc::new(State {
            language: triglot_sql_kwdb::language(&engine)?,
            metrics,
            sessions: Sessions::new(config.max_sessions),
            face: Face::new(config.wire),
            definitions: tokio::sync::Mutex::new(()),
            connections: Connections::new(config.max_connections),
            config,
            engine,
        })))
    }

    /// Counts the listener's connections: [`Connections::enter`] on each new one.
    pub fn connections(&self) -> &Connections {
        &self.0.connections
    }
}
