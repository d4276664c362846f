//! `INSERT … FILE`: files of the server's, each line a row.

use std::path::Path;

use triglot_engine::{Engine, EngineError};
use triglot_parse_tdengine::ast::{Insert, InsertSource};
use triglot_parse_tdengine::limits::MAX_STATEMENT_BYTES;

use crate::TaosError;

/// The texts of the files that a statement names, in its order.
///
/// # Errors
/// 0x0303 for files outside of the configured directories, 0x0219 for too long ones, 0x021A for empty ones, 0x0002
/// for what is not there; 0x2800 for what cannot be read.
pub(super) async fn read(engine: &Engine, insert: &Insert) -> Result<Vec<String>, TaosError> {
    let mut texts = Vec::new();
    for target in &insert.targets {
        let InsertSource::File(path) = &target.source else { continue };
        let longest = MAX_STATEMENT_BYTES as u64;
        let text = engine.read_listed_file(Path::new(path), longest).await.map_err(refused)?;
        if text.trim().is_empty() {
            return Err(TaosError::new(0x021A, "File is empty"));
        }
        texts.push(text);
    }
    Ok(texts)
}

fn refused(error: EngineError) -> TaosError {
    match &error {
        EngineError::File { error, .. } if error.kind() == std::io::ErrorKind::NotFound => {
            // The vendor gives the operating system's number.
            TaosError::new(0x0002, "No such file or directory")
        }
        EngineError::File { error, .. } if error.kind() == std::io::ErrorKind::FileTooLarge => {
            TaosError::new(0x0219, "SQL statement too long")
        }
        EngineError::FileDenied { .. } => TaosError::new(0x0303, "Insufficient privilege for operation"),
        _ => TaosError::from(error),
    }
}
