//! Users and rights over the node's own (sheet section 12).
//!
//! A user of TDengine's has a role of his own in the tenant, named after him, which holds his rights on
//! databases. Users that another dialect made keep the role that they have.

use std::collections::BTreeMap;

use triglot_engine::catalog::{
    GrantObject, Grantee, MemberRole, OptionChanges, Privilege, ROOT_USER, Right, Rights, own_role_name,
};
use triglot_engine::{
    ClearPassword, Engine, EngineError, GrantedRights, NewUser, Relation, RightsObject, RightsStatement,
    RoleStatement, Statement, UserChanges, UserStatement,
};
use triglot_model::{ErrorKind, TenantId};
use triglot_parse_tdengine::ast::{Grant, Privilege as Written, PrivilegeTarget, TableName, UserOption};

use self::options::{CREATEDB, ENABLE, HOSTS, SYSINFO};
use super::{errors, names};
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
    let create = UserStatement::CreateMember { new, password, if_not_exists: false };
    execute(engine, context, Statement::User(create)).await
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
    let drop = UserStatement::DropMember { name: name.to_owned(), if_exists };
    execute(engine, context, Statement::User(drop)).await
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
        PrivilegeTarget::Table { filter: Some(_), .. } => {
            return Err(TaosError::unsupported("rights on some rows of a table"));
        }
        PrivilegeTarget::Table { table, filter: None } => {
            return grant_on_table(engine, context, grant, table).await;
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

/// `db.tb`: a super or normal table; its child tables go with it.
async fn grant_on_table(
    engine: &Engine,
    context: &Context,
    grant: &Grant,
    table: &TableName,
) -> Result<(), TaosError> {
    let database = names::database_of(context, table)?;
    match engine.relation(&context.session, database, &table.table.name).map_err(errors::lookup)? {
        Relation::Super(_) | Relation::Normal(_) => {}
        Relation::Child(_) => return Err(TaosError::unsupported("rights on single child tables")),
    }
    let rights = grant.privileges.iter().map(|p| rights_on_table(*p)).collect::<Result<Vec<_>, _>>()?;
    let granted = GrantedRights {
        grantees: vec![Some(grant.user.name.clone())],
        objects: vec![RightsObject::Table(names::engine_name(database, &table.table.name))],
        rights: rights.into_iter().fold(Rights::NONE, Rights::with),
    };
    let statement =
        if grant.revoke { RightsStatement::Revoke(granted) } else { RightsStatement::Grant(granted) };
    execute(engine, context, Statement::Rights(statement)).await
}

fn rights_on_table(privilege: Written) -> Result<Rights, TaosError> {
    let write = || [Right::Insert, Right::Update, Right::Delete].into_iter();
    Ok(match privilege {
        Written::Read => Right::Select.into(),
        Written::Write => write().collect(),
        Written::Alter => [Right::Create, Right::Drop].into_iter().collect(),
        Written::All => Rights::ALL.without(Right::Grant.into()),
        Written::Subscribe => return Err(TaosError::unsupported("subscriptions")),
    })
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

/// A user's right on a database or on a table of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RightOn {
    /// The database, `all` for administrators.
    pub(crate) database: String,
    /// The table, empty = the whole database.
    pub(crate) table: String,
    /// The right in TDengine's words.
    pub(crate) word: &'static str,
}

/// Rights of a user.
pub(crate) fn rights_of(engine: &Engine, tenant: TenantId, user: &str) -> Vec<RightOn> {
    let catalog = engine.catalog();
    let Some(user) = catalog.user(user) else { return Vec::new() };
    let on = |database: &str, table: &str, word| {
        let (database, table) = (database.to_owned(), table.to_owned());
        RightOn { database, table, word }
    };
    if catalog.is_admin(user) {
        return vec![on("all", "", "all")];
    }
    let mut found = Vec::new();
    if let Some(MemberRole::Custom(role)) = catalog.member(tenant, user.id)
        && let Some(role) = catalog.role_by_id(role)
    {
        for (id, right) in &role.grants {
            found.extend(catalog.database_by_id(*id).map(|d| on(&d.name, "", word_of(*right))));
        }
    }
    for (object, rights) in catalog.rights_of(Grantee::User(user.id)) {
        let GrantObject::Table(id) = object else { continue };
        let Some(table) = catalog.table_by_id(id) else { continue };
        let Some(database) = catalog.database_by_id(table.database) else { continue };
        let words = words_of(rights).into_iter();
        found.extend(words.map(|word| on(&database.name, &table.name, word)));
    }
    found
}

fn words_of(rights: Rights) -> Vec<&'static str> {
    let has = |written| rights_on_table(written).is_ok_and(|all| rights.covers(all));
    if has(Written::All) {
        return vec!["all"];
    }
    let words = [(Written::Read, "read"), (Written::Write, "write"), (Written::Alter, "alter")];
    words.into_iter().filter(|(written, _)| has(*written)).map(|(_, word)| word).collect()
}

fn own_role(engine: &Engine, context: &Context, user: &str) -> Result<String, TaosError> {
    let role = own_role_name(user);
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
