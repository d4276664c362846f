//! Logs: `/api/v1/es/_bulk` and what clients of Elasticsearch ask before they send (sheet section 8, ecosystem.md 2.3),
//! and `/loki/api/v1/push`.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use bytes::Bytes;
use triglot_engine::Batcher;
use triglot_http::{Coding, body, snappy};
use triglot_model::Precision;
use triglot_parse_logs::bulk::Bulk;

use crate::accept;
use crate::app::CnosDbApp;
use crate::auth;
use crate::config::BulkItems;
use crate::error::CnosDbError;
use crate::formats::json::push_string;
use crate::ingest::{Write, store};
use crate::log_params::{LogParams, LogType};
use crate::log_rows;
use crate::metrics;
use crate::params::check_trace_context;

/// Without it clients of Elasticsearch refuse to talk.
const PRODUCT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));

/// The version that clients are told.
const VERSION: &str = "{\"version\":{\"number\":\"8.4.0\"}}";
const LICENSE: &str = "{\"license\":{\"uid\":\"\",\"license_type\":\"oss\",\"status\":\"active\",\
                       \"expiry_date_in_millis\":4000000000000}}";

/// The table of Loki's own path.
const LOKI_TABLE: &str = "loki";

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
    let answer = match stored(&app, &request, payload, LogType::Bulk, None).await {
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
    stored(&app, &request, payload, LogType::Loki, Some(LOKI_TABLE)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn with_product(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(PRODUCT.0, PRODUCT.1);
    answer
}

/// What was stored.
struct Stored {
    log_type: LogType,
    is_proto: bool,
    body: Bytes,
    table: Option<String>,
}

async fn stored(
    app: &CnosDbApp,
    request: &HttpRequest,
    payload: web::Payload,
    default_type: LogType,
    default_table: Option<&str>,
) -> Result<Stored, CnosDbError> {
    let headers = request.headers();
    let limit = app.config.write_sql_limit;
    body::check_declared(headers, limit)?;
    auth::check_present(headers)?;
    let mut params = LogParams::of(request, default_type)?;
    if params.table.is_none() {
        params.table = default_table.map(str::to_owned);
    }
    if params.table.is_none() && params.log_type != LogType::Bulk {
        return Err(CnosDbError::Log("table param is None".to_owned()));
    }
    check_trace_context(headers)?;
    let is_proto = params.log_type == LogType::Loki && is_protobuf(request);
    // Promtail may name the block format as a content encoding; the body is one block either way.
    let coding = if is_proto { Coding::Identity } else { accept::request_coding(headers)? };
    let sent = coding.decode_off_thread(body::read(headers, payload, limit).await?, limit).await?;
    let body = if is_proto { unpacked(sent, limit).await? } else { sent };
    let session = auth::login(app, request, &params.tenant, &params.db).await?;
    let ticket = metrics::count(app, request, &session, "es_bulk", true, body.len());
    let write = Write { session, body: body.clone(), precision: Precision::Nano, api: "es_bulk", ticket };
    let (log_type, table) = (params.log_type, params.table.clone());
    if log_type == LogType::Bulk
        && table.is_none()
        && Bulk::new(&String::from_utf8_lossy(&body)).next().is_none()
    {
        return Err(CnosDbError::Log("table param is None".to_owned()));
    }
    let parse = move |body: &Bytes, batcher: Batcher| match (params.log_type, is_proto) {
        (LogType::Bulk, _) => log_rows::bulk(body, batcher, &params),
        (LogType::NdJson, _) => log_rows::ndjson(body, batcher, &params),
        (LogType::Loki, false) => log_rows::loki_json(body, batcher, &params),
        (LogType::Loki, true) => log_rows::loki_proto(body, batcher, &params),
    };
    store(app, write, parse).await?;
    Ok(Stored { log_type, is_proto, body, table })
}

fn is_protobuf(request: &HttpRequest) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.split(';').next().unwrap_or_default().trim() == "application/x-protobuf")
}

/// The vendor blames the type of a block that cannot be decoded.
async fn unpacked(packed: Bytes, limit: usize) -> Result<Bytes, CnosDbError> {
    let plain = web::block(move || snappy::decode_block(&packed, limit)).await;
    match plain {
        Ok(Ok(plain)) => Ok(plain),
        Ok(Err(triglot_http::coding::DecodeError::TooLarge { .. })) => Err(CnosDbError::TooLarge),
        _ => Err(CnosDbError::Log("invalid log type: loki".to_owned())),
    }
}

impl Stored {
    fn response(&self, app: &CnosDbApp, begun: Instant) -> HttpResponse {
        match (self.log_type, self.is_proto) {
            (LogType::Bulk, _) => {
                let took = begun.elapsed().as_millis();
                let body = account(&self.body, self.table.as_deref(), app.config.bulk_items, took);
                HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(body)
            }
            // The Python handler of Loki takes nothing but 204.
            (LogType::Loki, false) => HttpResponse::NoContent().finish(),
            (LogType::NdJson, _) | (LogType::Loki, true) => HttpResponse::build(StatusCode::OK).finish(),
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
