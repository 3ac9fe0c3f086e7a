//! Who the client is behind proxies, and what the back end is told about it.
//!
//! AWS turns `X-Forwarded-*` into one `Forwarded` header for HTTP back ends (reference 5.5) and
//! shows functions `X-Forwarded-*`. We send both everywhere: RFC 7239 for those who read it, the
//! `X-` fields for the many who read only those. What a client that is no trusted proxy sends in
//! any of them is replaced, never extended: it could claim to be anybody.

use std::net::IpAddr;
use std::sync::Arc;

use tollgate_message::HeaderList;

use crate::client::{ClientInfo, Scheme};
use crate::text::{is_field_value, is_token};

/// Where a request came from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The client's address.
    pub(crate) ip: Arc<str>,
    /// How the client spoke to the first of us.
    pub(crate) scheme: Scheme,
}

/// Finds the client: the peer, or behind trusted proxies the last address that none of them has.
#[must_use]
pub(crate) fn source(client: &ClientInfo, headers: &HeaderList) -> Source {
    let mut found = Source {
        ip: Arc::clone(&client.peer_text),
        scheme: client.scheme,
    };
    if !client.peer_trusted {
        return found;
    }
    let told = if headers.contains("x-forwarded-for") {
        last_untrusted(client, headers.get_all("x-forwarded-for"), |element| {
            element
        })
    } else {
        last_untrusted(client, headers.get_all("forwarded"), |element| {
            parameter(element, b"for").unwrap_or_default()
        })
    };
    if let Some(ip) = told {
        found.ip = ip.to_string().into();
    }
    let proto = headers
        .get("x-forwarded-proto")
        .map(last_element)
        .or_else(|| {
            headers
                .get("forwarded")
                .map(last_element)
                .and_then(|it| parameter(it, b"proto"))
        });
    match proto {
        Some(it) if it.eq_ignore_ascii_case(b"https") => found.scheme = Scheme::Https,
        Some(it) if it.eq_ignore_ascii_case(b"http") => found.scheme = Scheme::Http,
        _ => {}
    }
    found
}

/// Walks from the nearest proxy to the client. Stops at the first address that is no trusted
/// proxy's, or before something that is no address.
fn last_untrusted<'a>(
    client: &ClientInfo,
    values: impl Iterator<Item = &'a [u8]>,
    pick: impl Fn(&'a [u8]) -> &'a [u8],
) -> Option<IpAddr> {
    let elements: Vec<&[u8]> = values
        .flat_map(|it| it.split(|byte| *byte == b','))
        .collect();
    let mut last = None;
    for element in elements.into_iter().rev() {
        let Some(ip) = parse_node(pick(element.trim_ascii())) else {
            break;
        };
        last = Some(ip);
        if !client.trusts(ip) {
            break;
        }
    }
    last
}

fn last_element(value: &[u8]) -> &[u8] {
    value
        .rsplit(|byte| *byte == b',')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

/// The value of a parameter of a `Forwarded` element.
fn parameter<'a>(element: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    element.split(|byte| *byte == b';').find_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (pair[..at].trim_ascii(), pair[at + 1..].trim_ascii());
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// An address with or without port, brackets and quotes.
fn parse_node(text: &[u8]) -> Option<IpAddr> {
    let text = core::str::from_utf8(text).ok()?.trim().trim_matches('"');
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip.to_canonical());
    }
    if let Some(rest) = text.strip_prefix('[') {
        return rest
            .split_once(']')?
            .0
            .parse::<IpAddr>()
            .ok()
            .map(|ip| ip.to_canonical());
    }
    text.split_once(':')?.0.parse::<IpAddr>().ok()
}

/// What the back end is told. Built from the client's fields before those are removed. For the
/// common client, which is no proxy, only the `Forwarded` value is written anew.
#[derive(Debug)]
pub(crate) struct Told<'c> {
    client: &'c ClientInfo,
    scheme: Scheme,
    /// The list that a trusted proxy sent; the peer is added to it.
    forwarded_for: Vec<u8>,
    /// The value of `Forwarded`, and behind it the client's `Host`: one buffer for both.
    forwarded: Vec<u8>,
    /// Where the host begins in it; `None` when there is none.
    host_at: Option<usize>,
    /// The port that a trusted proxy was reached at.
    port: Option<Vec<u8>>,
}

