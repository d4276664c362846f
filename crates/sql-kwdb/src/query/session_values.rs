//! Functions that tell about the session: `current_database()` and so on.

use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use triglot_engine::query::SessionValues;
use triglot_engine::{Engine, Session};

/// What `version()` says: whose interface this is.
const VERSION: &str = "KaiwuDB 2.2.0 compatible, triglot";
/// The one schema of users.
const SCHEMA: &str = "public";

#[derive(Debug)]
struct Values {
    user: String,
    database: String,
}

/// The values of one session.
pub(super) fn session_values(_engine: &Engine, session: &Session) -> Arc<dyn SessionValues> {
    Arc::new(Values { user: session.principal.name.clone(), database: session.database_name.clone() })
}

impl SessionValues for Values {
    fn function(&self, name: &str) -> Option<ScalarValue> {
        match name {
            "current_user" | "session_user" => Some(ScalarValue::from(self.user.as_str())),
            "current_database" | "current_catalog" => Some(ScalarValue::from(self.database.as_str())),
            "current_schema" => Some(ScalarValue::from(SCHEMA)),
            "version" => Some(ScalarValue::from(VERSION)),
            _ => None,
        }
    }

    fn variable(&self, _name: &str) -> Option<ScalarValue> {
        None
    }
}
