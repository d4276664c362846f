//! A request with a body, from its head to a user who has logged in, in the vendor's order of checks (sheet section
//! 2): length, presence of credentials, query string, trace context, content encoding, credentials. Whatever is
//! wrong later does not show as long as something before it is.

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, web};
use bytes::Bytes;
use triglot_engine::Session;
use triglot_http::coding::DecodeError;
use triglot_http::{body, snappy};
use triglot_model::Precision;

use crate::accept;
use crate::app::CnosDbApp;
use crate::auth;
use crate::config::CnosDbConfig;
use crate::error::CnosDbError;
use crate::params::{SqlParams, WriteParams, check_trace_context};

/// How a body travels.
#[derive(Clone, Copy)]
pub(crate) enum Packing {
    /// As `Content-Encoding` says.
    Coded,
    /// As one block of snappy, whatever `Content-Encoding` says; what to answer to one that cannot be read.
    Block(fn(DecodeError) -> CnosDbError),
}

/// What a route reads from a request's head: where the body goes, and the steps of [`receive`] in which routes differ.
pub(crate) trait Params {
    /// Whether a request may come without credentials.
    const ANONYMOUS: bool = false;

    /// The most bytes of a body, as sent and as read.
    fn limit(config: &CnosDbConfig) -> usize {
        config.write_sql_limit
    }

    fn packing(&self) -> Packing {
        Packing::Coded
    }

    /// The unit of the body's times.
    fn precision(&self) -> Precision {
        Precision::Nano
    }

    /// Tenant and database.
    fn place(&self) -> (&str, &str);

    async fn login(&self, app: &CnosDbApp, request: &HttpRequest) -> Result<Session, CnosDbError> {
        let (tenant, database) = self.place();
        auth::login(app, request, tenant, database).await
    }
}

impl Params for SqlParams {
    fn limit(config: &CnosDbConfig) -> usize {
        config.query_sql_limit
    }

    fn place(&self) -> (&str, &str) {
        (&self.tenant, &self.db)
    }
}

impl Params for WriteParams {
    fn precision(&self) -> Precision {
        self.precision
    }

    fn place(&self) -> (&str, &str) {
        (&self.tenant, &self.db)
    }
}

/// A request that passed.
pub(crate) struct Received<P> {
    pub(crate) params: P,
    pub(crate) session: Session,
    /// Unpacked.
    pub(crate) body: Bytes,
}

/// Receives a request whose parameters `read` finds.
pub(crate) async fn receive<P: Params>(
    app: &CnosDbApp,
    request: &HttpRequest,
    payload: web::Payload,
    read: impl FnOnce(&HttpRequest) -> Result<P, CnosDbError>,
) -> Result<Received<P>, CnosDbError> {
    let headers = request.headers();
    let limit = P::limit(&app.config);
    body::check_declared(headers, limit)?;
    if !P::ANONYMOUS {
        auth::check_present(headers)?;
    }
    let params = read(request)?;
    check_trace_context(headers)?;
    let body = unpacked(headers, payload, params.packing(), limit).await?;
    let session = params.login(app, request).await?;
    Ok(Received { params, session, body })
}

async fn unpacked(
    headers: &HeaderMap,
    payload: web::Payload,
    packing: Packing,
    limit: usize,
) -> Result<Bytes, CnosDbError> {
    match packing {
        Packing::Coded => {
            let coding = accept::request_coding(headers)?;
            Ok(coding.decode_off_thread(body::read(headers, payload, limit).await?, limit).await?)
        }
        Packing::Block(blame) => {
            let packed = body::read(headers, payload, limit).await?;
            let plain = web::block(move || snappy::decode_block(&packed, limit)).await;
            let plain = plain.map_err(|stopped| CnosDbError::Fetch(stopped.to_string()))?;
            plain.map_err(blame)
        }
    }
}
