//! What each op does and refuses.

use std::sync::Arc;

use triglot_catalog::{
    CatalogError, CatalogOp, ColumnShape, DatabaseChanges, MemberRole, NewColumn, NewDatabase, NewIdentity,
    NewTable, NewUser, ObjectLimit, OpResult, PasswordHash, Privilege, SystemRole, TableChange, UserChanges,
};
use triglot_model::limits::Limits;
use triglot_model::{
    ColumnId, ColumnKind, ColumnType, DatabaseId, ErrorKind, ExternalTableDef, FileColumn, FileFormat,
    FileOptions, FileType, IdentityRule, Precision, RewriteRule, SchemaError, TableId, TenantId, UserId,
};

use crate::support::{Fixture, column, database, field, table, tag, user};

macro_rules! refused {
    ($fixture:expr, $op:expr, $error:pat, $kind:expr) => {{
        let before = $fixture.snapshot();
        let error = $fixture.one($op).await.unwrap_err();
        assert!(matches!(error, $error), "{error:?}");
        assert_eq!(error.kind(), $kind, "{error}");
        assert_eq!($fixture.snapshot().version(), before.version(), "a refused op changes nothing");
    }};
}

#[tokio::test]
async fn the_first_open_makes_tenant_database_and_root() {
    let f = Fixture::new().await;
    let check = |f: &Fixture| {
        let state = f.snapshot();
        let tenant = state.tenant("cnosdb").unwrap();
        assert!(tenant.is_system());
        assert_eq!(tenant.options["comment"], "system tenant");
        let public = state.database(tenant.id, "public").unwrap();
        assert_eq!((public.precision, public.retention_ns), (Precision::Nano, None));
        let root = state.user("root").unwrap();
        assert!(root.is_admin && root.must_change_password && root.password.is_none());
        assert_eq!(root.options["comment"], "system admin");
    };
    check(&f);
    let first = f.snapshot().version();
    let f = f.reopened().await;
    check(&f);
    assert_eq!(f.snapshot().version(), first, "the second open makes nothing");
}

#[tokio::test]
async fn several_ops_are_all_or_nothing_and_see_each_other() {
    let f = Fixture::new().await;
    let ops = |last: &str| {
        vec![CatalogOp::CreateTable(table(f.public(), "a")), CatalogOp::CreateTable(table(f.public(), last))]
    };
    let error = f.catalog.apply(ops("a")).await.unwrap_err();
    assert!(matches!(error, CatalogError::TableExists { ref table } if table == "a"));
    assert_eq!(f.snapshot().table_count(), 0);
    let before = f.snapshot().version();
    f.catalog.apply(ops("b")).await.unwrap();
    assert_eq!(f.snapshot().version(), before + 1, "one record for both");
    assert_eq!(f.snapshot().table_count(), 2);
    assert!(f.catalog.apply(vec![]).await.unwrap().is_empty());
    assert_eq!(f.snapshot().version(), before + 1, "no record for nothing");
}

#[tokio::test]
async fn tenants() {
    let f = Fixture::new().await;
    let id = f.add_tenant("t").await;
    let create = |name: &str| CatalogOp::CreateTenant { name: name.to_owned(), options: Default::default() };
    refused!(f, create("t"), CatalogError::TenantExists { .. }, ErrorKind::TenantExists);
    refused!(f, create(""), CatalogError::BadName { .. }, ErrorKind::InvalidSchema);
    refused!(f, create("a\tb"), CatalogError::BadName { .. }, ErrorKind::InvalidSchema);
    refused!(f, create(&"x".repeat(1025)), CatalogError::BadName { .. }, ErrorKind::InvalidSchema);
    let comment = |v: Option<&str>| CatalogOp::AlterTenant {
        tenant: id,
        options: [("comment".to_owned(), v.map(str::to_owned))].into(),
    };
    f.one(comment(Some("hello"))).await.unwrap();
    assert_eq!(f.snapshot().tenant("t").unwrap().options["comment"], "hello");
    f.one(comment(None)).await.unwrap();
    assert!(f.snapshot().tenant("t").unwrap().options.is_empty());
    let system = CatalogOp::DropTenant { tenant: f.tenant(), after_ns: None };
    refused!(f, system, CatalogError::SystemTenant { .. }, ErrorKind::Denied);
    let gone = CatalogOp::DropTenant { tenant: TenantId(99), after_ns: None };
    refused!(f, gone, CatalogError::TenantNotFound { .. }, ErrorKind::TenantNotFound);
}

