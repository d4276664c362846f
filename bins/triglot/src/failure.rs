//! What ends a command.

use std::path::Path;

use crate::client::ClientError;
use crate::config::ConfigError;

/// Why a command failed; the text is shown to the user as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server that was spoken to.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A file.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Anything else, said in full.
    #[error("{0}")]
    Message(String),
}

impl Failure {
    /// A failure with a file, named.
    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        Self::Message(format!("{}: {error}", path.display()))
    }

    /// Any error, with what was being done.
    pub(crate) fn doing(what: impl std::fmt::Display, error: impl std::fmt::Display) -> Self {
        Self::Message(format!("{what}: {error}"))
    }
}
