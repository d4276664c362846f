//! Who is asking: the `Authorization` header, log-in, and token sessions (sheet sections 3 and 4).

mod claim;
mod sessions;

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use triglot_engine::auth::{AuthError, Peer, Principal};
use triglot_engine::{EngineError, Session};

pub(crate) use claim::Claim;
pub(crate) use sessions::{Listed, Sessions};

use crate::app::KwdbApp;
use crate::refusal::Refusal;
use crate::settings;

/// Somebody whose credentials were good.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    /// The token, if that was what the request had.
    pub(crate) token: Option<String>,
}

/// Why credentials were not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotLetIn {
    /// They are wrong.
    Wrong,
    /// They were right until some time ago.
    Expired,
    /// The server has no room for the check at present, or it failed.
    Failed(Refusal),
}

impl NotLetIn {
    /// The refusal, `wrong` being what the route says to wrong credentials. Only log-in tells that they expired.
    pub(crate) fn or(self, wrong: Refusal) -> Refusal {
        match self {
            Self::Expired if wrong == Refusal::LoginFailed => Refusal::PasswordExpired,
            Self::Wrong | Self::Expired => wrong,
            Self::Failed(refusal) => refusal,
        }
    }
}

/// Compares a claim with what is known. A token's time begins anew.
pub(crate) async fn verify(app: &KwdbApp, request: &HttpRequest, claim: &Claim) -> Result<Caller, NotLetIn> {
    match claim {
        Claim::Password { user, password } => {
            let principal = verify_password(app, request, user, password).await?;
            Ok(Caller { principal, token: None })
        }
        Claim::Token(token) => {
            let catalog = app.engine.catalog();
            let life = settings::token_life_ns(&app.engine);
            let now = app.engine.clock().now_ns();
            let principal = app.sessions.renew(token, &catalog, now, life).ok_or(NotLetIn::Wrong)?;
            Ok(Caller { principal, token: Some(token.clone()) })
        }
    }
}

/// Names are folded to lower case, as the vendor does.
async fn verify_password(
    app: &KwdbApp,
    request: &HttpRequest,
    user: &str,
    password: &str,
) -> Result<Principal, NotLetIn> {
    // The address of the socket: headers can be sent by anybody. Without one (in-process tests) the
    // peer is not trusted.
    let address = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |a| a.ip());
    let user = user.to_lowercase();
    let verified = app.engine.auth().verify(&user, password, Peer::from(address)).await;
    verified.map_err(|error| match error {
        AuthError::WrongCredentials { .. } | AuthError::NotLoopback | AuthError::UserNotFound { .. } => {
            NotLetIn::Wrong
        }
        AuthError::Expired { .. } => NotLetIn::Expired,
        AuthError::TooManyFailures { retry_after_s, .. } => NotLetIn::Failed(Refusal::Overload(format!(
            "too many failed logins, try again in {retry_after_s} s"
        ))),
        AuthError::Busy => NotLetIn::Failed(Refusal::Overload("too many logins at the same time".to_owned())),
        AuthError::Hash(_) | AuthError::Catalog(_) => NotLetIn::Failed(Refusal::Denied(error.to_string())),
    })
}

/// The caller's session in a database, which need not exist.
pub(crate) fn session(app: &KwdbApp, caller: &Caller, database: &str) -> Result<Session, Refusal> {
    let session = app.engine.session(caller.principal.clone(), &app.config.tenant, database);
    session.map(|session| session.with_language(&app.language)).map_err(|error| match error {
        EngineError::NotAMember { user, .. } => {
            Refusal::Denied(format!("user {user} does not have privileges on database {database}"))
        }
        other => Refusal::Denied(other.to_string()),
    })
}
