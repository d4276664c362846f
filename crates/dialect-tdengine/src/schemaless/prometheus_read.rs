//! `POST /prometheus/v1/remote_read/{db}`: each query of the message becomes a SELECT.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use triglot_http::snappy;
use triglot_model::Precision;
use triglot_parse_json::{JsonError, Reader};
use triglot_parse_prom::read::{
    Label, LabelMatcher, MatchType, Query, QueryResult, ReadRequest, ReadResponse, ReadSample, TimeSeries,
};
use triglot_sql_tdengine::{Answer, Context, TaosError, run};

use super::prometheus::{Refused, TABLE};
use super::worded;
use crate::app::TdengineApp;

/// Prometheus' mark of a series that ends here. The table has NULL for it, as for every other NaN and for infinities; without
/// the mark, PromQL would give the value before for five minutes more.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// One result for each query, empty ones too: Prometheus counts them.
pub(super) async fn answer(
    app: &TdengineApp,
    context: &Context,
    message: &[u8],
) -> Result<HttpResponse, Refused> {
    let request = ReadRequest::parse(message).map_err(|error| Refused::Bad(format!("protobuf: {error}")))?;
    let mut response = ReadResponse::default();
    for query in &request.queries {
        response
            .results
            .push(result(app, context, query).await.map_err(|error| Refused::Bad(worded(&error)))?);
    }
    let packed =
        snappy::encode_block(&response.to_bytes()).map_err(|error| Refused::Bad(error.to_string()))?;
    Ok(HttpResponse::Accepted()
        .insert_header((CONTENT_TYPE, "application/x-protobuf"))
        .insert_header((CONTENT_ENCODING, "snappy"))
        .body(packed))
}

async fn result(app: &TdengineApp, context: &Context, query: &Query) -> Result<QueryResult, TaosError> {
    let database = app.engine.database(&context.session, &context.session.database_name)?;
    let sql = select(query, database.precision, app.config.row_limit)?;
    let rows = match run(&app.engine, context, &sql).await {
        Ok(Answer::Rows(rows)) => rows,
        Ok(Answer::Affected(_)) => return Ok(QueryResult::default()),
        // Nothing was written yet.
        Err(error) if error.code == 0x2603 => return Ok(QueryResult::default()),
        Err(error) => return Err(error),
    };
    let precision = rows.precision;
    let mut series: Vec<TimeSeries> = Vec::new();
    let mut by_child: HashMap<String, usize> = HashMap::new();
    let mut batches = rows.stream;
    while let Some(batch) = batches.try_next().await? {
        add(&batch, precision, &mut series, &mut by_child)?;
    }
    Ok(QueryResult { timeseries: series })
}

fn add(
    batch: &RecordBatch,
    precision: Precision,
    series: &mut Vec<TimeSeries>,
    by_child: &mut HashMap<String, usize>,
) -> Result<(), TaosError> {
    let column = |at: usize, ty: &DataType| -> Result<ArrayRef, ArrowError> {
        let column = batch.columns().get(at);
        cast(column.ok_or_else(|| ArrowError::SchemaError("a column lacks".to_owned()))?, ty)
    };
    let (times, values) = (column(0, &DataType::Int64)?, column(1, &DataType::Float64)?);
    let (labels, children) = (column(2, &DataType::Utf8)?, column(3, &DataType::Utf8)?);
    let (times, values) = (times.as_primitive::<Int64Type>(), values.as_primitive::<Float64Type>());
    let (labels, children) = (labels.as_string::<i32>(), children.as_string::<i32>());
    for row in 0..batch.num_rows() {
        let at = match by_child.get(children.value(row)) {
            Some(at) => *at,
            None => {
                let labels =
                    labels_of(labels.value(row)).map_err(|e| TaosError::new(0x011B, e.to_string()))?;
                series.push(TimeSeries { labels, samples: Vec::new() });
                by_child.insert(children.value(row).to_owned(), series.len() - 1);
                series.len() - 1
            }
        };
        let timestamp = precision.convert(times.value(row), Precision::Milli).unwrap_or(i64::MAX);
        let value = if values.is_null(row) { STALE } else { values.value(row) };
        if let Some(found) = series.get_mut(at) {
            found.samples.push(ReadSample { value, timestamp });
        }
    }
    Ok(())
}

fn labels_of(json: &str) -> Result<Vec<Label>, JsonError> {
    let (mut labels, mut reader) = (Vec::new(), Reader::new(json));
    reader.object(|reader, name| {
        let value = reader.scalar()?.into_text().into_owned();
        labels.push(Label { name: name.into_owned(), value });
        Ok::<_, JsonError>(())
    })?;
    labels.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(labels)
}