/// Limits are checked on the state that a request's own ops have made, so nobody takes the last place twice.
#[tokio::test]
async fn tenants_have_no_more_than_they_may() {
    let f = Fixture::new().await;
    let id = f.add_tenant("t").await;
    let limit = |limit: ObjectLimit, n: Option<u64>| CatalogOp::AlterTenant {
        tenant: id,
        options: [(limit.option(), n.map(|n| n.to_string()))].into(),
    };
    f.one(limit(ObjectLimit::Databases, Some(1))).await.unwrap();
    let make = |name: &str| CatalogOp::CreateDatabase(database(id, name));
    let both = f.catalog.apply(vec![make("a"), make("b")]).await.unwrap_err();
    assert!(
        matches!(both, CatalogError::QuotaReached { limit: ObjectLimit::Databases, max: 1, .. }),
        "{both:?}"
    );
    let a = f.add_database(id, "a").await;
    refused!(f, make("b"), CatalogError::QuotaReached { .. }, ErrorKind::LimitReached);
    // Existence is told first.
    refused!(f, make("a"), CatalogError::DatabaseExists { .. }, ErrorKind::DatabaseExists);
    f.one(CatalogOp::DropDatabase { database: a, after_ns: Some(1) }).await.unwrap();
    f.add_database(id, "b").await;
    refused!(
        f,
        CatalogOp::RecoverDatabase { database: a },
        CatalogError::QuotaReached { .. },
        ErrorKind::LimitReached
    );

    let day = 86_400_000_000_000;
    f.one(limit(ObjectLimit::Databases, None)).await.unwrap();
    f.one(limit(ObjectLimit::RetentionDays, Some(2))).await.unwrap();
    let kept =
        |name: &str, ns| CatalogOp::CreateDatabase(NewDatabase { retention_ns: ns, ..database(id, name) });
    refused!(f, kept("c", None), CatalogError::QuotaReached { .. }, ErrorKind::LimitReached);
    refused!(f, kept("c", Some(2 * day + 1)), CatalogError::QuotaReached { .. }, ErrorKind::LimitReached);
    let c = f.one(kept("c", Some(2 * day))).await.unwrap();
    let OpResult::Database(c) = c else { panic!("{c:?}") };
    let retention = |ns| CatalogOp::AlterDatabase {
        database: c.id,
        changes: DatabaseChanges { retention_ns: Some(ns), ..DatabaseChanges::default() },
    };
    refused!(f, retention(None), CatalogError::QuotaReached { .. }, ErrorKind::LimitReached);
    f.one(retention(Some(day))).await.unwrap();

    f.one(limit(ObjectLimit::Users, Some(1))).await.unwrap();
    let (u, v) = (f.add_user("u").await, f.add_user("v").await);
    let member =
        |user| CatalogOp::AddMember { tenant: id, user, role: MemberRole::System(SystemRole::Member) };
    f.one(member(u)).await.unwrap();
    refused!(f, member(v), CatalogError::QuotaReached { .. }, ErrorKind::LimitReached);
    refused!(f, member(u), CatalogError::MemberExists { .. }, ErrorKind::PrincipalExists);
}

#[tokio::test]
async fn dropping_a_tenant_takes_everything_below() {
    let f = Fixture::new().await;
    let id = f.add_tenant("t").await;
    let db = f.add_database(id, "d").await;
    let table_id = f.one(CatalogOp::CreateTable(table(db, "m"))).await.unwrap().table().unwrap().id;
    let role = f.add_role(id, "r").await;
    let user = f.add_user("u").await;
    f.one(CatalogOp::AddMember { tenant: id, user, role: MemberRole::Custom(role) }).await.unwrap();
    let result = f.one(CatalogOp::DropTenant { tenant: id, after_ns: None }).await.unwrap();
    assert_eq!(result, OpResult::Dropped(vec![table_id]));
    let state = f.snapshot();
    assert!(state.tenant("t").is_none() && state.tenant_by_id(id).is_none());
    assert!(state.database_by_id(db).is_none() && state.table_by_id(table_id).is_none());
    assert!(state.role_by_id(role).is_none() && state.member(id, user).is_none());
    assert!(state.user("u").is_some(), "users belong to the node");
    assert_ne!(f.add_tenant("t").await, id, "ids are not reused");
}

