use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;
use triglot_model::Clock;

/// Who runs what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryInfo {
    /// The statement as it was given.
    pub text: String,
    /// Name of the user.
    pub user: String,
    /// Name of the tenant.
    pub tenant: String,
    /// Name of the database.
    pub database: String,
}

/// How far a query has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum QueryState {
    /// It is being planned, or its first rows are being computed.
    Planning = 0,
    /// It gives rows.
    Running = 1,
    /// It was killed and is about to end.
    Killed = 2,
}

/// One running query as SHOW QUERIES tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryRecord {
    /// Unique in this process, growing.
    pub id: u64,
    /// Who runs what.
    pub info: QueryInfo,
    /// When it began, nanoseconds since the epoch.
    pub start_ns: i64,
    /// How long it has run, in nanoseconds.
    pub elapsed_ns: i64,
    /// How far it has come.
    pub state: QueryState,
}

/// The queries that are running on this node.
#[derive(Debug)]
pub struct QueryRegistry {
    clock: Arc<dyn Clock>,
    next_id: AtomicU64,
    running: Mutex<BTreeMap<u64, Arc<Running>>>,
}

#[derive(Debug)]
struct Running {
    info: QueryInfo,
    start_ns: i64,
    state: AtomicU8,
    kill: watch::Sender<bool>,
}

impl QueryRegistry {
    /// An empty registry.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, next_id: AtomicU64::new(1), running: Mutex::new(BTreeMap::new()) })
    }

    /// The running queries by ascending id.
    pub fn list(&self) -> Vec<QueryRecord> {
        let now = self.clock.now_ns();
        let running = self.running.lock();
        running
            .iter()
            .map(|(id, query)| QueryRecord {
                id: *id,
                info: query.info.clone(),
                start_ns: query.start_ns,
                elapsed_ns: now.saturating_sub(query.start_ns).max(0),
                state: query.state(),
            })
            .collect()
    }

    /// Ends a query. False if it is not running.
    pub fn kill(&self, id: u64) -> bool {
        let Some(query) = self.running.lock().get(&id).cloned() else { return false };
        query.state.store(QueryState::Killed as u8, Ordering::Relaxed);
        query.kill.send_replace(true);
        true
    }

    /// Puts a query into the list, until the returned entry is dropped.
    pub(crate) fn register(self: &Arc<Self>, info: QueryInfo) -> Registered {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (kill, killed) = watch::channel(false);
        let state = AtomicU8::new(QueryState::Planning as u8);
        let query = Arc::new(Running { info, start_ns: self.clock.now_ns(), state, kill });
        self.running.lock().insert(id, Arc::clone(&query));
        Registered { id, query, killed, registry: Arc::clone(self) }
    }
}

impl Running {
    fn state(&self) -> QueryState {
        match self.state.load(Ordering::Relaxed) {
            0 => QueryState::Planning,
            1 => QueryState::Running,
            _ => QueryState::Killed,
        }
    }
}

/// A query's place in the list.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) id: u64,
    query: Arc<Running>,
    killed: watch::Receiver<bool>,
    registry: Arc<QueryRegistry>,
}

impl Registered {
    /// Notes that rows flow.
    pub(crate) fn running(&self) {
        let (from, to) = (QueryState::Planning as u8, QueryState::Running as u8);
        // A query that is killed stays killed.
        let _ = self.query.state.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Waits until the query is killed.
    pub(crate) fn killed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut killed = self.killed.clone();
        async move {
            if killed.wait_for(|k| *k).await.is_err() {
                // The query has left the list, so nobody can kill it any more.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.running.lock().remove(&self.id);
    }
}