impl<'c> Told<'c> {
    /// Reads what there is and adds this hop.
    pub(crate) fn new(client: &'c ClientInfo, source: &Source, headers: &HeaderList) -> Self {
        let mut told = Self {
            client,
            scheme: source.scheme,
            forwarded_for: Vec::new(),
            forwarded: Vec::with_capacity(192),
            host_at: None,
            port: None,
        };
        if client.peer_trusted {
            told.take_over(headers);
        }
        let forwarded = &mut told.forwarded;
        if !forwarded.is_empty() {
            forwarded.extend_from_slice(b", ");
        }
        forwarded.extend_from_slice(b"for=");
        push_node(forwarded, client.peer_text.as_bytes());
        if let Some(host) = headers.get("host") {
            forwarded.extend_from_slice(b";host=");
            push_node(forwarded, host);
        }
        forwarded.extend_from_slice(b";proto=");
        forwarded.extend_from_slice(source.scheme.as_str().as_bytes());
        if let Some(host) = headers.get("host") {
            told.host_at = Some(forwarded.len());
            forwarded.extend_from_slice(host);
        }
        told
    }

    /// Keeps what a trusted proxy told.
    fn take_over(&mut self, headers: &HeaderList) {
        join(
            &mut self.forwarded_for,
            headers.get_all("x-forwarded-for"),
            b", ",
        );
        join(&mut self.forwarded, headers.get_all("forwarded"), b", ");
        if self.forwarded.is_empty() {
            push_elements(&mut self.forwarded, &self.forwarded_for);
        }
        if !self.forwarded_for.is_empty() {
            self.forwarded_for.extend_from_slice(b", ");
            self.forwarded_for
                .extend_from_slice(self.client.peer_text.as_bytes());
        }
        let port = headers.get("x-forwarded-port").filter(|it| is_port(it));
        self.port = port.map(<[u8]>::to_vec);
    }

    /// Whether a field of the client is replaced by what we tell. Of a stranger that is every
    /// `X-Forwarded-*`: with some of them a proxy says whom it let in (`X-Forwarded-User`).
    ///
    /// `_` counts as `-`: to servers that make variables of fields, as CGI did, it is the same.
    pub(crate) fn replaces(&self, name: &str) -> bool {
        const X: &str = "x-forwarded-";
        if name == "forwarded" {
            return true;
        }
        let Some((start, rest)) = name.split_at_checked(X.len()) else {
            return false;
        };
        let same = |(byte, wanted)| byte == wanted || byte == b'_' && wanted == b'-';
        start.bytes().zip(X.bytes()).all(same)
            && (!self.client.peer_trusted
                || matches!(
                    rest,
                    "for" | "proto" | "port" | "host" | "server" | "prefix"
                ))
    }

    /// Adds the `X-Forwarded-*` fields that functions see too.
    pub(crate) fn append_x(&self, headers: &mut HeaderList) {
        if self.forwarded_for.is_empty() {
            headers.append("x-forwarded-for", self.client.peer_text.as_bytes());
        } else {
            headers.append("x-forwarded-for", &self.forwarded_for);
        }
        match &self.port {
            Some(port) => headers.append("x-forwarded-port", port),
            None => headers.append("x-forwarded-port", &*self.client.port_text),
        }
        headers.append("x-forwarded-proto", self.scheme.as_str());
    }

    /// Adds all fields.
    pub(crate) fn append(&self, headers: &mut HeaderList) {
        self.append_x(headers);
        let (forwarded, host) = match self.host_at {
            Some(at) => self.forwarded.split_at(at),
            None => (&*self.forwarded, &[][..]),
        };
        if self.host_at.is_some() {
            headers.append("x-forwarded-host", host);
        }
        headers.append("forwarded", forwarded);
    }
}

fn is_port(text: &[u8]) -> bool {
    (1..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

fn join<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = &'a [u8]>, between: &[u8]) {
    for value in values {
        if !out.is_empty() {
            out.extend_from_slice(between);
        }
        out.extend_from_slice(value);
    }
}

/// `a, b` as `for=a, for=b`.
fn push_elements(out: &mut Vec<u8>, list: &[u8]) {
    for node in list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if node.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(b"for=");
        push_node(out, node);
    }
}

/// A token as it is, an IPv6 address in brackets, anything else as a quoted string (RFC 7239,
/// sections 4 and 6).
fn push_node(out: &mut Vec<u8>, text: &[u8]) {
    if is_token(text) {
        out.extend_from_slice(text);
        return;
    }
    let v6 = core::str::from_utf8(text).is_ok_and(|it| it.parse::<std::net::Ipv6Addr>().is_ok());
    out.push(b'"');
    if v6 {
        out.push(b'[');
    }
    for &byte in text {
        if byte == b'"' || byte == b'\\' {
            out.push(b'\\');
        }
        out.push(if is_field_value(&[byte]) { byte } else { b'_' });
    }
    if v6 {
        out.push(b']');
    }
    out.push(b'"');
}
