//! The rules of `docs/ARCHITECTURE.md` that a compiler does not check: who may depend on whom, how
//! long files are, and which calls have one home.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Our crates (without `triglot-`), and which of ours each may depend on. A name that ends in `*`
/// stands for all crates that begin so; `dialect-x` may also depend on its own `sql-x`.
const MAY_DEPEND_ON: [(&str, &[&str]); 18] = [
    ("model", &[]),
    ("parse-*", &["parse-json"]),
    ("jsonata", &["parse-json"]),
    ("disk", &[]),
    ("metalog", &["disk", "model"]),
    ("catalog", &["metalog", "model"]),
    ("storage", &["disk", "metalog", "model"]),
    ("auth", &["catalog", "model"]),
    ("functions", &["model"]),
    ("query", &["functions", "storage", "model"]),
    ("engine", &["auth", "catalog", "disk", "functions", "metalog", "model", "query", "storage"]),
    ("sql-*", &["engine", "functions", "model", "parse-*", "query"]),
    ("http", &["auth", "model"]),
    ("dialect-*", &["engine", "http", "jsonata", "model", "parse-*"]),
    ("examples", &["engine", "model", "parse-*", "sql-*"]),
    ("triglot", &["*"]),
    ("tests", &["*"]),
    ("xtask", &[]),
];

/// Crates of others that only some of ours may name, and which: they decide what a crate knows
/// (SQL, HTTP) and how long an edit of it takes to build.
const RESERVED: [(&str, &[&str]); 7] = [
    ("datafusion", &["functions", "query", "engine", "sql-*", "dialect-*", "tests"]),
    ("parquet", &["storage", "triglot", "tests"]),
    ("actix-web", &["http", "dialect-*", "triglot"]),
    ("actix-http", &["triglot"]),
    ("rustls", &["http"]),
    ("argon2", &["auth"]),
    ("clap", &["triglot"]),
];

/// All that a parser may need: it knows no schema, clock or socket.
const FOR_PARSERS: [&str; 9] =
    ["fast-float2", "memchr", "nom", "prost", "serde", "serde_json", "snap", "sqlparser", "thiserror"];

/// Calls with one home, and the paths where they may stand. Tests may do as they like with files.
const HOMES: [(&str, &[&str]); 5] = [
    ("SystemTime::now", &["crates/model/src/clock.rs"]),
    ("Utc::now", &[]),
    ("Local::now", &[]),
    // `process.rs` reads /proc/self for metrics.
    ("std::fs", &["crates/disk/src/", "crates/http/src/process.rs", "bins/", "tests/"]),
    ("tokio::fs", &[]),
];

const MAX_LINES: usize = 1_000;

/// A crate of the workspace: its dependencies by name, `true` = for its own tests only.
type Dependencies = Vec<(String, bool)>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Short name and dependencies of each workspace member, from `cargo metadata`.
fn members() -> BTreeMap<String, Dependencies> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let members: BTreeMap<_, _> = packages.iter().map(|p| (short(text(&p["name"])), depends_on(p))).collect();
    assert!(members.len() >= 15, "only {} members: is this the workspace?", members.len());
    members
}

fn depends_on(package: &Value) -> Dependencies {
    let all = package["dependencies"].as_array().expect("dependencies");
    all.iter().map(|d| (text(&d["name"]).to_owned(), d["kind"] == "dev")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn short(name: &str) -> String {
    name.strip_prefix("triglot-").unwrap_or(name).to_owned()
}

/// Whether `name` is one of `patterns`.
fn is_any(name: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *pattern,
    })
}

