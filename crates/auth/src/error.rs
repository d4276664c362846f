use triglot_catalog::CatalogError;
use triglot_model::{DatabaseId, ErrorKind, TenantId, UserId};

use crate::privilege::{Action, Object};

/// Why somebody was not let in. Never says whether the user exists, and never carries a password.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthError {
    /// Unknown user, wrong password, or a password that this peer may not use.
    #[error("access denied for user '{user}': username or password invalid")]
    WrongCredentials {
        /// The name that was given.
        user: String,
    },
    /// Too many wrong passwords for this user from this peer.
    #[error("too many failed log-ins of user '{user}', try again in {retry_after_s} s")]
    TooManyFailures {
        /// The name that was given.
        user: String,
        /// When the next attempt is judged.
        retry_after_s: u64,
    },
    /// Too many log-ins are waiting for a free verifier.
    #[error("too many log-ins at the same time")]
    Busy,
    /// The password is right, and no longer taken ([`crate::VALID_UNTIL`]).
    #[error("the password of user '{user}' has expired")]
    Expired {
        /// The name that was given.
        user: String,
    },
    /// Only from [`crate::Auth::verify_without_password`], where existence is no secret.
    #[error("the user {user} not found")]
    UserNotFound {
        /// The name that was given.
        user: String,
    },
    /// Log-in without a password from a peer that is not on the loopback address.
    #[error("a password is required from this address")]
    NotLoopback,
    /// A password could not be hashed or verified (out of memory, broken parameters, shutdown).
    #[error("password hashing failed: {0}")]
    Hash(String),
    /// The catalog could not say.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl AuthError {
    /// The stable kind that dialects map to their own codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::WrongCredentials { .. }
            | Self::Expired { .. }
            | Self::UserNotFound { .. }
            | Self::NotLoopback => ErrorKind::AuthFailed,
            Self::TooManyFailures { .. } | Self::Busy => ErrorKind::Busy,
            Self::Hash(_) => ErrorKind::Internal,
            Self::Catalog(error) => error.kind(),
        }
    }
}

/// What a principal would have needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Required {
    /// To exist (the user was dropped meanwhile).
    User,
    /// Membership of the tenant, in any role.
    Member(TenantId),
    /// The tenant's owner role.
    Owner(TenantId),
    /// Read on the database.
    Read(DatabaseId),
    /// Write on the database.
    Write(DatabaseId),
    /// Full (ALL) on the database.
    Full(DatabaseId),
    /// Administration of the node.
    Admin,
    /// Administration of this user.
    ManageUser(UserId),
    /// To be `root`.
    Root,
}

/// A refusal of [`crate::allow`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("user {user} may not {action:?} {object:?}: {required:?} is required")]
pub struct Denied {
    /// Who.
    pub user: String,
    /// What.
    pub action: Action,
    /// On what.
    pub object: Object,
    /// What would have been needed; dialects word their messages by it.
    pub required: Required,
}

impl Denied {
    /// Always [`ErrorKind::Denied`].
    pub const fn kind(&self) -> ErrorKind {
        ErrorKind::Denied
    }
}
