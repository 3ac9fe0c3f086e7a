//! Small questions about texts that many rules ask.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::Findings;

/// Tags of a resource (AWS: 50).
const TAGS_MAX: usize = 50;
/// Characters of a tag's key (AWS: 128) and value (AWS: 256).
const TAG_KEY_CHARS_MAX: usize = 128;
const TAG_VALUE_CHARS_MAX: usize = 256;
/// Characters of a description (AWS: 1024).
const DESCRIPTION_CHARS_MAX: usize = 1024;

/// A token of RFC 9110, section 5.6.2: methods and header names.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// What may be the value of a header field: no control characters but the tab.
pub(super) fn is_field_value(text: &str) -> bool {
    text.bytes().all(|b| b == b'\t' || (b >= 0x20 && b != 0x7f))
}

/// `[A-Za-z0-9_-]` and the bytes of `more`, 1 to `max`.
pub(super) fn is_word(text: &str, more: &[u8], max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-') || more.contains(&b))
}

/// A host: a name, an IPv4 address or an IPv6 address in brackets.
pub(super) fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[') {
        return inside
            .strip_suffix(']')
            .is_some_and(|it| it.parse::<core::net::Ipv6Addr>().is_ok());
    }
    is_word(host, b".", 253) && !host.split('.').any(|it| it.is_empty() || it.len() > 63)
}

/// The host with the port of an absolute `http` or `https` URL, and what follows.
pub(super) fn split_url(url: &str) -> Option<(&str, &str)> {
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some(rest.split_at(end))
}

/// Whether `host` or `host:port` is one that can be connected to.
pub(super) fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port_fits = port.is_none_or(|it| it.parse::<u16>().is_ok_and(|port| port > 0));
    port_fits && is_host(host)
}

/// The rules of tags and descriptions, which are the same everywhere.
pub(super) fn notes(
    description: Option<&String>,
    tags: &BTreeMap<String, String>,
    f: &mut Findings,
) {
    if description.is_some_and(|it| it.chars().count() > DESCRIPTION_CHARS_MAX) {
        let message = format!("a description has at most {DESCRIPTION_CHARS_MAX} characters");
        f.say("description", message);
    }
    if tags.len() > TAGS_MAX {
        f.say("tags", format!("at most {TAGS_MAX} tags are allowed"));
    }
    for (key, value) in tags {
        let key_chars = key.chars().count();
        if key_chars == 0 || key_chars > TAG_KEY_CHARS_MAX {
            f.say(
                "tags",
                format!("a tag's key has 1 to {TAG_KEY_CHARS_MAX} characters"),
            );
        }
        if value.chars().count() > TAG_VALUE_CHARS_MAX {
            let message = format!("a tag's value has at most {TAG_VALUE_CHARS_MAX} characters");
            f.inside("tags", |f| f.say(key, message));
        }
    }
}
