//! `/rest/…`.

pub(crate) mod login;
pub(crate) mod sql;
