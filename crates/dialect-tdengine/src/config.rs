//! The `[tdengine]` section of the configuration, as the dialect uses it.

use chrono_tz::Tz;

/// What an operator chooses. Names and defaults are taosAdapter's (sheet section 11) where it has them.
#[derive(Clone, Debug, PartialEq)]
pub struct TdengineConfig {
    /// The number of this server in the numbers of requests.
    pub instance_id: u8,
    /// The tenant that users of this dialect are in.
    pub tenant: String,
    /// `httpCodeServerError`: errors of the engine have HTTP statuses of their own instead of 200.
    pub http_code_server_error: bool,
    /// HTTP status of an answer to wrong credentials on `/rest/sql`: 401 as documented, 200 as the
    /// vendor's server does.
    pub auth_error_status: u16,
    /// `restfulRowLimit`: rows of one answer, none = all.
    pub row_limit: Option<u64>,
    /// The server's time zone: that of times without one, and what `Local` means.
    pub zone: Tz,
    /// Most bytes of a body, before and after decompression.
    pub body_limit: usize,
}

impl Default for TdengineConfig {
    fn default() -> Self {
        Self {
            instance_id: 32,
            tenant: "cnosdb".to_owned(),
            http_code_server_error: false,
            auth_error_status: 401,
            row_limit: None,
            zone: Tz::UTC,
            body_limit: 64 << 20,
        }
    }
}