#[tokio::test]
async fn a_deferred_drop_hides_and_can_be_recovered_or_purged() {
    let f = Fixture::new().await;
    let db = f.add_database(f.tenant(), "d").await;
    let table_id = f.one(CatalogOp::CreateTable(table(db, "m"))).await.unwrap().table().unwrap().id;
    f.one(CatalogOp::DropDatabase { database: db, after_ns: Some(500) }).await.unwrap();
    let f = f.reopened().await;
    let state = f.snapshot();
    assert!(state.database(f.tenant(), "d").is_none());
    assert!(state.find_table("cnosdb", "d", "m").is_none());
    assert_eq!(state.database_even_dropped(f.tenant(), "d").unwrap().drop_at_ns, Some(1_500));
    assert!(state.table_by_id(table_id).is_some(), "storage still finds it");
    assert!(state.databases(f.tenant()).all(|d| d.name != "d"));
    for op in [
        CatalogOp::DropDatabase { database: db, after_ns: None },
        CatalogOp::AlterDatabase { database: db, changes: DatabaseChanges::default() },
        CatalogOp::CreateTable(table(db, "n")),
    ] {
        refused!(f, op, CatalogError::DatabaseNotFound { .. }, ErrorKind::DatabaseNotFound);
    }
    refused!(
        f,
        CatalogOp::DropTable { table: table_id },
        CatalogError::TableNotFound { .. },
        ErrorKind::TableNotFound
    );
    let again = CatalogOp::CreateDatabase(database(f.tenant(), "d"));
    refused!(f, again, CatalogError::DatabaseExists { .. }, ErrorKind::DatabaseExists);
    refused!(f, CatalogOp::PurgeDatabase { database: db }, CatalogError::NotDue { .. }, ErrorKind::Denied);

    f.one(CatalogOp::RecoverDatabase { database: db }).await.unwrap();
    assert_eq!(f.snapshot().find_table("cnosdb", "d", "m").unwrap().id, table_id);
    f.one(CatalogOp::RecoverDatabase { database: db }).await.unwrap();
    refused!(f, CatalogOp::PurgeDatabase { database: db }, CatalogError::NotDue { .. }, ErrorKind::Denied);

    f.one(CatalogOp::DropDatabase { database: db, after_ns: Some(500) }).await.unwrap();
    assert_eq!(f.snapshot().due_drops(1_499), (vec![], vec![]));
    f.clock.set(1_500);
    assert_eq!(f.snapshot().due_drops(1_500), (vec![], vec![db]));
    let purged = f.one(CatalogOp::PurgeDatabase { database: db }).await.unwrap();
    assert_eq!(purged, OpResult::Dropped(vec![table_id]));
    assert!(f.snapshot().database_by_id(db).is_none());
    assert_ne!(f.add_database(f.tenant(), "d").await, db);
}

#[tokio::test]
async fn a_tenants_deferred_drop_hides_its_databases() {
    let f = Fixture::new().await;
    let id = f.add_tenant("t").await;
    let db = f.add_database(id, "d").await;
    f.one(CatalogOp::DropTenant { tenant: id, after_ns: Some(10) }).await.unwrap();
    assert!(f.snapshot().tenant("t").is_none());
    assert!(f.snapshot().tenants().all(|t| t.id != id));
    let create = CatalogOp::CreateTable(table(db, "m"));
    refused!(f, create, CatalogError::DatabaseNotFound { .. }, ErrorKind::DatabaseNotFound);
    let op = CatalogOp::CreateTenant { name: "t".to_owned(), options: Default::default() };
    refused!(f, op, CatalogError::TenantExists { .. }, ErrorKind::TenantExists);
    f.one(CatalogOp::RecoverTenant { tenant: id }).await.unwrap();
    assert!(f.snapshot().database(id, "d").is_some());
    f.one(CatalogOp::DropTenant { tenant: id, after_ns: Some(10) }).await.unwrap();
    f.clock.advance(10);
    assert_eq!(f.snapshot().due_drops(1_010).0, [id]);
    f.one(CatalogOp::PurgeTenant { tenant: id }).await.unwrap();
    assert!(f.snapshot().tenant_even_dropped("t").is_none());
}

#[tokio::test]
async fn databases() {
    let f = Fixture::new().await;
    let id = f.add_database(f.tenant(), "d").await;
    f.add_database(f.tenant(), "e").await;
    let again = CatalogOp::CreateDatabase(database(f.tenant(), "d"));
    refused!(f, again, CatalogError::DatabaseExists { .. }, ErrorKind::DatabaseExists);
    let nowhere = CatalogOp::CreateDatabase(database(TenantId(50), "d"));
    refused!(f, nowhere, CatalogError::TenantNotFound { .. }, ErrorKind::TenantNotFound);
    let names: Vec<_> = f.snapshot().databases(f.tenant()).map(|d| d.name.clone()).collect();
    assert_eq!(names, ["d", "e", "public"]);
    let other = f.add_tenant("t").await;
    f.add_database(other, "d").await;

    let alter = |changes| CatalogOp::AlterDatabase { database: id, changes };
    let changes = DatabaseChanges {
        retention_ns: Some(None),
        partition_ns: Some(Some(7)),
        rewrite: Some(RewriteRule::Replace),
        options: [("shard".to_owned(), Some("2".to_owned()))].into(),
        name: None,
    };
    f.one(alter(changes)).await.unwrap();
    let changed = f.snapshot().database(f.tenant(), "d").cloned().unwrap();
    assert_eq!(
        (changed.retention_ns, changed.partition_ns, changed.rewrite),
        (None, Some(7), RewriteRule::Replace)
    );
    assert_eq!(changed.options["shard"], "2");
    let rename = |name: &str| alter(DatabaseChanges { name: Some(name.to_owned()), ..Default::default() });
    refused!(f, rename("e"), CatalogError::DatabaseExists { .. }, ErrorKind::DatabaseExists);
    f.one(rename("z")).await.unwrap();
    assert!(f.snapshot().database(f.tenant(), "d").is_none());
    assert_eq!(f.snapshot().database(f.tenant(), "z").unwrap().id, id);
}

