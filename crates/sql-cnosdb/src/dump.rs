//! The catalog as a script of statements that make it again (sheet section 11).

use std::fmt::Write as _;

use triglot_engine::Quota;
use triglot_engine::catalog::{
    CatalogSnapshot, DEFAULT_DATABASE, MemberRole, Privilege, RoleDef, SystemRole, TenantDef, UserDef,
};
use triglot_model::{
    ColumnKind, DatabaseDef, ExternalTableDef, FileColumn, FileCompression, FileFormat, FileTimeUnit,
    FileType, TableDef,
};

use crate::codec::type_name;
use crate::error::SqlError;
use crate::options;
use crate::parse::limiter::written;

/// Options of a database in the order of the script, and whether they are written as text.
const DATABASE_OPTIONS: [(&str, bool); 11] = [
    ("precision", true),
    ("max_memcache_size", true),
    ("memcache_partitions", false),
    ("wal_max_file_size", true),
    ("wal_sync", true),
    ("strict_write", true),
    ("max_cache_readers", false),
    ("ttl", true),
    ("shard", false),
    ("replica", false),
    ("vnode_duration", true),
];

/// The script for one tenant, or for all tenants behind the objects of the node (tenants, users).
/// Objects are sorted by name. User root, system roles and the making of databases public are left
/// out, and so are passwords.
///
/// # Errors
/// 030010 for a tenant that does not exist.
pub fn dump(catalog: &CatalogSnapshot, tenant: Option<&str>) -> Result<String, SqlError> {
    let mut out = String::new();
    if let Some(name) = tenant {
        let Some(tenant) = catalog.tenant(name) else {
            return Err(SqlError::Coded { code: "030010", text: format!("The tenant {name} not found") });
        };
        push_tenant(&mut out, catalog, tenant);
        return Ok(out);
    }
    let mut tenants: Vec<_> = catalog.tenants().collect();
    tenants.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut users: Vec<_> = catalog.users().filter(|u| !u.is_root()).collect();
    users.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    out.push_str("-- Dump Global Object\n");
    for tenant in tenants.iter().filter(|t| !t.is_system()) {
        push_tenant_head(&mut out, tenant);
    }
    for user in users {
        push_user(&mut out, user);
    }
    for tenant in tenants {
        push_tenant(&mut out, catalog, tenant);
    }
    Ok(out)
}

fn push_tenant_head(out: &mut String, tenant: &TenantDef) {
    let _ = write!(out, "create tenant if not exists {}", quoted(&tenant.name));
    let options = ["comment", "drop_after"].into_iter().filter_map(|option| {
        let value = tenant.options.get(option)?;
        Some(format!("{option}={}", text(value)))
    });
    let options: Vec<String> = options.collect();
    if !options.is_empty() {
        let _ = write!(out, " with {}", options.join(", "));
    }
    out.push_str(";\n");
}

fn push_user(out: &mut String, user: &UserDef) {
    let _ = write!(out, "create user {} with ", quoted(&user.name));
    if let Some(comment) = user.options.get("comment") {
        let _ = write!(out, "comment={}, ", text(comment));
    }
    let (change, admin) = (user.must_change_password, user.is_admin);
    let _ = writeln!(out, "must_change_password={change}, granted_admin={admin};");
}

fn push_tenant(out: &mut String, catalog: &CatalogSnapshot, tenant: &TenantDef) {
    let _ = writeln!(out, "-- Dump Tenant {0} Object\n\\change_tenant {0}", tenant.name);
    let databases: Vec<_> = catalog.databases(tenant.id).collect();
    // The system tenant is born with it.
    let is_born = |d: &DatabaseDef| tenant.is_system() && d.name == DEFAULT_DATABASE;
    for database in databases.iter().filter(|d| !is_born(d)) {
        push_database(out, database);
    }
    for role in catalog.roles(tenant.id) {
        push_role(out, catalog, role);
    }
    push_members(out, catalog, tenant);
    for database in &databases {
        for table in catalog.tables(database.id) {
            push_table(out, database, table);
        }
    }
    for database in &databases {
        for table in catalog.external_tables(database.id) {
            push_external(out, database, table);
        }
    }
    // Last, so that it does not hold up the making of the rest.
    let quota = Quota::of(tenant);
    if !quota.is_unlimited() {
        let _ = writeln!(out, "alter tenant {} set _limiter {};", quoted(&tenant.name), written(&quota));
    }
}

