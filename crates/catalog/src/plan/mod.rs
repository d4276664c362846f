//! Ops against the rules: each is validated on the state that the ones before it leave, and turned
//! into facts. Nothing here is durable or visible yet.

mod external;
mod grants;
mod principals;
mod tables;
mod tenants;

use std::collections::BTreeMap;
use std::sync::Arc;

use triglot_model::limits::Limits;
use triglot_model::{DatabaseDef, DatabaseId, RoleId, TenantId, UserId};

use crate::entity::{RoleDef, TenantDef, UserDef};
use crate::error::CatalogError;
use crate::event::Event;
use crate::op::{CatalogOp, OpResult, OptionChanges};
use crate::snapshot::CatalogSnapshot;

/// Characters of a bad name that its error repeats.
const SHOWN_NAME_CHARS: usize = 64;

/// A run of ops under way.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    /// The state after the ops so far.
    pub(crate) state: CatalogSnapshot,
    /// What they did.
    pub(crate) events: Vec<Event>,
    limits: &'a Limits,
    now_ns: i64,
}

type Result<T> = std::result::Result<T, CatalogError>;

impl<'a> Draft<'a> {
    pub(crate) fn new(base: &CatalogSnapshot, limits: &'a Limits, now_ns: i64) -> Self {
        Self { state: base.clone(), events: Vec::new(), limits, now_ns }
    }

    /// Validates one op and takes it over.
    pub(crate) fn run(&mut self, op: &CatalogOp) -> Result<OpResult> {
        match op {
            CatalogOp::CreateTenant { name, options } => self.create_tenant(name, options),
            CatalogOp::AlterTenant { tenant, options } => self.alter_tenant(*tenant, options),
            CatalogOp::DropTenant { tenant, after_ns } => self.drop_tenant(*tenant, *after_ns),
            CatalogOp::RecoverTenant { tenant } => self.recover_tenant(*tenant),
            CatalogOp::PurgeTenant { tenant } => self.purge_tenant(*tenant),
            CatalogOp::CreateDatabase(new) => self.create_database(new),
            CatalogOp::AlterDatabase { database, changes } => self.alter_database(*database, changes),
            CatalogOp::DropDatabase { database, after_ns } => self.drop_database(*database, *after_ns),
            CatalogOp::RecoverDatabase { database } => self.recover_database(*database),
            CatalogOp::PurgeDatabase { database } => self.purge_database(*database),
            CatalogOp::CreateTable(new) => self.create_table(new),
            CatalogOp::EnsureTable(new) => self.ensure_table(new),
            CatalogOp::AlterTable { table, change } => self.alter_table(*table, change),
            CatalogOp::EnsureColumns { table, adds } => self.ensure_columns(*table, adds),
            CatalogOp::DropTable { table } => self.drop_table(*table),
            CatalogOp::CreateExternalTable(def) => self.create_external_table(def),
            CatalogOp::DropExternalTable { database, name } => self.drop_external_table(*database, name),
            CatalogOp::CreateUser(new) => self.create_user(new),
            CatalogOp::AlterUser { user, changes } => self.alter_user(*user, changes),
            CatalogOp::DropUser { user } => self.drop_user(*user),
            CatalogOp::CreateRole { tenant, name, inherit } => self.create_role(*tenant, name, *inherit),
            CatalogOp::DropRole { role } => self.drop_role(*role),
            CatalogOp::Grant { role, database, privilege } => self.grant(*role, *database, *privilege),
            CatalogOp::Revoke { role, database, privilege } => self.revoke(*role, *database, *privilege),
            CatalogOp::AddMember { tenant, user, role } => self.add_member(*tenant, *user, *role),
            CatalogOp::SetMember { tenant, user, role } => self.set_member(*tenant, *user, *role),
            CatalogOp::RemoveMember { tenant, user } => self.remove_member(*tenant, *user),
            CatalogOp::GrantRights { grantee, object, rights } => {
                self.change_rights(*grantee, *object, |held| held.with(*rights))
            }
            CatalogOp::RevokeRights { grantee, object, rights } => {
                self.change_rights(*grantee, *object, |held| held.without(*rights))
            }
            CatalogOp::PutGroupMember { group, member, may_grant } => {
                self.put_group_member(*group, *member, *may_grant)
            }
            CatalogOp::RemoveGroupMember { group, member } => self.remove_group_member(*group, *member),
            CatalogOp::CreateMember { tenant, new } => self.create_member(*tenant, new),
            CatalogOp::SetSetting { key, value } => self.set_setting(key, value),
            CatalogOp::UnsetSetting { key } => self.unset_setting(key),
        }
    }

