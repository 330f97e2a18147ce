//! TLS from certificate files. A file that does not do stops the start: nothing is ever served in clear instead.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pgwire::tokio::TlsAcceptor;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The name of PostgreSQL's protocol in TLS's ALPN.
const PROTOCOL_NAME: &[u8] = b"postgresql";

/// Where the certificate and its key are, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, then those that lead to the root.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or is not PEM.
    #[error("{key}: {}: {source}", .path.display())]
    File {
        /// The setting that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate file holds no certificate.
    #[error("tls_cert_file: {} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// Certificate and key are not usable together.
    #[error("tls_cert_file and tls_key_file: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What accepts encrypted connections.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| failure("tls_key_file", &files.key, source))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates(&files.certificate)?, key)?;
    config.alpn_protocols = vec![PROTOCOL_NAME.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let of_file = |source| failure("tls_cert_file", path, source);
    let found = CertificateDer::pem_file_iter(path).map_err(of_file)?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(of_file)?;
    if found.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(found) }
}

fn failure(key: &'static str, path: &Path, source: rustls::pki_types::pem::Error) -> TlsError {
    TlsError::File { key, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_file_is_named_by_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        assert!(acceptor(&files).err().unwrap().to_string().starts_with("tls_key_file: "));
        std::fs::write(&files.key, "not a key").unwrap();
        assert!(acceptor(&files).err().unwrap().to_string().starts_with("tls_key_file: "));
    }
}
