//! The ingest endpoints (sheet section 8). Each parser gives [`Point`]s; [`write`] makes and widens tables and writes rows,
//! the same for all. A point that cannot be taken does not keep the others out.

mod influx;
mod opentsdb;
mod primary_tag;
mod schema;
mod time;
mod value;
mod write;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpResponse;
use triglot_sql_kwdb::Context;

use crate::DIALECT;
use crate::app::KwdbApp;
use crate::face::Tally;
use crate::refusal::Refusal;
use crate::rest::Checked;
use crate::routes::Endpoint;
use time::Instant as PointTime;
use value::Value;

/// Points that are read and written together: memory is bounded however long the body is.
const CHUNK: usize = 8_192;
/// Bodies beyond this length are read on the query threads: other connections do not wait for them.
const INLINE_BYTES: usize = 64 << 10;

/// One point, borrowed from the body.
#[derive(Clone, Debug)]
struct Point<'a> {
    table: Cow<'a, str>,
    tags: Vec<(Cow<'a, str>, Value<'a>)>,
    fields: Vec<(Cow<'a, str>, Value<'a>)>,
    time: PointTime,
    /// The value of the generated tag.
    primary_tag: Arc<str>,
}

/// A point, or why it is none.
type Read<'a> = Result<Point<'a>, String>;

/// What differs between the endpoints beside their grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Style {
    /// Digits of seconds in the time column of tables that are made.
    digits: u32,
    /// Whether fields are `NOT NULL` in tables that are made.
    is_not_null: bool,
    /// Whether a name that is not there as written may be there in lower case.
    folds: bool,
}

/// Takes a body and tells what came of each of its points.
///
/// # Errors
/// The body is no text, or (OpenTSDB's JSON) not of the right shape: nothing is written.
pub(crate) async fn ingest(
    app: &KwdbApp,
    endpoint: Endpoint,
    checked: Checked,
) -> Result<HttpResponse, Refusal> {
    let context = checked.context(app)?;
    checked.text()?;
    let started = Instant::now();
    let is_long = checked.body.len() > INLINE_BYTES;
    let work = {
        let app = app.clone();
        async move { run(&app, endpoint, &checked, context).await }
    };
    let tally = if is_long {
        let done = app.engine.query_threads().spawn(work).await;
        done.unwrap_or_else(|error| Err(Refusal::Denied(error.to_string())))
    } else {
        work.await
    }?;
    app.metrics.wrote(DIALECT, endpoint.name(), tally.rows);
    let refused = tally.outcomes.iter().filter(|outcome| outcome.is_some()).count();
    app.metrics.refused(DIALECT, endpoint.name(), refused as u64);
    Ok(app.face.lines(endpoint, &tally, started.elapsed()))
}

async fn run(
    app: &KwdbApp,
    endpoint: Endpoint,
    checked: &Checked,
    mut context: Context,
) -> Result<Tally, Refusal> {
    let text = checked.text()?;
    let from_lines = Style { digits: 9, is_not_null: false, folds: false };
    let from_opentsdb = Style { digits: 3, is_not_null: true, folds: false };
    let mut tally = Tally::default();
    match endpoint {
        Endpoint::Telegraf => {
            let style = Style { folds: true, ..from_lines };
            all(app, &mut context, style, influx::telegraf(text), &mut tally).await;
        }
        Endpoint::OpentsdbTelnet => {
            all(app, &mut context, from_opentsdb, opentsdb::telnet(text), &mut tally).await;
        }
        Endpoint::OpentsdbJson => {
            opentsdb::check_json(text).map_err(|refused| {
                app.metrics.refused(DIALECT, endpoint.name(), refused.points);
                Refusal::Statement(refused.text)
            })?;
            all(app, &mut context, from_opentsdb, opentsdb::json(text), &mut tally).await;
        }
        _ => all(app, &mut context, from_lines, influx::influxdb(text), &mut tally).await,
    }
    Ok(tally)
}

/// Writes points, some thousands at a time.
async fn all<'a>(
    app: &KwdbApp,
    context: &mut Context,
    style: Style,
    mut points: impl Iterator<Item = Read<'a>> + Send,
    tally: &mut Tally,
) {
    loop {
        let chunk: Vec<Read<'a>> = points.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return;
        }
        write::chunk(app, context, style, chunk, tally).await;
    }
}
