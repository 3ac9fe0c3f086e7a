//! What is configured: groups of servers and how to speak to them.

use core::fmt;

/// A group of servers that do the same work, addressed by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSpec {
    /// The name, unique among the groups.
    pub name: String,
    /// The servers. Without any, every request fails with kind `connect`.
    pub servers: Vec<ServerSpec>,
    /// How a server is chosen for a request.
    pub balance: Balance,
    /// The version of HTTP spoken to the servers.
    pub protocol: Protocol,
    /// The time for resolving, connecting and the TLS handshake together, milliseconds.
    pub connect_timeout_ms: u64,
    /// How long an unused connection is kept, milliseconds.
    pub idle_timeout_ms: u64,
    /// Connections per server and worker, in use, idle and upgraded together; at least 1.
    pub connections_max: usize,
    /// Active checks; `None` leaves only [`Ejection`].
    pub health_check: Option<HealthCheck>,
    /// Passive checks: what happens after failures of real requests.
    pub ejection: Option<Ejection>,
    /// TLS, for the servers with [`Scheme::Https`].
    pub tls: TlsSpec,
}

impl GroupSpec {
    /// A group with the defaults: round robin, [`Protocol::Auto`], connect within 5 s, idle for
    /// 60 s, 1,024 connections, no checks, verified TLS.
    #[must_use]
    pub fn new(name: impl Into<String>, servers: Vec<ServerSpec>) -> Self {
        Self {
            name: name.into(),
            servers,
            balance: Balance::RoundRobin,
            protocol: Protocol::Auto,
            connect_timeout_ms: 5_000,
            idle_timeout_ms: 60_000,
            connections_max: 1_024,
            health_check: None,
            ejection: None,
            tls: TlsSpec::default(),
        }
    }
}

/// One server of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerSpec {
    /// With or without TLS.
    pub scheme: Scheme,
    /// A host name or an IP address (IPv6 without brackets).
    pub host: String,
    /// The port.
    pub port: u16,
    /// Its share of the requests relative to the others. 0 takes it out of use while another
    /// server has more.
    pub weight: u32,
}

/// With or without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain TCP.
    Http,
    /// TLS.
    Https,
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

/// How a server is chosen for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// In turn, smoothly by weight.
    #[default]
    RoundRobin,
    /// The one with the fewest requests in flight relative to its weight, over all workers.
    LeastOutstanding,
}

/// The version of HTTP spoken to the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// What the server picks by ALPN; HTTP/1.1 without TLS.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2; without TLS with prior knowledge (RFC 9113, section 3.3).
    Http2,
}

/// Active checks: a GET at an interval, from the shared runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// The path, with query if any.
    pub path: String,
    /// From the end of one check to the beginning of the next, milliseconds.
    pub interval_ms: u64,
    /// For connecting and the answer together, milliseconds.
    pub timeout_ms: u64,
    /// Good checks in a row that make an unhealthy server healthy.
    pub healthy_threshold: u32,
    /// Bad checks in a row that make a healthy server unhealthy. Servers start healthy.
    pub unhealthy_threshold: u32,
    /// The lowest good status.
    pub status_min: u16,
    /// The highest good status.
    pub status_max: u16,
}

/// Passive checks: a server with this many failures in a row gets no requests for a while. A
/// failure is a failed connect, a reset, a missed head timeout, or a status 502, 503 or 504. The
/// last available server of a group is never ejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ejection {
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// How long, milliseconds.
    pub duration_ms: u64,
}

/// TLS towards the servers.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsSpec {
    /// Whether the certificate must be valid for the name. `false` accepts any certificate.
    pub verify: bool,
    /// Trusted roots in PEM. When given, only these are trusted.
    pub ca_pem: Option<String>,
    /// The name to ask for and to verify, instead of the host.
    pub server_name: Option<String>,
    /// A client certificate chain in PEM, leaf first; needs `key_pem`.
    pub client_cert_pem: Option<String>,
    /// The key of the client certificate in PEM.
    pub key_pem: Option<String>,
}

impl Default for TlsSpec {
    fn default() -> Self {
        Self {
            verify: true,
            ca_pem: None,
            server_name: None,
            client_cert_pem: None,
            key_pem: None,
        }
    }
}

impl TlsSpec {
    /// Checks that the PEM texts and names can be used, so that a wrong setting is refused before
    /// it is stored.
    ///
    /// # Errors
    /// What is wrong, naming the field.
    pub fn check(&self) -> Result<(), TlsSpecError> {
        crate::tls::client_config(self, &crate::tls::Roots::none()).map(drop)
    }
}

impl fmt::Debug for TlsSpec {
    /// The key never shows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSpec")
            .field("verify", &self.verify)
            .field("ca_pem", &self.ca_pem.as_ref().map(String::len))
            .field("server_name", &self.server_name)
            .field(
                "client_cert_pem",
                &self.client_cert_pem.as_ref().map(String::len),
            )
            .field("key_pem", &self.key_pem.as_ref().map(|_| "hidden"))
            .finish()
    }
}

/// A [`TlsSpec`] that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsSpecError {
    /// `ca_pem` is not PEM, holds no certificate, or one that cannot be a root.
    #[error("ca_pem: {0}")]
    Ca(String),
    /// `client_cert_pem` is not PEM or holds no certificate.
    #[error("client_cert_pem: {0}")]
    ClientCert(String),
    /// `key_pem` is not PEM, holds no key, does not fit, or is missing beside a certificate.
    #[error("key_pem: {0}")]
    Key(String),
    /// `server_name` is neither a DNS name nor an IP address.
    #[error("server_name: {0}")]
    ServerName(String),
}
