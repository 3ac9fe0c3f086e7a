//! The policy simulator: what would be decided, and by which statement.
//!
//! Source: IAM API Reference, `SimulatePrincipalPolicy` and `SimulateCustomPolicy`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::AwsError;
use tollgate_policy::{Caller, Context, Kind, Policy, Request, evaluate};

use super::{Document, no_such};
use crate::admin::call::Call;
use crate::admin::reply::{Outcome, Reply};
use crate::iam::{Principal, Source, Verdict, decide, weigh};

/// Decisions of one call.
const DECISIONS_MAX: usize = 200;
/// Policies that are given with a call.
const POLICIES_MAX: usize = 10;
/// Keys of conditions that are given with a call.
const KEYS_MAX: usize = 100;
/// Values of one of them.
const VALUES_MAX: usize = 100;
/// Characters of an action, a resource, a key or a value (AWS: a resource has at most 2,048).
const TEXT_BYTES_MAX: usize = 2_048;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    /// Whose policies; without it those of `policies`.
    user_name: Option<String>,
    #[serde(default)]
    policies: Vec<Document>,
    actions: Vec<String>,
    #[serde(default = "everything")]
    resources: Vec<String>,
    #[serde(default)]
    context: BTreeMap<String, Values>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

impl Wanted {
    /// Whether deciding a thousand times takes no long time.
    fn is_short(&self) -> bool {
        let short = |text: &String| text.len() <= TEXT_BYTES_MAX;
        let values = |values: &Values| match values {
            Values::One(value) => short(value),
            Values::Many(values) => values.len() <= VALUES_MAX && values.iter().all(short),
        };
        self.actions.iter().chain(&self.resources).all(short)
            && self
                .context
                .iter()
                .all(|(key, it)| short(key) && values(it))
    }
}

fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

/// `POST iam/simulate`
pub(super) fn run(call: &Call<'_>) -> Outcome {
    let wanted: Wanted = call.input()?;
    if wanted.actions.len().saturating_mul(wanted.resources.len()) > DECISIONS_MAX
        || wanted.policies.len() > POLICIES_MAX
        || wanted.context.len() > KEYS_MAX
    {
        let text = "at most 200 decisions, 10 policies and 100 keys of conditions at a time";
        return Err(AwsError::bad_request(text));
    }
    if !wanted.is_short() {
        let text = "at most 2048 characters for a name or a value, and 100 values for a key";
        return Err(AwsError::bad_request(text));
    }
    let decided = match &wanted.user_name {
        Some(name) if wanted.policies.is_empty() => {
            let view = call.state.identities.load();
            let user = view.user(name).ok_or_else(|| no_such("user", name))?;
            let principal = Principal::User(std::sync::Arc::clone(user));
            let mut context = Context::new();
            principal.describe(&mut context);
            fill(&mut context, &wanted.context);
            each(&wanted, |action, resource| {
                decide(&principal, action, resource, &context)
            })
        }
        Some(_) => {
            let text = "name a user or give policies, not both";
            return Err(AwsError::bad_request(text));
        }
        None => custom(&wanted)?,
    };
    Ok(Reply::json(200, json!({"items": decided})))
}

/// By the policies that the call gives, as if one user had them all.
fn custom(wanted: &Wanted) -> Result<Vec<Value>, AwsError> {
    let (mut policies, mut sources) = (Vec::new(), Vec::new());
    for (place, document) in wanted.policies.iter().enumerate() {
        let text = document.text()?;
        // It was read a moment ago.
        policies.extend(Policy::parse(&text, Kind::Identity).ok());
        sources.push(Source::UserInline(format!("policies[{place}]")));
    }
    let mut context = Context::new();
    fill(&mut context, &wanted.context);
    Ok(each(wanted, |action, resource| {
        let request = Request {
            action,
            resource,
            caller: Caller::Anonymous,
            context: &context,
        };
        weigh(evaluate(&policies, &request), |place| sources.get(place))
    }))
}

/// What a call says of the context wins over what is known of the user.
fn fill<'c>(context: &mut Context<'c>, given: &'c BTreeMap<String, Values>) {
    for (key, values) in given {
        match values {
            Values::One(value) => context.set(key.as_str(), value.as_str()),
            Values::Many(values) => {
                context.set_all(key.as_str(), values.iter().map(String::as_str));
            }
        }
    }
}

fn each(wanted: &Wanted, decide: impl Fn(&str, &str) -> Verdict) -> Vec<Value> {
    let one = |action: &String, resource: &String| {
        let verdict = decide(action, resource);
        let (decision, reason) = match &verdict {
            Verdict::Root => ("allowed", None),
            Verdict::Allowed(reason) => ("allowed", Some(reason)),
            Verdict::Denied(reason) => ("explicitDeny", Some(reason)),
            Verdict::Silent | Verdict::Unreadable(_) => ("implicitDeny", None),
        };
        let source = match &verdict {
            Verdict::Unreadable(source) => Some(source),
            _ => reason.map(|it| &it.source),
        };
        json!({
            "action": action,
            "resource": resource,
            "decision": decision,
            "statement": reason.map(|it| json!({"index": it.statement, "sid": it.sid})),
            "policy": source.map(named),
            "unreadable": matches!(verdict, Verdict::Unreadable(_)),
        })
    };
    let resources = &wanted.resources;
    let all = wanted.actions.iter();
    all.flat_map(|action| resources.iter().map(move |it| (action, it)))
        .map(|(action, resource)| one(action, resource))
        .collect()
}

/// Where a policy is.
fn named(source: &Source) -> Value {
    match source {
        Source::User(policy) => json!({"name": policy, "managed": true}),
        Source::UserInline(policy) => json!({"name": policy, "managed": false}),
        Source::Group(group, policy) => json!({"name": policy, "managed": true, "group": group}),
        Source::GroupInline(group, policy) => {
            json!({"name": policy, "managed": false, "group": group})
        }
    }
}
