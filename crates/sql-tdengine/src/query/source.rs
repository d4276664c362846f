//! FROM: tables and subqueries as plans with the names that they bring.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use triglot_engine::Relation as EngineRelation;
use triglot_engine::query::{CHILD_NAME, SeriesTable, TableName};
use triglot_model::{ColumnKind, Precision};
use triglot_parse_tdengine::ast::{self, Ident, Query, Statement};

use super::block::Block;
use super::scope::{Role, Scope, Source, SourceColumn, SourceKind};
use super::{Planner, columns, errors};
use crate::typed::Typed;
use crate::{TaosError, TaosType};

/// What FROM gives.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    /// The rows.
    pub(super) plan: LogicalPlan,
    /// Their names.
    pub(super) scope: Scope,
    /// The unit of their timestamps.
    pub(super) precision: Precision,
}

/// A table as it was looked up.
#[derive(Clone, Debug)]
pub(super) struct Table {
    provider: Arc<dyn TableProvider>,
    /// What it is in the catalog; absent for tables that are computed.
    relation: Option<EngineRelation>,
    precision: Precision,
}

/// The tables of one statement so far: one snapshot for each.
#[derive(Debug, Default)]
pub(super) struct Tables(RefCell<HashMap<(String, String), Table>>);

impl Planner<'_> {
    /// The rows and names of FROM; without FROM one row without columns.
    pub(super) fn from(&self, source: Option<&ast::Source>) -> Result<Relation, TaosError> {
        match source {
            None => Ok(Relation {
                plan: LogicalPlanBuilder::empty(true).build().map_err(errors::planner)?,
                scope: Scope::default(),
                precision: Precision::Milli,
            }),
            Some(source) => self.source(source),
        }
    }

    /// One source, or a join of several.
    pub(super) fn source(&self, source: &ast::Source) -> Result<Relation, TaosError> {
        match source {
            ast::Source::Table { name, alias } => self.table(name, alias.as_ref()),
            ast::Source::Query { query, alias } => self.subquery(query, alias.as_ref()),
            ast::Source::Join(join) => self.join(join),
        }
    }

    fn table(&self, name: &ast::TableName, alias: Option<&Ident>) -> Result<Relation, TaosError> {
        let database = self.database_of(name)?;
        if let Some(view) = self.view(database, &name.table.name)? {
            let known_as = alias.unwrap_or(&name.table);
            return self.aliased(view, Some(known_as));
        }
        let table = self.open(database, &name.table.name)?;
        let relation = known_as(name, alias);
        let provider = provider_as_source(Arc::clone(&table.provider));
        let plan = LogicalPlanBuilder::scan(relation.clone(), provider, None)
            .and_then(LogicalPlanBuilder::build)
            .map_err(errors::planner)?;
        let source = table.source(&relation, &name.table.name);
        Ok(Relation {
            plan,
            scope: Scope { sources: vec![source], ..Scope::default() },
            precision: table.precision,
        })
    }

    /// The rows of the table of series that `name` is, the names that it brings, and its unit of time. `None` for
    /// all else, and for what may not be read.
    pub(super) fn series_of(
        &self,
        name: &ast::TableName,
        alias: Option<&Ident>,
    ) -> Option<(SeriesTable, Source, Precision)> {
        let database = self.database_of(name).ok()?;
        // A view comes before a table of its name.
        let view = self.engine.view_text(&self.context.session, database, &name.table.name).ok()?;
        if view.is_some() {
            return None;
        }
        let table = self.open(database, &name.table.name).ok()?;
        let rows = table.provider.downcast_ref::<SeriesTable>()?.clone();
        let source = table.source(&known_as(name, alias), &name.table.name);
        Some((rows, source, table.precision))
    }

    fn database_of<'n>(&'n self, name: &'n ast::TableName) -> Result<&'n str, TaosError> {
        match &name.database {
            Some(database) => Ok(database.name.as_str()),
            None if self.context.has_database => Ok(self.context.session.database_name.as_str()),
            None => Err(errors::no_database()),
        }
    }

    fn open(&self, database: &str, name: &str) -> Result<Table, TaosError> {
        let key = (database.to_owned(), name.to_owned());
        if let Some(known) = self.tables.0.borrow().get(&key) {
            return Ok(known.clone());
        }
        let table = self.look_up(database, name)?;
        self.tables.0.borrow_mut().insert(key, table.clone());
        Ok(table)
    }

    fn look_up(&self, database: &str, name: &str) -> Result<Table, TaosError> {
        let session = &self.context.session;
        if let Some(provider) = self.system_table(database, name)? {
            return Ok(Table { provider, relation: None, precision: Precision::Milli });
        }
        let relation = self.engine.relation(session, database, name).map_err(|e| errors::lookup(e, name))?;
        let provider: Arc<dyn TableProvider> = Arc::new(self.engine.kept_relation_rows(&relation));
        let precision = relation.table().def.precision();
        Ok(Table { provider, relation: Some(relation), precision })
    }

    /// The table of `information_schema` or `performance_schema`.
    fn system_table(&self, database: &str, name: &str) -> Result<Option<Arc<dyn TableProvider>>, TaosError> {
        if !matches!(database, "information_schema" | "performance_schema") {
            return Ok(None);
        }
        let session = self.engine.query_session(&self.context.session);
        let full = TableName {
            tenant: self.context.session.tenant_name.clone(),
            database: database.to_owned(),
            table: name.to_owned(),
        };
        let found = session.context().resolver.resolve(&full);
        let found = found.map_err(|e| errors::lookup(e.into(), name))?;
        found.ok_or_else(|| errors::no_table(name)).map(Some)
    }

    /// The children of a super table, or the one that a child is: tags and names, without rows.
    pub(super) fn children_of(
        &self,
        name: &ast::TableName,
    ) -> Result<Option<Arc<dyn TableProvider>>, TaosError> {
        let table = self.open(self.database_of(name)?, &name.table.name)?;
        let children = table.relation.filter(|r| !matches!(r, EngineRelation::Normal(_)));
        Ok(children.map(|r| Arc::new(self.engine.relation_series(&r)) as _))
    }

    fn subquery(&self, query: &Query, alias: Option<&Ident>) -> Result<Relation, TaosError> {
        self.aliased(self.query(query)?, alias)
    }

    /// What a view selects, if the name is one's. Its text speaks of the database that it lies in.
    fn view(&self, database: &str, name: &str) -> Result<Option<Block>, TaosError> {
        if matches!(database, "information_schema" | "performance_schema") {
            return Ok(None);
        }
        let session = &self.context.session;
        let text = self.engine.view_text(session, database, name).map_err(|e| errors::lookup(e, name))?;
        let Some(text) = text else { return Ok(None) };
        if self.depth >= MAX_VIEWS {
            return Err(errors::no_table(name));
        }
        let Statement::Query(query) = triglot_parse_tdengine::parse(&text)? else {
            return Err(errors::no_table(name));
        };
        let mut context = self.context.clone();
        database.clone_into(&mut context.session.database_name);
        context.has_database = true;
        let inner = Planner { depth: self.depth + 1, ..Planner::new(self.engine, &context, &text) };
        inner.query(&query).map(Some)
    }

    /// A lowered query as a source.
    fn aliased(&self, block: Block, alias: Option<&Ident>) -> Result<Relation, TaosError> {
        let Block { plan, columns, precision } = block;
        let name = match alias {
            Some(alias) => alias.name.clone(),
            None => self.fresh_alias(),
        };
        let relation = TableReference::bare(name.as_str());
        let plan = LogicalPlanBuilder::from(plan).alias(relation.clone());
        let plan = plan.and_then(LogicalPlanBuilder::build).map_err(errors::planner)?;
        // The first timestamp is the timeline, as in the vendor's rule that it be selected first.
        let time = columns.iter().position(|c| c.ty == TaosType::Timestamp);
        let child = columns.iter().position(|c| c.name == "tbname");
        let mut sources: Vec<SourceColumn> = Vec::with_capacity(columns.len());
        for (at, column) in columns.into_iter().enumerate() {
            let value = Expr::Column(Column::new(Some(relation.clone()), column.plan_name));
            let role = if time == Some(at) { Role::Time } else { Role::Value };
            let value = Typed::new(value, column.ty, column.length);
            sources.push(SourceColumn { name: column.name, value, role });
        }
        let source = Source {
            name: alias.map(|a| a.name.clone()),
            kind: SourceKind::Query,
            child: child.and_then(|at| sources.get(at)).map(|c| c.value.clone()),
            columns: sources,
        };
        Ok(Relation { plan, scope: Scope { sources: vec![source], ..Scope::default() }, precision })
    }

    /// An alias that no statement can write.
    pub(super) fn fresh_alias(&self) -> String {
        let number = self.aliases.get() + 1;
        self.aliases.set(number);
        format!("(query {number})")
    }
}

