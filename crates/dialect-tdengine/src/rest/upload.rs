//! `POST /rest/upload`: CSV without a header into a table, as INSERT statements of at most 1 MiB.

use std::time::Instant;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use arrow::array::AsArray;
use futures::TryStreamExt;
use triglot_sql_tdengine::{Answer, Context, Rows, TaosError, run};

use super::multipart;
use crate::DIALECT;
use crate::app::TdengineApp;
use crate::auth::{Claim, login};
use crate::error::{AdapterError, TEXT};
use crate::json;
use crate::params::Params;
use crate::rest::sql::{self, MAX_SQL};

pub(crate) async fn upload(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let started = Instant::now();
    let answered = checked(&app, &request, payload).await;
    answered.unwrap_or_else(|error| error.response(&app.config, started))
}

async fn checked(
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, AdapterError> {
    let params = Params::of(request);
    let request_id = sql::number(app, request, &params)?;
    let claim = Claim::of(request.headers())?;
    let required = |name: &str| {
        params.get(name).ok_or_else(|| AdapterError::Parameter(format!("{name} required"))).map(str::to_owned)
    };
    let (database, table) = (required("db")?, required("table")?);
    let body = sql::read(app, request, payload).await?;
    let session = login(app, request, &claim, &database).await?;
    let context = Context {
        session,
        has_database: true,
        zone: params.zones(app.config.zone)?.literals,
        client: sql::client_address(request, &params),
        application: params.get("app").unwrap_or_default().to_owned(),
        request_id,
    };
    let table = format!("`{}`.`{}`", database.replace('`', "``"), table.replace('`', "``"));
    let columns = columns_of(app, &context, &table).await?;
    let parts = multipart::parts(request.headers(), &body, "data").ok_or_else(|| {
        AdapterError::Parameter("request Content-Type isn't multipart/form-data".to_owned())
    })?;
    let mut rows = 0;
    for part in parts {
        rows += insert(app, &context, &table, &columns, part).await?;
    }
    app.metrics.wrote(DIALECT, "upload", rows);
    let mut body = Vec::with_capacity(128);
    json::push_affected(&mut body, rows, false, None);
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, TEXT)).body(body))
}

/// A column that the file has a field for.
struct Column {
    name: String,
    is_quoted: bool,
}

/// The columns up to the first tag, as DESCRIBE shows them: name, type, length, note.
async fn columns_of(app: &TdengineApp, context: &Context, table: &str) -> Result<Vec<Column>, AdapterError> {
    let Answer::Rows(Rows { stream, .. }) = run(&app.engine, context, &format!("DESCRIBE {table}")).await?
    else {
        return Err(AdapterError::Generic("DESCRIBE gave no rows".to_owned()));
    };
    let batches: Vec<_> = stream.try_collect().await.map_err(TaosError::from)?;
    let mut columns = Vec::new();
    for batch in &batches {
        let text = |at: usize, row: usize| {
            let array =
                arrow::compute::cast(batch.columns().get(at)?, &arrow::datatypes::DataType::Utf8).ok()?;
            Some(array.as_string::<i32>().value(row).to_owned())
        };
        for row in 0..batch.num_rows() {
            if text(3, row).as_deref() == Some("TAG") {
                return Ok(columns);
            }
            let (Some(name), Some(ty)) = (text(0, row), text(1, row)) else { continue };
            let is_quoted = matches!(ty.as_str(), "TIMESTAMP" | "VARCHAR" | "NCHAR");
            columns.push(Column { name, is_quoted });
        }
    }
    Ok(columns)
}

/// Inserts the lines of one file; how many.
async fn insert(
    app: &TdengineApp,
    context: &Context,
    table: &str,
    columns: &[Column],
    csv: &[u8],
) -> Result<u64, AdapterError> {
    let names: Vec<String> = columns.iter().map(|c| format!("`{}`", c.name.replace('`', "``"))).collect();
    let head = format!("INSERT INTO {table} ({}) VALUES", names.join(","));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv);
    let (mut statement, mut rows, mut record) = (head.clone(), 0, csv::StringRecord::new());
    let broken = |error: csv::Error| AdapterError::Generic(error.to_string());
    while reader.read_record(&mut record).map_err(broken)? {
        let row = values(columns, &record)?;
        if statement.len() + row.len() > MAX_SQL && statement.len() > head.len() {
            run(&app.engine, context, &statement).await?;
            statement.truncate(head.len());
        }
        statement.push_str(&row);
        rows += 1;
    }
    if statement.len() > head.len() {
        run(&app.engine, context, &statement).await?;
    }
    Ok(rows)
}

/// `(a,b,…)`; fields beyond the columns are ignored.
fn values(columns: &[Column], record: &csv::StringRecord) -> Result<String, AdapterError> {
    if record.len() < columns.len() {
        return Err(AdapterError::Generic("column count not enough".to_owned()));
    }
    let mut row = String::from("(");
    for (at, (column, field)) in columns.iter().zip(record).enumerate() {
        if at > 0 {
            row.push(',');
        }
        if column.is_quoted {
            push_quoted(&mut row, field);
        } else if field.is_empty() {
            row.push_str("NULL");
        } else {
            row.push_str(field);
        }
    }
    row.push(')');
    Ok(row)
}

fn push_quoted(out: &mut String, field: &str) {
    out.push('\'');
    for c in field.chars() {
        if matches!(c, '\\' | '\'' | '(' | ')') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_as_the_vendor_does() {
        let columns: Vec<Column> = [("ts", true), ("v", false), ("s", true)]
            .map(|(name, is_quoted)| Column { name: name.to_owned(), is_quoted })
            .into();
        let row = |fields: &[&str]| values(&columns, &csv::StringRecord::from(fields.to_vec()));
        assert_eq!(row(&["2024-01-01", "1", "x"]).unwrap(), "('2024-01-01',1,'x')");
        assert_eq!(row(&["0", "", "it's (\\) x", "more"]).unwrap(), "('0',NULL,'it\\'s \\(\\\\\\) x')");
        assert_eq!(row(&["0", "1"]).unwrap_err().to_string(), "column count not enough");
    }
}
