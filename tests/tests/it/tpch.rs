//! TPC-H at scale 0.1: DuckDB's answers to the 22 queries, over external tables (Parquet) and over own
//! tables that COPY INTO fills. Needs Python and two packages of PyPI (generator and DuckDB).
//!
//! Own tables have no decimals and dates: DOUBLE and text stand for them. Their time is the row's
//! number, and what the benchmark groups and filters by most is a tag.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::answers;
use crate::clients::{run, skip, venv};
use crate::http;
use crate::server::Server;

const PACKAGES: [&str; 2] = ["duckdb==2.0.0", "tpchgen-cli==4.0.0"];

/// Each table with its tags and its rows at this scale.
const TABLES: [(&str, &[&str], u64); 8] = [
    ("customer", &["c_mktsegment"], 15_000),
    ("lineitem", &["l_returnflag", "l_linestatus", "l_shipmode"], 600_572),
    ("nation", &["n_name"], 25),
    ("orders", &["o_orderpriority"], 150_000),
    ("part", &["p_brand"], 20_000),
    ("partsupp", &[], 80_000),
    ("region", &["r_name"], 5),
    ("supplier", &[], 1_000),
];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tpch")
}

fn make_tables(server: &Server, data: &Path) {
    server.sql("public", "create database ext");
    server.sql("public", "create database own");
    for (table, tags, rows) in TABLES {
        let parquet = |kind: &str| data.join(format!("{kind}/{table}.parquet")).display().to_string();
        let create =
            format!("create external table {table} stored as parquet location 'file://{}'", parquet("ext"));
        server.sql("ext", &create);
        let described = http::csv(&server.sql("ext", &format!("describe table {table}")));
        let mut columns: Vec<String> = described[1..]
            .iter()
            .filter(|column| !tags.contains(&column[0].as_str()))
            .map(|column| {
                let ty = match column[1].as_str() {
                    "Int64" | "Int32" => "bigint",
                    "Utf8" | "Date32" => "string",
                    decimal if decimal.starts_with("Decimal128(15, 2)") => "double",
                    other => panic!("{table}.{}: {other}", column[0]),
                };
                format!("{} {ty}", column[0])
            })
            .collect();
        if !tags.is_empty() {
            columns.push(format!("tags({})", tags.join(", ")));
        }
        server.sql("own", &format!("create table {table} ({})", columns.join(", ")));
        let copied = server.sql("own", &format!("copy into {table} from '{}'", parquet("own")));
        assert_eq!(copied, format!("rows\n{rows}\n"), "{table}");
    }
}

#[test]
fn tpch_agrees_with_duckdb() {
    if skip("python3") {
        return;
    }
    let Some(python) = venv("tpch-venv", &PACKAGES) else { return };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("tpch");
    std::fs::create_dir(&data).unwrap();
    let queries_file = sources().join("queries.sql");
    run(Command::new(python).arg(sources().join("reference.py")).arg(&data).arg(&queries_file));
    let answers = answers::read(&data.join("answers.json"));
    let queries = answers::queries(&queries_file);
    assert_eq!((queries.len(), answers.len()), (22, 22));
    let server = Server::start(&dir.path().join("data"));
    make_tables(&server, &data);
    let mut wrong = Vec::new();
    for database in ["ext", "own"] {
        for (name, query) in &queries {
            let found = http::csv(&server.sql(database, query));
            if let Some(difference) = answers::difference(&found[1..], &answers[name]) {
                wrong.push(format!("{name} over {database}: {difference}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