/// The statement of a query. Times of the table are in the database's unit.
fn select(query: &Query, precision: Precision, row_limit: Option<u64>) -> Result<String, TaosError> {
    let per_milli = 1_000_000 / precision.ns();
    let first = query.start_timestamp_ms.saturating_mul(per_milli);
    // The last millisecond as a whole.
    let last = query.end_timestamp_ms.saturating_mul(per_milli).saturating_add(per_milli - 1);
    let mut sql = format!("select ts, v, labels, tbname from `{TABLE}` where ts >= {first} and ts <= {last}");
    for matcher in &query.matchers {
        sql.push_str(" and ");
        sql.push_str(&condition(matcher)?);
    }
    sql.push_str(" order by ts");
    if let Some(limit) = row_limit {
        sql.push_str(&format!(" limit {limit}"));
    }
    Ok(sql)
}

/// A label that a series lacks is the empty text.
fn condition(matcher: &LabelMatcher) -> Result<String, TaosError> {
    let bad = |what: &str| TaosError::new(0x3002, format!("Invalid data format: {what}"));
    let kind = MatchType::try_from(matcher.r#type).map_err(|_| bad("unknown matcher"))?;
    let label = format!("labels->{}", quoted(&matcher.name));
    // Prometheus' expressions are anchored.
    let anchored = format!("^(?:{})$", matcher.value);
    let matches_empty = match kind {
        MatchType::Equal | MatchType::NotEqual => matcher.value.is_empty(),
        MatchType::Regex | MatchType::NotRegex => {
            regex::Regex::new(&anchored).map_err(|error| bad(&error.to_string()))?.is_match("")
        }
    };
    let (operator, value, holds_if_absent) = match kind {
        MatchType::Equal => ("=", matcher.value.as_str(), matches_empty),
        MatchType::NotEqual => ("!=", matcher.value.as_str(), !matches_empty),
        MatchType::Regex => ("match", anchored.as_str(), matches_empty),
        MatchType::NotRegex => ("nmatch", anchored.as_str(), !matches_empty),
    };
    let found = format!("{label} {operator} {}", quoted(value));
    Ok(if holds_if_absent { format!("({found} or {label} is null)") } else { found })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    fn matcher(kind: MatchType, name: &str, value: &str) -> LabelMatcher {
        LabelMatcher { r#type: kind as i32, name: name.into(), value: value.into() }
    }

    #[test]
    fn conditions_take_absent_labels_for_empty_ones() {
        let condition = |kind, value| condition(&matcher(kind, "a", value)).unwrap();
        assert_eq!(condition(MatchType::Equal, "x"), "labels->'a' = 'x'");
        assert_eq!(condition(MatchType::Equal, ""), "(labels->'a' = '' or labels->'a' is null)");
        assert_eq!(condition(MatchType::NotEqual, "x"), "(labels->'a' != 'x' or labels->'a' is null)");
        assert_eq!(condition(MatchType::Regex, "x.*"), "labels->'a' match '^(?:x.*)$'");
        assert_eq!(
            condition(MatchType::Regex, ".*"),
            "(labels->'a' match '^(?:.*)$' or labels->'a' is null)"
        );
        assert_eq!(condition(MatchType::NotRegex, ".*"), "labels->'a' nmatch '^(?:.*)$'");
    }

    #[test]
    fn null_ends_a_series() {
        let fields = [
            ("ts", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
            ("v", Arc::new(Float64Array::from(vec![Some(0.5), None])) as ArrayRef),
            ("labels", Arc::new(StringArray::from(vec![r#"{"b":"2","a":"1"}"#; 2])) as ArrayRef),
            ("tbname", Arc::new(StringArray::from(vec!["t"; 2])) as ArrayRef),
        ];
        let batch = RecordBatch::try_from_iter(fields).unwrap();
        let (mut series, mut by_child) = (Vec::new(), HashMap::new());
        add(&batch, Precision::Milli, &mut series, &mut by_child).unwrap();
        let samples: Vec<(i64, u64)> =
            series[0].samples.iter().map(|s| (s.timestamp, s.value.to_bits())).collect();
        assert_eq!(samples, [(1, 0.5_f64.to_bits()), (2, 0x7ff0_0000_0000_0002)]);
        let labels: Vec<&str> = series[0].labels.iter().map(|label| label.name.as_str()).collect();
        assert_eq!((labels, series.len()), (vec!["a", "b"], 1));
    }

    #[test]
    fn values_cannot_leave_their_quotes() {
        let found = condition(&matcher(MatchType::Equal, "a", "x' or '1'='1\\")).unwrap();
        assert_eq!(found, "labels->'a' = 'x\\' or \\'1\\'=\\'1\\\\'");
    }

    #[test]
    fn ranges_are_closed_and_in_the_databases_unit() {
        let query = Query { start_timestamp_ms: 1, end_timestamp_ms: i64::MAX, matchers: vec![] };
        let sql = select(&query, Precision::Micro, Some(5)).unwrap();
        assert!(sql.contains("ts >= 1000 and ts <= 9223372036854775807 order by ts limit 5"), "{sql}");
    }
}
