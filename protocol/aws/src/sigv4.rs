//! Signature Version 4: verification of callers and signing of our own requests.
//!
//! Sources: IAM User Guide, "AWS Signature Version 4 for API requests" (canonical request, string
//! to sign, query form) and S3 API Reference, "Signature calculations: transferring payload in
//! multiple chunks".
//!
//! A [`Verifier`] belongs to one worker thread: its key cache is a plain map without a lock.

mod canonical;
mod chunk;
mod claims;
mod date;
mod error;
mod key_cache;
mod payload;
mod sign;
mod verify;

pub use chunk::{CHUNK_BYTES_MAX, CHUNK_HEADER_BYTES_MAX, ChunkError, ChunkVerifier};
pub use error::{IncompleteSignature, Refusal, SigV4Error};
pub use payload::{BodyHash, BodyHasher, ChunkSeed, PayloadKind};
pub use sign::{Payload, SignError, Signer, SigningCredentials};
pub use verify::{KEY_CACHE_ENTRIES_MAX, Verified, Verifier, VerifierOptions};

/// The one algorithm of this module.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What is signed, apart from the body.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a, H> {
    /// The method token.
    pub method: &'a str,
    /// The path as on the wire: percent-encoded, without the query.
    pub path: &'a str,
    /// The query as on the wire, without the `?`.
    pub query: Option<&'a str>,
    /// The header fields in wire order, names in any case. `host` must be among them.
    pub headers: H,
}
