//! Who is at the other end of the socket.

use std::net::IpAddr;

use actix_web::HttpRequest;

/// Whether the peer's *socket* address is a loopback one. Headers such as `X-Forwarded-For` are
/// not looked at: anybody can send them. No address (in-process tests) counts as remote.
pub fn is_loopback(request: &HttpRequest) -> bool {
    request.peer_addr().is_some_and(|address| ip_is_loopback(address.ip()))
}

/// Loopback in either family, IPv4 mapped into IPv6 included (dual-stack listeners see that form).
pub fn ip_is_loopback(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn mapped_addresses_count() {
        for (text, wanted) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.0.0.1", false),
            ("::ffff:10.0.0.1", false),
        ] {
            assert_eq!(ip_is_loopback(text.parse().unwrap()), wanted, "{text}");
        }
    }

    #[test]
    fn headers_cannot_make_a_peer_local() {
        let remote = TestRequest::default()
            .peer_addr("10.1.2.3:4".parse().unwrap())
            .insert_header(("x-forwarded-for", "127.0.0.1"))
            .to_http_request();
        assert!(!is_loopback(&remote));
        assert!(!is_loopback(&TestRequest::default().to_http_request()));
    }
}
