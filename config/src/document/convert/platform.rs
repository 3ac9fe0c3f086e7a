//! Functions, upstream groups, certificates and domain names.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_model::{
    ApiMapping, Certificate, DomainName, Function, InvokeApi, MatchBasePaths, MatchHeaders,
    RoutingAction, RoutingCondition, RoutingRule, Runtime, Server, Upstream,
};
use tollgate_protocol::ids::{MappingId, RuleId};

use super::Converter;
use crate::document::ids::derived;
use crate::document::shape::{
    CertificateItem, DomainNameItem, FunctionItem, RoutingRuleItem, ServerUse, UpstreamItem,
};
use crate::document::tree::Path;

impl Converter<'_> {
    pub(super) fn function(&mut self, name: String, item: FunctionItem, base: &Path) {
        let path = base.key("functions").key(&name);
        self.origin(&["functions", &name], 0, &path);
        let secret_access_key = self.text_or_file(
            &path,
            ("secretAccessKey", item.secret_access_key),
            item.secret_access_key_file,
        );
        let directory = if item.runtime == Runtime::Lambda {
            String::new()
        } else {
            let given = item.directory.as_deref().unwrap_or(".");
            let directory = self.resolve(0, &path.key("directory"), given);
            // The nodes may be other machines, so this stops nothing.
            if !directory.is_dir() {
                let reason = format!("this machine has no directory {}", directory.display());
                let root = &self.roots[0];
                self.report.warning_at(root, &path.key("directory"), reason);
            }
            directory.to_string_lossy().into_owned()
        };
        let defaults = Function::default();
        let function = Function {
            name: name.clone(),
            runtime: item.runtime,
            directory,
            handler: item.handler.unwrap_or_default(),
            command: item.command,
            environment: item.environment,
            timeout_ms: item.timeout_ms.unwrap_or(defaults.timeout_ms),
            concurrency: item.concurrency.unwrap_or(defaults.concurrency),
            // One process stays warm unless there may be none.
            warm: item
                .warm
                .unwrap_or_else(|| defaults.warm.min(item.concurrency.unwrap_or(1))),
            memory_mib: item.memory_mib,
            lambda_endpoint: item.lambda_endpoint,
            lambda_function: item.lambda_function,
            access_key_id: item.access_key_id,
            secret_access_key: secret_access_key.map(|it| it.trim_end().to_owned()),
            region: item.region,
        };
        self.model.functions.insert(name, Arc::new(function));
    }

    pub(super) fn upstream(&mut self, name: String, item: UpstreamItem, base: &Path) {
        let path = base.key("upstreams").key(&name);
        self.origin(&["upstreams", &name], 0, &path);
        let servers = item.servers.into_iter().map(|server| match server {
            ServerUse::Url(url) => Server { url, weight: 1 },
            ServerUse::Weighted(it) => Server {
                url: it.url,
                weight: it.weight,
            },
        });
        let upstream = Upstream {
            name: name.clone(),
            servers: servers.collect(),
            balance: item.balance,
            protocol: item.protocol,
            connect_timeout_ms: item.connect_timeout_ms,
            idle_timeout_ms: item.idle_timeout_ms,
            connections_max: item.connections_max,
            health_check: item.health_check,
            ejection: item.ejection,
            ca_certificate: self.text_or_file(
                &path,
                ("caCertificate", item.ca_certificate),
                item.ca_certificate_file,
            ),
            client_certificate: self.text_or_file(
                &path,
                ("clientCertificate", item.client_certificate),
                item.client_certificate_file,
            ),
            client_private_key: self.text_or_file(
                &path,
                ("clientPrivateKey", item.client_private_key),
                item.client_private_key_file,
            ),
            server_name_to_verify: item.server_name_to_verify,
            insecure_skip_verification: item.insecure_skip_verification,
            // Merging keeps what the management API knows.
            link: None,
        };
        self.model.upstreams.insert(name, Arc::new(upstream));
    }

    pub(super) fn certificate(&mut self, name: String, item: CertificateItem, base: &Path) {
        let path = base.key("certificates").key(&name);
        self.origin(&["certificates", &name], 0, &path);
        let certificate = self.text_or_file(
            &path,
            ("certificate", item.certificate),
            item.certificate_file,
        );
        let private_key = self.text_or_file(
            &path,
            ("privateKey", item.private_key),
            item.private_key_file,
        );
        let certificate = Certificate {
            name: name.clone(),
            certificate: certificate.unwrap_or_default(),
            private_key: private_key.unwrap_or_default(),
        };
        self.model.certificates.insert(name, Arc::new(certificate));
    }

    pub(super) fn domain_name(&mut self, item: DomainNameItem, path: Path) {
        let domain_name = item.domain_name.to_ascii_lowercase();
        if domain_name.is_empty() {
            if !self.report.is_spoiled(&path) {
                self.error(0, &path.key("domainName"), "the domain name is empty");
            }
            return;
        }
        self.origin(&["domainNames", &domain_name], 0, &path);
        if self.model.domain_names.contains_key(&domain_name) {
            let reason = format!("the domain name `{domain_name}` appears twice");
            self.error(0, &path.key("domainName"), reason);
            return;
        }
        if item.mutual_tls_authentication.is_some() {
            let reason = "client certificates are not checked in this release; the domain refuses \
                          every request";
            let at = path.key("mutualTlsAuthentication");
            self.report.warning_at(&self.roots[0], &at, reason);
        }
        let mut api_mappings = Vec::new();
        // Mapping keys that were seen, so that ids stay unique; the rules report the second one.
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (index, mapping) in item.api_mappings.into_iter().enumerate() {
            let at = path.key("apiMappings").index(index);
            let position = api_mappings.len().to_string();
            self.origin(
                &["domainNames", &domain_name, "apiMappings", &position],
                0,
                &at,
            );
            let api = self.api_reference(mapping.api_id.as_ref(), mapping.api.as_ref(), &at);
            let Some(api_id) = api else {
                continue;
            };
            let Some(stage) = self.stage_reference(&api_id, mapping.stage.as_ref(), &at) else {
                continue;
            };
            let key = mapping.api_mapping_key.trim_matches('/').to_owned();
            let repeat = seen.entry(key.clone()).or_default();
            let id = derived(6, &["mapping", &domain_name, &key, &repeat.to_string()]);
            *repeat += 1;
            api_mappings.push(ApiMapping {
                api_mapping_id: MappingId::from(id),
                api_mapping_key: key,
                api_id,
                stage,
            });
        }
        let domain = DomainName {
            domain_name: domain_name.clone(),
            certificate: item.certificate,
            domain_name_configurations: item.domain_name_configurations,
            mutual_tls_authentication: item.mutual_tls_authentication,
            api_mappings,
            routing_mode: item.routing_mode,
            routing_rules: self.routing_rules(&domain_name, item.routing_rules, &path),
            tags: item.tags,
        };
        self.model
            .domain_names
            .insert(domain_name, Arc::new(domain));
    }

    fn routing_rules(
        &mut self,
        domain: &str,
        items: Vec<RoutingRuleItem>,
        path: &Path,
    ) -> Vec<RoutingRule> {
        let mut rules = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let at = path.key("routingRules").index(index);
            let position = rules.len().to_string();
            self.origin(&["domainNames", domain, "routingRules", &position], 0, &at);
            let api = self.api_reference(item.api_id.as_ref(), item.api.as_ref(), &at);
            let Some(api_id) = api else {
                continue;
            };
            let Some(stage) = self.stage_reference(&api_id, item.stage.as_ref(), &at) else {
                continue;
            };
            let paths = MatchBasePaths {
                any_of: item.base_paths,
            };
            let paths = RoutingCondition {
                match_base_paths: Some(paths).filter(|it| !it.any_of.is_empty()),
                match_headers: None,
            };
            let headers = item.headers.into_iter().map(|it| RoutingCondition {
                match_base_paths: None,
                match_headers: Some(MatchHeaders { any_of: vec![it] }),
            });
            let invoke_api = InvokeApi {
                api_id,
                stage,
                strip_base_path: item.strip_base_path,
            };
            let id = derived(6, &["rule", domain, &index.to_string()]);
            rules.push(RoutingRule {
                routing_rule_id: RuleId::from(id),
                priority: item.priority,
                conditions: headers
                    .chain(
                        [paths]
                            .into_iter()
                            .filter(|it| it.match_base_paths.is_some()),
                    )
                    .collect(),
                actions: vec![RoutingAction { invoke_api }],
            });
        }
        rules
    }
}
