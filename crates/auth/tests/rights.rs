//! Rights on single databases and tables, groups, and what a user may know of: `kwdb.md` section 14.2.

use std::sync::Arc;

use triglot_auth::{
    Action, MANAGES_USERS, Object, Principal, allow, may_see_database, visible_databases, visible_tables,
};
use triglot_catalog::{
    Bootstrap, Catalog, CatalogError, CatalogOp, CatalogSnapshot, DEFAULT_DATABASE, GrantObject, Grantee,
    NewColumn, NewIdentity, NewTable, NewUser, Right, Rights, SYSTEM_TENANT, UserChanges,
};
use triglot_disk::{DiskStore, DiskStoreOptions, SimDisk};
use triglot_model::limits::Limits;
use triglot_model::{ColumnKind, ColumnType, DatabaseId, ManualClock, Precision, TableId, TenantId, UserId};

struct World {
    disk: Arc<SimDisk>,
    catalog: Catalog,
    tenant: TenantId,
    database: DatabaseId,
}

async fn open(disk: &Arc<SimDisk>) -> Catalog {
    let disk: Arc<SimDisk> = Arc::clone(disk);
    let store = DiskStore::open(disk, DiskStoreOptions::default()).unwrap();
    let clock = Arc::new(ManualClock::new(1));
    Catalog::open_with(Arc::new(store), clock as _, Limits::default(), Bootstrap::default()).await.unwrap()
}

impl World {
    async fn new() -> Self {
        let disk = Arc::new(SimDisk::new(1));
        let catalog = open(&disk).await;
        let tenant = catalog.snapshot().tenant(SYSTEM_TENANT).unwrap().id;
        let database = catalog.snapshot().database(tenant, DEFAULT_DATABASE).unwrap().id;
        Self { disk, catalog, tenant, database }
    }

    fn snapshot(&self) -> Arc<CatalogSnapshot> {
        self.catalog.snapshot()
    }

    async fn run(&self, op: CatalogOp) {
        self.catalog.apply(vec![op]).await.unwrap();
    }

    async fn user(&self, name: &str) -> UserId {
        let new = NewUser {
            name: name.to_owned(),
            password: None,
            is_admin: false,
            must_change_password: false,
            options: Default::default(),
        };
        self.run(CatalogOp::CreateMember { tenant: self.tenant, new }).await;
        self.snapshot().user(name).unwrap().id
    }

    async fn table(&self, name: &str) -> TableId {
        let column =
            |name: &str, ty, kind| NewColumn { name: name.to_owned(), ty, kind, declared: None, codec: None };
        let new = NewTable {
            database: self.database,
            name: name.to_owned(),
            identity: NewIdentity::AllTags,
            rewrite: None,
            columns: vec![
                column("time", ColumnType::Ts(Precision::Nano), ColumnKind::Time),
                column("v", ColumnType::F64, ColumnKind::Field),
            ],
            options: Default::default(),
        };
        self.run(CatalogOp::CreateTable(new)).await;
        self.snapshot().table(self.database, name).unwrap().id
    }

    async fn grant(&self, grantee: Grantee, object: GrantObject, rights: &[Right]) {
        let rights = rights.iter().copied().collect();
        self.run(CatalogOp::GrantRights { grantee, object, rights }).await;
    }

    async fn join(&self, group: UserId, member: UserId) {
        self.run(CatalogOp::PutGroupMember { group, member, may_grant: false }).await;
    }

    fn may(&self, user: UserId, action: Action, object: Object) -> bool {
        allow(&self.snapshot(), &self.principal(user), action, object).is_ok()
    }

    fn principal(&self, user: UserId) -> Principal {
        Principal::from(&**self.snapshot().user_by_id(user).unwrap())
    }
}

/// The right that each action needs on a table, by the sheet's words; no other right is enough.
#[tokio::test]
async fn each_action_on_a_table_needs_its_own_right() {
    let world = World::new().await;
    let (user, table) = (world.user("u").await, world.table("t").await);
    let object = Object::Table(world.database, table);
    let needs = [
        (Action::Read, Right::Select),
        (Action::Insert, Right::Insert),
        (Action::Update, Right::Update),
        (Action::Delete, Right::Delete),
        (Action::Alter, Right::Create),
        (Action::Drop, Right::Drop),
        (Action::ManageRoles, Right::Grant),
    ];
    for (_, right) in needs {
        world.grant(Grantee::User(user), GrantObject::Table(table), &[right]).await;
        for (action, needed) in needs {
            assert_eq!(world.may(user, action, object), needed == right, "{right:?} for {action:?}");
        }
        let revoke = CatalogOp::RevokeRights {
            grantee: Grantee::User(user),
            object: GrantObject::Table(table),
            rights: Rights::ALL,
        };
        world.run(revoke).await;
        assert!(!world.may(user, Action::Read, object), "revoked");
    }
}

#[tokio::test]
async fn a_right_on_a_database_is_copied_to_tables_that_come_later_only() {
    let world = World::new().await;
    let (user, before) = (world.user("u").await, world.table("before").await);
    world
        .grant(Grantee::User(user), GrantObject::Database(world.database), &[Right::Select, Right::Create])
        .await;
    let after = world.table("after").await;
    assert!(!world.may(user, Action::Read, Object::Table(world.database, before)));
    assert!(world.may(user, Action::Read, Object::Table(world.database, after)));
    assert!(!world.may(user, Action::Insert, Object::Table(world.database, after)));
    assert!(world.may(user, Action::Create, Object::Database(world.database)));
    assert!(!world.may(user, Action::Drop, Object::Database(world.database)));
    // What is revoked on the database later stays on the table.
    let (grantee, object) = (Grantee::User(user), GrantObject::Database(world.database));
    world.run(CatalogOp::RevokeRights { grantee, object, rights: Rights::ALL }).await;
    assert!(world.may(user, Action::Read, Object::Table(world.database, after)));
    assert!(!world.may(user, Action::Create, Object::Database(world.database)));
}

