//! Triglot as a library: no HTTP, no server. Opens a database in a directory, writes line protocol,
//! and asks it with CnosDB's SQL.
//!
//! ```text
//! cargo run --bin embed_core -- ./embedded-data
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use triglot_engine::auth::Peer;
use triglot_engine::disk::RealDisk;
use triglot_engine::{Engine, EngineOptions, FieldValue, IngestOptions, Outcome, Session};
use triglot_model::Precision;
use triglot_parse_lp::{Dialect, FieldValue as Parsed, Line, Parser};
use triglot_sql_cnosdb::{execute, prepare};

/// Two hosts at two instants; the last line completes the first row.
const LINES: &str = "\
cpu,host=a user=1.5 1700000000000000000
cpu,host=b user=2.5 1700000000000000000
cpu,host=a user=3.5 1700000010000000000
cpu,host=a system=0.5 1700000000000000000
";

type Failed = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let dir = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("embedded-data"), PathBuf::from);
    println!("{}", run(&dir).await?);
    Ok(())
}

/// Writes [`LINES`] into the database in `dir` and gives back what it says about them.
async fn run(dir: &Path) -> Result<String, Failed> {
    let engine = Engine::open(EngineOptions::new(Arc::new(RealDisk::open(dir)?))).await?;
    let root = engine.auth().verify("root", "", Peer::Loopback).await?;
    let session = engine.session(root, "cnosdb", "public")?;

    write(&engine, &session, LINES).await?;
    let sql = "SELECT host, count(*) AS rows, max(\"user\") AS most FROM cpu GROUP BY host ORDER BY host";
    let rows = query(&engine, &session, sql).await?;

    engine.shutdown().await?;
    Ok(pretty_format_batches(&rows)?.to_string())
}

/// All lines or none of them; when this returns they are on disk.
async fn write(engine: &Engine, session: &Session, lines: &str) -> Result<(), Failed> {
    let options =
        IngestOptions { precision: Precision::Nano, default_time: engine.clock().now_ns(), create: true };
    let mut batcher = engine.batcher(session, options)?;
    let mut parser = Parser::new(lines, Dialect::CnosDb);
    let mut line = Line::new();
    while let Some(point) = parser.next_line(&mut line) {
        let point = point?;
        let key = point.series_key_raw().as_bytes();
        // A series that was written before needs no look at its tags.
        if !batcher.begin_known(key) {
            batcher.begin(&point.measurement(), key, point.tags().iter().map(|t| (t.key(), t.value())))?;
        }
        for field in point.fields() {
            let name = field.key();
            match field.value() {
                Parsed::F64(v) => batcher.field(&name, FieldValue::F64(v))?,
                Parsed::I64(v) => batcher.field(&name, FieldValue::I64(v))?,
                other => return Err(format!("this example does not write {other:?}").into()),
            }
        }
        batcher.end_row(point.timestamp())?;
    }
    batcher.commit().await?;
    Ok(())
}

async fn query(engine: &Engine, session: &Session, sql: &str) -> Result<Vec<RecordBatch>, Failed> {
    let Some(prepared) = prepare(sql)? else { return Ok(Vec::new()) };
    match execute(engine, session, prepared, sql, None).await? {
        Outcome::Rows(rows) => Ok(rows.try_collect().await?),
        Outcome::Done | Outcome::Affected(_) => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_rows_of_one_key_are_one_row() {
        let dir = tempfile::tempdir().unwrap();
        let table = run(dir.path()).await.unwrap();
        let cells: Vec<Vec<&str>> = table
            .lines()
            .filter(|l| l.starts_with('|'))
            .map(|l| l.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        assert_eq!(cells, [["host", "rows", "most"], ["a", "2", "3.5"], ["b", "1", "2.5"]]);
    }
}
