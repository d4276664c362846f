use super::{duration, expr, ident, join, option, query, table, text};
use crate::ast::{
    ColumnSpec, CreateChild, DatabaseOption, InsertSource, InsertTarget, OptionValue, PrivilegeTarget,
    RawValue, Show, Statement, TableChange, TableKind, TableOption, TypeName, UserOption,
};

pub(crate) fn type_name(ty: &TypeName) -> String {
    let sized = |word: &str, length: &Option<i64>| {
        format!("{word}{}", option(length.as_ref(), "", |length| format!("({length})")))
    };
    let signed = |word: &str, unsigned: &bool| format!("{word}{}", if *unsigned { " UNSIGNED" } else { "" });
    match ty {
        TypeName::Timestamp => "TIMESTAMP".into(),
        TypeName::Bool => "BOOL".into(),
        TypeName::TinyInt { unsigned } => signed("TINYINT", unsigned),
        TypeName::SmallInt { unsigned } => signed("SMALLINT", unsigned),
        TypeName::Int { unsigned } => signed("INT", unsigned),
        TypeName::BigInt { unsigned } => signed("BIGINT", unsigned),
        TypeName::Float => "FLOAT".into(),
        TypeName::Double => "DOUBLE".into(),
        TypeName::Decimal { precision, scale } => format!("DECIMAL({precision}, {scale})"),
        TypeName::Varchar(n) => sized("VARCHAR", n),
        TypeName::Nchar(n) => sized("NCHAR", n),
        TypeName::Varbinary(n) => sized("VARBINARY", n),
        TypeName::Geometry(n) => sized("GEOMETRY", n),
        TypeName::Json => "JSON".into(),
        TypeName::Blob => "BLOB".into(),
    }
}

