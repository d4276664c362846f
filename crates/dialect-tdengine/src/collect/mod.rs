//! taosAdapter's agents: what is stored without an HTTP request of its own, because it comes over other sockets or is
//! fetched (sheet `tdengine-http.md` section 8). Off unless configured.
//!
//! The program binds the sockets, starts each agent's future on a runtime and ends them with a [`Stopper`]: an agent
//! then takes no more, writes what it has, and returns. What an agent writes and as whom is its [`Sink`].

mod batch;
pub mod collectd;
mod complaints;
mod datagrams;
mod lines;
mod rows;
pub mod scrape;
mod sink;
pub mod statsd;
mod stop;
mod tcp;
pub mod telnet;

pub use sink::{Account, Place};
pub use stop::{Stop, Stopper, stopper};
