//! Rows without a schema: line protocol, OpenTSDB, Prometheus. Tables, columns, widths and child tables
//! follow from the rows (sheet `tdengine-http.md` section 5.4); formats and HTTP are the caller's.
//!
//! The caller reads its body into [`Points`] (tables, series, rows, all borrowed). [`write`] compares them
//! with the catalog: where nothing lacks, the body is read once and written; else what lacks is made and
//! the body is read again.

mod points;
mod recall;
mod schema;
mod value;

use std::sync::{Arc, LazyLock};

use futures::lock::Mutex;
use triglot_engine::{Engine, EngineError, Outcome, SeriesRows, Statement};
use triglot_model::ErrorKind;

pub use points::{Options, Points, SeriesOf, Time};
pub use value::Value;

use self::recall::Recall;
use self::schema::Change;
use crate::lower::{errors, names};
use crate::{Context, TaosError};

/// Longer bodies are read on a thread that may be busy.
const INLINE_BYTES: usize = 4 << 10;
/// Others may change the schema at the same time; after so many rounds something is wrong.
const SCHEMA_ROUNDS: usize = 8;
/// Requests that need changes of the schema make them one after another: agents that start together need the same
/// ones, and who waited mostly finds them made. The lock is asynchronous and held by first writes only.
static TURN: LazyLock<Mutex<()>> = LazyLock::new(Mutex::default);

/// What rows are read from: the bytes of a request, or what was gathered of several.
#[derive(Clone, Copy, Debug)]
pub struct Body<B> {
    /// What `read` is given. Read more than once where tables or columns must be made first.
    pub content: B,
    /// About how many bytes there are to read.
    pub bytes: usize,
}

/// Rows that are not written, and why.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why.
    pub error: TaosError,
    /// How many were read, the wrong one included; none where the rows were not looked at.
    pub rows: u64,
}

impl From<TaosError> for Refused {
    fn from(error: TaosError) -> Self {
        Self { error, rows: 0 }
    }
}

impl From<Refused> for TaosError {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

/// Writes the rows that `read` finds in `body` into the request's database; how many.
///
/// Nothing is written if `read` refuses a row; what was made of tables and columns stays.
///
/// # Errors
/// What `read` answers; 0x3002 a value that does not suit its column, 0x3004 two types for one column in a
/// request, 0x2653 values too long for any column, limits of names and rows, missing database and rights.
pub async fn write<B, R>(
    engine: &Engine,
    context: &Context,
    options: Options,
    body: Body<B>,
    read: R,
) -> Result<u64, Refused>
where
    B: Clone + Send + Sync + 'static,
    R: for<'a> Fn(&'a B, &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + Sync + 'static,
{
    let options = Arc::new(options);
    let mut may_recall = true;
    for _ in 0..SCHEMA_ROUNDS {
        let request = Request { engine, context, options: &options, body: &body, read: &read, may_recall };
        match request.prepared().await? {
            Prepared::Rows(rows) if rows.is_empty() => return Ok(0),
            Prepared::Rows(rows) => {
                let count = rows.iter().map(|of_table| of_table.times.len() as u64).sum();
                match engine.execute(&context.session, Statement::InsertRows(rows)).await {
                    Ok(Outcome::Affected(rows)) => return Ok(rows),
                    Ok(Outcome::Done | Outcome::Rows(_)) => return Ok(0),
                    // A child table was dropped meanwhile, or its tags changed: what it is called tells what to do.
                    Err(EngineError::StaleSeries) if may_recall => may_recall = false,
                    Err(error) => return Err(Refused { error: error.into(), rows: count }),
                }
            }
            Prepared::Forgotten => may_recall = false,
            Prepared::Lacking(..) => {
                let turn = TURN.lock().await;
                // Whoever had the turn before may have made it.
                if let Prepared::Lacking(changes, rows) = request.prepared().await? {
                    let made = make(engine, context, changes).await;
                    made.map_err(|error| Refused { error, rows })?;
                }
                drop(turn);
            }
        }
    }
    let text = "Internal error: the schema is changed by others all the time";
    Err(TaosError::new(0x3005, text).into())
}

/// A body with what is needed to read it.
struct Request<'r, B, R> {
    engine: &'r Engine,
    context: &'r Context,
    options: &'r Arc<Options>,
    body: &'r Body<B>,
    read: &'r R,
    /// Whether series of former requests count.
    may_recall: bool,
}

impl<B, R> Request<'_, B, R>
where
    B: Clone + Send + Sync + 'static,
    R: for<'a> Fn(&'a B, &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + Sync + 'static,
{
    /// Reads the body, a long one on a thread that may be busy.
    async fn prepared(&self) -> Result<Prepared, Refused> {
        if self.body.bytes <= INLINE_BYTES {
            let Self { engine, context, options, body, read, may_recall } = *self;
            return prepare(engine, context, options, &body.content, read, may_recall);
        }
        let may_recall = self.may_recall;
        let (engine, context) = (self.engine.clone(), self.context.clone());
        let (options, body, read) = (Arc::clone(self.options), self.body.content.clone(), self.read.clone());
        let work = move || prepare(&engine, &context, &options, &body, &read, may_recall);
        self.engine.compute(work).await.map_err(TaosError::from)?
    }
}

/// What a body came to.
enum Prepared {
    /// Everything its rows need is there.
    Rows(Vec<SeriesRows>),
    /// This must be made first, for so many rows.
    Lacking(Vec<Change>, u64),
    /// A table of which series were recalled is gone.
    Forgotten,
}

fn prepare<'a, B, R>(
    engine: &Engine,
    context: &Context,
    options: &'a Options,
    body: &'a B,
    read: &R,
    may_recall: bool,
) -> Result<Prepared, Refused>
where
    R: for<'b> Fn(&'b B, &mut Points<'b>) -> Result<(), TaosError>,
{
    let database = names::current(context)?;
    let found = engine.database(&context.session, database).map_err(errors::lookup)?;
    let recall = Recall::new(engine, found.id, options, may_recall);
    let mut points = Points::new(found.precision, engine.clock().now_ns(), options, Some(recall));
    let read = read(body, &mut points);
    let rows = points.len() as u64;
    read.map_err(|error| Refused { error, rows: rows + 1 })?;
    let refused = |error| Refused { error, rows };
    let compared = schema::compare(engine, context, &found, &points).map_err(refused)?;
    let Some((targets, lacking)) = compared else { return Ok(Prepared::Forgotten) };
    if lacking.is_empty() {
        points.into_rows(targets, database).map(Prepared::Rows).map_err(refused)
    } else {
        Ok(Prepared::Lacking(lacking, rows))
    }
}

/// Makes tables and columns. Somebody else may have been faster: the next round will tell.
async fn make(engine: &Engine, context: &Context, changes: Vec<Change>) -> Result<(), TaosError> {
    for change in changes {
        let (statement, table) = change.into_parts();
        match engine.execute(&context.session, statement).await {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::TableExists | ErrorKind::ColumnExists) => {}
            Err(error) => return Err(errors::creation(error, errors::super_table_exists, &table)),
        }
    }
    Ok(())
}
