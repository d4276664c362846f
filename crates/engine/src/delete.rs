//! DELETE: a predicate over time and tags becomes tombstones.

use std::sync::Arc;

use datafusion::logical_expr::Expr;
use triglot_model::{ColumnKind, DatabaseDef, TableDef};
use triglot_query::source::SnapshotSource;
use triglot_query::{Decision, SeriesTable, decide_rows};
use triglot_storage::{DeleteFilter, TimeRange};

use crate::{Engine, EngineError, Session};

impl Engine {
    /// Deletes the rows of `def` for which `filter` holds, all rows if there is none.
    ///
    /// # Errors
    /// [`EngineError::DeleteByField`] and [`EngineError::DeletePredicate`]: time and tags do not
    /// decide it.
    pub(crate) async fn delete(
        &self,
        session: &Session,
        database: &DatabaseDef,
        def: &Arc<TableDef>,
        filter: Option<Expr>,
    ) -> Result<(), EngineError> {
        let meta = self.table_meta(def, database);
        let Some(filter) = filter else {
            return Ok(self
                .storage()
                .delete(&meta, DeleteFilter { time: TimeRange::ALL, series: None })
                .await?);
        };
        if let Some(field) = filter.column_refs().iter().find(|c| {
            def.column(&c.name)
                .is_some_and(|d| matches!(d.kind, ColumnKind::Field | ColumnKind::CompositeKey))
        }) {
            return Err(EngineError::DeleteByField { table: def.name.clone(), column: field.name.clone() });
        }
        let snapshot = self.storage().snapshot(&meta);
        let table = SeriesTable::new(Arc::new(SnapshotSource::new(snapshot)));
        let session = self.query_session(session);
        match decide_rows(&session, table, filter).await? {
            Decision::Undecided(part) => Err(EngineError::DeletePredicate { predicate: part }),
            Decision::Rows(parts) => {
                for (time, series) in parts {
                    self.storage().delete(&meta, DeleteFilter { time, series }).await?;
                }
                Ok(())
            }
        }
    }
}
