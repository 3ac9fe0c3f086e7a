//! What tells cache entries apart: the namespace, the method, the address that was asked, and the
//! values that the route names.
//! As on AWS, a path variable that is not named does not (reference 15).

use std::sync::Arc;

use tollgate_config::snapshot::{CacheKeyPart, CachePlan};

use crate::integrate::RequestCtx;
use crate::ports::Ports;
use crate::text::{decode_query, query_pairs};

/// Begins the part of a key that names no value, as against an empty one.
const ABSENT: u8 = 0;
/// Begins a value.
const VALUE: u8 = 1;
/// Ends the values of a part.
const END: u8 = 2;

/// The key of a request. Every value carries its length, so no two requests that differ in a
/// declared value can meet in one key, whatever bytes the values have.
pub(crate) fn of<P: Ports>(plan: &CachePlan, ctx: &RequestCtx<'_, P>) -> Arc<[u8]> {
    let mut key = Vec::with_capacity(128);
    key.extend_from_slice(plan.namespace.as_bytes());
    key.push(0);
    push(&mut key, ctx.head.method.as_str().as_bytes());
    // What an integration is told of the gateway's address it may write into links. A host that
    // a stranger made up must not get into what others are given.
    push(&mut key, ctx.source.scheme.as_str().as_bytes());
    let host = ctx.headers.get("host").unwrap_or_default();
    push(&mut key, &host.to_ascii_lowercase());
    // The default route answers every path and has no variable that could be declared.
    if &*ctx.route.resource == "$default" {
        push(&mut key, ctx.address.path.as_bytes());
    }
    for part in &plan.parts {
        match part {
            CacheKeyPart::Path(name) => match ctx.params.iter().find(|(it, _)| *it == &**name) {
                Some((_, value)) => push(&mut key, value.as_bytes()),
                None => key.push(ABSENT),
            },
            CacheKeyPart::Query(name) => {
                for (it, value) in query_pairs(ctx.query.as_deref().unwrap_or_default()) {
                    if decode_query(it) == **name {
                        push(&mut key, decode_query(value).as_bytes());
                    }
                }
            }
            CacheKeyPart::Header(name) => {
                for value in ctx.headers.get_all(name) {
                    push(&mut key, value);
                }
            }
        }
        key.push(END);
    }
    key.into()
}

fn push(key: &mut Vec<u8>, value: &[u8]) {
    key.push(VALUE);
    key.extend_from_slice(&(value.len() as u64).to_le_bytes());
    key.extend_from_slice(value);
}
