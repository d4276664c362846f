//! `POST /prometheus/v1/remote_write/{db}` (sheet section 6). All samples are in one super table, `metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use triglot_engine::md5_child_name;
use triglot_http::body::BodyError;
use triglot_http::coding::DecodeError;
use triglot_http::snappy;
use triglot_parse_prom::ProtoError;
use triglot_parse_prom::write::{Series, WriteRequest, duplicate_label, other_message};
use triglot_sql_tdengine::schemaless::{Options, Points, SeriesOf, Time, Value};
use triglot_sql_tdengine::{TaosError, TaosType};

use super::influx::invalid;
use super::{NotNumeric, Writer, enter, folded, prometheus_read, read, store, ttl, worded};
use crate::DIALECT;
use crate::app::TdengineApp;
use crate::auth::Claim;
use crate::error::{AdapterError, TEXT};
use crate::json;
use crate::params::Params;
use crate::rest::sql::number;

/// What its samples in `/metrics` are labelled with.
const API: &str = "prometheus";

/// The super table, its time, its column and its tag.
pub(super) const TABLE: &str = "metrics";
const TIME: &str = "ts";
const COLUMN: &str = "v";
const LABELS: &str = "labels";

/// Room is made in advance for so many rows at most.
const MOST_EXPECTED: usize = 1 << 16;

pub(crate) async fn remote_write(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
    database: web::Path<String>,
) -> HttpResponse {
    let written = write(&app, &request, payload, &database).await;
    written.map_or_else(Refused::response, |()| HttpResponse::Accepted().finish())
}

pub(crate) async fn remote_read(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
    database: web::Path<String>,
) -> HttpResponse {
    let found = async {
        let (writer, message) = checked(&app, &request, payload, &database).await?;
        prometheus_read::answer(&app, &writer.context, &message).await
    };
    found.await.unwrap_or_else(Refused::response)
}

/// Credentials, parameters and the decompressed message.
async fn checked(
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
    database: &str,
) -> Result<(Writer, Bytes), Refused> {
    let params = Params::of(request);
    let request_id = number(app, request, &params)?;
    let claim = Claim::of(request.headers()).map_err(|_| Refused::NoCredentials)?;
    let ttl = ttl(&params).map_err(|NotNumeric| Refused::Bad("ttl must be numeric".to_owned()))?;
    let packed = read(app, request, payload).await.map_err(Refused::of_body)?;
    let limit = app.config.body_limit;
    let plain = web::block(move || snappy::decode_block(&packed, limit)).await;
    let plain = plain.map_err(|stopped| Refused::Bad(stopped.to_string()))?;
    let message = plain.map_err(|error| match error {
        DecodeError::TooLarge { .. } => Refused::TooLarge(error.to_string()),
        DecodeError::Malformed(_) => Refused::Bad(format!("snappy: {error}")),
    })?;
    let context = enter(app, request, &params, &claim, &folded(database), request_id).await?;
    Ok((Writer { context, options: Options { ttl, name_tag: None } }, message))
}

async fn write(
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
    database: &str,
) -> Result<(), Refused> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if let Some(other) = content_type.and_then(other_message) {
        return Err(Refused::Message(other.to_owned()));
    }
    let (writer, message) = checked(app, request, payload, database).await?;
    let mut found = WriteRequest::new(&message);
    if found.next().is_none() {
        app.metrics.refused(DIALECT, API, found.left_out_count() as u64);
        return Ok(());
    }
    let left_out = Arc::new(AtomicU64::new(0));
    if let Err(refused) = store(app, &writer, API, &message, counting(Arc::clone(&left_out))).await {
        // The message may be to blame, whatever else is wrong.
        return Err(check(&message).map_or_else(Refused::Bad, |()| Refused::of_rows(refused)));
    }
    app.metrics.refused(DIALECT, API, left_out.load(Ordering::Relaxed));
    Ok(())
}

/// What is wrong with a message.
fn check(message: &[u8]) -> Result<(), String> {
    let malformed = |error: ProtoError| format!("protobuf: {error}");
    for series in WriteRequest::new(message) {
        let series = series.map_err(malformed)?;
        let labels: Result<Vec<_>, ProtoError> = series.labels().collect();
        if let Some(name) = duplicate_label(&labels.map_err(malformed)?) {
            return Err(format!("label {name} stands twice"));
        }
        series.samples().try_for_each(|sample| sample.map(drop)).map_err(malformed)?;
    }
    Ok(())
}

