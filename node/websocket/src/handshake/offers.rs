//! Offers of compression (RFC 7692, section 7.1) and what we answer.
//!
//! Neither side keeps its window from message to message: we say so for both, which a server may
//! without being asked (sections 7.1.1.1 and 7.1.1.2).

use tollgate_message::HeaderList;

use crate::limits::{DEFLATE_WINDOW_BITS, OFFERS_MAX};

/// The extension.
const NAME: &str = "permessage-deflate";
/// The windows that can be asked for, as powers of two.
const WINDOW_BITS: core::ops::RangeInclusive<u8> = 8..=15;

/// Our answer to the first offer that we can meet.
pub(super) fn deflate(headers: &HeaderList) -> Option<String> {
    let values = headers.get_all("sec-websocket-extensions");
    let offers = values.filter_map(|value| core::str::from_utf8(value).ok());
    let mut offers = offers.flat_map(|value| value.split(',')).take(OFFERS_MAX);
    offers.find_map(answer)
}

/// The answer to one offer; `None` when it is another extension or one that we cannot meet.
fn answer(offer: &str) -> Option<String> {
    let mut parts = offer.split(';').map(str::trim);
    if parts.next()? != NAME {
        return None;
    }
    let mut seen = [false; 4];
    let mut answer = format!("{NAME}; server_no_context_takeover; client_no_context_takeover");
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start())?)),
            None => (part, None),
        };
        let (place, good) = match (name, value) {
            ("server_no_context_takeover", None) => (0, true),
            ("client_no_context_takeover", None) => (1, true),
            // What the client compresses is read with the largest window.
            ("client_max_window_bits", None) => (2, true),
            ("client_max_window_bits", Some(bits)) => (2, window(bits).is_some()),
            ("server_max_window_bits", Some(bits)) => {
                let bits = window(bits)?;
                answer += &format!("; server_max_window_bits={DEFLATE_WINDOW_BITS}");
                (3, bits >= DEFLATE_WINDOW_BITS)
            }
            _ => return None,
        };
        if !good || core::mem::replace(&mut seen[place], true) {
            return None;
        }
    }
    Some(answer)
}

fn window(bits: &str) -> Option<u8> {
    if bits.starts_with(['0', '+']) {
        return None;
    }
    bits.parse().ok().filter(|bits| WINDOW_BITS.contains(bits))
}

/// A value with or without quotes (RFC 6455, section 9.1): between them is a token as well.
fn unquoted(value: &str) -> Option<&str> {
    let inner = value
        .strip_prefix('"')
        .map_or(Some(value), |rest| rest.strip_suffix('"'));
    inner.filter(|value| is_token(value))
}

/// Whether it is a token (RFC 9110, section 5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    let sign = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || sign(byte))
}
