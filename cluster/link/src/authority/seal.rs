//! The authority's key at rest: AES-256-GCM under the cluster key, so that the log, state
//! snapshots and backups may carry it.
//!
//! ```text
//! version u8 | cluster id 16 | nonce 12 | sealed (certificate length u32 | certificate | PKCS #8) + tag 16
//! ```
//! Version and cluster id are authenticated with it. A nonce is random; one cluster seals a handful
//! of times, so that 96 bits do not meet.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rcgen::KeyPair;
use rustls_pki_types::CertificateDer;

use super::{Error, key};
use crate::name::ClusterId;
use crate::random;

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 1 + 16;
const NONCE_BYTES: usize = 12;
/// An authority is about 700 bytes; more is not one.
const SEALED_BYTES_MAX: usize = 8 * 1024;

/// The key under which the authority is sealed. Voters have it; it is stored beside node keys and
/// sent only over links.
#[derive(Clone)]
pub struct ClusterKey([u8; 32]);

impl ClusterKey {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(random::bytes())
    }

    /// One that was stored or received.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes: secret.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    fn cipher(&self) -> Result<LessSafeKey, Error> {
        let key = UnboundKey::new(&AES_256_GCM, &self.0)
            .map_err(|_| Error::Sealed("the cluster key is not usable"))?;
        Ok(LessSafeKey::new(key))
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterKey")
    }
}

pub(super) fn seal(
    cluster: ClusterId,
    certificate: &[u8],
    pair: &KeyPair,
    key: &ClusterKey,
) -> Result<Vec<u8>, Error> {
    let length = u32::try_from(certificate.len())
        .map_err(|_| Error::Sealed("the certificate is too long"))?;
    let mut secret = length.to_le_bytes().to_vec();
    secret.extend_from_slice(certificate);
    secret.extend_from_slice(&pair.serialize_der());
    let mut sealed = vec![VERSION];
    sealed.extend_from_slice(&cluster.0);
    let nonce: [u8; NONCE_BYTES] = random::bytes();
    key.cipher()?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(&sealed),
            &mut secret,
        )
        .map_err(|_| Error::Sealed("sealing failed"))?;
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&secret);
    Ok(sealed)
}

pub(super) fn open(
    sealed: &[u8],
    key: &ClusterKey,
) -> Result<(ClusterId, CertificateDer<'static>, KeyPair), Error> {
    const CUT: Error = Error::Sealed("it is cut short");
    if sealed.len() > SEALED_BYTES_MAX {
        return Err(Error::Sealed("it is longer than any authority"));
    }
    let (head, rest) = sealed.split_at_checked(HEAD_BYTES).ok_or(CUT)?;
    if head[0] != VERSION {
        return Err(Error::Sealed("its version is not known to this release"));
    }
    let (nonce, secret) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(CUT)?;
    let mut secret = secret.to_vec();
    let plain = key
        .cipher()?
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(head),
            &mut secret,
        )
        .map_err(|_| Error::Sealed("it was changed, or sealed with another key"))?;
    let (length, rest) = plain.split_first_chunk::<4>().ok_or(CUT)?;
    let (certificate, pair) = rest
        .split_at_checked(u32::from_le_bytes(*length) as usize)
        .ok_or(CUT)?;
    let cluster = head[1..].try_into().map_err(|_| CUT)?;
    Ok((
        ClusterId(cluster),
        CertificateDer::from(certificate.to_vec()),
        key::read(pair)?,
    ))
}
