/// The stable kinds of failure that the engine knows. Dialects map each kind with an exhaustive
/// `match` to their own (HTTP status, code, text); the details live in the error that carries the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The statement or the body is not well-formed.
    Parse,
    /// The statement is well-formed but means nothing (unknown function, wrong argument types …).
    Plan,
    /// A function was called with a value of a kind that it does not take, such as a summary that
    /// another function made.
    WrongInput,
    /// The part of the dialect is not built.
    NotSupported,
    /// No such tenant.
    TenantNotFound,
    /// The tenant exists already.
    TenantExists,
    /// No such database.
    DatabaseNotFound,
    /// The database exists already.
    DatabaseExists,
    /// No such table.
    TableNotFound,
    /// The table exists already.
    TableExists,
    /// No such column.
    ColumnNotFound,
    /// The column exists already.
    ColumnExists,
    /// A schema change that the rules forbid (drop of the last field, tag with codec …).
    InvalidSchema,
    /// A value of a type that the column does not take.
    TypeMismatch,
    /// A value that its type or the column's limits cannot hold.
    ValueOutOfRange,
    /// A text or binary value longer than declared.
    LengthExceeded,
    /// A row older than the retention of its database, or outside the representable range.
    TimeOutOfRange,
    /// A series with this identity, or a row with this key, exists already.
    SeriesExists,
    /// No such user, role or member.
    PrincipalNotFound,
    /// The user, role or member exists already.
    PrincipalExists,
    /// Credentials are missing or wrong.
    AuthFailed,
    /// The principal may not do this.
    Denied,
    /// A configured limit (rows, columns, series, statement length …) is reached.
    LimitReached,
    /// Write pressure, too many queries: try again later.
    Busy,
    /// Memory for this query is used up.
    OutOfMemory,
    /// The disk is full.
    DiskFull,
    /// The time limit passed.
    Timeout,
    /// The query was cancelled or killed.
    Cancelled,
    /// A running query failed on its data (cast, division by zero …).
    Execution,
    /// Stored data is damaged.
    Corrupt,
    /// The server is stopping.
    ShuttingDown,
    /// A fault of triglot or of the machine.
    Internal,
}

/// Whether the same request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Never: the request itself is at fault.
    No,
    /// Yes, after a pause.
    Later,
}

impl ErrorKind {
    /// Whether the same request may succeed later.
    pub const fn retry(self) -> Retry {
        match self {
            Self::Busy | Self::OutOfMemory | Self::DiskFull | Self::Timeout | Self::ShuttingDown => {
                Retry::Later
            }
            _ => Retry::No,
        }
    }

    /// Whether something that was named does not exist.
    pub const fn is_absence(self) -> bool {
        matches!(
            self,
            Self::TenantNotFound
                | Self::DatabaseNotFound
                | Self::TableNotFound
                | Self::ColumnNotFound
                | Self::PrincipalNotFound
        )
    }

    /// Whether something that was to be made exists already.
    pub const fn is_existence(self) -> bool {
        matches!(
            self,
            Self::TenantExists
                | Self::DatabaseExists
                | Self::TableExists
                | Self::ColumnExists
                | Self::PrincipalExists
        )
    }

    /// Whether the text may be shown to users. Texts of internal faults may name paths and are
    /// only logged.
    pub const fn is_public(self) -> bool {
        !matches!(self, Self::Internal)
    }
}

/// A refusal by a layer that reports its errors through a foreign type (DataFusion's functions and
/// plan nodes). Whoever gets the foreign error looks for this one among its sources, and finds the kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What it means to a caller.
    pub kind: ErrorKind,
    /// The text, without a dialect's prefix.
    pub message: String,
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
