//! What the audit trail says of a call.

use actix_web::HttpRequest;
use serde_json::map::Entry;
use serde_json::{Map, Value};
use tollgate_audit::{Event, Identity, IdentityKind, Parameters, REDACTED, limits};
use tollgate_aws::wire::to_iso8601;
use tollgate_aws::{AwsError, query_pairs};

use super::AdminState;
use super::given::takes_document;
use super::reply::{Body, Outcome};
use super::server::Target;
use crate::audit::Which;
use crate::iam::Principal;

/// The service that AWS's operations are of.
const AWS_SOURCE: &str = "apigateway.amazonaws.com";
/// The service that native operations are of.
const NATIVE_SOURCE: &str = "tollgate";
/// What no operation matches.
const UNKNOWN: &str = "Unknown";
/// Characters of a name in an answer that are told.
const NAME_CHARS_MAX: usize = 256;
/// Query parameters and labels that are told.
const MEMBERS_MAX: usize = 64;

/// A call as far as it is known, while it is answered.
pub(crate) struct Trace {
    event: Event,
    /// Whether somebody proved who he is.
    proven: bool,
}

impl Trace {
    /// A call by its request line: what it is for, from where and with what program.
    pub(crate) fn new(request: &HttpRequest, target: Option<&Target<'_>>) -> Self {
        let (source, name) = match target {
            Some(Target::Aws(matched)) => (AWS_SOURCE, matched.operation.name),
            Some(Target::Native(matched)) => (NATIVE_SOURCE, matched.native.action),
            None => (NATIVE_SOURCE, UNKNOWN),
        };
        let program = request.headers().get("user-agent");
        let program = program.and_then(|it| it.to_str().ok());
        let mut event = Event::new(source, name).from_program(program);
        event.read_only = request.method() == "GET";
        if let Some(peer) = request.peer_addr() {
            event.source_ip_address = peer.ip().to_canonical().to_string();
        }
        Self {
            event,
            proven: false,
        }
    }

    /// Who asks, by which access key.
    pub(crate) fn by(&mut self, principal: &Principal, access_key: Option<&str>) {
        self.proven = true;
        let (kind, user_name) = match principal {
            Principal::Root(_) => (IdentityKind::Root, None),
            Principal::Anonymous(_) => (IdentityKind::Unknown, None),
            Principal::User(identity) => {
                (IdentityKind::User, Some(identity.record.name.to_string()))
            }
        };
        self.event.user_identity = Identity {
            kind,
            arn: Some(principal.arn()),
            access_key_id: access_key.map(str::to_owned),
            user_name,
        };
    }

    /// With what: labels, query and body.
    pub(crate) fn with(
        &mut self,
        request: &HttpRequest,
        target: &Target<'_>,
        given: &Map<String, Value>,
        body: &[u8],
    ) {
        let document = |bytes: &[u8]| {
            let named = Event::new("", "").with(Parameters::Document(bytes));
            named.request_parameters
        };
        let mut members = Map::new();
        let is_document = takes_document(target) || body.len() > limits::PARAMETERS_BYTES_MAX;
        if is_document && !body.is_empty() {
            members.insert("body".to_owned(), document(body));
        } else {
            members.extend(given.clone());
        }
        let name = self.event.event_name.as_str();
        if name == "CreateApiKey"
            && let Some(secret) = members.get_mut("value")
        {
            *secret = Value::String(REDACTED.to_owned());
        }
        if ["ImportApi", "ReimportApi"].contains(&name)
            && let Some(text) = members.get_mut("body")
            && let Some(bytes) = text.as_str().map(str::to_owned)
        {
            // Names of members do not say what is secret in it.
            *text = document(bytes.as_bytes());
        }
        for (name, value) in asked(request.uri().query().unwrap_or_default()) {
            // No query can say that something else was given.
            members.entry(name).or_insert(value);
        }
        // Last, so that no body can say that the call was about something else.
        for (name, value) in target.labels().into_iter().take(MEMBERS_MAX) {
            members.insert(name.to_owned(), Value::String(value.to_owned()));
        }
        let event = std::mem::replace(&mut self.event, Event::new("", ""));
        self.event = event.with(Parameters::Members(&members));
    }

