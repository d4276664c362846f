//! Argon2id hashes as PHC strings. All calls are slow on purpose and block: run them on the
//! blocking pool.

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{Error, PasswordHash as Phc, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use triglot_catalog::PasswordHash;

use crate::error::AuthError;

/// Cost of a password hash. Stored with each hash, so changing it affects new ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl HashCost {
    /// The least that Argon2 allows: for tests, where security does not matter and time does.
    pub const CHEAP: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };
}

/// The OWASP recommendation: 19 MiB, two passes, one lane.
impl Default for HashCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

/// Hashes a password with a random salt. Blocks for tens of milliseconds.
///
/// # Errors
/// [`AuthError::Hash`] if the cost is not one that Argon2 allows.
pub fn hash_password(password: &str, cost: HashCost) -> Result<PasswordHash, AuthError> {
    let salt = SaltString::generate(&mut OsRng);
    let hash = hasher(cost)?.hash_password(password.as_bytes(), &salt);
    hash.map(|phc| PasswordHash::new(phc.to_string())).map_err(|e| AuthError::Hash(e.to_string()))
}

/// Whether `password` is the one behind `hash`. Blocks like [`hash_password`].
pub(crate) fn matches(password: &str, hash: &PasswordHash) -> Result<bool, AuthError> {
    let phc = Phc::new(hash.expose()).map_err(|e| AuthError::Hash(e.to_string()))?;
    // The cost comes from the PHC string, not from this Argon2.
    match Argon2::default().verify_password(password.as_bytes(), &phc) {
        Ok(()) => Ok(true),
        Err(Error::Password) => Ok(false),
        Err(e) => Err(AuthError::Hash(e.to_string())),
    }
}

fn hasher(cost: HashCost) -> Result<Argon2<'static>, AuthError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None);
    let params = params.map_err(|e| AuthError::Hash(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_salted_argon2id_and_match_only_their_password() {
        let a = hash_password("pässword", HashCost::CHEAP).unwrap();
        let b = hash_password("pässword", HashCost::CHEAP).unwrap();
        assert_ne!(a, b, "the salts differ");
        assert!(a.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{}", a.expose());
        assert!(matches("pässword", &a).unwrap() && matches("pässword", &b).unwrap());
        assert!(!matches("password", &a).unwrap() && !matches("", &a).unwrap());
        assert!(matches("x", &PasswordHash::new("no phc")).is_err());
    }

    #[test]
    fn the_default_cost_is_the_owasp_one() {
        let hash = hash_password("x", HashCost::default()).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hash_password("x", HashCost { memory_kib: 1, passes: 0, lanes: 0 }).is_err());
    }
}
