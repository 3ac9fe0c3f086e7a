//! A body that mapping reads: its first 100 KB (reference 5.3), while the whole of it goes on.

use core::cell::OnceCell;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use serde_json::Value;
use tollgate_config::snapshot::{JsonPath, PathStep};
use tollgate_message::{Body, BodyError, BodyStream};

/// The beginning of a body, parsed when a JSONPath first asks.
pub(crate) struct MappedBody {
    text: Bytes,
    json: OnceCell<Option<Value>>,
}

impl MappedBody {
    pub(crate) fn new(text: Bytes) -> Self {
        Self {
            text,
            json: OnceCell::new(),
        }
    }

    /// The body as text; `None` when it is none.
    pub(crate) fn text(&self) -> Option<&str> {
        core::str::from_utf8(&self.text).ok()
    }

    /// The body as JSON; `None` when it is none.
    pub(crate) fn json(&self) -> Option<&Value> {
        self.json
            .get_or_init(|| serde_json::from_slice(&self.text).ok())
            .as_ref()
    }

    /// The values at a path.
    pub(crate) fn find(&self, path: &JsonPath) -> Vec<&Value> {
        let mut found = Vec::new();
        if let Some(json) = self.json() {
            collect(json, &path.0, &mut found);
        }
        found
    }

    /// Appends the value at a path as JSON, `null` when there is none.
    pub(crate) fn write_json(&self, path: &JsonPath, out: &mut Vec<u8>) {
        let found = self.find(path);
        if path.0.contains(&PathStep::All) {
            write_json(&found, out);
        } else {
            write_json(found.first().unwrap_or(&&Value::Null), out);
        }
    }

    /// Appends the body, or the value at a path: a string as it is, anything else as JSON. `false`
    /// when there is none: the body is empty, no JSON (or longer than what is read), or has no
    /// such value.
    pub(crate) fn write(&self, path: Option<&JsonPath>, out: &mut Vec<u8>) -> bool {
        let Some(path) = path else {
            out.extend_from_slice(&self.text);
            return !self.text.is_empty();
        };
        if self.json().is_none() {
            return false;
        }
        let found = self.find(path);
        if path.0.contains(&PathStep::All) {
            write_json(&found, out);
            return true;
        }
        match found.first() {
            None => false,
            Some(Value::String(text)) => {
                out.extend_from_slice(text.as_bytes());
                true
            }
            Some(value) => {
                write_json(value, out);
                true
            }
        }
    }
}

fn write_json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Values that were parsed have string keys, and a vector takes every byte.
    if let Ok(text) = serde_json::to_vec(value) {
        out.extend_from_slice(&text);
    }
}

/// The values at a path. Depth is bounded by the path's length, breadth by the body's.
fn collect<'v>(value: &'v Value, steps: &[PathStep], found: &mut Vec<&'v Value>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(value);
        return;
    };
    match (step, value) {
        (PathStep::Member(name), Value::Object(members)) => {
            if let Some(member) = members.get(&**name) {
                collect(member, rest, found);
            }
        }
        (PathStep::Index(at), Value::Array(elements)) => {
            if let Some(element) = elements.get(*at) {
                collect(element, rest, found);
            }
        }
        (PathStep::All, Value::Array(elements)) => {
            elements
                .iter()
                .for_each(|element| collect(element, rest, found));
        }
        (PathStep::All, Value::Object(members)) => {
            members
                .values()
                .for_each(|member| collect(member, rest, found));
        }
        _ => {}
    }
}

/// Reads up to `bytes_max` bytes of a body. Gives what was read (cut at the limit), whether that
/// is all of it, and the whole body again.
///
/// # Errors
/// Whatever ended the body early.
pub(crate) async fn peek(
    mut body: Body,
    bytes_max: usize,
) -> Result<(Bytes, bool, Body), BodyError> {
    let length = body.length();
    let mut read = match body.chunk().await.transpose()? {
        None => return Ok((Bytes::new(), true, Body::Empty)),
        Some(first) => first,
    };
    // One chunk that is all of it: nothing is copied.
    let mut more = BytesMut::new();
    let mut whole = false;
    while read.len() + more.len() <= bytes_max {
        match body.chunk().await.transpose()? {
            None => {
                whole = true;
                break;
            }
            Some(chunk) => {
                if more.is_empty() {
                    more.extend_from_slice(&read);
                    read = Bytes::new();
                }
                more.extend_from_slice(&chunk);
            }
        }
    }
    if !more.is_empty() {
        read = more.freeze();
    }
    if whole {
        return Ok((read.clone(), true, Body::from(read)));
    }
    let seen = read.slice(..bytes_max.min(read.len()));
    let stream: BodyStream = Box::pin(Resumed {
        first: Some(read),
        rest: body,
    });
    Ok((seen, false, Body::Stream { stream, length }))
}

/// A body whose first bytes were read already.
struct Resumed {
    first: Option<Bytes>,
    rest: Body,
}

impl Stream for Resumed {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        poll_body(&mut this.rest, cx)
    }
}

/// Polls a body for its next chunk.
pub(crate) fn poll_body(
    body: &mut Body,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, BodyError>>> {
    match body {
        Body::Empty | Body::Upgrade(_) => Poll::Ready(None),
        Body::Full(bytes) => {
            let bytes = core::mem::take(bytes);
            *body = Body::Empty;
            Poll::Ready(if bytes.is_empty() {
                None
            } else {
                Some(Ok(bytes))
            })
        }
        Body::Stream { stream, .. } => stream.as_mut().poll_next(cx),
    }
}
