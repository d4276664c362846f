//! Line protocol: `POST /api/v1/write`, and `POST /write` for clients of InfluxDB. One bad line refuses
//! the whole request before anything is stored.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use triglot_engine::{Batcher, EngineError, FieldValue, IngestError, Session};
use triglot_http::credentials::{Credentials, basic};
use triglot_model::{Precision, TimestampOverflow};
use triglot_parse_lp::{Dialect, FieldValue as Parsed, Line, Parser};

use crate::app::CnosDbApp;
use crate::auth;
use crate::error::CnosDbError;
use crate::ingest::{receive, store};
use crate::params::{Influx2Params, InfluxParams, WriteParams};
use crate::receive::Params;

pub(crate) async fn write(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    let (_, write) = receive(&app, &request, payload, "write", WriteParams::of).await?;
    store(&app, write, parse).await?;
    Ok(HttpResponse::Ok().finish())
}

/// The shape of InfluxDB 1: tenant cnosdb, nanoseconds.
pub(crate) async fn influx_write(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    let (_, write) = receive(&app, &request, payload, "influx_write", InfluxParams::of).await?;
    store(&app, write, parse).await?;
    Ok(HttpResponse::Ok().finish())
}

impl Params for InfluxParams {
    const ANONYMOUS: bool = true;

    fn place(&self) -> (&str, &str) {
        ("cnosdb", &self.db)
    }

    /// At the vendor's everybody is root here as long as passwords are not compared. Where they are compared, the
    /// credentials that such clients send count (Basic, or `u` and `p`); without any it is root with the empty
    /// password, which opens nothing once root has one.
    async fn login(&self, app: &CnosDbApp, request: &HttpRequest) -> Result<Session, CnosDbError> {
        let given = match basic(request.headers()) {
            _ if auth::trusts(app, request) => None,
            Credentials::Basic { user, password } => Some((user, password)),
            Credentials::Malformed(value) => return Err(CnosDbError::MalformedAuth(value)),
            Credentials::Missing => self.credentials.clone(),
        };
        let (user, password) = given.as_ref().map_or(("root", ""), |(u, p)| (u, p));
        let (tenant, database) = self.place();
        auth::enter(app, request, (user, password), tenant, database).await
    }
}

/// The shape of InfluxDB 2: `bucket` is the database, seconds too.
pub(crate) async fn influx2_write(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    let (params, write) = receive(&app, &request, payload, "influx2_write", Influx2Params::of).await?;
    let per_unit = params.per_unit;
    store(&app, write, move |body: &Bytes, batcher: &mut Batcher| parse_in(body, batcher, per_unit)).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl Params for Influx2Params {
    fn precision(&self) -> Precision {
        self.precision
    }

    fn place(&self) -> (&str, &str) {
        ("cnosdb", &self.bucket)
    }

    /// `Authorization: Token user:password`, or Basic.
    async fn login(&self, app: &CnosDbApp, request: &HttpRequest) -> Result<Session, CnosDbError> {
        let (tenant, database) = self.place();
        match token(request.headers()) {
            Some((user, password)) => auth::enter(app, request, (&user, &password), tenant, database).await,
            None => auth::login(app, request, tenant, database).await,
        }
    }
}

/// `Token user:password`
fn token(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (user, password) = value.strip_prefix("Token ")?.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Feeds all points to the batcher.
fn parse(body: &Bytes, batcher: &mut Batcher) -> Result<(), CnosDbError> {
    parse_in(body, batcher, 1)
}

/// The same for times in units of so many of the batcher's.
fn parse_in(body: &Bytes, batcher: &mut Batcher, per_unit: i64) -> Result<(), CnosDbError> {
    let body = std::str::from_utf8(body)?;
    let mut parser = Parser::new(body, Dialect::CnosDb);
    let mut line = Line::new();
    // A known series needs no look at its tags: most lines of most agents.
    while let Some(point) = parser.next_line_known(&mut line, |key| batcher.begin_known(key.as_bytes())) {
        add_point(batcher, point?, per_unit)?;
    }
    Ok(())
}

fn add_point(batcher: &mut Batcher, point: &Line<'_>, per_unit: i64) -> Result<(), CnosDbError> {
    let key = point.series_key_raw().as_bytes();
    // Keys with escapes are not asked about while parsing.
    if !point.tags_skipped() && !batcher.begin_known(key) {
        let tags = point.tags().iter().map(|t| (t.key(), t.value()));
        batcher.begin(&point.measurement(), key, tags).map_err(EngineError::from)?;
    }
    for field in point.fields() {
        add_field(batcher, &field.key(), field.value())?;
    }
    let time = point.timestamp().map(|time| {
        let overflow = TimestampOverflow { value: time, from: Precision::Milli, to: Precision::Nano };
        time.checked_mul(per_unit).ok_or(EngineError::Ingest(IngestError::Timestamp(overflow)))
    });
    batcher.end_row(time.transpose()?).map_err(EngineError::from)?;
    Ok(())
}

fn add_field(batcher: &mut Batcher, name: &str, value: Parsed<'_>) -> Result<(), CnosDbError> {
    let result = match value {
        Parsed::F64(v) => batcher.field(name, FieldValue::F64(v)),
        Parsed::I64(v) => batcher.field(name, FieldValue::I64(v)),
        Parsed::U64(v) => batcher.field(name, FieldValue::U64(v)),
        Parsed::Bool(v) => batcher.field(name, FieldValue::Bool(v)),
        Parsed::Str(text) => batcher.field(name, FieldValue::Str(&text.to_cow())),
        // Forms of TDengine, which this grammar does not produce.
        Parsed::I8(_)
        | Parsed::I16(_)
        | Parsed::I32(_)
        | Parsed::U8(_)
        | Parsed::U16(_)
        | Parsed::U32(_)
        | Parsed::F32(_)
        | Parsed::NChar(_)
        | Parsed::Binary(_)
        | Parsed::Geometry(_) => Ok(()),
    };
    result.map_err(|e| EngineError::from(e).into())
}
