//! Pages of metrics that are fetched (`node_exporter`, `open_metrics`): each target has a task with a timer of its own, so
//! that one that hangs keeps no other waiting.
//!
//! A fetch is a blocking call on a thread of its own ([`client`]); a page becomes rows as [`rows`] says. Times of rows are
//! those of the page, else the time at which it was asked for. A page that cannot be read to its end is not stored at all, as with the
//! vendor; what the engine refuses of a page costs only itself.

mod client;
mod page;
mod rows;
mod target;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval};
use triglot_sql_tdengine::schemaless::Body;

pub use self::client::{ClientError, TlsMaterial};
pub use self::target::{Target, TargetUrl, UrlError};

use self::client::{Client, FetchError};
use self::page::{Page, PageError};
use self::rows::{Lines, Reading, read_rows};
use super::batch::{by_halves, bytes_of};
use super::sink::Sink;
use super::stop::Stop;
use crate::app::TdengineApp;
use crate::error::SetupError;

/// How often a target that cannot be scraped is told in the log.
const PAUSE: Duration = Duration::from_secs(60);

/// Time between two fetches, at least.
const SHORTEST: Duration = Duration::from_millis(1);

/// The two agents, which differ in what they ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scraper {
    /// `node_exporter`: the older text format.
    NodeExporter,
    /// `open_metrics`: OpenMetrics if the target has it.
    OpenMetrics,
}

impl Scraper {
    /// The agent's section of the configuration, and its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NodeExporter => "node_exporter",
            Self::OpenMetrics => "open_metrics",
        }
    }

    /// What a page may be, best first. In OpenMetrics counters are named without `_total`, so an agent that should name
    /// them as the exporter does must not get it.
    const fn accept(self) -> &'static str {
        match self {
            Self::NodeExporter => "text/plain;version=0.0.4;q=0.9,*/*;q=0.1",
            Self::OpenMetrics => {
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,\
                 text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
            }
        }
    }
}

/// The targets of an agent, ready to be scraped.
#[derive(Debug)]
pub struct Scrape {
    jobs: Vec<Job>,
}

impl Scrape {
    /// # Errors
    /// [`SetupError::Token`]; [`SetupError::Target`] for certificates and credentials that cannot be used.
    pub fn new(app: &TdengineApp, agent: Scraper, targets: Vec<Target>) -> Result<Self, SetupError> {
        let job = |target: Target| {
            let sink = Sink::new(app, agent.name(), &target.place)?;
            let client = Client::new(&target, agent.accept()).map_err(|source| SetupError::Target {
                agent: agent.name(),
                url: target.url.to_string(),
                source,
            })?;
            let (sink, client, url) = (sink, Arc::new(client), Arc::from(target.url.to_string()));
            Ok(Job { sink, client, url, target, trouble: None })
        };
        Ok(Self { jobs: targets.into_iter().map(job).collect::<Result<_, SetupError>>()? })
    }

    /// Scrapes until `stop`; returns when what was fetched is written. Must run in a runtime of tokio.
    pub async fn run(self, stop: Stop) {
        let tasks = self.jobs.into_iter().map(|job| tokio::spawn(job.run(stop.clone())));
        for ended in join_all(tasks).await {
            if let Err(error) = ended {
                tracing::error!(%error, "a scraper broke off");
            }
        }
    }
}

/// One target.
#[derive(Debug)]
struct Job {
    sink: Sink,
    client: Arc<Client>,
    /// The tag `url` of all rows.
    url: Arc<str>,
    target: Target,
    /// When it was last told that this target cannot be scraped, while it cannot.
    trouble: Option<Instant>,
}

impl Job {
    async fn run(mut self, mut stop: Stop) {
        self.sink.check().await;
        let mut ticks = interval(self.target.interval.max(SHORTEST));
        // After a slow scrape the next one is due at its own time: nothing is made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.over() => return,
                _ = ticks.tick() => {}
            }
            let now_ns = self.sink.now_ns();
            let fetched = tokio::select! {
                () = stop.over() => return,
                fetched = fetch(Arc::clone(&self.client)) => fetched,
            };
            self.sink.scraped(fetched.is_ok());
            match fetched {
                Ok(page) => {
                    self.answers();
                    self.store(&stop, page, now_ns).await;
                }
                Err(error) => self.fails(&error),
            }
        }
    }

    async fn store(&self, stop: &Stop, page: Page, now_ns: i64) {
        let page = Arc::new(page);
        let reading = Reading {
            url: Arc::clone(&self.url),
            now_ns,
            ignores_timestamps: self.target.ignores_timestamps,
        };
        let write = |lines: Range<usize>| {
            let range = bytes_of(page.ends(), lines);
            let bytes = range.len();
            let content = Lines { page: Arc::clone(&page), range };
            let (body, reading) = (Body { content, bytes }, reading.clone());
            self.sink.store(stop, body, move |lines, points| read_rows(lines, &reading, points))
        };
        let lost =
            |records, error: &_| self.sink.lost("store", records, &format_args!("{}: {error}", self.url));
        by_halves(0..page.ends().len(), write, lost).await;
        self.sink.passed_over(page.exemplars());
    }

    fn answers(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!(agent = self.sink.agent(), url = &*self.url, "can be scraped again");
        }
    }

    /// Counts the records of a page that is refused, and tells why, rarely where it is often.
    fn fails(&mut self, error: &ScrapeError) {
        if let ScrapeError::Page { source, .. } = error {
            self.sink.passed_over(source.records());
        }
        let now = Instant::now();
        if self.trouble.is_none_or(|told| now.saturating_duration_since(told) >= PAUSE) {
            self.trouble = Some(now);
            tracing::warn!(agent = self.sink.agent(), url = &*self.url, "cannot be scraped: {error}");
        }
    }
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
enum ScrapeError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("{source}")]
    Page { source: PageError },
    #[error("no thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the fetching thread ended without an answer")]
    Lost,
}

/// Fetches and reads a page on a thread of its own. Not on the runtime's: it would wait at its end for a target
/// that hangs.
async fn fetch(client: Arc<Client>) -> Result<Page, ScrapeError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let work = move || {
        let page = client.fetch().map_err(ScrapeError::from).and_then(|fetched| {
            Page::read(fetched.body, fetched.format).map_err(|source| ScrapeError::Page { source })
        });
        // Nobody listens any more if the server is stopping.
        let _ = sender.send(page);
    };
    std::thread::Builder::new().name("scrape".to_owned()).spawn(work)?;
    receiver.await.map_err(|_| ScrapeError::Lost)?
}
