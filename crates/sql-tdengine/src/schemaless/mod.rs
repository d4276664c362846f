//! Rows without a schema: line protocol, OpenTSDB, Prometheus. Tables, columns, widths and child tables
//! follow from the rows (sheet `tdengine-http.md` section 5.4); formats and HTTP are the caller's.
//!
//! The caller reads its body into [`Points`] (tables, series, rows, all borrowed). [`write`] compares them
//! with the catalog: where nothing lacks, the body is read once and written; else what lacks is made and
//! the body is read again.

mod points;
mod schema;
mod value;

use std::sync::Arc;

use triglot_engine::{Engine, SeriesRows};
use triglot_model::ErrorKind;

pub use points::{Options, Points, SeriesOf, Time};
pub use value::Value;

use self::schema::Change;
use crate::lower::{errors, names};
use crate::{Answer, Context, TaosError, insert};

/// Longer bodies are read on a thread that may be busy.
const INLINE_BYTES: usize = 4 << 10;
/// Others may change the schema at the same time; after so many rounds something is wrong.
const SCHEMA_ROUNDS: usize = 8;

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
    body: B,
    read: R,
) -> Result<u64, TaosError>
where
    B: AsRef<[u8]> + Clone + Send + 'static,
    R: for<'a> Fn(&'a [u8], &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + 'static,
{
    let options = Arc::new(options);
    for _ in 0..SCHEMA_ROUNDS {
        let prepared = if body.as_ref().len() <= INLINE_BYTES {
            prepare(engine, context, &options, body.as_ref(), &read)?
        } else {
            let (engine_there, context_there) = (engine.clone(), context.clone());
            let (options, body, read) = (Arc::clone(&options), body.clone(), read.clone());
            let work = move || prepare(&engine_there, &context_there, &options, body.as_ref(), &read);
            engine.compute(work).await??
        };
        match prepared {
            Prepared::Rows(rows) if rows.is_empty() => return Ok(0),
            Prepared::Rows(rows) => {
                return match insert::write(engine, context, rows).await? {
                    Answer::Affected(rows) => Ok(rows),
                    Answer::Rows(_) => Ok(0),
                };
            }
            Prepared::Lacking(changes) => make(engine, context, changes).await?,
        }
    }
    Err(TaosError::new(0x3005, "Internal error: the schema is changed by others all the time"))
}

/// What a body came to.
enum Prepared {
    /// Everything its rows need is there.
    Rows(Vec<SeriesRows>),
    /// This must be made first.
    Lacking(Vec<Change>),
}

fn prepare<'a, R>(
    engine: &Engine,
    context: &Context,
    options: &'a Options,
    body: &'a [u8],
    read: &R,
) -> Result<Prepared, TaosError>
where
    R: for<'b> Fn(&'b [u8], &mut Points<'b>) -> Result<(), TaosError>,
{
    let database = names::current(context)?;
    let found = engine.database(&context.session, database).map_err(errors::lookup)?;
    let mut points = Points::new(found.precision, engine.clock().now_ns(), options);
    read(body, &mut points)?;
    let (targets, lacking) = schema::compare(engine, context, &found, &points)?;
    if lacking.is_empty() {
        points.into_rows(targets, database).map(Prepared::Rows)
    } else {
        Ok(Prepared::Lacking(lacking))
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
