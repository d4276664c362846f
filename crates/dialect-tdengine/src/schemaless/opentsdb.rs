//! `POST /opentsdb/v1/put/{json,telnet}/{db}` (sheet section 5.2).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use triglot_http::body::BodyError;
use triglot_parse_lp::{Dialect as LineDialect, FieldValue};
use triglot_parse_opentsdb::{Dialect, telnet};
use triglot_sql_tdengine::TaosError;
use triglot_sql_tdengine::schemaless::{Options, Points, Time, Value};

use super::account::{self, Account};
use super::influx::{invalid, value};
use super::{NotNumeric, Writer, enter, folded, opentsdb_json, plug_in_text, read, store, ttl, worded};
use crate::app::TdengineApp;
use crate::auth::Claim;
use crate::error::{AdapterError, with_json};
use crate::json;
use crate::params::Params;
use crate::rest::sql::number;

/// The one column of a metric.
pub(super) const VALUE: &str = "_value";

/// The two forms of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Telnet,
}

pub(crate) async fn put_json(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
    database: web::Path<String>,
) -> HttpResponse {
    put(&app, &request, payload, &database, Form::Json).await
}

pub(crate) async fn put_telnet(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
    database: web::Path<String>,
) -> HttpResponse {
    put(&app, &request, payload, &database, Form::Telnet).await
}

async fn put(
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
    database: &str,
    form: Form,
) -> HttpResponse {
    let params = Params::of(request);
    let account = Account::of(request);
    match checked(app, request, &params, payload, database, form).await {
        Ok(rows) => match account {
            Some(_) => with_json(HttpResponse::Ok(), account::success(rows)),
            None => HttpResponse::NoContent().finish(),
        },
        Err(Refused { status, text, body }) => {
            let mut out = format!("{{\"code\":{},\"message\":", status.as_u16()).into_bytes();
            json::push_escaped_html(&mut out, &text);
            if let (Some(account), Some(body)) = (account, body) {
                out.push(b',');
                account.push_failure(&mut out, form, &body, &text);
            }
            out.push(b'}');
            with_json(HttpResponse::build(status), out)
        }
    }
}

/// What refuses a put.
struct Refused {
    status: StatusCode,
    text: String,
    /// The body, where it has been read: none of its points is stored.
    body: Option<Bytes>,
}

async fn checked(
    app: &TdengineApp,
    request: &HttpRequest,
    params: &Params,
    payload: web::Payload,
    database: &str,
    form: Form,
) -> Result<u64, Refused> {
    let request_id = number(app, request, params).map_err(of_adapter)?;
    let ttl = ttl(params).map_err(|NotNumeric| bad("illegal param, ttl must be numeric".to_owned()))?;
    let claim = Claim::of(request.headers()).map_err(of_adapter)?;
    let body = read(app, request, payload).await.map_err(of_body)?;
    let context =
        enter(app, request, params, &claim, &folded(database), request_id).await.map_err(of_adapter)?;
    let options = Options { ttl, name_tag: params.get("table_name_key").map(str::to_owned) };
    let writer = Writer { context, options };
    let stored = match form {
        Form::Json => store(app, &writer, "opentsdb_json", &body, opentsdb_json::parse).await,
        Form::Telnet => store(app, &writer, "opentsdb_telnet", &body, parse_telnet).await,
    };
    stored.map_err(|error| Refused {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        text: worded(&error),
        body: Some(body),
    })
}

fn bad(text: String) -> Refused {
    Refused { status: StatusCode::BAD_REQUEST, text, body: None }
}

fn of_body(error: BodyError) -> Refused {
    let status = match error {
        BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::Aborted(_) => StatusCode::BAD_REQUEST,
    };
    Refused { status, text: error.to_string(), body: None }
}

fn of_adapter(error: AdapterError) -> Refused {
    let (status, text) = match error {
        AdapterError::Parameter(text) => (StatusCode::BAD_REQUEST, text),
        AdapterError::Credentials(error) | AdapterError::Engine(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, worded(&error))
        }
        AdapterError::Overload(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
        other => (StatusCode::UNAUTHORIZED, plug_in_text(&other)),
    };
    Refused { status, text, body: None }
}

/// Reads telnet lines; the first faulty one refuses all.
pub(crate) fn parse_telnet<'a>(body: &'a [u8], points: &mut Points<'a>) -> Result<(), TaosError> {
    let mut lines = telnet::Lines::from_bytes(body, Dialect::TdEngine).map_err(invalid)?;
    let mut line = telnet::Line::new();
    while let Some(read) = lines.next_line(&mut line) {
        let read = read.map_err(invalid)?;
        let (time, found) = point(read)?;
        let tags = read.tags().iter().map(|(key, value)| ((*key).into(), Value::Nchar((*value).into())));
        let series = points.series(None, read.metric(), tags.collect())?;
        points.row(series, time, [(VALUE.into(), found)])?;
    }
    Ok(())
}

/// Time and value of a telnet line.
pub(crate) fn point<'a>(line: &telnet::Line<'a>) -> Result<(Option<Time>, Value<'a>), TaosError> {
    let place = |detail: &str| invalid(format!("line {}: {detail}", line.line()));
    let time = epoch(line.timestamp_text(), line.timestamp()).map_err(|()| place("invalid timestamp"))?;
    let found = FieldValue::parse(line.value(), LineDialect::TdEngine);
    Ok((time, value(found.ok_or_else(|| place("invalid value"))?)?))
}

/// A time whose unit is told by its digits: ten are seconds, thirteen milliseconds; 0 is now.
pub(super) fn epoch(text: &str, value: i64) -> Result<Option<Time>, ()> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(());
    }
    match (value, text.len()) {
        (0, 1) => Ok(None),
        (_, 10) => Ok(Some(Time { value, unit_ns: 1_000_000_000 })),
        (_, 13) => Ok(Some(Time { value, unit_ns: 1_000_000 })),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_tell_the_unit() {
        let unit = |text: &str| epoch(text, text.parse().unwrap()).map(|time| time.map(|t| t.unit_ns));
        assert_eq!(unit("0"), Ok(None));
        assert_eq!(unit("1346846400"), Ok(Some(1_000_000_000)));
        assert_eq!(unit("1346846400000"), Ok(Some(1_000_000)));
        for wrong in ["1", "134684640", "13468464000", "1346846400000000", "00", "-134684640", "+134684640"] {
            assert_eq!(unit(wrong), Err(()), "{wrong}");
        }
    }
}
