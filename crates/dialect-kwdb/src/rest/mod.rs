//! The routes, and the checks that they have in common, in the vendor's order (sheet section 2.1).

mod admission;
mod ddl;
mod insert;
mod login;
mod query;
mod session;

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use triglot_http::Coding;
use triglot_http::body::{self, BodyError};
use triglot_http::coding::DecodeError;
use triglot_sql_kwdb::{Context, KwError, Stage};

use crate::app::KwdbApp;
use crate::auth::{self, Caller, Claim};
use crate::ingest;
use crate::params::Params;
use crate::refusal::Refusal;
use crate::routes::Endpoint;
use triglot_sql_kwdb::Zone;

/// A request that passed every check but those of its endpoint.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) caller: Caller,
    pub(crate) database: String,
    pub(crate) zone: Zone,
    pub(crate) body: Bytes,
}

impl Checked {
    /// The body as text.
    pub(crate) fn text(&self) -> Result<&str, Refusal> {
        std::str::from_utf8(&self.body).map_err(|error| Refusal::BadBody(error.to_string()))
    }

    /// What statements of the request are run in.
    pub(crate) fn context(&self, app: &KwdbApp) -> Result<Context, Refusal> {
        let session = auth::session(app, &self.caller, &self.database)?;
        Ok(Context { session, zone: self.zone.tz })
    }
}

/// Answers a request; none = there is no such route.
pub(crate) async fn answer(
    app: &KwdbApp,
    endpoint: Endpoint,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Option<HttpResponse>, Refusal> {
    if endpoint == Endpoint::Login {
        return login::login(app, request).await.map(Some);
    }
    let claim = Claim::of(request.headers())?;
    match endpoint {
        Endpoint::Other | Endpoint::Login => return Ok(None),
        Endpoint::Session => return session::session(app, request, payload, &claim).await.map(Some),
        _ if request.method() != Method::POST => return Err(Refusal::PostOnly),
        _ => {}
    }
    let checked = check(app, request, payload, &claim).await?;
    match endpoint {
        Endpoint::Ddl => ddl::ddl(app, &checked).await,
        Endpoint::Insert => insert::insert(app, &checked).await,
        Endpoint::Query => query::query(app, &checked).await,
        _ => ingest::ingest(app, endpoint, checked).await,
    }
    .map(Some)
}

/// Checks 4 to 6. The body is looked at first, but read only for those who may.
async fn check(
    app: &KwdbApp,
    request: &HttpRequest,
    payload: web::Payload,
    claim: &Claim,
) -> Result<Checked, Refusal> {
    body_is_there(app, request)?;
    let caller = auth::verify(app, request, claim).await.map_err(|e| e.or(Refusal::NeedLogin))?;
    let body = read(app, request, payload).await?;
    let params = Params::of(request.query_string());
    let zone = params.zone(&app.engine)?;
    Ok(Checked { caller, database: params.database().to_owned(), zone, body })
}

/// Refuses requests whose head says that there is no body, or too much of one.
fn body_is_there(app: &KwdbApp, request: &HttpRequest) -> Result<(), Refusal> {
    let headers = request.headers();
    body::check_declared(headers, app.config.body_limit).map_err(of_body)?;
    let is_empty = match body::declared_length(headers) {
        Some(length) => length == 0,
        // A body over HTTP/2 need not say how long it is.
        None => {
            !headers.contains_key(TRANSFER_ENCODING) && request.version() < actix_web::http::Version::HTTP_2
        }
    };
    if is_empty { Err(Refusal::EmptyBody) } else { Ok(()) }
}

/// The body, which is not empty. Agents compress theirs with gzip.
async fn read(app: &KwdbApp, request: &HttpRequest, payload: web::Payload) -> Result<Bytes, Refusal> {
    let limit = app.config.body_limit;
    let body = body::read(request.headers(), payload, limit).await.map_err(of_body)?;
    let named = request.headers().get(CONTENT_ENCODING).map(|name| name.as_bytes().trim_ascii());
    let coding = match named {
        Some(name) if name.eq_ignore_ascii_case(b"gzip") => Coding::Gzip,
        _ => Coding::Identity,
    };
    let body = coding.decode_off_thread(body, limit).await.map_err(|error| match error {
        DecodeError::TooLarge { limit } => Refusal::BodyTooLarge { limit },
        DecodeError::Malformed(reason) => Refusal::BadBody(reason.to_string()),
    })?;
    if body.is_empty() { Err(Refusal::EmptyBody) } else { Ok(body) }
}

fn of_body(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge { limit } => Refusal::BodyTooLarge { limit },
        BodyError::Aborted(reason) => Refusal::BadBody(reason),
    }
}

/// A statement's error in a list of outcomes.
fn told(error: &KwError) -> String {
    format!("pq: {}", if error.stage == Stage::Parse { first_line(&error.message) } else { &error.message })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
