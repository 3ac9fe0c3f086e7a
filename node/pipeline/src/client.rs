//! Who sent a request, as the listener knows it. Made once per connection, so that a request
//! formats no address.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

/// The connection that a request came in on.
#[derive(Debug, Clone)]
pub struct ClientInfo {
    /// The peer's address (behind the PROXY protocol: the one it told).
    pub peer_ip: IpAddr,
    /// The same as text.
    pub peer_text: Arc<str>,
    /// Whether the peer is a proxy whose `X-Forwarded-*` and `Forwarded` are believed.
    pub peer_trusted: bool,
    /// The networks of such proxies.
    pub trusted_proxies: Arc<[IpNet]>,
    /// How the peer speaks to us.
    pub scheme: Scheme,
    /// The port that it connected to.
    pub local_port: u16,
    /// The same as text.
    pub port_text: Arc<str>,
    /// What TLS agreed on; `None` without TLS.
    pub tls: Option<TlsInfo>,
    /// The connection's number on this node, for logs.
    pub connection: u64,
}

/// With or without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
}

/// What TLS agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsInfo {
    /// For example `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite's name.
    pub cipher: Arc<str>,
    /// The name the client asked for.
    pub server_name: Option<Arc<str>>,
}

impl ClientInfo {
    /// The description of a new connection.
    #[must_use]
    pub fn new(
        peer_ip: IpAddr,
        scheme: Scheme,
        local_port: u16,
        trusted_proxies: Arc<[IpNet]>,
    ) -> Self {
        let peer_ip = peer_ip.to_canonical();
        Self {
            peer_ip,
            peer_text: peer_ip.to_string().into(),
            peer_trusted: is_trusted(&trusted_proxies, peer_ip),
            trusted_proxies,
            scheme,
            local_port,
            port_text: local_port.to_string().into(),
            tls: None,
            connection: 0,
        }
    }

    /// Whether an address is one of a believed proxy.
    #[must_use]
    pub fn trusts(&self, ip: IpAddr) -> bool {
        is_trusted(&self.trusted_proxies, ip.to_canonical())
    }
}

impl Scheme {
    /// As in a URI.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

fn is_trusted(networks: &[IpNet], ip: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&ip))
}
