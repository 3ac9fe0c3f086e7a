//! The client side of TLS for `https` targets: trust in one given certificate authority, because a
//! loopback server has no certificate that the world's authorities sign.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The PEM text holds no certificate, or a broken one.
    #[error("no usable certificate in the CA file")]
    Certificate,
    /// The name is neither a DNS name nor an address.
    #[error("{0:?} is no server name")]
    ServerName(String),
    /// The cryptography library refused the settings.
    #[error("cannot set up TLS")]
    Settings(#[source] rustls::Error),
}

/// How to speak TLS to the target.
#[derive(Debug, Clone)]
pub struct TlsClient {
    /// Versions, cryptography and trust.
    pub config: Arc<ClientConfig>,
    /// The server name to ask for and to verify.
    pub name: ServerName<'static>,
}

/// A client that trusts the certificates in `ca_pem` and asks for `server_name`.
///
/// # Errors
/// See [`Error`].
pub fn client(ca_pem: &[u8], server_name: &str) -> Result<TlsClient, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem) {
        let certificate = certificate.map_err(|_| Error::Certificate)?;
        roots.add(certificate).map_err(|_| Error::Certificate)?;
    }
    if roots.is_empty() {
        return Err(Error::Certificate);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::Settings)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(server_name.to_owned())
        .map_err(|_| Error::ServerName(server_name.to_owned()))?;
    Ok(TlsClient {
        config: Arc::new(config),
        name,
    })
}
