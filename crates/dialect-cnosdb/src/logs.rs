//! Logs: `/api/v1/es/_bulk` and what clients of Elasticsearch ask before they send (sheet section 8, ecosystem.md 2.3),
//! and `/loki/api/v1/push`.

use std::time::Instant;

use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use bytes::Bytes;
use triglot_engine::Batcher;
use triglot_parse_logs::bulk::Bulk;

use crate::app::CnosDbApp;
use crate::config::BulkItems;
use crate::error::CnosDbError;
use crate::formats::json::push_string;
use crate::ingest::{receive, store};
use crate::log_params::{LogParams, LogType};
use crate::log_rows;

/// Without it clients of Elasticsearch refuse to talk.
const PRODUCT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));

/// The version that clients are told.
const VERSION: &str = "{\"version\":{\"number\":\"8.4.0\"}}";
const LICENSE: &str = "{\"license\":{\"uid\":\"\",\"license_type\":\"oss\",\"status\":\"active\",\
                       \"expiry_date_in_millis\":4000000000000}}";

/// `GET`, `HEAD /api/v1/es`.
pub(crate) async fn version() -> HttpResponse {
    HttpResponse::Ok().insert_header(PRODUCT).insert_header((CONTENT_TYPE, "application/json")).body(VERSION)
}

/// `GET`, `HEAD /api/v1/es/_license`.
pub(crate) async fn license() -> HttpResponse {
    HttpResponse::Ok().insert_header(PRODUCT).insert_header((CONTENT_TYPE, "application/json")).body(LICENSE)
}

/// Templates, pipelines, policies and nodes: 200, so that agents start.
pub(crate) async fn accepted() -> HttpResponse {
    HttpResponse::Ok().insert_header(PRODUCT).finish()
}

/// `POST`, `PUT /api/v1/es/_bulk` and `/_bulk`.
pub(crate) async fn bulk(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let begun = Instant::now();
    let answer = match stored(&app, &request, payload, LogParams::of_bulk).await {
        Ok(stored) => stored.response(&app, begun),
        Err(error) => error.error_response(),
    };
    with_product(answer)
}

/// `POST /loki/api/v1/push`: 204, as Loki answers.
pub(crate) async fn push(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    stored(&app, &request, payload, LogParams::of_push).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn with_product(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(PRODUCT.0, PRODUCT.1);
    answer
}

/// What was stored.
struct Stored {
    params: LogParams,
    body: Bytes,
}

async fn stored(
    app: &CnosDbApp,
    request: &HttpRequest,
    payload: web::Payload,
    read: impl FnOnce(&HttpRequest) -> Result<LogParams, CnosDbError>,
) -> Result<Stored, CnosDbError> {
    let (params, write) = receive(app, request, payload, "es_bulk", read).await?;
    let (body, of_rows) = (write.body.clone(), params.clone());
    let parse = move |body: &Bytes, batcher: &mut Batcher| log_rows::add(body, batcher, &of_rows);
    store(app, write, parse).await?;
    Ok(Stored { params, body })
}

impl Stored {
    fn response(&self, app: &CnosDbApp, begun: Instant) -> HttpResponse {
        match self.params.log_type {
            LogType::Bulk => {
                let took = begun.elapsed().as_millis();
                let table = self.params.table.as_deref();
                let body = account(&self.body, table, app.config.bulk_items, took);
                HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(body)
            }
            // The Python handler of Loki takes nothing but 204.
            LogType::LokiJson => HttpResponse::NoContent().finish(),
            LogType::NdJson | LogType::LokiProto => HttpResponse::Ok().finish(),
        }
    }
}

/// `{"took":…,"errors":false,"items":[…]}`: an object for each document under its action's name, or the vendor's
/// strings.
fn account(body: &[u8], table: Option<&str>, items: BulkItems, took: u128) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let mut out = format!("{{\"took\":{took},\"errors\":false,\"items\":[").into_bytes();
    for (at, item) in Bulk::new(&text).flatten().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if items == BulkItems::String {
            out.extend_from_slice(br#""{\"create\":{\"status\":201}}""#);
            continue;
        }
        out.extend_from_slice(format!("{{\"{}\":{{\"_index\":", item.op.name()).as_bytes());
        push_string(&mut out, table.or(item.index.as_deref()).unwrap_or_default());
        if let Some(id) = &item.id {
            out.extend_from_slice(b",\"_id\":");
            push_string(&mut out, id);
        }
        out.extend_from_slice(b",\"status\":201}}");
    }
    out.extend_from_slice(b"]}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_objects_or_the_vendors_strings() {
        let body = b"{\"index\":{\"_index\":\"i\",\"_id\":7}}\n{}\n{\"create\":{}}\n{}\n";
        let text = |items| String::from_utf8(account(body, Some("t"), items, 3)).unwrap();
        assert_eq!(
            text(BulkItems::Object),
            r#"{"took":3,"errors":false,"items":[{"index":{"_index":"t","_id":"7","status":201}},{"create":{"_index":"t","status":201}}]}"#
        );
        assert_eq!(
            text(BulkItems::String),
            r#"{"took":3,"errors":false,"items":["{\"create\":{\"status\":201}}","{\"create\":{\"status\":201}}"]}"#
        );
    }
}
