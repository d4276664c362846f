//! CnosDB's REST API: routes, request and response shapes, error face.
//!
//! One file per route group; the SQL itself is `triglot-sql-cnosdb`'s. Facts: `cnosdb.md`, sections
//! 1–8 and 10. Mount it with [`configure`]; the binary adds TLS, access log and health routes.

mod accept;
mod app;
mod auth;
pub mod config;
mod dump;
mod error;
pub mod formats;
mod ingest;
mod jaeger;
mod jaeger_spans;
mod log_params;
mod log_rows;
mod logs;
mod metrics;
mod opentsdb;
mod params;
mod ping;
mod prom;
mod prom_read;
mod receive;
mod sql;
mod stream;
mod traces;
mod write;

pub use app::CnosDbApp;
pub use config::CnosDbConfig;
pub use error::CnosDbError;

use actix_web::http::Method;
use actix_web::web;

/// The dialect's name in metrics.
pub const DIALECT: &str = "cnosdb";

/// Mounts every route of the dialect. Unknown paths and wrong methods are actix's 404 and 405 with
/// empty bodies, decided before credentials are looked at.
pub fn configure(cfg: &mut web::ServiceConfig, app: CnosDbApp) {
    cfg.app_data(web::Data::new(app))
        .service(
            web::resource("/api/v1/ping").route(web::get().to(ping::ping)).route(web::head().to(ping::ping)),
        )
        .service(web::resource("/api/v1/sql").route(web::post().to(sql::sql)))
        .service(web::resource("/api/v1/write").route(web::post().to(write::write)))
        .service(web::resource("/write").route(web::post().to(write::influx_write)))
        .service(web::resource("/api/v1/opentsdb/write").route(web::post().to(opentsdb::write)))
        .service(web::resource("/api/v1/opentsdb/put").route(web::post().to(opentsdb::put)))
        .service(web::resource("/api/v1/prom/write").route(web::post().to(prom::write)))
        .service(web::resource("/api/v1/prom/read").route(web::post().to(prom_read::read)))
        .service(web::resource("/api/v1/traces").route(web::post().to(traces::export)))
        .service(web::resource("/api/services").route(web::get().to(jaeger::services)))
        .service(
            web::resource("/api/services/{service}/operations").route(web::get().to(jaeger::operations_of)),
        )
        .service(web::resource("/api/operations").route(web::get().to(jaeger::operations)))
        .service(web::resource("/api/traces").route(web::get().to(jaeger::search)))
        .service(web::resource("/api/traces/{id}").route(web::get().to(jaeger::trace)))
        .service(web::resource("/loki/api/v1/push").route(web::post().to(logs::push)))
        .configure(elasticsearch)
        .service(web::resource("/api/v2/write").route(web::post().to(write::influx2_write)))
        .service(web::resource("/api/v1/dump/sql/ddl").to(dump::ddl))
        .service(web::resource("/metrics").to(metrics::metrics));
}

/// What clients of Elasticsearch ask and send.
fn elasticsearch(cfg: &mut web::ServiceConfig) {
    for path in ["/api/v1/es/_bulk", "/_bulk"] {
        let bulk = || web::to(logs::bulk);
        cfg.service(web::resource(path).route(bulk().method(Method::POST)).route(bulk().method(Method::PUT)));
    }
    for path in ["/api/v1/es", "/api/v1/es/"] {
        let version = web::resource(path).route(web::get().to(logs::version));
        cfg.service(version.route(web::head().to(logs::version)));
    }
    let license = web::resource("/api/v1/es/_license").route(web::get().to(logs::license));
    cfg.service(license.route(web::head().to(logs::license)));
    for path in ["_cluster", "_ingest", "_nodes", "_ilm/policy", "_index_template"] {
        cfg.service(web::resource(format!("/api/v1/es/{path}{{tail:.*}}")).to(logs::accepted));
    }
}
