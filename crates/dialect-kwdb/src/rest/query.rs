//! `POST /restapi/query`: one statement and its rows.

use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpResponse;
use arrow::datatypes::Schema;
use triglot_engine::query::QueryStream;
use triglot_sql_kwdb::{Answer, KwError, Rows, Stage, run, split};

use super::{Checked, admission};
use crate::app::KwdbApp;
use crate::face::QueryFailure;
use crate::refusal::Refusal;
use crate::stream;

pub(crate) async fn query(app: &KwdbApp, checked: &Checked) -> Result<HttpResponse, Refusal> {
    let text = checked.text()?;
    let pieces = split(text);
    let statement = match pieces.as_slice() {
        // The parser says what is missing.
        [] => "",
        [one] => one.text,
        _ => {
            let text = "only support single statement for each query interface, please check.";
            return Err(Refusal::Statement(text.to_owned()));
        }
    };
    if let Some(word) = admission::not_for_query(statement) {
        let text = format!("do not support {word} statement for query interface, please check.");
        return Err(Refusal::Statement(text));
    }
    let mut context = checked.context(app)?;
    let started = Instant::now();
    let answered = match run(&app.engine, &mut context, statement).await {
        Ok(Answer::Rows(rows)) => stream::rows(app, rows, checked.zone, started).await,
        Ok(Answer::Done | Answer::Affected(_)) => stream::rows(app, nothing(), checked.zone, started).await,
        Err(error) => Err(error),
    };
    Ok(answered.unwrap_or_else(|error| app.face.query_failure(&failure(&error), started.elapsed())))
}

/// The rows of a statement that has none.
fn nothing() -> Rows {
    Rows { columns: Arc::from([]), stream: QueryStream::ready(Arc::new(Schema::empty()), Vec::new()) }
}

fn failure(error: &KwError) -> QueryFailure {
    match error.stage {
        Stage::Parse => QueryFailure::Parse(super::first_line(&error.message).to_owned()),
        Stage::Execute => QueryFailure::Execute {
            message: error.message.clone(),
            is_overload: error.sqlstate.starts_with("53"),
        },
    }
}
