//! `/health/live` and `/health/ready`, the same on every listener.

use std::sync::Arc;

use actix_web::{HttpResponse, web};

/// Whether the node can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// Not now (recovering, draining, out of disk); the text says why.
    NotReady(String),
}

/// Answers the question of `/health/ready`; must not block.
pub type ReadyProbe = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// Mounts both routes (GET and HEAD). `live` is 200 as long as the process answers at all;
/// `ready` is 200 or 503 with the reason as text.
pub fn configure(cfg: &mut web::ServiceConfig, probe: ReadyProbe) {
    cfg.service(web::resource("/health/live").route(web::get().to(live)).route(web::head().to(live)));
    let head = probe.clone();
    cfg.service(
        web::resource("/health/ready")
            .route(web::get().to(move || ready(probe())))
            .route(web::head().to(move || ready(head()))),
    );
}

async fn live() -> HttpResponse {
    text(HttpResponse::Ok(), "ok\n".to_owned())
}

async fn ready(state: Readiness) -> HttpResponse {
    match state {
        Readiness::Ready => text(HttpResponse::Ok(), "ready\n".to_owned()),
        Readiness::NotReady(why) => text(HttpResponse::ServiceUnavailable(), format!("{why}\n")),
    }
}

fn text(mut response: actix_web::HttpResponseBuilder, body: String) -> HttpResponse {
    response.insert_header(("cache-control", "no-store")).content_type("text/plain; charset=utf-8").body(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{App, test};
    use std::sync::atomic::{AtomicBool, Ordering};

    #[actix_web::test]
    async fn ready_follows_the_probe_and_live_does_not() {
        let up = Arc::new(AtomicBool::new(false));
        let seen = up.clone();
        let probe: ReadyProbe = Arc::new(move || match seen.load(Ordering::SeqCst) {
            true => Readiness::Ready,
            false => Readiness::NotReady("recovering".to_owned()),
        });
        let app = test::init_service(App::new().configure(|c| configure(c, probe))).await;
        let get = |path: &str| test::TestRequest::get().uri(path).to_request();
        assert_eq!(test::call_service(&app, get("/health/live")).await.status(), 200);
        let refused = test::call_service(&app, get("/health/ready")).await;
        assert_eq!(refused.status(), 503);
        assert_eq!(test::read_body(refused).await, "recovering\n");
        up.store(true, Ordering::SeqCst);
        assert_eq!(test::call_service(&app, get("/health/ready")).await.status(), 200);
    }
}
