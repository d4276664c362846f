//! The node's metrics registry and the text of `/metrics`.
//!
//! Labels are bounded: dialect, route *template*, status class. Names follow Prometheus' rules
//! (`_total`, `_seconds`, `_bytes`), so `promtool check metrics` is content. What is counted by user and
//! database is in [`Usage`], which a dialect shows under its vendor's names.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::usage::Usage;

/// Latency buckets in seconds: from a ping to a long report.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Who is building the registry: shown in `triglot_build_info`.
#[derive(Clone, Copy, Debug)]
pub struct BuildInfo {
    /// Version of the release.
    pub version: &'static str,
    /// Commit it was built from.
    pub revision: &'static str,
}

/// One request, as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct RequestRecord<'a> {
    /// The dialect of the listener.
    pub dialect: &'a str,
    /// The route template, or `other`.
    pub route: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// Request body as declared, bytes.
    pub bytes_in: u64,
    /// Response body as sent, bytes.
    pub bytes_out: u64,
    /// From the first byte of the head to the last byte of the body.
    pub duration: Duration,
}

/// The registry with the HTTP metrics in it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    registry: Registry,
    requests: IntCounterVec,
    duration: HistogramVec,
    bytes_in: IntCounterVec,
    bytes_out: IntCounterVec,
    in_flight: IntGaugeVec,
    rows_written: IntCounterVec,
    rows_refused: IntCounterVec,
    rows_returned: IntCounterVec,
    scrapes: IntCounterVec,
    usage: Arc<Usage>,
}

impl HttpMetrics {
    /// A registry with all HTTP metrics and the build information.
    pub fn new(build: BuildInfo) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let vec = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(vec.clone()))?;
            Ok(vec)
        };
        let info = IntGaugeVec::new(
            Opts::new("triglot_build_info", "Version and revision of this build, always 1."),
            &["version", "revision"],
        )?;
        info.with_label_values(&[build.version, build.revision]).set(1);
        registry.register(Box::new(info))?;
        let in_flight = IntGaugeVec::new(
            Opts::new("triglot_http_requests_in_flight", "Requests being answered."),
            &["dialect"],
        )?;
        registry.register(Box::new(in_flight.clone()))?;
        let duration = HistogramVec::new(
            HistogramOpts::new(
                "triglot_http_request_duration_seconds",
                "Time from the head of the request to the end of the response body.",
            )
            .buckets(BUCKETS.to_vec()),
            &["dialect", "route"],
        )?;
        registry.register(Box::new(duration.clone()))?;
        Ok(Self {
            requests: counter(
                "triglot_http_requests_total",
                "Requests answered.",
                &["dialect", "route", "status"],
            )?,
            bytes_in: counter(
                "triglot_http_request_bytes_total",
                "Declared request bodies.",
                &["dialect", "route"],
            )?,
            bytes_out: counter(
                "triglot_http_response_bytes_total",
                "Response bodies sent.",
                &["dialect", "route"],
            )?,
            rows_written: counter(
                "triglot_rows_written_total",
                "Rows accepted by a write API.",
                &["dialect", "api"],
            )?,
            rows_refused: counter(
                "triglot_rows_refused_total",
                "Records that a write API did not store: left out of what it accepted, or of a request that it refused \
                 as far as its records were read, the wrong one included.",
                &["dialect", "api"],
            )?,
            rows_returned: counter(
                "triglot_rows_returned_total",
                "Rows returned by a query API.",
                &["dialect", "api"],
            )?,
            scrapes: counter(
                "triglot_scrapes_total",
                "Pages that were fetched, or should have been, by outcome: ok or failed.",
                &["dialect", "api", "outcome"],
            )?,
            usage: Arc::default(),
            duration,
            in_flight,
            registry,
        })
    }

    /// Figures by tenant, user and database.
    pub fn usage(&self) -> &Arc<Usage> {
        &self.usage
    }

    /// The registry, so that other layers can add their own metrics.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts a finished request.
    pub fn record(&self, r: &RequestRecord<'_>) {
        self.requests.with_label_values(&[r.dialect, r.route, status_class(r.status)]).inc();
        self.duration.with_label_values(&[r.dialect, r.route]).observe(r.duration.as_secs_f64());
        self.bytes_in.with_label_values(&[r.dialect, r.route]).inc_by(r.bytes_in);
        self.bytes_out.with_label_values(&[r.dialect, r.route]).inc_by(r.bytes_out);
    }

    /// Counts rows that a write API stored.
    pub fn wrote(&self, dialect: &str, api: &str, rows: u64) {
        self.rows_written.with_label_values(&[dialect, api]).inc_by(rows);
    }

    /// Counts records that a write API did not store: those that it left out of a request that it accepted, and of
    /// a request that it refused as a whole those that it had read, the wrong one included. What is refused before
    /// its records are looked at (credentials, parameters, length, coding) is in `triglot_http_requests_total`.
    pub fn refused(&self, dialect: &str, api: &str, records: u64) {
        if records > 0 {
            self.rows_refused.with_label_values(&[dialect, api]).inc_by(records);
        }
    }

    /// Counts rows that a query API gave.
    pub fn returned(&self, dialect: &str, api: &str, rows: u64) {
        self.rows_returned.with_label_values(&[dialect, api]).inc_by(rows);
    }

    /// Counts a page that was fetched from elsewhere, or could not be or be read.
    pub fn scraped(&self, dialect: &str, api: &str, is_good: bool) {
        let outcome = if is_good { "ok" } else { "failed" };
        self.scrapes.with_label_values(&[dialect, api, outcome]).inc();
    }

    /// A request begins (`1`) or ends (`-1`).
    pub(crate) fn in_flight(&self, dialect: &str, by: i64) {
        self.in_flight.with_label_values(&[dialect]).add(by);
    }

    /// Everything in the text exposition format, `process_*` included.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut buffer = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut buffer)?;
        let mut text = String::from_utf8_lossy(&buffer).into_owned();
        crate::process::write_text(&mut text);
        Ok(text)
    }

    /// The content type of [`Self::text`].
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";
}

