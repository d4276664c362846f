//! The parts of databases by time that hold rows.

use std::collections::BTreeSet;

use triglot_auth::{Action, Object, allow};
use triglot_model::DatabaseDef;
use triglot_storage::{SeriesSelection, TimeRange};

use crate::{Engine, EngineError, Session};

/// One bucket of time of one database; its rows are stored and dropped together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition {
    /// Name of the database.
    pub database: String,
    /// First instant, nanoseconds since the epoch.
    pub start_ns: i64,
    /// The instant behind the last one.
    pub end_ns: i64,
}

impl Engine {
    /// The buckets that hold rows, of all databases of the session's tenant, by database and time.
    ///
    /// # Errors
    /// The user is no administrator.
    pub fn partitions(&self, session: &Session) -> Result<Vec<Partition>, EngineError> {
        self.check_password_is_own(session)?;
        let catalog = self.catalog();
        allow(&catalog, &session.principal, Action::Admin, Object::Cluster)?;
        let mut found = BTreeSet::new();
        for database in catalog.databases(session.tenant) {
            for table in catalog.tables(database.id) {
                let snapshot = self.storage().snapshot(&self.table_meta(table, database));
                for chunk in snapshot.chunks(TimeRange::ALL, &SeriesSelection::All) {
                    let start_ns = chunk.time.start.saturating_mul(table.precision().ns());
                    found.insert(bucket_of(database, start_ns));
                }
            }
        }
        Ok(found.into_iter().collect())
    }
}

fn bucket_of(database: &DatabaseDef, time_ns: i64) -> Partition {
    let bucket = database.bucket_ns().max(1);
    let start_ns = time_ns.saturating_sub(time_ns.rem_euclid(bucket));
    Partition { database: database.name.clone(), start_ns, end_ns: start_ns.saturating_add(bucket) }
}
