//! `GET /genauth/{user}/{password}/{key}`: the pair that a client is to send, as text. The vendor's way for
//! containers to learn their credentials; nothing is looked up.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, web};

use crate::error::TEXT;

/// The longest name.
const MAX_USER: usize = 24;

pub(crate) async fn pair(path: web::Path<(String, String, String)>) -> HttpResponse {
    let (user, password, _) = path.into_inner();
    if user.len() > MAX_USER {
        return HttpResponse::BadRequest().finish();
    }
    HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT)).body(format!("{user}:{password}"))
}
