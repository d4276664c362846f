//! What holds for every request of the listener.

use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONNECTION, HeaderValue};
use actix_web::middleware::Next;

use crate::app::KwdbApp;
use crate::connections::Connection;
use crate::refusal::Refusal;
use crate::routes::Endpoint;

/// The middleware: `App::new().wrap(from_fn(move |request, next| edge(app.clone(), request, next)))`. Requests on
/// connections beyond `max_connections` are refused.
///
/// # Errors
/// Those of the inner service.
pub async fn edge(
    app: KwdbApp,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_excess = request.conn_data::<Connection>().is_some_and(Connection::is_excess);
    let is_health = request.path().starts_with("/health");
    if !is_excess || is_health {
        return next.call(request).await;
    }
    let limit = app.config.max_connections;
    let refusal = Refusal::Overload(format!("too many connections: the limit is {limit}"));
    let mut refused = app.face.refusal(Endpoint::of(request.path()), &refusal);
    refused.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request.into_response(refused))
}