#[tokio::test]
async fn tables_take_their_place_in_the_database() {
    let f = Fixture::new().await;
    let made = f.one(CatalogOp::CreateTable(table(f.public(), "m"))).await.unwrap();
    let made = Arc::clone(made.table().unwrap());
    assert_eq!(made.version, 1);
    assert_eq!(made.columns.iter().map(|c| c.id).collect::<Vec<_>>(), [0, 1, 2].map(ColumnId));
    assert_eq!(made.next_column_id, ColumnId(3));
    assert_eq!(made.rewrite, RewriteRule::Merge, "the database's");
    assert_eq!(f.snapshot().find_table("cnosdb", "public", "m"), Some(&made));
    refused!(
        f,
        CatalogOp::CreateTable(table(f.public(), "m")),
        CatalogError::TableExists { .. },
        ErrorKind::TableExists
    );
    let nowhere = CatalogOp::CreateTable(table(DatabaseId(77), "m"));
    refused!(f, nowhere, CatalogError::DatabaseNotFound { .. }, ErrorKind::DatabaseNotFound);
    assert_eq!(
        f.one(CatalogOp::DropTable { table: made.id }).await.unwrap(),
        OpResult::Dropped(vec![made.id])
    );
    let again = f.one(CatalogOp::CreateTable(table(f.public(), "m"))).await.unwrap();
    assert_ne!(again.table().unwrap().id, made.id, "old files must not be taken for the new table's");
}

#[tokio::test]
async fn definitions_that_make_no_sense_are_refused() {
    let f = Fixture::new().await;
    let with =
        |columns: Vec<NewColumn>| CatalogOp::CreateTable(NewTable { columns, ..table(f.public(), "m") });
    let time = || column("time", ColumnType::Ts(Precision::Nano), ColumnKind::Time);
    let key = |name| column(name, ColumnType::I64, ColumnKind::CompositeKey);
    let bad_time = column("time", ColumnType::I64, ColumnKind::Time);
    let second_time = column("time2", ColumnType::Ts(Precision::Nano), ColumnKind::Time);
    for columns in [
        vec![],
        vec![field("f"), time()],
        vec![bad_time, field("f")],
        vec![time(), second_time, field("f")],
        vec![time(), key("a"), key("b"), field("f")],
    ] {
        refused!(f, with(columns), CatalogError::InvalidTable { .. }, ErrorKind::InvalidSchema);
    }
    let only_tags = with(vec![time(), tag("t")]);
    refused!(f, only_tags, CatalogError::Schema(SchemaError::NoField { .. }), ErrorKind::InvalidSchema);
    let twice = with(vec![time(), tag("x"), field("x")]);
    refused!(f, twice, CatalogError::Schema(SchemaError::ColumnExists { .. }), ErrorKind::ColumnExists);
    refused!(f, with(vec![time(), field("")]), CatalogError::BadName { .. }, ErrorKind::InvalidSchema);
    let primary = |names: &[&str]| {
        let names = names.iter().map(|n| (*n).to_owned()).collect();
        CatalogOp::CreateTable(NewTable {
            identity: NewIdentity::PrimaryTags(names),
            ..table(f.public(), "k")
        })
    };
    for names in [&[][..], &["f"], &["nope"], &["host", "host"]] {
        refused!(f, primary(names), CatalogError::InvalidTable { .. }, ErrorKind::InvalidSchema);
    }
    let made = f.one(primary(&["host"])).await.unwrap();
    assert_eq!(made.table().unwrap().identity, IdentityRule::PrimaryTags(vec![ColumnId(1)]));
}

