//! Certificates, upstream groups, functions and domain names.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;

use super::text::{is_authority, is_field_value, is_host, is_word, notes, split_url};
use super::{Findings, routing, stage_exists};
use crate::{
    ApiMapping, Certificate, DomainName, Function, HealthCheck, Model, Runtime, Server, StageRef,
    Upstream, VpcLink,
};

/// Characters of a mapping key, and multi-level mappings of a domain (AWS).
const MAPPING_KEY_CHARS_MAX: usize = 300;
const MULTI_LEVEL_MAPPINGS_MAX: usize = 200;
/// A server's share of the requests.
const WEIGHT: core::ops::RangeInclusive<u32> = 1..=1_000;
/// Servers of a group.
const SERVERS_MAX: usize = 1_000;
/// Characters of a VPC link's name (AWS).
const LINK_NAME_CHARS_MAX: usize = 128;
/// Subnets and security groups of a link that are kept, and bytes of the id of one: AWS takes fewer
/// and shorter ones.
const LINK_NETWORKS_MAX: usize = 50;
const LINK_NETWORK_BYTES_MAX: usize = 128;
/// Processes of a function (AWS: the default concurrency of an account).
const CONCURRENCY: core::ops::RangeInclusive<u32> = 1..=1_000;

pub(super) fn certificate(it: &Certificate, f: &mut Findings) {
    name(&it.name, f);
    if !it.certificate.contains("-----BEGIN CERTIFICATE-----") {
        f.say("certificate", "expected a certificate in PEM");
    }
    if !(it.private_key.contains("-----BEGIN ") && it.private_key.contains("PRIVATE KEY-----")) {
        f.say("privateKey", "expected a private key in PEM, not encrypted");
    }
}

fn name(name: &str, f: &mut Findings) {
    if !is_word(name, b".", 128) {
        f.here("a name has 1 to 128 of the characters A-Z, a-z, 0-9, `_`, `-` and `.`");
    }
}

pub(super) fn upstream(it: &Upstream, f: &mut Findings) {
    name(&it.name, f);
    // A VPC link may be there before its servers are known.
    let servers_min = usize::from(it.link.is_none());
    if !(servers_min..=SERVERS_MAX).contains(&it.servers.len()) {
        f.say(
            "servers",
            format!("an upstream group has {servers_min} to {SERVERS_MAX} servers"),
        );
    }
    if let Some(it) = &it.link {
        f.inside("link", |f| link(it, f));
    }
    let mut seen = BTreeSet::new();
    for (index, it) in it.servers.iter().enumerate() {
        f.in_two("servers", &index.to_string(), |f| server(it, &mut seen, f));
    }
    for (member, value) in [
        ("connectTimeoutMs", it.connect_timeout_ms),
        ("idleTimeoutMs", it.idle_timeout_ms),
        ("connectionsMax", it.connections_max.map(u64::from)),
    ] {
        if value == Some(0) {
            f.say(member, format!("{member} is at least 1"));
        }
    }
    if let Some(it) = &it.health_check {
        f.inside("healthCheck", |f| health_check(it, f));
    }
    if let Some(it) = &it.ejection {
        f.inside("ejection", |f| {
            if it.consecutive_failures == 0 {
                f.say("consecutiveFailures", "consecutiveFailures is at least 1");
            }
            if it.duration_ms == 0 {
                f.say("durationMs", "durationMs is at least 1");
            }
        });
    }
    if it.client_certificate.is_some() != it.client_private_key.is_some() {
        let message = "clientCertificate and clientPrivateKey need each other";
        f.say("clientCertificate", message);
    }
    if let Some(name) = &it.server_name_to_verify
        && !is_host(name)
    {
        f.say("serverNameToVerify", format!("{name:?} is no host name"));
    }
}