pub(crate) fn statement(s: &Statement, sql: &str) -> String {
    let if_not = |b: &bool| if *b { "IF NOT EXISTS " } else { "" };
    let if_exists = |b: &bool| if *b { "IF EXISTS " } else { "" };
    match s {
        Statement::Query(q) => query(q),
        Statement::Explain { analyze, verbose, query: q } => {
            let analyze = if *analyze { "ANALYZE " } else { "" };
            format!("EXPLAIN {analyze}VERBOSE {verbose} {}", query(q))
        }
        Statement::Insert(insert) => {
            let targets: String = insert.targets.iter().map(|t| target(t, sql)).collect();
            format!("INSERT INTO{targets}")
        }
        Statement::Delete { table: t, filter } => {
            format!("DELETE FROM {}{}", table(t), option(filter.as_ref(), " WHERE ", expr))
        }
        Statement::CreateDatabase(c) => {
            format!(
                "CREATE DATABASE {}{}{}",
                if_not(&c.if_not_exists),
                ident(&c.name),
                db_options(&c.options)
            )
        }
        Statement::AlterDatabase(a) => format!("ALTER DATABASE {}{}", ident(&a.name), db_options(&a.options)),
        Statement::DropDatabase { name, if_exists: e } => {
            format!("DROP DATABASE {}{}", if_exists(e), ident(name))
        }
        Statement::Use(name) => format!("USE {}", ident(name)),
        Statement::FlushDatabase(name) => format!("FLUSH DATABASE {}", ident(name)),
        Statement::TrimDatabase(name) => format!("TRIM DATABASE {}", ident(name)),
        Statement::CompactDatabase { name, bounds } => {
            // One bound alone prints as the first: what it is called is not kept.
            let bounds = ["START", "END"].iter().zip(bounds);
            let bounds: String = bounds.map(|(word, e)| format!(" {word} WITH {}", expr(e))).collect();
            format!("COMPACT DATABASE {}{bounds}", ident(name))
        }
        Statement::CreateTable(c) => {
            let word = if c.stable { "STABLE" } else { "TABLE" };
            let tags =
                if c.tags.is_empty() { String::new() } else { format!(" TAGS ({})", join(&c.tags, column)) };
            let columns = join(&c.columns, column);
            let (not, name) = (if_not(&c.if_not_exists), table(&c.name));
            format!("CREATE {word} {not}{name} ({columns}){tags}{}", tb_options(&c.options))
        }
        Statement::CreateChildren(children) => {
            format!("CREATE TABLE{}", children.iter().map(child).collect::<String>())
        }
        Statement::DropTables(targets) => {
            let stable = targets.iter().any(|t| t.stable);
            let word = if stable { "STABLE" } else { "TABLE" };
            let each = join(targets, |t| format!("{}{}", if_exists(&t.if_exists), table(&t.name)));
            format!("DROP {word} {each}")
        }
        Statement::AlterTable(a) => {
            let word = if a.stable { "STABLE" } else { "TABLE" };
            format!("ALTER {word} {} {}", table(&a.name), change(&a.change))
        }
        Statement::CreateUser { name, password, options } => {
            let options: String = options.iter().map(|o| format!(" {}", user_option(o))).collect();
            format!("CREATE USER {} PASS {}{options}", ident(name), text(password))
        }
        Statement::AlterUser { name, option } => format!("ALTER USER {} {}", ident(name), alter_user(option)),
        Statement::DropUser { name, if_exists: e } => format!("DROP USER {}{}", if_exists(e), ident(name)),
        Statement::Grant(g) => {
            let (verb, to) = if g.revoke { ("REVOKE", "FROM") } else { ("GRANT", "TO") };
            let privileges = join(&g.privileges, |p| format!("{p:?}").to_uppercase());
            let target = match &g.target {
                PrivilegeTarget::Everything => "*.*".into(),
                PrivilegeTarget::Database(d) => ident(d) + ".*",
                PrivilegeTarget::Table { table: t, filter } => {
                    table(t) + &option(filter.as_ref(), " WITH ", expr)
                }
            };
            format!("{verb} {privileges} ON {target} {to} {}", ident(&g.user))
        }
        Statement::Show(s) => format!("SHOW {}", show(s)),
        Statement::Describe(t) => format!("DESCRIBE {}", table(t)),
        Statement::CreateView { name, or_replace, query: q, text } => {
            let replace = if *or_replace { "OR REPLACE " } else { "" };
            assert_eq!(sql.get(text.start as usize..text.end as usize).map(str::trim), Some(query_text(sql)));
            format!("CREATE {replace}VIEW {} AS {}", table(name), query(q))
        }
        Statement::DropView { name, if_exists: e } => format!("DROP VIEW {}{}", if_exists(e), table(name)),
        Statement::CreateIndex { name, if_not_exists: e, table: t, columns } => {
            let exists = if *e { "IF NOT EXISTS " } else { "" };
            format!("CREATE INDEX {exists}{} ON {} ({})", table(name), table(t), join(columns, ident))
        }
        Statement::DropIndex { name, if_exists: e } => format!("DROP INDEX {}{}", if_exists(e), table(name)),
        Statement::KillQuery(id) => format!("KILL QUERY {}", text(id)),
        Statement::KillConnection => "KILL CONNECTION 1".into(),
        Statement::KillTransaction => "KILL TRANSACTION 1".into(),
        Statement::AlterDnode(n) => format!("ALTER DNODE {n} 'k'"),
        Statement::DropObject { kind, name, if_exists: e } => {
            format!("DROP {} {}{}", format!("{kind:?}").to_uppercase(), if_exists(e), table(name))
        }
        Statement::Retired => "SHOW ACCOUNTS".into(),
        Statement::NoEffect => "RESET QUERY CACHE".into(),
        Statement::Unsupported(what) => format!("unsupported: {what}"),
    }
}

/// What stands behind the first `as` of a CREATE VIEW.
fn query_text(sql: &str) -> &str {
    let at = sql.to_ascii_lowercase().find(" as ").expect("a view has AS");
    sql[at + 4..].trim_end_matches(';').trim()
}

fn db_options(options: &[DatabaseOption]) -> String {
    options
        .iter()
        .map(|o| {
            if o.name == "retentions" {
                let pairs: Vec<_> =
                    o.values.chunks(2).map(|p| format!("{}:{}", raw(&p[0]), raw(&p[1]))).collect();
                return format!(" RETENTIONS {}", pairs.join(", "));
            }
            format!(" {} {}", o.name.to_uppercase(), join(&o.values, value))
        })
        .collect()
}