    fn set_setting(&mut self, key: &str, value: &str) -> Result<OpResult> {
        self.check_name(key)?;
        if self.state.setting(key) != Some(value) {
            self.emit(Event::SettingPut { key: key.to_owned(), value: value.to_owned() })?;
        }
        Ok(OpResult::Done)
    }

    fn unset_setting(&mut self, key: &str) -> Result<OpResult> {
        if self.state.setting(key).is_some() {
            self.emit(Event::SettingRemoved { key: key.to_owned() })?;
        }
        Ok(OpResult::Done)
    }

    /// Takes a fact over into the working state and remembers it.
    pub(crate) fn emit(&mut self, event: Event) -> Result<()> {
        let number = self.state.version;
        self.state
            .fold(event.clone())
            .map_err(|misfit| CatalogError::Corrupt { number, reason: misfit.to_string() })?;
        self.events.push(event);
        Ok(())
    }

    fn check_name(&self, name: &str) -> Result<()> {
        let max_bytes = self.limits.max_name_bytes;
        if name.is_empty() || name.len() > max_bytes || name.chars().any(char::is_control) {
            let name = name.chars().take(SHOWN_NAME_CHARS).collect();
            return Err(CatalogError::BadName { name, max_bytes });
        }
        Ok(())
    }

    /// A tenant that is not dropped.
    fn tenant(&self, id: TenantId) -> Result<Arc<TenantDef>> {
        let tenant = self.state.tenant_by_id(id).filter(|t| t.drop_at_ns.is_none());
        tenant.cloned().ok_or_else(|| CatalogError::TenantNotFound { tenant: format!("#{id}") })
    }

    /// A database that is not dropped, in a tenant that is not.
    fn database(&self, id: DatabaseId) -> Result<Arc<DatabaseDef>> {
        let live = |d: &&Arc<DatabaseDef>| d.drop_at_ns.is_none() && self.tenant(d.tenant).is_ok();
        let database = self.state.database_by_id(id).filter(live);
        database.cloned().ok_or_else(|| CatalogError::DatabaseNotFound { database: format!("#{id}") })
    }

    fn user(&self, id: UserId) -> Result<Arc<UserDef>> {
        let user = self.state.user_by_id(id);
        user.cloned().ok_or_else(|| CatalogError::UserNotFound { user: format!("#{id}") })
    }

    /// A role of a tenant that is not dropped.
    fn role(&self, id: RoleId) -> Result<Arc<RoleDef>> {
        let role = self.state.role_by_id(id).filter(|r| self.tenant(r.tenant).is_ok());
        role.cloned().ok_or_else(|| CatalogError::RoleNotFound { role: format!("#{id}") })
    }
}

/// The id to give next, unless all are used up.
fn take_id(next: u32, what: &'static str) -> Result<u32> {
    if next == u32::MAX { Err(CatalogError::IdsExhausted { what }) } else { Ok(next) }
}

fn change_options(options: &mut BTreeMap<String, String>, changes: &OptionChanges) {
    for (key, value) in changes {
        match value {
            Some(value) => options.insert(key.clone(), value.clone()),
            None => options.remove(key),
        };
    }
}
