//! `/metrics`: Prometheus text, any method, no credentials: the node's own metrics, and those of the
//! vendor under his names (sheet section 11).

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use triglot_engine::Session;
use triglot_http::HttpMetrics;
use triglot_http::usage::{BUCKETS_MS, Ticket, Times, UsageFigures, UsageKey};
use triglot_sql_cnosdb::{ApiUsage, UsageSource};

use crate::app::CnosDbApp;
use crate::config::CnosDbConfig;

pub(crate) async fn metrics(app: web::Data<CnosDbApp>) -> HttpResponse {
    let text = app.metrics.text().map(|mut text| {
        app.engine.metrics().push_text(&mut text);
        push_vendor(&mut text, &app);
        text
    });
    match text {
        Ok(text) => HttpResponse::Ok().insert_header(("content-type", HttpMetrics::CONTENT_TYPE)).body(text),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be encoded");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Counts a request of somebody who has logged in. `api` is a constant of the dialect.
pub(crate) fn count(
    app: &CnosDbApp,
    request: &HttpRequest,
    session: &Session,
    api: &'static str,
    writes: bool,
    body: usize,
) -> Ticket {
    let database = if session.database.is_some() { session.database_name.as_str() } else { "" };
    let key = UsageKey {
        tenant: session.tenant_name.clone(),
        user: session.principal.name.clone(),
        database: database.to_owned(),
        api,
        writes,
    };
    let ticket = app.metrics.usage().ticket(key, body);
    request.extensions_mut().insert(ticket.clone());
    ticket
}

type Counter = fn(&UsageFigures) -> u64;
type Histogram = fn(&UsageFigures) -> &Times;

/// Which keys a metric is about.
#[derive(Clone, Copy)]
enum About {
    Queries,
    Writes,
    Both,
}

impl About {
    fn takes(self, key: &UsageKey) -> bool {
        match self {
            Self::Queries => !key.writes,
            Self::Writes => key.writes,
            Self::Both => true,
        }
    }
}

/// The counters as `usage_schema` shows them.
#[derive(Debug)]
pub(crate) struct RequestUsage {
    pub(crate) metrics: HttpMetrics,
    pub(crate) config: Arc<CnosDbConfig>,
}

impl UsageSource for RequestUsage {
    fn usage(&self, table: &str) -> Vec<ApiUsage> {
        let mut rows = Vec::new();
        for (key, figures) in self.metrics.usage().list() {
            if let Some(value) = figure(table, &key, &figures) {
                let UsageKey { tenant, user, database, api, .. } = key;
                rows.push(ApiUsage { tenant, user, database, api, value });
            }
        }
        rows
    }

    fn node(&self) -> (String, String) {
        (self.config.listen.clone(), self.config.node_id.to_string())
    }
}

/// The figure of a table of `usage_schema`: a counter, or the sum of a histogram in milliseconds.
fn figure(table: &str, key: &UsageKey, figures: &UsageFigures) -> Option<u64> {
    let counter = COUNTERS.iter().find(|(name, ..)| *name == table);
    if let Some((_, _, about, value)) = counter {
        return about.takes(key).then(|| value(figures));
    }
    let histogram = HISTOGRAMS.iter().find(|(name, ..)| name.strip_suffix("_seconds") == Some(table));
    let (_, _, about, times) = histogram?;
    about.takes(key).then(|| (times(figures).seconds() * 1e3) as u64)
}

const COUNTERS: [(&str, &str, About, Counter); 5] = [
    ("http_queries", "Queries answered.", About::Queries, |f| f.times.cumulative().1),
    ("http_writes", "Writes answered.", About::Writes, |f| f.times.cumulative().1),
    ("http_data_in", "Bytes of request bodies of writes.", About::Writes, |f| {
        f.bytes_in.load(Ordering::Relaxed)
    }),
    ("http_data_out", "Bytes of response bodies of queries.", About::Queries, |f| {
        f.bytes_out.load(Ordering::Relaxed)
    }),
    ("http_flow", "Bytes of request and response bodies.", About::Both, |f| {
        f.bytes_in.load(Ordering::Relaxed) + f.bytes_out.load(Ordering::Relaxed)
    }),
];

const HISTOGRAMS: [(&str, &str, About, Histogram); 4] = [
    ("http_query_duration_seconds", "Time of queries.", About::Queries, |f| &f.times),
    ("http_write_duration_seconds", "Time of writes.", About::Writes, |f| &f.times),
    ("http_response_time_seconds", "Time of all requests.", About::Both, |f| &f.times),
    ("write_parse_lp_duration_seconds", "Time to parse line protocol.", About::Writes, |f| &f.parse_times),
];

/// The vendor's metrics. Only log-ins that succeeded make label sets, and their number is bounded.
fn push_vendor(out: &mut String, app: &CnosDbApp) {
    let rows: Vec<(String, UsageKey, _)> =
        app.metrics.usage().list().into_iter().map(|(key, f)| (labels(app, &key), key, f)).collect();
    for (name, help, about, value) in COUNTERS {
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} counter\n");
        for (labels, _, figures) in rows.iter().filter(|(_, key, _)| about.takes(key)) {
            let _ = writeln!(out, "{name}{{{labels}}} {}", value(figures));
        }
    }
    for (name, help, about, times) in HISTOGRAMS {
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} histogram\n");
        for (labels, _, figures) in rows.iter().filter(|(_, key, _)| about.takes(key)) {
            push_histogram(out, name, labels, times(figures));
        }
    }
}

fn push_histogram(out: &mut String, name: &str, labels: &str, times: &Times) {
    let (upto, all) = times.cumulative();
    for (ms, count) in BUCKETS_MS.iter().zip(upto) {
        let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{}\"}} {count}", *ms as f64 / 1e3);
    }
    let _ = writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {all}");
    let _ = writeln!(out, "{name}_sum{{{labels}}} {}", times.seconds());
    let _ = writeln!(out, "{name}_count{{{labels}}} {all}");
}

fn labels(app: &CnosDbApp, key: &UsageKey) -> String {
    let mut out = String::new();
    for (name, value) in [
        ("api", key.api),
        ("database", &key.database),
        ("host", &app.config.listen),
        ("tenant", &key.tenant),
        ("user", &key.user),
    ] {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(out, "{name}=\"{value}\",");
    }
    let _ = write!(out, "node_id=\"{}\"", app.config.node_id);
    out
}
