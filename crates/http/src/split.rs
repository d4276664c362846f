//! One port for TLS and for plain HTTP: the first byte of a connection says which of two services it is for.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev::{Service, ServiceFactory};
use actix_web::rt::net::TcpStream;
use futures::future::{FutureExt, LocalBoxFuture};

/// The type of the record that a TLS client begins with: a handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// A connection that has not said anything by then is closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the two services of each worker.
#[derive(Clone, Debug)]
pub struct TlsOrPlain<T, P> {
    /// For connections that begin as TLS does.
    pub tls: T,
    /// For all others.
    pub plain: P,
}

impl<T, P> ServiceFactory<TcpStream> for TlsOrPlain<T, P>
where
    T: ServiceFactory<TcpStream, Config = (), Response = (), InitError = ()> + 'static,
    P: ServiceFactory<TcpStream, Config = (), Response = (), InitError = ()> + 'static,
    T::Service: 'static,
    P::Service: 'static,
{
    type Response = ();
    type Error = ();
    type Config = ();
    type Service = Split<T::Service, P::Service>;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<Self::Service, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let (tls, plain) = (self.tls.new_service(()), self.plain.new_service(()));
        async move { Ok(Split { tls: Rc::new(tls.await?), plain: Rc::new(plain.await?) }) }.boxed_local()
    }
}

/// The two services of one worker.
#[derive(Debug)]
pub struct Split<T, P> {
    tls: Rc<T>,
    plain: Rc<P>,
}

impl<T, P> Service<TcpStream> for Split<T, P>
where
    T: Service<TcpStream, Response = ()> + 'static,
    P: Service<TcpStream, Response = ()> + 'static,
{
    type Response = ();
    type Error = ();
    type Future = LocalBoxFuture<'static, Result<(), ()>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        let tls = self.tls.poll_ready(cx).map_err(drop)?;
        let plain = self.plain.poll_ready(cx).map_err(drop)?;
        if tls.is_ready() && plain.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn call(&self, io: TcpStream) -> Self::Future {
        let (tls, plain) = (Rc::clone(&self.tls), Rc::clone(&self.plain));
        async move {
            let mut first = [0];
            let peeked = actix_web::rt::time::timeout(PATIENCE, io.peek(&mut first)).await;
            match (peeked, first) {
                // What goes wrong on one connection is that connection's.
                (Ok(Ok(1..)), [TLS_HANDSHAKE]) => tls.call(io).await.map_err(drop),
                (Ok(Ok(1..)), _) => plain.call(io).await.map_err(drop),
                _ => Ok(()),
            }
        }
        .boxed_local()
    }
}