/// Reads messages; `left_out` becomes the number of exemplars, native histograms and descriptions of metrics, which the
/// table has no place for.
fn counting(
    left_out: Arc<AtomicU64>,
) -> impl for<'a> Fn(&'a [u8], &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + Sync + 'static {
    move |message, points| {
        let others = parse(message, points)?;
        left_out.store(others as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// How many records there are that are no samples.
fn parse<'a>(message: &'a [u8], points: &mut Points<'a>) -> Result<usize, TaosError> {
    let mut request = WriteRequest::new(message);
    let (mut chunk, mut recalled) = (Vec::new(), Vec::new());
    loop {
        let read = request.next_chunk(&mut chunk);
        if let (true, Some(last)) = (points.is_empty(), chunk.last()) {
            // The other chunks are about as long.
            let chunks = message.len() / last.offset().max(1) + 1;
            points.expect((chunks * chunk.len()).min(MOST_EXPECTED));
        }
        let raw_keys = chunk.iter().map(|series| series.labels_raw().unwrap_or_default());
        points.recall_all(raw_keys, &mut recalled);
        for (series, known) in chunk.iter().zip(&recalled) {
            add(points, series, *known)?;
        }
        if !read.map_err(invalid)? {
            break;
        }
    }
    Ok(request.left_out_count())
}

/// Adds the rows of a series; `known` is what was recalled of it.
#[inline]
fn add<'a>(points: &mut Points<'a>, series: &Series<'a>, known: Option<SeriesOf>) -> Result<(), TaosError> {
    let key = series.labels_raw();
    let of = match known.or_else(|| points.known(key?)) {
        Some(known) => known,
        None => {
            let labels: Result<Vec<_>, ProtoError> = series.labels().collect();
            let labels = labels.map_err(invalid)?;
            if let Some(name) = duplicate_label(&labels) {
                return Err(invalid(format!("label {name} stands twice")));
            }
            let (child, json) = child(labels);
            points.series_named(key, TABLE, TIME, child, vec![(LABELS.into(), Value::Json(json.into()))])?
        }
    };
    for sample in series.samples() {
        let sample = sample.map_err(invalid)?;
        let finite = sample.value.is_finite();
        let value = if finite { Value::F64(sample.value) } else { Value::Null(TaosType::Double) };
        let time = Time { value: sample.timestamp, unit_ns: 1_000_000 };
        points.row(of, Some(time), [(COLUMN.into(), value)])?;
    }
    Ok(())
}

/// The name of a child table and its labels as JSON, both of the labels in the order of their names.
fn child(mut labels: Vec<(&str, &str)>) -> (String, String) {
    labels.sort_unstable();
    let (mut text, mut object) = (String::new(), b"{".to_vec());
    for (at, (name, value)) in labels.into_iter().enumerate() {
        if at > 0 {
            text.push(',');
            object.push(b',');
        }
        text.extend([name, "=", value]);
        json::push_string(&mut object, name);
        object.push(b':');
        json::push_string(&mut object, value);
    }
    object.push(b'}');
    (md5_child_name(text.as_bytes()), String::from_utf8_lossy(&object).into_owned())
}

/// Why nothing was written or read; Prometheus tries again after 5xx only.
#[derive(Debug)]
pub(super) enum Refused {
    NoCredentials,
    Unauthorized(String),
    Overload(String),
    /// The message is over the limit, packed or not.
    TooLarge(String),
    /// A message or a parameter.
    Bad(String),
    /// Another version of remote write, by its name.
    Message(String),
    /// The engine refused rows.
    Write(TaosError),
}

impl From<AdapterError> for Refused {
    fn from(error: AdapterError) -> Self {
        match error {
            AdapterError::Credentials(error) => Self::Unauthorized(worded(&error)),
            AdapterError::Engine(error) => Self::Write(error),
            AdapterError::Overload(text) => Self::Overload(text),
            other => Self::Bad(other.to_string()),
        }
    }
}

impl Refused {
    fn of_body(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            BodyError::Aborted(_) => Self::Bad(error.to_string()),
        }
    }

    /// Rows that can never be written are told so, unlike at the adapter's, which answers 500 to whatever the engine
    /// refuses: Prometheus would send them again for ever and nothing behind them.
    fn of_rows(error: TaosError) -> Self {
        match error.code {
            // A value or a time of no column, names and labels that are too long.
            0x060B | 0x2617 | 0x2653 | 0x263C..=0x263E | 0x3002..=0x3004 => Self::Bad(worded(&error)),
            _ => Self::Write(error),
        }
    }

    fn response(self) -> HttpResponse {
        let (status, text) = match self {
            Self::NoCredentials => (StatusCode::UNAUTHORIZED, String::new()),
            Self::Unauthorized(text) => (StatusCode::UNAUTHORIZED, text),
            Self::Overload(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
            Self::TooLarge(text) => (StatusCode::PAYLOAD_TOO_LARGE, text),
            Self::Bad(text) => (StatusCode::BAD_REQUEST, text),
            Self::Message(other) => {
                let text = format!("only prometheus.WriteRequest is read here, not {other}");
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
            }
            Self::Write(error) => {
                tracing::warn!(code = error.code, %error, "remote write is refused");
                (StatusCode::INTERNAL_SERVER_ERROR, String::new())
            }
        };
        if text.is_empty() {
            return HttpResponse::build(status).finish();
        }
        HttpResponse::build(status).insert_header((CONTENT_TYPE, TEXT)).body(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vendor's vector (sheet section 6).
    #[test]
    fn children_are_named_after_their_labels_alone() {
        let (name, json) = child(vec![("k2", "v\"2"), ("k1", "v1")]);
        assert_eq!(json, r#"{"k1":"v1","k2":"v\"2"}"#);
        assert_ne!(name, "t_38afbaaeb3ee3f52623389a3af60f647");
        assert_eq!(child(vec![("k2", "v2"), ("k1", "v1")]).0, "t_38afbaaeb3ee3f52623389a3af60f647");
    }
}
