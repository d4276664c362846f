//! What the tests share: a session over tables in memory, and plain DataFusion to compare with.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringViewArray};
use arrow::array::{TimestampMillisecondArray, TimestampNanosecondArray};
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use datafusion::catalog::TableProvider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::displayable;
use datafusion::prelude::SessionContext as PlainContext;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use futures::TryStreamExt;
use triglot_model::Precision;

use crate::source::SeriesSource;
use crate::source::memory::{MemorySource, TestRow, cpu_table};
use crate::{
    MemoryOptions, QueryError, QuerySession, SeriesTable, SessionBuilder, SessionContext, SessionOptions,
    TableName, TableResolver, plan_statement, query_memory,
};

#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) tables: HashMap<String, Arc<dyn TableProvider>>,
    pub(crate) resolved: AtomicUsize,
}

impl TableResolver for Tables {
    fn resolve(&self, name: &TableName) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        self.resolved.fetch_add(1, Ordering::SeqCst);
        Ok((name.database == "public").then(|| self.tables.get(&name.table).cloned()).flatten())
    }
}

pub(crate) fn options() -> SessionOptions {
    let memory = MemoryOptions { memory_bytes: 256 << 20, spill_dir: None, max_spill_bytes: 0 };
    SessionOptions::new(query_memory(&memory).unwrap(), 2)
}

pub(crate) fn session_with(options: SessionOptions, tables: Arc<Tables>) -> QuerySession {
    session_of(&SessionBuilder::new(options), tables)
}

pub(crate) fn session_of(builder: &SessionBuilder, resolver: Arc<Tables>) -> QuerySession {
    builder.build(SessionContext {
        tenant: "cnosdb".to_owned(),
        database: "public".to_owned(),
        resolver,
        now_ns: 1_600_000_000_000_000_000,
        values: None,
    })
}

pub(crate) fn tables(source: impl SeriesSource) -> Arc<Tables> {
    let table: Arc<dyn TableProvider> = Arc::new(SeriesTable::new(Arc::new(source)));
    Arc::new(Tables { tables: [("cpu".to_owned(), table)].into(), resolved: AtomicUsize::new(0) })
}

pub(crate) fn session(source: impl SeriesSource) -> QuerySession {
    session_with(options(), tables(source))
}

pub(crate) fn parse(sql: &str) -> datafusion::sql::sqlparser::ast::Statement {
    Parser::parse_sql(&GenericDialect {}, sql).unwrap().remove(0)
}

pub(crate) fn plan(session: &QuerySession, sql: &str) -> Result<LogicalPlan, QueryError> {
    plan_statement(parse(sql), session)
}

pub(crate) async fn query(session: &QuerySession, sql: &str) -> Result<Vec<RecordBatch>, QueryError> {
    let plan = plan(session, sql)?;
    Ok(session.execute(&plan).await?.try_collect().await?)
}

/// The physical plan as text, without the indentation of the source.
pub(crate) async fn explain(session: &QuerySession, sql: &str) -> String {
    let plan = session.physical_plan(&plan(session, sql).unwrap()).await.unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

/// All rows as text, sorted.
pub(crate) fn sorted(batches: &[RecordBatch]) -> Vec<String> {
    let mut rows = lines(batches);
    rows.sort();
    rows
}

/// All rows as text.
pub(crate) fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|c| {
                if c.is_null(row) { "NULL".to_owned() } else { array_value_to_string(c, row).unwrap() }
            });
            rows.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

/// DataFusion as it comes, over the same rows without any push-down.
pub(crate) fn plain(precision: Precision, rows: &[TestRow]) -> PlainContext {
    let times = rows.iter().map(|r| r.time);
    let times: ArrayRef = match precision {
        Precision::Milli => Arc::new(TimestampMillisecondArray::from_iter_values(times)),
        _ => Arc::new(TimestampNanosecondArray::from_iter_values(times)),
    };
    let columns: Vec<ArrayRef> = vec![
        times,
        Arc::new(rows.iter().map(|r| r.host.as_deref()).collect::<StringViewArray>()),
        Arc::new(rows.iter().map(|r| r.region.as_deref()).collect::<StringViewArray>()),
        Arc::new(rows.iter().map(|r| r.user).collect::<Float64Array>()),
        Arc::new(rows.iter().map(|r| r.count).collect::<Int64Array>()),
    ];
    let batch = RecordBatch::try_new(cpu_table(precision).read_schema(), columns).unwrap();
    let context = PlainContext::new();
    context.register_batch("cpu", batch).unwrap();
    context
}

/// `hosts` series with one row every ten seconds from 2020-01-01 on, in chunks of a day.
pub(crate) fn cpu(hosts: usize, rows_each: usize) -> MemorySource {
    const START: i64 = 1_577_836_800_000_000_000;
    let mut rows = Vec::with_capacity(hosts * rows_each);
    for host in 0..hosts {
        for i in 0..rows_each {
            rows.push(TestRow {
                host: Some(format!("host_{host}")),
                region: Some(format!("region_with_a_long_name_{}", host % 3)),
                time: START + i as i64 * 10_000_000_000,
                user: Some((host * 7 + i) as f64 % 100.0),
                count: (i % 5 != 0).then_some(i as i64),
            });
        }
    }
    MemorySource::new(Precision::Nano, &rows, 86_400_000_000_000)
}
