//! Names that follow from a request, so that a retry of it makes the same things again.
//!
//! A proposal is named by what stays the same when an SDK repeats a call. What a call generates -
//! ids, the values of API keys - is derived from that name under the administrator's secret: the
//! retry of a call whose answer was lost gets the same answer, and nobody without the secret can
//! compute it.

use aws_lc_rs::{digest, hmac};
use tollgate_aws::Secret;
use tollgate_state::ProposalId;

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ALPHANUMERIC: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The name of a request.
#[derive(Clone)]
pub(crate) struct Seed {
    name: [u8; 32],
    key: hmac::Key,
}

impl Seed {
    /// The name that follows from these parts, under this secret.
    pub(crate) fn new(secret: &Secret, parts: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            // Lengths keep ("a", "bc") and ("ab", "c") apart.
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part);
        }
        let mut name = [0; 32];
        name.copy_from_slice(context.finish().as_ref());
        Self {
            name,
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()),
        }
    }

    /// The proposal of one attempt. An attempt that met a conflict was answered for good, so the
    /// next one needs a name of its own.
    pub(crate) fn proposal(&self, attempt: u32) -> ProposalId {
        let bytes = self.derive("proposal", &attempt.to_le_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&bytes.as_ref()[..16]);
        ProposalId(id)
    }

    /// `length` characters of `[a-z0-9]` for an id of this kind, at most 32.
    pub(crate) fn id(&self, kind: &str, length: usize) -> String {
        self.text(kind, length, LOWER)
    }

    /// 40 letters and digits (about 236 bits), AWS's form of a generated API key.
    pub(crate) fn key_value(&self, item: &str) -> String {
        let first = self.text(&format!("value 1 {item}"), 20, ALPHANUMERIC);
        first + &self.text(&format!("value 2 {item}"), 20, ALPHANUMERIC)
    }

    /// An id like those of IAM: four letters that say of what, and 16 more (80 bits).
    pub(crate) fn iam_id(&self, prefix: &str) -> String {
        prefix.to_owned() + &self.text(prefix, 16, BASE32)
    }

    /// 40 characters (240 bits), AWS's form of a secret access key.
    pub(crate) fn access_secret(&self, access_key_id: &str) -> String {
        let first = self.text(&format!("secret 1 {access_key_id}"), 20, BASE64);
        first + &self.text(&format!("secret 2 {access_key_id}"), 20, BASE64)
    }

    fn text(&self, kind: &str, length: usize, alphabet: &[u8]) -> String {
        let bytes = self.derive(kind, &[]);
        let letters = bytes.as_ref().iter().take(length);
        letters
            .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]))
            .collect()
    }

    fn derive(&self, kind: &str, more: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&self.name);
        context.update(kind.as_bytes());
        context.update(more);
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_gets_the_same_names_and_nobody_else_does() {
        let secret = Secret::new("one");
        let seed = Seed::new(&secret, &[b"a", b"bc"]);
        let again = Seed::new(&secret, &[b"a", b"bc"]);
        assert_eq!(seed.proposal(0), again.proposal(0));
        assert_ne!(seed.proposal(0), seed.proposal(1));
        assert_eq!(seed.id("key", 10), again.id("key", 10));
        assert_ne!(seed.id("key", 10), seed.id("plan", 10));
        assert_eq!(seed.id("key", 10).len(), 10);
        let value = seed.key_value("");
        assert_eq!(value.len(), 40);
        assert_ne!(value[..20], value[20..]);
        for other in [
            Seed::new(&secret, &[b"ab", b"c"]),
            Seed::new(&Secret::new("two"), &[b"a", b"bc"]),
        ] {
            assert_ne!(seed.proposal(0), other.proposal(0));
            assert_ne!(value, other.key_value(""));
        }
    }
}
