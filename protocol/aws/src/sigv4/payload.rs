//! How the body enters a signature.

use core::fmt;
use std::sync::Arc;

use aws_lc_rs::{digest, hmac};
use subtle::ConstantTimeEq as _;

use tollgate_protocol::hex::hash_from_hex;

use super::SigV4Error;
use super::date::AmzDate;

/// The marker of a body that is not covered by the signature.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// The marker of a body in chunks that carry a signature each.
pub(super) const STREAMING: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/// What a verifier is given of the body.
#[derive(Debug, Clone, Copy)]
pub enum BodyHash<'a> {
    /// The body has not been read yet.
    Later,
    /// The whole body.
    Bytes(&'a [u8]),
    /// The SHA-256 of the body, see [`BodyHasher`].
    Sha256([u8; 32]),
}

impl BodyHash<'_> {
    pub(super) fn sha256(self) -> Option<[u8; 32]> {
        match self {
            Self::Later => None,
            Self::Bytes(bytes) => Some(sha256(bytes)),
            Self::Sha256(hash) => Some(hash),
        }
    }
}

/// The SHA-256 of some bytes.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = BodyHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

/// The SHA-256 of a body that comes in pieces.
pub struct BodyHasher(digest::Context);

impl BodyHasher {
    /// The hash of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Adds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all pieces.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

impl Default for BodyHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BodyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyHasher")
    }
}

/// What is known of the body after the signature was verified.
#[derive(Debug, Clone)]
pub enum PayloadKind {
    /// The body was at hand and is the one that was signed.
    Checked,
    /// The body must have this SHA-256: see [`PayloadKind::check`].
    Declared([u8; 32]),
    /// The signature does not cover the body.
    Unsigned,
    /// The body comes in signed chunks: read it through a `ChunkVerifier`.
    Streaming(ChunkSeed),
}

impl PayloadKind {
    /// Compares the hash of the body, once it has been read, with the declared one.
    ///
    /// # Errors
    /// [`SigV4Error::BodyMismatch`] when it is another.
    pub fn check(&self, body_sha256: &[u8; 32]) -> Result<(), SigV4Error> {
        match self {
            Self::Declared(declared) if !bool::from(declared.ct_eq(body_sha256)) => {
                Err(SigV4Error::BodyMismatch)
            }
            _ => Ok(()),
        }
    }
}

/// What the signatures of the chunks of one request are computed from.
#[derive(Clone)]
pub struct ChunkSeed {
    pub(super) key: Arc<hmac::Key>,
    pub(super) date: AmzDate,
    /// `day/region/service/aws4_request`
    pub(super) scope: String,
    /// The signature of the request head.
    pub(super) signature: [u8; 32],
}

impl fmt::Debug for ChunkSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkSeed")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// What `x-amz-content-sha256` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declaration {
    Absent,
    Hash([u8; 32]),
    Unsigned,
    Streaming,
}

impl Declaration {
    /// Reads the value; `None` when it is of no known form.
    pub(super) fn parse(value: Option<&[u8]>) -> Option<Self> {
        let Some(value) = value else {
            return Some(Self::Absent);
        };
        let value = value.trim_ascii();
        if value == UNSIGNED.as_bytes() {
            Some(Self::Unsigned)
        } else if value == STREAMING.as_bytes() {
            Some(Self::Streaming)
        } else {
            hash_from_hex(value).map(Self::Hash)
        }
    }
}
