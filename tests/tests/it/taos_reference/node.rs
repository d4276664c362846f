//! The engine with TDengine's SQL, in this process.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type};
use chrono_tz::Tz;
use futures::TryStreamExt;
use triglot_disk::RealDisk;
use triglot_engine::auth::Peer;
use triglot_engine::{Engine, EngineOptions, QueryLanguage};
use triglot_sql_tdengine::{Answer, Context, language, run};

use super::Question;
use super::rows::{CHILDREN, Case};

/// A value of an answer. Times are counts of milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Float(f64),
    Text(String),
    Bool(bool),
}

impl Cell {
    pub(super) fn int(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }

    pub(super) fn float(value: Option<f64>) -> Self {
        value.map_or(Self::Null, Self::Float)
    }

    pub(super) fn text(value: Option<&str>) -> Self {
        value.map_or(Self::Null, |v| Self::Text(v.to_owned()))
    }

    fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0),
            (a, b) => a == b,
        }
    }
}

pub(super) struct Node {
    engine: Engine,
    language: Arc<QueryLanguage>,
    _dir: tempfile::TempDir,
}

impl Node {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(RealDisk::open(dir.path()).unwrap());
        let engine = Engine::open(EngineOptions::new(disk)).await.unwrap();
        let language = language(&engine).unwrap();
        let node = Self { engine, language, _dir: dir };
        node.ask(Tz::UTC, "create database d precision 'ms' keep 36500d").await.unwrap();
        node
    }

    /// Makes the case's tables and writes its rows.
    pub(super) async fn load(&self, case: &Case) {
        let mut statements = vec![format!(
            "create table {} (ts timestamp, c int, v double, w int, x double, s varchar(8), k int) tags (g int)",
            case.table
        )];
        for child in 0..CHILDREN {
            let name = case.name(child);
            statements.push(format!("create table {name} using {} tags ({child})", case.table));
            let rows: Vec<String> = case.rows_of(Some(child), None).iter().map(|r| r.values()).collect();
            if !rows.is_empty() {
                statements.push(format!("insert into {name} values {}", rows.join(" ")));
            }
        }
        for statement in statements {
            self.ask(Tz::UTC, &statement).await.unwrap();
        }
    }

    /// What differs between the answer and what is expected.
    pub(super) async fn check(&self, zone: Tz, question: &Question) -> Result<(), String> {
        let mut found = self.ask(zone, &question.sql).await?;
        let mut expected = question.expected.clone();
        if !question.ordered {
            for rows in [&mut found, &mut expected] {
                rows.sort_by_key(|row| format!("{row:?}"));
            }
        }
        let equal =
            |a: &Vec<Cell>, b: &Vec<Cell>| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.matches(b));
        let at = found.iter().zip(&expected).position(|(a, b)| !equal(a, b));
        match at {
            None if found.len() == expected.len() => Ok(()),
            at => {
                let at = at.unwrap_or(found.len().min(expected.len()));
                let counts = format!("{} rows, expected {}", found.len(), expected.len());
                Err(format!(
                    "{counts}; row {at}:\n  found    {:?}\n  expected {:?}",
                    found.get(at),
                    expected.get(at)
                ))
            }
        }
    }

    async fn ask(&self, zone: Tz, sql: &str) -> Result<Vec<Vec<Cell>>, String> {
        let auth = self.engine.auth();
        let root = auth.verify_or_default("root", "taosdata", "taosdata", Peer::Loopback).await.unwrap();
        let session = self.engine.session(root, "cnosdb", "d").unwrap().with_language(&self.language);
        let (client, application) = Default::default();
        let context = Context { session, has_database: true, zone, client, application, request_id: 1 };
        let told = |error: triglot_sql_tdengine::TaosError| format!("{:#06x}: {error}", error.code);
        match run(&self.engine, &context, sql).await.map_err(told)? {
            Answer::Affected(_) => Ok(Vec::new()),
            Answer::Rows(rows) => {
                let batches: Vec<RecordBatch> = rows.stream.try_collect().await.map_err(|e| e.to_string())?;
                Ok(batches.iter().flat_map(|b| (0..b.num_rows()).map(|at| row(b, at))).collect())
            }
        }
    }
}

fn row(batch: &RecordBatch, at: usize) -> Vec<Cell> {
    batch.columns().iter().map(|column| cell(column.as_ref(), at)).collect()
}

fn cell(column: &dyn Array, at: usize) -> Cell {
    if column.is_null(at) {
        return Cell::Null;
    }
    match column.data_type() {
        DataType::Boolean => Cell::Bool(column.as_boolean().value(at)),
        DataType::Float64 => Cell::Float(column.as_primitive::<Float64Type>().value(at)),
        DataType::Float32 => Cell::Float(column.as_primitive::<Float32Type>().value(at).into()),
        DataType::Utf8View => Cell::Text(column.as_string_view().value(at).to_owned()),
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(at).to_owned()),
        _ => {
            let number = arrow::compute::cast(&column.slice(at, 1), &DataType::Int64).unwrap();
            Cell::Int(number.as_primitive::<Int64Type>().value(0))
        }
    }
}
