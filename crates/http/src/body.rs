//! Request bodies, read under a limit.

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

/// The most that is reserved ahead on the word of a `Content-Length`.
const MAX_RESERVE: u64 = 1 << 20;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The declared or the counted length exceeds the limit.
    #[error("body exceeds the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The client went away, or sent a malformed chunk.
    #[error("body ended early: {0}")]
    Aborted(String),
}

/// The `Content-Length`, if there is one that is a number.
pub fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Refuses a body by its declared length, before anything of it is read.
pub fn check_declared(headers: &HeaderMap, limit: usize) -> Result<(), BodyError> {
    match declared_length(headers) {
        Some(length) if length > limit as u64 => Err(BodyError::TooLarge { limit }),
        _ => Ok(()),
    }
}

/// Reads a whole body, sized or chunked, of at most `limit` bytes.
pub async fn read(headers: &HeaderMap, mut payload: web::Payload, limit: usize) -> Result<Bytes, BodyError> {
    check_declared(headers, limit)?;
    let expected = declared_length(headers).unwrap_or(0).min(MAX_RESERVE) as usize;
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|e| BodyError::Aborted(e.to_string()))?;
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        if body.is_empty() {
            body.reserve(expected.max(chunk.len()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::dev::Payload;
    use actix_web::error::PayloadError;
    use actix_web::http::header::HeaderValue;
    use actix_web::{FromRequest, test::TestRequest};

    async fn chunked(chunks: &[&'static str]) -> web::Payload {
        let items: Vec<Result<Bytes, PayloadError>> =
            chunks.iter().map(|c| Ok(Bytes::from_static(c.as_bytes()))).collect();
        let mut payload: Payload = Payload::Stream { payload: Box::pin(futures::stream::iter(items)) };
        let request = TestRequest::default().to_http_request();
        web::Payload::from_request(&request, &mut payload).await.unwrap()
    }

    #[actix_web::test]
    async fn bodies_without_length_are_counted() {
        let none = HeaderMap::new();
        assert_eq!(read(&none, chunked(&["ab", "cd"]).await, 4).await.unwrap(), "abcd");
        assert!(matches!(
            read(&none, chunked(&["ab", "cde"]).await, 4).await,
            Err(BodyError::TooLarge { limit: 4 })
        ));
    }

    #[actix_web::test]
    async fn a_declared_length_over_the_limit_is_refused_unread() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("5"));
        assert!(matches!(read(&headers, chunked(&[]).await, 4).await, Err(BodyError::TooLarge { .. })));
        assert!(check_declared(&headers, 5).is_ok());
    }
}