fn link(it: &VpcLink, f: &mut Findings) {
    if !(1..=LINK_NAME_CHARS_MAX).contains(&it.name.chars().count()) {
        let message = format!("the name of a VPC link has 1 to {LINK_NAME_CHARS_MAX} characters");
        f.say("name", message);
    }
    for (member, ids) in [
        ("subnetIds", &it.subnet_ids),
        ("securityGroupIds", &it.security_group_ids),
    ] {
        if ids.len() > LINK_NETWORKS_MAX || ids.iter().any(|id| id.len() > LINK_NETWORK_BYTES_MAX) {
            let message = format!(
                "at most {LINK_NETWORKS_MAX} ids of {LINK_NETWORK_BYTES_MAX} bytes are kept"
            );
            f.say(member, message);
        }
    }
    notes(None, &it.tags, f);
}

fn server<'m>(it: &'m Server, seen: &mut BTreeSet<&'m str>, f: &mut Findings) {
    match split_url(&it.url) {
        None => f.say("url", "expected http://host:port or https://host:port"),
        Some((authority, _)) if !is_authority(authority) => {
            f.say(
                "url",
                format!("`{authority}` is no host, or no host and port"),
            );
        }
        Some((_, rest)) if !matches!(rest, "" | "/") => {
            f.say(
                "url",
                "the URL of a server has no path; the integration's URI has it",
            );
        }
        Some(_) => {}
    }
    if !seen.insert(it.url.as_str()) {
        f.say(
            "url",
            "the group holds this server already; give it a weight instead",
        );
    }
    if !WEIGHT.contains(&it.weight) {
        f.say("weight", "a weight is a number from 1 to 1000");
    }
}

fn health_check(it: &HealthCheck, f: &mut Findings) {
    if !it.path.starts_with('/') || it.path.contains(' ') || !is_field_value(&it.path) {
        f.say("path", "a path begins with `/` and holds no spaces");
    }
    for (member, value) in [
        ("intervalMs", it.interval_ms),
        ("timeoutMs", it.timeout_ms),
        ("healthyThreshold", u64::from(it.healthy_threshold)),
        ("unhealthyThreshold", u64::from(it.unhealthy_threshold)),
    ] {
        if value == 0 {
            f.say(member, format!("{member} is at least 1"));
        }
    }
}

pub(super) fn function(it: &Function, f: &mut Findings) {
    if !is_word(&it.name, b"", 64) {
        f.here("a function's name has 1 to 64 of the characters A-Z, a-z, 0-9, `_` and `-`");
    }
    if it.runtime == Runtime::Lambda {
        remote(it, f);
    } else {
        if !it.directory.starts_with('/') {
            f.say("directory", "the directory of the code is an absolute path");
        }
        if it.lambda_endpoint.is_some() {
            f.say(
                "lambdaEndpoint",
                "a lambdaEndpoint needs the runtime `lambda`",
            );
        }
    }
    if matches!(it.runtime, Runtime::Python | Runtime::Nodejs) {
        let parts = it.handler.rsplit_once('.');
        if !parts.is_some_and(|(module, function)| !module.is_empty() && !function.is_empty()) {
            f.say("handler", "a handler is written `module.function`");
        }
    }
    if it.timeout_ms == 0 {
        f.say("timeoutMs", "timeoutMs is at least 1");
    }
    if !CONCURRENCY.contains(&it.concurrency) {
        f.say("concurrency", "concurrency is a number from 1 to 1000");
    }
    if it.warm > it.concurrency {
        f.say(
            "warm",
            format!("warm is at most the concurrency, {}", it.concurrency),
        );
    }
    if it.memory_mib == Some(0) {
        f.say("memoryMiB", "memoryMiB is at least 1");
    }
    for (name, value) in &it.environment {
        let first = name.bytes().next();
        if !is_word(name, b"", 256)
            || name.contains('-')
            || first.is_some_and(|b| b.is_ascii_digit())
        {
            f.inside("environment", |f| {
                f.key(name, format!("{name:?} is no variable name"))
            });
        }
        if value.contains('\0') {
            f.inside("environment", |f| {
                f.say(name, "a value cannot hold a zero byte")
            });
        }
    }
}

