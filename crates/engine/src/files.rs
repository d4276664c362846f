//! Files that triglot does not own: external tables, import and export.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Schema, UInt64Type};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use futures::FutureExt;
use triglot_auth::{Action, Object, allow};
use triglot_catalog::{CatalogOp, CatalogSnapshot};
use triglot_disk::outside;
use triglot_model::{ColumnKind, ErrorKind, ExternalTableDef, FileColumn, FileFormat, FileOptions, TableDef};
use triglot_query::QueryError;
use triglot_query::files::{FileScan, Location, export_plan, files_table, infer_columns};

use crate::{Engine, EngineError, Outcome, Query, Session, TableName};

/// Which files SQL may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileAccess {
    /// Directories below which every user may read and write who may make tables or insert.
    /// Administrators may name any path.
    pub dirs: Vec<PathBuf>,
    /// The data directory: outside of [`Self::dirs`] nobody writes into it.
    pub private: Option<PathBuf>,
}

/// `CREATE EXTERNAL TABLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateExternalTable {
    /// The table.
    pub table: TableName,
    /// No error if it exists.
    pub if_not_exists: bool,
    /// A file, a directory or a pattern, see [`Location::parse`].
    pub location: String,
    /// How the files are read.
    pub options: FileOptions,
    /// The columns; none = those that are found in the files now.
    pub columns: Option<Vec<FileColumn>>,
    /// Columns whose values stand in the names of directories. Text, unless `columns` has them.
    pub partitions: Vec<String>,
}

/// Rows of files on their way into a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// A file, a directory or a pattern.
    pub location: String,
    /// How the files are read.
    pub options: FileOptions,
    /// The names of the columns in files that do not name them (CSV without header); in other files
    /// the columns that are taken. None = the table's, or all.
    pub columns: Option<Vec<String>>,
    /// Whether the types of CSV and JSON values are guessed and then cast, not read as the table's.
    pub infer_types: bool,
}

/// `COPY … TO`: the rows of a query on their way into a file.
#[derive(Clone, Debug)]
pub struct Export {
    /// Its text, for the query list.
    pub text: String,
    /// The rows.
    pub plan: LogicalPlan,
    /// A file that does not exist, or a directory, in which it gets a name of its own.
    pub location: String,
    /// How it is written.
    pub options: FileOptions,
}

impl Engine {
    /// An external table by name; none if there is none, whatever the reason.
    pub fn external_table(&self, session: &Session, name: &TableName) -> Option<Arc<ExternalTableDef>> {
        let catalog = self.catalog();
        if name.tenant.as_ref().is_some_and(|t| *t != session.tenant_name) {
            return None;
        }
        let database = name.database.as_deref().unwrap_or(&session.database_name);
        let database = catalog.database(session.tenant, database)?;
        catalog.external_table(database.id, &name.table).cloned()
    }

    /// The external tables of a database, by name.
    pub fn external_tables(
        &self,
        session: &Session,
        database: &str,
    ) -> Result<Vec<Arc<ExternalTableDef>>, EngineError> {
        let catalog = self.catalog();
        let database = self.database_in(&catalog, session, database)?;
        Ok(catalog.external_tables(database.id).cloned().collect())
    }

