//! Who is asking and what they may do: Argon2id log-ins with a cache and limits ([`Auth`]), and the
//! one privilege check of all dialects ([`allow`]).
//!
//! Passwords and hashes appear in no `Debug`, `Display` or log line.

mod cache;
mod error;
mod limiter;
mod login;
mod password;
mod privilege;

pub use error::{AuthError, Denied, Required};
pub use login::{Auth, AuthOptions, NO_LOGIN, Peer, Principal, VALID_UNTIL};
pub use password::{HashCost, hash_password};
pub use privilege::{
    Action, MANAGES_USERS, Object, allow, may_see_database, visible_databases, visible_tables,
};
