//! `GET /-/ping`: whether to send requests here.

use actix_web::HttpResponse;

pub(crate) async fn ping() -> HttpResponse {
    HttpResponse::Ok().finish()
}
