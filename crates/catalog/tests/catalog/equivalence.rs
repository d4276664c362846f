//! Random ops against a plain model written from the rules, with reopening in between.

use std::collections::BTreeMap;

use proptest::prelude::*;
use triglot_catalog::{
    CatalogOp, CatalogSnapshot, DatabaseChanges, MemberRole, NewColumn, NewTable, Privilege, SystemRole,
    TableChange,
};
use triglot_model::{ColumnKind, ColumnType, TableId};

use crate::support::{Fixture, column, database, field, table, tag, user};

/// An op by names, so that catalog and model can be asked the same thing.
#[derive(Clone, Debug)]
enum Op {
    CreateDb(u8),
    DropDb(u8),
    HideDb(u8),
    RecoverDb(u8),
    RetainDb(u8, i64),
    CreateTable(u8, u8),
    EnsureTable(u8, u8, Vec<(u8, u8)>),
    DropTable(u8, u8),
    AddColumn(u8, u8, u8, u8),
    DropColumn(u8, u8, u8),
    RenameColumn(u8, u8, u8, u8),
    CreateUser(u8),
    DropUser(u8),
    Comment(u8, u8),
    CreateRole(u8),
    DropRole(u8),
    Grant(u8, u8, Privilege),
    Revoke(u8, u8, Privilege),
    AddMember(u8, Option<u8>),
    SetMember(u8, Option<u8>),
    RemoveMember(u8),
    Set(u8, u8),
    Unset(u8),
    Checkpoint,
    Reopen,
}

type Column = (String, ColumnKind, ColumnType);

#[derive(Clone, Debug, Default, PartialEq)]
struct Database {
    hidden: bool,
    retention: Option<i64>,
    tables: BTreeMap<String, Vec<Column>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    databases: BTreeMap<String, Database>,
    /// With the comment.
    users: BTreeMap<String, Option<String>>,
    roles: BTreeMap<String, BTreeMap<String, Privilege>>,
    /// User to custom role, none = the system role member.
    members: BTreeMap<String, Option<String>>,
    settings: BTreeMap<String, String>,
}

fn db(n: u8) -> String {
    format!("d{n}")
}
fn tbl(n: u8) -> String {
    format!("t{n}")
}
fn usr(n: u8) -> String {
    format!("u{n}")
}
fn rol(n: u8) -> String {
    format!("r{n}")
}

/// Three shapes under few names, so that conflicts happen.
fn new_column(name: u8, shape: u8) -> NewColumn {
    let name = format!("c{name}");
    match shape {
        0 => field(&name),
        1 => tag(&name),
        _ => column(&name, ColumnType::I64, ColumnKind::Field),
    }
}

fn shape(c: &NewColumn) -> Column {
    (c.name.clone(), c.kind, c.ty)
}

fn fields(columns: &[Column]) -> usize {
    columns.iter().filter(|c| c.1 == ColumnKind::Field).count()
}

impl Model {
    fn live(&mut self, n: u8) -> Option<&mut Database> {
        self.databases.get_mut(&db(n)).filter(|d| !d.hidden)
    }

    fn columns(&mut self, d: u8, t: u8) -> Option<&mut Vec<Column>> {
        self.live(d)?.tables.get_mut(&tbl(t))
    }

    /// Some = done, none = refused.
    fn apply(&mut self, op: &Op) -> Option<()> {
        match op {
            Op::CreateDb(n) => {
                let new = Database { retention: Some(5), ..Database::default() };
                (!self.databases.contains_key(&db(*n))).then(|| drop(self.databases.insert(db(*n), new)))
            }
            Op::DropDb(n) => {
                self.live(*n)?;
                self.databases.remove(&db(*n));
                self.roles.values_mut().for_each(|grants| grants.retain(|d, _| *d != db(*n)));
                Some(())
            }
            Op::HideDb(n) => self.live(*n).map(|d| d.hidden = true),
            Op::RecoverDb(n) => self.databases.get_mut(&db(*n)).map(|d| d.hidden = false),
            Op::RetainDb(n, ns) => self.live(*n).map(|d| d.retention = Some(*ns)),
            Op::Set(k, v) => {
                self.settings.insert(k.to_string(), v.to_string());
                Some(())
            }
            Op::Unset(k) => {
                self.settings.remove(&k.to_string());
                Some(())
            }
            Op::Checkpoint | Op::Reopen => Some(()),
            Op::CreateTable(..)
            | Op::EnsureTable(..)
            | Op::DropTable(..)
            | Op::AddColumn(..)
            | Op::DropColumn(..)
            | Op::RenameColumn(..) => self.apply_to_table(op),
            _ => self.apply_to_principal(op),
        }
    }

