//! Jaeger's query API over the spans of a table (sheet section 9.2): routes and conditions. Spans are written by
//! [`crate::jaeger_spans`].

use std::sync::Arc;

use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse, web};
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use triglot_engine::{EngineError, Flow, Outcome, Session};
use triglot_model::{ColumnType, TableDef};
use triglot_parse_json::{JsonError, Reader};
use triglot_sql_cnosdb::{execute, prepare};

use crate::app::CnosDbApp;
use crate::auth;
use crate::error::CnosDbError;
use crate::formats::json::push_string;
use crate::jaeger_spans::{self, Cells};
use crate::metrics;
use crate::traces::{SERVICE_COLUMN, SPAN, Target};

/// A user who may ask about a table of spans.
struct Asked {
    session: Session,
    table: Arc<TableDef>,
}

async fn enter(app: &CnosDbApp, request: &HttpRequest) -> Result<Asked, CnosDbError> {
    auth::check_present(request.headers())?;
    let target = Target::of(request.headers())?;
    let session = auth::login(app, request, &target.tenant, &target.db).await?;
    metrics::count(app, request, &session, "jaeger", false, 0);
    app.engine.spend_api(&session, Flow::Queries, 1)?;
    app.engine.spend_api(&session, Flow::BytesOut, 0)?;
    let table = find(app, &session, &target)?;
    Ok(Asked { session, table })
}

fn find(app: &CnosDbApp, session: &Session, target: &Target) -> Result<Arc<TableDef>, CnosDbError> {
    let tables = app.engine.tables(session, &session.database_name)?;
    let found = tables.into_iter().find(|table| table.name == target.table);
    found.ok_or_else(|| {
        CnosDbError::Engine(EngineError::TableNotFound {
            tenant: session.tenant_name.clone(),
            database: session.database_name.clone(),
            table: target.table.clone(),
        })
    })
}

impl Asked {
    /// The rows of a SELECT.
    async fn rows(&self, app: &CnosDbApp, sql: &str) -> Result<Vec<RecordBatch>, CnosDbError> {
        let Some(prepared) = prepare(sql)? else { return Ok(Vec::new()) };
        match execute(&app.engine, &self.session, prepared, sql, None).await? {
            Outcome::Rows(rows) => {
                rows.try_collect().await.map_err(|error| CnosDbError::Fetch(error.to_string()))
            }
            Outcome::Done | Outcome::Affected(_) => Ok(Vec::new()),
        }
    }

    /// Different values of columns of spans, sorted.
    async fn distinct(
        &self,
        app: &CnosDbApp,
        columns: &[&str],
        condition: Option<String>,
    ) -> Result<Vec<Vec<Option<String>>>, CnosDbError> {
        if columns.iter().any(|name| self.table.column(name).is_none()) {
            return Ok(Vec::new());
        }
        let list = columns.iter().map(|name| name_of(name)).collect::<Vec<_>>().join(", ");
        let table = name_of(&self.table.name);
        let filter = condition.map_or_else(String::new, |condition| format!(" WHERE {condition}"));
        let sql = format!("SELECT DISTINCT {list} FROM {table}{filter} ORDER BY {list}");
        let mut found = Vec::new();
        for batch in self.rows(app, &sql).await? {
            let cells = Cells::new(&batch)?;
            for row in 0..batch.num_rows() {
                found.push((0..columns.len()).map(|at| cells.text(at, row).map(str::to_owned)).collect());
            }
        }
        Ok(found)
    }

    /// The column that a tag of a search names: by its full name, else as an attribute of spans or resources.
    fn tag_column(&self, key: &str) -> Result<String, CnosDbError> {
        let names = [
            key.to_owned(),
            format!("{SPAN}attributes/{key}"),
            format!("ResourceSpans/Resource/attributes/{key}"),
        ];
        let found = names.into_iter().find(|name| self.table.column(name).is_some());
        found.ok_or_else(|| CnosDbError::Model(format!("model error column {key} not found")))
    }
}

/// `{"data":[…],"total":n,"limit":0,"offset":0,"errors":null}`
fn envelope(data: &[u8], total: usize) -> HttpResponse {
    let mut body = b"{\"data\":".to_vec();
    body.extend_from_slice(data);
    body.extend_from_slice(
        format!(",\"total\":{total},\"limit\":0,\"offset\":0,\"errors\":null}}").as_bytes(),
    );
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(body)
}