#[tokio::test]
async fn columns_change_by_the_rules_of_the_model() {
    let f = Fixture::new().await;
    let id = f.one(CatalogOp::CreateTable(table(f.public(), "m"))).await.unwrap().table().unwrap().id;
    let alter = |change| CatalogOp::AlterTable { table: id, change };
    let now = |f: &Fixture| f.snapshot().table_by_id(id).cloned().unwrap();
    f.one(alter(TableChange::AddColumn(field("g")))).await.unwrap();
    assert_eq!((now(&f).version, now(&f).column("g").unwrap().id), (2, ColumnId(3)));
    let exists = alter(TableChange::AddColumn(tag("g")));
    refused!(f, exists, CatalogError::Schema(SchemaError::ColumnExists { .. }), ErrorKind::ColumnExists);
    let second_key = alter(TableChange::AddColumn(column("k", ColumnType::I64, ColumnKind::CompositeKey)));
    refused!(f, second_key, CatalogError::InvalidTable { .. }, ErrorKind::InvalidSchema);

    f.one(alter(TableChange::DropColumn("g".to_owned()))).await.unwrap();
    f.one(alter(TableChange::AddColumn(field("g")))).await.unwrap();
    assert_eq!(now(&f).column("g").unwrap().id, ColumnId(4), "a new column, not the old one");
    let drop_tag = alter(TableChange::DropColumn("host".to_owned()));
    refused!(f, drop_tag, CatalogError::Schema(SchemaError::TagDrop { .. }), ErrorKind::InvalidSchema);
    let missing = alter(TableChange::DropColumn("zz".to_owned()));
    refused!(f, missing, CatalogError::Schema(SchemaError::ColumnNotFound { .. }), ErrorKind::ColumnNotFound);

    let rename =
        |from: &str, to: &str| alter(TableChange::RenameColumn { from: from.to_owned(), to: to.to_owned() });
    f.one(rename("host", "h")).await.unwrap();
    assert_eq!(now(&f).column("h").unwrap().id, ColumnId(1));
    refused!(
        f,
        rename("h", "g"),
        CatalogError::Schema(SchemaError::ColumnExists { .. }),
        ErrorKind::ColumnExists
    );
    let time = rename("time", "t");
    refused!(f, time, CatalogError::Schema(SchemaError::TimeColumn { .. }), ErrorKind::InvalidSchema);

    let widen = |ty| alter(TableChange::WidenColumn { column: "f".to_owned(), ty, declared: None });
    refused!(
        f,
        widen(ColumnType::F32),
        CatalogError::Schema(SchemaError::NotWidening { .. }),
        ErrorKind::InvalidSchema
    );
    let codec =
        |c: &str| alter(TableChange::SetCodec { column: c.to_owned(), codec: Some("GORILLA".to_owned()) });
    f.one(codec("f")).await.unwrap();
    assert_eq!(now(&f).column("f").unwrap().codec.as_deref(), Some("GORILLA"));
    refused!(
        f,
        codec("zz"),
        CatalogError::Schema(SchemaError::ColumnNotFound { .. }),
        ErrorKind::ColumnNotFound
    );
    f.one(alter(TableChange::SetRewrite(RewriteRule::Discard))).await.unwrap();
    f.one(alter(TableChange::SetOption { key: "ttl".to_owned(), value: Some("3".to_owned()) }))
        .await
        .unwrap();
    assert_eq!((now(&f).rewrite, now(&f).options["ttl"].as_str()), (RewriteRule::Discard, "3"));
    f.one(alter(TableChange::Rename("n".to_owned()))).await.unwrap();
    assert!(f.snapshot().table(f.public(), "m").is_none());
    assert_eq!(f.snapshot().table(f.public(), "n").unwrap().id, id);
    let expected = now(&f);
    let f = f.reopened().await;
    assert_eq!(now(&f), expected);
    let gone = CatalogOp::AlterTable { table: TableId(9), change: TableChange::DropColumn("f".to_owned()) };
    refused!(f, gone, CatalogError::TableNotFound { .. }, ErrorKind::TableNotFound);
}

#[tokio::test]
async fn schema_on_write_adds_what_is_missing_once() {
    let f = Fixture::new().await;
    let ensure = |adds: Vec<NewColumn>| {
        CatalogOp::EnsureTable(NewTable {
            columns: table(f.public(), "m").columns.into_iter().chain(adds).collect(),
            ..table(f.public(), "m")
        })
    };
    let first = f.one(ensure(vec![])).await.unwrap().table().cloned().unwrap();
    let raced = (0..8).map(|_| {
        let (catalog, op) = (f.catalog.clone(), ensure(vec![field("g"), tag("dc")]));
        tokio::spawn(async move { catalog.apply(vec![op]).await })
    });
    let raced: Vec<_> = raced.collect();
    let mut seen = Vec::new();
    for task in raced {
        seen.push(task.await.unwrap().unwrap().remove(0).table().cloned().unwrap());
    }
    assert!(seen.iter().all(|t| t == &seen[0]), "raced adds end in the same table");
    assert_eq!((seen[0].id, seen[0].version), (first.id, 2));
    let version = f.snapshot().version();
    let adds = CatalogOp::EnsureColumns { table: first.id, adds: vec![field("g"), field("h"), field("h")] };
    let now = f.one(adds.clone()).await.unwrap().table().cloned().unwrap();
    assert_eq!(
        now.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["time", "host", "f", "g", "dc", "h"]
    );
    f.one(adds).await.unwrap();
    assert_eq!(f.snapshot().version(), version + 1, "the second time nothing was missing");

    let conflict = |add| CatalogOp::EnsureColumns { table: first.id, adds: vec![field("new"), add] };
    let integer = column("g", ColumnType::I64, ColumnKind::Field);
    let error = f.one(conflict(integer)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TypeMismatch);
    let CatalogError::ColumnConflict { table, column, found, expected } = error else { panic!("{error:?}") };
    assert_eq!((table.as_str(), column.as_str()), ("m", "g"));
    assert_eq!(found, ColumnShape { kind: ColumnKind::Field, ty: ColumnType::F64 });
    assert_eq!(expected, ColumnShape { kind: ColumnKind::Field, ty: ColumnType::I64 });
    refused!(f, conflict(tag("f")), CatalogError::ColumnConflict { .. }, ErrorKind::TypeMismatch);
    refused!(f, conflict(field("time")), CatalogError::ColumnConflict { .. }, ErrorKind::TypeMismatch);
    let twice = CatalogOp::EnsureColumns { table: first.id, adds: vec![field("n"), tag("n")] };
    refused!(f, twice, CatalogError::ColumnConflict { .. }, ErrorKind::TypeMismatch);
}

