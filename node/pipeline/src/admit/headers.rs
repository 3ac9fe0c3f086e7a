//! What clients are told about limits: `Retry-After` (RFC 9110), `RateLimit` and
//! `RateLimit-Policy` (IETF draft), and the older `X-RateLimit-*` that clients know.
//!
//! Each names its limit: `route`, `key`, `key-route` for rates (the policy's `q` is the burst) or
//! `quota` (`q` is the number of requests in a period).

use tollgate_config::cells::{QuotaSlot, TokenBucket};
use tollgate_message::HeaderList;
use tollgate_protocol::Millis;

use crate::fault::Refusal;
use crate::text::push_number;

/// Names which limit the `X-RateLimit-*` fields speak of.
const LIMIT_NAME: &str = "x-ratelimit-name";

/// The fields of a 429.
pub(crate) fn refused(limit: &Refusal, headers: &mut HeaderList) {
    let seconds = limit.retry_after_ms.div_ceil(1000).max(1);
    let mut text = Vec::with_capacity(48);
    push_number(&mut text, seconds);
    headers.append("retry-after", &text);
    write(headers, limit.name, limit.limit, 0, seconds, &mut text);
}

/// The fields of an answer to a key with a rate.
pub(crate) fn admitted_rate(bucket: &TokenBucket, now_us: u64, headers: &mut HeaderList) {
    let limit = bucket.limit();
    let burst = u64::from(limit.burst_limit);
    let left = bucket.remaining(now_us);
    let missing = u128::from(burst.saturating_sub(left)) * 1_000_000;
    let seconds = missing.div_ceil(u128::from(limit.rate_limit.micros().max(1)));
    let mut text = Vec::with_capacity(48);
    write(
        headers,
        "key",
        burst,
        left,
        u64::try_from(seconds).unwrap_or(u64::MAX),
        &mut text,
    );
}

/// The field of an answer to a key with a quota: another item of the `RateLimit` list.
pub(crate) fn admitted_quota(slot: &QuotaSlot, now_ms: u64, headers: &mut HeaderList) {
    let Some((left, end)) = slot.remaining(Millis(now_ms)) else {
        return;
    };
    let seconds = end.0.saturating_sub(now_ms).div_ceil(1000);
    let mut text = Vec::with_capacity(48);
    write_item(headers, "quota", slot.limit(), left, seconds, &mut text);
}

fn write(
    headers: &mut HeaderList,
    name: &str,
    limit: u64,
    left: u64,
    seconds: u64,
    text: &mut Vec<u8>,
) {
    write_item(headers, name, limit, left, seconds, text);
    headers.set(LIMIT_NAME, name);
    for (field, number) in [
        ("x-ratelimit-limit", limit),
        ("x-ratelimit-remaining", left),
        ("x-ratelimit-reset", seconds),
    ] {
        text.clear();
        push_number(text, number);
        headers.set(field, &text);
    }
}

/// `RateLimit-Policy: "key";q=100` and `RateLimit: "key";r=99;t=1`.
fn write_item(
    headers: &mut HeaderList,
    name: &str,
    limit: u64,
    left: u64,
    seconds: u64,
    text: &mut Vec<u8>,
) {
    let quoted = |text: &mut Vec<u8>| {
        text.clear();
        text.push(b'"');
        text.extend_from_slice(name.as_bytes());
        text.push(b'"');
    };
    quoted(text);
    text.extend_from_slice(b";q=");
    push_number(text, limit);
    headers.append("ratelimit-policy", &text);
    quoted(text);
    text.extend_from_slice(b";r=");
    push_number(text, left);
    text.extend_from_slice(b";t=");
    push_number(text, seconds);
    headers.append("ratelimit", &text);
}
