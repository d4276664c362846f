//! SHOW.

use triglot_engine::{Engine, Relation};
use triglot_parse_tdengine::ast::{Ident, Show, TableKind, TableName};

use super::cluster::variables;
use super::columns::Column;
use super::{INFORMATION_TABLES, PERFORMANCE_TABLES, View, answer, children_of, create_text};
use crate::lower::errors;
use crate::lower::names::{SYSTEM_DATABASES, current, database_of};
use crate::lower::objects::require_dnode;
use crate::{Answer, Context, TaosError, like};

/// Answers a SHOW.
pub(crate) async fn run(
    engine: &Engine,
    context: &Context,
    show: &Show,
    sql: &str,
) -> Result<Answer, TaosError> {
    let lister = Lister { engine, context, view: View::new(engine, &context.session) };
    let columns = lister.columns(show)?;
    answer(engine, context, sql, columns).await
}

struct Lister<'s> {
    engine: &'s Engine,
    context: &'s Context,
    view: View<'s>,
}

type Listed = Result<Vec<Column>, TaosError>;

impl Lister<'_> {
    fn columns(&self, show: &Show) -> Listed {
        match show {
            Show::Databases { system } => Ok(self.databases(*system)),
            Show::Tables { kind, database, like } => self.tables(*kind, database.as_ref(), like.as_deref()),
            Show::Stables { database, like } => self.stables(database.as_ref(), like.as_deref()),
            Show::CreateDatabase(name) => self.create_database(&name.name),
            Show::CreateTable { table, stable } => self.create_table(table, *stable),
            Show::CreateView(view) => self.create_view(view),
            Show::Tags { table } => self.tags(table),
            Show::TableTags { tags, table } => self.table_tags(tags, table),
            Show::Indexes(table) => {
                let relation = self.relation(table)?;
                Ok(self.view.ins_indexes(Some(relation.table())))
            }
            Show::Distributed(table) => self.distributed(table),
            Show::Vgroups(database) => {
                if let Some(database) = database {
                    self.engine.database(&self.context.session, &database.name).map_err(errors::lookup)?;
                }
                self.vgroups(database.as_ref())
            }
            Show::Alive(database) => {
                if let Some(database) = database {
                    self.engine.database(&self.context.session, &database.name).map_err(errors::lookup)?;
                }
                Ok(vec![Column::int("status", [Some(1)])])
            }
            Show::ClusterAlive => Ok(vec![Column::int("status", [Some(1)])]),
            Show::Variables { local, dnode, like } => self.variables(*local, *dnode, like.as_deref()),
            Show::Table(name) => self.system_table(name),
        }
    }

    fn databases(&self, system: Option<bool>) -> Vec<Column> {
        let own = self.view.databases();
        let names = SYSTEM_DATABASES.iter().map(|n| (true, *n));
        let names = names.chain(own.iter().map(|d| (false, d.name.as_str())));
        let shown = names.filter(|(is_system, _)| system.is_none_or(|only| only == *is_system));
        vec![Column::text("name", 64, shown.map(|(_, name)| Some(name)))]
    }

    fn database(&self, given: Option<&Ident>) -> Result<String, TaosError> {
        match given {
            Some(database) => Ok(database.name.clone()),
            None => current(self.context).map(str::to_owned),
        }
    }

    fn tables(&self, kind: TableKind, database: Option<&Ident>, pattern: Option<&str>) -> Listed {
        let database = self.database(database)?;
        let mut names: Vec<String> = Vec::new();
        match SYSTEM_DATABASES.iter().position(|d| *d == database) {
            Some(0) if kind == TableKind::All => names.extend(INFORMATION_TABLES.map(str::to_owned)),
            Some(_) if kind == TableKind::All => names.extend(PERFORMANCE_TABLES.map(str::to_owned)),
            Some(_) => {}
            None => {
                let database =
                    self.engine.database(&self.context.session, &database).map_err(errors::lookup)?;
                let (supers, normals) = self.view.tables(&database);
                if kind != TableKind::Normal {
                    for table in &supers {
                        names.extend(self.engine.child_names(table)?);
                    }
                }
                if kind != TableKind::Child {
                    names.extend(normals.into_iter().map(|t| t.def.name.clone()));
                }
            }
        }
        retain(&mut names, pattern);
        Ok(vec![Column::text("table_name", 192, names.iter().map(Some))])
    }

    fn stables(&self, database: Option<&Ident>, pattern: Option<&str>) -> Listed {
        let database = self.database(database)?;
        let mut names = Vec::new();
        if !SYSTEM_DATABASES.contains(&database.as_str()) {
            let database = self.engine.database(&self.context.session, &database).map_err(errors::lookup)?;
            names.extend(self.view.tables(&database).0.into_iter().map(|t| t.def.name.clone()));
        }
        retain(&mut names, pattern);
        Ok(vec![Column::text("stable_name", 192, names.iter().map(Some))])
    }

    fn create_database(&self, name: &str) -> Listed {
        if SYSTEM_DATABASES.contains(&name) {
            return Err(TaosError::new(0x2644, "Permission denied or target object not exist"));
        }
        let database = self.engine.database(&self.context.session, name).map_err(errors::lookup)?;
        Ok(vec![
            Column::text("Database", 64, [Some(name)]),
            Column::text("Create Database", 1024, [Some(create_text::database(&database))]),
        ])
    }

    fn relation(&self, name: &TableName) -> Result<Relation, TaosError> {
        let database = database_of(self.context, name)?;
        let found = self.engine.relation(&self.context.session, database, &name.table.name);
        found.map_err(errors::lookup)
    }

    fn create_table(&self, name: &TableName, stable: bool) -> Listed {
        let relation = self.relation(name)?;
        if stable && !matches!(relation, Relation::Super(_)) {
            return Err(errors::no_table(&name.table.name));
        }
        let text = match &relation {
            Relation::Super(table) => create_text::table(table, true),
            Relation::Normal(table) => create_text::table(table, false),
            Relation::Child(child) => {
                let ids: Vec<_> = child.of.def.tags().map(|t| t.id).collect();
                let record = self.engine.child_record(child, &ids)?;
                let record = record.ok_or_else(|| errors::no_table(&child.name))?;
                create_text::child(&child.of, &record)
            }
        };
        Ok(vec![
            Column::text("Table", 192, [Some(&name.table.name)]),
            Column::text("Create Table", 65_517, [Some(text)]),
        ])
    }

    fn create_view(&self, name: &TableName) -> Listed {
        let database = database_of(self.context, name)?;
        let view = &name.table.name;
        let text = self.engine.view_text(&self.context.session, database, view).map_err(errors::lookup)?;
        let text = text.ok_or_else(|| TaosError::new(0x04A1, "view not exists in db"))?;
        Ok(vec![
            Column::text("View", 192, [Some(view)]),
            Column::text(
                "Create View",
                65_517,
                [Some(format!("CREATE VIEW `{database}`.`{view}` AS {text}"))],
            ),
        ])
    }

    fn tags(&self, name: &TableName) -> Listed {
        let relation = self.relation(name)?;
        if matches!(relation, Relation::Normal(_)) {
            return Err(TaosError::new(0x2644, "Permission denied or target object not exist"));
        }
        let table = relation.table();
        let ids: Vec<_> = table.def.tags().map(|t| t.id).collect();
        let children = children_of(self.engine, &relation, &ids)?;
        Ok(self.view.ins_tags(Some((table, children)))?)
    }

    fn table_tags(&self, wanted: &[Ident], name: &TableName) -> Listed {
        let relation = self.relation(name)?;
        let table = relation.table();
        let mut tags = Vec::new();
        if wanted.is_empty() {
            tags.extend(table.def.tags());
        }
        let mut with_name = wanted.is_empty();
        for ident in wanted {
            match table.def.tags().find(|t| t.name == ident.name) {
                Some(tag) => tags.push(tag),
                None if ident.name == "tbname" => with_name = true,
                None => return Err(TaosError::new(0x260E, format!("Invalid tag name: {}", ident.name))),
            }
        }
        let ids: Vec<_> = tags.iter().map(|t| t.id).collect();
        let children = children_of(self.engine, &relation, &ids)?;
        let mut columns = Vec::with_capacity(tags.len() + 1);
        if with_name {
            columns.push(Column::text("tbname", 192, children.iter().map(|c| Some(&c.name))));
        }
        for (at, tag) in tags.into_iter().enumerate() {
            let values = children.iter().map(|c| c.tags.get(at).and_then(Option::as_ref));
            columns.push(Column::tag(tag, values)?);
        }
        Ok(columns)
    }

    fn distributed(&self, name: &TableName) -> Listed {
        let relation = self.relation(name)?;
        let table = relation.table();
        let text =
            format!("_block_dist: table {} of {} series", table.def.name, self.engine.child_count(table));
        Ok(vec![Column::text("_block_dist", 1024, [Some(text)])])
    }

    fn vgroups(&self, database: Option<&Ident>) -> Listed {
        let mut columns = self.view.ins_vgroups();
        if let Some(database) = database {
            let is_of = columns.iter().find(|c| c.meta.name == "db_name").map(|c| c.equals(&database.name));
            if let Some(is_of) = is_of {
                columns = columns.into_iter().map(|c| c.filtered(&is_of)).collect::<Result<_, _>>()?;
            }
            columns.retain(|c| c.meta.name != "db_name");
        }
        Ok(columns)
    }

    fn variables(&self, local: bool, dnode: Option<i64>, pattern: Option<&str>) -> Listed {
        dnode.map_or(Ok(()), require_dnode)?;
        let mut rows = variables();
        if local {
            rows.retain(|(_, _, scope)| *scope != "server");
        }
        let mut names: Vec<String> = rows.iter().map(|r| r.0.to_owned()).collect();
        retain(&mut names, pattern);
        rows.retain(|(name, _, _)| names.iter().any(|n| n == name));
        Ok(vec![
            Column::text("name", 32, rows.iter().map(|r| Some(r.0))),
            Column::text("value", 64, rows.iter().map(|r| Some(r.1.as_str()))),
            Column::text("scope", 8, rows.iter().map(|r| Some(r.2))),
            Column::text("info", 64, rows.iter().map(|_| Some(""))),
        ])
    }

    /// A list that is a system table; of some only the names are shown.
    fn system_table(&self, name: &str) -> Listed {
        let columns = self.view.table(name)?.ok_or_else(|| TaosError::unsupported(name))?;
        let only = match name {
            "ins_functions" => Some("name"),
            "ins_streams" => Some("stream_name"),
            "ins_topics" => Some("topic_name"),
            "ins_views" => Some("view_name"),
            _ => None,
        };
        Ok(columns.into_iter().filter(|c| only.is_none_or(|only| c.meta.name == only)).collect())
    }
}

fn retain(names: &mut Vec<String>, pattern: Option<&str>) {
    if let Some(pattern) = pattern {
        names.retain(|name| like::matches(pattern, name));
    }
    names.sort_unstable();
}