#[tokio::test]
async fn limits_hold() {
    let limits = Limits { max_columns: 4, max_name_bytes: 6, max_tables: 2, ..Limits::default() };
    let f = Fixture::with_limits(limits).await;
    let id = f.one(CatalogOp::CreateTable(table(f.public(), "m"))).await.unwrap().table().unwrap().id;
    let ensure = |adds| CatalogOp::EnsureColumns { table: id, adds };
    f.one(ensure(vec![field("a")])).await.unwrap();
    let over = ensure(vec![field("b")]);
    refused!(
        f,
        over,
        CatalogError::Schema(SchemaError::TooManyColumns { limit: 4, .. }),
        ErrorKind::LimitReached
    );
    let columns = table(f.public(), "n").columns.into_iter().chain([field("x"), field("y")]).collect();
    let wide = CatalogOp::CreateTable(NewTable { columns, ..table(f.public(), "n") });
    refused!(f, wide, CatalogError::Schema(SchemaError::TooManyColumns { .. }), ErrorKind::LimitReached);
    let long = CatalogOp::CreateTable(table(f.public(), "seven77"));
    refused!(f, long, CatalogError::BadName { max_bytes: 6, .. }, ErrorKind::InvalidSchema);
    f.one(CatalogOp::CreateTable(table(f.public(), "n"))).await.unwrap();
    let third = CatalogOp::CreateTable(table(f.public(), "o"));
    refused!(f, third, CatalogError::TooManyTables { limit: 2 }, ErrorKind::LimitReached);
}

#[tokio::test]
async fn users() {
    let f = Fixture::new().await;
    let new = NewUser { password: Some(PasswordHash::new("h1")), must_change_password: true, ..user("u") };
    let id = f.one(CatalogOp::CreateUser(new)).await.unwrap().user().unwrap().id;
    refused!(
        f,
        CatalogOp::CreateUser(user("u")),
        CatalogError::UserExists { .. },
        ErrorKind::PrincipalExists
    );
    let alter = |user, changes| CatalogOp::AlterUser { user, changes };
    let password =
        |hash: &str| UserChanges { password: Some(Some(PasswordHash::new(hash))), ..Default::default() };
    f.one(alter(id, password("h2"))).await.unwrap();
    let now = f.snapshot().user("u").cloned().unwrap();
    assert_eq!((now.version, now.must_change_password, now.created_ns), (2, false, 1_000));
    assert_eq!(now.password.as_ref().unwrap().expose(), "h2");
    f.one(alter(id, password("h2"))).await.unwrap();
    assert_eq!(f.snapshot().user("u").unwrap().version, 2, "nothing changed");
    let changes = UserChanges {
        is_admin: Some(true),
        must_change_password: Some(true),
        options: [("comment".to_owned(), Some("c".to_owned()))].into(),
        password: Some(None),
    };
    f.one(alter(id, changes)).await.unwrap();
    let f = f.reopened().await;
    let now = f.snapshot().user_by_id(id).cloned().unwrap();
    assert!(
        now.is_admin && now.must_change_password && now.password.is_none() && now.options["comment"] == "c"
    );

    let root = f.snapshot().user("root").unwrap().id;
    refused!(f, CatalogOp::DropUser { user: root }, CatalogError::ProtectedUser { .. }, ErrorKind::Denied);
    let demote = alter(root, UserChanges { is_admin: Some(false), ..Default::default() });
    refused!(f, demote, CatalogError::ProtectedUser { .. }, ErrorKind::Denied);
    let tenant = f.tenant();
    f.one(CatalogOp::AddMember { tenant, user: id, role: MemberRole::System(SystemRole::Member) })
        .await
        .unwrap();
    f.one(CatalogOp::DropUser { user: id }).await.unwrap();
    assert_eq!(f.snapshot().members(tenant).count(), 0);
    refused!(
        f,
        CatalogOp::DropUser { user: id },
        CatalogError::UserNotFound { .. },
        ErrorKind::PrincipalNotFound
    );
    assert_ne!(f.add_user("u").await, id);
}

