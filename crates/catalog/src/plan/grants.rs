//! Rules for rights on single objects, groups, and users with a role of their own.

use triglot_model::{DatabaseId, TableId, TenantId, UserId};

use super::{Draft, Result};
use crate::entity::MemberRole;
use crate::error::CatalogError;
use crate::event::Event;
use crate::op::{NewUser, OpResult, own_role_name};
use crate::rights::{GrantObject, Grantee, Rights};

impl Draft<'_> {
    pub(super) fn change_rights(
        &mut self,
        grantee: Grantee,
        object: GrantObject,
        change: impl FnOnce(Rights) -> Rights,
    ) -> Result<OpResult> {
        match object {
            GrantObject::Database(id) => drop(self.database(id)?),
            GrantObject::Table(id) => drop(self.table(id)?),
        }
        if let Grantee::User(id) = grantee {
            self.user(id)?;
        }
        let held = self.state.rights(grantee, object);
        let rights = change(held);
        if rights != held {
            self.emit(Event::RightsPut { grantee, object, rights })?;
        }
        Ok(OpResult::Done)
    }

    /// A new table starts with the rights that are given on its database.
    pub(super) fn copy_rights(&mut self, database: DatabaseId, table: TableId) -> Result<()> {
        let given: Vec<_> = self.state.rights_on(GrantObject::Database(database)).collect();
        for (grantee, rights) in given {
            self.emit(Event::RightsPut { grantee, object: GrantObject::Table(table), rights })?;
        }
        Ok(())
    }

    pub(super) fn put_group_member(
        &mut self,
        group: UserId,
        member: UserId,
        may_grant: bool,
    ) -> Result<OpResult> {
        let (group_def, member_def) = (self.user(group)?, self.user(member)?);
        if self.state.groups_of(group).any(|g| g == member) {
            let (group, member) = (group_def.name.clone(), member_def.name.clone());
            return Err(CatalogError::GroupCycle { group, member });
        }
        if self.state.group_membership(group, member) != Some(may_grant) {
            self.emit(Event::GroupMemberPut { group, member, may_grant })?;
        }
        Ok(OpResult::Done)
    }

    pub(super) fn remove_group_member(&mut self, group: UserId, member: UserId) -> Result<OpResult> {
        if self.state.group_membership(group, member).is_some() {
            self.emit(Event::GroupMemberRemoved { group, member })?;
        }
        Ok(OpResult::Done)
    }

    pub(super) fn create_member(&mut self, tenant: TenantId, new: &NewUser) -> Result<OpResult> {
        let created = self.create_user(new)?;
        let role = own_role_name(&new.name);
        let role = match self.state.role(tenant, &role).map(|r| r.id) {
            Some(id) => id,
            None => {
                self.create_role(tenant, &role, None)?;
                let made = self.state.role(tenant, &role).map(|r| r.id);
                made.ok_or(CatalogError::RoleNotFound { role })?
            }
        };
        if let Some(user) = created.user() {
            self.add_member(tenant, user.id, MemberRole::Custom(role))?;
        }
        Ok(created)
    }
}
