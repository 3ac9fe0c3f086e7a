//! A request, as the edge hands it in and as an integration sends it on.

use core::fmt;

use crate::{Body, HeaderList};

/// A request method (RFC 9110, section 9). Methods are case-sensitive.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub enum Method {
    /// GET
    #[default]
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
    /// PATCH
    Patch,
    /// OPTIONS
    Options,
    /// Any other token.
    Other(Box<str>),
}

impl Method {
    /// The method for a token of the wire.
    #[must_use]
    pub fn from_token(token: &str) -> Self {
        match token {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            "PATCH" => Self::Patch,
            "OPTIONS" => Self::Options,
            other => Self::Other(other.into()),
        }
    }

    /// The token of the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Patch => "PATCH",
            Self::Options => "OPTIONS",
            Self::Other(token) => token,
        }
    }

    /// Whether repeating the request has the effect of one (RFC 9110, section 9.2.2).
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        matches!(
            self,
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options
        ) || matches!(self, Self::Other(token) if &**token == "TRACE")
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The HTTP version that a message travels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http2,
}

impl Version {
    /// As in a request line and in `$context.protocol`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
        }
    }
}

/// A request.
#[derive(Debug, Default)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path as it came, percent-encoded, beginning with `/`, without the query.
    pub path: String,
    /// The query as it came, without the `?`; `None` when there was no `?`.
    pub query: Option<String>,
    /// The version of the connection that it came in on.
    pub version: Version,
    /// The header fields. `Host` is always there (from `:authority` in HTTP/2).
    pub headers: HeaderList,
    /// The body.
    pub body: Body,
}
