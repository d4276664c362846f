//! The engine as an embedder uses it.

mod children;
mod dedup;
mod files;
mod ingest;
mod keyed;
mod queries;

use std::path::Path;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Statement as Ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use futures::TryStreamExt;
use triglot_auth::Peer;
use triglot_disk::RealDisk;
use triglot_model::Precision;

use crate::{Engine, EngineOptions, IngestOptions, Outcome, Query, Session, Statement};

async fn open(dir: &Path) -> Engine {
    let mut options = EngineOptions::new(Arc::new(RealDisk::open(dir).unwrap()));
    // More than one, so that what holds of one shard only is found out.
    options.storage.shards = 2;
    Engine::open(options).await.unwrap()
}

async fn root(engine: &Engine) -> Session {
    let principal = engine.auth().verify("root", "", Peer::Loopback).await.unwrap();
    engine.session(principal, "cnosdb", "public").unwrap()
}

fn options() -> IngestOptions {
    IngestOptions { precision: Precision::Nano, default_time: 0, create: true }
}

/// The rows of a query as text, one line a row.
async fn rows(engine: &Engine, session: &Session, sql: &str) -> Vec<String> {
    let mut statements = Parser::parse_sql(&GenericDialect {}, sql).unwrap();
    let Some(Ast::Query(query)) = statements.pop() else { panic!("{sql} is not a query") };
    let plan = engine.plan(session, *query).unwrap();
    let query = Query { text: sql.to_owned(), plan, target_partitions: None };
    let Outcome::Rows(stream) = engine.execute(session, Statement::Query(query)).await.unwrap() else {
        panic!("{sql} gave no rows")
    };
    let batches: Vec<_> = stream.try_collect().await.unwrap();
    let mut lines = Vec::new();
    for batch in &batches {
        let options = arrow::util::display::FormatOptions::default().with_null("NULL");
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|c| arrow::util::display::ArrayFormatter::try_new(c, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            lines.push(columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join("|"));
        }
    }
    lines
}
