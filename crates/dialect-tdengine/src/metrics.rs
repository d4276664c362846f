//! `GET /metrics`: Prometheus text, no credentials: the node's own metrics and the vendor's two.

use std::fmt::Write as _;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, web};
use triglot_http::HttpMetrics;

use crate::app::TdengineApp;

pub(crate) async fn metrics(app: web::Data<TdengineApp>) -> HttpResponse {
    let mut text = match app.metrics.text() {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "metrics cannot be encoded");
            return HttpResponse::InternalServerError().finish();
        }
    };
    app.engine.metrics().push_text(&mut text);
    let (cpu, memory) = app.memory.percents();
    for (name, what, value) in [("cpu", "processors", cpu), ("mem", "memory", memory)] {
        let name = format!("taosadapter_system_{name}_percent");
        let _ = write!(
            text,
            "# HELP {name} Percent of the machine's {what} that this process uses.\n# TYPE {name} gauge\n{name} {value}\n"
        );
    }
    HttpResponse::Ok().insert_header((CONTENT_TYPE, HttpMetrics::CONTENT_TYPE)).body(text)
}
