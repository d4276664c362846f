//! Requests of browsers' pages of other origins.

use actix_web::HttpResponse;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap,
    HeaderValue, ORIGIN, VARY,
};

use crate::config::CorsOptions;

/// Who may ask where no list says it.
const DEFAULT_ORIGIN: &str = "http://127.0.0.1";
const METHODS: &str = "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS";
const HEADERS: &str = "Origin,Content-Length,Content-Type,Authorization";

/// An origin that may not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// A request of another origin that is allowed.
#[derive(Debug)]
pub(crate) struct Cors<'c> {
    options: &'c CorsOptions,
    origin: HeaderValue,
}

impl<'c> Cors<'c> {
    /// None without an origin.
    ///
    /// # Errors
    /// The origin may not ask: 403.
    pub(crate) fn of(options: &'c CorsOptions, headers: &HeaderMap) -> Result<Option<Self>, Refused> {
        let Some(origin) = headers.get(ORIGIN) else { return Ok(None) };
        if !is_allowed(options, origin.to_str().unwrap_or_default()) {
            return Err(Refused);
        }
        Ok(Some(Self { options, origin: origin.clone() }))
    }

    /// Adds the headers of every answer.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        self.push_origin(headers);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, joined("Authorization", &self.options.expose_headers));
    }

    /// The answer to a browser that asks whether it may ask.
    pub(crate) fn preflight(&self) -> HttpResponse {
        let mut response = HttpResponse::NoContent().finish();
        let headers = response.headers_mut();
        self.push_origin(headers);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, joined(HEADERS, &self.options.allow_headers));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("43200"));
        response
    }

    fn push_origin(&self, headers: &mut HeaderMap) {
        if self.options.allow_credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if self.options.allow_all_origins {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin.clone());
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
    }
}

fn is_allowed(options: &CorsOptions, origin: &str) -> bool {
    if options.allow_all_origins {
        return true;
    }
    if options.allow_origins.is_empty() {
        return origin == DEFAULT_ORIGIN;
    }
    options.allow_origins.iter().any(|allowed| match allowed.split_once('*') {
        None => allowed == origin,
        Some((before, behind)) => {
            origin.len() >= before.len() + behind.len()
                && origin.starts_with(before)
                && origin.ends_with(behind)
        }
    })
}

/// The usual headers and further ones; what cannot stand in a header is left out.
fn joined(usual: &'static str, further: &[String]) -> HeaderValue {
    let all: Vec<&str> = std::iter::once(usual).chain(further.iter().map(String::as_str)).collect();
    HeaderValue::from_str(&all.join(",")).unwrap_or(HeaderValue::from_static(usual))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_matched_with_wildcards() {
        let some = |origins: &[&str]| CorsOptions {
            allow_all_origins: false,
            allow_origins: origins.iter().map(|o| (*o).to_owned()).collect(),
            ..CorsOptions::default()
        };
        for (options, origin, wanted) in [
            (CorsOptions::default(), "http://anything", true),
            (some(&[]), "http://127.0.0.1", true),
            (some(&[]), "http://127.0.0.1:80", false),
            (some(&["https://a.example"]), "https://a.example", true),
            (some(&["https://a.example"]), "https://b.example", false),
            (some(&["https://*.example"]), "https://b.example", true),
            (some(&["https://*.example"]), "https://.example", true),
            (some(&["http://a*a"]), "http://a", false),
        ] {
            assert_eq!(is_allowed(&options, origin), wanted, "{options:?} {origin}");
        }
    }

    #[test]
    fn a_listed_origin_is_named_in_the_answer() {
        let options = CorsOptions {
            allow_all_origins: false,
            allow_origins: vec!["https://a.example".to_owned()],
            allow_headers: vec!["X-Mine".to_owned()],
            allow_credentials: true,
            ..CorsOptions::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static("https://a.example"));
        let answer = Cors::of(&options, &headers).unwrap().unwrap().preflight();
        let value = |name| answer.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!(value(ACCESS_CONTROL_ALLOW_ORIGIN), "https://a.example");
        assert_eq!(value(ACCESS_CONTROL_ALLOW_CREDENTIALS), "true");
        assert_eq!(value(VARY), "Origin");
        assert_eq!(value(ACCESS_CONTROL_ALLOW_HEADERS), format!("{HEADERS},X-Mine"));
        headers.insert(ORIGIN, HeaderValue::from_static("https://b.example"));
        assert_eq!(Cors::of(&options, &headers).unwrap_err(), Refused);
        headers.remove(ORIGIN);
        assert!(Cors::of(&options, &headers).unwrap().is_none());
    }
}
