use std::sync::Arc;
use triglot_engine::{Engine, EngineError, Session};
use triglot_model::{DatabaseDef, TableDef};
use triglot_query::{SeriesListTable, SeriesTable};
#[derive(Clone, Debug)]
pub enum Relation { Super(TableIn), Child(Child), Normal(TableIn) }
#[derive(Clone, Debug)]
pub struct TableIn { pub database: Arc<DatabaseDef>, pub def: Arc<TableDef> }
#[derive(Clone, Debug)]
pub struct Child { pub name: String, pub of: TableIn }
impl Relation { pub fn table(&self) -> &TableIn { match self { Self::Super(t) | Self::Normal(t) => t, Self::Child(c) => &c.of } } }
pub trait Stub { fn relation(&self, s: &Session, d: &str, n: &str) -> Result<Relation, EngineError>; fn relation_rows(&self, r: &Relation) -> SeriesTable; fn relation_series(&self, r: &Relation) -> SeriesListTable; }
impl Stub for Engine {
    fn relation(&self, _: &Session, _: &str, _: &str) -> Result<Relation, EngineError> { unimplemented!() }
    fn relation_rows(&self, _: &Relation) -> SeriesTable { unimplemented!() }
    fn relation_series(&self, _: &Relation) -> SeriesListTable { unimplemented!() }
}
pub const CHILD_NAME: &str = "__child";
