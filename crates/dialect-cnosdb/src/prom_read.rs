//! Prometheus: `POST /api/v1/prom/read` (sheet section 10). Each query becomes one SELECT for each table that its
//! matchers of `__name__` name. Where the vendor and Prometheus differ, Prometheus wins (ecosystem.md 2.4):
//! expressions are anchored, every query gets a result, a label that a table lacks is the empty text, and without a matcher of
//! `__name__` every metric is asked.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use triglot_engine::query::QueryStream;
use triglot_engine::{Flow, Outcome, Session};
use triglot_http::snappy;
use triglot_model::TableDef;
use triglot_parse_prom::read::{
    Label, LabelMatcher, MatchType, Query, QueryResult, ReadRequest, ReadResponse, ReadSample, TimeSeries,
};
use triglot_sql_cnosdb::{SqlError, execute, prepare};

use crate::DIALECT;
use crate::app::CnosDbApp;
use crate::error::CnosDbError;
use crate::metrics;
use crate::params::SqlParams;
use crate::prom::{Message, NAME, VALUE};
use crate::receive::{Received, receive};

pub(crate) async fn read(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    let read = |request: &HttpRequest| SqlParams::of(request).map(Message);
    let Received { session, body: message, .. } = receive(&app, &request, payload, read).await?;
    metrics::count(&app, &request, &session, "prom_read", false, message.len());
    app.engine.spend_api(&session, Flow::Queries, 1)?;
    app.engine.spend_api(&session, Flow::BytesOut, 0)?;
    let asked = ReadRequest::parse(&message).map_err(|error| CnosDbError::PromRead(error.to_string()))?;
    let mut response = ReadResponse::default();
    for query in &asked.queries {
        response.results.push(result(&app, &session, query).await?);
    }
    let samples = response.results.iter().flat_map(|r| &r.timeseries).map(|s| s.samples.len() as u64).sum();
    app.metrics.returned(DIALECT, "prom_read", samples);
    let packed = snappy::encode_block(&response.to_bytes()).map_err(CnosDbError::Encode)?;
    app.engine.spend_api(&session, Flow::BytesOut, packed.len() as u64)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/x-protobuf"))
        .insert_header((CONTENT_ENCODING, "snappy"))
        .body(packed))
}

async fn result(app: &CnosDbApp, session: &Session, query: &Query) -> Result<QueryResult, CnosDbError> {
    let matchers: Result<Vec<Matcher>, CnosDbError> = query.matchers.iter().map(Matcher::of).collect();
    let (names, others): (Vec<Matcher>, Vec<Matcher>) = matchers?.into_iter().partition(|m| m.name == NAME);
    if names.iter().any(|m| m.is_negative) {
        return Err(CnosDbError::PromRead("__name__ must be matched by = or =~".to_owned()));
    }
    let mut timeseries = Vec::new();
    for table in app.engine.tables(session, &session.database_name)? {
        let is_metric = table.column(VALUE).is_some() && is_named(&table, &names);
        let Some(conditions) = is_metric.then(|| conditions(&table, &others)).flatten() else { continue };
        let sql = select(&table, query, &conditions);
        if let Some(rows) = run(app, session, &sql).await? {
            collect(rows, &table, &mut timeseries).await?;
        }
    }
    Ok(QueryResult { timeseries })
}

/// A query that names no metric is about all that Prometheus wrote, as in Prometheus; the vendor's answer is empty.
fn is_named(table: &TableDef, names: &[Matcher]) -> bool {
    if names.is_empty() {
        table.tags().any(|tag| tag.name == NAME)
    } else {
        names.iter().all(|m| m.matches(&table.name))
    }
}

async fn run(app: &CnosDbApp, session: &Session, sql: &str) -> Result<Option<QueryStream>, CnosDbError> {
    let Some(prepared) = prepare(sql)? else { return Ok(None) };
    match execute(&app.engine, session, prepared, &Arc::from(sql), None).await? {
        Outcome::Rows(rows) => Ok(Some(rows)),
        Outcome::Done | Outcome::Affected(_) => Ok(None),
    }
}

