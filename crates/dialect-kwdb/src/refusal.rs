//! Why a request is refused as a whole, before or beside any statement (sheet sections 2.1 to 4).

use actix_web::http::StatusCode;

/// A refusal. Texts are the vendor's server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// No `Basic`, or not two words.
    #[error("can not find Basic attribute, please check")]
    NoBasic,
    /// No header, or a pair that is none.
    #[error("wrong username or password, please check")]
    NoPair,
    /// A credential that is neither hexadecimal nor base64.
    #[error("illegal base64 data at input byte {at}")]
    IllegalBase64 { at: usize },
    /// Unknown or ended token, wrong password.
    #[error("can not find token, need login first")]
    NeedLogin,
    /// The same on the session route.
    #[error("can not verify")]
    CannotVerify,
    /// The same at log-in.
    #[error("the provided username and password did not match any credentials on the server.")]
    LoginFailed,
    /// `VALID UNTIL` is over.
    #[error("the password for user has expired.")]
    PasswordExpired,
    #[error("wrong db parameter for login.")]
    DatabaseAtLogin,
    #[error("support only GET method.")]
    GetOnly,
    #[error("only support POST method")]
    PostOnly,
    #[error("only support GET/DELETE method.")]
    GetOrDelete,
    #[error("invalid request body")]
    EmptyBody,
    /// The body broke off, or is no text.
    #[error("invalid request body: {0}")]
    BadBody(String),
    #[error("request body exceeds the limit of {limit} bytes")]
    BodyTooLarge { limit: usize },
    /// The value of `tz`.
    #[error("pq: invalid value for parameter \"timezone\": \"{0}\"")]
    Zone(String),
    /// A rule of the `query` endpoint.
    #[error("{0}")]
    Statement(String),
    #[error("do not have authority, please check.")]
    NotTheOwner,
    #[error("no connid matching the given one was found.")]
    UnknownSession,
    /// One of the server's limits.
    #[error("{0}")]
    Overload(String),
    /// The user may not enter.
    #[error("pq: {0}")]
    Denied(String),
}

impl Refusal {
    /// The status in the manual's words: 400, 401, 413 or 503.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            _ if self.is_authentication() => StatusCode::UNAUTHORIZED,
            Self::LoginFailed | Self::PasswordExpired => StatusCode::UNAUTHORIZED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Overload(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Whether it is about credentials on a route other than log-in: the manual has one text for all of it.
    pub(crate) fn is_authentication(&self) -> bool {
        matches!(
            self,
            Self::NoBasic | Self::NoPair | Self::IllegalBase64 { .. } | Self::NeedLogin | Self::CannotVerify
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_the_manuals() {
        for (refusal, status) in [
            (Refusal::NoBasic, 401),
            (Refusal::NoPair, 401),
            (Refusal::IllegalBase64 { at: 0 }, 401),
            (Refusal::NeedLogin, 401),
            (Refusal::CannotVerify, 401),
            (Refusal::LoginFailed, 401),
            (Refusal::DatabaseAtLogin, 400),
            (Refusal::GetOnly, 400),
            (Refusal::PostOnly, 400),
            (Refusal::GetOrDelete, 400),
            (Refusal::EmptyBody, 400),
            (Refusal::Zone("x".into()), 400),
            (Refusal::BodyTooLarge { limit: 1 }, 413),
            (Refusal::Overload("x".into()), 503),
            (Refusal::NotTheOwner, 400),
            (Refusal::UnknownSession, 400),
        ] {
            assert_eq!(refusal.status().as_u16(), status, "{refusal:?}");
        }
    }
}
