//! Prometheus: `POST /api/v1/prom/write` (sheet section 10). A table for each metric, every label a tag, the
//! metric's name too. Reading is [`crate::prom_read`].

use std::borrow::Cow;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use triglot_engine::{Batcher, EngineError, FieldValue};
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
    let message = write.body.clone();
    store(&app, write, parse).await?;
    app.metrics.refused(DIALECT, "prom_write", left_out(&message));
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

/// How many exemplars, native histograms and descriptions of metrics there are, which tables have no place for.
fn left_out(message: &[u8]) -> u64 {
    let mut request = WriteRequest::new(message);
    let of_series = |series: Series<'_>| series.exemplar_count() + series.histogram_count();
    let in_series: usize = request.by_ref().flatten().map(of_series).sum();
    (in_series + request.metadata_count()) as u64
}

fn parse(message: &Bytes, batcher: &mut Batcher) -> Result<(), CnosDbError> {
    for series in WriteRequest::new(message) {
        let series = series.map_err(|error| CnosDbError::PromWrite(error.to_string()))?;
        for sample in series.samples() {
            let sample = sample.map_err(|error| CnosDbError::PromWrite(error.to_string()))?;
            begin(batcher, &series)?;
            batcher.field(VALUE, FieldValue::F64(sample.value)).map_err(EngineError::from)?;
            batcher.end_row(Some(sample.timestamp)).map_err(EngineError::from)?;
        }
    }
    Ok(())
}

/// Begins a row of the series. Its labels' bytes begin with a line feed, which no line of line protocol does.
fn begin(batcher: &mut Batcher, series: &Series<'_>) -> Result<(), CnosDbError> {
    let raw = series.labels_raw().filter(|raw| !raw.is_empty());
    if raw.is_some_and(|raw| batcher.begin_known(raw)) {
        return Ok(());
    }
    let labels: Result<Vec<_>, ProtoError> = series.labels().collect();
    let labels = labels.map_err(|error| CnosDbError::PromWrite(error.to_string()))?;
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
