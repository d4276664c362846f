//! Prometheus: `POST /api/v1/prom/write` (sheet section 10). A table for each metric, every label a tag, the
//! metric's name too. Reading is [`crate::prom_read`].

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use triglot_engine::{Batcher, EngineError, FieldValue, RecallRoom, Recalled};
use triglot_http::coding::DecodeError;
use triglot_model::Precision;
use triglot_parse_prom::ProtoError;
use triglot_parse_prom::write::{Series, WriteRequest, duplicate_label, other_message};

use crate::DIALECT;
use crate::app::CnosDbApp;
use crate::config::CnosDbConfig;
use crate::error::CnosDbError;
use crate::ingest::{receive, series_key, store};
use crate::params::WriteParams;
use crate::receive::{Packing, Params};

/// The label that names the table, and the table of series without it.
pub(crate) const NAME: &str = "__name__";
const NAMELESS: &str = "prom_metric_not_specified";
/// Begins the keys of series whose labels do not stand in one place, see [`series_key`].
const SERIES_KEY: u8 = 6;
/// The one field.
pub(crate) const VALUE: &str = "value";

pub(crate) async fn write(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    let read = |request: &HttpRequest| {
        check_message(request)?;
        WriteParams::of(request).map(Message)
    };
    let (_, write) = receive(&app, &request, payload, "prom_write", read).await?;
    let left_out = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&left_out);
    store(&app, write, move |message, batcher| parse(message, batcher, &counted)).await?;
    app.metrics.refused(DIALECT, "prom_write", left_out.load(Ordering::Relaxed));
    Ok(HttpResponse::Ok().finish())
}

/// Other versions of remote write have another message, which the protocol wants told apart by its status.
fn check_message(request: &HttpRequest) -> Result<(), CnosDbError> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match content_type.and_then(other_message) {
        Some(other) => Err(CnosDbError::PromMessage(other.to_owned())),
        None => Ok(()),
    }
}

/// Parameters of a request whose body is one of Prometheus' messages: a block of snappy under the limit of queries.
pub(crate) struct Message<P>(pub(crate) P);

impl<P: Params> Params for Message<P> {
    fn limit(config: &CnosDbConfig) -> usize {
        config.query_sql_limit
    }

    fn packing(&self) -> Packing {
        Packing::Block(|error| match error {
            DecodeError::TooLarge { .. } => CnosDbError::TooLarge,
            DecodeError::Malformed(error) => CnosDbError::Snappy(error.to_string()),
        })
    }

    /// Of Prometheus' times.
    fn precision(&self) -> Precision {
        Precision::Milli
    }

    fn place(&self) -> (&str, &str) {
        self.0.place()
    }
}

/// `left_out` becomes the number of exemplars, native histograms and descriptions of metrics, which tables have no
/// place for.
fn parse(message: &Bytes, batcher: &mut Batcher, left_out: &AtomicU64) -> Result<(), CnosDbError> {
    let mut request = WriteRequest::new(message);
    let (mut chunk, mut room) = (Vec::new(), RecallRoom::default());
    loop {
        let read = request.next_chunk(&mut chunk);
        let raw_keys = chunk.iter().map(|series| series.labels_raw().unwrap_or_default());
        let recalled = batcher.recall(raw_keys, &mut room);
        for (series, known) in chunk.iter().zip(recalled) {
            add(batcher, series, *known)?;
        }
        if !read.map_err(malformed)? {
            break;
        }
    }
    left_out.store(request.left_out_count() as u64, Ordering::Relaxed);
    Ok(())
}

/// Adds the rows of a series; `known` is what was recalled of it.
#[inline]
fn add(batcher: &mut Batcher, series: &Series<'_>, mut known: Option<Recalled>) -> Result<(), CnosDbError> {
    for (at, sample) in series.samples().enumerate() {
        let sample = sample.map_err(malformed)?;
        let is_begun = match known.take() {
            Some(known) => batcher.begin_recalled(known),
            None => at > 0 && batcher.begin_again(),
        };
        if !is_begun {
            begin(batcher, series)?;
        }
        batcher.field(VALUE, FieldValue::F64(sample.value)).map_err(EngineError::from)?;
        batcher.end_row(Some(sample.timestamp)).map_err(EngineError::from)?;
    }
    Ok(())
}

fn malformed(error: ProtoError) -> CnosDbError {
    CnosDbError::PromWrite(error.to_string())
}

/// Begins the first row of a series that was not recalled. Its labels' bytes begin with a line feed, which no line of
/// line protocol does.
fn begin(batcher: &mut Batcher, series: &Series<'_>) -> Result<(), CnosDbError> {
    let raw = series.labels_raw();
    if raw.is_some_and(|raw| batcher.begin_known(raw)) {
        return Ok(());
    }
    let labels: Result<Vec<_>, ProtoError> = series.labels().collect();
    let labels = labels.map_err(malformed)?;
    if let Some(name) = duplicate_label(&labels) {
        return Err(CnosDbError::PromWrite(format!("label {name} stands twice")));
    }
    // An empty label is one that is not there, as Prometheus has it.
    let name = labels.iter().find(|(name, value)| *name == NAME && !value.is_empty());
    let name = name.map_or(NAMELESS, |(_, value)| *value);
    let key = match raw {
        Some(raw) => Cow::Borrowed(raw),
        None => Cow::Owned(series_key(SERIES_KEY, labels.iter().flat_map(|(name, value)| [*name, *value]))),
    };
    let tags = labels.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value)));
    Ok(batcher.begin(name, &key, tags).map_err(EngineError::from)?)
}
