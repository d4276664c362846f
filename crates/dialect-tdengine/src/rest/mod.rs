//! `/rest/…`.

pub(crate) mod genauth;
pub(crate) mod login;
mod multipart;
pub(crate) mod sql;
pub(crate) mod upload;
pub(crate) mod vgid;
