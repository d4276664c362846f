//! Where an agent's rows go: as whom, into which database, counted under which name.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use triglot_engine::auth::Peer;
use triglot_engine::catalog::UserDef;
use triglot_sql_tdengine::schemaless::{Body, Options, Points};
use triglot_sql_tdengine::{Context, TaosError};

use super::complaints::Complaints;
use super::stop::Stop;
use crate::DIALECT;
use crate::app::TdengineApp;
use crate::auth::{Claim, login_from};
use crate::error::{AdapterError, SetupError};
use crate::schemaless::{Writer, folded, store_content};
use crate::token;

/// How long a log-in that was refused is not tried again, unless the user is changed: an agent with an old password
/// would use up the attempts that its user has in a minute.
const AFTER_REFUSAL: Duration = Duration::from_secs(10);
/// How long an agent waits when the engine has no room.
const WHILE_BUSY: Duration = Duration::from_millis(100);
/// No room at present.
const BUSY: u16 = 0x000B;
/// What passes: no room at present, or on the disk.
const TRY_AGAIN: [u16; 2] = [BUSY, 0x0129];
/// Why no row of a batch can be stored: the log-in fails, rights lack, the database is not there, the server is at
/// fault or short of memory.
const OF_ALL_ROWS: [u16; 10] =
    [0x0207, 0x0208, 0x0303, 0x0351, 0x0357, 0x0388, 0x0104, 0x022D, 0x0739, 0x2700];

/// As whom an agent writes. Its parts are the vendor's keys `user`, `password` and `token`.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
    /// What `/rest/login` gives, in place of the two; empty = none.
    pub token: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Account {
    fn claim(&self) -> Option<Claim> {
        if self.token.is_empty() {
            return Some(Claim { user: self.user.clone(), password: self.password.clone() });
        }
        let (user, password) = token::decode(&self.token)?;
        Some(Claim { user, password })
    }
}

/// Into what an agent writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As whom.
    pub account: Account,
    /// The database, folded as `use` folds names. It need not exist when the agent starts.
    pub database: String,
    /// Time to live, in days, of child tables that are made.
    pub ttl: Option<u32>,
}

/// A log-in that was refused: when, what the user was then, and why.
#[derive(Debug)]
struct Refusal {
    when: Instant,
    user: Option<Arc<UserDef>>,
    error: TaosError,
}

/// The way of an agent's rows to the engine: that of the HTTP routes without a request.
#[derive(Debug)]
pub(crate) struct Sink {
    app: TdengineApp,
    agent: &'static str,
    claim: Claim,
    database: String,
    options: Options,
    /// The last refusal of the log-in.
    refusal: Mutex<Option<Refusal>>,
    complaints: Complaints,
}

impl Sink {
    /// `agent` names the agent in metrics (label `api`) and logs.
    ///
    /// # Errors
    /// [`SetupError::Token`].
    pub(crate) fn new(app: &TdengineApp, agent: &'static str, place: &Place) -> Result<Self, SetupError> {
        let claim = place.account.claim().ok_or(SetupError::Token { agent })?;
        Ok(Self {
            app: app.clone(),
            agent,
            claim,
            database: folded(&place.database),
            options: Options { ttl: place.ttl, name_tag: None },
            refusal: Mutex::default(),
            complaints: Complaints::default(),
        })
    }

    /// Tells at the start what would keep rows from being stored. It may be put right while the agent runs.
    pub(crate) async fn check(&self) {
        let found = match self.writer().await {
            Ok(writer) if writer.context.session.database.is_some() || self.app.config.sml_auto_create_db => {
                return;
            }
            Ok(_) => format!("there is no database {}", self.database),
            Err(error) => error.text,
        };
        tracing::warn!(agent = self.agent, user = self.claim.user, "rows will not be stored: {found}");
    }

    /// A session for one write. Names and passwords are looked at each time, so that changes of them count at once;
    /// those that held before cost next to nothing.
    async fn writer(&self) -> Result<Writer, TaosError> {
        if let Some(error) = self.refused_of_late(Instant::now()) {
            return Err(error);
        }
        let session = login_from(&self.app, Peer::Loopback, &self.claim, &self.database).await;
        let session = session.map_err(|error| self.of_login(error))?;
        let context = Context {
            session,
            has_database: true,
            zone: self.app.config.zone,
            client: String::new(),
            application: self.agent.to_owned(),
            request_id: self.app.next_request_id(),
        };
        Ok(Writer { context, options: self.options.clone() })
    }

