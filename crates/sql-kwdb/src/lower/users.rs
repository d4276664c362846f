//! Users, roles, GRANT and REVOKE on the node's one user store (sheet section 14.2).
//!
//! A role is a user who cannot log in and stands for a group. The role `admin` is the right to do everything, which
//! the other dialects know as well; `public` is everyone.

use triglot_engine::auth::{MANAGES_USERS, NO_LOGIN, VALID_UNTIL};
use triglot_engine::catalog::{CatalogSnapshot, GrantObject, Grantee, OptionChanges, ROOT_USER, UserDef};
use triglot_engine::{
    ClearPassword, Engine, EngineError, GrantedRights, NewUser, RightsObject, RightsStatement, Statement,
    UserChanges, UserStatement,
};
use triglot_model::ErrorKind;

use crate::ast::{GrantTarget, UserOptions, UserStmt};
use crate::{Answer, Context, KwError};

/// The role whose members may do everything.
pub(crate) const ADMIN: &str = "admin";
/// Everyone.
pub(crate) const EVERYONE: &str = "public";

/// The longest name.
const MAX_NAME_BYTES: usize = 63;

/// Runs a statement about users.
pub(crate) async fn run(engine: &Engine, context: &Context, statement: UserStmt) -> Result<Answer, KwError> {
    match statement {
        UserStmt::Create { name, is_role, if_not_exists, options } => {
            create(engine, context, name, is_role, if_not_exists, options).await?;
        }
        UserStmt::Alter { name, if_exists, options } => {
            alter(engine, context, name, if_exists, options).await?;
        }
        UserStmt::Drop { names, if_exists } => drop_all(engine, context, &names, if_exists).await?,
        UserStmt::Grant { rights, on, to } => {
            let granted = granted(engine, rights, on, &to)?;
            execute(engine, context, Statement::Rights(RightsStatement::Grant(granted))).await?;
        }
        UserStmt::Revoke { rights, on, from } => {
            let granted = granted(engine, rights, on, &from)?;
            execute(engine, context, Statement::Rights(RightsStatement::Revoke(granted))).await?;
        }
        UserStmt::GrantRoles { roles, members, may_grant } => {
            for (role, member) in pairs(engine, &roles, &members)? {
                join(engine, context, role, member, may_grant).await?;
            }
        }
        UserStmt::RevokeRoles { roles, members, option_only } => {
            for (role, member) in pairs(engine, &roles, &members)? {
                leave(engine, context, role, member, option_only).await?;
            }
        }
    }
    Ok(Answer::Done)
}

async fn create(
    engine: &Engine,
    context: &Context,
    name: String,
    is_role: bool,
    if_not_exists: bool,
    options: UserOptions,
) -> Result<(), KwError> {
    check_name(&name)?;
    if [ADMIN, EVERYONE].contains(&name.as_str()) {
        return if if_not_exists { Ok(()) } else { Err(exists(&name)) };
    }
    let options = UserOptions { login: options.login.or(is_role.then_some(false)), ..options };
    let recorded = recorded(&options)?.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let new = NewUser {
        name: name.clone(),
        password: None,
        is_admin: false,
        must_change_password: false,
        options: recorded,
    };
    let password = options.password.flatten().map(ClearPassword);
    let create = UserStatement::CreateMember { new, password, if_not_exists };
    match execute(engine, context, Statement::User(create)).await {
        Err(error) if error.sqlstate == "42710" => Err(exists(&name)),
        done => done,
    }
}

async fn alter(
    engine: &Engine,
    context: &Context,
    name: String,
    if_exists: bool,
    options: UserOptions,
) -> Result<(), KwError> {
    if engine.catalog().user(&name).is_none() {
        return if if_exists { Ok(()) } else { Err(missing(&name)) };
    }
    let mut changes = UserChanges { options: recorded(&options)?, ..UserChanges::default() };
    let password = match options.password {
        Some(None) => {
            changes.password = Some(None);
            None
        }
        Some(Some(password)) => Some(ClearPassword(password)),
        None => None,
    };
    execute(engine, context, Statement::User(UserStatement::Alter { name, changes, password })).await
}

