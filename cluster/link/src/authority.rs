//! The cluster's certificate authority: its key signs a certificate for each node, and nothing
//! else ever signs one. No clock in here: the caller says what is valid when.

mod key;
mod seal;

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use tollgate_protocol::Millis;
use tollgate_protocol::codec::{self, CodecError, Decode, Encode};
use tollgate_protocol::ids::NodeId;

pub use key::{NodeKey, REQUEST_BYTES, SigningRequest};
pub use seal::ClusterKey;

use crate::name::{ClusterId, Member};
use crate::{Pin, random};

/// Days for which a node's certificate is valid: long enough for a node that was off for weeks,
/// short enough that renewal is exercised. Renewed when two thirds have passed.
pub const NODE_VALID_DAYS: u64 = 90;
/// Days for which the authority's own certificate is valid: about a hundred years. Peers pin its
/// key, so its end would only be an outage with a date.
const AUTHORITY_VALID_DAYS: u64 = 36_500;
/// How far a validity reaches back, in milliseconds: nodes' clocks may differ by this much.
const BACKDATED_MS: u64 = 3_600_000;

/// The envelope kind of a [`NodeCertificate`] (`protocol::codec`).
const CERTIFICATE_KIND: u8 = 48;

/// Why the authority could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request to sign is not one, or its signature is not by the key in it.
    #[error("the certificate request is malformed or not signed by its own key")]
    Request,
    /// Node ids begin at 1 and a validity has a length.
    #[error("a certificate for node {node} cannot be issued: {reason}")]
    Subject {
        /// The node asked for.
        node: NodeId,
        /// What is wrong.
        reason: &'static str,
    },
    /// The key is not a key of this product.
    #[error("the private key cannot be read")]
    Key,
    /// The sealed authority is not one, was changed, or is sealed with another key.
    #[error("the sealed authority cannot be opened: {0}")]
    Sealed(&'static str),
    /// A certificate could not be encoded.
    #[error("encode a certificate")]
    Encode(#[source] rcgen::Error),
    /// The stored certificate cannot be read.
    #[error("read a stored certificate")]
    Stored(#[source] CodecError),
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Validity {
    /// The first moment.
    pub from: Millis,
    /// The last one.
    pub until: Millis,
}

impl Validity {
    /// [`NODE_VALID_DAYS`] from `now`, and an hour back for clocks that are behind.
    #[must_use]
    pub fn from_now(now: Millis) -> Self {
        Self {
            from: Millis(now.0.saturating_sub(BACKDATED_MS)),
            until: Millis(now.0.saturating_add(NODE_VALID_DAYS * Millis::DAY)),
        }
    }

    /// When to ask for the next certificate: after two thirds.
    #[must_use]
    pub fn renew_at(&self) -> Millis {
        let length = self.until.0.saturating_sub(self.from.0);
        Millis(self.from.0.saturating_add(length / 3 * 2))
    }
}

/// A node's certificate with what a node must know of it. Public: the key is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct NodeCertificate {
    /// The cluster that it is for.
    pub cluster: [u8; 16],
    /// The node that it is for.
    pub node: NodeId,
    /// When it is valid.
    pub validity: Validity,
    /// The certificate itself, DER.
    pub leaf: Vec<u8>,
    /// The authority's certificate, DER.
    pub authority: Vec<u8>,
}

impl NodeCertificate {
    /// Who it is for.
    #[must_use]
    pub fn member(&self) -> Member {
        Member {
            cluster: ClusterId(self.cluster),
            node: self.node,
        }
    }

    /// Bytes to send and to store.
    ///
    /// # Errors
    /// [`Error::Stored`] above the codec's limit, which no certificate reaches.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        codec::seal(CERTIFICATE_KIND, self).map_err(Error::Stored)
    }

    /// Reads [`NodeCertificate::to_bytes`].
    ///
    /// # Errors
    /// [`Error::Stored`] when the bytes are not one. The certificate in it is not checked here but
    /// by whoever is shown it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        codec::open(CERTIFICATE_KIND, bytes).map_err(Error::Stored)
    }
}

