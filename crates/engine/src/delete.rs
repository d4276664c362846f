//! DELETE: a predicate over time and tags becomes tombstones.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use datafusion::datasource::provider_as_source;
use datafusion::functions_aggregate::count::count_all;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use futures::TryStreamExt;
use triglot_auth::Action;
use triglot_model::{ColumnKind, DatabaseDef, Sid, TableDef};
use triglot_query::source::SnapshotSource;
use triglot_query::{Decision, QueryError, RowsPart, SeriesTable, decide_rows};
use triglot_storage::{DeleteFilter, TimeRange};

use crate::{Engine, EngineError, Query, Relation, Session, TableIn, TableName};

impl Engine {
    /// Deletes rows of any relation and says how many there were.
    ///
    /// # Errors
    /// Those of [`Self::delete`].
    pub(crate) async fn delete_counted(
        &self,
        session: &Session,
        name: &TableName,
        filter: Option<Expr>,
    ) -> Result<u64, EngineError> {
        let database = name.database.as_deref().unwrap_or(&session.database_name);
        let relation = self.relation_for(session, database, &name.table, Action::Delete)?;
        let TableIn { database, def } = relation.table();
        if def.is_keyed() {
            return self.delete_keyed(session, relation.table().clone(), name.clone(), filter).await;
        }
        let filter = filter.unwrap_or_else(|| lit(true));
        let (parts, counted) = self.decide_counted(session, &relation, filter).await?;
        let meta = self.table_meta(def, database);
        for (time, series) in parts {
            self.storage().delete(&meta, DeleteFilter { time, series }).await?;
        }
        Ok(counted)
    }

    /// Deletes series with their rows and says how many rows there were.
    ///
    /// # Errors
    /// [`EngineError::DeletePredicate`]: tags do not decide which.
    pub(crate) async fn delete_series(
        &self,
        session: &Session,
        name: &TableName,
        filter: Expr,
    ) -> Result<u64, EngineError> {
        let database = name.database.as_deref().unwrap_or(&session.database_name);
        let relation = self.relation_for(session, database, &name.table, Action::Delete)?;
        let TableIn { database, def } = relation.table();
        let predicate = filter.to_string();
        let (parts, counted) = self.decide_counted(session, &relation, filter).await?;
        let meta = self.table_meta(def, database);
        for (time, series) in parts {
            let (TimeRange::ALL, Some(series)) = (time, series) else {
                return Err(EngineError::DeletePredicate { predicate });
            };
            for (shard, sids) in series {
                let sids = sids.iter().map(Sid).collect();
                self.storage().remove_series(&meta, shard, sids).await?;
            }
        }
        Ok(counted)
    }

    /// The rows that `filter` names, and how many there are.
    async fn decide_counted(
        &self,
        session: &Session,
        relation: &Relation,
        filter: Expr,
    ) -> Result<(Vec<RowsPart>, u64), EngineError> {
        let def = &relation.table().def;
        refuse_fields(def, &filter)?;
        let rows = self.relation_rows(relation);
        let decision = decide_rows(&self.query_session(session), rows.clone(), filter.clone()).await?;
        let parts = match decision {
            Decision::Undecided(part) => return Err(EngineError::DeletePredicate { predicate: part }),
            Decision::Rows(parts) => parts,
        };
        let count = || -> datafusion::error::Result<LogicalPlan> {
            LogicalPlanBuilder::scan(def.name.as_str(), provider_as_source(Arc::new(rows)), None)?
                .filter(filter)?
                .aggregate(Vec::<Expr>::new(), vec![count_all()])?
                .build()
        };
        let plan = count().map_err(QueryError::from)?;
        let query = Query { text: format!("DELETE FROM {}", def.name), plan, target_partitions: None };
        let counted: Vec<RecordBatch> = self.run_query(session, query).await?.try_collect().await?;
        let counted = counted.iter().find_map(|b| b.columns().first()?.as_primitive_opt::<Int64Type>());
        let counted = counted.and_then(|c| c.values().first().copied()).unwrap_or(0);
        Ok((parts, u64::try_from(counted).unwrap_or(0)))
    }

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
        refuse_fields(def, &filter)?;
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

/// Tombstones know no values.
fn refuse_fields(def: &TableDef, filter: &Expr) -> Result<(), EngineError> {
    let is_field = |name: &str| {
        let kind = def.column(name).map(|c| c.kind);
        matches!(kind, Some(ColumnKind::Field | ColumnKind::CompositeKey))
    };
    match filter.column_refs().iter().find(|c| is_field(&c.name)) {
        Some(field) => {
            Err(EngineError::DeleteByField { table: def.name.clone(), column: field.name.clone() })
        }
        None => Ok(()),
    }
}