/// What is wrong with the dependencies of one crate.
fn violations(name: &str, depends_on: &Dependencies) -> Vec<String> {
    let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(pattern, _)| is_any(name, &[pattern])) else {
        return vec![format!("{name} is not in the table of ARCHITECTURE.md and of this test")];
    };
    let own_sql = name.strip_prefix("dialect-").map(|dialect| format!("sql-{dialect}"));
    let mut found = Vec::new();
    for (dependency, for_tests) in depends_on {
        let ours = dependency.strip_prefix("triglot-");
        let fine = match ours {
            // Tests of any crate may use the simulated disk.
            Some("disk") if *for_tests => true,
            Some(ours) => is_any(ours, allowed) || own_sql.as_deref() == Some(ours),
            None if *for_tests => true,
            None => {
                let reserved = RESERVED.iter().find(|(other, _)| {
                    dependency == other || (*other == "datafusion" && dependency.starts_with("datafusion-"))
                });
                reserved.is_none_or(|(_, homes)| is_any(name, homes))
                    && (!name.starts_with("parse-") || FOR_PARSERS.contains(&dependency.as_str()))
            }
        };
        if !fine {
            found.push(format!("{name} must not depend on {dependency}"));
        }
    }
    found
}

#[test]
fn crates_depend_only_on_what_they_may() {
    let found: Vec<String> = members().iter().flat_map(|(name, deps)| violations(name, deps)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn forbidden_dependencies_are_found() {
    let one = |name: &str, dependency: &str| violations(name, &vec![(dependency.to_owned(), false)]).len();
    for (name, dependency) in [
        ("storage", "triglot-query"),
        ("storage", "datafusion"),
        ("storage", "datafusion-common"),
        ("query", "actix-web"),
        ("query", "triglot-catalog"),
        ("parse-lp", "triglot-model"),
        ("parse-lp", "tokio"),
        ("dialect-cnosdb", "triglot-storage"),
        ("dialect-cnosdb", "triglot-sql-kwdb"),
        ("engine", "triglot-http"),
        ("unheard-of", "triglot-model"),
    ] {
        assert_eq!(one(name, dependency), 1, "{name} -> {dependency}");
    }
    for (name, dependency) in [
        ("storage", "triglot-disk"),
        ("dialect-kwdb", "triglot-sql-kwdb"),
        ("parse-otlp", "prost"),
        ("triglot", "triglot-dialect-cnosdb"),
    ] {
        assert_eq!(one(name, dependency), 0, "{name} -> {dependency}");
    }
    assert!(violations("catalog", &vec![("triglot-disk".to_owned(), true)]).is_empty());
    assert_eq!(violations("catalog", &vec![("triglot-disk".to_owned(), false)]).len(), 1);
}

/// Path from the root and text of each Rust file of ours.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> =
        ["crates", "bins", "tests", "examples"].iter().map(|d| root().join(d)).collect();
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                if !path.ends_with("target") && !path.ends_with(".venv") {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path).expect("Rust files are UTF-8")));
            }
        }
    }
    assert!(found.len() > 200, "only {} files", found.len());
    found
}

#[test]
fn no_file_is_longer_than_a_thousand_lines() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

/// Lines that make a call away from its home. Comments may speak of it.
fn strays(name: &str, text: &str) -> Vec<String> {
    let is_test = name.contains("/tests/") || name.ends_with("/tests.rs") || name.contains("/fuzz/");
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for (at, line) in code {
        for (call, homes) in HOMES {
            let free = homes.iter().any(|home| name.starts_with(home)) || (is_test && call.ends_with("::fs"));
            if line.contains(call) && !free {
                found.push(format!("{name}:{}: {call}", at + 1));
            }
        }
    }
    found
}

#[test]
fn calls_stay_at_home() {
    // This file names them all.
    let others = sources().into_iter().filter(|(name, _)| !name.ends_with("it/architecture.rs"));
    let found: Vec<String> = others.flat_map(|(name, text)| strays(&name, &text)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn stray_calls_are_found() {
    let clock = "let now = SystemTime::now();";
    assert_eq!(strays("crates/storage/src/lib.rs", clock), ["crates/storage/src/lib.rs:1: SystemTime::now"]);
    assert_eq!(strays("crates/storage/src/tests/mod.rs", clock).len(), 1);
    assert!(strays("crates/model/src/clock.rs", clock).is_empty());
    let files = "// std::fs is not for us\nuse std::fs;";
    assert_eq!(strays("crates/engine/src/lib.rs", files), ["crates/engine/src/lib.rs:2: std::fs"]);
    assert!(strays("crates/engine/src/tests.rs", files).is_empty());
    assert!(strays("bins/triglot/src/main.rs", files).is_empty());
}
