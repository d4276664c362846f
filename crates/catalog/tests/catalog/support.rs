//! A catalog on a simulated disk, and short ways to say ops.

use std::fmt::Write;
use std::sync::Arc;

use triglot_catalog::{
    Bootstrap, Catalog, CatalogError, CatalogOp, CatalogSnapshot, NewColumn, NewDatabase, NewIdentity,
    NewTable, NewUser, OpResult,
};
use triglot_disk::{Disk, DiskStore, DiskStoreOptions, SimDisk};
use triglot_model::limits::Limits;
use triglot_model::{
    ColumnKind, ColumnType, DatabaseId, ManualClock, Precision, RewriteRule, RoleId, TenantId, UserId,
};

pub(crate) struct Fixture {
    pub(crate) disk: SimDisk,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) catalog: Catalog,
}

pub(crate) async fn open_on(
    disk: &SimDisk,
    clock: &Arc<ManualClock>,
    limits: Limits,
) -> Result<Catalog, CatalogError> {
    let dyn_disk: Arc<dyn Disk> = Arc::new(disk.clone());
    // A disk that is down refuses the store itself; the catalog's error for that is a failed start.
    let Ok(store) = DiskStore::open(dyn_disk, DiskStoreOptions::default()) else {
        return Err(CatalogError::Stopped);
    };
    Catalog::open_with(Arc::new(store), Arc::clone(clock) as _, limits, Bootstrap::default()).await
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub(crate) async fn with_limits(limits: Limits) -> Self {
        let disk = SimDisk::new(1);
        let clock = Arc::new(ManualClock::new(1_000));
        let catalog = open_on(&disk, &clock, limits).await.unwrap();
        Self { disk, clock, catalog }
    }

    /// The same root opened by a new process.
    pub(crate) async fn reopened(self) -> Self {
        drop(self.catalog);
        let disk = self.disk.restart_clean();
        let catalog = open_on(&disk, &self.clock, Limits::default()).await.unwrap();
        Self { disk, clock: self.clock, catalog }
    }

    pub(crate) async fn one(&self, op: CatalogOp) -> Result<OpResult, CatalogError> {
        self.catalog.apply(vec![op]).await.map(|mut results| results.remove(0))
    }

    pub(crate) fn snapshot(&self) -> Arc<CatalogSnapshot> {
        self.catalog.snapshot()
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.snapshot().tenant("cnosdb").unwrap().id
    }

    pub(crate) fn public(&self) -> DatabaseId {
        self.snapshot().database(self.tenant(), "public").unwrap().id
    }

    pub(crate) async fn add_tenant(&self, name: &str) -> TenantId {
        let op = CatalogOp::CreateTenant { name: name.to_owned(), options: Default::default() };
        match self.one(op).await.unwrap() {
            OpResult::Tenant(tenant) => tenant.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn add_database(&self, tenant: TenantId, name: &str) -> DatabaseId {
        self.one(CatalogOp::CreateDatabase(database(tenant, name))).await.unwrap().database().unwrap().id
    }

    pub(crate) async fn add_user(&self, name: &str) -> UserId {
        self.one(CatalogOp::CreateUser(user(name))).await.unwrap().user().unwrap().id
    }

    pub(crate) async fn add_role(&self, tenant: TenantId, name: &str) -> RoleId {
        match self.one(CatalogOp::CreateRole { tenant, name: name.to_owned(), inherit: None }).await.unwrap()
        {
            OpResult::Role(role) => role.id,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn database(tenant: TenantId, name: &str) -> NewDatabase {
    NewDatabase {
        tenant,
        name: name.to_owned(),
        precision: Precision::Milli,
        retention_ns: Some(5),
        partition_ns: None,
        rewrite: RewriteRule::Merge,
        options: Default::default(),
    }
}

pub(crate) fn user(name: &str) -> NewUser {
    NewUser {
        name: name.to_owned(),
        password: None,
        is_admin: false,
        must_change_password: false,
        options: Default::default(),
    }
}

pub(crate) fn column(name: &str, ty: ColumnType, kind: ColumnKind) -> NewColumn {
    NewColumn { name: name.to_owned(), ty, kind, declared: None, codec: None }
}

pub(crate) fn field(name: &str) -> NewColumn {
    column(name, ColumnType::F64, ColumnKind::Field)
}

pub(crate) fn tag(name: &str) -> NewColumn {
    column(name, ColumnType::TEXT, ColumnKind::Tag)
}

/// `time`, tag `host`, field `f`.
pub(crate) fn table(database: DatabaseId, name: &str) -> NewTable {
    NewTable {
        database,
        name: name.to_owned(),
        identity: NewIdentity::AllTags,
        rewrite: None,
        columns: vec![
            column("time", ColumnType::Ts(Precision::Nano), ColumnKind::Time),
            tag("host"),
            field("f"),
        ],
        options: Default::default(),
    }
}

/// The whole content as text, through the public look-ups only.
pub(crate) fn dump(state: &CatalogSnapshot) -> String {
    let mut text = String::new();
    for id in 0..64 {
        let Some(tenant) = state.tenant_by_id(TenantId(id)) else { continue };
        writeln!(text, "{tenant:?}").unwrap();
        for database in state.databases_even_dropped(tenant.id) {
            writeln!(text, " {database:?}").unwrap();
            for table in state.tables(database.id) {
                assert_eq!(state.table_by_id(table.id), Some(table));
                writeln!(text, "  {table:?}").unwrap();
            }
        }
        for role in state.roles(tenant.id) {
            writeln!(text, " {role:?}").unwrap();
        }
        for member in state.members(tenant.id) {
            writeln!(text, " {member:?}").unwrap();
        }
    }
    for user in state.users() {
        writeln!(text, "{user:?}").unwrap();
    }
    for setting in state.settings() {
        writeln!(text, "{setting:?}").unwrap();
    }
    text
}