fn push_database(out: &mut String, database: &DatabaseDef) {
    let _ = write!(out, "create database if not exists {} with", quoted(&database.name));
    for (option, as_text) in DATABASE_OPTIONS {
        let value = options::show(database, option);
        let value = if as_text { text(&value) } else { value };
        let _ = write!(out, " {option} {value}");
    }
    out.push_str(";\n");
}

fn push_role(out: &mut String, catalog: &CatalogSnapshot, role: &RoleDef) {
    let _ = write!(out, "create role {}", quoted(&role.name));
    if let Some(inherit) = role.inherit {
        let _ = write!(out, " inherit {}", inherit.name());
    }
    out.push_str(";\n");
    let mut grants: Vec<_> = role
        .grants
        .iter()
        .filter_map(|(database, privilege)| {
            let database = catalog.database_by_id(*database).filter(|d| d.drop_at_ns.is_none())?;
            Some((&database.name, *privilege))
        })
        .collect();
    grants.sort_unstable();
    for (database, privilege) in grants {
        let privilege = match privilege {
            Privilege::Read => "Read",
            Privilege::Write => "Write",
            Privilege::Full => "All",
        };
        let _ =
            writeln!(out, "grant {privilege} on database {} to {};", quoted(database), quoted(&role.name));
    }
}

fn push_members(out: &mut String, catalog: &CatalogSnapshot, tenant: &TenantDef) {
    let mut members: Vec<(&str, &str)> = catalog
        .members(tenant.id)
        .filter_map(|(user, role)| {
            let user = catalog.user_by_id(user).filter(|u| !u.is_root())?;
            let role = match role {
                MemberRole::System(role @ (SystemRole::Owner | SystemRole::Member)) => role.name(),
                MemberRole::Custom(role) => catalog.role_by_id(role)?.name.as_str(),
            };
            Some((user.name.as_str(), role))
        })
        .collect();
    members.sort_unstable();
    for (user, role) in members {
        let (tenant, user, role) = (quoted(&tenant.name), quoted(user), quoted(role));
        let _ = writeln!(out, "alter tenant {tenant} add user {user} as {role};");
    }
}

fn push_table(out: &mut String, database: &DatabaseDef, table: &TableDef) {
    let mut parts = Vec::new();
    for column in &table.columns {
        if matches!(column.kind, ColumnKind::Time | ColumnKind::Tag) {
            continue;
        }
        let ty = type_name(column.ty, column.declared.as_deref());
        let mut part = format!("{} {ty}", quoted(&column.name));
        if let Some(codec) = column.codec.as_deref().filter(|c| *c != "DEFAULT") {
            let _ = write!(part, " CODEC({codec})");
        }
        parts.push(part);
    }
    let tags: Vec<String> = table.tags().map(|t| quoted(&t.name)).collect();
    if !tags.is_empty() {
        parts.push(format!("tags ({})", tags.join(", ")));
    }
    let (database, name) = (quoted(&database.name), quoted(&table.name));
    let _ = writeln!(out, "create table {database}.{name} ({});", parts.join(", "));
}

