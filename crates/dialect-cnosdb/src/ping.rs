//! `GET|HEAD /api/v1/ping`.

use actix_web::{HttpResponse, web};

use crate::app::CnosDbApp;
use crate::formats::json::push_string;

/// `{"version":"…","status":"healthy"}`; no credentials are asked for.
pub(crate) async fn ping(app: web::Data<CnosDbApp>) -> HttpResponse {
    let mut body = b"{\"version\":".to_vec();
    push_string(&mut body, &app.version);
    body.extend_from_slice(b",\"status\":\"healthy\"}");
    HttpResponse::Ok().content_type("application/json").body(body)
}
