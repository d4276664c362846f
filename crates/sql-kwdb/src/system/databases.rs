//! SHOW of databases and schemas.

use triglot_model::DatabaseDef;

use super::rows::{all_texts, source, texts};
use super::{Source, View};
use crate::KwError;
use crate::columns::{self, database as options};
use crate::lower::names::{self, BUILT_IN, Database};
use crate::parse::PUBLIC;

/// `SHOW DATABASES [WITH COMMENT]`, by name.
pub(super) fn list(view: &View<'_>, with_comment: bool) -> Result<Source, KwError> {
    let stored = view.engine.databases(view.session);
    let mut all: Vec<Database> = stored.into_iter().map(Database::Stored).collect();
    let is_stored = |name: &str| view.catalog.database(view.session.tenant, name).is_some();
    let empty = BUILT_IN.iter().filter(|name| !is_stored(name));
    all.extend(empty.map(|name| Database::Empty((*name).to_owned())));
    all.sort_by(|a, b| a.name().cmp(b.name()));
    let engine = |database: &Database| if database.is_relational() { "RELATIONAL" } else { "TIME SERIES" };
    let mut columns = vec![
        all_texts("database_name", all.iter().map(Database::name)),
        all_texts("engine_type", all.iter().map(engine)),
    ];
    if with_comment {
        columns.push(texts("comment", all.iter().map(|database| comment(database))));
    }
    source(columns)
}

fn comment(database: &Database) -> Option<&str> {
    match database {
        Database::Stored(def) => def.options.get(options::COMMENT).map(String::as_str),
        Database::Empty(_) => None,
    }
}

/// `SHOW CREATE DATABASE d`
pub(super) fn create_text(view: &View<'_>, name: &str) -> Result<Source, KwError> {
    let database = readable(view, name)?;
    let shown = names::quoted(name);
    let text = match &database {
        Database::Stored(def) if !columns::is_relational(def) => {
            let seconds = columns::retention_seconds(def);
            let partition = partition(def);
            format!(
                "CREATE TS DATABASE {shown}\n     retentions {seconds}s\n     partition interval {partition}"
            )
        }
        Database::Stored(_) | Database::Empty(_) => format!("CREATE DATABASE {shown}"),
    };
    source(vec![all_texts("database_name", [name]), all_texts("create_statement", [text])])
}

/// The partition interval as it was declared, in days; KWDB's default where none was.
fn partition(def: &DatabaseDef) -> String {
    const NS_PER_DAY: i64 = 86_400_000_000_000;
    let written = def.options.get(options::PARTITION).cloned();
    let kept = || def.partition_ns.filter(|ns| *ns >= NS_PER_DAY).map(|ns| format!("{}d", ns / NS_PER_DAY));
    written.or_else(kept).unwrap_or_else(|| "10d".to_owned())
}

/// `SHOW SCHEMAS [FROM d]`
pub(super) fn schemas(view: &View<'_>, database: Option<&str>) -> Result<Source, KwError> {
    readable(view, database.unwrap_or(&view.session.database_name))?;
    source(vec![all_texts("schema_name", [PUBLIC])])
}

/// A database that the user may see something of; SHOW has its own words for one that is not there.
pub(super) fn readable(view: &View<'_>, name: &str) -> Result<Database, KwError> {
    let found = names::database(view.engine, view.session, name);
    match found {
        Ok(Database::Stored(def)) if !view.sees(&def) => Err(missing()),
        Err(error) if error.sqlstate == "3D000" => Err(missing()),
        other => other,
    }
}

fn missing() -> KwError {
    KwError::new("42P01", "target database or schema does not exist")
}
