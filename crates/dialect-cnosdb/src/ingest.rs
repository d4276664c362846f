//! What every write route does with a body that was read: all of its points are stored, or none.

use std::time::Instant;

use actix_web::{HttpRequest, web};
use bytes::Bytes;
use triglot_engine::{Batcher, EngineError, Flow, IngestOptions, Session};
use triglot_http::usage::Ticket;
use triglot_model::Precision;
use triglot_sql_cnosdb::options::strict_write;

use crate::DIALECT;
use crate::app::CnosDbApp;
use crate::error::CnosDbError;
use crate::metrics;
use crate::receive::{self, Params, Received};

/// Longer bodies are parsed on a blocking thread.
const INLINE_BODY: usize = 256 << 10;

/// How often a body is read again because tags were changed while it was read.
const STALE_ROUNDS: usize = 4;

/// A body with what is known about its sender.
pub(crate) struct Write {
    /// Whose it is.
    pub(crate) session: Session,
    /// Decoded.
    pub(crate) body: Bytes,
    /// The unit of its times.
    pub(crate) precision: Precision,
    /// The route's name in metrics.
    pub(crate) api: &'static str,
    /// Its line in the usage of the tenant.
    pub(crate) ticket: Ticket,
}

/// Receives the request of a write route whose parameters `read` finds, and counts it as `api`.
pub(crate) async fn receive<P: Params>(
    app: &CnosDbApp,
    request: &HttpRequest,
    payload: web::Payload,
    api: &'static str,
    read: impl FnOnce(&HttpRequest) -> Result<P, CnosDbError>,
) -> Result<(P, Write), CnosDbError> {
    let Received { params, session, body } = receive::receive(app, request, payload, read).await?;
    let ticket = metrics::count(app, request, &session, api, true, body.len());
    let write = Write { session, body, precision: params.precision(), api, ticket };
    Ok((params, write))
}

/// Stores what `parse` feeds the batcher; how many rows.
pub(crate) async fn store<P>(app: &CnosDbApp, write: Write, parse: P) -> Result<u64, CnosDbError>
where
    P: Fn(&Bytes, Batcher) -> Result<Batcher, CnosDbError> + Clone + Send + 'static,
{
    let Write { session, body, precision, api, ticket } = write;
    app.engine.spend_api(&session, Flow::Writes, 1)?;
    app.engine.spend_api(&session, Flow::BytesIn, body.len() as u64)?;
    let database = app.engine.database(&session, &session.database_name)?;
    let now = Precision::Nano.convert(app.engine.clock().now_ns(), precision);
    let options =
        IngestOptions { precision, default_time: now.unwrap_or_default(), create: !strict_write(&database) };
    let begin = Instant::now();
    let batcher = app.engine.batcher(&session, options)?;
    let mut batcher = parse_off_thread(body.clone(), batcher, parse.clone()).await?;
    ticket.parsed(begin.elapsed());
    for _ in 0..STALE_ROUNDS {
        match batcher.commit().await {
            Err(EngineError::StaleSeries) => {
                let again = app.engine.batcher(&session, options)?;
                batcher = parse_off_thread(body.clone(), again, parse.clone()).await?;
            }
            committed => {
                let rows = committed?.rows;
                app.metrics.wrote(DIALECT, api, rows);
                return Ok(rows);
            }
        }
    }
    Err(EngineError::StaleSeries.into())
}

/// Feeds all points to the batcher, those of a long body on a blocking thread.
async fn parse_off_thread<P>(body: Bytes, batcher: Batcher, parse: P) -> Result<Batcher, CnosDbError>
where
    P: Fn(&Bytes, Batcher) -> Result<Batcher, CnosDbError> + Send + 'static,
{
    if body.len() <= INLINE_BODY {
        return parse(&body, batcher);
    }
    let parsed = web::block(move || parse(&body, batcher)).await;
    parsed.map_err(|stopped| CnosDbError::Fetch(stopped.to_string()))?
}

/// A key of the cache of series for formats whose bytes do not tell a series in one piece. No line of
/// line protocol begins with `kind`, a control character of the format's own.
pub(crate) fn series_key(kind: u8, table: &str, tags: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(table.len() + tags.len() + 2);
    key.push(kind);
    key.extend_from_slice(table.as_bytes());
    key.push(0);
    key.extend_from_slice(tags.as_bytes());
    key
}