/// `2xx`, `4xx` …
fn status_class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_types_and_bounded_labels() {
        let metrics = HttpMetrics::new(BuildInfo { version: "1.2.3", revision: "abc" }).unwrap();
        metrics.record(&RequestRecord {
            dialect: "cnosdb",
            route: "/api/v1/sql",
            status: 422,
            bytes_in: 8,
            bytes_out: 70,
            duration: Duration::from_millis(3),
        });
        metrics.wrote("cnosdb", "write", 5);
        let text = metrics.text().unwrap();
        for line in [
            "triglot_build_info{revision=\"abc\",version=\"1.2.3\"} 1",
            "triglot_http_requests_total{dialect=\"cnosdb\",route=\"/api/v1/sql\",status=\"4xx\"} 1",
            "triglot_http_request_bytes_total{dialect=\"cnosdb\",route=\"/api/v1/sql\"} 8",
            "triglot_http_response_bytes_total{dialect=\"cnosdb\",route=\"/api/v1/sql\"} 70",
            "triglot_rows_written_total{api=\"write\",dialect=\"cnosdb\"} 5",
            "# TYPE triglot_http_request_duration_seconds histogram",
            "# TYPE process_cpu_seconds_total counter",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn every_sample_has_help_and_type_before_it() {
        let metrics = HttpMetrics::new(BuildInfo { version: "1", revision: "r" }).unwrap();
        let text = metrics.text().unwrap();
        let mut typed = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                typed.push(rest.split(' ').next().unwrap().to_owned());
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap();
                assert!(typed.iter().any(|t| name.starts_with(t.as_str())), "{line}");
            }
        }
    }
}
