use std::sync::Arc;

use datafusion::error::DataFusionError;
use triglot_model::{ErrorKind, Refusal};

/// Why a query gave no (more) rows.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueryError {
    /// The planner or an operator of DataFusion refused. `message` is DataFusion's own text, which
    /// CnosDB shows as `Datafusion: <message>`.
    #[error("{message}")]
    DataFusion {
        /// What it means to a caller.
        kind: ErrorKind,
        /// DataFusion's text.
        message: String,
    },
    /// No such table in the tenant and database.
    #[error("Table not found: \"{tenant}.{database}.{table}\"")]
    TableNotFound {
        /// The tenant looked in.
        tenant: String,
        /// The database looked in.
        database: String,
        /// The name as asked for.
        table: String,
    },
    /// Storage failed while the query read from it.
    #[error("{message}")]
    Storage {
        /// Storage's kind.
        kind: ErrorKind,
        /// Storage's text.
        message: String,
    },
    /// Refused by a layer that planning called back into (catalog, privileges), or by a function ([`Refusal`]).
    #[error("{message}")]
    Refused {
        /// That layer's kind.
        kind: ErrorKind,
        /// That layer's text.
        message: String,
        /// That layer's error, if it has one of its own, see [`QueryError::source_as`].
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
    /// A dialect's rule refused the plan, with the dialect's own code.
    #[error("{message}")]
    Dialect {
        /// What it means to a caller.
        kind: ErrorKind,
        /// The code, for that dialect only.
        code: &'static str,
        /// The whole text.
        message: String,
    },
    /// The time limit passed.
    #[error("query exceeded its time limit of {limit_ms} ms")]
    Timeout {
        /// The limit in milliseconds.
        limit_ms: u64,
    },
    /// Someone killed the query.
    #[error("query {id} was cancelled")]
    Cancelled {
        /// Its id in the registry.
        id: u64,
    },
    /// As many queries as allowed are running.
    #[error("too many queries are running (limit {limit})")]
    Busy {
        /// How many may run at a time.
        limit: usize,
    },
    /// The node is stopping.
    #[error("the query runtime is shut down")]
    ShuttingDown,
    /// A bug: an operator panicked.
    #[error("query failed internally: {message}")]
    Internal {
        /// What is known.
        message: String,
    },
}

impl QueryError {
    /// The stable kind.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::DataFusion { kind, .. }
            | Self::Storage { kind, .. }
            | Self::Refused { kind, .. }
            | Self::Dialect { kind, .. } => *kind,
            Self::TableNotFound { .. } => ErrorKind::TableNotFound,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
            Self::Busy { .. } => ErrorKind::Busy,
            Self::ShuttingDown => ErrorKind::ShuttingDown,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// The refusal of a layer that planning called back into; it finds its error again with
    /// [`Self::source_as`].
    pub fn refused(kind: ErrorKind, error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Refused { kind, message: error.to_string(), source: Some(Arc::new(error)) }
    }

    /// What was given to [`Self::refused`], if it is an `E`.
    pub fn source_as<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Refused { source: Some(source), .. } => source.downcast_ref(),
            _ => None,
        }
    }

    /// Whether the text is DataFusion's own (CnosDB prefixes it with `Datafusion: `).
    pub const fn is_datafusion(&self) -> bool {
        matches!(self, Self::DataFusion { .. })
    }
}

impl From<QueryError> for DataFusionError {
    /// Carries the error through DataFusion; [`QueryError::from`] finds it again.
    fn from(error: QueryError) -> Self {
        Self::External(Box::new(error))
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        if let Some(own) = find_own(&error) {
            return own;
        }
        let kind = match error.find_root() {
            DataFusionError::SQL(..) => ErrorKind::Parse,
            DataFusionError::Plan(_)
            | DataFusionError::Configuration(_)
            | DataFusionError::SchemaError(..) => ErrorKind::Plan,
            DataFusionError::NotImplemented(_) => ErrorKind::NotSupported,
            DataFusionError::ResourcesExhausted(_) => ErrorKind::OutOfMemory,
            _ if spill_is_full(&error) => ErrorKind::OutOfMemory,
            // So DataFusion calls what its rules did not expect of a query (`1 BETWEEN true AND 2`).
            DataFusionError::Internal(_)
            | DataFusionError::Execution(_)
            | DataFusionError::ArrowError(..)
            | DataFusionError::ParquetError(_)
            | DataFusionError::ObjectStore(_)
            | DataFusionError::IoError(_)
            | DataFusionError::External(_) => ErrorKind::Execution,
            _ => ErrorKind::Internal,
        };
        let mut message = error.strip_backtrace();
        if let Some(at) = message.find(BUG_NOTE) {
            message.truncate(at);
        }
        Self::DataFusion { kind, message }
    }
}

/// How DataFusion goes on behind an error that it calls internal: for its developers.
const BUG_NOTE: &str = ".\nThis issue was likely caused by a bug in DataFusion's code";

/// The error of ours that DataFusion wrapped, however deep.
fn find_own(error: &DataFusionError) -> Option<QueryError> {
    let mut current: &(dyn std::error::Error + 'static) = error;
    loop {
        if let Some(own) = current.downcast_ref::<QueryError>() {
            return Some(own.clone());
        }
        if let Some(Refusal { kind, message }) = current.downcast_ref::<Refusal>() {
            return Some(QueryError::Refused { kind: *kind, message: message.clone(), source: None });
        }
        current = current.source()?;
    }
}

/// Whether the node's spill quota is used up. DataFusion reports it as an I/O error, of which nothing but
/// the text survives the way through Arrow's writer.
fn spill_is_full(error: &DataFusionError) -> bool {
    let io = match error.find_root() {
        DataFusionError::IoError(io) => io,
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            arrow::error::ArrowError::IoError(_, io) => io,
            _ => return false,
        },
        _ => return false,
    };
    io.to_string().contains("used disk space during the spilling process")
}
