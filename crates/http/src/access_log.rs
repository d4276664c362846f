//! One log line and one metrics record per request, and the request id.
//!
//! The line has method, path, status, bytes, duration, peer and id. Never headers and never the
//! query string: both may hold credentials.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use bytes::Bytes;

use crate::body::declared_length;
use crate::metrics::{HttpMetrics, RequestRecord};
use crate::usage::Ticket;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The id of a request: the client's own `X-Request-Id` if it is short and plain, else a new one.
/// In the request's extensions and in the response header `x-request-id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

impl RequestId {
    fn of(headers: &HeaderMap, started: Instant) -> Self {
        let plain = |id: &&str| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match headers.get(&REQUEST_ID).and_then(|v| v.to_str().ok()).filter(plain) {
            Some(id) => Self(id.to_owned()),
            None => {
                // The address of a live value and the counter tell processes and requests apart.
                let salt = (&raw const NEXT_ID as usize as u64)
                    ^ (&raw const started as usize as u64).rotate_left(32);
                Self(format!("{:08x}{:08x}", salt as u32, NEXT_ID.fetch_add(1, Ordering::Relaxed)))
            }
        }
    }
}

/// What the access log needs to know of its listener. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AccessLog {
    /// The dialect of the listener, a metrics label.
    pub dialect: &'static str,
    /// Where requests are counted.
    pub metrics: HttpMetrics,
}

/// The middleware: `App::new().wrap(from_fn(move |req, next| observe(log.clone(), req, next)))`.
pub async fn observe<B: MessageBody + 'static>(
    log: AccessLog,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Metered>, Error> {
    let started = Instant::now();
    let id = RequestId::of(request.headers(), started);
    request.extensions_mut().insert(id.clone());
    let bytes_in = declared_length(request.headers()).unwrap_or(0);
    log.metrics.in_flight(log.dialect, 1);
    let guard = InFlight(log.clone());
    let mut response = next.call(request).await?;
    // A dialect whose requests have numbers of their own puts that in the place of ours.
    let id = response.request().extensions().get::<RequestId>().cloned().unwrap_or(id);
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    let entry = Entry {
        route: response.request().match_pattern().unwrap_or_else(|| "other".to_owned()),
        method: response.request().method().to_string(),
        path: response.request().path().to_owned(),
        peer: response.request().peer_addr().map(|a| a.to_string()).unwrap_or_default(),
        status: response.status().as_u16(),
        id,
        bytes_in,
        ticket: response.request().extensions().get::<Ticket>().cloned(),
        started,
        guard,
    };
    Ok(response.map_body(|_, body| Metered { body: body.boxed(), sent: 0, entry }))
}

#[derive(Debug)]
struct InFlight(AccessLog);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.metrics.in_flight(self.0.dialect, -1);
    }
}

#[derive(Debug)]
struct Entry {
    route: String,
    method: String,
    path: String,
    peer: String,
    status: u16,
    id: RequestId,
    bytes_in: u64,
    ticket: Option<Ticket>,
    started: Instant,
    guard: InFlight,
}

/// A response body that counts what is sent and writes the log line when it is done or dropped.
#[derive(Debug)]
pub struct Metered {
    body: BoxBody,
    sent: u64,
    entry: Entry,
}

impl MessageBody for Metered {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_next(cx);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            this.sent += chunk.len() as u64;
        }
        polled
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        let e = &self.entry;
        let duration = e.started.elapsed();
        let AccessLog { dialect, metrics } = &e.guard.0;
        metrics.record(&RequestRecord {
            dialect,
            route: &e.route,
            status: e.status,
            bytes_in: e.bytes_in,
            bytes_out: self.sent,
            duration,
        });
        if let Some(ticket) = &e.ticket {
            ticket.done(self.sent, duration);
        }
        tracing::info!(
            target: "triglot::access",
            method = %e.method,
            path = %e.path,
            status = e.status,
            bytes = self.sent,
            duration_us = duration.as_micros() as u64,
            peer = %e.peer,
            request_id = %e.id.0,
            dialect,
            "request"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::BuildInfo;
    use actix_web::middleware::from_fn;
    use actix_web::{App, HttpResponse, test, web};

    #[actix_web::test]
    async fn requests_are_counted_by_template_and_get_an_id() {
        let metrics = HttpMetrics::new(BuildInfo { version: "1", revision: "r" }).unwrap();
        let log = AccessLog { dialect: "test", metrics: metrics.clone() };
        let app = test::init_service(
            App::new()
                .wrap(from_fn(move |req, next| observe(log.clone(), req, next)))
                .route("/a/{x}", web::get().to(|| async { HttpResponse::Ok().body("12345") })),
        )
        .await;
        for uri in ["/a/1?password=p", "/a/2", "/unknown"] {
            let request =
                test::TestRequest::get().uri(uri).insert_header(("x-request-id", "my-id.1")).to_request();
            let response = test::call_service(&app, request).await;
            assert_eq!(response.headers().get("x-request-id").unwrap(), "my-id.1");
            test::read_body(response).await;
        }
        let hostile =
            test::TestRequest::get().uri("/a/1").insert_header(("x-request-id", "a b")).to_request();
        let response = test::call_service(&app, hostile).await;
        assert_ne!(response.headers().get("x-request-id").unwrap(), "a b");
        drop(response);
        let text = metrics.text().unwrap();
        for line in [
            "triglot_http_requests_total{dialect=\"test\",route=\"/a/{x}\",status=\"2xx\"} 3",
            "triglot_http_requests_total{dialect=\"test\",route=\"other\",status=\"4xx\"} 1",
            "triglot_http_response_bytes_total{dialect=\"test\",route=\"/a/{x}\"} 10",
            "triglot_http_requests_in_flight{dialect=\"test\"} 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }
}