    /// Tells the trail, when there is one.
    pub(crate) async fn end(self, state: &AdminState, request_id: &str, outcome: &Outcome) {
        let Some(auditor) = &state.auditor else {
            return;
        };
        let mut event = self.event;
        event.event_time = to_iso8601(state.clock.now().0);
        event.aws_region.clone_from(&state.region);
        event.recipient_account_id.clone_from(&state.account_id);
        event.request_id = request_id.to_owned();
        event.node = state.door.members().node.to_string();
        match outcome {
            Err(error) => event = event.refused(error.kind.name(), &error.message),
            Ok(reply) if !event.read_only => event.response_elements = named(&reply.body),
            Ok(_) => {}
        }
        let status = outcome.as_ref().err().map(AwsError::status);
        match (self.proven, status) {
            (false, _) => auditor.record_stranger(event).await,
            (true, Some(401 | 403)) => auditor.record(Which::Refused, event).await,
            (true, _) => auditor.record(Which::LetIn, event).await,
        }
    }
}

/// The parameters of a query but those of a signature, which are a credential. What is named more
/// than once is a list.
fn asked(query: &str) -> Map<String, Value> {
    let mut members = Map::new();
    let pairs = query_pairs(query);
    let pairs = pairs.filter(|(name, _)| !name.to_ascii_lowercase().starts_with("x-amz-"));
    for (name, value) in pairs.take(MEMBERS_MAX) {
        let value = Value::String(value.into_owned());
        match members.entry(name.into_owned()) {
            Entry::Vacant(entry) => drop(entry.insert(value)),
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Value::Array(values) => values.push(value),
                first => *first = Value::Array(vec![first.take(), value]),
            },
        }
    }
    members
}

/// What an answer names: ids and names of what was made or changed, and no contents.
fn named(body: &Body) -> Value {
    let Body::Json(Value::Object(members)) = body else {
        return Value::Null;
    };
    let names = members.iter().filter(|(name, value)| {
        let is_name = name.ends_with("Id") || name.ends_with("Name") || name.ends_with("Arn");
        value.is_string() && (is_name || ["id", "name", "arn"].contains(&name.as_str()))
    });
    let cut = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        Value::String(text.chars().take(NAME_CHARS_MAX).collect())
    };
    let named: Map<String, Value> = names
        .take(MEMBERS_MAX)
        .map(|(name, value)| (name.clone(), cut(value)))
        .collect();
    match named.is_empty() {
        true => Value::Null,
        false => Value::Object(named),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;
    use tollgate_aws::operations::match_operation;

    use super::*;

    #[test]
    fn a_call_is_told_by_its_path_whatever_its_body_says() {
        let request = TestRequest::delete()
            .uri("/v2/apis/prod?X-Amz-Signature=sealed&dry=1")
            .to_http_request();
        let matched = match_operation("DELETE", "/v2/apis/prod", None).unwrap();
        let target = Target::Aws(matched);
        let body = json!({"apiId": "scratch", "overwrite:header.Authorization": "Bearer hunter2"});
        let mut trace = Trace::new(&request, Some(&target));
        trace.with(&request, &target, body.as_object().unwrap(), b"{}");
        let told = &trace.event.request_parameters;
        assert_eq!(
            (&told["apiId"], &told["dry"]),
            (&json!("prod"), &json!("1"))
        );
        let text = told.to_string();
        assert!(
            !text.contains("sealed") && !text.contains("hunter2"),
            "{text}"
        );
    }

    #[test]
    fn an_answer_names_what_was_made_in_short() {
        let long = "x".repeat(100_000);
        let body = json!({"apiId": "a", "credentialsArn": long, "secretAccessKey": "hunter2"});
        let told = named(&Body::Json(body)).to_string();
        assert!(
            told.len() < 1000 && !told.contains("hunter2"),
            "{}",
            told.len()
        );
    }
}
