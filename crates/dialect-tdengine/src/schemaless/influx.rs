//! `POST /influxdb/v1/write`: line protocol (sheet section 5.1).

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, web};
use triglot_http::body::BodyError;
use triglot_parse_lp::{Dialect, FieldValue, Line, LineError, Parser};
use triglot_sql_tdengine::TaosError;
use triglot_sql_tdengine::schemaless::{Options, Points, Time, Value};

use super::{NotNumeric, Writer, enter, folded, read, store, ttl, worded};
use crate::app::TdengineApp;
use crate::auth::Claim;
use crate::error::{AdapterError, with_json};
use crate::json;
use crate::params::Params;
use crate::rest::sql::number;

pub(crate) async fn write(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    match checked(&app, &request, payload).await {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(refused) => refused.response(),
    }
}

async fn checked(app: &TdengineApp, request: &HttpRequest, payload: web::Payload) -> Result<(), Refused> {
    let params = Params::of(request);
    let request_id = number(app, request, &params).map_err(|_| Refused::NotNumeric("req_id"))?;
    let claim = claim(request, &params)?;
    let database = params.get("db").ok_or(Refused::NoDatabase)?;
    let ttl = ttl(&params).map_err(|NotNumeric| Refused::NotNumeric("ttl"))?;
    let unit_ns = unit(params.get("precision"));
    let body = read(app, request, payload).await?;
    let context = enter(app, request, &params, &claim, &folded(database), request_id).await?;
    let options = Options { ttl, name_tag: params.get("table_name_key").map(str::to_owned) };
    store(app, &Writer { context, options }, "influxdb", &body, lines_in(unit_ns)).await?;
    Ok(())
}

/// The header, else `u` and `p`, as clients of InfluxDB 1 send them.
fn claim(request: &HttpRequest, params: &Params) -> Result<Claim, AdapterError> {
    match (params.get("u"), params.get("p")) {
        (Some(user), Some(password)) if !request.headers().contains_key(AUTHORIZATION) => {
            Ok(Claim { user: user.to_owned(), password: password.to_owned() })
        }
        _ => Claim::of(request.headers()),
    }
}

/// Nanoseconds of the unit; a word that is none means nanoseconds.
fn unit(precision: Option<&str>) -> i64 {
    match precision.unwrap_or_default() {
        "u" | "μ" | "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => 1,
    }
}

/// Reads bodies whose times have this unit.
fn lines_in(
    unit_ns: i64,
) -> impl for<'a> Fn(&'a [u8], &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + Sync + 'static {
    move |body, points| parse(body, points, unit_ns)
}

fn parse<'a>(body: &'a [u8], points: &mut Points<'a>, unit_ns: i64) -> Result<(), TaosError> {
    let mut parser = Parser::from_bytes(body, Dialect::TdEngine).map_err(invalid)?;
    let mut line = Line::new();
    while let Some(point) = parser.next_line_known(&mut line, |key| points.known(key.as_bytes()).is_some()) {
        let point = point.map_err(|error| of_line(&error))?;
        let key = point.series_key_raw().as_bytes();
        let series = match points.known(key) {
            Some(known) => known,
            None => {
                let tags = point.tags().iter().map(|tag| (tag.key(), Value::Nchar(tag.value())));
                points.series(Some(key), &point.measurement(), tags.collect())?
            }
        };
        let time = point.timestamp().filter(|time| *time != 0).map(|value| Time { value, unit_ns });
        let mut fields = Vec::with_capacity(point.fields().len());
        for field in point.fields() {
            fields.push((field.key(), value(field.value())?));
        }
        points.row(series, time, fields)?;
    }
    Ok(())
}

/// A value of line protocol with its type.
pub(super) fn value(value: FieldValue<'_>) -> Result<Value<'_>, TaosError> {
    Ok(match value {
        FieldValue::I64(v) => Value::I64(v),
        FieldValue::U64(v) => Value::U64(v),
        FieldValue::F64(v) => Value::F64(v),
        FieldValue::Bool(v) => Value::Bool(v),
        FieldValue::Str(text) => Value::Varchar(text.to_cow()),
        FieldValue::I8(v) => Value::I8(v),
        FieldValue::I16(v) => Value::I16(v),
        FieldValue::I32(v) => Value::I32(v),
        FieldValue::U8(v) => Value::U8(v),
        FieldValue::U16(v) => Value::U16(v),
        FieldValue::U32(v) => Value::U32(v),
        FieldValue::F32(v) => Value::F32(v),
        FieldValue::NChar(text) => Value::Nchar(text.to_cow()),
        FieldValue::Binary(binary) => Value::Varbinary(binary.to_bytes().into()),
        FieldValue::Geometry(text) => Value::geometry(&text.to_cow())?,
    })
}

/// 0x3002
pub(crate) fn invalid(detail: impl std::fmt::Display) -> TaosError {
    TaosError::new(0x3002, format!("Invalid data format: {detail}"))
}

fn of_line(error: &LineError) -> TaosError {
    invalid(format!("line {}: {error}", error.line))
}

/// Why nothing was written.
#[derive(Debug)]
enum Refused {
    NotNumeric(&'static str),
    NoDatabase,
    /// No or unusable credentials.
    Forbidden(String),
    /// No room at present.
    Overload(String),
    /// The body is over the limit.
    TooLarge(String),
    Engine(String),
}

impl From<AdapterError> for Refused {
    fn from(error: AdapterError) -> Self {
        match error {
            AdapterError::Credentials(error) | AdapterError::Engine(error) => Self::Engine(worded(&error)),
            AdapterError::Overload(text) => Self::Overload(text),
            other => Self::Forbidden(other.to_string()),
        }
    }
}

impl From<TaosError> for Refused {
    fn from(error: TaosError) -> Self {
        Self::Engine(worded(&error))
    }
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            BodyError::Aborted(_) => Self::Engine(error.to_string()),
        }
    }
}

impl Refused {
    fn response(&self) -> HttpResponse {
        match self {
            Self::NotNumeric(name) => {
                let text = format!("{name} must be numeric");
                full(StatusCode::BAD_REQUEST, "illegal param", &text, &format!("parse {name}"))
            }
            Self::NoDatabase => full(StatusCode::BAD_REQUEST, "not found", "db required", "get db query"),
            Self::Forbidden(text) => short(StatusCode::UNAUTHORIZED, "forbidden", text),
            Self::Overload(text) => short(StatusCode::SERVICE_UNAVAILABLE, "internal error", text),
            Self::TooLarge(text) => short(StatusCode::PAYLOAD_TOO_LARGE, "illegal param", text),
            Self::Engine(text) => short(StatusCode::INTERNAL_SERVER_ERROR, "internal error", text),
        }
    }
}

fn short(status: StatusCode, code: &str, message: &str) -> HttpResponse {
    let mut body = format!("{{\"code\":\"{code}\",\"message\":").into_bytes();
    json::push_escaped_html(&mut body, message);
    body.push(b'}');
    with_json(HttpResponse::build(status), body)
}

fn full(status: StatusCode, code: &str, message: &str, op: &str) -> HttpResponse {
    let body = format!(
        "{{\"code\":\"{code}\",\"message\":\"{message}\",\"op\":\"{op}\",\"err\":\"{message}\",\"line\":0}}"
    );
    with_json(HttpResponse::build(status), body.into_bytes())
}
