//! Connections of agents: accepted up to a number, ended together.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::sink::Sink;
use super::stop::Stop;

/// How long to wait when no connection can be accepted, which mostly means that no file is free.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Accepts connections and has each served by `serve`, until `stop`; returns when the last one has ended. One more
/// than `most` at a time is closed at once, as the vendor does. Must run in a runtime.
pub(super) async fn accept<S, F>(socket: StdListener, sink: Arc<Sink>, most: usize, mut stop: Stop, serve: S)
where
    S: Fn(TcpStream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = match TcpListener::from_std(socket) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(agent = sink.agent(), %error, "cannot accept connections"),
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.over() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < most => {
                    connections.spawn(serve(stream));
                }
                Ok((_, peer)) => refuse(&sink, most, peer),
                Err(error) => {
                    sink.complain("accept", &error);
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn refuse(sink: &Sink, most: usize, peer: SocketAddr) {
    sink.complain("connections", &format_args!("{most} connections are open, that of {peer} is closed"));
}
