//! Prometheus: `POST /api/v1/prom/write` (sheet section 10). A table for each metric, every label a tag, the
//! metric's name too. Reading is [`crate::prom_read`].

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use triglot_engine::{Batcher, EngineError, FieldValue};
use triglot_http::{body, snappy};
use triglot_model::Precision;
use triglot_parse_prom::ProtoError;
use triglot_parse_prom::write::{Series, WriteRequest};

use crate::DIALECT;
use crate::app::CnosDbApp;
use crate::auth;
use crate::error::CnosDbError;
use crate::ingest::{Write, store};
use crate::metrics;
use crate::params::{WriteParams, check_trace_context};

/// The label that names the table, and the table of series without it.
pub(crate) const NAME: &str = "__name__";
const NAMELESS: &str = "prom_metric_not_specified";
/// The one field.
pub(crate) const VALUE: &str = "value";

pub(crate) async fn write(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    let params = WriteParams::of(&request)?;
    let message = message(&app, &request, payload).await?;
    let session = auth::login(&app, &request, &params.tenant, &params.db).await?;
    let ticket = metrics::count(&app, &request, &session, "prom_write", true, message.len());
    let left_out = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&left_out);
    let write = Write { session, body: message, precision: Precision::Milli, api: "prom_write", ticket };
    store(&app, write, move |message, batcher| parse(message, batcher, &counted)).await?;
    app.metrics.refused(DIALECT, "prom_write", left_out.load(Ordering::Relaxed));
    Ok(HttpResponse::Ok().finish())
}

/// The message of a request, decompressed. `Content-Encoding` is not looked at: it is always snappy.
pub(crate) async fn message(
    app: &CnosDbApp,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Bytes, CnosDbError> {
    let headers = request.headers();
    let limit = app.config.query_sql_limit;
    body::check_declared(headers, limit)?;
    auth::check_present(headers)?;
    check_trace_context(headers)?;
    let packed = body::read(headers, payload, limit).await?;
    let plain = web::block(move || snappy::decode_block(&packed, limit)).await;
    let plain = plain.map_err(|stopped| CnosDbError::Fetch(stopped.to_string()))?;
    plain.map_err(|error| CnosDbError::Snappy(error.to_string()))
}

/// `left_out` becomes the number of exemplars and native histograms, which tables have no place for.
fn parse(message: &Bytes, mut batcher: Batcher, left_out: &AtomicU64) -> Result<Batcher, CnosDbError> {
    let mut others = 0;
    let raw_keys = || WriteRequest::new(message).map_while(Result::ok).map(|series| raw_key(&series));
    let mut recalled = batcher.recall_all(raw_keys().map(Option::unwrap_or_default)).into_iter();
    for series in WriteRequest::new(message) {
        let series = series.map_err(malformed)?;
        others += series.exemplar_count() + series.histogram_count();
        let mut known = recalled.next().flatten();
        for (at, sample) in series.samples().enumerate() {
            let sample = sample.map_err(malformed)?;
            let is_begun = match known.take() {
                Some(known) => batcher.begin_recalled(known),
                None => at > 0 && batcher.begin_again(),
            };
            if !is_begun {
                begin(&mut batcher, &series)?;
            }
            batcher.field(VALUE, FieldValue::F64(sample.value)).map_err(EngineError::from)?;
            batcher.end_row(Some(sample.timestamp)).map_err(EngineError::from)?;
        }
    }
    left_out.store(others as u64, Ordering::Relaxed);
    Ok(batcher)
}

/// The labels' bytes, which tell the series. They begin with a line feed, which no line of line protocol does.
fn raw_key<'a>(series: &Series<'a>) -> Option<&'a [u8]> {
    series.labels_raw().filter(|raw| !raw.is_empty())
}

fn malformed(error: ProtoError) -> CnosDbError {
    CnosDbError::PromWrite(error.to_string())
}

/// Begins the first row of a series that was not recalled.
fn begin(batcher: &mut Batcher, series: &Series<'_>) -> Result<(), CnosDbError> {
    let raw = raw_key(series);
    if raw.is_some_and(|raw| batcher.begin_known(raw)) {
        return Ok(());
    }
    let labels: Result<Vec<_>, ProtoError> = series.labels().collect();
    let labels = labels.map_err(malformed)?;
    let name = labels.iter().find(|(name, _)| *name == NAME).map_or(NAMELESS, |(_, value)| *value);
    let key = match raw {
        Some(raw) => Cow::Borrowed(raw),
        None => {
            let texts = labels.iter().flat_map(|(name, value)| [*name, "\0", *value, "\0"]);
            Cow::Owned([&b"\n\0"[..], texts.collect::<String>().as_bytes()].concat())
        }
    };
    let tags = labels.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value)));
    Ok(batcher.begin(name, &key, tags).map_err(EngineError::from)?)
}