#[tokio::test]
async fn roles_and_grants() {
    let f = Fixture::new().await;
    let (tenant, db) = (f.tenant(), f.public());
    let id = f.add_role(tenant, "r").await;
    let create = |name: &str| CatalogOp::CreateRole { tenant, name: name.to_owned(), inherit: None };
    refused!(f, create("r"), CatalogError::RoleExists { .. }, ErrorKind::PrincipalExists);
    refused!(f, create("owner"), CatalogError::SystemRole { .. }, ErrorKind::Denied);
    refused!(f, create("member"), CatalogError::SystemRole { .. }, ErrorKind::Denied);

    let held = |f: &Fixture| f.snapshot().role(tenant, "r").unwrap().grants.get(&db).copied();
    let grant = |privilege| CatalogOp::Grant { role: id, database: db, privilege };
    let revoke = |privilege| CatalogOp::Revoke { role: id, database: db, privilege };
    f.one(grant(Privilege::Write)).await.unwrap();
    f.one(grant(Privilege::Read)).await.unwrap();
    assert_eq!(held(&f), Some(Privilege::Write), "a weaker grant takes nothing away");
    f.one(grant(Privilege::Full)).await.unwrap();
    f.one(revoke(Privilege::Write)).await.unwrap();
    assert_eq!(held(&f), Some(Privilege::Read));
    f.one(revoke(Privilege::Full)).await.unwrap();
    assert_eq!(held(&f), None);
    f.one(revoke(Privilege::Read)).await.unwrap();

    let other = f.add_tenant("t").await;
    let foreign =
        CatalogOp::Grant { role: id, database: f.add_database(other, "d").await, privilege: Privilege::Read };
    refused!(f, foreign, CatalogError::DatabaseNotFound { .. }, ErrorKind::DatabaseNotFound);
    let dropped = f.add_database(tenant, "d").await;
    f.one(CatalogOp::Grant { role: id, database: dropped, privilege: Privilege::Full }).await.unwrap();
    f.one(CatalogOp::DropDatabase { database: dropped, after_ns: None }).await.unwrap();
    assert!(
        f.snapshot().role_by_id(id).unwrap().grants.is_empty(),
        "a new database of the name starts without"
    );
    f.one(CatalogOp::DropRole { role: id }).await.unwrap();
    refused!(
        f,
        CatalogOp::DropRole { role: id },
        CatalogError::RoleNotFound { .. },
        ErrorKind::PrincipalNotFound
    );
}

#[tokio::test]
async fn members() {
    let f = Fixture::new().await;
    let tenant = f.tenant();
    let (user, other) = (f.add_user("u").await, f.add_tenant("t").await);
    let (mine, foreign) = (f.add_role(tenant, "r").await, f.add_role(other, "r").await);
    let (owner, custom) = (MemberRole::System(SystemRole::Owner), MemberRole::Custom(mine));
    let missing = CatalogOp::SetMember { tenant, user, role: owner };
    refused!(f, missing, CatalogError::MemberNotFound { .. }, ErrorKind::PrincipalNotFound);
    f.one(CatalogOp::AddMember { tenant, user, role: custom }).await.unwrap();
    let again = CatalogOp::AddMember { tenant, user, role: owner };
    refused!(f, again, CatalogError::MemberExists { .. }, ErrorKind::PrincipalExists);
    let not_ours = CatalogOp::SetMember { tenant, user, role: MemberRole::Custom(foreign) };
    refused!(f, not_ours, CatalogError::RoleNotFound { .. }, ErrorKind::PrincipalNotFound);
    let nobody = CatalogOp::AddMember { tenant, user: UserId(44), role: owner };
    refused!(f, nobody, CatalogError::UserNotFound { .. }, ErrorKind::PrincipalNotFound);
    f.one(CatalogOp::SetMember { tenant, user, role: owner }).await.unwrap();
    assert_eq!(f.snapshot().member(tenant, user), Some(owner));
    f.one(CatalogOp::SetMember { tenant, user, role: custom }).await.unwrap();
    f.one(CatalogOp::AddMember { tenant: other, user, role: owner }).await.unwrap();
    f.one(CatalogOp::DropRole { role: mine }).await.unwrap();
    assert_eq!(f.snapshot().member(tenant, user), None, "without the role there is no membership");
    assert_eq!(f.snapshot().members(other).collect::<Vec<_>>(), [(user, owner)]);
    f.one(CatalogOp::RemoveMember { tenant: other, user }).await.unwrap();
    let gone = CatalogOp::RemoveMember { tenant: other, user };
    refused!(f, gone, CatalogError::MemberNotFound { .. }, ErrorKind::PrincipalNotFound);
}