fn raw(v: &OptionValue) -> String {
    match v {
        OptionValue::Text(dash) => dash.clone(),
        other => value(other),
    }
}

fn value(v: &OptionValue) -> String {
    match v {
        OptionValue::Int(v) => v.to_string(),
        OptionValue::Float(v) => format!("{v:?}"),
        OptionValue::Duration(v) => duration(v),
        OptionValue::Text(v) => text(v),
    }
}

fn column(c: &ColumnSpec) -> String {
    let quoted = |word: &str, value: &Option<String>| option(value.as_ref(), word, |v| text(v));
    format!(
        "{} {}{}{}{}{}{}",
        ident(&c.name),
        type_name(&c.ty),
        if c.key { " PRIMARY KEY" } else { "" },
        quoted(" ENCODE ", &c.encode),
        quoted(" COMPRESS ", &c.compress),
        quoted(" LEVEL ", &c.level),
        quoted(" COMMENT ", &c.comment)
    )
}

fn tb_options(options: &[TableOption]) -> String {
    let each = |o: &TableOption| match o {
        TableOption::Comment(v) => format!("COMMENT {}", text(v)),
        TableOption::Ttl(v) => format!("TTL {v}"),
        TableOption::Sma(c) => format!("SMA({})", join(c, ident)),
        TableOption::Keep(v) => format!("KEEP {}", value(v)),
        TableOption::Rollup(f) => format!("ROLLUP({})", join(f, ident)),
        TableOption::MaxDelay(d) => format!("MAX_DELAY {}", join(d, duration)),
        TableOption::Watermark(d) => format!("WATERMARK {}", join(d, duration)),
    };
    options.iter().map(|o| format!(" {}", each(o))).collect()
}

fn names(names: Option<&Vec<crate::ast::Ident>>) -> String {
    option(names, " ", |names| format!("({})", join(names, ident)))
}

fn child(c: &CreateChild) -> String {
    format!(
        " {}{} USING {}{} TAGS ({}){}",
        if c.if_not_exists { "IF NOT EXISTS " } else { "" },
        table(&c.name),
        table(&c.using),
        names(c.tag_names.as_ref()),
        join(&c.tags, expr),
        tb_options(&c.options)
    )
}

fn change(c: &TableChange) -> String {
    match c {
        TableChange::AddColumn(c) => format!("ADD COLUMN {}", column(c)),
        TableChange::DropColumn(c) => format!("DROP COLUMN {}", ident(c)),
        TableChange::ModifyColumn(c) => format!("MODIFY COLUMN {}", column(c)),
        TableChange::RenameColumn(a, b) => format!("RENAME COLUMN {} {}", ident(a), ident(b)),
        TableChange::AddTag(c) => format!("ADD TAG {}", column(c)),
        TableChange::DropTag(c) => format!("DROP TAG {}", ident(c)),
        TableChange::ModifyTag(c) => format!("MODIFY TAG {}", column(c)),
        TableChange::RenameTag(a, b) => format!("RENAME TAG {} {}", ident(a), ident(b)),
        TableChange::SetTags(pairs) => {
            format!("SET TAG {}", join(pairs, |(t, v)| format!("{} = {}", ident(t), expr(v))))
        }
        TableChange::Options(options) => tb_options(options).trim_start().to_owned(),
    }
}

fn user_option(o: &UserOption) -> String {
    let hosts = |hosts: &Vec<String>| join(hosts, |h| text(h));
    match o {
        UserOption::Password(p) => format!("PASS {}", text(p)),
        UserOption::Enable(b) => format!("ENABLE {}", u8::from(*b)),
        UserOption::SysInfo(b) => format!("SYSINFO {}", u8::from(*b)),
        UserOption::CreateDb(b) => format!("CREATEDB {}", u8::from(*b)),
        UserOption::IsImport(b) => format!("IS_IMPORT {}", u8::from(*b)),
        UserOption::AddHosts(h) => format!("HOST {}", hosts(h)),
        UserOption::DropHosts(h) => format!("DROP HOST {}", hosts(h)),
    }
}

