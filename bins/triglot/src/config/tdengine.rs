//! `[tdengine]` as the dialect takes it.

use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use triglot_dialect_tdengine::config::CorsOptions;
use triglot_dialect_tdengine::{GateOptions, LimiterOptions, MemoryOptions, Rules, TdengineConfig};

use super::schema::{Config, Tdengine};
use super::{ConfigError, machine};

/// Where recordings are below the data directory.
const RECORDS: &str = "records";

impl Config {
    /// The dialect's options.
    pub(crate) fn tdengine_options(&self) -> Result<TdengineConfig, ConfigError> {
        let c = &self.tdengine;
        let options = TdengineConfig {
            instance_id: c.instance_id,
            http_code_server_error: c.http_code_server_error,
            sml_auto_create_db: c.sml_auto_create_db,
            auth_error_status: c.auth_error_status,
            row_limit: u64::try_from(c.restful_row_limit).ok(),
            zone: c.zone()?,
            body_limit: usize::try_from(c.body_limit.0).unwrap_or(usize::MAX),
            rejected: c.reject_query_sql_regex.clone(),
            pool: GateOptions {
                limit: c.pool_max_connect,
                wait_timeout: c.pool_wait_timeout.0,
                max_waiting: c.pool_max_wait,
            },
            limiter: c.limiter()?,
            memory: MemoryOptions {
                total_bytes: machine::memory(),
                cores: machine::cores(),
                pause_query: c.pause_query_memory_threshold,
                pause_all: c.pause_all_memory_threshold,
                interval: c.monitor_interval.0,
            },
            cors: CorsOptions {
                allow_all_origins: c.cors_allow_all_origins,
                allow_origins: c.cors_allow_origins.clone(),
                allow_headers: c.cors_allow_headers.clone(),
                expose_headers: c.cors_expose_headers.clone(),
                allow_credentials: c.cors_allow_credentials,
            },
            input_json: self.input_json.clone(),
            ..TdengineConfig::default()
        };
        Ok(options)
    }

    /// The directory of recordings.
    pub(crate) fn record_dir(&self) -> PathBuf {
        match self.tdengine.record_dir.as_str() {
            "" => Path::new(&self.server.data_dir).join(RECORDS),
            dir => PathBuf::from(dir),
        }
    }
}

impl Tdengine {
    /// The configured time zone, or the machine's.
    pub(crate) fn zone(&self) -> Result<Tz, ConfigError> {
        match self.timezone.as_str() {
            "" => Ok(machine::zone()),
            name => name.parse().map_err(|_| {
                ConfigError::invalid("tdengine", "timezone", format!("{name:?} is not a time zone"))
            }),
        }
    }

    fn limiter(&self) -> Result<LimiterOptions, ConfigError> {
        let default = GateOptions {
            limit: self.query_limit,
            wait_timeout: self.query_wait_timeout.0,
            max_waiting: self.query_max_wait,
        };
        let users: Vec<_> =
            self.query_limit_users.iter().map(|text| user_limit(text, default)).collect::<Result<_, _>>()?;
        Ok(LimiterOptions {
            default: self.query_limit_enable.then_some(default),
            users,
            excluded: self.exclude_query_limit_sql.clone(),
            excluded_patterns: self.exclude_query_limit_sql_regex.clone(),
        })
    }
}

/// `user=limit[:wait seconds[:waiting]]`
fn user_limit(text: &str, default: GateOptions) -> Result<(String, GateOptions), ConfigError> {
    let read = || {
        let (user, numbers) = text.rsplit_once('=')?;
        let mut numbers = numbers.split(':').map(|n| n.trim().parse::<usize>());
        let mut options = GateOptions { limit: numbers.next()?.ok()?, ..default };
        if let Some(seconds) = numbers.next() {
            options.wait_timeout = std::time::Duration::from_secs(seconds.ok()? as u64);
        }
        if let Some(waiting) = numbers.next() {
            options.max_waiting = waiting.ok()?;
        }
        numbers.next().is_none().then(|| (user.trim().to_owned(), options))
    };
    read().ok_or_else(|| {
        let reason = format!("{text:?} is not like \"user=2\" or \"user=2:900:10\"");
        ConfigError::invalid("tdengine", "query_limit_users", reason)
    })
}

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let c = &config.tdengine;
    let invalid = |key, reason: String| Err(ConfigError::invalid("tdengine", key, reason));
    if !matches!(c.auth_error_status, 200 | 401) {
        return invalid("auth_error_status", format!("{} is neither 401 nor 200", c.auth_error_status));
    }
    if c.restful_row_limit < -1 {
        return invalid("restful_row_limit", "must be -1 (all) or more".to_owned());
    }
    if c.body_limit.0 == 0 {
        return invalid("body_limit", "must be above 0".to_owned());
    }
    if c.pause_query_memory_threshold > 100 || c.pause_all_memory_threshold > 100 {
        return invalid("pause_all_memory_threshold", "thresholds are percents, at most 100".to_owned());
    }
    let options = config.tdengine_options()?;
    Rules::new(&options.input_json, options.zone)
        .map_err(|error| ConfigError::invalid("input_json", "rules", error.to_string()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn limits_of_users_are_short_texts() {
        let default = GateOptions { limit: 9, wait_timeout: Duration::from_secs(900), max_waiting: 0 };
        let of = |text| user_limit(text, default);
        assert_eq!(of("a=2").unwrap(), ("a".to_owned(), GateOptions { limit: 2, ..default }));
        let all = GateOptions { limit: 2, wait_timeout: Duration::from_secs(3), max_waiting: 4 };
        assert_eq!(of("a=b = 2:3:4").unwrap(), ("a=b".to_owned(), all));
        for bad in ["", "a", "a=", "a=x", "a=1:2:3:4", "a=-1"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
