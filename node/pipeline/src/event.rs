//! The events that functions get (reference 7.1 and 7.2), written as JSON straight from the
//! request: no map is built in between.

mod maps;
mod payload;
mod socket;
mod v1;
mod v2;

pub(crate) use socket::{SocketInput, socket};

use bytes::Bytes;
use tollgate_config::snapshot::RoutePlan;
use tollgate_message::HeaderList;

use crate::address::Address;
use crate::finished::Head;

/// What an event is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventInput<'a> {
    pub(crate) head: &'a Head,
    pub(crate) address: &'a Address<'a>,
    pub(crate) route: &'a RoutePlan,
    pub(crate) account_id: &'a str,
    pub(crate) params: &'a [(&'a str, &'a str)],
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderList,
    pub(crate) body: &'a Bytes,
    pub(crate) api_key: Option<&'a str>,
}

/// The event of format 1.0.
pub(crate) fn v1(input: &EventInput<'_>) -> Result<Vec<u8>, serde_json::Error> {
    to_json(input, &v1::EventV1::new(input))
}

/// The event of format 2.0.
pub(crate) fn v2(input: &EventInput<'_>) -> Result<Vec<u8>, serde_json::Error> {
    to_json(input, &v2::EventV2::new(input))
}

fn to_json<T: serde::Serialize>(
    input: &EventInput<'_>,
    event: &T,
) -> Result<Vec<u8>, serde_json::Error> {
    // Base64 makes four bytes of three; the rest of an event is about a KiB beside the headers.
    let room = 1_024 + input.headers.byte_len() * 2 + input.body.len() / 3 * 4;
    let mut out = Vec::with_capacity(room);
    serde_json::to_writer(&mut out, event)?;
    Ok(out)
}
