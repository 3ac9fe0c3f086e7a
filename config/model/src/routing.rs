//! Routing rules of a custom domain name: which stage a request reaches by its headers and its path
//! (API Gateway Developer Guide, "Routing rules to connect API stages to a custom domain name").
//!
//! In AWS rules lead to REST APIs; here to a stage of any API. The members are AWS's, so that the
//! management API reads and shows them as they are.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use tollgate_protocol::ids::{ApiId, RuleId, StageName};

use crate::StageRef;

/// What decides where a request to a domain name goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoutingMode {
    /// The mappings; rules are kept and have no effect.
    #[default]
    ApiMappingOnly,
    /// The rules; mappings are kept and have no effect.
    RoutingRuleOnly,
    /// The rules, and the mappings for what no rule matches.
    RoutingRuleThenApiMapping,
}

impl RoutingMode {
    /// Whether it is the default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A rule (AWS v2: RoutingRule). The rule of the lowest priority whose conditions are all met
/// counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoutingRule {
    /// The id.
    pub routing_rule_id: RuleId,
    /// 1 to 1,000,000, unique in its domain; the lowest is looked at first.
    pub priority: u32,
    /// What must be met, all of it; without any the rule matches every request.
    pub conditions: Vec<RoutingCondition>,
    /// What happens: one action.
    pub actions: Vec<RoutingAction>,
}

/// A condition: either of base paths or of headers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoutingCondition {
    /// Base paths, one of which the path must begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_base_paths: Option<MatchBasePaths>,
    /// Headers, one of which the request must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_headers: Option<MatchHeaders>,
}

/// Base paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MatchBasePaths {
    /// Whole segments without slashes at the ends.
    pub any_of: Vec<String>,
}

/// Headers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MatchHeaders {
    /// Names with values.
    pub any_of: Vec<HeaderMatch>,
}

/// A header with a pattern of its value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderMatch {
    /// The name, in any case.
    pub header: String,
    /// The value, in its case; `*` at the beginning or the end stands for any text.
    pub value_glob: String,
}

/// What a rule does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoutingAction {
    /// Hands the request to a stage.
    pub invoke_api: InvokeApi,
}

/// A stage that a rule leads to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InvokeApi {
    /// The API.
    pub api_id: ApiId,
    /// The stage.
    pub stage: StageName,
    /// Whether the base path that matched is left out of the path that routes see.
    pub strip_base_path: bool,
}

impl RoutingRule {
    /// The stages that it leads to.
    pub fn targets(&self) -> impl Iterator<Item = StageRef> + '_ {
        self.actions.iter().map(|it| StageRef {
            api_id: it.invoke_api.api_id.clone(),
            stage: it.invoke_api.stage.clone(),
        })
    }
}

/// A pattern of a header's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueGlob {
    text: String,
    open_start: bool,
    open_end: bool,
}

impl ValueGlob {
    /// Reads a pattern; `None` when it is empty or has a `*` that is not at an end.
    #[must_use]
    pub fn parse(pattern: &str) -> Option<Self> {
        let (open_start, rest) = match pattern.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let (open_end, text) = match rest.strip_suffix('*') {
            Some(text) => (true, text),
            None => (false, rest),
        };
        let fits = !pattern.is_empty() && !text.contains('*');
        fits.then(|| Self {
            text: text.into(),
            open_start,
            open_end,
        })
    }

    /// Whether a value fits.
    #[must_use]
    pub fn matches(&self, value: &[u8]) -> bool {
        let text = self.text.as_bytes();
        match (self.open_start, self.open_end) {
            (false, false) => value == text,
            (false, true) => value.starts_with(text),
            (true, false) => value.ends_with(text),
            (true, true) => {
                text.is_empty() || value.windows(text.len()).any(|window| window == text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_are_open_at_their_ends_only() {
        for (pattern, value, fits) in [
            ("beta", "beta", true),
            ("beta", "Beta", false),
            ("beta", "beta2", false),
            ("beta*", "beta2", true),
            ("beta*", "beta", true),
            ("beta*", "abeta", false),
            ("*beta", "abeta", true),
            ("*beta", "betas", false),
            ("*eta*", "betas", true),
            ("*eta*", "eat", false),
            ("*", "", true),
            ("**", "x", true),
        ] {
            let glob = ValueGlob::parse(pattern).unwrap();
            assert_eq!(glob.matches(value.as_bytes()), fits, "{pattern} {value}");
        }
        for pattern in ["", "a*b", "*a*b*", "***"] {
            assert_eq!(ValueGlob::parse(pattern), None, "{pattern}");
        }
    }
}
