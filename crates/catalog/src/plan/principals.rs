//! Rules for users, roles, grants and members.

use triglot_model::{DatabaseId, RoleId, TenantId, UserId};

use super::{Draft, Result, change_options, take_id};
use crate::entity::{MemberRole, Privilege, RoleDef, SystemRole, UserDef};
use crate::error::CatalogError;
use crate::event::Event;
use crate::op::{NewUser, OpResult, UserChanges};
use crate::quota::ObjectLimit;

impl Draft<'_> {
    pub(super) fn create_user(&mut self, new: &NewUser) -> Result<OpResult> {
        self.check_name(&new.name)?;
        if self.state.user(&new.name).is_some() {
            return Err(CatalogError::UserExists { user: new.name.clone() });
        }
        let id = UserId(take_id(self.state.next.user, "user")?);
        self.emit(Event::UserPut(UserDef {
            id,
            name: new.name.clone(),
            version: 1,
            password: new.password.clone(),
            is_admin: new.is_admin,
            must_change_password: new.must_change_password,
            options: new.options.clone(),
            created_ns: self.now_ns,
        }))?;
        self.user(id).map(OpResult::User)
    }

    pub(super) fn alter_user(&mut self, id: UserId, changes: &UserChanges) -> Result<OpResult> {
        let old = self.user(id)?;
        if old.is_root() && changes.is_admin == Some(false) {
            return Err(CatalogError::ProtectedUser { user: old.name.clone() });
        }
        let mut new = UserDef::clone(&old);
        if let Some(password) = &changes.password {
            new.password.clone_from(password);
            // Setting a password is what the flag asks for.
            new.must_change_password &= password.is_none();
        }
        new.is_admin = changes.is_admin.unwrap_or(new.is_admin);
        new.must_change_password = changes.must_change_password.unwrap_or(new.must_change_password);
        change_options(&mut new.options, &changes.options);
        if new != *old {
            new.version = old.version.saturating_add(1);
            self.emit(Event::UserPut(new))?;
        }
        self.user(id).map(OpResult::User)
    }

    pub(super) fn drop_user(&mut self, id: UserId) -> Result<OpResult> {
        let user = self.user(id)?;
        if user.is_root() {
            return Err(CatalogError::ProtectedUser { user: user.name.clone() });
        }
        self.emit(Event::UserRemoved(id))?;
        Ok(OpResult::Done)
    }

    pub(super) fn create_role(
        &mut self,
        tenant: TenantId,
        name: &str,
        inherit: Option<SystemRole>,
    ) -> Result<OpResult> {
        self.tenant(tenant)?;
        self.check_name(name)?;
        if SystemRole::from_name(name).is_some() {
            return Err(CatalogError::SystemRole { role: name.to_owned() });
        }
        if self.state.role(tenant, name).is_some() {
            return Err(CatalogError::RoleExists { role: name.to_owned() });
        }
        let id = RoleId(take_id(self.state.next.role, "role")?);
        let grants = std::collections::BTreeMap::new();
        self.emit(Event::RolePut(RoleDef { id, tenant, name: name.to_owned(), inherit, grants }))?;
        self.role(id).map(OpResult::Role)
    }

    pub(super) fn drop_role(&mut self, id: RoleId) -> Result<OpResult> {
        self.role(id)?;
        self.emit(Event::RoleRemoved(id))?;
        Ok(OpResult::Done)
    }

    pub(super) fn grant(
        &mut self,
        id: RoleId,
        database: DatabaseId,
        privilege: Privilege,
    ) -> Result<OpResult> {
        let old = self.role(id)?;
        if self.database(database)?.tenant != old.tenant {
            return Err(CatalogError::DatabaseNotFound { database: format!("#{database}") });
        }
        let held = old.grants.get(&database).copied();
        if held < Some(privilege) {
            let mut new = RoleDef::clone(&old);
            new.grants.insert(database, privilege);
            self.emit(Event::RolePut(new))?;
        }
        self.role(id).map(OpResult::Role)
    }

    pub(super) fn revoke(
        &mut self,
        id: RoleId,
        database: DatabaseId,
        revoked: Privilege,
    ) -> Result<OpResult> {
        let old = self.role(id)?;
        let mut new = RoleDef::clone(&old);
        if let Some(held) = old.grants.get(&database) {
            match held.without(revoked) {
                Some(left) => new.grants.insert(database, left),
                None => new.grants.remove(&database),
            };
        }
        if new != *old {
            self.emit(Event::RolePut(new))?;
        }
        self.role(id).map(OpResult::Role)
    }

    pub(super) fn add_member(
        &mut self,
        tenant: TenantId,
        user: UserId,
        role: MemberRole,
    ) -> Result<OpResult> {
        let (def, member) = (self.tenant(tenant)?, self.user(user)?);
        if self.state.member(tenant, user).is_some() {
            let (user, tenant) = (member.name.clone(), def.name.clone());
            return Err(CatalogError::MemberExists { user, tenant });
        }
        Self::check_room(&def, ObjectLimit::Users, self.state.members(tenant).count())?;
        self.put_member(tenant, user, role)
    }

    pub(super) fn set_member(
        &mut self,
        tenant: TenantId,
        user: UserId,
        role: MemberRole,
    ) -> Result<OpResult> {
        let held = self.membership(tenant, user)?;
        if held == role { Ok(OpResult::Done) } else { self.put_member(tenant, user, role) }
    }

    pub(super) fn remove_member(&mut self, tenant: TenantId, user: UserId) -> Result<OpResult> {
        self.membership(tenant, user)?;
        self.emit(Event::MemberRemoved { tenant, user })?;
        Ok(OpResult::Done)
    }

    fn membership(&self, tenant: TenantId, user: UserId) -> Result<MemberRole> {
        let (def, member) = (self.tenant(tenant)?, self.user(user)?);
        self.state.member(tenant, user).ok_or_else(|| CatalogError::MemberNotFound {
            user: member.name.clone(),
            tenant: def.name.clone(),
        })
    }

    fn put_member(&mut self, tenant: TenantId, user: UserId, role: MemberRole) -> Result<OpResult> {
        if let MemberRole::Custom(id) = role
            && self.role(id)?.tenant != tenant
        {
            return Err(CatalogError::RoleNotFound { role: format!("#{id}") });
        }
        self.emit(Event::MemberPut { tenant, user, role })?;
        Ok(OpResult::Done)
    }
}
