//! The route table: everything below `/restapi/` passes the check of the `Authorization` header before the path
//! is even looked at; all else is 404.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::KwdbApp;
use crate::rest;

const PREFIX: &str = "/restapi/";

/// Mounts every route of the dialect.
pub fn configure(cfg: &mut web::ServiceConfig, app: KwdbApp) {
    cfg.app_data(web::Data::new(app))
        .configure(health)
        .service(web::resource("/restapi/{endpoint:.*}").to(endpoint))
        .default_service(web::to(not_found));
}

/// Mounts `/health`, which is also served to those who do not speak TLS.
pub fn health(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/health").route(web::get().to(healthy)));
}

async fn healthy() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body("{}")
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Login,
    Ddl,
    Insert,
    Query,
    Telegraf,
    Influxdb,
    OpentsdbJson,
    OpentsdbTelnet,
    Session,
    /// No route.
    Other,
}

impl Endpoint {
    pub(crate) fn of(path: &str) -> Self {
        match path.strip_prefix(PREFIX) {
            Some("login") => Self::Login,
            Some("ddl") => Self::Ddl,
            Some("insert") => Self::Insert,
            Some("query") => Self::Query,
            Some("telegraf") => Self::Telegraf,
            Some("influxdb") => Self::Influxdb,
            Some("opentsdbjson") => Self::OpentsdbJson,
            Some("opentsdbtelnet") => Self::OpentsdbTelnet,
            Some("session") => Self::Session,
            _ => Self::Other,
        }
    }

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Ddl => "ddl",
            Self::Insert => "insert",
            Self::Query => "query",
            Self::Telegraf => "telegraf",
            Self::Influxdb => "influxdb",
            Self::OpentsdbJson => "opentsdbjson",
            Self::OpentsdbTelnet => "opentsdbtelnet",
            Self::Session => "session",
            Self::Other => "other",
        }
    }
}

async fn endpoint(app: web::Data<KwdbApp>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let endpoint = Endpoint::of(request.path());
    match rest::answer(&app, endpoint, &request, payload).await {
        Ok(Some(answer)) => answer,
        Ok(None) => not_found().await,
        Err(refusal) => app.face.refusal(endpoint, &refusal),
    }
}

/// As Go's library says it.
async fn not_found() -> HttpResponse {
    HttpResponse::NotFound()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header(("x-content-type-options", "nosniff"))
        .body("404 page not found\n")
}