/// The authority with its private key: whoever has it can name nodes.
pub struct Authority {
    cluster: ClusterId,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// A new authority for a new cluster.
    ///
    /// # Errors
    /// [`Error::Encode`], which a working random generator rules out.
    pub fn create(cluster: ClusterId, now: Millis) -> Result<Self, Error> {
        let key = key::generate()?;
        let mut params = authority_params(cluster);
        params.not_before = moment(Millis(now.0.saturating_sub(BACKDATED_MS)));
        params.not_after = moment(Millis(
            now.0.saturating_add(AUTHORITY_VALID_DAYS * Millis::DAY),
        ));
        params.serial_number = Some(serial());
        let certificate = params.self_signed(&key).map_err(Error::Encode)?;
        Ok(Self {
            cluster,
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        })
    }

    /// The cluster whose nodes it names.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Its certificate, DER: what every node must have to recognise another.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The hash of its public key, by which a joiner recognises it.
    #[must_use]
    pub fn pin(&self) -> Pin {
        Pin::of_key(&self.issuer.key().subject_public_key_info())
    }

    /// A certificate for this node and the key in `request`, good for both ends of a connection.
    ///
    /// # Errors
    /// [`Error::Request`] when the request's signature is not by its key, [`Error::Subject`] for
    /// node 0 or an empty validity.
    pub fn issue(
        &self,
        node: NodeId,
        request: &SigningRequest,
        validity: Validity,
    ) -> Result<NodeCertificate, Error> {
        let refused = |reason| Error::Subject { node, reason };
        if node == 0 {
            return Err(refused("node ids begin at 1"));
        }
        if validity.until <= validity.from {
            return Err(refused("it would never be valid"));
        }
        request.verify()?;
        let member = Member {
            cluster: self.cluster,
            node,
        };
        let mut params = named(&format!("tollgate node {node}"));
        let name = member.dns_name().try_into().map_err(Error::Encode)?;
        params.subject_alt_names = vec![SanType::DnsName(name)];
        params.not_before = moment(validity.from);
        params.not_after = moment(validity.until);
        params.serial_number = Some(serial());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let leaf = params
            .signed_by(request, &self.issuer)
            .map_err(Error::Encode)?;
        Ok(NodeCertificate {
            cluster: self.cluster.0,
            node,
            validity,
            leaf: leaf.der().to_vec(),
            authority: self.certificate.to_vec(),
        })
    }

    /// Its certificate and key as bytes that only the holders of `key` can read, to be replicated
    /// and stored.
    ///
    /// # Errors
    /// [`Error::Sealed`], which a working random generator rules out.
    pub fn seal(&self, key: &ClusterKey) -> Result<Vec<u8>, Error> {
        seal::seal(self.cluster, &self.certificate, self.issuer.key(), key)
    }

    /// Opens what [`Authority::seal`] sealed.
    ///
    /// # Errors
    /// [`Error::Sealed`] when the bytes are cut, changed, newer, or sealed with another key.
    pub fn open(sealed: &[u8], key: &ClusterKey) -> Result<Self, Error> {
        let (cluster, certificate, pair) = seal::open(sealed, key)?;
        Ok(Self {
            cluster,
            certificate,
            issuer: Issuer::new(authority_params(cluster), pair),
        })
    }
}

/// What an authority's certificate says, but for its times: a function of the cluster alone, so
/// that an opened authority signs in the very name of its certificate.
fn authority_params(cluster: ClusterId) -> CertificateParams {
    let mut params = named(&format!("tollgate cluster {cluster}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}

/// RFC 5280, 4.1.2.2: at most 20 bytes, positive, unique per authority.
fn serial() -> SerialNumber {
    let mut bytes: [u8; 16] = random::bytes();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// X.509 counts in seconds and ends with the year 9999; later times are cut to its end.
fn moment(at: Millis) -> OffsetDateTime {
    const LAST_SECOND: u64 = 253_402_300_799;
    let seconds = i64::try_from(at.seconds().min(LAST_SECOND)).expect("below the last second");
    OffsetDateTime::from_unix_timestamp(seconds).expect("within the calendar")
}

#[cfg(test)]
mod tests;
