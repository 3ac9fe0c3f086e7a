//! An event's body: text as it is, anything else in base64.

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use tollgate_message::HeaderList;

/// A body as an event shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Payload<'a> {
    Text(&'a str),
    Base64(&'a [u8]),
}

impl<'a> Payload<'a> {
    /// `None` for an empty body.
    pub(crate) fn of(body: &'a [u8], headers: &HeaderList) -> Option<Self> {
        if body.is_empty() {
            return None;
        }
        let encoded = headers
            .get("content-encoding")
            .is_some_and(|it| !it.is_empty() && !it.eq_ignore_ascii_case(b"identity"));
        if encoded || !is_text(headers.get("content-type")) {
            return Some(Self::Base64(body));
        }
        // What claims to be text and is not cannot be a JSON string.
        Some(core::str::from_utf8(body).map_or(Self::Base64(body), Self::Text))
    }

    pub(crate) fn is_base64(self) -> bool {
        matches!(self, Self::Base64(_))
    }
}

/// The media types that HTTP APIs pass as text: `text/*`, JSON, JavaScript, XML, forms, and what
/// ends in `+json` or `+xml`. Without a type the body is text, as on AWS.
fn is_text(content_type: Option<&[u8]>) -> bool {
    let Some(value) = content_type else {
        return true;
    };
    let media = value
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let media = media.to_ascii_lowercase();
    media.is_empty()
        || media.starts_with(b"text/")
        || media.ends_with(b"+json")
        || media.ends_with(b"+xml")
        || [
            &b"application/json"[..],
            b"application/javascript",
            b"application/xml",
            b"application/x-www-form-urlencoded",
        ]
        .contains(&&media[..])
}

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Base64(bytes) => serializer.collect_str(&Base64Display::new(bytes, &STANDARD)),
        }
    }
}