/// An array of texts.
fn names(found: Vec<Vec<Option<String>>>) -> HttpResponse {
    let names: Vec<String> = found.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
    let mut data = b"[".to_vec();
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            data.push(b',');
        }
        push_string(&mut data, name);
    }
    data.push(b']');
    envelope(&data, names.len())
}

/// `GET /api/services`
pub(crate) async fn services(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
) -> Result<HttpResponse, CnosDbError> {
    let asked = enter(&app, &request).await?;
    Ok(names(asked.distinct(&app, &[SERVICE_COLUMN], None).await?))
}

/// `GET /api/services/{service}/operations`
pub(crate) async fn operations_of(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    service: web::Path<String>,
) -> Result<HttpResponse, CnosDbError> {
    let asked = enter(&app, &request).await?;
    let condition = equals(SERVICE_COLUMN, &service);
    let name = format!("{SPAN}name");
    Ok(names(asked.distinct(&app, &[&name], Some(condition)).await?))
}

/// `GET /api/operations?service=&spanKind=`
pub(crate) async fn operations(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
) -> Result<HttpResponse, CnosDbError> {
    let asked = enter(&app, &request).await?;
    let params = params(&request)?;
    let service = value(&params, "service").filter(|service| !service.is_empty());
    let service = service.ok_or_else(|| CnosDbError::Fetch("service is empty".to_owned()))?;
    let (name, kind) = (format!("{SPAN}name"), format!("{SPAN}kind"));
    let mut condition = equals(SERVICE_COLUMN, service);
    if let Some(wanted) = value(&params, "spanKind").filter(|kind| !kind.is_empty()) {
        condition = format!("{condition} AND {}", equals(&kind, wanted));
    }
    let found = asked.distinct(&app, &[&name, &kind], Some(condition)).await?;
    let mut data = b"[".to_vec();
    for (at, row) in found.iter().enumerate() {
        if at > 0 {
            data.push(b',');
        }
        let text = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
        data.extend_from_slice(b"{\"name\":");
        push_string(&mut data, text(0));
        data.extend_from_slice(b",\"spanKind\":");
        push_string(&mut data, &jaeger_spans::kind(text(1)));
        data.push(b'}');
    }
    data.push(b']');
    Ok(envelope(&data, found.len()))
}

