//! Certificates for a server that has none: a private authority, and a certificate that it signed. Made in memory as
//! PEM text; who calls writes the files.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// Certificates hold for so many years.
const YEARS: i32 = 10;

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("certificate: {0}")]
pub struct CertificateError(#[from] rcgen::Error);

/// A certificate and its private key as PEM text.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key. Never log it.
    pub key: String,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// An authority and a node's certificate that it signed.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// What clients are given to trust (`curl --cacert`).
    pub authority: Pair,
    /// What the server shows.
    pub node: Pair,
}

impl Certificates {
    /// Makes both, with ECDSA keys on P-256. `names` are host names and addresses that clients may call the server by;
    /// `year` is the present one: they hold from its begin for ten years.
    ///
    /// # Errors
    /// A name that is neither a host name nor an address.
    pub fn make(names: &[String], year: i32) -> Result<Self, CertificateError> {
        let authority_key = KeyPair::generate()?;
        let mut authority = params(&[], "triglot CA", year)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        let authority_certificate = authority.self_signed(&authority_key)?.pem();

        let node_key = KeyPair::generate()?;
        let mut node = params(names, "node", year)?;
        node.use_authority_key_identifier_extension = true;
        node.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        node.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer = Issuer::from_params(&authority, &authority_key);
        let node_certificate = node.signed_by(&node_key, &issuer)?.pem();
        Ok(Self {
            authority: Pair { certificate: authority_certificate, key: authority_key.serialize_pem() },
            node: Pair { certificate: node_certificate, key: node_key.serialize_pem() },
        })
    }
}

fn params(names: &[String], common_name: &str, year: i32) -> Result<CertificateParams, CertificateError> {
    let mut params = CertificateParams::new(names.to_vec())?;
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "triglot");
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    params.not_before = date_time_ymd(year, 1, 1);
    params.not_after = date_time_ymd(year + YEARS, 1, 1);
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::CertificateStore;

    #[test]
    fn what_is_made_serves() {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let made = Certificates::make(&names, 2026).unwrap();
        let store = CertificateStore::from_pem(made.node.certificate.as_bytes(), made.node.key.as_bytes());
        assert!(store.unwrap().server_config().is_ok());
        let again = Certificates::make(&names, 2026).unwrap();
        assert_ne!(again.authority.key, made.authority.key);
        assert!(!format!("{made:?}").contains("PRIVATE KEY"));
    }

    #[test]
    fn names_that_are_none_are_refused() {
        assert!(Certificates::make(&["no\u{e4}me".to_owned()], 2026).is_err());
    }
}
