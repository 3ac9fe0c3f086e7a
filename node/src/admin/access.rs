//! What a call needs, and whether its caller may.
//!
//! Sources: Service Authorization Reference for AWS's operations (`tollgate_aws::operations`), the
//! table of native ones ([`super::native::table`]); IAM User Guide, "AWS global condition
//! context keys".

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use serde_json::{Map, Value};
use tollgate_aws::arn::ExecuteApiArn;
use tollgate_aws::operations::{Authorization, Matched, Op, Place, authorization};
use tollgate_aws::wire::to_iso8601;
use tollgate_aws::{AwsError, Denial, Service, encode_label, query_pairs};
use tollgate_policy::Context;
use tollgate_protocol::limits::{IAM_TAG_CHARS_MAX, IAM_TAGS_MAX};

use super::AdminState;
use super::native::takes_large_body;
use crate::iam::{Principal, Verdict, decide};

/// Who asks, from where, and what for, as conditions see it.
pub(crate) struct Access<'a> {
    principal: &'a Principal,
    context: Context<'a>,
    /// What its body makes it need beside its own action.
    pub(crate) also: Also,
}

/// What a body makes a call need beside its own action.
#[derive(Debug, Default)]
pub(crate) struct Also {
    /// It sets tags.
    tags: bool,
    /// It puts a trust store into a domain name, or takes it out.
    trust: Vec<&'static str>,
}

/// A decision and what it was about: what the trail of a call says.
#[derive(Debug)]
pub(crate) struct Judged {
    /// What was needed.
    pub(crate) needed: Authorization,
    /// What was decided, and why.
    pub(crate) verdict: Verdict,
}

impl<'a> Access<'a> {
    /// What is known of a call. Tags that it sets are read from its body.
    ///
    /// # Errors
    /// `BadRequestException` for more or longer tags than anything can have, or two that conditions
    /// cannot tell apart.
    pub(crate) fn new(
        state: &AdminState,
        principal: &'a Principal,
        request: &'a HttpRequest,
        body: &[u8],
    ) -> Result<Self, AwsError> {
        let (mut context, mut also) = (Context::new(), Also::default());
        // To root and in development nothing is refused, so nobody looks at it.
        if !principal.is_root() {
            principal.describe(&mut context);
            describe_request(state, request, &mut context);
            let members = members_of(request, body);
            also = Also {
                tags: describe_tags(request, &members, &mut context)?,
                trust: trust_of(&members),
            };
        }
        Ok(Self {
            principal,
            context,
            also,
        })
    }

    /// Who asks.
    pub(crate) fn principal(&self) -> &Principal {
        self.principal
    }

    /// Adds a key of conditions that only this operation has.
    pub(crate) fn set(&mut self, key: &'static str, value: String) {
        self.context.set(key, value);
    }

    /// Decides on one thing that the call needs.
    pub(crate) fn judge(&self, needed: Authorization) -> Judged {
        let (action, resource) = (&needed.action, &needed.resource);
        let verdict = decide(self.principal, action, resource, &self.context);
        Judged { needed, verdict }
    }

    /// The error of a call that was not allowed.
    pub(crate) fn refusal(&self, judged: &Judged) -> Option<AwsError> {
        let denial = match judged.verdict {
            Verdict::Root | Verdict::Allowed(_) => return None,
            Verdict::Denied(_) => Denial::Explicit,
            Verdict::Silent | Verdict::Unreadable(_) => Denial::NoAllow,
        };
        let Authorization { action, resource } = &judged.needed;
        let who = self.principal.arn();
        Some(AwsError::access_denied(&who, action, resource, denial))
    }
}

fn describe_request<'a>(state: &AdminState, request: &'a HttpRequest, context: &mut Context<'a>) {
    let now = state.clock.now().0;
    context.set("aws:CurrentTime", to_iso8601(now));
    context.set("aws:EpochTime", (now / 1000).to_string());
    // The admin listener speaks plain HTTP; a proxy's TLS is not seen here.
    context.set("aws:SecureTransport", "false");
    context.set("aws:RequestedRegion", state.region.clone());
    if let Some(peer) = request.peer_addr() {
        context.set("aws:SourceIp", peer.ip().to_canonical().to_string());
    }
    for (key, header) in [("aws:UserAgent", "user-agent"), ("aws:Referer", "referer")] {
        let value = request.headers().get(header);
        if let Some(value) = value.and_then(|it| it.to_str().ok()) {
            context.set(key, value);
        }
    }
}

/// The tags that a call sets or takes away; whether it sets some.
fn describe_tags(
    request: &HttpRequest,
    members: &Map<String, Value>,
    context: &mut Context<'_>,
) -> Result<bool, AwsError> {
    let none = Map::new();
    let tags = members.get("tags").and_then(Value::as_object);
    let tags = tags.unwrap_or(&none);
    check_tags(tags)?;
    for (key, value) in tags {
        if let Some(value) = value.as_str() {
            context.set(format!("aws:RequestTag/{key}"), value.to_owned());
        }
    }
    let query = request.uri().query().unwrap_or_default();
    let named = query_pairs(query).filter(|(name, _)| name == "tagKeys");
    let named = named.map(|(_, key)| key.into_owned());
    let keys: Vec<String> = tags.keys().cloned().chain(named).collect();
    if !keys.is_empty() {
        context.set_all("aws:TagKeys", keys);
    }
    Ok(!tags.is_empty())
}

