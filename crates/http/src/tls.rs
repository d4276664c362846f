//! TLS through rustls with the ring provider: certificate and key from PEM text.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// Why a certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file holds no PEM certificate, or a damaged one.
    #[error("TLS certificate: {0}")]
    Certificate(String),
    /// The key file holds no PEM private key, or a damaged one.
    #[error("TLS private key: {0}")]
    Key(String),
    /// Certificate and key do not fit, or the key's kind is not supported.
    #[error("TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// A certificate with its key that can be exchanged while the server runs (SIGHUP): new
/// connections get the new one, running ones keep theirs.
#[derive(Debug)]
pub struct CertificateStore {
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl CertificateStore {
    /// Reads a chain (leaf first) and its key from PEM bytes.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let current = RwLock::new(Arc::new(certified_key(&provider, certificates, key)?));
        Ok(Arc::new(Self { provider, current }))
    }

    /// Puts another pair in place; on an error the old one stays.
    pub fn replace(&self, certificates: &[u8], key: &[u8]) -> Result<(), TlsError> {
        let next = Arc::new(certified_key(&self.provider, certificates, key)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    /// The server side configuration (TLS 1.2 and 1.3, no client certificates). actix adds ALPN.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let builder = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?;
        Ok(builder.with_no_client_auth().with_cert_resolver(self.clone()))
    }
}

impl ResolvesServerCert for CertificateStore {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn certified_key(
    provider: &CryptoProvider,
    certificates: &[u8],
    key: &[u8],
) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| TlsError::Certificate(e.to_string()))?;
    if chain.is_empty() {
        return Err(TlsError::Certificate("no certificate in the PEM text".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| TlsError::Key(e.to_string()))?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_pem_are_named() {
        assert!(matches!(CertificateStore::from_pem(b"", b""), Err(TlsError::Certificate(_))));
        let not_a_key = CertificateStore::from_pem(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"nothing",
        );
        assert!(matches!(not_a_key, Err(TlsError::Key(_))));
    }
}
