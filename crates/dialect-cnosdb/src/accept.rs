//! `Accept`, `Accept-Encoding` and `Content-Encoding`, each read as the vendor reads it: exactly.

use actix_web::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap};
use triglot_http::Coding;

use crate::error::CnosDbError;
use crate::formats::Format;

const CODINGS: [(&str, Coding); 7] = [
    ("gzip", Coding::Gzip),
    ("deflate", Coding::DeflateRaw),
    ("br", Coding::Brotli),
    ("zstd", Coding::Zstd),
    ("snappy", Coding::SnappyFramed),
    ("lz4", Coding::Lz4Frame),
    ("identity", Coding::Identity),
];

fn coding(name: &str) -> Option<(&'static str, Coding)> {
    CODINGS.into_iter().find(|(n, _)| *n == name)
}

fn text(headers: &HeaderMap, name: actix_web::http::header::HeaderName) -> Option<String> {
    headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
}

/// The result format that `Accept` asks for. The header is compared as one value: lists and
/// parameters are refused.
pub(crate) fn format(headers: &HeaderMap) -> Result<Format, CnosDbError> {
    let accept = text(headers, ACCEPT).unwrap_or_default();
    if matches!(accept.as_str(), "" | "*/*" | "application/*") {
        return Ok(Format::Csv);
    }
    let name = accept.strip_prefix("application/").or_else(|| accept.strip_prefix("text/")).unwrap_or("");
    [
        ("csv", Format::Csv),
        ("tsv", Format::Tsv),
        ("json", Format::Json),
        ("nd-json", Format::NdJson),
        ("table", Format::Table),
    ]
    .into_iter()
    .find(|(n, _)| name.eq_ignore_ascii_case(n))
    .map(|(_, format)| format)
    .ok_or_else(|| CnosDbError::Header(format!("Invalid header: accept type not support: {accept}")))
}

/// The coding of the response and the name to send back; none without the header.
pub(crate) fn response_coding(headers: &HeaderMap) -> Result<Option<(&'static str, Coding)>, CnosDbError> {
    let Some(accepted) = text(headers, ACCEPT_ENCODING) else { return Ok(None) };
    match accepted.split(',').find_map(|name| coding(name.trim())) {
        Some(found) => Ok(Some(found)),
        None => Err(CnosDbError::Header(format!(
            "accept encoding not support: {accepted}, only support: gzip, deflate, br, zstd, snappy, lz4, identity"
        ))),
    }
}

/// The coding of the request body.
pub(crate) fn request_coding(headers: &HeaderMap) -> Result<Coding, CnosDbError> {
    let Some(name) = text(headers, CONTENT_ENCODING) else { return Ok(Coding::Identity) };
    coding(&name)
        .map(|(_, coding)| coding)
        .ok_or_else(|| CnosDbError::Header(format!("content encoding not support: {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn accept_is_exact() {
        for (value, wanted) in [
            ("", Format::Csv),
            ("*/*", Format::Csv),
            ("application/*", Format::Csv),
            ("application/csv", Format::Csv),
            ("text/csv", Format::Csv),
            ("text/TSV", Format::Tsv),
            ("application/json", Format::Json),
            ("text/Json", Format::Json),
            ("application/nd-json", Format::NdJson),
            ("text/table", Format::Table),
        ] {
            assert_eq!(format(&with(ACCEPT, value)).unwrap(), wanted, "{value}");
        }
        assert_eq!(format(&HeaderMap::new()).unwrap(), Format::Csv);
        for value in
            ["*", "text/*", "application/json, */*", "application/json;q=1", "Application/json", "text/html"]
        {
            let error = format(&with(ACCEPT, value)).unwrap_err().to_string();
            assert_eq!(error, format!("Invalid header: Invalid header: accept type not support: {value}"));
        }
    }

    #[test]
    fn the_first_known_response_coding_wins() {
        let name = |v: &str| response_coding(&with(ACCEPT_ENCODING, v)).map(|c| c.map(|(n, _)| n));
        assert_eq!(name("gzip").unwrap(), Some("gzip"));
        assert_eq!(name("zip, br ,gzip").unwrap(), Some("br"));
        assert_eq!(name("identity").unwrap(), Some("identity"));
        assert_eq!(response_coding(&HeaderMap::new()).unwrap(), None);
        for value in ["*", "gzip;q=1", "GZIP"] {
            assert_eq!(
                name(value).unwrap_err().to_string(),
                format!(
                    "Invalid header: accept encoding not support: {value}, only support: gzip, deflate, br, zstd, snappy, lz4, identity"
                )
            );
        }
    }

    #[test]
    fn request_codings_are_exact_names() {
        assert_eq!(request_coding(&with(CONTENT_ENCODING, "deflate")).unwrap(), Coding::DeflateRaw);
        assert_eq!(request_coding(&HeaderMap::new()).unwrap(), Coding::Identity);
        for value in ["Gzip", "gzip, br", "compress"] {
            assert_eq!(
                request_coding(&with(CONTENT_ENCODING, value)).unwrap_err().to_string(),
                format!("Invalid header: content encoding not support: {value}")
            );
        }
    }
}
