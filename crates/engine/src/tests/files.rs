//! Who may name which files.

use std::path::Path;

use triglot_auth::Peer;
use triglot_catalog::{CatalogOp, MemberRole, NewUser, SystemRole};
use triglot_model::{ErrorKind, FileFormat, FileOptions};

use super::*;
use crate::{CreateExternalTable, EngineError, Export, FileAccess, TableName};

async fn open_with_access(dir: &Path, access: FileAccess) -> Engine {
    let mut options = EngineOptions::new(Arc::new(RealDisk::open(dir).unwrap()));
    options.files = access;
    Engine::open(options).await.unwrap()
}

/// An owner of the tenant: he may do everything but name any file.
async fn owner(engine: &Engine) -> Session {
    let catalog = engine.catalog();
    let tenant = catalog.tenant("cnosdb").unwrap().id;
    let new = NewUser {
        name: "o".to_owned(),
        password: Some(engine.auth().hash("pw").await.unwrap()),
        is_admin: false,
        must_change_password: false,
        options: Default::default(),
    };
    engine.apply_catalog(vec![CatalogOp::CreateUser(new)]).await.unwrap();
    let user = engine.catalog().user("o").unwrap().id;
    let role = MemberRole::System(SystemRole::Owner);
    engine.apply_catalog(vec![CatalogOp::AddMember { tenant, user, role }]).await.unwrap();
    let principal = engine.auth().verify("o", "pw", Peer::Loopback).await.unwrap();
    engine.session(principal, "cnosdb", "public").unwrap()
}

async fn create(engine: &Engine, session: &Session, name: &str, path: &Path) -> Result<(), EngineError> {
    let create = CreateExternalTable {
        table: TableName { tenant: None, database: None, table: name.to_owned() },
        if_not_exists: false,
        location: path.display().to_string(),
        options: FileOptions::new(FileFormat::Csv),
        columns: None,
        partitions: Vec::new(),
    };
    engine.execute(session, Statement::CreateExternalTable(create)).await.map(drop)
}

async fn export(engine: &Engine, session: &Session, path: &Path) -> Result<(), EngineError> {
    let mut statements = Parser::parse_sql(&GenericDialect {}, "select 1 as a").unwrap();
    let Some(Ast::Query(query)) = statements.pop() else { panic!("not a query") };
    let export = Export {
        text: "export".to_owned(),
        plan: engine.plan(session, *query).unwrap(),
        location: path.display().to_string(),
        options: FileOptions::new(FileFormat::Csv),
    };
    engine.execute(session, Statement::Export(export)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_administrators_name_files_outside_of_the_configured_directories() {
    let dir = tempfile::tempdir().unwrap();
    let (data, open, closed) = (dir.path().join("data"), dir.path().join("open"), dir.path().join("closed"));
    for dir in [&open, &closed] {
        std::fs::create_dir(dir).unwrap();
        std::fs::write(dir.join("a.csv"), "1,2\n").unwrap();
    }
    std::os::unix::fs::symlink(&closed, open.join("link")).unwrap();
    let access = FileAccess { dirs: vec![open.clone()], private: Some(data.clone()) };
    let engine = open_with_access(&data, access).await;
    let (root, owner) = (root(&engine).await, owner(&engine).await);
    let kind = |result: Result<(), EngineError>| result.unwrap_err().kind();
    create(&engine, &owner, "a", &open.join("a.csv")).await.unwrap();
    export(&engine, &owner, &open.join("new/x.csv")).await.unwrap();
    for path in [closed.join("a.csv"), open.join("link/a.csv"), "/etc/passwd".into(), "/*".into()] {
        assert_eq!(kind(create(&engine, &owner, "b", &path).await), ErrorKind::Denied, "{path:?}");
    }
    for path in [closed.join("x.csv"), open.join("link/x.csv"), data.join("x.csv")] {
        assert_ne!(kind(export(&engine, &owner, &path).await), ErrorKind::Execution, "{path:?}");
        assert!(!path.exists());
    }
    create(&engine, &root, "b", &closed.join("a.csv")).await.unwrap();
    export(&engine, &root, &closed.join("x.csv")).await.unwrap();
    assert_eq!(kind(export(&engine, &root, &data.join("x.csv")).await), ErrorKind::NotSupported);
    assert_eq!(rows(&engine, &owner, "select * from b").await, ["1|2"], "a table's rows go by its database");
}

/// Not even administrators: the rows of a statement are no reason to read other files.
#[tokio::test(flavor = "multi_thread")]
async fn texts_are_read_from_the_configured_directories_only() {
    let dir = tempfile::tempdir().unwrap();
    let (data, open, closed) = (dir.path().join("data"), dir.path().join("open"), dir.path().join("closed"));
    for dir in [&open, &closed] {
        std::fs::create_dir(dir).unwrap();
        std::fs::write(dir.join("a.csv"), "1,2\n").unwrap();
    }
    std::os::unix::fs::symlink(&closed, open.join("link")).unwrap();
    let engine = open_with_access(&data, FileAccess { dirs: vec![open.clone()], private: None }).await;
    assert_eq!(engine.read_listed_file(&open.join("a.csv"), 100).await.unwrap(), "1,2\n");
    for path in [closed.join("a.csv"), open.join("link/a.csv"), open.join("../closed/a.csv")] {
        let error = engine.read_listed_file(&path, 100).await.unwrap_err();
        assert!(matches!(error, EngineError::FileDenied { .. }), "{path:?}: {error}");
    }
    let missing = engine.read_listed_file(&open.join("b.csv"), 100).await.unwrap_err();
    assert!(matches!(missing, EngineError::File { .. }), "{missing}");
}
