//! The bytes of the catalog's log (M-4). A record of kind [`EVENTS_V1`] is the list of facts of one
//! `apply`; a checkpoint is the list of facts that builds the state, with the id counters.
//!
//! The structs in [`v1`] are frozen: they may not change in any way that changes bytes. A new fact
//! is a new variant (old versions then refuse to open, M-5); a changed one is a new format module
//! and a new record kind.

mod convert;
mod convert_external;
pub(crate) mod v1;

use bytes::Bytes;

use crate::event::Event;
use crate::snapshot::NextIds;

/// Record kind: a JSON [`v1::Events`].
pub(crate) const EVENTS_V1: u16 = 1;

/// What cannot be read or written, as text.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// The payload of a record of kind [`EVENTS_V1`].
pub(crate) fn encode_events(events: Vec<Event>) -> Result<Bytes> {
    let record = v1::Events { events: events.into_iter().map(Into::into).collect() };
    serde_json::to_vec(&record).map(Into::into).map_err(|e| e.to_string())
}

/// The facts of a record.
pub(crate) fn decode_events(kind: u16, payload: &[u8]) -> Result<Vec<Event>> {
    if kind != EVENTS_V1 {
        return Err(format!("record kind {kind} is not known to this version of triglot"));
    }
    let record: v1::Events = serde_json::from_slice(payload).map_err(|e| e.to_string())?;
    Ok(record.events.into_iter().map(Into::into).collect())
}

/// The payload of a checkpoint.
pub(crate) fn encode_checkpoint(next: NextIds, events: Vec<Event>) -> Result<Bytes> {
    let checkpoint =
        v1::Checkpoint { format: 1, next: next.into(), events: events.into_iter().map(Into::into).collect() };
    serde_json::to_vec(&checkpoint).map(Into::into).map_err(|e| e.to_string())
}

/// The content of a checkpoint.
pub(crate) fn decode_checkpoint(payload: &[u8]) -> Result<(NextIds, Vec<Event>)> {
    let checkpoint: v1::Checkpoint = serde_json::from_slice(payload).map_err(|e| e.to_string())?;
    if checkpoint.format != 1 {
        return Err(format!(
            "checkpoint format {} is not known to this version of triglot",
            checkpoint.format
        ));
    }
    Ok((checkpoint.next.into(), checkpoint.events.into_iter().map(Into::into).collect()))
}

#[cfg(test)]
mod tests;
