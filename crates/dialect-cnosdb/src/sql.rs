//! `POST /api/v1/sql`: one statement, its rows in the format that `Accept` asks for.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use arrow::array::UInt64Array;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use triglot_engine::query::QueryStream;
use triglot_engine::{Flow, Outcome, Session};
use triglot_sql_cnosdb::{Prepared, SqlError, execute, plan, prepare, prepare_literals};

use crate::accept;
use crate::app::CnosDbApp;
use crate::error::CnosDbError;
use crate::metrics;
use crate::params::SqlParams;
use crate::receive::{Received, receive};
use crate::stream::Shape;

/// Longer inserts of literals are read on a blocking thread.
const INLINE_LITERALS: usize = 16 << 10;
/// Longer texts of other statements are parsed and planned on a thread with a large stack: text of this length nests less
/// than 1,000 levels deep, which fits the usual 2 MiB.
const INLINE_TEXT: usize = 1 << 10;

/// Behind the checks of [`receive`] come those of accept and accept encoding, then the execution.
pub(crate) async fn sql(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    let Received { params, session, body } = receive(&app, &request, payload, SqlParams::of).await?;
    let headers = request.headers();
    metrics::count(&app, &request, &session, "sql", false, body.len());
    let shape = Shape {
        format: accept::format(headers)?,
        coding: accept::response_coding(headers)?,
        chunked: params.chunked,
    };
    app.engine.spend_api(&session, Flow::Queries, 1)?;
    // What the answer costs is charged when it is known.
    app.engine.spend_api(&session, Flow::BytesOut, 0)?;
    let text: Arc<str> = String::from_utf8_lossy(&body).into();
    let Some(prepared) = read(&app, &session, Arc::clone(&text)).await? else {
        return shape.empty();
    };
    match execute(&app.engine, &session, prepared, &text, params.target_partitions).await? {
        Outcome::Done => shape.empty(),
        Outcome::Affected(rows) => {
            app.metrics.wrote(crate::DIALECT, "sql", rows);
            shape.rows(count(rows)?, &app, &session).await
        }
        Outcome::Rows(rows) => shape.rows(rows, &app, &session).await,
    }
}

/// Parses, and plans what is long or deep, away from the connections' threads.
async fn read(app: &CnosDbApp, session: &Session, text: Arc<str>) -> Result<Option<Prepared>, CnosDbError> {
    if text.len() <= INLINE_LITERALS
        && let Some(literals) = prepare_literals(&text)?
    {
        return Ok(Some(literals));
    }
    if text.len() <= INLINE_TEXT {
        return Ok(prepare(&text)?);
    }
    let (engine, session) = (app.engine.clone(), session.clone());
    let work = move || match prepare(&text)? {
        Some(prepared) => plan(&engine, &session, prepared).map(Some),
        None => Ok(None),
    };
    Ok(app.engine.compute(work).await.map_err(SqlError::from)??)
}

/// The answer to INSERT: one column `rows`.
fn count(rows: u64) -> Result<QueryStream, CnosDbError> {
    let schema = Arc::new(Schema::new(vec![Field::new("rows", DataType::UInt64, false)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(UInt64Array::from(vec![rows]))])
        .map_err(SqlError::Arrow)?;
    Ok(QueryStream::ready(schema, vec![batch]))
}
