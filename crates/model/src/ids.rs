use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id!(
    /// A tenant. Never reused.
    TenantId(u32)
);
id!(
    /// A database within the whole node. Never reused.
    DatabaseId(u32)
);
id!(
    /// A table within the whole node. Never reused, so data files of a dropped table cannot be
    /// mistaken for those of a new one of the same name.
    TableId(u32)
);
id!(
    /// A column within its table. Never reused: after DROP and ADD of the same name old files
    /// show NULL for the new column.
    ColumnId(u32)
);
id!(
    /// A user of the node.
    UserId(u32)
);
id!(
    /// A role within its tenant.
    RoleId(u32)
);
id!(
    /// One shard: one WAL, one writer, one manifest.
    ShardId(u16)
);
id!(
    /// A series within (table, shard): dense, starting at 0.
    Sid(u32)
);

impl ColumnId {
    /// Not a column: the child table's name, asked like a tag of its series. Ids of columns count from
    /// 0 and never get here.
    pub const CHILD_NAME: Self = Self(u32::MAX);
    /// A hidden tag of a child table: when it was made, in milliseconds since the epoch.
    pub const CHILD_CREATED: Self = Self(u32::MAX - 1);
    /// A hidden tag of a child table: its time to live in days.
    pub const CHILD_TTL: Self = Self(u32::MAX - 2);
    /// A hidden tag of a child table: its comment.
    pub const CHILD_COMMENT: Self = Self(u32::MAX - 3);
}
