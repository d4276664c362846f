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

/// Stores what `parse` feeds the batcher; how many rows. All of them or none: of a request that is refused the
/// records up to the wrong one are counted.
pub(crate) async fn store<P>(app: &CnosDbApp, write: Write, parse: P) -> Result<u64, CnosDbError>
where
    P: Fn(&Bytes, &mut Batcher) -> Result<(), CnosDbError> + Clone + Send + 'static,
{
    let Write { session, body, precision, api, ticket } = write;
    app.engine.spend_api(&session, Flow::Writes, 1)?;
    app.engine.spend_api(&session, Flow::BytesIn, body.len() as u64)?;
    let database = app.engine.database(&session, &session.database_name)?;
    let now = Precision::Nano.convert(app.engine.clock().now_ns(), precision);
    let options =
        IngestOptions { precision, default_time: now.unwrap_or_default(), create: !strict_write(&database) };
    for round in 0..STALE_ROUNDS {
        let begin = Instant::now();
        let batcher = app.engine.batcher(&session, options)?;
        let (batcher, parsed) = parse_off_thread(body.clone(), batcher, parse.clone()).await?;
        if round == 0 {
            ticket.parsed(begin.elapsed());
        }
        let rows = batcher.rows();
        if let Err(error) = parsed {
            app.metrics.refused(DIALECT, api, rows + 1);
            return Err(error);
        }
        match batcher.commit().await {
            Ok(committed) => {
                app.metrics.wrote(DIALECT, api, committed.rows);
                return Ok(committed.rows);
            }
            Err(EngineError::StaleSeries) => {}
            Err(error) => {
                app.metrics.refused(DIALECT, api, rows);
                return Err(error.into());
            }
        }
    }
    Err(EngineError::StaleSeries.into())
}

/// A batcher with what came of the body that was to be fed to it.
type Parsed = (Batcher, Result<(), CnosDbError>);

/// Feeds all points to the batcher, those of a long body on a blocking thread.
async fn parse_off_thread<P>(body: Bytes, mut batcher: Batcher, parse: P) -> Result<Parsed, CnosDbError>
where
    P: Fn(&Bytes, &mut Batcher) -> Result<(), CnosDbError> + Send + 'static,
{
    let is_long = body.len() > INLINE_BODY;
    let work = move || {
        let parsed = parse(&body, &mut batcher);
        (batcher, parsed)
    };
    if !is_long {
        return Ok(work());
    }
    web::block(work).await.map_err(|stopped| CnosDbError::Fetch(stopped.to_string()))
}

/// A key of the cache of series for formats whose bytes do not tell a series in one piece: each part with its length, so
/// that different parts never make one key. No line of line protocol begins with `kind`, a control character of the
/// format's own.
pub(crate) fn series_key<'p>(kind: u8, parts: impl IntoIterator<Item = &'p str>) -> Vec<u8> {
    let mut key = vec![kind];
    for part in parts {
        key.extend_from_slice(&(part.len() as u64).to_le_bytes());
        key.extend_from_slice(part.as_bytes());
    }
    key
}

#[cfg(test)]
mod tests {
    use super::series_key;

    #[test]
    fn keys_of_different_parts_differ() {
        let of = |parts: &[&'static str]| series_key(1, parts.iter().copied());
        assert_ne!(of(&["m", "a", "bc"]), of(&["m", "ab", "c"]));
        assert_ne!(of(&["m\0t", "a"]), of(&["m", "t\0a"]));
        assert_ne!(of(&["m", "a", ""]), of(&["m", "a"]));
        assert_ne!(of(&["m"]), series_key(2, ["m"]));
    }
}