#[tokio::test]
async fn settings() {
    let f = Fixture::new().await;
    let set = |v: &str| CatalogOp::SetSetting { key: "ts.dedup.rule".to_owned(), value: v.to_owned() };
    f.one(set("merge")).await.unwrap();
    f.one(set("discard")).await.unwrap();
    let f = f.reopened().await;
    assert_eq!(f.snapshot().setting("ts.dedup.rule"), Some("discard"));
    assert_eq!(f.snapshot().settings().collect::<Vec<_>>(), [("ts.dedup.rule", "discard")]);
    let unset = CatalogOp::UnsetSetting { key: "ts.dedup.rule".to_owned() };
    f.one(unset.clone()).await.unwrap();
    f.one(unset).await.unwrap();
    assert_eq!(f.snapshot().setting("ts.dedup.rule"), None);
}

#[tokio::test]
async fn r1_a_snapshot_does_not_move() {
    let f = Fixture::new().await;
    f.one(CatalogOp::CreateTable(table(f.public(), "m"))).await.unwrap();
    let before = f.snapshot();
    let id = before.table(f.public(), "m").unwrap().id;
    f.one(CatalogOp::EnsureColumns { table: id, adds: vec![field("g")] }).await.unwrap();
    f.one(CatalogOp::DropTable { table: id }).await.unwrap();
    assert_eq!(before.table_by_id(id).unwrap().columns.len(), 3);
    assert!(f.snapshot().table_by_id(id).is_none());
}

#[tokio::test]
async fn decimals_have_digits_and_no_negative_scale() {
    let f = Fixture::new().await;
    let decimal = |precision, scale| {
        let mut new = table(f.public(), "d");
        new.columns.push(NewColumn { ty: ColumnType::Decimal { precision, scale }, ..field("x") });
        CatalogOp::CreateTable(new)
    };
    for (precision, scale) in [(0, 0), (39, 0), (10, -1), (4, 5)] {
        refused!(f, decimal(precision, scale), CatalogError::InvalidTable { .. }, ErrorKind::InvalidSchema);
    }
    f.one(decimal(38, 38)).await.unwrap();
}

#[tokio::test]
async fn external_tables_share_names_with_tables_and_go_with_their_database() {
    let f = Fixture::new().await;
    let external = |database, name: &str| {
        CatalogOp::CreateExternalTable(ExternalTableDef {
            database,
            name: name.to_owned(),
            location: "/x/".to_owned(),
            options: FileOptions::new(FileFormat::Json),
            columns: vec![FileColumn { name: "a".to_owned(), ty: FileType::I64, nullable: true }],
            partitions: Vec::new(),
            inferred: false,
        })
    };
    let drop_external =
        |database, name: &str| CatalogOp::DropExternalTable { database, name: name.to_owned() };
    f.one(external(f.public(), "e")).await.unwrap();
    refused!(f, external(f.public(), "e"), CatalogError::TableExists { .. }, ErrorKind::TableExists);
    refused!(
        f,
        CatalogOp::CreateTable(table(f.public(), "e")),
        CatalogError::TableExists { .. },
        ErrorKind::TableExists
    );
    f.one(CatalogOp::CreateTable(table(f.public(), "t"))).await.unwrap();
    refused!(f, external(f.public(), "t"), CatalogError::TableExists { .. }, ErrorKind::TableExists);
    refused!(f, drop_external(f.public(), "t"), CatalogError::TableNotFound { .. }, ErrorKind::TableNotFound);
    f.one(CatalogOp::CreateDatabase(database(f.snapshot().tenant("cnosdb").unwrap().id, "d"))).await.unwrap();
    let state = f.snapshot();
    let d = state.database(state.tenant("cnosdb").unwrap().id, "d").unwrap().id;
    f.one(external(d, "e")).await.unwrap();
    let f = f.reopened().await;
    let names = |id| f.snapshot().external_tables(id).map(|t| t.name.clone()).collect::<Vec<_>>();
    assert_eq!((names(f.public()), names(d)), (vec!["e".to_owned()], vec!["e".to_owned()]));
    f.one(CatalogOp::DropDatabase { database: d, after_ns: None }).await.unwrap();
    assert!(names(d).is_empty());
    f.one(drop_external(f.public(), "e")).await.unwrap();
    assert!(f.snapshot().external_table(f.public(), "e").is_none());
}
