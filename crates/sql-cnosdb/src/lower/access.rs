//! Statements about tenants, roles and users. What they do is the engine's; what the vendor refuses
//! before it looks at privileges is refused here.

use triglot_engine::catalog::{ROOT_USER, SYSTEM_TENANT, SystemRole};
use triglot_engine::{Engine, Outcome, RoleStatement, Session, Statement, TenantStatement, UserStatement};

use crate::access_error::role_is_taken;
use crate::duration::CnosDuration;
use crate::error::SqlError;
use crate::parse::limiter::limits_something;
use crate::parse::tenant::DROP_AFTER;

fn refused<T>((code, text): (&'static str, String)) -> Result<T, SqlError> {
    Err(SqlError::Coded { code, text })
}

pub(super) async fn tenant(
    engine: &Engine,
    session: &Session,
    mut statement: TenantStatement,
) -> Result<Outcome, SqlError> {
    match &mut statement {
        TenantStatement::Drop { name, .. } if name == SYSTEM_TENANT => {
            return refused(("010064", format!("Tenant {name:?} forbid drop")));
        }
        TenantStatement::Alter { name, options } if name == SYSTEM_TENANT && limits_something(options) => {
            return refused(("010075", format!("Tenant {name} cannot be restricted")));
        }
        // Without AFTER the tenant's own option says when.
        TenantStatement::Drop { name, after_ns: after @ None, .. } => {
            let catalog = engine.catalog();
            let option = catalog.tenant(name).and_then(|t| t.options.get(DROP_AFTER));
            *after = option.and_then(|text| CnosDuration::parse(text)).map(CnosDuration::ns_or_for_ever);
        }
        _ => {}
    }
    Ok(engine.execute(session, Statement::Tenant(statement)).await?)
}

pub(super) async fn role(
    engine: &Engine,
    session: &Session,
    statement: RoleStatement,
) -> Result<Outcome, SqlError> {
    let is_system = |name: &str| SystemRole::from_name(name).is_some();
    match &statement {
        RoleStatement::Create { name, .. } if is_system(name) => return refused(role_is_taken(name)),
        RoleStatement::Drop { name, .. } if is_system(name) => {
            return refused(("010076", format!("Couldn't drop system role {name}")));
        }
        RoleStatement::Grant { role, .. } | RoleStatement::Revoke { role, .. } if is_system(role) => {
            return refused(("010043", "system roles cannot be modified".to_owned()));
        }
        _ => {}
    }
    Ok(engine.execute(session, Statement::Role(statement)).await?)
}

pub(super) async fn user(
    engine: &Engine,
    session: &Session,
    statement: UserStatement,
) -> Result<Outcome, SqlError> {
    if let UserStatement::Drop { name, .. } = &statement
        && name == ROOT_USER
    {
        return refused(("010074", format!("User '{name}' is prohibited from being dropped")));
    }
    Ok(engine.execute(session, Statement::User(statement)).await?)
}
