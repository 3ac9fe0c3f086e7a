//! Custom domain names, what they lead to, and their certificates.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};
use tollgate_protocol::ids::{ApiId, MappingId, StageName};

use crate::{DomainNameConfiguration, MutualTlsAuthentication, RoutingMode, RoutingRule};

/// A custom domain name (AWS v2: DomainName).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DomainName {
    /// In lower case; `*.example.com` for a wildcard.
    pub domain_name: String,
    /// The certificate shown for it by SNI, which must be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// AWS's settings of its endpoint, one at most. A certificate that only these name may be
    /// missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domain_name_configurations: Vec<DomainNameConfiguration>,
    /// The authorities of client certificates. Nothing checks those yet: such a domain refuses
    /// every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutual_tls_authentication: Option<MutualTlsAuthentication>,
    /// What its paths lead to.
    pub api_mappings: Vec<ApiMapping>,
    /// Whether mappings, rules or both say where a request goes.
    #[serde(skip_serializing_if = "RoutingMode::is_default")]
    pub routing_mode: RoutingMode,
    /// The rules, in no order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routing_rules: Vec<RoutingRule>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl DomainName {
    /// The name of the certificate shown for it: its own, or the one that its configuration's ARN
    /// ends in.
    #[must_use]
    pub fn certificate_name(&self) -> Option<&str> {
        let configured = || {
            let first = self.domain_name_configurations.first()?;
            first.certificate_arn.as_deref()?.rsplit('/').next()
        };
        self.certificate.as_deref().or_else(configured)
    }

    /// The stages that it leads to, by mappings and by rules, whatever the mode.
    pub fn targets(&self) -> impl Iterator<Item = StageRef> + '_ {
        let mapped = self.api_mappings.iter().map(|it| StageRef {
            api_id: it.api_id.clone(),
            stage: it.stage.clone(),
        });
        mapped.chain(self.routing_rules.iter().flat_map(RoutingRule::targets))
    }
}

/// A path prefix of a domain that leads to a stage (AWS v2: ApiMapping).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApiMapping {
    /// The id.
    pub api_mapping_id: MappingId,
    /// Whole path segments without slashes at the ends; empty takes every path.
    pub api_mapping_key: String,
    /// The API.
    pub api_id: ApiId,
    /// The stage.
    pub stage: StageName,
}

/// A stage of an API.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StageRef {
    /// The API.
    pub api_id: ApiId,
    /// The stage.
    pub stage: StageName,
}

/// A TLS certificate with its key.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Certificate {
    /// The name that domains use.
    pub name: String,
    /// PEM: the certificate and its chain.
    pub certificate: String,
    /// PEM: the private key.
    pub private_key: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
