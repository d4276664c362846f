//! What systemd hears (`Type=notify`): one datagram to the socket that `NOTIFY_SOCKET` names, see
//! `sd_notify(3)`. Without the variable nothing is sent.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// States that are told.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// Listening.
    Ready,
    /// Draining.
    Stopping,
}

/// Tells the service manager, if there is one. A failure is logged: it is no reason not to serve.
pub(super) fn tell(state: State) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, socket = %socket.display(), "the service manager was not told");
    }
}

fn send(socket: &OsString, state: State) -> io::Result<()> {
    let bytes = socket.as_bytes();
    let address = match bytes.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let sender = UnixDatagram::unbound()?;
    // A manager that does not read must not hold the server up.
    sender.set_nonblocking(true)?;
    let text: &[u8] = match state {
        State::Ready => b"READY=1",
        State::Stopping => b"STOPPING=1",
    };
    sender.send_to_addr(text, &address).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 64];
        let read = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    }

    #[test]
    fn both_kinds_of_sockets_hear() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        send(&path.clone().into_os_string(), State::Ready).unwrap();
        assert_eq!(received(&manager), "READY=1");

        let name = format!("triglot-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(&format!("@{name}").into(), State::Stopping).unwrap();
        assert_eq!(received(&manager), "STOPPING=1");
    }
}
