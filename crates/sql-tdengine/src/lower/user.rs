//! Users and rights over the node's own (sheet section 12).
//!
//! A user of TDengine's has a role of his own in the tenant, named after him, which holds his rights on
//! databases. Users that another dialect made keep the role that they have.

use std::collections::BTreeMap;

use triglot_engine::catalog::{MemberRole, OptionChanges, Privilege, ROOT_USER, SYSTEM_TENANT};
use triglot_engine::{
    ClearPassword, Engine, EngineError, NewUser, RoleStatement, Statement, TenantStatement, UserChanges,
    UserStatement,
};
use triglot_model::{ErrorKind, TenantId};
use triglot_parse_tdengine::ast::{Grant, Privilege as Written, PrivilegeTarget, UserOption};

use self::options::{CREATEDB, ENABLE, HOSTS, SYSINFO};
use super::errors;
use crate::{Context, TaosError};

/// Options of users, recorded under these keys.
pub(crate) mod options {
    /// 0: may not log in.
    pub(crate) const ENABLE: &str = "tdengine.enable";
    /// 0: does not see tables about the server.
    pub(crate) const SYSINFO: &str = "tdengine.sysinfo";
    /// 1: may make databases; recorded.
    pub(crate) const CREATEDB: &str = "tdengine.createdb";
    /// Addresses to log in from; recorded.
    pub(crate) const HOSTS: &str = "tdengine.hosts";
}

/// A right on all databases, those that come later included.
const ON_ALL: &str = "tdengine.on_all";

/// The longest password and the shortest.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=255;

/// What passwords do not hold, beside blanks.
const FORBIDDEN: [char; 4] = ['\'', '"', '`', '\\'];

pub(super) async fn create(
    engine: &Engine,
    context: &Context,
    name: &str,
    password: &str,
    given: &[UserOption],
) -> Result<(), TaosError> {
    check_password(password)?;
    let mut recorded = BTreeMap::new();
    for option in given {
        let (key, value) = match option {
            UserOption::Enable(on) => (ENABLE, flag(*on)),
            UserOption::SysInfo(on) => (SYSINFO, flag(*on)),
            UserOption::CreateDb(on) => (CREATEDB, flag(*on)),
            UserOption::AddHosts(hosts) => (HOSTS, hosts.join(",")),
            UserOption::IsImport(true) => return Err(TaosError::unsupported("passwords given as hashes")),
            UserOption::IsImport(false) | UserOption::Password(_) | UserOption::DropHosts(_) => continue,
        };
        recorded.insert(key.to_owned(), value);
    }
    let new = NewUser {
        name: name.to_owned(),
        password: None,
        is_admin: false,
        must_change_password: false,
        options: recorded,
    };
    let password = Some(ClearPassword(password.to_owned()));
    let create = UserStatement::Create { new, password, if_not_exists: false };
    execute(engine, context, Statement::User(create)).await?;
    let role = role_of(name);
    let make = RoleStatement::Create { name: role.clone(), if_not_exists: true, inherit: None };
    execute(engine, context, Statement::Role(make)).await?;
    let (tenant, user) = (SYSTEM_TENANT.to_owned(), name.to_owned());
    execute(engine, context, Statement::Tenant(TenantStatement::AddMember { tenant, user, role })).await
}

/// The role that holds a user's rights.
fn role_of(user: &str) -> String {
    format!("user {user}")
}

pub(super) async fn alter(
    engine: &Engine,
    context: &Context,
    name: &str,
    option: &UserOption,
) -> Result<(), TaosError> {
    let user = engine.catalog().user(name).cloned().ok_or_else(no_user)?;
    let mut changes = UserChanges::default();
    let mut password = None;
    let mut set = |key: &str, value: String| drop(changes.options.insert(key.to_owned(), Some(value)));
    match option {
        UserOption::Password(text) => {
            check_password(text)?;
            password = Some(ClearPassword(text.clone()));
        }
        UserOption::Enable(false) if name == ROOT_USER => return Err(no_right()),
        UserOption::Enable(on) => set(ENABLE, flag(*on)),
        UserOption::SysInfo(on) => set(SYSINFO, flag(*on)),
        UserOption::CreateDb(on) => set(CREATEDB, flag(*on)),
        UserOption::AddHosts(_) | UserOption::DropHosts(_) => {
            let known = user.options.get(HOSTS).cloned().unwrap_or_default();
            let mut hosts: Vec<&str> = known.split(',').filter(|h| !h.is_empty()).collect();
            match option {
                UserOption::AddHosts(more) => hosts.extend(more.iter().map(String::as_str)),
                UserOption::DropHosts(less) => hosts.retain(|h| !less.iter().any(|l| l == h)),
                _ => {}
            }
            set(HOSTS, hosts.join(","));
        }
        UserOption::IsImport(_) => return Err(TaosError::unsupported("passwords given as hashes")),
    }
    let alter = UserStatement::Alter { name: name.to_owned(), changes, password };
    execute(engine, context, Statement::User(alter)).await
}

pub(super) async fn drop_user(
    engine: &Engine,
    context: &Context,
    name: &str,
    if_exists: bool,
) -> Result<(), TaosError> {
    if name == ROOT_USER {
        return Err(no_right());
    }
    let drop = UserStatement::Drop { name: name.to_owned(), if_exists };
    execute(engine, context, Statement::User(drop)).await?;
    let role = RoleStatement::Drop { name: role_of(name), if_exists: true };
    execute(engine, context, Statement::Role(role)).await
}

