//! Certificate files.

use std::path::Path;
use std::sync::Arc;

use triglot_http::tls::CertificateStore;

use crate::Failure;
use crate::config::Server;

/// The configured certificate, none = plain HTTP.
pub(super) fn load(server: &Server) -> Result<Option<Arc<CertificateStore>>, Failure> {
    if server.tls_certificate.is_empty() {
        return Ok(None);
    }
    let (certificate, key) = read(server)?;
    let store = CertificateStore::from_pem(&certificate, &key)
        .map_err(|e| Failure::doing(&server.tls_certificate, e))?;
    Ok(Some(store))
}

/// Reads the files again; if they are bad the old certificate stays.
pub(super) fn reload(server: &Server, store: Option<&Arc<CertificateStore>>) {
    let Some(store) = store else { return };
    let replaced = read(server).and_then(|(certificate, key)| {
        store.replace(&certificate, &key).map_err(|e| Failure::doing(&server.tls_certificate, e))
    });
    match replaced {
        Ok(()) => tracing::info!("certificate read again"),
        Err(error) => tracing::error!(%error, "the old certificate stays"),
    }
}

fn read(server: &Server) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let one = |file: &str| std::fs::read(file).map_err(|e| Failure::io(Path::new(file), e));
    Ok((one(&server.tls_certificate)?, one(&server.tls_key)?))
}
