//! Users, groups, policies and access keys, in the words of AWS's IAM.
//!
//! Sources: IAM API Reference (what operations need, refuse and answer); the wire is our own: REST
//! and JSON below `/tollgate/v1/iam/`.

mod groups;
mod keys;
mod owner;
mod policies;
mod root;
mod simulate;
mod users;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::wire::to_iso8601;
use tollgate_aws::{AwsError, ErrorKind, Service};
use tollgate_policy::{Kind, Policy};
use tollgate_protocol::Millis;
use tollgate_state::{Command, Iam, IamChange, Reply as Answer};

use super::table::{Matched, Op};
use crate::admin::call::{Call, above};
use crate::admin::change::propose;
use crate::admin::list;
use crate::admin::operations;
use crate::admin::reply::{Outcome, Reply};
use crate::iam::Principal;
use owner::Owner;

/// How often a change is made again because another one came first.
const ATTEMPTS_MAX: u32 = 64;
/// How long a change may take from the state to the view that calls are judged by.
const SERVED_DEADLINE: Duration = Duration::from_secs(5);

/// Carries an operation of IAM out.
///
/// # Errors
/// What the operation says.
pub(super) async fn run(call: &Call<'_>, matched: &Matched) -> Outcome {
    let label = |name| matched.label(name);
    let (user, group, policy) = (label("user"), label("group"), label("policy"));
    let (of_user, of_group) = (Owner::User(user), Owner::Group(group));
    match matched.native.op {
        Op::GetCallerIdentity => Ok(whoami(call)),
        Op::ListUsers => users::list(call),
        Op::CreateUser => users::create(call).await,
        Op::GetUser => users::get(call, user),
        Op::DeleteUser => users::delete(call, user).await,
        Op::TagUser => users::tag(call, user).await,
        Op::UntagUser => users::untag(call, user).await,
        Op::ListAccessKeys => keys::list(call, user),
        Op::CreateAccessKey => keys::create(call, user).await,
        Op::UpdateAccessKey => keys::update(call, user, label("key")).await,
        Op::DeleteAccessKey => keys::delete(call, user, label("key")).await,
        Op::GetUserPolicy => owner::get_inline(call, of_user, policy),
        Op::PutUserPolicy => owner::put_inline(call, of_user, policy).await,
        Op::DeleteUserPolicy => owner::delete_inline(call, of_user, policy).await,
        Op::AttachUserPolicy => owner::attach(call, of_user, policy).await,
        Op::DetachUserPolicy => owner::detach(call, of_user, policy).await,
        Op::ListGroups => groups::list(call),
        Op::CreateGroup => groups::create(call).await,
        Op::GetGroup => groups::get(call, group),
        Op::DeleteGroup => groups::delete(call, group).await,
        Op::AddUserToGroup => groups::add(call, group, user).await,
        Op::RemoveUserFromGroup => groups::remove(call, group, user).await,
        Op::GetGroupPolicy => owner::get_inline(call, of_group, policy),
        Op::PutGroupPolicy => owner::put_inline(call, of_group, policy).await,
        Op::DeleteGroupPolicy => owner::delete_inline(call, of_group, policy).await,
        Op::AttachGroupPolicy => owner::attach(call, of_group, policy).await,
        Op::DetachGroupPolicy => owner::detach(call, of_group, policy).await,
        Op::ListPolicies => policies::list(call),
        Op::CreatePolicy => policies::create(call).await,
        Op::GetPolicy => policies::get(call, policy),
        Op::UpdatePolicy => policies::update(call, policy).await,
        Op::DeletePolicy => policies::delete(call, policy).await,
        Op::SimulatePrincipalPolicy => simulate::run(call),
        Op::RotateRootKey => root::rotate(call).await,
        _ => Err(operations::unknown()),
    }
}

/// `GET iam/whoami` (AWS: `sts:GetCallerIdentity`).
fn whoami(call: &Call<'_>) -> Reply {
    let principal = call.access.principal();
    Reply::json(
        200,
        json!({
            "account": call.state.account_id,
            "arn": principal.arn(),
            "userId": principal.user_id(),
            "accessKeyId": call.who,
        }),
    )
}

/// What is agreed on, as far as this node knows it.
fn read(call: &Call<'_>) -> Arc<Iam> {
    call.state.door.read(|state| Arc::clone(state.iam()))
}

