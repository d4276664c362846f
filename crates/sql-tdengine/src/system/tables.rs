//! `ins_tables`, `ins_stables`, `ins_tags`, `ins_columns`.

use triglot_engine::{ChildRecord, EngineError, TableIn};
use triglot_model::{ColumnDef, ColumnId, ColumnKind, ColumnType, LengthUnit};

use super::columns::Column;
use super::{INFORMATION_TABLES, PERFORMANCE_TABLES, View};
use crate::lower::{created_ms, declared_type, index, table_options};

/// Widths of names and comments.
const NAME: u32 = 192;
const DATABASE: u32 = 64;
const COLUMN: u32 = 64;
const COMMENT: u32 = 1024;

/// A row of `ins_tables`.
struct TableRow {
    name: String,
    database: String,
    created_ms: Option<i64>,
    columns: Option<i32>,
    stable: Option<String>,
    uid: Option<i64>,
    vgroup: Option<i32>,
    ttl: Option<i32>,
    comment: Option<String>,
    kind: &'static str,
}

fn columns_of(table: &TableIn) -> Option<i32> {
    let own = table.def.columns.iter().filter(|c| c.kind != ColumnKind::Tag).count();
    i32::try_from(own).ok()
}

fn tags_of(table: &TableIn) -> Vec<&ColumnDef> {
    table.def.tags().collect()
}

impl View<'_> {
    pub(super) fn ins_tables(&self) -> Result<Vec<Column>, EngineError> {
        let mut rows: Vec<TableRow> = system_tables().collect();
        for database in self.databases() {
            let (supers, normals) = self.tables(&database);
            let vgroups = self.vgroups_of(&database);
            for table in &supers {
                let columns = columns_of(table);
                for child in self.engine.children(table, &[])? {
                    rows.push(TableRow {
                        database: database.name.clone(),
                        created_ms: child.created_ms,
                        columns,
                        stable: Some(table.def.name.clone()),
                        // Unique on the node: the table in the upper half.
                        uid: uid(table, child.uid),
                        vgroup: Some(vgroups.of(&child.name)),
                        ttl: i32::try_from(child.ttl).ok(),
                        comment: child.comment,
                        kind: "CHILD_TABLE",
                        name: child.name,
                    });
                }
            }
            for table in &normals {
                rows.push(TableRow {
                    name: table.def.name.clone(),
                    database: database.name.clone(),
                    created_ms: created_ms(&table.def.options),
                    columns: columns_of(table),
                    stable: None,
                    uid: uid(table, 0),
                    vgroup: Some(vgroups.of(&table.def.name)),
                    ttl: Some(table_options::ttl_of(&table.def)),
                    comment: table.def.options.get(table_options::COMMENT).cloned(),
                    kind: "NORMAL_TABLE",
                });
            }
        }
        Ok(vec![
            Column::text("table_name", NAME, rows.iter().map(|r| Some(&r.name))),
            Column::text("db_name", DATABASE, rows.iter().map(|r| Some(&r.database))),
            Column::time("create_time", rows.iter().map(|r| r.created_ms)),
            Column::int("columns", rows.iter().map(|r| r.columns)),
            Column::text("stable_name", NAME, rows.iter().map(|r| r.stable.as_ref())),
            Column::big("uid", rows.iter().map(|r| r.uid)),
            Column::int("vgroup_id", rows.iter().map(|r| r.vgroup)),
            Column::int("ttl", rows.iter().map(|r| r.ttl)),
            Column::text("table_comment", COMMENT, rows.iter().map(|r| r.comment.as_ref())),
            Column::text("type", 21, rows.iter().map(|r| Some(r.kind))),
        ])
    }

    pub(super) fn ins_stables(&self) -> Vec<Column> {
        let mut tables: Vec<TableIn> = Vec::new();
        for database in self.databases() {
            tables.extend(self.tables(&database).0);
        }
        let option = |key: &'static str, default: &'static str| {
            let of = |t: &TableIn| Some(t.def.options.get(key).map_or(default, String::as_str).to_owned());
            tables.iter().map(of).collect::<Vec<_>>()
        };
        let created: Vec<_> = tables.iter().map(|t| created_ms(&t.def.options)).collect();
        vec![
            Column::text("stable_name", NAME, tables.iter().map(|t| Some(&t.def.name))),
            Column::text("db_name", DATABASE, tables.iter().map(|t| Some(&t.database.name))),
            Column::time("create_time", created.clone()),
            Column::int("columns", tables.iter().map(columns_of)),
            Column::int("tags", tables.iter().map(|t| i32::try_from(t.def.tags().count()).ok())),
            Column::time("last_update", created),
            Column::text(
                "table_comment",
                COMMENT,
                tables.iter().map(|t| t.def.options.get(table_options::COMMENT)),
            ),
            Column::text("watermark", 64, option(table_options::WATERMARK, "5000a,5000a")),
            Column::text("max_delay", 64, option(table_options::MAX_DELAY, "-1a,-1a")),
            Column::text("rollup", 128, option(table_options::ROLLUP, "")),
            Column::big("uid", tables.iter().map(|t| uid(t, 0))),
            Column::boolean("isvirtual", tables.iter().map(|_| Some(false))),
        ]
    }

    /// The indexes of all super tables, or of one table.
    pub(super) fn ins_indexes(&self, only: Option<&TableIn>) -> Vec<Column> {
        let tables = match only {
            Some(table) => vec![table.clone()],
            None => self.databases().iter().flat_map(|d| self.tables(d).0).collect(),
        };
        let rows: Vec<(&TableIn, index::Index)> =
            tables.iter().flat_map(|t| index::of_table(&t.def).into_iter().map(move |i| (t, i))).collect();
        let none = || rows.iter().map(|_| None::<&str>);
        vec![
            Column::text("index_name", NAME, rows.iter().map(|(_, i)| Some(&i.name))),
            Column::text("db_name", DATABASE, rows.iter().map(|(t, _)| Some(&t.database.name))),
            Column::text("table_name", NAME, rows.iter().map(|(t, _)| Some(&t.def.name))),
            Column::int("vgroup_id", rows.iter().map(|_| None)),
            Column::time("create_time", rows.iter().map(|(_, i)| i.created_ms)),
            Column::text("column_name", COLUMN, rows.iter().map(|(_, i)| Some(&i.tag))),
            Column::text("index_type", 10, rows.iter().map(|_| Some("tag_index"))),
            Column::text("index_extensions", 256, none()),
        ]
    }

    /// The tags of all child tables, or of those given with their super table.
    pub(super) fn ins_tags(
        &self,
        only: Option<(&TableIn, Vec<ChildRecord>)>,
    ) -> Result<Vec<Column>, EngineError> {
        let mut rows: Vec<[Option<String>; 6]> = Vec::new();
        match only {
            Some((table, children)) => tag_rows(table, children, &mut rows),
            None => {
                for database in self.databases() {
                    for table in self.tables(&database).0 {
                        let ids: Vec<ColumnId> = table.def.tags().map(|t| t.id).collect();
                        tag_rows(&table, self.engine.children(&table, &ids)?, &mut rows);
                    }
                }
            }
        }
        let column = |at: usize, name: &str, length| {
            Column::text(name, length, rows.iter().map(|row| row.get(at).and_then(Option::as_ref)))
        };
        Ok(vec![
            column(0, "table_name", NAME),
            column(1, "db_name", DATABASE),
            column(2, "stable_name", NAME),
            column(3, "tag_name", COLUMN),
            column(4, "tag_type", 64),
            column(5, "tag_value", 16384),
        ])
    }

    pub(super) fn ins_columns(&self) -> Result<Vec<Column>, EngineError> {
        let mut rows: Vec<ColumnRow> = Vec::new();
        for database in self.databases() {
            let (supers, normals) = self.tables(&database);
            for table in supers.iter().chain(&normals) {
                let is_super = supers.iter().any(|s| s.def.id == table.def.id);
                let mut names =
                    vec![(table.def.name.clone(), if is_super { "SUPER_TABLE" } else { "NORMAL_TABLE" })];
                if is_super {
                    names.extend(
                        self.engine.child_names(table)?.into_iter().map(|name| (name, "CHILD_TABLE")),
                    );
                }
                for (name, kind) in names {
                    for column in table.def.columns.iter().filter(|c| c.kind != ColumnKind::Tag) {
                        rows.push(ColumnRow {
                            table: name.clone(),
                            database: database.name.clone(),
                            kind,
                            column: column.name.clone(),
                            ty: declared_type(column),
                            bytes: storage_bytes(column),
                        });
                    }
                }
            }
        }
        let none = || rows.iter().map(|_| None);
        Ok(vec![
            Column::text("table_name", NAME, rows.iter().map(|r| Some(&r.table))),
            Column::text("db_name", DATABASE, rows.iter().map(|r| Some(&r.database))),
            Column::text("table_type", 21, rows.iter().map(|r| Some(r.kind))),
            Column::text("col_name", COLUMN, rows.iter().map(|r| Some(&r.column))),
            Column::text("col_type", 32, rows.iter().map(|r| Some(&r.ty))),
            Column::int("col_length", rows.iter().map(|r| r.bytes)),
            Column::int("col_precision", none()),
            Column::int("col_scale", none()),
            Column::int("col_nullable", none()),
        ])
    }
}