/// Every tag is a key of conditions. They are looked up one after the other and without regard to
/// case, so a caller may neither bring thousands nor hide one behind another.
fn check_tags(tags: &Map<String, Value>) -> Result<(), AwsError> {
    let (key_max, value_max) = IAM_TAG_CHARS_MAX;
    let fits = |(key, value): (&String, &Value)| {
        let value = value.as_str().unwrap_or_default();
        key.chars().count() <= key_max && value.chars().count() <= value_max
    };
    if tags.len() > IAM_TAGS_MAX || !tags.iter().all(fits) {
        return Err(AwsError::bad_request(format!(
            "at most {IAM_TAGS_MAX} tags are allowed, of keys with {key_max} and values with \
             {value_max} characters"
        )));
    }
    let keys: BTreeSet<String> = tags.keys().map(|key| key.to_lowercase()).collect();
    if keys.len() < tags.len() {
        return Err(AwsError::bad_request("tags whose keys differ in case only"));
    }
    Ok(())
}

/// The members of a body, read as the operations read them: of two of a name the last one counts.
fn members_of(request: &HttpRequest, body: &[u8]) -> Map<String, Value> {
    if takes_large_body(request.path()) {
        // A whole configuration is about no single thing.
        return Map::new();
    }
    serde_json::from_slice(body).unwrap_or_default()
}

/// The actions that a change of a domain name's trust store needs: whole, or by patch operations.
fn trust_of(members: &Map<String, Value>) -> Vec<&'static str> {
    const MEMBER: &str = "mutualTlsAuthentication";
    let action = |removes: bool| match removes {
        true => "RemoveCertificateFromDomain",
        false => "AddCertificateToDomain",
    };
    let whole = members.get(MEMBER).filter(|it| !it.is_null());
    let whole = whole.map(|it| action(it["truststoreUri"] == ""));
    let patches = members.get("patchOperations").and_then(Value::as_array);
    let patched = patches.into_iter().flatten().filter_map(|it| {
        let path = it["path"].as_str()?.strip_prefix('/')?;
        let is_trust = path.split('/').next() == Some(MEMBER);
        is_trust.then(|| action(it["op"] == "remove" || it["value"] == ""))
    });
    let all: BTreeSet<&'static str> = whole.into_iter().chain(patched).collect();
    all.into_iter().collect()
}

/// Everything that a call of one of AWS's operations needs: its own action, that of tagging where
/// it creates something with tags, and those of trust stores where it changes a domain name's. What
/// is tagged has no id yet, so `*` stands for it.
pub(crate) fn needs_of(
    state: &AdminState,
    matched: &Matched<'_>,
    also: &Also,
) -> Vec<Authorization> {
    let labels: Vec<&str> = matched.labels().map(|(_, value)| value).collect();
    let stage = split_prefix(matched.prefix);
    let place = Place {
        region: &state.region,
        account: &state.account_id,
        stage,
    };
    let operation = matched.operation;
    let Some(own) = authorization(operation, &labels, &place) else {
        // A connection without its stage: whoever may manage all connections may hear that.
        let (region, account) = (place.region, place.account);
        let path = "@connections/*";
        let arn = ExecuteApiArn::method(region, account, "*", "*", operation.method, path);
        return vec![Authorization {
            action: "execute-api:ManageConnections".to_owned(),
            resource: arn.to_string(),
        }];
    };
    let about_domain = ["/domainnames", "/v2/domainnames"].contains(&collection(operation.uri));
    let trust = also.trust.iter().filter(|_| about_domain);
    let trust: Vec<Authorization> = trust
        .map(|action| Authorization {
            action: format!("apigateway:{action}"),
            resource: own.resource.clone(),
        })
        .collect();
    let tagging = (also.tags && is_creation(matched)).then(|| {
        let method = match operation.service {
            Service::ApiGateway => "PUT",
            Service::ApiGatewayV2 | Service::Management => "POST",
        };
        let made = format!("{}/*", own.resource.trim_end_matches("/*"));
        Authorization {
            action: format!("apigateway:{method}"),
            resource: format!(
                "arn:aws:apigateway:{}::/tags/{}",
                place.region,
                encode_label(&made)
            ),
        }
    });
    std::iter::once(own).chain(tagging).chain(trust).collect()
}

/// A template without a label at its end.
fn collection(uri: &str) -> &str {
    match uri.rsplit_once('/') {
        Some((before, last)) if last.starts_with('{') => before,
        Some(_) | None => uri,
    }
}

/// Whether an operation makes something: its template ends with a collection.
fn is_creation(matched: &Matched<'_>) -> bool {
    let operation = matched.operation;
    operation.method == "POST"
        && !matches!(operation.op, Op::Management(_))
        && !operation.uri.contains("/tags/")
}

/// `/API/STAGE`, also in the path style, as endpoint URLs of connections have it.
fn split_prefix(prefix: &str) -> Option<(&str, &str)> {
    let prefix = prefix.strip_prefix("/_aws/execute-api").unwrap_or(prefix);
    let (api, stage) = prefix.strip_prefix('/')?.split_once('/')?;
    (!api.is_empty() && !stage.is_empty() && !stage.contains('/')).then_some((api, stage))
}
