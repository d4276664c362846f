//! The parameters of `/api/v1/es/_bulk`.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Query;
use triglot_http::coding::DecodeError;

use crate::error::CnosDbError;
use crate::receive::{Packing, Params};

/// The table of Loki's own path.
const LOKI_TABLE: &str = "loki";

/// What the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogType {
    Bulk,
    NdJson,
    LokiJson,
    LokiProto,
}

/// How documents become rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogParams {
    pub(crate) tenant: String,
    pub(crate) db: String,
    /// None: the document's `_index`.
    pub(crate) table: Option<String>,
    pub(crate) log_type: LogType,
    /// The member with the time.
    pub(crate) time_column: String,
    /// The members that are tags.
    pub(crate) tag_columns: Vec<String>,
}

impl LogParams {
    /// Of `_bulk`. Whatever is no bulk needs a table.
    pub(crate) fn of_bulk(request: &HttpRequest) -> Result<Self, CnosDbError> {
        let params = Self::of(request, LogType::Bulk)?;
        if params.table.is_none() && params.log_type != LogType::Bulk {
            return Err(no_table());
        }
        Ok(params)
    }

    /// Of Loki's own path.
    pub(crate) fn of_push(request: &HttpRequest) -> Result<Self, CnosDbError> {
        let mut params = Self::of(request, loki(request))?;
        params.table.get_or_insert_with(|| LOKI_TABLE.to_owned());
        Ok(params)
    }

    /// Unknown parameters are passed over, as clients of Elasticsearch send many.
    fn of(request: &HttpRequest, default_type: LogType) -> Result<Self, CnosDbError> {
        let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string());
        let mut params = Self {
            tenant: "cnosdb".to_owned(),
            db: "public".to_owned(),
            table: None,
            log_type: default_type,
            time_column: "time".to_owned(),
            tag_columns: Vec::new(),
        };
        for (name, value) in pairs.map_err(|_| CnosDbError::BadQuery)?.into_inner() {
            // Some agents append their path to an address that ends in parameters.
            let value = value.split("/_bulk").next().unwrap_or_default();
            match name.as_str() {
                "tenant" => params.tenant = value.to_owned(),
                "db" => params.db = value.to_owned(),
                "table" => params.table = Some(value.to_owned()).filter(|table| !table.is_empty()),
                "log_type" => params.log_type = log_type(value, request)?,
                "time_column" => params.time_column = value.to_owned(),
                "tag_columns" => {
                    let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                    params.tag_columns = names.map(str::to_owned).collect();
                }
                _ => {}
            }
        }
        Ok(params)
    }
}

impl Params for LogParams {
    /// Promtail may name the block's format as a content encoding; the body is one block either way.
    fn packing(&self) -> Packing {
        if self.log_type != LogType::LokiProto {
            return Packing::Coded;
        }
        // The vendor blames the type.
        Packing::Block(|error| match error {
            DecodeError::TooLarge { .. } => CnosDbError::TooLarge,
            DecodeError::Malformed(_) => CnosDbError::Log("invalid log type: loki".to_owned()),
        })
    }

    fn place(&self) -> (&str, &str) {
        (&self.tenant, &self.db)
    }
}

/// There is neither a parameter nor an `_index`.
pub(crate) fn no_table() -> CnosDbError {
    CnosDbError::Log("table param is None".to_owned())
}

/// Loki's form by the media type.
fn loki(request: &HttpRequest) -> LogType {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match value.split(';').next().unwrap_or_default().trim() {
        "application/x-protobuf" => LogType::LokiProto,
        _ => LogType::LokiJson,
    }
}

fn log_type(text: &str, request: &HttpRequest) -> Result<LogType, CnosDbError> {
    let known = [("bulk", LogType::Bulk), ("ndjson", LogType::NdJson), ("loki", loki(request))];
    let found = known.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    found.map(|(_, log_type)| log_type).ok_or_else(|| CnosDbError::Log(format!("invalid log type: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn of(query: &str) -> Result<LogParams, CnosDbError> {
        let request = TestRequest::with_uri(&format!("/api/v1/es/_bulk?{query}")).to_http_request();
        LogParams::of_bulk(&request)
    }

    #[test]
    fn addresses_with_a_path_behind_their_parameters_are_understood() {
        let params = of("table=t&time_column=date&tag_columns=node_id,%20os/_bulk?timeout=60s").unwrap();
        assert_eq!(params.table.as_deref(), Some("t"));
        assert_eq!(
            (params.time_column.as_str(), params.tag_columns),
            ("date", vec!["node_id".into(), "os".into()])
        );
        assert_eq!(of("table=t/_bulk").unwrap().table.as_deref(), Some("t"));
    }

    #[test]
    fn types_are_known_in_any_case() {
        assert_eq!(of("table=t&log_type=NDJSON").unwrap().log_type, LogType::NdJson);
        assert!(of("log_type=NDJSON").is_err());
        assert_eq!(of("table=").unwrap().table, None);
        let error = of("log_type=syslog").unwrap_err();
        assert_eq!(error.to_string(), "Error parsing log message: invalid log type: syslog");
    }

    #[test]
    fn loki_has_two_forms_and_a_table_of_its_own() {
        let push = |media: &'static str| {
            let request = TestRequest::default().insert_header((CONTENT_TYPE, media)).to_http_request();
            LogParams::of_push(&request).unwrap()
        };
        assert_eq!(push("application/json").log_type, LogType::LokiJson);
        let proto = push("application/x-protobuf; q=1");
        assert_eq!((proto.log_type, proto.table.as_deref()), (LogType::LokiProto, Some("loki")));
    }
}
