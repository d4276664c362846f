//! The `[tdengine]` section of the configuration, as the dialect uses it.

use std::time::Duration;

use chrono_tz::Tz;

use crate::limits::{GateOptions, LimiterOptions, MemoryOptions};

/// What an operator chooses. Names and defaults are taosAdapter's (sheet section 11) where it has them.
#[derive(Clone, Debug, PartialEq)]
pub struct TdengineConfig {
    /// `instanceId`: the number of this server in the numbers of requests.
    pub instance_id: u8,
    /// The tenant that users of this dialect are in.
    pub tenant: String,
    /// `smlAutoCreateDB`: write APIs of other systems make a database that does not exist.
    pub sml_auto_create_db: bool,
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
    /// `rejectQuerySqlRegex`: patterns of statements that are refused.
    pub rejected: Vec<String>,
    /// `pool.*`: requests of one user at a time. The vendor's default is two a core; sessions cost nothing
    /// here, so there is no limit unless one is set.
    pub pool: GateOptions,
    /// `request.*`: queries of one user at a time.
    pub limiter: LimiterOptions,
    /// `monitor.*`: the memory guard.
    pub memory: MemoryOptions,
    /// `cors.*`
    pub cors: CorsOptions,
}

/// Which pages of other origins may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsOptions {
    /// `allowAllOrigins`
    pub allow_all_origins: bool,
    /// `allowOrigins`: where not all may; each may have one `*`. None at all: `http://127.0.0.1`.
    pub allow_origins: Vec<String>,
    /// `allowHeaders`: further headers that pages may send.
    pub allow_headers: Vec<String>,
    /// `exposeHeaders`: further headers that pages may read.
    pub expose_headers: Vec<String>,
    /// `allowCredentials`
    pub allow_credentials: bool,
}

impl Default for CorsOptions {
    fn default() -> Self {
        Self {
            allow_all_origins: true,
            allow_origins: Vec::new(),
            allow_headers: Vec::new(),
            expose_headers: Vec::new(),
            allow_credentials: false,
        }
    }
}

impl Default for TdengineConfig {
    fn default() -> Self {
        Self {
            instance_id: 32,
            tenant: "cnosdb".to_owned(),
            sml_auto_create_db: false,
            http_code_server_error: false,
            auth_error_status: 401,
            row_limit: None,
            zone: Tz::UTC,
            body_limit: 64 << 20,
            rejected: Vec::new(),
            pool: GateOptions { limit: 0, wait_timeout: Duration::from_secs(60), max_waiting: 0 },
            limiter: LimiterOptions::default(),
            memory: MemoryOptions {
                total_bytes: u64::MAX,
                cores: 1,
                pause_query: 70,
                pause_all: 80,
                interval: Duration::from_secs(3),
            },
            cors: CorsOptions::default(),
        }
    }
}
