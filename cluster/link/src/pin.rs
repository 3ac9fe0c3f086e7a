//! The pin: by which a joiner, who knows nobody yet, recognises the cluster's authority.

use std::fmt;

use aws_lc_rs::digest;

/// SHA-256 of a public key as in a certificate (SubjectPublicKeyInfo, DER), as RFC 7469 pins keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin(pub [u8; 32]);

impl Pin {
    /// The pin of this SubjectPublicKeyInfo.
    #[must_use]
    pub fn of_key(spki: &[u8]) -> Self {
        Self(sha256(&[spki]))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(")?;
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("..)")
    }
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
