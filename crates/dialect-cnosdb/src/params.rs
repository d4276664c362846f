//! Query parameters. Unknown ones are ignored, names are case sensitive, of repeated ones the last
//! counts.

use actix_web::HttpRequest;
use actix_web::web::Query;
use triglot_model::Precision;

use crate::error::CnosDbError;

/// The parameters of `/api/v1/sql`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SqlParams {
    pub(crate) tenant: String,
    pub(crate) db: String,
    pub(crate) chunked: bool,
    pub(crate) target_partitions: Option<usize>,
}

/// The parameters of `/api/v1/write`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WriteParams {
    pub(crate) tenant: String,
    pub(crate) db: String,
    pub(crate) precision: Precision,
}

fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, CnosDbError> {
    match Query::<Vec<(String, String)>>::from_query(request.query_string()) {
        Ok(pairs) => Ok(pairs.into_inner()),
        Err(_) => Err(CnosDbError::BadQuery),
    }
}

impl SqlParams {
    /// A `chunked` that is not exactly true or false and a `target_partitions` that is no number
    /// are 500 with empty body.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, CnosDbError> {
        let mut params = Self {
            tenant: "cnosdb".to_owned(),
            db: "public".to_owned(),
            chunked: false,
            target_partitions: None,
        };
        for (name, value) in pairs(request)? {
            match name.as_str() {
                "tenant" => params.tenant = value,
                "db" => params.db = value,
                "chunked" => params.chunked = value.parse().map_err(|_| CnosDbError::BadQuery)?,
                "target_partitions" => {
                    params.target_partitions = Some(value.parse().map_err(|_| CnosDbError::BadQuery)?);
                }
                _ => {}
            }
        }
        Ok(params)
    }
}

impl WriteParams {
    /// Any `precision` but ms, us and ns means ns.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, CnosDbError> {
        let mut params =
            Self { tenant: "cnosdb".to_owned(), db: "public".to_owned(), precision: Precision::Nano };
        for (name, value) in pairs(request)? {
            match name.as_str() {
                "tenant" => params.tenant = value,
                "db" => params.db = value,
                "precision" => params.precision = value.parse().unwrap_or(Precision::Nano),
                _ => {}
            }
        }
        Ok(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn sql(query: &str) -> Result<SqlParams, CnosDbError> {
        SqlParams::of(&TestRequest::with_uri(&format!("/api/v1/sql?{query}")).to_http_request())
    }

    fn precision(query: &str) -> Precision {
        WriteParams::of(&TestRequest::with_uri(&format!("/api/v1/write?{query}")).to_http_request())
            .unwrap()
            .precision
    }

    #[test]
    fn defaults_and_unknown_names() {
        let wanted = SqlParams {
            tenant: "cnosdb".into(),
            db: "public".into(),
            chunked: false,
            target_partitions: None,
        };
        assert_eq!(sql("").unwrap(), wanted);
        assert_eq!(sql("pretty=true&DB=x").unwrap(), wanted);
        let set = sql("tenant=t&db=%E6%95%B0&chunked=true&target_partitions=4").unwrap();
        assert_eq!(
            set,
            SqlParams { tenant: "t".into(), db: "数".into(), chunked: true, target_partitions: Some(4) }
        );
    }

    #[test]
    fn malformed_values_are_refused() {
        for query in ["chunked=True", "chunked=1", "target_partitions=x", "target_partitions=-1"] {
            assert!(matches!(sql(query), Err(CnosDbError::BadQuery)), "{query}");
        }
    }

    #[test]
    fn precision_in_any_case_and_nanoseconds_otherwise() {
        for (query, wanted) in [
            ("", Precision::Nano),
            ("precision=MS", Precision::Milli),
            ("precision=us", Precision::Micro),
            ("precision=ns", Precision::Nano),
            ("precision=s", Precision::Nano),
        ] {
            assert_eq!(precision(query), wanted, "{query}");
        }
    }
}