fn push_external(out: &mut String, database: &DatabaseDef, table: &ExternalTableDef) {
    let _ = write!(out, "create external table {}.{}", quoted(&database.name), quoted(&table.name));
    // Columns that were found in the files are found there again.
    let declared: Option<Vec<String>> =
        if table.inferred { None } else { table.all_columns().map(declaration).collect() };
    if let Some(columns) = declared {
        let _ = write!(out, " ({})", columns.join(", "));
    }
    let options = &table.options;
    out.push_str(match options.format {
        FileFormat::Csv => " stored as CSV",
        FileFormat::Parquet => " stored as PARQUET",
        FileFormat::Json => " stored as JSON",
    });
    if options.format == FileFormat::Csv {
        let header = if options.header { " with header row" } else { "" };
        let _ = write!(out, "{header} delimiter {}", text(&char::from(options.delimiter).to_string()));
    }
    let compression = match options.compression {
        FileCompression::None => None,
        FileCompression::Gzip => Some("GZIP"),
        FileCompression::Bzip2 => Some("BZIP2"),
        FileCompression::Xz => Some("XZ"),
        FileCompression::Zstd => Some("ZSTD"),
    };
    if let Some(compression) = compression {
        let _ = write!(out, " compression type {compression}");
    }
    if !table.partitions.is_empty() {
        let names: Vec<String> = table.partitions.iter().map(|p| quoted(&p.name)).collect();
        let _ = write!(out, " partitioned by ({})", names.join(", "));
    }
    let _ = writeln!(out, " location {};", text(&table.location));
}

/// `name type [NOT NULL]`; none for types that SQL cannot declare.
fn declaration(column: &FileColumn) -> Option<String> {
    let null = if column.nullable { "" } else { " NOT NULL" };
    Some(format!("{} {}{null}", quoted(&column.name), sql_type(&column.ty)?))
}

fn sql_type(ty: &FileType) -> Option<String> {
    let name = match ty {
        FileType::Bool => "BOOLEAN",
        FileType::I8 => "TINYINT",
        FileType::I16 => "SMALLINT",
        FileType::I32 => "INT",
        FileType::I64 => "BIGINT",
        FileType::U8 => "TINYINT UNSIGNED",
        FileType::U16 => "SMALLINT UNSIGNED",
        FileType::U32 => "INT UNSIGNED",
        FileType::U64 => "BIGINT UNSIGNED",
        FileType::F32 => "REAL",
        FileType::F64 => "DOUBLE",
        FileType::Text => "STRING",
        FileType::Binary => "BYTEA",
        FileType::Date32 => "DATE",
        FileType::Time(FileTimeUnit::Nano) => "TIME",
        FileType::Timestamp { unit, zone: None } => match unit {
            FileTimeUnit::Second => "TIMESTAMP(0)",
            FileTimeUnit::Milli => "TIMESTAMP(3)",
            FileTimeUnit::Micro => "TIMESTAMP(6)",
            FileTimeUnit::Nano => "TIMESTAMP",
        },
        FileType::Timestamp { unit: FileTimeUnit::Nano, zone: Some(_) } => "TIMESTAMP WITH TIME ZONE",
        FileType::IntervalMonthDayNano => "INTERVAL",
        FileType::Decimal { precision, scale } => return Some(format!("DECIMAL({precision}, {scale})")),
        FileType::List(item) => return Some(format!("{}[]", sql_type(&item.ty)?)),
        FileType::Null
        | FileType::F16
        | FileType::Date64
        | FileType::Time(_)
        | FileType::Timestamp { .. }
        | FileType::Duration(_)
        | FileType::IntervalYearMonth
        | FileType::IntervalDayTime
        | FileType::Struct(_) => return None,
    };
    Some(name.to_owned())
}

/// A name as a quoted identifier.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value as a text literal.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_quoted() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(text("it's"), "'it''s'");
    }

    #[test]
    fn declared_types_have_names() {
        assert_eq!(sql_type(&FileType::Decimal { precision: 9, scale: 2 }).unwrap(), "DECIMAL(9, 2)");
        let item = FileColumn { name: "item".to_owned(), ty: FileType::Text, nullable: true };
        assert_eq!(sql_type(&FileType::List(Box::new(item))).unwrap(), "STRING[]");
        assert_eq!(sql_type(&FileType::Null), None);
    }
}
