//! Certificate files: those that are configured, and KWDB's, which are made at the first start.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use triglot_http::certificates::Certificates;
use triglot_http::tls::CertificateStore;

use crate::Failure;
use crate::config::{Config, Server, certificate_names};

/// The certificates of all listeners.
#[derive(Clone, Debug, Default)]
pub(super) struct Tls {
    /// Of `server.tls_certificate`, for every listener.
    common: Option<Pair>,
    /// KWDB's own.
    kwdb: Option<Pair>,
}

/// A certificate that is served, and its files.
#[derive(Clone, Debug)]
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
    store: Arc<CertificateStore>,
}

impl Tls {
    /// Reads the configured files; makes KWDB's if there are none. `year` is the present one.
    pub(super) fn load(config: &Config, year: i32) -> Result<Self, Failure> {
        let common = match configured(&config.server) {
            Some((certificate, key)) => Some(Pair::load(certificate, key)?),
            None => None,
        };
        let wants_own = config.kwdb.enabled && !config.kwdb.insecure && common.is_none();
        let kwdb = if wants_own {
            let (certificate, key) = kwdb_files(config, year)?;
            Some(Pair::load(certificate, key)?)
        } else {
            None
        };
        Ok(Self { common, kwdb })
    }

    /// The certificate of every listener but KWDB's, none = plain HTTP.
    pub(super) fn common(&self) -> Option<&Arc<CertificateStore>> {
        self.common.as_ref().map(|pair| &pair.store)
    }

    /// KWDB's certificate, none = plain HTTP.
    pub(super) fn kwdb(&self, config: &Config) -> Option<&Arc<CertificateStore>> {
        let pair = if config.kwdb.insecure { None } else { self.common.as_ref().or(self.kwdb.as_ref()) };
        pair.map(|pair| &pair.store)
    }

    /// Reads the files again; where they are bad the old certificate stays.
    pub(super) fn reload(&self) {
        for pair in self.common.iter().chain(&self.kwdb) {
            match pair.reload() {
                Ok(()) => tracing::info!(file = %pair.certificate.display(), "certificate read again"),
                Err(error) => tracing::error!(%error, "the old certificate stays"),
            }
        }
    }
}

impl Pair {
    fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, Failure> {
        let store = CertificateStore::from_pem(&read(&certificate)?, &read(&key)?)
            .map_err(|e| Failure::doing(certificate.display(), e))?;
        Ok(Self { certificate, key, store })
    }

    fn reload(&self) -> Result<(), Failure> {
        let (certificate, key) = (read(&self.certificate)?, read(&self.key)?);
        self.store.replace(&certificate, &key).map_err(|e| Failure::doing(self.certificate.display(), e))
    }
}

fn configured(server: &Server) -> Option<(PathBuf, PathBuf)> {
    let is_there = !server.tls_certificate.is_empty();
    is_there.then(|| (PathBuf::from(&server.tls_certificate), PathBuf::from(&server.tls_key)))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|e| Failure::io(file, e))
}

/// KWDB's pair: the one for browsers if there is one, else the node's; made if there is neither.
fn kwdb_files(config: &Config, year: i32) -> Result<(PathBuf, PathBuf), Failure> {
    let dir = config.kwdb_certs_dir();
    let pair = |name: &str| (dir.join(format!("{name}.crt")), dir.join(format!("{name}.key")));
    for name in ["ui", "node"] {
        let (certificate, key) = pair(name);
        if certificate.is_file() && key.is_file() {
            return Ok((certificate, key));
        }
    }
    make(config, &dir, year)?;
    Ok(pair("node"))
}

/// Makes an authority and the node's certificate. Files that are there stay: who has some of them meant to have all.
fn make(config: &Config, dir: &Path, year: i32) -> Result<(), Failure> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let names = certificate_names(config, Some(host.trim()).filter(|host| !host.is_empty()));
    let made = Certificates::make(&names, year).map_err(|e| Failure::doing(dir.display(), e))?;
    let files = [
        ("ca.key", &made.authority.key, 0o600),
        ("ca.crt", &made.authority.certificate, 0o644),
        ("node.key", &made.node.key, 0o600),
        ("node.crt", &made.node.certificate, 0o644),
    ];
    if let Some((name, ..)) = files.iter().find(|(name, ..)| dir.join(name).exists()) {
        return Err(Failure::Message(format!(
            "{}: {name} is there, but not both node.crt and node.key: add them, or remove ca.* and node.* to have \
             new ones made",
            dir.display()
        )));
    }
    std::fs::create_dir_all(dir).map_err(|e| Failure::io(dir, e))?;
    for (name, text, mode) in files {
        let path = dir.join(name);
        write(&path, text, mode).map_err(|e| Failure::io(&path, e))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn config(dir: &Path) -> Config {
        let mut config = Config::default();
        config.kwdb.certs_dir = dir.display().to_string();
        config
    }

    #[test]
    fn certificates_are_made_once_and_keys_are_the_owners() {
        let dir = tempfile::tempdir().unwrap();
        let certs = dir.path().join("certs");
        let tls = Tls::load(&config(&certs), 2026).unwrap();
        assert!(tls.kwdb(&config(&certs)).is_some() && tls.common().is_none());
        let mode = |name: &str| std::fs::metadata(certs.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode("ca.key"), mode("node.key"), mode("ca.crt") & 0o600], [0o600; 3]);
        let first = std::fs::read(certs.join("ca.crt")).unwrap();
        Tls::load(&config(&certs), 2026).unwrap();
        assert_eq!(std::fs::read(certs.join("ca.crt")).unwrap(), first);
        tls.reload();
    }

    #[test]
    fn own_certificates_are_taken_those_for_browsers_first() {
        let (made, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Tls::load(&config(made.path()), 2026).unwrap();
        for name in ["ui.crt", "ui.key"] {
            let of = name.replace("ui", "node");
            std::fs::copy(made.path().join(of), own.path().join(name)).unwrap();
        }
        let tls = Tls::load(&config(own.path()), 2026).unwrap();
        assert_eq!(tls.kwdb.unwrap().certificate, own.path().join("ui.crt"));
        assert!(!own.path().join("node.crt").exists());
    }

    #[test]
    fn half_a_set_is_told_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.crt"), "mine").unwrap();
        let said = Tls::load(&config(dir.path()), 2026).unwrap_err().to_string();
        assert!(said.contains("ca.crt is there"), "{said}");
        assert!(!dir.path().join("node.crt").exists());
    }

    #[test]
    fn insecure_is_plain() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(&dir.path().join("none"));
        config.kwdb.insecure = true;
        let tls = Tls::load(&config, 2026).unwrap();
        assert!(tls.kwdb(&config).is_none() && !dir.path().join("none").exists());
    }
}
