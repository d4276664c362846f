//! Where requests are counted and held to their tenant's rates.

use arrow::array::Array;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use triglot_catalog::TenantDef;
use triglot_model::{DatabaseDef, TenantId};

use super::{Flow, Gate, Meter, Traffic, TrafficKey};
use crate::{Engine, EngineError, Session};

impl Engine {
    /// Takes `amount` out of what the session's tenant may use at an API; 0 only asks whether there is
    /// anything left. Dialects call it before the work, [`Self::charge_api`] for what is known only after.
    ///
    /// # Errors
    /// [`EngineError::RateReached`].
    pub fn spend_api(&self, session: &Session, flow: Flow, amount: u64) -> Result<(), EngineError> {
        self.spend(session.tenant, Meter { gate: Gate::Api, flow }, amount)
    }

    /// Takes `amount` for something that was done already, such as bytes that were sent.
    pub fn charge_api(&self, session: &Session, flow: Flow, amount: u64) {
        self.charge(session.tenant, Meter { gate: Gate::Api, flow }, amount);
    }

    /// What passed between queries and the store since the start.
    pub fn traffic(&self) -> Vec<(TrafficKey, Traffic)> {
        self.0.traffic.list()
    }

    /// A query begins.
    pub(crate) fn spend_query(&self, session: &Session) -> Result<(), EngineError> {
        let meter = |flow| Meter { gate: Gate::Store, flow };
        self.spend(session.tenant, meter(Flow::Queries), 1)?;
        self.spend(session.tenant, meter(Flow::BytesOut), 0)?;
        self.0.traffic.add(&session.tenant_name, existing_database(session), Flow::Queries, 1);
        Ok(())
    }

    /// Counts the rows of one of the session's queries.
    pub(crate) fn counted(&self, session: &Session) -> CountedRows {
        CountedRows {
            engine: self.clone(),
            tenant: session.tenant,
            tenant_name: session.tenant_name.clone(),
            database: existing_database(session).to_owned(),
        }
    }

    /// Rows are about to be stored.
    pub(crate) fn spend_write(&self, database: &DatabaseDef, bytes: u64) -> Result<(), EngineError> {
        let meter = |flow| Meter { gate: Gate::Store, flow };
        self.spend(database.tenant, meter(Flow::Writes), 1)?;
        self.spend(database.tenant, meter(Flow::BytesIn), bytes)?;
        let catalog = self.catalog();
        let tenant = catalog.tenant_by_id(database.tenant).map_or("", |t| t.name.as_str());
        self.0.traffic.add(tenant, &database.name, Flow::Writes, 1);
        self.0.traffic.add(tenant, &database.name, Flow::BytesIn, bytes);
        Ok(())
    }

    fn spend(&self, tenant: TenantId, meter: Meter, amount: u64) -> Result<(), EngineError> {
        let passes = |def: &TenantDef| self.0.rates.take(def, meter, amount, self.clock().now_ns());
        match self.catalog().tenant_by_id(tenant) {
            Some(def) if !passes(def) => Err(EngineError::RateReached { tenant: def.name.clone(), meter }),
            _ => Ok(()),
        }
    }

    fn charge(&self, tenant: TenantId, meter: Meter, amount: u64) {
        if let Some(def) = self.catalog().tenant_by_id(tenant) {
            self.0.rates.charge(def, meter, amount, self.clock().now_ns());
        }
    }
}

/// Counts the rows of a query as they come.
pub(crate) struct CountedRows {
    engine: Engine,
    tenant: TenantId,
    tenant_name: String,
    database: String,
}

impl CountedRows {
    /// `rows`, counted.
    pub(crate) fn of(self, rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
        let schema = rows.schema();
        let counted = rows.inspect(move |batch| {
            if let Ok(batch) = batch {
                self.count(row_bytes(batch));
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, counted))
    }

    fn count(&self, bytes: u64) {
        self.engine.charge(self.tenant, Meter { gate: Gate::Store, flow: Flow::BytesOut }, bytes);
        self.engine.0.traffic.add(&self.tenant_name, &self.database, Flow::BytesOut, bytes);
    }
}

/// Bytes of the rows, without what views point to: many batches share it.
fn row_bytes(batch: &RecordBatch) -> u64 {
    let of = |column: &dyn Array| match column.data_type() {
        DataType::Utf8View | DataType::BinaryView => 16 * column.len(),
        _ => column.to_data().get_slice_memory_size().unwrap_or_default(),
    };
    batch.columns().iter().map(|column| of(column.as_ref()) as u64).sum()
}

/// Clients must not invent keys.
fn existing_database(session: &Session) -> &str {
    if session.database.is_some() { &session.database_name } else { "" }
}
