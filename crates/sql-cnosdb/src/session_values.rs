//! Session functions and system variables (sheet section 13).

use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use triglot_engine::catalog::MemberRole;
use triglot_engine::query::SessionValues;
use triglot_engine::{Engine, Session};

/// What `@@server_version` says: the version of CnosDB whose interface this is.
const SERVER_VERSION: &str = "2.4.3";
/// triglot is one process with everything in it.
const DEPLOYMENT_MODE: &str = "singleton";
/// The vendor's defaults; there is no cluster.
pub(crate) const NODE_ID: u64 = 1001;
const CLUSTER_NAME: &str = "cluster_xxx";

/// The values of one session.
#[derive(Debug)]
struct Values {
    user: String,
    tenant: String,
    database: String,
    /// None: an administrator who is no member of the tenant.
    role: Option<String>,
}

/// What `session` answers to `current_user()` and so on.
pub(crate) fn session_values(engine: &Engine, session: &Session) -> Arc<dyn SessionValues> {
    let catalog = engine.catalog();
    let role = match catalog.member(session.tenant, session.principal.user) {
        Some(MemberRole::System(role)) => Some(role.name().to_owned()),
        Some(MemberRole::Custom(id)) => catalog.role_by_id(id).map(|role| role.name.clone()),
        None => None,
    };
    Arc::new(Values {
        user: session.principal.name.clone(),
        tenant: session.tenant_name.clone(),
        database: session.database_name.clone(),
        role,
    })
}

impl SessionValues for Values {
    fn function(&self, name: &str) -> Option<ScalarValue> {
        match name {
            "current_user" => Some(ScalarValue::from(self.user.as_str())),
            "current_tenant" => Some(ScalarValue::from(self.tenant.as_str())),
            "current_database" => Some(ScalarValue::from(self.database.as_str())),
            "current_role" => Some(ScalarValue::Utf8(self.role.clone())),
            _ => None,
        }
    }

    fn variable(&self, name: &str) -> Option<ScalarValue> {
        match name {
            "server_version" => Some(ScalarValue::from(SERVER_VERSION)),
            "deployment_mode" => Some(ScalarValue::from(DEPLOYMENT_MODE)),
            "node_id" => Some(ScalarValue::from(NODE_ID)),
            "cluster_name" => Some(ScalarValue::from(CLUSTER_NAME)),
            _ => None,
        }
    }
}