    fn apply_to_table(&mut self, op: &Op) -> Option<()> {
        match op {
            Op::CreateTable(d, t) => {
                let tables = &mut self.live(*d)?.tables;
                let columns = table(triglot_model::DatabaseId(0), "").columns.iter().map(shape).collect();
                (!tables.contains_key(&tbl(*t))).then(|| drop(tables.insert(tbl(*t), columns)))
            }
            Op::EnsureTable(d, t, adds) => {
                let mut columns = match self.columns(*d, *t) {
                    Some(columns) => columns.clone(),
                    None => {
                        // A definition names each column once; only adding is forgiving.
                        let mut names: Vec<_> = adds.iter().map(|(name, _)| name).collect();
                        names.sort_unstable();
                        names.dedup();
                        if names.len() != adds.len() {
                            return None;
                        }
                        table(triglot_model::DatabaseId(0), "").columns.iter().map(shape).collect()
                    }
                };
                for add in adds.iter().map(|(name, s)| shape(&new_column(*name, *s))) {
                    match columns.iter().find(|c| c.0 == add.0) {
                        Some(found) if *found == add => {}
                        Some(_) => return None,
                        None => columns.push(add),
                    }
                }
                self.live(*d)?.tables.insert(tbl(*t), columns);
                Some(())
            }
            Op::DropTable(d, t) => self.live(*d)?.tables.remove(&tbl(*t)).map(drop),
            Op::AddColumn(d, t, name, s) => {
                let (columns, add) = (self.columns(*d, *t)?, shape(&new_column(*name, *s)));
                columns.iter().all(|c| c.0 != add.0).then(|| columns.push(add))
            }
            Op::DropColumn(d, t, name) => {
                let columns = self.columns(*d, *t)?;
                let at = columns.iter().position(|c| c.0 == format!("c{name}"))?;
                let allowed = columns[at].1 == ColumnKind::Field && fields(columns) > 1;
                allowed.then(|| drop(columns.remove(at)))
            }
            Op::RenameColumn(d, t, from, to) => {
                let columns = self.columns(*d, *t)?;
                let at = columns.iter().position(|c| c.0 == format!("c{from}"))?;
                let free = columns.iter().all(|c| c.0 != format!("c{to}"));
                free.then(|| columns[at].0 = format!("c{to}"))
            }
            _ => unreachable!(),
        }
    }

    fn apply_to_principal(&mut self, op: &Op) -> Option<()> {
        match op {
            Op::CreateUser(n) => {
                (!self.users.contains_key(&usr(*n))).then(|| drop(self.users.insert(usr(*n), None)))
            }
            Op::DropUser(n) => {
                self.users.remove(&usr(*n))?;
                self.members.remove(&usr(*n));
                Some(())
            }
            Op::Comment(n, text) => self.users.get_mut(&usr(*n)).map(|c| *c = Some(text.to_string())),
            Op::CreateRole(n) => (!self.roles.contains_key(&rol(*n)))
                .then(|| drop(self.roles.insert(rol(*n), BTreeMap::new()))),
            Op::DropRole(n) => {
                self.roles.remove(&rol(*n))?;
                self.members.retain(|_, role| *role != Some(rol(*n)));
                Some(())
            }
            Op::Grant(r, d, p) => {
                self.live(*d)?;
                let held = self.roles.get_mut(&rol(*r))?.entry(db(*d)).or_insert(*p);
                *held = (*held).max(*p);
                Some(())
            }
            Op::Revoke(r, d, p) => {
                let exists = self.databases.contains_key(&db(*d));
                let grants = self.roles.get_mut(&rol(*r)).filter(|_| exists)?;
                match (grants.get(&db(*d)), p) {
                    (Some(Privilege::Full), Privilege::Write) => grants.insert(db(*d), Privilege::Read),
                    (Some(Privilege::Read), Privilege::Write) => None,
                    _ => grants.remove(&db(*d)),
                };
                Some(())
            }
            Op::AddMember(u, r) | Op::SetMember(u, r) => {
                let is_member = self.members.contains_key(&usr(*u));
                let fits =
                    r.is_none_or(|r| self.roles.contains_key(&rol(r))) && self.users.contains_key(&usr(*u));
                (fits && is_member == matches!(op, Op::SetMember(..)))
                    .then(|| drop(self.members.insert(usr(*u), r.map(rol))))
            }
            Op::RemoveMember(u) => self.members.remove(&usr(*u)).map(drop),
            _ => unreachable!(),
        }
    }
}