/// All are looked at before the first goes.
async fn drop_all(
    engine: &Engine,
    context: &Context,
    names: &[String],
    if_exists: bool,
) -> Result<(), KwError> {
    let catalog = engine.catalog();
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        if [ADMIN, EVERYONE, ROOT_USER].contains(&name.as_str()) {
            return Err(KwError::new("42501", format!("cannot drop user or role {name}")));
        }
        match catalog.user(name) {
            Some(user) => {
                check_no_grants(&catalog, user)?;
                found.push(name.clone());
            }
            None if if_exists => {}
            None => return Err(missing(name)),
        }
    }
    for name in found {
        execute(engine, context, Statement::User(UserStatement::DropMember { name, if_exists: true }))
            .await?;
    }
    Ok(())
}

fn check_no_grants(catalog: &CatalogSnapshot, user: &UserDef) -> Result<(), KwError> {
    let Some((object, _)) = catalog.rights_of(Grantee::User(user.id)).next() else { return Ok(()) };
    let database = |id| catalog.database_by_id(id).map_or_else(String::new, |d| d.name.clone());
    let object = match object {
        GrantObject::Database(id) => database(id),
        GrantObject::Table(id) => match catalog.table_by_id(id) {
            Some(table) => format!("{}.public.{}", database(table.database), table.name),
            None => String::new(),
        },
    };
    let message = format!("cannot drop role/user {}: grants still exist on {object}", user.name);
    Err(KwError::new("2BP01", message))
}

fn granted(
    engine: &Engine,
    rights: triglot_engine::catalog::Rights,
    on: GrantTarget,
    grantees: &[String],
) -> Result<GrantedRights, KwError> {
    let catalog = engine.catalog();
    for name in grantees {
        let is_known = [ADMIN, EVERYONE].contains(&name.as_str()) || catalog.user(name).is_some();
        if !is_known {
            return Err(KwError::new("42704", format!("user or role {name} does not exist")));
        }
    }
    // Administrators have every right without a grant.
    let named = grantees.iter().filter(|name| *name != ADMIN);
    let grantees = named.map(|name| (name != EVERYONE).then(|| name.clone())).collect();
    let objects = match on {
        GrantTarget::Databases(names) => names.into_iter().map(RightsObject::Database).collect(),
        GrantTarget::Tables(tables) => tables.into_iter().map(RightsObject::Table).collect(),
    };
    Ok(GrantedRights { grantees, objects, rights })
}

/// Every role with every member, all of which exist.
fn pairs<'n>(
    engine: &Engine,
    roles: &'n [String],
    members: &'n [String],
) -> Result<Vec<(&'n str, &'n str)>, KwError> {
    let catalog = engine.catalog();
    for name in roles.iter().chain(members) {
        if name != ADMIN && catalog.user(name).is_none() {
            return Err(missing(name));
        }
    }
    Ok(roles.iter().flat_map(|role| members.iter().map(|member| (role.as_str(), member.as_str()))).collect())
}

async fn join(
    engine: &Engine,
    context: &Context,
    role: &str,
    member: &str,
    may_grant: bool,
) -> Result<(), KwError> {
    if role == member {
        return Err(KwError::new("0LP01", format!("{role} cannot be a member of itself")));
    }
    if role == ADMIN {
        return set_admin(engine, context, member, true).await;
    }
    let (group, member) = (role.to_owned(), member.to_owned());
    let add = RightsStatement::AddGroupMember { group, member, may_grant };
    execute(engine, context, Statement::Rights(add)).await
}

