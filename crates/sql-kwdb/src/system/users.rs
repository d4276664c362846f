//! SHOW of users, roles and rights (sheet sections 13 and 14.2).

use std::sync::Arc;

use triglot_engine::TableName;
use triglot_engine::auth::{Action, MANAGES_USERS, NO_LOGIN, Object, VALID_UNTIL};
use triglot_engine::catalog::{GrantObject, Grantee, ROOT_USER, Rights, UserDef};
use triglot_model::{DatabaseId, UserId};

use super::rows::{all_texts, bools, source};
use super::{Source, View};
use crate::KwError;
use crate::ast::GrantsOn;
use crate::lower::names;
use crate::lower::users::{ADMIN, EVERYONE};
use crate::parse::PUBLIC;

/// `SHOW USERS` and `SHOW ROLES`, by name: all for those who manage users, others see themselves and their roles.
pub(super) fn list(view: &View<'_>) -> Result<Source, KwError> {
    let users = visible(view);
    let mut rows: Vec<[String; 3]> = users.iter().map(|user| row(view, user)).collect();
    rows.push([ADMIN.to_owned(), "CREATEROLE, NOLOGIN".to_owned(), "{}".to_owned()]);
    rows.sort();
    source(vec![
        all_texts("username", rows.iter().map(|r| &r[0])),
        all_texts("options", rows.iter().map(|r| &r[1])),
        all_texts("member_of", rows.iter().map(|r| &r[2])),
    ])
}

fn visible(view: &View<'_>) -> Vec<Arc<UserDef>> {
    let sees_all = view.may(Action::ManageUsers, Object::Cluster);
    let own: Vec<UserId> = view.catalog.groups_of(view.session.principal.user).collect();
    view.catalog.users().filter(|u| sees_all || own.contains(&u.id)).cloned().collect()
}

fn row(view: &View<'_>, user: &UserDef) -> [String; 3] {
    let is_on = |key: &str| user.options.get(key).is_some_and(|v| v == "1");
    let mut options = Vec::new();
    if is_on(MANAGES_USERS) || user.name == ROOT_USER {
        options.push("CREATEROLE".to_owned());
    }
    if is_on(NO_LOGIN) {
        options.push("NOLOGIN".to_owned());
    }
    let until = user.options.get(VALID_UNTIL).and_then(|ns| ns.parse().ok());
    if let Some(until) = until.map(chrono::DateTime::from_timestamp_nanos) {
        options.push(format!("VALID UNTIL={}", until.format("%Y-%m-%d %H:%M:%S%:z")));
    }
    let mut groups: Vec<String> = view
        .catalog
        .users()
        .filter(|group| view.catalog.group_membership(group.id, user.id).is_some())
        .map(|group| group.name.clone())
        .collect();
    if user.is_admin {
        groups.push(ADMIN.to_owned());
    }
    groups.sort();
    [user.name.clone(), options.join(", "), format!("{{{}}}", groups.join(","))]
}

/// `SHOW GRANTS [ON …]`
pub(super) fn grants(view: &View<'_>, on: &GrantsOn) -> Result<Source, KwError> {
    match on {
        GrantsOn::Everything => {
            let databases = view.engine.databases(view.session);
            let mut rows = Vec::new();
            for database in databases {
                for table in view.engine.tables(view.session, &database.name)? {
                    rows.extend(on_table(view, database.id, &database.name, &table.name));
                }
            }
            tables(rows)
        }
        GrantsOn::Tables(names) => {
            let mut rows = Vec::new();
            for name in names {
                let database = name.database.as_deref().unwrap_or(&view.session.database_name);
                let def = view.engine.database(view.session, database)?;
                let found = view.engine.tables(view.session, database)?;
                if !found.iter().any(|table| table.name == name.table) {
                    return Err(missing(name));
                }
                rows.extend(on_table(view, def.id, database, &name.table));
            }
            tables(rows)
        }
        GrantsOn::Databases(names) => databases(view, names),
        GrantsOn::Roles(roles) => memberships(view, roles),
    }
}

