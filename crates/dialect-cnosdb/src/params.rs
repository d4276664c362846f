//! Query parameters. Unknown ones are ignored, names are case sensitive, of repeated ones the last
//! counts.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use actix_web::web::Query;
use triglot_model::Precision;
use triglot_sql_cnosdb::duration::CnosDuration;

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

/// The parameters of `/write`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InfluxParams {
    pub(crate) db: String,
    /// `u` and `p`; a user without a password has the empty one.
    pub(crate) credentials: Option<(String, String)>,
}

/// The parameters of `/api/v2/write`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Influx2Params {
    /// The database; what stands behind a `/` is InfluxDB's retention policy.
    pub(crate) bucket: String,
    /// The unit of times is `per_unit` of these.
    pub(crate) precision: Precision,
    pub(crate) per_unit: i64,
}

impl Influx2Params {
    /// `org` and whatever else is there count for nothing.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, CnosDbError> {
        let mut params = Self { bucket: "public".to_owned(), precision: Precision::Nano, per_unit: 1 };
        for (name, value) in pairs(request)? {
            match (name.as_str(), value.as_str()) {
                ("bucket", bucket) => params.bucket = bucket.split('/').next().unwrap_or(bucket).to_owned(),
                ("precision", "s") => (params.precision, params.per_unit) = (Precision::Milli, 1_000),
                ("precision", unit) => {
                    (params.precision, params.per_unit) = (unit.parse().unwrap_or(Precision::Nano), 1);
                }
                _ => {}
            }
        }
        Ok(params)
    }
}

/// The header with the ids of a trace: `<trace>:<span>`.
const TRACE_CONTEXT: &str = "cnosdb-trace-ctx";

/// A malformed trace context is 500 with empty body, like a malformed parameter. A good one is not
/// used further: this server keeps no traces of its own requests.
pub(crate) fn check_trace_context(headers: &HeaderMap) -> Result<(), CnosDbError> {
    let Some(value) = headers.get(TRACE_CONTEXT) else { return Ok(()) };
    let is_id =
        |id: &str, digits| (1..=digits).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit());
    match value.to_str().ok().and_then(|text| text.split_once(':')) {
        // Ids of 128 and 64 bits, hexadecimal or decimal.
        Some((trace, span)) if is_id(trace, 39) && is_id(span, 20) => Ok(()),
        _ => Err(CnosDbError::BadQuery),
    }
}

/// The parameters of `/api/v1/dump/sql/ddl`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DumpParams {
    /// None = all tenants.
    pub(crate) tenant: Option<String>,
}

impl DumpParams {
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, CnosDbError> {
        let named = pairs(request)?.into_iter().rfind(|(name, _)| name == "tenant");
        Ok(Self { tenant: named.map(|(_, value)| value) })
    }
}

fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, CnosDbError> {
    match Query::<Vec<(String, String)>>::from_query(request.query_string()) {
        Ok(pairs) => Ok(pairs.into_inner()),
        Err(_) => Err(CnosDbError::BadQuery),
    }
}

impl SqlParams {
    /// A `chunked` that is not exactly true or false and a `target_partitions` that is no number
    /// are 500 with empty body, a bad `stream_trigger_interval` is 400 (040005). A good one is not used:
    /// there are no streams.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, CnosDbError> {
        let mut params = Self {
            tenant: "cnosdb".to_owned(),
            db: "public".to_owned(),
            chunked: false,
            target_partitions: None,
        };
        let mut trigger = None;
        for (name, value) in pairs(request)? {
            match name.as_str() {
                "tenant" => params.tenant = value,
                "db" => params.db = value,
                "stream_trigger_interval" => trigger = Some(value),
                "chunked" => params.chunked = value.parse().map_err(|_| CnosDbError::BadQuery)?,
                "target_partitions" => {
                    params.target_partitions = Some(value.parse().map_err(|_| CnosDbError::BadQuery)?);
                }
                _ => {}
            }
        }
        match trigger.filter(|value| !is_trigger(value)) {
            Some(value) => Err(CnosDbError::Header(format!("stream_trigger_interval {value}"))),
            None => Ok(params),
        }
    }
}

/// `once` or a duration.
fn is_trigger(value: &str) -> bool {
    value == "once" || CnosDuration::parse(value).is_some_and(|d| d.ns.is_some())
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

impl InfluxParams {
    /// `precision`, `rp`, `consistency` and whatever else is there count for nothing, as at the
    /// vendor's: times are nanoseconds.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, CnosDbError> {
        let (mut db, mut user, mut password) = ("public".to_owned(), None, String::new());
        for (name, value) in pairs(request)? {
            match name.as_str() {
                "db" => db = value,
                "u" => user = Some(value),
                "p" => password = value,
                _ => {}
            }
        }
        Ok(Self { db, credentials: user.map(|user| (user, password)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::StatusCode;
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
    fn influx_parameters() {
        let of = |query: &str| {
            InfluxParams::of(&TestRequest::with_uri(&format!("/write?{query}")).to_http_request()).unwrap()
        };
        assert_eq!(of("precision=s&rp=autogen"), InfluxParams { db: "public".into(), credentials: None });
        let pair = |u: &str, p: &str| Some((u.to_owned(), p.to_owned()));
        assert_eq!(of("db=d&u=a&p=b"), InfluxParams { db: "d".into(), credentials: pair("a", "b") });
        assert_eq!(of("u=a").credentials, pair("a", ""));
        assert_eq!(of("p=b").credentials, None);
    }

    #[test]
    fn trace_contexts_are_two_ids() {
        let check = |value: &'static str| {
            let request = TestRequest::default().insert_header((TRACE_CONTEXT, value)).to_http_request();
            check_trace_context(request.headers()).is_ok()
        };
        assert!(check("4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7"));
        assert!(check("1:2"));
        for value in
            ["", "1", ":", "1:", ":2", "x:y", "1:2:3", "4bf92f3577b34da6a3ce929d0e0e47361234567890:1"]
        {
            assert!(!check(value), "{value}");
        }
    }

    #[test]
    fn malformed_values_are_refused() {
        for interval in ["once", "10s", "1m"] {
            assert!(sql(&format!("stream_trigger_interval={interval}")).is_ok(), "{interval}");
        }
        for interval in ["", "x", "INF", "-1s"] {
            let refused = sql(&format!("stream_trigger_interval={interval}")).unwrap_err();
            assert_eq!(refused.face(), (StatusCode::BAD_REQUEST, Some("040005")), "{interval}");
        }
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
