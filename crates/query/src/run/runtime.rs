use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// Stack of a query thread. Expressions and plans are walked, compared and dropped recursively, at about 1.4 KiB for each
/// level of an expression (measured); dialects let through chains of thousands. Untouched pages cost nothing.
const STACK_BYTES: usize = 32 << 20;

/// The threads on which plans are made and run, apart from those that serve connections: a query that
/// computes for seconds must not keep a connection from being answered.
#[derive(Debug)]
pub struct QueryRuntime {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl QueryRuntime {
    /// Starts `threads` threads (at least one).
    ///
    /// # Errors
    /// The operating system's, when it gives no threads.
    pub fn new(threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("query")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .enable_io()
            .build()?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    /// Where to spawn work.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for QueryRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping a runtime inside another one would block; running queries are cut off.
            runtime.shutdown_background();
        }
    }
}
