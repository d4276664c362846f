//! CnosDB's REST API: routes, request and response shapes, error face.
//!
//! One file per route group; the SQL itself is `triglot-sql-cnosdb`'s. Facts: `cnosdb.md`, sections
//! 1–6. Mount it with [`configure`]; the binary adds TLS, access log and health routes.

mod accept;
mod app;
mod auth;
pub mod config;
mod dump;
mod error;
pub mod formats;
mod metrics;
mod params;
mod ping;
mod sql;
mod stream;
mod write;

pub use app::CnosDbApp;
pub use config::CnosDbConfig;
pub use error::CnosDbError;

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
        .service(web::resource("/api/v1/dump/sql/ddl").to(dump::ddl))
        .service(web::resource("/metrics").to(metrics::metrics));
}
