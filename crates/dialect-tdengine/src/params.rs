//! Query parameters. Unknown ones are ignored, names are case-sensitive, of repeated ones the first counts,
//! and an empty one counts as absent.

use actix_web::HttpRequest;
use actix_web::web::Query;
use chrono_tz::Tz;

use crate::error::AdapterError;

/// The parameters of a URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string());
        Self(pairs.map(Query::into_inner).unwrap_or_default())
    }

    /// The value of a parameter that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(n, _)| n == name)?;
        Some(value.as_str()).filter(|v| !v.is_empty())
    }

    /// `req_id`; none = one is to be made.
    pub(crate) fn request_id(&self) -> Result<Option<i64>, AdapterError> {
        let Some(text) = self.get("req_id") else { return Ok(None) };
        match text.parse() {
            Ok(0) => Ok(None),
            Ok(id) => Ok(Some(id)),
            Err(_) => {
                Err(AdapterError::Parameter(format!("illegal param, req_id must be numeric: {text:?}")))
            }
        }
    }

    /// The zones of literals and of output, given the server's own.
    pub(crate) fn zones(&self, server: Tz) -> Result<Zones, AdapterError> {
        let read = |name: &str| match self.get(name) {
            None => Ok(None),
            Some("Local") => Ok(Some(server)),
            Some(text) => match text.parse() {
                Ok(zone) => Ok(Some(zone)),
                Err(_) => Err(AdapterError::Parameter(format!("unknown time zone {text}"))),
            },
        };
        // `tz` is not even looked at beside `conn_tz`.
        let Some(both) = read("conn_tz")? else {
            return Ok(Zones { literals: server, output: read("tz")?.unwrap_or(Tz::UTC) });
        };
        Ok(Zones { literals: both, output: both })
    }

    /// `row_with_meta`: whether rows are objects.
    pub(crate) fn row_with_meta(&self) -> Result<bool, AdapterError> {
        self.boolean("row_with_meta")
    }

    /// A boolean in Go's spellings, false if it is not there.
    pub(crate) fn boolean(&self, name: &str) -> Result<bool, AdapterError> {
        match self.get(name) {
            None | Some("0" | "f" | "F" | "FALSE" | "false" | "False") => Ok(false),
            Some("1" | "t" | "T" | "TRUE" | "true" | "True") => Ok(true),
            Some(text) => {
                Err(AdapterError::Parameter(format!("illegal param, {name} must be boolean: {text:?}")))
            }
        }
    }

    /// `timing`: whether the answer says how long it took.
    pub(crate) fn timing(&self) -> bool {
        self.get("timing") == Some("true")
    }
}

/// The zones of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zones {
    /// Of literals without a zone, of days and months.
    pub(crate) literals: Tz,
    /// Of times in the answer.
    pub(crate) output: Tz,
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn params(query: &str) -> Params {
        Params::of(&TestRequest::with_uri(&format!("/rest/sql?{query}")).to_http_request())
    }

    #[test]
    fn request_ids_are_numbers() {
        for (query, wanted) in [
            ("", None),
            ("req_id=", None),
            ("req_id=0", None),
            ("req_id=7", Some(7)),
            ("req_id=-1", Some(-1)),
        ] {
            assert_eq!(params(query).request_id(), Ok(wanted), "{query}");
        }
        for query in ["req_id=x", "req_id=1.5", "req_id=9223372036854775808"] {
            let text = params(query).request_id().unwrap_err().to_string();
            assert!(text.starts_with("illegal param, req_id must be numeric"), "{text}");
        }
    }

    #[test]
    fn conn_tz_wins_over_tz() {
        let server = Tz::Europe__Berlin;
        let zones = |query: &str| params(query).zones(server);
        let both = |literals, output| Ok(Zones { literals, output });
        assert_eq!(zones(""), both(server, Tz::UTC));
        assert_eq!(zones("tz=Asia/Shanghai"), both(server, Tz::Asia__Shanghai));
        let moscow = both(Tz::Europe__Moscow, Tz::Europe__Moscow);
        assert_eq!(zones("tz=Asia/Shanghai&conn_tz=Europe/Moscow"), moscow);
        assert_eq!(zones("conn_tz=Europe/Moscow&tz=nonsense"), moscow);
        assert_eq!(zones("conn_tz=Local"), both(server, server));
        assert_eq!(zones("tz=UTC"), both(server, Tz::UTC));
        for query in ["conn_tz=Mars/Base", "tz=Mars/Base"] {
            assert_eq!(zones(query).unwrap_err().to_string(), "unknown time zone Mars/Base");
        }
    }

    #[test]
    fn booleans_are_gos() {
        for text in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(params(&format!("row_with_meta={text}")).row_with_meta(), Ok(true));
        }
        for text in ["", "0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(params(&format!("row_with_meta={text}")).row_with_meta(), Ok(false));
        }
        let text = params("row_with_meta=yes").row_with_meta().unwrap_err().to_string();
        assert!(text.starts_with("illegal param, row_with_meta must be boolean"), "{text}");
        assert!(
            params("timing=true").timing() && !params("timing=1").timing() && !params("timing=True").timing()
        );
    }

    #[test]
    fn the_first_of_several_counts_and_names_are_exact() {
        assert_eq!(params("app=a&app=b").get("app"), Some("a"));
        assert_eq!(params("APP=a").get("app"), None);
    }
}
