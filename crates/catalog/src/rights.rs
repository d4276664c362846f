//! Rights on single databases and tables, and users who stand for groups: what SQL's GRANT is about. They
//! come on top of what a member's role allows ([`crate::RoleDef`]).

use std::fmt;

use triglot_model::{DatabaseId, TableId, UserId};

/// One right on an [`GrantObject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Right {
    /// On a database: make tables in it. On a table: change its columns.
    Create = 0,
    /// Drop the object.
    Drop = 1,
    /// Give one's own rights on the object to others.
    Grant = 2,
    /// Read rows.
    Select = 3,
    /// Add rows.
    Insert = 4,
    /// Change rows or tags.
    Update = 5,
    /// Delete rows.
    Delete = 6,
}

impl Right {
    /// Every right, in the order of their codes.
    pub const ALL: [Self; 7] =
        [Self::Create, Self::Drop, Self::Grant, Self::Select, Self::Insert, Self::Update, Self::Delete];

    /// The right's name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Drop => "DROP",
            Self::Grant => "GRANT",
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    /// The right of this name, in upper or lower case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name().eq_ignore_ascii_case(name))
    }
}

/// A set of rights.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Rights(u8);

impl Rights {
    /// No right.
    pub const NONE: Self = Self(0);
    /// Every right.
    pub const ALL: Self = Self(0b111_1111);

    /// Whether `right` is in here.
    pub const fn has(self, right: Right) -> bool {
        self.0 & (1 << right as u8) != 0
    }

    /// The rights of either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The rights that `other` has not.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The rights in the order of their codes.
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.has(*right))
    }

    /// Whether all of `other` are in here.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        Self(rights.into_iter().fold(0, |bits, right| bits | 1 << right as u8))
    }
}

impl From<Right> for Rights {
    fn from(right: Right) -> Self {
        Self(1 << right as u8)
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Who is given a right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// A user, or the users who belong to it ([`crate::CatalogOp::PutGroupMember`]).
    User(UserId),
    /// Every user of the node.
    Everyone,
}

/// What a right is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantObject {
    /// A database. A table made in it starts with the rights that are given on it then; those that exist
    /// already get none.
    Database(DatabaseId),
    /// A table.
    Table(TableId),
}