/// The catalog's op, none if a name it needs is unknown.
fn resolve(state: &CatalogSnapshot, op: &Op) -> Option<CatalogOp> {
    let tenant = state.tenant("cnosdb")?.id;
    let hidden_too = |n: u8| state.database_even_dropped(tenant, &db(n)).map(|d| d.id);
    let live = |n: u8| state.database(tenant, &db(n)).map(|d| d.id);
    let table_id = |d: u8, t: u8| -> Option<TableId> { Some(state.table(live(d)?, &tbl(t))?.id) };
    let user_id = |n: u8| state.user(&usr(n)).map(|u| u.id);
    let role_id = |n: u8| state.role(tenant, &rol(n)).map(|r| r.id);
    let alter = |d: u8, t: u8, change| Some(CatalogOp::AlterTable { table: table_id(d, t)?, change });
    let member_role = |r: &Option<u8>| match r {
        Some(r) => role_id(*r).map(MemberRole::Custom),
        None => Some(MemberRole::System(SystemRole::Member)),
    };
    Some(match op {
        Op::CreateDb(n) => CatalogOp::CreateDatabase(database(tenant, &db(*n))),
        Op::DropDb(n) => CatalogOp::DropDatabase { database: live(*n)?, after_ns: None },
        Op::HideDb(n) => CatalogOp::DropDatabase { database: live(*n)?, after_ns: Some(9) },
        Op::RecoverDb(n) => CatalogOp::RecoverDatabase { database: hidden_too(*n)? },
        Op::RetainDb(n, ns) => CatalogOp::AlterDatabase {
            database: live(*n)?,
            changes: DatabaseChanges { retention_ns: Some(Some(*ns)), ..Default::default() },
        },
        Op::CreateTable(d, t) => CatalogOp::CreateTable(table(live(*d)?, &tbl(*t))),
        Op::EnsureTable(d, t, adds) => {
            let base = table(live(*d)?, &tbl(*t));
            let adds = adds.iter().map(|(name, s)| new_column(*name, *s));
            CatalogOp::EnsureTable(NewTable {
                columns: base.columns.iter().cloned().chain(adds).collect(),
                ..base
            })
        }
        Op::DropTable(d, t) => CatalogOp::DropTable { table: table_id(*d, *t)? },
        Op::AddColumn(d, t, name, s) => alter(*d, *t, TableChange::AddColumn(new_column(*name, *s)))?,
        Op::DropColumn(d, t, name) => alter(*d, *t, TableChange::DropColumn(format!("c{name}")))?,
        Op::RenameColumn(d, t, from, to) => {
            alter(*d, *t, TableChange::RenameColumn { from: format!("c{from}"), to: format!("c{to}") })?
        }
        Op::CreateUser(n) => CatalogOp::CreateUser(user(&usr(*n))),
        Op::DropUser(n) => CatalogOp::DropUser { user: user_id(*n)? },
        Op::Comment(n, text) => CatalogOp::AlterUser {
            user: user_id(*n)?,
            changes: triglot_catalog::UserChanges {
                options: [("comment".to_owned(), Some(text.to_string()))].into(),
                ..Default::default()
            },
        },
        Op::CreateRole(n) => CatalogOp::CreateRole { tenant, name: rol(*n), inherit: None },
        Op::DropRole(n) => CatalogOp::DropRole { role: role_id(*n)? },
        Op::Grant(r, d, privilege) => {
            CatalogOp::Grant { role: role_id(*r)?, database: hidden_too(*d)?, privilege: *privilege }
        }
        Op::Revoke(r, d, privilege) => {
            CatalogOp::Revoke { role: role_id(*r)?, database: hidden_too(*d)?, privilege: *privilege }
        }
        Op::AddMember(u, r) => CatalogOp::AddMember { tenant, user: user_id(*u)?, role: member_role(r)? },
        Op::SetMember(u, r) => CatalogOp::SetMember { tenant, user: user_id(*u)?, role: member_role(r)? },
        Op::RemoveMember(u) => CatalogOp::RemoveMember { tenant, user: user_id(*u)? },
        Op::Set(k, v) => CatalogOp::SetSetting { key: k.to_string(), value: v.to_string() },
        Op::Unset(k) => CatalogOp::UnsetSetting { key: k.to_string() },
        Op::Checkpoint | Op::Reopen => return None,
    })
}

