//! Query parameters: `db` and `tz`. Unknown ones are ignored, of repeated ones the first counts.

use actix_web::web::Query;
use triglot_engine::Engine;

use crate::refusal::Refusal;
use crate::settings;
use triglot_sql_kwdb::Zone;

/// The database of requests that name none.
const DEFAULT_DATABASE: &str = "defaultdb";

/// The parameters of a URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn of(query: &str) -> Self {
        let pairs = Query::<Vec<(String, String)>>::from_query(query);
        Self(pairs.map(Query::into_inner).unwrap_or_default())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether a database is named at all.
    pub(crate) fn has_database(&self) -> bool {
        self.get("db").is_some()
    }

    /// The database, verbatim.
    pub(crate) fn database(&self) -> &str {
        self.get("db").filter(|db| !db.is_empty()).unwrap_or(DEFAULT_DATABASE)
    }

    /// The zone: the parameter, else the cluster's setting, else UTC.
    pub(crate) fn zone(&self, engine: &Engine) -> Result<Zone, Refusal> {
        match self.get("tz").filter(|tz| !tz.is_empty()) {
            Some(given) => Zone::of(given).map_err(Refusal::Zone),
            None => match settings::default_zone(engine).as_str() {
                "" => Ok(Zone::UTC),
                // It was checked when it was set.
                text => Ok(Zone::of(text).unwrap_or(Zone::UTC)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_verbatim() {
        assert_eq!(Params::of("db=Ts_DB").database(), "Ts_DB");
        assert_eq!(Params::of("db=a&db=b").database(), "a");
        assert_eq!(Params::of("").database(), "defaultdb");
        assert!(Params::of("db=").has_database() && !Params::of("tz=8").has_database());
    }
}
