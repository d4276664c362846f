//! How fast INSERT text is scanned: `cargo run --release -p triglot-parse-tdengine --example scan`.

use std::time::{Duration, Instant};

fn main() {
    for (what, sql) in [
        ("plain rows", rows(|i| format!("({}, {}.5, {i}, 'text {i}')", 1_700_000_000_000_u64 + i, i % 100))),
        ("quoted times", rows(|i| format!("('2024-01-01 00:00:00.{:03}', {i}, null, true)", i % 1000))),
        ("many tables", tables()),
    ] {
        let started = Instant::now();
        let mut runs = 0_u32;
        while started.elapsed() < Duration::from_secs(1) {
            assert!(triglot_parse_tdengine::parse(&sql).is_ok());
            runs += 1;
        }
        let bytes = sql.len() as f64 * f64::from(runs);
        println!("{what}: {:.0} MB/s", bytes / started.elapsed().as_secs_f64() / 1e6);
    }
    println!("bytes of an expression: {}", size_of::<triglot_parse_tdengine::ast::Expr>());
    println!("bytes of a value: {}", size_of::<triglot_parse_tdengine::ast::RawValue>());
}

/// An INSERT of nearly 1 MB into one table.
fn rows(row: impl Fn(u64) -> String) -> String {
    let mut sql = String::from("INSERT INTO d.t VALUES ");
    let mut next = 0;
    while sql.len() < 1_000_000 {
        sql += &row(next);
        next += 1;
    }
    sql
}

/// An INSERT of nearly 1 MB of which each row has its own table.
fn tables() -> String {
    let mut sql = String::from("INSERT INTO ");
    let mut next = 0_u64;
    while sql.len() < 1_000_000 {
        sql += &format!("d_{next} USING meters TAGS ({next}, 'x') VALUES (1700000000000, 1.5, 2) ");
        next += 1;
    }
    sql
}