pub(super) async fn grant(engine: &Engine, context: &Context, grant: &Grant) -> Result<(), TaosError> {
    let user = engine.catalog().user(&grant.user.name).cloned().ok_or_else(no_user)?;
    if user.is_admin {
        return Err(no_right());
    }
    let right = grant.privileges.iter().map(|p| strength(*p)).collect::<Result<Vec<_>, _>>()?;
    let Some(right) = right.into_iter().max() else { return Ok(()) };
    let databases: Vec<String> = match &grant.target {
        PrivilegeTarget::Everything => {
            engine.databases(&context.session).iter().map(|d| d.name.clone()).collect()
        }
        PrivilegeTarget::Database(name) => {
            engine.database(&context.session, &name.name).map_err(errors::lookup)?;
            vec![name.name.clone()]
        }
        PrivilegeTarget::Table { .. } => {
            return Err(TaosError::unsupported("rights on single tables"));
        }
    };
    let role = own_role(engine, context, &user.name)?;
    let rights = databases.into_iter().map(|d| (right, d)).collect();
    let statement = if grant.revoke {
        RoleStatement::Revoke { role, rights }
    } else {
        RoleStatement::Grant { role, rights }
    };
    execute(engine, context, Statement::Role(statement)).await?;
    if grant.target == PrivilegeTarget::Everything {
        let word = (!grant.revoke).then(|| word_of(right).to_owned());
        let options = OptionChanges::from([(ON_ALL.to_owned(), word)]);
        let changes = UserChanges { options, ..UserChanges::default() };
        let alter = UserStatement::Alter { name: user.name.clone(), changes, password: None };
        execute(engine, context, Statement::User(alter)).await?;
    }
    Ok(())
}

/// Gives users with a right on all databases that right on a new one.
pub(super) async fn extend_grants(
    engine: &Engine,
    context: &Context,
    database: &str,
) -> Result<(), TaosError> {
    let catalog = engine.catalog();
    for user in catalog.users() {
        let right = user.options.get(ON_ALL).and_then(|word| {
            [Privilege::Read, Privilege::Write, Privilege::Full].into_iter().find(|p| word_of(*p) == word)
        });
        if let (Some(right), Ok(role)) = (right, own_role(engine, context, &user.name)) {
            let grant = RoleStatement::Grant { role, rights: vec![(right, database.to_owned())] };
            execute(engine, context, Statement::Role(grant)).await?;
        }
    }
    Ok(())
}

/// Rights of a user: database and word.
pub(crate) fn rights_of(engine: &Engine, tenant: TenantId, user: &str) -> Vec<(String, &'static str)> {
    let catalog = engine.catalog();
    let Some(user) = catalog.user(user) else { return Vec::new() };
    if user.is_admin {
        return vec![("all".to_owned(), "all")];
    }
    let Some(MemberRole::Custom(role)) = catalog.member(tenant, user.id) else { return Vec::new() };
    let Some(role) = catalog.role_by_id(role) else { return Vec::new() };
    let named = |id| catalog.database_by_id(id).map(|d| d.name.clone());
    role.grants.iter().filter_map(|(id, right)| Some((named(*id)?, word_of(*right)))).collect()
}

fn own_role(engine: &Engine, context: &Context, user: &str) -> Result<String, TaosError> {
    let role = role_of(user);
    match engine.catalog().role(context.session.tenant, &role) {
        Some(_) => Ok(role),
        None => Err(TaosError::unsupported("rights of a user whose role another dialect gave")),
    }
}

fn strength(privilege: Written) -> Result<Privilege, TaosError> {
    Ok(match privilege {
        Written::Read => Privilege::Read,
        Written::Write => Privilege::Write,
        Written::Alter | Written::All => Privilege::Full,
        Written::Subscribe => return Err(TaosError::unsupported("subscriptions")),
    })
}

const fn word_of(right: Privilege) -> &'static str {
    match right {
        Privilege::Read => "read",
        Privilege::Write => "write",
        Privilege::Full => "all",
    }
}

/// 8 to 255 bytes of three of four classes of characters.
fn check_password(password: &str) -> Result<(), TaosError> {
    if password.len() < *PASSWORD_BYTES.start() {
        return Err(TaosError::new(0x2611, "Password too short or empty"));
    }
    if password.len() > *PASSWORD_BYTES.end() {
        return Err(TaosError::new(0x2610, "Name or password too long"));
    }
    if password.contains(|c: char| c.is_whitespace() || FORBIDDEN.contains(&c)) {
        return Err(TaosError::new(0x2648, "Invalid password"));
    }
    let has = |class: fn(&char) -> bool| usize::from(password.chars().any(|c| class(&c)));
    let classes = has(char::is_ascii_lowercase)
        + has(char::is_ascii_uppercase)
        + has(char::is_ascii_digit)
        + has(char::is_ascii_punctuation);
    if classes < 3 {
        return Err(TaosError::new(0x0353, "Invalid password format"));
    }
    Ok(())
}

fn flag(on: bool) -> String {
    u8::from(on).to_string()
}

fn no_user() -> TaosError {
    TaosError::new(0x0351, "Invalid user")
}

fn no_right() -> TaosError {
    TaosError::new(0x0303, "Insufficient privilege for operation")
}

async fn execute(engine: &Engine, context: &Context, statement: Statement) -> Result<(), TaosError> {
    engine.execute(&context.session, statement).await.map(|_| ()).map_err(face)
}

fn face(error: EngineError) -> TaosError {
    match error.kind() {
        ErrorKind::PrincipalExists => TaosError::new(0x0350, "User already exists"),
        ErrorKind::PrincipalNotFound => no_user(),
        ErrorKind::Denied => no_right(),
        _ => error.into(),
    }
}