    fn refused_of_late(&self, now: Instant) -> Option<TaosError> {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        let last = refusal.as_ref()?;
        let is_same = match (&last.user, &self.user()) {
            (Some(then), Some(now)) => Arc::ptr_eq(then, now),
            (then, now) => then.is_none() && now.is_none(),
        };
        let is_of_late = now.saturating_duration_since(last.when) < AFTER_REFUSAL;
        (is_same && is_of_late).then(|| last.error.clone())
    }

    /// The user as he is: a change makes another one.
    fn user(&self) -> Option<Arc<UserDef>> {
        self.app.engine.catalog().user(&self.claim.user).cloned()
    }

    fn of_login(&self, error: AdapterError) -> TaosError {
        match error {
            AdapterError::Credentials(error) => {
                let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
                *refusal = Some(Refusal { when: Instant::now(), user: self.user(), error: error.clone() });
                error
            }
            AdapterError::Engine(error) => error,
            other => TaosError::new(BUSY, other.to_string()),
        }
    }

    /// Writes what `parse` finds; how many rows. Waits while the engine or the disk has no room, until `stop`.
    ///
    /// # Errors
    /// What `triglot_sql_tdengine::schemaless::write` answers, and failed log-ins. Nothing is counted as lost:
    /// the caller may try with less ([`is_of_all_rows`]) or has it told by [`Sink::lost`].
    pub(crate) async fn store<B, R>(&self, stop: &Stop, body: Body<B>, parse: R) -> Result<u64, TaosError>
    where
        B: Clone + Send + Sync + 'static,
        R: for<'a> Fn(&'a B, &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + Sync + 'static,
    {
        loop {
            match self.try_store(body.clone(), parse.clone()).await {
                Err(error) if TRY_AGAIN.contains(&error.code) && !stop.is_over() => {
                    self.complaints.tell(self.agent, "busy", 0, &error);
                    tokio::time::sleep(WHILE_BUSY).await;
                }
                other => return other,
            }
        }
    }

    async fn try_store<B, R>(&self, body: Body<B>, parse: R) -> Result<u64, TaosError>
    where
        B: Clone + Send + Sync + 'static,
        R: for<'a> Fn(&'a B, &mut Points<'a>) -> Result<(), TaosError> + Clone + Send + Sync + 'static,
    {
        let writer = self.writer().await?;
        Ok(store_content(&self.app, &writer, self.agent, body, parse).await?)
    }

    /// Counts records that are not stored and tells why, rarely where it is often.
    pub(crate) fn lost(&self, kind: &'static str, records: u64, why: &dyn Display) {
        if records > 0 {
            self.app.metrics.refused(DIALECT, self.agent, records);
            self.complaints.tell(self.agent, kind, records, why);
        }
    }

    /// Counts records that are left out and are told elsewhere, or need not be.
    pub(crate) fn passed_over(&self, records: u64) {
        self.app.metrics.refused(DIALECT, self.agent, records);
    }

    /// Counts an attempt to fetch a page.
    pub(crate) fn scraped(&self, is_good: bool) {
        self.app.metrics.scraped(DIALECT, self.agent, is_good);
    }

    /// Tells of a failure that costs no record that is known of.
    pub(crate) fn complain(&self, kind: &'static str, why: &dyn Display) {
        self.complaints.tell(self.agent, kind, 0, why);
    }

    /// The present time, nanoseconds since 1970.
    pub(crate) fn now_ns(&self) -> i64 {
        self.app.engine.clock().now_ns()
    }

    /// The agent's name.
    pub(crate) fn agent(&self) -> &'static str {
        self.agent
    }
}

/// Whether an error says nothing about the rows of a batch: without the others each would fail the same way.
pub(crate) fn is_of_all_rows(error: &TaosError) -> bool {
    TRY_AGAIN.contains(&error.code) || OF_ALL_ROWS.contains(&error.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(token: &str) -> Account {
        Account { user: "root".to_owned(), password: "taosdata".to_owned(), token: token.to_owned() }
    }

    #[test]
    fn a_token_takes_the_place_of_user_and_password() {
        let claim = |token: &str| account(token).claim().map(|c| (c.user, c.password));
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(claim(""), pair("root", "taosdata"));
        assert_eq!(claim(&token::encode("writer", "geheim").unwrap()), pair("writer", "geheim"));
        assert_eq!(claim("AAAA"), None);
    }

    #[test]
    fn accounts_hide_their_secrets() {
        let shown = format!("{:?}", account("AAAA"));
        assert!(!shown.contains("taosdata") && !shown.contains("AAAA"), "{shown}");
    }
}
