//! Mutual TLS 1.3 between nodes: who may connect, proven before a byte of ours is read.
//!
//! Sessions are not resumed: a resumed one would skip the look at the certificate.

mod pinned;

pub(crate) use pinned::WrongPin;

use std::fmt;
use std::io;
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use tollgate_protocol::Clock;
use webpki::EndEntityCert;

use crate::Pin;
use crate::authority::{NodeCertificate, NodeKey, Validity};
use crate::error::IdentityError;
use crate::name::Member;

/// What both ends must speak (RFC 7301), so that no other protocol's traffic is taken for ours.
const PROTOCOL: &[u8] = b"tollgate-link";

/// Who a node is and how it proves it: its certificate, its key, and the authority it trusts.
#[derive(Clone)]
pub struct Identity {
    member: Member,
    validity: Validity,
    key: Pin,
    dial: Arc<ClientConfig>,
    accept: Arc<ServerConfig>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("member", &self.member)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// The identity that this certificate gives to the holder of this key. `clock` says whether
    /// certificates are valid now.
    ///
    /// # Errors
    /// When certificate, key and authority do not fit together. Whether the certificate is still
    /// valid is for its peers to judge.
    pub fn new(
        certificate: &NodeCertificate,
        key: &NodeKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IdentityError> {
        let leaf = CertificateDer::from(certificate.leaf.clone());
        if member_of(&leaf) != Some(certificate.member()) {
            return Err(IdentityError::Name);
        }
        let authority = CertificateDer::from(certificate.authority.clone());
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone()).map_err(IdentityError::Tls)?;
        let roots = Arc::new(roots);
        let chain = vec![leaf, authority];
        let own = Pin(key.key_hash());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_pkcs8()));
        let provider = provider();
        let now: Arc<dyn TimeProvider> = Arc::new(Now(clock));
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
                // Who has no certificate may join; the link lets it do nothing else.
                .allow_unauthenticated()
                .build()
                .map_err(IdentityError::Verifier)?;
        let mut accept =
            ServerConfig::builder_with_details(Arc::clone(&provider), Arc::clone(&now))
                .with_protocol_versions(&[&TLS13])
                .and_then(|config| {
                    config
                        .with_client_cert_verifier(verifier)
                        .with_single_cert(chain.clone(), key.clone_key())
                })
                .map_err(IdentityError::Tls)?;
        accept.alpn_protocols = vec![PROTOCOL.to_vec()];
        accept.session_storage = Arc::new(NoServerSessionStorage {});
        accept.send_tls13_tickets = 0;
        let mut dial = ClientConfig::builder_with_details(provider, now)
            .with_protocol_versions(&[&TLS13])
            .and_then(|config| {
                config
                    .with_root_certificates(roots)
                    .with_client_auth_cert(chain, key)
            })
            .map_err(IdentityError::Tls)?;
        dial.alpn_protocols = vec![PROTOCOL.to_vec()];
        dial.resumption = Resumption::disabled();
        Ok(Self {
            member: certificate.member(),
            validity: certificate.validity,
            key: own,
            dial: Arc::new(dial),
            accept: Arc::new(accept),
        })
    }

    /// Who this is.
    #[must_use]
    pub fn member(&self) -> Member {
        self.member
    }

    /// When the certificate is valid; [`Validity::renew_at`] says when to get the next one.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The hash of its public key: by which the cluster knows it ([`crate::Peer::key`]).
    #[must_use]
    pub fn key(&self) -> Pin {
        self.key
    }

    /// Secures a dialled stream: the peer has a certificate for exactly `node` of the same cluster,
    /// and this key.
    pub(crate) async fn secure_dialled<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        node: u64,
    ) -> io::Result<(Channel<S>, Pin)> {
        let peer = Member {
            cluster: self.member.cluster,
            node,
        };
        let name = ServerName::try_from(peer.dns_name()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(&self.dial));
        let stream = connector.connect(name, stream).await?;
        let leaf = stream.get_ref().1.peer_certificates();
        let key = leaf.and_then(|chain| key_of(chain.first()?));
        let key = key.ok_or_else(|| io::Error::other("the peer's certificate has no key"))?;
        Ok((Channel::Tls(Box::new(TlsStream::from(stream))), key))
    }

    /// Secures an accepted stream; whom the peer's certificate names and its key, if it showed one.
    pub(crate) async fn secure_accepted<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<(Channel<S>, Option<(Member, Pin)>)> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.accept));
        let stream = acceptor.accept(stream).await?;
        let leaf = stream.get_ref().1.peer_certificates();
        let peer = match leaf.and_then(|chain| chain.first()) {
            None => None,
            Some(leaf) => Some(member_of(leaf).zip(key_of(leaf)).ok_or_else(|| {
                io::Error::other("the peer's certificate does not name one node")
            })?),
        };
        Ok((Channel::Tls(Box::new(TlsStream::from(stream))), peer))
    }
}

/// Secures a stream to whatever member listens there, of the cluster whose authority has this pin.
pub(crate) async fn secure_joining<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    pin: Pin,
    clock: Arc<dyn Clock>,
) -> io::Result<(Channel<S>, Member)> {
    let provider = provider();
    let verifier = Arc::new(pinned::Verifier::new(pin, Arc::clone(&provider)));
    let mut config = ClientConfig::builder_with_details(provider, Arc::new(Now(clock)))
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    // The verifier takes the name from the certificate: a joiner knows no names.
    let name = ServerName::try_from("joining.tollgate.internal").map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, stream).await?;
    let leaf = stream.get_ref().1.peer_certificates();
    let peer = leaf.and_then(|chain| chain.first()).and_then(member_of);
    let peer = peer.ok_or_else(|| io::Error::other("the peer's certificate names no node"))?;
    Ok((Channel::Tls(Box::new(TlsStream::from(stream))), peer))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The one member that a certificate names; `None` when it names none, several, or something else
/// beside it.
fn member_of(leaf: &CertificateDer<'_>) -> Option<Member> {
    let leaf = EndEntityCert::try_from(leaf).ok()?;
    let mut names = leaf.valid_dns_names();
    let (Some(name), None) = (names.next(), names.next()) else {
        return None;
    };
    Member::from_dns_name(name)
}

/// The hash of a certificate's public key.
fn key_of(leaf: &CertificateDer<'_>) -> Option<Pin> {
    let leaf = EndEntityCert::try_from(leaf).ok()?;
    Some(Pin::of_key(&leaf.subject_public_key_info()))
}

/// Certificates are judged by the node's clock, which tests may set.
struct Now(Arc<dyn Clock>);

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        let since_epoch = Duration::from_millis(self.0.now().0);
        Some(UnixTime::since_unix_epoch(since_epoch))
    }
}

/// A connection, secured unless it is simulated.
pub(crate) enum Channel<S> {
    Tls(Box<TlsStream<S>>),
    Plain(S),
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Channel<S> {
    fn poll_read(
        self: Pinned<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pinned::new(stream).poll_read(cx, buf),
            Self::Plain(stream) => Pinned::new(stream).poll_read(cx, buf),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Channel<S> {
    fn poll_write(
        self: Pinned<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tls(stream) => Pinned::new(stream).poll_write(cx, buf),
            Self::Plain(stream) => Pinned::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pinned<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pinned::new(stream).poll_flush(cx),
            Self::Plain(stream) => Pinned::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pinned<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tls(stream) => Pinned::new(stream).poll_shutdown(cx),
            Self::Plain(stream) => Pinned::new(stream).poll_shutdown(cx),
        }
    }
}
