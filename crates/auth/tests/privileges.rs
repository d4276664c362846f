//! Principal × action × object, as in `cnosdb.md` section 16. The expectations are written out, one
//! letter per action: `+` allowed, `-` denied.

use std::sync::Arc;

use triglot_auth::{Action, Object, Principal, Required, allow};
use triglot_catalog::{
    Bootstrap, Catalog, CatalogOp, CatalogSnapshot, MemberRole, NewDatabase, NewUser, Privilege, SystemRole,
};
use triglot_disk::{DiskStore, DiskStoreOptions, SimDisk};
use triglot_model::limits::Limits;
use triglot_model::{DatabaseId, ManualClock, Precision, RewriteRule, TableId, TenantId, UserId};

/// The order of the letters.
const ACTIONS: [Action; 7] = [
    Action::Read,
    Action::Insert,
    Action::Create,
    Action::Alter,
    Action::Drop,
    Action::Admin,
    Action::ManageUsers,
];

struct World {
    catalog: Catalog,
    tenant: TenantId,
    /// On which the custom roles have grants.
    granted: DatabaseId,
    /// On which they have none.
    other: DatabaseId,
    /// Of another tenant, which nobody but admins is a member of.
    foreign: DatabaseId,
    foreign_tenant: TenantId,
}

impl World {
    async fn new() -> Self {
        let store = DiskStore::open(Arc::new(SimDisk::new(1)), DiskStoreOptions::default()).unwrap();
        let clock = Arc::new(ManualClock::new(1));
        let catalog =
            Catalog::open_with(Arc::new(store), clock as _, Limits::default(), Bootstrap::default());
        let catalog = catalog.await.unwrap();
        for name in ["t", "f"] {
            let op = CatalogOp::CreateTenant { name: name.to_owned(), options: Default::default() };
            catalog.apply(vec![op]).await.unwrap();
        }
        let id = |name: &str| catalog.snapshot().tenant(name).unwrap().id;
        let (tenant, foreign_tenant) = (id("t"), id("f"));
        let mut databases = Vec::new();
        for (tenant, name) in [(tenant, "granted"), (tenant, "other"), (foreign_tenant, "d")] {
            let new = NewDatabase {
                tenant,
                name: name.to_owned(),
                precision: Precision::Nano,
                retention_ns: None,
                partition_ns: None,
                rewrite: RewriteRule::Merge,
                options: Default::default(),
            };
            let made = catalog.apply(vec![CatalogOp::CreateDatabase(new)]).await.unwrap();
            databases.push(made[0].database().unwrap().id);
        }
        let (granted, other, foreign) = (databases[0], databases[1], databases[2]);
        let world = Self { catalog, tenant, granted, other, foreign, foreign_tenant };
        world.populate().await;
        world
    }

    async fn populate(&self) {
        for (name, is_admin) in [("admin", true), ("admin2", true), ("outsider", false)] {
            self.add_user(name, is_admin).await;
        }
        for (name, role) in [("owner", SystemRole::Owner), ("member", SystemRole::Member)] {
            let user = self.add_user(name, false).await;
            self.join(user, MemberRole::System(role)).await;
        }
        for (name, inherit, grant) in [
            ("plain", None, None),
            ("reader", None, Some(Privilege::Read)),
            ("writer", None, Some(Privilege::Write)),
            ("full", None, Some(Privilege::Full)),
            ("as_owner", Some(SystemRole::Owner), None),
            ("as_member", Some(SystemRole::Member), Some(Privilege::Write)),
        ] {
            let user = self.add_user(name, false).await;
            let (tenant, role_name) = (self.tenant, format!("role_{name}"));
            self.run(CatalogOp::CreateRole { tenant, name: role_name.clone(), inherit }).await;
            let role = self.snapshot().role(tenant, &role_name).unwrap().id;
            if let Some(privilege) = grant {
                self.run(CatalogOp::Grant { role, database: self.granted, privilege }).await;
            }
            self.join(user, MemberRole::Custom(role)).await;
        }
    }

    async fn run(&self, op: CatalogOp) {
        self.catalog.apply(vec![op]).await.unwrap();
    }

    async fn add_user(&self, name: &str, is_admin: bool) -> UserId {
        let (password, options) = (None, Default::default());
        let new = NewUser { name: name.to_owned(), password, is_admin, must_change_password: false, options };
        self.run(CatalogOp::CreateUser(new)).await;
        self.principal(name).user
    }

    async fn join(&self, user: UserId, role: MemberRole) {
        self.run(CatalogOp::AddMember { tenant: self.tenant, user, role }).await;
    }

    fn snapshot(&self) -> Arc<CatalogSnapshot> {
        self.catalog.snapshot()
    }

    fn principal(&self, name: &str) -> Principal {
        Principal::from(&**self.snapshot().user(name).unwrap())
    }

    fn letters(&self, principal: &str, object: Object) -> String {
        let (state, principal) = (self.snapshot(), self.principal(principal));
        let letter = |action| if allow(&state, &principal, action, object).is_ok() { '+' } else { '-' };
        ACTIONS.into_iter().map(letter).collect()
    }

