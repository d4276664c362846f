//! From a name and a password to a [`Principal`].

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use triglot_catalog::{Catalog, PasswordHash, UserDef};
use triglot_model::{Clock, UserId};

use crate::cache::{SuccessCache, Token};
use crate::error::AuthError;
use crate::limiter::FailureLimiter;
use crate::password::{self, HashCost, hash_password};

/// The option of a user who cannot log in (`1`): one that stands for a group.
pub const NO_LOGIN: &str = "no_login";
/// The option that says when a user's password stops to be taken, in nanoseconds since the epoch.
pub const VALID_UNTIL: &str = "valid_until_ns";

/// Choices of [`Auth`].
#[derive(Clone, Debug)]
pub struct AuthOptions {
    /// Cost of new hashes.
    pub hash_cost: HashCost,
    /// How long a verified log-in is taken again without Argon2; zero = never.
    pub cache_ttl: Duration,
    /// Argon2 runs at the same time (each takes [`HashCost::memory_kib`] and a core).
    pub max_parallel_verifications: usize,
    /// Log-ins that may wait for one of those; more answer [`AuthError::Busy`].
    pub max_waiting_verifications: usize,
    /// Wrong passwords per minute for one user from one address; 0 = no limit.
    pub failures_per_minute: u32,
    /// Lets `root` in with the empty password from everywhere, not just from loopback.
    pub allow_default_credentials: bool,
}

impl Default for AuthOptions {
    fn default() -> Self {
        Self {
            hash_cost: HashCost::default(),
            cache_ttl: Duration::from_secs(300),
            max_parallel_verifications: 2,
            max_waiting_verifications: 256,
            failures_per_minute: 30,
            allow_default_credentials: false,
        }
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// This machine.
    Loopback,
    /// Another one. Failures are limited per address, so that one peer cannot lock a user out for
    /// the others.
    Remote(IpAddr),
}

impl From<IpAddr> for Peer {
    /// IPv4 addresses that are mapped into IPv6 count as what they are.
    fn from(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        if ip.is_loopback() { Self::Loopback } else { Self::Remote(ip) }
    }
}

impl Peer {
    fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Loopback => None,
            Self::Remote(ip) => Some(ip),
        }
    }
}

/// A user who was let in. Rights are not in here: [`crate::allow`] reads them from the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user's id.
    pub user: UserId,
    /// The user's name, for messages and logs.
    pub name: String,
    /// Whether the user was an admin when let in. For display; [`crate::allow`] asks the catalog.
    pub is_admin: bool,
    /// Whether a password was compared. Who was let in without one is not asked to change it.
    pub by_password: bool,
}

impl From<&UserDef> for Principal {
    fn from(user: &UserDef) -> Self {
        Self { user: user.id, name: user.name.clone(), is_admin: user.is_admin, by_password: true }
    }
}

/// Verifies log-ins. Share it behind an `Arc`.
#[derive(Debug)]
pub struct Auth {
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    options: AuthOptions,
    /// A hash of a random password, verified against where there is no real one, so that an unknown
    /// user takes as long as a wrong password.
    decoy: PasswordHash,
    cache: SuccessCache,
    failures: FailureLimiter,
    verifiers: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Auth {
    /// Makes the verifier over `catalog`. Blocks for one hash (tens of milliseconds).
    ///
    /// # Errors
    /// [`AuthError::Hash`] if the hash cost is not one that Argon2 allows.
    pub fn new(catalog: Catalog, clock: Arc<dyn Clock>, options: AuthOptions) -> Result<Self, AuthError> {
        let noise: u128 = rand::random();
        let decoy = hash_password(&format!("{noise:x}"), options.hash_cost)?;
        let ttl_ns = i64::try_from(options.cache_ttl.as_nanos()).unwrap_or(i64::MAX);
        Ok(Self {
            catalog,
            clock,
            decoy,
            cache: SuccessCache::new(ttl_ns),
            failures: FailureLimiter::new(options.failures_per_minute),
            verifiers: Arc::new(Semaphore::new(options.max_parallel_verifications.max(1))),
            waiting: AtomicUsize::new(0),
            options,
        })
    }

    /// Verifies a password. A user without one is let in by the empty password only if it is
    /// `root`; an empty password counts from loopback only, unless
    /// [`AuthOptions::allow_default_credentials`]. A change of the user counts at once.
    ///
    /// # Errors
    /// [`AuthError::WrongCredentials`] for unknown users and wrong passwords alike (in comparable
    /// time), [`AuthError::TooManyFailures`], [`AuthError::Busy`], [`AuthError::Hash`].
    pub async fn verify(&self, user: &str, password: &str, peer: Peer) -> Result<Principal, AuthError> {
        let found = self.catalog.snapshot().user(user).cloned();
        let token = found.as_ref().map(|u| self.cache.token(u, password));
        let may_be_empty = peer == Peer::Loopback || self.options.allow_default_credentials;
        let usable = may_be_empty || !password.is_empty();
        // Before the limit: who is in stays in while somebody else guesses.
        if let (Some(user), Some(token), true) = (&found, &token, usable)
            && self.cache.contains(token, self.clock.now_ns())
        {
            self.check_may_log_in(user)?;
            return Ok(Principal::from(&**user));
        }
        if let Err(retry_after_s) = self.failures.check(user, peer.ip(), self.clock.now_ns()) {
            return Err(AuthError::TooManyFailures { user: user.to_owned(), retry_after_s });
        }
        // What is refused anyway is verified against the decoy, so that it takes as long.
        let candidate = found.as_deref().filter(|_| usable);
        let matches = self.matches(candidate, token, password).await?;
        match (found, token) {
            (Some(user), Some(token)) if matches => {
                self.check_may_log_in(&user)?;
                self.cache.insert(token, self.clock.now_ns());
                Ok(Principal::from(&*user))
            }
            _ => {
                self.failures.failed(user, peer.ip(), self.clock.now_ns());
                Err(AuthError::WrongCredentials { user: user.to_owned() })
            }
        }
    }

    /// A user may be kept from logging in, or from a time on. Told to those who know the password only.
    fn check_may_log_in(&self, user: &UserDef) -> Result<(), AuthError> {
        if user.options.get(NO_LOGIN).is_some_and(|v| v == "1") {
            return Err(AuthError::WrongCredentials { user: user.name.clone() });
        }
        let until = user.options.get(VALID_UNTIL).and_then(|ns| ns.parse().ok());
        match until {
            Some(until) if self.clock.now_ns() >= until => {
                Err(AuthError::Expired { user: user.name.clone() })
            }
            _ => Ok(()),
        }
    }

    /// As [`Self::verify`], on the listener of a vendor whose `root` has this password at first: as long as
    /// nobody has given root a password, `default` lets root in where [`Self::verify`] takes the empty
    /// one. The empty one is refused here.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub async fn verify_or_default(
        &self,
        user: &str,
        password: &str,
        default: &str,
        peer: Peer,
    ) -> Result<Principal, AuthError> {
        let may_be_default = peer == Peer::Loopback || self.options.allow_default_credentials;
        if may_be_default && password == default && !default.is_empty() {
            let snapshot = self.catalog.snapshot();
            if let Some(root) = snapshot.user(user).filter(|u| u.is_root() && u.password.is_none()) {
                return Ok(Principal::from(&**root));
            }
        }
        if password.is_empty() {
            return Err(AuthError::WrongCredentials { user: user.to_owned() });
        }
        self.verify(user, password, peer).await
    }

