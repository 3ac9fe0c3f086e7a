//! What a caller decides about the listeners: sockets, certificates, trust and limits.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use tollgate_protocol::limits;

use crate::Sockets;

/// The listeners of one node and the limits that hold on all of them.
pub struct EdgeConfig {
    /// The listeners. [`crate::ConnInfo::listener`] is an index into this list.
    pub listeners: Vec<ListenerConfig>,
    /// Worker threads, 1 to 512; each accepts and serves its own connections.
    pub workers: usize,
    /// The limits.
    pub limits: EdgeLimits,
}

/// One address that is listened on.
pub struct ListenerConfig {
    /// The bound sockets ([`crate::bind`]).
    pub sockets: Sockets,
    /// TLS with the certificates that this configuration's resolver picks; `None` is plain text.
    /// Without `alpn_protocols` of its own it offers `h2` and `http/1.1`.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The peers that must send a PROXY protocol header; `None` when nobody may.
    pub proxy_protocol: Option<TrustedPeers>,
}

/// Networks whose word about the client's address is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedPeers(Vec<IpNet>);

impl TrustedPeers {
    /// Trusts these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this address is in one of the networks. An IPv4 address in IPv6 clothes
    /// (`::ffff:a.b.c.d`) counts as the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Limits of every connection. Each has a default that suits a public listener.
#[derive(Debug, Clone)]
pub struct EdgeLimits {
    /// Bytes of a request head, request line included; more is answered 431.
    pub header_bytes_max: usize,
    /// Header fields of a request, at most [`EdgeLimits::HEADER_FIELDS_CEILING`]; more is 431.
    pub header_fields_max: usize,
    /// Bytes of the request target; more is answered 414.
    pub url_bytes_max: usize,
    /// Open connections of all workers; one more is closed at once and counted as refused.
    pub connections_max: usize,
    /// From the first byte of a head (for the first: from accept) to its end; then 408.
    pub header_timeout_ms: u64,
    /// How long a connection without a request stays open.
    pub keep_alive_ms: u64,
    /// How long a body, in either direction, may make no progress because of the client.
    pub body_idle_timeout_ms: u64,
    /// Bytes of a request body; an announced excess is answered 413 by the edge, any other ends
    /// the body with [`tollgate_message::BodyError::TooLarge`].
    pub body_bytes_max: Option<u64>,
    /// Concurrent streams of an HTTP/2 connection.
    pub h2_streams_max: u32,
}

impl EdgeLimits {
    /// Header fields are parsed into an array of this size on the stack (32 bytes each).
    pub const HEADER_FIELDS_CEILING: usize = 128;
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            header_bytes_max: limits::HEADER_BYTES_MAX,
            header_fields_max: limits::HEADER_FIELDS_MAX,
            url_bytes_max: limits::TARGET_BYTES_MAX,
            connections_max: 20_000,
            header_timeout_ms: 10_000,
            keep_alive_ms: 75_000,
            body_idle_timeout_ms: 30_000,
            body_bytes_max: Some(10 * 1024 * 1024),
            h2_streams_max: 128,
        }
    }
}
