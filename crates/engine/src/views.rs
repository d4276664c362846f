//! Views: a name in a database that stands for the text of a query. The engine keeps the text and knows
//! no language; dialects read what they wrote.

use std::sync::Arc;

use triglot_auth::{Action, Object, allow};
use triglot_catalog::{CatalogOp, CatalogSnapshot};
use triglot_model::{DatabaseDef, DatabaseId};

use crate::{Engine, EngineError, Outcome, Session, TableName};

/// Views are settings of the catalog with keys of this form. Ids of databases are never given again, so
/// nothing finds the views of one that was dropped.
fn key(database: DatabaseId, view: &str) -> String {
    format!("{}{view}", prefix(database))
}

fn prefix(database: DatabaseId) -> String {
    format!("view/{database}/")
}

impl Engine {
    /// The text of a view, as it was given; none if there is no such view.
    ///
    /// # Errors
    /// The database does not exist, or the view may not be read.
    pub fn view_text(
        &self,
        session: &Session,
        database: &str,
        view: &str,
    ) -> Result<Option<String>, EngineError> {
        let catalog = self.catalog();
        let database = self.database_in(&catalog, session, database)?;
        // Who has a right on a single table asks for it by this way, too.
        let Some(text) = catalog.setting(&key(database.id, view)) else { return Ok(None) };
        allow(&catalog, &session.principal, Action::Read, Object::Database(database.id))?;
        Ok(Some(text.to_owned()))
    }

    /// The views of a database: name and text, by name.
    ///
    /// # Errors
    /// The database does not exist, or may not be read.
    pub fn views(&self, session: &Session, database: &str) -> Result<Vec<(String, String)>, EngineError> {
        let catalog = self.catalog();
        let database = self.readable(&catalog, session, database)?;
        let prefix = prefix(database.id);
        let named =
            |(key, text): (&str, &str)| Some((key.strip_prefix(&prefix)?.to_owned(), text.to_owned()));
        Ok(catalog.settings().filter_map(named).collect())
    }

    fn readable(
        &self,
        catalog: &CatalogSnapshot,
        session: &Session,
        name: &str,
    ) -> Result<Arc<DatabaseDef>, EngineError> {
        let database = self.database_in(catalog, session, name)?;
        allow(catalog, &session.principal, Action::Read, Object::Database(database.id))?;
        Ok(database)
    }

    /// The database and the key of a view that may be made or dropped.
    fn changeable(
        &self,
        catalog: &CatalogSnapshot,
        session: &Session,
        view: &TableName,
    ) -> Result<(Arc<DatabaseDef>, String), EngineError> {
        let database_name = view.database.as_deref().unwrap_or(&session.database_name);
        let database = self.database_in(catalog, session, database_name)?;
        allow(catalog, &session.principal, Action::Create, Object::Database(database.id))?;
        let key = key(database.id, &view.table);
        Ok((database, key))
    }

    /// Whether a view has the name.
    pub(crate) fn is_view(&self, database: DatabaseId, name: &str) -> bool {
        self.catalog().setting(&key(database, name)).is_some()
    }

    pub(crate) async fn create_view(
        &self,
        session: &Session,
        view: TableName,
        text: String,
        or_replace: bool,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let (database, key) = self.changeable(&catalog, session, &view)?;
        if catalog.setting(&key).is_some() {
            if !or_replace {
                return Err(EngineError::ViewExists { view: view.table });
            }
            return self.apply_one(CatalogOp::SetSetting { key, value: text }).await;
        }
        let _name = self.claim_table(&database, &view.table).await?;
        if catalog.table(database.id, &view.table).is_some() {
            return Err(EngineError::TableExists { table: view.table });
        }
        self.apply_one(CatalogOp::SetSetting { key, value: text }).await
    }

    pub(crate) async fn drop_view(
        &self,
        session: &Session,
        view: TableName,
        if_exists: bool,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let (_, key) = self.changeable(&catalog, session, &view)?;
        match catalog.setting(&key) {
            None if if_exists => Ok(Outcome::Done),
            None => Err(EngineError::ViewNotFound { view: view.table }),
            Some(_) => self.apply_one(CatalogOp::UnsetSetting { key }).await,
        }
    }
}
