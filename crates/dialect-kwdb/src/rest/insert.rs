//! `POST /restapi/insert`: INSERT statements, one after another; an error does not stop the others.

use std::time::Instant;

use actix_web::HttpResponse;
use triglot_sql_kwdb::{Answer, run, split};

use super::{Checked, admission};
use crate::DIALECT;
use crate::app::KwdbApp;
use crate::face::Tally;
use crate::refusal::Refusal;
use crate::routes::Endpoint;

const REFUSED: &str = "can not find insert statement and please check";

pub(crate) async fn insert(app: &KwdbApp, checked: &Checked) -> Result<HttpResponse, Refusal> {
    let pieces = split(checked.text()?);
    let mut context = checked.context(app)?;
    let started = Instant::now();
    let mut tally = Tally::default();
    for piece in pieces {
        if !admission::is_for_insert(piece.text) {
            tally.outcomes.push(Some(REFUSED.to_owned()));
            continue;
        }
        match run(&app.engine, &mut context, piece.text).await {
            Ok(answer) => {
                if let Answer::Affected(rows) = answer {
                    tally.rows += rows;
                }
                tally.outcomes.push(None);
            }
            Err(error) => tally.outcomes.push(Some(super::told(&error))),
        }
    }
    if tally.outcomes.is_empty() {
        tally.outcomes.push(Some(REFUSED.to_owned()));
    }
    app.metrics.wrote(DIALECT, Endpoint::Insert.name(), tally.rows);
    Ok(app.face.insert(&tally, started.elapsed()))
}
