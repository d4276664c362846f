//! `information_schema`: what the session's tenant has. Everybody sees what he may use; owners of the
//! tenant see all of it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, TimestampNanosecondArray, UInt64Array};
use triglot_engine::auth::{Action, Object};
use triglot_engine::catalog::{MemberRole, Privilege, RoleDef, SystemRole};
use triglot_model::{ColumnKind, TableDef};

use super::{Columns, View, state_name, text_columns, texts};
use crate::codec::type_name;
use crate::options;

/// The columns of a table; none if there is no such table.
pub(super) fn columns(view: &View<'_>, table: &str) -> Option<Columns> {
    Some(match table {
        "databases" => databases(view),
        "tables" => tables(view),
        "columns" => table_columns(view),
        "queries" => queries(view),
        "roles" => roles(view),
        "members" => members(view),
        "enabled_roles" => enabled_roles(view),
        "database_privileges" => database_privileges(view),
        "resource_status" => resource_status(view),
        _ => return None,
    })
}

fn databases(view: &View<'_>) -> Columns {
    let databases = view.databases();
    let mut columns: Columns = vec![
        ("tenant_name", texts(databases.iter().map(|_| &view.session.tenant_name))),
        ("database_name", texts(databases.iter().map(|d| &d.name))),
    ];
    columns
        .extend(options::NAMES.map(|name| (name, texts(databases.iter().map(|d| options::show(d, name))))));
    columns
}

/// Tables with the name of their database.
fn visible_tables(view: &View<'_>) -> Vec<(String, Arc<TableDef>)> {
    let databases = view.databases();
    let of = |d: &triglot_model::DatabaseDef| {
        let tables: Vec<_> = view.tables(d.id).map(|t| (d.name.clone(), Arc::clone(t))).collect();
        tables
    };
    databases.iter().flat_map(of).collect()
}

fn tables(view: &View<'_>) -> Columns {
    let row = |database: &str, table: &str, engine: &str| {
        [&view.session.tenant_name, database, table, "TABLE", engine, "TODO"].map(str::to_owned)
    };
    let mut rows = Vec::new();
    for database in view.databases() {
        let own = view.tables(database.id).map(|t| row(&database.name, &t.name, "TSKV"));
        let files =
            view.catalog.external_tables(database.id).map(|t| row(&database.name, &t.name, "EXTERNAL"));
        rows.extend(own.chain(files));
    }
    let names =
        ["table_tenant", "table_database", "table_name", "table_type", "table_engine", "table_options"];
    text_columns(names, &rows)
}

fn table_columns(view: &View<'_>) -> Columns {
    let tables = visible_tables(view);
    let all: Vec<_> = tables
        .iter()
        .flat_map(|(d, t)| t.columns.iter().enumerate().map(move |(at, c)| (d, t, at as u64, c)))
        .collect();
    let kind = |kind: ColumnKind| match kind {
        ColumnKind::Time => "TIME",
        ColumnKind::Tag => "TAG",
        ColumnKind::Field | ColumnKind::CompositeKey => "FIELD",
    };
    let positions: ArrayRef = Arc::new(UInt64Array::from_iter_values(all.iter().map(|(_, _, at, _)| *at)));
    let nullable: Vec<bool> = all.iter().map(|(_, _, _, c)| c.kind != ColumnKind::Time).collect();
    vec![
        ("tenant_name", texts(all.iter().map(|_| &view.session.tenant_name))),
        ("database_name", texts(all.iter().map(|(d, ..)| d))),
        ("table_name", texts(all.iter().map(|(_, t, ..)| &t.name))),
        ("column_name", texts(all.iter().map(|(_, _, _, c)| &c.name))),
        ("column_type", texts(all.iter().map(|(_, _, _, c)| kind(c.kind)))),
        ("ordinal_position", positions),
        ("column_default", texts(all.iter().map(|_| "NULL"))),
        ("is_nullable", Arc::new(BooleanArray::from(nullable))),
        ("data_type", texts(all.iter().map(|(_, _, _, c)| type_name(c.ty, c.declared.as_deref())))),
        ("compression_codec", texts(all.iter().map(|(_, _, _, c)| c.codec.as_deref().unwrap_or("DEFAULT")))),
    ]
}

