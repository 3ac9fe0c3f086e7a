//! TLS settings of a group as rustls configurations.
//!
//! The crypto provider is passed explicitly everywhere: a process default may not be installed
//! yet, or be another one.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::spec::{Protocol, TlsSpec, TlsSpecError};

/// Where distributions keep the administrator's trusted roots in one file; the first one found is
/// used besides the built-in roots.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// The roots that are trusted by default, read when first needed.
#[derive(Default)]
pub(crate) struct Roots(OnceLock<Arc<RootCertStore>>);

impl Roots {
    /// Trusts nobody: enough to check settings, without reading the real ones.
    pub(crate) fn none() -> Self {
        Self(OnceLock::from(Arc::new(RootCertStore::empty())))
    }

    fn get(&self) -> Arc<RootCertStore> {
        Arc::clone(self.0.get_or_init(|| {
            let mut store = RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            };
            let bundle = SYSTEM_BUNDLES
                .iter()
                .find_map(|path| std::fs::read(path).ok());
            if let Some(pem) = bundle {
                // One odd certificate in the system's bundle must not cost us the others.
                store.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).flatten());
            }
            Arc::new(store)
        }))
    }
}

/// What a server with TLS needs for a handshake.
pub(crate) struct TlsClient {
    /// Offers what the group's protocol allows.
    pub(crate) any: Arc<ClientConfig>,
    /// Offers HTTP/1.1 only, for upgrades.
    pub(crate) http1: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

impl TlsClient {
    pub(crate) fn new(
        spec: &TlsSpec,
        host: &str,
        protocol: Protocol,
        roots: &Roots,
    ) -> Result<Self, TlsSpecError> {
        let mut any = client_config(spec, roots)?;
        any.alpn_protocols = match protocol {
            Protocol::Auto => vec![H2.to_vec(), HTTP1.to_vec()],
            Protocol::Http1 => vec![HTTP1.to_vec()],
            Protocol::Http2 => vec![H2.to_vec()],
        };
        let mut http1 = any.clone();
        http1.alpn_protocols = vec![HTTP1.to_vec()];
        let name = server_name(spec.server_name.as_deref().unwrap_or(host))?;
        Ok(Self {
            any: Arc::new(any),
            http1: Arc::new(http1),
            name,
        })
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsSpecError> {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned())
        .map_err(|e| TlsSpecError::ServerName(format!("{name}: {e}")))
}

/// Whether the server chose HTTP/2.
pub(crate) fn chose_h2(alpn: Option<&[u8]>) -> bool {
    alpn == Some(H2)
}

/// The configuration of a group, without ALPN.
pub(crate) fn client_config(spec: &TlsSpec, roots: &Roots) -> Result<ClientConfig, TlsSpecError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("the provider supports TLS 1.2 and 1.3");
    let builder = if spec.verify {
        builder.with_root_certificates(trusted(spec, roots)?)
    } else {
        trusted_if_given(spec)?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate { provider }))
    };
    if let Some(name) = &spec.server_name {
        server_name(name)?;
    }
    match (&spec.client_cert_pem, &spec.key_pem) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (None, Some(_)) => Err(TlsSpecError::ClientCert(
            "missing beside key_pem".to_owned(),
        )),
        (Some(_), None) => Err(TlsSpecError::Key(
            "missing beside client_cert_pem".to_owned(),
        )),
        (Some(chain), Some(key)) => {
            let chain = certificates(chain).map_err(TlsSpecError::ClientCert)?;
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
                .map_err(|e| TlsSpecError::Key(e.to_string()))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| TlsSpecError::Key(e.to_string()))
        }
    }
}

fn trusted(spec: &TlsSpec, roots: &Roots) -> Result<Arc<RootCertStore>, TlsSpecError> {
    Ok(trusted_if_given(spec)?.unwrap_or_else(|| roots.get()))
}

fn trusted_if_given(spec: &TlsSpec) -> Result<Option<Arc<RootCertStore>>, TlsSpecError> {
    let Some(pem) = &spec.ca_pem else {
        return Ok(None);
    };
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem).map_err(TlsSpecError::Ca)? {
        store
            .add(certificate)
            .map_err(|e| TlsSpecError::Ca(e.to_string()))?;
    }
    Ok(Some(Arc::new(store)))
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if found.is_empty() => Err("holds no certificate".to_owned()),
        Ok(found) => Ok(found),
        Err(e) => Err(e.to_string()),
    }
}

/// Accepts any certificate, for groups that say `verify: false`. The handshake's signatures are
/// still checked, so the peer at least owns the key that it shows.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
