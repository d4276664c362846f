//! Objects of the vendor's cluster of which there are none here: naming one is an error, dropping one that need not
//! exist is not.

use triglot_engine::Engine;
use triglot_parse_tdengine::ast::{ObjectKind, TableName};

use super::errors;
use super::names::database_of;
use crate::{Context, TaosError};

/// The number of this node, which is the only one.
const DNODE: i64 = 1;

/// `DROP TOPIC [IF EXISTS] t` and the like.
///
/// # Errors
/// The object does not exist, or the database of one that belongs to a database.
pub(super) fn drop(
    engine: &Engine,
    context: &Context,
    kind: ObjectKind,
    name: &TableName,
    if_exists: bool,
) -> Result<(), TaosError> {
    let absent = match kind {
        ObjectKind::Topic => TaosError::new(0x03E1, "Topic not exist"),
        ObjectKind::Stream => TaosError::new(0x03F1, "Stream not exist"),
        ObjectKind::Function => TaosError::new(0x0374, "Func not exist"),
        ObjectKind::Tsma => TaosError::new(0x0481, "index not exist"),
    };
    if kind == ObjectKind::Tsma {
        engine.database(&context.session, database_of(context, name)?).map_err(errors::lookup)?;
    }
    if if_exists { Ok(()) } else { Err(absent) }
}

/// That a node is this one.
///
/// # Errors
/// 0x0331
pub(crate) fn require_dnode(dnode: i64) -> Result<(), TaosError> {
    if dnode == DNODE { Ok(()) } else { Err(TaosError::new(0x0331, "Dnode does not exist")) }
}

/// 0x030C: `KILL QUERY` of what is no query.
pub(super) fn no_query() -> TaosError {
    TaosError::new(0x030C, "Invalid query id")
}

/// 0x030E: `KILL CONNECTION`: requests have no connection that outlives them.
pub(super) fn no_connection() -> TaosError {
    TaosError::new(0x030E, "Invalid connection id")
}

/// 0x03D1: `KILL TRANSACTION`: definitions are carried out at once.
pub(super) fn no_transaction() -> TaosError {
    TaosError::new(0x03D1, "Transaction not exists")
}
