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
