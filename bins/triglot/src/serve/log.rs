//! Log lines on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::reload::Handle;
use triglot_dialect_tdengine::LogLevel;

use crate::Failure;
use crate::config::{Log, LogFormat};

/// Starts logging; whether lines are JSON, and how to change their level.
pub(super) fn init(log: &Log) -> Result<(bool, LogLevel), Failure> {
    let terminal = std::io::stderr().is_terminal();
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    };
    let filter = filter(&log.level).map_err(|e| Failure::doing("log.level", e))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal)
        // It would tell of a closed standard error on standard error, and panic.
        .log_internal_errors(false);
    let (started, level) = if json {
        let builder = builder.json().flatten_event(true).with_filter_reloading();
        let level = changing(builder.reload_handle());
        (builder.try_init(), level)
    } else {
        let builder = builder.with_filter_reloading();
        let level = changing(builder.reload_handle());
        (builder.try_init(), level)
    };
    started.map_err(|e| Failure::doing("logging", e))?;
    Ok((json, level))
}

/// The HTTP library tells of its workers at every start; what concerns people is in our own lines.
fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(format!("actix_server=warn,{level}"))
}

fn changing<S: 'static>(handle: Handle<EnvFilter, S>) -> LogLevel {
    LogLevel::new(move |level| {
        let filter = filter(level).map_err(|e| e.to_string())?;
        handle.reload(filter).map_err(|e| e.to_string())
    })
}
