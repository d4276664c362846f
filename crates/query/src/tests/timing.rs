//! Measurements, printed: `cargo test -p triglot-query timing -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use datafusion::catalog::Session;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext as PlainContext;

use super::fixture::{cpu, options, parse, plan, query, session_of, tables};
use crate::{ExecutorOptions, QueryExecutor, QueryInfo, QueryRegistry, QueryRuntime, SessionBuilder};

const DASHBOARD: &str = "SELECT date_bin(interval '1 minute', time), max(usage_user) FROM cpu \
    WHERE host IN ('host_1') AND time >= '2020-01-01T00:00:00' AND time < '2020-01-01T01:00:00' GROUP BY 1";

/// The median of many runs.
fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..400)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

#[test]
#[ignore = "a measurement"]
fn timing_of_planning() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tables = tables(cpu(100, 360));
    let builder = SessionBuilder::new(options());
    let session = session_of(&builder, tables.clone());
    let statement = parse(DASHBOARD);
    let logical = plan(&session, DASHBOARD).unwrap();
    let simple = crate::rules::PlanShape::of(&logical);
    println!("plan shape {simple:?}");
    println!("session       {:?}", median(|| drop(black_box(session_of(&builder, tables.clone())))));
    println!("task context  {:?}", median(|| drop(black_box(session.task_ctx()))));
    println!("parse         {:?}", median(|| drop(black_box(parse(DASHBOARD)))));
    println!(
        "to logical    {:?}",
        median(|| drop(black_box(crate::plan_statement(statement.clone(), &session).unwrap())))
    );
    println!("optimise full {:?}", median(|| drop(black_box(session.optimize(&logical).unwrap()))));
    let whole = |plan: &LogicalPlan| drop(black_box(runtime.block_on(session.physical_plan(plan)).unwrap()));
    println!("logical to physical, lists by shape {:?}", median(|| whole(&logical)));
    let full =
        |plan: &LogicalPlan| drop(black_box(runtime.block_on(session.create_physical_plan(plan)).unwrap()));
    println!("logical to physical, full lists     {:?}", median(|| full(&logical)));
    println!(
        "text to physical                    {:?}",
        median(|| {
            let session = session_of(&builder, tables.clone());
            whole(&plan(&session, DASHBOARD).unwrap());
        })
    );
    println!(
        "text to rows                        {:?}",
        median(|| drop(black_box(runtime.block_on(query(&session, DASHBOARD)).unwrap())))
    );
    let context = PlainContext::new();
    context.register_table("cpu", tables.tables["cpu"].clone()).unwrap();
    println!(
        "text to physical, plain DataFusion  {:?}",
        median(|| {
            let plan = async { context.sql(DASHBOARD).await?.create_physical_plan().await };
            drop(black_box(runtime.block_on(plan).unwrap()));
        })
    );
    session.rule_times(&logical);
}

#[test]
#[ignore = "a measurement"]
fn timing_of_the_hop_to_the_query_threads() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tables = tables(cpu(100, 360));
    let builder = SessionBuilder::new(options());
    let registry = QueryRegistry::new(std::sync::Arc::new(triglot_model::SystemClock));
    let limits = ExecutorOptions { max_concurrent: 8, time_limit: Some(Duration::from_secs(60)) };
    let executor = QueryExecutor::new(QueryRuntime::new(2).unwrap(), registry, limits);
    let info = QueryInfo { text: "q".into(), user: "u".into(), tenant: "t".into(), database: "d".into() };
    let session = session_of(&builder, tables);
    let logical = plan(&session, DASHBOARD).unwrap();
    let here = median(|| drop(black_box(runtime.block_on(query(&session, DASHBOARD)).unwrap())));
    let there = median(|| {
        let (session, info, logical) = (session.clone(), info.clone(), logical.clone());
        let rows = async { executor.run(session, logical, info).await?.collect().await };
        drop(black_box(runtime.block_on(rows).unwrap()));
    });
    let nothing = median(|| {
        let info = info.clone();
        let session = session.clone();
        let plan = LogicalPlan::EmptyRelation(datafusion::logical_expr::EmptyRelation {
            produce_one_row: false,
            schema: datafusion::common::DFSchema::empty().into(),
        });
        let rows = async { executor.run(session, plan, info).await?.collect().await };
        drop(black_box(runtime.block_on(rows).unwrap()));
    });
    println!(
        "text to rows here {here:?}; plan to rows on the query threads {there:?}; empty plan {nothing:?}"
    );
}
