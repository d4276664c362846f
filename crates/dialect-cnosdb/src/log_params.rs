//! The parameters of `/api/v1/es/_bulk`.

use actix_web::HttpRequest;
use actix_web::web::Query;

use crate::error::CnosDbError;

/// What the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogType {
    Bulk,
    NdJson,
    Loki,
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
    /// Unknown parameters are passed over, as clients of Elasticsearch send many.
    pub(crate) fn of(request: &HttpRequest, default_type: LogType) -> Result<Self, CnosDbError> {
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
                "log_type" => params.log_type = log_type(value)?,
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

fn log_type(text: &str) -> Result<LogType, CnosDbError> {
    let known = [("bulk", LogType::Bulk), ("ndjson", LogType::NdJson), ("loki", LogType::Loki)];
    let found = known.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name));
    found.map(|(_, log_type)| log_type).ok_or_else(|| CnosDbError::Log(format!("invalid log type: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn of(query: &str) -> Result<LogParams, CnosDbError> {
        let request = TestRequest::with_uri(&format!("/api/v1/es/_bulk?{query}")).to_http_request();
        LogParams::of(&request, LogType::Bulk)
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
        assert_eq!(of("log_type=NDJSON").unwrap().log_type, LogType::NdJson);
        assert_eq!(of("table=").unwrap().table, None);
        let error = of("log_type=syslog").unwrap_err();
        assert_eq!(error.to_string(), "Error parsing log message: invalid log type: syslog");
    }
}
