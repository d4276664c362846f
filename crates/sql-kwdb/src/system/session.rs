//! SHOW of the session, of what runs, and of settings.

use chrono_tz::Tz;

use super::rows::{all_texts, bools, empty, source};
use super::{Source, View};
use crate::{Context, KwError, settings};

/// `SHOW timezone`, `SHOW database` and other values of the session: one cell.
pub(super) fn value(context: &Context, name: &str) -> Result<Source, KwError> {
    let value = match name {
        "timezone" | "time_zone" => zone_name(context.zone),
        "database" => context.session.database_name.clone(),
        "server_version" => "9.5.0".to_owned(),
        "client_encoding" | "server_encoding" => "UTF8".to_owned(),
        "search_path" => "public".to_owned(),
        "datestyle" => "ISO".to_owned(),
        "session_user" => context.session.principal.name.clone(),
        "application_name" => String::new(),
        "standard_conforming_strings" => "on".to_owned(),
        _ => {
            let message = format!("unrecognized configuration parameter \"{name}\"");
            return Err(KwError::new("42704", message));
        }
    };
    source(vec![all_texts(name, [value])])
}

/// Whole hours are told as such, in hours east of UTC.
fn zone_name(zone: Tz) -> String {
    match zone.name().strip_prefix("Etc/GMT") {
        Some(west) if !west.is_empty() => {
            west.parse::<i32>().map_or_else(|_| zone.name().to_owned(), |hours| (-hours).to_string())
        }
        _ => zone.name().to_owned(),
    }
}

/// `SHOW CLUSTER SETTING x`: one cell, named after the setting.
pub(super) fn cluster_setting(view: &View<'_>, name: &str) -> Result<Source, KwError> {
    let value = settings::cluster_setting(view.engine, name)?;
    source(vec![all_texts(name, [value])])
}

/// `SHOW CLUSTER SETTINGS`
pub(super) fn cluster_settings(view: &View<'_>) -> Result<Source, KwError> {
    let all = settings::list(view.engine);
    source(vec![
        all_texts("variable", all.iter().map(|s| &s.name)),
        all_texts("value", all.iter().map(|s| &s.value)),
        all_texts("setting_type", all.iter().map(|s| s.kind)),
        bools("public", all.iter().map(|_| true)),
        all_texts("description", all.iter().map(|s| s.description)),
    ])
}

/// `SHOW QUERIES`: those that the user may see.
pub(super) fn queries(view: &View<'_>) -> Result<Source, KwError> {
    let running = view.engine.queries(view.session);
    let each = |text: &'static str| running.iter().map(move |_| text);
    source(vec![
        all_texts("query_id", running.iter().map(|q| q.id.to_string())),
        all_texts("node_id", each("1")),
        all_texts("user_name", running.iter().map(|q| &q.info.user)),
        all_texts("query", running.iter().map(|q| &q.info.text)),
        all_texts("client_address", each("")),
        all_texts("application_name", each("")),
        all_texts("phase", each("executing")),
    ])
}

/// `SHOW SESSIONS`: those of SQL connections, of which there are none; `GET /restapi/session` lists the others.
pub(super) fn sessions() -> Result<Source, KwError> {
    empty(&[
        "node_id",
        "session_id",
        "user_name",
        "client_address",
        "application_name",
        "active_queries",
        "last_active_query",
        "session_start",
        "oldest_query_start",
    ])
}

/// `SHOW JOBS`: there are none.
pub(super) fn jobs() -> Result<Source, KwError> {
    empty(&[
        "job_id",
        "job_type",
        "description",
        "statement",
        "user_name",
        "status",
        "running_status",
        "created",
        "started",
        "finished",
        "modified",
        "fraction_completed",
        "error",
    ])
}