    fn check(&self, object: Object, expected: &[(&str, &str)]) {
        for (principal, letters) in expected {
            assert_eq!(
                &self.letters(principal, object),
                letters,
                "{principal} on {object:?} (R W C A D Adm Users)"
            );
        }
    }
}

#[tokio::test]
async fn cluster_and_tenants() {
    let w = World::new().await;
    w.check(
        Object::Cluster,
        &[("root", "+++++++"), ("admin", "+++++++"), ("owner", "+------"), ("outsider", "+------")],
    );
    w.check(
        Object::Tenant(w.tenant),
        &[
            ("root", "+++++++"),
            ("admin", "+++++++"),
            ("owner", "++++--+"),
            ("as_owner", "++++--+"),
            ("member", "+------"),
            ("as_member", "+------"),
            ("plain", "+------"),
            ("full", "+------"),
            ("outsider", "-------"),
        ],
    );
    w.check(
        Object::Tenant(w.foreign_tenant),
        &[("admin", "+++++++"), ("owner", "-------"), ("member", "-------")],
    );
}

#[tokio::test]
async fn databases_and_tables() {
    let w = World::new().await;
    let on_granted = [
        ("root", "+++++++"),
        ("admin", "+++++++"),
        ("owner", "+++++-+"),
        ("as_owner", "+++++-+"),
        ("member", "+------"),
        ("plain", "-------"),
        ("reader", "+------"),
        ("writer", "++-----"),
        ("full", "+++++--"),
        ("as_member", "++-----"),
        ("outsider", "-------"),
    ];
    let on_other = [
        ("owner", "+++++-+"),
        ("as_owner", "+++++-+"),
        ("member", "+------"),
        ("reader", "-------"),
        ("writer", "-------"),
        ("full", "-------"),
        ("as_member", "+------"),
        ("outsider", "-------"),
    ];
    for (database, expected) in [(w.granted, &on_granted[..]), (w.other, &on_other[..])] {
        w.check(Object::Database(database), expected);
        w.check(Object::Table(database, TableId(0)), expected);
    }
    let nowhere = DatabaseId(999);
    for database in [w.foreign, nowhere] {
        w.check(
            Object::Database(database),
            &[("admin", "+++++++"), ("owner", "-------"), ("full", "-------")],
        );
    }
}

#[tokio::test]
async fn users() {
    let w = World::new().await;
    let user = |name: &str| Object::User(w.principal(name).user);
    w.check(
        user("member"),
        &[("root", "+++++++"), ("admin", "+++++++"), ("member", "+--+---"), ("owner", "-------")],
    );
    w.check(user("root"), &[("root", "+++++++"), ("admin", "+------"), ("member", "-------")]);
    w.check(user("admin2"), &[("root", "+++++++"), ("admin", "+------"), ("admin2", "+--+---")]);
}

#[tokio::test]
async fn a_refusal_says_what_is_needed() {
    let w = World::new().await;
    let (state, db) = (w.snapshot(), w.granted);
    let required =
        |who: &str, action, object| allow(&state, &w.principal(who), action, object).unwrap_err().required;
    let (admin2, member) = (w.principal("admin2").user, w.principal("member").user);
    for (who, action, object, expected) in [
        ("plain", Action::Read, Object::Database(db), Required::Read(db)),
        ("reader", Action::Delete, Object::Table(db, TableId(0)), Required::Write(db)),
        ("writer", Action::Create, Object::Database(db), Required::Full(db)),
        ("outsider", Action::Read, Object::Tenant(w.tenant), Required::Member(w.tenant)),
        ("member", Action::Create, Object::Tenant(w.tenant), Required::Owner(w.tenant)),
        ("full", Action::ManageUsers, Object::Database(db), Required::Owner(w.tenant)),
        ("owner", Action::Drop, Object::Tenant(w.tenant), Required::Admin),
        ("owner", Action::ManageUsers, Object::Cluster, Required::Admin),
        ("owner", Action::Alter, Object::User(member), Required::ManageUser(member)),
        ("owner", Action::Alter, Object::User(admin2), Required::Root),
        ("member", Action::ManageRoles, Object::Tenant(w.tenant), Required::Owner(w.tenant)),
        ("admin", Action::Alter, Object::User(admin2), Required::Root),
    ] {
        assert_eq!(required(who, action, object), expected, "{who} {action:?} {object:?}");
    }
}

#[tokio::test]
async fn changes_reach_principals_who_are_already_in() {
    let w = World::new().await;
    let (admin, member) = (w.principal("admin"), w.principal("member"));
    let changes = triglot_catalog::UserChanges { is_admin: Some(false), ..Default::default() };
    w.run(CatalogOp::AlterUser { user: admin.user, changes }).await;
    w.run(CatalogOp::RemoveMember { tenant: w.tenant, user: member.user }).await;
    let state = w.snapshot();
    assert!(admin.is_admin, "the principal is as old as the log-in");
    assert!(allow(&state, &admin, Action::Admin, Object::Cluster).is_err());
    assert!(allow(&state, &member, Action::Read, Object::Database(w.other)).is_err());
    w.run(CatalogOp::DropUser { user: member.user }).await;
    let denied = allow(&w.snapshot(), &member, Action::Read, Object::Cluster).unwrap_err();
    assert_eq!(denied.required, Required::User);
}
