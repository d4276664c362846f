//! What operators change while the server runs. Their routes run one request at a time and ask for
//! credentials whatever else is configured.

pub(crate) mod log_level;
pub(crate) mod record;
mod recorder;

use actix_web::{HttpRequest, HttpResponse};

use crate::app::TdengineApp;
use crate::auth::{Claim, login};
use crate::error::{AdapterError, with_json};

pub use log_level::LogLevel;
pub(crate) use recorder::{Facts, Recorder, Recording};
pub use recorder::{RecordFile, RecordFiles};

/// `{"code":0,"desc":""}`
fn done() -> HttpResponse {
    with_json(HttpResponse::Ok(), br#"{"code":0,"desc":""}"#.to_vec())
}

/// Credentials that are wrong are 401 here.
async fn authorize(app: &TdengineApp, request: &HttpRequest) -> Result<(), AdapterError> {
    let claim = Claim::of(request.headers())?;
    match login(app, request, &claim, "").await {
        Ok(_) => Ok(()),
        Err(AdapterError::Credentials(error)) => Err(AdapterError::Unauthorized(error)),
        Err(error) => Err(error),
    }
}

/// One request at a time on an API; never waits.
#[derive(Debug, Default)]
pub(crate) struct OneAtATime(tokio::sync::Mutex<()>);

impl OneAtATime {
    fn enter(&self, api: &'static str) -> Result<tokio::sync::MutexGuard<'_, ()>, AdapterError> {
        self.0.try_lock().map_err(|_| AdapterError::Concurrent(api))
    }
}
