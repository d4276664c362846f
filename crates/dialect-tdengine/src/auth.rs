//! Who is asking: the `Authorization` header (sheet section 4) and the user behind it.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use triglot_engine::auth::{AuthError, Peer};
use triglot_engine::{EngineError, Session};
use triglot_http::credentials::decode_pair;
use triglot_sql_tdengine::TaosError;

use crate::app::TdengineApp;
use crate::error::AdapterError;
use crate::token;

/// Root's password at the vendor's, which holds here as long as nobody has given root another one.
const DEFAULT_PASSWORD: &str = "taosdata";

/// Bytes of the vendor's names of users and of their passwords.
const MAX_USER: usize = 23;
const MAX_PASSWORD: usize = 255;

/// A name and a password, not yet compared with anything.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Claim {
    /// What the header says. Schemes are case-sensitive, one blank follows. Log-in by `Bearer` is the
    /// vendor's enterprise edition's.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, AdapterError> {
        let value =
            headers.get(AUTHORIZATION).map(|v| String::from_utf8_lossy(v.as_bytes()).trim().to_owned());
        let value = value.filter(|v| !v.is_empty()).ok_or(AdapterError::NoAuth)?;
        if let Some(encoded) = value.strip_prefix("Basic ") {
            let pair = decode_pair(encoded.as_bytes()).filter(|(u, p)| !u.is_empty() && !p.is_empty());
            let (user, password) = pair.ok_or(AdapterError::BadBasic)?;
            return Ok(Self { user, password });
        }
        if let Some(encoded) = value.strip_prefix("Taosd ") {
            let (user, password) = token::decode(encoded.trim()).ok_or(AdapterError::BadToken)?;
            return Ok(Self { user, password });
        }
        Err(AdapterError::UnknownScheme)
    }
}

/// A session of who claims to be somebody. The database need not exist.
///
/// # Errors
/// [`AdapterError::Credentials`], [`AdapterError::Overload`]; [`AdapterError::Engine`] for users of
/// another tenant.
pub(crate) async fn login(
    app: &TdengineApp,
    request: &HttpRequest,
    claim: &Claim,
    database: &str,
) -> Result<Session, AdapterError> {
    // The address of the socket: headers can be sent by anybody. Without one (in-process tests) the
    // peer is not trusted.
    let address = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |a| a.ip());
    login_from(app, Peer::from(address), claim, database).await
}

/// As [`login`], for who has sent no request.
pub(crate) async fn login_from(
    app: &TdengineApp,
    peer: Peer,
    claim: &Claim,
    database: &str,
) -> Result<Session, AdapterError> {
    let auth = app.engine.auth();
    let verified = auth.verify_or_default(&claim.user, &claim.password, DEFAULT_PASSWORD, peer).await;
    let principal = verified.map_err(|error| match error {
        AuthError::WrongCredentials { .. }
        | AuthError::Expired { .. }
        | AuthError::NotLoopback
        | AuthError::UserNotFound { .. } => AdapterError::Credentials(refusal(claim)),
        AuthError::TooManyFailures { retry_after_s, .. } => AdapterError::Credentials(TaosError::new(
            0x0357,
            format!("Authentication failure: too many failed log-ins, try again in {retry_after_s} s"),
        )),
        AuthError::Busy => AdapterError::Overload("get connection timeout".to_owned()),
        AuthError::Hash(_) | AuthError::Catalog(_) => AdapterError::Engine(EngineError::from(error).into()),
    })?;
    let session = app.engine.session(principal, &app.config.tenant, database).map_err(TaosError::from)?;
    Ok(session.with_language(&app.language))
}

/// Why credentials do not hold: a user of another dialect may have a longer name, so lengths are looked at last.
fn refusal(claim: &Claim) -> TaosError {
    if claim.user.len() > MAX_USER {
        TaosError::new(0x0207, "Invalid user name")
    } else if claim.password.len() > MAX_PASSWORD {
        TaosError::new(0x0208, "Invalid password")
    } else {
        TaosError::authentication()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn read(value: &str) -> Result<Claim, AdapterError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        Claim::of(&headers)
    }

    #[test]
    fn schemes_are_told_apart_as_the_sheet_says() {
        let root = Ok(Claim { user: "root".into(), password: "taosdata".into() });
        assert_eq!(read("Basic cm9vdDp0YW9zZGF0YQ=="), root);
        assert_eq!(read("  Basic cm9vdDp0YW9zZGF0YQ==  "), root);
        assert_eq!(read("Taosd /KfeAzX/f9na8qdtNZmtONryp201ma04bEl8LcvLUd7a8qdtNZmtONryp201ma04"), root);
        assert_eq!(Claim::of(&HeaderMap::new()), Err(AdapterError::NoAuth));
        assert_eq!(read(""), Err(AdapterError::NoAuth));
        // no base64, no colon (root), no password (root:), no user (:x)
        for pair in ["???", "cm9vdA==", "cm9vdDo=", "Ong="] {
            assert_eq!(read(&format!("Basic {pair}")), Err(AdapterError::BadBasic), "{pair}");
        }
        assert_eq!(read("Taosd cm9vdA=="), Err(AdapterError::BadToken));
        for other in ["basic cm9vdDp0YW9zZGF0YQ==", "Bearer x", "Digest x", "cm9vdDp0YW9zZGF0YQ=="] {
            assert_eq!(read(other), Err(AdapterError::UnknownScheme), "{other}");
        }
    }

    #[test]
    fn debug_output_hides_the_password() {
        assert!(!format!("{:?}", read("Basic cm9vdDp0YW9zZGF0YQ==")).contains("taosdata"));
    }
}
