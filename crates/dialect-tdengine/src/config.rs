//! The `[tdengine]` section of the configuration, as the dialect uses it.

use std::time::Duration;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

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
    /// `input_json.*`
    pub input_json: InputJsonOptions,
}

/// `[input_json]`: rows from JSON by rules (sheet section 7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputJsonOptions {
    /// Whether `/input_json/v1/{endpoint}` is there.
    pub enable: bool,
    /// One for each endpoint.
    pub rules: Vec<RuleOptions>,
}

/// `[[input_json.rules]]`. An empty text is one that is not given; the vendor's spellings of the keys are understood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleOptions {
    /// The last part of the path.
    pub endpoint: String,
    /// The database, or …
    pub db: String,
    /// … the member of records with its name.
    #[serde(alias = "dbKey")]
    pub db_key: String,
    /// The super table, which must exist, or …
    #[serde(alias = "superTable")]
    pub super_table: String,
    /// … the member with its name.
    #[serde(alias = "superTableKey")]
    pub super_table_key: String,
    /// The child table, which is made if it does not exist, or …
    #[serde(alias = "subTable")]
    pub sub_table: String,
    /// … the member with its name.
    #[serde(alias = "subTableKey")]
    pub sub_table_key: String,
    /// The member with the time; none = the time of the request.
    #[serde(alias = "timeKey")]
    pub time_key: String,
    /// How it is written: `unix`, `unix_ms`, `unix_us`, `unix_ns`, `ansic`, `rubydate`, `rfc822z`, `rfc1123z`, `rfc3339`,
    /// `rfc3339nano`, `stamp`, `stampmilli`, `datetime` (the default), or a pattern of strftime.
    #[serde(alias = "timeFormat")]
    pub time_format: String,
    /// The zone of times that name none (IANA); the server's by default.
    pub timezone: String,
    /// The column of the time, `ts` by default.
    #[serde(alias = "timeFieldName")]
    pub time_field_name: String,
    /// JSONata that makes the records of the body (`triglot_jsonata` says what is not there).
    pub transformation: String,
    /// The columns and tags that are written, from members of their names.
    pub fields: Vec<FieldOptions>,
}

/// An element of `fields`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FieldOptions {
    /// Member and column.
    pub key: String,
    /// Whether a record may be without it.
    pub optional: bool,
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
            input_json: InputJsonOptions::default(),
        }
    }
}
