//! What the catalog holds beside databases and tables (those are in `triglot-model`).

use std::collections::BTreeMap;
use std::fmt;

use triglot_model::{DatabaseId, RoleId, TenantId, UserId};

/// Name of the tenant that always exists.
pub const SYSTEM_TENANT: &str = "cnosdb";
/// Name of the database that the first start makes in [`SYSTEM_TENANT`].
pub const DEFAULT_DATABASE: &str = "public";
/// Name of the user that always exists and is an admin.
pub const ROOT_USER: &str = "root";

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantDef {
    /// Never reused.
    pub id: TenantId,
    /// Exact name.
    pub name: String,
    /// The dialect's options as text (comment, limiter …).
    pub options: BTreeMap<String, String>,
    /// When a deferred drop takes effect, nanoseconds since the epoch. Until then the tenant is
    /// hidden from everything but recovery.
    pub drop_at_ns: Option<i64>,
}

impl TenantDef {
    /// Whether this is the tenant that cannot be dropped.
    pub fn is_system(&self) -> bool {
        self.name == SYSTEM_TENANT
    }
}

/// A stored password: an Argon2 PHC string. Its text never appears in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a PHC string. `triglot-auth` makes and reads them; the catalog does not look inside.
    pub fn new(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// The PHC string. Not for logs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("*****")
    }
}

/// A user of the node. Tenants know users as members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDef {
    /// Never reused.
    pub id: UserId,
    /// Exact login name.
    pub name: String,
    /// Grows by one with each change, so that cached log-ins end with the state they were made on.
    pub version: u32,
    /// The password, none = never set.
    pub password: Option<PasswordHash>,
    /// Whether the user may do everything in every tenant.
    pub is_admin: bool,
    /// Whether the user has to set a password before anything else.
    pub must_change_password: bool,
    /// The dialect's options and flags as text (comment, `rsa_public_key`, TDengine `sysinfo` …).
    pub options: BTreeMap<String, String>,
    /// When the user was made, nanoseconds since the epoch.
    pub created_ns: i64,
}

impl UserDef {
    /// Whether this is the user that cannot be dropped.
    pub fn is_root(&self) -> bool {
        self.name == ROOT_USER
    }
}

/// What a role may do in a database. Ordered: each one includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    /// Query.
    Read,
    /// Read, insert, update and delete.
    Write,
    /// Write, and make, change and drop the database's tables and the database.
    Full,
}

impl Privilege {
    /// What is left of `self` after `revoked` is taken away; the result never includes `revoked`.
    /// A grant of just `revoked` goes whole, as with CnosDB (`REVOKE WRITE` after `GRANT WRITE`
    /// leaves nothing); `REVOKE ALL` leaves nothing; a weaker grant than `revoked` stays.
    pub fn without(self, revoked: Self) -> Option<Self> {
        match (self, revoked) {
            (_, Self::Full | Self::Read) => None,
            (Self::Full, Self::Write) => Some(Self::Read),
            (Self::Write, Self::Write) => None,
            (Self::Read, Self::Write) => Some(Self::Read),
        }
    }
}

/// The roles that every tenant has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SystemRole {
    /// Everything in the tenant.
    Owner,
    /// Reads every database of the tenant.
    Member,
}

impl SystemRole {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
        }
    }

    /// The system role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Owner, Self::Member].into_iter().find(|r| r.name() == name)
    }
}

/// A custom role of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleDef {
    /// Never reused.
    pub id: RoleId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Exact name.
    pub name: String,
    /// The system role whose rights it includes.
    pub inherit: Option<SystemRole>,
    /// Further rights, by database.
    pub grants: BTreeMap<DatabaseId, Privilege>,
}

/// The role that a member has in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberRole {
    /// One of the two that every tenant has.
    System(SystemRole),
    /// One of the tenant's own.
    Custom(RoleId),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_are_ordered_and_revoking_leaves_none_of_the_revoked() {
        use Privilege::{Full, Read, Write};
        assert!(Read < Write && Write < Full);
        for held in [Read, Write, Full] {
            assert_eq!(held.without(Full), None, "REVOKE ALL");
            for revoked in [Read, Write, Full] {
                assert!(held.without(revoked).is_none_or(|left| left < revoked));
            }
        }
        assert_eq!(Read.without(Write), Some(Read));
        assert_eq!(Full.without(Write), Some(Read));
    }

    #[test]
    fn a_hash_does_not_show_in_debug() {
        let user = PasswordHash::new("$argon2id$secret");
        assert!(!format!("{user:?}").contains("secret"));
    }
}
