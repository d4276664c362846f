//! `/metrics`: Prometheus text, any method, no credentials.

use std::fmt::Write as _;

use actix_web::{HttpResponse, web};
use triglot_engine::EngineMetrics;
use triglot_http::HttpMetrics;
use triglot_model::Pressure;

use crate::app::CnosDbApp;

pub(crate) async fn metrics(app: web::Data<CnosDbApp>) -> HttpResponse {
    let text = app.metrics.text().map(|mut text| {
        push_engine(&mut text, &app.engine.metrics());
        text
    });
    match text {
        Ok(text) => HttpResponse::Ok().insert_header(("content-type", HttpMetrics::CONTENT_TYPE)).body(text),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be encoded");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Figures that are read when they are asked for.
fn push_engine(out: &mut String, metrics: &EngineMetrics) {
    let pressure = match metrics.pressure {
        Pressure::Calm => 0,
        Pressure::Flush => 1,
        Pressure::Stall => 2,
        Pressure::Reject => 3,
    };
    for (name, help, value) in [
        ("triglot_write_pressure", "Write pressure: 0 calm, 1 flush, 2 stall, 3 reject.", pressure),
        ("triglot_running_queries", "Queries that are running.", metrics.running_queries as u64),
        ("triglot_tables", "Tables of all tenants.", metrics.tables as u64),
    ] {
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    }
}