/// A condition on one label.
struct Matcher {
    name: String,
    value: String,
    is_negative: bool,
    /// Anchored; none = compare texts.
    pattern: Option<regex::Regex>,
}

impl Matcher {
    fn of(given: &LabelMatcher) -> Result<Self, CnosDbError> {
        let kind = MatchType::try_from(given.r#type).map_err(|e| CnosDbError::PromRead(e.to_string()))?;
        let (is_negative, is_pattern) = match kind {
            MatchType::Equal => (false, false),
            MatchType::NotEqual => (true, false),
            MatchType::Regex => (false, true),
            MatchType::NotRegex => (true, true),
        };
        let value = if is_pattern { format!("^(?:{})$", given.value) } else { given.value.clone() };
        let pattern = is_pattern.then(|| regex::Regex::new(&value)).transpose();
        let pattern = pattern.map_err(|error| CnosDbError::PromRead(error.to_string()))?;
        Ok(Self { name: given.name.clone(), value, is_negative, pattern })
    }

    fn matches(&self, text: &str) -> bool {
        let found = match &self.pattern {
            Some(pattern) => pattern.is_match(text),
            None => text == self.value,
        };
        found != self.is_negative
    }

    /// The condition in SQL. A row without the label has the empty text.
    fn sql(&self) -> String {
        let operator = match (self.pattern.is_some(), self.is_negative) {
            (false, false) => "=",
            (false, true) => "!=",
            (true, false) => "~",
            (true, true) => "!~",
        };
        let column = quoted(&self.name, '"');
        let found = format!("{column} {operator} {}", quoted(&self.value, '\''));
        if self.matches("") { format!("({found} OR {column} IS NULL)") } else { found }
    }
}

/// The conditions on tags that the table has; none if the others rule all of its rows out.
fn conditions(table: &TableDef, matchers: &[Matcher]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for matcher in matchers {
        if table.tags().any(|tag| tag.name == matcher.name) {
            found.push(matcher.sql());
        } else if !matcher.matches("") {
            return None;
        }
    }
    Some(found)
}

/// Time, value and all tags, in the order of time.
fn select(table: &TableDef, query: &Query, conditions: &[String]) -> String {
    let time = quoted(table.time_column().map_or("time", |c| &c.name), '"');
    let mut columns = vec![time.clone(), quoted(VALUE, '"')];
    columns.extend(table.tags().map(|tag| quoted(&tag.name, '"')));
    let per_milli = 1_000_000 / table.precision().ns();
    let first = query.start_timestamp_ms.saturating_mul(per_milli);
    let last = query.end_timestamp_ms.saturating_mul(per_milli).saturating_add(per_milli - 1);
    let mut sql = format!(
        "SELECT {} FROM {} WHERE {time} >= {} AND {time} <= {}",
        columns.join(", "),
        quoted(&table.name, '"'),
        instant(table, first),
        instant(table, last),
    );
    for condition in conditions {
        sql.push_str(" AND ");
        sql.push_str(condition);
    }
    sql.push_str(&format!(" ORDER BY {time}"));
    sql
}

/// An instant as a literal of the time column's type.
fn instant(table: &TableDef, value: i64) -> String {
    let unit = match table.precision().arrow() {
        TimeUnit::Millisecond => "Millisecond",
        TimeUnit::Microsecond => "Microsecond",
        TimeUnit::Second | TimeUnit::Nanosecond => "Nanosecond",
    };
    format!("arrow_cast({value}, 'Timestamp({unit}, None)')")
}

fn quoted(text: &str, quote: char) -> String {
    let doubled = format!("{quote}{quote}");
    format!("{quote}{}{quote}", text.replace(quote, &doubled))
}

/// Adds the rows' series, each set of labels once.
async fn collect(
    mut rows: QueryStream,
    table: &TableDef,
    into: &mut Vec<TimeSeries>,
) -> Result<(), CnosDbError> {
    let names: Vec<&str> = table.tags().map(|tag| tag.name.as_str()).collect();
    let mut places: HashMap<Vec<Option<String>>, usize> = HashMap::new();
    let failed = |error: arrow::error::ArrowError| CnosDbError::Sql(SqlError::Arrow(error));
    while let Some(batch) = rows.try_next().await.map_err(|error| CnosDbError::Fetch(error.to_string()))? {
        let times = column(&batch, 0, &DataType::Timestamp(TimeUnit::Millisecond, None)).map_err(failed)?;
        let times = cast(&times, &DataType::Int64).map_err(failed)?;
        let values = column(&batch, 1, &DataType::Float64).map_err(failed)?;
        let (times, values) = (times.as_primitive::<Int64Type>(), values.as_primitive::<Float64Type>());
        let tags: Result<Vec<ArrayRef>, _> =
            (0..names.len()).map(|at| column(&batch, at + 2, &DataType::Utf8)).collect();
        let tags = tags.map_err(failed)?;
        let tags: Vec<&StringArray> = tags.iter().map(|tag| tag.as_string::<i32>()).collect();
        for row in (0..batch.num_rows()).filter(|row| values.is_valid(*row)) {
            let key: Vec<Option<String>> =
                tags.iter().map(|tag| tag.is_valid(row).then(|| tag.value(row).to_owned())).collect();
            let at = *places.entry(key).or_insert_with_key(|key| {
                into.push(TimeSeries { labels: labels(table, &names, key), samples: Vec::new() });
                into.len() - 1
            });
            if let Some(series) = into.get_mut(at) {
                series.samples.push(ReadSample { value: values.value(row), timestamp: times.value(row) });
            }
        }
    }
    Ok(())
}

fn column(batch: &RecordBatch, at: usize, ty: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    let column = batch.columns().get(at);
    cast(column.ok_or_else(|| arrow::error::ArrowError::SchemaError("a column lacks".to_owned()))?, ty)
}

/// Labels by name; empty ones are none. Tables that other routes made lack `__name__`.
fn labels(table: &TableDef, names: &[&str], values: &[Option<String>]) -> Vec<Label> {
    let present = names.iter().zip(values).filter_map(|(name, value)| Some((*name, value.as_deref()?)));
    let mut found: Vec<Label> = present
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| Label { name: name.to_owned(), value: value.to_owned() })
        .collect();
    if found.iter().all(|label| label.name != NAME) {
        found.push(Label { name: NAME.to_owned(), value: table.name.clone() });
    }
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(kind: MatchType, value: &str) -> Matcher {
        let given = LabelMatcher { r#type: kind as i32, name: "a\"b".into(), value: value.into() };
        Matcher::of(&given).unwrap()
    }

    #[test]
    fn expressions_are_anchored_and_absent_labels_empty() {
        assert!(matcher(MatchType::Regex, "up|down").matches("down"));
        assert!(!matcher(MatchType::Regex, "up|down").matches("downs"));
        assert!(matcher(MatchType::NotEqual, "x").matches(""));
        assert_eq!(matcher(MatchType::Equal, "it's").sql(), r#""a""b" = 'it''s'"#);
        assert_eq!(matcher(MatchType::NotEqual, "x").sql(), r#"("a""b" != 'x' OR "a""b" IS NULL)"#);
        assert_eq!(matcher(MatchType::NotRegex, ".+").sql(), r#"("a""b" !~ '^(?:.+)$' OR "a""b" IS NULL)"#);
        let broken = LabelMatcher { r#type: MatchType::Regex as i32, name: "a".into(), value: "(".into() };
        assert!(matches!(Matcher::of(&broken), Err(CnosDbError::PromRead(_))));
    }
}
