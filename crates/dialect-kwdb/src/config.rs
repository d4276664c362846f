//! The `[kwdb]` section of the configuration, as the dialect uses it.

/// Which of the two descriptions of the API answers follow (sheet section 15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// The published manual: HTTP statuses, native JSON cells.
    #[default]
    Manual,
    /// The vendor's server: status 200, every cell a string.
    Server,
}

/// What an operator chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KwdbConfig {
    /// The tenant that users of this dialect are in.
    pub tenant: String,
    /// The face of answers.
    pub wire: Wire,
    /// Most bytes of a request's body.
    pub body_limit: usize,
    /// Most bytes of a query's answer: it is cut between rows; none = never.
    pub response_limit: Option<u64>,
    /// Connections at a time; requests on further ones are answered 503. 0 = no limit.
    pub max_connections: usize,
    /// Token sessions at a time; a log-in beyond is answered 503. 0 = no limit.
    pub max_sessions: usize,
}

impl Default for KwdbConfig {
    fn default() -> Self {
        Self {
            tenant: "cnosdb".to_owned(),
            wire: Wire::Manual,
            body_limit: 64 << 20,
            response_limit: Some(5 << 20),
            max_connections: 150,
            max_sessions: 100,
        }
    }
}
