//! Functions, upstream groups, domain names and certificates as the file shows them.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_model::{
    Balance, DomainNameConfiguration, Ejection, HeaderMatch, HealthCheck, MutualTlsAuthentication,
    RoutingMode, Runtime, UpstreamProtocol,
};

/// A function.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["runtime"]))]
pub(crate) struct FunctionItem {
    /// What runs it.
    pub runtime: Runtime,
    /// The directory of its code, relative to this file. By default that of this file.
    pub directory: Option<String>,
    /// `module.function`, for `python` and `nodejs`; a path may stand before the module.
    pub handler: Option<String>,
    /// What replaces the program: the command of a `provided` function (default `./bootstrap`),
    /// or the interpreter of the others, such as `[./.venv/bin/python]`.
    pub command: Vec<String>,
    /// Environment variables; values may be secret.
    pub environment: BTreeMap<String, String>,
    /// Milliseconds that one invocation may take. Default 30000.
    pub timeout_ms: Option<u64>,
    /// Processes at most. Default 4.
    pub concurrency: Option<u32>,
    /// Processes kept ready. Default 1.
    pub warm: Option<u32>,
    /// Resident memory at most, in MiB.
    #[serde(rename = "memoryMiB")]
    pub memory_mib: Option<u64>,
    /// The URL of a Lambda `Invoke` API, for `lambda`.
    pub lambda_endpoint: Option<String>,
    /// The function's name or ARN at the endpoint. By default the name.
    pub lambda_function: Option<String>,
    /// The access key that signs calls to the endpoint.
    pub access_key_id: Option<String>,
    /// Its secret.
    pub secret_access_key: Option<String>,
    /// A file that holds the secret, relative to this file.
    pub secret_access_key_file: Option<String>,
    /// The region that calls to the endpoint are signed for.
    pub region: Option<String>,
}

impl fmt::Debug for FunctionItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionItem")
            .field("runtime", &self.runtime)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// An upstream group: the servers behind one name (AWS: what a VPC link leads to).
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["servers"]))]
pub(crate) struct UpstreamItem {
    /// The servers: URLs, or URLs with weights.
    pub servers: Vec<ServerUse>,
    /// How a server is chosen.
    pub balance: Balance,
    /// The protocol towards the servers.
    pub protocol: UpstreamProtocol,
    /// Milliseconds to connect. Default 5000.
    pub connect_timeout_ms: Option<u64>,
    /// Milliseconds that an idle connection is kept. Default 60000.
    pub idle_timeout_ms: Option<u64>,
    /// Connections to one server from one worker. Default 1024.
    pub connections_max: Option<u32>,
    /// Active checks.
    pub health_check: Option<HealthCheck>,
    /// Passive ejection.
    pub ejection: Option<Ejection>,
    /// PEM of the authorities that the servers' certificates are checked against.
    pub ca_certificate: Option<String>,
    /// A file with that PEM, relative to this file.
    pub ca_certificate_file: Option<String>,
    /// PEM of the certificate that the gateway shows to the servers.
    pub client_certificate: Option<String>,
    /// A file with that PEM, relative to this file.
    pub client_certificate_file: Option<String>,
    /// PEM of its private key.
    pub client_private_key: Option<String>,
    /// A file with that PEM, relative to this file.
    pub client_private_key_file: Option<String>,
    /// The name that the servers' certificates must have. By default the host of each URL.
    pub server_name_to_verify: Option<String>,
    /// Whether the servers' certificates are taken unseen. For tests only.
    pub insecure_skip_verification: bool,
}

impl fmt::Debug for UpstreamItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamItem")
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}

/// A server of an upstream group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ServerUse {
    /// `http://host:port` or `https://host:port`.
    Url(String),
    /// With its share of the requests.
    Weighted(ServerItem),
}

/// A server with its share of the requests.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["url"]))]
pub(crate) struct ServerItem {
    /// `http://host:port` or `https://host:port`.
    pub url: String,
    /// Its share, 1 to 1000.
    pub weight: u32,
}

impl Default for ServerItem {
    fn default() -> Self {
        Self {
            url: String::new(),
            weight: 1,
        }
    }
}

/// A TLS certificate with its private key, each inline or in a file.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct CertificateItem {
    /// PEM: the certificate and its chain.
    pub certificate: Option<String>,
    /// A file with that PEM, relative to this file.
    pub certificate_file: Option<String>,
    /// PEM: the private key.
    pub private_key: Option<String>,
    /// A file with that PEM, relative to this file.
    pub private_key_file: Option<String>,
}

impl fmt::Debug for CertificateItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CertificateItem")
    }
}

/// A custom domain name (AWS v2: DomainName).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["domainName"]))]
pub(crate) struct DomainNameItem {
    /// `api.example.com`, or `*.example.com` for a wildcard.
    pub domain_name: String,
    /// The name of the certificate shown for it.
    pub certificate: Option<String>,
    /// AWS's settings of its endpoint, one at most. A certificate whose ARN stands here may be
    /// added later; everything else is kept and not acted on.
    pub domain_name_configurations: Vec<DomainNameConfiguration>,
    /// The authorities of client certificates. Kept and not checked in this release: such a domain
    /// refuses every request.
    pub mutual_tls_authentication: Option<MutualTlsAuthentication>,
    /// What its paths lead to.
    pub api_mappings: Vec<MappingItem>,
    /// Whether mappings, rules or both say where a request goes. Default `API_MAPPING_ONLY`.
    pub routing_mode: RoutingMode,
    /// Rules that look at headers as well (AWS v2: RoutingRule).
    pub routing_rules: Vec<RoutingRuleItem>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// A path prefix of a domain name that leads to a stage (AWS v2: ApiMapping).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MappingItem {
    /// Whole path segments, `v1` or `shop/v1`. By default every path.
    pub api_mapping_key: String,
    /// The id of the API; or `api`.
    pub api_id: Option<String>,
    /// The id or the name of the API.
    pub api: Option<String>,
    /// The stage. Default `$default`.
    pub stage: Option<String>,
}

/// A rule of a domain name: what must be met, and the stage that it leads to.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["priority"]))]
pub(crate) struct RoutingRuleItem {
    /// 1 to 1000000, unique in the domain; the lowest is looked at first.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub priority: u32,
    /// Whole path segments, one of which the path must begin with. By default every path.
    pub base_paths: Vec<String>,
    /// Headers, all of which the request must have; at most two.
    pub headers: Vec<HeaderMatch>,
    /// The id of the API; or `api`.
    pub api_id: Option<String>,
    /// The id or the name of the API.
    pub api: Option<String>,
    /// The stage. Default `$default`.
    pub stage: Option<String>,
    /// Whether the base path that matched is left out of the path that routes see.
    pub strip_base_path: bool,
}

/// A stage of an API.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StageTarget {
    /// The id of the API; or `api`.
    pub api_id: Option<String>,
    /// The id or the name of the API.
    pub api: Option<String>,
    /// The stage. Default `$default`.
    pub stage: Option<String>,
}
