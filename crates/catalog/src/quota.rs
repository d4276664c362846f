//! How many things a tenant may have. The limits stand among the tenant's options as text, so that they
//! survive in the catalog's frozen records; they are checked where the things are made, so that two
//! requests at a time cannot both take the last place.

use crate::entity::TenantDef;

/// Keys of the tenant's options.
const OBJECTS: &str = "quota.objects.";

/// Nanoseconds of a day.
const DAY_NS: i64 = 86_400_000_000_000;

/// Things that are counted when they are made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectLimit {
    /// Members of the tenant.
    Users,
    /// Databases, without those that a deferred drop hides.
    Databases,
    /// Shards that a database may ask for.
    Shards,
    /// Replicas that a database may ask for.
    Replicas,
    /// Days that a database may keep its rows; "for ever" is more than any number.
    RetentionDays,
}

impl ObjectLimit {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Users, Self::Databases, Self::Shards, Self::Replicas, Self::RetentionDays];

    /// The option of a tenant that holds the limit, as a decimal number.
    pub fn option(self) -> String {
        let name = match self {
            Self::Users => "users",
            Self::Databases => "databases",
            Self::Shards => "shards",
            Self::Replicas => "replicas",
            Self::RetentionDays => "retention_days",
        };
        format!("{OBJECTS}{name}")
    }
}

impl TenantDef {
    /// The tenant's limit on objects; none = unlimited.
    pub fn object_limit(&self, limit: ObjectLimit) -> Option<u64> {
        self.options.get(&limit.option())?.parse().ok()
    }

    /// The limit on retention, if one of `retention_ns` (none = for ever) is longer.
    pub(crate) fn retention_limit_under(&self, retention_ns: Option<i64>) -> Option<u64> {
        let days = self.object_limit(ObjectLimit::RetentionDays)?;
        let most = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_NS);
        retention_ns.is_none_or(|ns| ns > most).then_some(days)
    }
}
