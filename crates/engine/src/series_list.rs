//! The series of a table, read from the series index.

use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use triglot_auth::{Action, Object, allow};
use triglot_query::source::SnapshotSource;
use triglot_query::{QueryError, QueryStream, SeriesListTable};

use crate::{Engine, EngineError, Query, Session, TableName};

impl Engine {
    /// The series of a table, one row each with a nullable text column per tag in the table's order;
    /// those without rows too, since no data is read. `filter` is over tags (column names unqualified).
    /// `text` is what the query list shows.
    ///
    /// # Errors
    /// The table does not exist, may not be read, or the filter is over something else.
    pub async fn series(
        &self,
        session: &Session,
        name: &TableName,
        filter: Option<Expr>,
        text: String,
    ) -> Result<QueryStream, EngineError> {
        let catalog = self.catalog();
        let (database, def) = self.table_in(&catalog, session, name)?;
        allow(&catalog, &session.principal, Action::Read, Object::Table(database.id, def.id))?;
        let snapshot = self.storage().snapshot(&self.table_meta(&def, &database));
        let list =
            provider_as_source(Arc::new(SeriesListTable::new(Arc::new(SnapshotSource::new(snapshot)))));
        let plan = || -> datafusion::error::Result<LogicalPlan> {
            let scan = LogicalPlanBuilder::scan(TableReference::bare(def.name.as_str()), list, None)?;
            match filter {
                Some(filter) => scan.filter(filter)?.build(),
                None => scan.build(),
            }
        };
        let plan = plan().map_err(QueryError::from)?;
        self.run_query(session, Query { text, plan, target_partitions: None }).await
    }
}