/// The catalog's content in the model's terms, without what every catalog starts with.
fn observe(state: &CatalogSnapshot) -> Model {
    let tenant = state.tenant("cnosdb").unwrap().id;
    let mut model = Model::default();
    for d in state.databases_even_dropped(tenant).filter(|d| d.name != "public") {
        let tables = state.tables(d.id).map(|t| {
            let columns = t.columns.iter().map(|c| (c.name.clone(), c.kind, c.ty)).collect();
            (t.name.clone(), columns)
        });
        let observed =
            Database { hidden: d.drop_at_ns.is_some(), retention: d.retention_ns, tables: tables.collect() };
        model.databases.insert(d.name.clone(), observed);
    }
    let name_of = |id| state.database_by_id(id).unwrap().name.clone();
    for user in state.users().filter(|u| !u.is_root()) {
        model.users.insert(user.name.clone(), user.options.get("comment").cloned());
    }
    for role in state.roles(tenant) {
        let grants = role.grants.iter().map(|(d, p)| (name_of(*d), *p)).collect();
        model.roles.insert(role.name.clone(), grants);
    }
    for (user, role) in state.members(tenant) {
        let role = match role {
            MemberRole::System(_) => None,
            MemberRole::Custom(id) => Some(state.role_by_id(id).unwrap().name.clone()),
        };
        model.members.insert(state.user_by_id(user).unwrap().name.clone(), role);
    }
    model.settings = state.settings().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    model
}

fn op() -> impl Strategy<Value = Op> {
    let n = || 0u8..3;
    let c = || 0u8..4;
    let privilege = || prop_oneof![Just(Privilege::Read), Just(Privilege::Write), Just(Privilege::Full)];
    prop_oneof![
        3 => n().prop_map(Op::CreateDb),
        1 => n().prop_map(Op::DropDb),
        1 => n().prop_map(Op::HideDb),
        1 => n().prop_map(Op::RecoverDb),
        1 => (n(), 0i64..3).prop_map(|(d, r)| Op::RetainDb(d, r)),
        3 => (n(), n()).prop_map(|(d, t)| Op::CreateTable(d, t)),
        4 => (n(), n(), prop::collection::vec((c(), 0u8..3), 0..4)).prop_map(|(d, t, a)| Op::EnsureTable(d, t, a)),
        1 => (n(), n()).prop_map(|(d, t)| Op::DropTable(d, t)),
        3 => (n(), n(), c(), 0u8..3).prop_map(|(d, t, c, s)| Op::AddColumn(d, t, c, s)),
        2 => (n(), n(), c()).prop_map(|(d, t, c)| Op::DropColumn(d, t, c)),
        2 => (n(), n(), c(), c()).prop_map(|(d, t, a, b)| Op::RenameColumn(d, t, a, b)),
        2 => n().prop_map(Op::CreateUser),
        1 => n().prop_map(Op::DropUser),
        1 => (n(), c()).prop_map(|(u, t)| Op::Comment(u, t)),
        2 => n().prop_map(Op::CreateRole),
        1 => n().prop_map(Op::DropRole),
        3 => (n(), n(), privilege()).prop_map(|(r, d, p)| Op::Grant(r, d, p)),
        2 => (n(), n(), privilege()).prop_map(|(r, d, p)| Op::Revoke(r, d, p)),
        2 => (n(), prop::option::of(n())).prop_map(|(u, r)| Op::AddMember(u, r)),
        2 => (n(), prop::option::of(n())).prop_map(|(u, r)| Op::SetMember(u, r)),
        1 => n().prop_map(Op::RemoveMember),
        1 => (n(), c()).prop_map(|(k, v)| Op::Set(k, v)),
        1 => n().prop_map(Op::Unset),
        1 => Just(Op::Checkpoint),
        1 => Just(Op::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_catalog_behaves_like_the_plain_model(ops in prop::collection::vec(op(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut f = Fixture::new().await;
            let mut model = Model::default();
            for op in &ops {
                let expected = model.apply(op).is_some();
                let done = match op {
                    Op::Reopen => { f = f.reopened().await; true }
                    Op::Checkpoint => f.catalog.checkpoint().await.is_ok(),
                    _ => match resolve(&f.snapshot(), op) {
                        Some(op) => f.one(op).await.is_ok(),
                        None => false,
                    },
                };
                prop_assert_eq!(done, expected, "{:?}", op);
                prop_assert_eq!(&observe(&f.snapshot()), &model, "after {:?}", op);
            }
            let f = f.reopened().await;
            prop_assert_eq!(observe(&f.snapshot()), model);
            Ok(())
        })?;
    }
}
