//! The reference: a map of rows and the folding semantics of the data model, written down again
//! without a look at the engine.

use std::collections::{BTreeMap, BTreeSet};

use triglot_model::{ColumnId, IdentityRule, RowOp};

use super::{InRow, Query, T1, T2};
use crate::{SeriesKey, TimeRange};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Float(u64),
    Text(String),
}

/// What names a series to a reader.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) child: Option<String>,
    pub(crate) t1: Option<String>,
    pub(crate) t2: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OutRow {
    pub(crate) key: Key,
    pub(crate) time: i64,
    pub(crate) values: Vec<Value>,
}

/// One table.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    rule: IdentityRule,
    pub(crate) series: Vec<Key>,
    /// The key that each series was made with.
    pub(crate) born: Vec<Key>,
    rows: BTreeMap<(usize, i64), BTreeMap<ColumnId, Value>>,
}

impl Model {
    pub(crate) fn new(rule: IdentityRule) -> Self {
        Self { rule, series: Vec::new(), born: Vec::new(), rows: BTreeMap::new() }
    }

    pub(crate) fn write(&mut self, op: RowOp, rows: &[InRow]) {
        for row in rows {
            let series = self.series_of(&row.key);
            let written: BTreeMap<_, _> = row.values.iter().cloned().collect();
            let place = (series, row.time);
            let old = self.rows.remove(&place);
            let new = match (op, old) {
                (RowOp::Delete, _) => None,
                (RowOp::Replace, _) => Some(written),
                (RowOp::InsertIfAbsent, Some(old)) => Some(old),
                (RowOp::InsertIfAbsent | RowOp::Merge, None) => Some(written),
                (RowOp::Merge, Some(mut old)) => {
                    for (column, value) in written {
                        if value != Value::Null || row.explicit {
                            old.insert(column, value);
                        }
                    }
                    Some(old)
                }
            };
            if let Some(new) = new {
                self.rows.insert(place, new);
            }
        }
    }

    pub(crate) fn delete(&mut self, time: TimeRange, t1: Option<&str>) {
        let series: BTreeSet<usize> = self.with_t1(t1);
        self.rows.retain(|(s, t), _| !(series.contains(s) && time.start <= *t && *t <= time.end));
    }

    /// False if the change is to be refused.
    pub(crate) fn set_tag(&mut self, series: usize, t2: Option<&str>) -> bool {
        let mut key = self.series[series].clone();
        key.t2 = t2.map(str::to_owned);
        let taken = self.rule == IdentityRule::AllTags
            && self.series.iter().enumerate().any(|(i, k)| i != series && *k == key);
        if !taken {
            self.series[series] = key;
        }
        !taken
    }

    pub(crate) fn read(&self, query: &Query) -> Vec<OutRow> {
        let series = self.with_t1(query.t1.as_deref());
        let mut rows: Vec<OutRow> = self
            .rows
            .iter()
            .filter(|((s, t), _)| series.contains(s) && query.time.start <= *t && *t <= query.time.end)
            .map(|((s, t), row)| OutRow {
                key: self.series[*s].clone(),
                time: *t,
                values: query.columns.iter().map(|c| row.get(c).cloned().unwrap_or(Value::Null)).collect(),
            })
            .collect();
        rows.sort();
        rows
    }

    /// The newest row of each series.
    pub(crate) fn read_last(&self, query: &Query) -> Vec<OutRow> {
        let mut newest: BTreeMap<Key, OutRow> = BTreeMap::new();
        for row in self.read(&Query { time: TimeRange::ALL, ..query.clone() }) {
            let old = newest.get(&row.key);
            if old.is_none_or(|old| old.time < row.time) {
                newest.insert(row.key.clone(), row);
            }
        }
        let mut rows: Vec<OutRow> = newest.into_values().collect();
        rows.sort();
        rows
    }

    fn with_t1(&self, t1: Option<&str>) -> BTreeSet<usize> {
        let wanted = |k: &Key| t1.is_none_or(|v| k.t1.as_deref() == Some(v));
        self.series.iter().enumerate().filter(|(_, k)| wanted(k)).map(|(i, _)| i).collect()
    }

    fn series_of(&mut self, key: &SeriesKey) -> usize {
        let tag = |id| key.tags.iter().find(|(c, _)| *c == id).map(|(_, v)| v.to_string());
        let child = (self.rule == IdentityRule::ChildName).then(|| key.child.as_deref().unwrap().to_owned());
        let new = Key { child, t1: tag(T1), t2: tag(T2) };
        let same = |old: &Key| match &self.rule {
            IdentityRule::AllTags => (&old.t1, &old.t2) == (&new.t1, &new.t2),
            IdentityRule::ChildName => old.child == new.child,
            IdentityRule::PrimaryTags(_) => old.t1 == new.t1,
        };
        match self.series.iter().position(same) {
            Some(found) => found,
            None => {
                self.born.push(new.clone());
                self.series.push(new);
                self.series.len() - 1
            }
        }
    }
}
