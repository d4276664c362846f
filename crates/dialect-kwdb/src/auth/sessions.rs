//! Token sessions: in memory, by the hash of their token, ended by time, by DELETE, by a new password of the user
//! and with the process.

use std::collections::HashMap;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use triglot_engine::auth::{NO_LOGIN, Principal};
use triglot_engine::catalog::{CatalogSnapshot, PasswordHash, UserDef};
use triglot_model::UserId;

/// What is kept of a token.
pub(crate) type TokenHash = [u8; 32];

/// How many characters of a token are shown.
const SHOWN: usize = 8;

/// 100-nanosecond steps between 1582-10-15 and 1970-01-01: the epoch of version-1 UUIDs.
const UUID_EPOCH: u64 = 0x01B2_1DD2_1381_4000;

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    open: Mutex<HashMap<TokenHash, Open>>,
    /// 0 = no limit.
    limit: usize,
}

#[derive(Debug)]
struct Open {
    id: String,
    user: UserId,
    user_name: String,
    /// The password that the session was begun with.
    password: Option<PasswordHash>,
    is_admin: bool,
    shown: String,
    used_ns: i64,
}

/// A session that has just begun.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NewSession {
    /// The only copy of the token.
    pub(crate) token: String,
}

impl std::fmt::Debug for NewSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewSession(..)")
    }
}

/// A session as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) user: UserId,
    pub(crate) user_name: String,
    /// The first characters of the token.
    pub(crate) shown: String,
    pub(crate) used_ns: i64,
    pub(crate) hash: TokenHash,
}

impl Sessions {
    pub(crate) fn new(limit: usize) -> Self {
        Self { open: Mutex::default(), limit }
    }

    /// Begins a session; none = there are as many as may be.
    pub(crate) fn begin(
        &self,
        principal: &Principal,
        password: Option<PasswordHash>,
        now_ns: i64,
        life_ns: i64,
    ) -> Option<NewSession> {
        let token = triglot_model::hex::encode(&rand::random::<[u8; 16]>());
        let mut open = self.open.lock();
        open.retain(|_, session| session.lives(now_ns, life_ns));
        if self.limit > 0 && open.len() >= self.limit {
            return None;
        }
        let session = Open {
            id: uuid(now_ns),
            user: principal.user,
            user_name: principal.name.clone(),
            password,
            is_admin: principal.is_admin,
            shown: token.get(..SHOWN).unwrap_or_default().to_owned(),
            used_ns: now_ns,
        };
        open.insert(hash(&token), session);
        Some(NewSession { token })
    }

    /// Who a token stands for; its time begins anew. None: unknown, over, or the user is gone, has another
    /// password or may not log in any more.
    pub(crate) fn renew(
        &self,
        token: &str,
        catalog: &CatalogSnapshot,
        now_ns: i64,
        life_ns: i64,
    ) -> Option<Principal> {
        let key = hash(token);
        let mut open = self.open.lock();
        let session = open.get_mut(&key)?;
        let may_enter = |user: &UserDef| user.options.get(NO_LOGIN).is_none_or(|flag| flag != "1");
        let user = catalog.user_by_id(session.user).filter(|user| user.password == session.password);
        let user = user.filter(|user| may_enter(user));
        let Some(user) = user.filter(|_| session.lives(now_ns, life_ns)) else {
            open.remove(&key);
            return None;
        };
        session.used_ns = now_ns;
        Some(Principal {
            user: user.id,
            name: user.name.clone(),
            is_admin: session.is_admin,
            by_password: true,
        })
    }

    /// The sessions that live, oldest first.
    pub(crate) fn list(&self, now_ns: i64, life_ns: i64) -> Vec<Listed> {
        let mut open = self.open.lock();
        open.retain(|_, session| session.lives(now_ns, life_ns));
        let mut listed: Vec<Listed> = open.iter().map(|(hash, session)| session.listed(*hash)).collect();
        listed.sort_by(|a, b| (a.used_ns, &a.id).cmp(&(b.used_ns, &b.id)));
        listed
    }

    /// Ends a session; false = it was not there any more.
    pub(crate) fn end(&self, key: &TokenHash) -> bool {
        self.open.lock().remove(key).is_some()
    }
}

impl Open {
    fn lives(&self, now_ns: i64, life_ns: i64) -> bool {
        now_ns.saturating_sub(self.used_ns) < life_ns
    }

    fn listed(&self, hash: TokenHash) -> Listed {
        Listed {
            id: self.id.clone(),
            user: self.user,
            user_name: self.user_name.clone(),
            shown: self.shown.clone(),
            used_ns: self.used_ns,
            hash,
        }
    }
}

impl Listed {
    /// Whether it is the session of this token.
    pub(crate) fn is_of(&self, token: &str) -> bool {
        self.hash == hash(token)
    }
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// A version-1 UUID: the time, and a random node and sequence, so that nobody guesses the next one.
fn uuid(now_ns: i64) -> String {
    let ticks = UUID_EPOCH.wrapping_add((now_ns / 100) as u64);
    let noise: u64 = rand::random();
    // The multicast bit says that the node is no network card's.
    let node = (noise & 0xffff_ffff_ffff) | 0x0100_0000_0000;
    let sequence = 0x8000 | ((noise >> 48) & 0x3fff);
    format!(
        "{:08x}-{:04x}-1{:03x}-{sequence:04x}-{node:012x}",
        ticks & 0xffff_ffff,
        (ticks >> 32) & 0xffff,
        (ticks >> 48) & 0x0fff,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    fn principal() -> Principal {
        Principal { user: UserId(7), name: "u1".to_owned(), is_admin: false, by_password: true }
    }

    #[test]
    fn tokens_are_unlike_each_other_and_counted() {
        let sessions = Sessions::new(2);
        let (a, b) =
            (sessions.begin(&principal(), None, 0, MINUTE), sessions.begin(&principal(), None, 0, MINUTE));
        let (a, b) = (a.unwrap().token, b.unwrap().token);
        assert!(
            a != b && a.len() == 32 && a.bytes().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase())
        );
        assert_eq!(sessions.begin(&principal(), None, 0, MINUTE), None);
        let listed = sessions.list(0, MINUTE);
        assert_eq!(listed.len(), 2);
        assert!(listed.iter().any(|s| s.is_of(&a) && a.starts_with(&s.shown) && s.shown.len() == 8));
        // What is over makes room.
        assert!(sessions.begin(&principal(), None, MINUTE, MINUTE).is_some());
        assert_eq!(sessions.list(MINUTE, MINUTE).len(), 1);
    }

    #[test]
    fn the_store_holds_no_token() {
        let sessions = Sessions::new(0);
        let token = sessions.begin(&principal(), None, 0, MINUTE).unwrap().token;
        assert!(!format!("{sessions:?}").contains(&token));
    }

    #[test]
    fn ids_are_version_1_uuids_of_their_time() {
        // 2024-07-10 06:11:58 UTC = 1720591918; 0x1b21dd213814000 + 17205919180000000 = 0x1ef3e82d8b0cf00 (Python).
        let id = uuid(1_720_591_918_000_000_000);
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(parts.iter().map(|p| p.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        let ticks = UUID_EPOCH + 17_205_919_180_000_000;
        assert_eq!(u64::from_str_radix(parts[0], 16).unwrap(), ticks & 0xffff_ffff);
        assert!(parts[2].starts_with('1') && "89ab".contains(&parts[3][..1]));
    }
}
