//! Why a request got no response.

use tollgate_message::BodyError;

/// Why a request got no response, in a few words for logs and for choosing a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamErrorKind {
    /// No connection: refused, unreachable, or not within the connect timeout.
    Connect,
    /// The host name has no address.
    Dns,
    /// The TLS handshake failed, or the TLS settings of the group cannot be used.
    Tls,
    /// No response head in time.
    Timeout,
    /// The connection ended before the response head was complete.
    Reset,
    /// The server's bytes are not HTTP, or not allowed at this point.
    Protocol,
    /// Every connection is in use, and the queue for one is full or did not move in time.
    Overloaded,
    /// There is no group of this name.
    UnknownGroup,
    /// The request cannot be written in HTTP: its method, path, `Host` or a header.
    InvalidRequest,
    /// The request's own body ended early; the server is not to blame.
    RequestBody(BodyError),
}

impl UpstreamErrorKind {
    /// A short, stable name for logs and metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
            Self::Overloaded => "overloaded",
            Self::UnknownGroup => "unknown_group",
            Self::InvalidRequest => "invalid_request",
            Self::RequestBody(_) => "request_body",
        }
    }

    /// Whether it speaks against the server, and so counts for ejection.
    pub(crate) fn blames_server(&self) -> bool {
        matches!(
            self,
            Self::Connect | Self::Dns | Self::Tls | Self::Timeout | Self::Reset | Self::Protocol
        )
    }
}

/// A request that got no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", kind.as_str())]
pub struct UpstreamError {
    /// What happened.
    pub kind: UpstreamErrorKind,
    /// More words, for logs. Never holds header values or bodies.
    pub detail: String,
    /// Whether it happened on a connection that had carried a request before.
    pub reused: bool,
    /// Whether bytes of the response head had come. Not known on HTTP/2, where it is `false`.
    pub head_started: bool,
    /// The server it happened at, as in [`crate::ServerState::server`]; `None` before one was
    /// chosen.
    pub server: Option<std::sync::Arc<str>>,
}

impl UpstreamError {
    pub(crate) fn new(kind: UpstreamErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            reused: false,
            head_started: false,
            server: None,
        }
    }
}
