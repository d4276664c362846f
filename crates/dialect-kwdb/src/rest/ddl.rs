//! `POST /restapi/ddl`: definitions, one after another; an error does not stop the others.

use std::time::Instant;

use actix_web::HttpResponse;
use triglot_sql_kwdb::{run, split};

use super::{Checked, admission};
use crate::app::KwdbApp;
use crate::face::Tally;
use crate::refusal::Refusal;

const REFUSED: &str = "wrong statement for ddl interface and please check";

pub(crate) async fn ddl(app: &KwdbApp, checked: &Checked) -> Result<HttpResponse, Refusal> {
    let pieces = split(checked.text()?);
    let mut context = checked.context(app)?;
    let started = Instant::now();
    let mut tally = Tally::default();
    for piece in pieces {
        if !admission::is_for_ddl(piece.text) {
            tally.outcomes.push(Some(REFUSED.to_owned()));
            continue;
        }
        // Rows, where a query slipped in, are nobody's.
        let outcome = run(&app.engine, &mut context, piece.text).await.err();
        tally.outcomes.push(outcome.map(|error| super::told(&error)));
    }
    if tally.outcomes.is_empty() {
        tally.outcomes.push(Some(REFUSED.to_owned()));
    }
    Ok(app.face.ddl(&tally, started.elapsed()))
}
