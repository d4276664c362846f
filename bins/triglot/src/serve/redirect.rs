//! A port that speaks TLS and sends those who do not to where they should go.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, map_config};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::LOCATION;
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use triglot_dialect_kwdb::Connections;
use triglot_http::health;
use triglot_http::split::TlsOrPlain;
use triglot_http::tls::CertificateStore;

use crate::Failure;
use crate::config::Config;

/// As actix-web's own.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves `application` over TLS. Plain requests are answered 307 with the same host and URI, but for those after
/// the server's health.
pub(super) fn server<F, T, B>(
    config: &Config,
    sockets: Vec<TcpListener>,
    certificate: &Arc<CertificateStore>,
    connections: &Connections,
    probe: &health::ReadyProbe,
    application: F,
) -> Result<Server, Failure>
where
    F: Fn() -> App<T> + Clone + Send + 'static,
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    T::Future: 'static,
    B: MessageBody + 'static,
{
    let workers = config.workers();
    let keep_alive = config.server.keep_alive.0;
    let mut builder = Server::build()
        .workers(workers)
        .max_concurrent_connections(config.server.max_connections.div_ceil(workers))
        .disable_signals();
    for socket in sockets {
        let tls = certificate.server_config().map_err(|e| Failure::doing("TLS", e))?;
        let (application, connections, probe) = (application.clone(), connections.clone(), Arc::clone(probe));
        builder = builder.listen("kwdb", socket, move || {
            let connections = connections.clone();
            let secure = HttpService::build()
                .keep_alive(keep_alive)
                .client_request_timeout(REQUEST_TIMEOUT)
                .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                .tcp_nodelay(true)
                .on_connect_ext(move |_, data| {
                    data.insert(connections.enter());
                })
                .finish(map_config(
                    application().into_factory().map_err(|error| error.error_response()),
                    |()| AppConfig::default(),
                ))
                .rustls_0_23(tls.clone());
            let probe = Arc::clone(&probe);
            let plain = App::new()
                .configure(|c| health::configure(c, probe))
                .configure(triglot_dialect_kwdb::health)
                .default_service(web::to(elsewhere));
            let plain = HttpService::build()
                .client_request_timeout(REQUEST_TIMEOUT)
                .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                .finish(map_config(
                    plain.into_factory().map_err(|error: Error| error.error_response()),
                    |()| AppConfig::default(),
                ))
                .tcp();
            TlsOrPlain { tls: secure, plain }
        })?;
    }
    Ok(builder.run())
}

async fn elsewhere(request: HttpRequest) -> HttpResponse {
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).filter(|host| is_host(host));
    let Some(host) = host else { return HttpResponse::BadRequest().body("a Host header is needed\n") };
    let uri = request.uri().path_and_query().map_or("/", |uri| uri.as_str());
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, format!("https://{host}{uri}"))).finish()
}

/// Whether a text is a host, with or without a port, and nothing that leads elsewhere.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b))
}