    pub(crate) async fn create_external_table(
        &self,
        session: &Session,
        create: CreateExternalTable,
    ) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let name = create.table.database.as_deref().unwrap_or(&session.database_name);
        let database = self.database_in(&catalog, session, name)?;
        allow(&catalog, &session.principal, Action::Create, Object::Database(database.id))?;
        let table = &create.table.table;
        let taken = catalog.table(database.id, table).is_some()
            || catalog.external_table(database.id, table).is_some();
        if taken && create.if_not_exists {
            return Ok(Outcome::Done);
        }
        if taken {
            let error = triglot_catalog::CatalogError::TableExists { table: table.clone() };
            return Err(error.into());
        }
        let location = Location::parse(&create.location)?;
        self.check_access(&catalog, session, location.fixed(), Purpose::Read).await?;
        let inferred = create.columns.is_none();
        let (declared, partitions) = split_partitions(create.columns, &create.partitions);
        let scan = FileScan {
            location,
            options: create.options,
            partitions: partitions.iter().map(|p| (p.name.clone(), p.ty.arrow())).collect(),
        };
        let columns = match declared {
            Some(columns) => columns,
            None => self.found_columns(session, &scan).await?,
        };
        // What cannot be read is told now and not by the first query.
        files_table(&scan, schema_of(&columns))?;
        let op = CatalogOp::CreateExternalTable(ExternalTableDef {
            database: database.id,
            name: create.table.table,
            location: create.location,
            options: create.options,
            columns,
            partitions,
            inferred,
        });
        self.apply_unless_exists(op, create.if_not_exists).await
    }

    /// The columns that files have now.
    async fn found_columns(
        &self,
        session: &Session,
        scan: &FileScan,
    ) -> Result<Vec<FileColumn>, EngineError> {
        let (scan, session) = (scan.clone(), self.query_session(session));
        // Opening and reading files belongs on the query threads.
        self.on_query_runtime(async move {
            // The Parquet reader trusts the lengths in a footer, and panics when they are wrong.
            let read = AssertUnwindSafe(infer_columns(&scan, &session)).catch_unwind().await;
            let schema = read.unwrap_or_else(|_| {
                let message = format!("the files at {} cannot be read", scan.location.path());
                Err(QueryError::Refused { kind: ErrorKind::Execution, message, source: None })
            })?;
            let columns: Result<Vec<_>, _> =
                schema.fields().iter().map(|f| FileColumn::try_from(f.as_ref())).collect();
            columns.map_err(|e| QueryError::refused(ErrorKind::NotSupported, e).into())
        })
        .await
    }

    /// A plan of the rows of files whose columns have names of `def`'s columns. Unless types are to
    /// be inferred, CSV and JSON cells are read as the table's types, so that no guess alters them
    /// (`007` stays text in a column of text). Columns of the files that the table does not have
    /// keep their names: whoever inserts refuses them.
    ///
    /// # Errors
    /// Paths that the user may not name, no files, files of another format or with another number
    /// of columns than `columns`.
    pub async fn import_plan(
        &self,
        session: &Session,
        def: &TableDef,
        import: &Import,
    ) -> Result<LogicalPlan, EngineError> {
        let catalog = self.catalog();
        let location = Location::parse(&import.location)?;
        self.check_access(&catalog, session, location.fixed(), Purpose::Read).await?;
        let scan = FileScan { location, options: import.options, partitions: Vec::new() };
        let mut columns = self.found_columns(session, &scan).await?;
        let nameless = import.options.format == FileFormat::Csv && !import.options.header;
        if nameless {
            let all = || def.columns.iter().map(|c| c.name.clone()).collect();
            let names: Vec<String> = import.columns.clone().unwrap_or_else(all);
            if names.len() != columns.len() {
                return Err(EngineError::FileColumns {
                    location: import.location.clone(),
                    found: columns.len(),
                    expected: names.len(),
                });
            }
            columns.iter_mut().zip(names).for_each(|(column, name)| column.name = name);
        }
        let mut schema = schema_of(&columns);
        if import.options.format != FileFormat::Parquet {
            schema = Arc::new(read_as(&schema, def, import.infer_types));
        }
        let table = files_table(&scan, schema)?;
        let mut plan = LogicalPlanBuilder::scan("files", provider_as_source(table), None);
        if let Some(wanted) = import.columns.as_ref().filter(|_| !nameless) {
            let columns = wanted.iter().map(datafusion::prelude::ident);
            plan = plan.and_then(|p| p.project(columns.collect::<Vec<_>>()));
        }
        Ok(plan.and_then(|p| p.build()).map_err(QueryError::from)?)
    }

    pub(crate) async fn export(&self, session: &Session, export: Export) -> Result<Outcome, EngineError> {
        let catalog = self.catalog();
        let location = Location::parse(&export.location)?;
        if location.is_pattern() {
            return Err(EngineError::NotSupported("writing to a pattern of paths"));
        }
        self.check_access(&catalog, session, location.fixed(), Purpose::Write).await?;
        let file = self.export_file(location, &export.options).await?;
        let part = Unfinished(part_name(&file, self.clock().now_ns()));
        let plan = export_plan(export.plan, &part.0, &export.options)?;
        let query = Query { text: export.text, plan, target_partitions: None };
        let answer = self.run_query(session, query).await?.collect().await?;
        let written = answer.first().and_then(|batch| {
            batch.columns().first()?.as_primitive_opt::<UInt64Type>()?.iter().next().flatten()
        });
        let Some(rows) = written else {
            return Err(EngineError::Internal("an export did not tell how much it wrote".to_owned()));
        };
        let name = file.clone();
        blocking(move || {
            let published = outside::publish(&part.0, &name);
            drop(part);
            published
        })
        .await?
        .map_err(|error| EngineError::File { path: file, error })?;
        Ok(Outcome::Affected(rows))
    }

    /// The file that an export writes: as named, or a new name in a directory.
    async fn export_file(&self, location: Location, options: &FileOptions) -> Result<PathBuf, EngineError> {
        let now = self.clock().now_ns();
        let extension = file_extension(options);
        blocking(move || {
            let path = PathBuf::from(location.path());
            // A last part without a dot is a directory that is yet to be made, as with CnosDB.
            let directory = !location.file_name().contains('.') || outside::is_directory(&path);
            let file = if directory { path.join(format!("{now}.{extension}")) } else { path };
            if outside::exists(&file) {
                let error = std::io::ErrorKind::AlreadyExists.into();
                return Err(EngineError::File { path: file, error });
            }
            Ok(file)
        })
        .await?
    }

    /// The text of a file that a statement names, of at most `longest` bytes. It lies below one of
    /// [`FileAccess::dirs`]: rows in a client's text are no reason to read other files, whoever asks.
    ///
    /// # Errors
    /// [`EngineError::FileDenied`] for other paths, [`EngineError::File`] for what is not there, too long or no text.
    pub async fn read_listed_file(&self, path: &Path, longest: u64) -> Result<String, EngineError> {
        let (access, path) = (self.0.files.clone(), path.to_owned());
        blocking(move || {
            let failed = |error| EngineError::File { path: path.clone(), error };
            let real = outside::resolve(&path).map_err(failed)?;
            if !is_below(&real, &access.dirs) {
                return Err(EngineError::FileDenied { path });
            }
            outside::read_text(&real, longest).map_err(failed)
        })
        .await?
    }

    /// Administrators may name every path, others those below the configured directories. Links are
    /// followed first, so a link in such a directory opens nothing else.
    async fn check_access(
        &self,
        catalog: &CatalogSnapshot,
        session: &Session,
        path: &Path,
        purpose: Purpose,
    ) -> Result<(), EngineError> {
        let (access, path) = (self.0.files.clone(), path.to_owned());
        let (open, private) = blocking(move || {
            let real =
                outside::resolve(&path).map_err(|error| EngineError::File { path: path.clone(), error })?;
            Ok::<_, EngineError>((is_below(&real, &access.dirs), is_below(&real, &access.private)))
        })
        .await??;
        if open {
            return Ok(());
        }
        if private && purpose == Purpose::Write {
            return Err(EngineError::NotSupported("writing files into the data directory"));
        }
        Ok(allow(catalog, &session.principal, Action::Admin, Object::Cluster)?)
    }
}

