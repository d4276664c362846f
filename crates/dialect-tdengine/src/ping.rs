//! `GET /-/ping`: whether to send requests here.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::TdengineApp;
use crate::limits::Pause;
use crate::params::Params;

/// 503 while everything is refused; with `action=query` also while queries are.
pub(crate) async fn ping(app: web::Data<TdengineApp>, request: HttpRequest) -> HttpResponse {
    let least = if Params::of(&request).get("action") == Some("query") { Pause::Queries } else { Pause::All };
    if app.memory.pause() >= least {
        return HttpResponse::ServiceUnavailable().finish();
    }
    HttpResponse::Ok().finish()
}