async fn leave(
    engine: &Engine,
    context: &Context,
    role: &str,
    member: &str,
    option_only: bool,
) -> Result<(), KwError> {
    let (group, member) = (role.to_owned(), member.to_owned());
    let statement = match (role, option_only) {
        (ADMIN, true) => return Ok(()),
        (ADMIN, false) if member == ROOT_USER => {
            return Err(KwError::new("42501", "role/user root cannot be removed from role admin"));
        }
        (ADMIN, false) => return set_admin(engine, context, &member, false).await,
        (_, true) => RightsStatement::AddGroupMember { group, member, may_grant: false },
        (_, false) => RightsStatement::RemoveGroupMember { group, member },
    };
    execute(engine, context, Statement::Rights(statement)).await
}

async fn set_admin(engine: &Engine, context: &Context, name: &str, is_admin: bool) -> Result<(), KwError> {
    let changes = UserChanges { is_admin: Some(is_admin), ..UserChanges::default() };
    let alter = UserStatement::Alter { name: name.to_owned(), changes, password: None };
    execute(engine, context, Statement::User(alter)).await
}

/// The options that say something, as the user store keeps them.
fn recorded(options: &UserOptions) -> Result<OptionChanges, KwError> {
    let mut changes = OptionChanges::new();
    let mut flag = |key: &str, on: Option<bool>| {
        if let Some(on) = on {
            changes.insert(key.to_owned(), on.then(|| "1".to_owned()));
        }
    };
    flag(NO_LOGIN, options.login.map(|may| !may));
    flag(MANAGES_USERS, options.create_role);
    if let Some(until) = &options.valid_until {
        let instant = until.as_deref().map(instant).transpose()?;
        changes.insert(VALID_UNTIL.to_owned(), instant.map(|ns| ns.to_string()));
    }
    Ok(changes)
}

/// A time as VALID UNTIL takes it, in UTC unless it has an offset.
fn instant(text: &str) -> Result<i64, KwError> {
    let parsed = arrow::compute::kernels::cast_utils::string_to_datetime(&chrono::Utc, text);
    let instant = parsed.map_err(|_| {
        let message = format!("could not parse \"{text}\" as type timestamp");
        KwError::new("22007", message)
    })?;
    // What no clock of this server will show is for ever.
    Ok(instant.timestamp_nanos_opt().unwrap_or(i64::MAX))
}

fn check_name(name: &str) -> Result<(), KwError> {
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c.is_alphanumeric() || c == '_');
    if starts && name.len() <= MAX_NAME_BYTES && chars.all(|c| c.is_alphanumeric() || "_.-".contains(c)) {
        return Ok(());
    }
    let message = format!(
        "username \"{name}\" invalid; usernames are case insensitive, must start with a letter, digit or \
         underscore, may contain letters, digits, dashes, periods, or underscores, and must not exceed 63 characters"
    );
    Err(KwError::new("42602", message))
}

fn exists(name: &str) -> KwError {
    KwError::new("42710", format!("a role/user named {name} already exists"))
}

fn missing(name: &str) -> KwError {
    KwError::new("42704", format!("role/user {name} does not exist"))
}

async fn execute(engine: &Engine, context: &Context, statement: Statement) -> Result<(), KwError> {
    let done = engine.execute(&context.session, statement).await;
    done.map(|_| ()).map_err(|error| face(&context.session.database_name, error))
}

fn face(database: &str, error: EngineError) -> KwError {
    match error.kind() {
        ErrorKind::PrincipalExists => KwError::new("42710", error.to_string()),
        ErrorKind::TableNotFound => match &error {
            EngineError::TableNotFound { table, .. } => {
                KwError::new("42P01", format!("relation \"{table}\" does not exist"))
            }
            _ => error.into(),
        },
        ErrorKind::DatabaseNotFound => match &error {
            EngineError::DatabaseNotFound { name } => {
                KwError::new("3D000", format!("database \"{name}\" does not exist"))
            }
            _ => KwError::new("3D000", format!("database \"{database}\" does not exist")),
        },
        _ => error.into(),
    }
}
