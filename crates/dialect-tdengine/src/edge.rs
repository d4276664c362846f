//! What holds for every request and answer of the listener: CORS and gzip in both directions.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use bytes::Bytes;
use triglot_http::body::{self, BodyError};
use triglot_http::coding::DecodeError;
use triglot_http::{Coding, Encoder};

use crate::app::TdengineApp;
use crate::cors::{Cors, Refused};
use crate::error::AdapterError;
use crate::limits::Pause;

/// The middleware: `App::new().wrap(from_fn(move |request, next| edge(app.clone(), request, next)))`.
///
/// # Errors
/// Those of the inner service.
pub async fn edge<B: MessageBody + 'static>(
    app: TdengineApp,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let cors = match Cors::of(&app.config.cors, request.headers()) {
        Ok(cors) => cors,
        Err(Refused) => return Ok(request.into_response(HttpResponse::Forbidden().finish())),
    };
    if let Some(cors) = &cors
        && request.method() == Method::OPTIONS
    {
        return Ok(request.into_response(cors.preflight()));
    }
    if request.path().starts_with("/rest/") && app.memory.pause() == Pause::All {
        let paused = AdapterError::Paused("memory exceeds threshold").response(&app.config, Instant::now());
        return Ok(request.into_response(paused));
    }
    let is_gzip = accepts_gzip(request.headers());
    if contains(request.headers(), &CONTENT_ENCODING, "gzip")
        && let Err(refused) = inflate(&mut request, app.config.body_limit).await
    {
        return Ok(request.into_response(refused));
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(cors) = &cors {
        cors.mark(response.headers_mut());
    }
    let is_plain = !response.headers().contains_key(CONTENT_ENCODING);
    if is_gzip && is_plain && response.status().as_u16() < 400 && has_body(&response) {
        return deflate(response);
    }
    Ok(response)
}

fn contains(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers.get_all(name).any(|value| value.to_str().is_ok_and(|text| text.contains(word)))
}

/// Whether an answer may be compressed.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    contains(headers, &ACCEPT_ENCODING, "gzip") && !contains(headers, &CONNECTION, "Upgrade")
}

/// Replaces the body by what it is when decompressed. A body that is no gzip at all is 400; one that
/// breaks later breaks for the route as one that ends early.
async fn inflate(request: &mut ServiceRequest, limit: usize) -> Result<(), HttpResponse> {
    let payload = request.extract::<web::Payload>().await;
    let packed = match payload {
        Ok(payload) => body::read(request.headers(), payload, limit).await,
        Err(error) => Err(BodyError::Aborted(error.to_string())),
    };
    for name in [CONTENT_ENCODING, CONTENT_LENGTH] {
        request.headers_mut().remove(name);
    }
    let plain = match packed {
        Ok(packed) if !packed.is_empty() && !packed.starts_with(&[0x1f, 0x8b]) => {
            return Err(HttpResponse::BadRequest().finish());
        }
        Ok(packed) => Coding::Gzip.decode_off_thread(packed, limit).await,
        Err(BodyError::TooLarge { limit }) => Err(DecodeError::TooLarge { limit }),
        Err(BodyError::Aborted(reason)) => Err(DecodeError::Malformed(std::io::Error::other(reason))),
    };
    match plain {
        Ok(plain) => request.set_payload(Payload::from(plain)),
        Err(DecodeError::TooLarge { .. }) => {
            return Err(HttpResponse::build(StatusCode::PAYLOAD_TOO_LARGE).finish());
        }
        Err(DecodeError::Malformed(_)) => {
            let broken = futures::stream::once(std::future::ready(Err(PayloadError::EncodingCorrupted)));
            request.set_payload(Payload::Stream { payload: Box::pin(broken) });
        }
    }
    Ok(())
}

fn has_body(response: &ServiceResponse<BoxBody>) -> bool {
    !matches!(response.response().body().size(), BodySize::None | BodySize::Sized(0))
}

fn deflate(mut response: ServiceResponse<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let encoder = Encoder::new(Coding::Gzip)?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.remove(CONTENT_LENGTH);
    Ok(response.map_body(|_, body| Deflating { body, encoder: Some(encoder) }).map_into_boxed_body())
}

/// A body that is compressed as it is sent.
struct Deflating {
    body: BoxBody,
    /// None when the end was sent.
    encoder: Option<Encoder>,
}

impl MessageBody for Deflating {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.get_mut();
        loop {
            let Some(encoder) = this.encoder.as_mut() else { return Poll::Ready(None) };
            let encoded = match std::task::ready!(Pin::new(&mut this.body).poll_next(cx)) {
                Some(Ok(plain)) => encoder.push(plain.to_vec()),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => match this.encoder.take() {
                    Some(encoder) => encoder.finish(),
                    None => return Poll::Ready(None),
                },
            };
            match encoded {
                // Nothing yet; an empty chunk would end the body.
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(bytes))),
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }
}
