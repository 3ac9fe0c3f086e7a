//! Small secrets at rest: AES-256-GCM under a key that follows from the cluster key, so that the
//! log, state snapshots and backups may carry them.
//!
//! ```text
//! version u8 | nonce 12 | sealed secret + tag 16
//! ```
//! Version and what the secret is about are authenticated with it: one that was moved to another
//! name does not open. A nonce is random; with the ten thousand access keys that there may be, each
//! sealed anew a hundred times, two of 96 bits meet once in 10^17 clusters.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;

use crate::authority::ClusterKey;
use crate::random;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;
/// Longer secrets are not sealed here.
const SECRET_BYTES_MAX: usize = 4096;

/// Why a secret is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The bytes are no sealed secret, or of a newer release.
    #[error("the bytes are no sealed secret that this release knows")]
    Malformed,
    /// Another key sealed it, it is about something else, or it was changed.
    #[error("it was changed, is about something else, or was sealed with another cluster key")]
    Closed,
    /// It is too long, or the cipher failed.
    #[error("the secret cannot be sealed")]
    Unsealable,
}

/// Seals and opens, for whoever has the cluster key.
#[derive(Clone)]
pub struct Vault {
    key: hmac::Key,
}

impl Vault {
    /// The vault of a cluster.
    #[must_use]
    pub fn new(key: &ClusterKey) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key.to_bytes());
        Self { key }
    }

    /// 32 secret bytes for a purpose: the same on every node of the cluster, and of no use for
    /// another purpose (one step of HKDF's expansion, RFC 5869).
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"tollgate vault 1\0");
        context.update(purpose.as_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    fn cipher(&self) -> Result<LessSafeKey, VaultError> {
        let key = UnboundKey::new(&AES_256_GCM, &self.derive("seal"));
        Ok(LessSafeKey::new(key.map_err(|_| VaultError::Unsealable)?))
    }

    /// Seals a secret that is about something, such as an access key id.
    ///
    /// # Errors
    /// [`VaultError::Unsealable`] for more than 4 KiB.
    pub fn seal(&self, about: &str, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        if secret.len() > SECRET_BYTES_MAX {
            return Err(VaultError::Unsealable);
        }
        let nonce: [u8; NONCE_BYTES] = random::bytes();
        let mut content = secret.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound(about)),
                &mut content,
            )
            .map_err(|_| VaultError::Unsealable)?;
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&content);
        Ok(sealed)
    }

    /// Opens what [`Vault::seal`] sealed about the same.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn open(&self, about: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (version, rest) = sealed.split_first().ok_or(VaultError::Malformed)?;
        let (nonce, content) = rest
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(VaultError::Malformed)?;
        let is_known = *version == VERSION && content.len() <= SECRET_BYTES_MAX + 16;
        if !is_known {
            return Err(VaultError::Malformed);
        }
        let mut content = content.to_vec();
        let plain = self
            .cipher()?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(bound(about)),
                &mut content,
            )
            .map_err(|_| VaultError::Closed)?;
        Ok(plain.to_vec())
    }
}

fn bound(about: &str) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(about.as_bytes());
    bytes
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_with_its_key_and_its_name_only() {
        let key = ClusterKey::generate();
        let vault = Vault::new(&key);
        let sealed = vault.seal("access key A", b"the secret").unwrap();
        let again = Vault::new(&ClusterKey::from_bytes(key.to_bytes()));
        assert_eq!(
            again.open("access key A", &sealed).as_deref(),
            Ok(&b"the secret"[..])
        );
        assert_eq!(vault.open("access key B", &sealed), Err(VaultError::Closed));
        let other = Vault::new(&ClusterKey::generate());
        assert_eq!(other.open("access key A", &sealed), Err(VaultError::Closed));
        for cut in 0..sealed.len() {
            assert!(vault.open("access key A", &sealed[..cut]).is_err(), "{cut}");
        }
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(vault.open("access key A", &bad).is_err(), "byte {at}");
        }
        let twice = vault.seal("access key A", b"the secret").unwrap();
        assert_ne!(sealed, twice, "a nonce is used twice");
        assert!(vault.seal("x", &[0; SECRET_BYTES_MAX + 1]).is_err());
        assert_eq!(format!("{vault:?}"), "Vault");
    }

    #[test]
    fn what_is_derived_is_the_cluster_s_and_the_purpose_s() {
        let key = ClusterKey::generate();
        let vault = Vault::new(&key);
        assert_eq!(vault.derive("names"), Vault::new(&key).derive("names"));
        assert_ne!(vault.derive("names"), vault.derive("seal"));
        let other = Vault::new(&ClusterKey::generate());
        assert_ne!(vault.derive("names"), other.derive("names"));
    }
}
