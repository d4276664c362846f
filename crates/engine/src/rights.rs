//! Rights on single databases and tables, and users who stand for groups.

use std::sync::Arc;

use triglot_auth::{Action, Object, allow};
use triglot_catalog::{
    CatalogOp, CatalogSnapshot, GrantObject, Grantee, NewUser, Rights, UserDef, own_role_name,
};

use crate::users::{droppable, user_named};
use crate::{ClearPassword, Engine, EngineError, Outcome, RightsStatement, Session, TableName};

/// Whom and what a statement is about, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedRights {
    /// Names of users, none = everyone.
    pub grantees: Vec<Option<String>>,
    /// Databases and tables.
    pub objects: Vec<RightsObject>,
    /// The rights.
    pub rights: Rights,
}

/// A database or a table by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RightsObject {
    /// A database of the session's tenant.
    Database(String),
    /// A table of the catalog: no child table, no table over files.
    Table(TableName),
}

impl Engine {
    /// See [`RightsStatement`].
    pub(crate) async fn execute_rights(
        &self,
        session: &Session,
        statement: RightsStatement,
    ) -> Result<Outcome, EngineError> {
        match statement {
            RightsStatement::Grant(granted) => self.change_object_rights(session, &granted, true).await,
            RightsStatement::Revoke(granted) => self.change_object_rights(session, &granted, false).await,
            RightsStatement::AddGroupMember { group, member, may_grant } => {
                let (group, member) = self.membership(session, &group, &member)?;
                self.apply_one(CatalogOp::PutGroupMember { group: group.id, member: member.id, may_grant })
                    .await
            }
            RightsStatement::RemoveGroupMember { group, member } => {
                let (group, member) = self.membership(session, &group, &member)?;
                self.apply_one(CatalogOp::RemoveGroupMember { group: group.id, member: member.id }).await
            }
        }
    }

    /// All or nothing.
    async fn change_object_rights(
        &self,
        session: &Session,
        granted: &GrantedRights,
        give: bool,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let mut grantees = Vec::with_capacity(granted.grantees.len());
        for name in &granted.grantees {
            grantees.push(match name {
                Some(name) => Grantee::User(user_named(&catalog, name)?.id),
                None => Grantee::Everyone,
            });
        }
        let rights = granted.rights;
        let mut ops = Vec::new();
        for object in &granted.objects {
            let object = self.object_to_grant(&catalog, session, object, rights)?;
            ops.extend(grantees.iter().copied().map(|grantee| match give {
                true => CatalogOp::GrantRights { grantee, object, rights },
                false => CatalogOp::RevokeRights { grantee, object, rights },
            }));
        }
        self.apply_catalog(ops).await?;
        Ok(Outcome::Done)
    }

    /// Who may let others have rights on an object: administrators, owners of the tenant, and who has the right to
    /// grant there and these rights himself.
    fn object_to_grant(
        &self,
        catalog: &CatalogSnapshot,
        session: &Session,
        object: &RightsObject,
        rights: Rights,
    ) -> Result<GrantObject, EngineError> {
        let (granted, object, database) = match object {
            RightsObject::Database(name) => {
                let id = self.database_in(catalog, session, name)?.id;
                (GrantObject::Database(id), Object::Database(id), id)
            }
            RightsObject::Table(name) => {
                let (database, def) = self.table_in(catalog, session, name)?;
                (GrantObject::Table(def.id), Object::Table(database.id, def.id), database.id)
            }
        };
        let principal = &session.principal;
        allow(catalog, principal, Action::ManageRoles, object)?;
        if !catalog.effective_rights(principal.user, granted).covers(rights) {
            // By role then: owners need no right of their own.
            let tenant = catalog.database_by_id(database).map_or(session.tenant, |d| d.tenant);
            allow(catalog, principal, Action::ManageRoles, Object::Tenant(tenant))?;
        }
        Ok(granted)
    }

    /// A group and a user, of a session that may change who belongs to it.
    fn membership(
        &self,
        session: &Session,
        group: &str,
        member: &str,
    ) -> Result<(Arc<UserDef>, Arc<UserDef>), EngineError> {
        let catalog = self.catalog();
        let (group, member) = (user_named(&catalog, group)?, user_named(&catalog, member)?);
        if catalog.group_membership(group.id, session.principal.user) != Some(true) {
            // Nobody makes himself an administrator.
            let (action, object) = if catalog.is_admin(group) {
                (Action::Admin, Object::Cluster)
            } else {
                (Action::ManageUsers, Object::Cluster)
            };
            allow(&catalog, &session.principal, action, object)?;
        }
        Ok((Arc::clone(group), Arc::clone(member)))
    }

    /// Makes a user who belongs to the session's tenant by a role of his own, without rights.
    pub(crate) async fn create_member(
        &self,
        session: &Session,
        new: NewUser,
        password: Option<ClearPassword>,
        if_not_exists: bool,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        allow(&catalog, &session.principal, Action::ManageUsers, Object::Cluster)?;
        if new.is_admin {
            allow(&catalog, &session.principal, Action::Admin, Object::Cluster)?;
        }
        let new = NewUser { password: self.hashed(password).await?, ..new };
        let op = CatalogOp::CreateMember { tenant: session.tenant, new };
        self.apply_unless_exists(op, if_not_exists).await
    }

    /// Drops a user together with the role that was his own.
    pub(crate) async fn drop_member(
        &self,
        session: &Session,
        name: &str,
        if_exists: bool,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let Some(user) = droppable(&catalog, session, name, if_exists)? else { return Ok(Outcome::Done) };
        let own_role = catalog.role(session.tenant, &own_role_name(name));
        let drop_role = own_role.map(|role| CatalogOp::DropRole { role: role.id });
        let ops = std::iter::once(CatalogOp::DropUser { user: user.id }).chain(drop_role);
        self.apply_catalog(ops.collect()).await?;
        Ok(Outcome::Done)
    }
}