/// `GET /api/traces/{id}`: one trace, an empty one if there is none.
pub(crate) async fn trace(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, CnosDbError> {
    let asked = enter(&app, &request).await?;
    let mut data = traces(&app, &asked, &[trace_is(&id)], None).await?;
    if data.is_empty() {
        data.push(b"{\"traceID\":\"\",\"spans\":[],\"processes\":{},\"warnings\":[]}".to_vec());
    }
    Ok(envelope(&array(&data), 0))
}

/// `GET /api/traces`: by ids, or a search.
pub(crate) async fn search(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
) -> Result<HttpResponse, CnosDbError> {
    let asked = enter(&app, &request).await?;
    let params = params(&request)?;
    let ids: Vec<&str> = params
        .iter()
        .filter(|(name, _)| name == "traceID")
        .flat_map(|(_, ids)| ids.split(','))
        .filter(|id| !id.is_empty())
        .collect();
    if !ids.is_empty() {
        let mut data = Vec::new();
        for id in ids {
            data.extend(traces(&app, &asked, &[trace_is(id)], None).await?);
        }
        return Ok(envelope(&array(&data), 0));
    }
    let limit =
        value(&params, "limit").map(|text| text.parse().map_err(|_| bad("limit", text))).transpose()?;
    let conditions = conditions(&asked, &params)?;
    Ok(envelope(&array(&traces(&app, &asked, &conditions, limit).await?), 0))
}

fn array(traces: &[Vec<u8>]) -> Vec<u8> {
    let mut data = b"[".to_vec();
    data.extend_from_slice(&traces.join(&b','));
    data.push(b']');
    data
}

/// The spans that satisfy all conditions, by trace.
async fn traces(
    app: &CnosDbApp,
    asked: &Asked,
    conditions: &[String],
    limit: Option<usize>,
) -> Result<Vec<Vec<u8>>, CnosDbError> {
    let filter = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    let sql = format!("SELECT * FROM {} WHERE {filter} ORDER BY time", name_of(&asked.table.name));
    let batches = asked.rows(app, &sql).await?;
    let traces = jaeger_spans::traces(&batches, limit)?;
    let bytes: usize = traces.iter().map(Vec::len).sum();
    app.engine.spend_api(&asked.session, Flow::BytesOut, bytes as u64)?;
    Ok(traces)
}

fn trace_is(id: &str) -> String {
    equals(&format!("{SPAN}trace_id"), id)
}

fn conditions(asked: &Asked, params: &[(String, String)]) -> Result<Vec<String>, CnosDbError> {
    let mut found = Vec::new();
    for (name, given) in params.iter().filter(|(_, value)| !value.is_empty()) {
        let micros = || given.parse::<i64>().map_err(|_| bad(name, given));
        let end = name_of(&format!("{SPAN}end_time_unix_nano"));
        let duration = name_of(&format!("{SPAN}duration_nano"));
        match name.as_str() {
            "service" => found.push(equals(SERVICE_COLUMN, given)),
            "operation" => found.push(equals(&format!("{SPAN}name"), given)),
            "start" => {
                let ns = micros()?.saturating_mul(1_000);
                found.push(format!("time >= arrow_cast({ns}, 'Timestamp(Nanosecond, None)')"));
            }
            "end" => found.push(format!("{end} <= {}", micros()? as f64 * 1e3)),
            "minDuration" => found.push(format!("{duration} >= {}", nanos(name, given)?)),
            "maxDuration" => found.push(format!("{duration} <= {}", nanos(name, given)?)),
            "tag" => {
                for pair in given.split(',') {
                    let (key, value) = pair.split_once(':').ok_or_else(|| bad(name, given))?;
                    found.push(tag_is(asked, key, value)?);
                }
            }
            "tags" => {
                let mut pairs = Vec::new();
                let mut reader = Reader::new(given);
                let read = reader.object(|reader, key| {
                    pairs.push((key, reader.scalar()?.into_text()));
                    Ok::<_, JsonError>(())
                });
                read.and_then(|()| reader.end()).map_err(|_| bad(name, given))?;
                for (key, value) in pairs {
                    found.push(tag_is(asked, &key, &value)?);
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// A condition on a tag, whatever the type of its column.
fn tag_is(asked: &Asked, key: &str, value: &str) -> Result<String, CnosDbError> {
    let name = asked.tag_column(key)?;
    let is_text = asked.table.column(&name).is_some_and(|c| matches!(c.ty, ColumnType::Str { .. }));
    if is_text {
        return Ok(equals(&name, value));
    }
    Ok(format!("CAST({} AS STRING) = {}", name_of(&name), text_of(value)))
}

fn bad(name: &str, value: &str) -> CnosDbError {
    CnosDbError::Fetch(format!("invalid {name}: {value}"))
}

/// Nanoseconds of a duration of Go: `1ms`, `1.5s`, `2m30s`.
fn nanos(name: &str, text: &str) -> Result<f64, CnosDbError> {
    let (mut total, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(|| bad(name, text))?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, next) = behind.split_at(letters);
        let unit_ns = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 6e10,
            "h" => 3.6e12,
            _ => return Err(bad(name, text)),
        };
        total += number.parse::<f64>().map_err(|_| bad(name, text))? * unit_ns;
        rest = next;
    }
    Ok(total)
}

fn params(request: &HttpRequest) -> Result<Vec<(String, String)>, CnosDbError> {
    let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string());
    Ok(pairs.map_err(|_| CnosDbError::BadQuery)?.into_inner())
}

fn value<'p>(params: &'p [(String, String)], name: &str) -> Option<&'p str> {
    params.iter().rfind(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

fn name_of(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}

fn text_of(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn equals(column: &str, text: &str) -> String {
    format!("{} = {}", name_of(column), text_of(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for (text, ns) in [("1ms", 1e6), ("1.5s", 1.5e9), ("2m30s", 1.5e11), ("7µs", 7e3), ("1h", 3.6e12)] {
            assert_eq!(nanos("minDuration", text).unwrap(), ns, "{text}");
        }
        for text in ["1", "s", "1x", "1.2.3s", "-1s"] {
            assert!(nanos("minDuration", text).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_cannot_leave_their_quotes() {
        assert_eq!(equals("a\"b", "it's"), r#""a""b" = 'it''s'"#);
    }
}
