use serde::{Deserialize, Serialize};

use crate::ColumnId;

/// What makes two rows belong to the same series.
///
/// It is a property of the table, fixed when the table is made; every dialect writes into any
/// table by that table's rule (`docs/data-model.md` has the matrix).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IdentityRule {
    /// All tags together; NULL is a value of its own (CnosDB).
    AllTags,
    /// The child table's name; tags may repeat across children and may change (TDengine super
    /// table). A normal table is a super table with one child and no tags.
    ChildName,
    /// The values of these tag columns, never NULL, never changed (KWDB primary tags).
    PrimaryTags(Vec<ColumnId>),
}

/// What happens when a row arrives whose key (series, time[, composite key]) exists: the default
/// that writers stamp on their rows as [`RowOp`]. Read at write time, so changing it does not
/// change rows already written (KWDB `ts.dedup.rule`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RewriteRule {
    /// Per column: a written value wins, an absent one keeps the old (CnosDB, TDengine, KWDB `merge`).
    Merge,
    /// The whole row is replaced, absent columns become NULL (KWDB `override`).
    Replace,
    /// The old row stays (KWDB `discard`).
    Discard,
    /// The write fails (KWDB `reject`); needs a look-up before the write.
    Reject,
}

/// How one stored row acts on an older row of the same key. Stored with the row, because the rule
/// may change between two writes and because dialects with different rules may write one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum RowOp {
    /// Non-null columns win; null ones keep the older value, unless the row's set-bitmap says that
    /// the NULL was written explicitly.
    Merge = 0,
    /// The row stands alone: older rows of the key are gone.
    Replace = 1,
    /// The key is gone.
    Delete = 2,
    /// The row counts only if there is no older row of the key.
    InsertIfAbsent = 3,
}

impl RowOp {
    /// The operation with this stored code.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Merge,
            1 => Self::Replace,
            2 => Self::Delete,
            3 => Self::InsertIfAbsent,
            _ => return None,
        })
    }

    /// The stored code.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl RewriteRule {
    /// What a writer stamps on its rows under this rule. [`Self::Reject`] is checked before the
    /// write and then behaves as insert-if-absent.
    pub const fn row_op(self) -> RowOp {
        match self {
            Self::Merge => RowOp::Merge,
            Self::Replace => RowOp::Replace,
            Self::Discard | Self::Reject => RowOp::InsertIfAbsent,
        }
    }
}