fn queries(view: &View<'_>) -> Columns {
    let queries = view.engine.queries(view.session);
    let user_id = |name: &str| view.catalog.user(name).map_or(String::new(), |u| u.id.to_string());
    let tenant_id = |name: &str| view.catalog.tenant(name).map_or(String::new(), |t| t.id.to_string());
    let zeros = || -> ArrayRef { Arc::new(UInt64Array::from(vec![0; queries.len()])) };
    let seconds = queries.iter().map(|q| q.elapsed_ns as f64 / 1e9);
    vec![
        ("query_id", texts(queries.iter().map(|q| q.id.to_string()))),
        ("query_type", texts(queries.iter().map(|_| "batch"))),
        ("query_text", texts(queries.iter().map(|q| &q.info.text))),
        ("user_id", texts(queries.iter().map(|q| user_id(&q.info.user)))),
        ("user_name", texts(queries.iter().map(|q| &q.info.user))),
        ("tenant_id", texts(queries.iter().map(|q| tenant_id(&q.info.tenant)))),
        ("tenant_name", texts(queries.iter().map(|q| &q.info.tenant))),
        ("database_name", texts(queries.iter().map(|q| &q.info.database))),
        ("state", texts(queries.iter().map(|q| state_name(q.state)))),
        ("duration", Arc::new(Float64Array::from_iter_values(seconds))),
        // Counted for streams only.
        ("processed_count", zeros()),
        ("error_count", zeros()),
    ]
}

fn roles(view: &View<'_>) -> Columns {
    let mut rows = Vec::new();
    if view.is_owner() {
        for system in [SystemRole::Owner, SystemRole::Member] {
            rows.push([system.name(), "system", ""].map(str::to_owned));
        }
        for role in view.catalog.roles(view.session.tenant) {
            // The vendor writes the word.
            let inherit = role.inherit.map_or("NULL", SystemRole::name);
            rows.push([role.name.as_str(), "custom", inherit].map(str::to_owned));
        }
    }
    text_columns(["role_name", "role_type", "inherit_role"], &rows)
}

fn members(view: &View<'_>) -> Columns {
    let row = |(user, role)| Some([view.catalog.user_by_id(user)?.name.clone(), view.role_name(role)]);
    let rows: Vec<_> = view.catalog.members(view.session.tenant).filter_map(row).collect();
    text_columns(["user_name", "role_name"], &rows)
}

fn enabled_roles(view: &View<'_>) -> Columns {
    let rows: Vec<_> = view.role().map(|role| [view.role_name(role)]).into_iter().collect();
    text_columns(["role_name"], &rows)
}

fn database_privileges(view: &View<'_>) -> Columns {
    let (is_owner, own) = (view.is_owner(), view.role());
    let visible = |role: &&Arc<RoleDef>| is_owner || own == Some(MemberRole::Custom(role.id));
    let mut rows = Vec::new();
    for role in view.catalog.roles(view.session.tenant).filter(visible) {
        for (id, privilege) in &role.grants {
            let found = view.catalog.database_by_id(*id).filter(|d| d.drop_at_ns.is_none());
            let Some(database) = found else { continue };
            let privilege = match privilege {
                Privilege::Read => "Read",
                Privilege::Write => "Write",
                Privilege::Full => "All",
            };
            let tenant = view.session.tenant_name.as_str();
            rows.push([tenant, database.name.as_str(), privilege, role.name.as_str()].map(str::to_owned));
        }
    }
    text_columns(["tenant_name", "database_name", "privilege_type", "role_name"], &rows)
}

/// Drops that are to come: what this node does later than it was told to.
fn resource_status(view: &View<'_>) -> Columns {
    let mut rows = Vec::new();
    let mut times = Vec::new();
    for database in view.catalog.databases_even_dropped(view.session.tenant) {
        let visible = view.may(Action::Read, Object::Database(database.id));
        let Some(at) = database.drop_at_ns.filter(|_| visible) else { continue };
        let name = format!("{}-{}", view.session.tenant_name, database.name);
        times.push(at);
        rows.push([name.as_str(), "DropDatabase", "0", "Schedule", ""].map(str::to_owned));
    }
    let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(times));
    let mut columns = vec![("time", time)];
    columns.extend(text_columns(["name", "action", "try_count", "status", "comment"], &rows));
    columns
}
