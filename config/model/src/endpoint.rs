//! What AWS calls the configuration of a domain name: certificate, TLS and addresses.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::IpAddressType;

/// Where clients of a domain are, in AWS's words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum EndpointType {
    /// In its region.
    #[default]
    Regional,
    /// Everywhere.
    Edge,
}

/// The least version of TLS, in AWS's words. Listeners speak 1.2 and 1.3, whatever is said here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum SecurityPolicy {
    /// TLS 1.0.
    #[serde(rename = "TLS_1_0")]
    Tls10,
    /// TLS 1.2.
    #[default]
    #[serde(rename = "TLS_1_2")]
    Tls12,
}

/// Settings of a domain's endpoint (AWS v2: DomainNameConfiguration). What AWS acts on and this
/// gateway does not is kept and told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct DomainNameConfiguration {
    /// An ARN whose last segment is the name of a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_arn: Option<String>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_name: Option<String>,
    /// Where clients are.
    pub endpoint_type: EndpointType,
    /// The kinds of addresses that clients have.
    pub ip_address_type: IpAddressType,
    /// The least version of TLS.
    pub security_policy: SecurityPolicy,
    /// The certificate that proves to AWS whose the domain is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ownership_verification_certificate_arn: Option<String>,
}

/// The authorities that client certificates must come from (AWS v2: MutualTlsAuthentication).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct MutualTlsAuthentication {
    /// Where their certificates are.
    pub truststore_uri: String,
    /// Which version of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truststore_version: Option<String>,
}
