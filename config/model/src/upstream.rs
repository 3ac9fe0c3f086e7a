//! An upstream group: the servers behind one name (AWS: what a VPC link leads to).

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
use tollgate_protocol::Millis;

/// An upstream group.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Upstream {
    /// The name that integrations use as `connectionId` or as host in `http://NAME/path`.
    pub name: String,
    /// The servers.
    pub servers: Vec<Server>,
    /// How a server is chosen.
    pub balance: Balance,
    /// The protocol that the servers speak.
    pub protocol: UpstreamProtocol,
    /// Milliseconds to connect; default 5,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_timeout_ms: Option<u64>,
    /// Milliseconds that an idle connection is kept; default 60,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<u64>,
    /// Connections to one server from one worker; default 1,024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_max: Option<u32>,
    /// Active checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Passive ejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ejection: Option<Ejection>,
    /// PEM of the authorities that the servers' certificates are checked against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
    /// The name to verify in the servers' certificates instead of their host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name_to_verify: Option<String>,
    /// Whether the servers' certificates are taken unseen. For tests only.
    pub insecure_skip_verification: bool,
    /// PEM of the certificate that the gateway shows to the servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// PEM of its private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_private_key: Option<String>,
    /// What the management API knows of it as a VPC link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<VpcLink>,
}

/// An upstream group as a VPC link (AWS v2: VpcLink). Networks mean nothing here; they are kept so
/// that a client reads back what it wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VpcLink {
    /// A name for people, at most 128 characters; the group's own name is the link's id.
    pub name: String,
    /// Subnets, as they were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnet_ids: Vec<String>,
    /// Security groups, as they were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_group_ids: Vec<String>,
    /// Tags; those of [`SERVERS_TAG`] name the group's servers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created_date: Millis,
    /// What a retry of the call that made it finds it by.
    pub made_by: String,
}

/// The tag of a VPC link that names the group's servers: URLs with spaces between them. More of
/// them stand in tags that begin with it and a colon, since a tag holds 256 characters.
pub const SERVERS_TAG: &str = "tollgate:servers";

impl VpcLink {
    /// The servers that the tags name, `None` when no tag speaks of servers.
    #[must_use]
    pub fn servers(&self) -> Option<Vec<Server>> {
        let mut speaking = self.tags.iter().filter(|(key, _)| names_servers(key));
        let first = speaking.next()?;
        let urls = core::iter::once(first).chain(speaking);
        let urls = urls.flat_map(|(_, value)| value.split_whitespace());
        let server = |url: &str| Server {
            url: url.into(),
            ..Server::default()
        };
        Some(urls.map(server).collect())
    }
}

fn names_servers(tag: &str) -> bool {
    let rest = tag.strip_prefix(SERVERS_TAG);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("name", &self.name)
            .field("servers", &self.servers)
            .field("balance", &self.balance)
            .finish_non_exhaustive()
    }
}

/// A server of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// `http://host:port` or `https://host:port`.
    pub url: String,
    /// Its share of the requests, 1 to 1,000.
    pub weight: u32,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            url: String::new(),
            weight: 1,
        }
    }
}

/// How a server is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Balance {
    /// In turn, by weight.
    #[default]
    RoundRobin,
    /// The one with the fewest requests in flight for its weight.
    LeastOutstanding,
}

/// The protocol towards the servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum UpstreamProtocol {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, without TLS by prior knowledge.
    Http2,
}

/// Active health checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HealthCheck {
    /// The path to GET.
    pub path: String,
    /// Milliseconds between checks.
    pub interval_ms: u64,
    /// Milliseconds until a check counts as failed.
    pub timeout_ms: u64,
    /// Good checks in a row that bring a server back.
    pub healthy_threshold: u32,
    /// Bad checks in a row that take a server out.
    pub unhealthy_threshold: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            path: "/".into(),
            interval_ms: 5_000,
            timeout_ms: 2_000,
            healthy_threshold: 2,
            unhealthy_threshold: 3,
        }
    }
}

/// Passive ejection of a failing server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Ejection {
    /// Failures in a row (no response, 502, 503, 504).
    pub consecutive_failures: u32,
    /// Milliseconds out of rotation.
    pub duration_ms: u64,
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            duration_ms: 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_servers() {
        let of = |tags: &[(&str, &str)]| {
            let tags = tags
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()));
            let link = VpcLink {
                tags: tags.collect(),
                ..VpcLink::default()
            };
            let urls = |it: Vec<Server>| it.into_iter().map(|it| it.url).collect::<Vec<String>>();
            link.servers().map(urls)
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("tollgate:serversmore", "http://a")]), None);
        assert_eq!(of(&[("tollgate:servers", " ")]), Some(Vec::new()));
        let both = of(&[
            ("tollgate:servers:2", "http://c:1"),
            ("tollgate:servers", "http://a:1  http://b:1"),
            ("team", "x"),
        ]);
        assert_eq!(
            both,
            Some(
                ["http://a:1", "http://b:1", "http://c:1"]
                    .map(String::from)
                    .to_vec()
            )
        );
    }
}