    /// Lets a user in without a password, for dialects whose configuration turns authentication off
    /// (`[cnosdb] auth_enabled = false`). Whether the user may enter a tenant is
    /// [`crate::allow`]'s question.
    ///
    /// # Errors
    /// [`AuthError::NotLoopback`] for other machines, [`AuthError::UserNotFound`].
    pub fn verify_without_password(&self, user: &str, peer: Peer) -> Result<Principal, AuthError> {
        if peer != Peer::Loopback {
            return Err(AuthError::NotLoopback);
        }
        match self.catalog.snapshot().user(user) {
            Some(user) => Ok(Principal { by_password: false, ..Principal::from(&**user) }),
            None => Err(AuthError::UserNotFound { user: user.to_owned() }),
        }
    }

    /// Hashes a new password with this node's cost, on the blocking pool.
    ///
    /// # Errors
    /// [`AuthError::Busy`], [`AuthError::Hash`].
    pub async fn hash(&self, password: &str) -> Result<PasswordHash, AuthError> {
        let (password, cost) = (password.to_owned(), self.options.hash_cost);
        self.on_pool(move || hash_password(&password, cost), || None).await
    }

    /// Whether `password` is the user's present one. For changes of it: unlike [`Self::verify`]
    /// nothing is counted or remembered.
    ///
    /// # Errors
    /// [`AuthError::Busy`], [`AuthError::Hash`].
    pub async fn is_present(&self, user: &UserDef, password: &str) -> Result<bool, AuthError> {
        let Some(hash) = user.password.clone() else { return Ok(false) };
        let password = password.to_owned();
        self.on_pool(move || password::matches(&password, &hash), || None).await
    }

    /// Whether the password is the user's. Takes one Argon2 verification whatever the answer, except
    /// for the empty password of a `root` that has none.
    async fn matches(
        &self,
        user: Option<&UserDef>,
        token: Option<Token>,
        password: &str,
    ) -> Result<bool, AuthError> {
        let stored = user.and_then(|u| u.password.clone());
        if stored.is_none() && password.is_empty() && user.is_some_and(UserDef::is_root) {
            return Ok(true);
        }
        let is_real = stored.is_some();
        let hash = stored.unwrap_or_else(|| self.decoy.clone());
        let password = password.to_owned();
        // Many requests with the same credentials arrive together: the first one's answer is theirs.
        let known = || token.filter(|t| self.cache.contains(t, self.clock.now_ns())).map(|_| true);
        let matches = self.on_pool(move || password::matches(&password, &hash), known).await?;
        Ok(matches && is_real)
    }

    /// Runs `work` on a blocking thread when a verifier is free, unless `known` then has the answer.
    async fn on_pool<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
        known: impl Fn() -> Option<T>,
    ) -> Result<T, AuthError> {
        let _place = self.take_place()?;
        let stopped = |_| AuthError::Hash("shutting down".to_owned());
        let permit = Arc::clone(&self.verifiers).acquire_owned().await.map_err(stopped)?;
        if let Some(answer) = known() {
            return Ok(answer);
        }
        // The permit moves along: a caller that goes away does not free a core that is still busy.
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        task.await.map_err(|e| AuthError::Hash(e.to_string()))?
    }

    fn take_place(&self) -> Result<Place<'_>, AuthError> {
        let most = self.options.max_waiting_verifications + self.options.max_parallel_verifications.max(1);
        let place = Place(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= most { Err(AuthError::Busy) } else { Ok(place) }
    }
}

/// One waiting or running verification.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
