//! UPSERT and ON CONFLICT of relational tables.

use triglot_engine::OnDuplicate;
use triglot_model::{ColumnId, KeyedDef, TableDef};

use super::errors;
use super::target::Targets;
use crate::KwError;
use crate::ast::{ConflictAction, OnConflict};

/// What a statement does with rows whose key is taken.
pub(super) fn on_duplicate(
    def: &TableDef,
    targets: &Targets,
    is_upsert: bool,
    conflict: Option<&OnConflict>,
) -> Result<OnDuplicate, KwError> {
    let unreadable = |e: triglot_model::UnreadableKeys| KwError::new("XX000", e.to_string());
    let keyed = KeyedDef::of(def).map_err(unreadable)?.unwrap_or_default();
    match (is_upsert, conflict) {
        (false, None) => Ok(OnDuplicate::Refuse),
        (true, Some(_)) => Err(KwError::new("42601", "UPSERT with ON CONFLICT is not supported")),
        // A table without a key has nothing to find a row by: every row is a new one.
        (true, None) if keyed.unique.is_empty() => Ok(OnDuplicate::Refuse),
        (true, None) => {
            let listed = targets.listed.iter().filter_map(|at| targets.columns.get(*at));
            Ok(OnDuplicate::Update { key: 0, columns: listed.map(|c| c.id).collect() })
        }
        (false, Some(OnConflict { key, action })) => {
            let key = if key.is_empty() { None } else { Some(key_of(def, &keyed, key)?) };
            match (action, key) {
                (ConflictAction::Nothing, key) => Ok(OnDuplicate::Skip { key }),
                (ConflictAction::Update(_), None) => Err(KwError::new(
                    "42601",
                    "ON CONFLICT DO UPDATE requires inference specification or constraint name",
                )),
                (ConflictAction::Update(changes), Some(key)) => {
                    let columns = changes.iter().map(|(to, from)| same_column(def, to, from));
                    Ok(OnDuplicate::Update { key, columns: columns.collect::<Result<_, _>>()? })
                }
            }
        }
    }
}

/// The unique key over exactly these columns.
fn key_of(def: &TableDef, keyed: &KeyedDef, names: &[String]) -> Result<usize, KwError> {
    let mut ids: Vec<ColumnId> = Vec::with_capacity(names.len());
    for name in names {
        ids.push(def.column(name).ok_or_else(|| errors::no_column(name))?.id);
    }
    ids.sort_unstable();
    let same = |columns: &[ColumnId]| {
        let mut columns = columns.to_vec();
        columns.sort_unstable();
        columns == ids
    };
    keyed.unique.iter().position(|unique| same(&unique.columns)).ok_or_else(|| {
        let message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
        KwError::new("42P10", message)
    })
}

/// The column of `column = EXCLUDED.column`.
fn same_column(def: &TableDef, to: &str, from: &str) -> Result<ColumnId, KwError> {
    let column = def.column(to).ok_or_else(|| errors::no_column(to))?;
    def.column(from).ok_or_else(|| errors::no_column(from))?;
    if to == from {
        Ok(column.id)
    } else {
        Err(KwError::unsupported("ON CONFLICT DO UPDATE SET with the value of another column"))
    }
}
