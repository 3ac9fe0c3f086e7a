//! What may be stored, and what a client may ask of the cache.

use tollgate_config::snapshot::{CacheKeyPart, CachePlan};
use tollgate_message::{HeaderList, Response};

/// Whether the client wants a fresh response: `Cache-Control: max-age=0` (reference 15) or
/// `no-cache`, which browsers send for the same wish.
pub(crate) fn wants_refresh(headers: &HeaderList) -> bool {
    directives(headers).any(|it| is(it, b"no-cache") || is(it, b"max-age=0"))
}

/// Whether the request is one person's: it has `Authorization` and the key does not tell by it.
pub(crate) fn is_private(plan: &CachePlan, headers: &HeaderList) -> bool {
    headers.contains("authorization") && !in_key(plan, b"authorization")
}

/// Whether a response may be given to others.
pub(crate) fn may_store(plan: &CachePlan, private: bool, response: &Response) -> bool {
    let headers = &response.headers;
    if !(200..300).contains(&response.status) || response.status == 206 {
        return false;
    }
    if headers.contains("set-cookie") || is_event_stream(headers) {
        return false;
    }
    let mut shared = false;
    for directive in directives(headers) {
        let name = directive
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default();
        if is(name, b"private") || is(name, b"no-store") || is(name, b"no-cache") {
            return false;
        }
        shared |= is(name, b"public") || is(name, b"s-maxage") || is(name, b"must-revalidate");
    }
    if private && !shared {
        return false;
    }
    values(headers, "vary").all(|name| in_key(plan, name))
}

fn is_event_stream(headers: &HeaderList) -> bool {
    headers.get("content-type").is_some_and(|it| {
        let media = it.split(|byte| *byte == b';').next().unwrap_or_default();
        is(media.trim_ascii(), b"text/event-stream")
    })
}

/// Whether a header splits entries. `Origin` needs not: CORS fields are never stored but made
/// anew for each response where the gateway does CORS, and where it does not, a back end that
/// varies by origin is not cached unless the key has it.
fn in_key(plan: &CachePlan, name: &[u8]) -> bool {
    plan.parts.iter().any(|part| match part {
        CacheKeyPart::Header(it) => it.as_bytes().eq_ignore_ascii_case(name),
        _ => false,
    })
}

fn directives(headers: &HeaderList) -> impl Iterator<Item = &[u8]> {
    values(headers, "cache-control")
}

fn values<'a>(headers: &'a HeaderList, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|it| !it.is_empty())
}

fn is(text: &[u8], wanted: &[u8]) -> bool {
    text.eq_ignore_ascii_case(wanted)
}