fn missing(name: &TableName) -> KwError {
    KwError::new("42P01", format!("relation \"{}\" does not exist", name.table))
}

fn on_table(view: &View<'_>, database: DatabaseId, name: &str, table: &str) -> Vec<[String; 5]> {
    let Some(def) = view.catalog.table(database, table) else { return Vec::new() };
    let held = held(view, GrantObject::Table(def.id)).into_iter();
    held.map(|(grantee, word)| {
        [name.to_owned(), PUBLIC.to_owned(), table.to_owned(), grantee, word.to_owned()]
    })
    .collect()
}

fn tables(rows: Vec<[String; 5]>) -> Result<Source, KwError> {
    let names = ["database_name", "schema_name", "table_name", "grantee", "privilege_type"];
    source((0..).zip(names).map(|(at, name)| column(name, &rows, at)).collect())
}

fn databases(view: &View<'_>, wanted: &[String]) -> Result<Source, KwError> {
    let mut rows = Vec::new();
    for name in wanted {
        let object = match names::database(view.engine, view.session, name)? {
            names::Database::Stored(def) => Some(GrantObject::Database(def.id)),
            names::Database::Empty(_) => None,
        };
        let held = object.map_or_else(administrators, |object| held(view, object)).into_iter();
        rows.extend(held.map(|(grantee, word)| [name.clone(), PUBLIC.to_owned(), grantee, word.to_owned()]));
    }
    let names = ["database_name", "schema_name", "grantee", "privilege_type"];
    source((0..).zip(names).map(|(at, name)| column(name, &rows, at)).collect())
}

/// `SHOW GRANTS ON ROLE [r, …]`: who belongs to which.
fn memberships(view: &View<'_>, roles: &[String]) -> Result<Source, KwError> {
    let is_wanted = |role: &str| roles.is_empty() || roles.iter().any(|r| r == role);
    let users = visible(view);
    let mut rows: Vec<(String, String, bool)> = Vec::new();
    for group in &users {
        for (member, may_grant) in view.catalog.group_members(group.id) {
            let member = users.iter().find(|user| user.id == member);
            rows.extend(member.map(|member| (group.name.clone(), member.name.clone(), may_grant)));
        }
    }
    let admins = users.iter().filter(|user| user.is_admin);
    rows.extend(admins.map(|user| (ADMIN.to_owned(), user.name.clone(), true)));
    rows.retain(|(role, ..)| is_wanted(role));
    rows.sort();
    source(vec![
        all_texts("role_name", rows.iter().map(|r| &r.0)),
        all_texts("member", rows.iter().map(|r| &r.1)),
        bools("is_admin", rows.iter().map(|r| r.2)),
    ])
}

/// Who has which rights on an object, by name; who has all of them is told so in one word.
fn held(view: &View<'_>, object: GrantObject) -> Vec<(String, &'static str)> {
    let mut rows = administrators();
    for (grantee, rights) in view.catalog.rights_on(object) {
        let name = match grantee {
            Grantee::Everyone => EVERYONE.to_owned(),
            Grantee::User(id) => view.catalog.user_by_id(id).map_or_else(String::new, |u| u.name.clone()),
        };
        rows.extend(words(rights).into_iter().map(|word| (name.clone(), word)));
    }
    rows.sort();
    rows
}

fn administrators() -> Vec<(String, &'static str)> {
    vec![(ADMIN.to_owned(), "ALL"), (ROOT_USER.to_owned(), "ALL")]
}

fn words(rights: Rights) -> Vec<&'static str> {
    if rights == Rights::ALL { vec!["ALL"] } else { rights.iter().map(|right| right.name()).collect() }
}

fn column<const N: usize>(name: &str, rows: &[[String; N]], at: usize) -> super::rows::Column {
    all_texts(name, rows.iter().filter_map(|row| row.get(at)))
}