fn remote(it: &Function, f: &mut Findings) {
    match it.lambda_endpoint.as_deref().map(split_url) {
        None => f.say(
            "lambdaEndpoint",
            "the runtime `lambda` needs a lambdaEndpoint",
        ),
        Some(Some((authority, _))) if is_authority(authority) => {}
        Some(_) => f.say(
            "lambdaEndpoint",
            "expected http://host:port or https://host:port",
        ),
    }
    if it.access_key_id.is_some() != it.secret_access_key.is_some() {
        f.say(
            "accessKeyId",
            "accessKeyId and secretAccessKey need each other",
        );
    }
}

pub(super) fn domain_name(model: &Model, it: &DomainName, f: &mut Findings) {
    let host = it.domain_name.strip_prefix("*.").unwrap_or(&it.domain_name);
    let lower = !it.domain_name.bytes().any(|b| b.is_ascii_uppercase());
    if !lower || !is_host(host) || host.starts_with('[') {
        let message = "a domain name is in lower case, like `api.example.com` or `*.example.com`";
        f.say("domainName", message);
    }
    if let Some(name) = &it.certificate
        && !model.certificates.contains_key(name)
    {
        f.say("certificate", format!("there is no certificate `{name}`"));
    }
    configurations(it, f);
    let multi_level = it
        .api_mappings
        .iter()
        .filter(|it| it.api_mapping_key.contains('/'));
    if multi_level.count() > MULTI_LEVEL_MAPPINGS_MAX {
        let message =
            format!("a domain has at most {MULTI_LEVEL_MAPPINGS_MAX} mappings of several levels");
        f.say("apiMappings", message);
    }
    notes(None, &it.tags, f);
    let mut seen = BTreeSet::new();
    for (index, it) in it.api_mappings.iter().enumerate() {
        f.in_two("apiMappings", &index.to_string(), |f| {
            mapping(model, it, &mut seen, f);
        });
    }
    routing::rules(model, &it.routing_rules, f);
}

/// Whole segments of the characters that AWS allows, without slashes at the ends.
pub(super) fn is_base_path(text: &str) -> bool {
    is_word(text, b"$.+!*'()/", MAPPING_KEY_CHARS_MAX) && !text.split('/').any(str::is_empty)
}

fn configurations(it: &DomainName, f: &mut Findings) {
    if it.domain_name_configurations.len() > 1 {
        let message = "a domain name has one configuration at most";
        f.say("domainNameConfigurations", message);
    }
    for (index, it) in it.domain_name_configurations.iter().enumerate() {
        for (member, arn) in [
            ("certificateArn", &it.certificate_arn),
            (
                "ownershipVerificationCertificateArn",
                &it.ownership_verification_certificate_arn,
            ),
        ] {
            let named = |arn: &str| {
                let name = arn.rsplit('/').next().unwrap_or_default();
                arn.starts_with("arn:") && arn.contains(":certificate/") && !name.is_empty()
            };
            if arn.as_deref().is_some_and(|arn| !named(arn)) {
                f.in_two("domainNameConfigurations", &index.to_string(), |f| {
                    f.say(member, "expected an ARN that ends in certificate/NAME");
                });
            }
        }
    }
    if let Some(mutual) = &it.mutual_tls_authentication
        && mutual.truststore_uri.is_empty()
    {
        f.inside("mutualTlsAuthentication", |f| {
            f.say("truststoreUri", "it says where the authorities are");
        });
    }
}

fn mapping<'m>(model: &Model, it: &'m ApiMapping, seen: &mut BTreeSet<&'m str>, f: &mut Findings) {
    let key = it.api_mapping_key.as_str();
    if !key.is_empty() && !is_base_path(key) {
        let message = format!(
            "a mapping key has whole segments and at most {MAPPING_KEY_CHARS_MAX} of the \
             characters A-Z, a-z, 0-9 and `$-_.+!*'()/`"
        );
        f.say("apiMappingKey", message);
    }
    if !seen.insert(key) {
        let message = if key.is_empty() {
            "the domain has a mapping of every path already".to_string()
        } else {
            format!("the domain has a mapping `{key}` already")
        };
        f.say("apiMappingKey", message);
    }
    let target = StageRef {
        api_id: it.api_id.clone(),
        stage: it.stage.clone(),
    };
    stage_exists(model, &target, f);
}