fn alter_user(o: &UserOption) -> String {
    match o {
        UserOption::AddHosts(_) => format!("ADD {}", user_option(o)),
        other => user_option(other),
    }
}

fn show(s: &Show) -> String {
    let like = |p: &Option<String>| option(p.as_ref(), " LIKE ", |p| text(p));
    let of = |d: &Option<_>| option(d.as_ref(), "", |d| ident(d) + ".");
    match s {
        Show::Databases { system: None } => "DATABASES".into(),
        Show::Databases { system: Some(true) } => "SYSTEM DATABASES".into(),
        Show::Databases { system: Some(false) } => "USER DATABASES".into(),
        Show::Tables { kind, database, like: p } => {
            let kind = match kind {
                TableKind::All => "",
                TableKind::Normal => "NORMAL ",
                TableKind::Child => "CHILD ",
            };
            format!("{kind}{}TABLES{}", of(database), like(p))
        }
        Show::Stables { database, like: p } => format!("{}STABLES{}", of(database), like(p)),
        Show::CreateDatabase(d) => format!("CREATE DATABASE {}", ident(d)),
        Show::CreateTable { table: t, stable } => {
            format!("CREATE {} {}", if *stable { "STABLE" } else { "TABLE" }, table(t))
        }
        Show::CreateView(t) => format!("CREATE VIEW {}", table(t)),
        Show::Tags { table: t } => format!("TAGS FROM {}", table(t)),
        Show::TableTags { tags, table: t } => {
            let space = if tags.is_empty() { "" } else { " " };
            format!("TABLE TAGS {}{space}FROM {}", join(tags, ident), table(t))
        }
        Show::Indexes(t) => format!("INDEXES FROM {}", table(t)),
        Show::Distributed(t) => format!("TABLE DISTRIBUTED {}", table(t)),
        Show::Vgroups(d) => format!("{}VGROUPS", of(d)),
        Show::Alive(d) => format!("{}ALIVE", of(d)),
        Show::ClusterAlive => "CLUSTER ALIVE".into(),
        Show::Variables { local, dnode, like: p } => {
            let local = if *local { "LOCAL " } else { "" };
            format!("{local}{}VARIABLES{}", option(dnode.as_ref(), "DNODE ", |n| format!("{n} ")), like(p))
        }
        Show::Table(name) => format!("rows of {name}"),
    }
}

fn target(t: &InsertTarget, sql: &str) -> String {
    let mut out = format!(" {}", table(&t.table));
    if let Some(using) = &t.using {
        out += &format!(" USING {}{}", table(&using.table), names(using.tag_names.as_ref()));
        out += &format!(" TAGS ({})", join(&using.tags, |v| raw_value(v, sql)));
        out += &option(using.ttl.as_ref(), " TTL ", i64::to_string);
        out += &option(using.comment.as_ref(), " COMMENT ", |c| text(c));
    }
    out += &names(t.columns.as_ref());
    match &t.source {
        InsertSource::Values { values, rows } => {
            out += " VALUES";
            for row in rows {
                let first = row.first as usize;
                let values = &values[first..first + row.len as usize];
                out += &format!(" ({})", join(values, |v| raw_value(v, sql)));
            }
        }
        InsertSource::File(path) => out += &format!(" FILE {}", text(path)),
        InsertSource::Query(q) => out += &format!(" {}", query(q)),
    }
    out
}

fn raw_value(v: &RawValue, sql: &str) -> String {
    let span = v.span();
    let source = &sql[span.start as usize..span.end as usize];
    match v {
        RawValue::Null(_) => "NULL".into(),
        RawValue::Bool(b, _) => b.to_string(),
        RawValue::Number(_) => {
            assert!(crate::lex::number(source).is_some(), "no number: {source}");
            source.into()
        }
        RawValue::Text(_) => text(&crate::lex::unescape(source)),
        RawValue::Time(span) => {
            let time = crate::parse_expression(sql, *span).expect("a time is an expression");
            assert_eq!(time.span, *span);
            source.into()
        }
    }
}
