//! `ins_users`, `ins_user_privileges`.

use triglot_engine::catalog::UserDef;

use super::View;
use super::columns::Column;
use crate::lower::{RightOn, rights_of, user_options};

impl View<'_> {
    /// All users for administrators, others see themselves.
    fn users(&self) -> Vec<&UserDef> {
        let sees_all = self.is_admin();
        let own = self.session.principal.user;
        self.catalog.users().map(AsRef::as_ref).filter(|u| sees_all || u.id == own).collect()
    }

    pub(super) fn ins_users(&self) -> Vec<Column> {
        let users = self.users();
        let flag = |key: &'static str, default: i8| {
            let of = |u: &&UserDef| u.options.get(key).map_or(Some(default), |v| v.parse().ok());
            users.iter().map(of).collect::<Vec<Option<i8>>>()
        };
        let created = |u: &&UserDef| Some(u.created_ns.div_euclid(1_000_000));
        let createdb = users.iter().zip(flag(user_options::CREATEDB, 0));
        let createdb = createdb.map(|(u, flag)| if u.is_admin { Some(1) } else { flag });
        let hosts = |u: &&UserDef| {
            let listed = u.options.get(user_options::HOSTS).filter(|h| !h.is_empty());
            Some(listed.map_or("127.0.0.1", String::as_str).to_owned())
        };
        vec![
            Column::text("name", 24, users.iter().map(|u| Some(&u.name))),
            Column::tiny("super", users.iter().map(|u| Some(i8::from(u.is_admin)))),
            Column::tiny("enable", flag(user_options::ENABLE, 1)),
            Column::tiny("sysinfo", flag(user_options::SYSINFO, 1)),
            Column::tiny("createdb", createdb),
            Column::time("create_time", users.iter().map(created)),
            Column::text("allowed_host", 49_152, users.iter().map(hosts)),
        ]
    }

    pub(super) fn ins_user_privileges(&self) -> Vec<Column> {
        let mut rows: Vec<(String, RightOn)> = Vec::new();
        for user in self.users() {
            let rights = rights_of(self.engine, self.session.tenant, &user.name);
            rows.extend(rights.into_iter().map(|right| (user.name.clone(), right)));
        }
        let empty = || rows.iter().map(|_| Some(""));
        vec![
            Column::text("user_name", 24, rows.iter().map(|r| Some(&r.0))),
            Column::text("privilege", 10, rows.iter().map(|r| Some(r.1.word))),
            Column::text("db_name", 65, rows.iter().map(|r| Some(&r.1.database))),
            Column::text("table_name", 193, rows.iter().map(|r| Some(&r.1.table))),
            Column::text("condition", 49_152, empty()),
            Column::text("notes", 64, empty()),
        ]
    }
}
