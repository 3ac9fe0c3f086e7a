//! What is known about a connection before its first request.

use std::net::SocketAddr;

use rustls_pki_types::CertificateDer;

/// A client connection, as the service sees it.
#[derive(Debug, Clone)]
pub struct ConnInfo {
    /// The client: the socket's peer, or whom a trusted PROXY protocol header names. IPv4-mapped
    /// IPv6 addresses are given as IPv4.
    pub peer: SocketAddr,
    /// The address that the client connected to, by the same sources.
    pub local: SocketAddr,
    /// What was agreed in the TLS handshake; `None` on a plain-text connection.
    pub tls: Option<TlsInfo>,
    /// The index of the listener in [`crate::EdgeConfig::listeners`].
    pub listener: usize,
    /// The number of the connection since the start of the edge, from 0.
    pub connection_serial: u64,
}

/// What was agreed in a TLS handshake.
#[derive(Debug, Clone)]
pub struct TlsInfo {
    /// The name that the client asked for (RFC 6066, section 3).
    pub sni: Option<String>,
    /// The protocol that was agreed on, as in `h2`.
    pub alpn: Option<String>,
    /// As in `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite by its IANA name.
    pub cipher: String,
    /// The client's own certificate, verified by the listener's `ClientCertVerifier`.
    pub client_cert_der: Option<CertificateDer<'static>>,
}

impl TlsInfo {
    pub(crate) fn of(session: &rustls::ServerConnection) -> Self {
        let version = match session.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "unknown",
        };
        Self {
            sni: session.server_name().map(str::to_owned),
            alpn: session
                .alpn_protocol()
                .map(|p| String::from_utf8_lossy(p).into_owned()),
            version,
            cipher: session
                .negotiated_cipher_suite()
                .map(|suite| format!("{:?}", suite.suite()))
                .unwrap_or_default(),
            client_cert_der: session
                .peer_certificates()
                .and_then(|chain| chain.first())
                .map(|cert| cert.clone().into_owned()),
        }
    }
}