/// A row of `ins_columns`.
struct ColumnRow {
    table: String,
    database: String,
    kind: &'static str,
    column: String,
    ty: String,
    bytes: Option<i32>,
}

fn system_tables() -> impl Iterator<Item = TableRow> {
    let row = |database: &'static str| {
        move |name: &&'static str| TableRow {
            name: (*name).to_owned(),
            database: database.to_owned(),
            created_ms: None,
            columns: None,
            stable: None,
            uid: None,
            vgroup: None,
            ttl: None,
            comment: None,
            kind: "SYSTEM_TABLE",
        }
    };
    let information = INFORMATION_TABLES.iter().map(row("information_schema"));
    information.chain(PERFORMANCE_TABLES.iter().map(row("performance_schema")))
}

fn uid(table: &TableIn, series: u64) -> Option<i64> {
    i64::try_from(u64::from(table.def.id.0) << 40 | (series + 1)).ok()
}

fn tag_rows(table: &TableIn, children: Vec<ChildRecord>, rows: &mut Vec<[Option<String>; 6]>) {
    let tags = tags_of(table);
    for child in children {
        for (tag, value) in tags.iter().zip(&child.tags) {
            rows.push([
                Some(child.name.clone()),
                Some(table.database.name.clone()),
                Some(table.def.name.clone()),
                Some(tag.name.clone()),
                Some(declared_type(tag)),
                value.clone(),
            ]);
        }
    }
}

/// Bytes of a value in the vendor's files.
fn storage_bytes(column: &ColumnDef) -> Option<i32> {
    let (ty, length) = crate::query::columns::of_column(column);
    let bytes = match (ty.fixed_length(), column.ty) {
        (Some(fixed), _) => fixed,
        (None, ColumnType::Str { unit: LengthUnit::Chars, .. }) => length.checked_mul(4)?.checked_add(2)?,
        (None, _) => length.checked_add(2)?,
    };
    i32::try_from(bytes).ok()
}
