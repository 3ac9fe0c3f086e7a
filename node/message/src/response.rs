//! A response, as an integration gives it and as the edge writes it.

use crate::{Body, HeaderList};

/// A response.
#[derive(Debug, Default)]
pub struct Response {
    /// The status code, 100 to 599. 101 carries in `body` what becomes of the connection: its
    /// bytes as a stream, or an [`crate::Upgrade`].
    pub status: u16,
    /// The header fields.
    pub headers: HeaderList,
    /// The body.
    pub body: Body,
}

impl Response {
    /// A response of this status without fields or body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: HeaderList::new(),
            body: Body::Empty,
        }
    }

    /// The same response with one more field.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same response with this body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// A response with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Body>) -> Self {
        Self::new(status)
            .with_header("content-type", "application/json")
            .with_body(body)
    }
}