/// Whether a resolved path lies in one of the directories; links to these are followed.
fn is_below<'d>(real: &Path, dirs: impl IntoIterator<Item = &'d PathBuf>) -> bool {
    dirs.into_iter().any(|dir| outside::resolve(dir).is_ok_and(|dir| real.starts_with(dir)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Write,
}

/// A file that is being written; what is left of it goes with this.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Err(error) = outside::discard(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "an unfinished export could not be removed");
        }
    }
}

/// Hidden beside the file, so that renaming stays on one filesystem.
fn part_name(file: &Path, now_ns: i64) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.{now_ns}.partial"))
}

fn file_extension(options: &FileOptions) -> String {
    use triglot_model::FileCompression as C;
    let compression = match options.compression {
        C::None => "",
        C::Gzip => ".gz",
        C::Bzip2 => ".bz2",
        C::Xz => ".xz",
        C::Zstd => ".zst",
    };
    format!("{}{compression}", options.format.extension())
}

/// Runs blocking work where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| EngineError::Internal(e.to_string()))
}

fn schema_of(columns: &[FileColumn]) -> Arc<Schema> {
    Arc::new(Schema::new(columns.iter().map(FileColumn::field).collect::<Vec<_>>()))
}

/// Takes the partition columns out of the declared ones; those that were not declared are text.
fn split_partitions(
    columns: Option<Vec<FileColumn>>,
    partitions: &[String],
) -> (Option<Vec<FileColumn>>, Vec<FileColumn>) {
    let declared = |name: &String| columns.iter().flatten().find(|c| c.name == *name).cloned();
    let text =
        |name: &String| FileColumn { name: name.clone(), ty: triglot_model::FileType::Text, nullable: true };
    let found = partitions.iter().map(|name| declared(name).unwrap_or_else(|| text(name))).collect();
    let rest = columns.map(|all| all.into_iter().filter(|c| !partitions.contains(&c.name)).collect());
    (rest, found)
}

/// The types that cells of text are read as. Times are read as whole numbers or text, which the
/// insert turns into times without loss.
fn read_as(found: &Schema, def: &TableDef, infer: bool) -> Schema {
    let fields = found.fields().iter().map(|field| {
        let ty = match def.column(field.name()) {
            Some(column) if column.kind == ColumnKind::Time => match field.data_type() {
                DataType::Int64 => DataType::Int64,
                _ => DataType::Utf8,
            },
            Some(column) if !infer && column.kind == ColumnKind::Tag => DataType::Utf8,
            Some(column) if !infer => column.ty.arrow(),
            _ => field.data_type().clone(),
        };
        Field::new(field.name(), ty, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}
