//! The write APIs of other systems (sheet sections 5 and 6): InfluxDB's line protocol, OpenTSDB's puts,
//! Prometheus' remote storage. One file for each format; the mapping to tables is `sql-tdengine`'s.

mod account;
pub(crate) mod influx;
pub(crate) mod opentsdb;
mod opentsdb_json;
pub(crate) mod prometheus;
mod prometheus_read;

use actix_web::{HttpRequest, web};
use bytes::Bytes;
use triglot_http::body::{self, BodyError};
use triglot_sql_tdengine::schemaless::{Body, Options, Points, Refused, write};
use triglot_sql_tdengine::{Context, TaosError, run};

use crate::DIALECT;
use crate::app::TdengineApp;
use crate::auth::{Claim, login};
use crate::error::AdapterError;
use crate::params::Params;
use crate::rest::sql::client_address;

/// Who writes where, and with which options.
pub(crate) struct Writer {
    pub(crate) context: Context,
    pub(crate) options: Options,
}

/// `ttl`, in days. The vendor's texts differ by route; the fault is the same.
fn ttl(params: &Params) -> Result<Option<u32>, NotNumeric> {
    params.get("ttl").map(|text| text.parse().map_err(|_| NotNumeric)).transpose()
}

/// A parameter that should be a number.
struct NotNumeric;

/// The name as `use` takes it, unquoted.
pub(crate) fn folded(database: &str) -> String {
    database.to_ascii_lowercase()
}

/// A session in a database, which need not exist.
pub(crate) async fn enter(
    app: &TdengineApp,
    request: &HttpRequest,
    params: &Params,
    claim: &Claim,
    database: &str,
    request_id: i64,
) -> Result<Context, AdapterError> {
    let session = login(app, request, claim, database).await?;
    Ok(Context {
        session,
        has_database: true,
        zone: app.config.zone,
        client: client_address(request, params),
        application: params.get("app").unwrap_or_default().to_owned(),
        request_id,
    })
}

/// A body, which may be empty.
pub(crate) async fn read(
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Bytes, BodyError> {
    body::read(request.headers(), payload, app.config.body_limit).await
}

/// Writes what `parse` finds in the body of a request: [`store_content`]. All rows or none: of a request that is
/// refused those up to the wrong one are counted.
async fn store<R>(
    app: &TdengineApp,
    writer: &Writer,
    api: &str,
    body: &Bytes,
    parse: R,
) -> Result<u64, TaosError>
where
    R: for<'a> Fn(&'a [u8], &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + Sync + 'static,
{
    let body = Body { content: body.clone(), bytes: body.len() };
    store_content(app, writer, api, body, of_bytes(parse)).await.map_err(|refused| {
        app.metrics.refused(DIALECT, api, refused.rows);
        refused.error
    })
}

/// A reader of bytes as one of their owner.
pub(crate) fn of_bytes<R>(
    parse: R,
) -> impl for<'a> Fn(&'a Bytes, &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + Sync + 'static
where
    R: for<'a> Fn(&'a [u8], &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + Sync + 'static,
{
    move |body, points| parse(body, points)
}

/// Writes what `parse` finds; makes the database if that is configured.
pub(crate) async fn store_content<B, R>(
    app: &TdengineApp,
    writer: &Writer,
    api: &str,
    body: Body<B>,
    parse: R,
) -> Result<u64, Refused>
where
    B: Clone + Send + Sync + 'static,
    R: for<'a> Fn(&'a B, &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + Sync + 'static,
{
    let Writer { context, options } = writer;
    let mut written = write(&app.engine, context, options.clone(), body.clone(), parse.clone()).await;
    if app.config.sml_auto_create_db && written.as_ref().is_err_and(|refused| refused.error.code == 0x0388) {
        let name = context.session.database_name.replace('`', "``");
        run(&app.engine, context, &format!("create database if not exists `{name}` precision 'ns'")).await?;
        written = write(&app.engine, context, options.clone(), body, parse).await;
    }
    let rows = written?;
    app.metrics.wrote(DIALECT, api, rows);
    Ok(rows)
}

/// What the adapter's plug-ins say to credentials that are none; `/rest` has texts of its own (sheet section 4).
pub(crate) fn plug_in_text(error: &AdapterError) -> String {
    match error {
        AdapterError::NoAuth => "auth needed".to_owned(),
        AdapterError::UnknownScheme => "unsupported auth type".to_owned(),
        other => other.to_string(),
    }
}

/// How the adapter words an engine's error outside of `/rest`: `[0x388] Database not exist`.
pub(crate) fn worded(error: &TaosError) -> String {
    format!("[0x{:x}] {}", error.code, error.text)
}
