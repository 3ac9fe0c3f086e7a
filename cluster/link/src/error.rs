//! What can become of a call, sorted by what the caller must know: whether it may have been done.

use std::fmt;

use rustls_pki_types::InvalidDnsNameError;

use crate::limits::REFUSAL_TEXT_BYTES_MAX;

/// A peer's no: a number for programs and a text for people.
///
/// Numbers below [`Refusal::HANDLER_CODES`] are the link's own, the others the handler's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which no.
    pub code: u16,
    /// Why, for people; no secrets.
    pub text: String,
}

impl Refusal {
    /// The peer knows that this node was removed from the cluster, for ever.
    pub const REMOVED: u16 = 1;
    /// The peer belongs to another cluster.
    pub const WRONG_CLUSTER: u16 = 2;
    /// The peer is another node than the one that was dialled.
    pub const WRONG_NODE: u16 = 3;
    /// The two releases have no version of the link protocol in common.
    pub const VERSION: u16 = 4;
    /// Only members may call this.
    pub const NOT_A_MEMBER: u16 = 5;
    /// The peer has too much to do.
    pub const OVERLOADED: u16 = 6;
    /// The peer is about to stop.
    pub const CLOSING: u16 = 7;
    /// The same node opened the same lane again.
    pub const SUPERSEDED: u16 = 8;
    /// What was sent is not the link protocol.
    pub const MALFORMED: u16 = 9;
    /// The peer does not know this node, or not yet: worth another try.
    pub const UNKNOWN_NODE: u16 = 10;
    /// The peer knows this node by another key.
    pub const WRONG_KEY: u16 = 11;
    /// The answer was larger than an answer may be; the call was done.
    pub const ANSWER_TOO_LARGE: u16 = 12;
    /// The handler panicked; whether the call was done is unknown.
    pub const FAILED: u16 = 13;
    /// The deadline passed while the handler was at it; whether the call was done is unknown.
    pub const LATE: u16 = 14;
    /// The first code that is free for handlers.
    pub const HANDLER_CODES: u16 = 256;

    /// A refusal; a long text is cut.
    #[must_use]
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > REFUSAL_TEXT_BYTES_MAX {
            let end = (0..=REFUSAL_TEXT_BYTES_MAX)
                .rev()
                .find(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or_default());
        }
        Self { code, text }
    }

    /// Whether the peer's handler certainly never saw the call.
    #[must_use]
    pub fn is_undelivered(&self) -> bool {
        self.code < Self::ANSWER_TOO_LARGE
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.text, self.code)
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It was certainly not delivered: there is no connection.
    #[error("the peer cannot be reached: {0}")]
    Unreachable(Unreachable),
    /// The connection ended after the call was sent: whether it was done is unknown.
    #[error("the connection to the peer was lost")]
    Lost,
    /// The deadline passed after the call was sent: whether it was done is unknown.
    #[error("the peer did not answer in time")]
    Timeout,
    /// The peer said no. [`Refusal::is_undelivered`] says whether it may have been done.
    #[error("the peer refused: {0}")]
    Refused(Refusal),
    /// It was certainly not delivered: this node has too many calls to the peer under way.
    #[error("too many calls to the peer are under way")]
    Overloaded,
    /// It was certainly not delivered: the body is above [`crate::limits::BODY_BYTES_MAX`].
    #[error("a body of {0} bytes is too large for a call")]
    TooLarge(usize),
    /// It was certainly not delivered: these links are closed.
    #[error("the links are closed")]
    Closed,
}

impl CallError {
    /// Whether the peer's handler certainly never saw the call, so that it may be made again
    /// elsewhere.
    #[must_use]
    pub fn is_undelivered(&self) -> bool {
        match self {
            Self::Lost | Self::Timeout => false,
            Self::Refused(refusal) => refusal.is_undelivered(),
            Self::Unreachable(_) | Self::Overloaded | Self::TooLarge(_) | Self::Closed => true,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// No address of the node is known, or it was removed.
    #[error("no address of it is known")]
    NoAddress,
    /// None of its addresses could be connected to; the last one's reason.
    #[error("{0}")]
    Dial(String),
    /// The deadline passed before the call could be sent.
    #[error("there was no connection in time")]
    NotInTime,
    /// The connection ended before the call was sent.
    #[error("the connection ended")]
    Ended,
}

/// Why a certificate and key cannot be used for links.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The certificate does not name the node that it is stored for, or names several.
    #[error("the certificate does not name its node")]
    Name,
    /// The certificate's name cannot be looked for in certificates.
    #[error("the node's name is not a name of DNS")]
    Dns(#[source] InvalidDnsNameError),
    /// Certificate, key and authority do not fit together.
    #[error("set up TLS with the node's certificate")]
    Tls(#[source] rustls::Error),
    /// The authority's certificate cannot be trusted.
    #[error("verify peers with the authority's certificate")]
    Verifier(#[source] rustls::server::VerifierBuilderError),
}
