use std::sync::Arc;

use triglot_auth::Principal;
use triglot_model::{DatabaseId, TenantId};

use crate::QueryLanguage;

/// Who speaks, and where unqualified names lead. Made for each request by
/// [`crate::Engine::session`], which checks that the tenant exists and that the user may enter it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The user.
    pub principal: Principal,
    /// The tenant's id.
    pub tenant: TenantId,
    /// The tenant's name.
    pub tenant_name: String,
    /// The database that unqualified tables are in. It need not exist: a statement that uses it
    /// then fails with the statement's own error.
    pub database_name: String,
    /// Its id, if it exists.
    pub database: Option<DatabaseId>,
    /// How its queries are planned.
    pub language: Arc<QueryLanguage>,
}

impl Session {
    /// This session with a dialect's query language instead of plain DataFusion's.
    #[must_use]
    pub fn with_language(mut self, language: &Arc<QueryLanguage>) -> Self {
        self.language = Arc::clone(language);
        self
    }
}
