//! The route table. Unknown paths and known ones with another method are 404 alike; a known path with a
//! slash too many is redirected.

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::{HttpRequest, HttpResponse, Resource, web};

use crate::admin::log_level;
use crate::admin::record::{self, Kind};
use crate::app::TdengineApp;
use crate::input_json;
use crate::rest::{genauth, login, sql, upload, vgid};
use crate::schemaless::{influx, opentsdb, prometheus};
use crate::{metrics, ping};

/// Mounts every route of the dialect.
pub fn configure(cfg: &mut web::ServiceConfig, app: TdengineApp) {
    cfg.app_data(web::Data::new(app))
        .service(resource("/rest/sql").route(web::post().to(sql::sql)))
        .service(resource("/rest/sql/{db}").route(web::post().to(sql::sql_in)))
        .service(resource("/rest/sql/{db}/vgid").route(web::post().to(vgid::groups)))
        .service(resource("/rest/upload").route(web::post().to(upload::upload)))
        .service(resource("/rest/login/{user}/{password}").route(web::get().to(login::token)))
        .service(resource("/influxdb/v1/write").route(web::post().to(influx::write)))
        .service(resource("/opentsdb/v1/put/json/{db}").route(web::post().to(opentsdb::put_json)))
        .service(resource("/opentsdb/v1/put/telnet/{db}").route(web::post().to(opentsdb::put_telnet)))
        .service(resource("/prometheus/v1/remote_write/{db}").route(web::post().to(prometheus::remote_write)))
        .service(resource("/prometheus/v1/remote_read/{db}").route(web::post().to(prometheus::remote_read)))
        .service(resource("/input_json/v1/{endpoint}").route(web::post().to(input_json::write)))
        .service(resource("/config").route(web::put().to(log_level::config)))
        .service(recordings("/record_sql", Kind::Sql))
        .service(recordings("/record_stmt", Kind::Stmt))
        .service(resource("/-/ping").route(web::get().to(ping::ping)))
        .service(resource("/metrics").route(web::get().to(metrics::metrics)))
        .service(resource("/genauth/{user}/{password}/{key}").route(web::get().to(genauth::pair)))
        .default_service(web::to(unknown));
}

fn recordings(path: &str, kind: Kind) -> Resource {
    resource(path)
        .route(web::post().to(move |app, request, payload| record::start(kind, app, request, payload)))
        .route(web::delete().to(move |app, request| record::stop(kind, app, request)))
        .route(web::get().to(move |app, request| record::show(kind, app, request)))
}

/// A resource that knows no other methods than its routes'.
fn resource(path: &str) -> Resource {
    web::resource(path).default_service(web::to(not_found))
}

/// There only if it is switched on.
const INPUT_JSON: &str = "/input_json/v1/*";

/// Paths that a slash too many leads away from, with their methods: one segment `*` stands for any.
const REDIRECTED: [(Method, &str); 21] = [
    (Method::POST, "/rest/sql"),
    (Method::POST, "/rest/sql/*"),
    (Method::POST, "/rest/sql/*/vgid"),
    (Method::POST, "/rest/upload"),
    (Method::GET, "/rest/login/*/*"),
    (Method::POST, "/influxdb/v1/write"),
    (Method::POST, "/opentsdb/v1/put/json/*"),
    (Method::POST, "/opentsdb/v1/put/telnet/*"),
    (Method::POST, "/prometheus/v1/remote_write/*"),
    (Method::POST, "/prometheus/v1/remote_read/*"),
    (Method::POST, INPUT_JSON),
    (Method::PUT, "/config"),
    (Method::POST, "/record_sql"),
    (Method::DELETE, "/record_sql"),
    (Method::GET, "/record_sql"),
    (Method::POST, "/record_stmt"),
    (Method::DELETE, "/record_stmt"),
    (Method::GET, "/record_stmt"),
    (Method::GET, "/-/ping"),
    (Method::GET, "/metrics"),
    (Method::GET, "/genauth/*/*/*"),
];

async fn unknown(request: HttpRequest) -> HttpResponse {
    let Some(path) = request.path().strip_suffix('/') else { return not_found().await };
    let app = request.app_data::<web::Data<TdengineApp>>();
    let is_there = |pattern: &str| pattern != INPUT_JSON || app.is_some_and(|app| app.input_json.is_on());
    let leads_here = |(method, pattern): &(Method, &str)| {
        method == request.method() && matches(pattern, path) && is_there(pattern)
    };
    if !REDIRECTED.iter().any(leads_here) {
        return not_found().await;
    }
    let target = match request.query_string() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    };
    if request.method() == Method::GET {
        HttpResponse::MovedPermanently().insert_header((LOCATION, target)).finish()
    } else {
        HttpResponse::TemporaryRedirect().insert_header((LOCATION, target)).finish()
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("*"), Some(segment)) if !segment.is_empty() => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

pub(crate) async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().insert_header((CONTENT_TYPE, "text/plain")).body("404 page not found")
}
