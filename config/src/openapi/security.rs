//! Security requirements: API keys are checked, authorisers that are missing are refused.

use std::collections::BTreeMap;

use crate::document::{Node, Report, TreePath, Value};

/// What a security scheme means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// `x-api-key` in the header.
    ApiKey,
    /// AWS would run an authoriser; there is none here.
    Authorizer,
    /// Told to readers; AWS does not check it either.
    Documentation,
    /// Described elsewhere: what it asks for is not known.
    Reference,
}

/// The security schemes of a document.
#[derive(Debug, Default)]
pub(super) struct Schemes(BTreeMap<String, Scheme>);

impl Schemes {
    /// Reads `components.securitySchemes`.
    pub(super) fn read(root: &Node) -> Self {
        let node = root
            .get("components")
            .and_then(|it| it.get("securitySchemes"));
        let entries = node.map(Node::entries).unwrap_or_default();
        let schemes = entries
            .iter()
            .map(|entry| (entry.key.clone(), scheme(&entry.node)));
        Self(schemes.collect())
    }

    /// Whether an operation asks for an API key. `path` leads to its `security`.
    pub(super) fn api_key_required(
        &self,
        security: &Node,
        path: &TreePath,
        report: &mut Report,
    ) -> bool {
        let mut required = false;
        let Value::Sequence(items) = &security.value else {
            // What cannot be read must not leave the operation open.
            let reason = "expected a list of security requirements, like `[{api_key: []}]`";
            report.error(security.place, path, reason);
            return false;
        };
        for (index, requirement) in items.iter().enumerate() {
            let at = path.index(index);
            if !matches!(requirement.value, Value::Mapping(_)) {
                let reason =
                    "expected the name of a security scheme with a list, like `api_key: []`";
                report.error(requirement.place, &at, reason);
            }
            for entry in requirement.entries() {
                let at = at.key(&entry.key);
                match self.0.get(&entry.key) {
                    Some(Scheme::ApiKey) => required = true,
                    Some(Scheme::Documentation) => {}
                    Some(Scheme::Authorizer) => {
                        let reason = format!(
                            "the authoriser `{}` is not supported; without it the operation \
                             would be open to everyone",
                            entry.key
                        );
                        report.error(entry.key_place, &at, reason);
                    }
                    Some(Scheme::Reference) => {
                        let reason = format!(
                            "the security scheme `{}` is a reference, which is not followed; \
                             without it the operation would be open to everyone",
                            entry.key
                        );
                        report.error(entry.key_place, &at, reason);
                    }
                    None => {
                        let reason = format!("there is no security scheme `{}`", entry.key);
                        report.error(entry.key_place, &at, reason);
                    }
                }
            }
        }
        required
    }
}

fn scheme(node: &Node) -> Scheme {
    let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
    let authorizer = node.entry("x-amazon-apigateway-authorizer").is_some()
        || text("x-amazon-apigateway-authtype").eq_ignore_ascii_case("awsSigv4");
    if node.entry("$ref").is_some() {
        Scheme::Reference
    } else if authorizer {
        Scheme::Authorizer
    } else if text("type") == "apiKey"
        && text("in") == "header"
        && text("name").eq_ignore_ascii_case("x-api-key")
    {
        Scheme::ApiKey
    } else {
        Scheme::Documentation
    }
}