#[tokio::test]
async fn groups_pass_rights_on_and_cannot_be_within_themselves() {
    let world = World::new().await;
    let (inner, outer, user) = (world.user("inner").await, world.user("outer").await, world.user("u").await);
    let (table, other) = (world.table("t").await, world.user("other").await);
    world.join(outer, inner).await;
    world.join(inner, user).await;
    world.grant(Grantee::User(outer), GrantObject::Table(table), &[Right::Select]).await;
    let object = Object::Table(world.database, table);
    assert!(world.may(user, Action::Read, object) && world.may(inner, Action::Read, object));
    assert!(!world.may(other, Action::Read, object));
    let cycle = CatalogOp::PutGroupMember { group: user, member: outer, may_grant: false };
    let refused = world.catalog.apply(vec![cycle]).await.unwrap_err();
    assert!(matches!(refused, CatalogError::GroupCycle { .. }), "{refused}");
    // A group of administrators makes administrators.
    let changes = UserChanges { is_admin: Some(true), ..UserChanges::default() };
    world.run(CatalogOp::AlterUser { user: outer, changes }).await;
    assert!(
        world.may(user, Action::Admin, Object::Cluster) && !world.may(other, Action::Admin, Object::Cluster)
    );
    world.run(CatalogOp::RemoveGroupMember { group: inner, member: user }).await;
    assert!(!world.may(user, Action::Read, object) && !world.may(user, Action::Admin, Object::Cluster));
}

#[tokio::test]
async fn everyone_s_rights_are_everyone_s() {
    let world = World::new().await;
    let (user, table) = (world.user("u").await, world.table("t").await);
    world.grant(Grantee::Everyone, GrantObject::Table(table), &[Right::Insert]).await;
    let object = Object::Table(world.database, table);
    assert!(world.may(user, Action::Insert, object) && !world.may(user, Action::Read, object));
}

#[tokio::test]
async fn who_has_no_right_knows_of_nothing() {
    let world = World::new().await;
    let (user, seen, hidden) =
        (world.user("u").await, world.table("seen").await, world.table("hidden").await);
    let names = |world: &World| {
        let (snapshot, principal) = (world.snapshot(), world.principal(user));
        let tables = visible_tables(&snapshot, &principal, world.database);
        let tables: Vec<String> = tables.map(|t| t.name.clone()).collect();
        (visible_databases(&snapshot, &principal, world.tenant).count(), tables)
    };
    assert_eq!(names(&world), (0, vec![]));
    world.grant(Grantee::User(user), GrantObject::Table(seen), &[Right::Delete]).await;
    assert_eq!(names(&world), (1, vec!["seen".to_owned()]));
    assert!(may_see_database(&world.snapshot(), &world.principal(user), world.database));
    assert!(!world.may(user, Action::Read, Object::Table(world.database, hidden)));
}

#[tokio::test]
async fn rights_survive_a_restart_and_go_with_their_object_or_user() {
    let mut world = World::new().await;
    let (user, table, group) = (world.user("u").await, world.table("t").await, world.user("g").await);
    world.grant(Grantee::User(user), GrantObject::Table(table), &[Right::Select]).await;
    world.join(group, user).await;
    let object = GrantObject::Table(table);
    for checkpoint in [false, true] {
        if checkpoint {
            world.catalog.checkpoint().await.unwrap();
        }
        world.catalog = open(&world.disk).await;
        assert_eq!(world.snapshot().rights(Grantee::User(user), object), Right::Select.into());
        assert_eq!(world.snapshot().group_membership(group, user), Some(false));
    }
    world.run(CatalogOp::DropTable { table }).await;
    assert!(world.snapshot().rights_of(Grantee::User(user)).next().is_none());
    let database = GrantObject::Database(world.database);
    world.grant(Grantee::User(user), database, &[Right::Select]).await;
    world.run(CatalogOp::DropUser { user }).await;
    assert!(world.snapshot().rights_on(database).next().is_none());
    assert!(world.snapshot().group_members(group).next().is_none());
}

#[tokio::test]
async fn who_manages_users_manages_those_who_are_no_administrators() {
    let world = World::new().await;
    let (manager, user) = (world.user("m").await, world.user("u").await);
    assert!(!world.may(manager, Action::ManageUsers, Object::Cluster));
    let options = [(MANAGES_USERS.to_owned(), Some("1".to_owned()))].into();
    let changes = UserChanges { options, ..UserChanges::default() };
    world.run(CatalogOp::AlterUser { user: manager, changes }).await;
    assert!(world.may(manager, Action::ManageUsers, Object::Cluster));
    assert!(world.may(manager, Action::Drop, Object::User(user)));
    let root = world.snapshot().user("root").unwrap().id;
    assert!(!world.may(manager, Action::ManageUsers, Object::User(root)));
    assert!(!world.may(manager, Action::Admin, Object::Cluster));
}