/// Views of views of views … are followed so far.
const MAX_VIEWS: u32 = 16;

/// The printed length of `tbname`.
const CHILD_NAME_LENGTH: u32 = 192;

/// The name of a table's rows in the statement.
fn known_as(name: &ast::TableName, alias: Option<&Ident>) -> TableReference {
    TableReference::bare(alias.map_or(name.table.name.as_str(), |a| a.name.as_str()))
}

impl Table {
    /// The names that the table brings, under `relation`.
    fn source(&self, relation: &TableReference, name: &str) -> Source {
        Source {
            name: Some(relation.table().to_owned()),
            kind: self.kind(),
            columns: self.columns(relation),
            child: self.child_name(relation, name),
        }
    }

    fn kind(&self) -> SourceKind {
        match &self.relation {
            None => SourceKind::System,
            Some(EngineRelation::Super(_)) => SourceKind::Super,
            Some(EngineRelation::Child(_) | EngineRelation::Normal(_)) => SourceKind::Table,
        }
    }

    /// `tbname`: a column of the rows; a normal table is its own.
    fn child_name(&self, relation: &TableReference, name: &str) -> Option<Typed> {
        let expr = match self.relation.as_ref()? {
            EngineRelation::Normal(_) => lit(name),
            EngineRelation::Super(_) | EngineRelation::Child(_) => {
                Expr::Column(Column::new(Some(relation.clone()), CHILD_NAME))
            }
        };
        Some(Typed::new(expr, TaosType::Varchar, CHILD_NAME_LENGTH))
    }

    fn columns(&self, relation: &TableReference) -> Vec<SourceColumn> {
        let column = |name: &str| Expr::Column(Column::new(Some(relation.clone()), name));
        match &self.relation {
            Some(found) => {
                let columns = found.table().def.columns.iter().map(|c| {
                    let (ty, length) = columns::of_column(c);
                    let role = match c.kind {
                        ColumnKind::Time => Role::Time,
                        ColumnKind::Tag => Role::Tag,
                        ColumnKind::CompositeKey => Role::Key,
                        ColumnKind::Field => Role::Value,
                    };
                    SourceColumn {
                        name: c.name.clone(),
                        value: Typed::new(column(&c.name), ty, length),
                        role,
                    }
                });
                // Columns, then tags, whichever way the table keeps them.
                let (tags, mut all): (Vec<_>, Vec<_>) = columns.partition(|c| c.role == Role::Tag);
                all.extend(tags);
                all
            }
            None => {
                let schema = self.provider.schema();
                let columns = schema.fields().iter().map(|field| {
                    let (ty, length) = columns::of_field(field);
                    let value = Typed::new(column(field.name()), ty, length);
                    SourceColumn { name: field.name().clone(), value, role: Role::Value }
                });
                columns.collect()
            }
        }
    }
}
