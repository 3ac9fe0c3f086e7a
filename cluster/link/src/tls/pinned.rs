//! How a joiner recognises the cluster: by the pin in its token, before it sends its secret.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, PeerIncompatible, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::EndEntityCert;

use super::member_of;
use crate::Pin;

/// The server has no certificate of the authority that the token names.
#[derive(Debug, thiserror::Error)]
#[error("the server belongs to another cluster than the join token")]
pub(crate) struct WrongPin;

/// Trusts the authority with this pin, for any node of its cluster.
#[derive(Debug)]
pub(super) struct Verifier {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    pub(super) fn new(pin: Pin, provider: Arc<CryptoProvider>) -> Self {
        Self { pin, provider }
    }

    fn is_pinned(&self, certificate: &CertificateDer<'_>) -> bool {
        EndEntityCert::try_from(certificate)
            .is_ok_and(|parsed| Pin::of_key(&parsed.subject_public_key_info()) == self.pin)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let other = |error| Error::InvalidCertificate(CertificateError::Other(error));
        let authority = intermediates
            .iter()
            .find(|certificate| self.is_pinned(certificate))
            .ok_or_else(|| other(OtherError(Arc::new(WrongPin))))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::clone(&self.provider),
        )
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
        let member = member_of(end_entity).ok_or(CertificateError::NotValidForName)?;
        let name = ServerName::try_from(member.dns_name())
            .map_err(|_| CertificateError::NotValidForName)?;
        verifier.verify_server_cert(end_entity, &[], &name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::ServerDoesNotSupportTls12Or13.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
