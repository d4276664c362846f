//! Draining: requests under way are counted to the last byte of their answers, new ones on kept-alive
//! connections are refused. (actix's own graceful stop waits for idle connections, too.)

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONNECTION, HeaderValue, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use tokio::sync::Notify;

/// Shared by all listeners.
#[derive(Clone, Debug, Default)]
pub(super) struct Drain(Arc<State>);

#[derive(Debug, Default)]
struct State {
    draining: AtomicBool,
    running: AtomicUsize,
    idle: Notify,
}

impl Drain {
    /// From now on new requests are refused.
    pub(super) fn begin(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Waits until no request runs, at most `limit`; how many are left.
    pub(super) async fn wait(&self, limit: Duration) -> usize {
        let idle = async {
            loop {
                let changed = self.0.idle.notified();
                if self.0.running.load(Ordering::SeqCst) == 0 {
                    return;
                }
                changed.await;
            }
        };
        // What is left when the time is over is the answer, not an error.
        let _ = tokio::time::timeout(limit, idle).await;
        self.0.running.load(Ordering::SeqCst)
    }

    /// The middleware.
    pub(super) async fn guard(
        self,
        request: ServiceRequest,
        next: Next<BoxBody>,
    ) -> Result<ServiceResponse<Counted>, Error> {
        let running = Running::new(&self.0);
        if self.is_draining() && !request.path().starts_with("/health/") {
            let refused = HttpResponse::ServiceUnavailable()
                .insert_header((CONNECTION, HeaderValue::from_static("close")))
                .insert_header((RETRY_AFTER, HeaderValue::from_static("5")))
                .body("the server is stopping\n");
            let response = request.into_response(refused);
            return Ok(response.map_body(|_, body| Counted { body, _running: running }));
        }
        let response = next.call(request).await?;
        Ok(response.map_body(|_, body| Counted { body, _running: running }))
    }
}

/// One request under way.
#[derive(Debug)]
struct Running(Arc<State>);

impl Running {
    fn new(state: &Arc<State>) -> Self {
        state.running.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(state))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

/// A body that keeps its request counted until it is sent or dropped.
#[derive(Debug)]
pub(super) struct Counted {
    body: BoxBody,
    _running: Running,
}

impl MessageBody for Counted {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::middleware::from_fn;
    use actix_web::{App, test, web};

    #[actix_web::test]
    async fn running_requests_are_waited_for_and_new_ones_refused() {
        let drain = Drain::default();
        let guard = drain.clone();
        let app = test::init_service(
            App::new()
                .route("/x", web::get().to(|| async { "long answer" }))
                .route("/health/live", web::get().to(|| async { "ok" }))
                .wrap(from_fn(move |request, next| guard.clone().guard(request, next))),
        )
        .await;
        let get = |path: &str| test::TestRequest::get().uri(path).to_request();
        let unsent = test::call_service(&app, get("/x")).await;
        drain.begin();
        assert_eq!(drain.wait(Duration::ZERO).await, 1, "its body is not sent yet");
        let refused = test::call_service(&app, get("/x")).await;
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers().get("connection").unwrap(), "close");
        drop(refused);
        assert_eq!(test::call_service(&app, get("/health/live")).await.status(), 200);
        assert_eq!(test::read_body(unsent).await, "long answer");
        assert_eq!(drain.wait(Duration::from_secs(60)).await, 0);
    }
}
