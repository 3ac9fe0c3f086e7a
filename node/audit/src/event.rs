//! One management call.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tollgate_protocol::hex::to_hex;

use crate::limits::{DEPTH_MAX, ERROR_CHARS_MAX, PARAMETERS_BYTES_MAX, USER_AGENT_CHARS_MAX};

/// The version of the form below (CloudTrail's `eventVersion` that it resembles most).
const EVENT_VERSION: &str = "1.11";
/// What stands in place of a secret.
pub const REDACTED: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
/// Members whose values are secrets wherever they stand, in lower case.
const SECRET_MEMBERS: [&str; 11] = [
    "authorization",
    "certificateprivatekey",
    "clientsecret",
    "password",
    "privatekey",
    "secret",
    "secretaccesskey",
    "sessiontoken",
    "token",
    "x-amz-security-token",
    "x-api-key",
];

/// One management call, allowed or not. Names are those of CloudTrail's record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The version of this form.
    pub event_version: String,
    /// When it was answered, ISO 8601 in UTC.
    pub event_time: String,
    /// The service: `apigateway.amazonaws.com` or `tollgate`.
    pub event_source: String,
    /// The operation: `CreateApi`. What no operation matches is `Unknown`.
    pub event_name: String,
    /// The region that the node stands for.
    pub aws_region: String,
    /// Who asked.
    pub user_identity: Identity,
    /// From where.
    #[serde(rename = "sourceIPAddress")]
    pub source_ip_address: String,
    /// With which program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// With what, secrets hidden.
    #[serde(default)]
    pub request_parameters: Value,
    /// What was answered of the created resource: its id.
    #[serde(default)]
    pub response_elements: Value,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// The id that the client was given.
    #[serde(rename = "requestID")]
    pub request_id: String,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// `AwsApiCall`.
    pub event_type: String,
    /// The account.
    pub recipient_account_id: String,
    /// The node that answered.
    pub node: String,
}

/// Who asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Of which kind.
    #[serde(rename = "type")]
    pub kind: IdentityKind,
    /// The ARN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// The user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
}

/// The kinds of identities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum IdentityKind {
    /// The root key.
    Root,
    /// A user.
    #[serde(rename = "IAMUser")]
    User,
    /// Nobody who proved who he is.
    #[default]
    Unknown,
}

/// What a call was made with.
#[derive(Debug, Clone, Copy)]
pub enum Parameters<'a> {
    /// Labels and query parameters, and members of a JSON body.
    Members(&'a Map<String, Value>),
    /// A document, which is named by its size and hash.
    Document(&'a [u8]),
}

impl Event {
    /// An event with nothing but what every call has.
    #[must_use]
    pub fn new(source: &str, name: &str) -> Self {
        Self {
            event_version: EVENT_VERSION.to_owned(),
            event_time: String::new(),
            event_source: source.to_owned(),
            event_name: name.to_owned(),
            aws_region: String::new(),
            user_identity: Identity::default(),
            source_ip_address: String::new(),
            user_agent: None,
            request_parameters: Value::Null,
            response_elements: Value::Null,
            error_code: None,
            error_message: None,
            request_id: String::new(),
            read_only: false,
            event_type: "AwsApiCall".to_owned(),
            recipient_account_id: String::new(),
            node: String::new(),
        }
    }

    /// With what a client said of itself, cut to its bound.
    #[must_use]
    pub fn from_program(mut self, user_agent: Option<&str>) -> Self {
        self.user_agent = user_agent.map(|it| cut(it, USER_AGENT_CHARS_MAX));
        self
    }

    /// With why it was refused, cut to its bound.
    #[must_use]
    pub fn refused(mut self, code: &str, message: &str) -> Self {
        self.error_code = Some(code.to_owned());
        self.error_message = Some(cut(message, ERROR_CHARS_MAX));
        self
    }

    /// With what it was called with: secrets hidden, and what is too large named by its hash.
    #[must_use]
    pub fn with(mut self, parameters: Parameters<'_>) -> Self {
        self.request_parameters = match parameters {
            Parameters::Members(members) if members.is_empty() => Value::Null,
            Parameters::Members(members) => {
                let shown = redact(&Value::Object(members.clone()));
                match shown.to_string() {
                    text if text.len() > PARAMETERS_BYTES_MAX => named(text.as_bytes()),
                    _ => shown,
                }
            }
            Parameters::Document(bytes) => named(bytes),
        };
        self
    }
}

/// Bytes as their size and hash.
fn named(bytes: &[u8]) -> Value {
    let hash = to_hex(digest(&SHA256, bytes).as_ref());
    serde_json::json!({"bytes": bytes.len(), "sha256": hash})
}

impl Event {
    /// Without what a caller can make long.
    #[must_use]
    pub(crate) fn bare(&self) -> Self {
        Self {
            request_parameters: named(self.request_parameters.to_string().as_bytes()),
            response_elements: Value::Null,
            ..self.clone()
        }
    }
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// A value without its secrets: members whose names say that they are, and what lies too deep.
#[must_use]
pub fn redact(value: &Value) -> Value {
    within(value, DEPTH_MAX)
}

fn within(value: &Value, depth: usize) -> Value {
    match value {
        Value::Object(_) | Value::Array(_) if depth == 0 => Value::Null,
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| {
                    let hidden = is_secret(name) && !value.is_null();
                    let shown = match hidden {
                        true => Value::String(REDACTED.to_owned()),
                        false => within(value, depth - 1),
                    };
                    (name.clone(), shown)
                })
                .collect(),
        ),
        Value::Array(items) => items.iter().map(|item| within(item, depth - 1)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// By the last part of a name: `overwrite:header.Authorization` is one.
fn is_secret(name: &str) -> bool {
    let last = name.rsplit(['.', ':', '/']).next().unwrap_or_default();
    SECRET_MEMBERS.contains(&last.to_ascii_lowercase().as_str())
}
