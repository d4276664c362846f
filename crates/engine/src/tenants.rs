//! Tenants, their members, and their roles.

use std::sync::Arc;

use triglot_auth::{Action, Object, allow};
use triglot_catalog::{
    CatalogError, CatalogOp, CatalogSnapshot, MemberRole, OptionChanges, Privilege, RoleDef, SystemRole,
    TenantDef,
};
use triglot_model::{DatabaseId, RoleId, TenantId};

use crate::execute::present;
use crate::users::user_named;
use crate::{Engine, EngineError, Outcome, RoleStatement, Session, TenantStatement};

impl Engine {
    /// See [`TenantStatement`].
    pub(crate) async fn execute_tenant(
        &self,
        session: &Session,
        statement: TenantStatement,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        match statement {
            TenantStatement::Create { name, if_not_exists, options } => {
                allow(&catalog, &session.principal, Action::Create, Object::Cluster)?;
                self.apply_unless_exists(CatalogOp::CreateTenant { name, options }, if_not_exists).await
            }
            TenantStatement::Alter { name, options } => self.alter_tenant(session, &name, options).await,
            TenantStatement::Drop { name, if_exists, after_ns } => {
                self.drop_tenant(session, &name, if_exists, after_ns).await
            }
            TenantStatement::Recover { name, if_exists } => {
                allow(&catalog, &session.principal, Action::Create, Object::Cluster)?;
                let found = catalog.tenant_even_dropped(&name).ok_or_else(|| no_tenant(&name));
                let Some(tenant) = present(found, if_exists)? else { return Ok(Outcome::Done) };
                self.apply_one(CatalogOp::RecoverTenant { tenant: tenant.id }).await
            }
            TenantStatement::AddMember { tenant, user, role } => {
                let tenant = self.managed_tenant(session, &catalog, &tenant)?;
                let (user, role) = (user_named(&catalog, &user)?.id, member_role(&catalog, tenant, &role)?);
                self.apply_one(CatalogOp::AddMember { tenant, user, role }).await
            }
            TenantStatement::SetMember { tenant, user, role } => {
                let tenant = self.managed_tenant(session, &catalog, &tenant)?;
                let (user, role) = (user_named(&catalog, &user)?.id, member_role(&catalog, tenant, &role)?);
                self.apply_one(CatalogOp::SetMember { tenant, user, role }).await
            }
            TenantStatement::RemoveMember { tenant, user } => {
                let tenant = self.managed_tenant(session, &catalog, &tenant)?;
                let user = user_named(&catalog, &user)?.id;
                self.apply_one(CatalogOp::RemoveMember { tenant, user }).await
            }
        }
    }

    async fn alter_tenant(
        &self,
        session: &Session,
        name: &str,
        options: OptionChanges,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let tenant = tenant_named(&catalog, name)?.id;
        allow(&catalog, &session.principal, Action::Alter, Object::Tenant(tenant))?;
        self.apply_one(CatalogOp::AlterTenant { tenant, options }).await
    }

    async fn drop_tenant(
        &self,
        session: &Session,
        name: &str,
        if_exists: bool,
        after_ns: Option<i64>,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        // The right does not depend on the tenant, so nobody learns which ones exist.
        allow(&catalog, &session.principal, Action::Drop, Object::Tenant(session.tenant))?;
        let Some(tenant) = present(tenant_named(&catalog, name), if_exists)? else {
            return Ok(Outcome::Done);
        };
        let results = self.apply_catalog(vec![CatalogOp::DropTenant { tenant: tenant.id, after_ns }]).await?;
        self.forget_tables(results).await?;
        Ok(Outcome::Done)
    }

    /// The tenant, if the user may say who belongs to it.
    fn managed_tenant(
        &self,
        session: &Session,
        catalog: &CatalogSnapshot,
        name: &str,
    ) -> Result<TenantId, EngineError> {
        let tenant = tenant_named(catalog, name)?.id;
        allow(catalog, &session.principal, Action::ManageUsers, Object::Tenant(tenant))?;
        Ok(tenant)
    }

    /// See [`RoleStatement`].
    pub(crate) async fn execute_role(
        &self,
        session: &Session,
        statement: RoleStatement,
    ) -> Result<Outcome, EngineError> {
        let (catalog, tenant) = (self.catalog(), session.tenant);
        allow(&catalog, &session.principal, Action::ManageRoles, Object::Tenant(tenant))?;
        match statement {
            RoleStatement::Create { name, if_not_exists, inherit } => {
                let op = CatalogOp::CreateRole { tenant, name, inherit };
                self.apply_unless_exists(op, if_not_exists).await
            }
            RoleStatement::Drop { name, if_exists } => {
                let Some(role) = present(custom_role(&catalog, tenant, &name), if_exists)? else {
                    return Ok(Outcome::Done);
                };
                self.apply_one(CatalogOp::DropRole { role: role.id }).await
            }
            RoleStatement::Grant { role, rights } => {
                let grant = |role, (privilege, database)| CatalogOp::Grant { role, database, privilege };
                self.change_rights(session, &role, rights, grant).await
            }
            RoleStatement::Revoke { role, rights } => {
                let revoke = |role, (privilege, database)| CatalogOp::Revoke { role, database, privilege };
                self.change_rights(session, &role, rights, revoke).await
            }
        }
    }

    async fn change_rights(
        &self,
        session: &Session,
        role: &str,
        rights: Vec<(Privilege, String)>,
        change: impl Fn(RoleId, (Privilege, DatabaseId)) -> CatalogOp,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let role = custom_role(&catalog, session.tenant, role)?.id;
        let op = |(privilege, name): (_, String)| {
            let database = self.database_in(&catalog, session, &name)?.id;
            Ok(change(role, (privilege, database)))
        };
        let ops = rights.into_iter().map(op).collect::<Result<_, EngineError>>()?;
        self.apply_catalog(ops).await?;
        Ok(Outcome::Done)
    }
}

fn no_tenant(name: &str) -> EngineError {
    EngineError::TenantNotFound { name: name.to_owned() }
}

fn tenant_named<'c>(catalog: &'c CatalogSnapshot, name: &str) -> Result<&'c Arc<TenantDef>, EngineError> {
    catalog.tenant(name).ok_or_else(|| no_tenant(name))
}

fn custom_role<'c>(
    catalog: &'c CatalogSnapshot,
    tenant: TenantId,
    name: &str,
) -> Result<&'c Arc<RoleDef>, EngineError> {
    let found = catalog.role(tenant, name);
    found.ok_or_else(|| CatalogError::RoleNotFound { role: name.to_owned() }.into())
}

fn member_role(catalog: &CatalogSnapshot, tenant: TenantId, name: &str) -> Result<MemberRole, EngineError> {
    match SystemRole::from_name(name) {
        Some(system) => Ok(MemberRole::System(system)),
        None => Ok(MemberRole::Custom(custom_role(catalog, tenant, name)?.id)),
    }
}