/// Makes a change: `make` makes it from what there is, and is called again when that changed
/// meanwhile. Answers when this node judges by it. A repetition of a call that was carried out
/// already does nothing: `make` is not even asked.
///
/// # Errors
/// What `make` says; `BadRequestException` for what breaks a bound; `ConflictException` when other
/// changes kept coming first; `ServiceUnavailableException` when the outcome is not known yet.
async fn change(
    call: &Call<'_>,
    make: impl Fn(&Iam, Millis) -> Result<Vec<IamChange>, AwsError>,
) -> Result<(), AwsError> {
    let done = call.state.door.read(|state| {
        let answer = |attempt| state.answer(&call.seed.proposal(attempt)).cloned();
        (0..ATTEMPTS_MAX).map_while(answer).last()
    });
    if let Some(Answer::Iam(revision)) = done {
        return served(call, revision).await;
    }
    for attempt in 0..ATTEMPTS_MAX {
        let iam = read(call);
        still_may(call, iam.revision()).await?;
        let changes = make(&iam, call.state.clock.now())?;
        // What is so already is confirmed all the same: this node may not know the latest.
        let proposal = match changes.is_empty() {
            true => tollgate_state::ProposalId::default(),
            false => call.seed.proposal(attempt),
        };
        let is_change = !changes.is_empty();
        let command = Command::Iam {
            expected: iam.revision(),
            changes,
            who: call.who.to_owned(),
        };
        match propose(call, proposal, command).await? {
            Answer::Iam(revision) => {
                if is_change {
                    tracing::info!(
                        who = call.who,
                        revision,
                        "users or their permissions changed"
                    );
                }
                return served(call, revision).await;
            }
            Answer::IamConflict(_) => {}
            Answer::Refused(why) => return Err(AwsError::bad_request(why)),
            Answer::Level(level) => return Err(above(level)),
            _ => {
                let text = "the state answered another question";
                return Err(AwsError::new(ErrorKind::Internal, text));
            }
        }
    }
    Err(AwsError::conflict(
        "Unable to complete operation due to concurrent modification. Please try again later.",
    ))
}

/// Waits until calls here are judged by a revision.
async fn served(call: &Call<'_>, revision: u64) -> Result<(), AwsError> {
    let wait = call.state.identities.wait_for(revision);
    tokio::time::timeout(SERVED_DEADLINE, wait)
        .await
        .map_err(|_| {
            let text = "the change is committed and not in force here yet; try again";
            AwsError::new(ErrorKind::ServiceUnavailable, text).with_retry_after(1)
        })
}

fn no_such(what: &str, name: &str) -> AwsError {
    AwsError::not_found(format!("The {what} with name {name} cannot be found."))
        .with_resource_type(what)
}

fn exists(what: &str, name: &str) -> AwsError {
    AwsError::conflict(format!("{what} with name {name} already exists."))
}

/// Whether a name is taken, also by one that differs in case only, as in AWS.
fn is_taken<T>(table: &BTreeMap<String, T>, name: &str) -> bool {
    table.keys().any(|known| known.eq_ignore_ascii_case(name))
}

fn limit(text: String, name: &str) -> AwsError {
    AwsError::new(ErrorKind::LimitExceeded, text).with_limit_type(name)
}

fn in_use(text: &str) -> AwsError {
    AwsError::conflict(format!("Cannot delete entity, must {text} first."))
}

fn date(at: Millis) -> Value {
    to_iso8601(at.0).into()
}

fn arn(call: &Call<'_>, rest: &str) -> String {
    format!("arn:aws:iam::{}:{rest}", call.state.account_id)
}

/// A page of things by name.
fn page<T>(
    call: &Call<'_>,
    kind: &str,
    items: &BTreeMap<String, Arc<T>>,
    render: impl Fn(&T) -> Value,
) -> Outcome {
    let items = items.iter().map(|(name, it)| (name.as_str(), &**it));
    list::page(call, Service::ApiGatewayV2, kind, items, render)
}

/// A policy in a body: the document itself, or its text.
#[derive(Deserialize, Clone)]
#[serde(transparent)]
struct Document(Value);

impl Document {
    /// Its text, when it is a policy.
    ///
    /// # Errors
    /// `BadRequestException`: the first thing that is wrong with it, and where.
    fn text(&self) -> Result<String, AwsError> {
        let text = match &self.0 {
            Value::String(text) => text.clone(),
            document => document.to_string(),
        };
        let malformed =
            |why: String| AwsError::bad_request(format!("MalformedPolicyDocument: {why}"));
        match Policy::parse(&text, Kind::Identity) {
            Ok(_) => Ok(text),
            Err(error) => Err(malformed(error.to_string())),
        }
    }
}

/// A document that was agreed on, as JSON.
fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Whether what the caller may was decided by the users and permissions that his change is made on. A
/// change in between may have taken it from him, so only the root key goes on then, if it still is
/// one.
async fn still_may(call: &Call<'_>, revision: u64) -> Result<(), AwsError> {
    if call.judged_by == revision {
        return Ok(());
    }
    served(call, revision).await?;
    let known = call.state.identities.load();
    let holder = known.lookup(call.who, call.state.clock.now());
    if holder.is_some_and(|it| it.principal.is_root()) || is_anonymous(call) {
        return Ok(());
    }
    Err(AwsError::conflict(
        "Users or permissions were changed at the same time. Please try again.",
    ))
}

fn is_anonymous(call: &Call<'_>) -> bool {
    matches!(call.access.principal(), Principal::Anonymous(_))
}
